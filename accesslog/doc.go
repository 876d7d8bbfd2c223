// Package accesslog writes one line for each HTTP exchange, also for requests that were rejected and for connections that
// broke before an answer.
//
// An [Entry] is what is known of an exchange. A [Format] makes a line of it: JSON, the Common Log Format, Combined, or the
// W3C extended log file format. Whatever a client sends, a line has one line end and the format's number of fields: nothing
// in an entry can forge a line or shift a field. A [Log] takes entries from many goroutines and writes the lines in batches,
// on a goroutine of its own, so that no request waits for a disk.
//
// The formats are described for operators in docs/reference/access-log.md, the Log's loop in DESIGN.md.
package accesslog
