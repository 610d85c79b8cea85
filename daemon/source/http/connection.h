/* SPDX-License-Identifier: Apache-2.0 */
/* An HTTP/1.1 connection, for the files that make it: connection.c, request.c, answer.c. */
#ifndef HARRIER_SOURCE_HTTP_CONNECTION_H
#define HARRIER_SOURCE_HTTP_CONNECTION_H

#include "daemon/source/channel.h"
#include "http.h"
#include "harrier/base/inflate.h"

enum {
    CONTENT_TURN_BYTES = 256 * 1024, /* unpacked in a turn, beyond which the next connection has its turn */
    LINGER_BYTES = 4 * 1024 * 1024 /* read and thrown away after the last answer, so that the client gets to see it */
};

#define LINGER_TIME (2 * CLOCK_SECOND)

/* A connection's way: HEAD → BODY → WAIT → (WRITE →) HEAD ..., or HEAD → DRAIN → (WRITE →) HEAD where a request is refused, and
 * through LINGER to CLOSED after a last answer. A body that goes over a bound is cut off there: BODY → DRAIN, and → WAIT if the handler
 * still owes its answer when the rest is drained. Only in HEAD, BODY, DRAIN and LINGER is the socket read: what a client sends ahead
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
    struct channel channel; /* first: the one is the other */
    enum connection_state state;
    struct http_reader *reader;
    struct http_scan scan;
    struct buffer head; /* a header section that came in pieces */
    struct buffer held; /* bytes after a request that waits, from held_used on */
    size_t held_used;
    bool keep_alive, is_http_1_0, is_head; /* of the request in hand */
    uint64_t body_bytes;                   /* content so far; of a body that was cut off, what was taken of it */
    uint64_t drained_bytes;                /* thrown away so far, framing and all */
    uint64_t progress_bytes;               /* received since the deadline was set */
    struct refusal refusal;                /* in DRAIN; of a body that was cut off, in WAIT too */
    struct source_request *request;        /* in BODY and WAIT; of a body that was cut off, until it is answered */
    bool cut;                              /* the body went over a bound: the handler has the end, the client gets the refusal */
    struct slice client_name;              /* of the request in hand, as it is in source_head; lives as long as the endpoint */
    struct buffer out;                     /* in WRITE: what is still to be sent */
    bool closing;                          /* with the answer in hand, for close_reason */
    enum source_close close_reason;
    size_t linger_bytes;
    /* the body's way to the handler, a turn's worth at a time: through the inflater, if it is compressed */
    struct inflater *inflater;
    uint64_t inflated_bytes;   /* that came out of it */
    size_t inflated_in_turn;   /* in the present turn */
    struct buffer put_off;     /* of the body, as it came: what the turn had no room for; at most what one read brings */
    bool unfinished;           /* the handler has work for later turns; nothing is read meanwhile */
    bool body_ended;           /* with the last byte of put_off, or of that work */
    const char *over_bound;    /* the body is cut there, with this error; NULL: it is not */
    bool damaged;              /* the rest is not read: what came before counts */
    bool validating;           /* the body is an Event Grid handshake: it goes to validation, not to the handler */
    struct buffer validation;
    struct buffer firehose_id; /* of the request in hand, to stand in its answer; empty: not by Firehose */
    struct buffer origin;      /* whom an OPTIONS request asks for; empty: it is none */
};

extern const struct channel_type connection_type;

/* --- connection.c: reading, and the states --- */
/* Ends it: the request is aborted or let go, the reason counted. The memory goes with the next channel_settle. */
void connection_close(struct connection *connection, enum source_close reason);
bool connection_is_idle(const struct connection *connection);
/* The answer is out: the next request, or the end. */
void connection_answered(struct connection *connection);

/* --- request.c: what a request meets on its way --- */
/* A whole header section has come; the state is set by what it asks for. */
void request_begin(struct connection *connection, struct slice section);
/* The next content of the body. */
void request_body(void *connection, struct slice bytes);
/* The body is complete. */
void request_end(struct connection *connection);
/* Given up, if there is one: aborted before its end, let go after it (the handler's answer is dropped). */
void request_give_up(struct connection *connection);
/* The request is aborted, the rest of the body thrown away, then the refusal is answered: for what will be sent again. */
void request_refuse_rest(struct connection *connection, struct refusal refusal, enum source_bound bound);
/* The request ends here, since after a 413 it will not be sent again: what came is judged and stored, the rest of the body thrown away,
 * then 413 with the error is answered, or 503 if it could not be stored. */
void request_cut(struct connection *connection, const char *error, enum source_bound bound);
/* The body is drained, or enough of it: the refusal is answered, at once or after the handler has. */
void request_answer_refusal(struct connection *connection);

/* --- content.c: bodies, compressed and not --- */
/* Whether a body of this Content-Encoding (RFC 9110 section 8.4) is read. */
bool content_is_known(struct slice encoding);
/* Before the body of a request that the handler has taken. False: there is no memory to unpack it. */
bool content_begin(struct connection *connection, struct slice encoding);
void content_feed(struct connection *connection, struct slice bytes);
/* The body goes over limits.body_bytes here: request_cut, with the error, which lives for ever, once all before it is unpacked and judged. */
void content_cut(struct connection *connection, const char *error);
/* What came has not all been unpacked and judged: nothing more is read until content_go_on, in later turns, has. */
bool content_is_unfinished(const struct connection *connection);
void content_go_on(struct connection *connection);
/* The body is complete; it may be refused yet (the state is DRAIN then). */
void content_end(struct connection *connection);
void content_free(struct connection *connection);

/* --- validation.c: handshakes, by which clouds ask whether events are wanted --- */
/* Event Grid: the body is kept, and answered at its end. */
void validation_feed(struct connection *connection, struct slice bytes);
void validation_end(struct connection *connection);
/* CloudEvents' OPTIONS (HTTP 1.1 Web Hooks for Event Delivery, section 4): who asks may deliver, and is told so in the answer. False: it does not ask. */
bool validation_keep_origin(struct connection *connection, struct slice origin);

/* --- answer.c --- */
void answer_send(struct connection *connection, unsigned int status, unsigned int retry_after, struct slice json);
void answer_refusal(struct connection *connection, const struct refusal *refusal);
/* The last answer on this connection. */
void answer_and_close(struct connection *connection, unsigned int status, const char *error, enum source_close reason);
/* RFC 9110 section 10.1.1: the client may send the body. False if the connection was closed over it. */
bool answer_continue(struct connection *connection);
/* An answer to Firehose bears its request's id. */
void answer_keep_firehose_id(struct connection *connection, struct slice id);
/* Sends what is left in out. */
void answer_flush(struct connection *connection);
extern const struct request_owner connection_as_owner;

#endif
