/* SPDX-License-Identifier: Apache-2.0 */
/* Where bytes come in. A unit is what its sender wants acknowledged: an HTTP request's body (RFC 9110, RFC 9112), a RELP frame, a stretch of syslog
 * messages or of a file. Every kind of source hands its units to one struct source_handler, bytes as they arrive, and gets one answer for
 * each. It knows no audit event and no rule.
 *
 * Threads: a struct source_worker belongs to the thread that runs its event_base (which needs no locks); every function that takes
 * one is called there, but for those marked "any thread". The acceptor belongs to the main thread. */
#ifndef HARRIER_SOURCE_H
#define HARRIER_SOURCE_H

#include "harrier/base/address.h"
#include "harrier/base/clock.h"
#include "harrier/base/result.h"
#include "harrier/base/slice.h"
#include "harrier/syslog.h"

struct event_base;
struct budget;
struct source_worker;
struct source_request;
struct source_acceptor;
struct source_peers;

/* --- what is served --------------------------------------------------------------------------------------------------------- */

struct source_tls;    /* source_tls.h */
struct source_access; /* who may send: source_access.h */

enum source_protocol { SOURCE_HTTP, SOURCE_SYSLOG, SOURCE_RELP };

/* One configured listener; its index in the array given to source_worker_new is its name for the program. */
struct source_endpoint {
    enum source_protocol protocol;
    const char *name;             /* for the log */
    const char *path;             /* HTTP: "/k8s-audit", with {cluster} and {token} as segments; a query and one trailing slash of a request do not matter */
    struct source_tls *tls;       /* NULL: plain */
    struct source_access *access; /* NULL: anybody */
    bool cluster_from_certificate; /* its common name, where neither client nor path names one */
    bool cluster_from_syslog;      /* the structured data's parameter "cluster" */
    enum syslog_framing framing;   /* SOURCE_SYSLOG */
    bool event_grid;               /* HTTP: answer validation handshakes */
    bool proxy_protocol;           /* each connection begins with a PROXY header, which names the client (proxy_header.h); one without is closed */
};

struct source_limits {
    uint64_t body_bytes;               /* a longer body is cut off there and answered 413; 0: no bound */
    uint64_t drain_bytes;              /* of a body that is refused: the connection is closed after so many */
    size_t header_bytes;               /* request line and header section; more is answered 431. At most 64 KiB */
    size_t connections;                /* open at a time, per worker */
    uint64_t inflated_bytes;           /* that a compressed body may have; it is cut off there and answered 413 */
    uint64_t inflate_ratio;            /* times its compressed size, beyond the first 32 MiB; else cut off likewise */
    size_t turn_bytes;                 /* read from one connection before the others have their turn */
    clock_nanos header_timeout;        /* from the first byte of a request to the end of its header section */
    clock_nanos idle_timeout;          /* without a request on an open connection; of syslog and RELP without the first message, later they may be silent */
    clock_nanos body_progress_timeout; /* in which SOURCE_PROGRESS_BYTES of a body (or its end) must come, or an answer be taken */
    clock_nanos message_timeout;       /* plain syslog: from a message's first byte to its last, which then is where it stands. A message in hand
                                        * holds memory that others could have: that it goes on, byte by byte, is not enough. The largest audit
                                        * events have some MB, so that this is no bound of honest ones */
    clock_nanos acknowledge_timeout;   /* from a body's end to the answer; after it 503 is answered in the handler's place */
    unsigned int retry_after;          /* seconds, for the 503 that the source gives by itself; never 0 (the client would try at once) */
};

enum { SOURCE_PROGRESS_BYTES = 1024, SOURCE_RECEIVE_BYTES = 65536 };

/* 16 KiB of header, 1024 connections, turns of 64 KiB, 10 s, 120 s, 10 s, 60 s, 10 s, Retry-After 10, no bound on bodies. */
extern const struct source_limits source_default_limits;

/* --- what a request's owner is told -------------------------------------------------------------------------------------------- */

enum { SOURCE_LENGTH_UNKNOWN = -1 };

