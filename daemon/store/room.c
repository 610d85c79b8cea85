/* SPDX-License-Identifier: Apache-2.0 */
/* Room: whether there is any, what holds it, and how it is made. What needs room (submissions) is refused without it; what frees it (results of
 * deliveries, retention, the trimming of dead letters) never asks. */
#include "harrier/base/log.h"
#include "writer.h"

#include <stdarg.h>
#include <stdio.h>

enum {
    ROOM_AGAIN_DIVISOR = 16,             /* full until so much of hard_bytes is free again, so that health does not flicker */
    DISK_FULL_SPARE_BYTES = 4 * 1024 * 1024, /* on a full disk so much of the file is kept free: the next commits write over it */
    LETTERS_STEP = 100
};

/* Asked in every commit: the statements are kept. */
static enum result read_page_number(struct store *store, enum writer_statement which, int64_t *number)
{
    sqlite3_stmt *statement = database_statement(&store->database, (int)which);
    if (statement == NULL)
        return RESULT_IO;
    enum result result = database_row(&store->database, statement);
    if (result == RESULT_OK) {
        *number = sqlite3_column_int64(statement, 0);
        sqlite3_reset(statement);
    }
    return result;
}

enum result writer_space(struct store *store, struct writer_space *space)
{
    int64_t pages = 0, unused = 0;
    enum result result = read_page_number(store, WRITER_PAGE_COUNT, &pages);
    if (result == RESULT_OK)
        result = read_page_number(store, WRITER_UNUSED_PAGES, &unused);
    space->used = (uint64_t)(pages - unused) * DATABASE_PAGE_BYTES;
    space->unused = (uint64_t)unused * DATABASE_PAGE_BYTES;
    return result;
}

bool writer_is_crowded(const struct store *store, const struct writer_space *space)
{
    return space->used > store->options.soft_bytes || store->full || (store->disk_full && space->unused < DISK_FULL_SPARE_BYTES);
}

/* --- what holds it ------------------------------------------------------------------------------------------------------ */

static void add_text(struct store *store, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add_text(struct store *store, const char *format, ...)
{
    size_t length = strlen(store->full_text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(store->full_text + length, sizeof store->full_text - length, format, arguments);
    va_end(arguments);
}

/* Counts all that is not delivered, so it is done once, when the store becomes full. */
static void describe_waiting(struct store *store)
{
    sqlite3_stmt *statement = database_statement(&store->database, WRITER_WAITING);
    if (statement == NULL)
        return;
    bool any = false;
    while (database_row(&store->database, statement) == RESULT_OK) {
        struct slice name = database_column(statement, 0);
        add_text(store, "%s%lld for `%.*s`", any ? ", " : "; not delivered yet: ", (long long)sqlite3_column_int64(statement, 1), SLICE_ARGS(name));
        any = true;
    }
    sqlite3_reset(statement);
    add_text(store, any ? ": mend the destinations that are behind, or raise store.size" : "; every alert is delivered, and the oldest are being removed");
}

static void describe(struct store *store, uint64_t used)
{
    store->full_text[0] = '\0';
    add_text(store, "the store holds %llu MiB, takes no more than %llu MiB, and has no room for alerts; %llu KiB of it are dead letters",
             (unsigned long long)(used >> 20), (unsigned long long)(store->options.hard_bytes >> 20), (unsigned long long)(store->dead_letter_bytes >> 10));
    describe_waiting(store);
}

bool store_has_room(struct store *store)
{
    struct writer_space space;
    uint64_t hard = store->options.hard_bytes;
    if (store->database.handle == NULL || writer_space(store, &space) != RESULT_OK)
        return true; /* what keeps it from being read will show in the commit */
    bool full = space.used > (store->full ? hard - hard / ROOM_AGAIN_DIVISOR : hard);
    if (full && !store->full)
        describe(store, space.used);
    store->full = full;
    if (full)
        database_set_error(&store->database, "%s", store->full_text);
    return !full;
}

/* --- making it ---------------------------------------------------------------------------------------------------------- */

/* Delivered alerts go first: their destinations have them. Then dead letters, the oldest first: none of them was decided to be an attack, and an alert
 * would be refused in their place. Alerts that were given up come last (maintain.c). */
enum result store_make_room(struct store *store, clock_nanos now, struct store_maintenance *done)
{
    struct writer_space space = {0};
    bool junk = store->dead_letter_count > 0;
    uint64_t letters = 0;
    enum result result = store_maintain(store, now, done);
    if (result == RESULT_OK)
        result = writer_space(store, &space);
    if (result == RESULT_OK && junk && (!done->more || store->dead_may_go) && writer_is_crowded(store, &space)) {
        store->dead_may_go = false;
        result = writer_drop_dead_letters(store, LETTERS_STEP, &letters);
    }
    if (result == RESULT_OK && letters > 0)
        log_warning("store: the %llu oldest dead letters were dropped, for alerts need the room", (unsigned long long)letters);
    done->more = result == RESULT_OK && (done->more || letters > 0);
    return result;
}
