/* SPDX-License-Identifier: Apache-2.0 */
/* What a restart must not forget: which clusters there are, for how long each has been silent, and what was told already. One JSON object for each
 * source and cluster, in a numbered slot of the store. Times that the daemon was down do not count as silence: nobody could have been heard. */
#include "health_internal.h"

#include "harrier/json.h"
#include "harrier/submission.h"

static const char *const episode_names[EPISODES] = {
    [ALERT_NOTICE_SILENT] = "silent", [ALERT_NOTICE_CLOCK] = "clock", [ALERT_NOTICE_LATE] = "late"};

/* Is it known to have been told once what is being told has been stored? */
static bool will_be_told(const struct pair *pair, enum alert_notice_kind kind, bool with_telling)
{
    const struct telling *telling = &pair->telling;

    if (with_telling && telling->kind == kind)
        return !telling->over;
    return pair->episodes[kind].open && pair->episodes[kind].told;
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
    enum { ROOM = 128 };

    json_key(writer, "blind");
    json_begin_array(writer);
    for (size_t i = 0; i < pair->blind.count; i++) {
        const struct blind *blind = pair->blind.items[i];
        if (!blind->since || !rule_will_be_told(pair, blind, with_telling))
            continue;
        /* what does not fit may be told a second time after a restart */
        if (out->length + 6 * strlen(blind->rule) + ROOM > SUBMISSION_POSITION_MAX)
            break;
        json_begin_object(writer);
        json_put_text(writer, "rule", blind->rule);
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
    for (size_t kind = 0; kind < EPISODES; kind++)
        if (episode_names[kind] && will_be_told(pair, (enum alert_notice_kind)kind, with_telling))
            json_put_int(writer, episode_names[kind], pair->episodes[kind].since);
    json_put_int(writer, "lead", pair->skew.lead);
    write_blind(health, pair, with_telling, writer, out);
    json_end_object(writer);
    json_writer_free(writer);
}

void health_save(struct health *health, health_store *store, void *context)
{
    struct buffer state = {NULL, 0, 0};

    for (size_t i = 0; i < health->pairs.count; i++) {
        struct pair *pair = health->pairs.items[i];
        if (pair->telling.under_way)
            continue; /* its state is on the way already, and says more */
        health_take_slot(health, pair);
        state.length = 0;
        health_write_state(health, pair, false, &state);
        store(context, (size_t)pair->slot, buffer_slice(&state));
    }
    for (size_t i = 0; i < health->freed.count; i++)
        store(context, health->freed.items[i], SLICE(""));
    health->freed.count = 0;
    buffer_free(&state);
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
            struct blind *blind = health_blind(health, pair, json_string(json_member(one, "rule")), (enum watch_why)why);
            blind->since = number_of(one, "since");
            blind->seen = number_of(one, "seen");
            blind->noticed = health->now - (unseen > 0 ? unseen : 0);
            blind->told = true;
        }
    }
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
    for (size_t kind = 0; kind < EPISODES; kind++)
        if (episode_names[kind] && json_member(state, episode_names[kind]))
            pair->episodes[kind] = (struct episode){.open = true, .told = true, .since = number_of(state, episode_names[kind])};
    pair->skew.lead = number_of(state, "lead");
    pair->skew.ahead = pair->episodes[ALERT_NOTICE_CLOCK].open;
    pair->skew.late = pair->episodes[ALERT_NOTICE_LATE].open;
    restore_blind(health, pair, json_member(state, "blind"));
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
        pair = health_pair(health, source, json_string(json_member(state, "cluster")));
    if (pair && pair->slot == NO_SLOT) {
        pair->slot = (int64_t)slot;
        health->slots.items[slot] = pair;
        restore_pair(health, pair, state);
    } else if (text.length) {
        VECTOR_PUSH(&health->freed, slot);
        pair = NULL;
    }
    arena_free(arena);
    return pair != NULL;
}
