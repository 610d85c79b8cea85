/* SPDX-License-Identifier: Apache-2.0 */
/* Who may post, in what form, and what is answered: over a plain connection. */
#include "tests/unit/source/auth/certificates.h"
#include "listener.h"

#include "daemon/source/http/connection.h"
#include "harrier/source_access.h"

#include "tests/unit/packing.h"

#define FROM(path) "POST " path " HTTP/1.1\r\nHost: a\r\n"
#define BODY "Content-Length: 5\r\n\r\nhello"

static const struct source_endpoint plain = {.name = "apiserver", .path = "/k8s-audit"};

static int make_secrets(void **state)
{
    if (make_folder(state) != 0)
        return -1;
    write_text("token", "t0ken\n");
    write_text("access-key", "the key\n");
    write_text("path-token", "hid/den\n");
    write_text("password", "pass\n");
    return 0;
}

static void start_as(struct listener *l, struct source_endpoint endpoint, const struct source_client *clients, size_t count)
{
    endpoints[0] = endpoint;
    if (count)
        assert_int_equal(source_access_new("apiserver", clients, count, &endpoints[0].access, NULL), RESULT_OK);
    start(l, NULL);
}

static void stop_as(struct listener *l)
{
    stop(l);
    source_access_free(endpoints[0].access);
    endpoints[0] = plain;
}

/* --- who --- */

