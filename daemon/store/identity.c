/* SPDX-License-Identifier: Apache-2.0 */
/* Is what is open still what the path leads to, and as we left it? SQLite does not ask: it goes on writing into a file that was removed, and every
 * acknowledgement from then on would be worth nothing. */
#include "harrier/base/log.h"
#include "harrier/base/memory.h"
#include "writer.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

enum { WAL_HEADER_BYTES = 32, WAL_FRAME_BYTES = 24 + DATABASE_PAGE_BYTES };

#define STORE_ID_SQL "SELECT value FROM meta WHERE name = 'store_id'"

/* --- after a connection was made ---------------------------------------------------------------------------------------- */

static enum result check_tables(struct store *store)
{
    int64_t missing = 0;
    enum result result = database_number(&store->database,
                                         "SELECT count(*) FROM (VALUES ('meta'), ('alert'), ('document'), ('seen'), ('destination'), ('queue'),"
                                         " ('ended'), ('dead_letter'), ('position')) AS wanted WHERE column1 NOT IN (SELECT name FROM sqlite_schema)",
                                         &missing);
    return result == RESULT_OK && missing > 0 ? writer_missing(store, RESULT_NOT_FOUND, "some of its tables") : result;
}

/* The head of a file may come whole from the WAL while pages behind it are gone, and a commit meets but a few of them. Without an argument: SQLite 3.46
 * takes one of a function for the name of a table. */
static enum result check_pages(struct store *store)
{
    int64_t bad = 0;
    if (!store->identity.suspect)
        return RESULT_OK;
    enum result result = database_number(&store->database, "SELECT count(*) FROM pragma_quick_check WHERE quick_check <> 'ok'", &bad);
    if (result == RESULT_OK && bad > 0) {
        database_set_error(&store->database, "%s is damaged: " DATABASE_DAMAGE_REMEDY, store->database.path);
        return RESULT_CORRUPT;
    }
    store->identity.suspect = result != RESULT_OK;
    return result;
}

enum result identity_read(struct store *store)
{
    int64_t id = 0;
    enum result result = check_pages(store);
    if (result == RESULT_OK)
        result = check_tables(store);
    if (result == RESULT_OK)
        result = database_number(&store->database, STORE_ID_SQL, &id);
    if (result == RESULT_NOT_FOUND && store->identity.id == 0) { /* new, or made before stores had one */
        result = database_run(&store->database, "INSERT INTO meta VALUES ('store_id', (random() & 0x3fffffffffffffff) + 1)");
        if (result == RESULT_FULL)
            return RESULT_OK; /* it gets its id at the next start; a full disk keeps nobody from opening it */
        if (result == RESULT_OK)
            result = database_number(&store->database, STORE_ID_SQL, &id);
    }
    if (result != RESULT_OK && result != RESULT_NOT_FOUND)
        return result;
    if (store->identity.id != 0 && id != store->identity.id) {
        database_set_error(&store->database, "%s was replaced by another store: put back the one that was there, or restart the daemon to go on with this one",
                           store->database.path);
        return RESULT_GONE;
    }
    store->identity.id = id;
    return RESULT_OK;
}

