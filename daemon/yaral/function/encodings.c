/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 (RFC 4648), hexadecimal, percent escapes (RFC 3986), SHA-256: the encodings of strings.*, bytes.* and hash.*. */
#include "strings.h"

#include "harrier/base/base64.h"
#include "harrier/base/digest.h"
#include "harrier/base/utf8.h"

/* False when the text is no base64 with its padding. */
static bool decode(struct arena *arena, struct slice text, struct slice *bytes)
{
    struct base64_decoder decoder;
    char *out = arena_alloc(arena, base64_room(text.length) + 2);
    size_t length, rest;

    base64_begin(&decoder, BASE64_STANDARD);
    if (base64_feed(&decoder, text, out, &length) != RESULT_OK || base64_finish(&decoder, out + length, &rest) != RESULT_OK)
        return false;
    *bytes = slice_make(out, length + rest);
    return true;
}

struct yaral_value call_base64_decode(struct yaral_call_context *context, const void *prepared, const struct yaral_value *arguments, size_t count)
{
    struct slice text = function_text(context, &arguments[0]), bytes;

    (void)prepared, (void)count;
    return yaral_string(decode(context->arena, text, &bytes) ? utf8_clean(context->arena, bytes) : text);
}

struct yaral_value call_from_base64(struct yaral_call_context *context, const void *prepared, const struct yaral_value *arguments, size_t count)
{
    struct yaral_value value = {.type = YARAL_BYTES};
    struct slice bytes;

    (void)prepared, (void)count;
    if (decode(context->arena, function_text(context, &arguments[0]), &bytes))
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
    struct slice bytes = function_text(context, &arguments[0]);
    struct buffer text = {NULL, 0, 0};

    (void)prepared;
    if (bytes.length == 0 && count > 1)
        return yaral_string(function_text(context, &arguments[1]));
    base64_encode(BASE64_STANDARD, bytes, &text);
    struct yaral_value value = yaral_string(arena_copy(context->arena, buffer_slice(&text)));
    buffer_free(&text);
    return value;
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
