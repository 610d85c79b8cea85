/* SPDX-License-Identifier: Apache-2.0 */
#include "harrier/base/utf8.h"

#include <locale.h>
#include <wctype.h>

static bool is_tail(unsigned char byte)
{
    return (byte & 0xC0) == 0x80;
}

/* RFC 3629 section 4's table. */
size_t utf8_sequence(struct slice text)
{
    const unsigned char *byte = (const unsigned char *)text.bytes;

    if (text.length == 0)
        return 0;
    if (byte[0] < 0x80)
        return 1;
    if (byte[0] >= 0xC2 && byte[0] <= 0xDF)
        return text.length >= 2 && is_tail(byte[1]) ? 2 : 0;
    if (byte[0] >= 0xE0 && byte[0] <= 0xEF) {
        unsigned char low = byte[0] == 0xE0 ? 0xA0 : 0x80;
        unsigned char high = byte[0] == 0xED ? 0x9F : 0xBF;
        return text.length >= 3 && byte[1] >= low && byte[1] <= high && is_tail(byte[2]) ? 3 : 0;
    }
    if (byte[0] >= 0xF0 && byte[0] <= 0xF4) {
        unsigned char low = byte[0] == 0xF0 ? 0x90 : 0x80;
        unsigned char high = byte[0] == 0xF4 ? 0x8F : 0xBF;
        return text.length >= 4 && byte[1] >= low && byte[1] <= high && is_tail(byte[2]) && is_tail(byte[3]) ? 4 : 0;
    }
    return 0;
}

size_t utf8_decode(struct slice text, uint32_t *code_point)
{
    const unsigned char *byte = (const unsigned char *)text.bytes;
    size_t length = utf8_sequence(text);

    switch (length) {
    case 1: *code_point = byte[0]; return 1;
    case 2: *code_point = (byte[0] & 0x1Fu) << 6 | (byte[1] & 0x3Fu); return 2;
    case 3: *code_point = (byte[0] & 0x0Fu) << 12 | (byte[1] & 0x3Fu) << 6 | (byte[2] & 0x3Fu); return 3;
    case 4:
        *code_point = (byte[0] & 0x07u) << 18 | (byte[1] & 0x3Fu) << 12 | (byte[2] & 0x3Fu) << 6 | (byte[3] & 0x3Fu);
        return 4;
    default: *code_point = 0xFFFD; return 1;
    }
}

size_t utf8_encode(uint32_t code_point, char out[4])
{
    if (code_point > 0x10FFFF)
        code_point = 0xFFFD;
    if (code_point < 0x80) {
        out[0] = (char)code_point;
        return 1;
    }
    if (code_point < 0x800) {
        out[0] = (char)(0xC0 | code_point >> 6);
        out[1] = (char)(0x80 | (code_point & 0x3F));
        return 2;
    }
    if (code_point < 0x10000) {
        out[0] = (char)(0xE0 | code_point >> 12);
        out[1] = (char)(0x80 | (code_point >> 6 & 0x3F));
        out[2] = (char)(0x80 | (code_point & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | code_point >> 18);
    out[1] = (char)(0x80 | (code_point >> 12 & 0x3F));
    out[2] = (char)(0x80 | (code_point >> 6 & 0x3F));
    out[3] = (char)(0x80 | (code_point & 0x3F));
    return 4;
}

size_t utf8_length(struct slice text)
{
    size_t count = 0;
    uint32_t ignored;
    while (text.length) {
        text = slice_from(text, utf8_decode(text, &ignored));
        count++;
    }
    return count;
}

/* Eight bytes at a time, since nearly all text is ASCII. */
static size_t ascii_length(struct slice text)
{
    size_t length = 0;

    for (uint64_t word; text.length - length >= sizeof word; length += sizeof word) {
        memcpy(&word, text.bytes + length, sizeof word);
        if (word & UINT64_C(0x8080808080808080))
            break;
    }
    while (length < text.length && (unsigned char)text.bytes[length] < 0x80)
        length++;
    return length;
}

bool utf8_valid(struct slice text)
{
    for (size_t i = ascii_length(text); i < text.length;) {
        struct slice rest = slice_make(text.bytes + i, text.length - i);
        size_t step = utf8_sequence(rest);
        if (step == 0)
            return false;
        i += step;
        i += ascii_length(slice_make(text.bytes + i, text.length - i));
    }
    return true;
}

struct slice utf8_clean(struct arena *arena, struct slice text)
{
    if (utf8_valid(text))
        return text;
    char *clean = arena_alloc(arena, text.length * 3 + 1);
    size_t length = 0;
    while (text.length) {
        uint32_t code_point;
        size_t step = utf8_decode(text, &code_point);
        length += utf8_encode(code_point, clean + length);
        text = slice_from(text, step);
    }
    clean[length] = '\0';
    return slice_make(clean, length);
}

bool utf8_is_control(uint32_t code_point)
{
    return code_point < 0x20 || (code_point >= 0x7F && code_point < 0xA0);
}

bool utf8_is_invisible(uint32_t code_point)
{
    static const struct {
        uint32_t first, last;
    } ranges[] = {
        {0xAD, 0xAD},     {0x34F, 0x34F},   {0x600, 0x605},   {0x61C, 0x61C},   {0x6DD, 0x6DD},     {0x70F, 0x70F},     {0x8E2, 0x8E2},
        {0x115F, 0x1160}, {0x17B4, 0x17B5}, {0x180B, 0x180F}, {0x200B, 0x200F}, {0x2028, 0x202E},   {0x2060, 0x206F},   {0x2800, 0x2800},
        {0x3164, 0x3164}, {0xFE00, 0xFE0F}, {0xFEFF, 0xFEFF}, {0xFFA0, 0xFFA0}, {0xFFF0, 0xFFFB},   {0x110BD, 0x110BD}, {0x1BCA0, 0x1BCA3},
        {0x1D173, 0x1D17A}, {0xE0000, 0xE0FFF},
    };

    if (code_point < 0xAD)
        return false;
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (code_point >= ranges[i].first && code_point <= ranges[i].last)
            return true;
    return false;
}

bool utf8_is_unprintable(uint32_t code_point)
{
    return utf8_is_control(code_point) || utf8_is_invisible(code_point);
}

/* The C library's tables of the C.UTF-8 locale, which Debian always has: rules must not depend on the operator's locale. */
static locale_t unicode_locale(void)
{
    static locale_t locale; /* made once; a second thread that makes it too makes the same one */
    locale_t made = __atomic_load_n(&locale, __ATOMIC_ACQUIRE);
    if (made)
        return made;
    made = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    if (!made)
        made = newlocale(LC_CTYPE_MASK, "C", (locale_t)0);
    locale_t expected = (locale_t)0;
    if (!__atomic_compare_exchange_n(&locale, &expected, made, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
        freelocale(made);
        return expected;
    }
    return made;
}

uint32_t utf8_to_lower(uint32_t code_point)
{
    if (code_point < 0x80)
        return code_point >= 'A' && code_point <= 'Z' ? code_point + 32 : code_point;
    return (uint32_t)towlower_l((wint_t)code_point, unicode_locale());
}

uint32_t utf8_to_upper(uint32_t code_point)
{
    if (code_point < 0x80)
        return code_point >= 'a' && code_point <= 'z' ? code_point - 32 : code_point;
    return (uint32_t)towupper_l((wint_t)code_point, unicode_locale());
}
