/* SPDX-License-Identifier: Apache-2.0 */
/* A follower and its handler: stretches, back-pressure, refusals, positions, and what is left after a crash. */
#include "harrier/follower.h"

#include "harrier/base/buffer.h"
#include "harrier/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <event2/event.h>
#include <fcntl.h>
#include <unistd.h>

#define T "2026-11-24T04:46:20.123456789Z "

enum answering { AT_ONCE, LATER };

/* A handler that writes down what it gets: messages as <...>, acknowledged units as [...]. A message that holds ALERT is something to be kept,
 * and the position is kept with it, as the daemon does. */
struct fixture {
    char folder[64];
    char *path;
    struct event_base *base;
    struct source_worker *worker;
    struct source_follower_options options;
    struct source_follower *follower;
    enum answering answering;
    int refuse_begin, refuse_body, refuse_answer; /* so many times */
    unsigned int refuse_status;
    /* the unit in hand */
    struct source_request *request;
    struct buffer unit;
    bool within, owes, resends;
    bool ended;
    /* all of them */
    struct buffer log;
    char stored[4096]; /* position */
    int begun, aborted, acknowledged, refused, empty, due;
};

static void *on_begin(void *data, struct source_request *request, const struct source_head *head, struct source_refusal *refusal)
{
    struct fixture *fixture = data;
    assert_null(fixture->request);
    assert_int_equal(head->source, 7);
    assert_null(head->client);
    if (fixture->refuse_begin > 0) {
        fixture->refuse_begin--;
        refusal->status = fixture->refuse_status;
        refusal->retry_after = 0;
        return NULL;
    }
    fixture->begun++;
    fixture->request = request;
    fixture->unit.length = 0;
    fixture->within = fixture->owes = fixture->ended = false;
    fixture->resends = head->resends;
    return fixture;
}

static enum result on_body(void *context, struct slice bytes)
{
    struct fixture *fixture = context;
    assert_false(fixture->ended);
    if (fixture->refuse_body > 0) {
        fixture->refuse_body--;
        return RESULT_BUSY;
    }
    if (!fixture->within)
        buffer_append_byte(&fixture->unit, '<');
    fixture->within = true;
    buffer_append_slice(&fixture->unit, bytes);
    return RESULT_OK;
}

static void on_message_end(void *context)
{
    struct fixture *fixture = context;
    assert_true(fixture->within);
    fixture->within = false;
    buffer_append_byte(&fixture->unit, '>');
}

static void give_answer(struct fixture *fixture)
{
    struct source_request *request = fixture->request;
    struct source_position position;

    fixture->request = NULL;
    if (fixture->refuse_answer > 0) {
        fixture->refuse_answer--;
        fixture->refused++;
        source_request_answer(request, 503, 10, (struct slice){0});
        return;
    }
    if (source_request_position(request, &position)) {
        fixture->due += position.due;
        if (fixture->owes || position.due)
            snprintf(fixture->stored, sizeof fixture->stored, "%.*s", SLICE_ARGS(position.value));
    }
    if (fixture->unit.length)
        buffer_printf(&fixture->log, "[%.*s]", SLICE_ARGS(buffer_slice(&fixture->unit)));
    fixture->empty += fixture->unit.length == 0;
    fixture->acknowledged++;
    source_request_answer(request, fixture->unit.length ? 200 : 400, 0, (struct slice){0});
}

static void on_end(void *context)
{
    struct fixture *fixture = context;
    assert_false(fixture->within);
    fixture->ended = true;
    fixture->owes = slice_find(buffer_slice(&fixture->unit), SLICE("ALERT")) >= 0;
    if (fixture->answering == AT_ONCE)
        give_answer(fixture);
}

static void on_abort(void *context)
{
    struct fixture *fixture = context;
    fixture->aborted++;
    fixture->request = NULL;
}

static void start(struct fixture *fixture)
{
    fixture->follower = source_follower_new(fixture->worker, &fixture->options, slice_of(fixture->stored));
    source_follower_start(fixture->follower);
}

/* The process is gone; what it had not stored is lost to it. */
static void crash(struct fixture *fixture)
{
    source_follower_free(fixture->follower);
    fixture->follower = NULL;
    fixture->request = NULL;
}

