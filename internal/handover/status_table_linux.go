package handover

import (
	"errors"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

const wordSize = 4

// seals fix the size for good. Without them a worker could shrink the file, and
// the host's next look into the table would end the host with SIGBUS.
const seals = unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_SEAL

// memory is what a table keeps of the system. file is nil on the worker's side,
// which does not pass the memory on.
type memory struct {
	file   *os.File
	mapped []byte
}

// Available reports whether the table can be shared with another process.
func (*StatusTable) Available() bool { return true }

// Descriptor returns what to put into [Hello]. It is borrowed from the table,
// and only the host's end has it.
func (t *StatusTable) Descriptor() (*Descriptor, error) {
	if t.file == nil {
		return nil, errors.New("cannot pass on a status table that another process made")
	}
	return Borrow(t.file)
}

// Close gives the memory back. No Slot of this table may be used any more, by
// any goroutine: the memory is gone, and a store into it ends the process.
func (t *StatusTable) Close() error {
	mapped := t.mapped
	t.words, t.mapped = nil, nil
	var fileErr error
	if t.file != nil {
		fileErr = t.file.Close()
		t.file = nil
	}
	if mapped == nil {
		return fileErr
	}
	return errors.Join(os.NewSyscallError("munmap", unix.Munmap(mapped)), fileErr)
}

func newMemory(slots int) ([]uint32, memory, error) {
	fd, err := unix.MemfdCreate("lanner-status", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, memory{}, os.NewSyscallError("memfd_create", err)
	}
	file := os.NewFile(uintptr(fd), "lanner-status")
	words, mapped, err := sealAndMap(fd, slots)
	if err != nil {
		file.Close()
		return nil, memory{}, err
	}
	return words, memory{file: file, mapped: mapped}, nil
}

func sealAndMap(fd, slots int) ([]uint32, []byte, error) {
	if err := unix.Ftruncate(fd, int64(slots)*wordSize); err != nil {
		return nil, nil, os.NewSyscallError("ftruncate", err)
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals); err != nil {
		return nil, nil, os.NewSyscallError("fcntl F_ADD_SEALS", err)
	}
	return mapWords(fd, slots)
}

func openMemory(d *Descriptor) ([]uint32, memory, error) {
	file, err := d.file()
	if err != nil {
		return nil, memory{}, err
	}
	defer file.Close()
	fd := int(file.Fd())
	slots, err := sealedSlots(fd)
	if err != nil {
		return nil, memory{}, err
	}
	words, mapped, err := mapWords(fd, slots)
	return words, memory{mapped: mapped}, err
}

// sealedSlots returns how many slots the memory has room for, for good.
func sealedSlots(fd int) (int, error) {
	has, err := unix.FcntlInt(uintptr(fd), unix.F_GET_SEALS, 0)
	if err != nil {
		return 0, fmt.Errorf("the descriptor is not shared memory: %w", os.NewSyscallError("fcntl F_GET_SEALS", err))
	}
	if has&seals != seals {
		return 0, errors.New("its size is not sealed")
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return 0, os.NewSyscallError("fstat", err)
	}
	if st.Size < 2*wordSize || st.Size > maxSlots*wordSize || st.Size%wordSize != 0 {
		return 0, fmt.Errorf("it has %d bytes, which is no number of slots from 2 to %d", st.Size, maxSlots)
	}
	return int(st.Size / wordSize), nil
}

func mapWords(fd, slots int) ([]uint32, []byte, error) {
	mapped, err := unix.Mmap(fd, 0, slots*wordSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, nil, os.NewSyscallError("mmap", err)
	}
	// A mapping begins on a page, so its words are aligned.
	return unsafe.Slice((*uint32)(unsafe.Pointer(&mapped[0])), slots), mapped, nil
}
