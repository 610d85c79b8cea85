/* SPDX-License-Identifier: Apache-2.0 */
#include "rate.h"

#include "harrier/base/memory.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Beyond so many senders the one that was heard longest ago makes room; its debt is forgotten, which costs at most one batch. */
enum { SENDERS_MAX = 1024, SENDER_BYTES = 64 };

static const clock_nanos active_time = 10 * CLOCK_SECOND;

struct sender {
    char name[SENDER_BYTES];
    size_t name_length;
    double events; /* in the bucket; below 0: owed */
    clock_nanos filled;
    clock_nanos heard;
};

struct rate {
    pthread_mutex_t mutex;
    double per_second;
    struct sender *senders;
    size_t count;
    uint64_t waits;
};

struct rate *rate_new(double events_per_second)
{
    struct rate *rate = xcalloc(1, sizeof *rate);
    pthread_mutex_init(&rate->mutex, NULL);
    rate->per_second = events_per_second;
    rate->senders = events_per_second > 0 ? xcalloc(SENDERS_MAX, sizeof *rate->senders) : NULL;
    return rate;
}

void rate_free(struct rate *rate)
{
    if (!rate)
        return;
    pthread_mutex_destroy(&rate->mutex);
    free(rate->senders);
    free(rate);
}

static double share(const struct rate *rate, clock_nanos now)
{
    size_t active = 0;
    for (size_t i = 0; i < rate->count; i++)
        active += now - rate->senders[i].heard < active_time;
    return rate->per_second / (double)(active ? active : 1);
}

static struct sender *place_for(struct rate *rate)
{
    if (rate->count < SENDERS_MAX)
        return &rate->senders[rate->count++];
    struct sender *oldest = &rate->senders[0];
    for (size_t i = 1; i < rate->count; i++)
        if (rate->senders[i].heard < oldest->heard)
            oldest = &rate->senders[i];
    return oldest;
}

/* The sender's bucket, filled up to now; a new one is full: one second's events. */
static struct sender *bucket(struct rate *rate, struct slice name, clock_nanos now)
{
    struct sender *sender = NULL;

    name = slice_first(name, SENDER_BYTES);
    for (size_t i = 0; i < rate->count && !sender; i++)
        if (slice_equal(slice_make(rate->senders[i].name, rate->senders[i].name_length), name))
            sender = &rate->senders[i];
    if (!sender) {
        sender = place_for(rate);
        *sender = (struct sender){.name_length = name.length, .events = rate->per_second, .filled = now};
        memcpy(sender->name, name.bytes, name.length);
    }
    sender->heard = now;
    double full = share(rate, now);
    sender->events += full * (double)(now - sender->filled) / (double)CLOCK_SECOND;
    sender->filled = now;
    if (sender->events > full)
        sender->events = full;
    return sender;
}

clock_nanos rate_wait(struct rate *rate, struct slice sender, clock_nanos now)
{
    clock_nanos wait = 0;

    if (!rate->senders)
        return 0;
    pthread_mutex_lock(&rate->mutex);
    struct sender *its = bucket(rate, sender, now);
    if (its->events < 0)
        wait = 1 + (clock_nanos)(-its->events / share(rate, now) * (double)CLOCK_SECOND);
    rate->waits += wait > 0;
    pthread_mutex_unlock(&rate->mutex);
    return wait;
}

void rate_charge(struct rate *rate, struct slice sender, uint64_t events, clock_nanos now)
{
    if (!rate->senders)
        return;
    pthread_mutex_lock(&rate->mutex);
    bucket(rate, sender, now)->events -= (double)events;
    pthread_mutex_unlock(&rate->mutex);
}

uint64_t rate_waits(struct rate *rate)
{
    pthread_mutex_lock(&rate->mutex);
    uint64_t waits = rate->waits;
    pthread_mutex_unlock(&rate->mutex);
    return waits;
}
