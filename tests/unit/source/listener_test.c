/* SPDX-License-Identifier: Apache-2.0 */
#include "listener.h"

#define POST "POST /k8s-audit?timeout=30s HTTP/1.1\r\nHost: a\r\n"
#define HELLO POST "Content-Length: 5\r\n\r\nhello"

/* --- keep-alive, pipelining, framing --- */

static void test_a_connection_serves_one_request_after_the_other(void **state)
{
    struct listener l;
    (void)state;
    start(&l, NULL);
    for (int i = 0; i < 3; i++) {
        say(&l, HELLO);
        assert_answer_holds(&l, "Content-Length: 2\r\n");
        assert_answer_holds(&l, "\r\n\r\n{}");
        assert_null(strstr(l.answer.bytes, "Connection:"));
        assert_statuses(&l, "200 ");
    }
    assert_bodies(&l, "hello|hello|hello|");
    assert_int_equal(l.last_length, 5);
    assert_int_equal(counts_of(&l).requests, 3);
    assert_int_equal(counts_of(&l).connections, 1);
    assert_int_equal(counts_of(&l).answers_by_class[2], 3);
    stop(&l);
}

static void test_requests_sent_ahead_wait_for_their_turn(void **state)
{
    struct listener l;
    (void)state;
    start(&l, NULL);
    l.hold_answers = true;
    say(&l, HELLO POST "Content-Length: 3\r\n\r\ntwo" POST "Content-Length: 0\r\n\r\n");
    assert_int_equal(l.ended, 1);
    assert_bodies(&l, "hello|");
    source_request_answer(l.held[0], 200, 0, SLICE("{\"n\":1}"));
    turn(&l);
    assert_answer_holds(&l, "{\"n\":1}");
    assert_bodies(&l, "hello|two|");
    source_request_answer(l.held[1], 503, 12, SLICE("{\"n\":2}"));
    turn(&l);
    assert_answer_holds(&l, "Retry-After: 12\r\n");
    source_request_answer(l.held[2], 200, 0, SLICE("{\"n\":3}"));
    turn(&l);
    assert_statuses(&l, "200 503 200 ");
    assert_bodies(&l, "hello|two||");
    stop(&l);
}

static void test_thousands_of_requests_sent_ahead_are_answered_in_order(void **state)
{
    struct listener l;
    struct buffer all = {0};
    (void)state;
    start(&l, NULL);
    for (int i = 0; i < 5000; i++)
        buffer_printf(&all, POST "Content-Length: 4\r\n\r\n%04d", i);
    say_bytes(&l, all.bytes, all.length);
    /* the answers are more than a socket holds: the worker goes on as they are taken */
    for (int i = 0; i < 1000 && l.ended < 5000; i++)
        turn(&l);
    assert_int_equal(l.ended, 5000);
    for (int i = 0; i < 5000; i++) {
        char expected[16];
        snprintf(expected, sizeof expected, "%04d|", i);
        assert_memory_equal(l.bodies.bytes + i * 5, expected, 5);
    }
    buffer_free(&all);
    stop(&l);
}

static void test_a_request_in_single_bytes_is_the_same_request(void **state)
{
    struct listener l;
    static const char request[] = "\r\n" POST "Transfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n1\r\n!\r\n0\r\nTrailer: t\r\n\r\n" HELLO;
    (void)state;
    start(&l, NULL);
    for (size_t i = 0; i + 1 < sizeof request; i++)
        say_bytes(&l, request + i, 1);
    assert_bodies(&l, "hello!|hello|");
    assert_statuses(&l, "200 200 ");
    stop(&l);
}

