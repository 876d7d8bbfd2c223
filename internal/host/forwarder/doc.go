// Package forwarder passes requests on to a program that listens on a loopback port: the out-of-process half of the
// ASP.NET Core Module, over pooled HTTP/1.1 connections, streaming both ways.
//
// A [Forwarder] is one per host, an [Upstream] is one worker. [Upstream.Forward] is the body of a server.Application: it
// works on the features of any server. It knows neither processes nor configuration: the caller chooses the worker, and
// chooses again when the error says that this is safe.
//
// Follow one request: forwarder.go, upstream.go (a worker), exchange.go (one request to it), requesthead.go and upload.go
// (the way there), responsehead.go, framing.go and response.go (the way back), tunnel.go (after a 101). DESIGN.md has the
// states, who owns what, the failure matrix and the rules of retrying.
package forwarder
