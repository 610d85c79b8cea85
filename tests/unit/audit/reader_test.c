/* SPDX-License-Identifier: Apache-2.0 */
#include "transcript.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define HEAD \
    "\"level\":\"Request\",\"auditID\":\"i\",\"stage\":\"ResponseComplete\",\"requestURI\":\"/apis?a=b\",\"verb\":\"create\"," \
    "\"user\":{\"username\":\"eve\",\"groups\":[\"g\"]},\"objectRef\":{\"resource\":\"jobs\",\"namespace\":\"n\",\"apiGroup\":\"batch\"}"
#define EVENT "{" HEAD ",\"requestObject\":{\"kind\":\"Job\"},\"annotations\":{\"a\":\"b\"}}"
#define MINIMAL "{\"auditID\":\"i\",\"verb\":\"get\"}"
#define TOLD_HEAD " level=Request stage=ResponseComplete uri=/apis?a=b verb=create user=eve resource=jobs group=batch namespace=n"

static struct transcript read_as(struct slice input, const struct audit_limits *limits, enum audit_accept accept, bool unwanted)
{
    struct transcript told = {.unwanted = unwanted};
    assert_true(transcript_read_in_chunks(&told, input, limits, accept));
    return told;
}

static struct transcript read_text(const char *input)
{
    return read_as(slice_of(input), NULL, AUDIT_ACCEPT_AUTO, false);
}

static void assert_counts(const struct transcript *told, uint64_t events, uint64_t dead)
{
    if (told->counts.events != events || told->counts.dead != dead)
        print_error("%s", told->text.bytes);
    assert_int_equal(told->counts.events, events);
    assert_int_equal(told->counts.dead, dead);
}

static void assert_read(const char *input, uint64_t events, uint64_t dead)
{
    struct transcript told = read_text(input);
    assert_counts(&told, events, dead);
    transcript_free(&told);
}

static void assert_bytes(const struct buffer *buffer, const char *expected)
{
    assert_string_equal(buffer->bytes ? buffer->bytes : "", expected);
}

static void test_every_form_that_carries_events_is_told_by_looking(void **state)
{
    (void)state;
    assert_read(EVENT, 1, 0);
    assert_read("{\"kind\":\"EventList\",\"apiVersion\":\"v1\",\"metadata\":{},\"items\":[" EVENT "," EVENT "]}", 2, 0);
    assert_read("{\"items\":[" EVENT "],\"kind\":\"EventList\"}", 1, 0);
    assert_read("[" EVENT "," EVENT "]", 2, 0);
    assert_read("[{\"items\":[" EVENT "]},[" EVENT "]]", 2, 0);
    assert_read(EVENT "\n" EVENT "\r\n" EVENT "\n", 3, 0);
    assert_read(EVENT EVENT "," EVENT "\x1e" EVENT "\n", 4, 0);
    assert_read("\xEF\xBB\xBF" EVENT, 1, 0);
    assert_read("{\"kind\":\"Event\",\"verb\":\"get\",\"objectRef\":{}}", 1, 0);
    assert_read("{\"auditID\":\"i\",\"stage\":\"Panic\"}", 1, 0);
    assert_read("{\"kind\":\"EventList\",\"items\":null}", 0, 0);
    assert_read("{\"kind\":\"EventList\",\"items\":[]}", 0, 0);
}

static void test_udm_records_are_told_from_audit_events(void **state)
{
    (void)state;
    assert_read("{\"metadata\":{\"event_type\":\"X\"},\"principal\":{}}", 1, 0);
    assert_read("{\"udm\":{\"metadata\":{}}}", 1, 0);
    assert_read("{\"metadata\":{},\"level\":\"Request\"}", 0, 1);
    assert_read("{\"metadata\":{}}", 0, 1);
    assert_read("{\"metadata\":{\"product\":{},\"version\":\"1.1.0\"},\"class_uid\":6003}", 0, 1); /* OCSF */
    assert_read("{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"x\"}}", 0, 1);
    assert_read("{\"metadata\":{},\"securityResult\":[]}", 1, 0);
    struct transcript told = read_text("{\"metadata\":{\"logType\":\"X\"}}");
    assert_non_null(strstr(told.text.bytes, "event 1 at 0"));
    assert_int_equal(told.asked, 0);
    transcript_free(&told);
}

