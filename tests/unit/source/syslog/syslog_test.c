/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "harrier/base/memory.h"
#include "syslog_transcript.h"

#include <stdio.h>
#include <stdlib.h>

#define EVENT "{\"kind\":\"Event\",\"auditID\":\"a-1\"}"
#define OLD "<134>Nov 24 04:46:20 cp-1 kube-audit: "

static const struct syslog_limits octets = {.message_bytes = SYSLOG_MESSAGE_BYTES_MOST, .framing = SYSLOG_FRAMING_OCTETS};
static const struct syslog_limits lines = {.message_bytes = SYSLOG_MESSAGE_BYTES_MOST, .framing = SYSLOG_FRAMING_LINES};
static const struct syslog_limits small = {.message_bytes = SYSLOG_HEADER_BYTES};

static void read_all(struct slice input, const struct syslog_limits *limits, struct buffer *said, struct syslog_counts *counts)
{
    syslog_transcribe_all(input, input.length + 1, limits, said, counts);
    for (size_t piece = 1; piece <= input.length && piece < 300; piece++) {
        struct buffer again = {0};
        struct syslog_counts same;
        syslog_transcribe_all(input, piece, limits, &again, &same);
        assert_string_equal(again.bytes ? again.bytes : "", said->bytes ? said->bytes : "");
        assert_memory_equal(&same, counts, sizeof same);
        buffer_free(&again);
    }
}

static struct syslog_counts assert_reads_within(const struct syslog_limits *limits, struct slice input, const char *expected)
{
    struct buffer said = {0};
    struct syslog_counts counts;

    read_all(input, limits, &said, &counts);
    assert_string_equal(said.bytes ? said.bytes : "", expected);
    buffer_free(&said);
    return counts;
}

static struct syslog_counts assert_reads(struct slice input, const char *expected)
{
    return assert_reads_within(&syslog_default_limits, input, expected);
}

/* Each a message that is EVENT or another JSON text. */
static void assert_header(const char *message, const char *expected)
{
    struct buffer counted = {0};
    struct buffer line = {0};

    buffer_printf(&counted, "%zu %s", strlen(message), message);
    if (message[0] == '<')
        assert_reads(buffer_slice(&counted), expected);
    if (message[0] == '<' || message[0] == '{')
        assert_reads_within(&octets, buffer_slice(&counted), expected);
    if (message[0] < '0' || message[0] > '9') {
        buffer_printf(&line, "%s\n", message);
        assert_reads(buffer_slice(&line), expected);
        assert_reads(slice_of(message), expected);
    }
    buffer_free(&counted);
    buffer_free(&line);
}

/* --- headers --- */

static void test_rfc_5424_headers_are_read(void **state)
{
    (void)state;
    assert_header("<134>1 2026-11-24T04:46:20.123456Z cp-1 kube-apiserver 1 audit - " EVENT, "[cp-1 kube-apiserver |" EVENT "]");
    assert_header("<134>1 - - - - - - " EVENT, "[  |" EVENT "]");
    assert_header("<134>1 - cp-1 - - - - \xEF\xBB\xBF" EVENT, "[cp-1  |" EVENT "]");
    assert_header("<134>1 - cp-1 - - - - \xEF\xBB\xBF @cee: " EVENT, "[cp-1  |" EVENT "]");
    assert_header("<134>1 - cp-1 app - - [meta sequenceId=\"0\" x=\"a\\]b\"] " EVENT, "[cp-1 app |" EVENT "]");
    assert_header("<134>1 - cp-1 app - - [a@1][b@2 x=\"]\" y=\"\\\"\"]" EVENT, "[cp-1 app |" EVENT "]");
}

