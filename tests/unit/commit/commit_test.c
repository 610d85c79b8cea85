/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/commit/commit.h"
#include "daemon/commit/mailbox.h"
#include "tests/unit/store/faulty_vfs.h"

#include "harrier/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct commit_sender sender = {.source = 1, .connection = 1};

struct fixture {
    char directory[64];
    pthread_mutex_t hold; /* whoever has it keeps the commit thread in its wake-up */
    struct store *store;
    struct commit *commit;
    atomic_uint committed; /* calls of the commit thread's wake-up */
    atomic_uint done;
    atomic_uint refused;
};

static void on_committed(void *context)
{
    struct fixture *fixture = context;
    atomic_fetch_add(&fixture->committed, 1);
    pthread_mutex_lock(&fixture->hold);
    pthread_mutex_unlock(&fixture->hold);
}

static void on_done(void *context, enum result result, struct submission *submission)
{
    struct fixture *fixture = context;
    assert_int_equal(submission == NULL, result == RESULT_OK);
    submission_free(submission);
    if (result != RESULT_OK)
        atomic_fetch_add(&fixture->refused, 1);
    atomic_fetch_add(&fixture->done, 1);
}

static int setup_with(void **state, size_t queue_bytes, uint64_t size, const char *vfs)
{
    struct fixture *fixture = xcalloc(1, sizeof *fixture);
    char *error = NULL;

    snprintf(fixture->directory, sizeof fixture->directory, "/tmp/harrier-commit-XXXXXX");
    assert_non_null(mkdtemp(fixture->directory));
    const struct store_options options = {.directory = fixture->directory, .soft_bytes = size, .vfs = vfs};
    pthread_mutex_init(&fixture->hold, NULL);
    if (store_open(&options, &fixture->store, &error) != RESULT_OK)
        fail_msg("%s", error);
    const struct commit_options commit = {
        .store = fixture->store, .queue_bytes = queue_bytes, .committed = on_committed, .context = fixture, .directory = fixture->directory};
    fixture->commit = commit_start(&commit);
    *state = fixture;
    return 0;
}

static int setup(void **state)
{
    return setup_with(state, 1 << 20, 0, NULL);
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    char *command = xasprintf("rm -rf %s", fixture->directory);

    if (fixture->commit)
        commit_stop(fixture->commit);
    store_close(fixture->store);
    pthread_mutex_destroy(&fixture->hold);
    int status = system(command);
    free(command);
    free(fixture);
    return status;
}

static struct submission *one_dead_letter(size_t bytes)
{
    struct submission *submission = submission_new(SLICE("c"), SLICE("c"));
    char *kept = xcalloc(1, bytes);
    const struct submission_dead_letter letter = {
        .source = SLICE("s"), .reason = SLICE("syntax"), .detail = SLICE("d"), .total_length = bytes, .kept = slice_make(kept, bytes)};
    assert_int_equal(submission_add_dead_letter(submission, &letter), RESULT_OK);
    free(kept);
    return submission;
}

static void wait_until_done(struct fixture *fixture, unsigned int count)
{
    while (atomic_load(&fixture->done) < count)
        usleep(1000);
}

static void *submit_many(void *argument)
{
    struct fixture *fixture = argument;
    for (int i = 0; i < 50; i++) {
        struct submission *submission = one_dead_letter(100);
        while (!commit_submit(fixture->commit, &sender, submission, on_done, fixture))
            usleep(1000);
    }
    return NULL;
}

static void test_submissions_of_several_threads_are_each_committed_and_answered_once(void **state)
{
    struct fixture *fixture = *state;
    struct commit_counts counts;
    pthread_t threads[4];

    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, submit_many, fixture), 0);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    wait_until_done(fixture, 200);
    commit_counts(fixture->commit, &counts);
    assert_int_equal(counts.dead_letters_added, 200);
    assert_int_equal(atomic_load(&fixture->refused), 0);
    assert_int_equal(counts.queued_bytes, 0);
    assert_true(counts.commits <= 200);
    assert_true(atomic_load(&fixture->committed) >= 1);
}

static void test_what_is_queued_at_the_stop_is_still_committed(void **state)
{
    struct fixture *fixture = *state;

    for (int i = 0; i < 20; i++)
        assert_true(commit_submit(fixture->commit, &sender, one_dead_letter(10), on_done, fixture));
    commit_stop(fixture->commit);
    fixture->commit = NULL;
    assert_int_equal(atomic_load(&fixture->done), 20);
    assert_int_equal(atomic_load(&fixture->refused), 0);
}

