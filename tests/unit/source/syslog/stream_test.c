/* SPDX-License-Identifier: Apache-2.0 */
/* Connections of syslog and RELP to a worker, over socket pairs, with a handler that writes down what it is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "harrier/base/buffer.h"
#include "harrier/base/memory.h"
#include "harrier/source.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define OPEN "1 open 14 relp_version=0\n"
#define OK " rsp 6 200 OK\n"
#define GOODBYE "0 serverclose 0\n"

enum { SYSLOG, RELP, CLUSTERS, RELP_CLUSTERS, LINES, OCTETS };

static const struct source_endpoint endpoints[] = {
    [SYSLOG] = {.protocol = SOURCE_SYSLOG, .name = "nodes"},
    [RELP] = {.protocol = SOURCE_RELP, .name = "relay"},
    [CLUSTERS] = {.protocol = SOURCE_SYSLOG, .name = "clusters", .cluster_from_syslog = true},
    [LINES] = {.protocol = SOURCE_SYSLOG, .name = "lines", .framing = SYSLOG_FRAMING_LINES},
    [OCTETS] = {.protocol = SOURCE_SYSLOG, .name = "octets", .framing = SYSLOG_FRAMING_OCTETS},
    [RELP_CLUSTERS] = {.protocol = SOURCE_RELP, .name = "relay of clusters", .cluster_from_syslog = true},
};

struct peer {
    struct event_base *base;
    struct source_worker *worker;
    size_t source;
    int client;
    struct buffer answer;
    bool closed;
    /* how the handler behaves */
    bool hold_answers;
    unsigned int answer_with; /* 200 if 0 */
    unsigned int refusals;    /* begin() refuses so many times */
    bool no_room;             /* begin() takes only what would be lost otherwise */
    bool busy, busy_once;     /* body() does */
    /* what it was told: "{cluster:text;text;}" for a unit that ended, "...!" for one that was given up */
    struct buffer told;
    bool resends;
    struct source_request *held[16];
    size_t held_count;
};

struct unit {
    struct peer *peer;
    struct source_request *request;
};

static void *begin(void *data, struct source_request *request, const struct source_head *head, struct source_refusal *refusal)
{
    struct peer *peer = data;
    (void)refusal;
    if (peer->refusals) {
        peer->refusals--;
        return NULL;
    }
    if (peer->no_room && !head->last)
        return NULL;
    struct unit *unit = xcalloc(1, sizeof *unit);
    unit->peer = peer;
    unit->request = request;
    peer->resends = head->resends;
    assert_int_equal(head->source, peer->source);
    assert_int_equal(head->content_length, SOURCE_LENGTH_UNKNOWN);
    buffer_append_byte(&peer->told, '{');
    if (head->cluster.length) {
        buffer_append_slice(&peer->told, head->cluster);
        buffer_append_byte(&peer->told, ':');
    }
    return unit;
}

static enum result body(void *context, struct slice bytes)
{
    struct unit *unit = context;
    assert_true(bytes.length > 0);
    buffer_append_slice(&unit->peer->told, bytes);
    bool busy = unit->peer->busy || unit->peer->busy_once;
    unit->peer->busy_once = false;
    return busy ? RESULT_BUSY : RESULT_OK;
}

static void message_refused(void *context, const char *why)
{
    struct unit *unit = context;
    assert_non_null(why);
    buffer_append_byte(&unit->peer->told, '?');
}

static void message_end(void *context)
{
    struct unit *unit = context;
    buffer_append_byte(&unit->peer->told, ';');
}

static void end(void *context)
{
    struct unit *unit = context;
    struct peer *peer = unit->peer;
    struct source_request *request = unit->request;

    free(unit);
    buffer_append_byte(&peer->told, '}');
    if (peer->hold_answers)
        peer->held[peer->held_count++] = request;
    else
        source_request_answer(request, peer->answer_with ? peer->answer_with : 200, 0, slice_make(NULL, 0));
}

static void give_up(void *context)
{
    struct unit *unit = context;
    buffer_append_byte(&unit->peer->told, '!');
    free(unit);
}

static void start_with(struct peer *peer, size_t source, const struct source_limits *limits)
{
    struct source_handler handler = {
        .data = peer, .begin = begin, .body = body, .message_refused = message_refused, .message_end = message_end, .end = end, .abort = give_up};
    struct address address;
    int pair[2];

    memset(peer, 0, sizeof *peer);
    peer->source = source;
    peer->base = event_base_new();
    peer->worker = source_worker_new(peer->base, limits, endpoints, sizeof endpoints / sizeof endpoints[0], &handler);
    assert_int_equal(address_parse_host_port(SLICE("127.0.0.1:40000"), &address, NULL), RESULT_OK);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    assert_true(source_worker_reserve(peer->worker));
    source_worker_add(peer->worker, source, pair[1], &address);
    peer->client = pair[0];
}

static void start(struct peer *peer, size_t source)
{
    start_with(peer, source, &source_default_limits);
}

static void collect(struct peer *peer)
{
    char bytes[4096];
    ssize_t got;

    while ((got = recv(peer->client, bytes, sizeof bytes, 0)) > 0)
        buffer_append(&peer->answer, bytes, (size_t)got);
    if (got == 0 || errno != EAGAIN)
        peer->closed = true;
}

static void turn(struct peer *peer)
{
    for (int i = 0; i < 50; i++)
        event_base_loop(peer->base, EVLOOP_NONBLOCK);
    collect(peer);
}

static void say_slice(struct peer *peer, struct slice bytes)
{
    while (bytes.length) {
        ssize_t sent = send(peer->client, bytes.bytes, bytes.length, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN)
            turn(peer);
        else if (sent < 0)
            return;
        else
            bytes = slice_from(bytes, (size_t)sent);
    }
    turn(peer);
}

