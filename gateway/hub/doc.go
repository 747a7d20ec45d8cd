// Package hub is the WebSocket fan-out of the gateway: it knows connections,
// cursors and queues. Payloads are opaque bytes.
//
// The promise: every client receives each frame whose offset is higher than
// its starting point exactly once, in order, until its socket closes; the
// starting point is its own cursor, where that can be served, or a snapshot.
// There is no third way, so a client never has a silent gap.
//
// How it is kept. Frames go into one log in memory that all clients share.
// A client is a position in that log. A starting point is read from the
// Source (cursor S, and everything up to S), and the client is then placed in
// the log right behind S, under the log's lock. That is sound as long as the
// log still holds everything after S, which is checked there; otherwise
// another starting point is read. Whoever publishes must therefore have stored
// a frame, so that the Source sees it, before handing it to Publish.
//
// Ownership and concurrency. Each client has a reader goroutine (the one that
// called Serve) and a writer goroutine, and nobody else touches its socket.
// All methods of Hub are safe for concurrent use; frames must come in order,
// so one goroutine at a time calls Publish and Reset.
//
// Ephemeral frames are outside of the promise: they go to those who are up to
// date when they come, from a small ring that all clients share, and anybody
// may miss any of them.
//
// Limits. A client whose backlog in the log exceeds Config.QueueFrames or
// Config.QueueBytes is closed with event.CloseSlow and resumes from its
// cursor; it costs the others nothing, because the backlog is the shared log
// itself. What the kernel buffers for a socket comes on top. Client frames are
// limited in size and in rate; the first must be a hello. Protocol 1 defines
// no other client frame, so later ones are read, counted against the rate,
// and ignored.
package hub
