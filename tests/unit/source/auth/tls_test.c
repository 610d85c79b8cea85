/* SPDX-License-Identifier: Apache-2.0 */
/* A listener with TLS, and clients that do it right and wrong. */
#include "certificates.h"
#include "tests/unit/source/listener.h"

#include "harrier/source_access.h"
#include "harrier/source_tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>

#define REQUEST "POST /k8s-audit HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"

static const struct source_endpoint plain = {.name = "apiserver", .path = "/k8s-audit"};
static struct pair ca, server, prod, stage, expired, foreign_ca, foreign;

static int make_files(void **state)
{
    signal(SIGPIPE, SIG_IGN);
    if (make_folder(state) != 0)
        return -1;
    ca = make_pair((struct wish){.common_name = "test CA"});
    server = make_pair((struct wish){.common_name = "server", .alternatives = "DNS:localhost,IP:127.0.0.1", .issuer = &ca});
    prod = make_pair((struct wish){.common_name = "prod", .alternatives = "URI:spiffe://prod", .issuer = &ca});
    stage = make_pair((struct wish){.common_name = "stage", .issuer = &ca});
    expired = make_pair((struct wish){.common_name = "prod", .issuer = &ca, .begins = -7200, .ends = -3600});
    foreign_ca = make_pair((struct wish){.common_name = "test CA"});
    foreign = make_pair((struct wish){.common_name = "prod", .issuer = &foreign_ca});
    write_certificate("server.pem", server.certificate);
    write_key("server.key", server.key, NULL);
    write_certificate("ca.pem", ca.certificate);
    return 0;
}

static int remove_files(void **state)
{
    struct pair *all[] = {&ca, &server, &prod, &stage, &expired, &foreign_ca, &foreign};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        free_pair(all[i]);
    return remove_folder(state);
}

static struct source_tls *make_tls(bool mutual, const char *client_name)
{
    const char *names[] = {client_name};
    char paths[3][160];
    struct source_tls *tls = NULL;
    snprintf(paths[0], sizeof paths[0], "%s", in_folder("server.pem"));
    snprintf(paths[1], sizeof paths[1], "%s", in_folder("server.key"));
    snprintf(paths[2], sizeof paths[2], "%s", in_folder("ca.pem"));
    const struct source_tls_options options = {.name = "apiserver",
                                               .certificate_file = paths[0],
                                               .key_file = paths[1],
                                               .client_ca_file = mutual ? paths[2] : NULL,
                                               .client_names = names,
                                               .client_name_count = client_name != NULL,
                                               .alpn = "http/1.1"};
    assert_int_equal(source_tls_new(&options, &tls, NULL), RESULT_OK);
    return tls;
}

static void start_tls(struct listener *l, bool mutual, const char *client_name)
{
    endpoints[0].tls = make_tls(mutual, client_name);
    start(l, NULL);
}

static void stop_tls(struct listener *l)
{
    stop(l);
    source_tls_free(endpoints[0].tls);
    endpoints[0] = plain;
}

/* --- clients --- */

struct client {
    SSL_CTX *context;
    SSL *ssl;
    bool shaken;
    char answer[4096];
};

