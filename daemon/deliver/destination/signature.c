/* SPDX-License-Identifier: Apache-2.0 */
#include "signature.h"

#include "harrier/base/digest.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

enum { KEY_MIN = 16, KEY_TEXT_MAX = 512 };

static void hmac(const void *key, size_t key_length, struct slice message, uint8_t out[DIGEST_SHA256_BYTES])
{
    unsigned int length = DIGEST_SHA256_BYTES;
    HMAC(EVP_sha256(), key, (int)key_length, (const unsigned char *)message.bytes, message.length, out, &length);
}

/* Returns the number of bytes, 0 if it is no base64. */
static size_t decode_base64(struct slice text, uint8_t *out)
{
    int length = EVP_DecodeBlock(out, (const unsigned char *)text.bytes, (int)text.length);
    if (length < 0 || text.length % 4 != 0)
        return 0;
    size_t padding = 0;
    while (padding < 2 && padding < text.length && text.bytes[text.length - 1 - padding] == '=')
        padding++;
    return (size_t)length - padding;
}

enum result signature_standard_webhooks(struct slice secret, const char *id, int64_t seconds, struct slice body, struct buffer *out)
{
    uint8_t key[KEY_TEXT_MAX], code[DIGEST_SHA256_BYTES];
    unsigned char text[DIGEST_SHA256_BYTES * 2];
    if (slice_starts_with(secret, SLICE("whsec_")))
        secret = slice_from(secret, 6);
    if (secret.length == 0 || secret.length > KEY_TEXT_MAX)
        return RESULT_INVALID;
    size_t key_length = decode_base64(secret, key);
    if (key_length < KEY_MIN)
        return RESULT_INVALID;
    struct buffer message = {0};
    buffer_printf(&message, "%s.%lld.", id, (long long)seconds);
    buffer_append_slice(&message, body);
    hmac(key, key_length, buffer_slice(&message), code);
    buffer_free(&message);
    explicit_bzero(key, sizeof key);
    EVP_EncodeBlock(text, code, sizeof code);
    buffer_printf(out, "v1,%s", (const char *)text);
    return RESULT_OK;
}

void signature_github(struct slice secret, struct slice body, struct buffer *out)
{
    uint8_t code[DIGEST_SHA256_BYTES];
    char text[DIGEST_SHA256_HEX];
    hmac(secret.bytes, secret.length, body, code);
    digest_hex(code, text);
    buffer_printf(out, "sha256=%s", text);
}
