// Package jsonc reads JSON as configuration files have it: with comments, with a comma behind the last value, with a byte
// order mark. It keeps where everything stands, so that a mistake can be shown with its line and column.
package jsonc
