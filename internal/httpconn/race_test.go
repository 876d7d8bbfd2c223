//go:build race

package httpconn

const raceBuild = true
