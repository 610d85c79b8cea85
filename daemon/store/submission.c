/* SPDX-License-Identifier: Apache-2.0 */
#include "harrier/submission.h"

#include "harrier/base/buffer.h"
#include "harrier/base/memory.h"

#include <stdlib.h>

/* Item bodies:
 *   alert        text alert_id, text dedup_key, u64 time, text rule, text severity, u64 risk score (IEEE 754 bits), text json,
 *                u32 count, then as many texts: destinations
 *   dead letter  text source, text reason, text detail, u64 total length, u64 offset, text kept
 *   observation  the bytes
 *   position     text key, text value */

static const char magic[4] = {'H', 'S', 'U', 'B'};

struct submission {
    struct buffer bytes;
    size_t header_length; /* so that empty is told without reading it again */
    size_t alert_count;
};

/* --- writing ------------------------------------------------------------------------------------------------------------ */

static void put_u32(struct buffer *out, uint32_t number)
{
    char bytes[4] = {(char)(number >> 24), (char)(number >> 16), (char)(number >> 8), (char)number};
    buffer_append(out, bytes, sizeof bytes);
}

static void put_u64(struct buffer *out, uint64_t number)
{
    put_u32(out, (uint32_t)(number >> 32));
    put_u32(out, (uint32_t)number);
}

static void put_text(struct buffer *out, struct slice text)
{
    put_u32(out, (uint32_t)text.length);
    buffer_append_slice(out, text);
}

static void put_double(struct buffer *out, double number)
{
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    put_u64(out, bits);
}

struct submission *submission_new(struct slice cluster, struct slice partition_key)
{
    struct submission *submission = xcalloc(1, sizeof *submission);
    buffer_append(&submission->bytes, magic, sizeof magic);
    buffer_append_byte(&submission->bytes, 0);
    buffer_append_byte(&submission->bytes, SUBMISSION_VERSION);
    put_text(&submission->bytes, slice_first(cluster, UINT32_MAX));
    put_text(&submission->bytes, slice_first(partition_key, UINT32_MAX));
    submission->header_length = submission->bytes.length;
    return submission;
}

void submission_free(struct submission *submission)
{
    if (submission == NULL)
        return;
    buffer_free(&submission->bytes);
    free(submission);
}

