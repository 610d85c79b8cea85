/* SPDX-License-Identifier: Apache-2.0 */
#include "frame.h"

enum { COUNT_DIGITS = 9, PRIORITY_DIGITS = 3 };

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static size_t digits_at(struct slice bytes, size_t at)
{
    size_t count = 0;

    while (at + count < bytes.length && is_digit(bytes.bytes[at + count]))
        count++;
    return count;
}

static enum syslog_frame_answer read_priority(struct slice bytes, struct syslog_frame_head *head)
{
    size_t from = head->message_at + 1, digits = digits_at(bytes, from);

    if (digits > PRIORITY_DIGITS)
        return SYSLOG_FRAME_NONE;
    if (from + digits == bytes.length)
        return SYSLOG_FRAME_MORE;
    head->length = from + digits + 1;
    bool is_priority = digits && bytes.bytes[from + digits] == '>';
    return is_priority && head->count >= head->length - head->message_at ? SYSLOG_FRAME_HEAD : SYSLOG_FRAME_NONE;
}

enum syslog_frame_answer syslog_read_frame_head(struct slice bytes, bool bare, struct syslog_frame_head *head)
{
    size_t digits = digits_at(bytes, 0);

    *head = (struct syslog_frame_head){.message_at = digits + 1};
    if (bytes.length == 0)
        return SYSLOG_FRAME_MORE;
    if (digits == 0 || digits > COUNT_DIGITS || bytes.bytes[0] == '0') /* no leading zero */
        return SYSLOG_FRAME_NONE;
    for (size_t i = 0; i < digits; i++)
        head->count = head->count * 10 + (uint64_t)(bytes.bytes[i] - '0');
    if (digits == bytes.length)
        return SYSLOG_FRAME_MORE;
    if (bytes.bytes[digits] != ' ')
        return SYSLOG_FRAME_NONE;
    if (head->message_at == bytes.length)
        return SYSLOG_FRAME_MORE;
    if (bare && bytes.bytes[head->message_at] == '{') {
        head->length = head->message_at + 1;
        return SYSLOG_FRAME_HEAD;
    }
    return bytes.bytes[head->message_at] == '<' ? read_priority(bytes, head) : SYSLOG_FRAME_NONE;
}

size_t syslog_find_frame_head(struct slice bytes, bool behind_digit)
{
    struct syslog_frame_head head;

    for (size_t at = 0; at < bytes.length; at++) {
        bool digit = is_digit(bytes.bytes[at]);
        if (digit && !behind_digit && syslog_read_frame_head(slice_from(bytes, at), false, &head) != SYSLOG_FRAME_NONE)
            return at;
        behind_digit = digit;
    }
    return bytes.length;
}
