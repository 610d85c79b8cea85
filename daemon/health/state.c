/* SPDX-License-Identifier: Apache-2.0 */
/* What a restart must not forget: which clusters there are, for how long each has been silent, and what was told already. One JSON object for each
 * source and cluster, in a numbered slot of the store. Times that the daemon was down do not count as silence: nobody could have been heard. */
#include "internal.h"

#include "harrier/json.h"
#include "harrier/submission.h"

static const char *const episode_names[EPISODES] = {
    [ALERT_NOTICE_SILENT] = "silent", [ALERT_NOTICE_CLOCK] = "clock", [ALERT_NOTICE_LATE] = "late"};
/* Told in a summary. */
static const char *const summed_names[EPISODES] = {
    [ALERT_NOTICE_SILENT] = "silent_summed", [ALERT_NOTICE_CLOCK] = "clock_summed", [ALERT_NOTICE_LATE] = "late_summed"};
static const char *const age_names[EPISODES] = {
    [ALERT_NOTICE_SILENT] = "silent_for", [ALERT_NOTICE_CLOCK] = "clock_for", [ALERT_NOTICE_LATE] = "late_for"};

/* Is it known to have been told once what is being told has been stored? */
static bool will_be_told(const struct pair *pair, enum alert_notice_kind kind, bool with_telling)
{
    const struct telling *telling = &pair->telling;

    if (with_telling && telling->kind == kind)
        return !telling->over;
    return pair->episodes[kind].open && pair->episodes[kind].told;
}

static bool will_be_summed(const struct pair *pair, enum alert_notice_kind kind, bool with_telling)
{
    return with_telling && pair->telling.kind == kind ? pair->telling.summed : pair->episodes[kind].summed;
}

static bool rule_will_be_told(const struct pair *pair, const struct blind *blind, bool with_telling)
{
    const struct telling *telling = &pair->telling;

    if (blind->told)
        return true;
    if (!with_telling || telling->kind != ALERT_NOTICE_BLIND)
        return false;
    for (size_t i = 0; i < telling->rules.count; i++)
        if (telling->rules.items[i] == blind)
            return true;
    return false;
}

static void write_blind(const struct health *health, const struct pair *pair, bool with_telling, struct json_writer *writer, const struct buffer *out)
{
    enum { ROOM = 160 };

    json_key(writer, "blind");
    json_begin_array(writer);
    for (size_t i = 0; i < pair->blind.count; i++) {
        const struct blind *blind = pair->blind.items[i];
        if (!blind->since || !rule_will_be_told(pair, blind, with_telling))
            continue;
        /* what does not fit may be told a second time after a restart */
        if (out->length + 6 * (strlen(blind->rule) + strlen(blind->resource)) + ROOM > SUBMISSION_POSITION_MAX)
            break;
        json_begin_object(writer);
        json_put_text(writer, "rule", blind->rule);
        if (blind->resource[0])
            json_put_text(writer, "resource", blind->resource);
        json_put_text(writer, "why", watch_why_name(blind->why));
        json_put_int(writer, "since", blind->since);
        json_put_int(writer, "seen", blind->seen);
        json_put_int(writer, "unseen", health->now - blind->noticed);
        json_end_object(writer);
    }
    json_end_array(writer);
}

void health_write_state(const struct health *health, const struct pair *pair, bool with_telling, struct buffer *out)
{
    struct json_writer *writer = json_writer_new(out, false);

    json_begin_object(writer);
    json_put_text(writer, "source", health_source(health, pair)->name);
    json_put_text(writer, "cluster", pair->cluster);
    json_put_bool(writer, "hears", pair->hears);
    json_put_int(writer, "heard", pair->heard_wall);
    json_put_int(writer, "quiet", health->now - pair->heard);
    json_put_int(writer, "event_age", health->now - pair->event);
    if (pair->left)
        json_put_bool(writer, "left", true);
    for (size_t kind = 0; kind < EPISODES; kind++)
        if (episode_names[kind] && will_be_told(pair, (enum alert_notice_kind)kind, with_telling)) {
            json_put_int(writer, episode_names[kind], pair->episodes[kind].since);
            json_put_int(writer, age_names[kind], health->now - pair->episodes[kind].began);
            if (pair->episodes[kind].moved)
                json_put_text(writer, "moved_to", pair->episodes[kind].by);
            if (will_be_summed(pair, (enum alert_notice_kind)kind, with_telling))
                json_put_bool(writer, summed_names[kind], true);
        }
    json_put_int(writer, "lead", pair->skew.lead);
    write_blind(health, pair, with_telling, writer, out);
    json_end_object(writer);
    json_writer_free(writer);
}

