/* SPDX-License-Identifier: Apache-2.0 */
#include "lane.h"

#include "harrier/log.h"
#include "judge.h"
#include "retry.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

enum {
    WRITE_ALERTS = 64, /* of one write to a file */
    WRITE_BYTES = 1024 * 1024,
    IN_FLIGHT_DEFAULT = 16
};

static clock_nanos seconds_or(clock_nanos given, int64_t seconds)
{
    return given > 0 ? given : seconds * CLOCK_SECOND;
}

void lane_init(struct lane *lane, struct deliver *deliver, const struct deliver_destination_config *config)
{
    *lane = (struct lane){.deliver = deliver};
    lane->destination.config = config;
    lane->destination.driver = driver_of(config->type);
    lane->destination.file = -1;
    lane->destination.url.path = config->url_file;
    lane->destination.url.text = config->url ? xstrdup(config->url) : NULL;
    lane->destination.token.path = config->token_file;
    lane->destination.secret.path = config->secret_file;
    lane->in_flight_max = config->in_flight > 1 ? config->in_flight : 1;
    lane->ordered = lane->in_flight_max == 1;
    lane->retry_base = seconds_or(config->retry_base, 1);
    lane->retry_cap = seconds_or(config->retry_cap, 300);
    lane->hold_interval = seconds_or(config->hold_interval, 300);
    lane->give_up_after = seconds_or(config->give_up_after, 7 * 86400);
    lane->rate = config->rate > 0 ? config->rate : config->type == DELIVER_SLACK ? 1 : 0;
    lane->tokens = 1;
    lane->queue.stale = true;
}

void lane_free(struct lane *lane)
{
    if (lane->destination.driver->close != NULL)
        lane->destination.driver->close(&lane->destination);
    secret_free(&lane->destination.url);
    secret_free(&lane->destination.token);
    secret_free(&lane->destination.secret);
    free(lane->destination.origin);
    queue_free(&lane->queue);
}

static const char *name_of(const struct lane *lane)
{
    return lane->destination.config->name;
}

/* --- what a try came to ------------------------------------------------------------------------------------------------- */

static void report(struct lane *lane, const struct queue_item *item, enum store_delivery_state state, clock_nanos wait, const char *error)
{
    struct store_delivery_result *result = VECTOR_ADD(&lane->deliver->results);
    *result = (struct store_delivery_result){
        .alert = item->alert, .round = item->round, .state = state, .attempts = item->attempts, .time = clock_wall()};
    result->wait = wait;
    result->next_time = state == STORE_PENDING || state == STORE_HELD ? result->time + wait : 0;
    snprintf(result->destination, sizeof result->destination, "%s", name_of(lane));
    snprintf(result->error, sizeof result->error, "%s", error);
}

static void succeed(struct lane *lane, struct queue_item *item)
{
    if (lane->failures > 0) {
        log_about(LOG_LEVEL_NOTICE, LOG_FIELD_DESTINATION, name_of(lane), "destination %s: delivers again after %u failures", name_of(lane),
                  lane->failures);
        queue_release(&lane->queue);
    }
    lane->failures = 0;
    lane->not_before = 0;
    lane->held = false;
    atomic_store(&lane->held_shown, false);
    atomic_fetch_add(&lane->delivered, 1);
    atomic_store(&lane->last_delivered, clock_wall());
    report(lane, item, STORE_DELIVERED, 0, "");
    queue_end(&lane->queue, item);
}

static void bury(struct lane *lane, struct queue_item *item, const char *reason)
{
    log_write_fields(LOG_LEVEL_ERROR,
                     LOG_FIELDS({LOG_FIELD_DESTINATION, slice_of(name_of(lane))}, {LOG_FIELD_ALERT, slice_of(item->alert_id)}),
                     "destination %s: alert %s is given up: %s; see harrierctl dead", name_of(lane), item->alert_id, reason);
    atomic_fetch_add(&lane->dead, 1);
    report(lane, item, STORE_DEAD, 0, reason);
    queue_end(&lane->queue, item);
}

static uint64_t random_bits(void)
{
    uint64_t bits = 0;
    if (getrandom(&bits, sizeof bits, 0) != (ssize_t)sizeof bits)
        bits = (uint64_t)clock_monotonic();
    return bits;
}

