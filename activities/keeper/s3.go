package keeper

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"vigil/activities"
	"vigil/activities/internal/awscall"
	"vigil/workflows/incident"
)

const readTimeout = time.Minute

// S3Config configures an S3 keeper.
type S3Config struct {
	Bucket string // required
	Prefix string // of every key, such as vigil/evidence; empty: none
	KMSKey string // id or ARN of the key that encrypts; empty: the bucket's own default, which S3 always has
}

// S3 keeps content as objects of one bucket.
type S3 struct {
	api  *s3.Client
	call awscall.Caller
	c    S3Config
}

var _ activities.Keeper = (*S3)(nil)

// NewS3 makes an S3 keeper. recorder may be nil.
func NewS3(cfg aws.Config, c S3Config, recorder activities.Recorder) (*S3, error) {
	if c.Bucket == "" || strings.ContainsAny(c.Bucket, "/:") && !strings.HasPrefix(c.Bucket, "arn:") {
		return nil, incident.Errorf(incident.KindInvalid, "keep evidence: %q is no bucket; give its name, and a prefix apart", c.Bucket)
	}
	if c.Prefix = strings.Trim(c.Prefix, "/"); c.Prefix != "" {
		c.Prefix += "/"
	}
	api := s3.NewFromConfig(awscall.Prepare(cfg, readTimeout), func(o *s3.Options) {
		o.UsePathStyle = o.BaseEndpoint != nil // another endpoint than AWS's has no name for every bucket
	})
	return &S3{api: api, call: awscall.New("s3", recorder), c: c}, nil
}

// Keep implements activities.Keeper. S3 checks the content against its hash
// before it stores it. Content that is there is stored again, under the same
// name: whether it is there is a question that needs a permission more.
func (k *S3) Keep(ctx context.Context, content []byte) (string, error) {
	sum := sha256.Sum256(content)
	key := k.c.Prefix + Name(content)
	in := &s3.PutObjectInput{
		Bucket: &k.c.Bucket, Key: &key, Body: bytes.NewReader(content), ContentType: aws.String("application/json"),
		ChecksumSHA256: aws.String(base64.StdEncoding.EncodeToString(sum[:])),
	}
	if k.c.KMSKey != "" {
		in.ServerSideEncryption, in.SSEKMSKeyId = types.ServerSideEncryptionAwsKms, &k.c.KMSKey
	}
	if _, _, err := awscall.Do(ctx, k.call, "PutObject", k.api.PutObject, in); err != nil {
		return "", err
	}
	return (&url.URL{Scheme: "s3", Host: k.c.Bucket, Path: "/" + key}).String(), nil
}
