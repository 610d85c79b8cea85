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
#include "internal.h"

#include "rate.h"
#include "daemon/route/routing.h"

#include "harrier/base/log.h"
#include "harrier/base/memory.h"

#include <stdlib.h>

/* ITEM_BYTES: of an item of a submission, beside its texts of any length. */
enum { PART_BYTES = 1024 * 1024, ITEM_BYTES = 4096, RETRY_AFTER_SECONDS = 15, LONGEST_RATE_WAIT_SECONDS = 20, CLUSTER_BYTES = 256, MESSAGES_PER_COUNT = 64 };

/* Dead letters of one unit that are kept one by one, and their bytes; what is beyond is one more, a summary. A body of a million times {} would fill the queue
 * and the store each time that it is sent. */
enum { LETTERS_MOST = 1000, LETTERS_BYTES_MOST = 8 * 1024 * 1024 };

/* Between two tries to store what must not be lost, or what finds the queue full of its own unit's parts; and how many of the latter: as many as an answer has
 * time by default. */
static const struct timeval patience = {0, 250000};
enum { TRIES_MOST = 40 };

struct unit {
    struct worker *worker;
    struct rules *rules;
    struct source_request *handle;
    size_t source;
    char cluster[CLUSTER_BYTES];
    size_t tally_row; /* index, in the worker's tally */
    char sender[ADDRESS_TEXT_SIZE]; /* for the rate: its address, or nothing for a file */
    struct commit_sender queue_as;  /* whose share of the commits its parts take */
    bool must_not_fail;
    bool has_messages; /* some thousand in a second: they are counted many at a time */
    struct intake_options options;
    struct intake *intake;
    struct submission *submission;
    size_t charged;          /* bytes of `submission` that were taken from the budget */
    size_t parts;            /* at the commit thread, or waiting to be taken there again */
    bool last_part_is_due;   /* it has the position, and waits until no other part is under way */
    bool handed_over;        /* end() or abort() has come: nothing more will */
    bool aborted;
    enum result failed;      /* why it cannot be acknowledged; RESULT_OK so far */
    bool unreadable;         /* not one JSON value in it */
    uint64_t error_offset;
    uint64_t letters, letters_bytes;           /* dead letters that are kept */
    uint64_t left_out, left_out_bytes, left_out_from; /* and those that are not: how many, of how many bytes, and where the first stood */
    struct event *turn;          /* after end(): goes on with what is set aside; NULL until needed */
    struct audit_counts counted; /* so far */
};

struct part {
    struct mailbox_message message;
    struct unit *unit;
    struct submission *submission; /* come back unstored */
    struct event *again;           /* waits to be submitted once more */
    unsigned int tries;            /* of that */
    size_t charged;
    enum result result;
};

static void settle(struct unit *unit);
static void go_on(struct unit *unit);

/* --- parts ---------------------------------------------------------------------------------------------------------------------------- */

static void part_free(struct part *part)
{
    budget_give(part->unit->worker->options.budget, part->charged);
    submission_free(part->submission);
    if (part->again)
        event_free(part->again);
    free(part);
}

/* Storing it again would not help: what store_commit says of a submission, never of the store. A damaged database is not final. */
static bool is_final(enum result result)
{
    return result == RESULT_INVALID || result == RESULT_UNSUPPORTED || result == RESULT_LIMIT;
}

static void part_done(void *context, enum result result, struct submission *submission);
static void part_arrived(struct mailbox_message *message, void *context);

/* The commit thread works until every worker has ended. */
static bool may_try_again(const struct worker *worker)
{
    return !worker->stopping || clock_monotonic() < worker->give_up_at;
}

/* What is in memory already and cannot come again is taken whatever waits, once nothing more will come. */
static bool submit_part(struct part *part, struct submission *submission)
{
    struct unit *unit = part->unit;

    unit->queue_as.insists = unit->must_not_fail && (unit->worker->draining || unit->worker->stopping);
    return commit_submit(unit->worker->options.commit, &unit->queue_as, submission, part_done, part);
}

static void submit_again_cb(evutil_socket_t fd, short events, void *argument)
{
    struct part *part = argument;
    struct worker *worker = part->unit->worker;

    (void)fd;
    (void)events;
    struct submission *submission = part->submission;
    part->submission = NULL;
    if (submit_part(part, submission))
        return;
    part->submission = submission;
    if (may_try_again(worker) && (part->unit->must_not_fail || part->tries++ < TRIES_MOST)) {
        event_add(part->again, &patience);
        return;
    }
    part->result = part->unit->must_not_fail ? RESULT_CLOSED : RESULT_BUSY;
    part_arrived(&part->message, worker);
}

