//go:build unix

package process

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func line(text string) Line {
	return Line{
		Time:    time.Date(2026, 10, 6, 0, 17, 9, 669794202, time.UTC),
		Process: "shop/3", PID: 42, Stream: Stdout, Text: text,
	}
}

func texts(lines []Line) []string {
	var all []string
	for _, l := range lines {
		all = append(all, l.Text)
	}
	return all
}

func TestTailKeepsTheLastLinesWithinItsSize(t *testing.T) {
	o := NewOutput(OutputOptions{Keep: 10 * (lineCost + 4)})
	for i := range 1000 {
		o.Write([]Line{line(fmt.Sprintf("%04d", i))})
	}
	got := texts(o.Tail())
	if len(got) != 10 || got[0] != "0990" || got[9] != "0999" {
		t.Errorf("ten lines fit, the last ones: %v", got)
	}
	if cap(o.ring.all) > 64 {
		t.Errorf("the memory behind it stays small: %d entries", cap(o.ring.all))
	}
}

func TestTailKeepsTheEndOfALineThatIsTooLong(t *testing.T) {
	o := NewOutput(OutputOptions{Keep: lineCost + 3})
	o.Write([]Line{line("before"), line("abcdef")})
	if d := cmp.Diff([]string{"def"}, texts(o.Tail())); d != "" {
		t.Errorf("tail (-want +got):\n%s", d)
	}
}

func TestNegativeKeepRemembersNothing(t *testing.T) {
	o := NewOutput(OutputOptions{Keep: -1})
	o.Write([]Line{line("a")})
	if got := o.Tail(); len(got) != 0 {
		t.Errorf("output redirection is off for failure pages: %v", got)
	}
}

func TestFollowerGetsPastThenPresentWithoutGap(t *testing.T) {
	o := NewOutput(OutputOptions{})
	o.Write([]Line{line("1"), line("2")})
	f := o.Follow()
	o.Write([]Line{line("3")})
	o.Close()
	o.Write([]Line{line("4")})
	var got []string
	for l := range f.Lines() {
		got = append(got, l.Text)
	}
	if d := cmp.Diff([]string{"1", "2", "3"}, got); d != "" {
		t.Errorf("followed (-want +got):\n%s", d)
	}
	f.Close()
	late := o.Follow()
	if l := <-late.Lines(); l.Text != "1" {
		t.Errorf("after Close a follower still gets the past: %v", l)
	}
	late.Close()
}

func TestSlowFollowerLosesLinesAndHoldsNobodyUp(t *testing.T) {
	o := NewOutput(OutputOptions{})
	f := o.Follow()
	defer f.Close()
	for range followQueue + 7 {
		o.Write([]Line{line("x")})
	}
	if f.Dropped() != 7 {
		t.Errorf("%d lines dropped, want 7: the queue holds %d", f.Dropped(), followQueue)
	}
}

func TestSplitterFindsLinesInAnyPieces(t *testing.T) {
	long := strings.Repeat("a", MaxLine)
	cases := []struct {
		why, in string
		want    []string // "+" marks a partial one
	}{
		{"lines", "a\nb\n", []string{"a", "b"}},
		{"CR LF", "a\r\n\r\nb\rc\r\n", []string{"a", "", "b\rc"}},
		{"no end", "a\nb", []string{"a", "b"}},
		{"nothing", "", nil},
		{"exactly the limit", long + "\nb\n", []string{long, "b"}},
		{"one more than the limit", long + "b\nc\n", []string{long + "+", "b", "c"}},
		{"twice the limit, no end", long + long, []string{long + "+", long}},
		{"no cut within a character", long[1:] + "ü\nb\n", []string{long[1:] + "+", "ü", "b"}},
		{"bytes that are no text are cut anywhere", long[3:] + "\x80\x80\x80\x80\n", []string{long[3:] + "\x80\x80\x80+", "\x80"}},
	}
	for _, c := range cases {
		for _, size := range []int{1, 3, 1000, 32 << 10, len(c.in) + 1} {
			if size == 1 && len(c.in) > MaxLine*3/2 {
				continue
			}
			var got []string
			s := splitter{emit: func(text string, partial bool) {
				if partial {
					text += "+"
				}
				got = append(got, text)
			}}
			for in := []byte(c.in); len(in) > 0; in = in[min(size, len(in)):] {
				s.feed(in[:min(size, len(in))])
			}
			s.close()
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("%s, fed %d bytes at a time: %d lines, want %d", c.why, size, len(got), len(c.want))
			}
		}
	}
}

