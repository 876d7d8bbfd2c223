package process

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// cgroupRoot is the folder below the host's own cgroup in which every tree gets
// a cgroup. Only version 2 is used, and of it only what needs no controller:
// cgroup.procs to know the members, cgroup.kill to end them in one step.
type cgroupRoot struct{ dir string }

// cgroup is the cgroup of one tree.
type cgroup struct{ dir string }

// newCgroupRoot makes the folder, or says why there can be none: no version 2
// tree, a read-only one (the usual case in a container), or a kernel before 5.14
// without cgroup.kill.
func newCgroupRoot() (*cgroupRoot, error) {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil, err
	}
	base, err := ownCgroupDir(mounts, own)
	if err != nil {
		return nil, err
	}
	return makeCgroupRoot(base)
}

func makeCgroupRoot(base string) (*cgroupRoot, error) {
	removeStale(base)
	dir, err := os.MkdirTemp(base, fmt.Sprintf("lanner-%d-*", os.Getpid()))
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(dir, "cgroup.kill"), os.O_WRONLY, 0)
	if err != nil {
		os.Remove(dir)
		return nil, err
	}
	f.Close()
	return &cgroupRoot{dir: dir}, nil
}

// removeStale removes the folders of hosts that were killed. The kernel refuses
// to remove a cgroup with members.
func removeStale(base string) {
	found, _ := filepath.Glob(filepath.Join(base, "lanner-*-*"))
	for _, dir := range found {
		var pid int
		if _, err := fmt.Sscanf(filepath.Base(dir), "lanner-%d-", &pid); err != nil {
			continue
		}
		if _, err := os.Stat(fmt.Sprintf("/proc/%d", pid)); errors.Is(err, fs.ErrNotExist) {
			removeEmpty(dir)
		}
	}
}

// ownCgroupDir finds the folder of this process's version 2 cgroup from the text
// of /proc/self/mountinfo (proc_pid_mountinfo(5)) and /proc/self/cgroup, where
// version 2 is the line "0::PATH" (cgroups(7)).
func ownCgroupDir(mountinfo, own []byte) (string, error) {
	path := ""
	for line := range strings.Lines(string(own)) {
		if p, ok := strings.CutPrefix(strings.TrimRight(line, "\n"), "0::"); ok {
			path = p
		}
	}
	if !strings.HasPrefix(path, "/") || strings.Contains(path, "/..") {
		return "", errors.New("this process has no version 2 cgroup that it can see")
	}
	sc := bufio.NewScanner(bytes.NewReader(mountinfo))
	for sc.Scan() {
		before, after, ok := strings.Cut(sc.Text(), " - ")
		f := strings.Fields(before)
		if !ok || len(f) < 6 || !strings.HasPrefix(after, "cgroup2 ") {
			continue
		}
		root, mount := unescapeMount(f[3]), unescapeMount(f[4])
		below, ok := strings.CutPrefix(path+"/", strings.TrimSuffix(root, "/")+"/")
		if ok {
			return filepath.Join(mount, below), nil
		}
	}
	return "", errors.New("no version 2 cgroup tree is mounted")
}

// unescapeMount undoes the octal escapes of blank, tab, newline and backslash.
func unescapeMount(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}

// new makes the cgroup of one tree.
func (r *cgroupRoot) new(tag string) (*cgroup, error) {
	c := &cgroup{dir: filepath.Join(r.dir, tag)}
	return c, os.Mkdir(c.dir, 0o755)
}

// open returns the folder's descriptor for CLONE_INTO_CGROUP.
func (c *cgroup) open() (*os.File, error) { return os.Open(c.dir) }

// kill ends all members at once, also those being forked: "Writing '1' to the
// file causes the cgroup and all descendant cgroups to be killed" (the kernel's
// cgroup-v2 document, cgroup.kill). Errors show as members that stay.
func (c *cgroup) kill() {
	_ = os.WriteFile(filepath.Join(c.dir, "cgroup.kill"), []byte("1"), 0)
}

// pids lists the members, those in cgroups that a member made below included.
func (c *cgroup) pids() []int {
	var ids []int
	filepath.WalkDir(c.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return nil
		}
		b, _ := os.ReadFile(filepath.Join(path, "cgroup.procs"))
		for f := range bytes.FieldsSeq(b) {
			if pid, err := strconv.Atoi(string(f)); err == nil && pid > 0 {
				ids = append(ids, pid)
			}
		}
		return nil
	})
	return ids
}

// remove deletes the cgroup of an ended tree. The kernel may call it busy for a
// moment after the last member ended.
func (c *cgroup) remove() error { return removeCgroup(c.dir) }

func (r *cgroupRoot) remove() error { return removeCgroup(r.dir) }

func removeCgroup(dir string) error {
	var err error
	for range 20 {
		if err = removeEmpty(dir); err == nil {
			return nil
		}
		time.Sleep(5 * time.Millisecond)
	}
	return fmt.Errorf("cannot remove cgroup %s: %w", dir, err)
}

// removeEmpty removes a cgroup and those below it, deepest first. Only folders
// can be removed from a cgroup tree, the files go with them.
func removeEmpty(dir string) error {
	var found []string
	filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			found = append(found, path)
		}
		return nil
	})
	for _, path := range slices.Backward(found) {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