static void test_in_a_hurry_what_can_be_sent_again_is_refused_and_the_rest_is_stored(void **state)
{
    const struct commit_sender again = {.source = 1, .connection = 2, .resends = true};
    struct fixture *fixture = *state;
    struct submission *submission = one_dead_letter(10);
    struct commit_counts counts;

    commit_hurry(fixture->commit, clock_monotonic());
    assert_false(commit_submit(fixture->commit, &again, submission, on_done, fixture));
    submission_free(submission);
    assert_true(commit_submit(fixture->commit, &sender, one_dead_letter(10), on_done, fixture));
    wait_until_done(fixture, 1);
    commit_counts(fixture->commit, &counts);
    assert_int_equal(counts.dead_letters_added, 1);
}

static void test_what_waits_when_the_hurry_begins_is_given_back_if_it_can_be_sent_again(void **state)
{
    const struct commit_sender again = {.source = 1, .connection = 2, .resends = true};
    struct fixture *fixture = *state;
    unsigned int count = 0;

    while (count < 2000) /* more than are committed before the next line */
        if (commit_submit(fixture->commit, &again, one_dead_letter(10), on_done, fixture))
            count++;
    commit_hurry(fixture->commit, clock_monotonic());
    wait_until_done(fixture, count);
    assert_true(atomic_load(&fixture->refused) > 0);
}

static int setup_small_queue(void **state)
{
    return setup_with(state, 1000, 0, NULL);
}

static void test_a_full_queue_refuses_and_leaves_the_submission_to_its_owner(void **state)
{
    struct fixture *fixture = *state;
    struct commit_counts counts;
    unsigned int taken = 0, refused = 0;

    for (int i = 0; i < 500; i++) {
        struct submission *submission = one_dead_letter(900);
        if (commit_submit(fixture->commit, &sender, submission, on_done, fixture)) {
            taken++;
        } else {
            refused++;
            submission_free(submission);
        }
    }
    wait_until_done(fixture, taken);
    commit_counts(fixture->commit, &counts);
    assert_true(refused > 0);
    assert_int_equal(counts.refused, refused);
    assert_int_equal(counts.dead_letters_added, taken);
}

struct retried {
    atomic_uint done;
    enum result result;
    uint64_t count;
};

static void on_retried(void *context, enum result result, uint64_t count)
{
    struct retried *retried = context;
    retried->result = result;
    retried->count = count;
    atomic_fetch_add(&retried->done, 1);
}

static void wait_until_retried(struct retried *retried, unsigned int count)
{
    while (atomic_load(&retried->done) < count)
        usleep(1000);
}

static void test_there_is_nothing_to_retry_in_an_empty_store(void **state)
{
    struct fixture *fixture = *state;
    struct retried retried = {.count = 7};
    assert_true(commit_retry_dead(fixture->commit, 0, NULL, on_retried, &retried));
    wait_until_retried(&retried, 1);
    assert_int_equal(retried.result, RESULT_NOT_FOUND);
    assert_int_equal(retried.count, 0);
    assert_true(commit_is_healthy(fixture->commit));
}

/* The old code waited in the call, which then never came back. */
static void test_a_retry_does_not_wait_for_a_commit_thread_that_is_busy(void **state)
{
    struct fixture *fixture = *state;
    struct retried retried = {0};
    unsigned int taken = 0;

    pthread_mutex_lock(&fixture->hold);
    assert_true(commit_submit(fixture->commit, &sender, one_dead_letter(10), on_done, fixture));
    while (!atomic_load(&fixture->committed))
        usleep(1000);
    while (taken < 1000 && commit_retry_dead(fixture->commit, 0, NULL, on_retried, &retried))
        taken++;
    assert_int_equal(atomic_load(&retried.done), 0);
    assert_true(taken > 0 && taken < 1000); /* they are bounded */
    pthread_mutex_unlock(&fixture->hold);
    wait_until_retried(&retried, taken);
}

static int setup_large_queue(void **state)
{
    return setup_with(state, 64 << 20, 0, NULL);
}

static void test_what_waits_is_committed_in_transactions_of_bounded_bytes(void **state)
{
    struct fixture *fixture = *state;
    struct commit_counts before, after;

    pthread_mutex_lock(&fixture->hold);
    assert_true(commit_submit(fixture->commit, &sender, one_dead_letter(10), on_done, fixture));
    while (!atomic_load(&fixture->committed)) /* it waits for the mutex now */
        usleep(1000);
    commit_counts(fixture->commit, &before);
    for (int i = 0; i < 4; i++)
        assert_true(commit_submit(fixture->commit, &sender, one_dead_letter(3 << 20), on_done, fixture));
    pthread_mutex_unlock(&fixture->hold);
    wait_until_done(fixture, 5);
    commit_counts(fixture->commit, &after);
    assert_int_equal(after.commits - before.commits, 2);
    assert_int_equal(atomic_load(&fixture->refused), 0);
}