static void say(struct peer *peer, const char *text)
{
    say_slice(peer, slice_of(text));
}

/* Runs the loop, timers and all, until it is told so. */
static void until_told(struct peer *peer, const char *text)
{
    while (!peer->told.bytes || !strstr(peer->told.bytes, text))
        event_base_loop(peer->base, EVLOOP_ONCE);
    turn(peer);
}

static void until_closed(struct peer *peer)
{
    while (!peer->closed) {
        event_base_loop(peer->base, EVLOOP_ONCE);
        collect(peer);
    }
}

static void stop(struct peer *peer)
{
    source_worker_free(peer->worker);
    event_base_free(peer->base);
    close(peer->client);
    buffer_free(&peer->answer);
    buffer_free(&peer->told);
}

static void assert_told(const struct peer *peer, const char *expected)
{
    assert_string_equal(peer->told.bytes ? peer->told.bytes : "", expected);
}

/* And gives them up. */
static void assert_answers(struct peer *peer, const char *expected)
{
    assert_string_equal(peer->answer.bytes ? peer->answer.bytes : "", expected);
    buffer_reset(&peer->answer, 65536);
}

static void answer(struct peer *peer, size_t number, unsigned int status)
{
    source_request_answer(peer->held[number], status, 0, slice_make(NULL, 0));
    turn(peer);
}

static struct source_stream_counts counts_of(const struct peer *peer)
{
    struct source_stream_counts counts = {0};
    source_worker_count_stream(peer->worker, peer->source, &counts);
    return counts;
}

static uint64_t closes_of(const struct peer *peer, enum source_close reason)
{
    struct source_counts counts = {0};
    source_worker_count(peer->worker, &counts);
    return counts.closes[reason];
}

static void end_input(struct peer *peer)
{
    assert_int_equal(shutdown(peer->client, SHUT_WR), 0);
    turn(peer);
}

/* A session that is open, what was answered so far forgotten. */
static void open_session(struct peer *peer)
{
    start(peer, RELP);
    say(peer, OPEN);
    assert_true(slice_starts_with(buffer_slice(&peer->answer), SLICE("1 rsp ")));
    buffer_reset(&peer->answer, 65536);
}

/* --- plain --- */

static void test_what_arrives_together_is_one_unit(void **state)
{
    struct peer p;
    (void)state;
    start(&p, SYSLOG);
    say(&p, "<1>{\"a\":1}\n<1>{\"a\":2}\n<1>{\"a\":3}\nother line\n");
    assert_told(&p, "{{\"a\":1};{\"a\":2};{\"a\":3};}");
    assert_false(p.resends);
    say(&p, "<1>{\"a\":4}\n");
    assert_told(&p, "{{\"a\":1};{\"a\":2};{\"a\":3};}{{\"a\":4};}");
    assert_int_equal(counts_of(&p).messages, 4);
    assert_int_equal(counts_of(&p).other, 1);
    assert_int_equal(counts_of(&p).cut_off, 0);
    assert_int_equal(counts_of(&p).connections, 1);
    assert_true(counts_of(&p).bytes > 40);
    assert_answers(&p, "");
    stop(&p);
}

static void test_lines_of_others_alone_are_no_unit(void **state)
{
    struct peer p;
    (void)state;
    start(&p, SYSLOG);
    say(&p, "<6>kernel: [1.2] x\n\n\nhello\n");
    assert_told(&p, "");
    assert_int_equal(counts_of(&p).other, 2);
    stop(&p);
}

static void test_single_bytes_are_the_same_messages(void **state)
{
    static const char text[] = "10 <1>{\"a\":1}10 <1>{\"a\":2}";
    struct peer p;
    (void)state;
    start(&p, SYSLOG);
    for (size_t i = 0; i < sizeof text - 1; i++)
        say_slice(&p, slice_make(text + i, 1));
    assert_told(&p, "{{\"a\":1};}{{\"a\":2};}");
    stop(&p);
}

static void test_nothing_more_is_read_while_a_unit_waits(void **state)
{
    struct peer p;
    (void)state;
    start(&p, SYSLOG);
    p.hold_answers = true;
    say(&p, "<1>{\"a\":1}\n");
    say(&p, "<1>{\"a\":2}\n");
    say(&p, "<1>{\"a\":3}\n");
    assert_told(&p, "{{\"a\":1};}");
    answer(&p, 0, 200);
    assert_told(&p, "{{\"a\":1};}{{\"a\":2};{\"a\":3};}");
    answer(&p, 1, 400);
    assert_false(p.closed);
    stop(&p);
}

static void test_a_message_over_several_turns_is_ended_where_it_ends(void **state)
{
    struct peer p;
    (void)state;
    start(&p, SYSLOG);
    p.hold_answers = true;
    say(&p, "<1>{\"a\":1}\n<1>{\"b\":");
    assert_told(&p, "{{\"a\":1};{\"b\":");
    say(&p, "2}\n<1>{\"c\":3}\n");
    assert_told(&p, "{{\"a\":1};{\"b\":2};}");
    answer(&p, 0, 200);
    assert_told(&p, "{{\"a\":1};{\"b\":2};}{{\"c\":3};}");
    answer(&p, 1, 200);
    stop(&p);
}

