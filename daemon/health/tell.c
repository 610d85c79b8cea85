/* SPDX-License-Identifier: Apache-2.0 */
/* What is told of what health.c has decided: each episode by itself, as long as its kind's rate allows; the rest of a kind together. */
#include "internal.h"

static const clock_nanos minute = 60 * CLOCK_SECOND, hour = 3600 * CLOCK_SECOND;

enum { SUMMARY_AFTER_MINUTES = 1, SUMMARY_EVERY_MINUTES = 10, SUMMARY_MOST = 256, SUMMARY_ID = -1 };

/* --- notices ------------------------------------------------------------------------------------------------------------------------ */

struct slice health_level(enum watch_why why)
{
    return why == WATCH_LEVEL_METADATA ? SLICE("Metadata") : why == WATCH_LEVEL_REQUEST ? SLICE("Request") : SLICE("");
}

struct alert_notice health_notice(const struct health *health, const struct pair *pair, enum alert_notice_kind kind, bool over)
{
    struct alert_notice notice = {.kind = kind,
                                  .over = over,
                                  .source = slice_of(health_source(health, pair)->name),
                                  .cluster = slice_of(pair->cluster),
                                  .time = health->wall};

    if (kind == ALERT_NOTICE_LOST) {
        notice.since = pair->losses_since;
        notice.losses = pair->losses - pair->losses_told;
    } else if (kind != ALERT_NOTICE_BLIND && kind != ALERT_NOTICE_TRUNCATED) {
        const struct episode *episode = &pair->episodes[kind];
        notice.since = episode->since;
        notice.elsewhere = slice_of(episode->by ? episode->by : "");
        notice.moved = episode->moved;
        if (over) {
            notice.time = episode->over_at;
            notice.amount = episode->ended > episode->began ? episode->ended - episode->began : 0;
        } else if (kind == ALERT_NOTICE_SILENT) { /* of the last event, which may have interrupted the episode */
            notice.amount = health->now - pair->event;
            notice.since = health->wall - notice.amount;
        } else {
            notice.amount = kind == ALERT_NOTICE_CLOCK ? pair->skew.lead : -pair->skew.lead;
        }
    }
    return notice;
}

void health_note_cause(struct alert_notice *notice, const struct blind *blind)
{
    notice->level = health_level(blind->why);
    notice->cause = slice_of(watch_why_name(blind->why));
    notice->first = (struct alert_first){slice_of(blind->first.verb), slice_of(blind->first.resource), slice_of(blind->first.uri),
                                         slice_of(blind->first.user), slice_of(blind->first.level)};
}

/* --- the rate of a kind ----------------------------------------------------------------------------------------------------------------- */

static bool may_tell_alone(struct health *health, enum alert_notice_kind kind)
{
    struct tell_rate *rate = &health->rates[kind];
    double most = (double)health->options.config->health.notices;

    rate->left += most * (double)(health->now - rate->filled) / (double)hour;
    rate->left = rate->left < most ? rate->left : most;
    rate->filled = health->now;
    return rate->left >= 1;
}

static void wait_for_summary(struct health *health, enum alert_notice_kind kind)
{
    struct tell_rate *rate = &health->rates[kind];

    if (!rate->waits_since)
        rate->waits_since = health->now;
}

/* --- one ---------------------------------------------------------------------------------------------------------------------------------- */

static void tell_of_pair(struct health *health, struct pair *pair, const struct alert_notice *notice)
{
    struct buffer text = {NULL, 0, 0};

    pair->telling.under_way = true;
    pair->telling.summed = false;
    pair->telling.kind = notice->kind;
    pair->telling.over = notice->over;
    health_take_slot(health, pair);
    health_write_state(health, pair, true, &text);
    const struct health_state state = {(size_t)pair->slot, buffer_slice(&text)};
    const struct health_telling telling = {state.slot, notice, &state, 1};
    bool taken = health->options.tell && health->options.tell(health->options.context, &telling);
    if (!taken)
        pair->telling.under_way = false;
    else if (!notice->over)
        health->rates[notice->kind].left -= 1;
    buffer_free(&text);
}

/* Its beginning, or its end, is to be told by itself. What was told in a summary ends without a word. */
static bool is_due_alone(struct health *health, struct pair *pair, enum alert_notice_kind kind)
{
    struct episode *episode = &pair->episodes[kind];

    if (!episode->open || (episode->told && !episode->over))
        return false;
    if (episode->told && episode->summed) {
        *episode = (struct episode){0};
        return false;
    }
    if (episode->told || may_tell_alone(health, kind))
        return true;
    if (episode->moved) { /* status shows it; a summary would count it among those that nobody hears */
        episode->told = episode->summed = true;
        return false;
    }
    wait_for_summary(health, kind);
    return false;
}

