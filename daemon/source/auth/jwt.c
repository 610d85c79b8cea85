/* SPDX-License-Identifier: Apache-2.0 */
#include "jwt.h"

#include "harrier/base/base64.h"
#include "harrier/base/memory.h"
#include "harrier/base/vector.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <stdlib.h>

enum { RSA_BITS_LEAST = 2048, RSA_BITS_MOST = 8192, P256_BYTES = 32, SKEW_SECONDS = 60, SET_BYTES = 1024 * 1024 };

static const struct json_limits set_limits = {.depth = 16, .token_bytes = 16384, .nodes = 20000};
static const struct json_limits token_limits = {.depth = 16, .token_bytes = JWT_TOKEN_BYTES, .nodes = 500};

/* --- keys ---------------------------------------------------------------------------------------------------------------------------- */

enum algorithm { RS256, ES256 };

struct key {
    char *id; /* kid; NULL: none */
    enum algorithm algorithm;
    EVP_PKEY *key;
};

struct jwt_keys {
    VECTOR(struct key) keys;
};

/* A number as base64url of its bytes, big endian (RFC 7518 section 6). NULL if the member is none. */
static BIGNUM *member_number(const struct json_node *jwk, const char *name)
{
    struct buffer bytes = {0};
    BIGNUM *number = NULL;
    struct slice text = json_string(json_last_member(jwk, name));

    if (text.length && base64_decode(BASE64_URL, text, &bytes) == RESULT_OK)
        number = BN_bin2bn((const unsigned char *)bytes.bytes, (int)bytes.length, NULL);
    buffer_free(&bytes);
    return number;
}

static EVP_PKEY *key_of_params(const char *type, OSSL_PARAM_BLD *build)
{
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    EVP_PKEY *key = NULL;

    if (!params || !context || EVP_PKEY_fromdata_init(context) != 1 || EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
        key = NULL;
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(params);
    return key;
}

static EVP_PKEY *rsa_key(const struct json_node *jwk)
{
    BIGNUM *modulus = member_number(jwk, "n"), *exponent = member_number(jwk, "e");
    EVP_PKEY *key = NULL;

    if (modulus && exponent && BN_num_bits(modulus) >= RSA_BITS_LEAST && BN_num_bits(modulus) <= RSA_BITS_MOST && BN_is_odd(exponent) &&
        BN_num_bits(exponent) >= 2 && BN_num_bits(exponent) <= 64) {
        OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
        if (build && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, modulus) &&
            OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, exponent))
            key = key_of_params("RSA", build);
        OSSL_PARAM_BLD_free(build);
    }
    BN_free(modulus);
    BN_free(exponent);
    return key;
}

/* The point in its uncompressed form (SEC 1 section 2.3.3). Whether it lies on the curve is checked where it is taken over. */
static EVP_PKEY *p256_key(const struct json_node *jwk)
{
    BIGNUM *x = member_number(jwk, "x"), *y = member_number(jwk, "y");
    unsigned char point[1 + 2 * P256_BYTES] = {4};
    EVP_PKEY *key = NULL;

    if (x && y && BN_bn2binpad(x, point + 1, P256_BYTES) == P256_BYTES &&
        BN_bn2binpad(y, point + 1 + P256_BYTES, P256_BYTES) == P256_BYTES) {
        OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
        if (build && OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) &&
            OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point))
            key = key_of_params("EC", build);
        OSSL_PARAM_BLD_free(build);
    }
    BN_free(x);
    BN_free(y);
    return key;
}

/* A member that is there says what is wanted. */
static bool allows(const struct json_node *jwk, const char *name, const char *wanted)
{
    const struct json_node *member = json_last_member(jwk, name);
    return !member || slice_is(json_string(member), wanted);
}

static void take_key(struct jwt_keys *keys, const struct json_node *jwk)
{
    struct slice type = json_string(json_last_member(jwk, "kty")), id = json_string(json_last_member(jwk, "kid"));
    struct key key = {0};

    if (!allows(jwk, "use", "sig"))
        return;
    if (slice_is(type, "RSA") && allows(jwk, "alg", "RS256")) {
        key.algorithm = RS256;
        key.key = rsa_key(jwk);
    } else if (slice_is(type, "EC") && allows(jwk, "alg", "ES256") && slice_is(json_string(json_last_member(jwk, "crv")), "P-256")) {
        key.algorithm = ES256;
        key.key = p256_key(jwk);
    }
    ERR_clear_error();
    if (!key.key)
        return;
    key.id = id.bytes ? xstrndup(id.bytes, id.length) : NULL;
    VECTOR_PUSH(&keys->keys, key);
}

