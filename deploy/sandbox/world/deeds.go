package world

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// executor is who automations act as.
const executor = "vigil-executor"

// enoughDrained is the percent of a service's traffic that has to go another
// way until nobody meets what is broken.
const enoughDrained = 25

func (w *World) rollBack(e *Execution, t target) error {
	d, ok := w.rollback(t.service, executor)
	if !ok {
		return fmt.Errorf("%s has no earlier version to go back to", t.service)
	}
	e.say("%s is back on %s", t.service, d.TaskDefinition)
	w.treat(deed{document: DocumentRollback, service: t.service, lasts: true, share: 1})
	return nil
}

// restart replaces what runs, with the version that it has.
func (w *World) restart(e *Execution, t target) error {
	switch t.kind {
	case KindECS:
		w.replaceTasks(t.service, Fate{})
	case KindDatabase:
		w.auditChange("RebootDBInstance", t.service, t.kind, executor, map[string]any{"dBInstanceIdentifier": t.service})
		w.report(t.service, "availability", "DB instance restarted")
		w.busy(t.service, "rebooting", rebootingTicks)
	case KindCache:
		w.auditChange("RebootCacheCluster", t.service, t.kind, executor, map[string]any{"cacheClusterId": t.service})
		w.cold[t.service] = 1
	}
	e.say("tasks of %s were replaced one by one", t.service)
	w.treat(deed{document: DocumentRestart, service: t.service})
	return nil
}

// replaceTasks deploys the version that runs once more.
func (w *World) replaceTasks(service string, f Fate) Deployment {
	d := w.record(Deployment{Service: service, Revision: w.current(service).Revision, Actor: executor,
		Summary: "replace tasks", CreatedAt: w.present(), Forced: true, fate: f})
	if !f.before(stepSettle) {
		w.logRestart(service)
	}
	return d
}

// scale gives a database more connections, a cache another node and anything
// else another task, or as many as are asked for.
func (w *World) scale(e *Execution, t target) error {
	if t.kind != KindECS && e.Parameters["DesiredCount"] != nil || t.kind != KindDatabase && e.Parameters["MaxConnections"] != nil {
		return fmt.Errorf("%s is a %s; services have a DesiredCount, databases MaxConnections", t.service, t.kind)
	}
	switch t.kind {
	case KindECS:
		n, err := e.number("DesiredCount", w.desired[t.service]+1, 0, maxTasks)
		if err != nil {
			return err
		}
		before := w.desired[t.service]
		w.want(t.service, n, Fate{})
		w.auditChange("UpdateService", t.service, t.kind, executor, map[string]any{"cluster": Cluster, "service": t.service, "desiredCount": n})
		e.say("%s runs %d tasks", t.service, n)
		w.scaled(t.service, before, n)
	case KindCache:
		w.auditChange("ModifyCacheCluster", t.service, t.kind, executor, map[string]any{"cacheClusterId": t.service, "numCacheNodes": 2})
		e.say("%s has another node", t.service)
		w.treat(deed{document: DocumentScale, service: t.service, lasts: true, share: 1})
	case KindDatabase:
		n, err := e.number("MaxConnections", 2*w.limits[t.service], 1, 1<<20)
		if err != nil {
			return err
		}
		w.limitConnections(e, t, n)
	}
	return nil
}

// maxTasks is how many tasks a service may want.
const maxTasks = 5000

// scaled tells faults how many tasks a service wanted, and wants now.
func (w *World) scaled(service string, before, now int) {
	if now > before {
		w.treat(deed{document: DocumentScale, service: service, lasts: true, share: 1, level: now})
		return
	}
	w.release(func(_ *ailment, h deed) bool {
		return h.document == DocumentScale && h.service == service && now < h.level
	})
}