static void test_a_chunked_body_has_no_known_length(void **state)
{
    struct listener l;
    (void)state;
    start(&l, NULL);
    say(&l, POST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    assert_int_equal(l.last_length, SOURCE_LENGTH_UNKNOWN);
    assert_statuses(&l, "200 ");
    stop(&l);
}

static void assert_refused_for_good(const char *request, const char *status)
{
    struct listener l;
    start(&l, NULL);
    say(&l, request);
    if (l.answer.length)
        assert_answer_holds(&l, "Connection: close\r\n");
    char text[256];
    if (strcmp(statuses(&l, text), status) != 0)
        fail_msg("%s instead of %s for: %s", text, status, request);
    assert_int_equal(l.ended, 0);
    assert_int_equal(l.begun, l.aborted);
    assert_true(l.closed);
    close(l.client);
    l.client = open("/dev/null", 0);
    for (int i = 0; i < 50; i++)
        event_base_loop(l.base, EVLOOP_NONBLOCK);
    assert_int_equal(counts_of(&l).closes[SOURCE_CLOSE_BAD_REQUEST], 1);
    assert_int_equal(counts_of(&l).connections_open, 0);
    stop(&l);
}

static void test_framing_that_two_readers_could_take_differently_is_refused(void **state)
{
    (void)state;
    assert_refused_for_good(POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", "400 ");
    assert_refused_for_good(POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", "400 ");
    assert_refused_for_good(POST "Content-Length: 5, 5\r\n\r\nhello", "400 ");
    assert_refused_for_good(POST "Content-Length: +5\r\n\r\nhello", "400 ");
    assert_refused_for_good(POST "Content-Length: 99999999999999999999\r\n\r\nhello", "400 ");
    assert_refused_for_good(POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400 ");
    assert_refused_for_good(POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", "400 ");
    assert_refused_for_good(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400 ");
    assert_refused_for_good(POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "501 ");
    assert_refused_for_good(POST "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", "400 ");
    assert_refused_for_good("POST /k8s-audit HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400 ");
}

static void test_chunks_that_are_malformed_are_refused(void **state)
{
    (void)state;
    assert_refused_for_good(POST "Transfer-Encoding: chunked\r\n\r\nzz\r\n", "400 ");
    assert_refused_for_good(POST "Transfer-Encoding: chunked\r\n\r\n-1\r\n", "400 ");
    assert_refused_for_good(POST "Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n", "400 ");
    assert_refused_for_good(POST "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n", "400 ");
    assert_refused_for_good(POST "Transfer-Encoding: chunked\r\n\r\n3;a\nb\r\nabc\r\n0\r\n\r\n", "400 ");
    assert_refused_for_good(POST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nT: a\nb: c\r\n\r\n", "400 ");
    assert_refused_for_good(POST "Transfer-Encoding: chunked\r\n\r\n11111111111111111\r\n", "400 ");
}

/* http-parser as Debian builds it takes any two bytes for it. */
static void test_a_chunk_ends_with_cr_lf_and_nothing_else(void **state)
{
    static const char *const ends[] = {"XX", "\n\n", "\r\r", "\n\r", "X\n", "\rX", "  ", "\n", "0\r", "\r0", "\0\0"};
    (void)state;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        char request[256];
        snprintf(request, sizeof request, POST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc%s0\r\n\r\n", ends[i]);
        assert_refused_for_good(request, "400 ");
    }
}

static void test_lines_of_chunk_framing_have_nothing_that_two_readers_could_take_differently(void **state)
{
    static const char *const refused[] = {
        "3 x\r\nabc\r\n0\r\n\r\n", "3\tx\r\nabc\r\n0\r\n\r\n", "3 3\r\nabc\r\n0\r\n\r\n",  "0x3\r\nabc\r\n0\r\n\r\n",
        "3;\x01\r\nabc\r\n0\r\n\r\n", "3\r\nabc\r\n0\r\nT: a\r\n b\r\n\r\n", "3;a\rb\r\nabc\r\n0\r\n\r\n",
        "+3\r\nabc\r\n0\r\n\r\n", " 3\r\nabc\r\n0\r\n\r\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        char request[256];
        snprintf(request, sizeof request, POST "Transfer-Encoding: chunked\r\n\r\n%s", refused[i]);
        assert_refused_for_good(request, "400 ");
    }
}

static void test_header_sections_that_are_malformed_are_refused(void **state)
{
    (void)state;
    assert_refused_for_good("POST /k8s-audit HTTP/1.1\r\nHost : a\r\n\r\n", "400 ");
    assert_refused_for_good("POST /k8s-audit HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", "400 ");
    assert_refused_for_good("POST /k8s-audit HTTP/1.1\r\n Host: a\r\n\r\n", "400 ");
    assert_refused_for_good("POST /k8s-audit HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", "400 ");
    assert_refused_for_good("POST /k8s-audit HTTP/1.1\r\nHost: a\rX: y\r\n\r\n", "400 ");
    assert_refused_for_good("POST /k8s-audit HTTP/1.1\r\nHost: a\r\nX: \x01\r\n\r\n", "400 ");
    assert_refused_for_good("POST /k8s-audit HTTP/1.1\r\nContent-Length: 0\r\n\r\n", "400 ");
    assert_refused_for_good("POST /k8s-audit HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400 ");
    assert_refused_for_good("POST /k8s-audit HTTP/2.0\r\nHost: a\r\n\r\n", "505 ");
    assert_refused_for_good("PRI * HTTP/2.0\r\n\r\n", "501 ");
    assert_refused_for_good("NONSENSE / HTTP/1.1\r\nHost: a\r\n\r\n", "501 ");
    assert_refused_for_good("CONNECT a:1 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", "501 ");
    assert_refused_for_good("\x16\x03\x01\x02", "400 ");
}

static void test_a_nul_in_a_header_section_is_refused(void **state)
{
    struct listener l;
    static const char request[] = "POST /k8s-audit HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n";
    (void)state;
    start(&l, NULL);
    say_bytes(&l, request, sizeof request - 1);
    assert_statuses(&l, "400 ");
    assert_int_equal(l.begun, 0);
    stop(&l);
}

/* --- what is not wanted is drained before it is answered --- */

static void test_a_wrong_path_or_method_is_answered_after_its_body(void **state)
{
    struct listener l;
    (void)state;
    start(&l, NULL);
    say(&l, "POST /other HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello");
    assert_int_equal(l.answer.length, 0);
    say(&l, "world");
    assert_answer_holds(&l, "{\"error\": \"");
    assert_statuses(&l, "404 ");
    say(&l, "PUT /k8s-audit HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    assert_int_equal(l.answer.length, 0);
    say(&l, "0\r\n\r\n");
    assert_answer_holds(&l, "Allow: POST\r\n");
    assert_statuses(&l, "405 ");
    say(&l, HELLO);
    assert_statuses(&l, "200 ");
    assert_bodies(&l, "hello|");
    stop(&l);
}

static void test_a_target_in_absolute_form_or_with_a_slash_at_its_end_is_the_same(void **state)
{
    struct listener l;
    (void)state;
    start(&l, NULL);
    say(&l, "POST http://harrier.example:9480/k8s-audit?x HTTP/1.1\r\nHost: a\r\n\r\n");
    say(&l, "POST /k8s-audit/?timeout=30s HTTP/1.1\r\nHost: a\r\n\r\n");
    say(&l, "POST /k8s-audit// HTTP/1.1\r\nHost: a\r\n\r\n");
    say(&l, "POST /k8s-audit/more HTTP/1.1\r\nHost: a\r\n\r\n");
    say(&l, "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_statuses(&l, "200 200 404 404 404 ");
    stop(&l);
}

static void test_the_answer_to_head_has_no_body(void **state)
{
    struct listener l;
    (void)state;
    start(&l, NULL);
    say(&l, "HEAD /k8s-audit HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_memory_equal(l.answer.bytes + l.answer.length - 4, "\r\n\r\n", 4);
    assert_statuses(&l, "405 ");
    stop(&l);
}

static void test_types_and_codings_that_are_not_read_are_named(void **state)
{
    struct listener l;
    (void)state;
    start(&l, NULL);
    say(&l, POST "Content-Type: application/msgpack; x=y\r\nContent-Length: 2\r\n\r\nab");
    assert_answer_holds(&l, "set Format json");
    say(&l, POST "Content-Encoding: br\r\nContent-Length: 2\r\n\r\nab");
    assert_answer_holds(&l, "switch the compression off");
    assert_answer_holds(&l, "Accept-Encoding: gzip, deflate, zstd\r\n");
    say(&l, POST "Content-Encoding: gzip, gzip\r\nContent-Length: 2\r\n\r\nab");
    say(&l, POST "Content-Encoding: compress\r\nContent-Length: 2\r\n\r\nab");
    say(&l, POST "Content-Encoding: identity, ,\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nab");
    assert_statuses(&l, "415 415 415 415 200 ");
    stop(&l);
}

static void test_a_body_over_its_bound_is_judged_up_to_it_and_answered_413(void **state)
{
    struct source_limits limits = source_default_limits;
    struct listener l;
    (void)state;
    limits.body_bytes = 8;
    start(&l, &limits);
    say(&l, POST "Content-Length: 9\r\n\r\n12345678");
    assert_int_equal(l.answer.length, 0);
    say(&l, "9");
    assert_answer_holds(&l, "limits.body_bytes");
    assert_statuses(&l, "413 ");
    say(&l, POST "Transfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n8\r\n67890123\r\n3\r\n456\r\n0\r\n\r\n");
    assert_statuses(&l, "413 ");
    assert_bodies(&l, "12345678|12345678|");
    assert_int_equal(l.ended, 2);
    assert_int_equal(l.aborted, 0);
    assert_int_equal(counts_of(&l).bounds[SOURCE_BOUND_BODY_BYTES], 2);
    assert_int_equal(counts_of(&l).answers_dropped, 0);
    say(&l, POST "Content-Length: 8\r\n\r\n12345678");
    assert_statuses(&l, "200 ");
    stop(&l);
}

/* With two of eight bytes judged, and the answer owed. */
static void start_cut(struct listener *l, struct source_limits *limits)
{
    limits->body_bytes = 2;
    start(l, limits);
    l->hold_answers = true;
    say(l, POST "Content-Length: 8\r\n\r\n123");
    assert_bodies(l, "12|");
    assert_int_equal(l->held_count, 1);
}

static void test_what_a_cut_body_could_not_store_is_answered_503(void **state)
{
    struct source_limits limits = source_default_limits;
    (void)state;
    for (int drained_first = 0; drained_first < 2; drained_first++) {
        struct listener l;
        start_cut(&l, &limits);
        if (drained_first)
            say(&l, "45678");
        assert_int_equal(l.answer.length, 0);
        source_request_answer(l.held[0], 503, 7, SLICE("{}"));
        turn(&l);
        if (!drained_first) {
            assert_int_equal(l.answer.length, 0);
            say(&l, "45678");
        }
        assert_answer_holds(&l, "Retry-After: 7\r\n");
        l.hold_answers = false;
        say(&l, POST "Content-Length: 2\r\n\r\n12");
        assert_statuses(&l, "503 200 ");
        stop(&l);
    }
}

static void test_a_client_that_goes_away_takes_nothing_back_of_a_cut_body(void **state)
{
    struct source_limits limits = source_default_limits;
    struct listener l;
    (void)state;
    start_cut(&l, &limits);
    shutdown(l.client, SHUT_WR);
    turn(&l);
    assert_int_equal(l.aborted, 0);
    assert_int_equal(counts_of(&l).closes[SOURCE_CLOSE_CUT_IN_BODY], 1);
    source_request_answer(l.held[0], 200, 0, SLICE("{}"));
    assert_int_equal(counts_of(&l).answers_dropped, 1);
    stop(&l);
}

static void test_a_cut_body_that_never_ends_is_answered_all_the_same(void **state)
{
    struct source_limits limits = source_default_limits;
    struct listener l;
    (void)state;
    limits.drain_bytes = 4;
    start_cut(&l, &limits);
    say(&l, "45678");
    assert_int_equal(l.answer.length, 0);
    source_request_answer(l.held[0], 200, 0, SLICE("{}"));
    turn(&l);
    assert_statuses(&l, "413 ");
    /* bad framing behind the bound takes nothing back either */
    limits.drain_bytes = source_default_limits.drain_bytes;
    stop(&l);
    start(&l, &limits);
    say(&l, POST "Transfer-Encoding: chunked\r\n\r\n3\r\n123\r\nx");
    assert_bodies(&l, "12|");
    assert_statuses(&l, "400 ");
    assert_int_equal(l.aborted, 0);
    stop(&l);
}

static void test_a_drain_without_end_is_ended(void **state)
{
    struct source_limits limits = source_default_limits;
    struct listener l;
    char bytes[4096];
    (void)state;
    limits.drain_bytes = 1000;
    memset(bytes, 'x', sizeof bytes);
    start(&l, &limits);
    say(&l, "POST /other HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
    say_bytes(&l, bytes, sizeof bytes);
    assert_answer_holds(&l, "Connection: close");
    assert_statuses(&l, "404 ");
    assert_int_equal(counts_of(&l).bounds[SOURCE_BOUND_DRAIN_BYTES], 1);
    stop(&l);
}

static void test_a_header_section_over_its_bound_is_answered_431(void **state)
{
    struct listener l;
    char padding[20000];
    (void)state;
    memset(padding, 'x', sizeof padding);
    start(&l, NULL);
    say(&l, POST "X-Padding: ");
    say_bytes(&l, padding, sizeof padding);
    assert_answer_holds(&l, "Connection: close");
    assert_statuses(&l, "431 ");
    assert_int_equal(counts_of(&l).bounds[SOURCE_BOUND_HEADER_BYTES], 1);
    /* what still comes is read, so that the answer is not lost to a reset */
    say_bytes(&l, padding, sizeof padding);
    shutdown(l.client, SHUT_WR);
    turn(&l);
    assert_int_equal(counts_of(&l).closes[SOURCE_CLOSE_HEAD_TOO_LARGE], 1);
    stop(&l);
}

static void test_empty_lines_without_end_are_over_the_bound_too(void **state)
{
    struct listener l;
    (void)state;
    start(&l, NULL);
    for (int i = 0; i < 9000 && !l.answer.length; i++)
        say(&l, "\r\n");
    assert_statuses(&l, "431 ");
    stop(&l);
}

/* --- refusals by the handler --- */

static void test_a_refusal_for_want_of_memory_is_a_503_with_retry_after(void **state)
{
    struct listener l;
    (void)state;
    start(&l, NULL);
    l.busy_after = 3;
    say(&l, POST "Content-Length: 10\r\n\r\nhello");
    assert_int_equal(l.aborted, 1);
    assert_int_equal(l.answer.length, 0);
    say(&l, "world");
    assert_answer_holds(&l, "Retry-After: 10\r\n");
    assert_statuses(&l, "503 ");
    assert_bodies(&l, "hello");
    l.busy_after = 0;
    say(&l, HELLO);
    assert_statuses(&l, "200 ");
    assert_int_equal(counts_of(&l).bounds[SOURCE_BOUND_REFUSED], 1);
    stop(&l);
}

static void test_a_refusal_before_the_body_drains_it(void **state)
{
    struct listener l;
    (void)state;
    start(&l, NULL);
    l.refuse_with = 503;
    say(&l, HELLO);
    assert_answer_holds(&l, "Retry-After: 10\r\n");
    assert_statuses(&l, "503 ");
    l.refuse_with = 401;
    say(&l, HELLO);
    assert_null(strstr(l.answer.bytes, "Retry-After"));
    assert_statuses(&l, "401 ");
    assert_int_equal(l.slices, 0);
    stop(&l);
}

/* --- persistence --- */

static void test_a_client_that_asks_for_it_is_closed_after_the_answer(void **state)
{
    static const char *const asking[] = {POST "Connection: close\r\nContent-Length: 5\r\n\r\nhello",
                                         "POST /k8s-audit HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct listener l;
        start(&l, NULL);
        say(&l, asking[i]);
        assert_answer_holds(&l, "Connection: close\r\n");
        assert_statuses(&l, "200 ");
        assert_true(l.closed);
        shutdown(l.client, SHUT_WR);
        turn(&l);
        assert_int_equal(counts_of(&l).closes[SOURCE_CLOSE_ASKED], 1);
        stop(&l);
    }
}

static void test_http_1_0_is_kept_alive_where_it_asks_for_it(void **state)
{
    struct listener l;
    (void)state;
    start(&l, NULL);
    for (int i = 0; i < 2; i++) {
        say(&l, "POST /k8s-audit HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello");
        assert_answer_holds(&l, "Connection: keep-alive\r\n");
        assert_statuses(&l, "200 ");
    }
    assert_false(l.closed);
    stop(&l);
}

static void test_an_expectation_is_met_before_the_body(void **state)
{
    struct listener l;
    (void)state;
    start(&l, NULL);
    say(&l, POST "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    assert_string_equal(l.answer.bytes, "HTTP/1.1 100 Continue\r\n\r\n");
    say(&l, "hello");
    assert_statuses(&l, "100 200 ");
    say(&l, POST "Expect: the-impossible\r\nContent-Length: 5\r\n\r\nhello");
    assert_statuses(&l, "417 ");
    stop(&l);
}

static void test_what_is_refused_needs_no_continue(void **state)
{
    struct listener l;
    (void)state;
    start(&l, NULL);
    say(&l, "POST /other HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    assert_answer_holds(&l, "Connection: close\r\n");
    assert_statuses(&l, "404 ");
    shutdown(l.client, SHUT_WR);
    turn(&l);
    assert_int_equal(counts_of(&l).closes[SOURCE_CLOSE_REFUSED_EARLY], 1);
    stop(&l);
}

/* --- clients that go away --- */

static void test_a_client_that_goes_away_inside_a_body_aborts_its_request(void **state)
{
    struct listener l;
    (void)state;
    start(&l, NULL);
    say(&l, POST "Content-Length: 10\r\n\r\nhello");
    shutdown(l.client, SHUT_RDWR);
    turn(&l);
    assert_int_equal(l.aborted, 1);
    assert_int_equal(l.ended, 0);
    assert_int_equal(counts_of(&l).closes[SOURCE_CLOSE_CUT_IN_BODY], 1);
    assert_int_equal(source_worker_connections(l.worker), 0);
    stop(&l);
}

static void test_an_answer_to_a_client_that_went_away_is_safe(void **state)
{
    struct listener l;
    (void)state;
    start(&l, NULL);
    l.hold_answers = true;
    say(&l, HELLO);
    close(l.client);
    l.client = connect_again(&l);
    turn(&l);
    source_request_answer(l.held[0], 200, 0, slice_make(NULL, 0));
    turn(&l);
    assert_int_equal(counts_of(&l).connections_open, 1);
    stop(&l);
}

static void test_a_client_that_only_sends_no_more_gets_its_answer(void **state)
{
    struct listener l;
    (void)state;
    start(&l, NULL);
    l.hold_answers = true;
    say(&l, HELLO);
    shutdown(l.client, SHUT_WR);
    turn(&l);
    source_request_answer(l.held[0], 200, 0, slice_make(NULL, 0));
    turn(&l);
    assert_statuses(&l, "200 ");
    assert_int_equal(counts_of(&l).closes[SOURCE_CLOSE_BY_CLIENT], 1);
    stop(&l);
}

static void test_an_answer_after_the_worker_is_gone_is_safe(void **state)
{
    struct listener l;
    (void)state;
    start(&l, NULL);
    l.hold_answers = true;
    say(&l, HELLO);
    stop(&l);
    source_request_answer(l.held[0], 200, 0, slice_make(NULL, 0));
}

/* --- slow clients, slow handlers --- */

static struct source_limits short_limits(void)
{
    struct source_limits limits = source_default_limits;
    limits.header_timeout = limits.idle_timeout = limits.body_progress_timeout = limits.acknowledge_timeout = 40 * CLOCK_MILLISECOND;
    return limits;
}

static void assert_times_out(const char *request, const char *status, enum source_close reason)
{
    struct source_limits limits = short_limits();
    struct listener l;
    start(&l, &limits);
    say(&l, request);
    until_closed(&l);
    assert_statuses(&l, status);
    assert_int_equal(l.ended, 0);
    assert_int_equal(l.begun, l.aborted);
    shutdown(l.client, SHUT_WR);
    turn(&l);
    assert_int_equal(counts_of(&l).closes[reason], 1);
    stop(&l);
}

static void test_slow_clients_are_closed_with_a_reason(void **state)
{
    (void)state;
    assert_times_out("", "", SOURCE_CLOSE_IDLE);
    assert_times_out("POST /k8s-au", "408 ", SOURCE_CLOSE_SLOW_HEAD);
    assert_times_out(POST "Content-Length: 10\r\n\r\nhello", "408 ", SOURCE_CLOSE_SLOW_BODY);
    assert_times_out("POST /other HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello", "408 ", SOURCE_CLOSE_SLOW_BODY);
}

static void test_a_trickle_of_bytes_is_no_progress(void **state)
{
    struct source_limits limits = short_limits();
    struct listener l;
    (void)state;
    start(&l, &limits);
    say(&l, POST "Content-Length: 100000\r\n\r\n");
    while (!l.closed) {
        event_base_loop(l.base, EVLOOP_ONCE);
        send(l.client, "x", 1, MSG_NOSIGNAL);
        usleep(1000);
        collect(&l);
    }
    assert_statuses(&l, "408 ");
    assert_int_equal(l.aborted, 1);
    stop(&l);
}

static void test_a_batch_that_is_not_stored_in_time_is_answered_503(void **state)
{
    struct source_limits limits = short_limits();
    struct listener l;
    (void)state;
    start(&l, &limits);
    l.hold_answers = true;
    say(&l, HELLO);
    while (!l.answer.length) {
        event_base_loop(l.base, EVLOOP_ONCE);
        collect(&l);
    }
    assert_answer_holds(&l, "Retry-After: 10\r\n");
    assert_statuses(&l, "503 ");
    source_request_answer(l.held[0], 200, 0, slice_make(NULL, 0));
    turn(&l);
    assert_statuses(&l, "");
    assert_int_equal(counts_of(&l).answers_dropped, 1);
    assert_int_equal(counts_of(&l).bounds[SOURCE_BOUND_ACKNOWLEDGE], 1);
    stop(&l);
}

static void test_a_client_that_takes_no_answers_is_not_read_any_more(void **state)
{
    struct source_limits limits = short_limits();
    struct listener l;
    size_t sent = 0;
    (void)state;
    start(&l, &limits);
    /* answers fill the socket's buffer, then requests do, as the worker stops reading */
    for (int idle = 0; idle < 20;) {
        ssize_t got = send(l.client, HELLO, sizeof HELLO - 1, MSG_NOSIGNAL);
        idle = got < 0 ? idle + 1 : 0;
        sent += got > 0 ? (size_t)got : 0;
        event_base_loop(l.base, EVLOOP_NONBLOCK);
        assert_true(sent < 64 << 20);
    }
    while (counts_of(&l).connections_open)
        event_base_loop(l.base, EVLOOP_ONCE);
    assert_int_equal(counts_of(&l).closes[SOURCE_CLOSE_SLOW_READER], 1);
    stop(&l);
}

/* --- turns, drain, places, proxies --- */

static void test_a_turn_is_bounded_so_that_others_have_theirs(void **state)
{
    struct source_limits limits = source_default_limits;
    struct listener l;
    char bytes[32768];
    (void)state;
    limits.turn_bytes = 1000;
    memset(bytes, 'x', sizeof bytes);
    start(&l, &limits);
    say(&l, POST "Content-Length: 1000000\r\n\r\n");
    assert_int_equal(send(l.client, bytes, sizeof bytes, 0), sizeof bytes);
    event_base_loop(l.base, EVLOOP_ONCE);
    assert_int_equal(l.bodies.length, 1000);
    event_base_loop(l.base, EVLOOP_ONCE);
    assert_int_equal(l.bodies.length, 2000);
    stop(&l);
}

static void test_a_drain_closes_the_idle_and_answers_the_others_with_close(void **state)
{
    struct listener l;
    (void)state;
    start(&l, NULL);
    l.hold_answers = true;
    say(&l, HELLO);
    int idle = connect_again(&l);
    turn(&l);
    source_worker_drain(l.worker);
    char byte;
    assert_int_equal(recv(idle, &byte, 1, 0), 0);
    close(idle);
    assert_int_equal(source_worker_connections(l.worker), 1);
    source_request_answer(l.held[0], 200, 0, slice_make(NULL, 0));
    turn(&l);
    assert_answer_holds(&l, "Connection: close\r\n");
    assert_statuses(&l, "200 ");
    shutdown(l.client, SHUT_WR);
    turn(&l);
    assert_int_equal(source_worker_connections(l.worker), 0);
    assert_int_equal(counts_of(&l).closes[SOURCE_CLOSE_SHUTDOWN], 2);
    stop(&l);
}

static void test_places_are_bounded(void **state)
{
    struct source_limits limits = source_default_limits;
    struct listener l;
    (void)state;
    limits.connections = 2;
    start(&l, &limits);
    assert_true(source_worker_reserve(l.worker));
    assert_false(source_worker_reserve(l.worker));
    source_worker_release(l.worker);
    assert_true(source_worker_reserve(l.worker));
    stop(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_connection_serves_one_request_after_the_other),
        cmocka_unit_test(test_requests_sent_ahead_wait_for_their_turn),
        cmocka_unit_test(test_thousands_of_requests_sent_ahead_are_answered_in_order),
        cmocka_unit_test(test_a_request_in_single_bytes_is_the_same_request),
        cmocka_unit_test(test_a_chunked_body_has_no_known_length),
        cmocka_unit_test(test_framing_that_two_readers_could_take_differently_is_refused),
        cmocka_unit_test(test_chunks_that_are_malformed_are_refused),
        cmocka_unit_test(test_a_chunk_ends_with_cr_lf_and_nothing_else),
        cmocka_unit_test(test_lines_of_chunk_framing_have_nothing_that_two_readers_could_take_differently),
        cmocka_unit_test(test_header_sections_that_are_malformed_are_refused),
        cmocka_unit_test(test_a_nul_in_a_header_section_is_refused),
        cmocka_unit_test(test_a_wrong_path_or_method_is_answered_after_its_body),
        cmocka_unit_test(test_a_target_in_absolute_form_or_with_a_slash_at_its_end_is_the_same),
        cmocka_unit_test(test_the_answer_to_head_has_no_body),
        cmocka_unit_test(test_types_and_codings_that_are_not_read_are_named),
        cmocka_unit_test(test_a_body_over_its_bound_is_judged_up_to_it_and_answered_413),
        cmocka_unit_test(test_what_a_cut_body_could_not_store_is_answered_503),
        cmocka_unit_test(test_a_client_that_goes_away_takes_nothing_back_of_a_cut_body),
        cmocka_unit_test(test_a_cut_body_that_never_ends_is_answered_all_the_same),
        cmocka_unit_test(test_a_drain_without_end_is_ended),
        cmocka_unit_test(test_a_header_section_over_its_bound_is_answered_431),
        cmocka_unit_test(test_empty_lines_without_end_are_over_the_bound_too),
        cmocka_unit_test(test_a_refusal_for_want_of_memory_is_a_503_with_retry_after),
        cmocka_unit_test(test_a_refusal_before_the_body_drains_it),
        cmocka_unit_test(test_a_client_that_asks_for_it_is_closed_after_the_answer),
        cmocka_unit_test(test_http_1_0_is_kept_alive_where_it_asks_for_it),
        cmocka_unit_test(test_an_expectation_is_met_before_the_body),
        cmocka_unit_test(test_what_is_refused_needs_no_continue),
        cmocka_unit_test(test_a_client_that_goes_away_inside_a_body_aborts_its_request),
        cmocka_unit_test(test_an_answer_to_a_client_that_went_away_is_safe),
        cmocka_unit_test(test_a_client_that_only_sends_no_more_gets_its_answer),
        cmocka_unit_test(test_an_answer_after_the_worker_is_gone_is_safe),
        cmocka_unit_test(test_slow_clients_are_closed_with_a_reason),
        cmocka_unit_test(test_a_trickle_of_bytes_is_no_progress),
        cmocka_unit_test(test_a_batch_that_is_not_stored_in_time_is_answered_503),
        cmocka_unit_test(test_a_client_that_takes_no_answers_is_not_read_any_more),
        cmocka_unit_test(test_a_turn_is_bounded_so_that_others_have_theirs),
        cmocka_unit_test(test_a_drain_closes_the_idle_and_answers_the_others_with_close),
        cmocka_unit_test(test_places_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
