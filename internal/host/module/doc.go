// Package module is the out-of-process half of the ASP.NET Core Module, for any
// program in any language: it starts the program as a process of its own on a
// loopback port, tells it by environment variables where to listen and under
// which path, waits until it does, and stops it by the module's shutdown message
// or a signal.
//
// [Start] does all of it; [Environment], [Ports], [WaitReady], [Probe] and
// [Shutdown] are its parts. [ReadWebConfig] takes the settings of an application
// published for IIS from its web.config. The protocol as seen from the other side
// is in middleware/iisintegration, the requests themselves are forwarded by the
// forwarder. DESIGN.md says what differs from the original, and why.
package module
