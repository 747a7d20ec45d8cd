package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"vigil/gateway/store"
	"vigil/workflows/incident"
)

const (
	// openedSince and edgesSince bound what correlation looks back at.
	openedSince = time.Hour
	edgesSince  = 24 * time.Hour
)

// problem is a row of problems that an assigner works on.
type problem struct {
	store.Problem
	detailed, detailBytes int64
	signals               int64
	changed               bool
}

// takes reports whether the incident is given one more alert in full. Settle
// keeps the count of those that it has; this call's own are counted here.
func (p *problem) takes(al incident.Alert) bool {
	size := int64(len(al.Title) + len(al.Description) + len(al.CorrelationKey) + 300)
	for k, v := range al.Labels {
		size += int64(len(k) + len(v) + 6)
	}
	if p.detailed >= store.DetailedAlerts || p.detailed > 0 && p.detailBytes+size > store.DetailedBytes {
		return false
	}
	p.detailed, p.detailBytes = p.detailed+1, p.detailBytes+size
	return true
}

// saw remembers what correlation needs of an alert. Order goes by our clock.
func (p *problem) saw(al incident.Alert) {
	p.changed = true
	add := func(list []string, s string) []string {
		if s == "" || len(list) >= store.ProblemServices || slices.Contains(list, s) {
			return list
		}
		return append(slices.Clip(list), s)
	}
	p.Services, p.Sources = add(p.Services, al.Service), add(p.Sources, al.Source)
	if al.State() != incident.MemberFiring {
		return
	}
	if al.ReceivedAt.After(p.LastAlertAt) {
		p.LastAlertAt = al.ReceivedAt
	}
	if al.Severity.Rank() > p.Severity.Rank() {
		p.Severity = al.Severity
	}
}

// bound returns the open incident of a key.
func (a *assigner) bound(key string) (binding, error) {
	if b, ok := a.keys[key]; ok {
		return b, nil
	}
	var b binding
	err := a.tx.QueryRowContext(a.ctx, `SELECT incident_id, joined_by FROM bindings WHERE correlation_key = ? AND open = 1`, key).Scan(&b.incidentID, &b.joinedBy)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return binding{}, err
	}
	a.keys[key] = b
	return b, nil
}

// bind finds the incident of a new key: one that it joins, or its own.
func (a *assigner) bind(opener incident.Alert) (binding, error) {
	if err := a.loadScene(); err != nil {
		return binding{}, err
	}
	scene := *a.scene
	scene.Problems = slices.DeleteFunc(slices.Clone(scene.Problems), func(p store.Problem) bool { return p.Origin != opener.Origin })
	var err error
	if scene.Opened, err = a.opened(opener.Origin); err != nil {
		return binding{}, err
	}
	var b binding
	if a.claim.Correlator != nil {
		b.incidentID, b.joinedBy = a.claim.Correlator.Join(opener, scene)
	}
	if b.incidentID == "" || !slices.ContainsFunc(scene.Problems, func(p store.Problem) bool { return p.IncidentID == b.incidentID }) {
		if b, err = a.open(opener); err != nil {
			return binding{}, err
		}
	}
	_, err = a.tx.ExecContext(a.ctx, `INSERT INTO bindings (incident_id, correlation_key, joined_by, bound_at) VALUES (?, ?, ?, ?)
		ON CONFLICT (incident_id, correlation_key) DO UPDATE SET open = 1, joined_by = excluded.joined_by, bound_at = excluded.bound_at, moved_to = ''`,
		b.incidentID, opener.CorrelationKey, b.joinedBy, micros(a.claim.Now))
	a.keys[opener.CorrelationKey] = b
	return b, err
}

// open makes a new problem of an alert.
func (a *assigner) open(al incident.Alert) (binding, error) {
	labels, err := json.Marshal(al.Labels)
	if err != nil {
		return binding{}, err
	}
	id := a.claim.NewID()
	_, err = a.tx.ExecContext(a.ctx, `INSERT INTO problems (incident_id, origin, title, service, services, sources, severity, labels, opened_at, last_alert_at)
		VALUES (?, ?, ?, ?, '[]', '[]', '', ?, ?, ?)`, id, string(al.Origin), al.Title, al.Service, string(labels), micros(a.claim.Now), micros(al.ReceivedAt))
	if isUnique(err) {
		return binding{}, incident.Errorf(incident.KindConflict, "incident id %q was given out before", id)
	} else if err != nil {
		return binding{}, err
	}
	p := &problem{Problem: store.Problem{IncidentID: id, Origin: al.Origin, Title: al.Title, Service: al.Service, Labels: al.Labels,
		OpenedAt: a.claim.Now, LastAlertAt: al.ReceivedAt}}
	a.problems[id] = p
	a.scene.Problems = append([]store.Problem{p.Problem}, a.scene.Problems...)
	return binding{incidentID: id}, nil
}

