package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"github.com/gorilla/websocket"

	"vigil/internal/lifecycle"
)

// measureBare writes a frame of the same size to the same number of sockets,
// one after the other, in one loop: no stream, no store, no hub.
func measureBare(ctx context.Context, o options, frame []byte) (res result, err error) {
	var mu sync.Mutex
	var conns []*websocket.Conn
	var upgrader websocket.Upgrader
	var url string
	serve, err := listen(&url, func(w http.ResponseWriter, r *http.Request) {
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return // the upgrader has answered
		}
		mu.Lock()
		defer mu.Unlock()
		conns = append(conns, conn)
	})
	if err != nil {
		return res, err
	}
	var group lifecycle.Group
	group.Add(serve)
	defer func() {
		for _, c := range conns {
			err = errors.Join(err, c.Close())
		}
		err = errors.Join(err, group.Stop(context.WithoutCancel(ctx)))
	}()
	if err := group.Start(ctx); err != nil {
		return res, err
	}
	res, err = drive(ctx, o, url, func(i int) error {
		// The number in front is where the clients look for it.
		body := append([]byte(fmt.Sprintf(`{"seq":%d,`, i+1)), frame[1:]...)
		msg, err := websocket.NewPreparedMessage(websocket.TextMessage, body)
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		for _, c := range conns {
			if err := c.WritePreparedMessage(msg); err != nil {
				return fmt.Errorf("write to %s: %w", c.RemoteAddr(), err)
			}
		}
		return nil
	})
	return res, err
}
