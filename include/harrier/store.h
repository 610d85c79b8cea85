/* SPDX-License-Identifier: Apache-2.0 */
/* The store: alerts, what of them is still to be delivered, dead letters, the ids that are known, and where sources go on, in one SQLite database
 * (store.db in the store's directory; WAL, synchronous=FULL). One writer, used by one thread; readers beside it, each used by one thread.
 * When store_commit has returned RESULT_OK its data survive a crash of the process, of the system, and a power cut. */
#ifndef HARRIER_STORE_H
#define HARRIER_STORE_H

#include "harrier/base/arena.h"
#include "harrier/base/clock.h"
#include "harrier/base/counted.h"
#include "harrier/base/result.h"
#include "harrier/base/slice.h"
#include "harrier/submission.h"

enum {
    STORE_NAME_MAX = 64,   /* of a destination, with its NUL */
    STORE_ERROR_MAX = 256, /* text of the last failed try, with its NUL */
    STORE_ID_HEX = SUBMISSION_ID_HEX + 1,
    STORE_DEAD_LETTER_SHARE = 4 /* dead letters take at most one part in so many of soft_bytes, whatever dead_letter_bytes says */
};

/* Zero means the default that is given behind each. */
struct store_options {
    const char *directory;       /* made with mode 0700 if it is missing */
    clock_nanos alert_retention; /* from storing on, in counted time (counted.h); 30 days */
    clock_nanos id_retention;    /* how long an alert_id is known, never less than alert_retention; 90 days */
    uint64_t soft_bytes;         /* above it the oldest delivered alerts go; 4 GiB */
    uint64_t hard_bytes;         /* above it store_commit takes no alerts and dead letters (RESULT_FULL), only results and positions; 2 x soft_bytes */
    uint64_t dead_letter_bytes;  /* kept bytes of all input dead letters; the oldest go, and are counted; 64 MiB, at most a quarter of soft_bytes */
    uint64_t dead_letter_count;  /* number of them; 100,000, at most one for each 8 KiB of soft_bytes */
    uint64_t id_count;           /* ids of alerts that are no longer kept: those of the last so many alerts; one for each 384 bytes of soft_bytes */
    uint64_t checkpoint_bytes;   /* size of the WAL from which store_checkpoint copies it into the database; 4 MiB */
    int busy_timeout_ms;         /* 5,000 */
    struct counted_source clock; /* readings of the store's clock; the system's */
    const char *vfs;             /* name of an SQLite VFS; NULL for the system's */
};

struct store;

/* Opens for writing, creates or migrates. Locks the directory and the lock file (store.lock, holds the pid), so that a second writer is refused:
 * RESULT_BUSY. RESULT_UNSUPPORTED: made by a newer version; RESULT_CORRUPT: damaged, or not a store; RESULT_DENIED: may not be written, or is no regular
 * file. On failure *error (the caller frees it) says what and what to do. A store that is lost (store.db missing or empty where the marker, store.id, tells
 * of one) is begun anew, with an error in the log and in store_losses. */
enum result store_open(const struct store_options *options, struct store **store, char **error);
/* The store's clock: all ages are reckoned by it, and it is stored with them. Lives as long as the store; any thread may ask it. */
struct counted *store_clock(struct store *store);
/* Checkpoints what is left in the WAL and gives the lock back. */
void store_close(struct store *store);

/* --- committing --------------------------------------------------------------------------------------------------------- */

enum store_delivery_state {
    STORE_PENDING = 0,   /* to be tried at next_time */
    STORE_HELD = 1,      /* to be tried at next_time; it needs an operator (credentials, address) */
    STORE_DELIVERED = 2, /* done */
    STORE_DEAD = 3,      /* given up; kept as a dead letter with its reason */
    STORE_SET_ASIDE = 4  /* to be tried at next_time; the destination takes others, but not this alert */
};