static void test_structured_data_names_the_cluster(void **state)
{
    (void)state;
    assert_header("<134>1 - h a - - [meta cluster=\"prod-1\"] " EVENT, "[h a prod-1|" EVENT "]");
    assert_header("<134>1 - h a - - [meta x=\"1\"][k8s@32473 y=\"2\" cluster=\"a\\\"b\\\\c\\]d\\e\"] " EVENT, "[h a a\"b\\c]d\\e|" EVENT "]");
    assert_header("<134>1 - h a - - [meta cluster=\"first\" cluster=\"second\"] " EVENT, "[h a first|" EVENT "]");
    assert_header("<134>1 - h a - - [cluster=\"name\"] " EVENT, "[h a |[cluster=\"name\"] " EVENT "]"); /* a parameter needs an element */
    assert_header("<134>1 - h a - - [meta xcluster=\"prod-1\"] " EVENT, "[h a |" EVENT "]");
    assert_header(OLD "[meta cluster=\"prod-1\"] " EVENT, "!|" OLD "[meta cluster=\"prod-1\"] " EVENT "]");
}

static void test_damaged_structured_data_is_given_on_so_that_it_is_seen(void **state)
{
    (void)state;
    assert_header("<134>1 - h a - - [meta cluster=\"prod-1] " EVENT, "[h a |[meta cluster=\"prod-1] " EVENT "]");
    assert_header("<134>1 - h a - - [meta cluster=\"x\"", "[h a |[meta cluster=\"x\"]");
}

static void test_rfc_3164_headers_are_read(void **state)
{
    (void)state;
    assert_header(OLD EVENT, "[cp-1 kube-audit |" EVENT "]");
    assert_header(OLD "@cee: " EVENT, "[cp-1 kube-audit |" EVENT "]");
    assert_header(OLD "@cee:" EVENT, "[cp-1 kube-audit |" EVENT "]");
    assert_header("<134>Nov  4 04:46:20 cp-1 kube-audit[17]:" EVENT, "[cp-1 kube-audit |" EVENT "]");
    assert_header("<134>Nov 24 2026 04:46:20 cp-1 kube-audit: " EVENT, "[cp-1 kube-audit |" EVENT "]");
    assert_header("<134>Nov 24 04:46:20 fe80::1 kube::audit: " EVENT, "[fe80::1 kube::audit |" EVENT "]");
    assert_header("<134>Nov 24 04:46:20 kube-audit: " EVENT, "[ kube-audit |" EVENT "]");
    assert_header("<134>Nov 24 04:46:20 cp-1 " EVENT, "[cp-1  |" EVENT "]");
    assert_header("<134>Nov 24 04:46:20 " EVENT, "[  |" EVENT "]");
    assert_header("<134>kube-audit: " EVENT, "[ kube-audit |" EVENT "]");
    assert_header("<134>cp-1 kube-audit: " EVENT, "[cp-1 kube-audit |" EVENT "]");
    assert_header("<134>" EVENT, "[  |" EVENT "]");
}

static void test_rsyslogs_forward_format_is_read(void **state)
{
    (void)state;
    assert_header("<134>2026-11-24T04:46:20.123456+01:00 cp-1 kube-audit " EVENT, "[cp-1 kube-audit |" EVENT "]");
    assert_header("<134>2026-11-24T04:46:20.123456+01:00 cp-1 kube-audit: " EVENT, "[cp-1 kube-audit |" EVENT "]");
    assert_header("<134>2026-11-24T04:46:20.123456+01:00 cp-1  " EVENT, "[cp-1  |" EVENT "]");
}

static void test_lines_without_a_priority_are_read(void **state)
{
    (void)state;
    assert_header(EVENT, "[  |" EVENT "]");
    assert_header("Nov 24 04:46:20 cp-1 kube-audit: " EVENT, "[cp-1 kube-audit |" EVENT "]");
    assert_header("@cee: " EVENT, "[  |" EVENT "]");
    assert_header("[" EVENT "]", "[  |[" EVENT "]]");
    assert_header("[ \t[]]", "[  |[ \t[]]]");
}

