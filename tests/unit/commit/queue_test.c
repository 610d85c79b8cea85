/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/commit/queue.h"

#include "harrier/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

enum { MIB = 1024 * 1024, ROOM = 64 * MIB };

static int setup(void **state)
{
    *state = commit_queue_new(ROOM);
    return 0;
}

static int teardown(void **state)
{
    struct commit_waiting waiting;

    while (commit_queue_take(*state, &waiting))
        submission_free(waiting.submission);
    assert_int_equal(commit_queue_count(*state), 0);
    assert_int_equal(commit_queue_bytes(*state), 0);
    commit_queue_free(*state);
    return 0;
}

/* name: to be known again by, as the cluster. */
static bool add_as(struct commit_queue *queue, struct commit_sender sender, size_t bytes, const char *name)
{
    struct submission *submission = submission_new(slice_of(name), SLICE(""));
    char *kept = xcalloc(1, bytes);
    const struct submission_dead_letter letter = {.source = SLICE("s"), .reason = SLICE("r"), .kept = slice_make(kept, bytes)};

    assert_int_equal(submission_add_dead_letter(submission, &letter), RESULT_OK);
    free(kept);
    const struct commit_waiting waiting = {.submission = submission, .sender = sender};
    bool added = commit_queue_add(queue, &waiting);
    if (!added)
        submission_free(submission);
    return added;
}

static bool add(struct commit_queue *queue, int64_t source, uint64_t connection, size_t bytes)
{
    return add_as(queue, (struct commit_sender){.source = source, .connection = connection}, bytes, "");
}

static struct commit_sender take(struct commit_queue *queue)
{
    struct commit_waiting waiting;

    assert_true(commit_queue_take(queue, &waiting));
    submission_free(waiting.submission);
    return waiting.sender;
}

static void test_a_small_submission_is_next_whatever_eight_heavy_sources_have_waiting(void **state)
{
    for (int round = 0; round < 4; round++)
        for (int64_t source = 1; source <= 8; source++)
            assert_true(add(*state, source, 1, MIB));
    for (int i = 0; i < 11; i++)
        assert_true(take(*state).source != 0);
    assert_true(add(*state, 0, 1, 4000));
    assert_int_equal(take(*state).source, 0);
}

static void test_a_small_submission_is_next_whatever_eight_connections_of_its_own_source_have_waiting(void **state)
{
    for (int round = 0; round < 4; round++)
        for (uint64_t connection = 1; connection <= 8; connection++)
            assert_true(add(*state, 0, connection, MIB));
    for (int i = 0; i < 11; i++)
        assert_true(take(*state).connection != 100);
    assert_true(add(*state, 0, 100, 4000));
    assert_int_equal(take(*state).connection, 100);
}

static void test_sources_share_by_bytes_however_many_connections_or_submissions_each_has(void **state)
{
    size_t bytes[3] = {0};

    for (int i = 0; i < 12; i++)
        assert_true(add(*state, 0, 1, MIB));
    for (uint64_t connection = 1; connection <= 12; connection++)
        assert_true(add(*state, 1, connection, MIB));
    for (int i = 0; i < 3000; i++)
        assert_true(add(*state, 2, (uint64_t)i % 50, 3000));
    for (int i = 0; i < 1000; i++) {
        int64_t source = take(*state).source;
        bytes[source] += source == 2 ? 3000 : MIB;
    }
    for (int source = 0; source < 2; source++)
        assert_in_range(bytes[source], bytes[2] - 2 * MIB, bytes[2] + 2 * MIB);
}

static void test_the_large_submission_of_one_who_then_pauses_is_not_forgiven_while_others_wait(void **state)
{
    size_t bytes[2] = {0};

    /* one sends a megabyte at a time and waits for its answer, as plain syslog does; the other keeps ten small ones waiting */
    for (int i = 0; i < 10; i++)
        assert_true(add(*state, 0, 1, 10000));
    assert_true(add(*state, 1, 1, MIB));
    for (int i = 0; i < 2000; i++) {
        int64_t source = take(*state).source;
        bytes[source] += source == 0 ? 10000 : MIB;
        assert_true(add(*state, source, 1, source == 0 ? 10000 : MIB));
    }
    assert_in_range(bytes[1], bytes[0] / 2, bytes[0] + 2 * MIB);
}

