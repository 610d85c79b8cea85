/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the listener share: workers, connections, requests. */
#ifndef HARRIER_SOURCE_CONNECTION_H
#define HARRIER_SOURCE_CONNECTION_H

#include "daemon/source/http.h"
#include "harrier/buffer.h"
#include "harrier/source.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdatomic.h>
#include <sys/queue.h>

enum {
    LINGER_BYTES = 4 * 1024 * 1024 /* read and thrown away after the last answer, so that the client gets to see it */
};

#define LINGER_TIME (2 * CLOCK_SECOND)

/* A connection's way: HEAD → BODY → WAIT → (WRITE →) HEAD ..., or HEAD → DRAIN → (WRITE →) HEAD where a request is refused, and
 * through LINGER to CLOSED after a last answer. Only in HEAD, BODY, DRAIN and LINGER is the socket read: what a client sends ahead
 * while its request waits for the commit stays in the kernel, but for the rest of the piece in hand (held). */
enum connection_state {
    CONNECTION_HEAD,   /* idle, or inside a header section */
    CONNECTION_BODY,   /* the handler gets the body */
    CONNECTION_DRAIN,  /* the body is thrown away, then the refusal is answered */
    CONNECTION_WAIT,   /* the handler has the whole body and owes the answer */
    CONNECTION_WRITE,  /* the kernel has not taken all of the answer */
    CONNECTION_LINGER, /* the last answer is out: reading until the client closes, so that no reset destroys it (RFC 9112 section 9.6) */
    CONNECTION_CLOSED
};

/* The answer to a request that is not wanted. */
struct refusal {
    unsigned int status;
    unsigned int retry_after;
    const char *error;
};

struct connection {
    LIST_ENTRY(connection) entry;
    struct source_worker *worker;
    size_t source;
    int fd;
    struct address peer;
    enum connection_state state;
    bool running;          /* in its own turn, which ends with connection_settle */
    bool reading, writing; /* what the event loop watches */
    struct event readable, writable;
    clock_nanos deadline; /* of the state, monotonic */
    struct http_reader *reader;
    struct http_scan scan;
    struct buffer head; /* a header section that came in pieces */
    struct buffer held; /* bytes after a request that waits, from held_used on */
    size_t held_used;
    bool keep_alive, is_http_1_0, is_head; /* of the request in hand */
    uint64_t body_bytes;                   /* content so far */
    uint64_t drained_bytes;                /* thrown away so far, framing and all */
    uint64_t progress_bytes;               /* received since the deadline was set */
    struct refusal refusal;                /* in DRAIN */
    struct source_request *request;        /* in BODY and WAIT */
    struct buffer out;                     /* in WRITE: what is still to be sent */
    bool closing;                          /* with the answer in hand, for close_reason */
    enum source_close close_reason;
    size_t linger_bytes;
};

/* A request from begin() to its answer. It outlives its connection where the client goes away. */
struct source_request {
    LIST_ENTRY(source_request) entry;
    struct source_worker *worker;  /* NULL: freed before the answer */
    struct connection *connection; /* NULL: nobody waits for the answer */
    void *context;
};

struct counters {
    _Atomic uint64_t connections, connections_open, requests, received_bytes, answers_dropped;
    _Atomic uint64_t answers_by_class[6];
    _Atomic uint64_t closes[SOURCE_CLOSE_COUNT];
    _Atomic uint64_t bounds[SOURCE_BOUND_COUNT];
};

struct source_worker {
    struct event_base *base;
    struct source_limits limits;
    const struct source_endpoint *endpoints;
    size_t endpoint_count;
    struct source_handler handler;
    LIST_HEAD(, connection) connections;
    LIST_HEAD(, source_request) requests;
    struct event *sweep; /* looks at the deadlines; runs while there are connections */
    bool draining;
    _Atomic size_t places; /* reserved, with those of open connections */
    struct counters counters;
    char buffer[SOURCE_RECEIVE_BYTES]; /* every connection's bytes pass through here; never kept over a turn of the loop */
};

static inline void counter_add(_Atomic uint64_t *counter, uint64_t amount)
{
    atomic_fetch_add_explicit(counter, amount, memory_order_relaxed);
}

/* --- connection.c: reading, and the states --- */
void connection_open(struct source_worker *worker, size_t source, int fd, const struct address *peer);
/* Ends it: the request is aborted or let go, the reason counted. The memory goes with the next connection_settle. */
void connection_close(struct connection *connection, enum source_close reason);
/* The state's deadline has passed; settles. */
void connection_expire(struct connection *connection);
/* The event loop watches what the state needs; a closed connection is freed. Nothing happens inside the connection's own turn, which
 * ends with it; whatever else changes a connection calls it last. */
void connection_settle(struct connection *connection);
bool connection_is_idle(const struct connection *connection);
void connection_set_deadline(struct connection *connection, clock_nanos after);
/* The answer is out: the next request, or the end. */
void connection_answered(struct connection *connection);

/* --- request.c: what a request meets on its way --- */
/* A whole header section has come; the state is set by what it asks for. */
void request_begin(struct connection *connection, struct slice section);
/* The next content of the body. */
void request_body(void *connection, struct slice bytes);
/* The body is complete. */
void request_end(struct connection *connection);
/* Before its end: the handler is told, the request is gone. */
void request_abort(struct connection *connection);

/* --- answer.c --- */
void answer_send(struct connection *connection, unsigned int status, unsigned int retry_after, struct slice json);
void answer_refusal(struct connection *connection, const struct refusal *refusal);
/* The last answer on this connection. */
void answer_and_close(struct connection *connection, unsigned int status, const char *error, enum source_close reason);
/* RFC 9110 section 10.1.1: the client may send the body. False if the connection was closed over it. */
bool answer_continue(struct connection *connection);
/* Sends what is left in out. */
void answer_flush(struct connection *connection);

/* --- client.c --- */
/* The peer, or whom a trusted proxy says it speaks for: the last entry of X-Forwarded-For that is not a trusted proxy itself. */
struct address client_of(const struct source_endpoint *endpoint, const struct address *peer, struct slice forwarded_for);

#endif