// updateConfig puts the setting of a service back that was changed last, or
// makes a database end statements that take long.
func (w *World) updateConfig(e *Execution, t target) error {
	setting := first(e.Parameters["Setting"])
	switch {
	case setting == SettingPrevious:
		c, ok := w.configurations[t.service]
		if !ok || c.reverted {
			e.say("no setting of %s was changed; it was told to read them again", t.service)
			break
		}
		w.configure(t.service, c.setting, c.before, executor)
		w.configurations[t.service] = configuration{setting: c.setting, now: c.before, before: c.now, reverted: true}
		e.say("%s of %s is %q again, %q before", c.setting.name, t.service, c.before, c.now)
	case setting == SettingStatementTimeout && t.kind == KindDatabase:
		w.limitStatements(e, t, statementLimit)
		w.write(t.service, w.at(w.tick), sayCanceled(w.chat, w.at(w.tick), ""))
	default:
		return fmt.Errorf("%s is a %s and has no setting %q; there is %q, and %q of databases", t.service, t.kind, setting, SettingPrevious, SettingStatementTimeout)
	}
	w.treat(deed{document: e.Document, argument: setting, service: t.service, lasts: true, share: 1})
	return nil
}

// restoreConfig takes back what updateConfig changed.
func (w *World) restoreConfig(e *Execution, t target) error {
	setting := first(e.Parameters["Setting"])
	if setting != "" && setting != SettingPrevious && (setting != SettingStatementTimeout || t.kind != KindDatabase) {
		return fmt.Errorf("%s is a %s and has no setting %q; there is %q, and %q of databases", t.service, t.kind, setting, SettingPrevious, SettingStatementTimeout)
	}
	if c := w.configurations[t.service]; c.reverted && setting != SettingStatementTimeout {
		w.configure(t.service, c.setting, c.before, executor)
		e.say("%s of %s is %q again, %q before", c.setting.name, t.service, c.before, c.now)
	}
	if w.provisions[t.service].statementTime != 0 && setting != SettingPrevious {
		w.limitStatements(e, t, 0)
	}
	if len(e.Outputs) == 0 {
		e.say("%s is as it was, and nothing had to be taken back", t.service)
	}
	w.release(func(_ *ailment, h deed) bool {
		return h.document == DocumentUpdateConfig && h.service == t.service && (setting == "" || h.argument == setting)
	})
	return nil
}

// limitStatements sets the statement_timeout of a database.
func (w *World) limitStatements(e *Execution, t target, ms int) {
	w.provisions[t.service].statementTime = ms
	w.auditChange("ModifyDBParameterGroup", t.service, t.kind, executor, parameterChange(t.service, "statement_timeout", ms))
	w.report(t.service, "configuration change", fmt.Sprintf("Updated parameter statement_timeout to %d with apply method immediate", ms))
	e.say("statements of %s may take %d ms, 0 being for ever", t.service, ms)
}

func sayCanceled(r *rand.Rand, at time.Time, _ string) string {
	return postgres(r, at, "app", "ERROR", "canceling statement due to statement timeout")
}

// enableBreaker lets the callers of a service, or a service itself, answer from
// a fallback instead of waiting for what fails.
func (w *World) enableBreaker(e *Execution, t target) error {
	w.provisions[t.service].breaker = true
	w.auditBreaker(t, "on")
	for _, c := range w.breakers(t.service) {
		w.write(c, w.at(w.tick), fmt.Sprintf("INFO flag circuit-breaker is on for %s, failing calls are answered from the fallback", t.service))
	}
	e.say("calls that fail are answered from a fallback, at %s", t.service)
	w.treat(deed{document: e.Document, service: t.service, lasts: true, share: 1})
	return nil
}

func (w *World) disableBreaker(e *Execution, t target) error {
	if !w.provisions[t.service].breaker {
		e.say("there is no circuit breaker on at %s", t.service)
	} else {
		w.provisions[t.service].breaker = false
		w.auditBreaker(t, "off")
		for _, c := range w.breakers(t.service) {
			w.write(c, w.at(w.tick), fmt.Sprintf("INFO flag circuit-breaker is off for %s", t.service))
		}
		e.say("the circuit breaker at %s is off", t.service)
	}
	w.release(func(_ *ailment, h deed) bool { return h.document == DocumentEnableBreaker && h.service == t.service })
	return nil
}

