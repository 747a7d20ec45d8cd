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

// Alarm is the one alarm of the world.
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

// alarmThreshold is milliseconds of p95 latency: more than twice the normal
// of checkout, and a third of what each fault brings it to.
const (
	alarmThreshold = 300
	alarmPeriods   = 3
)

func newAlarm(now time.Time) Alarm {
	name := "checkout-latency-high"
	return Alarm{
		Name: name, ARN: fmt.Sprintf("arn:aws:cloudwatch:%s:%s:alarm:%s", Region, Account, name),
		Description: fmt.Sprintf("The 95th percentile of checkout's latency is above %d ms", alarmThreshold),
		Service:     Checkout, Metric: MetricLatency, Threshold: alarmThreshold, Periods: alarmPeriods,
		State: AlarmOK, Reason: "Unchecked: the world has just begun", Since: now,
	}
}

// judgeAlarm evaluates the alarm as CloudWatch does with "3 out of 3": ALARM
// while the latest three points are all above the threshold, otherwise OK.
func (w *World) judgeAlarm() {
	r := w.samples[w.alarm.Service]
	if r.len() < w.alarm.Periods {
		return
	}
	above := 0
	var worst float64
	for i := r.len() - w.alarm.Periods; i < r.len(); i++ {
		if v := r.at(i).Value(w.alarm.Metric); v > w.alarm.Threshold {
			above++
			worst = max(worst, v)
		}
	}
	state, reason := AlarmOK, fmt.Sprintf("Threshold Crossed: %d of %d datapoints were not greater than the threshold (%.1f).",
		w.alarm.Periods-above, w.alarm.Periods, w.alarm.Threshold)
	if above == w.alarm.Periods {
		state, reason = AlarmAlarm, fmt.Sprintf("Threshold Crossed: %d out of the last %d datapoints [%.1f (%s)] were greater than the threshold (%.1f).",
			above, w.alarm.Periods, worst, w.at(w.tick).Format("02/01/06 15:04:05"), w.alarm.Threshold)
	}
	if state == w.alarm.State {
		return
	}
	old := w.alarm.State
	w.alarm.State, w.alarm.Reason, w.alarm.Since = state, reason, w.at(w.tick)
	w.unclaimed = append(w.unclaimed, Transition{Alarm: w.alarm, Old: old, Period: w.cfg.Tick})
}

// Transitions returns the changes of the alarm since the last call, oldest
// first. Each is handed out once.
func (w *World) Transitions() []Transition {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := w.unclaimed
	w.unclaimed = nil
	return out
}
