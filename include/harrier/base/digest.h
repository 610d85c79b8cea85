/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 (FIPS 180-4), by OpenSSL's libcrypto. */
#ifndef HARRIER_DIGEST_H
#define HARRIER_DIGEST_H

#include "harrier/base/slice.h"

enum { DIGEST_SHA256_BYTES = 32, DIGEST_SHA256_HEX = 65 /* with its NUL */ };

struct digest;

struct digest *digest_new(void);
void digest_free(struct digest *digest);
/* Begins anew; needed before the first update as well. */
void digest_begin(struct digest *digest);
void digest_update(struct digest *digest, struct slice bytes);
/* The bytes with their length before them (8 octets, big endian), so that neighbouring parts cannot be shifted into each other. */
void digest_update_part(struct digest *digest, struct slice part);
void digest_end(struct digest *digest, uint8_t out[DIGEST_SHA256_BYTES]);
/* Lower-case hex with a NUL. */
void digest_hex(const uint8_t bytes[DIGEST_SHA256_BYTES], char out[DIGEST_SHA256_HEX]);
void digest_sha256_hex(struct slice bytes, char out[DIGEST_SHA256_HEX]);

#endif
