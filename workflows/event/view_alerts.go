package event

import (
	"maps"
	"slices"

	"vigil/workflows/incident"
)

// alert keeps what an alert says now, in place of what it said before.
func (v *View) alert(a incident.Alert) {
	v.Alerts = slices.Clone(v.Alerts)
	if i := v.shown(a.Identity()); i >= 0 {
		v.Alerts[i] = a
	} else {
		v.Alerts = append(v.Alerts, a)
		v.forget([]string{a.Identity()})
	}
	v.count()
}

// mention counts alerts that are not shown, and keeps those that are up to date.
func (v *View) mention(list []incident.AlertMention) {
	v.Alerts, v.MoreAlerts = slices.Clone(v.Alerts), maps.Clone(v.MoreAlerts)
	if v.MoreAlerts == nil {
		v.MoreAlerts = map[string]incident.MemberState{}
	}
	at := make(map[string]int, len(v.Alerts))
	for i, a := range v.Alerts {
		at[a.Identity()] = i
	}
	for _, m := range list {
		i, shown := at[m.Member]
		if !shown {
			v.MoreAlerts[m.Member] = m.State()
			continue
		}
		v.Alerts[i].Status = m.Status
		if !m.Silenced {
			v.Alerts[i].SilencedBy = ""
		}
	}
	v.count()
}

// move takes away the alerts that belong to another incident now. Those of a
// merged one stay as its record: it ends.
func (v *View) move(m incident.Move) {
	gone := m.Members
	m.Members = nil
	v.Moves = append(slices.Clip(v.Moves), m)
	if m.From != v.IncidentID || m.All {
		return
	}
	v.Alerts = slices.DeleteFunc(slices.Clone(v.Alerts), func(a incident.Alert) bool { return slices.Contains(gone, a.Identity()) })
	v.forget(gone)
	v.count()
}

// forget drops mentions.
func (v *View) forget(gone []string) {
	if len(v.MoreAlerts) == 0 {
		return
	}
	v.MoreAlerts = maps.Clone(v.MoreAlerts)
	for _, id := range gone {
		delete(v.MoreAlerts, id)
	}
	if len(v.MoreAlerts) == 0 {
		v.MoreAlerts = nil
	}
}

func (v *View) shown(identity string) int {
	return slices.IndexFunc(v.Alerts, func(have incident.Alert) bool { return have.Identity() == identity })
}

// count says how many alerts there are, and how many fire and are to be told of.
func (v *View) count() {
	v.AlertsTotal, v.AlertsFiring = len(v.Alerts)+len(v.MoreAlerts), 0
	for _, a := range v.Alerts {
		if a.State() == incident.MemberFiring {
			v.AlertsFiring++
		}
	}
	//workflowcheck:ignore: how many fire does not depend on their order
	for _, s := range v.MoreAlerts {
		if s == incident.MemberFiring {
			v.AlertsFiring++
		}
	}
}