/* The item, and the destination with it, wait. */
static void wait_for(struct lane *lane, struct queue_item *item, clock_nanos wait)
{
    lane->not_before = clock_monotonic() + wait;
    item->due = lane->not_before;
}

static void retry(struct lane *lane, struct queue_item *item, const struct verdict *verdict)
{
    if (counted_now(lane->deliver->config.clock) - item->since >= lane->give_up_after) {
        char reason[STORE_ERROR_MAX + 32];
        snprintf(reason, sizeof reason, "not delivered in time: %s", verdict->reason);
        bury(lane, item, reason);
        return;
    }
    if (lane->failures++ == 0)
        log_about(LOG_LEVEL_WARNING, LOG_FIELD_DESTINATION, name_of(lane), "destination %s: %s; it is tried again", name_of(lane),
                  verdict->reason);
    item->suspicions += verdict->suspect;
    clock_nanos wait =
        verdict->retry_after > 0 ? verdict->retry_after : retry_wait(lane->failures, lane->retry_base, lane->retry_cap, random_bits());
    wait_for(lane, item, wait);
    /* Its own wait is the longest one, so that between its tries the others have theirs. */
    if (item->suspicions >= QUEUE_SUSPECT)
        item->due = clock_monotonic() + (wait > lane->retry_cap ? wait : lane->retry_cap);
    atomic_fetch_add(&lane->retried, 1);
    report(lane, item, STORE_PENDING, item->due - clock_monotonic(), verdict->reason);
}

static void hold(struct lane *lane, struct queue_item *item, const struct verdict *verdict)
{
    if (!lane->held)
        log_about(LOG_LEVEL_ERROR, LOG_FIELD_DESTINATION, name_of(lane),
                  "destination %s needs an operator: %s; its alerts are kept, and it is tried again every %lld s", name_of(lane),
                  verdict->reason, (long long)(lane->hold_interval / CLOCK_SECOND));
    lane->held = true;
    lane->failures++;
    atomic_store(&lane->held_shown, true);
    atomic_fetch_add(&lane->retried, 1);
    clock_nanos wait = verdict->retry_after > lane->hold_interval ? verdict->retry_after : lane->hold_interval;
    wait_for(lane, item, wait);
    report(lane, item, STORE_HELD, wait, verdict->reason);
}

static void settle(struct lane *lane, struct queue_item *item, const struct verdict *verdict)
{
    item->attempts++;
    switch (verdict->kind) {
    case VERDICT_DELIVERED:
    case VERDICT_DUPLICATE: succeed(lane, item); break;
    case VERDICT_RETRY: retry(lane, item, verdict); break;
    case VERDICT_HOLD: hold(lane, item, verdict); break;
    case VERDICT_DEAD: bury(lane, item, verdict->reason); break;
    case VERDICT_SHRINK:
        if (item->shrunk)
            bury(lane, item, verdict->reason);
        else
            item->shrunk = true;
        break;
    }
}

/* --- tries -------------------------------------------------------------------------------------------------------------- */

/* The document, in deliver's arena. False if there is no try to be made: the alert is gone, or the store cannot be read. */
static bool read_document(struct lane *lane, struct queue_item *item, struct outgoing *out)
{
    struct store_alert alert;
    enum result result = store_alert_by_number(lane->deliver->reader, item->alert, lane->deliver->arena, &alert);
    if (result == RESULT_OK) {
        *out = (struct outgoing){.alert_id = item->alert_id, .json = alert.json, .shrunk = item->shrunk};
        return true;
    }
    if (result == RESULT_NOT_FOUND) {
        queue_drop(&lane->queue, item); /* removed by retention */
    } else {
        log_write_fields(
            LOG_LEVEL_ERROR, LOG_FIELDS({LOG_FIELD_DESTINATION, slice_of(name_of(lane))}, {LOG_FIELD_ALERT, slice_of(item->alert_id)}),
            "destination %s: cannot read alert %s: %s", name_of(lane), item->alert_id, store_reader_error(lane->deliver->reader));
        wait_for(lane, item, lane->retry_cap);
    }
    return false;
}

static void on_answer(const struct http_response *response, int64_t alert, uint32_t round, void *context)
{
    struct lane *lane = context;
    struct verdict verdict = {0};
    lane->in_flight--;
    lane->deliver->in_flight--;
    atomic_store(&lane->flying, lane->in_flight);
    struct queue_item *item = queue_find(&lane->queue, alert, round);
    if (item == NULL)
        return;
    item->in_flight = false;
    lane->destination.driver->judge(&lane->destination, response, &verdict);
    settle(lane, item, &verdict);
}

