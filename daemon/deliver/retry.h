/* SPDX-License-Identifier: Apache-2.0 */
/* When to try again. */
#ifndef HARRIER_DELIVER_RETRY_H
#define HARRIER_DELIVER_RETRY_H

#include "harrier/base/clock.h"
#include "harrier/base/slice.h"

#define RETRY_AFTER_MAX (3600 * CLOCK_SECOND)

/* Upper bound of the wait after the given number of failures in a row (from 1): base doubled each time, at most cap. */
clock_nanos retry_ceiling(unsigned int failures, clock_nanos base, clock_nanos cap);
/* Full jitter: anything from 0 to the ceiling, so that senders which failed together do not come back together. random: 64 random bits. */
clock_nanos retry_wait(unsigned int failures, clock_nanos base, clock_nanos cap, uint64_t random);
/* An HTTP-date (RFC 9110 section 5.6.7) of any year from 1970 on. False: it is none. */
bool retry_parse_date(struct slice value, clock_nanos *instant);
/* The value of Retry-After (RFC 9110 section 10.2.3: seconds, or an HTTP-date against now) as a wait, at most an hour, however large it is; 0 if it is
 * neither, or past. now: the answer's Date, where it has one, since the receiver's clock and ours need not agree. */
clock_nanos retry_after_parse(struct slice value, clock_nanos now);

#endif
