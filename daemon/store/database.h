/* SPDX-License-Identifier: Apache-2.0 */
/* One SQLite connection with its prepared statements and the text of its last failure. What the writer and the readers share. */
#ifndef HARRIER_STORE_DATABASE_H
#define HARRIER_STORE_DATABASE_H

#include "harrier/base/arena.h"
#include "harrier/base/result.h"
#include "harrier/base/slice.h"

#include <sqlite3.h>

enum {
    DATABASE_APPLICATION_ID = 0x48415252, /* "HARR" */
    DATABASE_PAGE_BYTES = 4096,           /* best for small groups; larger ones help only bulk loads */
    DATABASE_STATEMENTS_MAX = 40,
    DATABASE_ERROR_MAX = 512
};

/* What to do about a damaged database. */
#define DATABASE_DAMAGE_REMEDY                                                                                                                 \
    "stop the daemon, move store.db, store.db-wal and store.db-shm aside, read out what is left with 'sqlite3 store.db .recover', and start "  \
    "again with an empty store"

struct database {
    sqlite3 *handle;
    char *path;
    const char *const *sql;                            /* text of each statement, by its number */
    sqlite3_stmt *statements[DATABASE_STATEMENTS_MAX]; /* prepared at first use, kept */
    char error[DATABASE_ERROR_MAX];
};

/* flags: SQLITE_OPEN_*. sql: the statements' texts. vfs may be NULL. The database must be closed after a failure as well. */
enum result database_open(struct database *database, const char *path, int flags, const char *vfs, int busy_timeout_ms,
                          const char *const *sql);
void database_close(struct database *database);

/* Statements without parameters and rows. */
enum result database_run(struct database *database, const char *sql);
/* First column of the first row. RESULT_NOT_FOUND without a row. */
enum result database_number(struct database *database, const char *sql, int64_t *number);

/* The statement, ready to be bound; NULL after an error (in error). */
sqlite3_stmt *database_statement(struct database *database, int number);
/* Runs it to its end, rows ignored, and resets it. */
enum result database_finish(struct database *database, sqlite3_stmt *statement);
/* RESULT_OK: a row; RESULT_NOT_FOUND: no more, and reset; else an error, and reset. */
enum result database_row(struct database *database, sqlite3_stmt *statement);

/* The result that an SQLite code stands for, with its text and remedy in error. */
enum result database_failed(struct database *database, int code);
void database_set_error(struct database *database, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Columns and parameters as slices. A column's slice lives until the statement is stepped or reset. */
struct slice database_column(sqlite3_stmt *statement, int column);
void database_bind_text(sqlite3_stmt *statement, int parameter, struct slice text);
void database_bind_blob(sqlite3_stmt *statement, int parameter, struct slice bytes);

#endif
