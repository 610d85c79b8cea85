/* SPDX-License-Identifier: Apache-2.0 */
/* What the writer's files (store.c, commit.c, maintain.c) share. */
#ifndef HARRIER_STORE_WRITER_H
#define HARRIER_STORE_WRITER_H

#include "database.h"
#include "harrier/base/map.h"
#include "harrier/store.h"

#include <stdatomic.h>
#include <sys/types.h>

enum writer_statement {
    WRITER_BEGIN,
    WRITER_COMMIT,
    WRITER_ADD_SEEN,
    WRITER_ADD_ALERT,
    WRITER_ADD_DOCUMENT,
    WRITER_ADD_QUEUE,
    WRITER_ADD_DESTINATION,
    WRITER_RETRY_LATER,
    WRITER_END_DELIVERY,
    WRITER_LEAVE_QUEUE,
    WRITER_ADD_DEAD_LETTER,
    WRITER_OLDEST_DEAD_LETTER,
    WRITER_REMOVE_DEAD_LETTER,
    WRITER_ADD_TO_META,
    WRITER_SET_LAST_ALERT,
    WRITER_REQUEUE_DEAD,
    WRITER_REMOVE_REQUEUED,
    WRITER_RETENTION_ROWS,
    WRITER_REMOVE_ALERT,
    WRITER_REMOVE_DOCUMENT,
    WRITER_REMOVE_ENDED,
    WRITER_SEEN_ROWS,
    WRITER_REMOVE_SEEN,
    WRITER_WAITING,
    WRITER_SET_POSITION,
    WRITER_REMOVE_POSITION,
    WRITER_READ_CLOCK,
    WRITER_WRITE_CLOCK,
    WRITER_ADD_MARK,
    WRITER_REMOVE_MARKS,
    WRITER_LAST_MARK,
    WRITER_PAGE_COUNT,
    WRITER_UNUSED_PAGES,
    WRITER_STATEMENT_COUNT
};

_Static_assert((int)WRITER_STATEMENT_COUNT <= (int)DATABASE_STATEMENTS_MAX, "room for every statement");

extern const char *const writer_sql[WRITER_STATEMENT_COUNT];

enum { STORE_SIDE_WAL, STORE_SIDE_SHM, STORE_SIDE_FILES };

/* What tells this store and its files from others, and from themselves after somebody has written over them. While the daemon runs nobody else writes:
 * store.db changes in a checkpoint alone, and then this is noted anew. */
struct store_identity {
    int64_t id; /* random, in meta; 0: not read yet */
    bool noted;
    uint8_t header[100]; /* of store.db: https://www.sqlite.org/fileformat.html#the_database_header */
    int64_t bytes;       /* of store.db, as are the next three */
    dev_t device;
    ino_t inode;
    struct timespec written; /* when it was written last. Nobody but our checkpoints writes to it */
    bool suspect;        /* another program wrote to it, or damage was met: all of it is looked at before it is written again */
    bool wal_moved;      /* as of the last writer_ready */
    bool wal_cut;        /* until a restart: what is appended to it, or copied from it, would make of a loss a damage */
    struct {
        char *path;
        dev_t device;
        ino_t inode;
    } side[STORE_SIDE_FILES];
    bool gone; /* as of the last check */
};

struct store {
    struct store_options options; /* defaults filled in; directory is owned */
    struct database database;
    int lock;           /* descriptor of the lock file; the lock is held while it is open */
    int directory_lock; /* of the directory, locked too: the lock file can be removed */
    int64_t expected_id; /* what the marker says; 0: nothing */
    struct store_identity identity;
    atomic_uint_fast64_t losses;
    bool reopen; /* the connection met an I/O error: a fresh one reads what is really on disk before anything is written again */

    /* What the database holds, kept here to spare reading it in each commit. Read again whenever a transaction was rolled back. */
    int64_t last_alert;
    struct map *destinations; /* name -> id, as a pointer-sized number */
    uint64_t dead_letter_bytes;
    uint64_t dead_letter_count;