static void keep_trying(struct part *part)
{
    if (!part->again)
        part->again = evtimer_new(part->unit->worker->base, submit_again_cb, part);
    event_add(part->again, &patience);
}

static void part_arrived(struct mailbox_message *message, void *context)
{
    struct part *part = (struct part *)message;
    struct unit *unit = part->unit;
    struct worker *worker = context;

    if (part->result != RESULT_OK && unit->must_not_fail && !is_final(part->result) && may_try_again(worker)) {
        keep_trying(part);
        return;
    }
    bool lost = part->result != RESULT_OK && (unit->must_not_fail || is_final(part->result));
    if (part->result != RESULT_OK && !is_final(part->result))
        unit->failed = part->result; /* else it would be refused again: what is behind it must not wait for that */
    if (lost)
        log_about(LOG_LEVEL_ERROR, LOG_FIELD_SOURCE, worker->options.config->sources[unit->source].name,
                  "source `%s`: %zu alerts could not be stored and are lost: %s", worker->options.config->sources[unit->source].name,
                  submission_alert_count(part->submission), result_text(part->result));
    part_free(part);
    unit->parts--;
    go_on(unit);
}

/* On the commit thread. */
static void part_done(void *context, enum result result, struct submission *submission)
{
    struct part *part = context;
    part->result = result;
    part->submission = submission;
    mailbox_post(part->unit->worker->mailbox, &part->message);
}

static void new_submission(struct unit *unit)
{
    unit->submission = submission_new(slice_of(unit->cluster), slice_of(unit->cluster));
    unit->charged = 0;
}

static void drop_submission(struct unit *unit)
{
    submission_free(unit->submission);
    unit->submission = NULL;
    budget_give(unit->worker->options.budget, unit->charged);
    unit->charged = 0;
}

/* Gives what has gathered to the commit thread. */
static void hand_part_over(struct unit *unit)
{
    if (submission_is_empty(unit->submission))
        return;
    struct part *part = xcalloc(1, sizeof *part);
    part->message.deliver = part_arrived;
    part->unit = unit;
    part->charged = unit->charged;
    unit->charged = 0;
    if (submit_part(part, unit->submission)) {
        unit->parts++;
    } else if (unit->must_not_fail || unit->parts) { /* one whose own parts fill the queue would find it full each time that it comes */
        part->submission = unit->submission;
        unit->parts++;
        keep_trying(part);
    } else {
        part->submission = unit->submission;
        part_free(part);
        unit->failed = RESULT_BUSY;
    }
    new_submission(unit);
}

/* Would it be refused again, whenever it is sent? It has most of what there is by itself. */
static bool can_never_fit(const struct unit *unit, size_t bytes)
{
    uint64_t limit = budget_limit(unit->worker->options.budget);
    return limit && intake_memory(unit->intake) + unit->charged + bytes > limit - limit / 8;
}

/* Before so much is added to the submission, it is taken from the budget. What does not fit fails the unit (false), unless that helps nobody. */
static bool make_room(struct unit *unit, size_t bytes)
{
    struct budget *budget = unit->worker->options.budget;

    if (unit->must_not_fail || can_never_fit(unit, bytes)) {
        budget_take_always(budget, bytes);
    } else if (!budget_take(budget, bytes)) {
        unit->failed = RESULT_BUSY;
        drop_submission(unit);
        new_submission(unit);
        return false;
    }
    unit->charged += bytes;
    return true;
}

/* What was added is what counts. */
static void note_added(struct unit *unit)
{
    size_t length = submission_bytes(unit->submission).length;
    struct budget *budget = unit->worker->options.budget;

    if (unit->charged > length)
        budget_give(budget, unit->charged - length);
    else if (unit->charged < length)
        budget_take_always(budget, length - unit->charged);
    unit->charged = length;
    if (length >= PART_BYTES)
        hand_part_over(unit);
}

static void add_dead_letter(struct unit *unit, const struct submission_dead_letter *letter)
{
    if (!make_room(unit, letter->kept.length + letter->detail.length + ITEM_BYTES))
        return;
    submission_add_dead_letter(unit->submission, letter); /* which is far below what one can be */
    note_added(unit);
}

/* --- what the intake finds -------------------------------------------------------------------------------------------------------------- */

/* The worker's mutex is held. */
static struct tally_counts *counts_of(struct unit *unit)
{
    return &unit->worker->tally.rows[unit->tally_row].counts;
}

