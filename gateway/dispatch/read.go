package dispatch

import (
	"context"
	"errors"
	"fmt"

	"go.uber.org/zap"

	"vigil/gateway/intake"
	"vigil/gateway/store"
	"vigil/workflows/incident"
)

const (
	readAtOnce  = 128     // deliveries taken from the store together: they come with their bodies
	bytesAtOnce = 8 << 20 // of those bodies; one delivery may exceed it alone
	readRounds  = 16      // how often in a row, so that a flood does not keep alerts from being dispatched
)

// normalise has the intake read the deliveries that nobody has read yet, and
// records what they turned out to be, many in one transaction.
func (d *Dispatcher) normalise() error {
	for range readRounds {
		if d.stopping() {
			return nil
		}
		if more, err := d.readSome(); err != nil || !more {
			return err
		}
	}
	d.Notify()
	return nil
}

// readSome reports whether there was more than is taken at once. What has come
// since is the next round's.
func (d *Dispatcher) readSome() (more bool, err error) {
	ctx, cancel := d.callContext()
	defer cancel()
	list, err := d.cfg.Inbox.Received(ctx, readAtOnce, bytesAtOnce)
	if err != nil || len(list) == 0 {
		return false, err
	}
	size := 0
	readings := make([]store.Reading, len(list))
	for i, in := range list {
		readings[i] = d.read(in)
		size += len(in.Body)
	}
	err = d.cfg.Inbox.Read(ctx, readings)
	if refused(err) {
		err = d.readOneByOne(ctx, list, readings)
	}
	if err != nil {
		return false, err
	}
	for i, r := range readings {
		d.metrics.read(d.cfg.Label(list[i].Source), r.State)
		if r.State == store.DeliveryQuarantined {
			d.cfg.Log.Warn("a delivery cannot be read and is in quarantine",
				zap.Int64("delivery", r.DeliveryID), zap.String("source", list[i].Source), zap.String("reason", r.Reason))
		}
	}
	return len(list) == readAtOnce || size > bytesAtOnce, nil
}

// readOneByOne finds the reading that the store does not take, though it is
// there: that one must not hold up all that came with it.
func (d *Dispatcher) readOneByOne(ctx context.Context, list []store.Delivery, readings []store.Reading) error {
	for i := range readings {
		err := d.cfg.Inbox.Read(ctx, readings[i:i+1])
		if refused(err) {
			readings[i] = quarantined(list[i], err)
			err = d.cfg.Inbox.Read(ctx, readings[i:i+1])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// read says what a delivery is.
func (d *Dispatcher) read(in store.Delivery) store.Reading {
	res, err := d.parse(in)
	switch {
	case err != nil:
		return quarantined(in, err)
	case len(res.Alerts) > 0:
		return store.Reading{DeliveryID: in.ID, State: store.DeliveryNormalised, Dispatches: intake.Dispatches(res.Alerts)}
	case res.Note != "":
		return store.Reading{DeliveryID: in.ID, State: store.DeliveryRecorded, Reason: res.Note}
	}
	return quarantined(in, errors.New("the delivery holds nothing"))
}

func quarantined(in store.Delivery, reason error) store.Reading {
	return store.Reading{DeliveryID: in.ID, State: store.DeliveryQuarantined, Reason: reason.Error()}
}

// parse is the intake with a net under it: whatever a stranger sends, it must
// not stop the others.
func (d *Dispatcher) parse(in store.Delivery) (res intake.Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			d.cfg.Log.Error("the intake panicked", zap.Int64("delivery", in.ID), zap.Any("panic", p), zap.Stack("stack"))
			err = fmt.Errorf("reading the delivery failed in a way that is our fault: %v", p)
		}
	}()
	return d.cfg.Parse(in)
}

// refused reports whether the store is there and does not take what it was given.
func refused(err error) bool {
	k := incident.KindOf(err)
	return err != nil && k != incident.KindUnavailable && k != incident.KindThrottled
}

// retryable reports whether a failure may pass.
func retryable(err error) bool { return incident.KindOf(err).Retryable() }
