package main

import (
	"errors"
	"fmt"
	"io"

	"vigil/gateway"
	"vigil/workflows/incident"
)

// makeToken prints a new token, which nothing else keeps, and the entry that
// makes it good.
func makeToken(args []string, out io.Writer) error {
	if len(args) != 2 {
		return errors.New("gateway token: give a name and a role, such as: gateway token alice approver")
	}
	token, entry, err := gateway.NewToken(args[0], incident.Role(args[1]))
	if err != nil {
		return fmt.Errorf("gateway token: %w", err)
	}
	_, err = fmt.Fprintf(out, "# The token, to be handed to %s and shown only now:\n#   %s\n# Its entry, to go under principals in the token file:\n%s", args[0], token, entry)
	return err
}
