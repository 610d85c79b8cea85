/* SPDX-License-Identifier: Apache-2.0 */
#include "files.h"

#include "harrier/base/log.h"
#include "harrier/base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* What can be found at a start, and the one answer to each (harrierd(8), "The store's files"; tests/unit/store/files_test.c):
 *
 * - Somebody has to decide, and what is there may still be worth something: the start is refused, with the remedy. (Another program's database, one
 *   of a newer or an impossible version, garbage, a file that cannot be written, a symbolic link, a lock that is held.)
 * - Nothing is there any more that could be lost (store.db missing or empty, its WAL missing or unreadable): the daemon begins with what is left, says so
 *   as an error, and counts it. To refuse would protect nothing, and every attack until an operator comes would be missed. What is left of the files is
 *   set aside, not written over.
 *
 * That a store was there is known by the marker, store.id: the store's id, and whether its WAL must be there. It is a file of its own, since store.lock is
 * what people remove. Who wants to begin anew without a word removes store.db and store.id. */

static char *path_in(const struct store *store, const char *name)
{
    return xasprintf("%s/%s", store->options.directory, name);
}

/* The directory with all that is missing above it. */
static enum result make_directory(const char *directory, char **error)
{
    char *path = xstrdup(directory);
    int failure = 0;
    for (char *at = path + 1; failure == 0; at++) {
        if (*at != '/' && *at != '\0')
            continue;
        char end = *at;
        *at = '\0';
        if (mkdir(path, end == '\0' ? 0700 : 0755) != 0 && errno != EEXIST)
            failure = errno;
        *at = end;
        if (end == '\0')
            break;
    }
    free(path);
    if (failure == 0)
        return RESULT_OK;
    *error =
        xasprintf("cannot make the store's directory %s: %s: make it, owned by the daemon's user, mode 0700", directory, strerror(failure));
    return result_from_errno(failure);
}

static void sync_directory(const struct store *store)
{
    if (fsync(store->directory_lock) != 0)
        log_warning("store: cannot sync the directory %s: %s", store->options.directory, strerror(errno));
}

/* --- locks -------------------------------------------------------------------------------------------------------------- */

static void read_lock_owner(int lock, char *pid, size_t size)
{
    ssize_t length = pread(lock, pid, size - 1, 0);
    pid[length > 0 ? length : 0] = '\0';
    pid[strspn(pid, "0123456789")] = '\0';
}

static enum result refuse_second(const struct store *store, char **error)
{
    char pid[24] = "";
    if (store->lock >= 0)
        read_lock_owner(store->lock, pid, sizeof pid);
    *error = xasprintf("the store %s is in use by process %s: stop that one, or name another directory for the store", store->options.directory,
                       *pid ? pid : "(unknown: its store.lock was removed)");
    return RESULT_BUSY;
}

/* Both locks are the kernel's (flock): they cannot outlive their process, whatever the file says. The pid in it is for people. The directory's lock holds
 * when store.lock was removed under a running daemon. *used: somebody had the file before. */
