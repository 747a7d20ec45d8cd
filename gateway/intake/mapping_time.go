package intake

import (
	"math"
	"strconv"
	"strings"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// timeLayouts are those without a letter for the zone last: such times are UTC.
var timeLayouts = []string{
	time.RFC3339Nano, "2006-01-02T15:04:05.999999999Z0700", "2006-01-02 15:04:05.999999999Z07:00",
	"2006-01-02 15:04:05.999999999 -0700", "2006-01-02 15:04:05.999999999 MST", time.RFC1123Z, time.RFC1123,
	"2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", "2006.01.02 15:04:05", "2006/01/02 15:04:05",
}

// readTime reads a time in any of the layouts above, or seconds, milliseconds,
// microseconds or nanoseconds since 1970, told apart by how many there are.
// The zero time means that it is none of these; sources write 0 where they
// have no time.
func readTime(x ref.Val) time.Time {
	if t, ok := x.(types.Timestamp); ok {
		return within(t.Time)
	}
	s := strings.TrimSpace(text(x))
	if len(s) > 64 {
		return time.Time{}
	}
	if t, isEpoch := epoch(s); isEpoch {
		return within(t)
	}
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, s); err == nil && knownZone(t) {
			return within(t)
		}
	}
	return time.Time{}
}

// epoch reads a number of seconds or of parts of them.
func epoch(s string) (time.Time, bool) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		switch {
		case n <= 0:
			return time.Time{}, true
		case n < 1e11:
			return time.Unix(n, 0), true
		case n < 1e14:
			return time.UnixMilli(n), true
		case n < 1e17:
			return time.UnixMicro(n), true
		}
		return time.Unix(0, n), true
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return time.Time{}, false
	}
	if f > 0 && f < 1e11 {
		whole, part := math.Modf(f)
		return time.Unix(int64(whole), int64(part*1e6)*1e3), true // a float64 of today holds no more digits
	}
	if f >= 1e11 && f < 1e14 {
		return time.UnixMilli(int64(f)), true
	}
	return time.Time{}, true
}

// knownZone refuses what time.Parse makes of the letters of a zone that it
// does not know: the same hour in UTC.
func knownZone(t time.Time) bool {
	name, offset := t.Zone()
	return offset != 0 || name == "" || name == "UTC" || name == "GMT"
}

// within drops times that cannot be written as JSON again.
func within(t time.Time) time.Time {
	if t = t.UTC(); t.Year() >= 1 && t.Year() <= 9999 {
		return t
	}
	return time.Time{}
}

// timestamp is readTime for expressions: null where there is no time.
func timestamp(x ref.Val) ref.Val {
	if t := readTime(x); !t.IsZero() {
		return types.Timestamp{Time: t}
	}
	return types.NullValue
}

func formatTime(t types.Timestamp) string { return t.Time.UTC().Format(time.RFC3339Nano) }