static int setup(void **state)
{
    struct fixture *fixture = xcalloc(1, sizeof *fixture);
    const struct source_handler handler = {
        .data = fixture, .begin = on_begin, .body = on_body, .message_end = on_message_end, .end = on_end, .abort = on_abort};
    snprintf(fixture->folder, sizeof fixture->folder, "/tmp/harrier-follower-test-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    fixture->path = xasprintf("%s/audit.log", fixture->folder);
    fixture->base = event_base_new();
    fixture->worker = source_worker_new(fixture->base, &source_default_limits, NULL, 0, &handler);
    fixture->refuse_status = 503;
    fixture->options = (struct source_follower_options){.source = 7,
                                                        .name = "node",
                                                        .path = fixture->path,
                                                        .look_interval = 2 * CLOCK_MILLISECOND,
                                                        .grace = 10 * CLOCK_MILLISECOND,
                                                        .part_grace = 20 * CLOCK_MILLISECOND,
                                                        .position_interval = 1000 * CLOCK_SECOND};
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    char *command = xasprintf("rm -r %s", fixture->folder);
    source_follower_free(fixture->follower);
    source_worker_free(fixture->worker);
    event_base_free(fixture->base);
    assert_int_equal(system(command), 0);
    buffer_free(&fixture->unit);
    buffer_free(&fixture->log);
    free(command);
    free(fixture->path);
    free(fixture);
    return 0;
}

static void append(const struct fixture *fixture, const char *text)
{
    int fd = open(fixture->path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void rotate(const struct fixture *fixture, const char *name)
{
    char *to = xasprintf("%s/%s", fixture->folder, name);
    assert_int_equal(rename(fixture->path, to), 0);
    free(to);
}

/* Turns of the loop, a look's interval each. */
static void turns(struct fixture *fixture, int count)
{
    for (int i = 0; i < count; i++) {
        event_base_loop(fixture->base, EVLOOP_NONBLOCK);
        usleep(1000);
    }
}

static void run_until(struct fixture *fixture, const int *count, int wanted)
{
    for (int i = 0; i < 20000 && *count < wanted; i++)
        turns(fixture, 1);
    assert_int_equal(*count, wanted);
}

static void run_until_ended(struct fixture *fixture)
{
    for (int i = 0; i < 20000 && !(fixture->request && fixture->ended); i++)
        turns(fixture, 1);
    assert_non_null(fixture->request);
    assert_true(fixture->ended);
}

static void assert_log(struct fixture *fixture, const char *expected)
{
    for (int i = 0; i < 20000 && !(slice_is(buffer_slice(&fixture->log), expected)); i++)
        turns(fixture, 1);
    assert_string_equal(fixture->log.bytes ? fixture->log.bytes : "", expected);
    turns(fixture, 10); /* and no more */
    assert_string_equal(fixture->log.bytes ? fixture->log.bytes : "", expected);
}

static struct source_follower_counts counts(const struct fixture *fixture)
{
    struct source_follower_counts now;
    source_follower_count(fixture->follower, &now);
    return now;
}

/* --- stretches ----------------------------------------------------------------------------------------------------------------------- */

static void test_whole_lines_are_handed_over_and_an_unfinished_one_waits(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, "a\nb\nhal");
    start(fixture);
    assert_log(fixture, "[<a\n><b\n>]");
    append(fixture, "f\n");
    assert_log(fixture, "[<a\n><b\n>][<half\n>]");
    assert_true(fixture->resends);
    assert_int_equal(counts(fixture).lines, 3);
    assert_int_equal(counts(fixture).bytes, 9);
    assert_int_equal(counts(fixture).offset, 9);
    assert_int_equal(counts(fixture).lag_bytes, 0);
    assert_true(counts(fixture).readable);
}

static void test_a_file_that_comes_later_is_read(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
    assert_log(fixture, "");
    assert_false(counts(fixture).readable);
    append(fixture, "a\n");
    assert_log(fixture, "[<a\n>]");
}

static void test_nothing_is_begun_while_an_answer_is_owed(void **state)
{
    struct fixture *fixture = *state;
    fixture->answering = LATER;
    append(fixture, "a\n");
    start(fixture);
    run_until_ended(fixture);
    append(fixture, "b\nc\n");
    turns(fixture, 20);
    assert_int_equal(fixture->begun, 1);
    assert_int_equal(counts(fixture).lag_bytes, 6); /* with what is not acknowledged */
    give_answer(fixture);
    run_until_ended(fixture);
    give_answer(fixture);
    assert_log(fixture, "[<a\n>][<b\n><c\n>]");
}

static void test_a_line_longer_than_a_stretch_is_one_message_of_one_unit(void **state)
{
    struct fixture *fixture = *state;
    fixture->options.stretch_bytes = 8;
    append(fixture, "ab\n0123456789abcdefghijklmnopqrstuvwxyz\ncd\n");
    start(fixture);
    assert_log(fixture, "[<ab\n>][<0123456789abcdefghijklmnopqrstuvwxyz\n><cd\n>]");
    assert_int_equal(counts(fixture).lines, 4 - 1);
}

static void test_a_long_line_that_is_refused_is_read_again(void **state)
{
    struct fixture *fixture = *state;
    fixture->options.stretch_bytes = 8;
    append(fixture, "ab\n0123456789abcdefghijklmnopqrstuvwxyz\ncd\n");
    fixture->answering = LATER;
    start(fixture);
    run_until_ended(fixture);
    give_answer(fixture);
    run_until_ended(fixture);
    fixture->refuse_answer = 1;
    fixture->answering = AT_ONCE;
    give_answer(fixture);
    assert_log(fixture, "[<ab\n>][<0123456789abcdefghijklmnopqrstuvwxyz\n><cd\n>]");
    assert_int_equal(fixture->refused, 1);
    assert_int_equal(counts(fixture).bytes, 43);
}

/* --- refusals ------------------------------------------------------------------------------------------------------------------------- */

static void test_what_is_refused_comes_again_until_it_is_taken(void **state)
{
    struct fixture *fixture = *state;
    fixture->refuse_answer = 3;
    append(fixture, "a\nb\n");
    start(fixture);
    assert_log(fixture, "[<a\n><b\n>]");
    assert_int_equal(fixture->refused, 3);
    assert_int_equal(counts(fixture).refusals, 3);
    assert_int_equal(counts(fixture).lines, 2);
    append(fixture, "c\n");
    assert_log(fixture, "[<a\n><b\n>][<c\n>]");
}

static void test_a_handler_that_begins_nothing_is_asked_again(void **state)
{
    struct fixture *fixture = *state;
    fixture->refuse_begin = 2;
    append(fixture, "a\n");
    start(fixture);
    assert_log(fixture, "[<a\n>]");
    assert_int_equal(fixture->refuse_begin, 0);
}

static void test_too_many_events_for_now_is_no_failure(void **state)
{
    struct fixture *fixture = *state;
    fixture->refuse_begin = 2;
    fixture->refuse_status = 429;
    append(fixture, "a\n");
    start(fixture);
    assert_log(fixture, "[<a\n>]");
    assert_int_equal(counts(fixture).refusals, 0);
}

static void test_bytes_that_a_handler_does_not_take_come_again(void **state)
{
    struct fixture *fixture = *state;
    fixture->refuse_body = 2;
    append(fixture, "a\n" T "stdout P b\n" T "stdout F c\n");
    start(fixture);
    assert_log(fixture, "[<a\n><bc\n>]");
    assert_int_equal(fixture->aborted, 2);
}

/* --- containers' logs ----------------------------------------------------------------------------------------------------------------- */

static void test_parts_wait_for_the_last_one_and_hold_nothing_up(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, T "stdout F x\n" T "stdout P a\n");
    start(fixture);
    assert_log(fixture, "[<x\n>]");
    append(fixture, T "stdout P b\n");
    assert_log(fixture, "[<x\n>]");
    append(fixture, T "stdout F c\n" T "stdout P d\n");
    assert_log(fixture, "[<x\n>][<abc\n>]");
    assert_int_equal(counts(fixture).lines, 4);
    assert_int_equal(counts(fixture).lag_bytes, sizeof(T "stdout P d\n") - 1);
}

static void test_a_restart_between_parts_reads_the_message_from_its_first_part(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, T "stdout F ALERT\n" T "stdout P a\n");
    start(fixture);
    assert_log(fixture, "[<ALERT\n>]");
    crash(fixture);
    append(fixture, T "stdout F b\n");
    start(fixture);
    assert_log(fixture, "[<ALERT\n>][<ab\n>]");
}

