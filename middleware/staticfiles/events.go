package staticfiles

import "time"

// The events of this package. Anybody can ask for a file that causes one, so that there is one a second at most.

func (f *Files) mayWarn() bool {
	now, last := f.elapsed()+1, f.warned.Load() // 0 is never
	return (last == 0 || now-last >= int64(time.Second)) && f.warned.CompareAndSwap(last, now)
}

// logUnreadable, warning: the file system failed, or denies access. Keys: key, the path below the root; error.
func (f *Files) logUnreadable(key string, err error) {
	if f.mayWarn() {
		f.log.Warn("a static file cannot be read", "key", key, "error", err)
	}
}

// logKept, warning: whether a file changed cannot be found out, and what is in memory is served. Keys as above.
func (f *Files) logKept(key string, err error) {
	if f.mayWarn() {
		f.log.Warn("a static file cannot be looked at; it is served as it was", "key", key, "error", err)
	}
}

// logOldVariant, warning: a compressed file is older than what it was made from. Keys: file, both below the root; original.
func (f *Files) logOldVariant(name, original string) {
	if f.mayWarn() {
		f.log.Warn("a compressed file is older than its original and is not used: compress the original again", "file", name, "original", original)
	}
}
