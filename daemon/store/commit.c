/* SPDX-License-Identifier: Apache-2.0 */
/* Group commit: everything that waits becomes durable in one transaction, or nothing of it does. */
#include "harrier/base/log.h"
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
    [WRITER_WAITING] = "SELECT destination.name, waiting.number FROM (SELECT destination AS id, count(*) AS number FROM queue GROUP BY destination)"
                       " AS waiting JOIN destination USING (id) ORDER BY waiting.number DESC LIMIT 4",
    [WRITER_SET_POSITION] = "INSERT INTO position VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    [WRITER_REMOVE_POSITION] = "DELETE FROM position WHERE name = ?1",
    [WRITER_READ_CLOCK] = "SELECT counted, boot, wall, boot_id FROM counted_time",
    [WRITER_WRITE_CLOCK] = "INSERT OR REPLACE INTO counted_time VALUES (1, ?1, ?2, ?3, ?4)",
    [WRITER_ADD_MARK] = "INSERT OR REPLACE INTO mark VALUES (?1, ?2)",
    [WRITER_REMOVE_MARKS] = "DELETE FROM mark WHERE counted < (SELECT max(counted) FROM mark WHERE counted <= ?1)",
    [WRITER_PAGE_COUNT] = "PRAGMA page_count",
    [WRITER_UNUSED_PAGES] = "PRAGMA freelist_count",
    [WRITER_LAST_MARK] = "SELECT alert FROM mark WHERE counted <= ?1 ORDER BY counted DESC LIMIT 1",
};

/* When a transaction began: all that is added in it came at that moment. */
struct commit_time {
    clock_nanos wall, counted;
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

static enum result add_delivery(struct store *store, struct slice name, int64_t number, const struct commit_time *time, uint64_t *added)
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
    sqlite3_bind_int64(statement, 3, time->wall);
    sqlite3_bind_int64(statement, 4, time->counted);
    result = database_finish(&store->database, statement);
    *added += result == RESULT_OK && sqlite3_changes(store->database.handle) != 0;
    return result;
}

static enum result add_alert(struct store *store, const struct submission_alert *alert, struct slice cluster, const struct commit_time *time,
                             struct store_commit_counts *counts)
{
    uint8_t id[SUBMISSION_ID_HEX / 2];
    bool known;
    int64_t number = store->last_alert + 1;
    bytes_of_id(alert->alert_id, id);
    enum result result = add_seen(store, id, number, time->wall, &known);
    if (result != RESULT_OK)
        return result;
    if (known) {
        counts->alerts_known++;
        return RESULT_OK;
    }
    result = add_alert_row(store, alert, cluster, id, number, time->wall);
    if (result == RESULT_OK)
        result = add_document(store, alert->json, number);
    for (size_t i = 0; result == RESULT_OK && i < alert->destination_count; i++)
        result = add_delivery(store, alert->destinations[i], number, time, &counts->deliveries_added);
    store->last_alert = number;
    counts->alerts_added++;
    return result;
}

/* --- positions ---------------------------------------------------------------------------------------------------------- */

/* An empty one says that there is none any more. */
static enum result set_position(struct store *store, const struct submission_position *position)
{
    sqlite3_stmt *statement = database_statement(&store->database, position->value.length ? WRITER_SET_POSITION : WRITER_REMOVE_POSITION);
    if (statement == NULL)
        return RESULT_IO;
    database_bind_text(statement, 1, position->key);
    if (position->value.length)
        database_bind_blob(statement, 2, position->value);
    return database_finish(&store->database, statement);
}

/* --- the commit --------------------------------------------------------------------------------------------------------- */

/* What a submission asks of the store. */
struct demand {
    bool anything;
    bool room; /* alerts and dead letters grow the store; a position takes the place of the one before */
};

/* Whole, and nothing in it that this store cannot keep: a submission is stored as one, or not at all. */
static enum result check_submission(struct slice bytes, struct demand *demand)
{
    struct submission_reader reader;
    struct submission_item item;
    *demand = (struct demand){0};
    enum result result = submission_reader_open(&reader, bytes);
    while (result == RESULT_OK && (result = submission_reader_next(&reader, &item)) == RESULT_OK) {
        demand->anything = true;
        demand->room |= item.kind != SUBMISSION_POSITION;
        if (item.kind == SUBMISSION_OBSERVATION)
            return RESULT_UNSUPPORTED;
    }
    return result == RESULT_NOT_FOUND ? RESULT_OK : result;
}

/* False if there is nothing to write. Whether there is room is decided here, before the transaction: what needs room is left out of it, so that what
 * frees room is in it all the same. */
