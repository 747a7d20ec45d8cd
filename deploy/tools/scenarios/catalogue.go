package main

import (
	"fmt"
	"regexp"

	"vigil/deploy/sandbox/world"
)

// plan is a scenario before it is recorded: what goes wrong, and what the people
// do whom the incident asks.
type plan struct {
	Name        string // of the file
	Title       string
	Description string

	Fault    world.Fault
	Stubborn int // how many kinds of right remedies do nothing

	// Alone lets Vigil act by itself on what is of low risk (see policy); otherwise
	// people decide on everything.
	Alone bool
	// Instead is the option (name:target) that a person puts forward in place of
	// what Vigil proposes first, and another person approves. Empty: what is
	// proposed is approved.
	Instead string
	// Resolution is what a person says who resolves what Vigil handed over.
	Resolution string

	opens *opening // no fault: an incident that is opened by hand, on real AWS
}

var validName = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`).MatchString

// source says in words what a recording is made from.
func (p plan) source() string {
	switch {
	case p.opens != nil:
		return "an incident opened by hand, about what the worker is configured to look at"
	case p.Stubborn > 0:
		return fmt.Sprintf("the fault %s in the shop of the AWS sandbox, against which the first kind of remedy does nothing", p.Fault)
	case p.Fault.FalseAlarm():
		return fmt.Sprintf("the false alarm %s in the shop of the AWS sandbox", p.Fault)
	}
	return fmt.Sprintf("the fault %s in the shop of the AWS sandbox", p.Fault)
}

// catalogue is what ships with Vigil. The sandbox knows no intruder, so there
// is no security breach; the nearest is a change of configuration that nobody
// announced, and it is called what it is.
var catalogue = []plan{
	{
		Name: "database-cascade", Title: "A database out of connections takes the shop with it", Fault: world.FaultConnectionsExhausted,
		Description: "Callers hold their connections to the orders database until none is left. Orders, payments and the checkout wait for it, one after the other. A person approves what Vigil proposes.",
		Resolution:  "The callers' pools were reset by hand; connections are back to normal.",
	},
	{
		Name: "api-overload", Title: "More requests than there is room for, and a person knows better", Fault: world.FaultTrafficSurge, Instead: "scale_out:web",
		Description: "Traffic rises at the entry of the shop, queues fill, and everything behind it becomes slow. Vigil wants to add room where it hurts; a person puts forward to add it where the requests come in, and a second person approves that.",
		Resolution:  "The extra traffic is gone.",
	},
	{
		Name: "memory-leak", Title: "Payments fills its memory, and Vigil restarts it by itself", Fault: world.FaultMemoryLeak, Alone: true,
		Description: "A service keeps what it should let go. The policy of this recording leaves what is of low risk to Vigil: it restarts the service without asking, and says so.",
		Resolution:  "The tasks were replaced by hand.",
	},
	{
		Name: "unannounced-change", Title: "A setting was changed, and nobody said so", Fault: world.FaultBadConfiguration,
		Description: "An administrator changes a setting of the orders service, and its requests begin to fail. The audit trail has who and when. It is no security breach, and a breach that changes a setting would begin like this.",
		Resolution:  "The setting was put back by hand.",
	},
	{
		Name: "second-attempt", Title: "The first action does not help and is taken back", Fault: world.FaultConnectionsExhausted, Stubborn: 1,
		Description: "The right remedy succeeds and changes nothing. Vigil sees in the telemetry that it did not help, takes it back, and proposes something else, which is riskier and needs two people.",
		Resolution:  "The callers' pools were reset by hand; connections are back to normal.",
	},
	{
		Name: "false-alarm", Title: "An alarm, and nothing that explains it", Fault: world.FalseAlarmBatch,
		Description: "A job keeps the database busy and an alarm fires, while nobody who uses the shop notices anything. Vigil finds no cause, says so, does nothing and hands over to a person, who ends the job.",
		Resolution:  "A job used what was idle. No user noticed; the threshold of the alarm is too low.",
	},
}
