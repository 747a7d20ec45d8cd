package gateway

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path"
	"regexp"
	"slices"

	"github.com/labstack/echo/v4"

	"vigil/workflows/incident"
)

// maxWhole bounds a piece of evidence that is served whole.
const maxWhole = 64 << 20

// contentName is what evidence is kept under: the SHA-256 of its content. A
// name of this form leads to no other directory.
var contentName = regexp.MustCompile(`^[0-9a-f]{64}$`)

// wholeEvidence serves evidence that was too large for a history, where it is
// kept in a directory that this gateway can read. The worker may know that
// directory by another name, so the file is found by its hash, which is
// checked, and not by the path in the reference.
func (a *api) wholeEvidence(c echo.Context) error {
	view, err := a.store.Incident(c.Request().Context(), c.Param("id"))
	if err != nil {
		return err
	}
	id := c.Param("evidence_id")
	i := slices.IndexFunc(view.Evidence, func(e incident.Evidence) bool { return e.ID == id })
	switch {
	case i < 0:
		return incident.Errorf(incident.KindNotFound, "incident %s has no evidence %q", view.IncidentID, id)
	case view.Evidence[i].Ref == "" && view.Evidence[i].Bytes > 0:
		return incident.Errorf(incident.KindNotFound, "only the shortened form of evidence %s was kept; give workers a place to keep the whole", id)
	case view.Evidence[i].Ref == "":
		return incident.Errorf(incident.KindNotFound, "evidence %s was not shortened; the incident has all of it", id)
	}
	raw, err := a.readKept(view.Evidence[i].Ref)
	if err != nil {
		return err
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.Blob(http.StatusOK, mediaJSON, raw)
}

func (a *api) readKept(ref string) ([]byte, error) {
	u, err := url.Parse(ref)
	if err != nil || u.Scheme != "file" {
		return nil, incident.Errorf(incident.KindConflict, "it is kept at %s, which the gateway does not read; read it there", ref)
	}
	name := path.Base(u.Path)
	if a.cfg.EvidenceDir == "" || !contentName.MatchString(name) {
		return nil, incident.Errorf(incident.KindConflict, "it is kept at %s on the worker's disk; read it there, or give the gateway that directory (--evidence-dir)", ref)
	}
	root, err := os.OpenRoot(a.cfg.EvidenceDir)
	if err != nil {
		return nil, &incident.Error{Kind: incident.KindUnavailable, Op: "open the directory of evidence", Msg: "the directory of --evidence-dir cannot be opened", Err: err}
	}
	defer root.Close()
	raw, err := readRegular(root, path.Join(name[:2], name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, incident.Errorf(incident.KindNotFound, "it was kept at %s and is not there any more, or not where this gateway looks (--evidence-dir)", ref)
	case err != nil:
		return nil, &incident.Error{Kind: incident.KindUnavailable, Op: "read evidence", Msg: "what is kept at " + ref + " cannot be read", Err: err}
	}
	if sum := sha256.Sum256(raw); hex.EncodeToString(sum[:]) != name || !json.Valid(raw) {
		return nil, incident.Errorf(incident.KindConflict, "what is at %s now is not what was kept there: its hash is another", ref)
	}
	return raw, nil
}

func readRegular(root *os.Root, name string) ([]byte, error) {
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxWhole {
		return nil, fmt.Errorf("%s is no file of up to %d bytes", name, maxWhole)
	}
	return io.ReadAll(io.LimitReader(f, maxWhole))
}