static void test_a_source_takes_only_what_it_accepts(void **state)
{
    (void)state;
    struct transcript told = read_as(SLICE(EVENT "{\"udm\":{}}"), NULL, AUDIT_ACCEPT_K8S, false);
    assert_counts(&told, 1, 1);
    assert_non_null(strstr(told.text.bytes, "a UDM record where audit events are expected"));
    transcript_free(&told);
    told = read_as(SLICE(EVENT "{\"udm\":{}}"), NULL, AUDIT_ACCEPT_UDM, false);
    assert_counts(&told, 1, 1);
    assert_int_equal(told.asked, 0);
    transcript_free(&told);
}

static void test_the_head_is_told_in_any_order_of_keys(void **state)
{
    static const char sorted[] = "{\"annotations\":{},\"auditID\":\"i\",\"level\":\"Request\",\"objectRef\":{\"apiGroup\":\"batch\","
                                 "\"namespace\":\"n\",\"resource\":\"jobs\"},"
                                 "\"requestObject\":{},\"requestURI\":\"/"
                                 "apis?a=b\",\"stage\":\"ResponseComplete\",\"user\":{\"username\":\"eve\"},\"verb\":\"create\"}";
    (void)state;
    struct transcript told = read_text(sorted);
    assert_non_null(strstr(told.text.bytes,
                           "wanted incomplete level=Request resource=jobs group=batch namespace=n\nwanted complete" TOLD_HEAD
                           "\nevent 0 at 0"));
    assert_bytes(&told.last_event, sorted);
    transcript_free(&told);
    told = read_text(EVENT);
    assert_non_null(strstr(told.text.bytes, "wanted incomplete" TOLD_HEAD "\nwanted complete" TOLD_HEAD "\nevent"));
    transcript_free(&told);
}

static void test_an_event_without_objects_is_asked_for_once(void **state)
{
    (void)state;
    struct transcript told = read_text(MINIMAL);
    assert_int_equal(told.asked, 1);
    assert_non_null(strstr(told.text.bytes, "wanted complete verb=get\n"));
    transcript_free(&told);
}

static void test_an_unwanted_event_is_counted_and_not_told(void **state)
{
    (void)state;
    struct transcript told = read_as(SLICE("[" EVENT "," MINIMAL "]"), NULL, AUDIT_ACCEPT_AUTO, true);
    assert_counts(&told, 2, 0);
    assert_int_equal(told.asked, 2);
    assert_null(strstr(told.text.bytes, "event 0"));
    transcript_free(&told);
}

static void test_the_last_of_two_equal_keys_counts(void **state)
{
    (void)state;
    struct transcript told = read_text("{\"auditID\":\"i\",\"verb\":\"get\",\"user\":{\"username\":\"a\"},\"verb\":\"cre\\u0061te\","
                                       "\"user\":{},\"objectRef\":{\"resource\":\"x\",\"resource\":\"y\"}}");
    assert_non_null(strstr(told.text.bytes, "wanted complete verb=create resource=y\n"));
    transcript_free(&told);
}

static void test_a_wrong_shape_costs_that_one_event(void **state)
{
    (void)state;
    struct transcript told = read_text("{\"items\":[" MINIMAL ",3,\"x\",{\"a\":1}," MINIMAL "]}");
    assert_counts(&told, 2, 3);
    assert_non_null(strstr(told.text.bytes, "dead wrong shape at 39 line 1 length 1: not an object: 3\n"));
    assert_non_null(strstr(
        told.text.bytes, "dead not an audit event at 45 line 1 length 7: an object that is no audit event and no UDM record: it has no kind Event with apiVersion audit.k8s.io/..., and no auditID: {\"a\":1}\n"));
    assert_int_equal(told.result, RESULT_OK);
    transcript_free(&told);
}

