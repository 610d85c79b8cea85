/* SPDX-License-Identifier: Apache-2.0 */
#include "queue.h"

#include "harrier/base/memory.h"

#include <stdlib.h>
#include <sys/queue.h>

enum {
    QUANTUM_BYTES = 65536,             /* that one turn gives */
    AHEAD_BYTES = 16 * QUANTUM_BYTES,  /* that those who come after a pause may be ahead of those who do not pause */
    SHARE = 8, /* times what is free: see commit_queue.h */
    BUCKETS = 1024
};

/* A source among the sources, or a connection among those of its source. */
struct turn {
    TAILQ_ENTRY(turn) entry;
    enum { TURN_NONE, TURN_FRESH, TURN_STEADY } list;
    int64_t credit; /* bytes; what is taken may go below 0, and waits for as many turns as pay it */
    size_t waiting; /* submissions */
    size_t bytes;   /* of these */
};

TAILQ_HEAD(turns, turn);

struct circle {
    struct turns fresh;  /* come after a pause with something small: before the others */
    struct turns steady; /* in turn, also those with nothing waiting whose debt is not paid */
    int64_t ahead;       /* bytes of the fresh since the steady had theirs */
};

struct waiting {
    STAILQ_ENTRY(waiting) entry;
    struct commit_waiting is;
};

struct connection {
    struct turn turn; /* first: the one is the other */
    LIST_ENTRY(connection) same_bucket;
    struct source_share *source;
    uint64_t number;
    STAILQ_HEAD(, waiting) submissions;
};

struct source_share {
    struct turn turn; /* first */
    LIST_ENTRY(source_share) entry;
    int64_t number;
    struct circle connections;
};

/* Two circles of turns, one inside the other. Sources stay once they have come, for they are few; a connection goes when it has nothing waiting and
 * owes nothing. */
struct commit_queue {
    size_t capacity;
    size_t count, bytes;
    struct circle sources;
    LIST_HEAD(, source_share) known;
    LIST_HEAD(bucket, connection) buckets[BUCKETS];
};

/* --- turns ------------------------------------------------------------------------------------------------------------------------ */

static void circle_begin(struct circle *circle)
{
    TAILQ_INIT(&circle->fresh);
    TAILQ_INIT(&circle->steady);
    circle->ahead = 0;
}

static void turn_leave(struct circle *circle, struct turn *turn)
{
    if (turn->list == TURN_FRESH)
        TAILQ_REMOVE(&circle->fresh, turn, entry);
    else if (turn->list == TURN_STEADY)
        TAILQ_REMOVE(&circle->steady, turn, entry);
    turn->list = TURN_NONE;
}

static void turn_to_the_end(struct circle *circle, struct turn *turn)
{
    turn_leave(circle, turn);
    TAILQ_INSERT_TAIL(&circle->steady, turn, entry);
    turn->list = TURN_STEADY;
}

/* With a submission of so many bytes. A large one is for the others to wait for, so that it waits for its turn. */
static void turn_come(struct circle *circle, struct turn *turn, size_t bytes)
{
    if (turn->list != TURN_NONE)
        return;
    turn->credit = QUANTUM_BYTES;
    turn->list = bytes <= QUANTUM_BYTES ? TURN_FRESH : TURN_STEADY;
    TAILQ_INSERT_TAIL(turn->list == TURN_FRESH ? &circle->fresh : &circle->steady, turn, entry);
}

/* Whose turn it is to be looked at; NULL: nobody's. */
static struct turn *turn_first(const struct circle *circle)
{
    struct turn *fresh = TAILQ_FIRST(&circle->fresh), *steady = TAILQ_FIRST(&circle->steady);

    return fresh && (!steady || circle->ahead < AHEAD_BYTES) ? fresh : steady;
}

static void turn_pay(struct circle *circle, struct turn *turn, size_t bytes)
{
    turn->credit -= (int64_t)bytes;
    if (turn->list == TURN_FRESH)
        circle->ahead = TAILQ_EMPTY(&circle->steady) ? 0 : circle->ahead + (int64_t)bytes;
    else
        circle->ahead = circle->ahead > (int64_t)bytes ? circle->ahead - (int64_t)bytes : 0;
}

