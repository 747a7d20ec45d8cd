// Package processes knows how Vigil runs as separate processes on one machine:
// which binaries with which flags (Layout), when each can be used (Ready), and
// how to start, kill and stop one (Process). Development's --split mode and
// the end-to-end tests share it. It links none of the servers.
//
// A Process owns its child: every child that was started is waited for, and is
// killed when the process that started it ends (on Linux by the kernel). All
// methods are safe for concurrent use.
package processes