static bool tell_of_episodes(struct health *health, struct pair *pair)
{
    static const enum alert_notice_kind kinds[] = {ALERT_NOTICE_SILENT, ALERT_NOTICE_CLOCK, ALERT_NOTICE_LATE};

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (!is_due_alone(health, pair, kinds[i]))
            continue;
        struct alert_notice notice = health_notice(health, pair, kinds[i], pair->episodes[kinds[i]].told);
        tell_of_pair(health, pair, &notice);
        return true;
    }
    return false;
}

/* Rules that have become blind and were not told of, of one reason unless any is given. */
static void gather_blind(struct health *health, struct pair *pair, bool any_reason)
{
    struct telling *telling = &pair->telling;

    telling->rules.count = 0;
    for (size_t i = 0; i < pair->blind.count; i++) {
        struct blind *blind = pair->blind.items[i];
        if (!blind->rule[0] || !blind->since || blind->told || !watch_is_mendable(blind->why) || health->now < pair->blind_not_before[blind->why])
            continue;
        if (telling->rules.count && blind->why != telling->why && !any_reason)
            continue; /* the next time */
        if (telling->rules.count == 0)
            telling->why = blind->why;
        VECTOR_PUSH(&telling->rules, blind);
    }
}

void health_add_rule(struct slice *rules, size_t *count, const struct blind *blind)
{
    for (size_t i = 0; i < *count; i++)
        if (slice_is(rules[i], blind->rule))
            return;
    rules[(*count)++] = slice_of(blind->rule);
}

/* All rules that have become blind for one reason, in one notice. */
static void tell_of_blind(struct health *health, struct pair *pair)
{
    struct telling *telling = &pair->telling;

    gather_blind(health, pair, false);
    if (telling->rules.count == 0)
        return;
    if (!may_tell_alone(health, ALERT_NOTICE_BLIND)) {
        wait_for_summary(health, ALERT_NOTICE_BLIND);
        return;
    }
    struct slice *rules = xcalloc(telling->rules.count, sizeof *rules);
    struct alert_notice notice = health_notice(health, pair, ALERT_NOTICE_BLIND, false);
    notice.since = telling->rules.items[0]->since;
    health_note_cause(&notice, telling->rules.items[0]);
    notice.rules = rules;
    for (size_t i = 0; i < telling->rules.count; i++)
        health_add_rule(rules, &notice.rule_count, telling->rules.items[i]);
    tell_of_pair(health, pair, &notice);
    free(rules);
}

static bool has_losses_to_tell(const struct health *health, const struct pair *pair)
{
    return pair->losses > pair->losses_told && health->now >= pair->losses_not_before;
}

/* False: nothing is told of them now. */
static bool tell_of_losses(struct health *health, struct pair *pair)
{
    if (!has_losses_to_tell(health, pair))
        return false;
    if (!may_tell_alone(health, ALERT_NOTICE_LOST)) {
        wait_for_summary(health, ALERT_NOTICE_LOST);
        return false;
    }
    struct alert_notice notice = health_notice(health, pair, ALERT_NOTICE_LOST, false);
    pair->losses_in_telling = pair->losses;
    tell_of_pair(health, pair, &notice);
    return true;
}

void health_tell(struct health *health, struct pair *pair)
{
    if (!pair->telling.under_way && !tell_of_episodes(health, pair) && !tell_of_losses(health, pair))
        tell_of_blind(health, pair);
}

/* --- several at once ------------------------------------------------------------------------------------------------------------------------ */

/* Is the pair's condition of that kind to be told? Then since when it holds. */
static bool waits_for_summary(struct health *health, struct pair *pair, enum alert_notice_kind kind, clock_nanos *since)
{
    if (pair->telling.under_way || pair->others)
        return false;
    if (kind == ALERT_NOTICE_BLIND) {
        gather_blind(health, pair, true);
        if (pair->telling.rules.count)
            *since = pair->telling.rules.items[0]->since;
        return pair->telling.rules.count > 0;
    }
    if (kind == ALERT_NOTICE_LOST) {
        *since = pair->losses_since;
        pair->losses_in_telling = pair->losses;
        return has_losses_to_tell(health, pair);
    }
    *since = pair->episodes[kind].since;
    return pair->episodes[kind].open && !pair->episodes[kind].told && !pair->episodes[kind].moved;
}

static void gather_summary(struct health *health, enum alert_notice_kind kind, struct alert_notice *notice)
{
    struct summary *summary = &health->summary;
    clock_nanos since;

    *notice = (struct alert_notice){.kind = kind, .time = health->wall, .since = health->wall};
    summary->kind = kind;
    summary->pairs.count = 0;
    for (size_t i = 0; i < health->pairs.count && summary->pairs.count < SUMMARY_MOST; i++) {
        struct pair *pair = health->pairs.items[i];
        if (!waits_for_summary(health, pair, kind, &since))
            continue;
        notice->since = since < notice->since ? since : notice->since;
        if (kind == ALERT_NOTICE_BLIND && summary->pairs.count == 0)
            notice->level = health_level(pair->telling.why);
        VECTOR_PUSH(&summary->pairs, pair);
    }
}

