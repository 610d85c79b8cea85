/* SPDX-License-Identifier: Apache-2.0 */
#include "schema.h"

#include <stdio.h>

/* What is where, and why:
 *
 * alert      one small row per alert, in the order of commit: listing and filtering never touch the documents.
 * document   the alert's JSON.
 * seen       every alert_id that is known, also of alerts that are no longer kept; the only tree with random keys, so the only one whose
 *            pages are not the ones written a moment ago: its rows are as small as can be, and it serves both to refuse an alert
 *            that was stored before and to find one by its id.
 * queue      deliveries that are still open, by destination and alert number: the deliver thread reads the front, a commit appends.
 * ended      deliveries that are over (delivered, dead). An alert has no mark of its own for "all delivered": that would write its row again.
 * dead_letter  input that was no event.
 * meta       named numbers.
 * mark       a moment of counted time (counted.h), and the newest alert of it: how old alerts and ids are.
 * counted_time  one row: the store's own clock, as far as it has got.
 * position   where each source that can be read again goes on. A source that was taken out of the configuration leaves its row behind: a few
 *            hundred bytes, and the source may come back.
 *
 * Times named counted_... are counted time, and decide. The other ones are the wall clock's, and only shown.
 *
 * Foreign keys are not declared: rows of one alert are written and removed together by one place in the code, and checks would cost
 * a look-up in each delivery's insert. */
static const char version_1[] = "CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
                                "INSERT INTO meta VALUES ('last_alert', 0), ('dead_letters_dropped', 0);"
                                "CREATE TABLE alert ("
                                "  number INTEGER PRIMARY KEY,"
                                "  id BLOB NOT NULL,"
                                "  dedup_key BLOB NOT NULL,"
                                "  time INTEGER NOT NULL,"
                                "  stored INTEGER NOT NULL,"
                                "  severity_rank INTEGER NOT NULL,"
                                "  risk_score REAL NOT NULL,"
                                "  severity TEXT NOT NULL,"
                                "  rule TEXT NOT NULL,"
                                "  cluster TEXT NOT NULL);"
                                "CREATE TABLE document (alert INTEGER PRIMARY KEY, json TEXT NOT NULL);"
                                "CREATE TABLE seen (id BLOB PRIMARY KEY, alert INTEGER NOT NULL, stored INTEGER NOT NULL) WITHOUT ROWID;"
                                "CREATE TABLE destination (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);"
                                "CREATE TABLE queue ("
                                "  destination INTEGER NOT NULL,"
                                "  alert INTEGER NOT NULL,"
                                "  round INTEGER NOT NULL,"
                                "  state INTEGER NOT NULL,"
                                "  attempts INTEGER NOT NULL,"
                                "  since INTEGER NOT NULL,"
                                "  next_time INTEGER NOT NULL,"
                                "  error TEXT,"
                                "  PRIMARY KEY (destination, alert)) WITHOUT ROWID;"
                                "CREATE TABLE ended ("
                                "  alert INTEGER NOT NULL,"
                                "  destination INTEGER NOT NULL,"
                                "  round INTEGER NOT NULL,"
                                "  state INTEGER NOT NULL,"
                                "  attempts INTEGER NOT NULL,"
                                "  since INTEGER NOT NULL,"
                                "  time INTEGER NOT NULL,"
                                "  error TEXT,"
                                "  PRIMARY KEY (alert, destination)) WITHOUT ROWID;"
                                "CREATE INDEX ended_dead ON ended (destination, alert) WHERE state = 3;"
                                "CREATE TABLE dead_letter ("
                                "  number INTEGER PRIMARY KEY,"
                                "  stored INTEGER NOT NULL,"
                                "  total_length INTEGER NOT NULL,"
                                "  offset INTEGER NOT NULL,"
                                "  cluster TEXT NOT NULL,"
                                "  source TEXT NOT NULL,"
                                "  reason TEXT NOT NULL,"
                                "  detail TEXT NOT NULL,"
                                "  kept BLOB NOT NULL);";

static const char version_2[] = "CREATE TABLE position (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;";