static void test_other_programs_lines_are_other(void **state)
{
    struct syslog_counts counts = assert_reads(SLICE("<6>Nov 24 04:46:20 cp-1 kernel: [12345.678901] usb 1-1: new device\n"
                                                     "<13>Nov 24 04:46:20 cp-1 cron[1]: (root) CMD (run {now})\n"
                                                     "<13>1 - cp-1 app - - -\n"
                                                     "once upon a time\n"
                                                     "-- MARK --\n" OLD EVENT "\n"),
                                               "(other)(other)(other)(other)(other)[cp-1 kube-audit |" EVENT "]");
    (void)state;
    assert_int_equal(counts.other, 5);
    assert_int_equal(counts.messages, 1);
}

/* --- framing --- */

static void test_a_connection_keeps_the_framing_that_it_began_with(void **state)
{
    (void)state;
    assert_reads(SLICE("<134>" EVENT "\n8 <1>[{}]\n" EVENT "\n2026-11-24 x\n<134>" EVENT "\n"),
                 "[  |" EVENT "][  |[{}]][  |" EVENT "](other)[  |" EVENT "]");
    assert_reads(SLICE("6 <1>[{}7 <1>[{}]\n\n7 <1>[{}]"), "[  |[{}][  |[{}]][  |[{}]]");
    assert_reads_within(&lines, SLICE("8 <1>[{}]8 <1>[{}]\n8 <1>[{}]\n"), "[  |[{}]8 <1>[{}]][  |[{}]]");
    assert_reads_within(&octets, SLICE("6 <1>[{}\n2 {}7 <1>[{}]\n"), "[  |[{}][  |{}][  |[{}]]");
}

static void test_digits_without_a_priority_behind_them_begin_a_line(void **state)
{
    static const char *const lines_with_digits[] = {"900000000 x", "900000000 ", "012 <134>x",        "0 <134>x", "12x <134>x", "12", "12<134>x",
                                                    "12 34",       "12 <x>",     "1234567890 <134>x", "12 <>",    "12 <1234>", "3 <134>x", "12 {now}",
                                                    "2026-11-24 a log line", "12 <13"};
    (void)state;
    for (size_t i = 0; i < sizeof lines_with_digits / sizeof *lines_with_digits; i++) {
        struct buffer input = {0};
        buffer_printf(&input, "%s\n<134>" EVENT "\n%s\n" EVENT, lines_with_digits[i], lines_with_digits[i]);
        struct syslog_counts counts = assert_reads(buffer_slice(&input), "(other)[  |" EVENT "](other)[  |" EVENT "]");
        assert_int_equal(counts.broken, 0);
        assert_int_equal(counts.cut, 0);
        buffer_free(&input);
    }
}

static void test_a_message_over_several_lines_swallows_nothing_behind_it(void **state)
{
    (void)state;
    assert_reads(SLICE("<134>x Exception\n17 more\n\tat 5\n123456 frames\n<134>" EVENT "\n"), "(other)(other)(other)(other)[  |" EVENT "]");
    assert_reads(SLICE("<134>x {\n \"a\": [\n 12 ,\n13 <14\n]}\n<134>" EVENT "\n"), "[x  |{](other)(other)(other)(other)[  |" EVENT "]");
}

static void test_nul_ends_a_line_as_lf_does(void **state)
{
    (void)state;
    assert_reads(SLICE("<134>" EVENT "\0<134>" EVENT "\0" EVENT "\n\0<13>x\0\n" EVENT "\r\n" EVENT "\0"),
                 "[  |" EVENT "][  |" EVENT "][  |" EVENT "](other)[  |" EVENT "\r][  |" EVENT "]");
}

static void test_counted_messages_may_hold_any_byte(void **state)
{
    (void)state;
    assert_reads(SLICE("16 <134>{\"a\":\n\"\r\n\"}9 <1>[{}]\n"), "[  |{\"a\":\n\"\r\n\"}][  |[{}]\n]");
}

static void test_a_nul_in_a_counted_message_is_given_on(void **state)
{
    struct buffer said = {0};
    struct syslog_counts counts;
    (void)state;
    read_all(SLICE("9 <1>{\0\n  }\0" "6 <1>{}x"), &syslog_default_limits, &said, &counts);
    assert_int_equal(said.length, 19);
    assert_memory_equal(said.bytes, "[  |{\0\n  }][  |{}x]", 19);
    buffer_free(&said);
}

