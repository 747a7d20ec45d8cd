package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"gopkg.in/yaml.v3"

	"vigil/gateway/analytics"
	"vigil/workflows/incident"
)

// A business file says what downtime costs, and what incidents took before:
//
//	currency: EUR
//	tiers:
//	  - name: tier_1
//	    cost_per_minute: 100
//	    cost_per_affected_user_minute: 0.02
//	services:                      # the first that fits holds
//	  - match: checkout            # a name, or a pattern such as payment-*
//	    tier: tier_1
//	    affected_users: 40000
//	baseline:                      # of incidents before Vigil
//	  mean_minutes: 47             # from the beginning of the trouble until resolved
//	  severity_minutes:            # instead, for these
//	    critical: 62
//	  incidents: 212
//	  source: our pager's report of the year before
//
// Nothing of it has a default: without the file there is no cost of downtime,
// without a baseline nothing is said to be saved.

const (
	// businessFileEvery is how often the file is looked at.
	businessFileEvery = 2 * time.Second
	maxBusinessFile   = 1 << 20
	maxRate           = 1e6        // of a minute, and of an affected user's
	maxMinutes        = 366 * 1440 // of a baseline
	maxAffectedUsers  = 10_000_000_000
)

var (
	currencyCode = regexp.MustCompile(`^[A-Z]{3}$`)
	tierName     = regexp.MustCompile(`^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,63}$`)
)

// ratesFile is a business file and what it last said. A version that cannot be
// read changes nothing: the last good one stays in force and the log says why.
type ratesFile struct {
	path    string
	log     *zap.Logger
	current atomic.Pointer[analytics.Rates]
	raw     []byte // what current was read from, or the last that failed
}

func openRatesFile(path string, log *zap.Logger) (*ratesFile, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("gateway: read the business file (--business-file): %w", err)
	}
	r, err := parseRates(raw)
	if err != nil {
		return nil, fmt.Errorf("gateway: business file %s: %w", path, err)
	}
	f := &ratesFile{path: path, log: log, raw: raw}
	f.current.Store(r)
	return f, nil
}

// watch rereads the file until ctx ends. It compares contents, which are few,
// because a replaced file may keep its time and size.
func (f *ratesFile) watch(ctx context.Context) error {
	tick := time.NewTicker(businessFileEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			f.reload()
		}
	}
}

func (f *ratesFile) reload() {
	raw, err := os.ReadFile(f.path)
	if err != nil {
		f.log.Warn("the business file cannot be read; the last version stays in force", zap.Error(err))
		return
	}
	if bytes.Equal(raw, f.raw) {
		return
	}
	f.raw = raw
	r, err := parseRates(raw)
	if err != nil {
		f.log.Error("the business file is wrong; the last version stays in force", zap.String("file", f.path), zap.Error(err))
		return
	}
	f.current.Store(r)
	f.log.Info("the business file was reloaded", zap.Int("tiers", len(r.Tiers)), zap.Bool("baseline", r.Baseline != nil))
}

// businessYAML is the file as it is written. What must be given is a pointer,
// so that what was left out is not taken for zero.
type businessYAML struct {
	Currency string `yaml:"currency"`
	Tiers    []struct {
		Name          string   `yaml:"name"`
		PerMinute     *float64 `yaml:"cost_per_minute"`
		PerUserMinute float64  `yaml:"cost_per_affected_user_minute"`
	} `yaml:"tiers"`
	Services []struct {
		Match string `yaml:"match"`
		Tier  string `yaml:"tier"`
		Users *int64 `yaml:"affected_users"`
	} `yaml:"services"`
	Baseline *struct {
		Minutes    *float64                      `yaml:"mean_minutes"`
		BySeverity map[incident.Severity]float64 `yaml:"severity_minutes"`
		Incidents  int                           `yaml:"incidents"`
		Source     string                        `yaml:"source"`
	} `yaml:"baseline"`
}

