/* SPDX-License-Identifier: Apache-2.0 */
/* A unit's life: from the source's begin() through detection and commit to its answer.
 *
 * What a unit owes is handed to the commit thread in parts of about a megabyte, so that a body of any size and any number of alerts is held in bounded
 * memory; the answer waits for the last part. A part that was committed before the unit failed does no harm: the sender sends it again, and its
 * alerts have the same ids. Only a file's position must not be stored before all that it stands for is: it goes with the last part, which then
 * waits for the others.
 *
 * Where the sender cannot send again (plain syslog, a pipe) a unit must not fail: where the budget refuses it memory, the event in hand is cut and
 * decided on as far as it goes (intake.c), what the unit owes is taken all the same, and no new unit is begun; a part that could not be stored is
 * kept and tried again, and the source reads nothing more meanwhile. */
#include "unit.h"

#include "rate.h"

#include "harrier/base/log.h"
#include "harrier/base/memory.h"

#include <stdlib.h>

enum { RETRY_AFTER_SECONDS = 15, LONGEST_RATE_WAIT_SECONDS = 20, MESSAGES_PER_COUNT = 64 };

static void set_unit_cluster(struct unit *unit, struct slice named, bool vouched)
{
    struct slice cluster = named.length ? named : unit->options.source.cluster;

    cluster = slice_first(cluster, sizeof unit->cluster - 1);
    memcpy(unit->cluster, cluster.bytes, cluster.length);
    unit->cluster[cluster.length] = '\0';
    unit->options.source.cluster = slice_of(unit->cluster);
    if (named.length) /* who is known to speak for one cluster speaks for no other */
        unit->options.envelope_cluster = false;
    bool known = clusters_know(unit->worker->options.clusters, unit->source, cluster, vouched);
    pthread_mutex_lock(&unit->worker->mutex);
    struct tally *tally = &unit->worker->tally;
    unit->tally_row = (size_t)(tally_row(tally, unit->source, known ? cluster : SLICE(CLUSTERS_OTHERS)) - tally->rows);
    pthread_mutex_unlock(&unit->worker->mutex);
}

/* May the sender begin a unit now? */
static bool may_begin(struct worker *worker, const struct source_head *head, const char *sender, struct source_refusal *refusal)
{
    clock_nanos wait = rate_wait(worker->options.rates[head->source], slice_of(sender), clock_monotonic());

    if (wait && !head->last) {
        clock_nanos seconds = (wait + CLOCK_SECOND - 1) / CLOCK_SECOND;
        refusal->status = 429;
        refusal->retry_after = (unsigned int)(seconds < LONGEST_RATE_WAIT_SECONDS ? seconds : LONGEST_RATE_WAIT_SECONDS);
        refusal->error = "more events than events_per_second allows; send it again later";
        return false;
    }
    if (!head->resends && !head->last && budget_limit(worker->options.budget) && budget_used(worker->options.budget) > budget_limit(worker->options.budget)) {
        refusal->error = "no room for this unit now; send it again later";
        return false;
    }
    return true;
}

/* The same for all units of a connection; 0: a file. FNV-1a: that two may have the same costs them a shared turn. */
static uint64_t connection_number(const struct address *client)
{
    uint64_t number = UINT64_C(0xcbf29ce484222325);

    for (socklen_t i = 0; client && i < client->length; i++)
        number = (number ^ ((const uint8_t *)&client->storage)[i]) * UINT64_C(0x100000001b3);
    return client ? number : 0;
}

static void *begin_unit(void *data, struct source_request *handle, const struct source_head *head, struct source_refusal *refusal)
{
    struct worker *worker = data;
    char sender[ADDRESS_TEXT_SIZE] = "";

    if (head->client) {
        struct address host = *head->client;
        address_format(address_without_port(&host), sender);
    }
    if (!may_begin(worker, head, sender, refusal))
        return NULL;
    struct unit *unit = xcalloc(1, sizeof *unit);
    const struct intake_sink sink = unit_sink(unit);
    unit->worker = worker;
    unit->rules = worker->current;
    unit->rules->units++;
    worker->units++;
    unit->handle = handle;
    unit->source = head->source;
    unit->must_not_fail = !head->resends;
    unit->queue_as = (struct commit_sender){
        .source = (int64_t)head->source, .connection = connection_number(head->client), .resends = head->resends};
    memcpy(unit->sender, sender, sizeof sender);
    unit->options = unit->rules->options[head->source];
    unit->options.must_not_fail = unit->must_not_fail;
    set_unit_cluster(unit, head->cluster, head->cluster_vouched);
    unit_begin_submission(unit);
    unit->intake = intake_new(unit->rules->scratch, &unit->options, &sink);
    return unit;
}

static enum result take_body(void *context, struct slice bytes)
{
    struct unit *unit = context;
    enum result result = intake_feed(unit->intake, bytes);

    if (!unit->has_messages)
        unit_count_read(unit);
    return unit->failed != RESULT_OK ? unit->failed : result;
}

static bool go_on_unpacking(void *context)
{
    struct unit *unit = context;
    uint64_t before = intake_counts(unit->intake)->received;
    bool more = intake_go_on(unit->intake);

    if (intake_state(unit->intake) != RESULT_OK && unit->failed == RESULT_OK)
        unit->failed = RESULT_BUSY;
    if (intake_counts(unit->intake)->received != before)
        unit_count_read(unit);
    return more && unit->failed == RESULT_OK;
}