static void test_wrong_syntax_costs_the_rest_of_a_list(void **state)
{
    (void)state;
    struct transcript told = read_text("{\"items\":[" MINIMAL ",{\"auditID\":\"i\" \"verb\":\"get\"}," MINIMAL "]}");
    assert_counts(&told, 1, 1);
    assert_bytes(&told.last_dead, "{\"auditID\":\"i\" \"verb\":\"get\"}," MINIMAL "]}");
    assert_int_equal(told.result, RESULT_OK);
    transcript_free(&told);
    assert_read("{\n\"items\":[\n" MINIMAL ",\n{\"auditID\" 1},\n" MINIMAL "\n]}\n", 1, 1);
}

static void test_wrong_syntax_costs_one_line_of_ndjson(void **state)
{
    (void)state;
    assert_read(MINIMAL "\n{\"auditID\":}\n" MINIMAL "\n", 2, 1);
    assert_read(MINIMAL "\ngarbage\n" MINIMAL "\n", 2, 1);
    assert_read("{\"auditID\":\"i\",\"verb\":\"ge\n" MINIMAL "\n", 1, 1); /* broke off in a string */
    assert_read("{\"auditID\":\"i\",\n" MINIMAL "\n", 1, 1);              /* between two tokens */
    assert_read("{\"items\":[" MINIMAL ",{\"audit\n{\"items\":[" MINIMAL "]}\n", 2, 1);
    struct transcript told = read_text("{]\n\n" MINIMAL);
    assert_non_null(strstr(told.text.bytes, "at 4 line 3"));
    transcript_free(&told);
}

static void test_an_event_that_a_line_ends_in_is_told_and_is_a_dead_letter(void **state)
{
    static const char *const ends[] = {"\"evil/im", "\"evil/im\"", "\"evil/im\\u00", "[{", "12", "\"a\",\"b"};
    char line[1024], input[4096];
    (void)state;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        snprintf(line, sizeof line, "{" HEAD ",\"requestObject\":{\"image\":%s", ends[i]);
        snprintf(input, sizeof input, EVENT "\n%s\n%s\n" EVENT, line, line);
        struct transcript told = read_text(input);
        assert_counts(&told, 4, 2);
        assert_non_null(strstr(told.text.bytes, "cut 1001 incomplete" TOLD_HEAD));
        transcript_free(&told);
    }
    assert_read("{\"auditID\":\"i\",\"objectRef\":{},\"requestObject\":{\"a\n" MINIMAL, 2, 1); /* sorted: verb and stage are lost */
    assert_read("{\"auditID\":\"i\",\"verb\":\"get\",\"a\":\n" MINIMAL "\n" MINIMAL "\n" MINIMAL, 3, 1); /* the next line is taken for its value */
    struct transcript told = read_text("{\"items\":[" EVENT ",{" HEAD ",\"requestObject\":{\"image\":\"evil\"},\"responseObject\":[1 2");
    assert_counts(&told, 2, 1);
    assert_bytes(&told.last_event, "{" HEAD ",\"requestObject\":{\"image\":\"evil\"},\"responseObject\":[1]}");
    assert_false(told.last_cut.request_object);
    assert_true(told.last_cut.response_object);
    transcript_free(&told);
}

static void test_a_broken_value_over_several_lines_costs_itself(void **state)
{
    (void)state;
    assert_read("{\n \"auditID\": \"i\",\n \"verb\" \"get\",\n \"user\": {\n }\n}\n" MINIMAL "\n", 1, 1);
}

static void test_an_event_that_the_input_ends_in_is_told_and_is_a_dead_letter(void **state)
{
    (void)state;
    struct transcript told = read_text("{" HEAD ",\"requestObject\":{\"image\":\"evil/im");
    assert_counts(&told, 1, 1);
    assert_true(told.last_cut.transport);
    assert_bytes(&told.last_event, "{" HEAD ",\"requestObject\":{\"image\":\"evil/im\"}}");
    assert_bytes(&told.last_dead, "{" HEAD ",\"requestObject\":{\"image\":\"evil/im");
    assert_true(told.last_has_sha256);
    assert_int_equal(told.result, RESULT_INVALID);
    transcript_free(&told);
    assert_read("{\"items\":[" EVENT ",{\"audit", 1, 1);
    assert_read("{\"items\":[" EVENT ",", 1, 1);
}

