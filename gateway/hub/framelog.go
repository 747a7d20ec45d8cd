package hub

import "sort"

// frameLog is the tail of the event stream in memory, shared by all clients.
// Entries are numbered by an index that never repeats; a client's position is
// the index of the entry that it gets next. The hub's lock guards it.
//
// INVARIANT: every frame with floor < Offset <= last was appended and is still
// here. Attaching a client behind S is sound only while S >= floor.
type frameLog struct {
	epoch string
	floor uint64
	last  uint64

	maxFrames, maxBytes int

	entries []entry
	first   uint64 // index of entries[0]
	bytes   uint64 // of all entries ever appended
}

type entry struct {
	offset uint64
	start  uint64 // frameLog.bytes before this entry
	wire   wire
}

// next is the index that the next appended entry will have.
func (l *frameLog) next() uint64 { return l.first + uint64(len(l.entries)) }

// reset forgets everything and starts behind offset.
func (l *frameLog) reset(epoch string, offset uint64) {
	l.first = l.next()
	l.entries = nil
	l.epoch, l.floor, l.last = epoch, offset, offset
}

func (l *frameLog) append(offset uint64, w wire) {
	l.entries = append(l.entries, entry{offset: offset, start: l.bytes, wire: w})
	l.bytes += uint64(len(w))
	l.last = offset
}

// trim drops the oldest entries beyond the limits; the newest always stays.
func (l *frameLog) trim() {
	drop := 0
	for n := len(l.entries); n-drop > 1 &&
		(n-drop > l.maxFrames || l.bytes-l.entries[drop].start > uint64(l.maxBytes)); drop++ {
	}
	if drop == 0 {
		return
	}
	l.floor = l.entries[drop-1].offset
	clear(l.entries[:drop]) // the array lives on; what it pointed to need not
	l.entries = l.entries[drop:]
	l.first += uint64(drop)
}

// seek returns the index of the first entry after offset.
func (l *frameLog) seek(offset uint64) uint64 {
	i := sort.Search(len(l.entries), func(i int) bool { return l.entries[i].offset > offset })
	return l.first + uint64(i)
}

// read appends to buf up to limit entries from index pos on, which must not
// be below first.
func (l *frameLog) read(buf []entry, pos uint64, limit int) []entry {
	from := int(pos - l.first)
	return append(buf, l.entries[from:min(from+limit, len(l.entries))]...)
}

// backlog tells how far a client whose next entry is pos is behind. lost says
// that pos is no longer here; bytes is then what is.
func (l *frameLog) backlog(pos uint64) (frames int, bytes uint64, lost bool) {
	if pos >= l.next() {
		return 0, 0, false
	}
	lost = pos < l.first
	return int(l.next() - pos), l.bytes - l.entries[max(pos, l.first)-l.first].start, lost
}
