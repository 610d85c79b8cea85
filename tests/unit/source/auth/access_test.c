/* SPDX-License-Identifier: Apache-2.0 */
#include "certificates.h"

#include "daemon/source/auth/access.h"
#include "harrier/base/memory.h"

#include "tokens.h"

#define NOW (INT64_C(1795496400) * CLOCK_SECOND)

static struct source_endpoint endpoint = {.name = "apiserver", .path = "/audit/{cluster}"};

static int make_secrets(void **state)
{
    if (make_folder(state) != 0)
        return -1;
    write_text("token", "t0ken\n");
    write_text("other-token", "other\r\nsecond line\n");
    write_text("password", "pass:word\n");
    write_text("access-key", "firehose key");
    write_text("path-token", "in the path\n");
    return 0;
}

/* The decision of a fresh list of these clients; "status client cluster". */
static const char *decide(const struct source_client *clients, size_t count, struct access_facts facts)
{
    static char text[512];
    struct access_decision decision;
    char *error = NULL;

    facts.now = NOW;
    if (source_access_new("apiserver", clients, count, &endpoint.access, &error) != RESULT_OK)
        fail_msg("%s", error);
    access_decide(&endpoint, &facts, &decision);
    snprintf(text, sizeof text, "%u %.*s %.*s", decision.status, SLICE_ARGS(decision.client_name), SLICE_ARGS(decision.cluster));
    assert_true(decision.status == 0 || decision.error);
    source_access_free(endpoint.access);
    endpoint.access = NULL;
    return text;
}

#define DECIDE(clients, ...) decide(clients, sizeof(clients) / sizeof((clients)[0]), (struct access_facts){__VA_ARGS__})

static void test_a_bearer_token_must_be_the_files_first_line(void **state)
{
    const struct source_client clients[] = {{.name = "a", .token_file = in_folder("token")},
                                            {.name = "b", .token_file = in_folder("other-token")}};
    (void)state;
    assert_string_equal(DECIDE(clients, .authorization = SLICE("Bearer t0ken")), "0 a ");
    assert_string_equal(DECIDE(clients, .authorization = SLICE("bearer   t0ken")), "0 a ");
    assert_string_equal(DECIDE(clients, .authorization = SLICE("Bearer other")), "0 b ");
    assert_string_equal(DECIDE(clients, .authorization = SLICE("Bearer t0kenx")), "401  ");
    assert_string_equal(DECIDE(clients, .authorization = SLICE("Bearer t0ke")), "401  ");
    assert_string_equal(DECIDE(clients, .authorization = SLICE("Bearer ")), "401  ");
    assert_string_equal(DECIDE(clients, .authorization = SLICE("Bearert0ken")), "401  ");
    assert_string_equal(DECIDE(clients, .authorization = SLICE("t0ken")), "401  ");
    assert_string_equal(DECIDE(clients, .authorization = SLICE("Basic t0ken")), "401  ");
    assert_string_equal(DECIDE(clients, .path_token = SLICE("t0ken"), .access_key = SLICE("t0ken")), "401  ");
    assert_string_equal(DECIDE(clients, .authorization = {NULL, 0}), "401  ");
}

static void test_basic_needs_user_and_password(void **state)
{
    const struct source_client clients[] = {{.name = "a", .user = "ann", .password_file = in_folder("password")}};
    (void)state;
    assert_string_equal(DECIDE(clients, .authorization = SLICE("Basic YW5uOnBhc3M6d29yZA==")), "0 a ");
    assert_string_equal(DECIDE(clients, .authorization = SLICE("Basic YW5uOnBhc3M6d29yZB==")), "401  ");
    assert_string_equal(DECIDE(clients, .authorization = SLICE("Basic Ym9iOnBhc3M6d29yZA==")), "401  ");
    assert_string_equal(DECIDE(clients, .authorization = SLICE("Bearer YW5uOnBhc3M6d29yZA==")), "401  ");
}

static void test_all_that_a_client_names_must_be_shown(void **state)
{
    struct pair pair = make_pair((struct wish){.common_name = "prod", .alternatives = "URI:spiffe://prod"});
    struct tls_identity *identity = tls_identity_new(pair.certificate);
    const struct source_client clients[] = {{.name = "a",
                                             .token_file = in_folder("token"),
                                             .access_key_file = in_folder("access-key"),
                                             .path_token_file = in_folder("path-token"),
                                             .certificate_name = "spiffe://prod"}};
    struct access_facts all = {.authorization = SLICE("Bearer t0ken"),
                               .access_key = SLICE("firehose key"),
                               .path_token = SLICE("in the path"),
                               .certificate = identity};
    (void)state;
    assert_string_equal(decide(clients, 1, all), "0 a ");
    for (int missing = 0; missing < 4; missing++) {
        struct access_facts some = all;
        if (missing == 0)
            some.authorization = SLICE("Bearer x");
        else if (missing == 1)
            some.access_key = slice_make(NULL, 0);
        else if (missing == 2)
            some.path_token = SLICE("in the pat");
        else
            some.certificate = NULL;
        assert_string_equal(decide(clients, 1, some), "401  ");
    }
    tls_identity_free(identity);
    free_pair(&pair);
}

