/* SPDX-License-Identifier: Apache-2.0 */
/* The loop: looks into the store after a commit, lets each lane start what it may, reports what came of it. */
#include "harrier/deliver.h"

#include "harrier/base/log.h"
#include "lane.h"

#include <errno.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { ARENA_BYTES = 256 * 1024 };

/* --- a turn ------------------------------------------------------------------------------------------------------------- */

static void load(struct deliver *deliver, struct lane *lane)
{
    if (!queue_needs_load(&lane->queue))
        return;
    clock_nanos wait_max = lane->policy.hold_interval > 3600 * CLOCK_SECOND ? lane->policy.hold_interval : 3600 * CLOCK_SECOND;
    enum result result = queue_load(&lane->queue, deliver->reader, lane->destination.config->name, counted_now(deliver->config.clock), wait_max);
    if (result != RESULT_OK && !deliver->read_failed)
        log_error("deliver: cannot read the store: %s", store_reader_error(deliver->reader));
    if (result == RESULT_OK && deliver->read_failed)
        log_notice("deliver: the store can be read again");
    deliver->read_failed = result != RESULT_OK;
}

static void arm_timer(struct deliver *deliver)
{
    clock_nanos next = deliver->read_failed ? clock_monotonic() + CLOCK_SECOND : 0;
    for (size_t i = 0; i < deliver->lane_count; i++) {
        clock_nanos time = deliver->lanes[i].wake_time;
        if (time != 0 && (next == 0 || time < next))
            next = time;
    }
    event_del(deliver->timer);
    if (next == 0)
        return;
    clock_nanos wait = next - clock_monotonic();
    wait = wait > 0 ? wait : 0;
    struct timeval interval = {wait / CLOCK_SECOND, (wait % CLOCK_SECOND) / 1000 + (wait > 0)};
    event_add(deliver->timer, &interval);
}

static void report_results(struct deliver *deliver)
{
    if (deliver->results.count > 0)
        deliver->config.report(deliver->results.items, deliver->results.count, deliver->config.report_context);
    deliver->results.count = 0;
}

static void end_loop(struct deliver *deliver)
{
    if (deliver->ended)
        return;
    deliver->ended = true;
    report_results(deliver);
    event_del(deliver->timer);
    event_del(deliver->grace);
    event_base_loopexit(deliver->base, NULL);
}

/* No kernel's monotonic clock goes back, but a virtual machine's has, and one that is faked for a test does. A wait must not become a year by that. */
static void mind_the_clock(struct deliver *deliver)
{
    clock_nanos now = clock_monotonic();
    for (size_t i = 0; i < deliver->lane_count && now < deliver->looked_at; i++)
        lane_end_waits(&deliver->lanes[i]);
    deliver->looked_at = now;
}

static void turn(void *context)
{
    struct deliver *deliver = context;
    if (deliver->ended)
        return;
    mind_the_clock(deliver);
    if (!deliver->stopping) {
        for (size_t i = 0; i < deliver->lane_count; i++) {
            struct lane *lane = &deliver->lanes[(deliver->first_lane + i) % deliver->lane_count];
            load(deliver, lane);
            lane_pump(lane);
        }
        deliver->first_lane++;
        arm_timer(deliver);
    }
    report_results(deliver);
    if (deliver->stopping && deliver->in_flight == 0)
        end_loop(deliver);
}

static void on_timer(evutil_socket_t socket, short what, void *context)
{
    (void)socket;
    (void)what;
    turn(context);
}

/* --- other threads ------------------------------------------------------------------------------------------------------ */

static void ring(struct deliver *deliver)
{
    uint64_t one = 1;
    while (write(deliver->signal, &one, sizeof one) < 0 && errno == EINTR)
        ;
}

void deliver_wake(struct deliver *deliver)
{
    if (!atomic_exchange(&deliver->wake_wanted, true))
        ring(deliver);
}

void deliver_reopen(struct deliver *deliver)
{
    atomic_store(&deliver->reopen_wanted, true);
    ring(deliver);
}

void deliver_stop(struct deliver *deliver, clock_nanos grace)
{
    atomic_store(&deliver->grace_time, grace);
    atomic_store(&deliver->stop_wanted, true);
    ring(deliver);
}

static void on_grace_over(evutil_socket_t socket, short what, void *context)
{
    struct deliver *deliver = context;
    (void)socket;
    (void)what;
    log_notice("deliver: %u tries in flight are broken off; they are made again after the next start", deliver->in_flight);
    end_loop(deliver);
}

static void begin_stop(struct deliver *deliver)
{
    clock_nanos grace = atomic_load(&deliver->grace_time);
    struct timeval interval = {grace / CLOCK_SECOND, (grace % CLOCK_SECOND) / 1000};
    deliver->stopping = true;
    event_del(deliver->timer);
    event_add(deliver->grace, &interval);
}

