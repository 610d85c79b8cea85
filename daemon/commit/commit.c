/* SPDX-License-Identifier: Apache-2.0 */
#include "commit.h"

#include "harrier/base/log.h"
#include "harrier/base/memory.h"
#include "harrier/base/vector.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    ALERTS_PER_COMMIT = 100, /* more in one transaction gains nothing and lengthens the tail */
    BYTES_PER_COMMIT = 4 * 1024 * 1024, /* likewise; and a transaction that fails at its end has written no more than this for nothing */
    MAINTENANCE_SECONDS = 30,
    PROBE_SECONDS = 2,
    DAMAGE_PROBE_SECONDS = 30, /* a probe meets a few pages only, and the damaged one may be another */
    ROOM_STEPS = 32,           /* towards room, before alerts are refused */
    LAST_TRIES = 3,            /* to store results at the end */
    RETRIES_MAX = 16,          /* of what an operator asks for by hand */
    PROBE_BYTES = 65536,
    VACUUM_PAGES = 256
};

struct retry_request {
    int64_t alert;
    char destination[STORE_NAME_MAX]; /* empty: all */
    commit_retried done;
    void *context;
};

/* Queues under one mutex; the thread takes what is there and works on it with the mutex given back. Results that could not be committed stay with
 * the thread and go into the next transaction: a delivery that was made is not made again because the disk was full for a while.
 *
 * Two things can be wrong, and each has its own way out. The store is full: submissions are refused one by one, nothing backs off, and what frees room
 * (results, retention, dead letters) goes on as ever. A transaction failed: until `next_try` submissions are refused without touching the store, and
 * that time is set by tries alone, so that no sender can put it off by sending. Results have a time of their own, for they may succeed where
 * submissions do not. */
struct commit {
    struct commit_options options;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    struct commit_queue *queue;
    VECTOR(struct store_delivery_result) results;
    VECTOR(struct retry_request) retries;
    bool stopping;
    clock_nanos hurry_at; /* monotonic; 0: never */
    /* the thread's own */
    VECTOR(struct commit_waiting) batch;
    VECTOR(struct commit_waiting) given_back;
    VECTOR(struct store_delivery_result) batch_results;
    VECTOR(struct store_submission) parts;
    clock_nanos looked_at; /* the clock, last; all of these are monotonic */
    clock_nanos next_maintenance;
    enum result failing;      /* why the last transaction failed; RESULT_OK: it did not */
    clock_nanos next_try;     /* while failing: of submissions, or of a probe in their place */
    clock_nanos next_results; /* after results alone failed */
    bool full;
    clock_nanos next_room; /* after a whole round found nothing that may go */
    atomic_bool healthy;
    atomic_uint_fast64_t commits, failures, refused, refused_for_room, alerts_added, alerts_known, dead_letters_added, given_up_removed, queued_bytes,
        nanoseconds;
};

/* --- the other threads' side -------------------------------------------------------------------------------------------------- */

/* The mutex is held. */
static bool is_hurrying(const struct commit *commit)
{
    return commit->hurry_at && clock_monotonic() >= commit->hurry_at;
}

bool commit_submit(struct commit *commit, const struct commit_sender *sender, struct submission *submission, commit_done done, void *context)
{
    const struct commit_waiting waiting = {submission, done, context, *sender};
    size_t bytes = submission_bytes(submission).length;

    pthread_mutex_lock(&commit->mutex);
    bool taken = !commit->stopping && !(sender->resends && is_hurrying(commit)) && commit_queue_add(commit->queue, &waiting);
    if (taken) {
        atomic_fetch_add(&commit->queued_bytes, bytes);
        pthread_cond_signal(&commit->wake);
    }
    pthread_mutex_unlock(&commit->mutex);
    if (!taken)
        atomic_fetch_add(&commit->refused, 1);
    return taken;
}