static void test_an_input_of_which_no_value_could_be_read_is_invalid(void **state)
{
    static const struct {
        const char *input;
        uint64_t offset;
    } cases[] = {{"", 0}, {" \n", 2}, {"foo", 1}, {"<html>", 0}, {"{\"a\":x}", 5}, {"\"abc", 4}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct transcript told = read_text(cases[i].input);
        assert_int_equal(told.result, RESULT_INVALID);
        assert_int_equal(told.error_offset, cases[i].offset);
        assert_int_equal(told.counts.events, 0);
        transcript_free(&told);
    }
}

static void assert_cut(const struct audit_limits *limits, const char *input, const char *bytes)
{
    char hex[DIGEST_SHA256_HEX];
    struct transcript told = read_as(slice_of(input), limits, AUDIT_ACCEPT_AUTO, false);
    assert_counts(&told, 1, 0);
    assert_int_equal(told.counts.cut, 1);
    assert_bytes(&told.last_event, bytes);
    digest_sha256_hex(slice_of(input), hex);
    assert_true(told.last_has_sha256);
    assert_string_equal(told.last_sha256, hex);
    transcript_free(&told);
}

static void test_over_a_bound_the_rest_of_that_value_is_left_out(void **state)
{
    const struct audit_limits limits = {.depth = 5, .value_bytes = 20, .event_bytes = 100, .dead_letter_bytes = 50};
    (void)state;
    assert_cut(&limits, "{\"auditID\":\"i\",\"verb\":\"get\",\"requestObject\":{\"a\":\"b\",\"c\":\"0123456789\"},\"z\":1}",
               "{\"auditID\":\"i\",\"verb\":\"get\",\"requestObject\":{\"a\":\"b\",\"c\":\"012345\"},\"z\":1}");
    assert_cut(&limits, "{\"auditID\":\"i\",\"verb\":\"0123456789012345678901234567890\",\"z\":1}",
               "{\"auditID\":\"i\",\"verb\":\"01234567890123456789\",\"z\":1}");
    assert_cut(&limits, "{\"auditID\":\"i\",\"verb\":\"a\",\"x\":[[[[[[[1]]]]]],2]}",
               "{\"auditID\":\"i\",\"verb\":\"a\",\"x\":[[[[[[null]]]]],2]}");
}

static void test_padding_before_the_objects_does_not_push_them_out(void **state)
{
    const struct audit_limits limits = {.depth = 5, .value_bytes = 60, .event_bytes = 60, .dead_letter_bytes = 50};
    (void)state;
    assert_cut(&limits,
               "{\"auditID\":\"i\",\"verb\":\"create\",\"groups\":[\"0123456789\",\"0123456789\"],\"requestObject\":{\"image\":\"evil\"},"
               "\"responseObject\":{\"a\":1},\"z\":1}",
               "{\"auditID\":\"i\",\"verb\":\"create\",\"groups\":[\"0123456789\",\"01234\"],\"requestObject\":{\"image\":\"evil\"},"
               "\"responseObject\":{\"a\":1}}");
}

static void test_of_a_list_that_was_answered_only_the_beginning_is_kept(void **state)
{
    struct buffer input = {0};
    (void)state;
    buffer_append_text(&input, "{\"auditID\":\"i\",\"verb\":\"list\",\"responseObject\":{\"kind\":\"PodList\",\"items\":[1");
    for (int i = 0; i < 100000; i++)
        buffer_append_text(&input, ",1");
    buffer_append_text(&input, "]},\"z\":2}");
    struct transcript told = read_as(buffer_slice(&input), NULL, AUDIT_ACCEPT_AUTO, false);
    assert_counts(&told, 1, 0);
    assert_int_equal(told.counts.cut, 0); /* no configured bound */
    assert_true(told.last_cut.response_object);
    assert_in_range(told.last_event.length, 65536, 65536 + 100);
    assert_non_null(strstr(told.last_event.bytes, "]},\"z\":2}"));
    assert_true(told.peak < 400000);
    transcript_free(&told);
    buffer_free(&input);
}

