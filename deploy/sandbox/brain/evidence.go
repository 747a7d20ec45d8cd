package brain

import "time"

// evidence is one piece of evidence as the conversation shows it.
type evidence struct {
	ID       string       `json:"id"`
	Kind     string       `json:"kind"`
	Service  string       `json:"service"`
	Title    string       `json:"title"`
	Found    bool         `json:"found"`
	Finding  string       `json:"finding"`
	Strength float64      `json:"strength"`
	Logs     []logPattern `json:"logs"`
	Changes  []change     `json:"changes"`
	Edges    []edge       `json:"edges"`
	Services []string     `json:"services"`
	Events   []happening  `json:"events"`
	Load     *load        `json:"load"`
	Docs     []document   `json:"documents"`
	Suspects []suspect    `json:"suspects"`
}

// happening is something that a platform reported.
type happening struct {
	At       time.Time `json:"at"`
	Resource string    `json:"resource"`
	Category string    `json:"category"`
	Message  string    `json:"message"`
	Warning  bool      `json:"warning"`
}

func (h happening) text() string { return h.Category + " " + h.Message }

// load is what a database spends its time on, in average active sessions.
type load struct {
	Average    float64     `json:"average"`
	Peak       float64     `json:"peak"`
	CPUs       float64     `json:"cpus"`
	Waits      []wait      `json:"waits"`
	Statements []statement `json:"statements"`
}

type wait struct {
	Name string  `json:"name"`
	Load float64 `json:"load"`
}

type statement struct {
	SQL   string  `json:"sql"`
	Load  float64 `json:"load"`
	Waits []wait  `json:"waits"`
}

// document is a runbook, or what is known of a past incident.
type document struct {
	Title   string  `json:"title"`
	Text    string  `json:"text"`
	Score   float64 `json:"score"`
	Service string  `json:"service"`
	Cause   string  `json:"cause"`
}

type logPattern struct {
	Level    string    `json:"level"`
	Template string    `json:"template"`
	Example  string    `json:"example"`
	Count    int       `json:"count"`
	Baseline int       `json:"baseline"`
	FirstAt  time.Time `json:"first_at"`
}

type change struct {
	Service string    `json:"service"`
	Kind    string    `json:"kind"`
	Summary string    `json:"summary"`
	Version string    `json:"version"`
	Before  string    `json:"before"`
	At      time.Time `json:"at"`
}

type edge struct {
	From string `json:"from"`
	To   string `json:"to"`
}

type suspect struct {
	Service string  `json:"service"`
	Cause   string  `json:"cause"`
	Score   float64 `json:"score"`

	Cites []string `json:"cites"`
}

type incident struct {
	ID          string    `json:"id"`
	Title       string    `json:"title"`
	Description string    `json:"description"`
	Service     string    `json:"service"`
	Severity    string    `json:"severity"`
	StartedAt   time.Time `json:"started_at"`
	Alerts      []struct {
		Title       string            `json:"title"`
		Description string            `json:"description"`
		Service     string            `json:"service"`
		Severity    string            `json:"severity"`
		Labels      map[string]string `json:"labels"`
	} `json:"alerts"`
}

type diagnosis struct {
	Verdict    string  `json:"verdict"`
	Cause      string  `json:"cause"`
	Service    string  `json:"service"`
	Summary    string  `json:"summary"`
	Confidence float64 `json:"confidence"`
	Claims     []claim `json:"claims"`
}

type claim struct {
	Text  string   `json:"text"`
	Cites []string `json:"cites"`
}

type option struct {
	ID     string `json:"id"`
	Type   string `json:"type"`
	Target string `json:"target"`
	Title  string `json:"title"`
}

type forecast struct {
	Summary    string    `json:"summary"`
	Service    string    `json:"service"`
	Metric     string    `json:"metric"`
	PerMinute  float64   `json:"per_minute"`
	Limit      float64   `json:"limit"`
	BreachAt   time.Time `json:"breach_at"`
	Confidence float64   `json:"confidence"`
	Cites      []string  `json:"cites"`
}

type state struct {
	Status       string `json:"status"`
	Reason       string `json:"reason"`
	Verification *struct {
		State string `json:"state"`
	} `json:"verification"`
	Execution *struct {
		State string `json:"state"`
	} `json:"execution"`
}
