/* SPDX-License-Identifier: Apache-2.0 */
/* An arena: memory of one event or one rule file, given back at once. Not thread-safe: each belongs to one thread. */
#ifndef HARRIER_ARENA_H
#define HARRIER_ARENA_H

#include "harrier/base/slice.h"

#include <stdbool.h>
#include <stddef.h>

struct arena;

/* chunk_bytes: size of the first block, kept over resets. */
struct arena *arena_new(size_t chunk_bytes);
void arena_free(struct arena *arena);
/* Asked before the arena takes a block beyond its first (bytes), and told when it has given some back (negative): for budgets. False: it may not. Where must
 * is set nobody can do without, and the answer does not count. One at a time. */
typedef bool arena_watcher(void *context, ptrdiff_t bytes, bool must);
void arena_watch(struct arena *arena, arena_watcher *watcher, void *context);
/* All that was allocated is gone; the first block is kept, larger ones go back to the system. */
void arena_reset(struct arena *arena);
/* Aligned for any type, not zeroed; never NULL. */
void *arena_alloc(struct arena *arena, size_t size) __attribute__((returns_nonnull));
void *arena_calloc(struct arena *arena, size_t count, size_t size) __attribute__((returns_nonnull));
/* For what an input can have many of. NULL: the watcher refused; see arena_is_full. */
void *arena_try(struct arena *arena, size_t size);
/* An allocation of before bytes becomes one of size bytes, in place where it can; contents are kept. NULL: refused, and it is as it was. pointer may be NULL
 * where before is 0. */
void *arena_grow(struct arena *arena, void *pointer, size_t before, size_t size);
/* Counts bytes that are held elsewhere for what is in the arena, until it is reset. False: refused. */
bool arena_charge(struct arena *arena, size_t bytes);
/* Was anything refused since the last reset, rewind or call of arena_go_on? Whoever fills the arena in a loop stops then: even what cannot fail is over the
 * bound. */
bool arena_is_full(const struct arena *arena);
void arena_go_on(struct arena *arena);

/* What was allocated since the mark is gone, and the arena is as full as it was. Marks nest; what is older than a mark does not grow until it is rewound. */
struct arena_mark {
    void *block;
    size_t block_used;
    size_t used;
    bool full;
};
struct arena_mark arena_mark(const struct arena *arena);
void arena_rewind(struct arena *arena, struct arena_mark mark);
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