static void test_a_part_without_an_end_does_not_hold_up_what_is_behind_it(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, T "stderr P half\n" T "stdout F x\n" T "stdout P a\n");
    start(fixture);
    assert_log(fixture, "[<half><x\n>]");
    append(fixture, T "stdout F b\n" T "stderr F late\n");
    assert_log(fixture, "[<half><x\n>][<ab\n><late\n>]");
    crash(fixture);
    fixture->log.length = 0;
    append(fixture, T "stderr P half\n" T "stdout F y\n");
    start(fixture);
    assert_log(fixture, "[<ab\n><late\n>][<half><y\n>]");
}

static void test_a_part_that_holds_nothing_up_waits_for_the_others(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, T "stdout P a\n");
    start(fixture);
    turns(fixture, 100);
    append(fixture, T "stdout F b\n");
    assert_log(fixture, "[<ab\n>]");
}

static void test_a_part_without_an_end_does_not_hold_up_what_is_longer_than_a_stretch(void **state)
{
    struct fixture *fixture = *state;
    fixture->options.stretch_bytes = 100;
    append(fixture, T "stderr P half\n" T "stdout F one\n" T "stdout F two\n" T "stdout F three\n" T "stdout F four\n");
    start(fixture);
    assert_log(fixture, "[<half><one\n><two\n><three\n><four\n>]");
    assert_int_equal(counts(fixture).lag_bytes, 0);
}

