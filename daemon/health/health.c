/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include "harrier/base/log.h"

static const clock_nanos day = 24 * 3600 * CLOCK_SECOND;

/* --- pairs -------------------------------------------------------------------------------------------------------------------------- */

struct pair *health_find(struct health *health, size_t source, struct slice cluster)
{
    clusters_key(&health->key, source, cluster);
    return map_get(health->by_key, buffer_slice(&health->key));
}

struct pair *health_pair(struct health *health, size_t source, struct slice cluster)
{
    struct pair *pair = health_find(health, source, cluster);

    if (pair)
        return pair;
    cluster = slice_first(cluster, CLUSTERS_NAME_BYTES);
    pair = xcalloc(1, sizeof *pair);
    pair->slot = NO_SLOT;
    pair->source = source;
    pair->cluster = xstrndup(cluster.length ? cluster.bytes : "", cluster.length);
    pair->others = slice_is(cluster, CLUSTERS_OTHERS);
    pair->heard = pair->event = health->now;
    VECTOR_PUSH(&health->pairs, pair);
    map_put(health->by_key, buffer_slice(&health->key), pair);
    return pair;
}

static void pair_free(struct pair *pair)
{
    for (size_t i = 0; i < pair->blind.count; i++) {
        free(pair->blind.items[i]->rule);
        free(pair->blind.items[i]->resource);
        free(pair->blind.items[i]);
    }
    for (size_t i = 0; i < pair->blind_totals.count; i++) {
        free(pair->blind_totals.items[i]->rule);
        free(pair->blind_totals.items[i]);
    }
    VECTOR_FREE(&pair->blind);
    VECTOR_FREE(&pair->blind_totals);
    VECTOR_FREE(&pair->telling.rules);
    map_free(pair->blind_by_key, NULL);
    map_free(pair->total_by_key, NULL);
    free(pair->cluster);
    free(pair);
}

static void hear_pair(struct health *health, struct pair *pair)
{
    if (!pair->hears && pair->cluster[0])
        health->named[pair->source]++;
    pair->hears = true;
}

