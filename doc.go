// Package lanner carries an http.Handler wherever it is deployed: write the handler once, and where it runs decides which
// server carries it, not its code.
//
//	func main() {
//		http.HandleFunc("/", hello)
//		if err := lanner.Run(http.DefaultServeMux); err != nil {
//			log.Fatal(err)
//		}
//	}
//
// Run by hand, it is served by kestrel at http://localhost:5000, or where --urls or LANNER_URLS say. Started by lanner
// host in-process, it takes the connections of the host's clients with no hop between. Started out-of-process, by that
// host or by IIS, it speaks the ASP.NET Core Module's protocol. On a platform that sets PORT it listens there.
//
// Limits and endpoints come from the file that --config or LANNER_CONFIG names, from variables such as
// Kestrel__Limits__MaxRequestBodySize, and from WithKestrel; --print-config shows what came from where, and SIGHUP reads the
// file again while the program serves.
//
// The contract below all this is package server; the default server is package kestrel.
package lanner