func FuzzSplitterLosesNothing(f *testing.F) {
	f.Add([]byte("a\nb\r\nc"), 2)
	f.Add([]byte("\n\n\xff\xfe"), 1)
	f.Fuzz(func(t *testing.T, in []byte, size int) {
		var got strings.Builder
		s := splitter{emit: func(text string, partial bool) {
			if len(text) > MaxLine {
				t.Fatalf("a line of %d bytes", len(text))
			}
			got.WriteString(text)
			if !partial {
				got.WriteByte('\n')
			}
		}}
		size = max(1, size%4096)
		for rest := in; len(rest) > 0; rest = rest[min(size, len(rest)):] {
			s.feed(rest[:min(size, len(rest))])
		}
		s.close()
		want := string(in)
		if want != "" && !strings.HasSuffix(want, "\n") {
			want += "\n"
		}
		if want = strings.ReplaceAll(want, "\r\n", "\n"); want != got.String() {
			t.Errorf("in %q, out %q", in, got.String())
		}
	})
}

func TestRecordIsOneLineInTheContainerRuntimesFormat(t *testing.T) {
	l := line("hello world")
	got := string(appendRecord(nil, l))
	if want := "2026-10-06T00:17:09.669794202Z stdout F:shop/3 hello world\n"; got != want {
		t.Errorf("full record %q, want %q", got, want)
	}
	l.Partial, l.Process, l.Stream = true, "a b\n", Stderr
	got = string(appendRecord(nil, l))
	if want := "2026-10-06T00:17:09.669794202Z stderr P:a_b_ hello world\n"; got != want {
		t.Errorf("a name stays one word: %q, want %q", got, want)
	}
}

func TestFileRotatesBetweenRecords(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sub", "app.log")
	record := int64(len(appendRecord(nil, line("0000"))))
	f := NewFile(FileOptions{Path: path, MaxSize: 3 * record, MaxFiles: 3})
	var batch []Line
	for i := range 11 {
		batch = append(batch, line(fmt.Sprintf("%04d", i)))
	}
	f.WriteLines(batch[:2])
	f.WriteLines(batch[2:])
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{
		path:        {"0009", "0010"},
		path + ".1": {"0006", "0007", "0008"},
		path + ".2": {"0003", "0004", "0005"},
	}
	for name, lines := range want {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for l := range strings.Lines(string(b)) {
			got = append(got, strings.TrimSpace(l[strings.LastIndexByte(l, ' ')+1:]))
		}
		if d := cmp.Diff(lines, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", filepath.Base(name), d)
		}
		if st, _ := os.Stat(name); st.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v: logs are private", filepath.Base(name), st.Mode())
		}
	}
	if _, err := os.Stat(path + ".3"); err == nil {
		t.Error("there are three files at most")
	}
}

func TestFileOfOneRotatesByStartingAnew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	f := NewFile(FileOptions{Path: path, MaxSize: 1, MaxFiles: 1, Mode: 0o640})
	f.WriteLines([]Line{line("1"), line("2")})
	f.Close()
	b, _ := os.ReadFile(path)
	if !strings.HasSuffix(string(b), " 2\n") || strings.Contains(string(b), " 1\n") {
		t.Errorf("a record larger than the limit has a file of its own: %q", b)
	}
}

func TestSilentProgramLeavesNoFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	f := NewFile(FileOptions{Path: path})
	f.Close()
	if _, err := os.Stat(path); err == nil {
		t.Error("no line, no file")
	}
}

