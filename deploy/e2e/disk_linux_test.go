package e2e_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unsafe"
)

// disk is an ext4 file system of its own, in a file, that a test may fill, make
// read-only and cut the power of. That needs root; without, mounted is false,
// dir is a plain directory, and the tests say what they do instead.
type disk struct {
	t       testing.TB
	mounted bool
	image   string
	dir     string
	free    int64 // bytes, when new
}

const ballast = "ballast" // the file that fills a disk

func newDisk(t testing.TB, megabytes int) *disk {
	t.Helper()
	at := t.TempDir()
	d := &disk{t: t, image: filepath.Join(at, "disk.img"), dir: filepath.Join(at, "disk"), mounted: os.Geteuid() == 0}
	if err := os.Mkdir(d.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if !d.mounted {
		t.Log("mounting a disk needs root; this is a plain directory")
		return d
	}
	f, err := os.Create(d.image)
	if err == nil {
		err = errors.Join(f.Truncate(int64(megabytes)<<20), f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	d.run("mkfs.ext4", "-q", "-F", "-m", "0", d.image) // nothing is kept back for root
	d.mount()
	t.Cleanup(d.unmount)
	d.free = d.room()
	return d
}

func (d *disk) run(name string, args ...string) {
	d.t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		d.t.Fatalf("%s %v: %v: %s", name, args, err, out)
	}
}

func (d *disk) mount() { d.t.Helper(); d.run("mount", "-o", "loop,errors=remount-ro", d.image, d.dir) }

func (d *disk) unmount() { d.t.Helper(); d.run("umount", d.dir) }

// room is how many bytes are free.
func (d *disk) room() int64 {
	d.t.Helper()
	var s syscall.Statfs_t
	if err := syscall.Statfs(d.dir, &s); err != nil {
		d.t.Fatal(err)
	}
	return int64(s.Bavail) * s.Bsize
}

// fill leaves not a block free.
func (d *disk) fill() {
	d.t.Helper()
	f, err := os.OpenFile(filepath.Join(d.dir, ballast), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size >= 512; {
		if _, err := f.Write(make([]byte, size)); errors.Is(err, syscall.ENOSPC) {
			size /= 2
		} else if err != nil {
			d.t.Fatal(err)
		}
	}
	if err := f.Sync(); err != nil {
		d.t.Fatal(err)
	}
}

// clear makes room again.
func (d *disk) clear() {
	d.t.Helper()
	if err := os.Remove(filepath.Join(d.dir, ballast)); err != nil {
		d.t.Fatal(err)
	}
}

// shutdownNow is FS_IOC_SHUTDOWN of linux/fs.h with EXT4_GOING_FLAGS_NOLOGFLUSH:
// from here on nothing reaches the disk, neither what waits in memory nor the journal.
const shutdownNow, withoutFlush = 0x8004587d, 2

// cut takes the power away: what was not synced is gone. Whoever has a file
// open there gets errors until the disk is back.
func (d *disk) cut() {
	d.t.Helper()
	if !d.mounted {
		return
	}
	f, err := os.Open(d.dir)
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	flags := uint32(withoutFlush)
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), shutdownNow, uintptr(unsafe.Pointer(&flags))); errno != 0 {
		d.t.Fatalf("shut down the file system at %s: %v", d.dir, errno)
	}
}

// back gives a disk its power again, once nobody has a file open there: the
// file system repairs itself from what reached the disk.
func (d *disk) back() {
	d.t.Helper()
	if d.mounted {
		d.unmount()
		d.mount()
	}
}

// canary writes a file and does not sync it, so that a test can tell whether
// the power was really cut.
func (d *disk) canary(n int) (path string) {
	d.t.Helper()
	path = filepath.Join(d.dir, fmt.Sprint("canary-", n))
	if err := os.WriteFile(path, []byte("not synced"), 0o600); err != nil {
		d.t.Fatal(err)
	}
	return path
}

// fillFor fills the disk. Where it is no disk of its own, process pid can let
// no file grow over what the largest is already, which it is told as if the
// disk refused.
func (d *disk) fillFor(pid int) func() {
	if d.mounted {
		return d.fill
	}
	return func() {
		d.t.Helper()
		largest := int64(0)
		files, err := os.ReadDir(d.dir)
		if err != nil {
			d.t.Fatal(err)
		}
		for _, f := range files {
			if info, err := f.Info(); err == nil {
				largest = max(largest, info.Size())
			}
		}
		d.run("prlimit", "--pid", fmt.Sprint(pid), fmt.Sprintf("--fsize=%d:unlimited", largest))
	}
}

// clearFor makes room again.
func (d *disk) clearFor(pid int) func() {
	if d.mounted {
		return d.clear
	}
	return func() { d.t.Helper(); d.run("prlimit", "--pid", fmt.Sprint(pid), "--fsize=unlimited:unlimited") }
}

// fail has the file system find an error in itself, after which nothing can be
// written until it is mounted anew.
func (d *disk) fail() {
	d.t.Helper()
	out, err := exec.Command("findmnt", "--noheadings", "--output", "SOURCE", d.dir).Output()
	if err != nil {
		d.t.Fatal(err)
	}
	device := filepath.Base(strings.TrimSpace(string(out)))
	if err := os.WriteFile("/sys/fs/ext4/"+device+"/trigger_fs_error", []byte("1"), 0o200); err != nil {
		d.t.Fatal(err)
	}
}
