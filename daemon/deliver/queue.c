/* SPDX-License-Identifier: Apache-2.0 */
#include "queue.h"

void queue_free(struct queue *queue)
{
    VECTOR_FREE(&queue->items);
    VECTOR_FREE(&queue->ended);
}

bool queue_needs_load(const struct queue *queue)
{
    if (queue->items.count < QUEUE_LOW && (queue->stale || queue->more))
        return true;
    return queue->stale && queue->ended.count >= QUEUE_UNCOMMITTED_MAX / 2;
}

static struct queue_item item_of(const struct store_delivery *row, clock_nanos now, clock_nanos wait_max)
{
    struct queue_item item = {.alert = row->alert, .round = row->round, .attempts = row->attempts, .since = row->counted_since};
    memcpy(item.alert_id, row->alert_id, sizeof item.alert_id);
    if (row->counted_next != 0) {
        clock_nanos wait = clock_difference(row->counted_next, now);
        wait = wait < wait_max ? wait : wait_max;
        item.due = wait > 0 ? clock_monotonic() + wait : 0;
    }
    return item;
}

/* Walks the rows and both lists side by side. What the store no longer shows is left behind, save what is in flight. */
static void merge(struct queue *queue, const struct store_delivery *rows, size_t count, bool complete, clock_nanos now,
                  clock_nanos wait_max)
{
    struct queue merged = {0};
    size_t at_item = 0, at_ended = 0;
    for (size_t i = 0; i < count; i++) {
        const struct store_delivery *row = &rows[i];
        bool known = false;
        for (; at_item < queue->items.count && queue->items.items[at_item].alert <= row->alert; at_item++) {
            const struct queue_item *item = &queue->items.items[at_item];
            bool same = item->alert == row->alert && item->round == row->round;
            known |= same;
            if (same || item->in_flight)
                VECTOR_PUSH(&merged.items, *item);
        }
        for (; at_ended < queue->ended.count && queue->ended.items[at_ended].alert <= row->alert; at_ended++) {
            const struct queue_ended *ended = &queue->ended.items[at_ended];
            if (ended->alert != row->alert || ended->round != row->round)
                continue;
            known = true;
            VECTOR_PUSH(&merged.ended, *ended);
        }
        if (!known)
            VECTOR_PUSH(&merged.items, item_of(row, now, wait_max));
    }
    for (; at_item < queue->items.count; at_item++) {
        if (!complete || queue->items.items[at_item].in_flight)
            VECTOR_PUSH(&merged.items, queue->items.items[at_item]);
    }
    for (; !complete && at_ended < queue->ended.count; at_ended++)
        VECTOR_PUSH(&merged.ended, queue->ended.items[at_ended]);
    queue_free(queue);
    queue->items.items = merged.items.items;
    queue->items.count = merged.items.count;
    queue->items.capacity = merged.items.capacity;
    queue->ended.items = merged.ended.items;
    queue->ended.count = merged.ended.count;
    queue->ended.capacity = merged.ended.capacity;
}

enum result queue_load(struct queue *queue, struct store_reader *reader, const char *destination, clock_nanos now, clock_nanos wait_max)
{
    size_t limit = queue->items.count + queue->ended.count + QUEUE_READ, count;
    struct store_delivery *rows = xreallocarray(NULL, limit, sizeof *rows);
    queue->stale = false; /* before reading: a commit after it makes it stale again */
    enum result result = store_open_deliveries(reader, destination, rows, limit, &count);
    if (result == RESULT_OK) {
        queue->more = count == limit;
        merge(queue, rows, count, !queue->more, now, wait_max);
    } else {
        queue->stale = true;
    }
    free(rows);
    return result;
}

struct queue_item *queue_next(struct queue *queue, clock_nanos now, bool ordered, clock_nanos *due)
{
    *due = 0;
    if (queue->ended.count >= QUEUE_UNCOMMITTED_MAX)
        return NULL;
    for (size_t i = 0; i < queue->items.count; i++) {
        struct queue_item *item = &queue->items.items[i];
        if (!item->in_flight) {
            if (item->due <= now)
                return item;
            if (*due == 0 || item->due < *due)
                *due = item->due;
        }
        if (ordered && item->suspicions < QUEUE_SUSPECT)
            return NULL;
    }
    return NULL;
}

struct queue_item *queue_find(struct queue *queue, int64_t alert, uint32_t round)
{
    size_t low = 0, high = queue->items.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (queue->items.items[middle].alert < alert)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < queue->items.count && queue->items.items[low].alert == alert; low++) {
        if (queue->items.items[low].round == round)
            return &queue->items.items[low];
    }
    return NULL;
}

void queue_drop(struct queue *queue, struct queue_item *item)
{
    size_t index = (size_t)(item - queue->items.items);
    memmove(item, item + 1, (queue->items.count - index - 1) * sizeof *item);
    queue->items.count--;
}

void queue_end(struct queue *queue, struct queue_item *item)
{
    struct queue_ended ended = {item->alert, item->round};
    size_t at = queue->ended.count;
    VECTOR_PUSH(&queue->ended, ended);
    for (; at > 0 && queue->ended.items[at - 1].alert > ended.alert; at--)
        queue->ended.items[at] = queue->ended.items[at - 1];
    queue->ended.items[at] = ended;
    queue_drop(queue, item);
}

void queue_release(struct queue *queue)
{
    for (size_t i = 0; i < queue->items.count; i++) {
        struct queue_item *item = &queue->items.items[i];
        if (item->suspicions < QUEUE_SUSPECT)
            item->due = 0;
    }
}
