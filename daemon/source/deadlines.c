/* SPDX-License-Identifier: Apache-2.0 */
#include "deadlines.h"

static uint64_t tick_of(const struct deadlines *deadlines, clock_nanos at)
{
    return at > 0 ? (uint64_t)(at / deadlines->tick) : 0;
}

void deadlines_begin(struct deadlines *deadlines, clock_nanos tick, clock_nanos now)
{
    deadlines->tick = tick;
    deadlines->swept = tick_of(deadlines, now);
    for (size_t i = 0; i < DEADLINE_SLOTS; i++)
        LIST_INIT(&deadlines->slots[i]);
    LIST_INIT(&deadlines->passed);
}

void deadlines_set(struct deadlines *deadlines, struct deadline *deadline, clock_nanos at)
{
    uint64_t tick = tick_of(deadlines, at);

    deadlines_remove(deadline);
    /* one that has passed already is found by the next sweep */
    if (tick < deadlines->swept)
        tick = deadlines->swept;
    deadline->at = at;
    deadline->set = true;
    LIST_INSERT_HEAD(&deadlines->slots[tick % DEADLINE_SLOTS], deadline, entry);
}

void deadlines_remove(struct deadline *deadline)
{
    if (deadline->set)
        LIST_REMOVE(deadline, entry);
    deadline->set = false;
}

static void sweep_slot(struct deadlines *deadlines, uint64_t tick, clock_nanos now)
{
    struct deadline *deadline = LIST_FIRST(&deadlines->slots[tick % DEADLINE_SLOTS]);

    while (deadline) {
        struct deadline *next = LIST_NEXT(deadline, entry);
        if (deadline->at <= now) {
            LIST_REMOVE(deadline, entry);
            LIST_INSERT_HEAD(&deadlines->passed, deadline, entry);
        }
        deadline = next;
    }
}

/* The present tick is swept again: not all of it has passed. */
static void sweep(struct deadlines *deadlines, clock_nanos now)
{
    uint64_t last = tick_of(deadlines, now);

    if (last > deadlines->swept + DEADLINE_SLOTS)
        deadlines->swept = last - DEADLINE_SLOTS;
    for (; deadlines->swept < last; deadlines->swept++)
        sweep_slot(deadlines, deadlines->swept, now);
    sweep_slot(deadlines, last, now);
}

struct deadline *deadlines_take(struct deadlines *deadlines, clock_nanos now)
{
    if (LIST_EMPTY(&deadlines->passed))
        sweep(deadlines, now);
    struct deadline *deadline = LIST_FIRST(&deadlines->passed);
    if (deadline)
        deadlines_remove(deadline);
    return deadline;
}