enum result jwt_keys_parse(struct slice json, struct jwt_keys **keys, const char **error)
{
    struct arena *arena = arena_new(16384);
    struct json_node *root = NULL;

    *keys = xcalloc(1, sizeof **keys);
    *error = "it is no JSON";
    if (json.length <= SET_BYTES && json_tree_parse(arena, json, &set_limits, &root, NULL) == RESULT_OK) {
        const struct json_node *set = json_last_member(root, "keys");
        *error = json_is(set, JSON_ARRAY) ? "it has no RSA key of 2048 bits or more and no P-256 key for signatures (RS256, ES256)"
                                          : "it has no array `keys`";
        for (const struct json_node *jwk = json_is(set, JSON_ARRAY) ? set->first : NULL; jwk; jwk = jwk->next)
            take_key(*keys, jwk);
    }
    arena_free(arena);
    if ((*keys)->keys.count) {
        *error = NULL;
        return RESULT_OK;
    }
    jwt_keys_free(*keys);
    *keys = NULL;
    return RESULT_INVALID;
}

void jwt_keys_free(struct jwt_keys *keys)
{
    if (!keys)
        return;
    for (size_t i = 0; i < keys->keys.count; i++) {
        EVP_PKEY_free(keys->keys.items[i].key);
        free(keys->keys.items[i].id);
    }
    VECTOR_FREE(&keys->keys);
    free(keys);
}

/* --- signatures ------------------------------------------------------------------------------------------------------------------------ */

struct parts {
    struct slice header, payload, signature; /* base64url */
    struct slice is_signed;                  /* the first two with their dot */
};

static bool split(struct slice token, struct parts *parts)
{
    ptrdiff_t first = slice_find_byte(token, '.'), last = slice_find_last_byte(token, '.');

    if (token.length > JWT_TOKEN_BYTES || first <= 0 || last <= first)
        return false;
    parts->header = slice_first(token, (size_t)first);
    parts->payload = slice_make(token.bytes + first + 1, (size_t)(last - first) - 1);
    parts->signature = slice_from(token, (size_t)last + 1);
    parts->is_signed = slice_first(token, (size_t)last);
    return slice_find_byte(parts->payload, '.') < 0 && parts->payload.length && parts->signature.length;
}

/* The JSON object in a part. */
static const struct json_node *read_object(struct slice part, struct arena *arena)
{
    struct buffer text = {0};
    struct json_node *root = NULL;

    if (base64_decode(BASE64_URL, part, &text) != RESULT_OK) {
        buffer_free(&text);
        return NULL;
    }
    struct slice kept = arena_copy(arena, buffer_slice(&text));
    buffer_free(&text);
    return json_tree_parse(arena, kept, &token_limits, &root, NULL) == RESULT_OK && json_is(root, JSON_OBJECT) ? root : NULL;
}

/* R and S side by side (RFC 7518 section 3.4), which OpenSSL wants as a DER sequence. */
static bool to_der(struct buffer *signature)
{
    unsigned char *der = NULL;

    if (signature->length != 2 * P256_BYTES)
        return false;
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn((const unsigned char *)signature->bytes, P256_BYTES, NULL);
    BIGNUM *s = BN_bin2bn((const unsigned char *)signature->bytes + P256_BYTES, P256_BYTES, NULL);
    if (ECDSA_SIG_set0(pair, r, s) != 1) {
        BN_free(r);
        BN_free(s);
    }
    int length = i2d_ECDSA_SIG(pair, &der);
    ECDSA_SIG_free(pair);
    if (length <= 0)
        return false;
    buffer_reset(signature, SIZE_MAX);
    buffer_append(signature, der, (size_t)length);
    OPENSSL_free(der);
    return true;
}

static bool is_signed_by(const struct key *key, const struct parts *parts)
{
    struct buffer signature = {0};
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = base64_decode(BASE64_URL, parts->signature, &signature) == RESULT_OK && (key->algorithm == RS256 || to_der(&signature)) &&
                EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key->key) == 1 &&
                EVP_DigestVerify(context, (const unsigned char *)signature.bytes, signature.length,
                                 (const unsigned char *)parts->is_signed.bytes, parts->is_signed.length) == 1;
    EVP_MD_CTX_free(context);
    buffer_free(&signature);
    ERR_clear_error();
    return good;
}

