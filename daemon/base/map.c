/* SPDX-License-Identifier: Apache-2.0 */
#include "harrier/base/map.h"

#include "harrier/base/memory.h"
#include "harrier/base/vector.h"

/* Open addressing over indices into an array of entries, so that iteration follows insertion and entries stay dense.
 * There is no removal: maps here hold configuration and rules, which are built once. */
struct entry {
    char *key;
    size_t key_length;
    uint64_t hash;
    void *value;
};

struct map {
    VECTOR(struct entry) entries;
    uint32_t *slots; /* index + 1, or 0 where free */
    size_t slot_count; /* a power of two */
};

struct map *map_new(void)
{
    struct map *map = xcalloc(1, sizeof *map);
    map->slot_count = 16;
    map->slots = xcalloc(map->slot_count, sizeof *map->slots);
    return map;
}

void map_free(struct map *map, void (*free_value)(void *value))
{
    if (!map)
        return;
    for (size_t i = 0; i < map->entries.count; i++) {
        free(map->entries.items[i].key);
        if (free_value)
            free_value(map->entries.items[i].value);
    }
    VECTOR_FREE(&map->entries);
    free(map->slots);
    free(map);
}

/* The slot that holds the key, or the free one where it would go. */
static size_t find_slot(const struct map *map, struct slice key, uint64_t hash)
{
    size_t slot = hash & (map->slot_count - 1);
    while (map->slots[slot]) {
        const struct entry *entry = &map->entries.items[map->slots[slot] - 1];
        if (entry->hash == hash && slice_equal(slice_make(entry->key, entry->key_length), key))
            break;
        slot = (slot + 1) & (map->slot_count - 1);
    }
    return slot;
}

static void grow(struct map *map)
{
    free(map->slots);
    map->slot_count *= 2;
    map->slots = xcalloc(map->slot_count, sizeof *map->slots);
    for (size_t i = 0; i < map->entries.count; i++) {
        size_t slot = map->entries.items[i].hash & (map->slot_count - 1);
        while (map->slots[slot])
            slot = (slot + 1) & (map->slot_count - 1);
        map->slots[slot] = (uint32_t)i + 1;
    }
}

void *map_get(const struct map *map, struct slice key)
{
    size_t slot = find_slot(map, key, slice_hash(key));
    return map->slots[slot] ? map->entries.items[map->slots[slot] - 1].value : NULL;
}

void *map_put(struct map *map, struct slice key, void *value)
{
    uint64_t hash = slice_hash(key);
    size_t slot = find_slot(map, key, hash);

    if (map->slots[slot]) {
        struct entry *entry = &map->entries.items[map->slots[slot] - 1];
        void *before = entry->value;
        entry->value = value;
        return before;
    }
    VECTOR_PUSH(&map->entries, ((struct entry){xstrndup(key.bytes, key.length), key.length, hash, value}));
    map->slots[slot] = (uint32_t)map->entries.count;
    if (map->entries.count * 2 > map->slot_count)
        grow(map);
    return NULL;
}

size_t map_count(const struct map *map)
{
    return map->entries.count;
}

struct slice map_key_at(const struct map *map, size_t index)
{
    return slice_make(map->entries.items[index].key, map->entries.items[index].key_length);
}

void *map_value_at(const struct map *map, size_t index)
{
    return map->entries.items[index].value;
}