static const char version_3[] = "CREATE TABLE counted_time (id INTEGER PRIMARY KEY CHECK (id = 1), counted INTEGER NOT NULL, boot INTEGER NOT NULL,"
                                "  wall INTEGER NOT NULL, boot_id TEXT NOT NULL);"
                                "CREATE TABLE mark (counted INTEGER PRIMARY KEY, alert INTEGER NOT NULL);"
                                "ALTER TABLE queue ADD COLUMN counted_since INTEGER NOT NULL DEFAULT 0;"
                                "ALTER TABLE queue ADD COLUMN counted_next INTEGER NOT NULL DEFAULT 0;"
                                "ALTER TABLE ended ADD COLUMN counted_end INTEGER NOT NULL DEFAULT 0;";

const char *const schema_steps[] = {version_1, version_2, version_3};
const int schema_version = sizeof schema_steps / sizeof schema_steps[0];

/* Whose database it is: RESULT_NOT_FOUND if it is empty, or was left so by an end in the middle of making it. */
static enum result check_owner(struct database *database)
{
    int64_t application, tables, version;
    enum result result = database_number(database, "PRAGMA application_id", &application);
    if (result == RESULT_OK)
        result = database_number(database, "SELECT count(*) FROM sqlite_schema", &tables);
    if (result == RESULT_OK)
        result = database_number(database, "PRAGMA user_version", &version);
    if (result != RESULT_OK)
        return result;
    if ((application == 0 || application == DATABASE_APPLICATION_ID) && tables == 0 && version == 0)
        return RESULT_NOT_FOUND;
    if (application != DATABASE_APPLICATION_ID) {
        database_set_error(database, "%s is a database of another program: name another directory for the store", database->path);
        return RESULT_CORRUPT;
    }
    return RESULT_OK;
}

/* A version is an index into the steps, so it is looked at first. */
static enum result check_version(struct database *database, bool empty, int64_t found, int version)
{
    if (found < 0 || (found == 0 && !empty)) {
        database_set_error(database, "%s has the version %lld, which no store has: " DATABASE_DAMAGE_REMEDY, database->path, (long long)found);
        return RESULT_CORRUPT;
    }
    if (found <= version)
        return RESULT_OK;
    database_set_error(database,
                       "%s was made by a newer version (schema %lld, this one knows %d): install that version again, or name another "
                       "directory for the store",
                       database->path, (long long)found, version);
    return RESULT_UNSUPPORTED;
}

enum result schema_check(struct database *database, int version)
{
    int64_t found;
    enum result result = check_owner(database);
    if (result == RESULT_NOT_FOUND)
        database_set_error(database, "%s is empty: start the daemon once to make the store", database->path);
    if (result == RESULT_OK)
        result = database_number(database, "PRAGMA user_version", &found);
    if (result == RESULT_OK)
        result = check_version(database, false, found, version);
    if (result == RESULT_OK && found < version) {
        database_set_error(database, "%s is of an older version: start the daemon of this version once, it migrates the store",
                           database->path);
        result = RESULT_UNSUPPORTED;
    }
    return result;
}

static enum result run_step(struct database *database, const char *step, int version)
{
    char set_version[64];
    snprintf(set_version, sizeof set_version, "PRAGMA user_version=%d; COMMIT", version);
    enum result result = database_run(database, "BEGIN IMMEDIATE");
    if (result != RESULT_OK)
        return result;
    result = database_run(database, step);
    if (result == RESULT_OK)
        result = database_run(database, set_version);
    if (result != RESULT_OK)
        sqlite3_exec(database->handle, "ROLLBACK", NULL, NULL, NULL);
    return result;
}

enum result schema_migrate(struct database *database, const char *const *steps, int count)
{
    enum result result = check_owner(database);
    bool empty = result == RESULT_NOT_FOUND;
    if (empty) {
        char settings[160];
        snprintf(settings, sizeof settings, "PRAGMA page_size=%d; PRAGMA auto_vacuum=INCREMENTAL; PRAGMA application_id=%d",
                 DATABASE_PAGE_BYTES, DATABASE_APPLICATION_ID);
        result = database_run(database, settings);
    }
    int64_t version = 0;
    if (result == RESULT_OK)
        result = database_number(database, "PRAGMA user_version", &version);
    if (result == RESULT_OK)
        result = check_version(database, empty, version, count);
    if (result == RESULT_OK)
        result = database_run(database, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0");
    for (; result == RESULT_OK && version < count; version++)
        result = run_step(database, steps[version], (int)version + 1);
    return result;
}
