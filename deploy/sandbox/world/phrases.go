package world

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// shopTalk is what each service of the shop logs when nothing is wrong. A few
// errors are part of it: payments are declined and clients hang up on the best
// of days.
var shopTalk = map[string][]utterance{
	Web: {
		{0.35, func(r *rand.Rand, _ time.Time, _ string) string {
			path := []string{"/", "/products", "/cart", "/checkout"}[r.IntN(4)]
			return fmt.Sprintf("INFO GET %s 200 in %dms request_id=%s", path, 90+r.IntN(80), requestID(r))
		}},
		{0.04, func(r *rand.Rand, _ time.Time, _ string) string {
			return fmt.Sprintf("WARN client closed the connection before the response request_id=%s", requestID(r))
		}},
	},
	API: {
		{0.35, func(r *rand.Rand, _ time.Time, _ string) string {
			route := []string{"POST /v1/checkout", "GET /v1/products", "GET /v1/cart"}[r.IntN(3)]
			return fmt.Sprintf("INFO %s 200 in %dms request_id=%s", route, 80+r.IntN(90), requestID(r))
		}},
		{0.03, func(r *rand.Rand, _ time.Time, _ string) string {
			return fmt.Sprintf("WARN rate limit reached for key=%s", hexID(r, 8))
		}},
	},
	Checkout: {
		{0.35, func(r *rand.Rand, _ time.Time, _ string) string {
			return fmt.Sprintf("INFO order placed order_id=%d items=%d total=%d.%02d request_id=%s", 480000+r.IntN(90000), 1+r.IntN(6), 5+r.IntN(200), r.IntN(100), requestID(r))
		}},
		{0.1, func(r *rand.Rand, _ time.Time, _ string) string {
			return fmt.Sprintf("INFO POST /checkout 200 in %dms request_id=%s", 90+r.IntN(70), requestID(r))
		}},
		{0.03, func(r *rand.Rand, _ time.Time, _ string) string {
			return fmt.Sprintf("WARN cart changed while checking out, asking again request_id=%s", requestID(r))
		}},
	},
	Catalog: {
		{0.35, func(r *rand.Rand, _ time.Time, _ string) string {
			return fmt.Sprintf("INFO GET /products/%d 200 cache=hit in %dms request_id=%s", 1000+r.IntN(9000), 8+r.IntN(12), requestID(r))
		}},
		{0.05, func(r *rand.Rand, _ time.Time, _ string) string {
			return fmt.Sprintf("INFO GET /products/%d 200 cache=miss in %dms request_id=%s", 1000+r.IntN(9000), 15+r.IntN(20), requestID(r))
		}},
	},
	Orders: {
		{0.35, func(r *rand.Rand, _ time.Time, _ string) string {
			return fmt.Sprintf("INFO order %d stored in %dms request_id=%s", 480000+r.IntN(90000), 18+r.IntN(20), requestID(r))
		}},
		{0.05, func(r *rand.Rand, _ time.Time, _ string) string {
			return fmt.Sprintf("INFO pool orders-db active=%d idle=%d waiting=0", 9+r.IntN(6), 10+r.IntN(6))
		}},
	},
	Payments: {
		{0.35, func(r *rand.Rand, _ time.Time, _ string) string {
			return fmt.Sprintf("INFO payment authorised amount=%d.%02d in %dms request_id=%s", 5+r.IntN(200), r.IntN(100), 40+r.IntN(40), requestID(r))
		}},
		{0.04, func(r *rand.Rand, _ time.Time, _ string) string {
			return fmt.Sprintf("ERROR payment declined by issuer code=%d request_id=%s", 51+r.IntN(8), requestID(r))
		}},
		{0.08, func(r *rand.Rand, _ time.Time, _ string) string {
			return fmt.Sprintf("INFO [gc] minor collection took %dms heap=%d%%", 4+r.IntN(9), 38+r.IntN(12))
		}},
	},
}

// databaseTalk is what every database logs when nothing is wrong.
var databaseTalk = []utterance{
	{0.08, func(r *rand.Rand, at time.Time, _ string) string {
		return fmt.Sprintf("%s::@:[%d]:LOG:  checkpoint complete: wrote %d buffers", postgresTime(at), 310+r.IntN(8), 400+r.IntN(900))
	}},
	{0.06, sayAutovacuum},
}

func sayAutovacuum(r *rand.Rand, at time.Time, _ string) string {
	return fmt.Sprintf("%s::@:[%d]:LOG:  automatic vacuum of table \"main.public.items\": index scans: %d", postgresTime(at), 700+r.IntN(90), r.IntN(3))
}

// madeTalk is what the services of a made world log when nothing is wrong.
// The warning is always there; which one it is differs by service.
func madeTalk(n *node) []utterance {
	noun := n.name
	warn := everydayWarnings[len(n.name)%len(everydayWarnings)]
	return []utterance{
		{0.35, func(r *rand.Rand, _ time.Time, _ string) string {
			return fmt.Sprintf("INFO GET /v1/%s/%d 200 in %dms request_id=%s", noun, 1000+r.IntN(9000), int(n.own)+r.IntN(40), requestID(r))
		}},
		{0.1, func(r *rand.Rand, _ time.Time, _ string) string {
			return fmt.Sprintf("INFO POST /v1/%s 201 in %dms request_id=%s", noun, int(n.own)+5+r.IntN(50), requestID(r))
		}},
		{0.06, func(r *rand.Rand, _ time.Time, _ string) string { return fmt.Sprintf(warn, requestID(r)) }},
		{0.02, func(r *rand.Rand, _ time.Time, _ string) string {
			return fmt.Sprintf("ERROR request refused: field amount is not a number request_id=%s", requestID(r))
		}},
	}
}

var everydayWarnings = []string{
	"WARN client closed the connection before the response request_id=%s",
	"WARN deprecated header X-Api-Version was sent request_id=%s",
	"WARN token expires in less than a minute request_id=%s",
	"WARN slow client, response was buffered request_id=%s",
	"WARN duplicate message was ignored request_id=%s",
}

func postgresTime(at time.Time) string { return at.Format("2006-01-02 15:04:05") + " UTC" }
