/* SPDX-License-Identifier: Apache-2.0 */
#include "health_internal.h"

#include "harrier/log.h"

static const clock_nanos minute = 60 * CLOCK_SECOND, day = 24 * 3600 * CLOCK_SECOND;

static clock_nanos lesser(clock_nanos a, clock_nanos b)
{
    return a < b ? a : b;
}

/* --- pairs -------------------------------------------------------------------------------------------------------------------------- */

static struct pair *find(struct health *health, size_t source, struct slice cluster)
{
    watch_key(&health->key, source, cluster);
    return map_get(health->by_key, buffer_slice(&health->key));
}

struct pair *health_pair(struct health *health, size_t source, struct slice cluster)
{
    struct pair *pair = find(health, source, cluster);

    if (pair)
        return pair;
    if (health->pairs.count >= (size_t)health->options.config->health.clusters) {
        if (health->refused++ == 0)
            log_warning("health: more than %lld clusters: further ones are not watched for silence and the like; see `clusters` in health",
                        (long long)health->options.config->health.clusters);
        return NULL;
    }
    cluster = slice_first(cluster, WATCH_CLUSTER_BYTES);
    pair = xcalloc(1, sizeof *pair);
    pair->slot = NO_SLOT;
    pair->source = source;
    pair->cluster = xstrndup(cluster.length ? cluster.bytes : "", cluster.length);
    pair->heard = health->now;
    VECTOR_PUSH(&health->pairs, pair);
    map_put(health->by_key, buffer_slice(&health->key), pair);
    return pair;
}

static void pair_free(struct pair *pair)
{
    for (size_t i = 0; i < pair->blind.count; i++) {
        free(pair->blind.items[i]->rule);
        free(pair->blind.items[i]);
    }
    VECTOR_FREE(&pair->blind);
    VECTOR_FREE(&pair->telling.rules);
    map_free(pair->blind_by_key, NULL);
    free(pair->cluster);
    free(pair);
}

static void hear(struct health *health, struct pair *pair)
{
    if (!pair->hears && pair->cluster[0])
        health->named[pair->source]++;
    pair->hears = true;
}

static void forget(struct health *health, size_t index)
{
    struct pair *pair = health->pairs.items[index];
    const char *source = health_source(health, pair)->name;

    log_write_fields(LOG_LEVEL_NOTICE, LOG_FIELDS({LOG_FIELD_SOURCE, slice_of(source)}, {LOG_FIELD_CLUSTER, slice_of(pair->cluster)}),
                     "health: cluster %s of source `%s` has been silent for so long that it is forgotten", pair->cluster, source);
    if (pair->slot != NO_SLOT) {
        health->slots.items[pair->slot] = NULL;
        VECTOR_PUSH(&health->freed, (size_t)pair->slot);
    }
    if (pair->hears && pair->cluster[0])
        health->named[pair->source]--;
    health->blind_count -= pair->blind.count;
    health->pairs.items[index] = health->pairs.items[--health->pairs.count];
    pair_free(pair);
    map_free(health->by_key, NULL);
    health->by_key = map_new();
    for (size_t i = 0; i < health->pairs.count; i++) {
        struct pair *one = health->pairs.items[i];
        watch_key(&health->key, one->source, slice_of(one->cluster));
        map_put(health->by_key, buffer_slice(&health->key), one);
    }
}

void health_take_slot(struct health *health, struct pair *pair)
{
    size_t slot = 0;

    if (pair->slot != NO_SLOT)
        return;
    while (slot < health->slots.count && health->slots.items[slot])
        slot++;
    if (slot == health->slots.count)
        VECTOR_PUSH(&health->slots, pair);
    else
        health->slots.items[slot] = pair;
    pair->slot = (int64_t)slot;
    for (size_t i = 0; i < health->freed.count; i++)
        if (health->freed.items[i] == slot)
            health->freed.items[i--] = health->freed.items[--health->freed.count];
}

/* --- what is to be expected ---------------------------------------------------------------------------------------------------------- */

static void expect(struct health *health, size_t source, const char *cluster)
{
    struct pair *pair = health_pair(health, source, slice_of(cluster));
    if (!pair)
        return;
    pair->expected = true;
    hear(health, pair);
}

