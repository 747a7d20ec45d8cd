package dispatch

import (
	"crypto/rand"
	"encoding/binary"
	"time"
)

// idEpoch is when ids begin; their milliseconds last until 2059.
var idEpoch = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

// NewID makes an incident's id: "inc-" and fourteen letters and digits, of
// which eight are the time in milliseconds, so that ids sort by age, and six
// are random. It is a workflow id and part of a NATS subject; the store refuses
// one that was given out before.
func NewID() string {
	var noise [8]byte
	rand.Read(noise[:]) // never fails
	id := []byte("inc-")
	id = appendDigits(id, uint64(time.Since(idEpoch).Milliseconds()), 8)
	return string(appendDigits(id, binary.BigEndian.Uint64(noise[:]), 6))
}

// appendDigits appends the lowest n base 32 digits of v, which sort as the
// numbers do.
func appendDigits(to []byte, v uint64, n int) []byte {
	const digits = "0123456789abcdefghijklmnopqrstuv"
	for i := n - 1; i >= 0; i-- {
		to = append(to, digits[v>>(5*i)&31])
	}
	return to
}
