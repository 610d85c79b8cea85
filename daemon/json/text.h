/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of JSON strings: escapes, borders at which one can be cut. */
#ifndef HARRIER_DAEMON_JSON_TEXT_H
#define HARRIER_DAEMON_JSON_TEXT_H

#include "harrier/base/slice.h"

/* Undoes the escapes of the raw inside of a string (without its quotes), as it stood in the input. A lone surrogate becomes its
 * 3-byte form (WTF-8); \u0000 stays a NUL. At a broken or unfinished escape it ends. out needs room for raw.length bytes
 * and may be raw.bytes itself. Returns how many were written. */
size_t json_text_unescape(struct slice raw, char *out);

/* Length of the escape that the raw text begins with: 12 for a surrogate pair, 6, or 2 (also for one that is broken). */
size_t json_text_escape_length(struct slice raw);

/* The raw inside of the string whose closing quote is at text.bytes[closing]: the opening quote is the nearest one before
 * it that no backslash escapes. False if there is none. */
bool json_text_before_quote(struct slice text, size_t closing, struct slice *raw);

/* How many bytes of the raw inside of a string, at most limit, can stand alone: no escape, surrogate pair or UTF-8 sequence is split,
 * and neither a control character nor a wrong escape is in them. */
size_t json_text_cut(struct slice raw, size_t limit);

/* Whether the byte at index is behind an odd run of backslashes. */
static inline bool json_text_is_escaped(const char *bytes, size_t index)
{
    size_t run = 0;
    while (run < index && bytes[index - 1 - run] == '\\')
        run++;
    return run % 2 == 1;
}

/* What yajl takes for a blank: vertical tab and form feed too, which RFC 8259 does not. */
static inline bool json_text_is_blank(char byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

#endif
