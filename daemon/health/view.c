/* SPDX-License-Identifier: Apache-2.0 */
/* What metrics and `harrierctl status` show of the health. */
#include "internal.h"

static const clock_nanos hour = 3600 * CLOCK_SECOND;

size_t health_unknown(const struct health *health)
{
    return health_names_count(health->names);
}

uint64_t health_unknown_dropped(const struct health *health)
{
    return health->names_dropped + health_names_dropped(health->names);
}

size_t health_count(const struct health *health)
{
    return health->pairs.count;
}

void health_at(const struct health *health, size_t index, struct health_view *view)
{
    const struct pair *pair = health->pairs.items[index];

    *view = (struct health_view){
        .source = pair->source,
        .cluster = slice_of(pair->cluster),
        .watched = !pair->others,
        .heard = pair->heard_wall != 0,
        .silence_counts = pair->hears,
        .silent = pair->episodes[ALERT_NOTICE_SILENT].open && !pair->episodes[ALERT_NOTICE_SILENT].over && !pair->episodes[ALERT_NOTICE_SILENT].moved,
        .quiet = health->now - pair->event,
        .timed = pair->skew.known,
        .lead = pair->skew.lead,
        .truncated = pair->truncated,
    };
}

size_t health_blind_count(const struct health *health, size_t index)
{
    return health->pairs.items[index]->blind_totals.count;
}

void health_blind_at(const struct health *health, size_t index, size_t blind, struct health_blind_view *view)
{
    const struct blind_total *one = health->pairs.items[index]->blind_totals.items[blind];
    *view = (struct health_blind_view){slice_of(one->rule), one->why, one->events};
}

/* --- conditions ------------------------------------------------------------------------------------------------------------------------- */

static void visit_episodes(const struct health *health, const struct pair *pair, health_visit *visit, void *context)
{
    static const enum alert_notice_kind kinds[] = {ALERT_NOTICE_SILENT, ALERT_NOTICE_CLOCK, ALERT_NOTICE_LATE};

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (!pair->episodes[kinds[i]].open || pair->episodes[kinds[i]].over)
            continue;
        struct alert_notice notice = health_notice(health, pair, kinds[i], false);
        visit(context, &notice);
    }
}

/* One line for all rules that cannot judge for the same reason; since when the first of them could not. */
static void visit_rules(const struct health *health, const struct pair *pair, enum watch_why why, struct alert_notice *notice, health_visit *visit,
                        void *context)
{
    struct slice *rules = xcalloc(pair->blind.count, sizeof *rules);

    for (size_t i = 0; i < pair->blind.count; i++) {
        const struct blind *blind = pair->blind.items[i];
        if (blind->why != why || !blind->since || !blind->rule[0] || (why == WATCH_TRUNCATED && health->now - blind->noticed > hour))
            continue;
        if (notice->rule_count == 0 || blind->since < notice->since) {
            notice->since = blind->since;
            if (watch_is_mendable(why))
                health_note_cause(notice, blind);
        }
        if (blind->seen > notice->last)
            notice->last = blind->seen;
        health_add_rule(rules, &notice->rule_count, blind);
    }
    notice->rules = rules;
    if (notice->rule_count)
        visit(context, notice);
    free(rules);
}

void health_conditions(const struct health *health, health_visit *visit, void *context)
{
    static const enum watch_why blindness[] = {WATCH_LEVEL_METADATA, WATCH_LEVEL_REQUEST, WATCH_MISSING};

    for (size_t p = 0; p < health->pairs.count; p++) {
        const struct pair *pair = health->pairs.items[p];
        if (pair->others)
            continue;
        visit_episodes(health, pair, visit, context);
        for (size_t i = 0; i < sizeof blindness / sizeof blindness[0]; i++) {
            struct alert_notice blind = health_notice(health, pair, ALERT_NOTICE_BLIND, false);
            visit_rules(health, pair, blindness[i], &blind, visit, context);
        }
        struct alert_notice truncated = health_notice(health, pair, ALERT_NOTICE_TRUNCATED, false);
        visit_rules(health, pair, WATCH_TRUNCATED, &truncated, visit, context);
    }
}