static void test_a_unit_has_a_size(void **state)
{
    struct peer p;
    struct buffer many = {0};
    (void)state;
    for (int i = 0; i < 3000; i++)
        buffer_printf(&many, "<1>{\"n\":\"%01000d\"}\n", i);
    start(&p, SYSLOG);
    say_slice(&p, buffer_slice(&many));
    size_t units = 0, largest = 0, at = 0;
    for (size_t i = 0; i < p.told.length; i++) {
        if (p.told.bytes[i] != '}' || i == 0 || p.told.bytes[i - 1] != ';')
            continue;
        units++;
        largest = i - at > largest ? i - at : largest;
        at = i;
    }
    assert_true(units >= 3);
    assert_true(largest <= (1 << 20) + 4096);
    assert_int_equal(counts_of(&p).messages, 3000);
    buffer_free(&many);
    stop(&p);
}

static void test_a_unit_that_cannot_be_had_is_asked_for_again(void **state)
{
    struct peer p;
    (void)state;
    start(&p, SYSLOG);
    p.refusals = 2;
    say(&p, "<1>{\"a\":1}\n<1>{\"a\":2}\n");
    assert_told(&p, "");
    until_told(&p, "2};}");
    turn(&p);
    assert_told(&p, "{{\"a\":1};{\"a\":2};}");
    assert_int_equal(counts_of(&p).pauses, 2);
    stop(&p);
}

static void test_a_connection_that_ends_cuts_its_last_message_off(void **state)
{
    struct peer p;
    (void)state;
    start(&p, SYSLOG);
    say(&p, "<1>{\"a\":1}\n40 <1>{\"a\":");
    end_input(&p);
    assert_told(&p, "{{\"a\":1};{\"a\":;}");
    assert_true(p.closed);
    assert_int_equal(counts_of(&p).cut_off, 1);
    assert_int_equal(closes_of(&p, SOURCE_CLOSE_CUT_IN_BODY), 1);
    stop(&p);
}

static void test_the_last_line_needs_no_end(void **state)
{
    struct peer p;
    (void)state;
    start(&p, SYSLOG);
    say(&p, "<1>{\"a\":1}");
    end_input(&p);
    assert_told(&p, "{{\"a\":1};}");
    assert_true(p.closed);
    assert_int_equal(counts_of(&p).cut_off, 0);
    stop(&p);
}

static void test_a_connection_that_ends_while_a_unit_is_refused_loses_nothing(void **state)
{
    struct peer p;
    (void)state;
    start(&p, SYSLOG);
    p.refusals = 1;
    say(&p, "<1>{\"a\":1}\n<1>{\"a\":2}");
    end_input(&p);
    until_told(&p, "2};}");
    assert_told(&p, "{{\"a\":1};{\"a\":2};}");
    turn(&p);
    assert_true(p.closed);
    stop(&p);
}

static void test_a_connection_that_ends_while_a_unit_waits_loses_nothing(void **state)
{
    struct peer p;
    (void)state;
    start(&p, SYSLOG);
    p.hold_answers = true;
    say(&p, "<1>{\"a\":1}\n");
    say(&p, "<1>{\"a\":2}\n<1>{\"a\"");
    end_input(&p);
    answer(&p, 0, 200);
    assert_told(&p, "{{\"a\":1};}{{\"a\":2};{\"a\";}");
    answer(&p, 1, 200);
    assert_true(p.closed);
    stop(&p);
}

static void test_a_lying_length_costs_its_own_message_alone(void **state)
{
    struct peer p;
    (void)state;
    start(&p, SYSLOG);
    say(&p, "10 <1>{\"a\":1}12 <1>{\"b\":\"long\"}\n10 <1>{\"a\":2}\n");
    assert_told(&p, "{{\"a\":1};{\"b\":\"lon;?g\"};{\"a\":2};}");
    assert_false(p.closed);
    assert_int_equal(counts_of(&p).bad_frames, 1);
    assert_int_equal(counts_of(&p).cut_off, 1);
    stop(&p);
}

static void test_a_line_of_digits_hides_nothing_behind_it(void **state)
{
    struct peer p;
    (void)state;
    start(&p, SYSLOG);
    say(&p, "900000000 x\n<1>{\"a\":1}\n");
    assert_told(&p, "{{\"a\":1};}");
    assert_int_equal(counts_of(&p).other, 1);
    assert_int_equal(counts_of(&p).bad_frames, 0);
    stop(&p);
}

static void test_framing_can_be_told(void **state)
{
    struct peer p;
    (void)state;
    start(&p, LINES);
    say(&p, "10 <1>{\"a\":1}\n<1>{\"a\":2}\n");
    assert_told(&p, "{{\"a\":1};{\"a\":2};}");
    stop(&p);
    start(&p, OCTETS);
    say(&p, "7 {\"a\":1}<1>{\"a\":2}\n10 <1>{\"a\":3}");
    assert_told(&p, "{{\"a\":1};?<1>{\"a\":2};{\"a\":3};}");
    assert_int_equal(counts_of(&p).bad_frames, 1);
    stop(&p);
}

static void test_a_count_that_promises_too_much_is_judged_at_the_end_and_counted(void **state)
{
    struct peer p;
    (void)state;
    start(&p, SYSLOG);
    say(&p, "900000000 <1>{\"a\":1}\n<1>{\"a\":2}\n");
    end_input(&p);
    until_closed(&p);
    assert_told(&p, "{{\"a\":1}\n<1>{\"a\":2}\n;}");
    assert_int_equal(counts_of(&p).cut_frames, 1);
    stop(&p);
}

static void test_a_message_that_does_not_go_on_is_cut_off(void **state)
{
    struct source_limits limits = source_default_limits;
    struct peer p;
    (void)state;
    limits.body_progress_timeout = 50 * CLOCK_MILLISECOND;
    start_with(&p, SYSLOG, &limits);
    say(&p, "<1>{\"a\":1}\n<1>{\"a\":");
    until_closed(&p);
    assert_told(&p, "{{\"a\":1};{\"a\":;}");
    assert_int_equal(closes_of(&p, SOURCE_CLOSE_SLOW_BODY), 1);
    stop(&p);
}

