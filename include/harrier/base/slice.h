/* SPDX-License-Identifier: Apache-2.0 */
/* A slice: bytes that somebody else owns. Not NUL-terminated; may hold NUL and invalid UTF-8, as audit events do. */
#ifndef HARRIER_SLICE_H
#define HARRIER_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const char *bytes; /* may be NULL when length is 0 */
    size_t length;
};

/* A slice of a string literal or array. */
#define SLICE(literal) ((struct slice){(literal), sizeof(literal) - 1})
/* For printf's "%.*s". Log and print outside text through log_escape, never raw. */
#define SLICE_ARGS(slice) (int)((slice).length > 4096 ? 4096 : (slice).length), ((slice).bytes ? (slice).bytes : "")

static inline struct slice slice_of(const char *text)
{
    return (struct slice){text, text ? strlen(text) : 0};
}

static inline struct slice slice_make(const char *bytes, size_t length)
{
    return (struct slice){bytes, length};
}

static inline bool slice_equal(struct slice a, struct slice b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.bytes, b.bytes, a.length) == 0);
}

static inline bool slice_is(struct slice a, const char *text)
{
    return slice_equal(a, slice_of(text));
}

/* Byte order, shorter first where one begins with the other. <0, 0, >0 as memcmp. */
int slice_compare(struct slice a, struct slice b);
bool slice_starts_with(struct slice slice, struct slice prefix);
bool slice_ends_with(struct slice slice, struct slice suffix);
/* Index of the first occurrence of needle, or -1. An empty needle is at 0. */
ptrdiff_t slice_find(struct slice slice, struct slice needle);
/* Index of the first/last occurrence of the byte, or -1. */
ptrdiff_t slice_find_byte(struct slice slice, char byte);
ptrdiff_t slice_find_last_byte(struct slice slice, char byte);
/* From start (clipped) to the end. */
struct slice slice_from(struct slice slice, size_t start);
/* The first length bytes (clipped). */
struct slice slice_first(struct slice slice, size_t length);
/* ASCII blanks, tabs, CR and LF taken off both ends. */
struct slice slice_trim(struct slice slice);
/* ASCII case folded only. */
bool slice_equal_ascii_nocase(struct slice a, struct slice b);
/* The largest length <= limit at which the slice can be cut without splitting a UTF-8 sequence. */
size_t slice_utf8_cut(struct slice slice, size_t limit);
/* A decimal integer that is the whole slice; an optional '-' first. False on anything else or overflow. */
bool slice_to_int64(struct slice slice, int64_t *value);
/* Value of a hexadecimal digit, -1 for any other byte. */
int slice_hex_digit(char byte);
/* FNV-1a, for hash maps; not for input that an attacker may choose to collide on without a bound elsewhere. */
uint64_t slice_hash(struct slice slice);
/* Levenshtein distance, for "did you mean"; slices over 64 bytes give a large number. */
unsigned int slice_edit_distance(struct slice a, struct slice b);

#endif