static void test_line_ends_and_empty_lines_are_no_messages(void **state)
{
    struct syslog_counts counts = assert_reads(SLICE("\r\n\n\n" OLD EVENT "\r\n\r\n \n\0" "<13>x\r\n\n"),
                                               "[cp-1 kube-audit |" EVENT "\r](other)");
    (void)state;
    assert_int_equal(counts.messages, 1);
    assert_int_equal(counts.other, 1);
    assert_reads(SLICE("10 <134>[{ }]\n10 <134>[{ }]\r\n"), "[  |[{ }]][  |[{ }]]");
}

static void test_the_last_line_needs_no_end(void **state)
{
    (void)state;
    assert_reads(SLICE(OLD EVENT), "[cp-1 kube-audit |" EVENT "]");
    assert_reads(SLICE(""), "");
    assert_reads(SLICE("\n"), "");
    assert_reads(SLICE("<134>"), "(other)");
}

static void test_a_message_that_ends_early_is_cut(void **state)
{
    (void)state;
    assert_int_equal(assert_reads(SLICE("50 <134>{\"a\":"), "[  |{\"a\":]").cut, 1);
    assert_int_equal(assert_reads(SLICE("50 <134>Nov"), "(other)").cut, 1);
    assert_int_equal(assert_reads_within(&octets, SLICE("50"), "").cut, 1);
    assert_int_equal(assert_reads(SLICE("50"), "(other)").cut, 0);
    assert_int_equal(assert_reads(SLICE("900000000 <134>" EVENT "\n"), "[  |" EVENT "\n]").cut, 1);
}

/* --- what cannot be trusted --- */

static void test_what_stands_where_a_count_should_is_given_on_as_no_message_up_to_the_next_head(void **state)
{
    static const char *const wrong[] = {"012 ", "0 ", "12x ", "12\n", "1234567890 ", "12", "\"}]}", "<134>x ", "2 <134>{} ", "x{\"auditID\":1}\n"};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct buffer input = {0}, expected = {0};
        buffer_printf(&input, "7 <134>{}%sx 37 <134>" EVENT "37 <134>" EVENT, wrong[i]);
        size_t line = strcspn(wrong[i], "\n");
        buffer_printf(&expected, "[  |{}]!|%.*s%sx ][  |" EVENT "][  |" EVENT "]", (int)line, wrong[i], wrong[i][line] ? "]!|" : "");
        struct syslog_counts counts = assert_reads(buffer_slice(&input), expected.bytes);
        assert_int_equal(counts.broken, wrong[i][line] ? 2 : 1);
        buffer_free(&input);
        buffer_free(&expected);
    }
}

static void test_a_length_that_is_too_short_costs_its_own_message_alone(void **state)
{
    struct syslog_counts counts = assert_reads(SLICE("19 <134>{\"kind\":\"Event\",\"x\":1}\n7 <134>{}7 <134>{}\n"),
                                               "[  |{\"kind\":\"Event]!|\",\"x\":1}][  |{}][  |{}]");
    (void)state;
    assert_int_equal(counts.messages, 3);
    assert_int_equal(counts.broken, 1);
    assert_reads(SLICE("15 <134>{\"a\":1   23}7 <134>{}"), "[  |{\"a\":1   2]!|3}][  |{}]");
}

/* A sender that counts one message and not the next ones, as one behind a relay that frames by itself. */
static void test_lines_behind_a_counted_message_are_judged_line_by_line(void **state)
{
    (void)state;
    struct syslog_counts counts = assert_reads(SLICE("7 <134>{}\n<134>" EVENT "\n" EVENT "\n<13>other\n<134>1 - h a - - - " EVENT "\n7 <134>{}"),
                                               "[  |{}][  |" EVENT "][  |" EVENT "]!|<13>other][h a |" EVENT "][  |{}]");
    assert_int_equal(counts.broken, 4);
    assert_int_equal(counts.messages, 5);
    assert_reads_within(&octets, SLICE("<134>" EVENT "\n<134>" EVENT "\n"), "!|<134>" EVENT "][  |" EVENT "]");
    assert_reads(SLICE("8 <134>{}\n<134>" EVENT), "[  |{}\n][  |" EVENT "]");
}

