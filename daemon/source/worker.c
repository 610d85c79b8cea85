/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/source/connection.h"

#include "harrier/memory.h"

#include <stdlib.h>
#include <unistd.h>

const struct source_limits source_default_limits = {
    .body_bytes = 0,
    .drain_bytes = UINT64_C(1) << 30,
    .header_bytes = 16384,
    .connections = 1024,
    .turn_bytes = 1 << 20,
    .header_timeout = 10 * CLOCK_SECOND,
    .idle_timeout = 120 * CLOCK_SECOND,
    .body_progress_timeout = 10 * CLOCK_SECOND,
    .acknowledge_timeout = 10 * CLOCK_SECOND,
    .retry_after = 10,
};

static bool expire_one(struct source_worker *worker, clock_nanos now)
{
    struct connection *connection;

    LIST_FOREACH(connection, &worker->connections, entry)
    {
        if (connection->deadline > now)
            continue;
        connection_expire(connection);
        return true;
    }
    return false;
}

/* From the start after each: what a handler does when a request is aborted may change the list. Each has a later deadline after it,
 * or is gone. */
static void sweep_cb(evutil_socket_t fd, short events, void *data)
{
    clock_nanos now = clock_monotonic();
    (void)fd;
    (void)events;
    while (expire_one(data, now))
        continue;
}

/* A quarter of the shortest time-out, from 10 ms to 1 s. */
static struct timeval sweep_period(const struct source_limits *limits)
{
    const clock_nanos timeouts[] = {limits->header_timeout, limits->idle_timeout, limits->body_progress_timeout,
                                    limits->acknowledge_timeout};
    clock_nanos period = 4 * CLOCK_SECOND;

    for (size_t i = 0; i < sizeof timeouts / sizeof timeouts[0]; i++)
        if (timeouts[i] < period)
            period = timeouts[i];
    period /= 4;
    if (period < 10 * CLOCK_MILLISECOND)
        period = 10 * CLOCK_MILLISECOND;
    return (struct timeval){period / CLOCK_SECOND, period % CLOCK_SECOND / 1000};
}

struct source_worker *source_worker_new(struct event_base *base, const struct source_limits *limits,
                                        const struct source_endpoint *endpoints, size_t endpoint_count,
                                        const struct source_handler *handler)
{
    struct source_worker *worker = xcalloc(1, sizeof *worker);

    worker->base = base;
    worker->limits = *limits;
    worker->endpoints = endpoints;
    worker->endpoint_count = endpoint_count;
    worker->handler = *handler;
    worker->sweep = event_new(base, -1, EV_PERSIST, sweep_cb, worker);
    LIST_INIT(&worker->connections);
    LIST_INIT(&worker->requests);
    return worker;
}

static void close_all(struct source_worker *worker)
{
    struct connection *connection;

    while ((connection = LIST_FIRST(&worker->connections))) {
        connection_close(connection, SOURCE_CLOSE_SHUTDOWN);
        connection_settle(connection);
    }
}

void source_worker_free(struct source_worker *worker)
{
    struct source_request *request;

    if (!worker)
        return;
    close_all(worker);
    while ((request = LIST_FIRST(&worker->requests))) {
        LIST_REMOVE(request, entry);
        request->worker = NULL;
    }
    event_free(worker->sweep);
    free(worker);
}

bool source_worker_reserve(struct source_worker *worker)
{
    size_t places = atomic_load_explicit(&worker->places, memory_order_relaxed);

    do {
        if (places >= worker->limits.connections)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(&worker->places, &places, places + 1, memory_order_relaxed, memory_order_relaxed));
    return true;
}

void source_worker_release(struct source_worker *worker)
{
    atomic_fetch_sub_explicit(&worker->places, 1, memory_order_relaxed);
}

size_t source_worker_connections(const struct source_worker *worker)
{
    return atomic_load_explicit(&worker->places, memory_order_relaxed);
}

void source_worker_add(struct source_worker *worker, size_t source, int fd, const struct address *peer)
{
    struct timeval period = sweep_period(&worker->limits);

    if (worker->draining) {
        close(fd);
        source_worker_release(worker);
        return;
    }
    if (LIST_EMPTY(&worker->connections))
        event_add(worker->sweep, &period);
    connection_open(worker, source, fd, peer);
}

static bool close_one_idle(struct source_worker *worker)
{
    struct connection *connection;

    LIST_FOREACH(connection, &worker->connections, entry)
    {
        if (!connection_is_idle(connection))
            continue;
        connection_close(connection, SOURCE_CLOSE_SHUTDOWN);
        connection_settle(connection);
        return true;
    }
    return false;
}

void source_worker_drain(struct source_worker *worker)
{
    worker->draining = true;
    while (close_one_idle(worker))
        continue;
}

/* --- counters ---------------------------------------------------------------------------------------------------------------------- */

const char *source_close_name(enum source_close reason)
{
    static const char *const names[SOURCE_CLOSE_COUNT] = {
        [SOURCE_CLOSE_BY_CLIENT] = "by_client",
        [SOURCE_CLOSE_ASKED] = "asked",
        [SOURCE_CLOSE_CUT_IN_HEAD] = "cut_in_head",
        [SOURCE_CLOSE_CUT_IN_BODY] = "cut_in_body",
        [SOURCE_CLOSE_IDLE] = "idle",
        [SOURCE_CLOSE_SLOW_HEAD] = "slow_head",
        [SOURCE_CLOSE_SLOW_BODY] = "slow_body",
        [SOURCE_CLOSE_SLOW_READER] = "slow_reader",
        [SOURCE_CLOSE_BAD_REQUEST] = "bad_request",
        [SOURCE_CLOSE_HEAD_TOO_LARGE] = "head_too_large",
        [SOURCE_CLOSE_DRAIN_TOO_LONG] = "drain_too_long",
        [SOURCE_CLOSE_REFUSED_EARLY] = "refused_early",
        [SOURCE_CLOSE_SHUTDOWN] = "shutdown",
        [SOURCE_CLOSE_ERROR] = "error",
    };
    return names[reason];
}

const char *source_bound_name(enum source_bound bound)
{
    static const char *const names[SOURCE_BOUND_COUNT] = {
        [SOURCE_BOUND_HEADER_BYTES] = "header_bytes", [SOURCE_BOUND_BODY_BYTES] = "body_bytes",
        [SOURCE_BOUND_DRAIN_BYTES] = "drain_bytes",   [SOURCE_BOUND_CONNECTIONS] = "connections",
        [SOURCE_BOUND_DESCRIPTORS] = "descriptors",   [SOURCE_BOUND_ACKNOWLEDGE] = "acknowledge_timeout",
        [SOURCE_BOUND_REFUSED] = "refused",
    };
    return names[bound];
}

static uint64_t counter_read(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

void source_worker_count(const struct source_worker *worker, struct source_counts *counts)
{
    const struct counters *counters = &worker->counters;

    counts->connections += counter_read(&counters->connections);
    counts->connections_open += counter_read(&counters->connections_open);
    counts->requests += counter_read(&counters->requests);
    counts->received_bytes += counter_read(&counters->received_bytes);
    counts->answers_dropped += counter_read(&counters->answers_dropped);
    for (size_t i = 0; i < 6; i++)
        counts->answers_by_class[i] += counter_read(&counters->answers_by_class[i]);
    for (size_t i = 0; i < SOURCE_CLOSE_COUNT; i++)
        counts->closes[i] += counter_read(&counters->closes[i]);
    for (size_t i = 0; i < SOURCE_BOUND_COUNT; i++)
        counts->bounds[i] += counter_read(&counters->bounds[i]);
}
