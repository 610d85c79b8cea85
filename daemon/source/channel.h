/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of source/ share: workers, the channels of a worker, the units in hand. */
#ifndef HARRIER_DAEMON_SOURCE_CHANNEL_H
#define HARRIER_DAEMON_SOURCE_CHANNEL_H

#include "deadlines.h"
#include "transport.h"
#include "harrier/base/buffer.h"
#include "harrier/base/log_limit.h"
#include "harrier/source.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdatomic.h>
#include <sys/queue.h>

struct channel;

/* A protocol on a channel. Every function but free may close the channel (channel_close) and nothing else may end it. */
struct channel_type {
    /* The protocol's object, its channel at the beginning, everything else zero but what must not be. */
    struct channel *(*new_channel)(void);
    /* The handshake, if there is one, is over: set the first deadline. */
    void (*opened)(struct channel *channel);
    /* A turn of reading: at most turn_bytes, or until channel_receive gives no more. */
    void (*read_turn)(struct channel *channel);
    /* The socket takes bytes again (writes() was true). */
    void (*flush)(struct channel *channel);
    /* What the event loop has to watch in the present state. */
    bool (*reads)(const struct channel *channel);
    bool (*writes)(const struct channel *channel);
    /* Bytes were taken off the socket that a later turn has to go on with. */
    bool (*holds)(const struct channel *channel);
    /* The deadline has passed. */
    void (*expire)(struct channel *channel);
    /* No new unit is to be begun: a channel that has none in hand closes. */
    void (*drain)(struct channel *channel);
    /* Being closed: the unit in hand is aborted, or, if it only waits for its answer, let go (request->owner = NULL). */
    void (*let_go)(struct channel *channel);
    void (*free_channel)(struct channel *channel);
    /* Bytes of its buffers. */
    size_t (*memory)(const struct channel *channel);
};

/* A connected client of a worker, whatever it speaks. The loop's events and the deadline are watched here; the protocol moves in
 * read_turn, flush, expire and in the answer to its unit, and whatever moves it ends with channel_settle. */
struct channel {
    LIST_ENTRY(channel) entry;
    const struct channel_type *type;
    struct source_worker *worker;
    size_t source;
    struct transport transport;
    struct address peer;    /* the client, by its own socket or by a PROXY header */
    struct address counted; /* among its worker's peers; no address: not yet */
    struct deadline deadline; /* monotonic */
    size_t charged;       /* to the budget, for what it holds */
    bool running;         /* in its own turn, which ends with channel_settle */
    bool closed;          /* freed by the next channel_settle */
    bool shunned;         /* its handshake was refused: only until it has read so */
    bool reading, writing; /* what the event loop watches */
    struct event readable, writable;
};

/* Whom a unit's answer goes to: a connection, or a follower. */
struct request_owner {
    void (*answered)(void *owner, unsigned int status, unsigned int retry_after, struct slice json);
    bool (*position)(const void *owner, struct source_position *position); /* NULL: none */
};

/* A unit from begin() to its answer. It outlives its owner where the client goes away. */
struct source_request {
    LIST_ENTRY(source_request) entry;
    struct source_worker *worker; /* NULL: freed before the answer */
    void *owner;                  /* NULL: nobody waits for the answer */
    const struct request_owner *owner_type;
    void *context; /* the handler's */
};

struct counters {
    _Atomic uint64_t connections, connections_open, requests, received_bytes, answers_dropped;
    _Atomic uint64_t answers_by_class[6];
    _Atomic uint64_t closes[SOURCE_CLOSE_COUNT];
    _Atomic uint64_t bounds[SOURCE_BOUND_COUNT];
    _Atomic uint64_t tls_handshakes, tls_resumed;
    _Atomic uint64_t tls_failures[SOURCE_TLS_FAILURE_COUNT];
    _Atomic uint64_t damaged_bodies;
    _Atomic uint64_t access_unknown, access_forbidden;
};

/* Of one syslog or RELP source; the members are those of struct source_stream_counts. */
struct stream_counters {
    _Atomic uint64_t connections, bytes, messages, other, cut_off, long_headers, bad_frames, cut_frames, pauses, not_stored;
    struct log_limit trouble;
    bool told_of_other, told_of_cut; /* in the log, once */
};

struct source_worker {
    struct event_base *base;
    struct source_limits limits;
    const struct source_endpoint *endpoints;
    size_t endpoint_count;
    struct source_handler handler;
    LIST_HEAD(, channel) channels;
    LIST_HEAD(, source_request) requests;
    struct deadlines deadlines;
    struct event *sweep; /* looks at the deadlines; runs while there are channels */
    bool draining;
    struct budget *budget; /* NULL: nothing is counted */
    struct source_peers *peers; /* NULL: not counted */
    _Atomic size_t places; /* reserved, with those of open channels */
    struct counters counters;
    struct log_limit logged_access, logged_msgpack, logged_content, logged_cut, logged_unproxied; /* HTTP: what was refused */
    struct stream_counters *streams; /* by endpoint */
    char buffer[SOURCE_RECEIVE_BYTES]; /* every channel's bytes pass through here; never kept over a turn of the loop */
};

static inline void counter_add(_Atomic uint64_t *counter, uint64_t amount)
{
    atomic_fetch_add_explicit(counter, amount, memory_order_relaxed);
}

/* --- channel.c --- */

/* Takes the socket over for the source's protocol. */
void channel_open(struct source_worker *worker, size_t source, int fd, const struct address *peer);
/* Ends it: lets go of its unit, closes the socket, counts the reason. */
void channel_close(struct channel *channel, enum source_close reason);
/* The loop watches what the state needs; a closed channel is freed. Nothing happens inside the channel's own turn, which ends with it;
 * whatever else moves a channel calls it last. */
void channel_settle(struct channel *channel);
void channel_expire(struct channel *channel);
void channel_set_deadline(struct channel *channel, clock_nanos after);
/* Into the worker's buffer, at most *turn_bytes, which it lessens. AGAIN, END and BROKEN as transport.h has it. */
enum transport_result channel_receive(struct channel *channel, size_t *turn_bytes, struct slice *bytes);
/* Sends what is in out, as far as the socket takes it; AGAIN: the rest stays in out, and writes() should be true. */
enum transport_result channel_send(struct channel *channel, struct buffer *out);

/* --- peers.c: any thread; of no peers nothing is counted --- */

/* False: the address has as many connections as it may. */
bool peers_enter(struct source_peers *peers, const struct address *address);
void peers_leave(struct source_peers *peers, const struct address *address);

/* --- unit.c --- */

/* A unit of the owner's, begun at the handler; NULL: the handler refused it (counted), and says why. */
struct source_request *unit_begin(struct source_worker *worker, const struct source_head *head, void *owner,
                                  const struct request_owner *owner_type, struct source_refusal *refusal);
/* Before its end: the handler is told, the request is gone. */
void unit_abort(struct source_request *request);

#endif
