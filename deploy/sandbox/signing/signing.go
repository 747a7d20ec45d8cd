// Package signing is who the sandbox is as SNS: the key that signs
// notifications, the certificate of it, and the authority that both it and the
// host of the certificate have theirs from.
//
// An identity can be kept in a directory, so that a gateway that was told of the
// authority knows the sandbox after either of them has been started anew; Prepare
// writes there what a gateway has to be told. It proves nothing to anybody but
// a gateway that was given that file: AWS signs with keys of its own.
//
// An Identity does not change and may be used concurrently. Several processes may
// open a directory at once and find one identity in it.
package signing

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"time"

	"vigil/deploy/sandbox/world"
)

// TopicARN is the topic that the sandbox's alarms are published on.
const TopicARN = "arn:aws:sns:" + world.Region + ":" + world.Account + ":alarms"

// certificateName is whom the certificates of SNS are for, in AWS as here.
const certificateName = "sns.amazonaws.com"

// Certificates are valid whatever clock a world goes by.
var (
	validFrom  = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	validUntil = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
)

// Identity signs as SNS does.
type Identity struct {
	authority    *x509.Certificate
	authorityKey *ecdsa.PrivateKey
	signing      *x509.Certificate
	key          *rsa.PrivateKey
}

// New makes an identity.
func New() (*Identity, error) {
	i := &Identity{}
	var err error
	if i.authorityKey, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, fmt.Errorf("signing: make a key: %w", err)
	}
	if i.key, err = rsa.GenerateKey(rand.Reader, 2048); err != nil { // as SNS has them
		return nil, fmt.Errorf("signing: make a key: %w", err)
	}
	template := &x509.Certificate{Subject: pkix.Name{CommonName: "Vigil's AWS sandbox"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	if i.authority, err = i.issue(template, template, &i.authorityKey.PublicKey); err != nil {
		return nil, err
	}
	template = &x509.Certificate{Subject: pkix.Name{CommonName: certificateName}, DNSNames: []string{certificateName}, KeyUsage: x509.KeyUsageDigitalSignature}
	if i.signing, err = i.issue(template, i.authority, &i.key.PublicKey); err != nil {
		return nil, err
	}
	return i, nil
}

func (i *Identity) issue(template, by *x509.Certificate, public any) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, fmt.Errorf("signing: choose a serial number: %w", err)
	}
	template.SerialNumber, template.NotBefore, template.NotAfter = serial, validFrom, validUntil
	raw, err := x509.CreateCertificate(rand.Reader, template, by, public, i.authorityKey)
	if err != nil {
		return nil, fmt.Errorf("signing: make a certificate: %w", err)
	}
	return x509.ParseCertificate(raw)
}

// Sign adds the signature of a notification: version 2, which is SHA-256.
func (i *Identity) Sign(notification map[string]string) error {
	var text bytes.Buffer
	for _, name := range []string{"Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"} {
		if value, ok := notification[name]; ok {
			text.WriteString(name + "\n" + value + "\n")
		}
	}
	digest := sha256.Sum256(text.Bytes())
	signature, err := rsa.SignPKCS1v15(rand.Reader, i.key, crypto.SHA256, digest[:])
	if err != nil {
		return fmt.Errorf("signing: sign a notification: %w", err)
	}
	notification["SignatureVersion"], notification["Signature"] = "2", base64.StdEncoding.EncodeToString(signature)
	return nil
}

// Authority is the certificate that a gateway has to trust, in PEM.
func (i *Identity) Authority() []byte { return encode("CERTIFICATE", i.authority.Raw) }

// Path is where Handler has the certificate of the key that signs.
func (i *Identity) Path() string {
	sum := sha256.Sum256(i.signing.Raw)
	return "/SimpleNotificationService-" + hex.EncodeToString(sum[:16]) + ".pem"
}

// Handler serves the certificate, and nothing else.
func (i *Identity) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+i.Path(), func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-pem-file")
		_, _ = w.Write(encode("CERTIFICATE", i.signing.Raw)) // a client that has gone is nobody's business
	})
	return mux
}

// TLS is for the server of Handler on a host: a name or an address.
func (i *Identity) TLS(host string) (*tls.Config, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("signing: make a key: %w", err)
	}
	template := &x509.Certificate{Subject: pkix.Name{CommonName: "SNS of the AWS sandbox"}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	if ip := net.ParseIP(host); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{host}
	}
	cert, err := i.issue(template, i.authority, &key.PublicKey)
	if err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{{Certificate: [][]byte{cert.Raw}, PrivateKey: key}}}, nil
}

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// marshal writes an identity, keys included.
func (i *Identity) marshal() ([]byte, error) {
	authorityKey, err := x509.MarshalPKCS8PrivateKey(i.authorityKey)
	if err != nil {
		return nil, fmt.Errorf("signing: encode a key: %w", err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(i.key)
	if err != nil {
		return nil, fmt.Errorf("signing: encode a key: %w", err)
	}
	return bytes.Join([][]byte{encode("CERTIFICATE", i.authority.Raw), encode("PRIVATE KEY", authorityKey),
		encode("CERTIFICATE", i.signing.Raw), encode("PRIVATE KEY", key)}, nil), nil
}

// unmarshal reads what marshal wrote.
func unmarshal(raw []byte) (*Identity, error) {
	var certs []*x509.Certificate
	i := &Identity{}
	for block, rest := pem.Decode(raw); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			cert, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return nil, err
			}
			certs = append(certs, cert)
			continue
		}
		key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			return nil, err
		}
		switch key := key.(type) {
		case *ecdsa.PrivateKey:
			i.authorityKey = key
		case *rsa.PrivateKey:
			i.key = key
		}
	}
	if len(certs) != 2 || i.authorityKey == nil || i.key == nil {
		return nil, errors.New("it has not the two certificates and two keys of an identity")
	}
	i.authority, i.signing = certs[0], certs[1]
	return i, nil
}
