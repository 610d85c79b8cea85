/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "relp_transcript.h"

#define OPEN "1 open 86 relp_version=0\nrelp_software=librelp,1.11.0,http://librelp.adiscon.com\ncommands=syslog\n"

static const struct relp fresh;

static void assert_reads_from(struct relp start, struct slice input, const char *expected)
{
    for (size_t piece = 1; piece <= input.length; piece++) {
        struct buffer said = {0};
        relp_transcribe_all(input, piece, start, &said);
        assert_string_equal(said.bytes, expected);
        buffer_free(&said);
    }
}

static void assert_reads(const char *input, const char *expected)
{
    assert_reads_from(fresh, slice_of(input), expected);
}

/* In an open session, whose next transaction is 2. */
static void assert_session(const char *input, const char *expected)
{
    struct relp session = fresh;
    session.open = true;
    session.previous = 1;
    assert_reads_from(session, slice_of(input), expected);
}

static void test_a_session_is_opened_used_and_closed(void **state)
{
    (void)state;
    assert_reads(OPEN "2 syslog 5 hello\n3 syslog 6 <1>{}\n\n4 close 0\n", "1 open;5=hello is 2;6=<1>{}\n is 3;4 close;.");
}

static void test_data_may_be_anything(void **state)
{
    (void)state;
    assert_session("2 syslog 12 3 syslog 1 x\n", "12=3 syslog 1 x is 2;.");
    assert_session("2 syslog 0\n", " is 2;.");
    assert_session("2 syslog 4 a", "4=a?");
    assert_session("2 syslog 1 a", "1=a?");
}

static void test_nothing_is_taken_before_the_session_is_open(void **state)
{
    (void)state;
    assert_reads("1 syslog 5 hello\n", "!the session was not opened?");
    assert_reads("1 close 0\n", "!the session was not opened?");
    assert_reads("1 open 0\n", "!the session's offers have no relp_version?");
    assert_reads("1 open 15 commands=syslog\n", "!the session's offers have no relp_version?");
    assert_reads("1 open 14 relp_version=0\n", "1 open;.");
    assert_reads("1 open 15 relp_version=0\n\n2 open 0\n", "1 open;2 open again;.");
}

static void test_transactions_follow_each_other(void **state)
{
    struct relp late = fresh;
    (void)state;
    late.open = true;
    late.previous = 999999998;
    assert_reads_from(late, SLICE("999999999 syslog 1 a\n1 syslog 1 b\n"), "1=a is 999999999;1=b is 1;.");
    assert_session("3 syslog 1 a\n", "!a transaction number is not the one after the last?");
    assert_session("1 syslog 1 a\n", "!a transaction number is not the one after the last?");
}

static void test_hints_are_passed_over(void **state)
{
    (void)state;
    assert_reads("0 hello 3 abc\n" OPEN "0 serverclose 0\n2 syslog 1 a\n", "1 open;1=a is 2;.");
}

static void test_commands_that_were_not_offered_are_named(void **state)
{
    (void)state;
    assert_session("2 starttls 0\n3 eventlog 3 abc\n", "2 unknown;3 unknown;.");
}

static void test_what_is_no_frame_breaks_the_session(void **state)
{
    (void)state;
    assert_session(" 2 syslog 1 a\n", "!a frame begins with no transaction number?");
    assert_session("x", "!a frame begins with no transaction number?");
    assert_session("1234567890 syslog 1 a\n", "!a frame begins with no transaction number?");
    assert_session("2  1 a\n", "!a frame has no command?");
    assert_session("2 sys-log 1 a\n", "!a frame has no command?");
    assert_session("2 abcdefghijklmnopqrstuvwxyzabcdefg 1 a\n", "!a frame has no command?");
    assert_session("2 syslog a\n", "!a frame has no length?");
    assert_session("2 syslog  \n", "!a frame has no length?");
    assert_session("2 syslog 0 \n", "!a frame has no length?");
    assert_session("2 syslog 1\n", "!a frame has no length?");
    assert_session("2 syslog 0000000001 a\n", "!a frame has no length?");
    assert_session("2 eventlog 8193 a\n", "!a command's data is too long?");
}

static void test_a_length_that_is_wrong_breaks_the_session(void **state)
{
    (void)state;
    assert_session("2 syslog 4 hello\n", "4=hell!a frame does not end with LF: its length was wrong?");
    assert_session("2 syslog 7 hello\n3 syslog 1 a\n", "7=hello\n3!a frame does not end with LF: its length was wrong?");
}

static void test_responses_are_frames(void **state)
{
    struct buffer out = {0};
    (void)state;
    relp_append_response(&out, 17, SLICE("200 OK"));
    relp_append_server_close(&out);
    assert_string_equal(out.bytes, "17 rsp 6 200 OK\n0 serverclose 0\n");
    buffer_reset(&out, 0);
    relp_append_open_response(&out, 1);
    assert_true(slice_starts_with(buffer_slice(&out), SLICE("1 rsp ")));
    assert_true(slice_find(buffer_slice(&out), SLICE(" 200 OK\nrelp_version=0\n")) > 0);
    assert_true(slice_ends_with(buffer_slice(&out), SLICE("\ncommands=syslog\n")));
    buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_session_is_opened_used_and_closed),
        cmocka_unit_test(test_data_may_be_anything),
        cmocka_unit_test(test_nothing_is_taken_before_the_session_is_open),
        cmocka_unit_test(test_transactions_follow_each_other),
        cmocka_unit_test(test_hints_are_passed_over),
        cmocka_unit_test(test_commands_that_were_not_offered_are_named),
        cmocka_unit_test(test_what_is_no_frame_breaks_the_session),
        cmocka_unit_test(test_a_length_that_is_wrong_breaks_the_session),
        cmocka_unit_test(test_responses_are_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