/* Valid during begin() only. */
struct source_head {
    size_t source;                /* index of the endpoint, or the number given to a follower */
    struct slice path;            /* HTTP: without query */
    struct slice content_type;    /* HTTP: as sent; may be empty */
    struct slice cluster;         /* that the sender speaks for: bound to the client, the path, the certificate or the structured data; empty: the source's own */
    bool cluster_vouched;         /* a credential says so: the client's entry, or its certificate */
    struct slice client_name;     /* of the entry of access that let it in; empty: none */
    int64_t content_length;       /* SOURCE_LENGTH_UNKNOWN: chunked, compressed, or no HTTP */
    const struct address *client; /* the peer; NULL: a file */
    bool resends;                 /* what is not acknowledged comes again. false: plain syslog and pipes; such a unit must not fail, but may be late */
    bool last;                    /* of a plain sender that is gone: its bytes were read already, and what is refused now is lost */
};

/* Why begin() does not want the unit: an HTTP body is drained, then this is answered; others are not read on for retry_after or less, and begin()
 * is asked again. */
struct source_refusal {
    unsigned int status;      /* 503 unless set */
    unsigned int retry_after; /* seconds; limits.retry_after unless set; sent with 429 and 503 */
    const char *error;        /* constant text for the JSON body; NULL for the status's own */
};

/* For each unit: begin(); if it gave a context: body() any number of times; then exactly one of
 *   abort(): the client went away, was too slow, or broke the protocol, or body() refused. The context is the handler's to free, the
 *            request must not be answered;
 *   end():   the unit is complete, or an HTTP body went over a bound (what 413 refuses does not come again, so that what came counts: the
 *            client gets 413 in place of the answer, unless that is a 5xx). The handler then calls source_request_answer exactly once, now or later, whatever becomes of
 *            the client meanwhile (an answer that nobody waits for any more is dropped and counted).
 * No callback may free the worker. */
struct source_handler {
    void *data;
    /* NULL: refused. The head's slices die when it returns. */
    void *(*begin)(void *data, struct source_request *request, const struct source_head *head, struct source_refusal *refusal);
    /* The next bytes, never empty, valid during the call. Anything but RESULT_OK: abort() follows, the rest is drained, 503 is answered. */
    enum result (*body)(void *context, struct slice bytes);
    /* After body() and message_end(): works on what a turn has no room for (packed payloads within envelopes). True: something is left. Then it is called
     * again in later turns, and nothing else but abort() and end() until it says false. NULL: nothing is ever left. */
    bool (*go_on)(void *context);
    /* A syslog message begins, from the host of that name (by its own word; may be empty). NULL: of no interest. */
    void (*message_begin)(void *context, struct slice syslog_host);
    /* Behind message_begin: what comes up to message_end is no message, and is for the dead letters only. why: constant text. NULL: of no interest. */
    void (*message_refused)(void *context, const char *why);
    /* The bytes since the last call (or begin) were one whole message: syslog, RELP, files. HTTP bodies have no messages. */
    void (*message_end)(void *context);
    void (*end)(void *context);
    void (*abort)(void *context);
};

/* How far a file has been read when the unit is acknowledged: stored with the unit, given back to the follower after a start. */
struct source_position {
    struct slice key;   /* empty: the source's name */
    struct slice value; /* opaque, at most 4 KiB; valid until the answer */
    bool due;           /* to be stored even if nothing else is */
};

/* In or after end(): the unit's position; false: it has none. */
bool source_request_position(const struct source_request *request, struct source_position *position);

/* Answers a request after its end(), from its worker's thread (inside end() too). retry_after: seconds, 0 for none. json: the body;
 * empty for {}. The handle is gone after it. */
void source_request_answer(struct source_request *request, unsigned int status, unsigned int retry_after, struct slice json);

/* An event_base for workers. Of the events of priority 1, which all events have that name none, some are called at a time, then the loop looks again at what
 * there is: neither what other threads have to say (priority 0: that a commit is done, that the daemon is to end) nor another client waits behind the turns of
 * thousands of connections, or of one that makes itself active turn after turn. */
struct event_base *source_base_new(void);

/* --- a worker's connections ------------------------------------------------------------------------------------------------------ */

/* endpoints, what they point to, and handler's data outlive the worker. */
struct source_worker *source_worker_new(struct event_base *base, const struct source_limits *limits,
                                        const struct source_endpoint *endpoints, size_t endpoint_count,
                                        const struct source_handler *handler);
/* What connections hold is taken from this budget, which outlives the worker. Before the first connection. */
void source_worker_set_budget(struct source_worker *worker, struct budget *budget);
/* Closes what is open: requests before their end() are aborted; those after it stay valid until they are answered. */
void source_worker_free(struct source_worker *worker);

