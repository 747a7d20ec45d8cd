package hub

import (
	"encoding/binary"
	"net"
	"time"

	"github.com/gorilla/websocket"
)

// wire is a whole WebSocket frame as it goes over the wire. It is the same for
// every client, because a server does not mask, so it is encoded once and its
// bytes are shared.
//
// It is written to the connection beside gorilla's Conn, which spares each
// client the library's own bookkeeping for every frame. That is sound because
// a net.Conn writes each Write as a whole, whoever else writes. The library
// itself writes only at the end: its write deadlines stay on the connection.
type wire []byte

// encode makes one unfragmented text frame.
func encode(body []byte) wire { return encodeAs(websocket.TextMessage, body) }

// encodeAs makes one unfragmented frame of a kind (RFC 6455, section 5.2).
func encodeAs(kind byte, body []byte) wire {
	const final = 0x80
	w := make(wire, 0, len(body)+10)
	w = append(w, final|kind)
	switch n := len(body); {
	case n <= 125:
		w = append(w, byte(n))
	case n <= 0xffff:
		w = binary.BigEndian.AppendUint16(append(w, 126), uint16(n))
	default:
		w = binary.BigEndian.AppendUint64(append(w, 127), uint64(n))
	}
	return append(w, body...)
}

// send writes one frame. How long that may take is for startWatch to see to: a
// deadline on the connection would have to be moved with every write, which
// costs more than the rest of it.
func (w *writer) send(frame wire) error {
	if err := w.beginWrite(); err != nil {
		return err
	}
	_, err := w.conn.NetConn().Write(frame)
	w.writing.Store(0)
	return err
}

// sendAll writes several frames with one system call.
func (w *writer) sendAll(frames net.Buffers) error {
	if err := w.beginWrite(); err != nil {
		return err
	}
	_, err := frames.WriteTo(w.conn.NetConn())
	w.writing.Store(0)
	return err
}

func (w *writer) beginWrite() error {
	select {
	case <-w.done:
		return errFailed
	default:
	}
	w.writing.Store(int64(time.Since(w.hub.start)))
	return nil
}
