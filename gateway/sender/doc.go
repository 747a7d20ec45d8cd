// Package sender tells whether a delivery comes from the alert source that it
// names, by the means that the sender itself has: a signature of the body
// (PagerDuty, Grafana, GitHub and others that use HMAC-SHA256), a signature of
// SNS, a secret in a header, or the routing key of PagerDuty's Events API.
// Which source uses what is said by a sources file.
//
// # What it promises
//
// A source that has a means takes nothing else in its place, and no setting
// turns one off. What is compared is compared in constant time, with every
// secret of the source, so that one can be replaced while both are good.
// Signatures are checked over the bytes as they came, before anything is made
// of them. A delivery is refused (Error) or, where the answer cannot be known
// right now, put off (Error.Unavailable) and never let through for that.
//
// # SNS
//
// A message of SNS is believed when all of this holds. Its JSON has no member
// but those of SNS's envelope, each once and spelt as SNS spells it: a member
// that is not signed must not be able to say anything to whoever reads the same
// bytes later. Its topic is one of those listed, letter for letter. Its
// SigningCertURL is https, at the one host that the topic's Region has, with
// the path that SNS uses and no port, user, query or fragment. The certificate
// there, fetched over verified TLS, without a proxy and without redirects, is
// for a name of SNS in that Region and valid today. The signature (version 1 or
// 2) is that certificate's, over SNS's list of fields. And the message is not
// older than SNS goes on trying to deliver one.
//
// SNS publishes the signing certificate alone, without those that lead to a
// root, so a chain cannot be demanded; what vouches for it is the TLS of the
// host that only AWS can have a certificate for, as in AWS's own validators.
// Where ca_file is given, TLS and signing certificate must both lead to it. To
// demand the chain of AWS, put Amazon's intermediate authorities into that file.
//
// A subscription to a listed topic is confirmed, unless confirm is false, by
// asking that same host before the delivery is answered.
//
// # Ownership
//
// Sources owns the file that it watches and the certificates that it fetched.
// All methods may be called concurrently. What a verifier is given is not kept.
//
// # Limits
//
// A signature without a timestamp can be replayed: what comes of a replay is
// left to whoever recognises alerts that it has seen. At most maxCertificates are
// kept and maxFetches are under way at once; a message that would need one more
// is put off. Fetching goes through no proxy. Topics of Regions outside the
// partitions aws, aws-cn and aws-us-gov are not known.
package sender
