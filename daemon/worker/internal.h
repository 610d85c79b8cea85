/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of worker.h: worker.c runs the thread, unit.c takes what its sources bring (unit.h). */
#ifndef HARRIER_WORKER_INTERNAL_H
#define HARRIER_WORKER_INTERNAL_H

#include "daemon/commit/mailbox.h"
#include "worker.h"

#include "harrier/intake.h"

#include <event2/event.h>
#include <pthread.h>

/* A generation as this worker runs it. Units in hand keep it; when it is no longer the current one and the last of them ends, it goes. */
struct rules {
    struct generation *generation;
    struct intake_scratch *scratch;
    struct intake_options *options; /* per source; each unit has a copy, with its cluster */
    size_t units;
};

struct worker {
    struct worker_options options;
    pthread_t thread;
    struct event_base *base;
    struct mailbox *mailbox;
    struct source_worker *source;
    struct followers *followers;
    struct watch *watch;
    size_t units; /* not settled yet */
    bool stopping;
    bool draining; /* the daemon is about to end: nothing new is begun */
    clock_nanos give_up_at; /* when stopping: until then it is still tried to store what cannot be sent again */
    pthread_mutex_t mutex; /* over what other threads read: current, tally */
    struct rules *current;
    struct tally tally;
};

/* unit.c: what the sources of the worker call. */
extern const struct source_handler unit_handler;
/* One unit less: rules that nobody uses any more go. */
void rules_leave(struct worker *worker, struct rules *rules);

#endif
