package activities

import "strings"

const (
	// holdBack is how much of a text is kept until more has come: a secret
	// shows as one only once enough of it is there, or what stands before or
	// after it.
	holdBack = 200
	// stride is how much comes before it is looked at again.
	stride = 48
	// maxHeld bounds what is kept: a text that has no place to cut it, such as
	// a key that never ends, is not read aloud any further.
	maxHeld = 4 << 10
)

// redactor redacts a text that comes in pieces, and hands on what is certain.
// It cuts between words, and only where redacting what is before and what is
// after the cut gives the same as redacting both together, so that no secret
// is ever cut. Nothing is taken back.
type redactor struct {
	emit func(string)

	held   string
	looked int // bytes of held when it was last looked at
	silent bool
}

func (r *redactor) write(piece string) {
	if r.silent {
		return
	}
	r.held += piece
	if len(r.held)-r.looked < stride || len(r.held) <= holdBack {
		return
	}
	r.looked = len(r.held)
	cut := strings.LastIndexAny(r.held[:len(r.held)-holdBack], " \t\n")
	if cut > 0 {
		before, after := Redact(r.held[:cut]), Redact(r.held[cut:])
		if before+after == Redact(r.held) {
			r.emit(before)
			r.held = r.held[cut:]
			r.looked = len(r.held)
			return
		}
	}
	r.silent = len(r.held) > maxHeld
}

// flush hands on what was held back, once the text is whole.
func (r *redactor) flush() {
	if rest := Redact(r.held); !r.silent && rest != "" {
		r.emit(rest)
	}
}
