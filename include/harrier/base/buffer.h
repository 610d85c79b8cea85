/* SPDX-License-Identifier: Apache-2.0 */
/* A growing byte buffer on the heap, for text that is built and bytes that are kept. */
#ifndef HARRIER_BUFFER_H
#define HARRIER_BUFFER_H

#include "harrier/base/slice.h"

struct buffer {
    char *bytes; /* owned; NUL-terminated whenever it is not NULL */
    size_t length;
    size_t capacity;
};

void buffer_free(struct buffer *buffer);
/* Empties it; keeps at most keep bytes of capacity. */
void buffer_reset(struct buffer *buffer, size_t keep);
/* Room for extra more bytes, and the NUL. */
void buffer_reserve(struct buffer *buffer, size_t extra);
void buffer_append(struct buffer *buffer, const void *bytes, size_t length);
void buffer_append_slice(struct buffer *buffer, struct slice slice);
void buffer_append_text(struct buffer *buffer, const char *text);
void buffer_append_byte(struct buffer *buffer, char byte);
void buffer_printf(struct buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The first length bytes are taken away. */
void buffer_consume(struct buffer *buffer, size_t length);
/* The bytes, now the caller's to free; the buffer is empty. Never NULL. */
char *buffer_take(struct buffer *buffer);

static inline struct slice buffer_slice(const struct buffer *buffer)
{
    return (struct slice){buffer->bytes, buffer->length};
}

#endif