/* --- connections and sources --------------------------------------------------------------------------------------------------------- */

static struct bucket *bucket_of(struct commit_queue *queue, const struct commit_sender *sender)
{
    const uint64_t golden = UINT64_C(0x9e3779b97f4a7c15); /* Knuth, The Art of Computer Programming, volume 3, section 6.4 */
    return &queue->buckets[((sender->connection ^ (uint64_t)sender->source * golden) * golden >> 32) % BUCKETS];
}

static struct connection *connection_find(struct commit_queue *queue, const struct commit_sender *sender)
{
    struct connection *connection;

    LIST_FOREACH(connection, bucket_of(queue, sender), same_bucket)
        if (connection->number == sender->connection && connection->source->number == sender->source)
            return connection;
    return NULL;
}

static struct source_share *source_find(struct commit_queue *queue, int64_t number)
{
    struct source_share *source;

    LIST_FOREACH(source, &queue->known, entry)
        if (source->number == number)
            return source;
    return NULL;
}

static struct source_share *source_of(struct commit_queue *queue, int64_t number)
{
    struct source_share *source = source_find(queue, number);

    if (source)
        return source;
    source = xcalloc(1, sizeof *source);
    source->number = number;
    circle_begin(&source->connections);
    LIST_INSERT_HEAD(&queue->known, source, entry);
    return source;
}

static struct connection *connection_of(struct commit_queue *queue, const struct commit_sender *sender)
{
    struct connection *connection = connection_find(queue, sender);

    if (connection)
        return connection;
    connection = xcalloc(1, sizeof *connection);
    connection->source = source_of(queue, sender->source);
    connection->number = sender->connection;
    STAILQ_INIT(&connection->submissions);
    LIST_INSERT_HEAD(bucket_of(queue, sender), connection, same_bucket);
    return connection;
}

static void connection_gone(struct turn *turn)
{
    struct connection *connection = (struct connection *)turn;

    turn_leave(&connection->source->connections, turn);
    LIST_REMOVE(connection, same_bucket);
    free(connection);
}

static void source_gone(struct turn *turn)
{
    (void)turn; /* stays known */
}

/* --- room --------------------------------------------------------------------------------------------------------------------------- */

static bool has_room_for(struct commit_queue *queue, const struct commit_sender *sender, size_t bytes)
{
    const struct source_share *source = source_find(queue, sender->source);
    const struct connection *connection = connection_find(queue, sender);

    if (sender->insists || queue->count == 0 || !source || source->turn.waiting == 0)
        return true;
    size_t free_bytes = queue->capacity > queue->bytes ? queue->capacity - queue->bytes : 0;
    size_t of_source = free_bytes * SHARE;
    if (free_bytes < bytes)
        return false;
    if ((!connection || connection->turn.waiting == 0) && bytes <= QUANTUM_BYTES)
        return true;
    if (source->turn.bytes + bytes > of_source)
        return false;
    size_t of_connection = (of_source - source->turn.bytes) * SHARE;
    return !connection || connection->turn.bytes + bytes <= of_connection;
}

/* --- in and out ------------------------------------------------------------------------------------------------------------------------ */

struct commit_queue *commit_queue_new(size_t bytes)
{
    struct commit_queue *queue = xcalloc(1, sizeof *queue);

    queue->capacity = bytes;
    circle_begin(&queue->sources);
    LIST_INIT(&queue->known);
    for (size_t i = 0; i < BUCKETS; i++)
        LIST_INIT(&queue->buckets[i]);
    return queue;
}

void commit_queue_free(struct commit_queue *queue)
{
    struct source_share *source;
    struct connection *connection;

    if (!queue)
        return;
    for (size_t i = 0; i < BUCKETS; i++)
        while ((connection = LIST_FIRST(&queue->buckets[i])))
            connection_gone(&connection->turn);
    while ((source = LIST_FIRST(&queue->known))) {
        LIST_REMOVE(source, entry);
        free(source);
    }
    free(queue);
}

