package notify

import (
	"context"
	"time"
)

// Patient changes how long a router waits for a turn, and how it tells attempts.
func (r *Router) Patient(d time.Duration, attempt func(context.Context) int) {
	r.patience = d
	if attempt != nil {
		r.attempt = attempt
	}
}

// At sets a router's clock for schedules.
func (r *Router) At(t time.Time) { r.now = func() time.Time { return t } }

// Remembered is how many notifications a router knows of.
func (r *Router) Remembered() int {
	r.memory.mu.Lock()
	defer r.memory.mu.Unlock()
	return len(r.memory.known)
}

// MaxRemembered is the most of them.
const MaxRemembered = remembered
