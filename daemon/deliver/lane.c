/* SPDX-License-Identifier: Apache-2.0 */
#include "lane.h"

#include "harrier/base/log.h"
#include "judge.h"
#include "retry.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

enum {
    WRITE_ALERTS = 64, /* of one write to a file */
    WRITE_BYTES = 1024 * 1024,
    IN_FLIGHT_DEFAULT = 16,
    FILE_WAIT_SECONDS = 5 /* a file costs nothing to look at, and whoever mends it wants to see it work */
};

static clock_nanos seconds_or(clock_nanos given, int64_t seconds)
{
    return given > 0 ? given : seconds * CLOCK_SECOND;
}

static clock_nanos longest_wait(const struct deliver_destination_config *config, clock_nanos wait)
{
    clock_nanos most = FILE_WAIT_SECONDS * CLOCK_SECOND;
    return config->type == DELIVER_FILE && wait > most ? most : wait;
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
    lane->policy.retry_base = seconds_or(config->retry_base, 1);
    lane->policy.retry_cap = longest_wait(config, seconds_or(config->retry_cap, 300));
    lane->policy.hold_interval = longest_wait(config, seconds_or(config->hold_interval, 300));
    lane->give_up_after = seconds_or(config->give_up_after, 7 * 86400);
    lane->rate = config->rate > 0 ? config->rate : config->type == DELIVER_SLACK ? 1 : 0;
    lane->tokens = 1;
    standing_init(&lane->standing);
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

static const char *lane_name(const struct lane *lane)
{
    return lane->destination.config->name;
}

/* --- what a try came to ------------------------------------------------------------------------------------------------- */

static void lane_report(struct lane *lane, const struct queue_item *item, enum store_delivery_state state, clock_nanos wait, const char *error)
{
    struct store_delivery_result *result = VECTOR_ADD(&lane->deliver->results);
    *result = (struct store_delivery_result){
        .alert = item->alert, .round = item->round, .state = state, .attempts = item->attempts, .time = clock_wall()};
    wait = wait > 0 ? wait : 0;
    result->wait = wait;
    result->next_time = state == STORE_DELIVERED || state == STORE_DEAD ? 0 : result->time + wait;
    snprintf(result->destination, sizeof result->destination, "%s", lane_name(lane));
    snprintf(result->error, sizeof result->error, "%s", error);
}

static void lane_succeed(struct lane *lane, struct queue_item *item)
{
    if (lane->standing.failures > 0)
        log_about(LOG_LEVEL_NOTICE, LOG_FIELD_DESTINATION, lane_name(lane), "destination %s: delivers again after %u failure%s", lane_name(lane),
                  lane->standing.failures, lane->standing.failures == 1 ? "" : "s");
    if (item->set_aside) {
        log_write_fields(LOG_LEVEL_NOTICE,
                         LOG_FIELDS({LOG_FIELD_DESTINATION, slice_of(lane_name(lane))}, {LOG_FIELD_ALERT, slice_of(item->alert_id)}),
                         "destination %s: alert %s, which was set aside, is delivered after %u tries", lane_name(lane), item->alert_id,
                         item->attempts);
        queue_release(&lane->queue);
    }
    standing_accepted(&lane->standing);
    atomic_store(&lane->held_shown, false);
    atomic_fetch_add(&lane->delivered, 1);
    atomic_store(&lane->last_delivered, clock_wall());
    lane_report(lane, item, STORE_DELIVERED, 0, "");
    queue_end(&lane->queue, item);
}

static void lane_bury(struct lane *lane, struct queue_item *item, const char *why, const char *last)
{
    char reason[STORE_ERROR_MAX + 128];
    snprintf(reason, sizeof reason, "%s: %s", why, last);
    log_write_fields(LOG_LEVEL_ERROR,
                     LOG_FIELDS({LOG_FIELD_DESTINATION, slice_of(lane_name(lane))}, {LOG_FIELD_ALERT, slice_of(item->alert_id)}),
                     "destination %s: alert %s is given up: %s; see harrierctl dead", lane_name(lane), item->alert_id, reason);
    atomic_fetch_add(&lane->dead, 1);
    lane_report(lane, item, STORE_DEAD, 0, reason);
    queue_end(&lane->queue, item);
}

static uint64_t random_bits(void)
{
    uint64_t bits = 0;
    if (getrandom(&bits, sizeof bits, 0) != (ssize_t)sizeof bits)
        bits = (uint64_t)clock_monotonic();
    return bits;
}

static bool is_overdue(const struct lane *lane, const struct queue_item *item)
{
    return counted_now(lane->deliver->config.clock) - item->since >= lane->give_up_after;
}

static void lane_set_aside(struct lane *lane, struct queue_item *item, const struct verdict *verdict, bool already)
{
    clock_nanos wait = item->due - clock_monotonic();
    lane_report(lane, item, STORE_SET_ASIDE, wait, verdict->reason);
    if (already)
        return;
    atomic_fetch_add(&lane->set_aside_total, 1);
    log_write_fields(LOG_LEVEL_WARNING,
                     LOG_FIELDS({LOG_FIELD_DESTINATION, slice_of(lane_name(lane))}, {LOG_FIELD_ALERT, slice_of(item->alert_id)}),
                     "destination %s: alert %s is set aside: others are taken, but not this one: %s; it is tried again with growing waits, "
                     "see harrierctl dead",
                     lane_name(lane), item->alert_id, verdict->reason);
    struct queue_item *excess = queue_aside_excess(&lane->queue);
    if (excess != NULL)
        lane_bury(lane, excess, "not taken while others were, and too many alerts are set aside", verdict->reason);
}

/* Nothing is asked of an operator before another alert has met the same. */
static void lane_wait(struct lane *lane, struct queue_item *item, const struct verdict *verdict, bool hold)
{
    struct standing *standing = &lane->standing;
    if (hold && !standing->held)
        log_about(LOG_LEVEL_ERROR, LOG_FIELD_DESTINATION, lane_name(lane),
                  "destination %s needs an operator: %s; its alerts are kept, and it is tried again every %lld s", lane_name(lane),
                  verdict->reason, (long long)(lane->policy.hold_interval / CLOCK_SECOND));
    else if (standing->failures == 1)
        log_about(LOG_LEVEL_WARNING, LOG_FIELD_DESTINATION, lane_name(lane), "destination %s: %s; it is tried again", lane_name(lane),
                  verdict->reason);
    standing->held |= hold;
    atomic_store(&lane->held_shown, standing->held);
    lane_report(lane, item, hold ? STORE_HELD : STORE_PENDING, standing->not_before - clock_monotonic(), verdict->reason);
}

/* What is refused waits for an operator and is given up by evidence alone; what might have passed by itself, or is set aside, by its age too. */
static void try_failed(struct lane *lane, struct queue_item *item, const struct verdict *verdict)
{
    bool already = item->set_aside, by_age = is_overdue(lane, item);
    item->shrunk = false; /* the next try is of the whole again: the refusal may have had nothing to do with its size */
    enum standing_ruling ruling =
        standing_failed(&lane->standing, &lane->queue, item, verdict, &lane->policy, clock_monotonic(), random_bits());
    if (ruling == RULING_DEAD) {
        lane_bury(lane, item, "refused again and again, between others that were taken", verdict->reason);
        return;
    }
    if (by_age && (verdict->kind == VERDICT_RETRY || item->set_aside)) {
        lane_bury(lane, item, "not delivered in time", verdict->reason);
        return;
    }
    atomic_fetch_add(&lane->retried, 1);
    if (ruling == RULING_SET_ASIDE)
        lane_set_aside(lane, item, verdict, already);
    else
        lane_wait(lane, item, verdict, ruling == RULING_HOLD);
}

static void settle_try(struct lane *lane, struct queue_item *item, const struct verdict *verdict)
{
    item->attempts++;
    switch (verdict->kind) {
    case VERDICT_DELIVERED:
    case VERDICT_DUPLICATE: lane_succeed(lane, item); break;
    case VERDICT_SHRINK:
        if (!item->shrunk)
            item->shrunk = true; /* at once once more */
        else
            try_failed(lane, item, verdict);
        break;
    case VERDICT_RETRY:
    case VERDICT_HOLD:
    case VERDICT_DEAD: try_failed(lane, item, verdict); break;
    }
}

/* --- tries -------------------------------------------------------------------------------------------------------------- */

/* The document, in deliver's arena. False with a verdict if it cannot be read: the store's fault or this alert's alone (a damaged page), which another
 * alert shows as with any failure. */
static bool read_document(struct lane *lane, struct queue_item *item, struct outgoing *out, struct verdict *verdict)
{
    struct store_alert alert;
    enum result result = store_alert_by_number(lane->deliver->reader, item->alert, lane->deliver->arena, &alert);
    if (result == RESULT_OK) {
        *out = (struct outgoing){.alert_id = item->alert_id, .json = alert.json, .shrunk = item->shrunk};
        return true;
    }
    *verdict = (struct verdict){.kind = VERDICT_RETRY};
    lane->queue.stale = true; /* is it still there? */
    snprintf(verdict->reason, sizeof verdict->reason, "the alert cannot be read from the store: %s",
             result == RESULT_NOT_FOUND ? "its document is missing" : store_reader_error(lane->deliver->reader));
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
    settle_try(lane, item, &verdict);
}

static void send_one(struct lane *lane, struct queue_item *item)
{
    struct outgoing out;
    struct http_request request = {0};
    struct verdict verdict = {0};
    arena_reset(lane->deliver->arena);
    if (!read_document(lane, item, &out, &verdict) || !lane->destination.driver->prepare(&lane->destination, &out, &request, &verdict)) {
        http_request_free(&request);
        settle_try(lane, item, &verdict);
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

/* While it is not known whether the destination works, one try at a time. */
static bool has_place(const struct lane *lane)
{
    const struct deliver *deliver = lane->deliver;
    if (lane->standing.failures > 0)
        return lane->in_flight == 0;
    unsigned int most = deliver->config.in_flight ? deliver->config.in_flight : IN_FLIGHT_DEFAULT;
    return lane->in_flight == 0 || (lane->in_flight < lane->in_flight_max && deliver->in_flight < most);
}

/* --- whose turn it is --------------------------------------------------------------------------------------------------- */

/* One from anywhere in the queue that has not failed in this row, else NULL. */
static struct queue_item *find_far(struct lane *lane)
{
    struct queue_item *item = queue_fetch_far(&lane->queue, lane->deliver->reader, lane_name(lane), random_bits());
    return item ? item : queue_last(&lane->queue, lane->standing.accepted);
}

/* Another than front, whose failure is to be explained, where it is another's turn. *gate: when that is. */
static struct queue_item *choose_to_compare(struct lane *lane, struct queue_item *front, clock_nanos now, clock_nanos *gate)
{
    struct standing *standing = &lane->standing;
    unsigned int probes = standing_probes(&lane->queue);
    struct queue_item *fresh = queue_fresh(&lane->queue, standing->accepted);
    if (fresh == NULL && !lane->queue.more)
        return front;
    if (standing->failed <= probes)
        *gate = standing->probe_after;
    if (*gate > now)
        return front;
    if (standing->failed < probes && fresh != NULL)
        return fresh;
    if (standing->failed > probes && standing->failures % 2 == 0)
        return front;
    int64_t alert = front->alert;
    uint32_t round = front->round;
    struct queue_item *far = find_far(lane); /* the items may have moved */
    return far ? far : queue_find(&lane->queue, alert, round);
}

/* The one to be tried now; NULL: none, and wake_time says when there may be one. */
static struct queue_item *choose_item(struct lane *lane, clock_nanos now)
{
    struct standing *standing = &lane->standing;
    clock_nanos gate = standing->not_before, aside_due;
    lane->wake_time = 0;
    if (lane->queue.ended.count >= QUEUE_UNCOMMITTED_MAX)
        return NULL;
    struct queue_item *item = queue_first(&lane->queue, 0);
    if (item != NULL && standing_compares(standing, &lane->queue, item, now))
        item = choose_to_compare(lane, item, now, &gate);
    struct queue_item *aside = queue_aside_due(&lane->queue, now, &aside_due);
    if (aside != NULL && (item == NULL || (standing->failures == 0 && lane->tries_since_aside >= QUEUE_ASIDE_SHARE)))
        item = aside;
    if (item == NULL)
        lane->wake_time = aside_due;
    else if (gate > now)
        lane->wake_time = gate;
    return lane->wake_time == 0 ? item : NULL;
}

/* The one alert of the queue that was to wait with the destination; NULL: there are none or several. */
static struct queue_item *find_resumed(struct lane *lane)
{
    for (size_t i = 0; lane->queue.resumed == 1 && i < lane->queue.items.count; i++) {
        struct queue_item *item = &lane->queue.items.items[i];
        if (!item->set_aside && item->due != 0)
            return item;
    }
    return NULL;
}

static void resume_wait(struct lane *lane)
{
    struct standing *standing = &lane->standing;
    struct queue_item *alone = lane->destination.driver->write == NULL ? find_resumed(lane) : NULL;
    clock_nanos now = clock_monotonic();
    if (lane->queue.resume == 0)
        return;
    if (alone != NULL && lane->queue.resume > now)
        standing_resume(standing, alone, lane->queue.resume, &lane->policy, now);
    else if (lane->queue.resume > standing->not_before)
        standing->not_before = standing->probe_after = lane->queue.resume;
    lane->queue.resume = 0;
}

/* --- pumping ------------------------------------------------------------------------------------------------------------ */

static void count_try(struct lane *lane, const struct queue_item *item)
{
    lane->tries_since_aside = item->set_aside ? 0 : lane->tries_since_aside + 1;
}

static void pump_http(struct lane *lane)
{
    while (has_place(lane)) {
        clock_nanos now = clock_monotonic();
        struct queue_item *item = choose_item(lane, now);
        if (item == NULL)
            return;
        lane->wake_time = token_time(lane, now);
        if (lane->wake_time != 0)
            return;
        count_try(lane, item);
        send_one(lane, item);
    }
}

struct file_try {
    int64_t alert;
    uint32_t round;
};

/* From first on, as one write: alerts that wait with it and can be read. */
static size_t gather_write(struct lane *lane, struct queue_item *first, struct outgoing out[WRITE_ALERTS], struct file_try tries[WRITE_ALERTS],
                     struct verdict *unreadable)
{
    size_t count = 0, bytes = 0;
    struct queue_item *end = lane->queue.items.items + lane->queue.items.count;
    for (struct queue_item *item = first; item < end && count < WRITE_ALERTS && bytes < WRITE_BYTES; item++) {
        if (item != first && (item->set_aside || first->set_aside))
            continue;
        if (!read_document(lane, item, &out[count], unreadable))
            break;
        tries[count] = (struct file_try){item->alert, item->round};
        bytes += out[count++].json.length;
    }
    return count;
}

static void write_gathered(struct lane *lane, const struct outgoing *out, const struct file_try *tries, size_t count)
{
    struct verdict failed = {0}, delivered = {.kind = VERDICT_DELIVERED};
    size_t done = lane->destination.driver->write(&lane->destination, out, count, &failed);
    for (size_t i = 0; i < count && i <= done; i++) {
        struct queue_item *item = queue_find(&lane->queue, tries[i].alert, tries[i].round);
        settle_try(lane, item, i < done ? &delivered : &failed);
    }
}

/* One write, then the other lanes have their turn. */
static void pump_file(struct lane *lane)
{
    clock_nanos now = clock_monotonic();
    struct outgoing out[WRITE_ALERTS];
    struct file_try tries[WRITE_ALERTS];
    struct verdict verdict = {0};
    struct queue_item *first = choose_item(lane, now);
    if (first == NULL)
        return;
    count_try(lane, first);
    arena_reset(lane->deliver->arena);
    size_t count = gather_write(lane, first, out, tries, &verdict);
    if (count == 0)
        settle_try(lane, first, &verdict);
    else
        write_gathered(lane, out, tries, count);
    lane->wake_time = now; /* at once: there may be more */
}

void lane_end_waits(struct lane *lane)
{
    lane->standing.not_before = lane->standing.probe_after = 0;
    lane->tokens_time = 0;
    for (size_t i = 0; i < lane->queue.items.count; i++)
        lane->queue.items.items[i].due = 0;
}

void lane_pump(struct lane *lane)
{
    lane->wake_time = 0;
    resume_wait(lane);
    if (lane->destination.driver->write != NULL)
        pump_file(lane);
    else
        pump_http(lane);
}

void lane_reopen(struct lane *lane)
{
    struct standing *standing = &lane->standing;
    if (lane->destination.driver->close != NULL)
        lane->destination.driver->close(&lane->destination);
    if (!standing->asked && (standing->held || lane->destination.driver->write != NULL))
        standing->not_before = standing->probe_after = 0;
}
