/* SPDX-License-Identifier: Apache-2.0 */
/* Housekeeping between commits, in steps that are short enough to let a commit wait for them. */
#include "harrier/base/log.h"
#include "harrier/base/vector.h"
#include "writer.h"

#include <stdio.h>

enum {
    RETENTION_STEP = 200,   /* alerts looked at in one step */
    SEEN_STEP = 500,        /* ids looked at in one step */
    WAL_PINNED_FACTOR = 16, /* x checkpoint_bytes: then the WAL is emptied with a short wait for readers */
    WAL_PINNED_WAIT_MS = 50,
    VACUUM_KEEP_DIVISOR = 8 /* one page in so many may stay free: it is used again soon */
};

/* --- checkpoint --------------------------------------------------------------------------------------------------------- */

static enum result checkpoint(struct store *store, int mode)
{
    int in_wal = 0, copied = 0;
    int code = sqlite3_wal_checkpoint_v2(store->database.handle, NULL, mode, &in_wal, &copied);
    identity_note(store, code == SQLITE_OK); /* one that failed may have copied some pages, the first among them */
    if (code != SQLITE_OK && (code & 0xff) != SQLITE_BUSY)
        return database_failed(&store->database, code);
    if (in_wal >= 0)
        store->wal_pages = (uint64_t)in_wal;
    if (copied >= 0)
        store->checkpointed_pages = (uint64_t)copied;
    return RESULT_OK;
}

/* The WAL begins anew only when no reader stands in it. Readers here are short, but one that an operator holds open (a shell in a transaction)
 * lets it grow without end; so a long one is worth a short wait, and a line in the log. */
static enum result checkpoint_pinned(struct store *store)
{
    sqlite3_busy_timeout(store->database.handle, WAL_PINNED_WAIT_MS);
    enum result result = checkpoint(store, SQLITE_CHECKPOINT_RESTART);
    sqlite3_busy_timeout(store->database.handle, store->options.busy_timeout_ms);
    bool pinned = result == RESULT_OK && store->checkpointed_pages < store->wal_pages;
    if (pinned && !store->wal_pinned_logged)
        log_warning("store: a reader keeps %s-wal from being emptied (%llu MiB): end programs that hold the database open",
                    store->database.path, (unsigned long long)(store->wal_pages * DATABASE_PAGE_BYTES >> 20));
    store->wal_pinned_logged = pinned;
    return result;
}

enum result store_checkpoint(struct store *store, bool idle)
{
    uint64_t threshold = store->options.checkpoint_bytes / DATABASE_PAGE_BYTES;
    if (!idle && !store->reopen && store->wal_pages - store->checkpointed_pages < threshold)
        return RESULT_OK;
    enum result result = store_check(store); /* copied over a strange file, the WAL's pages would be no use to anybody */
    if (result == RESULT_GONE && (!store->identity.noted || store->identity.wal_cut))
        return result;
    result = writer_ready(store);
    if (result != RESULT_OK)
        return result;
    uint64_t fresh = store->wal_pages - store->checkpointed_pages;
    if (fresh == 0 || (fresh < threshold && !idle))
        return RESULT_OK;
    if (store->wal_pages >= WAL_PINNED_FACTOR * threshold)
        return checkpoint_pinned(store);
    return checkpoint(store, SQLITE_CHECKPOINT_PASSIVE);
}

/* --- retention of alerts ------------------------------------------------------------------------------------------------ */

typedef VECTOR(int64_t) retention_rows;

/* What a round goes by. */
struct retention {
    clock_nanos instant; /* counted: what is older has had its time */
    int64_t expired;     /* the newest alert that is older */
    bool crowded;
    uint64_t given_up;   /* alerts among those found that a destination never got */
};

/* Given up is not delivered: as long as an operator may put it back (harrierctl dead retry), an alert stays, for a whole retention of its own, and gives way
 * to a crowd only when nothing else is left to go and the store comes close to taking no more. */
static bool may_go(const struct store *store, struct retention *retention, sqlite3_stmt *row)
{
    bool undelivered = sqlite3_column_int(row, 1) != 0;
    bool given_up = sqlite3_column_type(row, 2) != SQLITE_NULL;
    if (undelivered) /* what was acknowledged is never dropped before it is delivered */
        return false;
    if (given_up && sqlite3_column_int64(row, 2) > retention->instant && !store->dead_may_go)
        return false;
    retention->given_up += given_up;
    return true;
}

