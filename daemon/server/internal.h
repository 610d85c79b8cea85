/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's parts, for the files of server/ only. */
#ifndef HARRIER_SERVER_INTERNAL_H
#define HARRIER_SERVER_INTERNAL_H

#include "daemon/commit/commit.h"
#include "daemon/setup/generation.h"
#include "daemon/worker/worker.h"

#include "harrier/server.h"

#include <event2/event.h>
#include <pthread.h>

struct admin;
struct page_request;
struct health;
struct health_timer;

/* Everything there is one of. It belongs to the main thread; other threads get the parts that they need by pointer. */
struct server {
    const char *config_file;
    struct event_base *base;
    struct generation *generation; /* the current one */
    struct generation *boot;       /* the first: its config is that of sources, destinations, store and admin */
    struct deliver_destination_config *destinations;
    struct store *store;
    struct store_reader *reader;         /* the main thread's, for counts */
    struct store_reader *deliver_reader; /* the deliver thread's */
    struct commit *commit;
    struct deliver *deliver;
    struct event_base *deliver_base;
    pthread_t deliver_thread;
    struct budget *budget;
    struct clusters *clusters;
    struct source_endpoint *endpoints; /* one per source, as rates */
    struct rate **rates;
    struct worker **workers;
    size_t worker_count;
    struct source_worker **sources; /* the workers', for the acceptor */
    struct source_acceptor *acceptor;
    struct source_peers *peers; /* connections by address */
    struct admin *admin;
    struct health_timer *health;
    struct event *signals[4];
    struct event *watchdog;
    struct event *refresh; /* of certificates and secrets */
    struct event *drain_timer;
    clock_nanos started;
    clock_nanos terminated; /* monotonic, when the signal came; 0: not yet */
    uint64_t reloads, failed_reloads;
    bool draining;
    bool listening;
    int exit_code;
};

/* admin.c: the admin page on loopback TCP and on a Unix socket. On failure the log says why. */
struct admin *admin_new(struct server *server);
/* Nobody is answered any more. */
void admin_stop(struct admin *admin);
/* Once the commit thread has ended. */
void admin_free(struct admin *admin);
struct page_counts;
/* Of both sockets. */
void admin_count(const struct admin *admin, struct page_counts *counts);
/* The answers of the admin page's handlers. */
void admin_reply(struct page_request *request, unsigned int code, const char *reason, const char *type, const struct buffer *body);
void admin_reply_text(struct page_request *request, unsigned int code, const char *reason, const char *text);

/* metrics.c: Prometheus text format, version 0.0.4. */
void metrics_write(struct server *server, struct buffer *out);
/* status.c: the same figures for `harrierctl status`, as JSON. */
void status_write(struct server *server, struct buffer *out);
/* status.c: for how long the destination's oldest alert has been waiting; 0: none waits. */
uint64_t server_oldest_seconds(struct server *server, const struct store_destination_counts *destination);
/* Can batches be acknowledged? NULL if so, else why not. */
const char *server_not_ready(const struct server *server);

/* What has come in, by source and cluster, over all workers; the caller frees it. */
struct tally server_tally(struct server *server);
/* metrics.c: of a followed file; false: the source is none. */
bool server_follower_counts(struct server *server, size_t source, struct source_follower_counts *counts);

/* process.c: what can be done where no unit does it; process_harden first of all. */
void process_bound_heaps(void);
void process_harden(void);
/* As many descriptors as may be had. Before anything is opened. */
void process_raise_descriptors(void);
/* Connections of sources that may be open at once, so that descriptors are left for all else; what the configuration allows, or fewer and a
 * warning. Once everything but listening sockets is open. */
uint64_t process_connections_most(const struct config *config, size_t worker_count);

/* listen.c: the acceptor, with the sources' sockets. False: the log says why. */
bool listen_start(struct server *server);
/* [::] is for IPv4 too, but where the configuration has an IPv4 address with the same port: that one has it then. */
bool listen_is_ipv6_only(const struct config *config, const struct address *address);

/* health_timer.c. Stopping saves its state, while workers and commit still run; freeing takes the answers of what was under way, after commit. */
struct health_timer *health_timer_start(struct server *server);
void health_timer_stop(struct health_timer *timer);
void health_timer_free(struct health_timer *timer);
const struct health *health_timer_health(const struct health_timer *timer);
/* Notices of the last time in which nothing could be taken, for a day. */
void health_timer_gap(const struct health_timer *timer, void (*visit)(void *context, const struct alert_notice *notice), void *context);

/* reload.c. False: something is wrong, the findings say what, and the rules from before run on. The log says all of it too. */
bool server_reload(struct server *server, struct diagnostics *findings);
/* POST /reload: a page_handler. 200, or 422 where it is refused; either way the answer holds what runs now, and the findings. */
void reload_request_cb(struct page_request *request, void *argument);
/* What is wrong with configuration and rules, each finding a line of the log. */
void server_log_findings(const struct diagnostics *diagnostics);

#endif
