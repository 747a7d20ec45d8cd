package processes

import "syscall"

// attributes put a child into a process group of its own, so that Ctrl-C in a
// terminal reaches only the parent, and let the kernel kill it with its parent.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
