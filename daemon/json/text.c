/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include "harrier/base/utf8.h"

enum { UNICODE_ESCAPE = 6 /* \uXXXX */ };

/* The code unit of the \uXXXX at index, or -1 if there is none. */
static int32_t code_unit(struct slice raw, size_t index)
{
    if (index + UNICODE_ESCAPE > raw.length || raw.bytes[index] != '\\' || raw.bytes[index + 1] != 'u')
        return -1;
    int32_t unit = 0;
    for (size_t i = index + 2; i < index + UNICODE_ESCAPE; i++) {
        int digit = slice_hex_digit(raw.bytes[i]);
        if (digit < 0)
            return -1;
        unit = unit << 4 | digit;
    }
    return unit;
}

static bool is_high_surrogate(int32_t unit)
{
    return unit >= 0xD800 && unit <= 0xDBFF;
}

static bool is_low_surrogate(int32_t unit)
{
    return unit >= 0xDC00 && unit <= 0xDFFF;
}

/* Length of the escape at index (12 for a surrogate pair) and its code point; 0 if it is broken or unfinished. */
static size_t escape_at(struct slice raw, size_t index, uint32_t *code_point)
{
    if (index + 1 >= raw.length)
        return 0;
    switch (raw.bytes[index + 1]) {
    case '"': *code_point = '"'; return 2;
    case '\\': *code_point = '\\'; return 2;
    case '/': *code_point = '/'; return 2;
    case 'b': *code_point = '\b'; return 2;
    case 'f': *code_point = '\f'; return 2;
    case 'n': *code_point = '\n'; return 2;
    case 'r': *code_point = '\r'; return 2;
    case 't': *code_point = '\t'; return 2;
    case 'u': break;
    default: return 0;
    }
    int32_t unit = code_unit(raw, index);
    if (unit < 0)
        return 0;
    *code_point = (uint32_t)unit;
    if (!is_high_surrogate(unit))
        return UNICODE_ESCAPE;
    int32_t low = code_unit(raw, index + UNICODE_ESCAPE);
    if (!is_low_surrogate(low))
        return UNICODE_ESCAPE;
    *code_point = 0x10000 + (((uint32_t)unit & 0x3FF) << 10 | ((uint32_t)low & 0x3FF));
    return 2 * UNICODE_ESCAPE;
}

size_t json_text_escape_length(struct slice raw)
{
    uint32_t code_point;
    size_t length = escape_at(raw, 0, &code_point);
    return length ? length : 2;
}

size_t json_text_unescape(struct slice raw, char *out)
{
    size_t written = 0, index = 0;

    while (index < raw.length) {
        const char *backslash = memchr(raw.bytes + index, '\\', raw.length - index);
        size_t plain = backslash ? (size_t)(backslash - raw.bytes) - index : raw.length - index;
        memmove(out + written, raw.bytes + index, plain);
        written += plain;
        index += plain;
        if (!backslash)
            break;
        uint32_t code_point = 0;
        size_t length = escape_at(raw, index, &code_point);
        if (length == 0)
            break;
        char encoded[4];
        size_t encoded_length = utf8_encode(code_point, encoded);
        memcpy(out + written, encoded, encoded_length);
        written += encoded_length;
        index += length;
    }
    return written;
}

bool json_text_before_quote(struct slice text, size_t closing, struct slice *raw)
{
    size_t end = closing;

    while (end > 0) {
        const char *quote = memrchr(text.bytes, '"', end);
        if (!quote)
            return false;
        end = (size_t)(quote - text.bytes);
        if (!json_text_is_escaped(text.bytes, end)) {
            *raw = slice_make(quote + 1, closing - end - 1);
            return true;
        }
    }
    return false;
}

size_t json_text_cut(struct slice raw, size_t limit)
{
    size_t end = limit < raw.length ? limit : raw.length, index = 0;

    while (index < end) {
        unsigned char byte = (unsigned char)raw.bytes[index];
        uint32_t code_point = 0;
        size_t length = 1;
        if (byte < 0x20)
            break;
        if (byte == '\\') {
            length = escape_at(raw, index, &code_point);
            if (length == 0)
                break;
            /* The other half of the pair may just not have come yet. */
            if (is_high_surrogate((int32_t)code_point) && raw.length - index < 2 * UNICODE_ESCAPE)
                break;
        } else if (byte >= 0xC2 && byte <= 0xF4) {
            size_t wanted = byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
            length = utf8_sequence(slice_from(raw, index));
            if (length == 0 && raw.length - index < wanted)
                break;
            if (length == 0)
                length = 1;
        }
        if (index + length > end)
            break;
        index += length;
    }
    return index;
}
