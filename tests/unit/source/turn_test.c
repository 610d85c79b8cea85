/* SPDX-License-Identifier: Apache-2.0 */
/* Turns: what one connection brings is worked on a bounded stretch at a time, and the next turn is another connection's. */
#include "listener.h"

#include "daemon/source/http/connection.h"

#include "tests/unit/packing.h"

#define POST "POST /k8s-audit HTTP/1.1\r\nHost: a\r\n"
#define HELLO POST "Content-Length: 5\r\n\r\nhello"

enum { MANY_TURNS = 1000, UNPACKED = 32 * 1024 * 1024 };

/* One look at the sockets, and some of what is called for it. */
static void look(struct listener *l)
{
    const struct timeval now = {0, 0};
    event_base_loopexit(l->base, &now);
    event_base_loop(l->base, EVLOOP_NONBLOCK);
}

static size_t answered(int client)
{
    char bytes[4096];
    ssize_t got = recv(client, bytes, sizeof bytes, 0);
    return got > 0 ? (size_t)got : 0;
}

static void say_at_once(int client, const char *text)
{
    assert_int_equal(send(client, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void test_a_request_that_takes_many_turns_keeps_no_other_client_waiting(void **state)
{
    struct listener l;
    (void)state;
    start(&l, NULL);
    int other = connect_again(&l);
    l.turns_left = MANY_TURNS;
    say_at_once(l.client, HELLO);
    for (int i = 0; i < 3; i++)
        look(&l);
    assert_in_range(l.turns_left, 1, MANY_TURNS - 1);
    l.finished = true; /* the other's is done at once */
    say_at_once(other, HELLO);
    for (int i = 0; i < 3; i++)
        look(&l);
    assert_true(answered(other) > 0);
    assert_in_range(l.turns_left, 1, MANY_TURNS - 1);
    for (int i = 0; i < MANY_TURNS; i++)
        look(&l);
    collect(&l);
    assert_statuses(&l, "200 ");
    assert_int_equal(l.turns_left, 0);
    close(other);
    stop(&l);
}

static void test_nothing_is_read_and_no_request_ends_while_a_turn_is_left(void **state)
{
    struct listener l;
    (void)state;
    start(&l, NULL);
    l.turns_left = 200;
    say_at_once(l.client, HELLO HELLO HELLO);
    look(&l);
    assert_bodies(&l, "hello");
    assert_int_equal(l.ended, 0);
    for (int i = 0; i < 300; i++)
        look(&l);
    collect(&l);
    assert_bodies(&l, "hello|hello|hello|");
    assert_statuses(&l, "200 200 200 ");
    stop(&l);
}

static void test_a_client_that_leaves_while_a_turn_is_left_is_given_up(void **state)
{
    struct listener l;
    (void)state;
    start(&l, NULL);
    l.turns_left = 1000000;
    say_at_once(l.client, HELLO);
    for (int i = 0; i < 10; i++)
        look(&l);
    assert_int_equal(l.ended, 0);
    stop(&l); /* which closes it: the handler was told, or memory checkers would say so */
}

/* 64 KiB of gzip hold 66 MB. */
static void test_what_a_compressed_body_unpacks_to_in_a_turn_is_bounded(void **state)
{
    struct source_limits limits = source_default_limits;
    struct buffer zeros = {0}, packed = {0};
    struct listener l;
    size_t before = 0;
    char head[160];
    (void)state;

    limits.inflated_bytes = 0;
    buffer_reserve(&zeros, UNPACKED);
    memset(zeros.bytes, '0', UNPACKED);
    zeros.length = UNPACKED;
    append_gzip(&packed, buffer_slice(&zeros));
    start(&l, &limits);
    int other = connect_again(&l);
    snprintf(head, sizeof head, POST "Content-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n", packed.length);
    say_at_once(l.client, head);
    assert_int_equal(send(l.client, packed.bytes, packed.length, MSG_NOSIGNAL), packed.length);
    look(&l);
    say_at_once(other, HELLO);
    while (l.ended == 0) {
        look(&l);
        /* at most 16 turns are called between two looks at the sockets, and the loop ends with the second */
        assert_in_range(l.bodies.length - before, 0, 32 * (CONTENT_TURN_BYTES + 65536));
        before = l.bodies.length;
    }
    assert_true(answered(other) > 0);
    assert_in_range(l.bodies.length, 6, UNPACKED / 2);
    while (l.ended == 1)
        look(&l);
    assert_int_equal(l.bodies.length, UNPACKED + strlen("hello||"));
    collect(&l);
    assert_statuses(&l, "200 ");
    close(other);
    stop(&l);
    buffer_free(&zeros);
    buffer_free(&packed);
}

/* Each piece that the handler gets has it work for a turn, and one read may hold thousands of chunks. */
static void test_many_chunks_in_one_read_are_one_turn(void **state)
{
    enum { CHUNKS = 500 };
    struct buffer request = {0};
    struct listener l;
    (void)state;

    buffer_append_text(&request, POST "Transfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < CHUNKS; i++)
        buffer_append_text(&request, "1\r\na\r\n");
    buffer_append_text(&request, "0\r\n\r\n");
    start(&l, NULL);
    l.turns_left = MANY_TURNS;
    say_at_once(l.client, request.bytes);
    look(&l);
    assert_in_range(l.turns_left, MANY_TURNS - 64, MANY_TURNS - 1);
    while (l.turns_left)
        look(&l);
    for (int i = 0; i < CHUNKS; i++)
        look(&l);
    collect(&l);
    assert_int_equal(l.bodies.length, CHUNKS + strlen("|"));
    assert_statuses(&l, "200 ");
    stop(&l);
    buffer_free(&request);
}

/* The rest of the piece in which the bound is met waits for later turns. */
static void test_of_a_body_over_its_bound_all_up_to_the_bound_is_judged_though_it_takes_many_turns(void **state)
{
    enum { SPARE = 64 };
    struct source_limits limits = source_default_limits;
    struct buffer zeros = {0}, packed = {0};
    struct listener l;
    char head[160];
    (void)state;

    limits.inflated_bytes = 0;
    buffer_reserve(&zeros, UNPACKED);
    memset(zeros.bytes, '0', UNPACKED);
    zeros.length = UNPACKED;
    append_gzip(&packed, buffer_slice(&zeros));
    limits.body_bytes = packed.length - SPARE;
    start(&l, &limits);
    snprintf(head, sizeof head, POST "Content-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n", packed.length);
    say_at_once(l.client, head);
    assert_int_equal(send(l.client, packed.bytes, packed.length, MSG_NOSIGNAL), packed.length);
    while (l.ended == 0)
        look(&l);
    assert_in_range(l.bodies.length, UNPACKED - SPARE * 1100, UNPACKED);
    collect(&l);
    assert_statuses(&l, "413 ");
    stop(&l);
    buffer_free(&zeros);
    buffer_free(&packed);
}

static void test_a_plain_body_over_its_bound_ends_behind_the_turns_of_what_came_before(void **state)
{
    struct source_limits limits = source_default_limits;
    struct listener l;
    (void)state;

    limits.body_bytes = 3;
    start(&l, &limits);
    l.turns_left = MANY_TURNS;
    say_at_once(l.client, HELLO);
    look(&l);
    assert_int_equal(l.ended, 0);
    while (l.ended == 0)
        look(&l);
    assert_int_equal(l.turns_left, 0);
    assert_bodies(&l, "hel|");
    collect(&l);
    assert_statuses(&l, "413 ");
    stop(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_request_that_takes_many_turns_keeps_no_other_client_waiting),
        cmocka_unit_test(test_nothing_is_read_and_no_request_ends_while_a_turn_is_left),
        cmocka_unit_test(test_a_client_that_leaves_while_a_turn_is_left_is_given_up),
        cmocka_unit_test(test_what_a_compressed_body_unpacks_to_in_a_turn_is_bounded),
        cmocka_unit_test(test_many_chunks_in_one_read_are_one_turn),
        cmocka_unit_test(test_of_a_body_over_its_bound_all_up_to_the_bound_is_judged_though_it_takes_many_turns),
        cmocka_unit_test(test_a_plain_body_over_its_bound_ends_behind_the_turns_of_what_came_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
