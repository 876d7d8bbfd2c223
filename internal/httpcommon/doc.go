// Package httpcommon holds what every protocol engine of Lanner needs and none owns: header fields and the rules for
// them, character classes, status texts, dates, and the errors with which an engine refuses a request.
//
// It knows no sockets and no engine; the engines import it, never each other.
package httpcommon
