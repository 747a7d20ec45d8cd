package sandbox

import (
	"bytes"
	"cmp"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/smithy-go/encoding/cbor"
)

// protocol is how an AWS service writes requests and answers.
type protocol string

const (
	awsJSON   protocol = "awsJson1.1"
	awsJSON10 protocol = "awsJson1.0"
	restJSON  protocol = "restJson1"
	rpcCBOR   protocol = "rpc-v2-cbor"
	awsQuery  protocol = "awsQuery"
)

const (
	simulatedHeader = "X-Vigil-Simulated"
	requestIDHeader = "X-Amzn-Requestid"
	maxBody         = 25 << 20 // Bedrock's own limit
	maxForm         = 1 << 20
)

// apiError is an error as an AWS service answers it.
type apiError struct {
	code    string
	message string
}

func (e *apiError) Error() string { return e.code + ": " + e.message }

func errorf(code, format string, args ...any) *apiError {
	return &apiError{code, fmt.Sprintf(format, args...)}
}

// statuses are the HTTP statuses of each service's errors that are not 400, as
// the services' models give them.
var statuses = map[string]map[string]int{
	"bedrock-runtime": {"AccessDeniedException": 403, "ResourceNotFoundException": 404, "ModelTimeoutException": 408, "ModelErrorException": 424, "ModelStreamErrorException": 424,
		"ThrottlingException": 429, "ModelNotReadyException": 429, "InternalServerException": 500, "ServiceUnavailableException": 503},
	"bedrock": {"AccessDeniedException": 403, "ResourceNotFoundException": 404, "ThrottlingException": 429, "InternalServerException": 500, "ServiceUnavailableException": 503},
	"bedrock-agent": {"AccessDeniedException": 403, "ResourceNotFoundException": 404, "ConflictException": 409, "ServiceQuotaExceededException": 402, "ThrottlingException": 429,
		"InternalServerException": 500},
	"bedrock-agent-runtime": {"AccessDeniedException": 403, "ResourceNotFoundException": 404, "ConflictException": 409, "DependencyFailedException": 424, "ModelNotReadyException": 424,
		"ThrottlingException": 429, "InternalServerException": 500, "BadGatewayException": 502},
	"bedrock-agentcore": {"ServiceQuotaExceededException": 402, "AccessDeniedException": 403, "SubscriptionRequiredException": 403, "UnauthorizedException": 401, "ResourceNotFoundException": 404,
		"ConflictException": 409, "DuplicateIdException": 409, "RetryableConflictException": 409, "RuntimeClientError": 424, "ThrottledException": 429, "ThrottlingException": 429,
		"InternalServerException": 500, "ServiceException": 500},
	"qbusiness": {"AccessDeniedException": 403, "ResourceNotFoundException": 404, "ConflictException": 409, "ExternalResourceException": 424, "ServiceQuotaExceededException": 402,
		"ThrottlingException": 429, "InternalServerException": 500},
	"cloudwatch": {"ResourceNotFound": 404, "ResourceNotFoundException": 404, "DashboardNotFoundError": 404, "ConflictException": 409,
		"ResourceConflict": 409, "ConcurrentModificationException": 429, "InternalServiceFault": 500},
	"logs": {"InternalServerException": 500, "ServiceUnavailableException": 500},
	"ecs":  {"AccessDeniedException": 403, "ServerException": 500},
	"ssm":  {"InternalServerError": 500},
	"xray": {"ThrottledException": 429},
	"pi":   {"InternalServiceError": 500},
	"rds":  {"DBInstanceNotFound": 404, "AccessDenied": 403},
	"sts":  {"AccessDenied": 403},
	"sns":  {"Throttled": 429, "AuthorizationError": 403, "InternalError": 500, "NotFound": 404},
	"sqs": {"OverLimit": 403, "RequestThrottled": 403, "InvalidSecurity": 403, "PurgeQueueInProgress": 403, "AccessDenied": 403,
		"InvalidAddress": 404, "ReceiptHandleIsInvalid": 404, "ResourceNotFoundException": 404},
}

