/* SPDX-License-Identifier: Apache-2.0 */
#include "certificates.h"

#include "daemon/source/auth/tls_internal.h"
#include "harrier/base/memory.h"

#include <openssl/ssl.h>

static struct pair ca, server;

static int make_files(void **state)
{
    if (make_folder(state) != 0)
        return -1;
    ca = make_pair((struct wish){.common_name = "test CA"});
    server = make_pair((struct wish){.common_name = "server", .alternatives = "DNS:localhost,IP:127.0.0.1", .issuer = &ca, .ends = 7200});
    write_certificate("server.pem", server.certificate);
    write_key("server.key", server.key, NULL);
    write_certificate("ca.pem", ca.certificate);
    return 0;
}

static int remove_files(void **state)
{
    free_pair(&ca);
    free_pair(&server);
    return remove_folder(state);
}

static struct source_tls_options options_of(const char *certificate, const char *key, const char *client_ca)
{
    static char paths[3][160];
    snprintf(paths[0], sizeof paths[0], "%s", in_folder(certificate));
    snprintf(paths[1], sizeof paths[1], "%s", in_folder(key));
    snprintf(paths[2], sizeof paths[2], "%s", client_ca ? in_folder(client_ca) : "");
    return (struct source_tls_options){.name = "apiserver", .certificate_file = paths[0], .key_file = paths[1], .client_ca_file = paths[2]};
}

static void assert_refused(struct source_tls_options options, const char *path, const char *words)
{
    struct source_tls *tls;
    struct source_tls_facts facts;
    char *error = NULL;

    assert_int_not_equal(source_tls_new(&options, &tls, &error), RESULT_OK);
    assert_null(tls);
    assert_non_null(error);
    if (!strstr(error, in_folder(path)) || !strstr(error, words))
        fail_msg("no `%s` and `%s` in: %s", path, words, error);
    free(error);
    assert_int_not_equal(source_tls_check(&options, &facts, &error), RESULT_OK);
    free(error);
}

static void test_an_error_names_the_file_and_the_remedy(void **state)
{
    struct pair other = make_pair((struct wish){.common_name = "other"});
    (void)state;
    write_key("other.key", other.key, NULL);
    write_key("locked.key", server.key, "secret");
    write_text("empty.pem", "");
    assert_refused(options_of("missing.pem", "server.key", NULL), "missing.pem", "there is no such file");
    assert_refused(options_of("server.pem", "missing.key", NULL), "missing.key", "there is no such file");
    assert_refused(options_of("server.pem", "server.key", "missing-ca.pem"), "missing-ca.pem", "client CA");
    assert_refused(options_of("empty.pem", "server.key", NULL), "empty.pem", "no certificate in it");
    assert_refused(options_of("server.pem", "server.pem", NULL), "server.pem", "no private key");
    assert_refused(options_of("server.pem", "locked.key", NULL), "locked.key", "passphrase");
    assert_refused(options_of("server.pem", "other.key", NULL), "other.key", "does not fit");
    assert_refused(options_of("server.pem", "server.key", "server.key"), "server.key", "no certificate in it");
    free_pair(&other);
}

static void append_certificate(const char *name, X509 *certificate)
{
    FILE *file = fopen(in_folder(name), "a");
    assert_int_equal(PEM_write_X509(file, certificate), 1);
    fclose(file);
}

static void test_a_chain_in_the_wrong_order_is_told_as_such(void **state)
{
    (void)state;
    write_certificate("backwards.pem", ca.certificate);
    append_certificate("backwards.pem", server.certificate);
    assert_refused(options_of("backwards.pem", "server.key", NULL), "backwards.pem", "must be the first");
}

static void test_a_damaged_certificate_in_the_chain_is_no_end_of_it(void **state)
{
    (void)state;
    write_text("damaged.pem", "");
    append_certificate("damaged.pem", server.certificate);
    FILE *file = fopen(in_folder("damaged.pem"), "a");
    fputs("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", file);
    fclose(file);
    assert_refused(options_of("damaged.pem", "server.key", NULL), "damaged.pem", "certificate 2");
}

