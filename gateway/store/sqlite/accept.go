package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"vigil/gateway/store"
	"vigil/workflows/incident"
)

// Group commit: syncing costs the same for one delivery as for many, so one
// goroutine takes whatever is waiting, inserts it in one transaction, and
// answers all callers once that is on disk. Nobody waits for company: the
// first request of a group is committed with whatever came while the group
// before it was being synced.
const (
	acceptQueue = 1024     // callers that may wait; beyond it we are overloaded and say so
	groupMax    = 256      // deliveries in one transaction
	groupBytes  = 32 << 20 // of bodies in one transaction; one delivery may exceed it alone
	commitLimit = 30 * time.Second
)

type acceptRequest struct {
	delivery store.Delivery
	headers  string
	done     chan acceptResult // buffered: the committer never waits for a caller that left
}

type acceptResult struct {
	id  int64
	err error
}

// Accept implements store.Inbox. Where ctx ends first the delivery may still
// be stored: the caller does not know, its sender repeats, and the content
// keys of the alerts tell the repetition.
func (s *Store) Accept(ctx context.Context, d store.Delivery) (int64, error) {
	headers, err := json.Marshal(nonNil(d.Headers))
	if err != nil {
		return 0, fmt.Errorf("store: accept delivery: encode headers: %w", err)
	}
	req := acceptRequest{delivery: d, headers: string(headers), done: make(chan acceptResult, 1)}
	if err := ctx.Err(); err != nil {
		return 0, s.failure("accept delivery", err)
	}
	select {
	case <-s.stop:
		return 0, s.closed()
	default:
	}
	select {
	case s.accepts <- req:
	default:
		return 0, &incident.Error{Kind: incident.KindUnavailable, Op: "store: accept delivery",
			Msg: fmt.Sprintf("%d deliveries already wait to be written; send it again later", acceptQueue)}
	}
	select {
	case r := <-req.done:
		return r.id, r.err
	case <-ctx.Done():
		return 0, s.failure("accept delivery", ctx.Err())
	case <-s.stop:
	}
	// Closing: the committer still answers what it took before it saw stop.
	s.stopped.Wait()
	select {
	case r := <-req.done:
		return r.id, r.err
	default:
		return 0, s.closed()
	}
}

func (s *Store) closed() error {
	return &incident.Error{Kind: incident.KindUnavailable, Op: "store: accept delivery", Msg: "the store is closed"}
}

// commitAccepts is the committer. It owns the receiving end of s.accepts.
func (s *Store) commitAccepts() {
	var next *acceptRequest // taken from the queue, too large for the group before
	for {
		var first acceptRequest
		if next != nil {
			first, next = *next, nil
		} else {
			select {
			case first = <-s.accepts:
			case <-s.stop:
				s.drain()
				return
			}
		}
		var group []acceptRequest
		group, next = s.gather(first)
		s.commit(group)
	}
}

// gather adds to first what is already waiting, within the limits of a group.
func (s *Store) gather(first acceptRequest) (group []acceptRequest, next *acceptRequest) {
	group, size := append(group, first), len(first.delivery.Body)
	for len(group) < groupMax {
		select {
		case r := <-s.accepts:
			if size += len(r.delivery.Body); size > groupBytes {
				return group, &r
			}
			group = append(group, r)
		default:
			return group, nil
		}
	}
	return group, nil
}

// drain commits what was queued before the store was closed.
func (s *Store) drain() {
	for {
		select {
		case r := <-s.accepts:
			s.commit([]acceptRequest{r})
		default:
			return
		}
	}
}

func (s *Store) commit(group []acceptRequest) {
	// Not a caller's context: one that leaves must not undo the others.
	ctx, cancel := context.WithTimeout(context.Background(), commitLimit)
	defer cancel()
	ids := make([]int64, len(group))
	err := s.transact(ctx, s.w, "accept delivery", func(tx *sql.Tx) error { // not in turn: see write
		stmt, err := tx.PrepareContext(ctx, `INSERT INTO deliveries
			(source, received_at, content_type, headers, body, principal, origin) VALUES (?, ?, ?, ?, ?, ?, ?)`)
		if err != nil {
			return err
		}
		defer stmt.Close()
		for i, r := range group {
			d := r.delivery
			res, err := stmt.ExecContext(ctx, d.Source, micros(d.ReceivedAt), d.ContentType, r.headers,
				nonNilBytes(d.Body), d.Principal, string(d.Origin))
			if err != nil {
				return err
			}
			if ids[i], err = res.LastInsertId(); err != nil {
				return err
			}
		}
		return nil
	})
	for i, r := range group {
		if err != nil {
			r.done <- acceptResult{err: err}
		} else {
			r.done <- acceptResult{id: ids[i]}
		}
	}
}

func nonNil(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

func nonNilBytes(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
