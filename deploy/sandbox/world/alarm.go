package world

import (
	"fmt"
	"time"
)

// AlarmState is what a CloudWatch alarm may be.
type AlarmState string

const (
	AlarmOK    AlarmState = "OK"
	AlarmAlarm AlarmState = "ALARM"
)

// Alarm is an alarm of the world: the latency of one service, always, and the
// CPU of a database while a false alarm about it lasts.
type Alarm struct {
	Name        string     `json:"name"`
	ARN         string     `json:"arn"`
	Description string     `json:"description"`
	Service     string     `json:"service"`
	Metric      Metric     `json:"metric"`
	Threshold   float64    `json:"threshold"`
	Periods     int        `json:"periods"`
	State       AlarmState `json:"state"`
	Reason      string     `json:"reason"`
	Since       time.Time  `json:"since"`
}

// Transition is a change of the alarm's state, as it was right after.
type Transition struct {
	Alarm
	Old    AlarmState
	Period time.Duration
}

// alarmPeriods is how many points in a row an alarm looks at.
const alarmPeriods = 3

// newAlarm watches the latency of the service that users feel most: its
// threshold is more than twice the normal, and no more than what a fault adds.
func newAlarm(t *topology, now time.Time) Alarm {
	return Alarm{
		Name: t.watched + "-latency-high", ARN: alarmARN(t.watched + "-latency-high"),
		Description: fmt.Sprintf("The 95th percentile of %s's latency is above %.0f ms", t.watched, t.threshold),
		Service:     t.watched, Metric: MetricLatency, Threshold: t.threshold, Periods: alarmPeriods,
		State: AlarmOK, Reason: "Unchecked: the world has just begun", Since: now,
	}
}

// newCPUAlarm is one that somebody set too low, on a database whose jobs may
// well use what is idle otherwise. There is one as long as it is wrong.
func newCPUAlarm(database string, now time.Time) Alarm {
	const threshold = 70
	return Alarm{
		Name: database + "-cpu-high", ARN: alarmARN(database + "-cpu-high"),
		Description: fmt.Sprintf("The CPU of %s is above %d %%", database, threshold),
		Service:     database, Metric: MetricCPU, Threshold: threshold, Periods: alarmPeriods,
		State: AlarmOK, Reason: "Unchecked: the alarm has just been made", Since: now,
	}
}

func alarmARN(name string) string {
	return fmt.Sprintf("arn:aws:cloudwatch:%s:%s:alarm:%s", Region, Account, name)
}

// loudest is the alarm that is raised, or else the one that is always there.
func (w *World) loudest() Alarm {
	for _, a := range w.alarms {
		if a.State == AlarmAlarm {
			return a
		}
	}
	return w.alarms[0]
}

// judgeAlarms evaluates every alarm, and takes away those of false alarms
// that are over.
func (w *World) judgeAlarms() {
	kept := w.alarms[:0]
	for i, a := range w.alarms {
		w.judge(&a)
		if i == 0 || a.State == AlarmAlarm || len(w.ailments) > 0 {
			kept = append(kept, a)
		}
	}
	w.alarms = kept
}

// judge evaluates an alarm as CloudWatch does with "3 out of 3": ALARM while
// the latest three points are all above the threshold, otherwise OK.
func (w *World) judge(a *Alarm) {
	r := w.samples[a.Service]
	if r.len() < a.Periods {
		return
	}
	above := 0
	var worst float64
	for i := r.len() - a.Periods; i < r.len(); i++ {
		if v := r.at(i).Value(a.Metric); v > a.Threshold {
			above++
			worst = max(worst, v)
		}
	}
	state, reason := AlarmOK, fmt.Sprintf("Threshold Crossed: %d of %d datapoints were not greater than the threshold (%.1f).",
		a.Periods-above, a.Periods, a.Threshold)
	if above == a.Periods {
		state, reason = AlarmAlarm, fmt.Sprintf("Threshold Crossed: %d out of the last %d datapoints [%.1f (%s)] were greater than the threshold (%.1f).",
			above, a.Periods, worst, w.at(w.tick).Format("02/01/06 15:04:05"), a.Threshold)
	}
	if state == a.State {
		return
	}
	old := a.State
	a.State, a.Reason, a.Since = state, reason, w.at(w.tick)
	w.unclaimed = append(w.unclaimed, Transition{Alarm: *a, Old: old, Period: w.cfg.Tick})
}

// Transitions returns the changes of alarms since the last call, oldest
// first. Each is handed out once.
func (w *World) Transitions() []Transition {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := w.unclaimed
	w.unclaimed = nil
	return out
}