/* Counts as over a bound what its verb and the member that the long string stands in make of it. */
static void assert_long_string(const char *verb, const char *member, bool is_over_bound)
{
    const struct audit_limits limits = {.depth = 5, .value_bytes = 100000, .event_bytes = 1000000, .dead_letter_bytes = 50};
    struct buffer input = {0};
    buffer_printf(&input, "{\"auditID\":\"i\",\"verb\":\"%s\",\"%s\":{\"a\":\"", verb, member);
    for (int i = 0; i < 20000; i++)
        buffer_append_text(&input, "0123456789");
    buffer_append_text(&input, "\"},\"z\":2}");
    struct transcript told = read_as(buffer_slice(&input), &limits, AUDIT_ACCEPT_AUTO, false);
    assert_counts(&told, 1, 0);
    assert_int_equal(told.counts.cut, is_over_bound);
    assert_int_equal(told.last_cut.request_object, strcmp(member, "requestObject") == 0);
    assert_int_equal(told.last_cut.response_object, strcmp(member, "responseObject") == 0);
    assert_int_equal(told.last_cut.other, strcmp(member, "annotations") == 0);
    transcript_free(&told);
    buffer_free(&input);
}

static void test_a_long_string_in_what_a_read_answered_goes_over_no_bound(void **state)
{
    static const char *const reads[] = {"get", "list", "watch", "deletecollection"};
    (void)state;
    for (size_t i = 0; i < sizeof reads / sizeof *reads; i++)
        assert_long_string(reads[i], "responseObject", false);
    assert_long_string("get", "annotations", true);
    assert_long_string("get", "requestObject", true);
    assert_long_string("create", "responseObject", true);
}

static void test_dead_letters_keep_their_beginning_and_count_all(void **state)
{
    const struct audit_limits limits = {.depth = 5, .value_bytes = 1000, .event_bytes = 1000, .dead_letter_bytes = 8};
    (void)state;
    struct transcript told = read_as(SLICE("{\"a\":\"0123456789\"}{\"a\":x 0123456789"), &limits, AUDIT_ACCEPT_AUTO, false);
    assert_counts(&told, 0, 2);
    assert_non_null(strstr(told.text.bytes, "length 18: an object that is no audit event and no UDM record: it has no kind Event with apiVersion audit.k8s.io/..., and no auditID: {\"a\":\"01\n"));
    assert_non_null(strstr(told.text.bytes, "length 17: lexical error: invalid char in json text.: {\"a\":x 0\n"));
    transcript_free(&told);
}

static void test_envelopes_in_envelopes_end_at_a_bound(void **state)
{
    struct buffer input = {0};
    (void)state;
    for (int i = 0; i < 1000; i++)
        buffer_append_text(&input, i % 2 ? "[" : "{\"items\":[");
    struct transcript told = read_as(buffer_slice(&input), NULL, AUDIT_ACCEPT_AUTO, false);
    assert_counts(&told, 0, 1);
    transcript_free(&told);
    buffer_free(&input);
}

static void test_a_refused_budget_ends_the_input(void **state)
{
    struct buffer input = {0};
    struct transcript told = {.allowed = 300000};
    (void)state;
    buffer_append_text(&input, "{\"auditID\":\"i\",\"verb\":\"create\",\"requestObject\":[1");
    for (int i = 0; i < 200000; i++)
        buffer_append_text(&input, ",1");
    buffer_append_text(&input, "]}");
    transcript_read(&told, buffer_slice(&input), 65536, NULL, AUDIT_ACCEPT_AUTO);
    assert_int_equal(told.fed, RESULT_BUSY);
    assert_int_equal(told.result, RESULT_BUSY);
    assert_null(strstr(told.text.bytes, "event 0"));
    assert_int_equal(told.memory, 0);
    transcript_free(&told);
    buffer_free(&input);
}