static void test_a_silent_sender_stays_connected(void **state)
{
    struct source_limits limits = source_default_limits;
    struct peer p;
    (void)state;
    limits.body_progress_timeout = 10 * CLOCK_MILLISECOND;
    limits.idle_timeout = 200 * CLOCK_MILLISECOND;
    start_with(&p, SYSLOG, &limits);
    say(&p, "<1>{\"a\":1}\n");
    for (int i = 0; i < 40; i++)
        event_base_loop(p.base, EVLOOP_ONCE); /* the sweep looks at the deadlines */
    collect(&p);
    assert_told(&p, "{{\"a\":1};}");
    assert_false(p.closed);
    stop(&p);
    start_with(&p, RELP, &limits);
    say(&p, OPEN "2 syslog 10 <1>{\"a\":1}\n");
    for (int i = 0; i < 40; i++)
        event_base_loop(p.base, EVLOOP_ONCE);
    collect(&p);
    assert_false(p.closed);
    stop(&p);
}

static void test_who_never_sends_a_message_is_closed(void **state)
{
    struct source_limits limits = source_default_limits;
    struct peer p;
    (void)state;
    limits.idle_timeout = 10 * CLOCK_MILLISECOND;
    start_with(&p, SYSLOG, &limits);
    say(&p, "\n\n");
    until_closed(&p);
    assert_int_equal(closes_of(&p, SOURCE_CLOSE_IDLE), 1);
    stop(&p);
    start_with(&p, RELP, &limits);
    say(&p, OPEN);
    until_closed(&p);
    assert_int_equal(closes_of(&p, SOURCE_CLOSE_IDLE), 1);
    stop(&p);
}

static void test_a_message_that_goes_on_without_end_is_cut_off(void **state)
{
    struct source_limits limits = source_default_limits;
    struct buffer text = {0};
    struct peer p;
    (void)state;
    limits.header_timeout = 40 * CLOCK_MILLISECOND; /* the sweep's pace */
    limits.message_timeout = 50 * CLOCK_MILLISECOND;
    for (int i = 0; i < SOURCE_PROGRESS_BYTES; i++)
        buffer_append_byte(&text, '1');
    start_with(&p, SYSLOG, &limits);
    say(&p, "<1>{\"a\":");
    while (!p.closed) {
        ssize_t sent = send(p.client, text.bytes, text.length, MSG_NOSIGNAL);
        (void)sent;
        event_base_loop(p.base, EVLOOP_ONCE);
        collect(&p);
    }
    assert_true(slice_ends_with(buffer_slice(&p.told), SLICE("11;}")));
    assert_int_equal(closes_of(&p, SOURCE_CLOSE_SLOW_BODY), 1);
    buffer_free(&text);
    stop(&p);
}

static void test_messages_that_could_not_be_stored_close_the_connection(void **state)
{
    struct peer p;
    (void)state;
    start(&p, SYSLOG);
    p.answer_with = 503;
    say(&p, "<1>{\"a\":1}\n<1>{\"a\":2}\n");
    assert_told(&p, "{{\"a\":1};{\"a\":2};}");
    assert_true(p.closed);
    assert_int_equal(counts_of(&p).not_stored, 1);
    assert_int_equal(closes_of(&p, SOURCE_CLOSE_NOT_STORED), 1);
    stop(&p);
}

static void test_an_answer_after_the_connection_is_safe(void **state)
{
    struct peer p;
    (void)state;
    start(&p, SYSLOG);
    p.hold_answers = true;
    say(&p, "<1>{\"a\":1}\n");
    struct source_worker *worker = p.worker;
    struct source_request *held = p.held[0];
    source_worker_free(worker);
    source_request_answer(held, 200, 0, slice_make(NULL, 0));
    event_base_free(p.base);
    close(p.client);
    buffer_free(&p.told);
}

static void test_what_is_in_hand_when_the_worker_ends_is_ended(void **state)
{
    struct peer p;
    (void)state;
    start(&p, SYSLOG);
    say(&p, "<1>{\"a\":1}\n<1>{\"a\":");
    assert_told(&p, "{{\"a\":1};{\"a\":");
    source_worker_free(p.worker);
    assert_told(&p, "{{\"a\":1};{\"a\":;}");
    event_base_free(p.base);
    close(p.client);
    buffer_free(&p.told);
}

static void end_worker(struct peer *peer)
{
    source_worker_free(peer->worker);
}

static void stop_after_worker(struct peer *peer)
{
    event_base_free(peer->base);
    close(peer->client);
    buffer_free(&peer->answer);
    buffer_free(&peer->told);
}

static void test_what_was_read_while_a_unit_waits_is_judged_when_the_worker_ends(void **state)
{
    struct peer p;
    (void)state;
    start(&p, SYSLOG);
    p.hold_answers = true;
    struct buffer many = {0};
    for (int i = 0; i < 1100; i++) /* a unit's worth, and what was received behind it */
        buffer_printf(&many, "<1>{\"n\":\"%01000d\"}\n", i);
    buffer_append_text(&many, "<1>{\"last\":1}\n<1>{\"cut\"");
    struct slice rest = buffer_slice(&many);
    for (int i = 0; i < 50; i++) {
        ssize_t sent = rest.length ? send(p.client, rest.bytes, rest.length, MSG_NOSIGNAL) : 0;
        rest = slice_from(rest, sent > 0 ? (size_t)sent : 0);
        event_base_loop(p.base, EVLOOP_NONBLOCK);
    }
    assert_int_equal(p.held_count, 1);
    uint64_t received = counts_of(&p).bytes;
    end_worker(&p);
    assert_int_equal(p.held_count, 2);
    size_t taken = 0; /* messages, and the last one's end */
    for (size_t i = 0; i < p.told.length; i++)
        taken += p.told.bytes[i] == ';';
    assert_in_range(taken, received / 1012, received / 1012 + 1);
    for (size_t i = 0; i < p.held_count; i++)
        source_request_answer(p.held[i], 200, 0, slice_make(NULL, 0));
    buffer_free(&many);
    stop_after_worker(&p);
}