// problem returns a problem to work on. An incident that alerts did not open
// (a person moved some there) has none until now.
func (a *assigner) problem(id string) (*problem, error) {
	if p, ok := a.problems[id]; ok {
		return p, nil
	}
	list, err := selectProblems(a.ctx, a.tx, `WHERE incident_id = ?`, id)
	if err != nil {
		return nil, err
	}
	p := &problem{Problem: store.Problem{IncidentID: id}}
	if len(list) > 0 {
		p = list[0]
	}
	a.problems[id] = p
	return p, nil
}

// loadScene reads what there is to join. Problems that this call has changed
// are as changed.
func (a *assigner) loadScene() error {
	if a.scene == nil {
		list, err := selectProblems(a.ctx, a.tx, `WHERE open = 1 ORDER BY last_alert_at DESC`)
		if err != nil {
			return err
		}
		a.scene = &store.Scene{Now: a.claim.Now}
		for _, p := range list {
			a.scene.Problems = append(a.scene.Problems, p.Problem)
		}
		if a.scene.Edges, err = selectEdges(a.ctx, a.tx, a.claim.Now.Add(-edgesSince)); err != nil {
			return err
		}
	}
	for i, p := range a.scene.Problems {
		if now, ok := a.problems[p.IncidentID]; ok && now.changed {
			a.scene.Problems[i] = now.Problem
		}
	}
	slices.SortStableFunc(a.scene.Problems, func(x, y store.Problem) int { return y.LastAlertAt.Compare(x.LastAlertAt) })
	return nil
}

func (a *assigner) opened(o incident.Origin) ([]time.Time, error) {
	rows, err := a.tx.QueryContext(a.ctx, `SELECT opened_at FROM problems WHERE opened_at > ? AND origin = ? ORDER BY opened_at DESC LIMIT 1000`,
		micros(a.claim.Now.Add(-openedSince)), string(o))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []time.Time
	for rows.Next() {
		var at int64
		if err := rows.Scan(&at); err != nil {
			return nil, err
		}
		out = append(out, fromMicros(at))
	}
	return out, rows.Err()
}

// save writes what the call has learned of problems.
func (a *assigner) save() error {
	for _, p := range a.problems {
		if !p.changed {
			continue
		}
		services, err := json.Marshal(p.Services)
		if err != nil {
			return err
		}
		sources, err := json.Marshal(p.Sources)
		if err != nil {
			return err
		}
		_, err = a.tx.ExecContext(a.ctx, `UPDATE problems SET services = ?, sources = ?, severity = ?, last_alert_at = ? WHERE incident_id = ?`,
			string(services), string(sources), string(p.Severity), micros(p.LastAlertAt), p.IncidentID)
		if err != nil {
			return err
		}
	}
	return nil
}

func selectProblems(ctx context.Context, tx *sql.Tx, where string, args ...any) ([]*problem, error) {
	rows, err := tx.QueryContext(ctx, `SELECT incident_id, origin, title, service, services, sources, severity, labels, opened_at, last_alert_at,
		members, detailed, detail_bytes, signals FROM problems `+where, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []*problem
	for rows.Next() {
		p := &problem{}
		var services, sources, labels []byte
		var opened, last int64
		if err := rows.Scan(&p.IncidentID, &p.Origin, &p.Title, &p.Service, &services, &sources, &p.Severity, &labels, &opened, &last,
			&p.Alerts, &p.detailed, &p.detailBytes, &p.signals); err != nil {
			return nil, err
		}
		p.OpenedAt, p.LastAlertAt = fromMicros(opened), fromMicros(last)
		for raw, into := range map[*[]byte]any{&services: &p.Services, &sources: &p.Sources, &labels: &p.Labels} {
			if err := json.Unmarshal(*raw, into); err != nil {
				return nil, err
			}
		}
		out = append(out, p)
	}
	return out, rows.Err()
}

func selectEdges(ctx context.Context, tx *sql.Tx, since time.Time) ([]incident.Edge, error) {
	rows, err := tx.QueryContext(ctx, `SELECT caller, callee FROM service_edges WHERE seen_at >= ? ORDER BY caller, callee`, micros(since))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []incident.Edge
	for rows.Next() {
		var e incident.Edge
		if err := rows.Scan(&e.From, &e.To); err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, rows.Err()
}