void commit_hurry(struct commit *commit, clock_nanos at)
{
    pthread_mutex_lock(&commit->mutex);
    commit->hurry_at = at;
    pthread_cond_signal(&commit->wake);
    pthread_mutex_unlock(&commit->mutex);
}

void commit_report(struct commit *commit, const struct store_delivery_result *results, size_t count)
{
    pthread_mutex_lock(&commit->mutex);
    for (size_t i = 0; i < count; i++)
        VECTOR_PUSH(&commit->results, results[i]);
    pthread_cond_signal(&commit->wake);
    pthread_mutex_unlock(&commit->mutex);
}

bool commit_retry_dead(struct commit *commit, int64_t alert, const char *destination, commit_retried done, void *context)
{
    struct retry_request request = {.alert = alert, .done = done, .context = context};
    bool taken = false;

    snprintf(request.destination, sizeof request.destination, "%s", destination ? destination : "");
    pthread_mutex_lock(&commit->mutex);
    if (!commit->stopping && commit->retries.count < RETRIES_MAX) {
        VECTOR_PUSH(&commit->retries, request);
        pthread_cond_signal(&commit->wake);
        taken = true;
    }
    pthread_mutex_unlock(&commit->mutex);
    return taken;
}

bool commit_is_healthy(const struct commit *commit)
{
    return atomic_load(&commit->healthy);
}

void commit_counts(const struct commit *commit, struct commit_counts *counts)
{
    *counts = (struct commit_counts){
        .commits = atomic_load(&commit->commits),
        .failures = atomic_load(&commit->failures),
        .refused = atomic_load(&commit->refused),
        .refused_for_room = atomic_load(&commit->refused_for_room),
        .alerts_added = atomic_load(&commit->alerts_added),
        .alerts_known = atomic_load(&commit->alerts_known),
        .dead_letters_added = atomic_load(&commit->dead_letters_added),
        .given_up_removed = atomic_load(&commit->given_up_removed),
        .queued_bytes = atomic_load(&commit->queued_bytes),
        .nanoseconds = atomic_load(&commit->nanoseconds),
    };
}

/* --- the thread -------------------------------------------------------------------------------------------------------------------- */

/* Moves what fits into one transaction from the queues to the batch. The mutex is held. */
static void take_batch(struct commit *commit)
{
    struct commit_waiting next;
    size_t alerts = 0, bytes = 0;

    while (is_hurrying(commit) && commit_queue_take_resendable(commit->queue, &next))
        VECTOR_PUSH(&commit->given_back, next);
    while ((commit->batch.count == 0 || (alerts < ALERTS_PER_COMMIT && bytes < BYTES_PER_COMMIT)) && commit_queue_take(commit->queue, &next)) {
        alerts += submission_alert_count(next.submission);
        bytes += submission_bytes(next.submission).length;
        VECTOR_PUSH(&commit->batch, next);
    }
    for (size_t i = 0; i < commit->results.count; i++)
        VECTOR_PUSH(&commit->batch_results, commit->results.items[i]);
    commit->results.count = 0;
}

static void show_health(struct commit *commit)
{
    bool healthy = commit->failing == RESULT_OK && !commit->full;

    if (atomic_exchange(&commit->healthy, healthy) == healthy)
        return;
    if (healthy)
        log_notice("store: takes writes again; batches are acknowledged");
    else
        log_error("store: %s; nothing is acknowledged until it takes writes again (senders get 503 and try again)", store_error(commit->options.store));
}

static void note_failure(struct commit *commit, enum result result)
{
    atomic_fetch_add(&commit->failures, 1);
    commit->failing = result;
    commit->next_try = clock_monotonic() + (result == RESULT_CORRUPT ? DAMAGE_PROBE_SECONDS : PROBE_SECONDS) * CLOCK_SECOND;
    show_health(commit);
}

