/* SPDX-License-Identifier: Apache-2.0 */
#include "event_memory.h"

#include "harrier/json.h"

/* What is usual: so much for each value, and so many times the text, for copies of strings and for the texts of alerts. */
enum { SMALL_EVENT_BYTES = 16 * 1024, VALUE_BYTES = 240, COPY_FACTOR = 2, TEXT_FACTOR = 4 };

static bool is_at_its_end(const struct event_memory *memory, size_t more)
{
    uint64_t limit = budget_limit(memory->budget);
    return limit && memory->beside + memory->charged + more > limit - limit / 8;
}

static bool take(struct event_memory *memory, size_t bytes)
{
    bool at_end = is_at_its_end(memory, bytes);

    if (!at_end && budget_take_for_work(memory->budget, bytes, memory->charged, memory->patient)) {
        memory->charged += bytes;
        return true;
    }
    memory->starved = true;
    memory->starved_for_good = memory->starved_for_good || at_end;
    return false;
}

static bool take_for(struct event_memory *memory, size_t wanted, bool must)
{
    size_t needed = wanted + (must ? 0 : memory->kept_back);

    if (needed <= memory->charged || take(memory, needed - memory->charged))
        return true;
    if (!must && wanted > memory->grace)
        return false;
    if (wanted > memory->charged) {
        budget_take_always_for_work(memory->budget, wanted - memory->charged);
        memory->charged = wanted;
    }
    return true;
}

/* The arena's watcher. */
static bool hold(void *context, ptrdiff_t bytes, bool must)
{
    struct event_memory *memory = context;
    size_t wanted = (size_t)((ptrdiff_t)memory->held + bytes);

    if (memory->budget && bytes > 0 && !take_for(memory, wanted, must))
        return false;
    memory->held = wanted;
    return true;
}

void event_memory_init(struct event_memory *memory, struct arena *arena)
{
    *memory = (struct event_memory){.arena = arena};
    arena_watch(arena, hold, memory);
}

void event_memory_begin(struct event_memory *memory, struct budget *budget, uint64_t beside, bool patient)
{
    memory->budget = budget;
    memory->beside = beside;
    memory->patient = patient;
    memory->kept_back = 0;
    memory->grace = 0;
    memory->starved = false;
    memory->starved_for_good = false;
}

bool event_memory_reserve(struct event_memory *memory, struct slice text)
{
    if (!memory->budget || text.length <= SMALL_EVENT_BYTES)
        return true;
    size_t texts = TEXT_FACTOR * text.length, usual = texts + COPY_FACTOR * text.length + VALUE_BYTES * json_most_values(text);
    uint64_t half = budget_limit(memory->budget) / 2;
    if (!take(memory, half && usual > half ? (size_t)half : usual))
        return false;
    memory->kept_back = texts;
    return true;
}

void event_memory_grant(struct event_memory *memory, size_t bytes)
{
    memory->grace = memory->held + bytes;
    memory->starved = false;
    arena_go_on(memory->arena);
}

bool event_memory_keep_texts(struct event_memory *memory, struct slice text, bool must)
{
    memory->kept_back = 0;
    return text.length <= SMALL_EVENT_BYTES || hold(memory, (ptrdiff_t)(TEXT_FACTOR * text.length), must);
}

void event_memory_end(struct event_memory *memory)
{
    arena_reset(memory->arena);
    if (memory->charged)
        budget_give_from_work(memory->budget, memory->charged);
    memory->held = 0;
    memory->charged = 0;
    memory->budget = NULL;
}