/* --- rotation ------------------------------------------------------------------------------------------------------------------------------ */

static void test_an_unfinished_line_of_a_rotated_file_is_a_message_as_it_is(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, "a\ncut");
    start(fixture);
    assert_log(fixture, "[<a\n>]");
    rotate(fixture, "audit.log.1");
    append(fixture, "b\n");
    assert_log(fixture, "[<a\n>][<cut>][<b\n>]");
    assert_int_equal(counts(fixture).rotations, 1);
    assert_int_equal(counts(fixture).offset, 2);
}

static void test_parts_without_their_last_one_are_a_message_at_the_files_end(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, T "stdout P a\n" T "stderr P 1\n");
    start(fixture);
    assert_log(fixture, "");
    rotate(fixture, "audit.log.1");
    assert_log(fixture, "");
    append(fixture, "b\n");
    assert_log(fixture, "[<a><b\n><1>]");
}

static void test_a_message_whose_parts_are_in_two_files_is_whole(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, T "stdout F x\n" T "stdout P a\n");
    start(fixture);
    assert_log(fixture, "[<x\n>]");
    rotate(fixture, "audit.log.20261124-044613");
    append(fixture, T "stdout P b\n");
    turns(fixture, 30);
    rotate(fixture, "audit.log.20261124-044713");
    append(fixture, T "stdout F c\n" T "stdout F y\n");
    assert_log(fixture, "[<x\n>][<abc\n><y\n>]");
    append(fixture, "z\n");
    assert_log(fixture, "[<x\n>][<abc\n><y\n>][<z\n>]");
    assert_int_equal(counts(fixture).lines, 6);
    assert_int_equal(counts(fixture).lag_bytes, 0);
    assert_int_equal(counts(fixture).offset, 2 * (sizeof(T "stdout F c\n") - 1) + 2);
    assert_int_equal(counts(fixture).lost, 0);
}

static void test_a_message_in_two_files_that_is_refused_comes_again_from_the_first(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, T "stdout F x\n" T "stdout P a\n");
    start(fixture);
    assert_log(fixture, "[<x\n>]");
    fixture->refuse_answer = 2;
    rotate(fixture, "audit.log.1");
    append(fixture, T "stdout F b\n");
    assert_log(fixture, "[<x\n>][<ab\n>]");
    assert_int_equal(fixture->refused, 2);
    append(fixture, "z\n");
    assert_log(fixture, "[<x\n>][<ab\n>][<z\n>]");
    assert_int_equal(counts(fixture).lost, 0);
}