static void forget_pair(struct health *health, size_t index)
{
    struct pair *pair = health->pairs.items[index];
    const char *source = health_source(health, pair)->name;

    log_write_fields(LOG_LEVEL_NOTICE, LOG_FIELDS({LOG_FIELD_SOURCE, slice_of(source)}, {LOG_FIELD_CLUSTER, slice_of(pair->cluster)}),
                     "health: cluster %s of source `%s` has been silent for so long that it is forgotten", pair->cluster, source);
    if (pair->slot != NO_SLOT) {
        health->slots.items[pair->slot] = NULL;
        health_free_slot(health, (size_t)pair->slot);
    }
    clusters_forget(health->options.clusters, pair->source, slice_of(pair->cluster));
    if (pair->hears && pair->cluster[0])
        health->named[pair->source]--;
    health->blind_count -= pair->blind.count + pair->blind_totals.count;
    health->pairs.items[index] = health->pairs.items[--health->pairs.count];
    pair_free(pair);
    map_free(health->by_key, NULL);
    health->by_key = map_new();
    for (size_t i = 0; i < health->pairs.count; i++) {
        struct pair *one = health->pairs.items[i];
        clusters_key(&health->key, one->source, slice_of(one->cluster));
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
        if (health->freed.items[i].slot == slot)
            health->freed.items[i--] = health->freed.items[--health->freed.count];
}

void health_free_slot(struct health *health, size_t slot)
{
    VECTOR_PUSH(&health->freed, ((struct freed_slot){slot, 0}));
}

/* --- what is to be expected ---------------------------------------------------------------------------------------------------------- */

static void expect_pair(struct health *health, size_t source, const char *cluster)
{
    struct pair *pair = health_pair(health, source, slice_of(cluster));
    pair->expected = true;
    hear_pair(health, pair);
}

bool health_learns_clusters(const struct config_source *source)
{
    return source->cluster_from != CONFIG_CLUSTER_FROM_SOURCE || strstr(source->path, "{cluster}");
}

/* What stands for the source as a whole. */
static const char *name_of_whole(const struct config_source *source)
{
    return health_learns_clusters(source) ? "" : source->cluster;
}

/* Clusters that the configuration names are awaited from the start. Where others than it name them, the source is awaited as a whole until the first
 * has come. */
static void expect_source(struct health *health, size_t index)
{
    const struct config_source *source = &health->options.config->sources[index];
    bool unbound = source->client_count == 0;

    for (size_t i = 0; i < source->client_count; i++) {
        if (source->clients[i].cluster[0])
            expect_pair(health, index, source->clients[i].cluster);
        else
            unbound = true;
    }
    for (size_t i = 0; i < source->clusters.count; i++)
        expect_pair(health, index, source->clusters.items[i]);
    if (unbound)
        expect_pair(health, index, name_of_whole(source));
}

struct health *health_new(const struct health_options *options)
{
    struct health *health = xcalloc(1, sizeof *health);

    health->options = *options;
    health->started = health->now = options->monotonic;
    health->wall = options->wall;
    health->by_key = map_new();
    health->names = health_names_new((size_t)options->config->health.unknown_clusters / 2);
    for (size_t i = 0; i < ALERT_NOTICE_COUNT; i++)
        health->rates[i] = (struct tell_rate){.left = (double)options->config->health.notices, .filled = options->monotonic};
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
    VECTOR_FREE(&health->summary.pairs);
    health_names_free(health->names);
    map_free(health->by_key, NULL);
    buffer_free(&health->key);
    free(health->named);
    free(health);
}

/* --- what workers have noticed ---------------------------------------------------------------------------------------------------------- */

static struct blind *find_or_make_blind(struct health *health, struct pair *pair, struct slice rule, struct slice resource, enum watch_why why,
                                        size_t most)
{
    if (!pair->blind_by_key)
        pair->blind_by_key = map_new();
    watch_blind_key(&health->key, why, resource, rule);
    struct blind *blind = map_get(pair->blind_by_key, buffer_slice(&health->key));
    if (blind || pair->blind.count >= most || (health->blind_count >= BLIND_MAX && rule.length))
        return blind;
    blind = xcalloc(1, sizeof *blind);
    blind->rule = xstrndup(rule.length ? rule.bytes : "", rule.length);
    blind->resource = xstrndup(resource.length ? resource.bytes : "", resource.length);
    blind->why = why;
    health->blind_count++;
    VECTOR_PUSH(&pair->blind, blind);
    map_put(pair->blind_by_key, buffer_slice(&health->key), blind);
    return blind;
}

struct blind *health_blind(struct health *health, struct pair *pair, struct slice rule, struct slice resource, enum watch_why why)
{
    struct blind *blind = find_or_make_blind(health, pair, rule, resource, why, WATCH_BLIND_MAX);

    if (!blind && resource.length)
        blind = find_or_make_blind(health, pair, rule, SLICE(""), why, 2 * (size_t)WATCH_BLIND_MAX);
    return blind ? blind : find_or_make_blind(health, pair, SLICE(""), SLICE(""), why, SIZE_MAX);
}

static void count_total(struct health *health, struct pair *pair, const struct watch_blind *from)
{
    struct blind_total *total = NULL;

    if (!pair->total_by_key)
        pair->total_by_key = map_new();
    for (const char *rule = from->rule; !total; rule = "") {
        watch_blind_key(&health->key, from->why, SLICE(""), slice_of(rule));
        total = map_get(pair->total_by_key, buffer_slice(&health->key));
        bool fits = pair->blind_totals.count < WATCH_BLIND_MAX && health->blind_count < BLIND_MAX;
        if (total || (rule[0] && !fits))
            continue;
        total = xcalloc(1, sizeof *total);
        total->rule = xstrndup(rule, strlen(rule));
        total->why = from->why;
        health->blind_count++;
        VECTOR_PUSH(&pair->blind_totals, total);
        map_put(pair->total_by_key, buffer_slice(&health->key), total);
    }
    total->events += from->events;
}

static void merge_blind(struct health *health, struct pair *pair, const struct map *noticed)
{
    for (size_t i = 0; noticed && i < map_count(noticed); i++) {
        const struct watch_blind *from = map_value_at(noticed, i);
        count_total(health, pair, from);
        struct blind *to = health_blind(health, pair, slice_of(from->rule), slice_of(from->resource), from->why);
        to->seen = health->wall;
        to->noticed = health->now;
        if (to->since == 0) {
            to->since = health->wall;
            to->first = from->first;
        }
    }
}

static void heard_at(struct health *health, struct pair *pair, clock_nanos when)
{
    if (when > pair->heard || !pair->heard_wall)
        pair->heard = when;
    if (when <= pair->event && pair->heard_wall)
        return;
    pair->event = when;
    pair->heard_wall = health->wall - (health->now - when);
}

static void merge_entry(struct health *health, const struct watch_entry *entry)
{
    const struct config_health *limits = &health->options.config->health;
    struct pair *pair = health_pair(health, entry->source, slice_of(entry->cluster));
    struct pair *whole = health_find(health, entry->source, SLICE(""));

    /* who waits for any cluster of the source has waited long enough; an envelope's clusters are not told apart here, they all count as this one */
    if (entry->heard && whole)
        heard_at(health, whole, entry->heard);
    if (entry->heard && pair->others) {
        heard_at(health, pair, entry->heard);
    } else if (entry->heard) {
        hear_pair(health, pair);
        heard_at(health, pair, entry->heard);
    }
    if (entry->timed && !pair->others) {
        skew_note(&pair->skew, &(struct skew_limits){limits->clock_skew, limits->late_after}, entry->lead, health->now);
        if (!pair->hears)
            heard_at(health, pair, health->now);
    }
    pair->truncated += entry->truncated;
    merge_blind(health, pair, entry->blind);
}

/* Nobody vouches for the name; it is known once it was heard for long. */
static void merge_name(struct health *health, const struct watch_name *heard)
{
    const struct health_name *name = health_names_hear(health->names, heard->source, heard->cluster, health->now);
    const char *source = health->options.config->sources[heard->source].name;
    clock_nanos known_after = health->options.config->health.known_after;

    if (!known_after || name->heard_for < known_after) /* at once: clusters_know has seen to it */
        return;
    if (!clusters_add(health->options.clusters, heard->source, slice_of(heard->cluster)))
        return;
    health_names_remove(health->names, heard->source, heard->cluster);
    log_write_fields(LOG_LEVEL_NOTICE, LOG_FIELDS({LOG_FIELD_SOURCE, slice_of(source)}, {LOG_FIELD_CLUSTER, slice_of(heard->cluster)}),
                     "health: cluster %s of source `%s` has been heard for so long that it is watched from now on", heard->cluster, source);
}

void health_merge(struct health *health, const struct watch_batch *batch)
{
    for (size_t i = 0; batch->entries && i < map_count(batch->entries); i++)
        merge_entry(health, map_value_at(batch->entries, i));
    for (size_t i = 0; batch->names && i < map_count(batch->names); i++)
        merge_name(health, map_value_at(batch->names, i));
    health->names_dropped += batch->dropped;
}

void health_note_losses(struct health *health, size_t source, uint64_t losses)
{
    struct pair *pair = losses ? health_pair(health, source, slice_of(name_of_whole(&health->options.config->sources[source]))) : NULL;

    if (!pair || losses <= pair->losses)
        return;
    pair->losses = losses;
    if (!pair->losses_since)
        pair->losses_since = health->wall;
}

/* --- episodes --------------------------------------------------------------------------------------------------------------------------- */

void health_begin_episode(const struct health *health, struct episode *episode, clock_nanos age)
{
    if (episode->open)
        episode->over = false; /* it is back before its end was told */
    else
        *episode = (struct episode){.open = true, .since = health->wall - age, .began = health->now - age};
}

void health_end_episode(struct episode *episode, clock_nanos when, clock_nanos at)
{
    if (!episode->open || episode->over)
        return;
    episode->over = true;
    episode->over_at = when;
    episode->ended = at;
}

static void judge_episode(const struct health *health, struct episode *episode, bool holds)
{
    if (holds)
        health_begin_episode(health, episode, 0);
    else
        health_end_episode(episode, health->wall, health->now);
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
    judge_episode(health, clock, pair->skew.ahead);
    judge_episode(health, late, pair->skew.late);
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

void health_away(struct health *health, clock_nanos passed)
{
    for (size_t i = 0; i < health->pairs.count; i++) {
        struct pair *pair = health->pairs.items[i];
        pair->event -= passed;
        pair->returned_event -= passed;
        for (size_t kind = 0; kind < EPISODES; kind++) {
            pair->episodes[kind].began -= passed;
            pair->episodes[kind].ended -= passed;
        }
    }
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
            forget_pair(health, i--);
            continue;
        }
        if (pair->others)
            continue;
        health_judge_silence(health, pair);
        judge_skew(health, pair);
        judge_blind(health, pair);
        health_tell(health, pair);
    }
    health_tell_summaries(health);
}
