package worker

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strings"
	"time"

	"vigil/activities/catalogue"
	"vigil/activities/policy"
	"vigil/workflows/incident"
)

// Actions says what Vigil may do, and what holds it back.
type Actions struct {
	ActionsFile   string   // catalogue of actions; "" is the shipped one
	PolicyFile    string   // who has to agree; "" is the shipped one
	EnableActions []string // names or types of actions that may run once those whom the policy asks agree, or "all"; the others are dry runs

	Account                string // whose lease actions take, and env.account of the catalogue
	LeaseServiceConcurrent int    // actions on one service at once
	LeaseAccountConcurrent int    // actions in the account at once

	DecisionValid time.Duration // how long after it was made a decision may begin to be carried out
	Reminder      time.Duration // how long before its deadline people are reminded of a proposal; 0: never
	MaxActions    int           // of one incident, whether they help or not
}

func defaultActions() Actions {
	d := incident.DefaultSettings()
	return Actions{Account: d.Account, LeaseServiceConcurrent: d.ServiceLease.Concurrent, LeaseAccountConcurrent: d.AccountLease.Concurrent,
		DecisionValid: dur(d.DecisionValidMS), Reminder: dur(d.ReminderMS), MaxActions: d.MaxActions}
}

func (a *Actions) flags(fs *flag.FlagSet) {
	fs.StringVar(&a.ActionsFile, "actions-file", a.ActionsFile, "YAML `file` of the actions that there are; empty for those that come with Vigil")
	fs.StringVar(&a.PolicyFile, "policy-file", a.PolicyFile, "YAML `file` that says who has to agree to an action; empty for the one that comes with Vigil")
	fs.Var(listFlag{&a.EnableActions}, "enable-actions", "comma-separated `names` or types of actions that may run once those whom the policy asks agree, or all; every other one is a dry run")
	fs.StringVar(&a.Account, "account", a.Account, "`name` of the account that actions are done in, such as its number: it bounds how many run at once")
	fs.IntVar(&a.LeaseServiceConcurrent, "lease-service-concurrent", a.LeaseServiceConcurrent, "how many actions may run on one service at once")
	fs.IntVar(&a.LeaseAccountConcurrent, "lease-account-concurrent", a.LeaseAccountConcurrent, "how many actions may run in the account at once")
	fs.DurationVar(&a.DecisionValid, "decision-valid", a.DecisionValid, "how long after it was made a decision may begin to be carried out")
	fs.DurationVar(&a.Reminder, "reminder", a.Reminder, "how long before its deadline people are reminded of a proposal; 0 for never")
	fs.IntVar(&a.MaxActions, "max-actions", a.MaxActions, "how many actions one incident may take, whether they help or not")
}

// apply reads the catalogue into s, with what is enabled.
func (a Actions) apply(s *incident.Settings) error {
	contents, err := catalogue.Load(a.ActionsFile)
	if err != nil {
		return fmt.Errorf("read the actions: %w", err)
	}
	s.Catalogue, s.CatalogueVersion = contents.Entries, contents.Version
	s.Account, s.MaxActions = strings.TrimSpace(a.Account), a.MaxActions
	s.ServiceLease.Concurrent, s.AccountLease.Concurrent = a.LeaseServiceConcurrent, a.LeaseAccountConcurrent
	s.DecisionValidMS, s.ReminderMS = a.DecisionValid.Milliseconds(), a.Reminder.Milliseconds()
	switch {
	case s.Account == "":
		return incident.Errorf(incident.KindInvalid, "--account is empty; give the account a name, or leave it out")
	case a.Reminder < 0:
		return incident.Errorf(incident.KindInvalid, "--reminder is %s; use 0 for never", a.Reminder)
	}
	if _, err := policy.Load(a.PolicyFile); err != nil { // said when the worker is made, not when it starts
		return fmt.Errorf("read the policy: %w", err)
	}
	return enable(s.Catalogue, a.EnableActions)
}

// enable switches on what words name.
func enable(entries []incident.CatalogueEntry, words []string) error {
	for _, w := range words {
		known := false
		for i, e := range entries {
			if names(w, e) {
				entries[i].Enabled, known = true, true
			}
		}
		if !known {
			return incident.Errorf(incident.KindInvalid, "--enable-actions: there is no action %q, and none of that type; there are %s", w, listed(entries))
		}
	}
	return nil
}

// names reports whether a word of --enable-actions means an entry.
func names(word string, e incident.CatalogueEntry) bool {
	return word == "all" || word == e.Name || word == string(e.Type)
}

// listed are the names of entries, and their types.
func listed(entries []incident.CatalogueEntry) string {
	var named, types []string
	for _, e := range entries {
		named = append(named, e.Name)
		if !slices.Contains(types, string(e.Type)) {
			types = append(types, string(e.Type))
		}
	}
	return strings.Join(named, ", ") + "; of the types " + strings.Join(types, ", ")
}

// actions are what evaluates the catalogue and the policy.
func (b builder) actions(_ context.Context, p *Ports) (err error) {
	if p.Activities.Catalogue, err = catalogue.New(b.environment()); err != nil {
		return err
	}
	if p.Activities.Policy, err = policy.Load(b.PolicyFile); err != nil {
		return fmt.Errorf("read the policy: %w", err)
	}
	return nil
}

// environment is what expressions of the catalogue see as env.
func (b builder) environment() map[string]string {
	region := b.Region
	if region == "" {
		region = b.aws.Region
	}
	return map[string]string{"cluster": b.Cluster, "environment": b.Environment, "account": b.Account, "region": region}
}

// able checks that what is enabled can be carried out: an operator who
// switches an action on should not learn in an incident that it never runs.
func (b builder) able(_ context.Context, p *Ports) error {
	can := func(e incident.CatalogueEntry) bool {
		return !slices.ContainsFunc(e.Steps, func(s incident.StepSpec) bool { return p.Executors[s.Executor] == nil })
	}
	for _, w := range b.EnableActions {
		if !slices.ContainsFunc(p.Settings.Catalogue, func(e incident.CatalogueEntry) bool { return names(w, e) && can(e) }) {
			return incident.Errorf(incident.KindInvalid, "--enable-actions: nothing can carry out %q here: %s; "+
				"add aws or kubernetes to --telemetry or name a webhook file, or enable nothing", w, b.lacking(w, p))
		}
	}
	for _, e := range p.Settings.Catalogue {
		named := slices.ContainsFunc(b.EnableActions, func(w string) bool { return names(w, e) })
		if e.Enabled && !named && !can(e) {
			return incident.Errorf(incident.KindInvalid, "read the actions: %s is enabled, and %s; configure what it needs, or take enabled: true away",
				e.Name, b.lacking(e.Name, p))
		}
	}
	return nil
}

// lacking names the executors that a word's actions need and this worker has not.
func (b builder) lacking(word string, p *Ports) string {
	var missing []string
	for _, e := range p.Settings.Catalogue {
		for _, s := range e.Steps {
			if names(word, e) && p.Executors[s.Executor] == nil && !slices.Contains(missing, s.Executor) {
				missing = append(missing, s.Executor)
			}
		}
	}
	slices.Sort(missing)
	return "this worker has no executor " + strings.Join(missing, ", ")
}
