// Package muxcommon is what an exchange is on a stream of HTTP/2 and on one of HTTP/3 alike: what a response may be and which fields it has
// besides the application's, the account of a body's length, what becomes of a handler's failure, and how often a client may do what is a
// nuisance. Frames, flow control, the compression of fields and locks are the engines' own.
//
// Engines embed Response and Body in theirs, and implement Engine, which is called when something is to be sent or has failed: a response that
// is held back whole and sent well costs no call through an interface.
package muxcommon
