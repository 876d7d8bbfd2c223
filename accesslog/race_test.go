//go:build race

package accesslog

const raceBuild = true