static void test_what_no_unit_could_be_had_for_is_judged_when_the_worker_ends(void **state)
{
    struct peer p;
    (void)state;
    start(&p, SYSLOG);
    p.refusals = 1;
    say(&p, "<1>{\"a\":1}\n<1>{\"a\":2}\n<1>{\"a\"");
    assert_told(&p, "");
    end_worker(&p);
    assert_told(&p, "{{\"a\":1};{\"a\":2};{\"a\";}");
    stop_after_worker(&p);
}

static void test_what_was_read_of_a_plain_sender_is_told_to_be_the_last_so_that_no_rate_or_budget_loses_it(void **state)
{
    struct peer p;
    (void)state;
    start(&p, SYSLOG);
    p.no_room = true;
    say(&p, "<1>{\"a\":1}\n<1>{\"a\":2}\n");
    assert_told(&p, "");
    end_worker(&p);
    assert_told(&p, "{{\"a\":1};{\"a\":2};}");
    stop_after_worker(&p);
}

static void test_a_unit_that_cannot_be_had_at_the_end_is_asked_for_once(void **state)
{
    struct peer p;
    (void)state;
    start(&p, SYSLOG);
    p.refusals = 1000;
    say(&p, "<1>{\"a\":1}\n<1>{\"a\":2}\n");
    unsigned int before = p.refusals;
    end_worker(&p);
    assert_told(&p, "");
    assert_int_equal(p.refusals, before - 1);
    stop_after_worker(&p);
}

static void test_what_follows_messages_that_could_not_be_stored_is_judged(void **state)
{
    struct peer p;
    (void)state;
    start(&p, CLUSTERS);
    p.answer_with = 503;
    say(&p, "<1>{\"a\":1}\n<1>1 - h a - - [x cluster=\"two\"] {\"a\":2}\n<1>1 - h a - - [x cluster=\"three\"] {\"a\":3}\n");
    assert_told(&p, "{{\"a\":1};}{two:{\"a\":2};}{three:{\"a\":3};}");
    assert_true(p.closed);
    stop(&p);
}

static void test_what_follows_a_refused_message_is_judged(void **state)
{
    struct peer p;
    (void)state;
    start(&p, SYSLOG);
    p.busy_once = true;
    say(&p, "<1>{\"a\":1}\n<1>{\"a\":2}\n");
    assert_told(&p, "{{\"a\":1}!{{\"a\":2};}");
    assert_true(p.closed);
    assert_int_equal(counts_of(&p).not_stored, 1);
    stop(&p);
}

/* --- clusters --- */

static void test_a_unit_is_of_one_cluster(void **state)
{
    struct peer p;
    (void)state;
    start(&p, CLUSTERS);
    p.hold_answers = true;
    say(&p, "<1>1 - h a - - [x cluster=\"one\"] {\"a\":1}\n"
            "<1>1 - h a - - [x cluster=\"one\"] {\"a\":2}\n"
            "<1>1 - h a - - [x cluster=\"two\"] {\"a\":3}\n"
            "<1>1 - h a - - - {\"a\":4}\n");
    assert_told(&p, "{one:{\"a\":1};{\"a\":2};}");
    answer(&p, 0, 200);
    assert_told(&p, "{one:{\"a\":1};{\"a\":2};}{two:{\"a\":3};}");
    answer(&p, 1, 200);
    assert_told(&p, "{one:{\"a\":1};{\"a\":2};}{two:{\"a\":3};}{{\"a\":4};}");
    answer(&p, 2, 200);
    stop(&p);
}

static void test_a_cluster_is_named_only_where_that_is_asked_for(void **state)
{
    struct peer p;
    (void)state;
    start(&p, SYSLOG);
    say(&p, "<1>1 - h a - - [x cluster=\"one\"] {\"a\":1}\n<1>1 - h a - - [x cluster=\"two\"] {\"a\":2}\n");
    assert_told(&p, "{{\"a\":1};{\"a\":2};}");
    stop(&p);
}

static uint64_t forbidden(const struct peer *peer)
{
    struct source_counts counts = {0};
    source_worker_count(peer->worker, &counts);
    return counts.access_forbidden;
}

static void test_a_message_that_names_no_cluster_is_passed_over_alone(void **state)
{
    struct peer p;
    (void)state;
    start(&p, CLUSTERS);
    say(&p, "<1>1 - h a - - [x cluster=\"one\"] {\"a\":1}\n<1>1 - h a - - [x cluster=\"a/b c\"] {\"a\":2}\n"
            "<1>1 - h a - - [x cluster=\"one\"] {\"a\":3}\n");
    assert_told(&p, "{one:{\"a\":1};{\"a\":3};}");
    say(&p, "<1>1 - h a - - [x cluster=\"a/b c\"] {\"a\":");
    say(&p, "4}\n<1>1 - h a - - - {\"a\":5}\n");
    assert_told(&p, "{one:{\"a\":1};{\"a\":3};}{{\"a\":5};}");
    assert_false(p.closed);
    assert_int_equal(forbidden(&p), 2);
    say(&p, "<1>1 - h a - - [x cluster=\"a/b c\"] {\"a\":");
    end_input(&p);
    assert_true(p.closed);
    assert_told(&p, "{one:{\"a\":1};{\"a\":3};}{{\"a\":5};}");
    stop(&p);
}