static void set_under_way(struct summary *summary, bool under_way)
{
    summary->under_way = under_way;
    for (size_t i = 0; i < summary->pairs.count; i++) {
        struct telling *telling = &summary->pairs.items[i]->telling;
        telling->under_way = under_way;
        telling->summed = under_way;
        telling->kind = summary->kind;
        telling->over = false;
    }
}

/* The pairs' names as people read them. */
static void name_pairs(const struct health *health, struct slice *names)
{
    for (size_t i = 0; i < health->summary.pairs.count; i++) {
        const struct pair *pair = health->summary.pairs.items[i];
        const char *source = health_source(health, pair)->name;
        names[i] = slice_of(pair->cluster[0] ? xasprintf("%s (source %s)", pair->cluster, source) : xasprintf("source %s", source));
    }
}

static void tell_summary(struct health *health, struct alert_notice *notice)
{
    struct summary *summary = &health->summary;
    size_t count = summary->pairs.count;
    struct slice *names = xcalloc(count, sizeof *names);
    struct health_state *states = xcalloc(count, sizeof *states);
    struct buffer *texts = xcalloc(count, sizeof *texts);

    name_pairs(health, names);
    notice->clusters = names;
    notice->cluster_count = count;
    set_under_way(summary, true);
    for (size_t i = 0; i < count; i++) {
        health_take_slot(health, summary->pairs.items[i]);
        health_write_state(health, summary->pairs.items[i], true, &texts[i]);
        states[i] = (struct health_state){(size_t)summary->pairs.items[i]->slot, buffer_slice(&texts[i])};
    }
    const struct health_telling telling = {(size_t)SUMMARY_ID, notice, states, count};
    bool taken = health->options.tell && health->options.tell(health->options.context, &telling);
    if (!taken)
        set_under_way(summary, false);
    for (size_t i = 0; i < count; i++) {
        buffer_free(&texts[i]);
        free((char *)names[i].bytes);
    }
    free(texts);
    free(states);
    free(names);
}

void health_tell_summaries(struct health *health)
{
    for (int k = 0; k < ALERT_NOTICE_COUNT && !health->summary.under_way; k++) {
        enum alert_notice_kind kind = (enum alert_notice_kind)k;
        struct tell_rate *rate = &health->rates[kind];
        struct alert_notice notice;
        if (!rate->waits_since || health->now - rate->waits_since < SUMMARY_AFTER_MINUTES * minute || health->now < rate->not_before)
            continue;
        gather_summary(health, kind, &notice);
        if (health->summary.pairs.count == 0)
            rate->waits_since = 0;
        else
            tell_summary(health, &notice);
    }
}

/* --- what became of it ------------------------------------------------------------------------------------------------------------------- */

static void note_told(struct health *health, struct pair *pair)
{
    enum { GATHER_MINUTES = 10 };
    struct telling *telling = &pair->telling;

    if (telling->kind == ALERT_NOTICE_BLIND) {
        for (size_t i = 0; i < telling->rules.count; i++)
            telling->rules.items[i]->told = true;
        for (size_t i = 0; i < telling->rules.count; i++)
            pair->blind_not_before[telling->rules.items[i]->why] = health->now + GATHER_MINUTES * minute;
    } else if (telling->kind == ALERT_NOTICE_LOST) {
        pair->losses_told = pair->losses_in_telling;
        pair->losses_since = pair->losses > pair->losses_told ? health->wall : 0;
        pair->losses_not_before = health->now + GATHER_MINUTES * minute;
    } else if (telling->over) {
        pair->episodes[telling->kind] = (struct episode){0};
    } else {
        pair->episodes[telling->kind].told = true;
        pair->episodes[telling->kind].summed = telling->summed;
    }
}

static void summary_told(struct health *health, bool stored)
{
    struct summary *summary = &health->summary;
    struct tell_rate *rate = &health->rates[summary->kind];

    if (!summary->under_way)
        return;
    for (size_t i = 0; stored && i < summary->pairs.count; i++)
        note_told(health, summary->pairs.items[i]);
    set_under_way(summary, false);
    if (!stored)
        return;
    rate->not_before = health->now + SUMMARY_EVERY_MINUTES * minute;
    if (summary->pairs.count < SUMMARY_MOST)
        rate->waits_since = 0; /* who waits still says so again */
}

void health_told(struct health *health, size_t id, bool stored)
{
    if (id == (size_t)SUMMARY_ID) {
        summary_told(health, stored);
        return;
    }
    struct pair *pair = id < health->slots.count ? health->slots.items[id] : NULL;
    if (!pair || !pair->telling.under_way || pair->telling.summed)
        return;
    pair->telling.under_way = false;
    if (stored)
        note_told(health, pair);
    else if (!pair->telling.over)
        health->rates[pair->telling.kind].left += 1;
}
