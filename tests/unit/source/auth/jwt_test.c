/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/source/auth/jwt.h"

#include "tokens.h"

#define NOW INT64_C(1795496400)
#define CLAIMS \
    "{\"aud\":\"https://harrier.example.com/v1\",\"email\":\"push@acme.iam.gserviceaccount.com\",\"email_verified\":true," \
    "\"exp\":1795500000,\"iat\":1795496400,\"iss\":\"https://accounts.google.com\",\"sub\":\"1137\"}"

static EVP_PKEY *rsa, *other_rsa, *ec;
static struct jwt_keys *keys;
static struct arena *arena;

static int make_keys(void **state)
{
    struct buffer jwks = {0};
    const char *error;
    (void)state;
    rsa = EVP_RSA_gen(2048);
    other_rsa = EVP_RSA_gen(2048);
    ec = EVP_EC_gen("P-256");
    append_jwk(&jwks, rsa, "one", ",\"use\":\"sig\",\"alg\":\"RS256\"");
    append_jwk(&jwks, ec, "two", "");
    char *set = key_set(&jwks);
    arena = arena_new(4096);
    int result = jwt_keys_parse(slice_of(set), &keys, &error) == RESULT_OK ? 0 : -1;
    free(set);
    return result;
}

static int free_keys(void **state)
{
    (void)state;
    jwt_keys_free(keys);
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(other_rsa);
    EVP_PKEY_free(ec);
    arena_free(arena);
    return 0;
}

static bool opens(const char *header, const char *claims, EVP_PKEY *key)
{
    char *token = make_token(header, claims, key);
    bool open = jwt_open(keys, slice_of(token), arena) != NULL;
    free(token);
    return open;
}

static void test_a_token_signed_by_a_key_of_the_set_opens(void **state)
{
    (void)state;
    assert_true(opens("{\"alg\":\"RS256\",\"kid\":\"one\",\"typ\":\"JWT\"}", CLAIMS, rsa));
    assert_true(opens("{\"alg\":\"ES256\",\"kid\":\"two\"}", CLAIMS, ec));
    /* one key for each algorithm: a name is not needed */
    assert_true(opens("{\"alg\":\"RS256\"}", CLAIMS, rsa));
}

static void test_a_token_signed_by_another_key_does_not(void **state)
{
    (void)state;
    assert_false(opens("{\"alg\":\"RS256\",\"kid\":\"one\"}", CLAIMS, other_rsa));
    assert_false(opens("{\"alg\":\"RS256\",\"kid\":\"two\"}", CLAIMS, rsa));
    assert_false(opens("{\"alg\":\"ES256\",\"kid\":\"one\"}", CLAIMS, ec));
    assert_false(opens("{\"alg\":\"RS256\",\"kid\":\"three\"}", CLAIMS, rsa));
}

static void test_the_token_does_not_choose_the_algorithm(void **state)
{
    (void)state;
    assert_false(opens("{\"alg\":\"none\"}", CLAIMS, NULL));
    assert_false(opens("{\"alg\":\"none\",\"kid\":\"one\"}", CLAIMS, rsa));
    assert_false(opens("{\"alg\":\"None\"}", CLAIMS, rsa));
    assert_false(opens("{\"alg\":\"HS256\",\"kid\":\"one\"}", CLAIMS, rsa));
    assert_false(opens("{\"alg\":\"RS512\",\"kid\":\"one\"}", CLAIMS, rsa));
    assert_false(opens("{\"kid\":\"one\"}", CLAIMS, rsa));
    assert_false(opens("{\"alg\":[\"RS256\"],\"kid\":\"one\"}", CLAIMS, rsa));
    assert_false(opens("{\"alg\":\"RS256\",\"kid\":\"one\",\"crit\":[\"exp\"]}", CLAIMS, rsa));
}

/* The public key, which everybody has, as the secret of an HMAC. */
static void test_a_public_key_is_no_secret(void **state)
{
    struct buffer token = {0};
    unsigned char mac[32], *der = NULL;
    unsigned int length;
    (void)state;
    base64_encode(BASE64_URL, SLICE("{\"alg\":\"HS256\",\"kid\":\"one\"}"), &token);
    buffer_append_byte(&token, '.');
    base64_encode(BASE64_URL, SLICE(CLAIMS), &token);
    int size = i2d_PUBKEY(rsa, &der);
    assert_non_null(HMAC(EVP_sha256(), der, size, (unsigned char *)token.bytes, token.length, mac, &length));
    buffer_append_byte(&token, '.');
    base64_encode(BASE64_URL, slice_make((char *)mac, length), &token);
    assert_null(jwt_open(keys, buffer_slice(&token), arena));
    OPENSSL_free(der);
    buffer_free(&token);
}

