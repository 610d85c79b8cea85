/* SPDX-License-Identifier: Apache-2.0 */
/* What the intake finds in a unit: alerts, dead letters, and what rules could not judge; and the counts of it. */
#include "unit.h"

#include "rate.h"
#include "daemon/route/routing.h"

#include "harrier/base/log.h"

#include <stdio.h>

/* Dead letters of one unit that are kept one by one, and their bytes; what is beyond is one more, a summary. A body of a million times {} would fill the queue
 * and the store each time that it is sent. */
enum { LETTERS_MOST = 1000, LETTERS_BYTES_MOST = 8 * 1024 * 1024 };

struct tally_counts *unit_counts(struct unit *unit)
{
    return &unit->worker->tally.rows[unit->tally_row].counts;
}

static void keep_alert(void *context, const struct alert *alert)
{
    struct unit *unit = context;
    struct worker *worker = unit->worker;

    const struct deliver_routes *routes = unit->rules->generation->routes;
    if (unit->failed != RESULT_OK || !unit_make_room(unit, alert->json.length + ITEM_BYTES))
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
        unit_add_dead_letter(unit, &letter);
        log_write_fields(LOG_LEVEL_ERROR,
                         LOG_FIELDS({LOG_FIELD_RULE, alert->rule}, {LOG_FIELD_ALERT, slice_of(alert->alert_id)},
                                    {LOG_FIELD_SOURCE, slice_of(worker->options.config->sources[unit->source].name)}),
                         "an alert of rule %.*s cannot be queued, now or later, and is a dead letter: %s", SLICE_ARGS(alert->rule), result_text(result));
        return;
    }
    pthread_mutex_lock(&worker->mutex);
    unit_counts(unit)->alerts++;
    pthread_mutex_unlock(&worker->mutex);
    unit_note_added(unit);
}

static void leave_out_dead_letter(struct unit *unit, const struct audit_dead *dead)
{
    if (unit->left_out++ == 0)
        unit->left_out_from = dead->offset;
    unit->left_out_bytes += dead->length;
    pthread_mutex_lock(&unit->worker->mutex);
    unit_counts(unit)->letters_left_out++;
    pthread_mutex_unlock(&unit->worker->mutex);
}

static void keep_dead_letter(void *context, const struct audit_dead *dead)
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
        leave_out_dead_letter(unit, dead);
        return;
    }
    unit->letters++;
    unit->letters_bytes += dead->bytes.length;
    unit_add_dead_letter(unit, &letter);
}

void unit_add_summary(struct unit *unit)
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
    unit_add_dead_letter(unit, &letter);
}

/* An event that rules were concerned with. */
static void note_observed(void *context, const struct intake_observed *observed)
{
    struct unit *unit = context;
    struct slice source = slice_of(unit->worker->options.config->sources[unit->source].name);
    struct alert_notice notice;
    struct alert alert;

    watch_observe(unit->worker->watch, unit->source, observed);
    if (!watch_is_truncated(observed, source, unit->options.raw_bytes, &notice))
        return;
    alert_from_notice(&alert, &notice);
    keep_alert(unit, &alert);
    alert_free(&alert);
}

/* Which cluster an event is of that no rule is concerned with, an envelope does not tell. */
static void note_heard(struct unit *unit, clock_nanos now)
{
    watch_heard(unit->worker->watch, unit->source, unit->options.envelope_cluster ? SLICE("") : slice_of(unit->cluster), now);
}

void unit_count_read(struct unit *unit)
{
    struct worker *worker = unit->worker;
    const struct audit_counts *read = intake_counts(unit->intake);
    uint64_t received = read->received - unit->counted.received;
    clock_nanos now = clock_monotonic();

    pthread_mutex_lock(&worker->mutex);
    struct tally_counts *counts = unit_counts(unit);
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

struct intake_sink unit_sink(struct unit *unit)
{
    return (struct intake_sink){.context = unit, .alert = keep_alert, .dead = keep_dead_letter, .observed = note_observed};
}