/* The next alerts that have to go. Those that are too young end the round, unless the store is too large. */
static enum result find_expired(struct store *store, struct retention *retention, retention_rows *rows)
{
    sqlite3_stmt *statement = database_statement(&store->database, WRITER_RETENTION_ROWS);
    if (statement == NULL)
        return RESULT_IO;
    sqlite3_bind_int64(statement, 1, store->retention_cursor);
    sqlite3_bind_int(statement, 2, RETENTION_STEP);
    enum result result;
    while ((result = database_row(&store->database, statement)) == RESULT_OK) {
        int64_t number = sqlite3_column_int64(statement, 0);
        if (number > retention->expired && !retention->crowded)
            break;
        store->retention_cursor = number;
        if (may_go(store, retention, statement))
            VECTOR_PUSH(rows, number);
        if (retention->crowded && rows->count >= RETENTION_STEP / 4)
            break; /* look at the size again before more goes */
    }
    sqlite3_reset(statement);
    return result == RESULT_NOT_FOUND ? RESULT_OK : result;
}

static enum result begin_step(struct store *store, clock_nanos now, struct retention *retention)
{
    struct writer_space space;
    uint64_t soft = store->options.soft_bytes, hard = store->options.hard_bytes;
    *retention = (struct retention){.instant = clock_difference(now, store->options.alert_retention)};
    enum result result = writer_space(store, &space);
    if (result == RESULT_OK)
        result = aging_older_than(store, retention->instant, &retention->expired);
    retention->crowded = writer_is_crowded(store, &space);
    store->dead_may_go &= space.used > soft + (hard - soft) / 2;
    return result;
}

/* Each round begins at the oldest. One that found nothing to remove, though the store is crowded, lets the next one take what was given up, at once. */
static void end_round(struct store *store, const struct retention *retention, struct store_maintenance *done)
{
    bool could = store->dead_may_go;
    store->dead_may_go = retention->crowded && store->retention_removed == 0;
    done->more |= store->dead_may_go && !could;
    store->retention_cursor = 0;
    store->retention_removed = 0;
}

static void tell_of_given_up(const struct store *store, const struct retention *retention, struct store_maintenance *done)
{
    if (retention->given_up == 0)
        return;
    done->given_up_removed += retention->given_up;
    log_error("store: %llu alerts that a destination never got are removed %s", (unsigned long long)retention->given_up,
              store->dead_may_go ? "to make room for new ones: raise store.size"
                                 : "store.retention after they were given up");
}

static enum result run_with_number(struct store *store, enum writer_statement which, int64_t number)
{
    sqlite3_stmt *statement = database_statement(&store->database, (int)which);
    if (statement == NULL)
        return RESULT_IO;
    sqlite3_bind_int64(statement, 1, number);
    return database_finish(&store->database, statement);
}

static enum result remove_alert(struct store *store, int64_t number)
{
    enum result result = run_with_number(store, WRITER_REMOVE_DOCUMENT, number);
    if (result == RESULT_OK)
        result = run_with_number(store, WRITER_REMOVE_ENDED, number);
    if (result == RESULT_OK)
        result = run_with_number(store, WRITER_REMOVE_ALERT, number);
    return result;
}

static enum result remove_alerts(struct store *store, const retention_rows *rows, struct store_maintenance *done)
{
    enum result result = writer_begin(store);
    if (result != RESULT_OK)
        return result;
    /* The newest one may be among them, and its number must not be given again. */
    result = run_with_number(store, WRITER_SET_LAST_ALERT, store->last_alert);
    for (size_t i = 0; result == RESULT_OK && i < rows->count; i++)
        result = remove_alert(store, rows->items[i]);
    result = writer_end(store, result);
    if (result != RESULT_OK)
        return result;
    done->alerts_removed += rows->count;
    return RESULT_OK;
}

static enum result retain_alerts(struct store *store, clock_nanos now, struct store_maintenance *done)
{
    struct retention retention;
    retention_rows rows = {0};
    int64_t before = store->retention_cursor;
    enum result result = begin_step(store, now, &retention);
    if (result == RESULT_OK)
        result = find_expired(store, &retention, &rows);
    bool moved = store->retention_cursor != before;
    if (result == RESULT_OK && rows.count > 0)
        result = remove_alerts(store, &rows, done);
    if (result == RESULT_OK) {
        store->retention_removed += rows.count;
        tell_of_given_up(store, &retention, done);
    }
    if (result != RESULT_OK)
        store->retention_cursor = 0;
    else if (!moved)
        end_round(store, &retention, done);
    done->more |= result == RESULT_OK && moved;
    VECTOR_FREE(&rows);
    return result;
}