/* Takes a place for one connection; false if limits.connections are taken. Any thread. */
bool source_worker_reserve(struct source_worker *worker);
/* Gives back a place that no connection was added for. Any thread. */
void source_worker_release(struct source_worker *worker);
/* Takes over an accepted, non-blocking socket, for which a place was reserved. */
void source_worker_add(struct source_worker *worker, size_t source, int fd, const struct address *peer);
/* No new request is begun: idle connections are closed, the others with their next answer. */
void source_worker_drain(struct source_worker *worker);
/* Connections that end are taken off from these, which outlive the worker: those of the acceptor that they come from. Before the first. */
void source_worker_set_peers(struct source_worker *worker, struct source_peers *peers);
/* Places taken. Any thread. */
size_t source_worker_connections(const struct source_worker *worker);

/* --- counters ---------------------------------------------------------------------------------------------------------------------- */

enum source_close {
    SOURCE_CLOSE_BY_CLIENT,   /* between two requests */
    SOURCE_CLOSE_ASKED,       /* answered with Connection: close as the client or HTTP/1.0 asked */
    SOURCE_CLOSE_CUT_IN_HEAD, /* the client went away inside a header section */
    SOURCE_CLOSE_CUT_IN_BODY,
    SOURCE_CLOSE_IDLE,
    SOURCE_CLOSE_SLOW_HEAD,
    SOURCE_CLOSE_SLOW_BODY,
    SOURCE_CLOSE_SLOW_READER, /* did not take its answer */
    SOURCE_CLOSE_BAD_REQUEST, /* framing that cannot be trusted: RFC 9112 section 6.3 */
    SOURCE_CLOSE_HEAD_TOO_LARGE,
    SOURCE_CLOSE_DRAIN_TOO_LONG,
    SOURCE_CLOSE_REFUSED_EARLY, /* refused before a body that waited for 100 Continue */
    SOURCE_CLOSE_HANDSHAKE,     /* no TLS came of it: see tls_failures */
    SOURCE_CLOSE_NO_PROXY_HEADER, /* where proxy_protocol wants one */
    SOURCE_CLOSE_FORBIDDEN,     /* syslog and RELP: nobody that may send */
    SOURCE_CLOSE_NOT_STORED,    /* syslog and RELP: a unit failed; RELP's client sends it again */
    SOURCE_CLOSE_SHUTDOWN,
    SOURCE_CLOSE_ERROR, /* the operating system reported one */
    SOURCE_CLOSE_COUNT
};

/* The reason's name in metrics, such as "slow_body". */
const char *source_close_name(enum source_close reason);

enum source_bound {
    SOURCE_BOUND_HEADER_BYTES,
    SOURCE_BOUND_BODY_BYTES,
    SOURCE_BOUND_DRAIN_BYTES,
    SOURCE_BOUND_CONNECTIONS,
    SOURCE_BOUND_DESCRIPTORS, /* no file descriptor or socket memory left to accept a connection */
    SOURCE_BOUND_ACKNOWLEDGE, /* answered 503 because no answer came in time */
    SOURCE_BOUND_REFUSED,     /* begin() or body() refused a request */
    SOURCE_BOUND_INFLATED,    /* a compressed body was larger than inflated_bytes, or than inflate_ratio allows */
    SOURCE_BOUND_ADDRESS,     /* connections_per_address: closed at once */
    SOURCE_BOUND_COUNT
};

const char *source_bound_name(enum source_bound bound);

/* Why a TLS handshake came to nothing. */
enum source_tls_failure {
    SOURCE_TLS_NOT_TLS, /* garbage, or another protocol */
    SOURCE_TLS_PLAIN_HTTP,
    SOURCE_TLS_NO_COMMON,         /* version, cipher or group */
    SOURCE_TLS_ALPN,              /* RFC 7301: the client offers protocols, and none that is spoken here */
    SOURCE_TLS_NO_CERTIFICATE,    /* one was asked for */
    SOURCE_TLS_EXPIRED,           /* the client's certificate, or it is not good yet */
    SOURCE_TLS_UNTRUSTED,         /* it was not signed by client_ca_file, or not for clients */
    SOURCE_TLS_WRONG_NAME,        /* it has none of client_names */
    SOURCE_TLS_REFUSED_BY_CLIENT, /* the client sent an alert, such as that it does not know who signed our certificate */
    SOURCE_TLS_CUT,               /* the client went away */
    SOURCE_TLS_TIMEOUT,
    SOURCE_TLS_OTHER,
    SOURCE_TLS_FAILURE_COUNT
};