static void test_a_new_connection_for_each_submission_does_not_starve_those_that_stay(void **state)
{
    uint64_t fresh = 1000;
    int taken = 0;

    for (int i = 0; i < 8; i++)
        assert_true(add(*state, 0, 1, 50000));
    for (int i = 0; i < 10; i++)
        assert_true(add(*state, 0, fresh++, 50000));
    for (int i = 0; i < 100; i++) {
        if (take(*state).connection == 1)
            taken++;
        else
            assert_true(add(*state, 0, fresh++, 50000));
    }
    assert_int_equal(taken, 8);
}

static void test_a_connection_s_submissions_keep_their_order(void **state)
{
    struct commit_waiting waiting;
    struct submission_reader reader;
    const char *const names[] = {"a", "b", "c", "d", "e"};

    for (size_t i = 0; i < 5; i++) {
        assert_true(add_as(*state, (struct commit_sender){.source = 1, .connection = 7}, i % 2 ? MIB : 100, names[i]));
        assert_true(add(*state, 1, 8, 200000));
    }
    for (size_t i = 0; i < 5;) {
        assert_true(commit_queue_take(*state, &waiting));
        if (waiting.sender.connection == 7) {
            assert_int_equal(submission_reader_open(&reader, submission_bytes(waiting.submission)), RESULT_OK);
            assert_true(slice_is(reader.cluster, names[i]));
            i++;
        }
        submission_free(waiting.submission);
    }
}

static void test_one_source_alone_has_most_of_the_room_and_never_the_last_of_it(void **state)
{
    int taken = 0;

    while (add(*state, 1, 1, MIB))
        taken++;
    assert_in_range(taken, 48, 62);
    for (int i = 0; i < 4; i++)
        assert_true(add(*state, 2, 1, MIB));
}

static void test_a_source_that_floods_from_many_connections_leaves_room_for_another_connection_and_another_source(void **state)
{
    for (uint64_t connection = 1; connection <= 200; connection++)
        while (add(*state, 1, connection, MIB))
            continue;
    assert_true(commit_queue_bytes(*state) < ROOM);
    assert_true(add(*state, 1, 1000, 4000));
    for (int i = 0; i < 4; i++)
        assert_true(add(*state, 2, 1, MIB));
}

static void test_a_source_with_nothing_waiting_is_taken_whatever_the_others_hold(void **state)
{
    for (int64_t source = 1; source <= 40; source++)
        while (add(*state, source, 1, MIB))
            continue;
    assert_true(add(*state, 100, 1, 5 * MIB));
    assert_true(add(*state, COMMIT_OWN, 0, 1000));
}

static void test_who_insists_is_taken_whatever_waits(void **state)
{
    while (add(*state, 1, 1, MIB))
        continue;
    assert_true(add_as(*state, (struct commit_sender){.source = 1, .connection = 1, .insists = true}, MIB, ""));
}

static void test_what_can_be_sent_again_can_be_given_back_and_the_rest_stays(void **state)
{
    struct commit_waiting waiting;
    int given_back = 0;

    for (uint64_t connection = 1; connection <= 20; connection++)
        assert_true(add_as(*state, (struct commit_sender){.source = 1, .connection = connection, .resends = connection % 2}, 1000, ""));
    while (commit_queue_take_resendable(*state, &waiting)) {
        assert_int_equal(waiting.sender.connection % 2, 1);
        submission_free(waiting.submission);
        given_back++;
    }
    assert_int_equal(given_back, 10);
    assert_int_equal(commit_queue_count(*state), 10);
    for (int i = 0; i < 10; i++)
        assert_false(take(*state).resends);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_small_submission_is_next_whatever_eight_heavy_sources_have_waiting, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_small_submission_is_next_whatever_eight_connections_of_its_own_source_have_waiting, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sources_share_by_bytes_however_many_connections_or_submissions_each_has, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_large_submission_of_one_who_then_pauses_is_not_forgiven_while_others_wait, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_new_connection_for_each_submission_does_not_starve_those_that_stay, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_connection_s_submissions_keep_their_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_source_alone_has_most_of_the_room_and_never_the_last_of_it, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_source_that_floods_from_many_connections_leaves_room_for_another_connection_and_another_source, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_source_with_nothing_waiting_is_taken_whatever_the_others_hold, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_insists_is_taken_whatever_waits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_can_be_sent_again_can_be_given_back_and_the_rest_stays, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
