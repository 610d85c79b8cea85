/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 (RFC 4648), hexadecimal, percent escapes (RFC 3986), SHA-256: the encodings of strings.*, bytes.* and hash.*. */
#include "function_strings.h"

#include "harrier/digest.h"
#include "harrier/utf8.h"

static int base64_digit(char byte)
{
    if (byte >= 'A' && byte <= 'Z')
        return byte - 'A';
    if (byte >= 'a' && byte <= 'z')
        return byte - 'a' + 26;
    if (byte >= '0' && byte <= '9')
        return byte - '0' + 52;
    return byte == '+' ? 62 : byte == '/' ? 63 : -1;
}

/* RFC 4648 section 4, with its padding. False when the text is something else. */
static bool base64_decode(struct arena *arena, struct slice text, struct slice *bytes)
{
    size_t padding = slice_ends_with(text, SLICE("==")) ? 2 : slice_ends_with(text, SLICE("=")) ? 1 : 0;
    char *out = arena_alloc(arena, text.length / 4 * 3 + 1);
    size_t length = 0;
    uint32_t group = 0;

    if (text.length % 4)
        return false;
    for (size_t i = 0; i < text.length; i++) {
        int digit = i < text.length - padding ? base64_digit(text.bytes[i]) : 0;
        if (digit < 0)
            return false;
        group = group << 6 | (uint32_t)digit;
        if (i % 4 == 3) {
            out[length++] = (char)(group >> 16 & 0xFF);
            out[length++] = (char)(group >> 8 & 0xFF);
            out[length++] = (char)(group & 0xFF);
        }
    }
    *bytes = slice_make(out, length - (length ? padding : 0));
    return true;
}

struct yaral_value call_base64_decode(struct yaral_call_context *context, const void *prepared, const struct yaral_value *arguments, size_t count)
{
    struct slice text = function_text(context, &arguments[0]), bytes;

    (void)prepared, (void)count;
    return yaral_string(base64_decode(context->arena, text, &bytes) ? utf8_clean(context->arena, bytes) : text);
}

struct yaral_value call_from_base64(struct yaral_call_context *context, const void *prepared, const struct yaral_value *arguments, size_t count)
{
    struct yaral_value value = {.type = YARAL_BYTES};
    struct slice bytes;

    (void)prepared, (void)count;
    if (base64_decode(context->arena, function_text(context, &arguments[0]), &bytes))
        value.string = bytes;
    return value;
}

struct yaral_value call_from_hex(struct yaral_call_context *context, const void *prepared, const struct yaral_value *arguments, size_t count)
{
    struct slice text = function_text(context, &arguments[0]);
    char *out = arena_alloc(context->arena, text.length / 2 + 1);
    struct yaral_value value = {.type = YARAL_BYTES};

    (void)prepared, (void)count;
    if (text.length % 2)
        return value;
    for (size_t i = 0; i < text.length; i += 2) {
        int high = slice_hex_digit(text.bytes[i]), low = slice_hex_digit(text.bytes[i + 1]);
        if (high < 0 || low < 0)
            return value;
        out[i / 2] = (char)(high << 4 | low);
    }
    value.string = slice_make(out, text.length / 2);
    return value;
}

struct yaral_value call_url_decode(struct yaral_call_context *context, const void *prepared, const struct yaral_value *arguments, size_t count)
{
    struct slice text = function_text(context, &arguments[0]);
    char *out = arena_alloc(context->arena, text.length + 1);
    size_t length = 0;

    (void)prepared, (void)count;
    for (size_t i = 0; i < text.length; i++) {
        if (text.bytes[i] != '%') {
            out[length++] = text.bytes[i];
            continue;
        }
        int high = i + 2 < text.length ? slice_hex_digit(text.bytes[i + 1]) : -1;
        int low = i + 2 < text.length ? slice_hex_digit(text.bytes[i + 2]) : -1;
        if (high < 0 || low < 0)
            return yaral_string((struct slice){0});
        out[length++] = (char)(high << 4 | low);
        i += 2;
    }
    return yaral_string(utf8_clean(context->arena, slice_make(out, length)));
}

static struct yaral_value call_to_base64(struct yaral_call_context *context, const void *prepared, const struct yaral_value *arguments, size_t count)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    struct slice bytes = function_text(context, &arguments[0]);
    char *out = arena_alloc(context->arena, bytes.length / 3 * 4 + 5);
    size_t length = 0;

    (void)prepared;
    if (bytes.length == 0 && count > 1)
        return yaral_string(function_text(context, &arguments[1]));
    for (size_t i = 0; i < bytes.length; i += 3) {
        size_t left = bytes.length - i;
        uint32_t group = (uint32_t)(unsigned char)bytes.bytes[i] << 16;
        group |= left > 1 ? (uint32_t)(unsigned char)bytes.bytes[i + 1] << 8 : 0;
        group |= left > 2 ? (uint32_t)(unsigned char)bytes.bytes[i + 2] : 0;
        out[length++] = digits[group >> 18];
        out[length++] = digits[group >> 12 & 63];
        out[length++] = left > 1 ? digits[group >> 6 & 63] : '=';
        out[length++] = left > 2 ? digits[group & 63] : '=';
    }
    return yaral_string(slice_make(out, length));
}

static struct yaral_value call_sha256(struct yaral_call_context *context, const void *prepared, const struct yaral_value *arguments, size_t count)
{
    char hex[DIGEST_SHA256_HEX];

    (void)prepared, (void)count;
    digest_sha256_hex(function_text(context, &arguments[0]), hex);
    return yaral_string(arena_copy(context->arena, slice_of(hex)));
}

static const struct yaral_function bytes_functions[] = {
    {.name = "bytes.to_base64", .signature = "bytes.to_base64(bytes [, default]) -> string", .parameters = "y?s",
     .help = "the bytes as base64; the default when there are none", .places = FUNCTION_ANYWHERE, .type = YARAL_STRING, .check = function_check,
     .call = call_to_base64},
};

static const struct yaral_function hash_functions[] = {
    {.name = "hash.fingerprint2011", .signature = "hash.fingerprint2011(text) -> int", .help = "Google's own 64-bit hash",
     .refused = "its hash is Google's own and not published; hash.sha256 works everywhere"},
    {.name = "hash.sha256", .signature = "hash.sha256(text) -> string", .parameters = "y", .help = "SHA-256 in lower-case hexadecimal digits",
     .places = FUNCTION_ANYWHERE, .type = YARAL_STRING, .check = function_check, .call = call_sha256},
};

FUNCTION_GROUP(function_group_bytes, bytes_functions);
FUNCTION_GROUP(function_group_hash, hash_functions);
