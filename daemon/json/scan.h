/* SPDX-License-Identifier: Apache-2.0 */
/* What must be known of bytes before yajl gets them. */
#ifndef HARRIER_DAEMON_JSON_SCAN_H
#define HARRIER_DAEMON_JSON_SCAN_H

#include "harrier/base/slice.h"

/* Of bytes that begin outside of strings. */
struct json_scan {
    bool in_string;  /* they end in a string */
    size_t openings; /* '{' and '[', those in strings too: depth grows by no more */
    size_t newlines;
};

struct json_scan json_scan(struct slice bytes);

/* Bytes that end in a string: index of its opening quote. */
size_t json_scan_last_quote(struct slice bytes);

/* Index at which the number or literal begins that the bytes end in, or bytes.length. */
size_t json_scan_last_scalar(struct slice bytes);

/* Number of bytes at the start that can be of a number or literal. */
size_t json_scan_scalar(struct slice bytes);

/* Goes through the inside of a string, from escaped (the byte before was an unescaped backslash): number of bytes up to and with its closing quote
 * (*closed) or a newline, which no string can hold; else all of them. */
size_t json_scan_string(struct slice bytes, bool *escaped, bool *closed);

/* Index of the bracket that opens the container that would be deeper than room, or bytes.length. */
size_t json_scan_too_deep(struct slice bytes, size_t room);

#endif