/* Where a count was too small, what follows is the end of its own message, of which the author may have chosen any byte but a newline. */
static void test_the_rest_of_a_miscounted_message_is_never_judged(void **state)
{
    (void)state;
    assert_reads(SLICE("11 <134>{\"a\":\"<134>" EVENT "\"}\n7 <134>{}"), "[  |{\"a\":\"]!|<134>" EVENT "\"}][  |{}]");
    assert_reads(SLICE("11 <134>{\"a\":\"" EVENT "\"}\n7 <134>{}"), "[  |{\"a\":\"]!|" EVENT "\"}][  |{}]");
}

static void test_text_that_names_an_audit_event_and_has_no_json_is_no_other_programs_line(void **state)
{
    static const char *const texts[] = {"<134>level=info msg=\"{\\\"kind\\\":\\\"Event\\\",\\\"auditID\\\":\\\"x\\\"}\"",
                                        OLD "it's \"here\": " EVENT, "<134>audit='" EVENT "'", "<134>a,\"{\"\"auditID\"\":\"\"x\"\"}\",b",
                                        "<134>x \"apiVersion\":\"audit.k8s.io/v1\"", "<134>x \"apiVersion\":\"audit.k8s.io\\/v1\""};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct buffer input = {0}, expected = {0};
        buffer_printf(&input, "%s\n<134>" EVENT "\n", texts[i]);
        buffer_printf(&expected, "!|%s][  |" EVENT "]", texts[i]);
        assert_int_equal(assert_reads(buffer_slice(&input), expected.bytes).other, 0);
        buffer_free(&input);
        buffer_free(&expected);
    }
    struct buffer words = {0}, input = {0}, expected = {0};
    for (int i = 0; i < 2000; i++)
        buffer_append_text(&words, "long words ");
    buffer_printf(&input, "<134>%s" EVENT "\n", words.bytes); /* behind more than is kept of a beginning */
    buffer_printf(&expected, "!|%.*s\":\"a-1\"}]", SYSLOG_HEADER_BYTES, input.bytes);
    assert_reads(buffer_slice(&input), expected.bytes);
    assert_reads(SLICE("<134>the auditors of k8s.io identify audit\n"), "(other)");
    buffer_free(&words);
    buffer_free(&input);
    buffer_free(&expected);
}

/* Once a count was wrong, one that a text holds must not swallow the messages behind it. */
static void test_an_invented_count_swallows_nothing_behind_it(void **state)
{
    (void)state;
    assert_reads(SLICE("7 <134>{}\"}999999999 <13>x \"}7 <134>{}12 <134>[{}]   7 <134>{}"),
                 "[  |{}]!|\"}](other)[  |{}][  |[{}]   ][  |{}]");
    assert_reads(SLICE("7 <134>{}x99 <134>{1 2 <1 33 <x 7 <134>{}"), "[  |{}]!|x][  |{1 2 <1 33 <x ][  |{}]");
}

static void test_a_count_over_the_bound_is_cut_and_the_rest_is_skipped_exactly(void **state)
{
    struct buffer input = {0}, expected = {0};
    (void)state;
    buffer_append_text(&input, "20000 <134>{");
    buffer_append_text(&expected, "[  |{");
    for (int i = 6; i < 20000; i++) {
        buffer_append_byte(&input, 'x');
        if (i < SYSLOG_HEADER_BYTES)
            buffer_append_byte(&expected, 'x');
    }
    buffer_append_text(&input, "7 <134>{}");
    buffer_append_text(&expected, "][  |{}]");
    struct syslog_counts counts = assert_reads_within(&small, buffer_slice(&input), expected.bytes);
    assert_int_equal(counts.cut, 1);
    assert_int_equal(counts.broken, 0);
    buffer_free(&input);
    buffer_free(&expected);
}

