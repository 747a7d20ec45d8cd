package intake

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"vigil/gateway/store"
)

//go:embed mappings/*.yaml
var shippedMappings embed.FS

// maxMappingFiles bounds a folder of mappings.
const maxMappingFiles = 500

// Reader reads the deliveries of every source: by the format that code has for
// it, else by the mapping of that name. It may be used concurrently, also
// while Reload replaces the mappings.
type Reader struct {
	dir     string
	aliases func() map[string]string // may change while the reader is used
	shipped map[string]*Mapping

	current atomic.Pointer[map[string]readMapping] // never nil

	reloading sync.Mutex
	files     map[string]string // name and content, as Reload last found them
	failed    error             // what was wrong with them
}

// readMapping is a mapping in force.
type readMapping struct {
	*Mapping
	kind SourceKind
}

// SourceKind says who made what reads a source.
type SourceKind string

const (
	SourceBuiltIn SourceKind = "built in" // a format that code reads
	SourceShipped SourceKind = "shipped"  // a mapping that comes with Vigil
	SourceUser    SourceKind = "user"     // a mapping from the user's folder
)

// SourceInfo describes a source that alerts may be posted to.
type SourceInfo struct {
	Name  string
	About string // what its deliveries are
	Kind  SourceKind
	As    string // the format or mapping that an alias stands for, else ""
}

// NewReader returns a reader of the formats that code has, of the shipped
// mappings, and of those in the .yaml files of dir, which add to the shipped
// ones or replace them by name; "" is no folder. aliases, where it is not nil,
// names more sources, each with the format or mapping that reads it.
func NewReader(dir string, aliases func() map[string]string) (*Reader, error) {
	if aliases == nil {
		aliases = func() map[string]string { return nil }
	}
	shipped := map[string]*Mapping{}
	names, err := fs.Glob(shippedMappings, "mappings/*.yaml")
	if err != nil {
		return nil, fmt.Errorf("list the shipped mappings: %w", err)
	}
	for _, name := range names {
		raw, err := shippedMappings.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read the shipped mapping %s: %w", name, err)
		}
		m, err := NewMapping(name, raw)
		if err != nil {
			return nil, fmt.Errorf("shipped mapping: %w", err)
		}
		shipped[m.name] = m
	}
	r := &Reader{dir: dir, aliases: aliases, shipped: shipped}
	if _, err := r.Reload(); err != nil {
		return nil, err
	}
	return r, nil
}

// Parse reads a delivery. One of a source that nothing reads is an error of
// kind invalid, so that it is kept until a mapping for it is there.
func (r *Reader) Parse(d store.Delivery) (Result, error) {
	name := r.reads(d.Source)
	if f, ok := formats[name]; ok {
		return parse(f.read, d)
	}
	if m, ok := (*r.current.Load())[name]; ok {
		return m.Parse(d)
	}
	folder := "the folder of mappings"
	if r.dir != "" {
		folder = r.dir
	}
	return Result{}, invalid("nothing reads source %q. To have it read, put a mapping with \"name: %s\" into %s (gateway/intake/mappings/README.md shows how, and `gateway try` tries it), "+
		"or send to one of %s", clean(d.Source, MaxLabelName), clean(d.Source, MaxLabelName), folder, strings.Join(r.names(), ", "))
}

// reads is the format or mapping that is to read source.
func (r *Reader) reads(source string) string {
	if as, ok := r.aliases()[source]; ok {
		return as
	}
	return source
}

// Known tells whether something reads source.
func (r *Reader) Known(source string) bool {
	name := r.reads(source)
	_, builtIn := formats[name]
	_, mapped := (*r.current.Load())[name]
	return builtIn || mapped
}

// Sources describes all sources, sorted by name.
func (r *Reader) Sources() []SourceInfo {
	all := map[string]SourceInfo{}
	for name, f := range formats {
		all[name] = SourceInfo{Name: name, About: f.summary, Kind: SourceBuiltIn}
	}
	for name, m := range *r.current.Load() {
		all[name] = SourceInfo{Name: name, About: m.about, Kind: m.kind}
	}
	aliased := map[string]SourceInfo{}
	for name, as := range r.aliases() {
		info := all[as]
		info.Name, info.As = name, as
		aliased[name] = info
	}
	maps.Copy(all, aliased)
	out := make([]SourceInfo, 0, len(all))
	for _, name := range sortedKeys(all) {
		out = append(out, all[name])
	}
	return out
}

