/* SPDX-License-Identifier: Apache-2.0 */
/* Keys, sets of keys and tokens made for one test. */
#ifndef HARRIER_NIT_SOURCE_AUTH_TOKENS_H
#define HARRIER_NIT_SOURCE_AUTH_TOKENS_H

#include "harrier/base/base64.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static void append_number(struct buffer *out, const EVP_PKEY *key, const char *parameter, int size)
{
    BIGNUM *number = NULL;
    unsigned char bytes[1024];
    assert_int_equal(EVP_PKEY_get_bn_param(key, parameter, &number), 1);
    int length = size ? BN_bn2binpad(number, bytes, size) : BN_bn2bin(number, bytes);
    base64_encode(BASE64_URL, slice_make((char *)bytes, (size_t)length), out);
    BN_free(number);
}

/* more: further members, beginning with a comma. */
static void append_jwk(struct buffer *out, const EVP_PKEY *key, const char *kid, const char *more)
{
    bool rsa = EVP_PKEY_is_a(key, "RSA");
    if (out->length)
        buffer_append_byte(out, ',');
    buffer_append_text(out, rsa ? "{\"kty\":\"RSA\",\"n\":\"" : "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"");
    append_number(out, key, rsa ? OSSL_PKEY_PARAM_RSA_N : OSSL_PKEY_PARAM_EC_PUB_X, rsa ? 0 : 32);
    buffer_append_text(out, rsa ? "\",\"e\":\"" : "\",\"y\":\"");
    append_number(out, key, rsa ? OSSL_PKEY_PARAM_RSA_E : OSSL_PKEY_PARAM_EC_PUB_Y, rsa ? 0 : 32);
    buffer_append_byte(out, '"');
    if (kid)
        buffer_printf(out, ",\"kid\":\"%s\"", kid);
    buffer_printf(out, "%s}", more);
}

/* The set of what append_jwk wrote. */
static char *key_set(struct buffer *jwks)
{
    struct buffer set = {0};
    buffer_printf(&set, "{\"keys\":[%s]}", jwks->bytes ? jwks->bytes : "");
    buffer_free(jwks);
    return buffer_take(&set);
}

/* DER to R and S side by side. */
static size_t to_raw(unsigned char *signature, size_t length)
{
    const unsigned char *at = signature;
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &at, (long)length);
    BN_bn2binpad(ECDSA_SIG_get0_r(pair), signature, 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(pair), signature + 32, 32);
    ECDSA_SIG_free(pair);
    return 64;
}

/* The caller frees it. key NULL: the signature is empty. */
static char *make_token(const char *header, const char *claims, EVP_PKEY *key)
{
    struct buffer token = {0};
    unsigned char signature[1024];
    size_t length = sizeof signature;

    base64_encode(BASE64_URL, slice_of(header), &token);
    buffer_append_byte(&token, '.');
    base64_encode(BASE64_URL, slice_of(claims), &token);
    if (key) {
        EVP_MD_CTX *context = EVP_MD_CTX_new();
        assert_int_equal(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key), 1);
        assert_int_equal(EVP_DigestSign(context, signature, &length, (unsigned char *)token.bytes, token.length), 1);
        EVP_MD_CTX_free(context);
        if (EVP_PKEY_is_a(key, "EC"))
            length = to_raw(signature, length);
    } else {
        length = 0;
    }
    buffer_append_byte(&token, '.');
    base64_encode(BASE64_URL, slice_make((char *)signature, length), &token);
    return buffer_take(&token);
}

#endif
