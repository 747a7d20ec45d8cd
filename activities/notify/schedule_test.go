package notify_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"vigil/activities/notify"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestOnCall(t *testing.T) {
	t.Parallel()
	berlin := zone(t, "Europe/Berlin")
	local := func(s string) time.Time {
		at, err := time.ParseInLocation("2006-01-02 15:04", s, berlin)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	weekly := notify.Schedule{Zone: berlin, Start: local("2026-03-09 09:00"), People: []string{"a", "b", "c"},
		Overrides: []notify.Override{{From: local("2026-03-17 12:00"), To: local("2026-03-18 12:00"), Person: "x"}}}
	fixed := notify.Schedule{Zone: berlin, Start: local("2026-03-09 09:00"), Every: 168 * time.Hour, People: []string{"a", "b", "c"}}
	for name, c := range map[string]struct {
		schedule notify.Schedule
		at, want string
	}{
		"first":                            {weekly, "2026-03-09 09:00", "a"},
		"end of the first week":            {weekly, "2026-03-16 08:59", "a"},
		"handover":                         {weekly, "2026-03-16 09:00", "b"},
		"before the override":              {weekly, "2026-03-17 11:59", "b"},
		"override":                         {weekly, "2026-03-17 12:00", "x"},
		"end of the override":              {weekly, "2026-03-18 12:00", "b"},
		"the week the clocks go on":        {weekly, "2026-03-29 12:00", "c"},
		"still nine o'clock, summer":       {weekly, "2026-03-30 08:59", "c"},
		"nine o'clock, summer":             {weekly, "2026-03-30 09:00", "a"},
		"the week the clocks go back":      {weekly, "2026-10-26 08:59", "c"},
		"nine o'clock, winter":             {weekly, "2026-10-26 09:00", "a"},
		"before the start":                 {weekly, "2026-03-09 08:59", "c"},
		"long before the start":            {weekly, "2025-03-10 09:00", "c"},
		"as many hours, in summer at ten":  {fixed, "2026-03-30 09:59", "c"},
		"as many hours, in summer the end": {fixed, "2026-03-30 10:00", "a"},
		"fixed, before the start":          {fixed, "2026-03-09 08:59", "c"},
	} {
		if got := notify.OnCall(c.schedule, local(c.at)); got != c.want {
			t.Errorf("%s: %s is on call, want %s", name, got, c.want)
		}
	}
}

var zones = []string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Sao_Paulo", "Pacific/Apia"}

// TestOneOnCall: at every instant exactly one person is on call, who is of the
// schedule; it changes at handovers alone; and each has every n-th shift.
func TestOneOnCall(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		z, err := time.LoadLocation(rapid.SampledFrom(zones).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		people := []string{"a", "b", "c", "d", "e"}[:rapid.IntRange(1, 5).Draw(t, "people")]
		instant := func(name string) time.Time {
			return time.Unix(rapid.Int64Range(time.Date(2010, 1, 1, 0, 0, 0, 0, time.UTC).Unix(), time.Date(2090, 1, 1, 0, 0, 0, 0, time.UTC).Unix()).Draw(t, name), 0)
		}
		s := notify.Schedule{Zone: z, Start: instant("start").Truncate(time.Minute), People: people}
		if rapid.Bool().Draw(t, "fixed") {
			s.Every = time.Duration(rapid.Int64Range(1, 2000).Draw(t, "hours")) * time.Hour
		}
		at := instant("at")
		who := notify.OnCall(s, at)
		i := slices.Index(people, who)
		if i < 0 {
			t.Fatalf("%q is on call", who)
		}
		// An instant has one person, whatever zone it is written in.
		if other := notify.OnCall(s, at.In(time.FixedZone("", 3600*5))); other != who {
			t.Fatalf("%s, and in another zone %s", who, other)
		}
		shift := s.Every
		if shift == 0 {
			shift = 7 * 24 * time.Hour
		}
		next := at.Add(shift)
		if s.Every == 0 { // a week by the clock on the wall
			l := at.In(z)
			next = time.Date(l.Year(), l.Month(), l.Day()+7, l.Hour(), l.Minute(), l.Second(), 0, z)
			if n := next.In(z); n.Hour() != l.Hour() || n.Minute() != l.Minute() || l.Equal(at) && time.Date(l.Year(), l.Month(), l.Day(), l.Hour(), l.Minute(), l.Second(), 0, z) != l {
				return // a time that the clocks skip or repeat has no same time a week on
			}
		}
		want := people[(i+1)%len(people)]
		if got := notify.OnCall(s, next); got != want {
			t.Fatalf("after %s comes %s, want %s", who, got, want)
		}
		// An override holds from its beginning until just before its end.
		s.Overrides = []notify.Override{{From: at, To: at.Add(time.Hour), Person: "x"}}
		if notify.OnCall(s, at) != "x" || notify.OnCall(s, at.Add(time.Hour-1)) != "x" || notify.OnCall(s, at.Add(time.Hour)) == "x" || notify.OnCall(s, at.Add(-1)) == "x" {
			t.Fatal("the override does not hold for its hour")
		}
	})
}

// TestHandovers: over two years a weekly schedule changes hands on the same
// weekday at the same time of day, and at no other instant.
func TestHandovers(t *testing.T) {
	t.Parallel()
	for _, name := range zones {
		f := mustParse(t, "channels: {c: {kind: sns, topic_arn: 'arn:aws:sns:eu-west-1:111122223333:v'}}\nteams: {t: {channels: [c]}}\npeople: {a: {}, b: {}}\n"+
			"schedules: {s: {zone: "+name+", start: 2026-01-01, handover: thursday 09:30, people: [a, b]}}")
		s, z := f.Schedules["s"], zone(t, name)
		at, changes := time.Date(2026, 1, 2, 0, 0, 0, 0, z), 0
		for last := notify.OnCall(s, at); at.Year() < 2028; at = at.Add(10 * time.Minute) {
			if now := notify.OnCall(s, at); now != last {
				last = now
				changes++
				if l := at.In(z); l.Weekday() != time.Thursday || l.Hour() != 9 || l.Minute() < 30 || l.Minute() >= 40 {
					t.Fatalf("%s: handover at %s", name, l)
				}
			}
		}
		if changes < 103 || changes > 105 {
			t.Errorf("%s: %d handovers in two years", name, changes)
		}
	}
}
