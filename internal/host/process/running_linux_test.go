package process

// running reports whether a process is there and not just a zombie.
func running(pid int) bool {
	s, err := readStat(pid)
	return err == nil && s.alive()
}