static void send_one(struct lane *lane, struct queue_item *item)
{
    struct outgoing out;
    struct http_request request = {0};
    struct verdict verdict = {0};
    arena_reset(lane->deliver->arena);
    if (!read_document(lane, item, &out))
        return;
    if (!lane->destination.driver->prepare(&lane->destination, &out, &request, &verdict)) {
        http_request_free(&request);
        settle(lane, item, &verdict);
        return;
    }
    item->in_flight = true;
    lane->in_flight++;
    lane->deliver->in_flight++;
    atomic_store(&lane->flying, lane->in_flight);
    lane->tokens -= lane->rate > 0;
    http_post(lane->deliver->http, &lane->destination, &request, on_answer, item->alert, item->round, lane);
}

/* Token bucket that holds a second's worth. Returns 0, or when the next token is there. */
static clock_nanos token_time(struct lane *lane, clock_nanos now)
{
    if (lane->rate <= 0)
        return 0;
    double most = lane->rate > 1 ? lane->rate : 1;
    double earned = lane->tokens_time ? (double)(now - lane->tokens_time) / (double)CLOCK_SECOND * lane->rate : most;
    lane->tokens = lane->tokens + earned > most ? most : lane->tokens + earned;
    lane->tokens_time = now;
    if (lane->tokens >= 1)
        return 0;
    return now + (clock_nanos)((1 - lane->tokens) / lane->rate * (double)CLOCK_SECOND) + CLOCK_MILLISECOND;
}

static bool has_place(const struct lane *lane)
{
    const struct deliver *deliver = lane->deliver;
    unsigned int most = deliver->config.in_flight ? deliver->config.in_flight : IN_FLIGHT_DEFAULT;
    return lane->in_flight == 0 || (lane->in_flight < lane->in_flight_max && deliver->in_flight < most);
}

static void pump_http(struct lane *lane)
{
    while (has_place(lane)) {
        clock_nanos now = clock_monotonic(), due;
        if (lane->not_before > now) {
            lane->wake_time = lane->not_before;
            return;
        }
        struct queue_item *item = queue_next(&lane->queue, now, lane->ordered, &due);
        lane->wake_time = item ? token_time(lane, now) : due;
        if (item == NULL || lane->wake_time != 0)
            return;
        send_one(lane, item);
    }
}

/* The first that are due, as one write. */
static size_t gather(struct lane *lane, clock_nanos now, struct outgoing out[WRITE_ALERTS])
{
    size_t count = 0, bytes = 0;
    while (count < WRITE_ALERTS && bytes < WRITE_BYTES && count < lane->queue.items.count) {
        struct queue_item *item = &lane->queue.items.items[count];
        if (item->due > now)
            break;
        if (!read_document(lane, item, &out[count])) {
            if (item->due > now)
                break;
            continue; /* the next one has taken its place */
        }
        bytes += out[count++].json.length;
    }
    return count;
}

/* One write, then the other lanes have their turn. */
static void pump_file(struct lane *lane)
{
    clock_nanos now = clock_monotonic();
    struct outgoing out[WRITE_ALERTS];
    struct verdict verdict = {0};
    if (lane->not_before > now || lane->queue.ended.count >= QUEUE_UNCOMMITTED_MAX) {
        lane->wake_time = lane->not_before > now ? lane->not_before : 0;
        return;
    }
    arena_reset(lane->deliver->arena);
    size_t count = gather(lane, now, out);
    if (count == 0) {
        lane->wake_time = lane->queue.items.count ? lane->queue.items.items[0].due : 0;
        return;
    }
    size_t done = lane->destination.driver->write(&lane->destination, out, count, &verdict);
    struct verdict delivered = {.kind = VERDICT_DELIVERED};
    for (size_t i = 0; i < done; i++)
        settle(lane, &lane->queue.items.items[0], &delivered);
    if (done < count)
        settle(lane, &lane->queue.items.items[0], &verdict);
    lane->wake_time = now; /* at once: there may be more */
}

void lane_pump(struct lane *lane)
{
    lane->wake_time = 0;
    if (lane->destination.driver->write != NULL)
        pump_file(lane);
    else
        pump_http(lane);
}
