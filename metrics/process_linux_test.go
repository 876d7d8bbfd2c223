package metrics

import (
	"os"
	"strconv"
	"testing"
)

func TestAFolderWithManyFilesIsCountedInSteps(t *testing.T) {
	const files = 1100
	folder := t.TempDir()
	for i := range files {
		if err := os.WriteFile(folder+"/"+strconv.Itoa(i), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if n, ok := countFiles(folder); !ok || n != files-1 { // less one, which in /proc/self/fd is the open folder
		t.Errorf("%v files, want %d", n, files-1)
	}
	if _, ok := countFiles(folder + "/none"); ok {
		t.Error("a folder that does not exist was counted")
	}
}

func TestOldAndNewKernelsCountTheSame(t *testing.T) {
	countFiles("/proc/self/fd") // the first file that is opened brings Go's poller with it
	fast, _ := openFiles()
	if slow, ok := countFiles("/proc/self/fd"); !ok || slow != fast {
		t.Errorf("%v open files by the size of the folder, %v by its entries", fast, slow)
	}
}
