// Package scaffold is "lanner new": it writes a small complete application from a template that is part of this program.
//
// A template is a folder below templates; the folder common belongs to all of them. A file whose name ends in .tmpl is run
// through text/template with [data] and loses the ending, all others are copied; NAME in a file name becomes the name of
// the application. To add a template, add a folder and an entry in [Templates].
package scaffold
