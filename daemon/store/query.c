/* SPDX-License-Identifier: Apache-2.0 */
/* The questions that harrierctl and the deliver thread ask. Rows are copied out page by page and the statement reset before the caller sees
 * them: a reader that stood in the middle of a statement while its caller waits (a pager, a slow pipe) would pin the WAL. */
#include "harrier/base/memory.h"
#include "harrier/base/vector.h"
#include "reader.h"

#include <stdio.h>

enum { PAGE_ROWS = 16, PAGE_ARENA_BYTES = 64 * 1024 };

#define ALERT_COLUMNS "alert.number, alert.id, dedup_key, time, alert.stored, risk_score, severity, rule, cluster, json"
#define ALERT_FILTER \
    " FROM alert JOIN document ON document.alert = alert.number WHERE time >= ?2 AND severity_rank >= ?3 AND (?4 IS NULL OR rule = ?4)" \
    " AND (?5 IS NULL OR cluster = ?5)"
#define OPEN_COLUMNS "queue.alert, round, state, attempts, since, next_time, error"
#define OPEN_COUNTED ", counted_since, counted_next"
#define ENDED_COLUMNS "ended.alert, round, state, attempts, since, ended.time, error"

const char *const reader_sql[READER_STATEMENT_COUNT] = {
    [READER_ALERTS_NEWEST] = "SELECT " ALERT_COLUMNS ALERT_FILTER " AND alert.number < ?1 ORDER BY alert.number DESC LIMIT ?6",
    [READER_ALERTS_AFTER] = "SELECT " ALERT_COLUMNS ALERT_FILTER " AND alert.number > ?1 ORDER BY alert.number LIMIT ?6",
    [READER_ALERT_BY_ID] =
        "SELECT " ALERT_COLUMNS " FROM seen JOIN alert ON alert.number = seen.alert JOIN document ON document.alert = alert.number"
        " WHERE seen.id BETWEEN ?1 AND ?2 LIMIT 2",
    [READER_ALERT_BY_NUMBER] = "SELECT " ALERT_COLUMNS " FROM alert JOIN document ON document.alert = alert.number WHERE alert.number = ?1",
    [READER_ALERT_DELIVERIES] =
        "SELECT " OPEN_COLUMNS ", alert.id, name FROM destination JOIN queue ON destination = destination.id AND queue.alert = ?1"
        " JOIN alert ON alert.number = queue.alert UNION ALL"
        " SELECT " ENDED_COLUMNS ", alert.id, name FROM ended JOIN destination ON destination.id = ended.destination"
        " JOIN alert ON alert.number = ended.alert WHERE ended.alert = ?1 ORDER BY name",
    [READER_OPEN_DELIVERIES] = "SELECT " OPEN_COLUMNS ", alert.id, ?1" OPEN_COUNTED " FROM queue JOIN alert ON alert.number = queue.alert"
                               " WHERE destination = (SELECT id FROM destination WHERE name = ?1) ORDER BY queue.alert LIMIT ?2",
    [READER_OPEN_DELIVERY_FROM] = "SELECT " OPEN_COLUMNS ", alert.id, ?1" OPEN_COUNTED " FROM queue JOIN alert ON alert.number = queue.alert"
                                  " WHERE destination = (SELECT id FROM destination WHERE name = ?1) AND queue.alert >= ?2 ORDER BY queue.alert LIMIT 1",
    [READER_DELIVERIES_IN_STATE] = "SELECT " OPEN_COLUMNS ", alert.id, name FROM queue JOIN destination ON destination.id = destination"
                                   " JOIN alert ON alert.number = queue.alert WHERE state = ?1 ORDER BY queue.alert LIMIT ?2",
    /* Pages by (alert, destination), newest first. */
    [READER_DEAD_DELIVERIES] =
        "SELECT " ENDED_COLUMNS ", alert.id, name, destination.id FROM ended JOIN destination ON destination.id = ended.destination"
        " JOIN alert ON alert.number = ended.alert WHERE state = 3 AND (ended.alert, destination.id) < (?1, ?2)"
        " ORDER BY ended.alert DESC, destination.id DESC LIMIT ?3",
    [READER_DEAD_LETTERS] =
        "SELECT number, stored, total_length, offset, cluster, source, reason, detail, length(kept), x'' FROM dead_letter"
        " WHERE number < ?1 ORDER BY number DESC LIMIT ?2",
    [READER_DEAD_LETTER] = "SELECT number, stored, total_length, offset, cluster, source, reason, detail, length(kept), kept FROM "
                           "dead_letter WHERE number = ?1",
    [READER_DESTINATION_COUNTS] = "SELECT name, (SELECT count(*) FROM queue WHERE destination = destination.id AND state = 0),"
                                  " (SELECT count(*) FROM queue WHERE destination = destination.id AND state = 1),"
                                  " (SELECT count(*) FROM ended WHERE ended.destination = destination.id AND state = 3),"
                                  " coalesce((SELECT counted_since FROM queue WHERE destination = destination.id ORDER BY queue.alert LIMIT 1), 0),"
                                  " (SELECT count(*) FROM queue WHERE destination = destination.id AND state = 4) "
                                  "FROM destination ORDER BY destination.id",
    [READER_POSITION] = "SELECT value FROM position WHERE name = ?1",
    [READER_POSITIONS] = "SELECT name, value FROM position WHERE substr(name, 1, length(?1)) = ?1",
};

