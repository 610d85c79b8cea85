/* SPDX-License-Identifier: Apache-2.0 */
/* A budget of memory that many threads share: what the network can make the process hold is taken from it first. What does not
 * fit is refused (a 503 for that request), never waited for. One object per process, passed by pointer. Safe from any thread. */
#ifndef HARRIER_BUDGET_H
#define HARRIER_BUDGET_H

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
/* A reload may change the limit; what is taken stays taken. */
void budget_set_limit(struct budget *budget, uint64_t limit);

uint64_t budget_limit(const struct budget *budget);
/* Bytes taken now, the most that were ever taken at once, and how many times budget_take said no. */
uint64_t budget_used(const struct budget *budget);
uint64_t budget_peak(const struct budget *budget);
uint64_t budget_refused(const struct budget *budget);

#endif