// status is the HTTP status of an error of a service.
func status(service, code string) int {
	if s, ok := statuses[service][code]; ok {
		return s
	}
	switch code {
	case internalFailure:
		return http.StatusInternalServerError
	case serviceUnavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusBadRequest
}

// The errors that every AWS service may answer with.
const (
	internalFailure    = "InternalFailure"
	serviceUnavailable = "ServiceUnavailable"
)

func (p protocol) contentType() string {
	switch p {
	case awsJSON:
		return "application/x-amz-json-1.1"
	case awsJSON10:
		return "application/x-amz-json-1.0"
	case rpcCBOR:
		return "application/cbor"
	case awsQuery:
		return "text/xml"
	}
	return "application/json"
}

// encode writes the answer of an operation. Handlers of rpcCBOR give a
// cbor.Value, those of awsQuery something that encoding/xml writes, all others
// something that encoding/json writes.
func (op operation) encode(result any, requestID string) ([]byte, error) {
	switch op.protocol {
	case rpcCBOR:
		v, ok := result.(cbor.Value)
		if !ok {
			return nil, fmt.Errorf("sandbox: a %T is no CBOR value", result)
		}
		return cbor.Encode(v), nil
	case awsQuery:
		var b bytes.Buffer
		fmt.Fprintf(&b, "<%sResponse>", op.name)
		e := xml.NewEncoder(&b)
		if err := e.EncodeElement(result, xml.StartElement{Name: xml.Name{Local: op.name + "Result"}}); err != nil {
			return nil, fmt.Errorf("sandbox: the answer of %s: %w", op.name, err)
		}
		fmt.Fprintf(&b, "<ResponseMetadata><RequestId>%s</RequestId></ResponseMetadata></%sResponse>", requestID, op.name)
		return b.Bytes(), nil
	}
	return json.Marshal(result)
}

// writeError sends e as the protocol has it.
func (p protocol) writeError(w http.ResponseWriter, status int, e *apiError) {
	w.Header().Set("X-Amzn-Errortype", e.code)
	if p == rpcCBOR {
		// CloudWatch was of the query protocol, whose codes live on in this header.
		if code, ok := queryCodes[e.code]; ok {
			w.Header().Set("X-Amzn-Query-Error", code+";Sender")
		}
		p.write(w, status, cbor.Encode(cbor.Map{"__type": cbor.String(e.code), "message": cbor.String(e.message)}))
		return
	}
	if p == awsQuery {
		raw, err := xml.Marshal(queryError{Type: "Sender", Code: e.code, Message: e.message, RequestID: w.Header().Get(requestIDHeader)})
		if err != nil {
			panic("sandbox: strings do not encode: " + err.Error())
		}
		p.write(w, status, raw)
		return
	}
	if p == awsJSON10 { // SQS, which was of the query protocol too
		w.Header().Set("X-Amzn-Query-Error", cmp.Or(sqsQueryCodes[e.code], e.code)+";Sender")
	}
	raw, err := json.Marshal(map[string]string{"__type": e.code, "message": e.message})
	if err != nil {
		panic("sandbox: two strings do not encode: " + err.Error())
	}
	p.write(w, status, raw)
}

type queryError struct {
	XMLName   xml.Name `xml:"ErrorResponse"`
	Type      string   `xml:"Error>Type"`
	Code      string   `xml:"Error>Code"`
	Message   string   `xml:"Error>Message"`
	RequestID string   `xml:"RequestId"`
}

var queryCodes = map[string]string{
	"InvalidParameterValueException":       "InvalidParameterValue",
	"InvalidParameterCombinationException": "InvalidParameterCombination",
	"MissingRequiredParameterException":    "MissingParameter",
	"InvalidNextToken":                     "InvalidNextToken",
}

// sqsQueryCodes are the codes of SQS's errors that have another name than the
// error. The SDK shows these.
var sqsQueryCodes = map[string]string{
	"BatchEntryIdsNotDistinct":     "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
	"EmptyBatchRequest":            "AWS.SimpleQueueService.EmptyBatchRequest",
	"InvalidBatchEntryId":          "AWS.SimpleQueueService.InvalidBatchEntryId",
	"MessageNotInflight":           "AWS.SimpleQueueService.MessageNotInflight",
	"PurgeQueueInProgress":         "AWS.SimpleQueueService.PurgeQueueInProgress",
	"QueueDoesNotExist":            "AWS.SimpleQueueService.NonExistentQueue",
	"TooManyEntriesInBatchRequest": "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
	"UnsupportedOperation":         "AWS.SimpleQueueService.UnsupportedOperation",
}

func (p protocol) write(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", p.contentType())
	if p == rpcCBOR {
		w.Header().Set("Smithy-Protocol", string(rpcCBOR))
	}
	w.WriteHeader(status)
	// A client that has gone is none of the server's business.
	_, _ = w.Write(body)
}

// epoch is a time as the JSON protocols write it: seconds with fractions.
type epoch time.Time

func (e epoch) MarshalJSON() ([]byte, error) {
	ms := time.Time(e).UnixMilli()
	return fmt.Appendf(nil, "%d.%03d", ms/1000, ms%1000), nil
}

// UnmarshalJSON reads seconds with or without fractions.
func (e *epoch) UnmarshalJSON(raw []byte) error {
	var seconds float64
	if err := json.Unmarshal(raw, &seconds); err != nil {
		return fmt.Errorf("a time is %s, not a number of seconds", raw)
	}
	*e = epoch(time.UnixMicro(int64(seconds * 1e6)).UTC())
	return nil
}

// cborTime is a time as the CBOR protocol writes it.
func cborTime(t time.Time) cbor.Value {
	return &cbor.Tag{ID: 1, Value: cbor.Float64(float64(t.UnixMilli()) / 1000)}
}