/* --- names that are not known yet ---------------------------------------------------------------------------------------------------- */

/* Names go into parts of as many as a position holds. */
struct names_writer {
    const struct health *health;
    struct buffer text;
    struct json_writer *writer;
    size_t part;
    health_store *store;
    void *context;
};

static void begin_part(struct names_writer *names)
{
    buffer_reset(&names->text, SUBMISSION_POSITION_MAX);
    names->writer = json_writer_new(&names->text, false);
    json_begin_array(names->writer);
}

static void end_part(struct names_writer *names)
{
    json_end_array(names->writer);
    json_writer_free(names->writer);
    names->store(names->context, names->part++, buffer_slice(&names->text));
}

/* Those that were heard for a while: names made for a moment need no restart to be forgotten. */
static void write_name(void *context, const struct health_name *name)
{
    enum { SMALLEST_PART = 24, ROOM = 256 };
    struct names_writer *names = context;
    const char *source = names->health->options.config->sources[name->source].name;

    if (name->heard_for * SMALLEST_PART < names->health->options.config->health.known_after)
        return;
    if (names->text.length + strlen(source) + strlen(name->cluster) * 6 + ROOM > SUBMISSION_POSITION_MAX) {
        end_part(names);
        begin_part(names);
    }
    json_begin_object(names->writer);
    json_put_text(names->writer, "source", source);
    json_put_text(names->writer, "cluster", name->cluster);
    json_put_int(names->writer, "heard", name->heard_for);
    json_end_object(names->writer);
}

static void save_names(struct health *health, health_store *store, void *context)
{
    struct names_writer names = {.health = health, .store = store, .context = context};

    begin_part(&names);
    health_names_each(health->names, write_name, &names);
    end_part(&names);
    for (size_t i = names.part; i < health->name_parts; i++)
        store(context, i, SLICE(""));
    if (names.part > health->name_parts)
        health->name_parts = names.part;
    buffer_free(&names.text);
}

uint64_t health_save(struct health *health, health_store *store, health_store *names, void *context)
{
    struct buffer state = {NULL, 0, 0};

    health->saves++;
    for (size_t i = 0; i < health->pairs.count; i++) {
        struct pair *pair = health->pairs.items[i];
        if (pair->telling.under_way || pair->others)
            continue; /* its state is on the way already, and says more; or there is none */
        health_take_slot(health, pair);
        state.length = 0;
        health_write_state(health, pair, false, &state);
        store(context, (size_t)pair->slot, buffer_slice(&state));
    }
    for (size_t i = 0; i < health->freed.count; i++) {
        health->freed.items[i].save = health->saves;
        store(context, health->freed.items[i].slot, SLICE(""));
    }
    save_names(health, names, context);
    buffer_free(&state);
    return health->saves;
}

void health_saved(struct health *health, uint64_t save)
{
    for (size_t i = 0; i < health->freed.count; i++)
        if (health->freed.items[i].save && health->freed.items[i].save <= save)
            health->freed.items[i--] = health->freed.items[--health->freed.count];
}

/* --- restoring -------------------------------------------------------------------------------------------------------------------------- */

static clock_nanos number_of(const struct json_node *object, const char *name)
{
    const struct json_node *node = json_member(object, name);
    int64_t number = 0;

    if (json_is(node, JSON_NUMBER))
        slice_to_int64(node->text, &number);
    return number;
}

static bool source_named(const struct health *health, struct slice name, size_t *index)
{
    for (*index = 0; *index < health->options.config->source_count; ++*index)
        if (slice_is(name, health->options.config->sources[*index].name))
            return true;
    return false;
}

static void restore_blind(struct health *health, struct pair *pair, const struct json_node *list)
{
    for (const struct json_node *one = list ? list->first : NULL; one; one = one->next) {
        for (int why = 0; why < WATCH_WHY_COUNT; why++) {
            if (!slice_is(json_string(json_member(one, "why")), watch_why_name((enum watch_why)why)))
                continue;
            clock_nanos unseen = number_of(one, "unseen");
            struct blind *blind = health_blind(health, pair, json_string(json_member(one, "rule")),
                                               json_string(json_member(one, "resource")), (enum watch_why)why);
            blind->since = number_of(one, "since");
            blind->seen = number_of(one, "seen");
            blind->noticed = health->now - (unseen > 0 ? unseen : 0);
            blind->told = true;
        }
    }
}

/* How long ago it was when the state was stored; in a state that does not say so, by the wall clock. */
static clock_nanos age_of(const struct health *health, const struct json_node *state, const char *name, clock_nanos wall)
{
    clock_nanos age = json_member(state, name) ? number_of(state, name) : health->wall - wall - health->options.away;
    return (age > 0 ? age : 0) + health->options.away;
}

