/* SPDX-License-Identifier: Apache-2.0 */
/* An arena: memory of one event or one rule file, given back at once. Not thread-safe: each belongs to one thread. */
#ifndef HARRIER_ARENA_H
#define HARRIER_ARENA_H

#include "harrier/slice.h"

#include <stddef.h>

struct arena;

/* chunk_bytes: size of the first block, kept over resets. */
struct arena *arena_new(size_t chunk_bytes);
void arena_free(struct arena *arena);
/* Told before the arena takes a block beyond its first (bytes), and when it has given some back (negative): for budgets. One at a time. */
typedef void arena_watcher(void *context, ptrdiff_t bytes);
void arena_watch(struct arena *arena, arena_watcher *watcher, void *context);
/* All that was allocated is gone; the first block is kept, larger ones go back to the system. */
void arena_reset(struct arena *arena);
/* Aligned for any type, not zeroed; never NULL. */
void *arena_alloc(struct arena *arena, size_t size) __attribute__((returns_nonnull));
void *arena_calloc(struct arena *arena, size_t count, size_t size) __attribute__((returns_nonnull));
/* A copy of the bytes, with a NUL after them that the slice does not count. */
struct slice arena_copy(struct arena *arena, struct slice slice);
/* A NUL-terminated copy. */
char *arena_strdup(struct arena *arena, struct slice slice) __attribute__((returns_nonnull));
/* printf into the arena. */
struct slice arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Bytes handed out since the last reset, for budgets. */
size_t arena_used(const struct arena *arena);

#define ARENA_NEW(arena, type) ((type *)arena_calloc((arena), 1, sizeof(type)))

#endif
