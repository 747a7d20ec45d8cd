// Package keeper keeps what is too large for a history under the hash of its
// content: in a directory (Directory) or in a bucket (S3). The same content is
// the same place, so keeping it again changes nothing, and what was kept can be
// checked against its name.
//
// A Directory belongs to one machine: workers on several machines that hand
// incidents to one another share a mounted one, or use S3. Nothing is ever
// removed here; age it out by the file system's or the bucket's own rules, as
// long as incidents are to be looked at. Content is kept as it is given; who
// gives it redacts it.
//
// Both are safe for concurrent use, by several processes too.
package keeper

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"vigil/activities"
	"vigil/workflows/incident"
)

// Directory keeps content in files of one directory, readable by their owner.
type Directory struct{ root string }

var _ activities.Keeper = (*Directory)(nil)

// NewDirectory makes a Directory at path, and path where it is not there.
func NewDirectory(path string) (*Directory, error) {
	abs, err := filepath.Abs(path)
	if err != nil || path == "" {
		return nil, &incident.Error{Kind: incident.KindInvalid, Op: "keep evidence", Msg: "name a directory for it", Err: err}
	}
	if err := os.MkdirAll(abs, 0o700); err != nil {
		return nil, failure(abs, err)
	}
	return &Directory{root: abs}, nil
}

// Keep implements activities.Keeper. When it returns, the content is on disk
// under its name, whole; a crash before leaves nothing under that name.
func (d *Directory) Keep(ctx context.Context, content []byte) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", &incident.Error{Kind: incident.KindUnavailable, Op: "keep evidence", Msg: "given up", Err: err}
	}
	name := Name(content)
	shard := filepath.Join(d.root, name[:2]) // a directory of a million files is slow to list
	path := filepath.Join(shard, name)
	ref := (&url.URL{Scheme: "file", Path: path}).String()
	if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Size() == int64(len(content)) {
		return ref, nil
	}
	if err := os.MkdirAll(shard, 0o700); err != nil {
		return "", failure(d.root, err)
	}
	if err := place(shard, path, content); err != nil {
		return "", failure(d.root, err)
	}
	return ref, errors.Join(sync(shard, d.root), sync(d.root, d.root))
}

// place writes content beside path and renames it once it is on disk.
func place(shard, path string, content []byte) (err error) {
	f, err := os.CreateTemp(shard, ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, remove(f.Name()))
		}
	}()
	if _, err := f.Write(content); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Sync(); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// sync puts a directory's entries on disk.
func sync(path, root string) error {
	d, err := os.Open(path)
	if err != nil {
		return failure(root, err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return failure(root, err)
	}
	return nil
}

func failure(root string, err error) error {
	return &incident.Error{Kind: incident.KindUnavailable, Op: "keep evidence",
		Msg: root + " cannot be written; check its mode, the mount and the space left", Err: err}
}

// Name is what content is kept under: its SHA-256 in hexadecimal.
func Name(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
