// Package pull takes alerts from SQS queues and hands them to the gateway.
//
// # Promise
//
// A message is deleted only once the gateway has said, by the number of the
// delivery, that it is on disk. Whatever dies before that, the message is seen
// again: duplicates are possible, loss is not. Of a FIFO queue, the messages of
// a group are handed over in their order.
//
// What the gateway does not take is either its fault or the message's:
//
//   - The gateway is away: no connection, 5xx, 429, a token or address that is
//     wrong, an answer that is not the gateway's. The message is kept in hand,
//     hidden from others, and offered again until it is taken. Its receive count
//     stays what it is, so that no outage of ours, however long, moves alerts
//     into the dead-letter queue; and no further messages are received until
//     the gateway says that it is ready.
//   - The message will never be taken: 413 and what else says so. It is given
//     back to be received again later, and SQS moves it to the dead-letter
//     queue once that happened as often as the queue's redrive policy says. The
//     same happens to a message that alone fails while others are taken.
//
// # Ownership and concurrency
//
// A Puller owns its goroutines; the queues are its caller's. One Puller is
// started and stopped once. Stop receives no more, lets a hand-over that is on
// its way finish for a moment, and gives everything else back at once.
//
// # Limits
//
// At most Config.InFlight messages of a queue are in hand, which bounds both
// memory (a message is up to 1 MiB) and what one crash costs: each of them one
// receive. SQS hides a message for 12 hours at most; one that is still in hand
// then is given back, which costs one receive too.
package pull