/* --- rows --------------------------------------------------------------------------------------------------------------- */

static void hex_of_id(struct slice id, char out[STORE_ID_HEX])
{
    static const char digits[] = "0123456789abcdef";
    size_t length = id.length < SUBMISSION_ID_HEX / 2 ? id.length : SUBMISSION_ID_HEX / 2;
    for (size_t i = 0; i < length; i++) {
        out[2 * i] = digits[(unsigned char)id.bytes[i] >> 4];
        out[2 * i + 1] = digits[(unsigned char)id.bytes[i] & 15];
    }
    out[2 * length] = '\0';
}

static struct slice copy_column(struct arena *arena, sqlite3_stmt *statement, int column)
{
    return arena_copy(arena, database_column(statement, column));
}

static void take_alert(sqlite3_stmt *statement, struct arena *arena, struct store_alert *alert)
{
    alert->alert = sqlite3_column_int64(statement, 0);
    hex_of_id(database_column(statement, 1), alert->alert_id);
    hex_of_id(database_column(statement, 2), alert->dedup_key);
    alert->time = sqlite3_column_int64(statement, 3);
    alert->stored = sqlite3_column_int64(statement, 4);
    alert->risk_score = sqlite3_column_double(statement, 5);
    alert->severity = copy_column(arena, statement, 6);
    alert->rule = copy_column(arena, statement, 7);
    alert->cluster = copy_column(arena, statement, 8);
    alert->json = copy_column(arena, statement, 9);
}

static void copy_text(char *out, size_t size, struct slice text)
{
    struct slice cut = slice_first(text, slice_utf8_cut(text, size - 1));
    if (cut.length > 0)
        memcpy(out, cut.bytes, cut.length);
    out[cut.length] = '\0';
}

static void take_delivery(sqlite3_stmt *statement, struct store_delivery *delivery)
{
    delivery->alert = sqlite3_column_int64(statement, 0);
    delivery->round = (uint32_t)sqlite3_column_int64(statement, 1);
    delivery->state = (enum store_delivery_state)sqlite3_column_int(statement, 2);
    delivery->attempts = (uint32_t)sqlite3_column_int64(statement, 3);
    delivery->since = sqlite3_column_int64(statement, 4);
    delivery->next_time = sqlite3_column_int64(statement, 5);
    copy_text(delivery->error, sizeof delivery->error, database_column(statement, 6));
    hex_of_id(database_column(statement, 7), delivery->alert_id);
    copy_text(delivery->destination, sizeof delivery->destination, database_column(statement, 8));
}

static void take_open_delivery(sqlite3_stmt *statement, struct store_delivery *delivery)
{
    take_delivery(statement, delivery);
    delivery->counted_since = sqlite3_column_int64(statement, 9);
    delivery->counted_next = sqlite3_column_int64(statement, 10);
}

static void take_dead_letter(sqlite3_stmt *statement, struct arena *arena, struct store_dead_letter *letter)
{
    letter->number = sqlite3_column_int64(statement, 0);
    letter->stored = sqlite3_column_int64(statement, 1);
    letter->total_length = (uint64_t)sqlite3_column_int64(statement, 2);
    letter->offset = (uint64_t)sqlite3_column_int64(statement, 3);
    letter->cluster = copy_column(arena, statement, 4);
    letter->source = copy_column(arena, statement, 5);
    letter->reason = copy_column(arena, statement, 6);
    letter->detail = copy_column(arena, statement, 7);
    letter->kept_length = (uint64_t)sqlite3_column_int64(statement, 8);
    letter->kept = copy_column(arena, statement, 9);
}

