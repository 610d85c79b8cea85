/* SPDX-License-Identifier: Apache-2.0 */
/* What became of deliveries. A result frees what an alert holds, so it never waits for room that only results can make. */
#include "writer.h"

static void bind_delivery(sqlite3_stmt *statement, int64_t destination, const struct store_delivery_result *delivery)
{
    sqlite3_bind_int64(statement, 1, destination);
    sqlite3_bind_int64(statement, 2, delivery->alert);
    sqlite3_bind_int64(statement, 3, delivery->round);
}

static void bind_outcome(sqlite3_stmt *statement, const struct store_delivery_result *delivery, clock_nanos time)
{
    sqlite3_bind_int(statement, 4, (int)delivery->state);
    sqlite3_bind_int64(statement, 5, delivery->attempts);
    sqlite3_bind_int64(statement, 6, time);
    if (delivery->error[0] == '\0')
        sqlite3_bind_null(statement, 7);
    else
        database_bind_text(statement, 7, slice_make(delivery->error, strnlen(delivery->error, sizeof delivery->error)));
}

enum result writer_add_result(struct store *store, const struct store_delivery_result *delivery)
{
    struct slice name = slice_make(delivery->destination, strnlen(delivery->destination, sizeof delivery->destination));
    int64_t destination = (intptr_t)map_get(store->destinations, name);
    if (destination == 0)
        return RESULT_OK; /* nothing was ever queued for that name */
    bool over = delivery->state == STORE_DELIVERED || delivery->state == STORE_DEAD;
    sqlite3_stmt *statement = database_statement(&store->database, over ? WRITER_END_DELIVERY : WRITER_RETRY_LATER);
    if (statement == NULL)
        return RESULT_IO;
    bind_delivery(statement, destination, delivery);
    bind_outcome(statement, delivery, over ? delivery->time : delivery->next_time);
    sqlite3_bind_int64(statement, 8, counted_now(store->clock) + (over ? 0 : delivery->wait));
    enum result result = database_finish(&store->database, statement);
    if (result != RESULT_OK || !over)
        return result;
    statement = database_statement(&store->database, WRITER_LEAVE_QUEUE);
    if (statement == NULL)
        return RESULT_IO;
    bind_delivery(statement, destination, delivery);
    return database_finish(&store->database, statement);
}

/* A full disk may still take a few rows: over the WAL's own pages once they have been copied into the database. */
enum result store_commit_results(struct store *store, const struct store_delivery_result *results, size_t count, size_t *stored)
{
    enum result result = RESULT_OK;
    size_t piece = count;
    *stored = 0;
    while (*stored < count) {
        size_t length = piece < count - *stored ? piece : count - *stored;
        result = store_commit(store, NULL, 0, results + *stored, length, NULL);
        if (result == RESULT_OK) {
            *stored += length;
            continue;
        }
        if (result != RESULT_FULL || piece == 1)
            return result;
        store_checkpoint(store, true);
        piece /= 2;
    }
    return result;
}

enum result store_retry_dead(struct store *store, int64_t alert, const char *destination, uint64_t *count)
{
    int64_t id = destination ? (intptr_t)map_get(store->destinations, slice_of(destination)) : 0;
    if (count != NULL)
        *count = 0;
    if (destination != NULL && id == 0)
        return RESULT_NOT_FOUND;
    enum result result = writer_ready(store);
    if (result == RESULT_OK)
        result = writer_begin(store);
    if (result != RESULT_OK)
        return result;
    int changed = 0;
    static const enum writer_statement steps[] = {WRITER_REQUEUE_DEAD, WRITER_REMOVE_REQUEUED};
    for (size_t i = 0; result == RESULT_OK && i < sizeof steps / sizeof steps[0]; i++) {
        sqlite3_stmt *statement = database_statement(&store->database, (int)steps[i]);
        if (statement == NULL) {
            result = RESULT_IO;
            break;
        }
        sqlite3_bind_int64(statement, 1, alert);
        sqlite3_bind_int64(statement, 2, id);
        if (steps[i] == WRITER_REQUEUE_DEAD) {
            sqlite3_bind_int64(statement, 3, clock_wall());
            sqlite3_bind_int64(statement, 4, counted_now(store->clock));
        }
        result = database_finish(&store->database, statement);
        changed = sqlite3_changes(store->database.handle);
    }
    result = writer_end(store, result);
    if (result == RESULT_OK && count != NULL)
        *count = (uint64_t)changed;
    return result == RESULT_OK && changed == 0 ? RESULT_NOT_FOUND : result;
}
