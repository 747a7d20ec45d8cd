package activities

import "vigil/workflows/incident"

// Call is one finished call to an outside service, as the adapter that made
// it reports it.
type Call struct {
	// Provenance names service, operation and model, and carries latency,
	// origin and usage. Origin is empty where no answer came.
	Provenance incident.Provenance
	Failed     incident.Kind // "" where it succeeded
	Error      string        // what went wrong, free of secrets
	Cancelled  bool          // the caller gave up; says nothing about the service
}

// Recorder is told of every call. It must not block and must be safe for
// concurrent use.
type Recorder interface {
	Record(Call)
}
