package kubernetes

import (
	"bufio"
	"context"
	"io"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"vigil/activities"
	"vigil/workflows/incident"
)

const (
	maxLogPods = 10
	maxLogs    = 1 << 20 // bytes of a container
	maxLine    = 16 << 10
	concurrent = 3 // streams at once
)

// sidecars are containers of service meshes, whose logs say nothing that
// metrics do not say better.
var sidecars = []string{"istio-proxy", "istio-init", "linkerd-proxy", "linkerd-init", "envoy", "vault-agent", "cloud-sql-proxy"}

// Search returns the newest lines of a service's containers in the window, at
// most limit, oldest first; of containers that were restarted also the lines
// of the one before.
func (c *Cluster) Search(ctx context.Context, name string, w activities.Window, limit int) ([]activities.LogLine, incident.Provenance, error) {
	if err := checked(name, w); err != nil {
		return nil, incident.Provenance{}, err
	}
	if limit < 1 {
		return nil, incident.Provenance{}, incident.Errorf(incident.KindInvalid, "kubernetes: a search needs a limit, not %d", limit)
	}
	l := c.look()
	p, err := l.find(ctx, name)
	if err != nil {
		return nil, l.all, err
	}
	var streams []stream
	for _, pod := range p.pods[:min(len(p.pods), maxLogPods)] {
		for _, status := range containers(pod) {
			if slices.Contains(sidecars, status.Name) {
				continue
			}
			streams = append(streams, stream{pod, status.Name, false})
			if status.RestartCount > 0 {
				streams = append(streams, stream{pod, status.Name, true})
			}
		}
	}
	found := make([][]activities.LogLine, len(streams))
	looks := make([]*look, len(streams))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(concurrent)
	for i, s := range streams {
		looks[i] = c.look()
		g.Go(func() (err error) {
			found[i], err = looks[i].lines(ctx, s, w, limit)
			return err
		})
	}
	err = g.Wait()
	for _, one := range looks {
		l.all.Operation, l.all.LatencyMS = one.all.Operation, l.all.LatencyMS+one.all.LatencyMS
	}
	if err != nil {
		return nil, l.all, err
	}
	out := slices.Concat(found...)
	slices.SortStableFunc(out, func(a, b activities.LogLine) int { return a.At.Compare(b.At) })
	return out[max(0, len(out)-limit):], l.all, nil
}

// stream is the log of one container, of its last life or of the one before.
type stream struct {
	pod       corev1.Pod
	container string
	previous  bool
}

func (l *look) lines(ctx context.Context, s stream, w activities.Window, limit int) ([]activities.LogLine, error) {
	tail, bytes := int64(limit), int64(maxLogs)
	since := metav1.NewTime(w.From)
	options := &corev1.PodLogOptions{Container: s.container, Previous: s.previous, Timestamps: true, SinceTime: &since, TailLines: &tail, LimitBytes: &bytes}
	var out []activities.LogLine
	absent := false
	err := l.ask("read log", ctx, func() error {
		body, err := l.cluster.client.CoreV1().Pods(s.pod.Namespace).GetLogs(s.pod.Name, options).Stream(ctx)
		if apierrors.IsBadRequest(err) || apierrors.IsNotFound(err) {
			absent = true // not started yet, no former life, or gone since
			return nil
		}
		if err != nil {
			return err
		}
		out, err = read(body, w)
		if closed := body.Close(); err == nil {
			err = closed
		}
		return err
	})
	if absent {
		return nil, nil
	}
	return out, err
}

// read reads lines that begin with their time. Bytes are limited, so the last
// line may be half of one.
func read(r io.Reader, w activities.Window) ([]activities.LogLine, error) {
	var out []activities.LogLine
	reader := bufio.NewReaderSize(io.LimitReader(r, maxLogs+maxLine), maxLine)
	for {
		raw, err := reader.ReadSlice('\n')
		if line, ok := parse(string(raw)); ok && !line.At.Before(w.From) && !line.At.After(w.To) {
			out = append(out, line)
		}
		for err == bufio.ErrBufferFull { // the rest of a line that is too long to be of use
			_, err = reader.ReadSlice('\n')
		}
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

func parse(raw string) (activities.LogLine, bool) {
	stamp, message, ok := strings.Cut(strings.TrimRight(raw, "\r\n"), " ")
	if !ok {
		return activities.LogLine{}, false
	}
	at, err := time.Parse(time.RFC3339Nano, stamp)
	if err != nil {
		return activities.LogLine{}, false
	}
	message = strings.ToValidUTF8(message, "\uFFFD")
	return activities.LogLine{At: at.UTC(), Level: activities.LevelOf(message), Message: message}, true
}
