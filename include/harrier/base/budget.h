/* SPDX-License-Identifier: Apache-2.0 */
/* A budget of memory that many threads share: what the network can make the process hold is taken from it first. What does not
 * fit is refused (a 503 for that request), and waited for only where a thread of ours is about to give it back. One object per process, passed by pointer. Safe from any thread. */
#ifndef HARRIER_BUDGET_H
#define HARRIER_BUDGET_H

#include "harrier/base/clock.h"

#include <stdbool.h>
#include <stdint.h>

struct budget;

/* limit in bytes; 0: nothing is ever refused, all is counted. */
struct budget *budget_new(uint64_t limit);
/* All that was taken must have been given back. */
void budget_free(struct budget *budget);
/* Takes bytes from the budget; false, and nothing taken, if they do not fit. */
bool budget_take(struct budget *budget, uint64_t bytes);
/* The same for what must not be refused: it is taken, over the limit too. */
void budget_take_always(struct budget *budget, uint64_t bytes);
/* Gives back bytes that were taken. */
void budget_give(struct budget *budget, uint64_t bytes);

/* What threads take for work that they have in hand, such as judging an event: it is given back within moments, so another thread may wait for it. held: what
 * the caller's own work has already. Where the bytes do not fit and other work is in hand, one caller at a time waits for that, so that of many who lack memory at
 * once one gets on; the others are refused. patient, with held 0: waits for its turn as well. Nobody waits longer than BUDGET_PATIENCE. */
#define BUDGET_PATIENCE (2 * CLOCK_SECOND)
bool budget_take_for_work(struct budget *budget, uint64_t bytes, uint64_t held, bool patient);
void budget_take_always_for_work(struct budget *budget, uint64_t bytes);
void budget_give_from_work(struct budget *budget, uint64_t bytes);
/* A reload may change the limit; what is taken stays taken. */
void budget_set_limit(struct budget *budget, uint64_t limit);

uint64_t budget_limit(const struct budget *budget);
/* Bytes taken now, the most that were ever taken at once, and how many times budget_take said no. */
uint64_t budget_used(const struct budget *budget);
uint64_t budget_peak(const struct budget *budget);
uint64_t budget_refused(const struct budget *budget);

#endif
