/* SPDX-License-Identifier: Apache-2.0 */
/* Time, and RFC 3339 both ways. Three clocks, each for its own kind of question:
 *
 * clock_wall       what people and other programs read, and what is compared with times that others state: alerts, logs, exp and nbf of tokens
 *                  (jwt.c), the ends of certificates, a signature's timestamp, how far an event's clock is from ours (skew.c). It may be wrong by
 *                  years, and jump either way at any moment, so it decides nothing that cannot be taken back.
 * clock_monotonic  waits and time-outs within this process.
 * counted_now      (counted.h) ages of what is stored, across restarts and jumps: retention, giving up, waits between tries. */
#ifndef HARRIER_CLOCK_H
#define HARRIER_CLOCK_H

#include "harrier/base/slice.h"

#include <time.h>

/* An instant: nanoseconds since 1970-01-01T00:00:00Z. Covers 1678 to 2262. */
typedef int64_t clock_nanos;

#define CLOCK_SECOND INT64_C(1000000000)
/* 1678-01-01T00:00:00Z, 2261-12-31T23:59:59.999999999Z: what RFC 3339 can name here, whole years */
#define CLOCK_FIRST (INT64_C(-9214560000) * CLOCK_SECOND)
#define CLOCK_LAST (INT64_C(9214646400) * CLOCK_SECOND - 1)
#define CLOCK_MILLISECOND INT64_C(1000000)

clock_nanos clock_wall(void);
clock_nanos clock_monotonic(void);

/* Times that others state may be beyond what an instant holds; these stop at its ends instead of overflowing. */
clock_nanos clock_of_seconds(int64_t seconds);
clock_nanos clock_of_timespec(const struct timespec *time);
clock_nanos clock_sum(clock_nanos a, clock_nanos b);
/* a - b; its negative is one too */
clock_nanos clock_difference(clock_nanos a, clock_nanos b);

/* RFC 3339 section 5.6: any number of fraction digits (cut after nine), Z or an offset; 'T' may be 't' or a blank. A year outside of 1678 to 2261
 * is a time nevertheless: the first or the last instant of these. */
bool clock_parse_rfc3339(struct slice text, clock_nanos *instant);
/* The same as collectors and exports write it anew: the fraction behind a comma, blanks in front of the zone, the zone as +hhmm, +hh, UTC, GMT, or an
 * offset and UTC behind it (Go's Time.String), or left out, which is UTC. Or a number of seconds since 1970, with a fraction or without; of
 * milliseconds, microseconds or nanoseconds, told by its size. */
bool clock_parse_any(struct slice text, clock_nanos *instant);

enum { CLOCK_TEXT_SIZE = 40 };
/* "2026-01-02T03:04:05.678901Z", six digits as the API server writes them, nine where the instant needs them. Returns text. */
char *clock_format_rfc3339(clock_nanos instant, char text[CLOCK_TEXT_SIZE]);

#endif