func (r *Reader) names() []string {
	var out []string
	for _, s := range r.Sources() {
		out = append(out, s.Name)
	}
	return out
}

// Reload reads the folder again. Where something in it is wrong, all mappings
// stay as they are and the error says what is wrong, until the files change.
func (r *Reader) Reload() (changed bool, err error) {
	r.reloading.Lock()
	defer r.reloading.Unlock()
	changed, _, err = r.reload()
	return changed, err
}

// reload also tells whether the files are others than the last time.
func (r *Reader) reload() (changed, differ bool, err error) {
	files, err := readMappings(r.dir)
	if err != nil {
		differ = r.failed == nil || r.failed.Error() != err.Error()
		r.failed, r.files = err, nil // also what a folder looks like for a moment while it is replaced
		return false, differ, err
	}
	if r.files != nil && maps.Equal(files, r.files) {
		return false, false, r.failed
	}
	r.files = files
	next, err := r.build(files)
	r.failed = err
	if err != nil {
		return false, true, err
	}
	r.current.Store(&next)
	return true, true, nil
}

// build makes the mappings that are to be in force of the user's files.
func (r *Reader) build(files map[string]string) (map[string]readMapping, error) {
	all := map[string]readMapping{}
	for name, m := range r.shipped {
		if _, taken := formats[name]; taken {
			return nil, fmt.Errorf("the shipped mapping %s has the name of a format that code reads", name)
		}
		all[name] = readMapping{m, SourceShipped}
	}
	var wrong []error
	from := map[string]string{}
	for _, file := range sortedKeys(files) {
		m, err := NewMapping(file, []byte(files[file]))
		switch {
		case err != nil:
			wrong = append(wrong, err)
			continue
		case from[m.name] != "":
			wrong = append(wrong, invalid("%s: name: %q is the name of the mapping in %s already", file, m.name, from[m.name]))
		case formats[m.name].read != nil:
			wrong = append(wrong, invalid("%s: name: %q is read by code; take another name, and make %q an alias of it if this mapping is to read that source", file, m.name, m.name))
		}
		from[m.name] = file
		all[m.name] = readMapping{m, SourceUser}
	}
	aliases := r.aliases()
	for _, name := range sortedKeys(aliases) {
		as := aliases[name]
		_, mapped := all[as]
		switch _, builtIn := formats[as]; {
		case !sourceName.MatchString(name):
			wrong = append(wrong, invalid("alias %q cannot be part of an address; use up to 63 of a-z, 0-9, dot, dash and underscore", name))
		case !mapped && !builtIn:
			wrong = append(wrong, invalid("alias %s: there is no format or mapping %q", name, as))
		}
	}
	return all, errors.Join(wrong...)
}

// readMappings returns the .yaml files of dir. Hidden files are passed over:
// editors and Kubernetes keep things of their own there.
func readMappings(dir string) (map[string]string, error) {
	files := map[string]string{}
	if dir == "" {
		return files, nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read the folder of mappings: %w", err)
	}
	for _, e := range entries {
		name := e.Name()
		if ext := filepath.Ext(name); strings.HasPrefix(name, ".") || ext != ".yaml" && ext != ".yml" {
			continue
		}
		path := filepath.Join(dir, name)
		info, err := os.Stat(path)
		switch {
		case err != nil:
			return nil, fmt.Errorf("read a mapping: %w", err)
		case !info.Mode().IsRegular():
			continue
		case info.Size() > MaxMappingBytes:
			return nil, invalid("%s: a mapping has at most %d bytes", name, MaxMappingBytes)
		case len(files) == maxMappingFiles:
			return nil, invalid("%s holds more than %d mappings", dir, maxMappingFiles)
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("read a mapping: %w", err)
		}
		files[name] = string(raw)
	}
	return files, nil
}

// Watch rereads the folder until ctx ends. onChange gets nil when other
// mappings are in force, and what is wrong when a change cannot be taken. It
// compares contents, which are few, because a replaced file may keep its time
// and size.
func (r *Reader) Watch(ctx context.Context, every time.Duration, onChange func(error)) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			r.reloading.Lock()
			_, differ, err := r.reload()
			r.reloading.Unlock()
			if differ {
				onChange(err)
			}
		}
	}
}