static void count(struct commit_queue *queue, struct connection *connection, size_t bytes, bool more)
{
    struct turn *const turns[] = {&connection->turn, &connection->source->turn};

    for (size_t i = 0; i < 2; i++) {
        turns[i]->waiting += more ? 1 : (size_t)-1;
        turns[i]->bytes += more ? bytes : (size_t)-bytes;
    }
    queue->count += more ? 1 : (size_t)-1;
    queue->bytes += more ? bytes : (size_t)-bytes;
}

bool commit_queue_add(struct commit_queue *queue, const struct commit_waiting *waiting)
{
    size_t bytes = submission_bytes(waiting->submission).length;

    if (!has_room_for(queue, &waiting->sender, bytes))
        return false;
    struct connection *connection = connection_of(queue, &waiting->sender);
    struct waiting *added = xcalloc(1, sizeof *added);
    added->is = *waiting;
    STAILQ_INSERT_TAIL(&connection->submissions, added, entry);
    turn_come(&connection->source->connections, &connection->turn, bytes);
    turn_come(&queue->sources, &connection->source->turn, bytes);
    count(queue, connection, bytes, true);
    return true;
}

/* Whose turn it is, of those that have something waiting; there is one. Who has nothing and owes nothing is gone. */
static struct turn *turn_next(struct circle *circle, void (*gone)(struct turn *turn))
{
    for (;;) {
        struct turn *turn = turn_first(circle);
        if (turn->waiting && turn->credit > 0)
            return turn;
        if (turn->waiting == 0 && turn->list == TURN_STEADY && turn->credit > 0) {
            turn_leave(circle, turn);
            gone(turn);
            continue;
        }
        if (turn->credit <= 0)
            turn->credit += QUANTUM_BYTES;
        turn_to_the_end(circle, turn);
    }
}

/* Nobody waits: nobody's debt harms anybody. */
static void forgive_all(struct commit_queue *queue)
{
    struct source_share *source;
    struct turn *turn;

    LIST_FOREACH(source, &queue->known, entry) {
        while ((turn = TAILQ_FIRST(&source->connections.fresh)) || (turn = TAILQ_FIRST(&source->connections.steady)))
            connection_gone(turn);
        turn_leave(&queue->sources, &source->turn);
        source->connections.ahead = 0;
    }
    queue->sources.ahead = 0;
}

static void take_from(struct commit_queue *queue, struct connection *connection, struct commit_waiting *waiting)
{
    struct waiting *taken = STAILQ_FIRST(&connection->submissions);
    size_t bytes = submission_bytes(taken->is.submission).length;

    STAILQ_REMOVE_HEAD(&connection->submissions, entry);
    count(queue, connection, bytes, false);
    *waiting = taken->is;
    free(taken);
    turn_pay(&connection->source->connections, &connection->turn, bytes);
    turn_pay(&queue->sources, &connection->source->turn, bytes);
    if (queue->count == 0)
        forgive_all(queue);
}

bool commit_queue_take(struct commit_queue *queue, struct commit_waiting *waiting)
{
    if (queue->count == 0)
        return false;
    struct source_share *source = (struct source_share *)turn_next(&queue->sources, source_gone);
    struct connection *connection = (struct connection *)turn_next(&source->connections, connection_gone);
    take_from(queue, connection, waiting);
    return true;
}

bool commit_queue_take_resendable(struct commit_queue *queue, struct commit_waiting *waiting)
{
    struct connection *connection;

    for (size_t i = 0; i < BUCKETS; i++)
        LIST_FOREACH(connection, &queue->buckets[i], same_bucket) {
            struct waiting *first = STAILQ_FIRST(&connection->submissions); /* a connection's are all of one kind */
            if (!first || !first->is.sender.resends)
                continue;
            take_from(queue, connection, waiting);
            return true;
        }
    return false;
}

size_t commit_queue_count(const struct commit_queue *queue)
{
    return queue->count;
}

size_t commit_queue_bytes(const struct commit_queue *queue)
{
    return queue->bytes;
}
