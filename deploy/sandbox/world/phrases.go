package world

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// smallTalk is what each service logs when nothing is wrong. A few errors are
// part of it: payments are declined and clients hang up on the best of days.
var smallTalk = map[string][]utterance{
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
	OrdersDB: {
		{0.08, func(r *rand.Rand, at time.Time, _ string) string {
			return fmt.Sprintf("%s::@:[%d]:LOG:  checkpoint complete: wrote %d buffers", postgresTime(at), 310+r.IntN(8), 400+r.IntN(900))
		}},
		{0.06, func(r *rand.Rand, at time.Time, _ string) string {
			return fmt.Sprintf("%s::@:[%d]:LOG:  automatic vacuum of table \"orders.public.order_items\": index scans: %d", postgresTime(at), 700+r.IntN(90), r.IntN(3))
		}},
	},
}

func postgresTime(at time.Time) string { return at.Format("2006-01-02 15:04:05") + " UTC" }

func sayCouponBug(r *rand.Rand, _ time.Time, version string) string {
	return fmt.Sprintf("ERROR unhandled exception in POST /checkout: java.lang.NullPointerException: Cannot invoke Coupon.getRate() because coupon is null "+
		"at com.shop.checkout.DiscountService.apply(DiscountService.java:118) version=%s request_id=%s", version, requestID(r))
}

func sayUpstream500(r *rand.Rand, _ time.Time, _ string) string {
	return fmt.Sprintf("WARN upstream checkout answered 500 in %dms request_id=%s", 600+r.IntN(700), requestID(r))
}

func saySlotsReserved(r *rand.Rand, at time.Time, _ string) string {
	user := []string{"orders_app", "payments_app"}[r.IntN(2)]
	return fmt.Sprintf("%s:10.0.%d.%d(%d):%s@orders:[%d]:FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute",
		postgresTime(at), 1+r.IntN(3), 10+r.IntN(200), 32000+r.IntN(9000), user, 2000+r.IntN(7000))
}

func sayNoSlots(r *rand.Rand, _ time.Time, _ string) string {
	return fmt.Sprintf("ERROR cannot connect to orders-db: FATAL: remaining connection slots are reserved for roles with the SUPERUSER attribute request_id=%s", requestID(r))
}

func sayPoolTimeout(r *rand.Rand, _ time.Time, _ string) string {
	return fmt.Sprintf("ERROR timeout acquiring connection from pool orders-db after 3000ms active=25 idle=0 waiting=%d request_id=%s", 20+r.IntN(60), requestID(r))
}

func sayCallFailed(callee string) template {
	return func(r *rand.Rand, _ time.Time, _ string) string {
		if r.IntN(3) == 0 {
			return fmt.Sprintf("ERROR call to %s failed: 503 Service Unavailable request_id=%s", callee, requestID(r))
		}
		return fmt.Sprintf("WARN call to %s was slow: %dms request_id=%s", callee, 500+r.IntN(900), requestID(r))
	}
}

func sayGC(memory, full float64) template {
	return func(r *rand.Rand, _ time.Time, _ string) string {
		return fmt.Sprintf("WARN [gc] full collection paused all threads for %dms heap=%.0f%%", 120+int(900*full)+r.IntN(60), memory)
	}
}

func sayOutOfMemory(r *rand.Rand, _ time.Time, _ string) string {
	return fmt.Sprintf("ERROR request failed: java.lang.OutOfMemoryError: Java heap space request_id=%s", requestID(r))
}
