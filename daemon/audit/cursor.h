/* SPDX-License-Identifier: Apache-2.0 */
/* Looking at the beginning of a line of which more may come. Reading beyond the end sets `missing`: whatever was decided then counts only if the line
 * is whole. So an answer cannot depend on how much of it has come. */
#ifndef HARRIER_DAEMON_AUDIT_CURSOR_H
#define HARRIER_DAEMON_AUDIT_CURSOR_H

#include "harrier/base/slice.h"

struct cursor {
    struct slice bytes;
    size_t at;
    bool missing;
};

enum { CURSOR_END = -1 };

static inline int cursor_peek_at(struct cursor *cursor, size_t ahead)
{
    if (cursor->at + ahead < cursor->bytes.length)
        return (unsigned char)cursor->bytes.bytes[cursor->at + ahead];
    cursor->missing = true;
    return CURSOR_END;
}

static inline int cursor_peek(struct cursor *cursor)
{
    return cursor_peek_at(cursor, 0);
}

static inline bool cursor_is_digit(int byte)
{
    return byte >= '0' && byte <= '9';
}

static inline bool cursor_is_blank(int byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

static inline bool cursor_take_byte(struct cursor *cursor, char byte)
{
    if (cursor_peek(cursor) != (unsigned char)byte)
        return false;
    cursor->at++;
    return true;
}

static inline bool cursor_take_text(struct cursor *cursor, struct slice text)
{
    for (size_t i = 0; i < text.length; i++)
        if (cursor_peek_at(cursor, i) != (unsigned char)text.bytes[i])
            return false;
    cursor->at += text.length;
    return true;
}

static inline void cursor_skip_blanks(struct cursor *cursor)
{
    while (cursor_is_blank(cursor_peek(cursor)))
        cursor->at++;
}

static inline bool cursor_skip_digits(struct cursor *cursor, size_t most)
{
    size_t count = 0;

    while (count < most && cursor_is_digit(cursor_peek(cursor))) {
        cursor->at++;
        count++;
    }
    return count > 0;
}

#endif
