// Package actionrole gives an effect credentials of its own: those of the role
// that is configured for its action's class, for a quarter of an hour, narrowed
// to what the effect needs, and with the incident as their source identity, so
// that the audit trail of the account names the incident beside every call.
//
//   - Where roles are configured at all, an action whose class has none is
//     refused. Without any, effects run with the worker's own credentials.
//   - Credentials are asked for right before the effect and are not kept.
//   - Whatever goes wrong here, nothing has been changed: every error is a
//     definite refusal, never one after which the outcome is in doubt.
//
// Roles is immutable and safe for concurrent use.
package actionrole

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"vigil/activities"
	"vigil/activities/internal/awscall"
	"vigil/workflows/incident"
)

const (
	service     = "sts"
	readTimeout = 15 * time.Second
	// duration is the shortest session that STS gives, in seconds. One call is
	// made with it.
	duration = 900
	// maxPolicy is STS's limit on a session policy, in characters.
	maxPolicy = 2048
	// maxIdentity is STS's limit on a source identity.
	maxIdentity = 64
)

// Roles assumes roles.
type Roles struct {
	roles  map[incident.ActionType]arn.ARN
	api    *sts.Client
	call   awscall.Caller
	region string
}

// New makes Roles of the ARN of each class. It is nil, which gives no
// credentials, where arns is empty. recorder may be nil.
func New(cfg aws.Config, arns map[incident.ActionType]string, recorder activities.Recorder) (*Roles, error) {
	if len(arns) == 0 {
		return nil, nil
	}
	roles := map[incident.ActionType]arn.ARN{}
	for _, class := range slices.Sorted(maps.Keys(arns)) {
		role, err := arn.Parse(arns[class])
		if err != nil || role.Service != "iam" || !roleName.MatchString(role.Resource) {
			return nil, incident.Errorf(incident.KindInvalid, "the role of %s is %q; write it as arn:aws:iam::111122223333:role/vigil-act-%s", class, arns[class], class)
		}
		if !class.Valid() {
			return nil, incident.Errorf(incident.KindInvalid, "there is a role for actions of type %q; there are %v", class, incident.ActionTypes)
		}
		roles[class] = role
	}
	return &Roles{roles: roles, api: sts.NewFromConfig(awscall.Prepare(cfg, readTimeout)), call: awscall.New(service, recorder), region: cfg.Region}, nil
}

var roleName = regexp.MustCompile(`^role/[\w+=,.@/-]+$`)

// Place is where the role's account and the worker's region are, for ARNs.
type Place struct{ Partition, Region, Account string }

// Statement is one thing that a session may do.
type Statement struct {
	Effect    string                       `json:"Effect"`
	Action    []string                     `json:"Action"`
	Resource  []string                     `json:"Resource"`
	Condition map[string]map[string]string `json:"Condition,omitempty"`
}

// Credentials assumes the role of the effect's class, for what needs says and
// nothing else. It returns nil where no roles are configured.
func (r *Roles) Credentials(ctx context.Context, e incident.Effect, needs func(Place) []Statement) (aws.CredentialsProvider, error) {
	if r == nil {
		return nil, nil
	}
	role, ok := r.roles[e.Type]
	if !ok {
		return nil, incident.Errorf(incident.KindDenied, "actions of type %q have no role, and others have; name one with --action-role %s=arn, or leave the type disabled", e.Type, e.Type)
	}
	identity, err := SourceIdentity(e.IncidentID)
	if err != nil {
		return nil, err
	}
	policy, err := json.Marshal(struct {
		Version   string
		Statement []Statement
	}{"2012-10-17", needs(Place{Partition: role.Partition, Region: r.region, Account: role.AccountID})})
	if err != nil || len(policy) > maxPolicy {
		return nil, incident.Errorf(incident.KindInvalid, "the session policy of %s has %d characters, and STS takes %d; shorten the names in it", e, len(policy), maxPolicy)
	}
	name, text := role.String(), string(policy)
	out, p, err := awscall.Do(ctx, r.call, "AssumeRole", r.api.AssumeRole, &sts.AssumeRoleInput{RoleArn: &name, RoleSessionName: aws.String("vigil-" + e.Token()),
		SourceIdentity: &identity, DurationSeconds: aws.Int32(duration), Policy: &text})
	if err != nil {
		return nil, unsent(err)
	}
	c := out.Credentials
	if c == nil || aws.ToString(c.AccessKeyId) == "" || aws.ToString(c.SecretAccessKey) == "" || aws.ToString(c.SessionToken) == "" {
		return nil, unsent(awscall.Malformed(p, "the role was assumed and there are no credentials"))
	}
	return credentials.NewStaticCredentialsProvider(*c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken), nil
}

// unsent makes what is otherwise in doubt a refusal: without credentials
// nothing was sent.
func unsent(err error) error {
	switch incident.KindOf(err) {
	case incident.KindUnavailable, incident.KindInternal:
		return &incident.Error{Kind: incident.KindConflict, Op: "take on the role of the action", Msg: "nothing was sent", Err: err}
	}
	return err
}

// other is what a source identity may not hold.
var other = regexp.MustCompile(`[^\w+=,.@-]`)

// SourceIdentity is the incident's id as STS takes it. An id that has to be
// changed for that ends in a part of its hash, so that no two become one.
func SourceIdentity(incidentID string) (string, error) {
	if incidentID == "" {
		return "", incident.Errorf(incident.KindInvalid, "the effect names no incident, and its calls would be nobody's")
	}
	id := other.ReplaceAllString(incidentID, "-")
	if id == incidentID && len(id) >= 2 && len(id) <= maxIdentity {
		return id, nil
	}
	sum := sha256.Sum256([]byte(incidentID))
	mark := "-" + hex.EncodeToString(sum[:8])
	return id[:min(len(id), maxIdentity-len(mark))] + mark, nil
}
