package main

import (
	"flag"
	"fmt"
	"maps"
	"slices"
)

// adopt adds another program's flags to fs, but for those that this process
// decides itself and those that fs has already, and returns their names.
func adopt(fs *flag.FlagSet, add func(*flag.FlagSet), except ...string) []string {
	theirs := flag.NewFlagSet("", flag.ContinueOnError)
	add(theirs)
	var names []string
	theirs.VisitAll(func(f *flag.Flag) {
		if slices.Contains(except, f.Name) {
			return
		}
		names = append(names, f.Name)
		if fs.Lookup(f.Name) == nil {
			fs.Var(f.Value, f.Name, f.Usage)
		}
	})
	return names
}

// given are those of the named flags that somebody set, as arguments.
func given(fs *flag.FlagSet, names []string) []string {
	var args []string
	fs.Visit(func(f *flag.Flag) {
		if slices.Contains(names, f.Name) {
			args = append(args, "--"+f.Name+"="+f.Value.String())
		}
	})
	return args
}

// defaults sets the flags that nobody set.
func defaults(fs *flag.FlagSet, values map[string]string) error {
	set := map[string]bool{}
	fs.Visit(func(f *flag.Flag) { set[f.Name] = true })
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if set[name] {
			continue
		}
		if err := fs.Set(name, values[name]); err != nil {
			return fmt.Errorf("default of --%s: %w", name, err)
		}
	}
	return nil
}