/* --- alerts ------------------------------------------------------------------------------------------------------------- */

static void bind_optional(sqlite3_stmt *statement, int parameter, const char *text)
{
    if (text == NULL)
        sqlite3_bind_null(statement, parameter);
    else
        database_bind_text(statement, parameter, slice_of(text));
}

static enum result read_alert_page(struct store_reader *reader, const struct store_alert_filter *filter, int64_t from, size_t limit,
                                   struct arena *arena, struct store_alert page[PAGE_ROWS], size_t *count)
{
    sqlite3_stmt *statement = database_statement(&reader->database, filter->after == 0 ? READER_ALERTS_NEWEST : READER_ALERTS_AFTER);
    if (statement == NULL)
        return RESULT_IO;
    sqlite3_bind_int64(statement, 1, from);
    sqlite3_bind_int64(statement, 2, filter->since == 0 ? INT64_MIN : filter->since);
    sqlite3_bind_int(statement, 3, (int)filter->severity);
    bind_optional(statement, 4, filter->rule);
    bind_optional(statement, 5, filter->cluster);
    sqlite3_bind_int64(statement, 6, (int64_t)limit);
    *count = 0;
    enum result result;
    while ((result = database_row(&reader->database, statement)) == RESULT_OK)
        take_alert(statement, arena, &page[(*count)++]);
    return result == RESULT_NOT_FOUND ? RESULT_OK : result;
}

enum result store_alerts(struct store_reader *reader, const struct store_alert_filter *filter, store_alert_visit visit, void *context)
{
    struct arena *arena = arena_new(PAGE_ARENA_BYTES);
    int64_t from = filter->after == 0 ? INT64_MAX : filter->after;
    size_t left = filter->limit == 0 ? SIZE_MAX : filter->limit;
    size_t count = PAGE_ROWS;
    bool wanted = true;
    enum result result = RESULT_OK;
    while (result == RESULT_OK && wanted && count == PAGE_ROWS && left > 0) {
        struct store_alert page[PAGE_ROWS];
        arena_reset(arena);
        result = read_alert_page(reader, filter, from, left < PAGE_ROWS ? left : PAGE_ROWS, arena, page, &count);
        for (size_t i = 0; result == RESULT_OK && wanted && i < count; i++) {
            from = page[i].alert;
            left--;
            wanted = visit(&page[i], context);
        }
    }
    arena_free(arena);
    return result;
}