/* --- retention of ids --------------------------------------------------------------------------------------------------- */

struct seen_id {
    uint8_t bytes[SUBMISSION_ID_HEX / 2];
};

typedef VECTOR(struct seen_id) seen_ids;

/* An index by age would double what an alert's id costs at each commit; instead the whole tree is walked, a step at a time, for ever. */
static enum result find_forgotten(struct store *store, clock_nanos now, seen_ids *ids, bool *too_many)
{
    sqlite3_stmt *statement = database_statement(&store->database, WRITER_SEEN_ROWS);
    if (statement == NULL)
        return RESULT_IO;
    database_bind_blob(statement, 1, slice_make((const char *)store->seen_cursor, store->seen_cursor_length));
    sqlite3_bind_int(statement, 2, SEEN_STEP);
    struct seen_id last = {0};
    int64_t oldest;
    size_t looked_at = 0;
    enum result result = aging_older_than(store, clock_difference(now, store->options.id_retention), &oldest);
    if (result != RESULT_OK)
        return result;
    while ((result = database_row(&store->database, statement)) == RESULT_OK) {
        struct slice id = database_column(statement, 0);
        if (id.length != sizeof last.bytes)
            continue;
        memcpy(last.bytes, id.bytes, sizeof last.bytes);
        /* every alert has one id: those of the last id_count alerts are at most so many */
        bool beyond = sqlite3_column_int64(statement, 1) <= store->last_alert - (int64_t)store->options.id_count;
        bool kept = sqlite3_column_int(statement, 2) != 0;
        if ((beyond || sqlite3_column_int64(statement, 1) <= oldest) && !kept)
            VECTOR_PUSH(ids, last);
        *too_many |= beyond && !kept;
        looked_at++;
    }
    memcpy(store->seen_cursor, last.bytes, sizeof last.bytes);
    store->seen_cursor_length = looked_at == SEEN_STEP ? sizeof last.bytes : 0;
    return result == RESULT_NOT_FOUND ? RESULT_OK : result;
}

static enum result forget_ids(struct store *store, clock_nanos now, struct store_maintenance *done)
{
    seen_ids ids = {0};
    bool too_many = false;
    enum result result = find_forgotten(store, now, &ids, &too_many);
    if (result == RESULT_OK && ids.count > 0) {
        result = writer_begin(store);
        if (result == RESULT_OK) {
            sqlite3_stmt *statement = database_statement(&store->database, WRITER_REMOVE_SEEN);
            result = statement ? RESULT_OK : RESULT_IO;
            for (size_t i = 0; result == RESULT_OK && i < ids.count; i++) {
                database_bind_blob(statement, 1, slice_make((const char *)ids.items[i].bytes, sizeof ids.items[i].bytes));
                result = database_finish(&store->database, statement);
            }
            result = writer_end(store, result);
        }
        done->ids_forgotten += result == RESULT_OK ? ids.count : 0;
        done->more |= result == RESULT_OK && too_many;
    }
    VECTOR_FREE(&ids);
    return result;
}

enum result store_maintain(struct store *store, clock_nanos now, struct store_maintenance *done)
{
    struct store_maintenance ignored;
    done = done ? done : &ignored;
    *done = (struct store_maintenance){0};
    enum result result = writer_ready(store);
    if (result == RESULT_OK)
        result = aging_note_idle(store);
    if (result == RESULT_OK)
        result = retain_alerts(store, now, done);
    if (result == RESULT_OK)
        result = forget_ids(store, now, done);
    return result;
}

/* --- vacuum ------------------------------------------------------------------------------------------------------------- */

enum result store_vacuum_step(struct store *store, int pages, bool *more)
{
    struct writer_space space = {0};
    *more = false;
    enum result result = writer_ready(store);
    if (result == RESULT_OK)
        result = writer_space(store, &space);
    int64_t unused = (int64_t)(space.unused / DATABASE_PAGE_BYTES), in_all = unused + (int64_t)(space.used / DATABASE_PAGE_BYTES);
    if (result != RESULT_OK || unused <= in_all / VACUUM_KEEP_DIVISOR)
        return result;
    char sql[64];
    snprintf(sql, sizeof sql, "PRAGMA incremental_vacuum(%d)", pages);
    result = database_run(&store->database, sql);
    *more = result == RESULT_OK && unused - pages > (in_all - pages) / VACUUM_KEEP_DIVISOR;
    return result;
}