func TestFileIsReopenedAfterItWasMovedAway(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	f := NewFile(FileOptions{Path: path})
	f.WriteLines([]Line{line("old")})
	if err := os.Rename(path, path+".moved"); err != nil {
		t.Fatal(err)
	}
	f.Reopen()
	f.WriteLines([]Line{line("new")})
	f.Close()
	b, _ := os.ReadFile(path)
	if !strings.HasSuffix(string(b), " new\n") || strings.Count(string(b), "\n") != 1 {
		t.Errorf("after Reopen the path is written to: %q", b)
	}
}

func TestUnusableFileIsReportedOnceAndTriedAgain(t *testing.T) {
	dir := t.TempDir()
	blocker := filepath.Join(dir, "logs")
	if err := os.WriteFile(blocker, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var reports []error
	f := NewFile(FileOptions{
		Path:   filepath.Join(blocker, "app.log"),
		Report: func(err error) { reports = append(reports, err) },
	})
	now := time.Unix(1000, 0)
	f.now = func() time.Time { return now }
	for range 3 {
		f.WriteLines([]Line{line("lost")})
	}
	now = now.Add(fileRetry)
	f.WriteLines([]Line{line("lost")})
	if len(reports) != 1 || !strings.Contains(reports[0].Error(), blocker) {
		t.Errorf("one report that names the path: %v", reports)
	}
	if f.Err() == nil || f.Lost() != 4 {
		t.Errorf("error %v, %d lines lost, want 4", f.Err(), f.Lost())
	}
	os.Remove(blocker)
	f.WriteLines([]Line{line("lost")})
	now = now.Add(fileRetry)
	f.WriteLines([]Line{line("kept")})
	if len(reports) != 2 || reports[1] != nil || f.Err() != nil || f.Lost() != 5 {
		t.Errorf("it recovers by itself and says so: %v, %v, %d lost", reports, f.Err(), f.Lost())
	}
	f.Close()
	f.WriteLines([]Line{line("late")})
	if f.Lost() != 6 {
		t.Error("lines after Close are counted as lost")
	}
}

func TestFileThatCannotBePutAsideGrowsOn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	if err := os.MkdirAll(path+".1/full", 0o700); err != nil { // in the way of the rename
		t.Fatal(err)
	}
	var reports []error
	record := int64(len(appendRecord(nil, line("0"))))
	f := NewFile(FileOptions{Path: path, MaxSize: record, MaxFiles: 2, Report: func(err error) { reports = append(reports, err) }})
	for range 4 {
		f.WriteLines([]Line{line("0")})
	}
	f.Close()
	b, _ := os.ReadFile(path)
	if got := strings.Count(string(b), "\n"); got != 4 {
		t.Errorf("%d records, want 4: nothing is lost", got)
	}
	if len(reports) == 0 || f.Err() != nil {
		t.Errorf("it is reported, and does not count as an error of writing: %v, %v", reports, f.Err())
	}
}

func TestFileIsNeverALink(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink(filepath.Join(dir, "victim"), filepath.Join(dir, "app.log")); err != nil {
		t.Skip(err)
	}
	f := NewFile(FileOptions{Path: filepath.Join(dir, "app.log")})
	f.WriteLines([]Line{line("x")})
	f.Close()
	if _, err := os.Stat(filepath.Join(dir, "victim")); err == nil || f.Err() == nil {
		t.Errorf("a program must not choose what the host writes to: %v", f.Err())
	}
}

// fullFileProgram writes records into a file that may not grow beyond 200 bytes.
func fullFileProgram(path string) {
	limitFileSize(200)
	f := NewFile(FileOptions{Path: path})
	for range 5 {
		f.WriteLines([]Line{line("record")})
	}
	fmt.Println("lost", f.Lost(), "error", f.Err())
}

func TestFullDiskLeavesWholeRecords(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	cmd := exec.Command(ownPath(), path)
	cmd.Env = append(os.Environ(), programVariable+"=fullfile")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	b, _ := os.ReadFile(path)
	record := string(appendRecord(nil, line("record")))
	if want := strings.Repeat(record, 200/len(record)); string(b) != want {
		t.Errorf("half a record was left: %q", b)
	}
	if !strings.Contains(string(out), "lost 2") {
		t.Errorf("what does not fit is counted: %s", out)
	}
}
