package rca

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// eventKind is what a platform's event is about.
type eventKind string

const (
	eventFailover    eventKind = "failover"
	eventRestart     eventKind = "restart"
	eventMaintenance eventKind = "maintenance"
	eventPromotion   eventKind = "replica promotion"
	eventStorage     eventKind = "storage"
	eventScaling     eventKind = "storage scaling"
	eventReplica     eventKind = "replication"
	eventConnections eventKind = "connections"
	eventCPU         eventKind = "CPU"
	eventMemory      eventKind = "memory"
	eventCheckpoint  eventKind = "checkpoints"
	eventConfig      eventKind = "configuration change"
	eventBackup      eventKind = "backup"
	eventHardware    eventKind = "hardware"
	eventOther       eventKind = "other"
)

// eventStage is how far what an event is about has come.
type eventStage int

const (
	stageNotice eventStage = iota
	stageStarted
	stageProgress
	stageDone
	stageFailed
)

// classified is an event with what it is about.
type classified struct {
	Event
	kind  eventKind
	stage eventStage
}

// The first that matches wins; the message counts before the platform's own
// categories, which are coarser.
var eventWords = []struct {
	kind  eventKind
	words *regexp.Regexp
}{
	{eventScaling, regexp.MustCompile(`(?i)storage auto-?scal|auto-?scaling.*storage|(allocated storage|storage size|volume).*(increas|expand|extended|modif)|(increas|expand)\w* (the )?(allocated )?storage from`)},
	{eventFailover, regexp.MustCompile(`(?i)fail(ed)?[- ]?over|multi-az.*(promot|switch)`)},
	{eventPromotion, regexp.MustCompile(`(?i)(promot\w+.*replica|replica.*promot)`)},
	{eventReplica, regexp.MustCompile(`(?i)replica(tion)?\b.*(lag|behind|delay|stopp|terminat|broken|error|interrupt)|(lag|delay)\w*.*replica`)},
	{eventCheckpoint, regexp.MustCompile(`(?i)checkpoint`)},
	{eventStorage, regexp.MustCompile(`(?i)(storage|disk|volume).*(space|full|\blow\b|utili[sz]ation|capacity|critical|consumed|exhausted)|no space left|insufficient storage|grown (to|by) .*[GT]i?B`)},
	{eventConnections, regexp.MustCompile(`(?i)connection slots|too many (connections|clients)|max_connections|\d+ connections|connection (count|limit)|current connections|connections may be refused`)},
	{eventMemory, regexp.MustCompile(`(?i)out[- ]?of[- ]?memory|\boom\b|memory (pressure|limit|is low)|low (on )?memory|swap`)},
	{eventCPU, regexp.MustCompile(`(?i)\bcpu\b`)},
	{eventHardware, regexp.MustCompile(`(?i)hardware|underlying host|host (failure|replacement|unreachable)|status check`)},
	{eventMaintenance, regexp.MustCompile(`(?i)maintenance|version upgrade|patch|upgrad`)},
	{eventBackup, regexp.MustCompile(`(?i)backup|back(ed|ing) up|snapshot`)},
	{eventConfig, regexp.MustCompile(`(?i)parameter group|option group|configuration|modif(y|ied|ication)|security group`)},
	{eventRestart, regexp.MustCompile(`(?i)re-?start|reboot|shut ?down|crash|recovery of the db|stopped|is available`)},
}

var (
	wordsFailed      = regexp.MustCompile(`(?i)ran out|out of storage|no space left|storage[- ]full|fail(ed|ure) to|could not|cannot|incompatible|unable|aborted`)
	wordsDone        = regexp.MustCompile(`(?i)complete|finish|success|is available|re-?started|has been (increas|updated|applied|promoted|modified)|\bis now\b|finalized|ended`)
	wordsProgress    = regexp.MustCompile(`(?i)in progress|restarting|being|applying|is underway`)
	wordsStarted     = regexp.MustCompile(`(?i)initiat|\bstart(ed|ing)|shut ?down|began|begin|trigger|will undergo`)
	wordsHealth      = regexp.MustCompile(`(?i)health[- ]?check|unhealthy|unreachable|not responding|unresponsive|heartbeat`)
	wordsFull        = regexp.MustCompile(`(?i)ran out of (storage|disk)|out of (storage|disk) space|storage[- ]full|no space left|insufficient storage|disk is full|volume is full|storage (for .{0,80})?has been (consumed|exhausted)`)
	wordsCritical    = regexp.MustCompile(`(?i)critical|imminent|almost full|exhaust`)
	wordsLow         = regexp.MustCompile(`(?i)\b(is|getting|running) low\b|low (free )?storage|more than 9\d ?%`)
	wordsNothing     = regexp.MustCompile(`(?i)(isn't|not) attempt`)
	wordsRefused     = regexp.MustCompile(`(?i)connection slots are reserved|remaining connection slots|too many (connections|clients)|refused|rejected`)
	wordsFrequent    = regexp.MustCompile(`(?i)too frequent|storm|\d+ checkpoints|seconds apart`)
	limitNumbers     = regexp.MustCompile(`(?i)(\d[\d,]*) (?:of|out of|/) (\d[\d,]*)`)
	limitMaximum     = regexp.MustCompile(`(?i)(?:maximum|limit|max_connections)\D{0,12}(\d[\d,]*)`)
	lagSeconds       = regexp.MustCompile(`(?i)(?:exceed\w*|lag\w*|behind)\D{0,24}?([\d.,]+) ?(s\b|sec\w*|min\w*|h\b|hour\w*)`)
	multiAZ          = regexp.MustCompile(`(?i)multi-?az`)
	wordsStopped     = regexp.MustCompile(`(?i)replication.*(stopp|terminat|broken|error|interrupt|fail)|replica.*(stopp|terminat|error)`)
	wordsResumed     = regexp.MustCompile(`(?i)resum|caught up|restored|re-?started`)
	wordsOutOfMemory = regexp.MustCompile(`(?i)out[- ]?of[- ]?memory|\boom\b`)
)

