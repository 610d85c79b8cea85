/* SPDX-License-Identifier: Apache-2.0 */
/* A hash map from bytes to a pointer. Keys are copied; values belong to the caller. Insertion order is kept. */
#ifndef HARRIER_MAP_H
#define HARRIER_MAP_H

#include "harrier/base/slice.h"

struct map;

struct map *map_new(void);
/* free_value may be NULL. */
void map_free(struct map *map, void (*free_value)(void *value));
/* The value under the key, or NULL. */
void *map_get(const struct map *map, struct slice key);
/* Puts the value under the key, and gives back the one that was there, or NULL. */
void *map_put(struct map *map, struct slice key, void *value);
size_t map_count(const struct map *map);
/* Entry at index (0 .. count-1) in the order of insertion. */
struct slice map_key_at(const struct map *map, size_t index);
void *map_value_at(const struct map *map, size_t index);

#endif