/* Clusters that the configuration names are awaited from the start. Where others than it name them, the source is awaited as a whole until the first
 * has come. */
static void expect_source(struct health *health, size_t index)
{
    const struct config_source *source = &health->options.config->sources[index];
    bool others_name = source->cluster_from != CONFIG_CLUSTER_FROM_SOURCE || strstr(source->path, "{cluster}");
    bool unbound = source->client_count == 0;

    for (size_t i = 0; i < source->client_count; i++) {
        if (source->clients[i].cluster[0])
            expect(health, index, source->clients[i].cluster);
        else
            unbound = true;
    }
    if (unbound)
        expect(health, index, others_name ? "" : source->cluster);
}

struct health *health_new(const struct health_options *options)
{
    struct health *health = xcalloc(1, sizeof *health);

    health->options = *options;
    health->started = health->now = options->monotonic;
    health->wall = options->wall;
    health->by_key = map_new();
    health->named = xcalloc(options->config->source_count, sizeof *health->named);
    for (size_t i = 0; i < options->config->source_count; i++)
        expect_source(health, i);
    return health;
}

void health_free(struct health *health)
{
    if (!health)
        return;
    for (size_t i = 0; i < health->pairs.count; i++)
        pair_free(health->pairs.items[i]);
    VECTOR_FREE(&health->pairs);
    VECTOR_FREE(&health->slots);
    VECTOR_FREE(&health->freed);
    map_free(health->by_key, NULL);
    buffer_free(&health->key);
    free(health->named);
    free(health);
}

/* --- what workers have noticed ---------------------------------------------------------------------------------------------------------- */

struct blind *health_blind(struct health *health, struct pair *pair, struct slice rule, enum watch_why why)
{
    struct buffer key = {NULL, 0, 0};
    struct blind *blind;

    if (!pair->blind_by_key)
        pair->blind_by_key = map_new();
    buffer_append_byte(&key, (char)why);
    buffer_append_slice(&key, rule);
    blind = map_get(pair->blind_by_key, buffer_slice(&key));
    if (!blind && ((pair->blind.count < WATCH_BLIND_MAX && health->blind_count < BLIND_MAX) || rule.length == 0)) {
        blind = xcalloc(1, sizeof *blind);
        blind->rule = xstrndup(rule.length ? rule.bytes : "", rule.length);
        blind->why = why;
        health->blind_count++;
        VECTOR_PUSH(&pair->blind, blind);
        map_put(pair->blind_by_key, buffer_slice(&key), blind);
    }
    buffer_free(&key);
    return blind ? blind : health_blind(health, pair, SLICE(""), why);
}

static void merge_blind(struct health *health, struct pair *pair, const struct map *noticed)
{
    for (size_t i = 0; noticed && i < map_count(noticed); i++) {
        const struct watch_blind *from = map_value_at(noticed, i);
        struct blind *to = health_blind(health, pair, slice_of(from->rule), from->why);
        to->events += from->events;
        to->seen = health->wall;
        to->noticed = health->now;
        if (to->since == 0)
            to->since = health->wall;
    }
}

static void heard_at(struct health *health, struct pair *pair, clock_nanos when)
{
    if (when <= pair->heard && pair->heard_wall)
        return;
    pair->heard = when;
    pair->heard_wall = health->wall - (health->now - when);
}

static void merge_entry(struct health *health, const struct watch_entry *entry)
{
    const struct config_health *limits = &health->options.config->health;
    struct pair *pair = health_pair(health, entry->source, slice_of(entry->cluster));
    struct pair *whole = find(health, entry->source, SLICE(""));

    /* who waits for any cluster of the source has waited long enough; an envelope's clusters are not told apart here, they all count as this one */
    if (entry->heard && whole)
        heard_at(health, whole, entry->heard);
    if (!pair)
        return;
    if (entry->heard) {
        hear(health, pair);
        heard_at(health, pair, entry->heard);
    }
    if (entry->timed) {
        skew_note(&pair->skew, &(struct skew_limits){limits->clock_skew, limits->late_after}, entry->lead, health->now);
        if (!pair->hears)
            heard_at(health, pair, health->now);
    }
    pair->truncated += entry->truncated;
    merge_blind(health, pair, entry->blind);
}