static void begin_message(void *context, struct slice syslog_host)
{
    struct unit *unit = context;
    intake_begin_message(unit->intake, syslog_host);
}

static void refuse_message(void *context, const char *why)
{
    struct unit *unit = context;
    intake_refuse_message(unit->intake, why);
}

static void end_message(void *context)
{
    struct unit *unit = context;

    if (intake_end_message(unit->intake) != RESULT_OK && unit->failed == RESULT_OK)
        unit->failed = RESULT_BUSY;
    unit->has_messages = true;
    if (intake_counts(unit->intake)->received - unit->counted.received >= MESSAGES_PER_COUNT)
        unit_count_read(unit);
}

static void answer_unit(struct unit *unit)
{
    char text[128];

    if (unit->failed != RESULT_OK) {
        snprintf(text, sizeof text, "{\"error\":\"not stored: %s; send it again\"}", result_text(unit->failed));
        source_request_answer(unit->handle, 503, RETRY_AFTER_SECONDS, slice_of(text));
    } else if (unit->unreadable) {
        snprintf(text, sizeof text, "{\"error\":\"no JSON value could be read\",\"offset\":%llu}", (unsigned long long)unit->error_offset);
        source_request_answer(unit->handle, 400, 0, slice_of(text));
    } else {
        source_request_answer(unit->handle, 200, 0, SLICE("{}"));
    }
}

/* Nothing of it is under way any more. */
static void settle_unit(struct unit *unit)
{
    struct worker *worker = unit->worker;

    pthread_mutex_lock(&worker->mutex);
    struct tally_counts *counts = unit_counts(unit);
    counts->evaluated += unit->counted.events;
    counts->dead_lettered += unit->counted.dead;
    counts->in_flight -= unit->counted.received;
    pthread_mutex_unlock(&worker->mutex);
    if (!unit->aborted)
        answer_unit(unit);
    unit_drop_submission(unit);
    intake_free(unit->intake);
    if (unit->turn)
        event_free(unit->turn);
    rules_leave(worker, unit->rules);
    worker->units--;
    if (worker->stopping && worker->units == 0)
        event_base_loopbreak(worker->base);
    free(unit);
}

/* After end_unit() or abort(), or when a part has come back: what is left to be done. */
void unit_go_on_handed_over(struct unit *unit)
{
    if (!unit->handed_over || unit->parts)
        return;
    if (unit->last_part_is_due && unit->failed == RESULT_OK) {
        unit->last_part_is_due = false;
        unit_hand_part_over(unit);
    }
    if (unit->parts == 0)
        settle_unit(unit);
}

/* How far a file is read, where that is to be stored with this unit. */
static void add_position(struct unit *unit)
{
    const char *source = unit->worker->options.config->sources[unit->source].name;
    struct source_position position;

    if (!source_request_position(unit->handle, &position))
        return;
    if (!position.due && unit->parts == 0 && submission_is_empty(unit->submission))
        return;
    if (submission_add_position(unit->submission, position.key.length ? position.key : slice_of(source), position.value) != RESULT_OK)
        unit->failed = RESULT_LIMIT;
    unit->last_part_is_due = unit->parts > 0;
}

/* All of it has been read and judged. */
static void hand_unit_over(struct unit *unit)
{
    unit_count_read(unit);
    unit_add_summary(unit);
    unit->handed_over = true;
    if (unit->failed == RESULT_OK)
        add_position(unit);
    if (unit->failed == RESULT_OK && !unit->last_part_is_due)
        unit_hand_part_over(unit);
    unit_go_on_handed_over(unit);
}

static void turn_cb(evutil_socket_t fd, short events, void *argument);

/* What was set aside is unpacked, turn by turn. */
static void finish_unpacking(struct unit *unit)
{
    struct worker *worker = unit->worker;
    bool may = worker_may_try_again(worker);

    if (may && go_on_unpacking(unit)) {
        if (!unit->turn)
            unit->turn = event_new(worker->base, -1, 0, turn_cb, unit);
        event_active(unit->turn, EV_TIMEOUT, 0);
        return;
    }
    if (!may && intake_is_due(unit->intake) && unit->failed == RESULT_OK) {
        unit_hand_part_over(unit); /* what was found so far: a plain sender does not come again */
        unit->failed = RESULT_CLOSED;
        log_about(LOG_LEVEL_ERROR, LOG_FIELD_SOURCE, worker->options.config->sources[unit->source].name,
                  "source `%s`: the daemon stops before a packed payload is unpacked to its end: what is in it is not judged",
                  worker->options.config->sources[unit->source].name);
    }
    hand_unit_over(unit);
}

static void turn_cb(evutil_socket_t fd, short events, void *argument)
{
    (void)fd;
    (void)events;
    finish_unpacking(argument);
}

static void end_unit(void *context)
{
    struct unit *unit = context;

    unit->unreadable = intake_finish(unit->intake, &unit->error_offset) == RESULT_INVALID;
    if (intake_state(unit->intake) != RESULT_OK && unit->failed == RESULT_OK)
        unit->failed = RESULT_BUSY;
    finish_unpacking(unit);
}

static void abort_unit(void *context)
{
    struct unit *unit = context;

    unit->aborted = true;
    unit->handed_over = true;
    unit_go_on_handed_over(unit);
}

const struct source_handler unit_handler = {
    .begin = begin_unit,
    .body = take_body,
    .go_on = go_on_unpacking,
    .message_begin = begin_message,
    .message_refused = refuse_message,
    .message_end = end_message,
    .end = end_unit,
    .abort = abort_unit,
};
