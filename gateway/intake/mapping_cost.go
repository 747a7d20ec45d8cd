package intake

import (
	"strings"

	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// Bounds of what expressions may do, in CEL's measure: about one for every
// step, and a tenth for every byte of text that is looked at or made. It
// depends on nothing but the mapping and the delivery, so what is refused once
// is refused always.
const (
	maxExpressionCost = 1_000_000  // all of an alert costs some hundreds
	maxDeliveryCost   = 10_000_000 // of all expressions and alerts together: seconds at worst
)

// callCosts prices the helpers by what they look at, and comparing too, which
// CEL has as one step however large the objects are.
type callCosts struct{}

// CallCost implements cost.ActualCostEstimator; nil leaves a function to CEL.
func (callCosts) CallCost(_, overload string, args []ref.Val, result ref.Val) *uint64 {
	price := uint64(1)
	switch name, ours := strings.CutPrefix(overload, "vigil_"); {
	case overload == overloads.Equals || overload == overloads.NotEquals:
		if len(args) == 2 && aggregate(args[0]) && aggregate(args[1]) {
			price += weight(args[0]) + weight(args[1])
		}
	case !ours:
		return nil
	case name == fnGet || name == fnSome || name == "list", name == fnAdd && aggregate(result):
	case name == "pick":
		price += members(args[0]) * max(1, sizeOf(args[1])/4) // every name is looked at for each that is asked for
	case name == "tags" || name == "@first" || name == "@merge":
		price += members(args[0])
	case name == "json":
		price += weight(args[0]) * 5 // to read JSON is dearer than to read it through
	case name == "find":
		price += weight(args[0]) * max(1, uint64(len(text(args[1])))/4)
	default:
		price += weight(result)
		for _, arg := range args {
			price += weight(arg)
		}
	}
	return &price
}

func aggregate(x ref.Val) bool {
	switch x.(type) {
	case traits.Mapper, traits.Lister:
		return true
	}
	return false
}

// members counts what x holds, and what is held by the elements of a list.
func members(x ref.Val) uint64 {
	n := sizeOf(x)
	if l, ok := x.(traits.Lister); ok {
		for it := l.Iterator(); it.HasNext() == types.True; {
			n += sizeOf(it.Next())
		}
	}
	return n
}

func sizeOf(x ref.Val) uint64 {
	if s, ok := x.(traits.Sizer); ok && aggregate(x) {
		if n, ok := s.Size().(types.Int); ok && n > 0 {
			return uint64(n)
		}
	}
	return 0
}

// weight is the price of reading x as text: a tenth for a byte of a text, and
// half for one of an object or list, which becomes JSON.
func weight(x ref.Val) uint64 {
	if aggregate(x) {
		return bytesOf(x) / 2
	}
	return bytesOf(x) / 10
}

// bytesOf is about how long the text of x is.
func bytesOf(x ref.Val) uint64 {
	switch x := x.(type) {
	case types.String:
		return uint64(len(x))
	case types.Bytes:
		return uint64(len(x))
	case traits.Mapper:
		n := uint64(2)
		for it := x.Iterator(); it.HasNext() == types.True; {
			k := it.Next()
			n += bytesOf(k) + bytesOf(x.Get(k)) + 6
		}
		return n
	case traits.Lister:
		n := uint64(2)
		for it := x.Iterator(); it.HasNext() == types.True; {
			n += bytesOf(it.Next()) + 1
		}
		return n
	}
	return 4
}
