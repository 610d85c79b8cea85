/* SPDX-License-Identifier: Apache-2.0 */
/* How old what is stored is, in counted time (counted.h). Alerts rise in number as they are stored, so one mark an hour, "by then all alerts up to
 * this one were there", tells the age of every alert and of every known id without a time in each row. */
#include "writer.h"

#include <stdio.h>

/* What passes unsaved is lost if both the process and the kernel end at once; so much later things then go. */
#define SAVE_INTERVAL (10 * CLOCK_SECOND)
#define SAVE_INTERVAL_IDLE (60 * CLOCK_SECOND) /* a transaction for that alone */
#define MARK_INTERVAL (3600 * CLOCK_SECOND)
enum { MARKS_PER_RETENTION = 16 }; /* where retention is short, an hour would be a large part of it */

static enum result read_marks(struct store *store)
{
    enum result result = database_number(&store->database, "SELECT coalesce(max(counted), 0) FROM mark", &store->mark_time);
    if (result == RESULT_OK)
        result = database_number(&store->database, "SELECT coalesce(max(alert), 0) FROM mark", &store->mark_alert);
    store->clock_saved = 0;
    return result;
}

/* --- the clock's row ---------------------------------------------------------------------------------------------------- */

static enum result read_clock(struct store *store, struct counted_state *state)
{
    sqlite3_stmt *statement = database_statement(&store->database, WRITER_READ_CLOCK);
    if (statement == NULL)
        return RESULT_IO;
    enum result result = database_row(&store->database, statement);
    if (result != RESULT_OK)
        return result;
    state->counted = sqlite3_column_int64(statement, 0);
    state->boot = sqlite3_column_int64(statement, 1);
    state->wall = sqlite3_column_int64(statement, 2);
    struct slice boot_id = database_column(statement, 3);
    snprintf(state->boot_id, sizeof state->boot_id, "%.*s", SLICE_ARGS(boot_id));
    sqlite3_reset(statement);
    return RESULT_OK;
}

static enum result write_clock(struct store *store)
{
    struct counted_state state;
    sqlite3_stmt *statement = database_statement(&store->database, WRITER_WRITE_CLOCK);
    if (statement == NULL)
        return RESULT_IO;
    counted_state(store->clock, &state);
    sqlite3_bind_int64(statement, 1, state.counted);
    sqlite3_bind_int64(statement, 2, state.boot);
    sqlite3_bind_int64(statement, 3, state.wall);
    database_bind_text(statement, 4, slice_of(state.boot_id));
    store->clock_saved = state.counted;
    return database_finish(&store->database, statement);
}

static enum result add_mark(struct store *store, clock_nanos now)
{
    sqlite3_stmt *statement = database_statement(&store->database, WRITER_ADD_MARK);
    if (statement == NULL)
        return RESULT_IO;
    sqlite3_bind_int64(statement, 1, now);
    sqlite3_bind_int64(statement, 2, store->last_alert);
    enum result result = database_finish(&store->database, statement);
    store->mark_time = now;
    store->mark_alert = store->last_alert;
    statement = database_statement(&store->database, WRITER_REMOVE_MARKS);
    if (result != RESULT_OK || statement == NULL)
        return result != RESULT_OK ? result : RESULT_IO;
    sqlite3_bind_int64(statement, 1, now - store->options.id_retention);
    return database_finish(&store->database, statement);
}

/* --- opening ------------------------------------------------------------------------------------------------------------ */

/* A new store, or one of a version that knew the wall clock only: how old its rows are nobody can tell any more, so all begin to age now. */
static enum result begin_aging(struct store *store)
{
    char sql[256];
    clock_nanos now = counted_now(store->clock);
    enum result result = writer_begin(store);
    if (result != RESULT_OK)
        return result;
    snprintf(sql, sizeof sql, "UPDATE queue SET counted_since = %lld; UPDATE ended SET counted_end = %lld WHERE state = 3", (long long)now,
             (long long)now);
    result = database_run(&store->database, sql);
    if (result == RESULT_OK)
        result = add_mark(store, now);
    if (result == RESULT_OK)
        result = write_clock(store);
    return writer_end(store, result);
}

/* Waits pass while we are away, though ages do not: a try too early costs the destination one answer. */
static enum result shorten_waits(struct store *store, clock_nanos missed)
{
    char sql[128];
    enum result result = writer_begin(store);
    if (result != RESULT_OK)
        return result;
    snprintf(sql, sizeof sql, "UPDATE queue SET counted_next = max(0, counted_next - %lld) WHERE counted_next > 0", (long long)missed);
    result = database_run(&store->database, sql);
    if (result == RESULT_OK)
        result = write_clock(store);
    return writer_end(store, result);
}

enum result aging_read_state(struct store *store)
{
    return read_marks(store);
}

enum result aging_open(struct store *store)
{
    struct counted_state stored;
    enum result result = read_clock(store, &stored);
    if (result != RESULT_OK && result != RESULT_NOT_FOUND)
        return result;
    if (result == RESULT_OK && stored.counted < store->mark_time)
        stored.counted = store->mark_time; /* the mark was stored, the clock after it was not */
    store->clock = counted_new(&store->options.clock, result == RESULT_OK ? &stored : NULL);
    if (result == RESULT_NOT_FOUND)
        return begin_aging(store);
    clock_nanos missed = counted_missed(store->clock);
    return missed == 0 ? RESULT_OK : shorten_waits(store, missed);
}

void aging_close(struct store *store)
{
    if (store->clock != NULL && !store->reopen && !store->identity.wal_cut && writer_begin(store) == RESULT_OK)
        writer_end(store, write_clock(store));
    counted_free(store->clock);
    store->clock = NULL;
}

/* --- marks -------------------------------------------------------------------------------------------------------------- */

static clock_nanos mark_interval(const struct store *store)
{
    clock_nanos part = store->options.alert_retention / MARKS_PER_RETENTION;
    return part < MARK_INTERVAL ? part : MARK_INTERVAL;
}

static bool mark_is_due(const struct store *store, clock_nanos now)
{
    return store->last_alert > store->mark_alert && now - store->mark_time >= mark_interval(store);
}

enum result aging_note(struct store *store)
{
    clock_nanos now = counted_now(store->clock);
    enum result result = mark_is_due(store, now) ? add_mark(store, now) : RESULT_OK;
    if (result == RESULT_OK && now - store->clock_saved >= SAVE_INTERVAL)
        result = write_clock(store);
    return result;
}

enum result aging_note_idle(struct store *store)
{
    clock_nanos now = counted_now(store->clock);
    if (!mark_is_due(store, now) && now - store->clock_saved < SAVE_INTERVAL_IDLE)
        return RESULT_OK;
    enum result result = writer_begin(store);
    return result == RESULT_OK ? writer_end(store, aging_note(store)) : result;
}

/* At this moment all are there that were ever stored: a mark that nobody has to write. */
enum result aging_older_than(struct store *store, clock_nanos instant, int64_t *alert)
{
    *alert = store->last_alert;
    if (counted_now(store->clock) <= instant)
        return RESULT_OK;
    *alert = 0;
    sqlite3_stmt *statement = database_statement(&store->database, WRITER_LAST_MARK);
    if (statement == NULL)
        return RESULT_IO;
    sqlite3_bind_int64(statement, 1, instant);
    enum result result = database_row(&store->database, statement);
    if (result == RESULT_OK) {
        *alert = sqlite3_column_int64(statement, 0);
        sqlite3_reset(statement);
    }
    return result == RESULT_NOT_FOUND ? RESULT_OK : result;
}

struct counted *store_clock(struct store *store)
{
    return store->clock;
}