static void test_a_restart_between_parts_in_two_files_begins_in_the_first(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, T "stdout F x\n" T "stdout F ALERT\n" T "stdout P a\n");
    start(fixture);
    assert_log(fixture, "[<x\n><ALERT\n>]");
    rotate(fixture, "audit.log.1");
    append(fixture, "");
    for (int i = 0; i < 20000 && fixture->begun < 2; i++)
        turns(fixture, 1);
    turns(fixture, 20); /* in the new file, which is empty */
    crash(fixture);
    start(fixture);
    for (int i = 0; i < 20000 && fixture->begun < 3; i++)
        turns(fixture, 1);
    turns(fixture, 20);
    source_follower_drain(fixture->follower);
    crash(fixture);
    append(fixture, T "stdout F b\n");
    start(fixture);
    assert_log(fixture, "[<x\n><ALERT\n>][<ab\n>]");
}

/* The container was started anew: its first line is no part of what the one before it left. */
static void test_a_part_does_not_go_on_in_another_log(void **state)
{
    struct fixture *fixture = *state;
    const char *link = fixture->path;
    assert_int_equal(symlink("0.log", link), 0);
    append(fixture, T "stdout P a\n");
    start(fixture);
    assert_log(fixture, "");
    assert_int_equal(unlink(link), 0);
    assert_int_equal(symlink("1.log", link), 0);
    append(fixture, T "stdout F ALERT\n");
    assert_log(fixture, "[<a>][<ALERT\n>]");
}

static void test_a_truncated_file_begins_anew(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, "a\nb\ncut");
    start(fixture);
    assert_log(fixture, "[<a\n><b\n>]");
    assert_int_equal(truncate(fixture->path, 0), 0);
    append(fixture, "c\n");
    assert_log(fixture, "[<a\n><b\n>][<cut>][<c\n>]");
    assert_int_equal(counts(fixture).truncations, 1);
}

/* --- positions ------------------------------------------------------------------------------------------------------------------------------ */

static void test_a_position_is_stored_with_what_is_owed(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, "a\n");
    start(fixture);
    assert_log(fixture, "[<a\n>]");
    assert_int_equal(fixture->due, 1); /* the first one always */
    append(fixture, "b\n");
    assert_log(fixture, "[<a\n>][<b\n>]");
    append(fixture, "ALERT\n");
    assert_log(fixture, "[<a\n>][<b\n>][<ALERT\n>]");
    append(fixture, "c\n");
    assert_log(fixture, "[<a\n>][<b\n>][<ALERT\n>][<c\n>]");
    assert_int_equal(fixture->due, 1);
    crash(fixture);
    fixture->log.length = 0;
    start(fixture);
    assert_log(fixture, "[<c\n>]"); /* less than the interval of positions is read twice, and no alert */
}

static void test_a_position_alone_is_stored_when_nothing_comes(void **state)
{
    struct fixture *fixture = *state;
    fixture->options.position_interval = 50 * CLOCK_MILLISECOND;
    append(fixture, "a\n");
    start(fixture);
    assert_log(fixture, "[<a\n>]");
    append(fixture, "b\nhal");
    assert_log(fixture, "[<a\n>][<b\n>]");
    for (int i = 0; i < 20000 && fixture->empty < 1 && fixture->due < 2; i++)
        turns(fixture, 1);
    turns(fixture, 200);
    assert_int_equal(fixture->due, 2); /* and not again and again */
    crash(fixture);
    fixture->log.length = 0;
    append(fixture, "f\n");
    start(fixture);
    assert_log(fixture, "[<half\n>]");
}

static void test_draining_stores_the_position_and_begins_nothing(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, "a\n");
    start(fixture);
    assert_log(fixture, "[<a\n>]");
    append(fixture, "b\n");
    assert_log(fixture, "[<a\n>][<b\n>]");
    source_follower_drain(fixture->follower);
    assert_int_equal(fixture->empty, 1);
    append(fixture, "c\n");
    assert_log(fixture, "[<a\n>][<b\n>]");
    crash(fixture);
    fixture->log.length = 0;
    start(fixture);
    assert_log(fixture, "[<c\n>]");
}