static void test_relps_client_is_responded_to_for_a_message_that_is_passed_over(void **state)
{
    struct peer p;
    (void)state;
    start(&p, RELP_CLUSTERS);
    say(&p, OPEN);
    buffer_reset(&p.answer, 65536);
    p.hold_answers = true;
    say(&p, "2 syslog 10 <1>{\"a\":1}\n3 syslog 42 <1>1 - h a - - [x cluster=\"a/b c\"] {\"a\":2}\n4 syslog 10 <1>{\"a\":3}\n");
    assert_told(&p, "{{\"a\":1};{\"a\":3};}");
    assert_answers(&p, "");
    answer(&p, 0, 200);
    assert_answers(&p, "2" OK "3" OK "4" OK);
    assert_false(p.closed);
    assert_int_equal(forbidden(&p), 1);
    stop(&p);
}

/* --- RELP --- */

static void test_a_session_is_opened_and_closed(void **state)
{
    struct peer p;
    (void)state;
    start(&p, RELP);
    say(&p, OPEN);
    assert_true(slice_starts_with(buffer_slice(&p.answer), SLICE("1 rsp ")));
    buffer_reset(&p.answer, 65536);
    say(&p, "2 close 0\n");
    assert_answers(&p, "2" OK GOODBYE);
    assert_true(p.closed);
    assert_told(&p, "");
    stop(&p);
}

static void test_a_response_follows_the_units_answer(void **state)
{
    struct peer p;
    (void)state;
    open_session(&p);
    p.hold_answers = true;
    say(&p, "2 syslog 10 <1>{\"a\":1}\n3 syslog 10 <1>{\"a\":2}\n4 syslog 5 other\n");
    assert_told(&p, "{{\"a\":1};{\"a\":2};}");
    assert_true(p.resends);
    assert_answers(&p, "");
    say(&p, "5 syslog 10 <1>{\"a\":3}\n6 close 0\n");
    assert_answers(&p, "");
    answer(&p, 0, 200);
    assert_answers(&p, "2" OK "3" OK "4" OK);
    assert_told(&p, "{{\"a\":1};{\"a\":2};}{{\"a\":3};}");
    answer(&p, 1, 200);
    assert_answers(&p, "5" OK "6" OK GOODBYE);
    stop(&p);
}

static void test_what_is_no_event_is_responded_to_at_once(void **state)
{
    struct peer p;
    (void)state;
    open_session(&p);
    p.hold_answers = true;
    say(&p, "2 syslog 5 other\n3 syslog 0\n4 open 0\n5 starttls 0\n");
    assert_answers(&p, "2" OK "3" OK "4 rsp 23 200 the session is open\n5 rsp 32 500 this command was not offered\n");
    assert_told(&p, "");
    stop(&p);
}

static void test_a_unit_that_fails_is_not_responded_to(void **state)
{
    struct peer p;
    (void)state;
    open_session(&p);
    p.answer_with = 503;
    say(&p, "2 syslog 10 <1>{\"a\":1}\n3 syslog 5 other\n");
    assert_answers(&p, GOODBYE);
    assert_true(p.closed);
    end_input(&p); /* it lingers until the client has closed too */
    assert_int_equal(closes_of(&p, SOURCE_CLOSE_NOT_STORED), 1);
    stop(&p);
}

static void test_a_refusal_inside_a_message_is_not_responded_to(void **state)
{
    struct peer p;
    (void)state;
    open_session(&p);
    p.busy = true;
    say(&p, "2 syslog 10 <1>{\"a\":1}\n");
    assert_told(&p, "{{\"a\":1}!");
    assert_answers(&p, "");
    assert_true(p.closed);
    stop(&p);
}

static void test_a_frame_that_is_cut_off_is_given_up_alone(void **state)
{
    struct peer p;
    (void)state;
    open_session(&p);
    say(&p, "2 syslog 10 <1>{\"a\":1}\n3 syslog 10 <1>{\"a\":");
    assert_told(&p, "{{\"a\":1};}{{\"a\":");
    assert_answers(&p, "2" OK);
    end_input(&p);
    assert_told(&p, "{{\"a\":1};}{{\"a\":!");
    assert_true(p.closed);
    assert_int_equal(closes_of(&p, SOURCE_CLOSE_CUT_IN_BODY), 1);
    stop(&p);
}

static void test_whole_frames_of_a_client_that_sends_no_more_are_answered(void **state)
{
    struct peer p;
    (void)state;
    open_session(&p);
    p.hold_answers = true;
    say(&p, "2 syslog 10 <1>{\"a\":1}\n3 sys");
    end_input(&p);
    assert_told(&p, "{{\"a\":1};}");
    answer(&p, 0, 200);
    assert_answers(&p, "2" OK GOODBYE);
    assert_true(p.closed);
    stop(&p);
}

static void test_a_frame_that_lies_about_its_length_has_no_response(void **state)
{
    struct peer p;
    (void)state;
    open_session(&p);
    say(&p, "2 syslog 10 <1>{\"a\":1}\n3 syslog 8 <1>{\"b\":2}\n");
    assert_told(&p, "{{\"a\":1};{\"b\":;}");
    assert_answers(&p, "2" OK GOODBYE);
    assert_true(p.closed);
    assert_int_equal(counts_of(&p).bad_frames, 1);
    stop(&p);
}