/* --- a full store ------------------------------------------------------------------------------------------------------------------- */

enum { SMALL_STORE = 500 * 1000 };

static int setup_small_store(void **state)
{
    return setup_with(state, 16 << 20, SMALL_STORE, NULL);
}

static int setup_small_store_that_fails(void **state)
{
    faulty_register();
    return setup_with(state, 16 << 20, SMALL_STORE, "faulty");
}

static struct submission *one_alert(unsigned int number)
{
    struct submission *submission = submission_new(SLICE("c"), SLICE("c"));
    char id[SUBMISSION_ID_HEX + 1], json[8000];
    memset(json, 'x', sizeof json);
    snprintf(id, sizeof id, "%064x", number);
    const struct submission_alert alert = {.alert_id = slice_of(id),
                                           .dedup_key = slice_of(id),
                                           .rule = SLICE("r"),
                                           .severity = SLICE("HIGH"),
                                           .json = slice_make(json, sizeof json),
                                           .destinations = {SLICE("soc")},
                                           .destination_count = 1};
    assert_int_equal(submission_add_alert(submission, &alert), RESULT_OK);
    return submission;
}

/* True if it was stored. */
static bool submit_alert(struct fixture *fixture, unsigned int number)
{
    unsigned int refused = atomic_load(&fixture->refused), done = atomic_load(&fixture->done);
    assert_true(commit_submit(fixture->commit, &sender, one_alert(number), on_done, fixture));
    wait_until_done(fixture, done + 1);
    return atomic_load(&fixture->refused) == refused;
}

/* Returns how many alerts it took. */
static unsigned int fill(struct fixture *fixture)
{
    unsigned int stored = 0;
    while (submit_alert(fixture, stored + 1))
        stored++;
    assert_false(commit_is_healthy(fixture->commit));
    return stored;
}

static void report_delivered(struct fixture *fixture, unsigned int first, unsigned int last)
{
    for (unsigned int alert = first; alert <= last; alert++) {
        const struct store_delivery_result result = {
            .alert = alert, .state = STORE_DELIVERED, .attempts = 1, .time = clock_wall(), .destination = "soc"};
        commit_report(fixture->commit, &result, 1);
    }
}

static uint64_t pending(const struct fixture *fixture)
{
    struct store_reader *reader;
    struct store_counts *counts = xcalloc(1, sizeof *counts);
    char *error = NULL;
    assert_int_equal(store_reader_open(fixture->directory, &reader, &error), RESULT_OK);
    assert_int_equal(store_counts(reader, counts), RESULT_OK);
    uint64_t number = counts->destinations[0].pending;
    store_reader_close(reader);
    free(counts);
    return number;
}

static void test_a_full_store_recovers_while_a_sender_never_stops(void **state)
{
    struct fixture *fixture = *state;
    unsigned int stored = fill(fixture), tries = 0;

    report_delivered(fixture, 1, stored);
    while (!submit_alert(fixture, 1000000) && tries++ < 2000)
        ;
    assert_true(tries < 2000);
    assert_true(commit_is_healthy(fixture->commit));
    assert_int_equal(pending(fixture), 1);
}

static void test_what_was_delivered_from_a_full_store_is_known_after_a_stop(void **state)
{
    struct fixture *fixture = *state;
    unsigned int stored = fill(fixture);

    assert_true(commit_submit(fixture->commit, &sender, one_alert(1000000), on_done, fixture));
    report_delivered(fixture, 1, 10);
    commit_stop(fixture->commit);
    fixture->commit = NULL;
    assert_int_equal(pending(fixture), stored - 10);
}

static void test_what_cannot_come_again_is_stored_at_the_end_though_the_store_is_full(void **state)
{
    struct fixture *fixture = *state;
    const struct commit_sender plain = {.source = 2, .connection = 1, .insists = true};
    unsigned int stored = fill(fixture);

    assert_true(commit_submit(fixture->commit, &plain, one_alert(1000000), on_done, fixture));
    commit_stop(fixture->commit);
    fixture->commit = NULL;
    assert_int_equal(pending(fixture), stored + 1);
}

static void test_a_full_store_counts_what_it_refuses_and_no_commit_fails(void **state)
{
    struct fixture *fixture = *state;
    struct commit_counts counts;

    fill(fixture);
    for (unsigned int i = 0; i < 5; i++)
        assert_false(submit_alert(fixture, 1000000 + i));
    commit_counts(fixture->commit, &counts);
    assert_int_equal(counts.refused_for_room, 6);
    assert_int_equal(counts.failures, 0);
}