static void test_a_length_that_is_too_long_hides_nothing(void **state)
{
    (void)state;
    assert_reads(SLICE("19 <134>{}10 <134>[{}]"), "[  |{}10 <134>[{}]]");
}

static void test_a_line_over_the_bound_is_cut_and_the_next_is_read(void **state)
{
    struct buffer input = {0}, expected = {0};
    (void)state;
    buffer_append_text(&input, "<134>{\"a\":\"");
    buffer_append_text(&expected, "[  |{\"a\":\"");
    for (int i = 0; i < 17000; i++)
        buffer_append_byte(&input, 'x');
    for (int i = 0; i < SYSLOG_HEADER_BYTES - 11; i++)
        buffer_append_byte(&expected, 'x');
    buffer_append_text(&input, "\"}\n<134>" EVENT "\n");
    buffer_append_text(&expected, "][  |" EVENT "]");
    struct syslog_counts counts = assert_reads_within(&small, buffer_slice(&input), expected.bytes);
    assert_int_equal(counts.cut, 1);
    assert_int_equal(counts.messages, 2);
    buffer_free(&input);
    buffer_free(&expected);
}

/* A header of so many bytes, the event after it. */
static void build_long_header(struct buffer *message, size_t length)
{
    buffer_append_text(message, "<134>1 - h a - - [meta x=\"");
    while (message->length < length - 3)
        buffer_append_byte(message, 'x');
    buffer_append_text(message, "\"] ");
    buffer_append_text(message, EVENT);
}

static void test_a_header_over_the_bound_is_given_on_as_a_text(void **state)
{
    struct buffer message = {0}, input = {0}, expected = {0};
    (void)state;
    build_long_header(&message, SYSLOG_HEADER_BYTES - 1);
    buffer_printf(&input, "%zu %s\n%zu %s\n", message.length, message.bytes, message.length, message.bytes);
    struct syslog_counts counts = assert_reads(buffer_slice(&input), "[h a |" EVENT "][h a |" EVENT "]");
    assert_int_equal(counts.long_headers, 0);
    buffer_reset(&message, 0);
    buffer_reset(&input, 0);
    build_long_header(&message, SYSLOG_HEADER_BYTES + 1);
    buffer_printf(&input, "%s\n%s\n<134>" EVENT "\n", message.bytes, message.bytes);
    buffer_printf(&expected, "[  |%s][  |%s][  |" EVENT "]", message.bytes, message.bytes);
    counts = assert_reads(buffer_slice(&input), expected.bytes);
    assert_int_equal(counts.long_headers, 2);
    buffer_free(&message);
    buffer_free(&input);
    buffer_free(&expected);
}

static void test_a_long_text_is_given_on_as_it_comes(void **state)
{
    struct syslog_reader *reader = syslog_reader_new(&syslog_default_limits);
    char *piece = xmalloc(65536);
    struct slice text, bytes = SLICE("<134>{\"a\":\"");
    uint64_t given = 0;
    (void)state;
    memset(piece, 'x', 65536);
    assert_int_equal(syslog_next(reader, &bytes, &text), SYSLOG_BEGIN);
    assert_int_equal(syslog_next(reader, &bytes, &text), SYSLOG_TEXT);
    assert_int_equal(syslog_next(reader, &bytes, &text), SYSLOG_MORE);
    for (int i = 0; i < 1000; i++) {
        bytes = slice_make(piece, 65536);
        assert_int_equal(syslog_next(reader, &bytes, &text), SYSLOG_TEXT);
        assert_ptr_equal(text.bytes, piece);
        given += text.length;
        assert_int_equal(syslog_next(reader, &bytes, &text), SYSLOG_MORE);
    }
    assert_int_equal(given, 65536000);
    free(piece);
    syslog_reader_free(reader);
}

