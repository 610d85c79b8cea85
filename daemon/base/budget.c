/* SPDX-License-Identifier: Apache-2.0 */
#include "harrier/base/budget.h"

#include "harrier/base/memory.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

struct budget {
    _Atomic uint64_t limit;
    _Atomic uint64_t used;
    _Atomic uint64_t peak;
    _Atomic uint64_t refused;
    _Atomic uint64_t work;    /* of used, for work in hand */
    atomic_flag someone_waits;
};

struct budget *budget_new(uint64_t limit)
{
    struct budget *budget = xcalloc(1, sizeof *budget);
    atomic_init(&budget->limit, limit);
    atomic_flag_clear(&budget->someone_waits);
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

static void note_refusal(struct budget *budget)
{
    atomic_fetch_add_explicit(&budget->refused, 1, memory_order_relaxed);
}

static bool fits_and_is_taken(struct budget *budget, uint64_t bytes)
{
    uint64_t limit = atomic_load_explicit(&budget->limit, memory_order_relaxed);
    uint64_t used = atomic_load_explicit(&budget->used, memory_order_relaxed);

    do {
        /* used may be over the limit after a reload that lowered it */
        if (limit && (used > limit || bytes > limit - used))
            return false;
    } while (!atomic_compare_exchange_weak_explicit(&budget->used, &used, used + bytes, memory_order_relaxed, memory_order_relaxed));
    note_peak(budget, used + bytes);
    return true;
}

bool budget_take(struct budget *budget, uint64_t bytes)
{
    bool fits = fits_and_is_taken(budget, bytes);
    if (!fits)
        note_refusal(budget);
    return fits;
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

static void wait_a_moment(void)
{
    nanosleep(&(struct timespec){0, 200000}, NULL);
}

/* Is some of what is taken for work not the caller's? */
static bool others_work(struct budget *budget, uint64_t held)
{
    return atomic_load_explicit(&budget->work, memory_order_relaxed) > held;
}

/* Who waits holds what others wait for: so it is one only, or one that holds nothing. */
static bool wait_for_work(struct budget *budget, uint64_t bytes, uint64_t held, bool patient)
{
    clock_nanos until = clock_monotonic() + BUDGET_PATIENCE;
    bool is_first = !atomic_flag_test_and_set(&budget->someone_waits), taken = false;

    while ((is_first || (patient && held == 0)) && others_work(budget, held) && !taken && clock_monotonic() < until) {
        wait_a_moment();
        taken = fits_and_is_taken(budget, bytes);
    }
    if (is_first)
        atomic_flag_clear(&budget->someone_waits);
    return taken || fits_and_is_taken(budget, bytes);
}

bool budget_take_for_work(struct budget *budget, uint64_t bytes, uint64_t held, bool patient)
{
    if (!fits_and_is_taken(budget, bytes) && !((held || patient) && wait_for_work(budget, bytes, held, patient))) {
        note_refusal(budget);
        return false;
    }
    atomic_fetch_add_explicit(&budget->work, bytes, memory_order_relaxed);
    return true;
}

void budget_take_always_for_work(struct budget *budget, uint64_t bytes)
{
    budget_take_always(budget, bytes);
    atomic_fetch_add_explicit(&budget->work, bytes, memory_order_relaxed);
}

void budget_give_from_work(struct budget *budget, uint64_t bytes)
{
    atomic_fetch_sub_explicit(&budget->work, bytes, memory_order_relaxed);
    budget_give(budget, bytes);
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
