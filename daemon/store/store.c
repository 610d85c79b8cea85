/* SPDX-License-Identifier: Apache-2.0 */
#include "harrier/store.h"

#include "harrier/base/log.h"
#include "harrier/base/memory.h"
#include "files.h"
#include "schema.h"
#include "writer.h"

#include <stdlib.h>
#include <unistd.h>

enum { DAY_SECONDS = 86400 };

/* What has a bound of its own may never be what fills the store, so each bound is a share of soft_bytes, of which hard_bytes is twice as much by
 * default: dead letters a quarter (on pages half of it may be waste, so up to a half), their columns an eighth, known ids a quarter. Positions have no
 * option: those of health are 4,096 of at most 4 KiB, no more than the least size that a configuration may give. A quarter at least is left to alerts
 * that are not delivered, whatever else there is. */
static void bound_by_size(struct store_options *options)
{
    enum { LETTER_COLUMNS_BYTES = 1024, ID_BYTES = 96 };
    uint64_t letters = options->soft_bytes / 8 / LETTER_COLUMNS_BYTES;
    if (options->dead_letter_bytes > options->soft_bytes / STORE_DEAD_LETTER_SHARE)
        options->dead_letter_bytes = options->soft_bytes / STORE_DEAD_LETTER_SHARE;
    if (options->dead_letter_count > letters)
        options->dead_letter_count = letters;
    if (options->id_count == 0)
        options->id_count = options->soft_bytes / 4 / ID_BYTES;
}

static void fill_defaults(struct store_options *options)
{
    if (options->alert_retention <= 0)
        options->alert_retention = 30 * DAY_SECONDS * CLOCK_SECOND;
    if (options->id_retention <= 0)
        options->id_retention = 90 * DAY_SECONDS * CLOCK_SECOND;
    if (options->id_retention < options->alert_retention)
        options->id_retention = options->alert_retention;
    if (options->soft_bytes == 0)
        options->soft_bytes = UINT64_C(4) << 30;
    if (options->hard_bytes == 0)
        options->hard_bytes = 2 * options->soft_bytes;
    if (options->hard_bytes < options->soft_bytes)
        options->hard_bytes = options->soft_bytes;
    if (options->dead_letter_bytes == 0)
        options->dead_letter_bytes = UINT64_C(64) << 20;
    if (options->dead_letter_count == 0)
        options->dead_letter_count = 100000;
    bound_by_size(options);
    if (options->checkpoint_bytes == 0)
        options->checkpoint_bytes = UINT64_C(4) << 20;
    if (options->busy_timeout_ms <= 0)
        options->busy_timeout_ms = 5000;
}

/* --- opening ------------------------------------------------------------------------------------------------------------ */

/* SQLite calls it after each commit with the pages that the WAL holds by then. */
static int note_wal_pages(void *context, sqlite3 *handle, const char *name, int pages)
{
    struct store *store = context;
    (void)handle;
    (void)name;
    store->wal_pages = (uint64_t)pages;
    if (store->checkpointed_pages > store->wal_pages)
        store->checkpointed_pages = 0; /* the WAL was begun anew */
    return SQLITE_OK;
}

static enum result read_destinations(struct store *store)
{
    sqlite3_stmt *statement;
    map_free(store->destinations, NULL);
    store->destinations = map_new();
    int code = sqlite3_prepare_v2(store->database.handle, "SELECT id, name FROM destination", -1, &statement, NULL);
    if (code != SQLITE_OK)
        return database_failed(&store->database, code);
    while ((code = sqlite3_step(statement)) == SQLITE_ROW)
        map_put(store->destinations, database_column(statement, 1), (void *)(intptr_t)sqlite3_column_int64(statement, 0));
    sqlite3_finalize(statement);
    return code == SQLITE_DONE ? RESULT_OK : database_failed(&store->database, code);
}

/* What struct store keeps of the database. */
static enum result read_state(struct store *store)
{
    struct database *database = &store->database;
    int64_t newest = 0, recorded = 0, bytes = 0, count = 0;
    enum result result = database_number(database, "SELECT coalesce(max(number), 0) FROM alert", &newest);
    if (result == RESULT_OK)
        result = writer_missing(store, database_number(database, "SELECT value FROM meta WHERE name = 'last_alert'", &recorded),
                                "the number of its last alert");
    if (result == RESULT_OK)
        result = database_number(database, "SELECT coalesce(sum(length(kept)), 0) FROM dead_letter", &bytes);
    if (result == RESULT_OK)
        result = database_number(database, "SELECT count(*) FROM dead_letter", &count);
    if (result == RESULT_OK)
        result = read_destinations(store);
    if (result == RESULT_OK)
        result = aging_read_state(store);
    store->last_alert = newest > recorded ? newest : recorded;
    store->dead_letter_bytes = (uint64_t)bytes;
    store->dead_letter_count = (uint64_t)count;
    return result;
}

/* SQLite opens a file that it may not write for reading, and says so only when something is written. */
static enum result check_writable(struct store *store)
{
    if (sqlite3_db_readonly(store->database.handle, "main") != 1)
        return RESULT_OK;
    database_set_error(&store->database, "%s can be read only: give it and its directory to the daemon's user, mode 0600 and 0700, on a file system that is "
                                         "mounted for writing", store->database.path);
    return RESULT_DENIED;
}