static void test_draining_gives_an_unfinished_message_up(void **state)
{
    struct fixture *fixture = *state;
    fixture->options.stretch_bytes = 8;
    append(fixture, "a\n0123456789abcdef");
    start(fixture);
    assert_log(fixture, "[<a\n>]");
    assert_non_null(fixture->request);
    source_follower_drain(fixture->follower);
    assert_int_equal(fixture->aborted, 1);
    crash(fixture);
    append(fixture, "\n");
    start(fixture);
    assert_log(fixture, "[<a\n>][<0123456789abcdef\n>]");
}

static void test_an_answer_after_the_followers_end_is_dropped(void **state)
{
    struct fixture *fixture = *state;
    fixture->answering = LATER;
    append(fixture, "a\n");
    start(fixture);
    run_until_ended(fixture);
    struct source_request *request = fixture->request;
    source_follower_free(fixture->follower);
    fixture->follower = NULL;
    source_request_answer(request, 200, 0, (struct slice){0});
    fixture->request = NULL;
}

/* A crash at each step of a log's life: with every line kept, each is there once and in its order. */
static void test_a_crash_at_any_step_loses_nothing_and_doubles_nothing_that_is_owed(void **state)
{
    enum { STEPS = 60 };
    struct fixture *fixture = *state;
    struct buffer expected = {0};
    struct buffer found = {0};
    for (int step = 0; step < STEPS; step++) {
        char line[300];
        snprintf(line, sizeof line, "ALERT %04d %0200d\n", step, step);
        if (step % 3 == 0)
            start(fixture);
        append(fixture, line);
        buffer_append_text(&expected, line);
        turns(fixture, step % 4);
        if (step % 10 == 9) {
            snprintf(line, sizeof line, "audit.log.%d", STEPS - step);
            rotate(fixture, line);
        }
        if (step % 3 == 2)
            crash(fixture);
    }
    append(fixture, "ALERT end\n");
    buffer_append_text(&expected, "ALERT end\n");
    start(fixture);
    for (int i = 0; i < 20000 && slice_find(buffer_slice(&fixture->log), SLICE("end")) < 0; i++)
        turns(fixture, 1);
    for (size_t i = 0; i < fixture->log.length; i++)
        if (!strchr("[]<>", fixture->log.bytes[i]))
            buffer_append_byte(&found, fixture->log.bytes[i]);
    assert_string_equal(found.bytes, expected.bytes);
    buffer_free(&expected);
    buffer_free(&found);
}

/* --- standard input ------------------------------------------------------------------------------------------------------------------- */

static int saved_stdin = -1;

static int setup_pipe(void **state)
{
    saved_stdin = dup(STDIN_FILENO);
    setup(state);
    ((struct fixture *)*state)->options.path = "-";
    return 0;
}

static int teardown_pipe(void **state)
{
    teardown(state);
    if (saved_stdin >= 0) {
        dup2(saved_stdin, STDIN_FILENO);
        close(saved_stdin);
    }
    return 0;
}

/* The pipe's other end. */
static int pipe_to_stdin(void)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    dup2(ends[0], STDIN_FILENO);
    close(ends[0]);
    return ends[1];
}