static void on_alert(void *context, const struct alert *alert)
{
    struct unit *unit = context;
    struct worker *worker = unit->worker;

    const struct deliver_routes *routes = unit->rules->generation->routes;
    if (unit->failed != RESULT_OK || !make_room(unit, alert->json.length + ITEM_BYTES))
        return;
    enum result result = routing_add_alert(routes, alert, unit->submission);
    if (result != RESULT_OK) {
        struct submission_dead_letter letter = {
            .source = slice_of(worker->options.config->sources[unit->source].name),
            .reason = slice_of(audit_dead_reason_text(AUDIT_DEAD_LIMIT)),
            .detail = SLICE("an alert that cannot be queued"),
            .total_length = alert->json.length,
            .kept = slice_first(buffer_slice(&alert->json), unit->options.limits.dead_letter_bytes),
        };
        add_dead_letter(unit, &letter);
        log_write_fields(LOG_LEVEL_ERROR,
                         LOG_FIELDS({LOG_FIELD_RULE, alert->rule}, {LOG_FIELD_ALERT, slice_of(alert->alert_id)},
                                    {LOG_FIELD_SOURCE, slice_of(worker->options.config->sources[unit->source].name)}),
                         "an alert of rule %.*s cannot be queued, now or later, and is a dead letter: %s", SLICE_ARGS(alert->rule), result_text(result));
        return;
    }
    pthread_mutex_lock(&worker->mutex);
    counts_of(unit)->alerts++;
    pthread_mutex_unlock(&worker->mutex);
    note_added(unit);
}

static void leave_out(struct unit *unit, const struct audit_dead *dead)
{
    if (unit->left_out++ == 0)
        unit->left_out_from = dead->offset;
    unit->left_out_bytes += dead->length;
    pthread_mutex_lock(&unit->worker->mutex);
    counts_of(unit)->letters_left_out++;
    pthread_mutex_unlock(&unit->worker->mutex);
}

static void on_dead(void *context, const struct audit_dead *dead)
{
    struct unit *unit = context;

    if (unit->failed != RESULT_OK)
        return;
    struct submission_dead_letter letter = {
        .source = slice_of(unit->worker->options.config->sources[unit->source].name),
        .reason = slice_of(audit_dead_reason_text(dead->reason)),
        .detail = slice_of(dead->detail),
        .total_length = dead->length,
        .offset = dead->offset,
        .kept = dead->bytes,
    };
    if (unit->letters == LETTERS_MOST || unit->letters_bytes + dead->bytes.length > LETTERS_BYTES_MOST) {
        leave_out(unit, dead);
        return;
    }
    unit->letters++;
    unit->letters_bytes += dead->bytes.length;
    add_dead_letter(unit, &letter);
}

static void add_summary(struct unit *unit)
{
    char detail[128];
    struct submission_dead_letter letter = {
        .source = slice_of(unit->worker->options.config->sources[unit->source].name),
        .reason = slice_of(audit_dead_reason_text(AUDIT_DEAD_LIMIT)),
        .total_length = unit->left_out_bytes,
        .offset = unit->left_out_from,
    };

    if (!unit->left_out || unit->failed != RESULT_OK)
        return;
    snprintf(detail, sizeof detail, "%llu more stretches of the same input are no audit events, and are not kept one by one",
             (unsigned long long)unit->left_out);
    letter.detail = slice_of(detail);
    add_dead_letter(unit, &letter);
}

/* An event that rules were concerned with. */
static void on_observed(void *context, const struct intake_observed *observed)
{
    struct unit *unit = context;
    struct slice source = slice_of(unit->worker->options.config->sources[unit->source].name);
    struct alert_notice notice;
    struct alert alert;

    watch_observe(unit->worker->watch, unit->source, observed);
    if (!watch_is_truncated(observed, source, unit->options.raw_bytes, &notice))
        return;
    alert_from_notice(&alert, &notice);
    on_alert(unit, &alert);
    alert_free(&alert);
}

/* Which cluster an event is of that no rule is concerned with, an envelope does not tell. */
static void note_heard(struct unit *unit, clock_nanos now)
{
    watch_heard(unit->worker->watch, unit->source, unit->options.envelope_cluster ? SLICE("") : slice_of(unit->cluster), now);
}

/* Brings the worker's tally up to what the intake has read. */
static void count(struct unit *unit)
{
    struct worker *worker = unit->worker;
    const struct audit_counts *read = intake_counts(unit->intake);
    uint64_t received = read->received - unit->counted.received;
    clock_nanos now = clock_monotonic();

    pthread_mutex_lock(&worker->mutex);
    struct tally_counts *counts = counts_of(unit);
    counts->received += received;
    counts->in_flight += received;
    counts->cut += read->cut - unit->counted.cut;
    counts->other += read->other - unit->counted.other;
    pthread_mutex_unlock(&worker->mutex);
    rate_charge(worker->options.rates[unit->source], slice_of(unit->sender), received, now);
    if (read->events > unit->counted.events)
        note_heard(unit, now);
    unit->counted = *read;
}

/* --- the source's callbacks -------------------------------------------------------------------------------------------------------------- */