/* SQLite's own descriptor: a second one of ours would drop SQLite's locks when it is closed. */
static bool read_header(struct store *store, uint8_t header[100])
{
    sqlite3_file *file = NULL;
    if (sqlite3_file_control(store->database.handle, "main", SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK || file == NULL || file->pMethods == NULL)
        return false;
    memset(header, 0, 100);
    int code = file->pMethods->xRead(file, header, 100, 0);
    return code == SQLITE_OK || code == SQLITE_IOERR_SHORT_READ;
}

static bool has_moved(const struct store *store)
{
    int moved = 0;
    return sqlite3_file_control(store->database.handle, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK && moved;
}

/* Looked at in every commit, so the paths are made once. */
void identity_open(struct store *store)
{
    static const char *const names[STORE_SIDE_FILES] = {[STORE_SIDE_WAL] = "store.db-wal", [STORE_SIDE_SHM] = "store.db-shm"};
    for (size_t i = 0; i < STORE_SIDE_FILES; i++)
        store->identity.side[i].path = xasprintf("%s/%s", store->options.directory, names[i]);
}

void identity_close(struct store *store)
{
    for (size_t i = 0; i < STORE_SIDE_FILES; i++)
        free(store->identity.side[i].path);
}

struct side_look {
    dev_t device;
    ino_t inode;
    uint64_t bytes;
};

/* Without its times: Linux since 6.13 has each time that was asked for differ from the next one, so that the next write to a file that was asked about
 * changes its inode too (Documentation/filesystems/multigrain-ts.rst), and this one is written in every commit. */
static bool look_at_side_file(const struct store *store, size_t which, struct side_look *look)
{
    struct statx about;
    if (statx(AT_FDCWD, store->identity.side[which].path, 0, STATX_INO | STATX_SIZE, &about) != 0)
        return false;
    *look = (struct side_look){makedev(about.stx_dev_major, about.stx_dev_minor), about.stx_ino, about.stx_size};
    return true;
}

/* SQLite makes both with the connection and keeps them until the last one ends. */
static bool note_side_files(struct store *store)
{
    for (size_t i = 0; i < STORE_SIDE_FILES; i++) {
        struct side_look look;
        if (!look_at_side_file(store, i, &look))
            return false;
        store->identity.side[i].device = look.device;
        store->identity.side[i].inode = look.inode;
    }
    return true;
}

/* What was cut while a checkpoint was under way is shorter than its own head says: after one that went well, no store is. */
static bool is_short(const uint8_t header[100], int64_t bytes)
{
    enum { PAGE_COUNT = 28 };
    int64_t pages = (int64_t)header[PAGE_COUNT] << 24 | header[PAGE_COUNT + 1] << 16 | header[PAGE_COUNT + 2] << 8 | header[PAGE_COUNT + 3];
    return bytes < pages * DATABASE_PAGE_BYTES;
}

void identity_note(struct store *store, bool whole)
{
    struct store_identity *identity = &store->identity;
    uint8_t header[100];
    struct stat about;
    if (!read_header(store, header) || stat(store->database.path, &about) != 0)
        return;
    if (identity->bytes > 0 && (memcmp(header, "SQLite format 3", 16) != 0 || (whole && is_short(header, about.st_size))))
        return; /* written over during a checkpoint: the next look shall see that it is not as it was */
    memcpy(identity->header, header, sizeof header);
    identity->bytes = about.st_size;
    if (!identity->noted || !has_moved(store)) { /* one that was moved while it is open may be put back */
        identity->device = about.st_dev;
        identity->inode = has_moved(store) ? 0 : about.st_ino;
    }
    identity->written = about.st_mtim;
    identity->noted = identity->noted || note_side_files(store);
}

/* --- while it is open --------------------------------------------------------------------------------------------------- */

static enum result gone(struct store *store, const char *what)
{
    database_set_error(&store->database, "%s", what);
    return RESULT_GONE;
}

/* What one look at store.db from outside shows. */
enum database_look { DATABASE_AS_NOTED, DATABASE_MOVED, DATABASE_WRITTEN };

static enum database_look look_at_database(const struct store *store)
{
    const struct store_identity *identity = &store->identity;
    struct stat about;
    if (stat(store->database.path, &about) != 0 || about.st_ino != identity->inode || about.st_dev != identity->device)
        return DATABASE_MOVED;
    bool same_time = about.st_mtim.tv_sec == identity->written.tv_sec && about.st_mtim.tv_nsec == identity->written.tv_nsec;
    return about.st_size >= identity->bytes && same_time ? DATABASE_AS_NOTED : DATABASE_WRITTEN;
}

static enum result check_database(struct store *store)
{
    uint8_t header[100];
    enum database_look look = look_at_database(store);
    if (look == DATABASE_MOVED)
        return gone(store, "store.db was removed or replaced while it was in use: put the same file back, or restart the daemon to begin with what is there; "
                           "what is in the removed one goes on being delivered until then");
    if (!read_header(store, header))
        return RESULT_OK; /* what keeps it from being read shows in the commit */
    if (look == DATABASE_AS_NOTED && memcmp(header, store->identity.header, sizeof header) == 0)
        return RESULT_OK;
    store->reopen = true; /* to see what is there now */
    store->identity.noted = false;
    store->identity.suspect = true;
    return gone(store, "store.db was written over, or cut, by another program while it was in use: stop that one; if the store does not recover by itself, "
                       "stop the daemon and put a copy back");
}

static bool wal_is_cut_to(struct store *store, uint64_t bytes)
{
    store->identity.wal_cut |= bytes < (store->wal_pages ? WAL_HEADER_BYTES + store->wal_pages * WAL_FRAME_BYTES : 0);
    return store->identity.wal_cut;
}

static bool is_side_file(const struct store *store, size_t which, struct side_look *look)
{
    return look_at_side_file(store, which, look) && look->inode == store->identity.side[which].inode && look->device == store->identity.side[which].device;
}

/* Asked before each transaction: what is appended behind the cut would hide it. */
bool identity_wal_is_cut(struct store *store)
{
    struct side_look look;
    store->identity.wal_moved = store->identity.noted && !is_side_file(store, STORE_SIDE_WAL, &look);
    if (store->identity.noted && !store->identity.wal_moved)
        return wal_is_cut_to(store, look.bytes);
    return store->identity.wal_cut;
}

static enum result check_side_files(struct store *store)
{
    for (size_t i = 0; i < STORE_SIDE_FILES; i++) {
        struct side_look look;
        if (!is_side_file(store, i, &look))
            return gone(store, i == STORE_SIDE_WAL ? "store.db-wal was removed or replaced while it was in use: restart the daemon; what it held is "
                                                     "copied into store.db before"
                                                   : "store.db-shm was removed or replaced while it was in use: restart the daemon; nothing is lost by that");
        if (i == STORE_SIDE_WAL && wal_is_cut_to(store, look.bytes))
            return gone(store, "store.db-wal was cut by another program while it was in use: stop that one and restart the daemon; what was committed since "
                               "the last checkpoint may be lost");
    }
    return RESULT_OK;
}

enum result store_check(struct store *store)
{
    if (store->database.handle == NULL || !store->identity.noted)
        return RESULT_OK; /* to be opened anew: then it is asked whose it is */
    enum result result = check_database(store);
    if (result == RESULT_OK)
        result = check_side_files(store);
    if (result != RESULT_OK && !store->identity.gone)
        atomic_fetch_add(&store->losses, 1);
    store->identity.gone = result != RESULT_OK;
    return result;
}

/* All is looked at after the transaction, and only then is anything acknowledged. This keeps most of what would be refused then from being written. */
enum result identity_check_before(struct store *store)
{
    const struct store_identity *identity = &store->identity;
    bool as_noted = !identity->gone && !identity->wal_moved && look_at_database(store) == DATABASE_AS_NOTED;
    return store->database.handle == NULL || !identity->noted || as_noted ? RESULT_OK : store_check(store);
}

enum result identity_may_reopen(struct store *store)
{
    struct stat about;
    char *path = xasprintf("%s/store.db", store->options.directory);
    bool there = lstat(path, &about) == 0 && S_ISREG(about.st_mode) && about.st_size > 0;
    free(path);
    if (there && (store->database.handle == NULL || !has_moved(store)))
        return RESULT_OK;
    return gone(store, there ? "store.db was replaced while it was in use: put the same file back, or restart the daemon to begin with what is there"
                             : "store.db was removed or emptied while it was in use: put the same file back, or restart the daemon to begin with an empty store");
}

uint64_t store_losses(const struct store *store)
{
    return atomic_load(&store->losses);
}