static void note_success(struct commit *commit, const struct store_commit_counts *counts, clock_nanos took)
{
    atomic_fetch_add(&commit->commits, 1);
    atomic_fetch_add(&commit->alerts_added, counts->alerts_added);
    atomic_fetch_add(&commit->alerts_known, counts->alerts_known);
    atomic_fetch_add(&commit->dead_letters_added, counts->dead_letters_added);
    atomic_fetch_add(&commit->nanoseconds, (uint64_t)took);
}

static void forget_results(struct commit *commit, size_t count)
{
    commit->batch_results.count -= count;
    if (commit->batch_results.count)
        memmove(commit->batch_results.items, commit->batch_results.items + count, commit->batch_results.count * sizeof *commit->batch_results.items);
    if (count)
        commit->next_room = 0; /* what was delivered just now may go */
}

/* Tells each submission's owner; result is that of the transaction. */
static void finish_batch(struct commit *commit, enum result result)
{
    for (size_t i = 0; i < commit->batch.count; i++) {
        struct commit_waiting *waiting = &commit->batch.items[i];
        enum result its = result == RESULT_OK ? commit->parts.items[i].result : result;
        atomic_fetch_sub(&commit->queued_bytes, submission_bytes(waiting->submission).length);
        if (its == RESULT_OK) {
            submission_free(waiting->submission);
            waiting->submission = NULL;
        }
        waiting->done(waiting->context, its, waiting->submission);
    }
    commit->batch.count = 0;
}

/* Those that are sent again anyway, when the daemon is about to end. */
static void give_back(struct commit *commit)
{
    for (size_t i = 0; i < commit->given_back.count; i++) {
        const struct commit_waiting *waiting = &commit->given_back.items[i];
        atomic_fetch_sub(&commit->queued_bytes, submission_bytes(waiting->submission).length);
        waiting->done(waiting->context, RESULT_BUSY, waiting->submission);
    }
    commit->given_back.count = 0;
}

/* One step; true if another one may help. */
static bool make_some_room(struct commit *commit)
{
    struct store_maintenance done = {0};

    enum result result = store_make_room(commit->options.store, counted_now(store_clock(commit->options.store)), &done);
    atomic_fetch_add(&commit->given_up_removed, done.given_up_removed);
    return result == RESULT_OK && done.more;
}

/* What may go goes before anything is refused. A round over a large store takes many steps: it goes on with the next batch. */
static void make_room(struct commit *commit)
{
    bool more = true;

    commit->full = !store_has_room(commit->options.store);
    if (clock_monotonic() < commit->next_room)
        return;
    for (int step = 0; commit->full && more && step < ROOM_STEPS; step++) {
        more = make_some_room(commit);
        commit->full = !store_has_room(commit->options.store);
    }
    if (!more)
        commit->next_room = clock_monotonic() + CLOCK_SECOND;
}

/* The batch, and the results with it. */
static void commit_batch(struct commit *commit)
{
    struct store_commit_counts counts = {0};
    clock_nanos begin = clock_monotonic();

    if (commit->failing != RESULT_OK && begin < commit->next_try) {
        finish_batch(commit, commit->failing);
        return;
    }
    make_room(commit);
    commit->parts.count = 0;
    for (size_t i = 0; i < commit->batch.count; i++) {
        const struct commit_waiting *waiting = &commit->batch.items[i];
        VECTOR_PUSH(&commit->parts, ((struct store_submission){.bytes = submission_bytes(waiting->submission),
                                                               .insists = waiting->sender.insists && waiting->sender.source != COMMIT_OWN}));
    }
    enum result result = store_commit(commit->options.store, commit->parts.items, commit->parts.count, commit->batch_results.items,
                                      commit->batch_results.count, &counts);
    atomic_fetch_add(&commit->refused_for_room, counts.refused_for_room);
    commit->full |= counts.refused_for_room > 0;
    if (result == RESULT_OK) {
        commit->failing = RESULT_OK;
        note_success(commit, &counts, clock_monotonic() - begin);
        forget_results(commit, commit->batch_results.count);
    } else if (counts.failed) {
        note_failure(commit, result);
    }
    show_health(commit);
    finish_batch(commit, result);
    if (result == RESULT_OK)
        commit->options.committed(commit->options.context);
}

