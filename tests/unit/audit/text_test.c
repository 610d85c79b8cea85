/* SPDX-License-Identifier: Apache-2.0 */
/* What programs put around an event's text, at every way in: each cell of the matrix gives the same event, whatever the chunk borders. */
#include "transcript.h"

#include "harrier/audit_text.h"
#include "harrier/base/base64.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define EVENT "{\"auditID\":\"a\",\"stage\":\"ResponseComplete\",\"verb\":\"create\",\"requestObject\":{\"a\":\"\\u00e9\\n{\\\"\"}}"
#define STAMP "2026-11-24T04:46:20.000000000Z"

/* --- wrappings ------------------------------------------------------------------------------------------------------------------ */

static const struct wrapping {
    const char *before, *behind;
    size_t split; /* of the event's bytes; between them: `between` */
    const char *between;
} wrappings[] = {
    {"", "", 0, NULL},
    {STAMP " stdout F ", "", 0, NULL},
    {STAMP " stdout P ", "", 20, "\n" STAMP " stdout F "},
    {STAMP " stderr P ", "", 40, "\n" STAMP " stdout F a line between them\n" STAMP " stderr P \n" STAMP " stderr F "},
    {"audit: ", "", 0, NULL},
    {"I1130 00:00:00.000000       1 audit.go:12] audit: ", "", 0, NULL},
    {"Nov 24 04:46:20 cp-1 kube-apiserver[17]: ", "", 0, NULL},
    {"2026-01-01T00:00:00.000000+00:00 kube-apiserver-audit-0123456789abcdef ", "", 0, NULL},
    {"[pod/kube-apiserver-cp1/kube-apiserver] ", "", 0, NULL},
    {"2026-01-01 00:00:00,123 INFO  [main] k8s.audit - ", "", 0, NULL},
    {"<134>Nov 24 04:46:20 cp-1 kube-audit: ", "", 0, NULL},
    {"<134>1 2026-11-24T04:46:20Z cp-1 kube-apiserver 1 audit [meta x=\"]\"] ", "", 0, NULL},
    {"<134>Nov 24 04:46:20 cp-1 kube-audit: @cee: ", "", 0, NULL},
    {"@cee: ", "", 0, NULL},
    {"\xEF\xBB\xBF", "", 0, NULL},
    {"\x1E", "", 0, NULL},
    {"\x1B[32m", "\x1B[0m", 0, NULL},
    {"\x1B[1;32mINFO\x1B[0m audit: ", " \x1B[0m", 0, NULL},
    {STAMP " stdout F audit: ", "", 0, NULL},
    {"[", "]", 0, NULL},
};

static void append_quoted(struct buffer *out, struct slice text)
{
    buffer_append_byte(out, '"');
    for (size_t i = 0; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.bytes[i];
        if (byte < 0x20) {
            buffer_printf(out, "\\u%04x", byte);
            continue;
        }
        if (byte == '"' || byte == '\\')
            buffer_append_byte(out, '\\');
        buffer_append_byte(out, (char)byte);
    }
    buffer_append_byte(out, '"');
}

static void wrap(struct buffer *out, const struct wrapping *wrapping)
{
    struct slice event = SLICE(EVENT);

    buffer_append_text(out, wrapping->before);
    if (wrapping->between) {
        buffer_append_slice(out, slice_first(event, wrapping->split));
        buffer_append_text(out, wrapping->between);
    }
    buffer_append_slice(out, slice_from(event, wrapping->split));
    buffer_append_text(out, wrapping->behind);
}

/* --- entries -------------------------------------------------------------------------------------------------------------------- */

/* %t: the text; %q: a JSON string with it; %Q: one in another, %b: its base64. */
static const char *const entries[] = {
    "%t\n",
    "%t",
    "\n%t\n%t",
    "{\"log\":%q,\"stream\":\"stdout\",\"time\":\"" STAMP "\"}\n",
    "[{\"date\":1.5,\"log\":%q,\"kubernetes\":{\"pod_name\":\"p\"}}]",
    "{\"message\":%q,\"host\":\"h\"}\n{\"message\":%q,\"host\":\"h\"}",
    "{\"event\":%q,\"sourcetype\":\"x\"}",
    "{\"_raw\":%q}",
    "{\"messageType\":\"DATA_MESSAGE\",\"owner\":\"1\",\"logGroup\":\"g\",\"logEvents\":[{\"id\":\"1\",\"message\":%q}]}",
    "{\"message\":{\"data\":\"%b\"},\"subscription\":\"s\"}",
    "{\"requestId\":\"r\",\"timestamp\":1,\"records\":[{\"data\":\"%b\"}]}",
    "{\"records\":[{\"category\":\"kube-audit\",\"properties\":{\"log\":%q}}]}",
    "{\"specversion\":\"1.0\",\"data\":%q}",
    "{\"log\":%Q}",
    "{\"log\":{\"message\":%q}}",
};

static void enter(struct buffer *out, const char *entry, struct slice text)
{
    struct buffer inner = {0};

    for (; *entry; entry++) {
        if (*entry != '%') {
            buffer_append_byte(out, *entry);
            continue;
        }
        switch (*++entry) {
        case 't': buffer_append_slice(out, text); break;
        case 'q': append_quoted(out, text); break;
        case 'b': base64_encode(BASE64_STANDARD, text, out); break;
        default:
            append_quoted(&inner, text);
            append_quoted(out, buffer_slice(&inner));
        }
    }
    buffer_free(&inner);
}

