//go:build !unix

package staticfiles

import (
	"os"
	"syscall"
)

const openFlags = os.O_RDONLY

// On Windows: ERROR_INVALID_NAME, ERROR_DIRECTORY, ERROR_FILENAME_EXCED_RANGE, ERROR_BAD_PATHNAME. ENOTDIR is what package os makes up.
var absentErrors = []syscall.Errno{123, 267, 206, 161, syscall.ENOTDIR}