/* The one is no excuse for the other: what failed is counted, told, and tried again later. */
static void test_a_failed_sync_is_a_failure_though_another_submission_finds_no_room(void **state)
{
    struct fixture *fixture = *state;
    const struct commit_sender plain = {.source = 2, .connection = 1, .insists = true};
    struct commit_counts counts;

    fill(fixture);
    pthread_mutex_lock(&fixture->hold); /* in its wake-up the thread takes nothing: both come into one batch */
    unsigned int before = atomic_load(&fixture->committed), done = atomic_load(&fixture->done);
    assert_true(commit_submit(fixture->commit, &plain, one_alert(1000000), on_done, fixture));
    while (atomic_load(&fixture->committed) == before)
        usleep(1000);
    assert_true(commit_submit(fixture->commit, &plain, one_alert(1000001), on_done, fixture));
    assert_true(commit_submit(fixture->commit, &sender, one_alert(1000002), on_done, fixture));
    fail_syncs = 1;
    commit_counts(fixture->commit, &counts);
    uint64_t refused_for_room = counts.refused_for_room;
    pthread_mutex_unlock(&fixture->hold);
    wait_until_done(fixture, done + 3);
    commit_counts(fixture->commit, &counts);
    assert_int_equal(counts.refused_for_room - refused_for_room, 1);
    assert_int_equal(counts.failures, 1);
}

/* --- mailbox ------------------------------------------------------------------------------------------------------------------------ */

struct counting_message {
    struct mailbox_message message;
    unsigned int number;
};

struct receiver {
    struct event_base *base;
    struct mailbox *mailbox;
    unsigned int received, in_order;
};

static void received(struct mailbox_message *message, void *context)
{
    struct counting_message *counting = (struct counting_message *)message;
    struct receiver *receiver = context;
    receiver->in_order += counting->number == receiver->received;
    free(counting);
    if (++receiver->received == 1000)
        event_base_loopbreak(receiver->base);
}

static void *post_thousand(void *argument)
{
    struct receiver *receiver = argument;
    for (unsigned int i = 0; i < 1000; i++) {
        struct counting_message *message = xcalloc(1, sizeof *message);
        message->message.deliver = received;
        message->number = i;
        mailbox_post(receiver->mailbox, &message->message);
    }
    return NULL;
}

static void test_messages_from_another_thread_arrive_each_once_and_in_order(void **state)
{
    struct receiver receiver = {.base = event_base_new()};
    pthread_t thread;
    (void)state;
    receiver.mailbox = mailbox_new(receiver.base, &receiver);
    assert_int_equal(pthread_create(&thread, NULL, post_thousand, &receiver), 0);
    event_base_loop(receiver.base, EVLOOP_NO_EXIT_ON_EMPTY);
    pthread_join(thread, NULL);
    assert_int_equal(receiver.received, 1000);
    assert_int_equal(receiver.in_order, 1000);
    mailbox_free(receiver.mailbox);
    event_base_free(receiver.base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_submissions_of_several_threads_are_each_committed_and_answered_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_queued_at_the_stop_is_still_committed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_in_a_hurry_what_can_be_sent_again_is_refused_and_the_rest_is_stored, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_waits_when_the_hurry_begins_is_given_back_if_it_can_be_sent_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_full_queue_refuses_and_leaves_the_submission_to_its_owner, setup_small_queue, teardown),
        cmocka_unit_test_setup_teardown(test_there_is_nothing_to_retry_in_an_empty_store, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_retry_does_not_wait_for_a_commit_thread_that_is_busy, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_waits_is_committed_in_transactions_of_bounded_bytes, setup_large_queue, teardown),
        cmocka_unit_test_setup_teardown(test_a_full_store_recovers_while_a_sender_never_stops, setup_small_store, teardown),
        cmocka_unit_test_setup_teardown(test_what_was_delivered_from_a_full_store_is_known_after_a_stop, setup_small_store, teardown),
        cmocka_unit_test_setup_teardown(test_what_cannot_come_again_is_stored_at_the_end_though_the_store_is_full, setup_small_store, teardown),
        cmocka_unit_test_setup_teardown(test_a_full_store_counts_what_it_refuses_and_no_commit_fails, setup_small_store, teardown),
        cmocka_unit_test_setup_teardown(test_a_failed_sync_is_a_failure_though_another_submission_finds_no_room, setup_small_store_that_fails, teardown),
        cmocka_unit_test(test_messages_from_another_thread_arrive_each_once_and_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