static void test_a_client_speaks_for_its_own_cluster_only(void **state)
{
    const struct source_client clients[] = {{.name = "a", .cluster = "prod", .token_file = in_folder("token")},
                                            {.name = "any", .token_file = in_folder("other-token")}};
    (void)state;
    assert_string_equal(DECIDE(clients, .authorization = SLICE("Bearer t0ken"), .cluster = SLICE("prod")), "0 a prod");
    assert_string_equal(DECIDE(clients, .authorization = SLICE("Bearer t0ken")), "0 a prod");
    assert_string_equal(DECIDE(clients, .authorization = SLICE("Bearer t0ken"), .cluster = SLICE("stage")), "403 a prod");
    assert_string_equal(DECIDE(clients, .authorization = SLICE("Bearer other"), .cluster = SLICE("stage")), "0 any stage");
}

static void test_of_clients_with_one_secret_the_one_whose_cluster_fits_counts(void **state)
{
    const struct source_client clients[] = {{.name = "a", .cluster = "prod", .token_file = in_folder("token")},
                                            {.name = "b", .cluster = "stage", .token_file = in_folder("token")}};
    (void)state;
    assert_string_equal(DECIDE(clients, .authorization = SLICE("Bearer t0ken"), .cluster = SLICE("stage")), "0 b stage");
    assert_string_equal(DECIDE(clients, .authorization = SLICE("Bearer t0ken"), .cluster = SLICE("third")), "403 a prod");
}

static void test_a_certificate_speaks_for_the_cluster_in_its_common_name(void **state)
{
    struct pair pair = make_pair((struct wish){.common_name = "prod"}), odd = make_pair((struct wish){.common_name = "no cluster/name"});
    struct tls_identity *identity = tls_identity_new(pair.certificate), *odd_identity = tls_identity_new(odd.certificate);
    struct access_decision decision;
    (void)state;
    endpoint.cluster_from_certificate = true;
    access_decide(&endpoint, &(struct access_facts){.certificate = identity}, &decision);
    assert_int_equal(decision.status, 0);
    assert_true(slice_is(decision.cluster, "prod"));
    access_decide(&endpoint, &(struct access_facts){.certificate = identity, .cluster = SLICE("stage")}, &decision);
    assert_int_equal(decision.status, 403);
    access_decide(&endpoint, &(struct access_facts){.certificate = odd_identity}, &decision);
    assert_int_equal(decision.status, 403);
    access_decide(&endpoint, &(struct access_facts){.now = 0}, &decision);
    assert_int_equal(decision.status, 403);
    endpoint.cluster_from_certificate = false;
    access_decide(&endpoint, &(struct access_facts){.certificate = odd_identity, .cluster = SLICE("stage")}, &decision);
    assert_int_equal(decision.status, 0);
    assert_true(slice_is(decision.cluster, "stage"));
    tls_identity_free(identity);
    tls_identity_free(odd_identity);
    free_pair(&pair);
    free_pair(&odd);
}

static void test_a_jwt_lets_in_whom_it_names(void **state)
{
    EVP_PKEY *rsa = EVP_RSA_gen(2048);
    struct buffer jwks = {0}, header = {0};
    char *token =
        make_token("{\"alg\":\"RS256\",\"kid\":\"k\"}",
                   "{\"aud\":\"me\",\"exp\":1795500000,\"iss\":\"accounts.google.com\",\"email\":\"a@b\",\"email_verified\":true}", rsa);
    (void)state;
    append_jwk(&jwks, rsa, "k", "");
    char *set = key_set(&jwks);
    write_text("jwks", set);
    const struct source_client clients[] = {{.name = "other", .jwks_file = in_folder("jwks"), .audience = "you", .email = "a@b"},
                                            {.name = "elsewhere", .jwks_file = in_folder("jwks"), .audience = "me", .issuer = "https://elsewhere"},
                                            {.name = "pubsub", .jwks_file = in_folder("jwks"), .audience = "me", .email = "a@b"}};
    buffer_printf(&header, "Bearer %s", token);
    assert_string_equal(DECIDE(clients, .authorization = buffer_slice(&header)), "0 pubsub ");
    header.bytes[header.length - 3] ^= 1;
    assert_string_equal(DECIDE(clients, .authorization = buffer_slice(&header)), "401  ");
    buffer_free(&header);
    free(token);
    free(set);
    EVP_PKEY_free(rsa);
}

static enum source_refresh refresh_access(void *access)
{
    return source_access_refresh(access);
}

