/* SPDX-License-Identifier: Apache-2.0 */
#include "harrier/budget.h"

#include "harrier/memory.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

struct budget {
    _Atomic uint64_t limit;
    _Atomic uint64_t used;
    _Atomic uint64_t peak;
    _Atomic uint64_t refused;
};

struct budget *budget_new(uint64_t limit)
{
    struct budget *budget = xcalloc(1, sizeof *budget);
    atomic_init(&budget->limit, limit);
    return budget;
}

void budget_free(struct budget *budget)
{
    assert(!budget || atomic_load(&budget->used) == 0);
    free(budget);
}

static void note_peak(struct budget *budget, uint64_t used)
{
    uint64_t peak = atomic_load_explicit(&budget->peak, memory_order_relaxed);
    while (used > peak && !atomic_compare_exchange_weak_explicit(&budget->peak, &peak, used, memory_order_relaxed, memory_order_relaxed))
        continue;
}

bool budget_take(struct budget *budget, uint64_t bytes)
{
    uint64_t limit = atomic_load_explicit(&budget->limit, memory_order_relaxed);
    uint64_t used = atomic_load_explicit(&budget->used, memory_order_relaxed);

    do {
        /* used may be over the limit after a reload that lowered it */
        if (limit && (used > limit || bytes > limit - used)) {
            atomic_fetch_add_explicit(&budget->refused, 1, memory_order_relaxed);
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(&budget->used, &used, used + bytes, memory_order_relaxed, memory_order_relaxed));
    note_peak(budget, used + bytes);
    return true;
}

void budget_take_always(struct budget *budget, uint64_t bytes)
{
    note_peak(budget, bytes + atomic_fetch_add_explicit(&budget->used, bytes, memory_order_relaxed));
}

void budget_give(struct budget *budget, uint64_t bytes)
{
    uint64_t before = atomic_fetch_sub_explicit(&budget->used, bytes, memory_order_relaxed);
    assert(before >= bytes);
    (void)before;
}

void budget_set_limit(struct budget *budget, uint64_t limit)
{
    atomic_store_explicit(&budget->limit, limit, memory_order_relaxed);
}

uint64_t budget_limit(const struct budget *budget)
{
    return atomic_load_explicit(&budget->limit, memory_order_relaxed);
}

uint64_t budget_used(const struct budget *budget)
{
    return atomic_load_explicit(&budget->used, memory_order_relaxed);
}

uint64_t budget_peak(const struct budget *budget)
{
    return atomic_load_explicit(&budget->peak, memory_order_relaxed);
}

uint64_t budget_refused(const struct budget *budget)
{
    return atomic_load_explicit(&budget->refused, memory_order_relaxed);
}
