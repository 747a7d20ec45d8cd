package world

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// The automation documents that the world knows. Those of the second group
// take back what one of the first has done; where there is nothing to take
// back they say so and succeed.
const (
	DocumentRollback      = "Vigil-RollbackDeployment"
	DocumentRestart       = "Vigil-RestartService"
	DocumentScale         = "Vigil-ScaleService"
	DocumentUpdateConfig  = "Vigil-UpdateConfig"
	DocumentEnableBreaker = "Vigil-EnableCircuitBreaker"
	DocumentClearCache    = "Vigil-ClearCache"
	DocumentIncrease      = "Vigil-IncreaseResources"
	DocumentDrain         = "Vigil-DrainTraffic"

	DocumentRestoreConfig  = "Vigil-RestoreConfig"
	DocumentDisableBreaker = "Vigil-DisableCircuitBreaker"
	DocumentRestore        = "Vigil-RestoreResources"
	DocumentRestoreTraffic = "Vigil-RestoreTraffic"
)

// document is what one automation document takes, and what it does.
type document struct {
	name     string
	undoes   string   // the document that it takes back
	kinds    []Kind   // that it runs on
	argument string   // the parameter that says what of the target it is about, "" for none
	needed   bool     // that parameter is
	others   []string // parameters that may be there besides
	act      func(w *World, e *Execution, t target) error
}

// target is what an automation runs on.
type target struct {
	service string
	kind    Kind
}

var (
	ours      = []Kind{KindECS, KindDatabase, KindCache}
	resources = []Kind{KindECS, KindDatabase, KindCache, KindTable}
	called    = []Kind{KindECS, KindDatabase, KindCache, KindTable, KindExternal}
)

var documents []document

// init and not the declaration, because what a document does leads back to the
// table.
func init() {
	documents = []document{
		{name: DocumentRollback, kinds: []Kind{KindECS}, act: (*World).rollBack},
		{name: DocumentRestart, kinds: ours, act: (*World).restart},
		{name: DocumentScale, kinds: ours, others: []string{"DesiredCount", "MaxConnections"}, act: (*World).scale},
		{name: DocumentUpdateConfig, kinds: ours, argument: "Setting", needed: true, act: (*World).updateConfig},
		{name: DocumentEnableBreaker, kinds: called, act: (*World).enableBreaker},
		{name: DocumentClearCache, kinds: []Kind{KindCache}, act: (*World).clearCache},
		{name: DocumentIncrease, kinds: resources, argument: "Resource", needed: true, act: (*World).increase},
		{name: DocumentDrain, kinds: called, others: []string{"Percent"}, act: (*World).drainTraffic},

		{name: DocumentRestoreConfig, undoes: DocumentUpdateConfig, kinds: ours, argument: "Setting", act: (*World).restoreConfig},
		{name: DocumentDisableBreaker, undoes: DocumentEnableBreaker, kinds: called, act: (*World).disableBreaker},
		{name: DocumentRestore, undoes: DocumentIncrease, kinds: resources, argument: "Resource", act: (*World).decrease},
		{name: DocumentRestoreTraffic, undoes: DocumentDrain, kinds: called, others: []string{"Percent"}, act: (*World).restoreTraffic},
	}
	for _, d := range documents {
		Documents = append(Documents, d.name)
	}
}

// Documents lists the names of all documents.
var Documents []string

// documentOf is the document of a name; the zero value where there is none.
func documentOf(name string) document {
	for _, d := range documents {
		if d.name == name {
			return d
		}
	}
	return document{}
}

// Parameters of document d are checked as Systems Manager does before it begins
// an execution: names, and that each has one value. Whether a value makes sense
// is found by the execution, which fails of it.
func (d document) check(parameters map[string][]string) error {
	takes := append([]string{"Cluster", "Service"}, d.others...)
	if d.argument != "" {
		takes = append(takes, d.argument)
	}
	for name, values := range parameters {
		if !slices.Contains(takes, name) {
			return fmt.Errorf("%w: %s takes %s, not %q", ErrInvalidParameters, d.name, strings.Join(takes, ", "), name)
		}
		if len(values) != 1 || values[0] == "" {
			return fmt.Errorf("%w: %s needs exactly one %s", ErrInvalidParameters, d.name, name)
		}
	}
	if len(parameters["Service"]) == 0 {
		return fmt.Errorf("%w: %s needs a Service", ErrInvalidParameters, d.name)
	}
	if d.needed && len(parameters[d.argument]) == 0 {
		return fmt.Errorf("%w: %s needs a %s", ErrInvalidParameters, d.name, d.argument)
	}
	return nil
}

// find looks at what an execution is to run on.
func (w *World) find(e *Execution) (target, error) {
	t := target{service: e.Service()}
	kind, ok := w.topo.kindOf(t.service)
	d, cluster := documentOf(e.Document), first(e.Parameters["Cluster"])
	switch {
	case !ok:
		return t, fmt.Errorf("there is no service %q", t.service)
	case cluster != "" && cluster != Cluster:
		return t, fmt.Errorf("there is no cluster %q; there is %q", cluster, Cluster)
	case !slices.Contains(d.kinds, kind):
		return t, fmt.Errorf("%s is a %s, and %s runs on none of these; it runs on %v", t.service, kind, e.Document, d.kinds)
	}
	t.kind = kind
	return t, nil
}

// number reads a parameter that is one, or gives otherwise where it is not
// there.
func (e *Execution) number(name string, otherwise, from, to int) (int, error) {
	v := first(e.Parameters[name])
	if v == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < from || n > to {
		return 0, fmt.Errorf("%s is %q; it must be a number from %d to %d", name, v, from, to)
	}
	return n, nil
}

// say adds to what the execution puts out.
func (e *Execution) say(format string, args ...any) {
	e.Outputs = append(e.Outputs, fmt.Sprintf(format, args...))
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

var (
	// ErrUnknownDocument says that there is no such automation document.
	ErrUnknownDocument = errors.New("no such automation document")
	// ErrInvalidParameters says that a document was given wrong parameters.
	ErrInvalidParameters = errors.New("invalid parameters")
	// ErrTokenReused says that a client token came with another request before.
	ErrTokenReused = errors.New("the client token was used with another request")
)
