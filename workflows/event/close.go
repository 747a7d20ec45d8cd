package event

// Close codes of the WebSocket. From 4000 to 4099 the client may come back
// with its cursor; from 4100 on it must not before something has changed.
const (
	CloseShutdown     = 4000 // the gateway stops; come back at once
	CloseSlow         = 4001 // the client fell behind its queue; come back with the cursor
	CloseNoPong       = 4002 // no answer to a ping in time
	CloseUnavailable  = 4003 // the store cannot be read right now; come back later
	CloseBadHello     = 4100 // the first frame was not a valid hello
	CloseProtocol     = 4101 // a protocol version that is not spoken here
	CloseUnauthorized = 4102 // the principal may no longer watch
	CloseTooLarge     = 4103 // a client frame over the limit
	CloseRate         = 4104 // too many client frames
)

// CloseReasons says each code in words.
var CloseReasons = map[int]string{
	CloseShutdown:     "the gateway is shutting down",
	CloseSlow:         "the client fell behind",
	CloseNoPong:       "no pong in time",
	CloseUnavailable:  "the gateway cannot read its store",
	CloseBadHello:     "the first frame must be a hello",
	CloseProtocol:     "protocol version not supported",
	CloseUnauthorized: "not authorized",
	CloseTooLarge:     "frame over 64 KB",
	CloseRate:         "too many frames",
}

// MayReconnect reports whether a client closed with code may come back.
// Codes outside our range (1006 and its like) are network trouble: it may.
func MayReconnect(code int) bool { return code < 4100 || code > 4999 }