/* Those that the batch did not take along. */
static void commit_results(struct commit *commit)
{
    const struct store_commit_counts none = {0};
    clock_nanos begin = clock_monotonic();
    size_t stored;

    enum result result = store_commit_results(commit->options.store, commit->batch_results.items, commit->batch_results.count, &stored);
    forget_results(commit, stored);
    if (result != RESULT_OK) {
        commit->next_results = clock_monotonic() + PROBE_SECONDS * CLOCK_SECOND;
        note_failure(commit, result);
    }
    if (stored) {
        note_success(commit, &none, clock_monotonic() - begin);
        commit->options.committed(commit->options.context);
    }
}

/* A disk that is full for a file of a few pages is full for a batch. */
static bool disk_takes_a_file(const struct commit *commit)
{
    static const char zeros[PROBE_BYTES];
    char *path = xasprintf("%s/.probe", commit->options.directory);

    unlink(path); /* left behind by an end in the middle of a probe */
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool written = fd >= 0 && write(fd, zeros, sizeof zeros) == (ssize_t)sizeof zeros && fdatasync(fd) == 0;
    if (fd >= 0)
        close(fd);
    unlink(path);
    free(path);
    return written;
}

/* Does the store take writes again? Asked while no batch shows it. On a full disk delivered alerts may make room inside the file. */
static void probe(struct commit *commit)
{
    if (commit->failing == RESULT_OK || clock_monotonic() < commit->next_try)
        return;
    if (commit->failing == RESULT_FULL)
        make_some_room(commit);
    enum result result = store_probe(commit->options.store);
    if (result == RESULT_OK && !disk_takes_a_file(commit))
        result = RESULT_FULL;
    commit->next_try = clock_monotonic() + PROBE_SECONDS * CLOCK_SECOND;
    commit->failing = result;
    show_health(commit);
}

/* It may be the first to see what another program did to the files, and does not see it twice. */
static void checkpoint(struct commit *commit, bool idle)
{
    enum result result = store_checkpoint(commit->options.store, idle);

    if ((result == RESULT_GONE || result == RESULT_CORRUPT) && commit->failing == RESULT_OK)
        note_failure(commit, result);
}

static void maintain(struct commit *commit, bool idle)
{
    struct store_maintenance done = {0};
    bool more = false;
    clock_nanos now = clock_monotonic();

    checkpoint(commit, idle);
    if (now < commit->next_maintenance)
        return;
    commit->next_maintenance = now + MAINTENANCE_SECONDS * CLOCK_SECOND;
    if (store_maintain(commit->options.store, counted_now(store_clock(commit->options.store)), &done) != RESULT_OK)
        log_warning("store: clearing up old alerts failed: %s", store_error(commit->options.store));
    atomic_fetch_add(&commit->given_up_removed, done.given_up_removed);
    store_vacuum_step(commit->options.store, VACUUM_PAGES, &more);
    if (done.more || more)
        commit->next_maintenance = now + CLOCK_SECOND / 10;
}

/* While nothing is committed nobody else would notice. */
static void watch_store(struct commit *commit)
{
    enum result result = store_check(commit->options.store);

    if (result != RESULT_OK && commit->failing == RESULT_OK)
        note_failure(commit, result);
    make_room(commit);
    show_health(commit);
}

/* What was delivered and is not known to be goes out again after the next start, so results are tried whatever the store's state. */
static void store_last_results(struct commit *commit)
{
    for (int i = 0; commit->batch_results.count && i < LAST_TRIES; i++)
        commit_results(commit);
    if (commit->batch_results.count)
        log_error("store: that %zu alerts were delivered could not be stored: they go out again after the next start: %s", commit->batch_results.count,
                  store_error(commit->options.store));
}