/* Closed, its client would send it again as the first of each connection, and all behind it would wait for ever. */
static void test_a_relp_message_over_the_bound_is_judged_as_far_as_it_goes_and_passed(void **state)
{
    struct source_limits limits = source_default_limits;
    struct buffer text = {0};
    struct peer p;
    (void)state;
    limits.body_bytes = SYSLOG_HEADER_BYTES;
    for (size_t chunk = 100; chunk < 100000; chunk *= 30) {
        start_with(&p, RELP, &limits);
        buffer_reset(&text, 0);
        say(&p, OPEN);
        buffer_reset(&p.answer, 65536);
        buffer_append_text(&text, "2 syslog 60006 <1>{\"a");
        for (int i = 0; i < 60000; i++)
            buffer_append_byte(&text, 'a');
        buffer_append_text(&text, "\n3 syslog 10 <1>{\"a\":1}\n");
        for (struct slice rest = buffer_slice(&text); rest.length; rest = slice_from(rest, rest.length < chunk ? rest.length : chunk))
            say_slice(&p, slice_first(rest, chunk));
        assert_answers(&p, "2 rsp 6 200 OK\n3 rsp 6 200 OK\n");
        assert_false(p.closed);
        assert_int_equal(counts_of(&p).cut_frames, 1);
        assert_int_equal(counts_of(&p).bad_frames, 0);
        stop(&p);
    }
    buffer_free(&text);
}

static void test_what_is_no_relp_is_closed(void **state)
{
    struct peer p;
    (void)state;
    start(&p, RELP);
    say(&p, "GET / HTTP/1.1\r\n\r\n");
    assert_answers(&p, "");
    assert_true(p.closed);
    assert_int_equal(counts_of(&p).bad_frames, 1);
    stop(&p);
}

static void test_a_session_that_is_not_opened_is_closed(void **state)
{
    struct source_limits limits = source_default_limits;
    struct peer p;
    (void)state;
    limits.header_timeout = 30 * CLOCK_MILLISECOND;
    start_with(&p, RELP, &limits);
    say(&p, "1 op");
    until_closed(&p);
    assert_int_equal(closes_of(&p, SOURCE_CLOSE_SLOW_HEAD), 1);
    stop(&p);
}

static void test_a_client_that_takes_no_responses_is_closed(void **state)
{
    struct source_limits limits = source_default_limits;
    struct peer p;
    struct buffer many = {0};
    struct source_counts counts = {0};
    (void)state;
    limits.body_progress_timeout = 50 * CLOCK_MILLISECOND;
    start_with(&p, RELP, &limits);
    say(&p, OPEN);
    for (int i = 2; i < 200000; i++)
        buffer_printf(&many, "%d syslog 0\n", i);
    struct slice rest = buffer_slice(&many);
    while (closes_of(&p, SOURCE_CLOSE_SLOW_READER) == 0) {
        ssize_t sent = rest.length ? send(p.client, rest.bytes, rest.length, MSG_NOSIGNAL) : 0;
        rest = slice_from(rest, sent > 0 ? (size_t)sent : 0);
        event_base_loop(p.base, EVLOOP_ONCE);
    }
    source_worker_count(p.worker, &counts);
    assert_int_equal(counts.connections_open, 0);
    assert_true(rest.length > 0);
    buffer_free(&many);
    stop(&p);
}

static void test_many_small_frames_are_answered_in_order(void **state)
{
    struct peer p;
    struct buffer many = {0}, expected = {0};
    (void)state;
    open_session(&p);
    for (int i = 2; i < 20000; i++) {
        if (i % 3)
            buffer_printf(&many, "%d syslog 8 <1>[[1]]\n", i);
        else
            buffer_printf(&many, "%d syslog 0\n", i);
        buffer_printf(&expected, "%d" OK, i);
    }
    say_slice(&p, buffer_slice(&many));
    turn(&p);
    assert_answers(&p, expected.bytes);
    buffer_free(&many);
    buffer_free(&expected);
    stop(&p);
}

/* --- the drain --- */

static void test_a_drain_closes_who_is_between_two_messages(void **state)
{
    struct peer p;
    (void)state;
    start(&p, SYSLOG);
    say(&p, "<1>{\"a\":1}\n");
    source_worker_drain(p.worker);
    turn(&p);
    assert_true(p.closed);
    assert_int_equal(closes_of(&p, SOURCE_CLOSE_SHUTDOWN), 1);
    stop(&p);
    open_session(&p);
    source_worker_drain(p.worker);
    turn(&p);
    assert_answers(&p, GOODBYE);
    assert_true(p.closed);
    stop(&p);
}

static void test_a_drain_takes_what_has_arrived(void **state)
{
    static const char text[] = "<1>{\"a\":1}\n<1>{\"a\":2}\n";
    struct peer p;
    (void)state;
    start(&p, SYSLOG);
    turn(&p);
    assert_int_equal(send(p.client, text, sizeof text - 1, MSG_NOSIGNAL), sizeof text - 1);
    source_worker_drain(p.worker);
    turn(&p);
    assert_told(&p, "{{\"a\":1};{\"a\":2};}");
    assert_true(p.closed);
    stop(&p);
}

static void test_a_drain_takes_what_arrives_while_a_unit_waits(void **state)
{
    struct peer p;
    (void)state;
    start(&p, SYSLOG);
    p.hold_answers = true;
    say(&p, "<1>{\"a\":1}\n");
    source_worker_drain(p.worker);
    turn(&p);
    say(&p, "<1>{\"a\":2}\n");
    answer(&p, 0, 200);
    answer(&p, 1, 200);
    assert_told(&p, "{{\"a\":1};}{{\"a\":2};}");
    assert_true(p.closed);
    stop(&p);
}