/* The key that the header names, for its algorithm. Without a name: the only key that there is for it. */
static const struct key *find_key(const struct jwt_keys *keys, const struct json_node *header)
{
    struct slice name = json_string(json_last_member(header, "alg")), id = json_string(json_last_member(header, "kid"));
    const struct key *found = NULL;

    if (!slice_is(name, "RS256") && !slice_is(name, "ES256"))
        return NULL;
    enum algorithm algorithm = slice_is(name, "RS256") ? RS256 : ES256;
    for (size_t i = 0; i < keys->keys.count; i++) {
        const struct key *key = &keys->keys.items[i];
        if (key->algorithm != algorithm || (id.bytes && !(key->id && slice_is(id, key->id))))
            continue;
        if (found)
            return NULL;
        found = key;
    }
    return found;
}

const struct json_node *jwt_open(const struct jwt_keys *keys, struct slice token, struct arena *arena)
{
    struct parts parts;

    if (!split(token, &parts))
        return NULL;
    const struct json_node *header = read_object(parts.header, arena);
    /* crit (RFC 7515 section 4.1.11) names what a reader must understand, and there is nothing that this one does */
    if (!header || json_last_member(header, "crit"))
        return NULL;
    const struct key *key = find_key(keys, header);
    return key && is_signed_by(key, &parts) ? read_object(parts.payload, arena) : NULL;
}

/* --- claims ------------------------------------------------------------------------------------------------------------------------------- */

/* Whole seconds of a NumericDate (RFC 7519 section 2), which may have a fraction. */
static bool seconds_of(const struct json_node *number, int64_t *seconds)
{
    if (!json_is(number, JSON_NUMBER))
        return false;
    ptrdiff_t dot = slice_find_byte(number->text, '.');
    struct slice fraction = slice_from(number->text, dot < 0 ? number->text.length : (size_t)dot + 1);
    return slice_find_byte(fraction, 'e') < 0 && slice_find_byte(fraction, 'E') < 0 &&
           slice_to_int64(dot < 0 ? number->text : slice_first(number->text, (size_t)dot), seconds) && *seconds >= 0 &&
           *seconds < INT64_MAX - SKEW_SECONDS;
}

static bool is_now(const struct json_node *claims, clock_nanos now)
{
    static const char *const begins[] = {"nbf", "iat"};
    int64_t seconds = now / CLOCK_SECOND, at;

    if (!seconds_of(json_last_member(claims, "exp"), &at) || seconds >= at + SKEW_SECONDS)
        return false;
    for (size_t i = 0; i < 2; i++) {
        const struct json_node *member = json_last_member(claims, begins[i]);
        if (member && (!seconds_of(member, &at) || seconds < at - SKEW_SECONDS))
            return false;
    }
    return true;
}

static bool is_for(const struct json_node *claims, const char *audience)
{
    const struct json_node *member = json_last_member(claims, "aud");

    if (json_is(member, JSON_STRING))
        return slice_is(member->text, audience);
    for (const struct json_node *one = json_is(member, JSON_ARRAY) ? member->first : NULL; one; one = one->next)
        if (json_is(one, JSON_STRING) && slice_is(one->text, audience))
            return true;
    return false;
}

static bool is_issued_by(const struct json_node *claims, const struct jwt_demands *demands)
{
    struct slice issuer = json_string(json_last_member(claims, "iss"));

    if (demands->issuer)
        return slice_is(issuer, demands->issuer);
    return !demands->email || slice_is(issuer, "https://accounts.google.com") || slice_is(issuer, "accounts.google.com");
}

static bool is_of(const struct json_node *claims, const char *email)
{
    const struct json_node *verified = json_last_member(claims, "email_verified");

    return slice_is(json_string(json_last_member(claims, "email")), email) && json_is(verified, JSON_BOOL) && verified->boolean;
}

bool jwt_admits(const struct json_node *claims, const struct jwt_demands *demands, clock_nanos now)
{
    return is_now(claims, now) && is_for(claims, demands->audience) && is_issued_by(claims, demands) &&
           (!demands->email || is_of(claims, demands->email));
}