/* What became of one try. Plain data, to be copied through queues. */
struct store_delivery_result {
    int64_t alert;  /* store_delivery.alert */
    uint32_t round; /* store_delivery.round */
    enum store_delivery_state state;
    uint32_t attempts;     /* tries so far, this one counted */
    clock_nanos time;      /* when the try ended; wall clock, to be shown */
    clock_nanos next_time; /* of one that stays open: of the next try; likewise */
    clock_nanos wait;      /* of one that stays open: not before so much time has passed */
    char destination[STORE_NAME_MAX];
    char error[STORE_ERROR_MAX]; /* empty when delivered; holds no secret */
};

struct store_submission {
    struct slice bytes; /* submission_bytes */
    enum result result; /* out: RESULT_OK: committed; RESULT_INVALID (broken), RESULT_UNSUPPORTED (of a newer encoding): never this one (nothing of it),
                           the others were; RESULT_FULL: not now, for want of room, the others were; after a failed commit what store_commit gave */
    bool insists; /* taken without room as well: it is in memory only and cannot come again, and the process is about to end. Such are few */
};

struct store_commit_counts {
    uint64_t alerts_added;
    uint64_t alerts_known; /* their ids were there already: nothing added */
    uint64_t deliveries_added;
    uint64_t dead_letters_added;
    uint64_t dead_letters_dropped; /* oldest ones, to stay within the bounds */
    uint64_t refused_for_room;     /* submissions; told after a failure as well */
    bool failed;                   /* the store, or the disk; not where nothing was written for want of room in the store */
};

/* One transaction, one fsync, for all of it. On any result but RESULT_OK nothing at all was kept, no submission may be acknowledged, and the same call
 * may be made again later: RESULT_FULL: the disk is full, or there was nothing to write but submissions that find no room; RESULT_BUSY; RESULT_IO;
 * RESULT_CORRUPT: the database is damaged; RESULT_GONE: it is no longer there (store_check); RESULT_DENIED. Never RESULT_INVALID, RESULT_UNSUPPORTED or RESULT_LIMIT: those condemn one submission for
 * good. Submissions that find no room do not keep the results from being committed. results may name deliveries that are gone or of an older round:
 * ignored. counts may be NULL. */
enum result store_commit(struct store *store, struct store_submission *submissions, size_t submission_count,
                         const struct store_delivery_result *results, size_t result_count, struct store_commit_counts *counts);
/* Results alone, from the first on, on a full disk in ever smaller pieces. *stored: how many are durable. */
enum result store_commit_results(struct store *store, const struct store_delivery_result *results, size_t count, size_t *stored);
/* False while the pages in use are above hard_bytes, and from then on until a sixteenth of it is free: alerts that are not delivered are never removed
 * to make room, for then a flood could wash away the one that matters. store_error then says what holds the room. */
bool store_has_room(struct store *store);
/* Is what is open still what the directory holds, as it was left? A few microseconds; store_commit asks it before and after each transaction that
 * holds submissions. RESULT_GONE: store.db or its WAL was removed, replaced, cut or written over; nothing may be acknowledged, results may still be
 * committed (store_error says what to do). */
enum result store_check(struct store *store);
/* How often the store, or a part of it, was found missing, emptied, replaced or written over, at the start or since. Any thread. */
uint64_t store_losses(const struct store *store);
/* Writes a row with the value that it has: RESULT_OK if the store takes writes (after a failure, on a fresh connection). */
enum result store_probe(struct store *store);
/* Text of the last failure of a call on this store: what, and what to do. Never NULL; valid until the next call. */
const char *store_error(const struct store *store);

/* Puts dead deliveries back into the queue; destination NULL: of all destinations of that alert; alert 0: all dead deliveries.
 * *count (may be NULL): how many. Own transaction. RESULT_NOT_FOUND if there were none. */
enum result store_retry_dead(struct store *store, int64_t alert, const char *destination, uint64_t *count);

