package sandbox

import (
	"fmt"
	"slices"
	"sync"
)

// ChaosMode is something that can be done to a call on purpose.
type ChaosMode string

const (
	ChaosThrottle      ChaosMode = "throttle"        // answer with the service's throttling error; nothing is done
	ChaosError         ChaosMode = "error"           // answer with the error code given; nothing is done
	ChaosSlow          ChaosMode = "slow"            // wait, then answer as usual
	ChaosHang          ChaosMode = "hang"            // never answer; nothing is done
	ChaosDoThenTimeout ChaosMode = "do_then_timeout" // do it, and never answer
	ChaosMalformed     ChaosMode = "malformed"       // do it, and answer with half a body
)

var chaosModes = []ChaosMode{ChaosThrottle, ChaosError, ChaosSlow, ChaosHang, ChaosDoThenTimeout, ChaosMalformed}

// ChaosRule is done to the next calls of an operation.
type ChaosRule struct {
	Operation string    `json:"operation"`         // such as Converse, or * for every one
	Service   string    `json:"service,omitempty"` // such as bedrock-runtime; empty: any
	Mode      ChaosMode `json:"mode"`
	Count     int       `json:"count"`           // how many calls are left; default 1, -1 for all
	MS        int64     `json:"ms,omitempty"`    // slow: how long; hang, do_then_timeout: when to cut the connection, 0 for never
	Error     string    `json:"error,omitempty"` // error: the code, such as ModelErrorException
	Done      int       `json:"done"`            // how many calls it was done to
}

func (r ChaosRule) validate() error {
	switch {
	case r.Operation == "":
		return fmt.Errorf("chaos needs an operation, such as Converse, or *")
	case !slices.Contains(chaosModes, r.Mode):
		return fmt.Errorf("there is no chaos mode %q; there are %v", r.Mode, chaosModes)
	case r.Mode == ChaosError && r.Error == "":
		return fmt.Errorf("chaos mode error needs an error code, such as ModelErrorException")
	case r.Mode == ChaosSlow && r.MS <= 0:
		return fmt.Errorf("chaos mode slow needs ms above 0")
	case r.MS < 0 || r.Count < -1:
		return fmt.Errorf("ms is %d and count %d; neither may be negative, but for count -1", r.MS, r.Count)
	}
	return nil
}

// chaos holds the rules. The first one that fits a call is used.
type chaos struct {
	mu    sync.Mutex
	rules []ChaosRule
}

func newChaos() *chaos { return &chaos{} }

func (c *chaos) add(r ChaosRule) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.Count == 0 {
		r.Count = 1
	}
	r.Done = 0
	c.rules = append(c.rules, r)
}

// take returns the rule for a call and counts it; false where there is none.
func (c *chaos) take(service, operation string) (ChaosRule, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.rules {
		r := &c.rules[i]
		if r.Count == 0 || (r.Operation != operation && r.Operation != "*") || (r.Service != "" && r.Service != service) {
			continue
		}
		if r.Count > 0 {
			r.Count--
		}
		r.Done++
		return *r, true
	}
	return ChaosRule{}, false
}

func (c *chaos) list() []ChaosRule {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]ChaosRule{}, c.rules...)
}

func (c *chaos) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rules = nil
}
