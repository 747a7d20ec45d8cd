package processes

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// outputDelay is how long Wait goes on reading after a process has ended, where
// a child of its own still holds its output open.
const outputDelay = time.Second

// Spec says how a process is started.
type Spec struct {
	Name string
	Path string
	Args []string
	Env  []string // added to this process's own environment
}

// Process is a child that was started.
type Process struct {
	Spec Spec
	cmd  *exec.Cmd
	done chan struct{}
	err  error // valid after done is closed
}

// Start starts a process whose output goes to out.
func Start(spec Spec, out io.Writer) (*Process, error) {
	cmd := exec.Command(spec.Path, spec.Args...)
	cmd.Env = append(os.Environ(), spec.Env...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = attributes()
	cmd.WaitDelay = outputDelay
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w; is it built?", spec.Name, err)
	}
	p := &Process{Spec: spec, cmd: cmd, done: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// PID is the process's id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err says how the process ended; nil while it runs and when it ended well.
func (p *Process) Err() error {
	select {
	case <-p.done:
		return p.err
	default:
		return nil
	}
}

// Signal sends sig, such as syscall.SIGSTOP. A process that has ended is an error.
func (p *Process) Signal(sig os.Signal) error {
	if err := p.cmd.Process.Signal(sig); err != nil {
		return fmt.Errorf("send %v to %s (%d): %w", sig, p.Spec.Name, p.PID(), err)
	}
	return nil
}

// Kill ends the process as a crash would, and waits until it is gone.
func (p *Process) Kill() error {
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kill %s (%d): %w", p.Spec.Name, p.PID(), err)
	}
	<-p.done
	return nil
}

// Stop asks the process to end, and kills it when ctx ends first.
func (p *Process) Stop(ctx context.Context) error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); errors.Is(err, os.ErrProcessDone) {
		<-p.done
		return nil
	} else if err != nil {
		return fmt.Errorf("stop %s (%d): %w", p.Spec.Name, p.PID(), err)
	}
	select {
	case <-p.done:
		if p.err != nil && !strings.Contains(p.err.Error(), "signal: terminated") {
			return fmt.Errorf("stop %s (%d): %w", p.Spec.Name, p.PID(), p.err)
		}
		return nil
	case <-ctx.Done():
		return errors.Join(fmt.Errorf("%s (%d) did not stop in time and was killed: %w", p.Spec.Name, p.PID(), ctx.Err()), p.Kill())
	}
}
