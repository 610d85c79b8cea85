/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's parts, for the files of server/ only. */
#ifndef HARRIER_SERVER_INTERNAL_H
#define HARRIER_SERVER_INTERNAL_H

#include "commit.h"
#include "generation.h"
#include "worker.h"

#include "harrier/server.h"

#include <event2/event.h>
#include <pthread.h>

struct admin;

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
    struct worker **workers;
    size_t worker_count;
    struct source_worker **sources; /* the workers', for the acceptor */
    struct source_acceptor *acceptor;
    struct admin *admin;
    struct event *signals[4];
    struct event *watchdog;
    struct event *drain_timer;
    clock_nanos started;
    clock_nanos drain_until;
    uint64_t reloads, failed_reloads;
    bool draining;
    bool listening;
    int exit_code;
};

/* admin.c: the admin page on loopback TCP and on a Unix socket. On failure the log says why. */
struct admin *admin_new(struct server *server);
void admin_free(struct admin *admin);

/* metrics.c: Prometheus text format, version 0.0.4. */
void metrics_write(struct server *server, struct buffer *out);
/* status.c: the same figures for `harrierctl status`, as JSON. */
void status_write(struct server *server, struct buffer *out);
/* Can batches be acknowledged? NULL if so, else why not. */
const char *server_not_ready(const struct server *server);

/* reload.c */
void server_reload(struct server *server);

#endif
