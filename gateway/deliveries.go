package gateway

import (
	"context"
	"net/http"
	"slices"
	"strconv"

	"github.com/labstack/echo/v4"

	"vigil/gateway/store"
	"vigil/workflows/incident"
)

// shownBody is how much of a delivery's body a list carries. The whole is at
// /api/v1/deliveries/{id}/body.
const shownBody = 64 << 10

// deliveriesAtOnce is how many deliveries are read from the store together:
// they come with their bodies, each of up to MaxAlertBytes.
const deliveriesAtOnce = 4

// DeliveryList is one page of deliveries, newest first.
type DeliveryList struct {
	Deliveries []DeliveryItem `json:"deliveries"`
	Next       int64          `json:"next,omitempty"` // give it as before for the next page; absent after the last
}

// DeliveryItem is a delivery with the beginning of its body.
type DeliveryItem struct {
	store.DeliveryRecord
	BodyBytes int  `json:"body_bytes"`
	Truncated bool `json:"truncated"` // body has only the beginning
}

var deliveryStates = []store.DeliveryState{store.DeliveryReceived, store.DeliveryNormalised,
	store.DeliveryQuarantined, store.DeliveryRecorded, store.DeliveryDiscarded}

func (a *api) listDeliveries(c echo.Context) error {
	q := newQuery(c.QueryParams(), "state", "source", "q", "before", "limit")
	f := store.DeliveryFilter{State: oneOf(q, "state", deliveryStates), Source: q.text("source"), Text: q.text("q"), Before: q.number("before", 0, 0, 1<<53)}
	limit := int(q.number("limit", deliveriesDefault, 1, deliveriesMax))
	if q.err != nil {
		return q.err
	}
	list, err := a.deliveries(c.Request().Context(), f, limit+1)
	if err != nil {
		return err
	}
	out := DeliveryList{Deliveries: list}
	if len(list) > limit {
		out.Deliveries = list[:limit]
		out.Next = list[limit-1].ID
	}
	return answer(c, http.StatusOK, out)
}

// deliveries reads up to limit deliveries, a few at a time, and keeps only the
// beginning of each body.
func (a *api) deliveries(ctx context.Context, f store.DeliveryFilter, limit int) ([]DeliveryItem, error) {
	list := []DeliveryItem{}
	for len(list) < limit {
		want := min(deliveriesAtOnce, limit-len(list))
		page, err := a.store.Deliveries(ctx, f, want)
		if err != nil {
			return nil, err
		}
		for _, d := range page {
			list = append(list, newDeliveryItem(d))
			f.Before = d.ID
		}
		if len(page) < want {
			break
		}
	}
	return list, nil
}

func newDeliveryItem(d store.DeliveryRecord) DeliveryItem {
	item := DeliveryItem{DeliveryRecord: d, BodyBytes: len(d.Body)}
	if item.Truncated = len(d.Body) > shownBody; item.Truncated {
		item.Body = slices.Clone(d.Body[:shownBody]) // lets go of the rest
	}
	return item
}

func (a *api) getDelivery(c echo.Context) error {
	d, err := a.delivery(c)
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, newDeliveryItem(d))
}

// deliveryBody sends the bytes of a delivery as they came, as a file to keep:
// they are a stranger's, so no browser may take them for a page.
func (a *api) deliveryBody(c echo.Context) error {
	d, err := a.delivery(c)
	if err != nil {
		return err
	}
	h := c.Response().Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Disposition", `attachment; filename="delivery-`+strconv.FormatInt(d.ID, 10)+`"`)
	return c.Blob(http.StatusOK, "application/octet-stream", d.Body)
}

// delivery reads the delivery that the path names.
func (a *api) delivery(c echo.Context) (store.DeliveryRecord, error) {
	id, err := deliveryID(c.Param("id"))
	if err != nil {
		return store.DeliveryRecord{}, err
	}
	list, err := a.store.Deliveries(c.Request().Context(), store.DeliveryFilter{Before: id + 1}, 1)
	if err != nil {
		return store.DeliveryRecord{}, err
	}
	if len(list) == 0 || list[0].ID != id {
		return store.DeliveryRecord{}, incident.Errorf(incident.KindNotFound, "there is no delivery %d", id)
	}
	return list[0], nil
}
