//go:build !race

package accesslog

const raceBuild = false