static enum result take_locks(struct store *store, bool *used, char **error)
{
    char *path = path_in(store, "store.lock");
    struct stat about = {0};
    enum result result = RESULT_OK;
    store->directory_lock = open(store->options.directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    store->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (store->lock < 0 || store->directory_lock < 0) {
        result = result_from_errno(errno);
        *error = xasprintf("cannot open %s: %s: the store's directory must belong to the daemon's user", path, strerror(errno));
    } else if (flock(store->lock, LOCK_EX | LOCK_NB) != 0 || flock(store->directory_lock, LOCK_EX | LOCK_NB) != 0) {
        result = refuse_second(store, error);
    } else {
        *used = fstat(store->lock, &about) == 0 && about.st_size > 0;
        if (ftruncate(store->lock, 0) != 0 || dprintf(store->lock, "%ld\n", (long)getpid()) < 0)
            log_warning("store: cannot write the process id into %s: %s", path, strerror(errno));
    }
    free(path);
    return result;
}

/* --- the marker --------------------------------------------------------------------------------------------------------- */

struct marker {
    int64_t id; /* 0: there is none */
    bool open;  /* written while the store was open: what was committed last may be in the WAL alone */
};

static struct marker read_marker(const struct store *store)
{
    struct marker marker = {0};
    char *path = path_in(store, "store.id");
    char state[8] = "";
    long long id = 0;
    FILE *file = fopen(path, "re");
    if (file != NULL && fscanf(file, "%lld %7s", &id, state) == 2)
        marker = (struct marker){.id = id, .open = strcmp(state, "open") == 0};
    if (file != NULL)
        fclose(file);
    free(path);
    return marker;
}

/* Whole or not at all. A full disk keeps nobody from opening the store: the marker is then of the run before. */
static void write_marker(const struct store *store, bool open)
{
    char *path = path_in(store, "store.id"), *fresh = path_in(store, "store.id.new");
    unlink(fresh);
    int file = openat(AT_FDCWD, fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool written = file >= 0 && dprintf(file, "%lld %s\n", (long long)store->identity.id, open ? "open" : "closed") > 0 && fsync(file) == 0;
    if (file >= 0)
        close(file);
    if (written && rename(fresh, path) == 0)
        sync_directory(store);
    else
        log_warning("store: cannot write %s: %s", path, strerror(errno));
    free(fresh);
    free(path);
}

/* --- what is there ------------------------------------------------------------------------------------------------------ */

enum state {
    FILE_MISSING,
    FILE_EMPTY,
    FILE_THERE,
    FILE_STRANGE /* no regular file */
};

static enum state look_at(const struct store *store, const char *name, int64_t *bytes)
{
    char *path = path_in(store, name);
    struct stat about;
    int failed = lstat(path, &about);
    free(path);
    *bytes = failed ? 0 : about.st_size;
    if (failed)
        return FILE_MISSING;
    return !S_ISREG(about.st_mode) ? FILE_STRANGE : about.st_size == 0 ? FILE_EMPTY : FILE_THERE;
}

static uint32_t big_endian(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* https://www.sqlite.org/fileformat.html#wal_file_format, 4.1 and 4.2. SQLite takes a WAL with a bad header for an empty one, without a word. */
static bool wal_header_is_good(const struct store *store)
{
    enum { BYTES = 32, SUMMED = 24 };
    uint8_t header[BYTES];
    uint32_t first = 0, second = 0;
    char *path = path_in(store, "store.db-wal");
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    bool read_whole = file >= 0 && read(file, header, sizeof header) == (ssize_t)sizeof header;
    if (file >= 0)
        close(file); /* of the WAL: no locks of SQLite's are on it */
    free(path);
    if (!read_whole || (big_endian(header) | 1) != 0x377f0683)
        return false;
    bool big = big_endian(header) & 1;
    for (size_t i = 0; i < SUMMED; i += 8) {
        uint32_t a = big_endian(header + i), b = big_endian(header + i + 4);
        first += (big ? a : __builtin_bswap32(a)) + second;
        second += (big ? b : __builtin_bswap32(b)) + first;
    }
    return first == big_endian(header + 24) && second == big_endian(header + 28);
}

/* Under a name that is not taken, so that nothing writes over it. */
static void set_aside(const struct store *store, const char *name)
{
    char *from = path_in(store, name);
    char *to = xasprintf("%s.lost-%lld", from, (long long)(clock_wall() / CLOCK_SECOND));
    if (rename(from, to) == 0)
        log_warning("store: what was left of %s is now %s", from, to);
    else if (errno != ENOENT)
        log_warning("store: cannot set %s aside: %s", from, strerror(errno));
    free(to);
    free(from);
}

static void tell_loss(struct store *store, const char *what, const char *lost)
{
    atomic_fetch_add(&store->losses, 1);
    log_error("store: %s: %s; if a copy exists, stop the daemon and put it into %s", what, lost, store->options.directory);
}

static void begin_anew(struct store *store, enum state found)
{
    tell_loss(store, found == FILE_EMPTY ? "store.db is empty, though a store was there before" : "store.db is missing, though a store was there before",
              "alerts that were not delivered yet are lost, and an empty store is begun");
    set_aside(store, "store.db");
    set_aside(store, "store.db-wal");
    set_aside(store, "store.db-shm");
}

static void look_at_wal(struct store *store, const struct marker *marker)
{
    int64_t bytes;
    enum state wal = look_at(store, "store.db-wal", &bytes);
    if (wal == FILE_THERE && !wal_header_is_good(store)) {
        tell_loss(store, "store.db-wal cannot be read", "what was committed since the last checkpoint is lost");
        set_aside(store, "store.db-wal");
        set_aside(store, "store.db-shm");
    } else if (marker->open && wal != FILE_THERE) {
        tell_loss(store, wal == FILE_EMPTY ? "store.db-wal is empty, and the last end was no orderly one" : "store.db-wal is missing, and the last end was no orderly one",
                  "what was committed since the last checkpoint is lost");
    }
}

/* SQLite would make the file with the mode that the umask leaves, and gives its -wal and -shm the same mode. The file is never opened a second
 * time outside SQLite: closing that descriptor would drop SQLite's locks (fcntl). */
static enum result make_file(const struct store *store, const char *path, char **error)
{
    int file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0 && errno != EEXIST) {
        enum result result = result_from_errno(errno);
        *error = xasprintf("cannot make %s: %s: the store's directory must belong to the daemon's user", path, strerror(errno));
        return result;
    }
    if (file >= 0) {
        close(file);
        sync_directory(store);
    }
    return RESULT_OK;
}

/* A link could lead elsewhere at any time, and SQLite keeps the WAL beside the file that it leads to, where nobody looks for it. */
static enum result refuse_strange(const struct store *store, char **error)
{
    static const char *const names[] = {"store.db", "store.db-wal", "store.db-shm", "store.id"};
    int64_t bytes;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (look_at(store, names[i], &bytes) != FILE_STRANGE)
            continue;
        *error = xasprintf("%s/%s is a symbolic link or another thing that is no file: put the file itself there, or name the directory that it is in "
                           "as store.directory", store->options.directory, names[i]);
        return RESULT_DENIED;
    }
    return RESULT_OK;
}

enum result files_prepare(struct store *store, char **error)
{
    bool used = false;
    int64_t bytes;
    enum result result = make_directory(store->options.directory, error);
    if (result == RESULT_OK)
        result = take_locks(store, &used, error);
    if (result == RESULT_OK)
        result = refuse_strange(store, error);
    if (result != RESULT_OK)
        return result;
    struct marker marker = read_marker(store);
    enum state found = look_at(store, "store.db", &bytes);
    if (found == FILE_THERE)
        look_at_wal(store, &marker);
    else if (marker.id != 0 || used || look_at(store, "store.db-wal", &bytes) == FILE_THERE)
        begin_anew(store, found);
    store->expected_id = found == FILE_THERE ? marker.id : 0;
    char *path = path_in(store, "store.db");
    result = make_file(store, path, error);
    free(path);
    return result;
}

void files_opened(struct store *store)
{
    if (store->expected_id != 0 && store->expected_id != store->identity.id)
        tell_loss(store, "store.db is not the store that was here before",
                  "alerts of the one before that were not delivered are not in it, and it is taken as it is");
    /* The marker promises a WAL from here on, so there must be something in it. */
    write_marker(store, store_probe(store) == RESULT_OK);
}

void files_closing(struct store *store)
{
    if (store->database.handle == NULL || !store->identity.noted)
        return;
    if (store->identity.wal_cut) /* the holes would be copied over good pages */
        sqlite3_db_config(store->database.handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    bool well = store_check(store) == RESULT_OK;
    store_checkpoint(store, true);
    if (well || (!store->reopen && identity_may_reopen(store) == RESULT_OK && store->checkpointed_pages == store->wal_pages))
        write_marker(store, false);
}
