//go:build race

package http2

const raceBuild = true
