/* SPDX-License-Identifier: Apache-2.0 */
#include "harrier/arena.h"

#include "harrier/memory.h"

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
    struct arena *arena = xmalloc(sizeof *arena);
    arena->newest = block_new(chunk_bytes, NULL);
    arena->used = 0;
    arena->watcher = NULL;
    arena->context = NULL;
    return arena;
}

void arena_watch(struct arena *arena, arena_watcher *watcher, void *context)
{
    arena->watcher = watcher;
    arena->context = context;
}

static void tell_watcher(struct arena *arena, ptrdiff_t bytes)
{
    if (arena->watcher && bytes)
        arena->watcher(arena->context, bytes);
}

void arena_reset(struct arena *arena)
{
    ptrdiff_t freed = 0;

    while (arena->newest->older) {
        struct block *block = arena->newest;
        arena->newest = block->older;
        freed += (ptrdiff_t)block->size;
        free(block);
    }
    tell_watcher(arena, -freed);
    arena->newest->used = 0;
    arena->used = 0;
}

void arena_free(struct arena *arena)
{
    if (!arena)
        return;
    arena_reset(arena);
    free(arena->newest);
    free(arena);
}

void *arena_alloc(struct arena *arena, size_t size)
{
    size_t aligned = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    struct block *block = arena->newest;

    if (aligned < size)
        aligned = SIZE_MAX - sizeof(struct block);
    if (block->size - block->used < aligned) {
        size_t grown = block->size > ((size_t)1 << 20) ? (size_t)1 << 20 : block->size * 2;
        size_t size_of_block = grown < aligned ? aligned : grown;
        tell_watcher(arena, (ptrdiff_t)(size_of_block < PTRDIFF_MAX ? size_of_block : PTRDIFF_MAX));
        block = block_new(size_of_block, block);
        arena->newest = block;
    }
    void *pointer = (char *)block->data + block->used;
    block->used += aligned;
    arena->used += aligned;
    return pointer;
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
