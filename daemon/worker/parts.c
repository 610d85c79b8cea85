/* SPDX-License-Identifier: Apache-2.0 */
/* What a unit owes, in parts of about a megabyte, on its way to the commit thread and back. */
#include "unit.h"

#include "harrier/base/log.h"
#include "harrier/base/memory.h"

#include <stdlib.h>

enum { PART_BYTES = 1024 * 1024 };

/* Between two tries to store what must not be lost, or what finds the queue full of its own unit's parts; and how many of the latter: as many as an answer has
 * time by default. */
static const struct timeval patience = {0, 250000};
enum { TRIES_MOST = 40 };

struct part {
    struct mailbox_message message;
    struct unit *unit;
    struct submission *submission; /* come back unstored */
    struct event *again;           /* waits to be submitted once more */
    unsigned int tries;            /* of that */
    size_t charged;
    enum result result;
};


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
bool worker_may_try_again(const struct worker *worker)
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
    if (worker_may_try_again(worker) && (part->unit->must_not_fail || part->tries++ < TRIES_MOST)) {
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

    if (part->result != RESULT_OK && unit->must_not_fail && !is_final(part->result) && worker_may_try_again(worker)) {
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
    unit_go_on_handed_over(unit);
}

/* On the commit thread. */
static void part_done(void *context, enum result result, struct submission *submission)
{
    struct part *part = context;
    part->result = result;
    part->submission = submission;
    mailbox_post(part->unit->worker->mailbox, &part->message);
}

void unit_begin_submission(struct unit *unit)
{
    unit->submission = submission_new(slice_of(unit->cluster), slice_of(unit->cluster));
    unit->charged = 0;
}

void unit_drop_submission(struct unit *unit)
{
    submission_free(unit->submission);
    unit->submission = NULL;
    budget_give(unit->worker->options.budget, unit->charged);
    unit->charged = 0;
}

void unit_hand_part_over(struct unit *unit)
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
    unit_begin_submission(unit);
}

/* Would it be refused again, whenever it is sent? It has most of what there is by itself. */
static bool can_never_fit(const struct unit *unit, size_t bytes)
{
    uint64_t limit = budget_limit(unit->worker->options.budget);
    return limit && intake_memory(unit->intake) + unit->charged + bytes > limit - limit / 8;
}

bool unit_make_room(struct unit *unit, size_t bytes)
{
    struct budget *budget = unit->worker->options.budget;

    if (unit->must_not_fail || can_never_fit(unit, bytes)) {
        budget_take_always(budget, bytes);
    } else if (!budget_take(budget, bytes)) {
        unit->failed = RESULT_BUSY;
        unit_drop_submission(unit);
        unit_begin_submission(unit);
        return false;
    }
    unit->charged += bytes;
    return true;
}

void unit_note_added(struct unit *unit)
{
    size_t length = submission_bytes(unit->submission).length;
    struct budget *budget = unit->worker->options.budget;

    if (unit->charged > length)
        budget_give(budget, unit->charged - length);
    else if (unit->charged < length)
        budget_take_always(budget, length - unit->charged);
    unit->charged = length;
    if (length >= PART_BYTES)
        unit_hand_part_over(unit);
}

void unit_add_dead_letter(struct unit *unit, const struct submission_dead_letter *letter)
{
    if (!unit_make_room(unit, letter->kept.length + letter->detail.length + ITEM_BYTES))
        return;
    submission_add_dead_letter(unit->submission, letter); /* which is far below what one can be */
    unit_note_added(unit);
}
