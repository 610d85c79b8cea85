/* SPDX-License-Identifier: Apache-2.0 */
#include "scan.h"

#include "text.h"

/* A count of matches fits one byte, so that the compiler makes byte-wide vector code of the loop. */
enum { BLOCK = 128 };

struct block_counts {
    uint8_t quotes, backslashes, openings, newlines;
};

static struct block_counts count_block(const char *bytes)
{
    uint8_t quotes = 0, backslashes = 0, openings = 0, newlines = 0;

    for (int i = 0; i < BLOCK; i++) {
        uint8_t byte = (uint8_t)bytes[i];
        quotes = (uint8_t)(quotes + (byte == '"'));
        backslashes = (uint8_t)(backslashes + (byte == '\\'));
        openings = (uint8_t)(openings + ((byte | 0x20) == '{')); /* '[' is '{' without that bit */
        newlines = (uint8_t)(newlines + (byte == '\n'));
    }
    return (struct block_counts){quotes, backslashes, openings, newlines};
}

/* Quotes that no backslash escapes. */
static size_t walk_quotes(const char *bytes, size_t length, bool *escaped)
{
    size_t quotes = 0;
    bool behind_backslash = *escaped;

    for (size_t i = 0; i < length; i++) {
        quotes += !behind_backslash & (bytes[i] == '"');
        behind_backslash = !behind_backslash & (bytes[i] == '\\');
    }
    *escaped = behind_backslash;
    return quotes;
}

/* The same of a block that has backslashes and a byte before it. Where no two of them are neighbours each escapes the next byte, and
 * the pairs can be counted without walking. */
static size_t count_quotes(const char *bytes, uint8_t quotes, bool *escaped)
{
    uint8_t escaped_quotes = 0, neighbours = 0;

    for (int i = 0; i < BLOCK; i++) {
        uint8_t behind_backslash = bytes[i - 1] == '\\';
        escaped_quotes = (uint8_t)(escaped_quotes + (behind_backslash & (bytes[i] == '"')));
        neighbours = (uint8_t)(neighbours + (behind_backslash & (bytes[i] == '\\')));
    }
    if (neighbours || (bytes[-1] == '\\' && !*escaped))
        return walk_quotes(bytes, BLOCK, escaped);
    *escaped = bytes[BLOCK - 1] == '\\';
    return (size_t)(quotes - escaped_quotes);
}

struct json_scan json_scan(struct slice bytes)
{
    struct json_scan scan = {false, 0, 0};
    size_t quotes = 0, index = 0;
    bool escaped = false;

    for (; index + BLOCK <= bytes.length; index += BLOCK) {
        const char *block = bytes.bytes + index;
        struct block_counts counts = count_block(block);
        scan.openings += counts.openings;
        scan.newlines += counts.newlines;
        if (counts.backslashes || escaped)
            quotes += index ? count_quotes(block, counts.quotes, &escaped) : walk_quotes(block, BLOCK, &escaped);
        else
            quotes += counts.quotes;
    }
    quotes += walk_quotes(bytes.bytes + index, bytes.length - index, &escaped);
    for (; index < bytes.length; index++) {
        scan.openings += (bytes.bytes[index] | 0x20) == '{';
        scan.newlines += bytes.bytes[index] == '\n';
    }
    scan.in_string = quotes % 2 == 1;
    return scan;
}

size_t json_scan_last_quote(struct slice bytes)
{
    size_t end = bytes.length;
    for (;;) {
        const char *quote = memrchr(bytes.bytes, '"', end);
        if (!quote)
            return 0;
        end = (size_t)(quote - bytes.bytes);
        if (!json_text_is_escaped(bytes.bytes, end))
            return end;
    }
}

static bool is_scalar_byte(char byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '-' || byte == '+' ||
           byte == '.';
}

size_t json_scan_last_scalar(struct slice bytes)
{
    size_t begin = bytes.length;
    while (begin > 0 && is_scalar_byte(bytes.bytes[begin - 1]))
        begin--;
    return begin;
}

size_t json_scan_scalar(struct slice bytes)
{
    size_t length = 0;
    while (length < bytes.length && is_scalar_byte(bytes.bytes[length]))
        length++;
    return length;
}

size_t json_scan_string(struct slice bytes, bool *escaped, bool *closed)
{
    *closed = false;
    for (size_t i = 0; i < bytes.length; i++) {
        char byte = bytes.bytes[i];
        if (byte == '\n')
            return i + 1;
        if (*escaped) {
            *escaped = false;
        } else if (byte == '\\') {
            *escaped = true;
        } else if (byte == '"') {
            *closed = true;
            return i + 1;
        }
    }
    return bytes.length;
}

size_t json_scan_too_deep(struct slice bytes, size_t room)
{
    size_t depth = 0; /* below the start of the bytes it wraps, and comes back */
    bool in_string = false, escaped = false;

    for (size_t i = 0; i < bytes.length; i++) {
        char byte = bytes.bytes[i];
        if (in_string) {
            in_string = escaped || byte != '"';
            escaped = !escaped && byte == '\\';
        } else if (byte == '"') {
            in_string = true;
        } else if (byte == '{' || byte == '[') {
            if (depth == room)
                return i;
            depth++;
        } else if (byte == '}' || byte == ']') {
            depth--;
        }
    }
    return bytes.length;
}