static void set_cluster(struct unit *unit, struct slice named, bool vouched)
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

static void *begin(void *data, struct source_request *handle, const struct source_head *head, struct source_refusal *refusal)
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
    const struct intake_sink sink = {.context = unit, .alert = on_alert, .dead = on_dead, .observed = on_observed};
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
    set_cluster(unit, head->cluster, head->cluster_vouched);
    new_submission(unit);
    unit->intake = intake_new(unit->rules->scratch, &unit->options, &sink);
    return unit;
}

static enum result body(void *context, struct slice bytes)
{
    struct unit *unit = context;
    enum result result = intake_feed(unit->intake, bytes);

    if (!unit->has_messages)
        count(unit);
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
        count(unit);
    return more && unit->failed == RESULT_OK;
}

static void message_begin(void *context, struct slice syslog_host)
{
    struct unit *unit = context;
    intake_begin_message(unit->intake, syslog_host);
}

static void message_refused(void *context, const char *why)
{
    struct unit *unit = context;
    intake_refuse_message(unit->intake, why);
}

static void message_end(void *context)
{
    struct unit *unit = context;

    if (intake_end_message(unit->intake) != RESULT_OK && unit->failed == RESULT_OK)
        unit->failed = RESULT_BUSY;
    unit->has_messages = true;
    if (intake_counts(unit->intake)->received - unit->counted.received >= MESSAGES_PER_COUNT)
        count(unit);
}

static void answer(struct unit *unit)
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
static void settle(struct unit *unit)
{
    struct worker *worker = unit->worker;

    pthread_mutex_lock(&worker->mutex);
    struct tally_counts *counts = counts_of(unit);
    counts->evaluated += unit->counted.events;
    counts->dead_lettered += unit->counted.dead;
    counts->in_flight -= unit->counted.received;
    pthread_mutex_unlock(&worker->mutex);
    if (!unit->aborted)
        answer(unit);
    drop_submission(unit);
    intake_free(unit->intake);
    if (unit->turn)
        event_free(unit->turn);
    rules_leave(worker, unit->rules);
    worker->units--;
    if (worker->stopping && worker->units == 0)
        event_base_loopbreak(worker->base);
    free(unit);
}

/* After end() or abort(), or when a part has come back: what is left to be done. */
static void go_on(struct unit *unit)
{
    if (!unit->handed_over || unit->parts)
        return;
    if (unit->last_part_is_due && unit->failed == RESULT_OK) {
        unit->last_part_is_due = false;
        hand_part_over(unit);
    }
    if (unit->parts == 0)
        settle(unit);
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
static void hand_over(struct unit *unit)
{
    count(unit);
    add_summary(unit);
    unit->handed_over = true;
    if (unit->failed == RESULT_OK)
        add_position(unit);
    if (unit->failed == RESULT_OK && !unit->last_part_is_due)
        hand_part_over(unit);
    go_on(unit);
}

static void turn_cb(evutil_socket_t fd, short events, void *argument);

/* What was set aside is unpacked, turn by turn. */
static void finish_unpacking(struct unit *unit)
{
    struct worker *worker = unit->worker;
    bool may = may_try_again(worker);

    if (may && go_on_unpacking(unit)) {
        if (!unit->turn)
            unit->turn = event_new(worker->base, -1, 0, turn_cb, unit);
        event_active(unit->turn, EV_TIMEOUT, 0);
        return;
    }
    if (!may && intake_is_due(unit->intake) && unit->failed == RESULT_OK) {
        unit->failed = RESULT_CLOSED;
        log_about(LOG_LEVEL_ERROR, LOG_FIELD_SOURCE, worker->options.config->sources[unit->source].name,
                  "source `%s`: the daemon stops before a packed payload is unpacked to its end: what is in it is not judged",
                  worker->options.config->sources[unit->source].name);
    }
    hand_over(unit);
}

static void turn_cb(evutil_socket_t fd, short events, void *argument)
{
    (void)fd;
    (void)events;
    finish_unpacking(argument);
}

static void end(void *context)
{
    struct unit *unit = context;

    unit->unreadable = intake_finish(unit->intake, &unit->error_offset) == RESULT_INVALID;
    if (intake_state(unit->intake) != RESULT_OK && unit->failed == RESULT_OK)
        unit->failed = RESULT_BUSY;
    finish_unpacking(unit);
}

static void aborted(void *context)
{
    struct unit *unit = context;

    unit->aborted = true;
    unit->handed_over = true;
    go_on(unit);
}

const struct source_handler unit_handler = {
    .begin = begin,
    .body = body,
    .go_on = go_on_unpacking,
    .message_begin = message_begin,
    .message_refused = message_refused,
    .message_end = message_end,
    .end = end,
    .abort = aborted,
};
