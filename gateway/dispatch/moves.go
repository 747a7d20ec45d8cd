package dispatch

import (
	"context"

	"go.uber.org/zap"

	"vigil/gateway/store"
	"vigil/workflows/incident"
)

const (
	movesAtOnce = 32
	// moveTries is how often an incident that is split off is looked for: it
	// begins once its alerts are delivered.
	moveTries = 600
)

// tellMoves has the incidents told of what people have moved between them. It
// runs beside the loop, one at a time: a workflow answers only while a worker
// runs.
func (d *Dispatcher) tellMoves() {
	if !d.telling.CompareAndSwap(false, true) {
		return
	}
	d.working.Go(func() {
		defer d.telling.Store(false)
		ctx, cancel := d.callContext()
		list, err := d.cfg.Inbox.PendingMoves(ctx, movesAtOnce)
		cancel()
		if err != nil {
			return // the loop meets and reports the same
		}
		for _, m := range list {
			if d.stopping() {
				return
			}
			d.tellMove(m)
		}
	})
}

func (d *Dispatcher) tellMove(m store.PendingMove) {
	if m.TellFrom && d.hasInHand(m.From) {
		return // what is on its way there must not come after the word that it has left
	}
	whole := m.Move
	from := m.TellFrom && d.tell(m.From, m, whole)
	whole.Members = nil // of no use to the other side
	to := m.TellTo && d.tell(m.To, m, whole)
	ctx, cancel := d.callContext()
	defer cancel()
	err := d.cfg.Inbox.MoveTold(ctx, m.ID, from, to)
	if err == nil && (m.TellFrom && !from || m.TellTo && !to) {
		err = d.cfg.Inbox.MoveFailed(ctx, m.ID)
	}
	if err != nil {
		d.cfg.Log.Warn("what became of a move cannot be stored; the incidents are told again, once", zap.String("move", m.ID), zap.Error(err))
	}
}

// tell reports whether incident id knows of the move, or never will: it is over.
func (d *Dispatcher) tell(id string, m store.PendingMove, move incident.Move) bool {
	ctx, cancel := context.WithTimeout(d.ctx, d.cfg.CallTimeout)
	defer cancel()
	var result incident.VerbResult
	err := d.cfg.Incidents.Update(ctx, id, incident.UpdateMoveAlerts, m.ID+"-"+id,
		incident.MoveAlertsArgs{Principal: incident.Principal{Name: m.By, Role: m.Role}, Move: move}, &result)
	switch kind := incident.KindOf(err); {
	case err == nil:
		return true
	case kind == incident.KindNotFound && m.Attempts < moveTries, retryable(err):
		return false
	}
	d.cfg.Log.Info("an incident was over before it could be told of a move", zap.String("incident", id), zap.String("move", m.ID), zap.Error(err))
	return true
}
