/* SPDX-License-Identifier: Apache-2.0 */
/* Opening for reading, and the numbers for status and metrics. */
#include "reader.h"

#include "harrier/base/memory.h"
#include "schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { READER_BUSY_TIMEOUT_MS = 5000 };

enum result store_reader_open(const char *directory, struct store_reader **opened, char **error)
{
    struct store_reader *reader = xcalloc(1, sizeof *reader);
    char *path = xasprintf("%s/store.db", directory);
    *opened = NULL;
    *error = NULL;
    enum result result = database_open(&reader->database, path, SQLITE_OPEN_READONLY, NULL, READER_BUSY_TIMEOUT_MS, reader_sql);
    free(path);
    if (result == RESULT_OK)
        result = schema_check(&reader->database, schema_version);
    if (result == RESULT_OK) {
        *opened = reader;
        return RESULT_OK;
    }
    *error = xstrdup(reader->database.error);
    store_reader_close(reader);
    return result;
}

void store_reader_close(struct store_reader *reader)
{
    if (reader == NULL)
        return;
    database_close(&reader->database);
    free(reader);
}

const char *store_reader_error(const struct store_reader *reader)
{
    return reader->database.error;
}

/* --- counts ------------------------------------------------------------------------------------------------------------- */

static enum result count_destinations(struct store_reader *reader, struct store_counts *counts)
{
    sqlite3_stmt *statement = database_statement(&reader->database, READER_DESTINATION_COUNTS);
    if (statement == NULL)
        return RESULT_IO;
    enum result result;
    while ((result = database_row(&reader->database, statement)) == RESULT_OK) {
        if (counts->destination_count == SUBMISSION_DESTINATIONS_MAX)
            continue;
        struct store_destination_counts *out = &counts->destinations[counts->destination_count++];
        struct slice name = database_column(statement, 0);
        snprintf(out->name, sizeof out->name, "%.*s", SLICE_ARGS(name));
        out->pending = (uint64_t)sqlite3_column_int64(statement, 1);
        out->held = (uint64_t)sqlite3_column_int64(statement, 2);
        out->dead = (uint64_t)sqlite3_column_int64(statement, 3);
        out->oldest = sqlite3_column_int64(statement, 4);
        out->set_aside = (uint64_t)sqlite3_column_int64(statement, 5);
    }
    return result == RESULT_NOT_FOUND ? RESULT_OK : result;
}

static enum result take_number(struct store_reader *reader, enum result result, const char *sql, uint64_t *number)
{
    int64_t found = 0;
    if (result == RESULT_OK)
        result = database_number(&reader->database, sql, &found);
    *number = (uint64_t)found;
    return result;
}

enum result store_counts(struct store_reader *reader, struct store_counts *counts)
{
    uint64_t newest, recorded, pages, unused;
    *counts = (struct store_counts){0};
    enum result result = database_run(&reader->database, "BEGIN");
    result = take_number(reader, result, "SELECT coalesce(max(number), 0) FROM alert", &newest);
    result = take_number(reader, result, "SELECT value FROM meta WHERE name = 'last_alert'", &recorded);
    result = take_number(reader, result, "SELECT coalesce(max(number) - min(number) + 1, 0) FROM dead_letter", &counts->dead_letters);
    result = take_number(reader, result, "SELECT value FROM meta WHERE name = 'dead_letters_dropped'", &counts->dead_letters_dropped);
    result = take_number(reader, result, "SELECT coalesce((SELECT max(number) FROM alert) - (SELECT min(number) FROM alert) + 1, 0)",
                         &counts->alerts);
    result = take_number(reader, result, "PRAGMA page_count", &pages);
    result = take_number(reader, result, "PRAGMA freelist_count", &unused);
    if (result == RESULT_OK)
        result = count_destinations(reader, counts);
    if (!sqlite3_get_autocommit(reader->database.handle))
        sqlite3_exec(reader->database.handle, "COMMIT", NULL, NULL, NULL);
    counts->alerts_stored = newest > recorded ? newest : recorded;
    counts->database_bytes = pages * DATABASE_PAGE_BYTES;
    counts->free_bytes = unused * DATABASE_PAGE_BYTES;
    char *wal = xasprintf("%s-wal", reader->database.path);
    struct stat about;
    counts->wal_bytes = stat(wal, &about) == 0 ? (uint64_t)about.st_size : 0;
    free(wal);
    return result;
}