enum result store_alert_by_number(struct store_reader *reader, int64_t number, struct arena *arena, struct store_alert *alert)
{
    sqlite3_stmt *statement = database_statement(&reader->database, READER_ALERT_BY_NUMBER);
    if (statement == NULL)
        return RESULT_IO;
    sqlite3_bind_int64(statement, 1, number);
    enum result result = database_row(&reader->database, statement);
    if (result == RESULT_OK) {
        take_alert(statement, arena, alert);
        sqlite3_reset(statement);
    }
    return result;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The smallest and the largest id that begin with the prefix. */
static bool range_of_prefix(struct slice prefix, uint8_t low[SUBMISSION_ID_HEX / 2], uint8_t high[SUBMISSION_ID_HEX / 2])
{
    memset(low, 0, SUBMISSION_ID_HEX / 2);
    memset(high, 0xff, SUBMISSION_ID_HEX / 2);
    if (prefix.length == 0 || prefix.length > SUBMISSION_ID_HEX)
        return false;
    for (size_t i = 0; i < prefix.length; i++) {
        int digit = hex_digit(prefix.bytes[i]);
        if (digit < 0)
            return false;
        int shift = i % 2 == 0 ? 4 : 0;
        low[i / 2] = (uint8_t)(low[i / 2] | digit << shift);
        high[i / 2] = (uint8_t)((high[i / 2] & ~(0xf << shift)) | digit << shift);
    }
    return true;
}

enum result store_alert_by_id(struct store_reader *reader, struct slice prefix, struct arena *arena, struct store_alert *alert)
{
    uint8_t low[SUBMISSION_ID_HEX / 2], high[SUBMISSION_ID_HEX / 2];
    if (!range_of_prefix(prefix, low, high))
        return RESULT_INVALID;
    sqlite3_stmt *statement = database_statement(&reader->database, READER_ALERT_BY_ID);
    if (statement == NULL)
        return RESULT_IO;
    database_bind_blob(statement, 1, slice_make((const char *)low, sizeof low));
    database_bind_blob(statement, 2, slice_make((const char *)high, sizeof high));
    enum result result = database_row(&reader->database, statement);
    if (result != RESULT_OK)
        return result;
    take_alert(statement, arena, alert);
    result = database_row(&reader->database, statement);
    sqlite3_reset(statement);
    return result == RESULT_OK ? RESULT_LIMIT : result == RESULT_NOT_FOUND ? RESULT_OK : result;
}

enum result store_last_alert(struct store_reader *reader, int64_t *number)
{
    return database_number(&reader->database, "SELECT coalesce(max(number), 0) FROM alert", number);
}

/* --- deliveries --------------------------------------------------------------------------------------------------------- */

enum result store_alert_deliveries(struct store_reader *reader, int64_t alert, store_delivery_visit visit, void *context)
{
    sqlite3_stmt *statement = database_statement(&reader->database, READER_ALERT_DELIVERIES);
    if (statement == NULL)
        return RESULT_IO;
    VECTOR(struct store_delivery) rows = {0};
    sqlite3_bind_int64(statement, 1, alert);
    enum result result;
    while ((result = database_row(&reader->database, statement)) == RESULT_OK)
        take_delivery(statement, VECTOR_ADD(&rows));
    for (size_t i = 0; result == RESULT_NOT_FOUND && i < rows.count && visit(&rows.items[i], context); i++)
        ;
    VECTOR_FREE(&rows);
    return result == RESULT_NOT_FOUND ? RESULT_OK : result;
}

enum result store_open_deliveries(struct store_reader *reader, const char *destination, struct store_delivery *out, size_t max,
                                  size_t *count)
{
    *count = 0;
    sqlite3_stmt *statement = database_statement(&reader->database, READER_OPEN_DELIVERIES);
    if (statement == NULL)
        return RESULT_IO;
    database_bind_text(statement, 1, slice_of(destination));
    sqlite3_bind_int64(statement, 2, (int64_t)max);
    enum result result;
    while ((result = database_row(&reader->database, statement)) == RESULT_OK) {
        take_open_delivery(statement, &out[(*count)++]);
    }
    return result == RESULT_NOT_FOUND ? RESULT_OK : result;
}

enum result store_open_delivery_from(struct store_reader *reader, const char *destination, int64_t alert, struct store_delivery *out)
{
    sqlite3_stmt *statement = database_statement(&reader->database, READER_OPEN_DELIVERY_FROM);
    if (statement == NULL)
        return RESULT_IO;
    database_bind_text(statement, 1, slice_of(destination));
    sqlite3_bind_int64(statement, 2, alert);
    enum result result = database_row(&reader->database, statement);
    if (result == RESULT_OK)
        take_open_delivery(statement, out);
    sqlite3_reset(statement);
    return result;
}

enum result store_deliveries_in_state(struct store_reader *reader, enum store_delivery_state state, size_t limit, store_delivery_visit visit,
                                      void *context)
{
    sqlite3_stmt *statement = database_statement(&reader->database, READER_DELIVERIES_IN_STATE);
    if (statement == NULL)
        return RESULT_IO;
    VECTOR(struct store_delivery) rows = {0};
    sqlite3_bind_int(statement, 1, (int)state);
    sqlite3_bind_int64(statement, 2, (int64_t)(limit == 0 || limit > STORE_IN_STATE_MAX ? STORE_IN_STATE_MAX : limit));
    enum result result;
    while ((result = database_row(&reader->database, statement)) == RESULT_OK)
        take_delivery(statement, VECTOR_ADD(&rows));
    for (size_t i = 0; result == RESULT_NOT_FOUND && i < rows.count && visit(&rows.items[i], context); i++)
        ;
    VECTOR_FREE(&rows);
    return result == RESULT_NOT_FOUND ? RESULT_OK : result;
}

enum result store_dead_deliveries(struct store_reader *reader, size_t limit, store_delivery_visit visit, void *context)
{
    int64_t alert = INT64_MAX, destination = INT64_MAX;
    size_t left = limit == 0 ? SIZE_MAX : limit;
    size_t count = PAGE_ROWS;
    bool wanted = true;
    enum result result = RESULT_OK;
    while (result == RESULT_OK && wanted && count == PAGE_ROWS && left > 0) {
        struct store_delivery page[PAGE_ROWS];
        sqlite3_stmt *statement = database_statement(&reader->database, READER_DEAD_DELIVERIES);
        if (statement == NULL)
            return RESULT_IO;
        sqlite3_bind_int64(statement, 1, alert);
        sqlite3_bind_int64(statement, 2, destination);
        sqlite3_bind_int64(statement, 3, (int64_t)(left < PAGE_ROWS ? left : PAGE_ROWS));
        count = 0;
        while ((result = database_row(&reader->database, statement)) == RESULT_OK) {
            take_delivery(statement, &page[count++]);
            alert = sqlite3_column_int64(statement, 0);
            destination = sqlite3_column_int64(statement, 9);
        }
        result = result == RESULT_NOT_FOUND ? RESULT_OK : result;
        left -= count;
        for (size_t i = 0; result == RESULT_OK && wanted && i < count; i++)
            wanted = visit(&page[i], context);
    }
    return result;
}

/* --- dead letters ------------------------------------------------------------------------------------------------------- */

enum result store_dead_letters(struct store_reader *reader, size_t limit, store_dead_letter_visit visit, void *context)
{
    struct arena *arena = arena_new(PAGE_ARENA_BYTES);
    int64_t from = INT64_MAX;
    size_t left = limit == 0 ? SIZE_MAX : limit;
    size_t count = PAGE_ROWS;
    bool wanted = true;
    enum result result = RESULT_OK;
    while (result == RESULT_OK && wanted && count == PAGE_ROWS && left > 0) {
        struct store_dead_letter page[PAGE_ROWS];
        sqlite3_stmt *statement = database_statement(&reader->database, READER_DEAD_LETTERS);
        if (statement == NULL) {
            result = RESULT_IO;
            break;
        }
        arena_reset(arena);
        sqlite3_bind_int64(statement, 1, from);
        sqlite3_bind_int64(statement, 2, (int64_t)(left < PAGE_ROWS ? left : PAGE_ROWS));
        count = 0;
        while ((result = database_row(&reader->database, statement)) == RESULT_OK)
            take_dead_letter(statement, arena, &page[count++]);
        result = result == RESULT_NOT_FOUND ? RESULT_OK : result;
        for (size_t i = 0; result == RESULT_OK && wanted && i < count; i++) {
            from = page[i].number;
            left--;
            wanted = visit(&page[i], context);
        }
    }
    arena_free(arena);
    return result;
}

enum result store_dead_letter_by_number(struct store_reader *reader, int64_t number, struct arena *arena, struct store_dead_letter *letter)
{
    sqlite3_stmt *statement = database_statement(&reader->database, READER_DEAD_LETTER);
    if (statement == NULL)
        return RESULT_IO;
    sqlite3_bind_int64(statement, 1, number);
    enum result result = database_row(&reader->database, statement);
    if (result == RESULT_OK) {
        take_dead_letter(statement, arena, letter);
        sqlite3_reset(statement);
    }
    return result;
}

/* --- positions ---------------------------------------------------------------------------------------------------------- */

enum result store_position(struct store_reader *reader, const char *key, struct arena *arena, struct slice *value)
{
    sqlite3_stmt *statement = database_statement(&reader->database, READER_POSITION);
    if (statement == NULL)
        return RESULT_IO;
    database_bind_text(statement, 1, slice_of(key));
    enum result result = database_row(&reader->database, statement);
    if (result == RESULT_OK) {
        *value = copy_column(arena, statement, 0);
        sqlite3_reset(statement);
    }
    return result;
}

enum result store_positions(struct store_reader *reader, const char *prefix, store_position_visit visit, void *context)
{
    sqlite3_stmt *statement = database_statement(&reader->database, READER_POSITIONS);
    if (statement == NULL)
        return RESULT_IO;
    database_bind_text(statement, 1, slice_of(prefix));
    enum result result;
    while ((result = database_row(&reader->database, statement)) == RESULT_OK)
        visit(database_column(statement, 0), database_column(statement, 1), context);
    return result == RESULT_NOT_FOUND ? RESULT_OK : result;
}
