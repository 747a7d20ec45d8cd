package hub

import (
	"encoding/json"
	"net/http"
	"sync"

	"github.com/gorilla/websocket"
)

func newUpgrader(cfg Config) websocket.Upgrader {
	return websocket.Upgrader{
		HandshakeTimeout: cfg.HelloWait,
		// Frames to all clients are encoded once, so that a socket needs a
		// write buffer only for its own few frames.
		WriteBufferPool: new(sync.Pool),
		ReadBufferSize:  1024,
		WriteBufferSize: 4096,
		CheckOrigin:     cfg.CheckOrigin,
		Error: func(w http.ResponseWriter, r *http.Request, status int, reason error) {
			problem(w, r, status, reason)
		},
	}
}

// problem answers with an RFC 9457 document.
func problem(w http.ResponseWriter, r *http.Request, status int, reason error) {
	body, err := json.Marshal(map[string]any{
		"type": "about:blank", "title": http.StatusText(status), "status": status,
		"detail": reason.Error(), "instance": r.URL.Path,
	})
	if err != nil {
		http.Error(w, http.StatusText(status), status)
		return
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // the peer may be gone; there is nobody else to tell
}