static void put(int fd, const char *text)
{
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void test_a_pipe_is_read_to_its_end(void **state)
{
    struct fixture *fixture = *state;
    int fd = pipe_to_stdin();
    start(fixture);
    put(fd, "a\nb");
    assert_log(fixture, "[<a\n>]");
    assert_false(fixture->resends);
    assert_string_equal(fixture->stored, "");
    put(fd, "\nc");
    assert_log(fixture, "[<a\n>][<b\n>]");
    assert_true(counts(fixture).readable);
    close(fd);
    assert_log(fixture, "[<a\n>][<b\n>][<c>]");
    assert_false(counts(fixture).readable);
}

static void test_what_came_through_a_pipe_is_kept_until_it_is_taken(void **state)
{
    struct fixture *fixture = *state;
    int fd = pipe_to_stdin();
    fixture->refuse_answer = 2;
    fixture->refuse_begin = 1;
    start(fixture);
    put(fd, "a\nb\n");
    run_until(fixture, &fixture->refused, 1);
    put(fd, "c\n");
    close(fd);
    for (int i = 0; i < 20000 && counts(fixture).readable; i++)
        turns(fixture, 1);
    char *log = buffer_take(&fixture->log);
    assert_true(strcmp(log, "[<a\n><b\n><c\n>]") == 0 || strcmp(log, "[<a\n><b\n>][<c\n>]") == 0);
    free(log);
}

static void test_a_terminal_is_not_read(void **state)
{
    struct fixture *fixture = *state;
    int terminal = posix_openpt(O_RDWR | O_NOCTTY);
    assert_true(terminal >= 0);
    assert_int_equal(grantpt(terminal), 0);
    assert_int_equal(unlockpt(terminal), 0);
    int fd = open(ptsname(terminal), O_RDWR | O_NOCTTY);
    assert_true(fd >= 0);
    dup2(fd, STDIN_FILENO);
    close(fd);
    put(terminal, "a\n");
    start(fixture);
    assert_log(fixture, "");
    assert_false(counts(fixture).readable);
    close(terminal);
}

static void test_a_regular_file_as_standard_input_is_read_to_its_end(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, "a\nb\n");
    int fd = open(fixture->path, O_RDONLY);
    dup2(fd, STDIN_FILENO);
    close(fd);
    start(fixture);
    assert_log(fixture, "[<a\n><b\n>]");
    assert_false(counts(fixture).readable);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define PIPE_TEST(name) cmocka_unit_test_setup_teardown(name, setup_pipe, teardown_pipe)
    const struct CMUnitTest tests[] = {
        TEST(test_whole_lines_are_handed_over_and_an_unfinished_one_waits),
        TEST(test_a_file_that_comes_later_is_read),
        TEST(test_nothing_is_begun_while_an_answer_is_owed),
        TEST(test_a_line_longer_than_a_stretch_is_one_message_of_one_unit),
        TEST(test_a_long_line_that_is_refused_is_read_again),
        TEST(test_what_is_refused_comes_again_until_it_is_taken),
        TEST(test_a_handler_that_begins_nothing_is_asked_again),
        TEST(test_too_many_events_for_now_is_no_failure),
        TEST(test_bytes_that_a_handler_does_not_take_come_again),
        TEST(test_parts_wait_for_the_last_one_and_hold_nothing_up),
        TEST(test_a_restart_between_parts_reads_the_message_from_its_first_part),
        TEST(test_a_part_without_an_end_does_not_hold_up_what_is_behind_it),
        TEST(test_a_part_that_holds_nothing_up_waits_for_the_others),
        TEST(test_a_part_without_an_end_does_not_hold_up_what_is_longer_than_a_stretch),
        TEST(test_an_unfinished_line_of_a_rotated_file_is_a_message_as_it_is),
        TEST(test_parts_without_their_last_one_are_a_message_at_the_files_end),
        TEST(test_a_message_whose_parts_are_in_two_files_is_whole),
        TEST(test_a_message_in_two_files_that_is_refused_comes_again_from_the_first),
        TEST(test_a_restart_between_parts_in_two_files_begins_in_the_first),
        TEST(test_a_part_does_not_go_on_in_another_log),
        TEST(test_a_truncated_file_begins_anew),
        TEST(test_a_position_is_stored_with_what_is_owed),
        TEST(test_a_position_alone_is_stored_when_nothing_comes),
        TEST(test_draining_stores_the_position_and_begins_nothing),
        TEST(test_draining_gives_an_unfinished_message_up),
        TEST(test_an_answer_after_the_followers_end_is_dropped),
        TEST(test_a_crash_at_any_step_loses_nothing_and_doubles_nothing_that_is_owed),
        PIPE_TEST(test_a_pipe_is_read_to_its_end),
        PIPE_TEST(test_what_came_through_a_pipe_is_kept_until_it_is_taken),
        PIPE_TEST(test_a_terminal_is_not_read),
        PIPE_TEST(test_a_regular_file_as_standard_input_is_read_to_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
