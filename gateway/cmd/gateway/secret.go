package main

import (
	"errors"
	"fmt"
	"io"

	"vigil/gateway/sender"
)

// makeSecret prints a new secret, which nothing else keeps, and its hash.
func makeSecret(args []string, out io.Writer) error {
	if len(args) != 0 {
		return errors.New("gateway secret: it takes no arguments; it prints a secret, and its hash for an entry of the sources file")
	}
	secret, hash := sender.NewSecret()
	_, err := fmt.Fprintf(out, "# The secret, for the settings of the sender and shown only now. To check signatures\n"+
		"# made with it, put it into a file that secret_files of the source names:\n#   %s\n"+
		"# Its hash, for a header or a routing_key in the sources file:\n#   sha256: [\"%s\"]\n", secret, hash)
	return err
}