static void test_facts_tell_the_first_to_expire(void **state)
{
    struct source_tls_facts facts;
    struct source_tls_options options = options_of("chain.pem", "server.key", "ca.pem");
    struct pair short_lived = make_pair((struct wish){.common_name = "intermediate", .ends = 600, .begins = -60});
    char *error;
    (void)state;
    write_certificate("chain.pem", server.certificate);
    append_certificate("chain.pem", short_lived.certificate);
    assert_int_equal(source_tls_check(&options, &facts, &error), RESULT_OK);
    assert_null(error);
    clock_nanos left = facts.expires - clock_wall();
    assert_true(left > 500 * CLOCK_SECOND && left <= 600 * CLOCK_SECOND);
    assert_true(facts.begins <= clock_wall());
    assert_true(facts.ca_expires > clock_wall() + 3000 * CLOCK_SECOND);
    assert_true(facts.names_host);
    free_pair(&short_lived);
}

static void test_a_weak_key_is_refused(void **state)
{
    struct pair weak = {X509_new(), EVP_RSA_gen(1024)};
    (void)state;
    X509_gmtime_adj(X509_getm_notBefore(weak.certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(weak.certificate), 3600);
    X509_set_pubkey(weak.certificate, weak.key);
    X509_sign(weak.certificate, weak.key, EVP_sha256());
    write_certificate("weak.pem", weak.certificate);
    write_key("weak.key", weak.key, NULL);
    assert_refused(options_of("weak.pem", "weak.key", NULL), "weak.pem", "2048");
    free_pair(&weak);
}

/* --- refreshing --- */

static enum source_refresh refresh_tls(void *tls)
{
    return source_tls_refresh(tls);
}

static void test_new_files_that_could_not_be_opened_for_want_of_descriptors_are_taken_later(void **state)
{
    struct source_tls_options options = options_of("server.pem", "server.key", NULL);
    struct source_tls *tls;
    (void)state;
    assert_int_equal(source_tls_new(&options, &tls, NULL), RESULT_OK);
    unlink(in_folder("server.pem"));
    write_certificate("server.pem", server.certificate);
    look_without_descriptors(refresh_tls, tls);
    assert_int_equal(source_tls_refresh(tls), SOURCE_REFRESH_TAKEN);
    source_tls_free(tls);
}

static void test_files_are_read_again_only_when_they_change(void **state)
{
    struct source_tls_options options = options_of("server.pem", "server.key", "ca.pem");
    struct pair renewed = make_pair((struct wish){.common_name = "server", .issuer = &ca, .ends = 90000});
    struct source_tls_facts facts;
    struct source_tls *tls;
    (void)state;
    assert_int_equal(source_tls_new(&options, &tls, NULL), RESULT_OK);
    assert_int_equal(source_tls_refresh(tls), SOURCE_REFRESH_SAME);
    write_certificate("server.pem", renewed.certificate);
    /* the key does not fit yet */
    assert_int_equal(source_tls_refresh(tls), SOURCE_REFRESH_REFUSED);
    source_tls_describe(tls, &facts);
    assert_true(facts.expires < clock_wall() + 10000 * CLOCK_SECOND);
    write_key("server.key", renewed.key, NULL);
    assert_int_equal(source_tls_refresh(tls), SOURCE_REFRESH_TAKEN);
    source_tls_describe(tls, &facts);
    assert_true(facts.expires > clock_wall() + 80000 * CLOCK_SECOND);
    assert_int_equal(source_tls_refresh(tls), SOURCE_REFRESH_SAME);
    source_tls_free(tls);
    write_certificate("server.pem", server.certificate);
    write_key("server.key", server.key, NULL);
    free_pair(&renewed);
}

/* Runs with stderr in a file; what was written. */
static void read_log(const char *path, char *text, size_t size)
{
    FILE *file = fopen(path, "r");
    size_t length = fread(text, 1, size - 1, file);
    text[length] = '\0';
    fclose(file);
}

static void test_a_bad_file_is_said_once_and_the_old_one_stays(void **state)
{
    struct source_tls_options options = options_of("server.pem", "server.key", NULL);
    struct source_tls *tls;
    char text[8192];
    (void)state;
    assert_int_equal(source_tls_new(&options, &tls, NULL), RESULT_OK);
    write_text("server.pem", "garbage\n");
    int before = dup(STDERR_FILENO);
    assert_non_null(freopen(in_folder("log"), "w", stderr));
    for (int i = 0; i < 5; i++)
        assert_int_equal(source_tls_refresh(tls), SOURCE_REFRESH_REFUSED);
    fflush(stderr);
    dup2(before, STDERR_FILENO);
    close(before);
    read_log(in_folder("log"), text, sizeof text);
    char *said = strstr(text, "the old ones stay");
    assert_non_null(said);
    assert_null(strstr(said + 1, "the old ones stay"));
    assert_non_null(strstr(text, in_folder("server.pem")));
    write_certificate("server.pem", server.certificate);
    assert_int_equal(source_tls_refresh(tls), SOURCE_REFRESH_TAKEN);
    source_tls_free(tls);
}

static void test_reading_the_files_keeps_no_connection_waiting(void **state)
{
    struct source_tls_options options = options_of("server.pem", "server.key", NULL);
    struct source_tls *tls;
    (void)state;
    assert_int_equal(source_tls_new(&options, &tls, NULL), RESULT_OK);
    /* as connections hold it: what reads, and takes nothing into use, never asks for it */
    pthread_mutex_lock(&tls->mutex);
    assert_int_equal(source_tls_refresh(tls), SOURCE_REFRESH_SAME);
    write_text("server.pem", "garbage\n");
    assert_int_equal(source_tls_refresh(tls), SOURCE_REFRESH_REFUSED);
    pthread_mutex_unlock(&tls->mutex);
    write_certificate("server.pem", server.certificate);
    source_tls_free(tls);
}

/* --- identities --- */

static struct tls_identity *identity_of(struct wish wish)
{
    struct pair pair = make_pair(wish);
    struct tls_identity *identity = tls_identity_new(pair.certificate);
    free_pair(&pair);
    return identity;
}

static void test_a_certificate_has_the_names_in_it_and_no_others(void **state)
{
    struct tls_identity *identity = identity_of(
        (struct wish){.common_name = "prod-eu",
                      .alternatives = "DNS:*.example.com,DNS:API.prod,URI:spiffe://prod/apiserver,email:a@b.c,IP:10.1.2.3,IP:fd00::1"});
    static const char *const names[] = {"prod-eu", "*.example.com", "api.PROD",   "spiffe://prod/apiserver",
                                        "a@b.c",   "10.1.2.3",      "fd00:0:0::1"};
    static const char *const others[] = {"PROD-EU", "a.example.com", "prod", "spiffe://PROD/apiserver", "A@b.c", "10.1.2.4", "", "prod-e"};
    (void)state;
    assert_true(slice_is(tls_identity_common_name(identity), "prod-eu"));
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (!tls_identity_has(identity, names[i]))
            fail_msg("no `%s`", names[i]);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (tls_identity_has(identity, others[i]))
            fail_msg("`%s` too", others[i]);
    tls_identity_free(identity);
}

static void test_two_common_names_are_none(void **state)
{
    struct tls_identity *identity =
        identity_of((struct wish){.common_name = "prod", .second_common_name = "stage", .alternatives = "DNS:x"});
    (void)state;
    assert_int_equal(tls_identity_common_name(identity).length, 0);
    assert_false(tls_identity_has(identity, "prod"));
    assert_false(tls_identity_has(identity, "stage"));
    assert_true(slice_is(tls_identity_display(identity), "x"));
    tls_identity_free(identity);
}

static void test_a_certificate_without_names_is_nobody(void **state)
{
    struct tls_identity *identity = identity_of((struct wish){0});
    (void)state;
    assert_int_equal(tls_identity_common_name(identity).length, 0);
    assert_false(tls_identity_has(identity, ""));
    assert_true(slice_is(tls_identity_display(identity), "(no name)"));
    tls_identity_free(identity);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_error_names_the_file_and_the_remedy),
        cmocka_unit_test(test_a_chain_in_the_wrong_order_is_told_as_such),
        cmocka_unit_test(test_a_damaged_certificate_in_the_chain_is_no_end_of_it),
        cmocka_unit_test(test_facts_tell_the_first_to_expire),
        cmocka_unit_test(test_a_weak_key_is_refused),
        cmocka_unit_test(test_files_are_read_again_only_when_they_change),
        cmocka_unit_test(test_new_files_that_could_not_be_opened_for_want_of_descriptors_are_taken_later),
        cmocka_unit_test(test_a_bad_file_is_said_once_and_the_old_one_stays),
        cmocka_unit_test(test_reading_the_files_keeps_no_connection_waiting),
        cmocka_unit_test(test_a_certificate_has_the_names_in_it_and_no_others),
        cmocka_unit_test(test_two_common_names_are_none),
        cmocka_unit_test(test_a_certificate_without_names_is_nobody),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