/* Wherever in the event the budget ends. */
static void test_a_refused_budget_cuts_the_event_alone_where_that_is_asked_for(void **state)
{
    static const char *const begins[] = {"{\"auditID\":\"i\",\"verb\":\"create\",\"requestObject\":[[{\"a\":1},", "{\"auditID\":\"i\",\"verb\":\"create\",\"annotations\":[["};
    static const char *const ends[] = {"]]}", "]],\"requestObject\":{\"b\":2},\"responseObject\":{\"c\":3}}"};
    struct audit_limits limits = audit_default_limits;
    (void)state;
    limits.cut_over_budget = true;
    for (size_t kind = 0; kind < 2; kind++) {
        struct buffer input = {0};
        char hex[DIGEST_SHA256_HEX];
        buffer_append_text(&input, begins[kind]);
        for (int i = 0; i < 200000; i++)
            buffer_append_text(&input, i ? ",1" : "1");
        buffer_append_text(&input, ends[kind]);
        digest_sha256_hex(buffer_slice(&input), hex);
        size_t length = input.length;
        for (int whole = 1; whole >= 0; whole--) {
            struct transcript told = {.allowed = 300000};
            input.length = whole ? length : length - 1;
            transcript_read(&told, buffer_slice(&input), 65536, &limits, AUDIT_ACCEPT_AUTO);
            assert_int_equal(told.fed, RESULT_OK);
            assert_int_equal(told.counts.events, 1);
            assert_int_equal(told.counts.cut, 1);
            assert_false(told.broken);
            assert_true(told.last_cut.other && told.last_cut.request_object);
            assert_int_equal(told.last_cut.response_object, kind);
            assert_in_range(told.last_event.length, 100000, 300000);
            if (whole)
                assert_string_equal(told.last_sha256, hex);
            assert_true(told.peak <= 300000);
            assert_int_equal(told.memory, 0);
            transcript_free(&told);
        }
        buffer_free(&input);
    }
}

static void test_a_reader_can_be_used_again(void **state)
{
    struct transcript told = {0};
    struct audit_sink sink = {&told, transcript_wanted, transcript_event, transcript_dead, transcript_budget};
    struct audit_reader *reader = audit_reader_new(&audit_default_limits, AUDIT_ACCEPT_AUTO, AUDIT_FORMAT_AUTO, &sink);
    (void)state;
    told.input = SLICE(MINIMAL);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(audit_reader_feed(reader, SLICE("{\"auditID\":\"broken")), RESULT_OK);
        audit_reader_reset(reader);
        assert_int_equal(audit_reader_feed(reader, SLICE(MINIMAL)), RESULT_OK);
        assert_int_equal(audit_reader_finish(reader, NULL), RESULT_OK);
        assert_int_equal(audit_reader_counts(reader)->received, 1);
        audit_reader_reset(reader);
    }
    audit_reader_free(reader);
    transcript_free(&told);
}