void health_merge(struct health *health, const struct map *batch)
{
    for (size_t i = 0; batch && i < map_count(batch); i++)
        merge_entry(health, map_value_at(batch, i));
}

/* --- episodes --------------------------------------------------------------------------------------------------------------------------- */

static void begin_episode(struct episode *episode, clock_nanos since)
{
    if (episode->open)
        episode->over = false; /* it is back before its end was told */
    else
        *episode = (struct episode){.open = true, .since = since};
}

static void end_episode(struct episode *episode, clock_nanos when)
{
    if (!episode->open || episode->over)
        return;
    episode->over = true;
    episode->over_at = when;
}

/* A source as a whole is of no interest once its clusters are known by name. */
static bool silence_applies(const struct health *health, const struct pair *pair)
{
    const struct config_source *source = health_source(health, pair);
    bool replaced = !pair->cluster[0] && health->named[pair->source] && source->cluster_from != CONFIG_CLUSTER_FROM_ENVELOPE;
    return pair->hears && !replaced;
}

/* A silence is over when events have kept coming for a while: one event in a quarter of an hour is silence interrupted. */
static void judge_silence(struct health *health, struct pair *pair)
{
    enum { SETTLED_AFTER_MINUTES = 5 };
    struct episode *episode = &pair->episodes[ALERT_NOTICE_SILENT];
    clock_nanos after = health_source(health, pair)->silence_after, quiet = health->now - pair->heard;

    if (!after) {
        *episode = (struct episode){0}; /* from before it was switched off: nobody knows whether it is over */
    } else if (!silence_applies(health, pair)) {
        end_episode(episode, health->wall);
    } else if (quiet >= after) {
        pair->returned = 0;
        /* senders that were waiting for us get a moment to come back after a start */
        if (health->now - health->started >= lesser(after, minute))
            begin_episode(episode, pair->heard_wall ? pair->heard_wall : health->wall - quiet);
    } else if (episode->open) {
        if (!pair->returned) {
            pair->returned = pair->heard;
            pair->returned_wall = pair->heard_wall;
        }
        if (pair->heard - pair->returned >= lesser(after / 3, SETTLED_AFTER_MINUTES * minute))
            end_episode(episode, pair->returned_wall);
    }
}

static void judge_skew(struct health *health, struct pair *pair)
{
    const struct config_health *limits = &health->options.config->health;
    struct episode *clock = &pair->episodes[ALERT_NOTICE_CLOCK], *late = &pair->episodes[ALERT_NOTICE_LATE];

    if (!limits->clock_skew)
        *clock = (struct episode){0};
    if (!limits->late_after)
        *late = (struct episode){0};
    skew_pass(&pair->skew, &(struct skew_limits){limits->clock_skew, limits->late_after}, health->now);
    pair->skew.ahead ? begin_episode(clock, health->wall) : end_episode(clock, health->wall);
    pair->skew.late ? begin_episode(late, health->wall) : end_episode(late, health->wall);
}

static void judge_blind(struct health *health, struct pair *pair)
{
    for (size_t i = 0; i < pair->blind.count; i++) {
        struct blind *blind = pair->blind.items[i];
        if (blind->since && health->now - blind->noticed > day) {
            blind->since = 0;
            blind->told = false;
        }
    }
}

/* --- telling ----------------------------------------------------------------------------------------------------------------------------- */

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

    if (kind != ALERT_NOTICE_BLIND && kind != ALERT_NOTICE_TRUNCATED) {
        const struct episode *episode = &pair->episodes[kind];
        notice.since = episode->since;
        if (over)
            notice.time = episode->over_at;
        if (over || kind == ALERT_NOTICE_SILENT)
            notice.amount = notice.time > episode->since ? notice.time - episode->since : 0;
        else
            notice.amount = kind == ALERT_NOTICE_CLOCK ? pair->skew.lead : -pair->skew.lead;
    }
    return notice;
}

