/* SPDX-License-Identifier: Apache-2.0 */
#include "queue.h"

enum { ASIDE_TRIES_KNOWN = 4 /* of one set aside before a restart: its waits are long by then, but not the longest */ };

void queue_free(struct queue *queue)
{
    VECTOR_FREE(&queue->items);
    VECTOR_FREE(&queue->ended);
}

bool queue_needs_load(const struct queue *queue)
{
    if (queue->items.count - queue->set_aside < QUEUE_LOW && (queue->stale || queue->more))
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
    item.set_aside = row->state == STORE_SET_ASIDE;
    if (item.set_aside) {
        item.evidence = 1;
        item.aside_tries = row->attempts < ASIDE_TRIES_KNOWN ? row->attempts : ASIDE_TRIES_KNOWN;
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
    queue->set_aside = 0;
    for (size_t i = 0; i < queue->items.count; i++)
        queue->set_aside += queue->items.items[i].set_aside;
    queue->ended.items = merged.ended.items;
    queue->ended.count = merged.ended.count;
    queue->ended.capacity = merged.ended.capacity;
}

/* What was fetched from behind the rows that were read, and has ended: is it committed? */
static void forget_far(struct queue *queue, struct store_reader *reader, const char *destination)
{
    size_t kept = 0;
    for (size_t i = 0; i < queue->ended.count; i++) {
        struct queue_ended ended = queue->ended.items[i];
        struct store_delivery row;
        bool far = queue->more && ended.alert > queue->read_to;
        if (far && store_open_delivery_from(reader, destination, ended.alert, &row) == RESULT_OK &&
            (row.alert != ended.alert || row.round != ended.round))
            continue;
        queue->ended.items[kept++] = ended;
    }
    queue->ended.count = kept;
}

/* What was tried before the daemon ended waits with its destination as long as it was told to then. */
static void note_stored_wait(struct queue *queue)
{
    for (size_t i = 0; !queue->loaded && i < queue->items.count; i++) {
        const struct queue_item *item = &queue->items.items[i];
        if (item->set_aside || item->due == 0)
            continue;
        queue->resumed++;
        queue->resume = item->due > queue->resume ? item->due : queue->resume;
    }
    queue->loaded = true;
}

enum result queue_load(struct queue *queue, struct store_reader *reader, const char *destination, clock_nanos now, clock_nanos wait_max)
{
    size_t limit = queue->items.count + queue->ended.count + QUEUE_READ, count;
    struct store_delivery *rows = xreallocarray(NULL, limit, sizeof *rows);
    queue->stale = false; /* before reading: a commit after it makes it stale again */
    enum result result = store_open_deliveries(reader, destination, rows, limit, &count);
    if (result == RESULT_OK) {
        queue->more = count == limit;
        queue->read_to = count ? rows[count - 1].alert : 0;
        merge(queue, rows, count, !queue->more, now, wait_max);
        forget_far(queue, reader, destination);
        note_stored_wait(queue);
    } else {
        queue->stale = true;
    }
    free(rows);
    return result;
}

static bool waits_with_destination(const struct queue_item *item, uint64_t failed_at)
{
    return !item->set_aside && !item->in_flight && (failed_at == 0 || item->failed_at != failed_at);
}

struct queue_item *queue_first(struct queue *queue, uint64_t failed_at)
{
    for (size_t i = 0; i < queue->items.count; i++) {
        if (waits_with_destination(&queue->items.items[i], failed_at))
            return &queue->items.items[i];
    }
    return NULL;
}

struct queue_item *queue_fresh(struct queue *queue, uint64_t failed_at)
{
    for (size_t i = 0; i < queue->items.count; i++) {
        if (queue->items.items[i].failed_at == 0 && waits_with_destination(&queue->items.items[i], 0))
            return &queue->items.items[i];
    }
    return queue_first(queue, failed_at);
}

struct queue_item *queue_last(struct queue *queue, uint64_t failed_at)
{
    for (size_t i = queue->items.count; i > 0; i--) {
        if (waits_with_destination(&queue->items.items[i - 1], failed_at))
            return &queue->items.items[i - 1];
    }
    return NULL;
}

static bool has_ended(const struct queue *queue, const struct store_delivery *row)
{
    for (size_t i = 0; i < queue->ended.count; i++) {
        if (queue->ended.items[i].alert == row->alert && queue->ended.items[i].round == row->round)
            return true;
    }
    return false;
}

static struct queue_item *insert_in_order(struct queue *queue, const struct queue_item *item)
{
    size_t at = queue->items.count;
    VECTOR_PUSH(&queue->items, *item);
    for (; at > 0 && queue->items.items[at - 1].alert > item->alert; at--)
        queue->items.items[at] = queue->items.items[at - 1];
    queue->items.items[at] = *item;
    return &queue->items.items[at];
}

struct queue_item *queue_fetch_far(struct queue *queue, struct store_reader *reader, const char *destination, uint64_t random)
{
    struct store_delivery row;
    int64_t newest;
    if (!queue->more || queue->items.count >= QUEUE_ITEMS_MAX || store_last_alert(reader, &newest) != RESULT_OK || newest <= queue->read_to)
        return NULL;
    int64_t from = queue->read_to + 1 + (int64_t)(random % (uint64_t)(newest - queue->read_to));
    if (store_open_delivery_from(reader, destination, from, &row) != RESULT_OK)
        return NULL;
    if (row.state == STORE_SET_ASIDE || queue_find(queue, row.alert, row.round) != NULL || has_ended(queue, &row))
        return NULL;
    struct queue_item item = item_of(&row, 0, 0);
    return insert_in_order(queue, &item);
}

struct queue_item *queue_aside_due(struct queue *queue, clock_nanos now, clock_nanos *due)
{
    struct queue_item *found = NULL;
    for (size_t i = 0; queue->set_aside > 0 && i < queue->items.count; i++) {
        struct queue_item *item = &queue->items.items[i];
        if (item->set_aside && !item->in_flight && (found == NULL || item->due < found->due))
            found = item;
    }
    *due = found ? found->due : 0;
    return found && found->due <= now ? found : NULL;
}

void queue_set_aside(struct queue *queue, struct queue_item *item)
{
    queue->set_aside += !item->set_aside;
    item->set_aside = true;
}

struct queue_item *queue_aside_excess(struct queue *queue)
{
    struct queue_item *found = NULL;
    for (size_t i = 0; queue->set_aside > QUEUE_ASIDE_MAX && i < queue->items.count; i++) {
        struct queue_item *item = &queue->items.items[i];
        if (item->set_aside && !item->in_flight && (found == NULL || item->evidence > found->evidence))
            found = item;
    }
    return found;
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
    queue->set_aside -= item->set_aside;
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
        if (!queue->items.items[i].set_aside)
            continue;
        queue->items.items[i].due = 0;
        queue->items.items[i].evidence = 0;
    }
}