static void test_a_drain_lets_a_message_end(void **state)
{
    struct peer p;
    (void)state;
    start(&p, SYSLOG);
    p.hold_answers = true;
    say(&p, "<1>{\"a\":");
    source_worker_drain(p.worker);
    turn(&p);
    assert_false(p.closed);
    say(&p, "1}\n<1>{\"a\":2}\n");
    assert_told(&p, "{{\"a\":1};}");
    answer(&p, 0, 200);
    assert_told(&p, "{{\"a\":1};}{{\"a\":2};}");
    answer(&p, 1, 200);
    assert_true(p.closed);
    stop(&p);
}

static void test_a_drain_lets_a_session_have_its_responses(void **state)
{
    struct peer p;
    (void)state;
    open_session(&p);
    p.hold_answers = true;
    say(&p, "2 syslog 10 <1>{\"a\":1}\n");
    say(&p, "3 syslog 10 <1>{\"a\":2}\n");
    source_worker_drain(p.worker);
    turn(&p);
    assert_false(p.closed);
    answer(&p, 0, 200);
    assert_answers(&p, "2" OK GOODBYE);
    assert_told(&p, "{{\"a\":1};}");
    stop(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_arrives_together_is_one_unit),
        cmocka_unit_test(test_lines_of_others_alone_are_no_unit),
        cmocka_unit_test(test_single_bytes_are_the_same_messages),
        cmocka_unit_test(test_nothing_more_is_read_while_a_unit_waits),
        cmocka_unit_test(test_a_message_over_several_turns_is_ended_where_it_ends),
        cmocka_unit_test(test_a_unit_has_a_size),
        cmocka_unit_test(test_a_unit_that_cannot_be_had_is_asked_for_again),
        cmocka_unit_test(test_a_connection_that_ends_cuts_its_last_message_off),
        cmocka_unit_test(test_the_last_line_needs_no_end),
        cmocka_unit_test(test_a_connection_that_ends_while_a_unit_is_refused_loses_nothing),
        cmocka_unit_test(test_a_connection_that_ends_while_a_unit_waits_loses_nothing),
        cmocka_unit_test(test_a_lying_length_costs_its_own_message_alone),
        cmocka_unit_test(test_a_line_of_digits_hides_nothing_behind_it),
        cmocka_unit_test(test_framing_can_be_told),
        cmocka_unit_test(test_a_count_that_promises_too_much_is_judged_at_the_end_and_counted),
        cmocka_unit_test(test_a_message_that_does_not_go_on_is_cut_off),
        cmocka_unit_test(test_a_silent_sender_stays_connected),
        cmocka_unit_test(test_who_never_sends_a_message_is_closed),
        cmocka_unit_test(test_a_message_that_goes_on_without_end_is_cut_off),
        cmocka_unit_test(test_messages_that_could_not_be_stored_close_the_connection),
        cmocka_unit_test(test_an_answer_after_the_connection_is_safe),
        cmocka_unit_test(test_what_is_in_hand_when_the_worker_ends_is_ended),
        cmocka_unit_test(test_what_was_read_while_a_unit_waits_is_judged_when_the_worker_ends),
        cmocka_unit_test(test_what_no_unit_could_be_had_for_is_judged_when_the_worker_ends),
        cmocka_unit_test(test_a_unit_that_cannot_be_had_at_the_end_is_asked_for_once),
        cmocka_unit_test(test_what_follows_messages_that_could_not_be_stored_is_judged),
        cmocka_unit_test(test_what_follows_a_refused_message_is_judged),
        cmocka_unit_test(test_what_was_read_of_a_plain_sender_is_told_to_be_the_last_so_that_no_rate_or_budget_loses_it),
        cmocka_unit_test(test_a_unit_is_of_one_cluster),
        cmocka_unit_test(test_a_cluster_is_named_only_where_that_is_asked_for),
        cmocka_unit_test(test_a_message_that_names_no_cluster_is_passed_over_alone),
        cmocka_unit_test(test_relps_client_is_responded_to_for_a_message_that_is_passed_over),
        cmocka_unit_test(test_a_session_is_opened_and_closed),
        cmocka_unit_test(test_a_response_follows_the_units_answer),
        cmocka_unit_test(test_what_is_no_event_is_responded_to_at_once),
        cmocka_unit_test(test_a_unit_that_fails_is_not_responded_to),
        cmocka_unit_test(test_a_refusal_inside_a_message_is_not_responded_to),
        cmocka_unit_test(test_a_frame_that_is_cut_off_is_given_up_alone),
        cmocka_unit_test(test_whole_frames_of_a_client_that_sends_no_more_are_answered),
        cmocka_unit_test(test_a_frame_that_lies_about_its_length_has_no_response),
        cmocka_unit_test(test_a_relp_message_over_the_bound_is_judged_as_far_as_it_goes_and_passed),
        cmocka_unit_test(test_what_is_no_relp_is_closed),
        cmocka_unit_test(test_a_session_that_is_not_opened_is_closed),
        cmocka_unit_test(test_a_client_that_takes_no_responses_is_closed),
        cmocka_unit_test(test_many_small_frames_are_answered_in_order),
        cmocka_unit_test(test_a_drain_closes_who_is_between_two_messages),
        cmocka_unit_test(test_a_drain_takes_what_has_arrived),
        cmocka_unit_test(test_a_drain_takes_what_arrives_while_a_unit_waits),
        cmocka_unit_test(test_a_drain_lets_a_message_end),
        cmocka_unit_test(test_a_drain_lets_a_session_have_its_responses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
