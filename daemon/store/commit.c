/* SPDX-License-Identifier: Apache-2.0 */
/* Group commit: everything that waits becomes durable in one transaction, or nothing of it does. */
#include "harrier/log.h"
#include "writer.h"

const char *const writer_sql[WRITER_STATEMENT_COUNT] = {
    [WRITER_BEGIN] = "BEGIN IMMEDIATE",
    [WRITER_COMMIT] = "COMMIT",
    [WRITER_ADD_SEEN] = "INSERT INTO seen VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
    [WRITER_ADD_ALERT] = "INSERT INTO alert VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    [WRITER_ADD_DOCUMENT] = "INSERT INTO document VALUES (?1, ?2)",
    [WRITER_ADD_QUEUE] = "INSERT INTO queue VALUES (?1, ?2, 0, 0, 0, ?3, 0, NULL, ?4, 0) ON CONFLICT DO NOTHING",
    [WRITER_ADD_DESTINATION] = "INSERT INTO destination (name) VALUES (?1)",
    [WRITER_RETRY_LATER] =
        "UPDATE queue SET state = ?4, attempts = ?5, next_time = ?6, error = ?7, counted_next = ?8 WHERE destination = ?1 AND alert = ?2 AND round = ?3",
    [WRITER_END_DELIVERY] = "INSERT OR REPLACE INTO ended SELECT alert, destination, round, ?4, ?5, since, ?6, ?7, ?8 FROM queue"
                            " WHERE destination = ?1 AND alert = ?2 AND round = ?3",
    [WRITER_LEAVE_QUEUE] = "DELETE FROM queue WHERE destination = ?1 AND alert = ?2 AND round = ?3",
    [WRITER_ADD_DEAD_LETTER] = "INSERT INTO dead_letter VALUES (NULL, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [WRITER_OLDEST_DEAD_LETTER] = "SELECT number, length(kept) FROM dead_letter ORDER BY number LIMIT 1",
    [WRITER_REMOVE_DEAD_LETTER] = "DELETE FROM dead_letter WHERE number = ?1",
    [WRITER_ADD_TO_META] = "UPDATE meta SET value = value + ?2 WHERE name = ?1",
    [WRITER_SET_LAST_ALERT] = "UPDATE meta SET value = ?1 WHERE name = 'last_alert'",
    [WRITER_REQUEUE_DEAD] = "INSERT OR IGNORE INTO queue SELECT destination, alert, round + 1, 0, 0, ?3, 0, NULL, ?4, 0 FROM ended"
                            " WHERE state = 3 AND (?1 = 0 OR alert = ?1) AND (?2 = 0 OR destination = ?2)",
    [WRITER_REMOVE_REQUEUED] = "DELETE FROM ended WHERE state = 3 AND (?1 = 0 OR alert = ?1) AND (?2 = 0 OR destination = ?2)",
    [WRITER_RETENTION_ROWS] = "SELECT number, EXISTS (SELECT 1 FROM destination JOIN queue ON queue.destination = destination.id"
                              " AND queue.alert = alert.number),"
                              " (SELECT max(counted_end) FROM ended WHERE ended.alert = alert.number AND state = 3) FROM alert WHERE number > ?1 ORDER BY number LIMIT ?2",
    [WRITER_REMOVE_ALERT] = "DELETE FROM alert WHERE number = ?1",
    [WRITER_REMOVE_DOCUMENT] = "DELETE FROM document WHERE alert = ?1",
    [WRITER_REMOVE_ENDED] = "DELETE FROM ended WHERE alert = ?1",
    [WRITER_SEEN_ROWS] =
        "SELECT id, alert, EXISTS (SELECT 1 FROM alert WHERE number = seen.alert) FROM seen WHERE id > ?1 ORDER BY id LIMIT ?2",
    [WRITER_REMOVE_SEEN] = "DELETE FROM seen WHERE id = ?1",
    [WRITER_SET_POSITION] = "INSERT INTO position VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    [WRITER_READ_CLOCK] = "SELECT counted, boot, wall, boot_id FROM counted_time",
    [WRITER_WRITE_CLOCK] = "INSERT OR REPLACE INTO counted_time VALUES (1, ?1, ?2, ?3, ?4)",
    [WRITER_ADD_MARK] = "INSERT OR REPLACE INTO mark VALUES (?1, ?2)",
    [WRITER_REMOVE_MARKS] = "DELETE FROM mark WHERE counted < (SELECT max(counted) FROM mark WHERE counted <= ?1)",
    [WRITER_LAST_MARK] = "SELECT alert FROM mark WHERE counted <= ?1 ORDER BY counted DESC LIMIT 1",
};