static struct buffer read_file(const char *name)
{
    struct buffer bytes = {0};
    char path[200], block[4096];
    snprintf(path, sizeof path, "tests/data/audit/%s", name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    for (size_t count; (count = fread(block, 1, sizeof block, file)) > 0;)
        buffer_append(&bytes, block, count);
    fclose(file);
    return bytes;
}

static void test_bodies_of_a_real_api_server_are_read_whole(void **state)
{
    static const struct {
        const char *name;
        uint64_t events;
    } cases[] = {{"one-event.json", 1}, {"invalid-utf8.json", 4}, {"patch-nul.json", 2}, {"deep.json", 3}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buffer body = read_file(cases[i].name);
        struct transcript told = read_as(buffer_slice(&body), NULL, AUDIT_ACCEPT_AUTO, false);
        assert_counts(&told, cases[i].events, 0);
        assert_int_equal(told.counts.cut, 0);
        assert_int_equal(told.counts.values, 1);
        transcript_free(&told);
        buffer_free(&body);
    }
}

static void test_any_beginning_of_a_real_body_is_accounted_for(void **state)
{
    struct buffer body = read_file("one-event.json");
    (void)state;
    for (size_t length = 0; length < body.length; length += 7) {
        struct transcript told = read_as(slice_first(buffer_slice(&body), length), NULL, AUDIT_ACCEPT_AUTO, false);
        transcript_free(&told);
    }
    buffer_free(&body);
}

static void test_a_refused_message_is_a_dead_letter_and_nothing_else(void **state)
{
    struct transcript told = {0};
    struct audit_sink sink = {&told, transcript_wanted, transcript_event, transcript_dead, transcript_budget};
    struct audit_reader *reader = audit_reader_new(&audit_default_limits, AUDIT_ACCEPT_AUTO, AUDIT_FORMAT_AUTO, &sink);
    (void)state;
    audit_reader_refuse_message(reader, "no count");
    assert_int_equal(audit_reader_feed(reader, SLICE(MINIMAL "\n" MINIMAL)), RESULT_OK);
    assert_int_equal(audit_reader_end_message(reader), RESULT_OK);
    assert_int_equal(audit_reader_feed(reader, SLICE(MINIMAL)), RESULT_OK);
    assert_int_equal(audit_reader_end_message(reader), RESULT_OK);
    assert_int_equal(audit_reader_counts(reader)->events, 1);
    assert_int_equal(audit_reader_counts(reader)->dead, 1);
    assert_non_null(strstr(told.text.bytes, ": no count: {"));
    audit_reader_free(reader);
    transcript_free(&told);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_form_that_carries_events_is_told_by_looking),
        cmocka_unit_test(test_udm_records_are_told_from_audit_events),
        cmocka_unit_test(test_a_source_takes_only_what_it_accepts),
        cmocka_unit_test(test_the_head_is_told_in_any_order_of_keys),
        cmocka_unit_test(test_an_event_without_objects_is_asked_for_once),
        cmocka_unit_test(test_an_unwanted_event_is_counted_and_not_told),
        cmocka_unit_test(test_the_last_of_two_equal_keys_counts),
        cmocka_unit_test(test_a_wrong_shape_costs_that_one_event),
        cmocka_unit_test(test_wrong_syntax_costs_the_rest_of_a_list),
        cmocka_unit_test(test_wrong_syntax_costs_one_line_of_ndjson),
        cmocka_unit_test(test_an_event_that_a_line_ends_in_is_told_and_is_a_dead_letter),
        cmocka_unit_test(test_a_broken_value_over_several_lines_costs_itself),
        cmocka_unit_test(test_an_event_that_the_input_ends_in_is_told_and_is_a_dead_letter),
        cmocka_unit_test(test_an_input_of_which_no_value_could_be_read_is_invalid),
        cmocka_unit_test(test_over_a_bound_the_rest_of_that_value_is_left_out),
        cmocka_unit_test(test_padding_before_the_objects_does_not_push_them_out),
        cmocka_unit_test(test_of_a_list_that_was_answered_only_the_beginning_is_kept),
        cmocka_unit_test(test_a_long_string_in_what_a_read_answered_goes_over_no_bound),
        cmocka_unit_test(test_dead_letters_keep_their_beginning_and_count_all),
        cmocka_unit_test(test_envelopes_in_envelopes_end_at_a_bound),
        cmocka_unit_test(test_a_refused_budget_ends_the_input),
        cmocka_unit_test(test_a_refused_budget_cuts_the_event_alone_where_that_is_asked_for),
        cmocka_unit_test(test_a_reader_can_be_used_again),
        cmocka_unit_test(test_bodies_of_a_real_api_server_are_read_whole),
        cmocka_unit_test(test_any_beginning_of_a_real_body_is_accounted_for),
        cmocka_unit_test(test_a_refused_message_is_a_dead_letter_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