/* --- housekeeping, between commits, on the writer's thread ------------------------------------------------------------- */

/* Copies the WAL into the database (SQLite's PASSIVE: waits for nobody) if it has passed checkpoint_bytes, or holds anything and idle is set.
 * A reader that stays open can hold the WAL back: it grows then, which store_counts shows. */
enum result store_checkpoint(struct store *store, bool idle);

struct store_maintenance {
    uint64_t alerts_removed;
    uint64_t given_up_removed; /* of these, what a destination never got */
    uint64_t ids_forgotten;
    bool more; /* call again soon: this step was not enough */
};

/* One bounded step of retention (some hundred rows, own transaction). now: counted time, of store_clock. done may be NULL.
 * What goes: alerts that are older than alert_retention, or, above soft_bytes, the oldest; never one that is still to be delivered. One that was given up
 * goes alert_retention after that, or, when nothing else is left and the store is half way from soft_bytes to hard_bytes, before. */
enum result store_maintain(struct store *store, clock_nanos now, struct store_maintenance *done);
/* One bounded step towards room, as store_maintain: delivered alerts go before their time, the oldest first, then dead letters. */
enum result store_make_room(struct store *store, clock_nanos now, struct store_maintenance *done);
/* Gives at most pages free pages (4 KiB) back to the file system. *more: there are more. */
enum result store_vacuum_step(struct store *store, int pages, bool *more);

/* --- reading ------------------------------------------------------------------------------------------------------------ */

struct store_reader;

/* Read-only; works with and without a running daemon. RESULT_NOT_FOUND: no store there. On failure *error is the caller's to free. */
enum result store_reader_open(const char *directory, struct store_reader **reader, char **error);
void store_reader_close(struct store_reader *reader);
const char *store_reader_error(const struct store_reader *reader);

struct store_alert {
    int64_t alert; /* its number: rises in the order of commit, never used again */
    char alert_id[STORE_ID_HEX];
    char dedup_key[STORE_ID_HEX];
    clock_nanos time;   /* of the event */
    clock_nanos stored; /* of the commit */
    double risk_score;
    struct slice severity;
    struct slice rule;
    struct slice cluster;
    struct slice json;
};

struct store_alert_filter {
    clock_nanos since;           /* time >= since; 0: all */
    enum severity_rank severity; /* at least; 0: all */
    const char *rule;            /* exact; NULL: all */
    const char *cluster;
    int64_t after; /* 0: newest first; otherwise those with a larger number, oldest first (-1: from the first) */
    size_t limit;  /* 0: no limit */
};

/* Calls visit for each alert; no read transaction is open while it runs, so it may take its time (a pager). The alert's slices live
 * until it returns. visit returns false to stop. */
typedef bool (*store_alert_visit)(const struct store_alert *alert, void *context);
enum result store_alerts(struct store_reader *reader, const struct store_alert_filter *filter, store_alert_visit visit, void *context);
/* The alert whose id begins with prefix (1-64 hex digits, any case). RESULT_NOT_FOUND; RESULT_LIMIT if several do; RESULT_INVALID if prefix is not hex.
 * Slices are in the arena. */
enum result store_alert_by_id(struct store_reader *reader, struct slice prefix, struct arena *arena, struct store_alert *alert);
enum result store_alert_by_number(struct store_reader *reader, int64_t number, struct arena *arena, struct store_alert *alert);
/* Number of the newest alert, 0 if there is none: where a follower begins. */
enum result store_last_alert(struct store_reader *reader, int64_t *number);

