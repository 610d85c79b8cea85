/* SPDX-License-Identifier: Apache-2.0 */
#include "gap.h"

#include "harrier/base/arena.h"
#include "harrier/json.h"
#include "harrier/base/memory.h"

#include <stdlib.h>
#include <string.h>

enum { STATE_ARENA_BYTES = 2048 };

static const clock_nanos day = 86400 * CLOCK_SECOND;

struct gap {
    struct counted_state now;
    clock_nanos monotonic; /* of the last tick; 0: none yet */
    clock_nanos away;
    clock_nanos taken; /* boot: when a batch could be acknowledged last */
    struct gap_span untold, shown; /* from and to are 0: none */
    clock_nanos shown_since;       /* boot */
};

static clock_nanos not_negative(clock_nanos time)
{
    return time > 0 ? time : 0;
}

static clock_nanos number_of(const struct json_node *object, const char *name)
{
    const struct json_node *node = json_member(object, name);
    int64_t number = 0;

    if (json_is(node, JSON_NUMBER))
        slice_to_int64(node->text, &number);
    return number;
}

static void restore(struct gap *gap, const struct json_node *state)
{
    bool same_boot = gap->now.boot_id[0] && slice_is(json_string(json_member(state, "boot_id")), gap->now.boot_id);
    clock_nanos passed = same_boot ? gap->now.boot - number_of(state, "boot") : gap->now.wall - number_of(state, "wall");

    gap->away = not_negative(passed);
    gap->taken = gap->now.boot - gap->away - not_negative(number_of(state, "not_taken_for"));
    gap->untold = (struct gap_span){number_of(state, "untold_from"), number_of(state, "untold_to")};
    gap->shown = (struct gap_span){number_of(state, "from"), number_of(state, "to")};
    gap->shown_since = gap->now.boot - gap->away - not_negative(number_of(state, "shown_for"));
}

struct gap *gap_new(const struct counted_state *now, struct slice stored)
{
    struct gap *gap = xcalloc(1, sizeof *gap);
    struct arena *arena = arena_new(STATE_ARENA_BYTES);
    struct json_node *state = NULL;

    gap->now = *now;
    gap->taken = now->boot;
    if (stored.length && json_tree_parse(arena, stored, &json_default_limits, &state, NULL) == RESULT_OK && json_is(state, JSON_OBJECT))
        restore(gap, state);
    arena_free(arena);
    return gap;
}

void gap_free(struct gap *gap)
{
    free(gap);
}

clock_nanos gap_away(const struct gap *gap)
{
    return gap->away;
}

static void note_gap(struct gap *gap, clock_nanos length)
{
    if (!gap->untold.to)
        gap->untold.from = gap->now.wall - length;
    gap->untold.to = gap->now.wall;
}

clock_nanos gap_tick(struct gap *gap, const struct counted_state *now, clock_nanos monotonic, bool accepting)
{
    clock_nanos slept = gap->monotonic ? (now->boot - gap->now.boot) - (monotonic - gap->monotonic) : 0;

    gap->now = *now;
    gap->monotonic = monotonic;
    if (accepting) {
        if (now->boot - gap->taken > GAP_PATIENCE)
            note_gap(gap, now->boot - gap->taken);
        gap->taken = now->boot;
    }
    return slept > CLOCK_SECOND ? slept : 0;
}

bool gap_untold(const struct gap *gap, struct gap_span *span)
{
    *span = gap->untold;
    return gap->untold.to != 0;
}

void gap_told(struct gap *gap, const struct gap_span *span)
{
    gap->shown = *span;
    gap->shown_since = gap->now.boot;
    if (gap->untold.to == span->to)
        gap->untold = (struct gap_span){0, 0};
}

bool gap_shown(const struct gap *gap, struct gap_span *span)
{
    *span = gap->shown;
    return gap->shown.to != 0 && gap->now.boot - gap->shown_since < day;
}

void gap_write(const struct gap *gap, bool told, struct buffer *out)
{
    struct json_writer *writer = json_writer_new(out, false);
    bool is_new = told && gap->untold.to;
    const struct gap_span *shown = is_new ? &gap->untold : &gap->shown;

    json_begin_object(writer);
    json_put_int(writer, "wall", gap->now.wall);
    json_put_int(writer, "boot", gap->now.boot);
    json_put_text(writer, "boot_id", gap->now.boot_id);
    json_put_int(writer, "not_taken_for", gap->now.boot - gap->taken);
    if (!told && gap->untold.to) {
        json_put_int(writer, "untold_from", gap->untold.from);
        json_put_int(writer, "untold_to", gap->untold.to);
    }
    if (shown->to) {
        json_put_int(writer, "from", shown->from);
        json_put_int(writer, "to", shown->to);
        json_put_int(writer, "shown_for", is_new ? 0 : gap->now.boot - gap->shown_since);
    }
    json_end_object(writer);
    json_writer_free(writer);
}