static void on_signal(evutil_socket_t socket, short what, void *context)
{
    struct deliver *deliver = context;
    uint64_t rung;
    (void)what;
    if (read(socket, &rung, sizeof rung) < 0 && errno != EAGAIN)
        log_error("deliver: cannot read its eventfd: %s", strerror(errno));
    if (atomic_exchange(&deliver->wake_wanted, false)) {
        for (size_t i = 0; i < deliver->lane_count; i++)
            deliver->lanes[i].queue.stale = true;
    }
    if (atomic_exchange(&deliver->reopen_wanted, false)) {
        for (size_t i = 0; i < deliver->lane_count; i++)
            lane_reopen(&deliver->lanes[i]);
    }
    if (atomic_load(&deliver->stop_wanted) && !deliver->stopping)
        begin_stop(deliver);
    turn(deliver);
}

void deliver_counts(const struct deliver *deliver, size_t index, struct deliver_counts *counts)
{
    const struct lane *lane = &deliver->lanes[index];
    counts->delivered = atomic_load(&lane->delivered);
    counts->retried = atomic_load(&lane->retried);
    counts->dead = atomic_load(&lane->dead);
    counts->set_aside = atomic_load(&lane->set_aside_total);
    counts->in_flight = atomic_load(&lane->flying);
    counts->held = atomic_load(&lane->held_shown);
    counts->last_delivered = atomic_load(&lane->last_delivered);
}

/* --- making and freeing ------------------------------------------------------------------------------------------------- */

static enum result check_config(const struct deliver_config *config, char **error)
{
    if (config->destination_count > DELIVER_DESTINATIONS_MAX) {
        *error = xasprintf("there are %zu destinations: at most %d", config->destination_count, DELIVER_DESTINATIONS_MAX);
        return RESULT_INVALID;
    }
    for (size_t i = 0; i < config->destination_count; i++) {
        enum result result = deliver_check_destination(&config->destinations[i], error);
        if (result != RESULT_OK)
            return result;
        for (size_t j = 0; j < i; j++) {
            if (strcmp(config->destinations[i].name, config->destinations[j].name) == 0) {
                *error = xasprintf("there are two destinations %s: give each a name of its own", config->destinations[i].name);
                return RESULT_INVALID;
            }
        }
    }
    return RESULT_OK;
}

static bool is_configured(const struct deliver_config *config, const char *name)
{
    for (size_t i = 0; i < config->destination_count; i++) {
        if (strcmp(config->destinations[i].name, name) == 0)
            return true;
    }
    return false;
}

/* A destination that was renamed or taken out while alerts were waiting for it: nobody would ever get these. */
static void warn_of_orphans(const struct deliver_config *config, struct store_reader *reader)
{
    struct store_counts *counts = xmalloc(sizeof *counts);
    if (store_counts(reader, counts) == RESULT_OK) {
        for (size_t i = 0; i < counts->destination_count; i++) {
            const struct store_destination_counts *destination = &counts->destinations[i];
            uint64_t open = destination->pending + destination->held;
            if (open > 0 && !is_configured(config, destination->name))
                log_warning("deliver: %llu alerts wait for destination %s, which is not configured any more: they are kept, and go out if "
                            "it comes back",
                            (unsigned long long)open, destination->name);
        }
    }
    free(counts);
}

enum result deliver_new(const struct deliver_config *config, struct event_base *base, struct store_reader *reader, struct deliver **made,
                        char **error)
{
    *made = NULL;
    *error = NULL;
    enum result result = check_config(config, error);
    if (result != RESULT_OK)
        return result;
    int signal = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (signal < 0) {
        *error = xasprintf("cannot make an eventfd: %s", strerror(errno));
        return result_from_errno(errno);
    }
    struct deliver *deliver = xcalloc(1, sizeof *deliver);
    deliver->config = *config;
    deliver->base = base;
    deliver->reader = reader;
    deliver->signal = signal;
    deliver->arena = arena_new(ARENA_BYTES);
    deliver->http = http_new(base, turn, deliver);
    deliver->lane_count = config->destination_count;
    deliver->lanes = xcalloc(config->destination_count ? config->destination_count : 1, sizeof *deliver->lanes);
    for (size_t i = 0; i < deliver->lane_count; i++)
        lane_init(&deliver->lanes[i], deliver, &config->destinations[i]);
    deliver->timer = evtimer_new(base, on_timer, deliver);
    deliver->grace = evtimer_new(base, on_grace_over, deliver);
    deliver->signalled = event_new(base, signal, EV_READ | EV_PERSIST, on_signal, deliver);
    event_add(deliver->signalled, NULL);
    warn_of_orphans(config, reader);
    deliver_wake(deliver); /* the first look into the store */
    *made = deliver;
    return RESULT_OK;
}

void deliver_free(struct deliver *deliver)
{
    if (deliver == NULL)
        return;
    http_free(deliver->http);
    for (size_t i = 0; i < deliver->lane_count; i++)
        lane_free(&deliver->lanes[i]);
    free(deliver->lanes);
    event_free(deliver->signalled);
    event_free(deliver->timer);
    event_free(deliver->grace);
    close(deliver->signal);
    arena_free(deliver->arena);
    VECTOR_FREE(&deliver->results);
    free(deliver);
}