/* The reason's name in metrics, such as "expired". */
const char *source_tls_failure_name(enum source_tls_failure failure);

/* Totals since the start; connections_open is now. */
struct source_counts {
    uint64_t connections;
    uint64_t connections_open;
    uint64_t requests; /* header sections read and well-formed */
    uint64_t received_bytes;
    uint64_t answers_by_class[6]; /* [2]: 2xx ...; [0]: any other */
    uint64_t answers_dropped;     /* the client was gone, or had been answered 503 */
    uint64_t closes[SOURCE_CLOSE_COUNT];
    uint64_t bounds[SOURCE_BOUND_COUNT];
    uint64_t tls_handshakes; /* that were completed */
    uint64_t tls_resumed;    /* of these, by a session from before */
    uint64_t tls_failures[SOURCE_TLS_FAILURE_COUNT];
    uint64_t damaged_bodies;   /* compressed, and not to be unpacked to their end */
    uint64_t access_unknown;   /* requests answered 401: no client that may send */
    uint64_t access_forbidden; /* requests answered 403, messages passed over: a known client that spoke for another cluster, or none that may be */
};

/* Adds the worker's counts to counts, so that several can be summed. Any thread. */
void source_worker_count(const struct source_worker *worker, struct source_counts *counts);

/* Totals of one syslog or RELP endpoint since the start. */
struct source_stream_counts {
    uint64_t connections;
    uint64_t bytes;        /* received */
    uint64_t messages;     /* with JSON */
    uint64_t other;        /* without: other programs' lines */
    uint64_t cut_off;      /* messages that end inside their JSON */
    uint64_t long_headers; /* messages whose header was given up on, and which went on as a text as they were */
    uint64_t bad_frames;   /* framing that could not be trusted: of RELP each closed its connection, of counted messages it goes on behind it */
    uint64_t cut_frames;   /* messages that ended before all of the octets that they had counted, or that are over body_bytes */
    uint64_t pauses;       /* no unit could be had, so that nothing was read for a while */
    uint64_t not_stored;   /* units that failed */
};

/* Adds the worker's counts to counts, as above. Any thread. */
void source_worker_count_stream(const struct source_worker *worker, size_t source, struct source_stream_counts *counts);

/* --- listening ------------------------------------------------------------------------------------------------------------------- */

/* A listening, non-blocking, close-on-exec TCP socket (SO_REUSEADDR). One at [::] takes IPv4 as well unless ipv6_only. On an error *fd is -1 and
 * errno is set. */
enum result source_listen(const struct address *address, bool ipv6_only, int *fd);
/* Checks and prepares an inherited one (socket activation): RESULT_INVALID if it is not a listening stream socket. */
enum result source_listen_inherited(int fd);
/* The address that a socket listens on (of use where the port was 0). */
enum result source_listen_address(int fd, struct address *address);

/* Called on the acceptor's thread, with a place reserved at the worker that has the fewest connections. The fd is the callee's, to
 * be given to source_worker_add on the worker's own thread (or closed, and the place released). */
typedef void source_accepted(void *data, struct source_worker *worker, size_t source, int fd, const struct address *peer);

/* workers and data outlive the acceptor. */
struct source_acceptor *source_acceptor_new(struct event_base *base, struct source_worker *const *workers, size_t worker_count,
                                            source_accepted *accepted, void *data);
/* How many connections each address has, over all workers: more than most are closed at once. Of IPv6 the first 64 bits count. */
struct source_peers *source_peers_new(size_t most);
void source_peers_free(struct source_peers *peers);
/* peers outlive the acceptor. Before the first listening socket. */
void source_acceptor_set_peers(struct source_acceptor *acceptor, struct source_peers *peers);
/* Connections over all workers, so that descriptors are left for all else of the process; more wait in the system's queue and are counted as
 * SOURCE_BOUND_DESCRIPTORS. Before the first listening socket; default: no bound but the workers'. */
void source_acceptor_set_most(struct source_acceptor *acceptor, uint64_t most);
/* Closes the listening sockets. */
void source_acceptor_free(struct source_acceptor *acceptor);
/* Accepts on the listening socket from now on, and owns it. */
void source_acceptor_add(struct source_acceptor *acceptor, size_t source, int fd);
/* Adds the acceptor's bounds that were hit. Any thread. */
void source_acceptor_count(const struct source_acceptor *acceptor, struct source_counts *counts);

#endif
