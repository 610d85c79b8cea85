/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 as RFC 3629 has it, for text that may hold anything. */
#ifndef HARRIER_UTF8_H
#define HARRIER_UTF8_H

#include "harrier/base/arena.h"
#include "harrier/base/slice.h"

/* Length (1-4) of the well-formed sequence at the start, 0 if there is none (empty, bad byte, surrogate, overlong). */
size_t utf8_sequence(struct slice text);
/* The code point at the start and the length of its sequence; a bad byte gives U+FFFD and 1. Text must not be empty. */
size_t utf8_decode(struct slice text, uint32_t *code_point);
/* Writes 1-4 bytes (3 for a surrogate, as WTF-8); returns how many. Above U+10FFFF: U+FFFD. */
size_t utf8_encode(uint32_t code_point, char out[4]);
/* Code points; each bad byte counts as one. */
size_t utf8_length(struct slice text);
bool utf8_valid(struct slice text);
/* The text with each bad byte as U+FFFD; the same slice if it was valid. */
struct slice utf8_clean(struct arena *arena, struct slice text);
/* A control character (C0, DEL, C1), or one that shows nothing or turns what is around it: format characters (Unicode's Cf, as bidirectional controls), zero
 * widths, separators of lines, fillers, variation selectors, tags. The one table for every edge: log, terminal, chat, titles. */
bool utf8_is_control(uint32_t code_point);
bool utf8_is_invisible(uint32_t code_point);
/* Either of them. */
bool utf8_is_unprintable(uint32_t code_point);
/* Simple (one to one) case mapping and folding of one code point. */
uint32_t utf8_to_lower(uint32_t code_point);
uint32_t utf8_to_upper(uint32_t code_point);

#endif