// parseRates reads a business file. Errors say what would be right.
func parseRates(raw []byte) (*analytics.Rates, error) {
	if len(raw) > maxBusinessFile {
		return nil, fmt.Errorf("it has %d bytes; %d are the most that is read", len(raw), maxBusinessFile)
	}
	var file businessYAML
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	dec.KnownFields(true)
	if err := dec.Decode(&file); errors.Is(err, io.EOF) {
		return nil, errors.New("it is empty; it needs currency, tiers and services")
	} else if err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("it has more than one document; put everything into one")
	}
	switch {
	case !currencyCode.MatchString(file.Currency):
		return nil, fmt.Errorf("currency is %q; use three capital letters, such as EUR (ISO 4217)", file.Currency)
	case len(file.Tiers) == 0:
		return nil, errors.New("it has no tiers; without one nothing has a price")
	case len(file.Services) == 0:
		return nil, errors.New("it has no services; say which service is of which tier (match: \"*\" takes all)")
	}
	r := &analytics.Rates{Currency: file.Currency, Tiers: map[string]analytics.Tier{}}
	for i, t := range file.Tiers {
		_, twice := r.Tiers[t.Name]
		switch {
		case !tierName.MatchString(t.Name):
			return nil, fmt.Errorf("name of tier %d is %q; use up to 64 letters, digits, spaces and . _ -", i+1, t.Name)
		case twice:
			return nil, fmt.Errorf("tier %q is there twice", t.Name)
		case t.PerMinute == nil:
			return nil, fmt.Errorf("tier %q has no cost_per_minute; give 0 where only affected users count", t.Name)
		case !within(*t.PerMinute, maxRate) || !within(t.PerUserMinute, maxRate):
			return nil, fmt.Errorf("the costs of tier %q must be from 0 to %d a minute", t.Name, int(maxRate))
		}
		r.Tiers[t.Name] = analytics.Tier{PerMinute: *t.PerMinute, PerUserMinute: t.PerUserMinute}
	}
	for i, s := range file.Services {
		_, known := r.Tiers[s.Tier]
		_, badPattern := path.Match(s.Match, "")
		switch {
		case s.Match == "" || badPattern != nil:
			return nil, fmt.Errorf("match of service %d is %q; use a name, or a pattern such as payment-*", i+1, s.Match)
		case !known:
			return nil, fmt.Errorf("service %q is of tier %q, which is not among the tiers", s.Match, s.Tier)
		case s.Users != nil && (*s.Users < 0 || *s.Users > maxAffectedUsers):
			return nil, fmt.Errorf("affected_users of %q is %d; use 0 to %d", s.Match, *s.Users, int64(maxAffectedUsers))
		}
		r.Services = append(r.Services, analytics.ServiceRate{Match: s.Match, Tier: s.Tier, Users: s.Users})
	}
	if b := file.Baseline; b != nil {
		switch {
		case b.Minutes == nil || *b.Minutes <= 0 || !within(*b.Minutes, maxMinutes):
			return nil, fmt.Errorf("mean_minutes of the baseline must be above 0 and at most %d", maxMinutes)
		case b.Incidents < 1:
			return nil, errors.New("incidents of the baseline must say how many incidents are behind it, 1 or more")
		case strings.TrimSpace(b.Source) == "" || len(b.Source) > 500:
			return nil, errors.New("source of the baseline must say where it is from, in up to 500 characters")
		}
		r.Baseline = &analytics.Baseline{Seconds: *b.Minutes * 60, N: b.Incidents, Source: strings.TrimSpace(b.Source), BySeverity: map[incident.Severity]float64{}}
		for s, minutes := range b.BySeverity {
			if !slices.Contains(incident.Severities, s) || minutes <= 0 || !within(minutes, maxMinutes) {
				return nil, fmt.Errorf("severity_minutes of the baseline says %v for %q; use critical, high, medium or low, and minutes above 0 and at most %d", minutes, s, maxMinutes)
			}
			r.Baseline.BySeverity[s] = minutes * 60
		}
	}
	return r, nil
}

// within reports whether v is a number from 0 to most; NaN is none.
func within(v, most float64) bool { return v >= 0 && v <= most && !math.IsNaN(v) }
