/* SPDX-License-Identifier: Apache-2.0 */
/* Time: wall clock for what people and receivers read, monotonic for time-outs; RFC 3339 both ways. */
#ifndef HARRIER_CLOCK_H
#define HARRIER_CLOCK_H

#include "harrier/slice.h"

/* An instant: nanoseconds since 1970-01-01T00:00:00Z. Covers 1678 to 2262. */
typedef int64_t clock_nanos;

#define CLOCK_SECOND INT64_C(1000000000)
#define CLOCK_MILLISECOND INT64_C(1000000)

clock_nanos clock_wall(void);
clock_nanos clock_monotonic(void);

/* RFC 3339 section 5.6: any number of fraction digits (cut after nine), Z or an offset; 'T' may be 't' or a blank. */
bool clock_parse_rfc3339(struct slice text, clock_nanos *instant);

enum { CLOCK_TEXT_SIZE = 40 };
/* "2026-01-02T03:04:05.678901Z", six digits as the API server writes them, nine where the instant needs them. Returns text. */
char *clock_format_rfc3339(clock_nanos instant, char text[CLOCK_TEXT_SIZE]);

#endif