static bool check_submissions(struct store *store, struct store_submission *submissions, size_t count, struct store_commit_counts *counts)
{
    bool anything = false;
    bool room = count == 0 || store_has_room(store);
    for (size_t i = 0; i < count; i++) {
        struct demand demand;
        submissions[i].result = check_submission(submissions[i].bytes, &demand);
        if (submissions[i].result != RESULT_OK) {
            log_error("store: a submission of %zu bytes is refused: %s", submissions[i].bytes.length, result_text(submissions[i].result));
        } else if (demand.room && !room && !submissions[i].insists) {
            submissions[i].result = RESULT_FULL;
            counts->refused_for_room++;
        }
        anything |= submissions[i].result == RESULT_OK && demand.anything;
    }
    return anything;
}

static enum result add_submission(struct store *store, struct slice bytes, const struct commit_time *time, struct store_commit_counts *counts)
{
    struct submission_reader reader;
    struct submission_item item;
    enum result result = submission_reader_open(&reader, bytes);
    while (result == RESULT_OK && (result = submission_reader_next(&reader, &item)) == RESULT_OK) {
        switch (item.kind) {
        case SUBMISSION_ALERT: result = add_alert(store, &item.alert, reader.cluster, time, counts); break;
        case SUBMISSION_DEAD_LETTER: result = writer_add_dead_letter(store, &item.dead_letter, reader.cluster, time->wall, counts); break;
        case SUBMISSION_POSITION: result = set_position(store, &item.position); break;
        case SUBMISSION_OBSERVATION: result = RESULT_UNSUPPORTED; break;
        }
    }
    return result == RESULT_NOT_FOUND ? RESULT_OK : result;
}

static enum result write_all(struct store *store, const struct store_submission *submissions, size_t submission_count,
                             const struct store_delivery_result *results, size_t result_count, struct store_commit_counts *counts)
{
    const struct commit_time time = {clock_wall(), counted_now(store->clock)};
    enum result result = writer_begin(store);
    if (result != RESULT_OK)
        return result;
    for (size_t i = 0; result == RESULT_OK && i < submission_count; i++) {
        if (submissions[i].result == RESULT_OK)
            result = add_submission(store, submissions[i].bytes, &time, counts);
    }
    for (size_t i = 0; result == RESULT_OK && i < result_count; i++)
        result = writer_add_result(store, &results[i]);
    if (result == RESULT_OK)
        result = writer_bound_dead_letters(store, counts);
    if (result == RESULT_OK)
        result = aging_note(store);
    return writer_end(store, result);
}

/* A failure of the store is never one of the results that condemn a submission for good: it may be stored once the store is well. */
static enum result failure_of_store(enum result result)
{
    switch (result) {
    case RESULT_INVALID:
    case RESULT_UNSUPPORTED:
    case RESULT_LIMIT:
    case RESULT_NOT_FOUND: return RESULT_IO;
    default: return result;
    }
}

/* Nothing of the transaction was kept: no submission that was in it may be acknowledged. */
static void mark_failed(struct store_submission *submissions, size_t count, enum result result)
{
    for (size_t i = 0; i < count; i++) {
        if (submissions[i].result == RESULT_OK)
            submissions[i].result = result;
    }
}

enum result store_commit(struct store *store, struct store_submission *submissions, size_t submission_count,
                         const struct store_delivery_result *results, size_t result_count, struct store_commit_counts *counts)
{
    struct store_commit_counts refused = {0}, done = {0};
    enum result result = writer_ready(store);
    if (result == RESULT_OK && submission_count > 0)
        result = identity_check_before(store);
    bool anything = check_submissions(store, submissions, submission_count, &refused) || result_count > 0;
    done.refused_for_room = refused.refused_for_room;
    if (result == RESULT_OK && anything)
        result = write_all(store, submissions, submission_count, results, result_count, &done);
    bool for_room_alone = result == RESULT_OK && !anything && refused.refused_for_room > 0;
    if (for_room_alone)
        result = RESULT_FULL;
    if (result == RESULT_OK && submission_count > 0)
        result = store_check(store); /* removed meanwhile: it is written where nobody finds it */
    result = failure_of_store(result);
    if (result != RESULT_OK) {
        refused.failed = !for_room_alone;
        mark_failed(submissions, submission_count, result);
        done = refused;
    }
    if (anything && (result == RESULT_FULL || (result == RESULT_OK && submission_count > 0)))
        store->disk_full = result == RESULT_FULL;
    if (counts != NULL)
        *counts = done;
    return result;
}