static void test_a_stranger_is_answered_401_and_its_body_is_never_read(void **state)
{
    const struct source_client clients[] = {{.name = "prod", .cluster = "prod", .token_file = in_folder("token")}};
    struct listener l;
    (void)state;
    start_as(&l, plain, clients, 1);
    say(&l, FROM("/k8s-audit") BODY);
    assert_answer_holds(&l, "WWW-Authenticate: Bearer realm=\"harrier\"\r\n");
    say(&l, FROM("/k8s-audit") "Authorization: Bearer wrong\r\n" BODY);
    say(&l, "GET /k8s-audit HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_statuses(&l, "401 401 401 ");
    assert_int_equal(l.begun, 0);
    assert_int_equal(counts_of(&l).access_unknown, 3);
    say(&l, FROM("/k8s-audit") "Authorization: Bearer t0ken\r\n" BODY);
    assert_statuses(&l, "200 ");
    assert_string_equal(l.last_cluster, "prod");
    assert_string_equal(l.last_client_name, "prod");
    stop_as(&l);
}

static void test_two_authorizations_are_one_too_many(void **state)
{
    const struct source_client clients[] = {{.name = "prod", .token_file = in_folder("token")}};
    struct listener l;
    (void)state;
    start_as(&l, plain, clients, 1);
    say(&l, FROM("/k8s-audit") "Authorization: Bearer t0ken\r\nAuthorization: Bearer wrong\r\n" BODY);
    assert_statuses(&l, "400 ");
    assert_int_equal(l.begun, 0);
    stop_as(&l);
}

static void test_the_path_names_the_cluster(void **state)
{
    struct source_endpoint endpoint = plain;
    struct listener l;
    (void)state;
    endpoint.path = "/k8s-audit/{cluster}";
    start_as(&l, endpoint, NULL, 0);
    say(&l, FROM("/k8s-audit/prod-eu?timeout=30s") BODY);
    assert_string_equal(l.last_cluster, "prod-eu");
    say(&l, FROM("/k8s-audit/") BODY);
    say(&l, FROM("/k8s-audit/a%2fb") BODY);
    assert_statuses(&l, "200 404 404 ");
    assert_string_equal(l.last_client_name, "");
    stop_as(&l);
}

static void test_a_client_bound_to_one_cluster_cannot_post_for_another(void **state)
{
    const struct source_client clients[] = {{.name = "prod", .cluster = "prod", .user = "ann", .password_file = in_folder("password")}};
    struct source_endpoint endpoint = plain;
    struct listener l;
    (void)state;
    endpoint.path = "/{cluster}";
    start_as(&l, endpoint, clients, 1);
    say(&l, FROM("/stage") "Authorization: Basic YW5uOnBhc3M=\r\n" BODY);
    assert_answer_holds(&l, "another cluster");
    assert_null(strstr(l.answer.bytes, "WWW-Authenticate"));
    say(&l, FROM("/prod") "Authorization: Basic YW5uOnBhc3M=\r\n" BODY);
    say(&l, FROM("/prod") BODY);
    assert_answer_holds(&l, "WWW-Authenticate: Basic realm=\"harrier\"\r\n");
    assert_statuses(&l, "403 200 401 ");
    assert_int_equal(counts_of(&l).access_forbidden, 1);
    assert_bodies(&l, "hello|");
    stop_as(&l);
}

static void test_a_secret_in_the_path_goes_no_further(void **state)
{
    const struct source_client clients[] = {{.name = "azure", .path_token_file = in_folder("path-token")}};
    struct source_endpoint endpoint = plain;
    struct listener l;
    (void)state;
    endpoint.path = "/azure/{token}";
    start_as(&l, endpoint, clients, 1);
    say(&l, FROM("/azure/hid%2Fden") BODY);
    assert_string_equal(l.last_path, "/azure/{token}");
    say(&l, FROM("/azure/hidden") BODY);
    assert_statuses(&l, "200 401 ");
    stop_as(&l);
}

/* --- Firehose --- */

#define FIREHOSE FROM("/k8s-audit") "X-Amz-Firehose-Request-Id: ed4acda5-034f\r\n"

static void test_firehose_gets_its_requests_id_back(void **state)
{
    const struct source_client clients[] = {{.name = "eks", .access_key_file = in_folder("access-key")}};
    struct listener l;
    (void)state;
    start_as(&l, plain, clients, 1);
    say(&l, FIREHOSE "X-Amz-Firehose-Access-Key: the key\r\n" BODY);
    assert_answer_holds(&l, "HTTP/1.1 200 OK\r\n");
    assert_answer_holds(&l, "Content-Type: application/json\r\n");
    assert_answer_holds(&l, "{\"requestId\":\"ed4acda5-034f\",\"timestamp\":1");
    assert_null(strstr(l.answer.bytes, "errorMessage"));
    buffer_reset(&l.answer, 4096);
    say(&l, FIREHOSE "X-Amz-Firehose-Access-Key: the wrong key\r\n" BODY);
    assert_answer_holds(&l, "HTTP/1.1 401 ");
    assert_answer_holds(&l, "{\"requestId\":\"ed4acda5-034f\",\"timestamp\":1");
    assert_answer_holds(&l, "\"errorMessage\":\"");
    buffer_reset(&l.answer, 4096);
    /* the next request is somebody else's */
    say(&l, FROM("/k8s-audit") "X-Amz-Firehose-Access-Key: the key\r\n" BODY);
    assert_answer_holds(&l, "\r\n\r\n{}");
    stop_as(&l);
}

static void test_firehose_wants_200_and_no_other_2xx(void **state)
{
    struct listener l;
    (void)state;
    start(&l, NULL);
    l.hold_answers = true;
    say(&l, FIREHOSE BODY);
    source_request_answer(l.held[0], 202, 0, SLICE("{\"events\":1}"));
    turn(&l);
    assert_answer_holds(&l, "HTTP/1.1 200 OK\r\n");
    stop(&l);
}

static void test_an_id_of_firehose_cannot_break_out_of_the_answer(void **state)
{
    struct listener l;
    struct buffer request = {0};
    (void)state;
    start(&l, NULL);
    say(&l, FROM("/k8s-audit") "X-Amz-Firehose-Request-Id: \",\"x\":\"\\\xff\r\n" BODY);
    assert_answer_holds(&l, "{\"requestId\":\"\\\",\\\"x\\\":\\\"\\\\\xef\xbf\xbd\",\"timestamp\":");
    buffer_reset(&l.answer, 4096);
    buffer_printf(&request, FROM("/k8s-audit") "X-Amz-Firehose-Request-Id: %0600d\r\n" BODY, 0);
    say_bytes(&l, request.bytes, request.length);
    assert_answer_holds(&l, "\r\n\r\n{}");
    buffer_free(&request);
    stop(&l);
}

/* --- Event Grid --- */

#define EVENT \
    "[{\"eventType\":\"Microsoft.EventGrid.SubscriptionValidationEvent\",\"data\":{\"validationCode\":\"512d-\\\"38b6\"," \
    "\"validationUrl\":\"x\"}}]"
#define VALIDATE(path) FROM(path) "aeg-event-type: SubscriptionValidation\r\nContent-Length: 125\r\n\r\n" EVENT

static void start_event_grid(struct listener *l)
{
    const struct source_client clients[] = {{.name = "azure", .path_token_file = in_folder("path-token")}};
    struct source_endpoint endpoint = plain;
    endpoint.path = "/azure/{token}";
    endpoint.event_grid = true;
    start_as(l, endpoint, clients, 1);
}

static void test_a_validation_is_answered_for_those_who_may_send(void **state)
{
    struct listener l;
    (void)state;
    assert_int_equal(sizeof EVENT - 1, 125);
    start_event_grid(&l);
    say(&l, VALIDATE("/azure/hid%2Fden"));
    assert_answer_holds(&l, "{\"validationResponse\":\"512d-\\\"38b6\"}");
    assert_statuses(&l, "200 ");
    say(&l, VALIDATE("/azure/other"));
    say(&l, VALIDATE("/elsewhere"));
    assert_null(strstr(l.answer.bytes, "512d"));
    assert_statuses(&l, "401 404 ");
    assert_int_equal(l.begun, 0);
    say(&l, FROM("/azure/hid%2fden") "aeg-event-type: Notification\r\n" BODY);
    assert_statuses(&l, "200 ");
    assert_bodies(&l, "hello|");
    stop_as(&l);
}

static void test_a_validation_that_is_none_is_refused(void **state)
{
    struct listener l;
    char *large = calloc(1, 70000);
    (void)state;
    start_event_grid(&l);
    say(&l, FROM("/azure/hid%2Fden") "aeg-event-type: SubscriptionValidation\r\n" BODY);
    say(&l, FROM("/azure/hid%2Fden") "aeg-event-type: SubscriptionValidation\r\nContent-Length: 0\r\n\r\n");
    say(&l, FROM("/azure/hid%2Fden") "aeg-event-type: SubscriptionValidation\r\nContent-Encoding: gzip\r\n" BODY);
    say(&l, FROM("/azure/hid%2Fden") "aeg-event-type: SubscriptionValidation\r\nContent-Length: 70000\r\n\r\n");
    memset(large, ' ', 70000);
    say_bytes(&l, large, 70000);
    assert_statuses(&l, "400 400 415 413 ");
    /* nothing of it is kept, nor left for the next */
    assert_null(((struct connection *)LIST_FIRST(&l.worker->channels))->validation.bytes);
    say(&l, VALIDATE("/azure/hid%2Fden"));
    assert_answer_holds(&l, "{\"validationResponse\":\"512d-\\\"38b6\"}");
    assert_statuses(&l, "200 ");
    free(large);
    stop_as(&l);
}

static void test_without_event_grid_a_handshake_is_a_body_as_any(void **state)
{
    struct listener l;
    (void)state;
    start(&l, NULL);
    say(&l, VALIDATE("/k8s-audit"));
    assert_answer_holds(&l, "\r\n\r\n{}");
    assert_int_equal(l.ended, 1);
    say(&l, "OPTIONS /k8s-audit HTTP/1.1\r\nHost: a\r\nWebHook-Request-Origin: eventgrid.azure.net\r\n\r\n");
    assert_statuses(&l, "200 405 ");
    stop(&l);
}

static void test_cloudevents_may_ask_whether_they_are_wanted(void **state)
{
    struct listener l;
    (void)state;
    start_event_grid(&l);
    say(&l, "OPTIONS /azure/hid%2Fden HTTP/1.1\r\nHost: a\r\nWebHook-Request-Origin: eventgrid.azure.net\r\n\r\n");
    assert_answer_holds(&l, "WebHook-Allowed-Origin: eventgrid.azure.net\r\n");
    assert_answer_holds(&l, "WebHook-Allowed-Rate: *\r\n");
    assert_statuses(&l, "200 ");
    say(&l, "OPTIONS /azure/wrong HTTP/1.1\r\nHost: a\r\nWebHook-Request-Origin: eventgrid.azure.net\r\n\r\n");
    say(&l, "OPTIONS /azure/hid%2Fden HTTP/1.1\r\nHost: a\r\n\r\n");
    say(&l, "OPTIONS /azure/hid%2Fden HTTP/1.1\r\nHost: a\r\nWebHook-Request-Origin: a b\r\n\r\n");
    say(&l, FROM("/azure/hid%2Fden") BODY);
    assert_null(strstr(l.answer.bytes, "WebHook"));
    assert_statuses(&l, "401 405 405 200 ");
    stop_as(&l);
}

/* --- compressed bodies --- */

static struct buffer gzip(struct slice text)
{
    struct buffer out = {0};
    append_gzip(&out, text);
    return out;
}

static struct buffer zstd(struct slice text)
{
    struct buffer out = {0};
    append_zstd(&out, text);
    return out;
}

static void post_packed(struct listener *l, const char *encoding, struct slice body, size_t piece)
{
    struct buffer request = {0};
    buffer_printf(&request, FROM("/k8s-audit") "Content-Encoding: %s\r\nContent-Length: %zu\r\n\r\n", encoding, body.length);
    buffer_append_slice(&request, body);
    for (size_t at = 0; at < request.length; at += piece)
        say_bytes(l, request.bytes + at, request.length - at < piece ? request.length - at : piece);
    buffer_free(&request);
}

static void test_gzip_and_zstd_bodies_are_unpacked(void **state)
{
    struct buffer packed[] = {gzip(SLICE("{\"a\":1}")), zstd(SLICE("{\"b\":2}"))};
    struct listener l;
    (void)state;
    start(&l, NULL);
    post_packed(&l, "gzip", buffer_slice(&packed[0]), SIZE_MAX / 2);
    assert_int_equal(l.last_length, SOURCE_LENGTH_UNKNOWN);
    post_packed(&l, "x-gzip", buffer_slice(&packed[0]), 1);
    post_packed(&l, "ZSTD", buffer_slice(&packed[1]), 3);
    post_packed(&l, "gzip", slice_make(NULL, 0), 100);
    assert_bodies(&l, "{\"a\":1}|{\"a\":1}|{\"b\":2}||");
    assert_statuses(&l, "200 200 200 200 ");
    assert_int_equal(counts_of(&l).damaged_bodies, 0);
    buffer_free(&packed[0]);
    buffer_free(&packed[1]);
    stop(&l);
}

static void test_what_came_out_of_a_damaged_body_is_judged(void **state)
{
    struct buffer packed = gzip(SLICE("{\"a\":1}"));
    struct listener l;
    (void)state;
    start(&l, NULL);
    /* without its checksum; with a wrong one; with a tail that is none */
    post_packed(&l, "gzip", slice_first(buffer_slice(&packed), packed.length - 8), 100);
    packed.bytes[packed.length - 8] ^= 1;
    post_packed(&l, "gzip", buffer_slice(&packed), 100);
    packed.bytes[packed.length - 8] ^= 1;
    buffer_append_text(&packed, "tail");
    post_packed(&l, "gzip", buffer_slice(&packed), 100);
    assert_bodies(&l, "{\"a\":1}|{\"a\":1}|{\"a\":1}|");
    assert_statuses(&l, "200 200 200 ");
    assert_int_equal(counts_of(&l).damaged_bodies, 3);
    buffer_free(&packed);
    stop(&l);
}

static void test_what_cannot_be_unpacked_at_all_is_shown_to_the_handler_as_it_is(void **state)
{
    struct listener l;
    (void)state;
    start(&l, NULL);
    post_packed(&l, "gzip", SLICE("garbage, and more of it"), 1000);
    assert_bodies(&l, "garbage, and more of it|");
    post_packed(&l, "gzip", SLICE("\x1f\x8b\x08"), 1000);
    assert_statuses(&l, "200 400 ");
    assert_int_equal(l.aborted, 1);
    assert_int_equal(counts_of(&l).damaged_bodies, 2);
    stop(&l);
}

static void test_what_came_before_a_bomb_is_judged_and_413_answered(void **state)
{
    struct source_limits limits = source_default_limits;
    struct buffer zeros = {0};
    struct listener l;
    (void)state;
    buffer_reserve(&zeros, 40 << 20);
    memset(zeros.bytes, ' ', 40 << 20);
    memcpy(zeros.bytes, "{\"a\":1}", 7);
    zeros.length = 40 << 20;
    struct buffer bomb = gzip(buffer_slice(&zeros)), small = gzip(slice_first(buffer_slice(&zeros), 8 << 20));
    limits.inflate_ratio = 100;
    start(&l, &limits);
    post_packed(&l, "gzip", buffer_slice(&bomb), 4096);
    assert_answer_holds(&l, "inflate_ratio");
    assert_memory_equal(l.bodies.bytes, "{\"a\":1}", 7);
    assert_in_range(l.bodies.length, 31 << 20, 33 << 20);
    assert_int_equal(l.aborted, 0);
    assert_int_equal(l.ended, 1);
    assert_int_equal(counts_of(&l).bounds[SOURCE_BOUND_INFLATED], 1);
    /* the ratio of what is small anyway costs nothing */
    post_packed(&l, "gzip", buffer_slice(&small), 4096);
    say(&l, FROM("/k8s-audit") BODY);
    assert_statuses(&l, "413 200 200 ");
    assert_int_equal(counts_of(&l).bounds[SOURCE_BOUND_INFLATED], 1);
    buffer_free(&small);
    buffer_free(&bomb);
    buffer_free(&zeros);
    stop(&l);
}

static void test_a_busy_handler_is_no_damage(void **state)
{
    struct buffer packed = gzip(SLICE("{\"a\":1}"));
    struct listener l;
    (void)state;
    start(&l, NULL);
    l.busy_after = 1;
    post_packed(&l, "gzip", buffer_slice(&packed), 100);
    assert_answer_holds(&l, "Retry-After: 10\r\n");
    assert_statuses(&l, "503 ");
    assert_int_equal(counts_of(&l).damaged_bodies, 0);
    buffer_free(&packed);
    stop(&l);
}

static void test_a_client_that_goes_away_inside_a_packed_body_leaves_nothing(void **state)
{
    struct buffer packed = gzip(SLICE("{\"a\":1}"));
    struct listener l;
    (void)state;
    start(&l, NULL);
    say(&l, FROM("/k8s-audit") "Content-Encoding: gzip\r\nContent-Length: 50\r\n\r\n");
    say_bytes(&l, packed.bytes, 10);
    shutdown(l.client, SHUT_WR);
    turn(&l);
    assert_int_equal(l.aborted, 1);
    buffer_free(&packed);
    stop(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_stranger_is_answered_401_and_its_body_is_never_read),
        cmocka_unit_test(test_two_authorizations_are_one_too_many),
        cmocka_unit_test(test_the_path_names_the_cluster),
        cmocka_unit_test(test_a_client_bound_to_one_cluster_cannot_post_for_another),
        cmocka_unit_test(test_a_secret_in_the_path_goes_no_further),
        cmocka_unit_test(test_firehose_gets_its_requests_id_back),
        cmocka_unit_test(test_firehose_wants_200_and_no_other_2xx),
        cmocka_unit_test(test_an_id_of_firehose_cannot_break_out_of_the_answer),
        cmocka_unit_test(test_a_validation_is_answered_for_those_who_may_send),
        cmocka_unit_test(test_a_validation_that_is_none_is_refused),
        cmocka_unit_test(test_without_event_grid_a_handshake_is_a_body_as_any),
        cmocka_unit_test(test_cloudevents_may_ask_whether_they_are_wanted),
        cmocka_unit_test(test_gzip_and_zstd_bodies_are_unpacked),
        cmocka_unit_test(test_what_came_out_of_a_damaged_body_is_judged),
        cmocka_unit_test(test_what_cannot_be_unpacked_at_all_is_shown_to_the_handler_as_it_is),
        cmocka_unit_test(test_what_came_before_a_bomb_is_judged_and_413_answered),
        cmocka_unit_test(test_a_busy_handler_is_no_damage),
        cmocka_unit_test(test_a_client_that_goes_away_inside_a_packed_body_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, make_secrets, remove_folder);
}