    bool full;      /* over hard_bytes, and not yet far enough below it again (store_has_room) */
    bool disk_full; /* the last commit of submissions met a full disk: the oldest delivered alerts make room inside the file */
    char full_text[DATABASE_ERROR_MAX]; /* what held the room when it became full */

    uint64_t wal_pages;          /* in the WAL after the last commit */
    uint64_t checkpointed_pages; /* of these, already in the database at the last checkpoint */
    bool wal_pinned_logged;

    struct counted *clock;   /* of all ages */
    clock_nanos clock_saved; /* what of it the database has */
    clock_nanos mark_time;   /* of the newest mark */
    int64_t mark_alert;

    int64_t retention_cursor;                   /* alerts up to this one were looked at in this round */
    uint64_t retention_removed;                 /* in this round */
    bool dead_may_go;                           /* a round over a crowded store found nothing to remove but what was given up */
    uint8_t seen_cursor[SUBMISSION_ID_HEX / 2]; /* ids up to this one likewise */
    size_t seen_cursor_length;                  /* 0: at the beginning */
};

/* A fresh connection if the last one met an I/O error. To be called first by everything that writes. */
enum result writer_ready(struct store *store);
enum result writer_begin(struct store *store);
/* Commits if result is RESULT_OK, else, or if that fails, rolls back and forgets what was kept of the transaction. Returns what came of it. */
enum result writer_end(struct store *store, enum result result);
/* identity.c. Before the first connection; and at the end. */
void identity_open(struct store *store);
void identity_close(struct store *store);
/* store_check in short, after writer_ready, before a transaction that store_check follows. RESULT_GONE. */
enum result identity_check_before(struct store *store);
/* After a connection was made: is this a store with all its tables, and the one from before? RESULT_CORRUPT; RESULT_GONE. */
enum result identity_read(struct store *store);
/* After a connection was made, and after each checkpoint: so the files look from now on. whole: the file must be as long as its head says. */
void identity_note(struct store *store, bool whole);
/* Shorter than what was written to it, now or at an earlier look. */
bool identity_wal_is_cut(struct store *store);
/* Whether the path still leads to the store. RESULT_GONE: a connection made now would find something else, or nothing. */
enum result identity_may_reopen(struct store *store);

/* aging.c. Opening starts the store's clock; closing saves it. */
enum result aging_open(struct store *store);
void aging_close(struct store *store);
/* What struct store keeps of the marks. */
enum result aging_read_state(struct store *store);
/* Within a transaction: a mark, and the clock, if it is time. */
enum result aging_note(struct store *store);
/* The same while nothing is committed, in a transaction of its own. */
enum result aging_note_idle(struct store *store);
/* The newest alert that was stored at the instant (counted time) or before, as far as it is known: rather an older one. 0: none. */
enum result aging_older_than(struct store *store, clock_nanos instant, int64_t *alert);

/* Adds to a number in meta. */
enum result writer_add_to_meta(struct store *store, const char *name, int64_t number);
/* RESULT_CORRUPT, with its text, in place of RESULT_NOT_FOUND for rows that every store has. */
enum result writer_missing(struct store *store, enum result result, const char *what);

/* Parts of a transaction. */
enum result writer_add_dead_letter(struct store *store, const struct submission_dead_letter *letter, struct slice cluster, clock_nanos now,
                                   struct store_commit_counts *counts);
enum result writer_bound_dead_letters(struct store *store, struct store_commit_counts *counts);
enum result writer_add_result(struct store *store, const struct store_delivery_result *delivery);
/* The oldest ones, at most so many, in a transaction of its own. */
enum result writer_drop_dead_letters(struct store *store, uint64_t most, uint64_t *dropped);

/* Bytes of the database's pages: all that are in use, and those that wait to be used again. */
struct writer_space {
    uint64_t used;
    uint64_t unused;
};
enum result writer_space(struct store *store, struct writer_space *space);
/* Must delivered alerts go before their time? */
bool writer_is_crowded(const struct store *store, const struct writer_space *space);

#endif
