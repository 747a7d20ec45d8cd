// Command clean removes a state directory, unless a process uses it.
package main

import (
	"fmt"
	"os"

	"vigil/deploy/statedir"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: clean DIRECTORY")
		os.Exit(2)
	}
	if err := statedir.Remove(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "clean:", err)
		os.Exit(1)
	}
}
