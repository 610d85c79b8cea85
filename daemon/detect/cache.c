/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

/* An open-addressed table that is emptied by a new generation, not by writing: an event without rows costs nothing. What it has grown by is the event's,
 * and goes with it. */
struct row_slot {
    uint64_t generation;
    size_t predicate;
    const void *element;
    struct cached_answer answer;
};

struct row_cache {
    uint64_t generation;
    struct row_slot *slots;
    size_t slot_count; /* a power of two */
    size_t used;
};

enum { FIRST_SLOTS = 256 };

struct row_cache *row_cache_new(void)
{
    struct row_cache *cache = xcalloc(1, sizeof *cache);
    cache->generation = 1;
    cache->slot_count = FIRST_SLOTS;
    cache->slots = xcalloc(cache->slot_count, sizeof *cache->slots);
    return cache;
}

void row_cache_free(struct row_cache *cache)
{
    if (!cache)
        return;
    free(cache->slots);
    free(cache);
}

void row_cache_clear(struct row_cache *cache)
{
    cache->generation++;
    cache->used = 0;
    if (cache->slot_count == FIRST_SLOTS)
        return;
    free(cache->slots);
    cache->slot_count = FIRST_SLOTS;
    cache->slots = xcalloc(cache->slot_count, sizeof *cache->slots);
}

static size_t slot_of(const struct row_cache *cache, size_t predicate, const void *element)
{
    uint64_t hash = ((uint64_t)(uintptr_t)element ^ (uint64_t)predicate * 0x9e3779b97f4a7c15u) * 0xff51afd7ed558ccdu;
    return (size_t)(hash >> 32) & (cache->slot_count - 1);
}

/* False: the arena is full. */
static bool grow(struct row_cache *cache, struct arena *arena)
{
    struct row_slot *old = cache->slots;
    size_t old_count = cache->slot_count;

    if (arena_is_full(arena) || !arena_charge(arena, 2 * old_count * sizeof *old))
        return false;
    cache->slot_count *= 2;
    cache->slots = xcalloc(cache->slot_count, sizeof *cache->slots);
    for (size_t i = 0; i < old_count; i++) {
        if (old[i].generation != cache->generation)
            continue;
        size_t at = slot_of(cache, old[i].predicate, old[i].element);
        while (cache->slots[at].generation == cache->generation)
            at = (at + 1) & (cache->slot_count - 1);
        cache->slots[at] = old[i];
    }
    free(old);
    return true;
}

struct cached_answer *row_cache_slot(struct row_cache *cache, struct arena *arena, size_t predicate, const void *element, bool *found)
{
    *found = false;
    if (cache->used * 2 >= cache->slot_count && !grow(cache, arena) && cache->used * 8 >= cache->slot_count * 7)
        return NULL;
    size_t at = slot_of(cache, predicate, element);
    while (cache->slots[at].generation == cache->generation) {
        if (cache->slots[at].predicate == predicate && cache->slots[at].element == element) {
            *found = true;
            return &cache->slots[at].answer;
        }
        at = (at + 1) & (cache->slot_count - 1);
    }
    *found = false;
    cache->slots[at] = (struct row_slot){.generation = cache->generation, .predicate = predicate, .element = element};
    cache->used++;
    return &cache->slots[at].answer;
}