static enum result connect(struct store *store)
{
    char *path = xasprintf("%s/store.db", store->options.directory);
    enum result result =
        database_open(&store->database, path, SQLITE_OPEN_READWRITE, store->options.vfs, store->options.busy_timeout_ms, writer_sql);
    free(path);
    if (result == RESULT_OK)
        result = check_writable(store);
    if (result == RESULT_OK)
        result = schema_migrate(&store->database, schema_steps, schema_version);
    /* What a burst has made of the WAL is cut to this when it begins anew. */
    if (result == RESULT_OK)
        result = database_run(&store->database, "PRAGMA journal_size_limit=16777216");
    if (result == RESULT_OK) {
        store->wal_pages = 0;
        store->checkpointed_pages = 0;
        sqlite3_wal_hook(store->database.handle, note_wal_pages, store);
        result = identity_read(store);
    }
    if (result == RESULT_OK)
        result = read_state(store);
    if (result == RESULT_OK)
        identity_note(store, false);
    return result;
}

enum result store_open(const struct store_options *options, struct store **opened, char **error)
{
    struct store *store = xcalloc(1, sizeof *store);
    store->options = *options;
    store->options.directory = xstrdup(options->directory);
    store->lock = -1;
    store->directory_lock = -1;
    fill_defaults(&store->options);
    identity_open(store);
    *opened = NULL;
    *error = NULL;
    enum result result = files_prepare(store, error);
    if (result == RESULT_OK) {
        result = connect(store);
        if (result == RESULT_OK)
            result = aging_open(store);
        if (result == RESULT_OK)
            files_opened(store);
        if (result != RESULT_OK)
            *error = xstrdup(store->database.error);
    }
    if (result == RESULT_OK)
        *opened = store;
    else
        store_close(store);
    return result;
}

void store_close(struct store *store)
{
    if (store == NULL)
        return;
    aging_close(store);
    files_closing(store);
    database_close(&store->database); /* the last connection's end checkpoints the WAL and removes it */
    map_free(store->destinations, NULL);
    identity_close(store);
    if (store->lock >= 0)
        close(store->lock);
    if (store->directory_lock >= 0)
        close(store->directory_lock);
    free((char *)store->options.directory);
    free(store);
}

const char *store_error(const struct store *store)
{
    return store->database.error;
}

/* --- transactions ------------------------------------------------------------------------------------------------------- */

enum result writer_ready(struct store *store)
{
    if (identity_wal_is_cut(store))
        return store_check(store);
    if (!store->reopen)
        return RESULT_OK;
    store->identity.noted = false;
    enum result result = identity_may_reopen(store);
    if (result != RESULT_OK)
        return result;
    database_close(&store->database);
    result = connect(store);
    store->reopen = result != RESULT_OK;
    if (result == RESULT_OK)
        log_notice("store: the database answers again");
    return result;
}

enum result writer_begin(struct store *store)
{
    sqlite3_stmt *begin = database_statement(&store->database, WRITER_BEGIN);
    enum result result = begin ? database_finish(&store->database, begin) : RESULT_IO;
    store->reopen |= result == RESULT_IO;
    return result;
}

static void roll_back(struct store *store, enum result result)
{
    char error[DATABASE_ERROR_MAX];
    memcpy(error, store->database.error, sizeof error);
    if (!sqlite3_get_autocommit(store->database.handle))
        sqlite3_exec(store->database.handle, "ROLLBACK", NULL, NULL, NULL);
    store->identity.suspect |= result == RESULT_CORRUPT;
    bool harmless = result == RESULT_FULL || result == RESULT_BUSY;
    if (!harmless || read_state(store) != RESULT_OK)
        store->reopen = true;
    memcpy(store->database.error, error, sizeof error);
}

enum result writer_end(struct store *store, enum result result)
{
    if (result == RESULT_OK) {
        sqlite3_stmt *commit = database_statement(&store->database, WRITER_COMMIT);
        result = commit ? database_finish(&store->database, commit) : RESULT_IO;
    }
    if (result != RESULT_OK)
        roll_back(store, result);
    return result;
}

enum result writer_missing(struct store *store, enum result result, const char *what)
{
    if (result != RESULT_NOT_FOUND)
        return result;
    database_set_error(&store->database, "%s lacks %s: " DATABASE_DAMAGE_REMEDY, store->database.path, what);
    return RESULT_CORRUPT;
}

enum result writer_add_to_meta(struct store *store, const char *name, int64_t number)
{
    sqlite3_stmt *statement = database_statement(&store->database, WRITER_ADD_TO_META);
    if (statement == NULL)
        return RESULT_IO;
    database_bind_text(statement, 1, slice_of(name));
    sqlite3_bind_int64(statement, 2, number);
    return database_finish(&store->database, statement);
}

enum result store_probe(struct store *store)
{
    enum result result = store_check(store);
    if (result == RESULT_OK)
        result = writer_ready(store);
    if (result == RESULT_OK)
        result = writer_begin(store);
    if (result == RESULT_OK)
        result = writer_end(store, writer_add_to_meta(store, "last_alert", 0));
    return result;
}
