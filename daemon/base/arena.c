/* SPDX-License-Identifier: Apache-2.0 */
#include "harrier/base/arena.h"

#include "harrier/base/memory.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* A list of blocks, newest first. The oldest has the size that was asked for and survives a reset, so an event of the
 * usual size costs no malloc at all; an unusual one gets blocks that double, and gives them back. */
struct block {
    struct block *older;
    size_t size;
    size_t used;
    max_align_t data[];
};

struct arena {
    struct block *newest;
    size_t used;
    size_t charged; /* bytes elsewhere */
    bool full;
    arena_watcher *watcher; /* NULL: nobody asks */
    void *context;
};

static struct block *block_new(size_t size, struct block *older)
{
    if (size > SIZE_MAX - sizeof(struct block))
        size = SIZE_MAX - sizeof(struct block); /* xmalloc will refuse it */
    struct block *block = xmalloc(sizeof *block + size);
    block->older = older;
    block->size = size;
    block->used = 0;
    return block;
}

struct arena *arena_new(size_t chunk_bytes)
{
    struct arena *arena = xcalloc(1, sizeof *arena);
    arena->newest = block_new(chunk_bytes, NULL);
    return arena;
}

void arena_watch(struct arena *arena, arena_watcher *watcher, void *context)
{
    arena->watcher = watcher;
    arena->context = context;
}

/* May so much be taken? Notes it where not. */
static bool ask_watcher(struct arena *arena, size_t bytes)
{
    bool may = !arena->watcher || arena->watcher(arena->context, (ptrdiff_t)(bytes < PTRDIFF_MAX ? bytes : PTRDIFF_MAX), false);
    arena->full = arena->full || !may;
    return may;
}

static void tell_watcher(struct arena *arena, ptrdiff_t bytes)
{
    if (arena->watcher && bytes)
        arena->watcher(arena->context, bytes, true);
}

/* Frees the blocks that are newer than this one. */
static void free_blocks(struct arena *arena, const struct block *kept, size_t charged)
{
    size_t freed = charged;

    while (arena->newest != kept) {
        struct block *block = arena->newest;
        arena->newest = block->older;
        freed += block->size;
        free(block);
    }
    tell_watcher(arena, -(ptrdiff_t)freed);
}

void arena_reset(struct arena *arena)
{
    const struct block *first = arena->newest;

    while (first->older)
        first = first->older;
    free_blocks(arena, first, arena->charged);
    arena->newest->used = 0;
    arena->used = 0;
    arena->charged = 0;
    arena->full = false;
}

struct arena_mark arena_mark(const struct arena *arena)
{
    return (struct arena_mark){arena->newest, arena->newest->used, arena->used, arena->full};
}

void arena_rewind(struct arena *arena, struct arena_mark mark)
{
    if (arena->newest != mark.block)
        free_blocks(arena, mark.block, 0);
    arena->newest->used = mark.block_used;
    arena->used = mark.used;
    arena->full = mark.full;
}

bool arena_is_full(const struct arena *arena)
{
    return arena->full;
}

void arena_go_on(struct arena *arena)
{
    arena->full = false;
}

bool arena_charge(struct arena *arena, size_t bytes)
{
    if (!ask_watcher(arena, bytes))
        return false;
    arena->charged += bytes;
    return true;
}

void arena_free(struct arena *arena)
{
    if (!arena)
        return;
    arena_reset(arena);
    free(arena->newest);
    free(arena);
}

static size_t align(size_t size)
{
    size_t aligned = (size + _Alignof(max_align_t) - 1) / _Alignof(max_align_t) * _Alignof(max_align_t);
    return aligned < size ? SIZE_MAX - sizeof(struct block) : aligned;
}

/* A block for so many bytes. What cannot be refused gets one that is no larger than it has to be, where the usual size is refused. */
static bool add_block(struct arena *arena, size_t aligned, bool must)
{
    enum { LARGEST_USUAL = 1 << 20, SMALLEST = 4096 };
    size_t size = arena->newest->size > LARGEST_USUAL / 2 ? LARGEST_USUAL : arena->newest->size * 2;

    size = size < aligned ? aligned : size;
    if (!ask_watcher(arena, size)) {
        if (!must)
            return false;
        size = aligned < SMALLEST ? SMALLEST : aligned;
        tell_watcher(arena, (ptrdiff_t)(size < PTRDIFF_MAX ? size : PTRDIFF_MAX));
    }
    arena->newest = block_new(size, arena->newest);
    return true;
}

static void *take(struct arena *arena, size_t size, bool must)
{
    size_t aligned = align(size);

    if (arena->newest->size - arena->newest->used < aligned && !add_block(arena, aligned, must))
        return NULL;
    void *pointer = (char *)arena->newest->data + arena->newest->used;
    arena->newest->used += aligned;
    arena->used += aligned;
    return pointer;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    return take(arena, size, true);
}

void *arena_try(struct arena *arena, size_t size)
{
    return arena->full ? NULL : take(arena, size, false);
}

/* The newest block holds this allocation alone: the system moves it, and no copy is held meanwhile. */
static bool grow_block(struct arena *arena, size_t aligned)
{
    struct block *block = arena->newest;

    if (!ask_watcher(arena, aligned - block->size))
        return false;
    block = xrealloc(block, sizeof *block + aligned);
    block->size = aligned;
    arena->newest = block;
    return true;
}

void *arena_grow(struct arena *arena, void *pointer, size_t before, size_t size)
{
    size_t had = align(before), wants = align(size);
    struct block *block = arena->newest;
    bool is_last = pointer && had <= block->used && (char *)pointer == (char *)block->data + block->used - had;

    if (arena->full)
        return NULL;
    if (is_last && block->size - block->used + had < wants && had == block->used && block->older) {
        if (!grow_block(arena, wants))
            return NULL;
        block = arena->newest;
        pointer = block->data;
    }
    if (is_last && block->size - block->used + had >= wants) {
        block->used += wants - had;
        arena->used += wants - had;
        return pointer;
    }
    void *grown = arena_try(arena, size);
    if (grown && before)
        memcpy(grown, pointer, before);
    return grown;
}

void *arena_calloc(struct arena *arena, size_t count, size_t size)
{
    size_t bytes = size && count > SIZE_MAX / size ? SIZE_MAX : count * size;
    void *pointer = arena_alloc(arena, bytes);
    memset(pointer, 0, bytes);
    return pointer;
}

struct slice arena_copy(struct arena *arena, struct slice slice)
{
    return (struct slice){arena_strdup(arena, slice), slice.length};
}

char *arena_strdup(struct arena *arena, struct slice slice)
{
    char *copy = arena_alloc(arena, slice.length + 1);
    if (slice.length)
        memcpy(copy, slice.bytes, slice.length);
    copy[slice.length] = '\0';
    return copy;
}

struct slice arena_printf(struct arena *arena, const char *format, ...)
{
    va_list arguments, again;

    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    size_t size = length < 0 ? 0 : (size_t)length;
    char *text = arena_alloc(arena, size + 1);
    if (vsnprintf(text, size + 1, format, again) < 0)
        text[0] = '\0';
    va_end(again);
    return (struct slice){text, size};
}

size_t arena_used(const struct arena *arena)
{
    return arena->used;
}
