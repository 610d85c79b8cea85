/* SPDX-License-Identifier: Apache-2.0 */
/* Dead letters: input that was no event, within a bound of its own. */
#include "writer.h"

enum { DETAIL_BYTES = 512 };

enum result writer_add_dead_letter(struct store *store, const struct submission_dead_letter *letter, struct slice cluster, clock_nanos now,
                                   struct store_commit_counts *counts)
{
    sqlite3_stmt *statement = database_statement(&store->database, WRITER_ADD_DEAD_LETTER);
    if (statement == NULL)
        return RESULT_IO;
    struct slice kept = slice_first(letter->kept, (size_t)store->options.dead_letter_bytes);
    sqlite3_bind_int64(statement, 1, now);
    sqlite3_bind_int64(statement, 2, (int64_t)letter->total_length);
    sqlite3_bind_int64(statement, 3, (int64_t)letter->offset);
    database_bind_text(statement, 4, cluster);
    database_bind_text(statement, 5, letter->source);
    database_bind_text(statement, 6, letter->reason);
    database_bind_text(statement, 7, slice_first(letter->detail, DETAIL_BYTES));
    database_bind_blob(statement, 8, kept);
    enum result result = database_finish(&store->database, statement);
    store->dead_letter_bytes += kept.length;
    store->dead_letter_count++;
    counts->dead_letters_added++;
    return result;
}

static enum result remove_oldest_dead_letter(struct store *store)
{
    sqlite3_stmt *oldest = database_statement(&store->database, WRITER_OLDEST_DEAD_LETTER);
    sqlite3_stmt *remove = database_statement(&store->database, WRITER_REMOVE_DEAD_LETTER);
    if (oldest == NULL || remove == NULL)
        return RESULT_IO;
    enum result result = database_row(&store->database, oldest);
    if (result != RESULT_OK)
        return writer_missing(store, result, "the dead letters that were counted");
    int64_t number = sqlite3_column_int64(oldest, 0);
    store->dead_letter_bytes -= (uint64_t)sqlite3_column_int64(oldest, 1);
    store->dead_letter_count--;
    sqlite3_reset(oldest);
    sqlite3_bind_int64(remove, 1, number);
    return database_finish(&store->database, remove);
}

/* Counts them as dropped, in the transaction that removes them. */
static enum result remove_dead_letters(struct store *store, uint64_t count)
{
    enum result result = RESULT_OK;
    for (uint64_t i = 0; result == RESULT_OK && i < count; i++)
        result = remove_oldest_dead_letter(store);
    if (result == RESULT_OK && count > 0)
        result = writer_add_to_meta(store, "dead_letters_dropped", (int64_t)count);
    return result;
}

static bool over_bound(const struct store *store)
{
    return store->dead_letter_count > 1 &&
           (store->dead_letter_count > store->options.dead_letter_count || store->dead_letter_bytes > store->options.dead_letter_bytes);
}

enum result writer_bound_dead_letters(struct store *store, struct store_commit_counts *counts)
{
    enum result result = RESULT_OK;
    while (result == RESULT_OK && over_bound(store)) {
        result = remove_dead_letters(store, 1);
        counts->dead_letters_dropped++;
    }
    return result;
}

enum result writer_drop_dead_letters(struct store *store, uint64_t most, uint64_t *dropped)
{
    *dropped = store->dead_letter_count < most ? store->dead_letter_count : most;
    if (*dropped == 0)
        return RESULT_OK;
    enum result result = writer_begin(store);
    if (result == RESULT_OK)
        result = writer_end(store, remove_dead_letters(store, *dropped));
    return result;
}