static bool is_id(struct slice text)
{
    if (text.length != SUBMISSION_ID_HEX)
        return false;
    for (size_t i = 0; i < text.length; i++) {
        char c = text.bytes[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
    }
    return true;
}

static bool alert_is_valid(const struct submission_alert *alert)
{
    if (!is_id(alert->alert_id) || !is_id(alert->dedup_key) || alert->destination_count > SUBMISSION_DESTINATIONS_MAX)
        return false;
    for (size_t i = 0; i < alert->destination_count; i++) {
        if (alert->destinations[i].length == 0)
            return false;
    }
    return true;
}

/* Begins an item; the length of its body is filled in by end_item. */
static size_t begin_item(struct submission *submission, enum submission_kind kind)
{
    buffer_append_byte(&submission->bytes, (char)kind);
    put_u32(&submission->bytes, 0);
    return submission->bytes.length;
}

/* Takes the item back if it is longer than its length can say. */
static enum result end_item(struct submission *submission, size_t start)
{
    size_t length = submission->bytes.length - start;
    if (length > UINT32_MAX) {
        submission->bytes.length = start - 5;
        submission->bytes.bytes[submission->bytes.length] = '\0';
        return RESULT_LIMIT;
    }
    unsigned char *at = (unsigned char *)submission->bytes.bytes + start - 4;
    for (int i = 0; i < 4; i++)
        at[i] = (unsigned char)(length >> (24 - 8 * i));
    return RESULT_OK;
}

enum result submission_add_alert(struct submission *submission, const struct submission_alert *alert)
{
    if (!alert_is_valid(alert))
        return RESULT_INVALID;
    struct buffer *out = &submission->bytes;
    size_t start = begin_item(submission, SUBMISSION_ALERT);
    put_text(out, alert->alert_id);
    put_text(out, alert->dedup_key);
    put_u64(out, (uint64_t)alert->time);
    put_text(out, alert->rule);
    put_text(out, alert->severity);
    put_double(out, alert->risk_score);
    put_text(out, alert->json);
    put_u32(out, (uint32_t)alert->destination_count);
    for (size_t i = 0; i < alert->destination_count; i++)
        put_text(out, alert->destinations[i]);
    enum result result = end_item(submission, start);
    submission->alert_count += result == RESULT_OK;
    return result;
}

enum result submission_add_dead_letter(struct submission *submission, const struct submission_dead_letter *letter)
{
    struct buffer *out = &submission->bytes;
    size_t start = begin_item(submission, SUBMISSION_DEAD_LETTER);
    put_text(out, letter->source);
    put_text(out, letter->reason);
    put_text(out, letter->detail);
    put_u64(out, letter->total_length);
    put_u64(out, letter->offset);
    put_text(out, letter->kept);
    return end_item(submission, start);
}

enum result submission_add_observation(struct submission *submission, struct slice observation)
{
    size_t start = begin_item(submission, SUBMISSION_OBSERVATION);
    buffer_append_slice(&submission->bytes, observation);
    return end_item(submission, start);
}

static bool position_is_valid(const struct submission_position *position)
{
    return position->key.length > 0 && position->key.length <= SUBMISSION_POSITION_KEY_MAX && position->value.length <= SUBMISSION_POSITION_MAX;
}

enum result submission_add_position(struct submission *submission, struct slice key, struct slice value)
{
    const struct submission_position position = {key, value};
    if (!position_is_valid(&position))
        return RESULT_INVALID;
    size_t start = begin_item(submission, SUBMISSION_POSITION);
    put_text(&submission->bytes, key);
    put_text(&submission->bytes, value);
    return end_item(submission, start);
}

bool submission_is_empty(const struct submission *submission)
{
    return submission->bytes.length == submission->header_length;
}

size_t submission_alert_count(const struct submission *submission)
{
    return submission->alert_count;
}

struct slice submission_bytes(const struct submission *submission)
{
    return buffer_slice(&submission->bytes);
}

/* --- reading ------------------------------------------------------------------------------------------------------------ */

/* Each take moves rest behind what it read, or returns false and leaves it. */

static bool take_bytes(struct slice *rest, size_t length, struct slice *out)
{
    if (rest->length < length)
        return false;
    *out = slice_make(rest->bytes, length);
    rest->bytes += length;
    rest->length -= length;
    return true;
}

static bool take_number(struct slice *rest, size_t octets, uint64_t *number)
{
    struct slice bytes;
    if (!take_bytes(rest, octets, &bytes))
        return false;
    *number = 0;
    for (size_t i = 0; i < octets; i++)
        *number = *number << 8 | (unsigned char)bytes.bytes[i];
    return true;
}

static bool take_text(struct slice *rest, struct slice *text)
{
    uint64_t length;
    struct slice before = *rest;
    if (take_number(rest, 4, &length) && take_bytes(rest, length, text))
        return true;
    *rest = before;
    return false;
}

static bool take_alert(struct slice body, struct submission_alert *alert)
{
    uint64_t instant, risk_bits, count;
    if (!take_text(&body, &alert->alert_id) || !take_text(&body, &alert->dedup_key) || !take_number(&body, 8, &instant) ||
        !take_text(&body, &alert->rule) || !take_text(&body, &alert->severity) || !take_number(&body, 8, &risk_bits) ||
        !take_text(&body, &alert->json) || !take_number(&body, 4, &count) || count > SUBMISSION_DESTINATIONS_MAX)
        return false;
    alert->time = (clock_nanos)instant;
    memcpy(&alert->risk_score, &risk_bits, sizeof risk_bits);
    alert->destination_count = count;
    for (size_t i = 0; i < count; i++) {
        if (!take_text(&body, &alert->destinations[i]))
            return false;
    }
    return body.length == 0 && alert_is_valid(alert);
}

static bool take_dead_letter(struct slice body, struct submission_dead_letter *letter)
{
    return take_text(&body, &letter->source) && take_text(&body, &letter->reason) && take_text(&body, &letter->detail) &&
           take_number(&body, 8, &letter->total_length) && take_number(&body, 8, &letter->offset) && take_text(&body, &letter->kept) &&
           body.length == 0;
}

static bool take_position(struct slice body, struct submission_position *position)
{
    return take_text(&body, &position->key) && take_text(&body, &position->value) && body.length == 0 && position_is_valid(position);
}

enum result submission_reader_open(struct submission_reader *reader, struct slice bytes)
{
    struct slice begin;
    uint64_t version;
    *reader = (struct submission_reader){.rest = bytes};
    if (!take_bytes(&reader->rest, sizeof magic, &begin) || memcmp(begin.bytes, magic, sizeof magic) != 0 ||
        !take_number(&reader->rest, 2, &version))
        return RESULT_INVALID;
    if (version != SUBMISSION_VERSION)
        return RESULT_UNSUPPORTED;
    if (!take_text(&reader->rest, &reader->cluster) || !take_text(&reader->rest, &reader->partition_key))
        return RESULT_INVALID;
    return RESULT_OK;
}

enum result submission_reader_next(struct submission_reader *reader, struct submission_item *item)
{
    struct slice rest = reader->rest, body;
    uint64_t kind;
    if (rest.length == 0)
        return RESULT_NOT_FOUND;
    if (!take_number(&rest, 1, &kind) || !take_text(&rest, &body))
        return RESULT_INVALID;
    bool good = false;
    switch (kind) {
    case SUBMISSION_ALERT: good = take_alert(body, &item->alert); break;
    case SUBMISSION_DEAD_LETTER: good = take_dead_letter(body, &item->dead_letter); break;
    case SUBMISSION_OBSERVATION:
        item->observation = body;
        good = true;
        break;
    case SUBMISSION_POSITION: good = take_position(body, &item->position); break;
    default: break;
    }
    if (!good)
        return RESULT_INVALID;
    item->kind = (enum submission_kind)kind;
    reader->rest = rest;
    return RESULT_OK;
}

/* --- severities --------------------------------------------------------------------------------------------------------- */

enum severity_rank severity_rank(struct slice severity)
{
    static const struct {
        const char *name;
        enum severity_rank rank;
    } names[] = {
        {"INFO", SEVERITY_INFO},     {"INFORMATIONAL", SEVERITY_INFO}, {"LOW", SEVERITY_LOW},
        {"MEDIUM", SEVERITY_MEDIUM}, {"HIGH", SEVERITY_HIGH},          {"CRITICAL", SEVERITY_CRITICAL},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (slice_equal_ascii_nocase(severity, slice_of(names[i].name)))
            return names[i].rank;
    }
    return SEVERITY_UNKNOWN;
}