static void restore_episode(const struct health *health, struct pair *pair, enum alert_notice_kind kind, const struct json_node *state)
{
    clock_nanos since = number_of(state, episode_names[kind]);
    const struct json_node *moved = kind == ALERT_NOTICE_SILENT ? json_member(state, "moved_to") : NULL;
    size_t source;

    pair->episodes[kind] = (struct episode){.open = true,
                                            .told = true,
                                            .summed = json_member(state, summed_names[kind]) != NULL,
                                            .moved = moved != NULL,
                                            .since = since,
                                            .began = health->now - age_of(health, state, age_names[kind], since)};
    if (moved)
        pair->episodes[kind].by = source_named(health, json_string(moved), &source) ? health->options.config->sources[source].name : "";
}

static void restore_pair(struct health *health, struct pair *pair, const struct json_node *state)
{
    const struct json_node *hears = json_member(state, "hears");
    clock_nanos quiet = number_of(state, "quiet");

    if (json_is(hears, JSON_BOOL) && hears->boolean && !pair->hears) {
        pair->hears = true;
        health->named[pair->source] += pair->cluster[0] != '\0';
    }
    pair->heard_wall = number_of(state, "heard");
    pair->heard = health->now - (quiet > 0 ? quiet : 0);
    pair->event = health->now - age_of(health, state, "event_age", pair->heard_wall ? pair->heard_wall : health->wall - quiet);
    pair->left = json_member(state, "left") != NULL;
    for (size_t kind = 0; kind < EPISODES; kind++)
        if (episode_names[kind] && json_member(state, episode_names[kind]))
            restore_episode(health, pair, (enum alert_notice_kind)kind, state);
    pair->skew.lead = number_of(state, "lead");
    pair->skew.ahead = pair->episodes[ALERT_NOTICE_CLOCK].open;
    pair->skew.late = pair->episodes[ALERT_NOTICE_LATE].open;
    restore_blind(health, pair, json_member(state, "blind"));
}

/* Its silence would be no news: it never came in here, or the configuration lets it come in here no more. */
static bool is_past(const struct health *health, size_t source, const struct json_node *state)
{
    const struct json_node *hears = json_member(state, "hears");

    if (!json_is(hears, JSON_BOOL) || !hears->boolean)
        return false;
    return number_of(state, "heard") == 0 || !health_learns_clusters(&health->options.config->sources[source]);
}

/* It was known; NULL: it is of the past, or there are too many by now. */
static struct pair *restored_pair(struct health *health, size_t source, const struct json_node *state)
{
    struct slice cluster = json_string(json_member(state, "cluster"));

    if (!health_find(health, source, cluster) && is_past(health, source, state))
        return NULL;
    bool known = clusters_know(health->options.clusters, source, cluster, false) || clusters_add(health->options.clusters, source, cluster);
    return known ? health_pair(health, source, cluster) : NULL;
}

bool health_restore(struct health *health, size_t slot, struct slice text)
{
    struct arena *arena = arena_new(SUBMISSION_POSITION_MAX);
    struct json_node *state = NULL;
    struct pair *pair = NULL;
    size_t source;

    while (health->slots.count <= slot)
        VECTOR_PUSH(&health->slots, NULL);
    if (text.length && json_tree_parse(arena, text, &json_default_limits, &state, NULL) == RESULT_OK &&
        source_named(health, json_string(json_member(state, "source")), &source))
        pair = restored_pair(health, source, state);
    if (pair && pair->slot == NO_SLOT) {
        pair->slot = (int64_t)slot;
        health->slots.items[slot] = pair;
        restore_pair(health, pair, state);
    } else if (text.length) {
        health_free_slot(health, slot);
        pair = NULL;
    }
    arena_free(arena);
    return pair != NULL;
}

void health_restore_names(struct health *health, size_t part, struct slice text)
{
    struct arena *arena = arena_new(SUBMISSION_POSITION_MAX);
    struct json_node *names = NULL;
    size_t source;

    if (part >= health->name_parts)
        health->name_parts = part + 1;
    if (json_tree_parse(arena, text, &json_default_limits, &names, NULL) == RESULT_OK && json_is(names, JSON_ARRAY))
        for (const struct json_node *one = names->first; one; one = one->next) {
            struct slice cluster = json_string(json_member(one, "cluster"));
            if (!cluster.length || !source_named(health, json_string(json_member(one, "source")), &source))
                continue;
            char *name = xstrndup(cluster.bytes, cluster.length);
            health_names_restore(health->names, source, name, number_of(one, "heard"));
            free(name);
        }
    arena_free(arena);
}