static void tell(struct health *health, struct pair *pair, const struct alert_notice *notice)
{
    struct buffer state = {NULL, 0, 0};

    pair->telling.under_way = true;
    pair->telling.kind = notice->kind;
    pair->telling.over = notice->over;
    health_take_slot(health, pair);
    health_write_state(health, pair, true, &state);
    const struct health_telling telling = {(size_t)pair->slot, notice, buffer_slice(&state)};
    if (!health->options.tell || !health->options.tell(health->options.context, &telling))
        pair->telling.under_way = false;
    buffer_free(&state);
}

static bool tell_of_episodes(struct health *health, struct pair *pair)
{
    static const enum alert_notice_kind kinds[] = {ALERT_NOTICE_SILENT, ALERT_NOTICE_CLOCK, ALERT_NOTICE_LATE};

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const struct episode *episode = &pair->episodes[kinds[i]];
        if (!episode->open || (episode->told && !episode->over))
            continue;
        struct alert_notice notice = health_notice(health, pair, kinds[i], episode->told);
        tell(health, pair, &notice);
        return true;
    }
    return false;
}

/* All rules that have become blind for one reason, in one notice. */
static void tell_of_blind(struct health *health, struct pair *pair)
{
    struct telling *telling = &pair->telling;

    if (health->now < pair->blind_not_before)
        return;
    telling->rules.count = 0;
    for (size_t i = 0; i < pair->blind.count; i++) {
        struct blind *blind = pair->blind.items[i];
        if (!blind->rule[0] || !blind->since || blind->told || !health_is_blindness(blind->why))
            continue;
        if (telling->rules.count && blind->why != telling->why)
            continue; /* the next time */
        telling->why = blind->why;
        VECTOR_PUSH(&telling->rules, blind);
    }
    if (telling->rules.count == 0)
        return;
    struct slice *rules = xcalloc(telling->rules.count, sizeof *rules);
    struct alert_notice notice = health_notice(health, pair, ALERT_NOTICE_BLIND, false);
    notice.since = telling->rules.items[0]->since;
    notice.level = health_level(telling->why);
    notice.rules = rules;
    notice.rule_count = telling->rules.count;
    for (size_t i = 0; i < telling->rules.count; i++)
        rules[i] = slice_of(telling->rules.items[i]->rule);
    tell(health, pair, &notice);
    free(rules);
}

void health_told(struct health *health, size_t slot, bool stored)
{
    enum { GATHER_MINUTES = 10 };
    struct pair *pair = slot < health->slots.count ? health->slots.items[slot] : NULL;

    if (!pair || !pair->telling.under_way)
        return;
    struct telling *telling = &pair->telling;
    telling->under_way = false;
    if (!stored)
        return;
    if (telling->kind == ALERT_NOTICE_BLIND) {
        for (size_t i = 0; i < telling->rules.count; i++)
            telling->rules.items[i]->told = true;
        pair->blind_not_before = health->now + GATHER_MINUTES * minute;
    } else if (telling->over) {
        pair->episodes[telling->kind] = (struct episode){0};
    } else {
        pair->episodes[telling->kind].told = true;
    }
}

/* --- time ------------------------------------------------------------------------------------------------------------------------------- */

static bool is_to_be_forgotten(const struct health *health, const struct pair *pair)
{
    return !pair->expected && !pair->telling.under_way && health->now - pair->heard >= health->options.config->health.forget_after;
}

static void stand_still(struct health *health, clock_nanos passed)
{
    for (size_t i = 0; i < health->pairs.count; i++) {
        struct pair *pair = health->pairs.items[i];
        pair->heard += passed;
        pair->returned += pair->returned ? passed : 0;
    }
    health->started += passed;
}

void health_tick(struct health *health, clock_nanos wall, clock_nanos monotonic, bool accepting)
{
    if (!accepting)
        stand_still(health, monotonic - health->now);
    health->wall = wall;
    health->now = monotonic;
    for (size_t i = 0; i < health->pairs.count; i++) {
        struct pair *pair = health->pairs.items[i];
        if (is_to_be_forgotten(health, pair)) {
            forget(health, i--);
            continue;
        }
        judge_silence(health, pair);
        judge_skew(health, pair);
        judge_blind(health, pair);
        if (!pair->telling.under_way && !tell_of_episodes(health, pair))
            tell_of_blind(health, pair);
    }
}
