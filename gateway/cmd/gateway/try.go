package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"vigil/gateway/intake"
	"vigil/gateway/store"
	"vigil/workflows/incident"
)

const tryUsage = `gateway try shows what would come of a delivery. It sends nothing and keeps nothing.

  gateway try [flags] MAPPING.yaml PAYLOAD     by a mapping
  gateway try [flags] --source NAME PAYLOAD    by what the gateway has for that source

PAYLOAD is a file with the body of a delivery as it came; - is standard input.

Flags:
`

// maxTried is how much of a payload is read: more than a gateway takes unless
// it is told otherwise.
const maxTried = 64 << 20

// headers is a flag that may be given several times.
type headers map[string]string

func (h headers) String() string { return "" }

func (h headers) Set(s string) error {
	name, value, ok := strings.Cut(s, "=")
	if !ok || name == "" {
		return errors.New("write it as name=value")
	}
	h[strings.ToLower(name)] = value
	return nil
}

// tried is what --json prints.
type tried struct {
	ReadBy string           `json:"read_by"`
	Alerts []incident.Alert `json:"alerts"`
	Note   string           `json:"note,omitempty"`
}

// try reads a payload as the gateway would and prints what comes of it.
func try(args []string, in io.Reader, out, stderr io.Writer) error {
	fs := flag.NewFlagSet("gateway try", flag.ContinueOnError)
	source := fs.String("source", "", "read the payload as one that was posted to this `source`")
	contentType := fs.String("content-type", "", "the delivery's content `type`; application/json unless the payload is named .txt or .form")
	kept := headers{}
	fs.Var(kept, "header", "a header of the delivery, as `name=value`; may be repeated")
	asJSON := fs.Bool("json", false, "print JSON")
	fs.SetOutput(stderr)
	fs.Usage = func() {
		fmt.Fprint(stderr, tryUsage)
		fs.PrintDefaults()
	}
	files, err := mixed(fs, args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return nil
	case err != nil:
		return fmt.Errorf("gateway try: %w; see gateway try --help", err)
	case *source == "" && len(files) != 2:
		return errors.New("gateway try: give a mapping and a payload, such as: gateway try zabbix.yaml payload.json")
	case *source != "" && len(files) != 1:
		return errors.New("gateway try: give one payload beside --source, such as: gateway try --source alertmanager payload.json")
	}
	payload := files[len(files)-1]
	body, err := readPayload(payload, in)
	if err != nil {
		return fmt.Errorf("gateway try: read the payload: %w", err)
	}
	d := store.Delivery{Source: *source, ReceivedAt: time.Now().UTC(), ContentType: *contentType, Headers: kept, Body: body, Origin: incident.OriginLive}
	if d.ContentType == "" {
		d.ContentType = cmp.Or(contentTypes[filepath.Ext(payload)], "application/json")
	}
	parse, readBy, err := chooseReader(&d, files)
	if err != nil {
		return fmt.Errorf("gateway try: %w", err)
	}
	res, err := parse(d)
	if err != nil {
		return fmt.Errorf("quarantined: %w", err)
	}
	if *asJSON {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		return enc.Encode(tried{readBy, append([]incident.Alert{}, res.Alerts...), res.Note})
	}
	return printResult(out, readBy, res)
}

var contentTypes = map[string]string{".txt": "text/plain", ".form": "application/x-www-form-urlencoded"}

// mixed parses flags that may also stand behind the files.
func mixed(fs *flag.FlagSet, args []string) (files []string, err error) {
	for {
		if err := fs.Parse(args); err != nil {
			return nil, err
		}
		if fs.NArg() == 0 {
			return files, nil
		}
		files, args = append(files, fs.Arg(0)), fs.Args()[1:]
	}
}

func readPayload(path string, in io.Reader) ([]byte, error) {
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	body, err := io.ReadAll(io.LimitReader(in, maxTried+1))
	if len(body) > maxTried {
		return nil, fmt.Errorf("it is larger than %d bytes", maxTried)
	}
	return body, err
}

// chooseReader returns what reads d, and a line about it.
func chooseReader(d *store.Delivery, files []string) (func(store.Delivery) (intake.Result, error), string, error) {
	if d.Source == "" {
		raw, err := os.ReadFile(files[0])
		if err != nil {
			return nil, "", fmt.Errorf("read the mapping: %w", err)
		}
		m, err := intake.NewMapping(files[0], raw)
		if err != nil {
			return nil, "", fmt.Errorf("the mapping is wrong:\n%w", err)
		}
		d.Source = m.Name()
		return m.Parse, fmt.Sprintf("mapping %s: %s", m.Name(), m.About()), nil
	}
	r, err := intake.NewReader("", nil)
	if err != nil {
		return nil, "", err
	}
	for _, s := range r.Sources() {
		if s.Name == d.Source {
			return r.Parse, fmt.Sprintf("%s (%s): %s", s.Name, s.Kind, s.About), nil
		}
	}
	return r.Parse, d.Source, nil // an error that says which sources there are
}

// printResult prints what people compare with their payload. Fields that are
// empty are shown as such: they are what a mapping may have missed.
func printResult(out io.Writer, readBy string, res intake.Result) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Read by %s\n", readBy)
	if len(res.Alerts) == 0 {
		fmt.Fprintf(&b, "\nNo alert. Recorded for a person:\n  %s\n", indented(res.Note))
	}
	for i, a := range res.Alerts {
		fmt.Fprintf(&b, "\nAlert %d of %d\n", i+1, len(res.Alerts))
		for _, row := range [][2]string{
			{"key", a.CorrelationKey}, {"fingerprint", a.Fingerprint}, {"status", string(a.Status)}, {"severity", string(a.Severity)},
			{"title", a.Title}, {"description", a.Description}, {"service", a.Service}, {"starts at", moment(a.StartsAt)}, {"ends at", moment(a.EndsAt)},
		} {
			fmt.Fprintf(&b, "  %-12s %s\n", row[0], indented(orDash(row[1])))
		}
		fmt.Fprintf(&b, "  %-12s %s\n", "labels", indented(orDash(labels(a.Labels))))
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func indented(s string) string { return strings.ReplaceAll(s, "\n", "\n               ") }

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339Nano)
}

// labels lists labels in the order of their names.
func labels(m map[string]string) string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		lines = append(lines, name+" = "+m[name])
	}
	return strings.Join(lines, "\n")
}
