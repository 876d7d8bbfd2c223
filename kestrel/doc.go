// Package kestrel is Lanner's default server: HTTP on any system, fit to face the Internet alone or behind a proxy.
//
//	srv := kestrel.New(kestrel.Options{Endpoints: []kestrel.Endpoint{{URL: "http://127.0.0.1:8080"}}})
//	if err := srv.Start(ctx, server.HTTP(handler)); err != nil { ... }
//	defer srv.Stop(shutdownCtx)
//
// Options also come from a file and from variables (ParseOptions, Options.BindEnvironment, Configuration), and endpoints and
// limits change while a server serves (Server.AddEndpoint, RemoveEndpoint, Reload).
//
// Defaults, limits, status codes and names are those of ASP.NET Core's Kestrel; where Lanner is stricter, a field of
// Options.Compat names the difference.
package kestrel
