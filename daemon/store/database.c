/* SPDX-License-Identifier: Apache-2.0 */
#include "database.h"

#include "harrier/base/memory.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum result database_open(struct database *database, const char *path, int flags, const char *vfs, int busy_timeout_ms,
                          const char *const *sql)
{
    *database = (struct database){.path = xstrdup(path), .sql = sql};
    int code = sqlite3_open_v2(path, &database->handle, flags | SQLITE_OPEN_NOMUTEX, vfs);
    if (code != SQLITE_OK)
        return database_failed(database, code);
    sqlite3_extended_result_codes(database->handle, 1);
    sqlite3_busy_timeout(database->handle, busy_timeout_ms);
    return RESULT_OK;
}

void database_close(struct database *database)
{
    for (int i = 0; i < DATABASE_STATEMENTS_MAX; i++) {
        sqlite3_finalize(database->statements[i]);
        database->statements[i] = NULL;
    }
    sqlite3_close(database->handle);
    database->handle = NULL;
    free(database->path);
    database->path = NULL;
}

void database_set_error(struct database *database, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(database->error, sizeof database->error, format, arguments);
    va_end(arguments);
}

static enum result result_of(const struct database *database, int code)
{
    int system_error = database->handle ? sqlite3_system_errno(database->handle) : 0;
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_DONE:
    case SQLITE_ROW: return RESULT_OK;
    case SQLITE_FULL: return RESULT_FULL;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return RESULT_BUSY;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return RESULT_CORRUPT;
    case SQLITE_PERM:
    case SQLITE_READONLY: return RESULT_DENIED;
    case SQLITE_CANTOPEN: return system_error == ENOENT ? RESULT_NOT_FOUND : system_error == EACCES ? RESULT_DENIED : RESULT_IO;
    case SQLITE_IOERR:
        /* EFBIG: the file size limit of the process or the file system; for the one who has to make room it is the same. */
        return system_error == ENOSPC || system_error == EDQUOT || system_error == EFBIG ? RESULT_FULL : RESULT_IO;
    default: return RESULT_IO;
    }
}

static const char *remedy_of(enum result result)
{
    switch (result) {
    case RESULT_FULL: return "make room on the file system, or lower store.size";
    case RESULT_BUSY: return "another program holds a lock on the database: end it";
    case RESULT_CORRUPT: return DATABASE_DAMAGE_REMEDY;
    case RESULT_DENIED: return "check the owner and the mode of the store's directory and files";
    case RESULT_NOT_FOUND: return "check the store's directory";
    default: return "look at the system's log for errors of the disk, and at quotas and limits on file size";
    }
}

enum result database_failed(struct database *database, int code)
{
    enum result result = result_of(database, code);
    database_set_error(database, "%s: %s (SQLite code %d): %s", database->path,
                       database->handle ? sqlite3_errmsg(database->handle) : sqlite3_errstr(code), code, remedy_of(result));
    return result;
}

enum result database_run(struct database *database, const char *sql)
{
    int code = sqlite3_exec(database->handle, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? RESULT_OK : database_failed(database, code);
}

enum result database_number(struct database *database, const char *sql, int64_t *number)
{
    sqlite3_stmt *statement;
    int code = sqlite3_prepare_v2(database->handle, sql, -1, &statement, NULL);
    if (code != SQLITE_OK)
        return database_failed(database, code);
    code = sqlite3_step(statement);
    enum result result = code == SQLITE_ROW ? RESULT_OK : code == SQLITE_DONE ? RESULT_NOT_FOUND : database_failed(database, code);
    if (result == RESULT_OK)
        *number = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return result;
}

sqlite3_stmt *database_statement(struct database *database, int number)
{
    sqlite3_stmt **statement = &database->statements[number];
    if (*statement == NULL) {
        int code = sqlite3_prepare_v3(database->handle, database->sql[number], -1, SQLITE_PREPARE_PERSISTENT, statement, NULL);
        if (code != SQLITE_OK)
            database_failed(database, code);
    }
    return *statement;
}

enum result database_row(struct database *database, sqlite3_stmt *statement)
{
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        return RESULT_OK;
    enum result result = code == SQLITE_DONE ? RESULT_NOT_FOUND : database_failed(database, code);
    sqlite3_reset(statement);
    return result;
}

enum result database_finish(struct database *database, sqlite3_stmt *statement)
{
    enum result result;
    while ((result = database_row(database, statement)) == RESULT_OK)
        ;
    return result == RESULT_NOT_FOUND ? RESULT_OK : result;
}

struct slice database_column(sqlite3_stmt *statement, int column)
{
    const char *bytes = sqlite3_column_blob(statement, column);
    return slice_make(bytes, (size_t)sqlite3_column_bytes(statement, column));
}

/* The caller's bytes stay valid until the statement has run: nothing is copied. */
void database_bind_text(sqlite3_stmt *statement, int parameter, struct slice text)
{
    sqlite3_bind_text64(statement, parameter, text.bytes ? text.bytes : "", text.length, SQLITE_STATIC, SQLITE_UTF8);
}

void database_bind_blob(sqlite3_stmt *statement, int parameter, struct slice bytes)
{
    sqlite3_bind_blob64(statement, parameter, bytes.bytes ? bytes.bytes : "", bytes.length, SQLITE_STATIC);
}