// breakers are who has the circuit breaker of a service: its callers, and
// itself where it calls others.
func (w *World) breakers(service string) []string {
	var out []string
	if len(w.topo.byName[service].calls) > 0 {
		out = append(out, service)
	}
	for _, c := range w.topo.callers(service) {
		out = append(out, c.name)
	}
	return out
}

func (w *World) auditBreaker(t target, value string) {
	w.audit(TrailEvent{Name: "StartDeployment", Source: "appconfig.amazonaws.com", At: w.present(), Username: executor,
		Resources: []Resource{{Type: "AWS::AppConfig::Deployment", Name: Environment + "/circuit-breakers"}, {Type: resourceTypes[t.kind], Name: t.service}},
		Request:   map[string]any{"applicationId": Environment, "configurationProfileId": "circuit-breakers", "description": t.service + " " + value}})
}

// clearCache empties a cache, which misses for a moment.
func (w *World) clearCache(e *Execution, t target) error {
	w.cold[t.service] = 1
	for _, c := range w.topo.callers(t.service) {
		w.write(c.name, w.at(w.tick), fmt.Sprintf("INFO %s was flushed, filling it anew", t.service))
	}
	w.auditChange("ModifyReplicationGroup", t.service, t.kind, executor, map[string]any{"replicationGroupId": t.service, "description": "flushed by " + e.ID})
	e.say("%s was emptied", t.service)
	w.treat(deed{document: e.Document, service: t.service})
	return nil
}

// drainTraffic sends a share of a service's traffic another way.
func (w *World) drainTraffic(e *Execution, t target) error {
	percent, err := e.number("Percent", 100, 1, 100)
	if err != nil {
		return err
	}
	w.route(e, t, percent)
	w.treat(deed{document: e.Document, service: t.service, lasts: true, share: min(1, float64(percent)/enoughDrained), level: percent})
	return nil
}

func (w *World) restoreTraffic(e *Execution, t target) error {
	percent, err := e.number("Percent", 100, 1, 100)
	if err != nil {
		return err
	}
	drained := w.provisions[t.service].drained
	if drained == 0 {
		e.say("all of %s's traffic goes its usual way", t.service)
	} else {
		w.route(e, t, max(0, drained-percent))
	}
	left := w.provisions[t.service].drained
	w.release(func(_ *ailment, h deed) bool {
		return h.document == DocumentDrain && h.service == t.service && h.level > left
	})
	return nil
}

// route sends so much of a service's traffic another way.
func (w *World) route(e *Execution, t target, percent int) {
	p := w.provisions[t.service]
	before := p.drained
	p.drained = percent
	w.audit(TrailEvent{Name: "ModifyRule", Source: "elasticloadbalancing.amazonaws.com", At: w.present(), Username: executor,
		Resources: []Resource{{Type: "AWS::ElasticLoadBalancingV2::ListenerRule", Name: t.service + "-weights"}, {Type: resourceTypes[t.kind], Name: t.service}},
		Request: map[string]any{"ruleArn": t.service + "-weights", "actions": []any{map[string]any{"type": "forward", "forwardConfig": map[string]any{
			"targetGroups": []any{map[string]any{"targetGroup": t.service, "weight": 100 - percent}, map[string]any{"targetGroup": t.service + "-standby", "weight": percent}}}}}}})
	for _, c := range w.topo.callers(t.service) {
		w.write(c.name, w.at(w.tick), fmt.Sprintf("INFO %d%% of the calls to %s go to its standby", percent, t.service))
	}
	e.say("%d%% of %s's traffic goes to its standby, %d%% before", percent, t.service, before)
}