static void test_no_byte_of_a_token_can_be_changed(void **state)
{
    char *token = make_token("{\"alg\":\"ES256\",\"kid\":\"two\"}", CLAIMS, ec);
    size_t length = strlen(token);
    (void)state;
    /* the last digit has bits that stand for nothing */
    for (size_t i = 0; i + 1 < length; i++) {
        char before = token[i];
        token[i] = before == 'A' ? 'B' : 'A';
        if (jwt_open(keys, slice_of(token), arena))
            fail_msg("byte %zu", i);
        token[i] = before;
        assert_null(jwt_open(keys, slice_first(slice_of(token), i), arena));
    }
    assert_non_null(jwt_open(keys, slice_of(token), arena));
    free(token);
}

static void test_what_is_no_token_is_refused(void **state)
{
    static const char *const texts[] = {"",
                                        ".",
                                        "..",
                                        "...",
                                        "a.b.c",
                                        "e30.e30.",
                                        "e30.e30.AA",
                                        "e30=.e30.AA",
                                        "eyJhbGciOiJSUzI1NiJ9.e30.A",
                                        "e30.e30.AA.BB",
                                        "eyJhbGciOiJSUzI1NiJ9 .e30.AAAA",
                                        "bnVsbA.bnVsbA.AAAA"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (jwt_open(keys, slice_of(texts[i]), arena))
            fail_msg("%s", texts[i]);
    char *large = malloc(JWT_TOKEN_BYTES * 2);
    memset(large, 'A', JWT_TOKEN_BYTES * 2);
    large[100] = large[200] = '.';
    assert_null(jwt_open(keys, slice_make(large, JWT_TOKEN_BYTES * 2), arena));
    free(large);
}

static void test_the_claims_must_be_an_object(void **state)
{
    (void)state;
    assert_false(opens("{\"alg\":\"RS256\"}", "[1]", rsa));
    assert_false(opens("{\"alg\":\"RS256\"}", "{\"exp\":", rsa));
    assert_false(opens("{\"alg\":\"RS256\"}", "{} {}", rsa));
    assert_true(opens("{\"alg\":\"RS256\"}", "{}", rsa));
}

/* --- claims --- */

static bool admits_at(const char *claims, const char *email, int64_t seconds)
{
    struct json_node *root = NULL;
    assert_int_equal(json_tree_parse(arena, slice_of(claims), &json_default_limits, &root, NULL), RESULT_OK);
    return jwt_admits(root, &(struct jwt_demands){.audience = "me", .email = email}, seconds * CLOCK_SECOND);
}

static bool admits(const char *claims)
{
    return admits_at(claims, NULL, NOW);
}

static void test_the_audience_is_one_of_those_named(void **state)
{
    (void)state;
    assert_true(admits("{\"aud\":\"me\",\"exp\":1795500000}"));
    assert_true(admits("{\"aud\":[\"you\",\"me\"],\"exp\":1795500000}"));
    assert_false(admits("{\"aud\":\"you\",\"exp\":1795500000}"));
    assert_false(admits("{\"aud\":\"ME\",\"exp\":1795500000}"));
    assert_false(admits("{\"aud\":[],\"exp\":1795500000}"));
    assert_false(admits("{\"aud\":{\"a\":\"me\"},\"exp\":1795500000}"));
    assert_false(admits("{\"exp\":1795500000}"));
}

static void test_a_token_has_its_time_with_a_minute_of_skew(void **state)
{
    static const char claims[] = "{\"aud\":\"me\",\"nbf\":1000,\"iat\":2000.75,\"exp\":3000}";
    (void)state;
    assert_false(admits_at(claims, NULL, 1939));
    assert_true(admits_at(claims, NULL, 1940));
    assert_true(admits_at(claims, NULL, 3059));
    assert_false(admits_at(claims, NULL, 3060));
    assert_true(admits_at("{\"aud\":\"me\",\"exp\":3000.5}", NULL, 0));
}

static void test_a_time_that_cannot_be_read_is_no_time(void **state)
{
    (void)state;
    assert_false(admits("{\"aud\":\"me\"}"));
    assert_false(admits("{\"aud\":\"me\",\"exp\":\"1795500000\"}"));
    assert_false(admits("{\"aud\":\"me\",\"exp\":1e99}"));
    assert_false(admits("{\"aud\":\"me\",\"exp\":1.7955e99}"));
    assert_false(admits("{\"aud\":\"me\",\"exp\":9223372036854775807}"));
    assert_false(admits("{\"aud\":\"me\",\"exp\":99999999999999999999}"));
    assert_false(admits("{\"aud\":\"me\",\"exp\":-1}"));
    assert_false(admits("{\"aud\":\"me\",\"exp\":1795500000,\"nbf\":true}"));
    assert_false(admits("{\"aud\":\"me\",\"exp\":1795500000,\"exp\":1}"));
}

#define FROM(iss, verified, email) \
    "{\"aud\":\"me\",\"exp\":1795500000,\"iss\":\"" iss "\",\"email_verified\":" verified ",\"email\":\"" email "\"}"

static void test_an_email_counts_only_verified_and_from_google(void **state)
{
    (void)state;
    assert_true(admits_at(FROM("https://accounts.google.com", "true", "a@b"), "a@b", NOW));
    assert_true(admits_at(FROM("accounts.google.com", "true", "a@b"), "a@b", NOW));
    assert_false(admits_at(FROM("https://accounts.google.com.evil", "true", "a@b"), "a@b", NOW));
    assert_false(admits_at(FROM("https://accounts.google.com", "false", "a@b"), "a@b", NOW));
    assert_false(admits_at(FROM("https://accounts.google.com", "\"true\"", "a@b"), "a@b", NOW));
    assert_false(admits_at(FROM("https://accounts.google.com", "true", "A@b"), "a@b", NOW));
    assert_false(admits_at("{\"aud\":\"me\",\"exp\":1795500000}", "a@b", NOW));
}

static bool admits_from(const char *claims, const char *issuer, const char *email)
{
    struct json_node *root = NULL;
    assert_int_equal(json_tree_parse(arena, slice_of(claims), &json_default_limits, &root, NULL), RESULT_OK);
    return jwt_admits(root, &(struct jwt_demands){.audience = "me", .issuer = issuer, .email = email}, NOW * CLOCK_SECOND);
}

static void test_another_issuer_takes_the_place_of_google(void **state)
{
    (void)state;
    assert_true(admits_from(FROM("https://elsewhere", "false", "x@y"), "https://elsewhere", NULL));
    assert_false(admits_from(FROM("https://elsewhere/", "false", "x@y"), "https://elsewhere", NULL));
    assert_false(admits_from(FROM("https://accounts.google.com", "true", "x@y"), "https://elsewhere", NULL));
    assert_false(admits_from("{\"aud\":\"me\",\"exp\":1795500000}", "https://elsewhere", NULL));
    assert_true(admits_from(FROM("https://elsewhere", "true", "x@y"), "https://elsewhere", "x@y"));
    assert_false(admits_from(FROM("https://elsewhere", "true", "x@z"), "https://elsewhere", "x@y"));
    assert_false(admits_from(FROM("https://accounts.google.com", "true", "x@y"), "https://elsewhere", "x@y"));
}

/* --- sets of keys --- */

static void assert_no_keys(const char *set)
{
    struct jwt_keys *none;
    const char *error = NULL;
    if (jwt_keys_parse(slice_of(set), &none, &error) == RESULT_OK)
        fail_msg("taken: %s", set);
    assert_null(none);
    assert_non_null(error);
}

static void test_a_set_without_a_key_for_signatures_is_refused(void **state)
{
    struct buffer jwks = {0};
    EVP_PKEY *weak = EVP_RSA_gen(1024);
    (void)state;
    assert_no_keys("");
    assert_no_keys("{}");
    assert_no_keys("[]");
    assert_no_keys("{\"keys\":{}}");
    assert_no_keys("{\"keys\":[]}");
    assert_no_keys("{\"keys\":[1,null,{\"kty\":\"oct\",\"k\":\"AAAA\"}]}");
    assert_no_keys("{\"keys\":[{\"kty\":\"RSA\",\"n\":\"!!\",\"e\":\"AQAB\"}]}");
    assert_no_keys("{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AQ\",\"y\":\"AQ\"}]}");
    append_jwk(&jwks, weak, "weak", "");
    char *set = key_set(&jwks);
    assert_no_keys(set);
    free(set);
    append_jwk(&jwks, rsa, "enc", ",\"use\":\"enc\"");
    append_jwk(&jwks, rsa, "alg", ",\"alg\":\"RS512\"");
    set = key_set(&jwks);
    assert_no_keys(set);
    free(set);
    EVP_PKEY_free(weak);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_token_signed_by_a_key_of_the_set_opens),
        cmocka_unit_test(test_a_token_signed_by_another_key_does_not),
        cmocka_unit_test(test_the_token_does_not_choose_the_algorithm),
        cmocka_unit_test(test_a_public_key_is_no_secret),
        cmocka_unit_test(test_no_byte_of_a_token_can_be_changed),
        cmocka_unit_test(test_what_is_no_token_is_refused),
        cmocka_unit_test(test_the_claims_must_be_an_object),
        cmocka_unit_test(test_the_audience_is_one_of_those_named),
        cmocka_unit_test(test_a_token_has_its_time_with_a_minute_of_skew),
        cmocka_unit_test(test_a_time_that_cannot_be_read_is_no_time),
        cmocka_unit_test(test_an_email_counts_only_verified_and_from_google),
        cmocka_unit_test(test_another_issuer_takes_the_place_of_google),
        cmocka_unit_test(test_a_set_without_a_key_for_signatures_is_refused),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
