/* SPDX-License-Identifier: Apache-2.0 */
#include "harrier/base/base64.h"

static const char standard_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* The byte's value, or -1. */
static int digit_value(enum base64_form form, char byte)
{
    if (byte >= 'A' && byte <= 'Z')
        return byte - 'A';
    if (byte >= 'a' && byte <= 'z')
        return byte - 'a' + 26;
    if (byte >= '0' && byte <= '9')
        return byte - '0' + 52;
    if (form != BASE64_URL && (byte == '+' || byte == '/'))
        return byte == '+' ? 62 : 63;
    if (form != BASE64_STANDARD && (byte == '-' || byte == '_'))
        return byte == '-' ? 62 : 63;
    return -1;
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

void base64_begin(struct base64_decoder *decoder, enum base64_form form)
{
    *decoder = (struct base64_decoder){.form = form};
}

/* Bytes of the group that are whole. */
static size_t flush(struct base64_decoder *decoder, char *out)
{
    size_t written = decoder->digits ? decoder->digits - 1 : 0;
    uint32_t group = decoder->bits << (6 * (4 - decoder->digits));

    for (size_t i = 0; i < written; i++)
        out[i] = (char)(group >> (16 - 8 * i));
    decoder->bits = 0;
    decoder->digits = 0;
    return written;
}

enum result base64_feed(struct base64_decoder *decoder, struct slice text, char *out, size_t *written)
{
    *written = 0;
    for (size_t i = 0; i < text.length; i++) {
        char byte = text.bytes[i];
        int value = digit_value(decoder->form, byte);
        if (value >= 0 && decoder->padding == 0) {
            decoder->bits = decoder->bits << 6 | (uint32_t)value;
            if (++decoder->digits == 4)
                *written += flush(decoder, out + *written);
        } else if (byte == '=' && decoder->form != BASE64_URL && decoder->digits + decoder->padding < 4 && decoder->digits >= 2) {
            decoder->padding++;
        } else if (decoder->form != BASE64_LENIENT || !is_blank(byte)) {
            return RESULT_INVALID;
        }
    }
    return RESULT_OK;
}

enum result base64_finish(struct base64_decoder *decoder, char *out, size_t *written)
{
    unsigned int digits = decoder->digits, padding = decoder->padding;

    *written = flush(decoder, out);
    if (digits == 1 || (decoder->form == BASE64_STANDARD && digits && digits + padding != 4))
        return RESULT_INVALID;
    return RESULT_OK;
}

enum result base64_decode(enum base64_form form, struct slice text, struct buffer *out)
{
    struct base64_decoder decoder;
    size_t before = out->length, written, rest = 0;

    base64_begin(&decoder, form);
    buffer_reserve(out, base64_room(text.length) + 2);
    enum result result = base64_feed(&decoder, text, out->bytes + before, &written);
    if (result == RESULT_OK)
        result = base64_finish(&decoder, out->bytes + before + written, &rest);
    out->length = result == RESULT_OK ? before + written + rest : before;
    out->bytes[out->length] = '\0';
    return result;
}

void base64_encode(enum base64_form form, struct slice bytes, struct buffer *out)
{
    const char *digits = form == BASE64_URL ? url_digits : standard_digits;

    for (size_t i = 0; i < bytes.length; i += 3) {
        size_t count = bytes.length - i < 3 ? bytes.length - i : 3;
        uint32_t group = 0;
        for (size_t j = 0; j < 3; j++)
            group = group << 8 | (j < count ? (unsigned char)bytes.bytes[i + j] : 0);
        for (size_t j = 0; j <= count; j++)
            buffer_append_byte(out, digits[group >> (18 - 6 * j) & 63]);
        for (size_t j = count; j < 3 && form != BASE64_URL; j++)
            buffer_append_byte(out, '=');
    }
}
