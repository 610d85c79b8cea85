/* SPDX-License-Identifier: Apache-2.0 */
#include "channel.h"

#include "harrier/base/memory.h"

#include <stdlib.h>
#include <unistd.h>

const struct source_limits source_default_limits = {
    .body_bytes = 0,
    .drain_bytes = UINT64_C(1) << 30,
    .header_bytes = 16384,
    .connections = 1024,
    .turn_bytes = 4 * SOURCE_RECEIVE_BYTES, /* to look at the sockets after each 64 KiB costs some percent of all */
    .header_timeout = 10 * CLOCK_SECOND,
    .idle_timeout = 120 * CLOCK_SECOND,
    .body_progress_timeout = 10 * CLOCK_SECOND,
    .message_timeout = 60 * CLOCK_SECOND,
    .acknowledge_timeout = 10 * CLOCK_SECOND,
    .retry_after = 10,
    .inflated_bytes = UINT64_C(1) << 30,
    .inflate_ratio = 1100,
};

static void sweep_cb(evutil_socket_t fd, short events, void *data)
{
    struct source_worker *worker = data;
    clock_nanos now = clock_monotonic();
    struct deadline *passed;
    (void)fd;
    (void)events;
    while ((passed = deadlines_take(&worker->deadlines, now)))
        channel_expire((struct channel *)((char *)passed - offsetof(struct channel, deadline)));
}

/* A quarter of the shortest time-out, from 10 ms to 1 s. */
static clock_nanos sweep_period(const struct source_limits *limits)
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
    return period;
}

struct event_base *source_base_new(void)
{
    enum { CALLED_AT_A_TIME = 16, PRIORITIES = 2 };
    struct event_config *config = event_config_new();

    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    event_config_set_max_dispatch_interval(config, NULL, CALLED_AT_A_TIME, 1);
    struct event_base *base = event_base_new_with_config(config);
    event_config_free(config);
    event_base_priority_init(base, PRIORITIES);
    return base;
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
    worker->streams = xcalloc(endpoint_count ? endpoint_count : 1, sizeof *worker->streams);
    deadlines_begin(&worker->deadlines, sweep_period(limits), clock_monotonic());
    worker->sweep = event_new(base, -1, EV_PERSIST, sweep_cb, worker);
    LIST_INIT(&worker->channels);
    LIST_INIT(&worker->requests);
    return worker;
}

static void close_all(struct source_worker *worker)
{
    struct channel *channel;

    while ((channel = LIST_FIRST(&worker->channels))) {
        channel_close(channel, SOURCE_CLOSE_SHUTDOWN);
        channel_settle(channel);
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
    free(worker->streams);
    free(worker);
}

void source_worker_set_budget(struct source_worker *worker, struct budget *budget)
{
    worker->budget = budget;
}

void source_worker_set_peers(struct source_worker *worker, struct source_peers *peers)
{
    worker->peers = peers;
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
    const struct timeval period = {worker->deadlines.tick / CLOCK_SECOND, worker->deadlines.tick % CLOCK_SECOND / 1000};

    if (worker->draining) {
        close(fd);
        if (!worker->endpoints[source].proxy_protocol)
            peers_leave(worker->peers, peer);
        source_worker_release(worker);
        return;
    }
    if (LIST_EMPTY(&worker->channels))
        event_add(worker->sweep, &period);
    channel_open(worker, source, fd, peer);
}

/* A channel that drains may be gone after it, so the next is looked up before; draining one never ends another. */
void source_worker_drain(struct source_worker *worker)
{
    struct channel *next;

    worker->draining = true;
    for (struct channel *channel = LIST_FIRST(&worker->channels); channel; channel = next) {
        next = LIST_NEXT(channel, entry);
        if (channel->transport.handshaking || channel->shunned) /* its protocol has not begun */
            channel_close(channel, SOURCE_CLOSE_SHUTDOWN);
        else
            channel->type->drain(channel);
        channel_settle(channel);
    }
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
        [SOURCE_CLOSE_HANDSHAKE] = "handshake",
        [SOURCE_CLOSE_NO_PROXY_HEADER] = "no_proxy_header",
        [SOURCE_CLOSE_FORBIDDEN] = "forbidden",
        [SOURCE_CLOSE_NOT_STORED] = "not_stored",
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
        [SOURCE_BOUND_REFUSED] = "refused",           [SOURCE_BOUND_INFLATED] = "inflated_bytes",
        [SOURCE_BOUND_ADDRESS] = "connections_per_address",
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
    counts->tls_handshakes += counter_read(&counters->tls_handshakes);
    counts->tls_resumed += counter_read(&counters->tls_resumed);
    for (size_t i = 0; i < SOURCE_TLS_FAILURE_COUNT; i++)
        counts->tls_failures[i] += counter_read(&counters->tls_failures[i]);
    counts->damaged_bodies += counter_read(&counters->damaged_bodies);
    counts->access_unknown += counter_read(&counters->access_unknown);
    counts->access_forbidden += counter_read(&counters->access_forbidden);
}

void source_worker_count_stream(const struct source_worker *worker, size_t source, struct source_stream_counts *counts)
{
    const struct stream_counters *counters = &worker->streams[source];

    counts->connections += counter_read(&counters->connections);
    counts->bytes += counter_read(&counters->bytes);
    counts->messages += counter_read(&counters->messages);
    counts->other += counter_read(&counters->other);
    counts->cut_off += counter_read(&counters->cut_off);
    counts->long_headers += counter_read(&counters->long_headers);
    counts->bad_frames += counter_read(&counters->bad_frames);
    counts->cut_frames += counter_read(&counters->cut_frames);
    counts->pauses += counter_read(&counters->pauses);
    counts->not_stored += counter_read(&counters->not_stored);
}