/* --- frames of another protocol, files --- */

static void test_a_frame_is_one_message(void **state)
{
    struct syslog_reader *reader = syslog_reader_new(&syslog_default_limits);
    struct buffer said = {0};
    const char *frames[] = {OLD EVENT, "12 {}\n{}", "x", "\n"};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        syslog_reader_frame(reader, strlen(frames[i]));
        assert_false(syslog_reader_is_between(reader));
        syslog_transcribe(reader, slice_of(frames[i]), &said);
        assert_true(syslog_reader_is_between(reader));
    }
    assert_string_equal(said.bytes, "[cp-1 kube-audit |" EVENT "](other)(other)(other)");
    buffer_free(&said);
    syslog_reader_free(reader);
}

static void test_files_of_syslog_are_told_by_their_first_bytes(void **state)
{
    (void)state;
    assert_true(syslog_looks_like(SLICE("<134>Nov 24")));
    assert_true(syslog_looks_like(SLICE("3333 <134>1 2026")));
    assert_false(syslog_looks_like(SLICE("3333<134>")));
    assert_false(syslog_looks_like(SLICE("{\"kind\":\"Event\"}")));
    assert_false(syslog_looks_like(SLICE("3333 {\"kind\"")));
    assert_false(syslog_looks_like(SLICE("<html>")));
    assert_false(syslog_looks_like(SLICE("<")));
    assert_false(syslog_looks_like(SLICE("12")));
    assert_false(syslog_looks_like(SLICE("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc_5424_headers_are_read),
        cmocka_unit_test(test_structured_data_names_the_cluster),
        cmocka_unit_test(test_damaged_structured_data_is_given_on_so_that_it_is_seen),
        cmocka_unit_test(test_rfc_3164_headers_are_read),
        cmocka_unit_test(test_rsyslogs_forward_format_is_read),
        cmocka_unit_test(test_lines_without_a_priority_are_read),
        cmocka_unit_test(test_other_programs_lines_are_other),
        cmocka_unit_test(test_a_connection_keeps_the_framing_that_it_began_with),
        cmocka_unit_test(test_digits_without_a_priority_behind_them_begin_a_line),
        cmocka_unit_test(test_a_message_over_several_lines_swallows_nothing_behind_it),
        cmocka_unit_test(test_nul_ends_a_line_as_lf_does),
        cmocka_unit_test(test_counted_messages_may_hold_any_byte),
        cmocka_unit_test(test_a_nul_in_a_counted_message_is_given_on),
        cmocka_unit_test(test_line_ends_and_empty_lines_are_no_messages),
        cmocka_unit_test(test_the_last_line_needs_no_end),
        cmocka_unit_test(test_a_message_that_ends_early_is_cut),
        cmocka_unit_test(test_what_stands_where_a_count_should_is_given_on_as_no_message_up_to_the_next_head),
        cmocka_unit_test(test_a_length_that_is_too_short_costs_its_own_message_alone),
        cmocka_unit_test(test_lines_behind_a_counted_message_are_judged_line_by_line),
        cmocka_unit_test(test_the_rest_of_a_miscounted_message_is_never_judged),
        cmocka_unit_test(test_text_that_names_an_audit_event_and_has_no_json_is_no_other_programs_line),
        cmocka_unit_test(test_an_invented_count_swallows_nothing_behind_it),
        cmocka_unit_test(test_a_count_over_the_bound_is_cut_and_the_rest_is_skipped_exactly),
        cmocka_unit_test(test_a_length_that_is_too_long_hides_nothing),
        cmocka_unit_test(test_a_line_over_the_bound_is_cut_and_the_next_is_read),
        cmocka_unit_test(test_a_header_over_the_bound_is_given_on_as_a_text),
        cmocka_unit_test(test_a_long_text_is_given_on_as_it_comes),
        cmocka_unit_test(test_a_frame_is_one_message),
        cmocka_unit_test(test_files_of_syslog_are_told_by_their_first_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