/* An entry with two texts, one with two events. */
static uint64_t events_of(const char *entry)
{
    const char *first = strchr(entry, '%');
    return first && strchr(first + 1, '%') ? 2 : 1;
}

static void test_every_wrapping_at_every_entry_gives_the_event(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrappings / sizeof *wrappings; i++) {
        for (size_t j = 0; j < sizeof entries / sizeof *entries; j++) {
            struct buffer text = {0}, input = {0};
            struct transcript told = {0};
            wrap(&text, &wrappings[i]);
            enter(&input, entries[j], buffer_slice(&text));
            bool same = transcript_read_in_chunks(&told, buffer_slice(&input), NULL, AUDIT_ACCEPT_K8S);
            bool right = same && told.counts.events == events_of(entries[j]) && told.counts.dead == 0 &&
                         slice_equal(buffer_slice(&told.last_event), SLICE(EVENT));
            if (!right) {
                print_error("%.*s\nsame in chunks: %d\n%s", SLICE_ARGS(buffer_slice(&input)), same, told.text.bytes);
                fail();
            }
            transcript_free(&told);
            buffer_free(&text);
            buffer_free(&input);
        }
    }
}

/* --- what is no event ----------------------------------------------------------------------------------------------------------- */

static struct audit_counts counts_of(const char *entry, const char *text)
{
    struct buffer input = {0};
    struct transcript told = {0};

    enter(&input, entry, slice_of(text));
    if (!transcript_read_in_chunks(&told, buffer_slice(&input), NULL, AUDIT_ACCEPT_K8S))
        fail_msg("%s", told.text.bytes);
    struct audit_counts counts = told.counts;
    transcript_free(&told);
    buffer_free(&input);
    return counts;
}

/* A logger puts what others said into quotes: none of it may be taken for an event. */
static void test_what_others_said_is_no_event(void **state)
{
    static const char *const texts[] = {
        "10.0.0.1 - - \"GET / HTTP/1.1\" 200 \"" EVENT "\"",
        "msg=\"bad request " EVENT "\"",
        "error: '" EVENT "'",
        "user\\" EVENT,
        "prefix" EVENT,
        "metric{a=\"b\"} {\"auditID\":\"a\",\"verb\":\"get\"}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        for (size_t j = 0; j < sizeof entries / sizeof *entries; j++)
            assert_int_equal(counts_of(entries[j], texts[i]).events, 0);
}

static void test_text_of_another_log_is_counted_and_no_dead_letter(void **state)
{
    (void)state;
    struct audit_counts counts = counts_of("%t\n", STAMP " stdout F some line");
    assert_int_equal(counts.other, 1);
    assert_int_equal(counts.dead, 0);
    counts = counts_of("%t\n", "INFO x {\"a\":1}\nINFO y {\"b\":2");
    assert_int_equal(counts.other, 2);
    assert_int_equal(counts.dead, 0);
}

/* --- parts ---------------------------------------------------------------------------------------------------------------------- */

static void test_a_line_whose_last_part_does_not_come_is_judged_as_far_as_it_came(void **state)
{
    struct audit_counts counts = counts_of("%t\n", STAMP " stdout P {\"auditID\":\"a\",\"verb\":\"create\",\"requestObject\":{");
    (void)state;
    assert_int_equal(counts.events, 1);
    assert_int_equal(counts.dead, 1);
    counts = counts_of("{\"log\":%q,\"logtag\":\"P\"}", "{\"auditID\":\"a\",\"verb\":\"create\",\"requestObject\":{");
    assert_int_equal(counts.events, 1);
    assert_int_equal(counts.dead, 1);
}

static void test_a_part_does_not_begin_an_event(void **state)
{
    struct audit_counts counts = counts_of("%t\n", STAMP " stdout P {\"auditID\":\"a\",\"verb\":\"create\",\"requestObject\":{\"a\":\"\n" STAMP " stdout F " EVENT);
    (void)state;
    assert_int_equal(counts.events, 1);
    assert_int_equal(counts.dead, 1);
}

static void test_a_broken_line_behind_a_prefix_costs_the_next_one_nothing(void **state)
{
    static const char *const prefixes[] = {STAMP " stdout F ", "2026-01-01T00:00:00Z stream ", "audit: ", "<134>Nov 24 04:46:20 h t: "};
    static const char *const broken[] = {"{\"a\":", "{\"a\":1,", "{\"a\" 1}", "{\"a\":\"x", "{\"auditID\":\"b\",\"verb\":\"get\",\"x\":["};
    (void)state;
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        for (size_t j = 0; j < sizeof broken / sizeof *broken; j++) {
            struct buffer text = {0};
            buffer_printf(&text, "%s%s\n%s" EVENT "\n", prefixes[i], broken[j], prefixes[i]);
            assert_int_equal(counts_of("%t", text.bytes).events, j == 4 ? 2 : 1);
            buffer_free(&text);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_wrapping_at_every_entry_gives_the_event),
        cmocka_unit_test(test_what_others_said_is_no_event),
        cmocka_unit_test(test_text_of_another_log_is_counted_and_no_dead_letter),
        cmocka_unit_test(test_a_line_whose_last_part_does_not_come_is_judged_as_far_as_it_came),
        cmocka_unit_test(test_a_part_does_not_begin_an_event),
        cmocka_unit_test(test_a_broken_line_behind_a_prefix_costs_the_next_one_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
