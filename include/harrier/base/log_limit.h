/* SPDX-License-Identifier: Apache-2.0 */
/* What strangers can do again and again, or what lasts, would fill the log: of each kind of trouble, one line a minute. */
#ifndef HARRIER_LOG_LIMIT_H
#define HARRIER_LOG_LIMIT_H

#include "harrier/base/clock.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Zeroed at the start. */
struct log_limit {
    _Atomic int64_t next; /* monotonic: no line before */
    _Atomic uint64_t left_out;
};

/* Whether a line may be written now; *left_out: how many were not since the last. Any thread. */
bool log_limit_due(struct log_limit *limit, uint64_t *left_out);

#endif