static bool take_retry(struct commit *commit, struct retry_request *request)
{
    pthread_mutex_lock(&commit->mutex);
    bool any = commit->retries.count > 0;
    if (any) {
        *request = commit->retries.items[0];
        commit->retries.count--;
        memmove(commit->retries.items, commit->retries.items + 1, commit->retries.count * sizeof *request);
    }
    pthread_mutex_unlock(&commit->mutex);
    return any;
}

static void answer_retries(struct commit *commit)
{
    struct retry_request request;

    while (take_retry(commit, &request)) {
        uint64_t count = 0;
        enum result result = store_retry_dead(commit->options.store, request.alert, request.destination[0] ? request.destination : NULL, &count);
        if (result == RESULT_OK)
            commit->options.committed(commit->options.context);
        request.done(request.context, result, count);
    }
}

static void wait_for_work(struct commit *commit)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec++;
    while (!commit_queue_count(commit->queue) && !commit->results.count && !commit->retries.count && !commit->stopping)
        if (pthread_cond_timedwait(&commit->wake, &commit->mutex, &until) == ETIMEDOUT)
            break;
}

/* Once a second: so the store's clock counts all that passes, and should the monotonic one go back, which no kernel's does, but a faked one, no wait becomes
 * a year: deliver, whose timers stand still then, is woken to see to its own. */
static void look_at_clocks(struct commit *commit)
{
    clock_nanos now = clock_monotonic();

    counted_now(store_clock(commit->options.store));
    if (now < commit->looked_at) {
        commit->next_maintenance = commit->next_try = commit->next_results = commit->next_room = now;
        commit->options.committed(commit->options.context);
    }
    commit->looked_at = now;
}

static void *commit_main(void *argument)
{
    struct commit *commit = argument;
    bool stopping = false;

    while (!stopping) {
        pthread_mutex_lock(&commit->mutex);
        wait_for_work(commit);
        take_batch(commit);
        stopping = commit->stopping && commit_queue_count(commit->queue) == 0;
        pthread_mutex_unlock(&commit->mutex);
        give_back(commit);
        if (commit->batch.count)
            commit_batch(commit);
        if (commit->batch_results.count && clock_monotonic() >= commit->next_results)
            commit_results(commit);
        probe(commit);
        answer_retries(commit);
        checkpoint(commit, false);
        look_at_clocks(commit);
        pthread_mutex_lock(&commit->mutex);
        bool idle = commit_queue_count(commit->queue) == 0 && commit->results.count == 0;
        pthread_mutex_unlock(&commit->mutex);
        if (idle || clock_monotonic() >= commit->next_maintenance)
            maintain(commit, idle);
        if (idle || commit->full)
            watch_store(commit);
    }
    answer_retries(commit);
    store_last_results(commit);
    return NULL;
}

struct commit *commit_start(const struct commit_options *options)
{
    struct commit *commit = xcalloc(1, sizeof *commit);
    pthread_condattr_t monotonic;

    commit->options = *options;
    commit->queue = commit_queue_new(options->queue_bytes);
    atomic_init(&commit->healthy, true);
    pthread_mutex_init(&commit->mutex, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&commit->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&commit->thread, NULL, commit_main, commit) != 0) {
        log_error("cannot start the commit thread");
        abort();
    }
    return commit;
}

void commit_stop(struct commit *commit)
{
    pthread_mutex_lock(&commit->mutex);
    commit->stopping = true;
    pthread_cond_signal(&commit->wake);
    pthread_mutex_unlock(&commit->mutex);
    pthread_join(commit->thread, NULL);
    commit_queue_free(commit->queue);
    VECTOR_FREE(&commit->results);
    VECTOR_FREE(&commit->retries);
    VECTOR_FREE(&commit->batch);
    VECTOR_FREE(&commit->given_back);
    VECTOR_FREE(&commit->batch_results);
    VECTOR_FREE(&commit->parts);
    pthread_mutex_destroy(&commit->mutex);
    pthread_cond_destroy(&commit->wake);
    free(commit);
}