static void test_a_new_secret_that_could_not_be_opened_for_want_of_descriptors_is_taken_later(void **state)
{
    const struct source_client clients[] = {{.name = "a", .token_file = in_folder("token")}};
    (void)state;
    assert_int_equal(source_access_new("apiserver", clients, 1, &endpoint.access, NULL), RESULT_OK);
    write_text("token", "another\n");
    look_without_descriptors(refresh_access, endpoint.access);
    assert_int_equal(source_access_refresh(endpoint.access), SOURCE_REFRESH_TAKEN);
    write_text("token", "t0ken\n");
    source_access_free(endpoint.access);
    endpoint.access = NULL;
}

static void test_a_secret_is_read_again_when_it_changes(void **state)
{
    const struct source_client clients[] = {{.name = "a", .token_file = in_folder("token")}};
    struct access_facts before = {.authorization = SLICE("Bearer t0ken")}, after = {.authorization = SLICE("Bearer renewed")};
    struct access_decision decision;
    (void)state;
    assert_int_equal(source_access_new("apiserver", clients, 1, &endpoint.access, NULL), RESULT_OK);
    assert_int_equal(source_access_refresh(endpoint.access), SOURCE_REFRESH_SAME);
    write_text("token", "renewed\n");
    assert_int_equal(source_access_refresh(endpoint.access), SOURCE_REFRESH_TAKEN);
    access_decide(&endpoint, &before, &decision);
    assert_int_equal(decision.status, 401);
    access_decide(&endpoint, &after, &decision);
    assert_int_equal(decision.status, 0);
    /* an empty or missing file locks nobody out, and lets nobody in */
    write_text("token", "\n");
    assert_int_equal(source_access_refresh(endpoint.access), SOURCE_REFRESH_REFUSED);
    access_decide(&endpoint, &after, &decision);
    assert_int_equal(decision.status, 0);
    unlink(in_folder("token"));
    assert_int_equal(source_access_refresh(endpoint.access), SOURCE_REFRESH_REFUSED);
    access_decide(&endpoint, &(struct access_facts){.authorization = SLICE("Bearer ")}, &decision);
    assert_int_equal(decision.status, 401);
    write_text("token", "t0ken\n");
    assert_int_equal(source_access_refresh(endpoint.access), SOURCE_REFRESH_TAKEN);
    source_access_free(endpoint.access);
    endpoint.access = NULL;
}

static void assert_no_access(struct source_client client, const char *words)
{
    struct source_access *access;
    char *error = NULL;
    assert_int_not_equal(source_access_new("apiserver", &client, 1, &access, &error), RESULT_OK);
    assert_null(access);
    if (!strstr(error, words))
        fail_msg("no `%s` in: %s", words, error);
    free(error);
}

static void test_a_client_that_could_be_anybody_is_refused(void **state)
{
    (void)state;
    write_text("empty", "\nsecond line\n");
    write_text("no-set", "{\"keys\":[]}");
    assert_no_access((struct source_client){.name = "a"}, "says not how it is known");
    assert_no_access((struct source_client){.name = "a", .cluster = "prod"}, "says not how it is known");
    assert_no_access((struct source_client){.name = "a", .token_file = in_folder("empty")}, "empty");
    assert_no_access((struct source_client){.name = "a", .token_file = in_folder("missing")}, "no such file");
    assert_no_access((struct source_client){.name = "a", .jwks_file = in_folder("no-set"), .audience = "me", .email = "a@b"}, "no RSA key");
    assert_no_access((struct source_client){.name = "a", .jwks_file = in_folder("no-set"), .audience = "me"}, "says not how it is known");
    assert_no_access((struct source_client){.name = "a", .jwks_file = in_folder("no-set")}, "says not how it is known");
}

static void test_the_challenge_names_what_clients_can_show(void **state)
{
    const struct source_client basic = {.name = "a", .user = "ann", .password_file = in_folder("password")};
    (void)state;
    assert_string_equal(access_challenge(&endpoint), "Bearer realm=\"harrier\"");
    assert_int_equal(source_access_new("apiserver", &basic, 1, &endpoint.access, NULL), RESULT_OK);
    assert_string_equal(access_challenge(&endpoint), "Basic realm=\"harrier\"");
    source_access_free(endpoint.access);
    endpoint.access = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_bearer_token_must_be_the_files_first_line),
        cmocka_unit_test(test_basic_needs_user_and_password),
        cmocka_unit_test(test_all_that_a_client_names_must_be_shown),
        cmocka_unit_test(test_a_client_speaks_for_its_own_cluster_only),
        cmocka_unit_test(test_of_clients_with_one_secret_the_one_whose_cluster_fits_counts),
        cmocka_unit_test(test_a_certificate_speaks_for_the_cluster_in_its_common_name),
        cmocka_unit_test(test_a_jwt_lets_in_whom_it_names),
        cmocka_unit_test(test_a_secret_is_read_again_when_it_changes),
        cmocka_unit_test(test_a_new_secret_that_could_not_be_opened_for_want_of_descriptors_is_taken_later),
        cmocka_unit_test(test_a_client_that_could_be_anybody_is_refused),
        cmocka_unit_test(test_the_challenge_names_what_clients_can_show),
    };
    return cmocka_run_group_tests(tests, make_secrets, remove_folder);
}