// classifyEvent says what an event is about, by its words.
func classifyEvent(e Event) classified {
	text := e.Message
	if len(text) > maxSQL {
		text = text[:maxSQL]
	}
	c := classified{Event: e, kind: eventOther}
	for _, w := range eventWords {
		if w.words.MatchString(text) {
			c.kind = w.kind
			break
		}
	}
	if wordsNothing.MatchString(text) {
		c.kind = eventOther
		return c
	}
	if c.kind == eventOther || c.kind == eventRestart {
		for _, w := range eventWords {
			if e.Category != "" && w.words.MatchString(e.Category) {
				c.kind = w.kind
				break
			}
		}
	}
	switch {
	case wordsFailed.MatchString(text):
		c.stage = stageFailed
	case wordsDone.MatchString(text):
		c.stage = stageDone
	case wordsStarted.MatchString(text):
		c.stage = stageStarted
	case wordsProgress.MatchString(text):
		c.stage = stageProgress
	}
	return c
}

// quote gives an event's words. They are the platform's, so they stand in quotes.
func (c classified) quote() string { return fmt.Sprintf("%q (%s)", clip(c.Message, 140), clock(c.At)) }

// episode is a run of events about one thing.
type episode struct {
	kind   eventKind
	events []classified
	began  time.Time
	ended  time.Time // of the last event
	done   bool      // the last word of it is that it is over
}

// apart is how far two events may be apart and still belong to one episode.
const apart = 30 * time.Minute

// episodes gathers events, oldest first, into runs. A plain "is available"
// ends the run before it.
func episodes(events []classified) []episode {
	var out []episode
	for _, c := range events {
		if c.kind == eventOther {
			continue
		}
		plain := c.kind == eventRestart && c.stage == stageDone
		at := slices.IndexFunc(out, func(e episode) bool {
			near := c.At.Sub(e.ended) <= apart
			return near && (e.kind == c.kind || plain && (e.kind == eventFailover || e.kind == eventMaintenance || e.kind == eventScaling || e.kind == eventPromotion))
		})
		if at < 0 {
			if plain {
				continue // it was available, and nothing says that it was not
			}
			out = append(out, episode{kind: c.kind, began: c.At})
			at = len(out) - 1
		}
		e := &out[at]
		e.events, e.ended = append(e.events, c), c.At
		if c.stage == stageDone {
			e.done = true
		} else if c.stage == stageStarted || c.stage == stageProgress || c.stage == stageFailed {
			e.done = false
		}
	}
	return out
}

// matching returns the first event of the episode whose words match.
func (e episode) matching(words *regexp.Regexp) (classified, bool) {
	for _, c := range e.events {
		if words.MatchString(c.Message) {
			return c, true
		}
	}
	return classified{}, false
}

func (e episode) cites() []string {
	var out []string
	for _, c := range e.events {
		out = append(out, c.Evidence)
	}
	return unique(out)
}

// when gives the episode's span of time.
func (e episode) when() string {
	if e.ended.Sub(e.began) < time.Second {
		return "at " + clock(e.began)
	}
	return fmt.Sprintf("from %s to %s", clock(e.began), clock(e.ended))
}

// connectionLimit reads how many connections there may be from an event's words.
func connectionLimit(events []classified) (float64, string) {
	var limit float64
	var cite string
	for _, c := range events {
		if c.kind != eventConnections {
			continue
		}
		for _, m := range [][]string{limitNumbers.FindStringSubmatch(c.Message), limitMaximum.FindStringSubmatch(c.Message)} {
			if m == nil {
				continue
			}
			if v, err := strconv.ParseFloat(strings.ReplaceAll(m[len(m)-1], ",", ""), 64); err == nil && v > limit {
				limit, cite = v, c.Evidence
			}
		}
	}
	return limit, cite
}

// lagSaid reads the longest replication lag that events speak of, in seconds.
func lagSaid(events []classified) (float64, classified) {
	var most float64
	var which classified
	for _, c := range events {
		if c.kind != eventReplica {
			continue
		}
		for _, m := range lagSeconds.FindAllStringSubmatch(c.Message, 4) {
			v, err := strconv.ParseFloat(strings.ReplaceAll(m[1], ",", ""), 64)
			if err != nil {
				continue
			}
			switch strings.ToLower(m[2])[0] {
			case 'm':
				v *= 60
			case 'h':
				v *= 3600
			}
			if v > most {
				most, which = v, c
			}
		}
	}
	return most, which
}
