/* SPDX-License-Identifier: Apache-2.0 */
/* What one event may hold while it is judged: its tree, its record, what the rules make of them, and the texts of its alerts. All of it is charged to the budget
 * before it is allocated.
 *
 * How much it is follows the event's shape: five bytes may be a value, which is a node of the tree, one of the record's, and one of a rule's list. What is
 * usual is taken before the tree is read, so that events which cannot all be judged at once do not begin; what is needed beyond is asked for as
 * it comes. A part is kept for the end: the alerts' texts, and what cannot be refused. A small event fits what a thread has in any case, and
 * does not touch the budget, which all threads share.
 *
 * Who is refused must be helped by another try. An event takes at most half of the budget beforehand, so that it does not wait for what it may not need;
 * one that has most of all there is gets no more by coming again: it is starved for good, and is judged as far as it goes. */
#ifndef HARRIER_DAEMON_EVENT_MEMORY_H
#define HARRIER_DAEMON_EVENT_MEMORY_H

#include "harrier/base/arena.h"
#include "harrier/base/budget.h"

struct event_memory {
    struct arena *arena;
    struct budget *budget; /* NULL: nothing is counted */
    uint64_t beside;       /* what the event's unit holds of the budget beside */
    bool patient;          /* waits for what other threads have in hand before it begins */
    size_t held;           /* by the arena beyond its first block, on its account, and for texts */
    size_t charged;        /* for that, and for what is still to come */
    size_t kept_back;      /* of it, from what can be refused */
    size_t grace;          /* can be held whatever the budget says */
    bool starved;          /* something was refused since the last step */
    bool starved_for_good; /* and would be again */
};

/* The arena asks memory from now on. */
void event_memory_init(struct event_memory *memory, struct arena *arena);
/* An event is in hand. budget may be NULL. */
void event_memory_begin(struct event_memory *memory, struct budget *budget, uint64_t beside, bool patient);
/* Takes what judging an event of that text usually needs. */
bool event_memory_reserve(struct event_memory *memory, struct slice text);
/* From here on there are so many bytes more, whatever the budget says; what was refused is forgotten. */
void event_memory_grant(struct event_memory *memory, size_t bytes);
/* The texts of alerts lie on the heap: the event's, an alert's with that in it, and room to grow. */
bool event_memory_keep_texts(struct event_memory *memory, struct slice text, bool must);
/* The event is done: the arena is reset, and all goes back, for it may have been a huge one, and the next may be long in coming. */
void event_memory_end(struct event_memory *memory);

#endif
