/* SPDX-License-Identifier: Apache-2.0 */
#include "harrier/base/digest.h"

#include "harrier/base/memory.h"

#include <openssl/evp.h>
#include <stdlib.h>

struct digest {
    EVP_MD_CTX *context;
};

/* libcrypto's digest calls fail only for want of memory (or of SHA-256 itself), which is not survivable: an id that is not
 * the event's would hide one alert behind another. */
static void must(int ok)
{
    if (ok != 1)
        abort();
}

struct digest *digest_new(void)
{
    struct digest *digest = xmalloc(sizeof *digest);
    digest->context = EVP_MD_CTX_new();
    must(digest->context != NULL);
    return digest;
}

void digest_free(struct digest *digest)
{
    if (!digest)
        return;
    EVP_MD_CTX_free(digest->context);
    free(digest);
}

void digest_begin(struct digest *digest)
{
    must(EVP_DigestInit_ex(digest->context, EVP_sha256(), NULL));
}

void digest_update(struct digest *digest, struct slice bytes)
{
    must(EVP_DigestUpdate(digest->context, bytes.bytes, bytes.length));
}

void digest_update_part(struct digest *digest, struct slice part)
{
    unsigned char length[8];
    for (unsigned int i = 0; i < 8; i++)
        length[i] = (unsigned char)((uint64_t)part.length >> (56 - 8 * i));
    must(EVP_DigestUpdate(digest->context, length, sizeof length));
    digest_update(digest, part);
}

void digest_end(struct digest *digest, uint8_t out[DIGEST_SHA256_BYTES])
{
    must(EVP_DigestFinal_ex(digest->context, out, NULL));
}

void digest_hex(const uint8_t bytes[DIGEST_SHA256_BYTES], char out[DIGEST_SHA256_HEX])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < DIGEST_SHA256_BYTES; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * DIGEST_SHA256_BYTES] = '\0';
}

void digest_sha256_hex(struct slice bytes, char out[DIGEST_SHA256_HEX])
{
    uint8_t sum[DIGEST_SHA256_BYTES];
    struct digest *digest = digest_new();
    digest_begin(digest);
    digest_update(digest, bytes);
    digest_end(digest, sum);
    digest_free(digest);
    digest_hex(sum, out);
}