static void client_new(struct client *client, const struct pair *certificate)
{
    memset(client, 0, sizeof *client);
    client->context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_mode(client->context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (certificate) {
        assert_int_equal(SSL_CTX_use_certificate(client->context, certificate->certificate), 1);
        assert_int_equal(SSL_CTX_use_PrivateKey(client->context, certificate->key), 1);
    }
}

static void client_free(struct client *client)
{
    SSL_free(client->ssl);
    SSL_CTX_free(client->context);
}

/* Begins a connection over the descriptor. */
static void client_on(struct client *client, int fd, SSL_SESSION *session)
{
    /* one that is freed without an end cannot be resumed */
    if (client->ssl)
        SSL_set_shutdown(client->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(client->ssl);
    client->ssl = SSL_new(client->context);
    client->shaken = false;
    SSL_set_fd(client->ssl, fd);
    if (session)
        SSL_set_session(client->ssl, session);
}

static void turns(struct listener *l, int count)
{
    for (int i = 0; i < count; i++)
        event_base_loop(l->base, EVLOOP_NONBLOCK);
}

/* Handshake, request, answer; the status, or 0 if the connection was ended before one. */
static int converse(struct listener *l, struct client *client, const char *request)
{
    size_t length = strlen(request), sent = 0, got = 0;

    ERR_clear_error();
    for (int i = 0; i < 200 && !client->shaken; i++) {
        int result = SSL_connect(client->ssl);
        int error = SSL_get_error(client->ssl, result);
        client->shaken = result == 1;
        if (result != 1 && error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
            return 0;
        turns(l, 3);
    }
    for (int i = 0; i < 400 && got == 0; i++) {
        size_t some = 0;
        if (sent < length && SSL_write_ex(client->ssl, request + sent, length - sent, &some) == 1)
            sent += some;
        turns(l, 3);
        int result = SSL_read_ex(client->ssl, client->answer, sizeof client->answer - 1, &got);
        int error = SSL_get_error(client->ssl, result);
        if (result != 1 && error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
            return 0;
    }
    client->answer[got] = '\0';
    return got > 12 ? atoi(client->answer + 9) : 0;
}

static int alert(void)
{
    unsigned long error = ERR_peek_error();
    return error ? ERR_GET_REASON(error) - SSL_AD_REASON_OFFSET : -1;
}

/* One connection of its own with this certificate; the status, and the failure that was counted (COUNT: none). */
static int try(struct listener *l, const struct pair *certificate, enum source_tls_failure *failure)
{
    struct client client;
    struct source_counts before = counts_of(l), after;
    int fd = connect_again(l);

    client_new(&client, certificate);
    client_on(&client, fd, NULL);
    int status = converse(l, &client, REQUEST);
    client_free(&client);
    close(fd);
    turns(l, 5);
    after = counts_of(l);
    *failure = SOURCE_TLS_FAILURE_COUNT;
    for (int i = 0; i < SOURCE_TLS_FAILURE_COUNT; i++)
        if (after.tls_failures[i] != before.tls_failures[i])
            *failure = (enum source_tls_failure)i;
    return status;
}

/* --- tests --- */

static void test_a_request_comes_through_tls(void **state)
{
    struct listener l;
    struct client client;
    (void)state;
    start_tls(&l, false, NULL);
    client_new(&client, NULL);
    client_on(&client, l.client, NULL);
    assert_int_equal(converse(&l, &client, REQUEST), 200);
    assert_string_equal(SSL_get_version(client.ssl), "TLSv1.3");
    assert_int_equal(converse(&l, &client, REQUEST), 200);
    assert_bodies(&l, "hello|hello|");
    assert_int_equal(counts_of(&l).tls_handshakes, 1);
    client_free(&client);
    stop_tls(&l);
}

static void test_tls_1_2_is_spoken_and_nothing_older(void **state)
{
    static const struct {
        int version;
        int status;
    } versions[] = {{TLS1_3_VERSION, 200}, {TLS1_2_VERSION, 200}, {TLS1_1_VERSION, 0}, {TLS1_VERSION, 0}};
    struct listener l;
    (void)state;
    start_tls(&l, false, NULL);
    for (size_t i = 0; i < 4; i++) {
        struct client client;
        int fd = connect_again(&l);
        client_new(&client, NULL);
        SSL_CTX_set_security_level(client.context, 0);
        SSL_CTX_set_min_proto_version(client.context, versions[i].version);
        SSL_CTX_set_max_proto_version(client.context, versions[i].version);
        client_on(&client, fd, NULL);
        assert_int_equal(converse(&l, &client, REQUEST), versions[i].status);
        client_free(&client);
        close(fd);
    }
    turns(&l, 5);
    assert_int_equal(counts_of(&l).tls_failures[SOURCE_TLS_NO_COMMON], 2);
    stop_tls(&l);
}

static void test_a_body_larger_than_any_buffer_arrives_whole(void **state)
{
    enum { SIZE = 3000000 };
    struct listener l;
    struct client client;
    struct buffer request = {0};
    (void)state;
    start_tls(&l, false, NULL);
    buffer_printf(&request, "POST /k8s-audit HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n", SIZE);
    size_t head = request.length;
    for (int i = 0; i < SIZE; i++)
        buffer_append_byte(&request, (char)('a' + i * 7 % 26));
    client_new(&client, NULL);
    client_on(&client, l.client, NULL);
    /* as converse sends a piece a turn, what is pending inside TLS has to wake the worker by itself */
    assert_int_equal(converse(&l, &client, request.bytes), 200);
    assert_int_equal(l.bodies.length, SIZE + 1);
    assert_memory_equal(l.bodies.bytes, request.bytes + head, SIZE);
    buffer_free(&request);
    client_free(&client);
    stop_tls(&l);
}

static void test_only_http_1_1_is_negotiated(void **state)
{
    static const struct {
        const char *offer;
        int status;
        const char *selected;
    } offers[] = {{"\x02h2\x08http/1.1", 200, "http/1.1"}, {"\x08http/1.1", 200, "http/1.1"}, {"\x02h2", 0, ""}, {NULL, 200, ""}};
    struct listener l;
    (void)state;
    start_tls(&l, false, NULL);
    for (size_t i = 0; i < 4; i++) {
        struct client client;
        const unsigned char *selected = NULL;
        unsigned int length = 0;
        int fd = connect_again(&l);
        client_new(&client, NULL);
        if (offers[i].offer)
            SSL_CTX_set_alpn_protos(client.context, (const unsigned char *)offers[i].offer, (unsigned int)strlen(offers[i].offer));
        client_on(&client, fd, NULL);
        assert_int_equal(converse(&l, &client, REQUEST), offers[i].status);
        if (!offers[i].status)
            assert_int_equal(alert(), SSL_AD_NO_APPLICATION_PROTOCOL);
        SSL_get0_alpn_selected(client.ssl, &selected, &length);
        assert_true(slice_is(slice_make((const char *)selected, length), offers[i].selected));
        client_free(&client);
        close(fd);
    }
    turns(&l, 5);
    assert_int_equal(counts_of(&l).tls_failures[SOURCE_TLS_ALPN], 1);
    stop_tls(&l);
}

static void test_a_client_must_show_a_certificate_that_the_ca_signed(void **state)
{
    enum source_tls_failure failure;
    struct listener l;
    (void)state;
    start_tls(&l, true, NULL);
    assert_int_equal(try(&l, &prod, &failure), 200);
    assert_int_equal(failure, SOURCE_TLS_FAILURE_COUNT);
    assert_int_equal(try(&l, NULL, &failure), 0);
    assert_int_equal(alert(), SSL_AD_CERTIFICATE_REQUIRED);
    assert_int_equal(failure, SOURCE_TLS_NO_CERTIFICATE);
    assert_int_equal(try(&l, &expired, &failure), 0);
    assert_int_equal(alert(), SSL_AD_CERTIFICATE_EXPIRED);
    assert_int_equal(failure, SOURCE_TLS_EXPIRED);
    assert_int_equal(try(&l, &foreign, &failure), 0);
    assert_int_equal(failure, SOURCE_TLS_UNTRUSTED);
    assert_int_equal(try(&l, &stage, &failure), 200);
    assert_int_equal(l.ended, 2);
    stop_tls(&l);
}

static void test_a_client_must_have_one_of_the_names(void **state)
{
    enum source_tls_failure failure;
    struct listener l;
    (void)state;
    start_tls(&l, true, "spiffe://prod");
    assert_int_equal(try(&l, &prod, &failure), 200);
    assert_int_equal(try(&l, &stage, &failure), 0);
    assert_int_equal(failure, SOURCE_TLS_WRONG_NAME);
    assert_int_equal(l.ended, 1);
    stop_tls(&l);
}

static void test_a_certificate_names_client_and_cluster(void **state)
{
    const struct source_client clients[] = {{.name = "first", .cluster = "prod", .certificate_name = "spiffe://prod"},
                                            {.name = "second", .certificate_name = "stage"}};
    enum source_tls_failure failure;
    struct listener l;
    (void)state;
    assert_int_equal(source_access_new("apiserver", clients, 2, &endpoints[0].access, NULL), RESULT_OK);
    endpoints[0].cluster_from_certificate = true;
    start_tls(&l, true, NULL);
    assert_int_equal(try(&l, &prod, &failure), 200);
    assert_string_equal(l.last_client_name, "first");
    assert_string_equal(l.last_cluster, "prod");
    assert_int_equal(try(&l, &stage, &failure), 200);
    assert_string_equal(l.last_client_name, "second");
    assert_string_equal(l.last_cluster, "stage");
    struct source_access *access = endpoints[0].access;
    stop_tls(&l);
    source_access_free(access);
}

/* --- resumption --- */

static SSL_SESSION *kept_session;

static int keep_session(SSL *ssl, SSL_SESSION *session)
{
    (void)ssl;
    SSL_SESSION_free(kept_session);
    kept_session = session;
    return 1;
}

/* A second connection with the session of a first; whether it was resumed. */
static int resume(struct listener *l, struct client *client, bool *resumed)
{
    int fd = connect_again(l);
    client_on(client, fd, kept_session);
    int status = converse(l, client, REQUEST);
    *resumed = SSL_session_reused(client->ssl);
    close(fd);
    turns(l, 5);
    return status;
}

static void begin_session(struct listener *l, struct client *client, const struct pair *certificate, int version)
{
    client_new(client, certificate);
    SSL_CTX_set_max_proto_version(client->context, version);
    SSL_CTX_set_session_cache_mode(client->context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(client->context, keep_session);
    client_on(client, l->client, NULL);
    assert_int_equal(converse(l, client, REQUEST), 200);
    assert_non_null(kept_session);
}

static void end_session(struct client *client)
{
    client_free(client);
    SSL_SESSION_free(kept_session);
    kept_session = NULL;
}

static void test_a_session_is_resumed_with_the_certificate_it_began_with(void **state)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct listener l;
        struct client client;
        bool resumed;
        endpoints[0].cluster_from_certificate = true;
        start_tls(&l, true, "spiffe://prod");
        begin_session(&l, &client, &prod, versions[i]);
        assert_int_equal(resume(&l, &client, &resumed), 200);
        assert_true(resumed);
        assert_string_equal(l.last_cluster, "prod");
        assert_int_equal(counts_of(&l).tls_resumed, 1);
        end_session(&client);
        stop_tls(&l);
    }
}

static void test_a_resumed_session_is_checked_for_its_end(void **state)
{
    struct pair brief = make_pair((struct wish){.common_name = "prod", .issuer = &ca, .ends = 2});
    struct listener l;
    struct client client;
    bool resumed;
    (void)state;
    start_tls(&l, true, NULL);
    begin_session(&l, &client, &brief, TLS1_3_VERSION);
    sleep(3);
    assert_int_equal(resume(&l, &client, &resumed), 0);
    assert_int_equal(counts_of(&l).tls_failures[SOURCE_TLS_EXPIRED], 1);
    assert_int_equal(l.ended, 1);
    end_session(&client);
    free_pair(&brief);
    stop_tls(&l);
}

static void test_new_files_end_old_sessions_but_no_connection(void **state)
{
    struct pair renewed = make_pair((struct wish){.common_name = "server", .alternatives = "DNS:localhost", .issuer = &ca});
    struct listener l;
    struct client client, second;
    bool resumed;
    (void)state;
    start_tls(&l, true, NULL);
    begin_session(&l, &client, &prod, TLS1_3_VERSION);
    write_certificate("server.pem", renewed.certificate);
    write_key("server.key", renewed.key, NULL);
    assert_int_equal(source_tls_refresh(endpoints[0].tls), SOURCE_REFRESH_TAKEN);
    assert_int_equal(converse(&l, &client, REQUEST), 200);
    client_new(&second, &prod);
    assert_int_equal(resume(&l, &second, &resumed), 200);
    assert_false(resumed);
    X509 *shown = SSL_get1_peer_certificate(second.ssl);
    assert_int_equal(X509_cmp(shown, renewed.certificate), 0);
    X509_free(shown);
    client_free(&second);
    end_session(&client);
    write_certificate("server.pem", server.certificate);
    write_key("server.key", server.key, NULL);
    free_pair(&renewed);
    stop_tls(&l);
}

/* --- what is no TLS --- */

static void say_over(struct listener *l, const char *bytes, size_t length, enum source_tls_failure failure)
{
    int fd = connect_again(l);
    char answer[100];
    uint64_t before = counts_of(l).tls_failures[failure];
    assert_int_equal(send(fd, bytes, length, MSG_NOSIGNAL), (ssize_t)length);
    turns(l, 10);
    assert_int_equal(counts_of(l).tls_failures[failure], before + 1);
    if (failure == SOURCE_TLS_NOT_TLS || failure == SOURCE_TLS_PLAIN_HTTP)
        assert_true(recv(fd, answer, sizeof answer, 0) <= 0);
    close(fd);
    turns(l, 10);
}

static void test_what_is_no_tls_gets_no_answer_and_disturbs_nobody(void **state)
{
    static const char record[] = "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00";
    struct listener l;
    struct client client;
    (void)state;
    start_tls(&l, false, NULL);
    client_new(&client, NULL);
    client_on(&client, l.client, NULL);
    assert_int_equal(converse(&l, &client, REQUEST), 200);
    say_over(&l, REQUEST, sizeof REQUEST - 1, SOURCE_TLS_PLAIN_HTTP);
    say_over(&l, "<34>1 - - - - - - hello\n", 24, SOURCE_TLS_NOT_TLS);
    say_over(&l, "\0\0\0\0", 4, SOURCE_TLS_NOT_TLS);
    say_over(&l, "\x80\x2e\x01\x03\x01", 5, SOURCE_TLS_NOT_TLS);
    say_over(&l, record, sizeof record - 1, SOURCE_TLS_OTHER);
    assert_int_equal(converse(&l, &client, REQUEST), 200);
    assert_int_equal(counts_of(&l).closes[SOURCE_CLOSE_HANDSHAKE], 5);
    assert_int_equal(counts_of(&l).connections_open, 1);
    client_free(&client);
    stop_tls(&l);
}

static void test_a_handshake_has_its_time(void **state)
{
    struct source_limits limits = source_default_limits;
    struct listener l;
    (void)state;
    limits.header_timeout = 30 * CLOCK_MILLISECOND;
    endpoints[0].tls = make_tls(false, NULL);
    start(&l, &limits);
    assert_int_equal(send(l.client, "\x16\x03\x01", 3, 0), 3);
    until_closed(&l);
    assert_int_equal(counts_of(&l).tls_failures[SOURCE_TLS_TIMEOUT], 1);
    stop_tls(&l);
}

/* A record of which a part has come must not keep the worker busy. */
static void test_a_part_of_a_record_is_waited_for_without_spinning(void **state)
{
    BIO *wire = BIO_new(BIO_s_mem());
    struct listener l;
    struct client client;
    char bytes[4096];
    (void)state;
    start_tls(&l, false, NULL);
    client_new(&client, NULL);
    client_on(&client, l.client, NULL);
    assert_int_equal(converse(&l, &client, REQUEST), 200);
    SSL_set0_wbio(client.ssl, wire);
    SSL_write(client.ssl, REQUEST, sizeof REQUEST - 1);
    int length = BIO_read(wire, bytes, sizeof bytes);
    assert_true(length > 50);
    assert_int_equal(send(l.client, bytes, 50, 0), 50);
    turns(&l, 5);
    /* nothing is active any more: the loop would return at once if there were */
    struct timeval soon = {0, 50000};
    event_base_loopexit(l.base, &soon);
    clock_nanos before = clock_monotonic();
    int rounds = 0;
    while (clock_monotonic() - before < 40 * CLOCK_MILLISECOND) {
        event_base_loop(l.base, EVLOOP_ONCE);
        rounds++;
    }
    assert_true(rounds < 10);
    assert_int_equal(send(l.client, bytes + 50, (size_t)length - 50, 0), length - 50);
    turns(&l, 20);
    assert_int_equal(l.ended, 2);
    client_free(&client);
    stop_tls(&l);
}

static void test_the_end_is_told_by_close_notify(void **state)
{
    struct listener l;
    struct client client;
    char byte;
    (void)state;
    start_tls(&l, false, NULL);
    client_new(&client, NULL);
    client_on(&client, l.client, NULL);
    assert_int_equal(converse(&l, &client, "POST /k8s-audit HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"), 200);
    turns(&l, 5);
    int result = SSL_read(client.ssl, &byte, 1);
    assert_int_equal(SSL_get_error(client.ssl, result), SSL_ERROR_ZERO_RETURN);
    client_free(&client);
    stop_tls(&l);
}

static void test_a_client_cannot_renegotiate(void **state)
{
    struct listener l;
    struct client client;
    (void)state;
    start_tls(&l, false, NULL);
    client_new(&client, NULL);
    SSL_CTX_set_max_proto_version(client.context, TLS1_2_VERSION);
    client_on(&client, l.client, NULL);
    assert_int_equal(converse(&l, &client, REQUEST), 200);
    assert_int_equal(SSL_renegotiate(client.ssl), 1);
    int result = 0;
    for (int i = 0; i < 20 && result != 1; i++) {
        result = SSL_do_handshake(client.ssl);
        turns(&l, 3);
    }
    assert_int_not_equal(result, 1);
    assert_int_equal(counts_of(&l).tls_handshakes, 1);
    client_free(&client);
    stop_tls(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_request_comes_through_tls),
        cmocka_unit_test(test_tls_1_2_is_spoken_and_nothing_older),
        cmocka_unit_test(test_a_body_larger_than_any_buffer_arrives_whole),
        cmocka_unit_test(test_only_http_1_1_is_negotiated),
        cmocka_unit_test(test_a_client_must_show_a_certificate_that_the_ca_signed),
        cmocka_unit_test(test_a_client_must_have_one_of_the_names),
        cmocka_unit_test(test_a_certificate_names_client_and_cluster),
        cmocka_unit_test(test_a_session_is_resumed_with_the_certificate_it_began_with),
        cmocka_unit_test(test_a_resumed_session_is_checked_for_its_end),
        cmocka_unit_test(test_new_files_end_old_sessions_but_no_connection),
        cmocka_unit_test(test_what_is_no_tls_gets_no_answer_and_disturbs_nobody),
        cmocka_unit_test(test_a_handshake_has_its_time),
        cmocka_unit_test(test_a_part_of_a_record_is_waited_for_without_spinning),
        cmocka_unit_test(test_the_end_is_told_by_close_notify),
        cmocka_unit_test(test_a_client_cannot_renegotiate),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
