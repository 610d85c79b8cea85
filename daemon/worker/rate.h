/* SPDX-License-Identifier: Apache-2.0 */
/* Events per second of one source, shared fairly by those who send. Safe from any thread. */
#ifndef HARRIER_WORKER_RATE_H
#define HARRIER_WORKER_RATE_H

#include "harrier/base/clock.h"
#include "harrier/base/slice.h"

/* Each sender has a bucket of its own, which fills at the source's rate divided by the number of senders of the last seconds. A unit may begin when its
 * sender's bucket is not empty, and what it brings is taken afterwards, if need be below zero: the size of a batch is not known before. So one who sends too much
 * waits, and the others do not wait for him. */
struct rate;

/* events_per_second 0: no bound. */
struct rate *rate_new(double events_per_second);
void rate_free(struct rate *rate);
/* How long the sender must wait before its next unit; 0: not at all. now is monotonic. */
clock_nanos rate_wait(struct rate *rate, struct slice sender, clock_nanos now);
void rate_charge(struct rate *rate, struct slice sender, uint64_t events, clock_nanos now);
/* Times that rate_wait said wait. */
uint64_t rate_waits(struct rate *rate);

#endif