struct store_delivery {
    int64_t alert;
    uint32_t round; /* 0; one more each time that a dead delivery was put back */
    enum store_delivery_state state;
    uint32_t attempts;
    clock_nanos since;     /* when it was put into the queue; wall clock, to be shown */
    clock_nanos next_time; /* of an open one: next try, 0 at once; otherwise when it ended; likewise */
    clock_nanos counted_since; /* of store_open_deliveries and store_open_delivery_from alone: when it was put into the queue; counted time, to reckon with */
    clock_nanos counted_next;  /* likewise: next try, 0 at once */
    char alert_id[STORE_ID_HEX];
    char destination[STORE_NAME_MAX];
    char error[STORE_ERROR_MAX];
};

typedef bool (*store_delivery_visit)(const struct store_delivery *delivery, void *context);
/* All deliveries of an alert, open and ended. */
enum result store_alert_deliveries(struct store_reader *reader, int64_t alert, store_delivery_visit visit, void *context);
/* The first open deliveries of a destination in order, at most max into out; *count: how many. A name never seen gives 0. */
enum result store_open_deliveries(struct store_reader *reader, const char *destination, struct store_delivery *out, size_t max,
                                  size_t *count);
/* The first open delivery of a destination from that alert number on. RESULT_NOT_FOUND: none. */
enum result store_open_delivery_from(struct store_reader *reader, const char *destination, int64_t alert, struct store_delivery *out);
/* Open deliveries of all destinations that are in that state, oldest first, at most limit (at most STORE_IN_STATE_MAX). Reads all that are open. */
enum { STORE_IN_STATE_MAX = 1000 };
enum result store_deliveries_in_state(struct store_reader *reader, enum store_delivery_state state, size_t limit, store_delivery_visit visit,
                                      void *context);
/* Dead deliveries, newest first; limit 0: all. */
enum result store_dead_deliveries(struct store_reader *reader, size_t limit, store_delivery_visit visit, void *context);

struct store_dead_letter {
    int64_t number;
    clock_nanos stored;
    struct slice cluster;
    struct slice source;
    struct slice reason;
    struct slice detail;
    uint64_t total_length;
    uint64_t offset;
    uint64_t kept_length;
    struct slice kept; /* empty in store_dead_letters: ask for the one by its number */
};

typedef bool (*store_dead_letter_visit)(const struct store_dead_letter *letter, void *context);
/* Input dead letters, newest first; limit 0: all. As with store_alerts, visit may take its time. */
enum result store_dead_letters(struct store_reader *reader, size_t limit, store_dead_letter_visit visit, void *context);
enum result store_dead_letter_by_number(struct store_reader *reader, int64_t number, struct arena *arena, struct store_dead_letter *letter);

/* The position last committed for the key (submission_add_position). RESULT_NOT_FOUND: none. The value is in the arena. */
enum result store_position(struct store_reader *reader, const char *key, struct arena *arena, struct slice *value);
/* Slices live until it returns; it must not use the reader. */
typedef void (*store_position_visit)(struct slice key, struct slice value, void *context);
/* Those whose keys begin with the prefix, in no order. */
enum result store_positions(struct store_reader *reader, const char *prefix, store_position_visit visit, void *context);

struct store_destination_counts {
    char name[STORE_NAME_MAX];
    uint64_t pending;
    uint64_t held;
    uint64_t set_aside;
    uint64_t dead;
    clock_nanos oldest; /* when its oldest open delivery was put into the queue, counted time; 0: none */
};

struct store_counts {
    uint64_t alerts_stored; /* since the store was made */
    uint64_t alerts;        /* from the oldest kept one to the newest, counting gaps left behind undelivered ones */
    uint64_t dead_letters;
    uint64_t dead_letters_dropped; /* since the store was made */
    uint64_t database_bytes;
    uint64_t free_bytes; /* of these, unused */
    uint64_t wal_bytes;
    struct store_destination_counts destinations[SUBMISSION_DESTINATIONS_MAX];
    size_t destination_count; /* every name that was ever routed to, at most the array's size */
};

/* What there is. Counts the rows of open deliveries, nothing else: cheap unless a destination is far behind. */
enum result store_counts(struct store_reader *reader, struct store_counts *counts);

#endif