/* --- alerts ------------------------------------------------------------------------------------------------------------- */

static uint8_t hex_digit(char c)
{
    return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* hex was checked by the submission's reader. */
static void bytes_of_id(struct slice hex, uint8_t id[SUBMISSION_ID_HEX / 2])
{
    for (size_t i = 0; i < SUBMISSION_ID_HEX / 2; i++)
        id[i] = (uint8_t)(hex_digit(hex.bytes[2 * i]) << 4 | hex_digit(hex.bytes[2 * i + 1]));
}

static struct slice slice_of_id(const uint8_t *id)
{
    return slice_make((const char *)id, SUBMISSION_ID_HEX / 2);
}

/* *known: the id was there already. */
static enum result add_seen(struct store *store, const uint8_t *id, int64_t number, clock_nanos now, bool *known)
{
    sqlite3_stmt *statement = database_statement(&store->database, WRITER_ADD_SEEN);
    if (statement == NULL)
        return RESULT_IO;
    database_bind_blob(statement, 1, slice_of_id(id));
    sqlite3_bind_int64(statement, 2, number);
    sqlite3_bind_int64(statement, 3, now / CLOCK_SECOND); /* seconds: a shorter row */
    enum result result = database_finish(&store->database, statement);
    *known = sqlite3_changes(store->database.handle) == 0;
    return result;
}

static enum result add_alert_row(struct store *store, const struct submission_alert *alert, struct slice cluster, const uint8_t *id,
                                 int64_t number, clock_nanos now)
{
    sqlite3_stmt *statement = database_statement(&store->database, WRITER_ADD_ALERT);
    if (statement == NULL)
        return RESULT_IO;
    uint8_t dedup_key[SUBMISSION_ID_HEX / 2];
    bytes_of_id(alert->dedup_key, dedup_key);
    sqlite3_bind_int64(statement, 1, number);
    database_bind_blob(statement, 2, slice_of_id(id));
    database_bind_blob(statement, 3, slice_of_id(dedup_key));
    sqlite3_bind_int64(statement, 4, alert->time);
    sqlite3_bind_int64(statement, 5, now);
    sqlite3_bind_int(statement, 6, (int)severity_rank(alert->severity));
    sqlite3_bind_double(statement, 7, alert->risk_score == alert->risk_score ? alert->risk_score : 0); /* NaN would be NULL */
    database_bind_text(statement, 8, alert->severity);
    database_bind_text(statement, 9, alert->rule);
    database_bind_text(statement, 10, cluster);
    return database_finish(&store->database, statement);
}

static enum result add_document(struct store *store, struct slice json, int64_t number)
{
    sqlite3_stmt *statement = database_statement(&store->database, WRITER_ADD_DOCUMENT);
    if (statement == NULL)
        return RESULT_IO;
    sqlite3_bind_int64(statement, 1, number);
    database_bind_text(statement, 2, json);
    return database_finish(&store->database, statement);
}

static enum result destination_id(struct store *store, struct slice name, int64_t *id)
{
    *id = (intptr_t)map_get(store->destinations, name);
    if (*id != 0)
        return RESULT_OK;
    sqlite3_stmt *statement = database_statement(&store->database, WRITER_ADD_DESTINATION);
    if (statement == NULL)
        return RESULT_IO;
    database_bind_text(statement, 1, name);
    enum result result = database_finish(&store->database, statement);
    if (result == RESULT_OK) {
        *id = sqlite3_last_insert_rowid(store->database.handle);
        map_put(store->destinations, name, (void *)(intptr_t)*id);
    }
    return result;
}

static enum result add_delivery(struct store *store, struct slice name, int64_t number, clock_nanos now, uint64_t *added)
{
    int64_t destination;
    enum result result = destination_id(store, slice_first(name, STORE_NAME_MAX - 1), &destination);
    if (result != RESULT_OK)
        return result;
    sqlite3_stmt *statement = database_statement(&store->database, WRITER_ADD_QUEUE);
    if (statement == NULL)
        return RESULT_IO;
    sqlite3_bind_int64(statement, 1, destination);
    sqlite3_bind_int64(statement, 2, number);
    sqlite3_bind_int64(statement, 3, now);
    sqlite3_bind_int64(statement, 4, counted_now(store->clock));
    result = database_finish(&store->database, statement);
    *added += result == RESULT_OK && sqlite3_changes(store->database.handle) != 0;
    return result;
}

static enum result add_alert(struct store *store, const struct submission_alert *alert, struct slice cluster, clock_nanos now,
                             struct store_commit_counts *counts)
{
    uint8_t id[SUBMISSION_ID_HEX / 2];
    bool known;
    int64_t number = store->last_alert + 1;
    bytes_of_id(alert->alert_id, id);
    enum result result = add_seen(store, id, number, now, &known);
    if (result != RESULT_OK)
        return result;
    if (known) {
        counts->alerts_known++;
        return RESULT_OK;
    }
    result = add_alert_row(store, alert, cluster, id, number, now);
    if (result == RESULT_OK)
        result = add_document(store, alert->json, number);
    for (size_t i = 0; result == RESULT_OK && i < alert->destination_count; i++)
        result = add_delivery(store, alert->destinations[i], number, now, &counts->deliveries_added);
    store->last_alert = number;
    counts->alerts_added++;
    return result;
}

/* --- dead letters ------------------------------------------------------------------------------------------------------- */

static enum result add_dead_letter(struct store *store, const struct submission_dead_letter *letter, struct slice cluster, clock_nanos now,
                                   struct store_commit_counts *counts)
{
    sqlite3_stmt *statement = database_statement(&store->database, WRITER_ADD_DEAD_LETTER);
    if (statement == NULL)
        return RESULT_IO;
    struct slice kept = slice_first(letter->kept, (size_t)store->options.dead_letter_bytes);
    sqlite3_bind_int64(statement, 1, now);
    sqlite3_bind_int64(statement, 2, (int64_t)letter->total_length);
    sqlite3_bind_int64(statement, 3, (int64_t)letter->offset);
    database_bind_text(statement, 4, cluster);
    database_bind_text(statement, 5, letter->source);
    database_bind_text(statement, 6, letter->reason);
    database_bind_text(statement, 7, letter->detail);
    database_bind_blob(statement, 8, kept);
    enum result result = database_finish(&store->database, statement);
    store->dead_letter_bytes += kept.length;
    store->dead_letter_count++;
    counts->dead_letters_added++;
    return result;
}

static enum result remove_oldest_dead_letter(struct store *store)
{
    sqlite3_stmt *oldest = database_statement(&store->database, WRITER_OLDEST_DEAD_LETTER);
    sqlite3_stmt *remove = database_statement(&store->database, WRITER_REMOVE_DEAD_LETTER);
    if (oldest == NULL || remove == NULL)
        return RESULT_IO;
    enum result result = database_row(&store->database, oldest);
    if (result != RESULT_OK)
        return result == RESULT_NOT_FOUND ? RESULT_CORRUPT : result;
    int64_t number = sqlite3_column_int64(oldest, 0);
    store->dead_letter_bytes -= (uint64_t)sqlite3_column_int64(oldest, 1);
    store->dead_letter_count--;
    sqlite3_reset(oldest);
    sqlite3_bind_int64(remove, 1, number);
    return database_finish(&store->database, remove);
}

static enum result bound_dead_letters(struct store *store, struct store_commit_counts *counts)
{
    enum result result = RESULT_OK;
    uint64_t dropped = 0;
    while (result == RESULT_OK && store->dead_letter_count > 1 &&
           (store->dead_letter_count > store->options.dead_letter_count || store->dead_letter_bytes > store->options.dead_letter_bytes)) {
        result = remove_oldest_dead_letter(store);
        dropped++;
    }
    if (result == RESULT_OK && dropped > 0)
        result = writer_add_to_meta(store, "dead_letters_dropped", (int64_t)dropped);
    counts->dead_letters_dropped += dropped;
    return result;
}

/* --- positions ---------------------------------------------------------------------------------------------------------- */

static enum result set_position(struct store *store, const struct submission_position *position)
{
    sqlite3_stmt *statement = database_statement(&store->database, WRITER_SET_POSITION);
    if (statement == NULL)
        return RESULT_IO;
    database_bind_text(statement, 1, position->key);
    database_bind_blob(statement, 2, position->value);
    return database_finish(&store->database, statement);
}

/* --- results of deliveries ---------------------------------------------------------------------------------------------- */

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

static enum result add_result(struct store *store, const struct store_delivery_result *delivery)
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

/* --- the commit --------------------------------------------------------------------------------------------------------- */

/* Whole, and nothing in it that this store cannot keep: a submission is stored as one, or not at all. */
static enum result check_submission(struct slice bytes, bool *empty)
{
    struct submission_reader reader;
    struct submission_item item;
    *empty = true;
    enum result result = submission_reader_open(&reader, bytes);
    while (result == RESULT_OK && (result = submission_reader_next(&reader, &item)) == RESULT_OK) {
        *empty = false;
        if (item.kind == SUBMISSION_OBSERVATION)
            return RESULT_UNSUPPORTED;
    }
    return result == RESULT_NOT_FOUND ? RESULT_OK : result;
}

/* False if there is nothing to write. */
static bool check_submissions(struct store_submission *submissions, size_t count)
{
    bool anything = false;
    for (size_t i = 0; i < count; i++) {
        bool empty;
        submissions[i].result = check_submission(submissions[i].bytes, &empty);
        if (submissions[i].result != RESULT_OK)
            log_error("store: a submission of %zu bytes is refused: %s", submissions[i].bytes.length, result_text(submissions[i].result));
        anything |= submissions[i].result == RESULT_OK && !empty;
    }
    return anything;
}

static enum result add_submission(struct store *store, struct slice bytes, clock_nanos now, struct store_commit_counts *counts)
{
    struct submission_reader reader;
    struct submission_item item;
    enum result result = submission_reader_open(&reader, bytes);
    while (result == RESULT_OK && (result = submission_reader_next(&reader, &item)) == RESULT_OK) {
        switch (item.kind) {
        case SUBMISSION_ALERT: result = add_alert(store, &item.alert, reader.cluster, now, counts); break;
        case SUBMISSION_DEAD_LETTER: result = add_dead_letter(store, &item.dead_letter, reader.cluster, now, counts); break;
        case SUBMISSION_POSITION: result = set_position(store, &item.position); break;
        case SUBMISSION_OBSERVATION: result = RESULT_UNSUPPORTED; break;
        }
    }
    return result == RESULT_NOT_FOUND ? RESULT_OK : result;
}

static enum result write_all(struct store *store, const struct store_submission *submissions, size_t submission_count,
                             const struct store_delivery_result *results, size_t result_count, struct store_commit_counts *counts)
{
    clock_nanos now = clock_wall();
    enum result result = writer_begin(store);
    if (result != RESULT_OK)
        return result;
    for (size_t i = 0; result == RESULT_OK && i < submission_count; i++) {
        if (submissions[i].result == RESULT_OK)
            result = add_submission(store, submissions[i].bytes, now, counts);
    }
    for (size_t i = 0; result == RESULT_OK && i < result_count; i++)
        result = add_result(store, &results[i]);
    if (result == RESULT_OK)
        result = bound_dead_letters(store, counts);
    if (result == RESULT_OK)
        result = aging_note(store);
    return writer_end(store, result);
}

enum result store_commit(struct store *store, struct store_submission *submissions, size_t submission_count,
                         const struct store_delivery_result *results, size_t result_count, struct store_commit_counts *counts)
{
    struct store_commit_counts done = {0};
    enum result result = RESULT_OK;
    if (check_submissions(submissions, submission_count) || result_count > 0) {
        result = writer_ready(store);
        if (result == RESULT_OK && submission_count > 0 && !store_has_room(store))
            result = RESULT_FULL;
        if (result == RESULT_OK)
            result = write_all(store, submissions, submission_count, results, result_count, &done);
    }
    if (result != RESULT_OK) {
        done = (struct store_commit_counts){0};
        for (size_t i = 0; i < submission_count; i++) {
            if (submissions[i].result == RESULT_OK)
                submissions[i].result = result;
        }
    }
    if (counts != NULL)
        *counts = done;
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
