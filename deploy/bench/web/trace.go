package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

const (
	longTask = 50 * time.Millisecond // as browsers themselves call it
	anyWork  = time.Millisecond      // most tasks take microseconds, and nobody waits for them
)

// traceEvent is what is read of an event in Chromium's trace format; times are
// in microseconds.
type traceEvent struct {
	Name  string  `json:"name"`
	Phase string  `json:"ph"`
	PID   int64   `json:"pid"`
	TID   int64   `json:"tid"`
	At    float64 `json:"ts"`
	Took  float64 `json:"dur"`
	CPU   float64 `json:"tdur"` // of the thread
	Args  struct {
		Name string `json:"name"`
	} `json:"args"`
}

// thread is a thread of one of Chromium's processes.
type thread struct{ pid, tid int64 }

// tasks is how long each task of the page's main thread took, and how often
// the page could not keep up with the screen.
type tasks struct {
	durations []time.Duration
	cpu       []time.Duration // of the same tasks, what they kept a processor busy
	dropped   int             // frames
	drawn     int
}

// part is a piece of a trace.
type part struct {
	events []traceEvent
}

func readTrace(raw []byte) (part, error) {
	var file struct {
		TraceEvents []traceEvent `json:"traceEvents"`
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		return part{}, fmt.Errorf("read what Chromium traced: %w", err)
	}
	slices.SortStableFunc(file.TraceEvents, func(a, b traceEvent) int { return int(a.At - b.At) })
	return part{file.TraceEvents}, nil
}

// firstPaint is when something was first painted, and the main thread of the
// page where it was.
func (p part) firstPaint() (thread, float64, error) {
	for _, e := range p.events {
		if e.Name == "firstContentfulPaint" {
			return thread{e.PID, e.TID}, e.At, nil
		}
	}
	return thread{}, 0, errors.New("nothing was painted while the page was traced")
}

// add adds the tasks of a thread that began at or after from. A task that runs
// within another is part of that one.
func (t *tasks) add(p part, main thread, from float64) {
	end := from
	for _, e := range p.events {
		switch {
		case e.PID != main.pid || e.At < from:
		case e.Name == "DroppedFrame":
			t.dropped++
		case e.Name == "DrawFrame":
			t.drawn++
		case e.Name == "RunTask" && e.Phase == "X" && e.TID == main.tid && e.At >= end:
			t.durations = append(t.durations, time.Duration(e.Took*float64(time.Microsecond)))
			t.cpu = append(t.cpu, time.Duration(e.CPU*float64(time.Microsecond)))
			end = e.At + e.Took
		}
	}
}

// at is the duration at or below which share q of a sample lies, in
// milliseconds.
func at(sample []time.Duration, q float64) float64 {
	if len(sample) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(sample))
	return ms(s[min(int(q*float64(len(s))), len(s)-1)])
}

// over are the durations that are longer than d.
func over(sample []time.Duration, d time.Duration) (out []time.Duration) {
	for _, took := range sample {
		if took > d {
			out = append(out, took)
		}
	}
	return out
}

// busy is how long the thread kept a processor busy in all.
func (t *tasks) busy() (sum time.Duration) {
	for _, d := range t.cpu {
		sum += d
	}
	return sum
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
