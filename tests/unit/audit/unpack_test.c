/* SPDX-License-Identifier: Apache-2.0 */
/* Packed payloads, a turn at a time: what comes out in one is bounded, whatever the nesting; nothing is lost, and no memory stays taken. */
#include "harrier/audit.h"
#include "harrier/base/base64.h"
#include "harrier/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/packing.h"

enum { EVENTS = 40000, TURN = 64 * 1024, BLOCK = 64 * 1024 };

#define EVENT "{\"auditID\":\"a\",\"stage\":\"ResponseComplete\",\"verb\":\"create\",\"requestURI\":\"/api\"}\n"

struct told {
    size_t events, bytes, dead; /* bytes: of events, in this call */
    ptrdiff_t memory, most, allowed;
};

static bool wanted(void *context, const struct udm_k8s_head *head)
{
    (void)context;
    (void)head;
    return true;
}

static void on_event(void *context, const struct audit_event *event)
{
    struct told *told = context;
    told->events++;
    told->bytes += event->bytes.length;
    assert_true(event->enclosed);
}

static void on_dead(void *context, const struct audit_dead *dead)
{
    (void)dead;
    ((struct told *)context)->dead++;
}

static bool on_budget(void *context, ptrdiff_t bytes)
{
    struct told *told = context;
    if (told->allowed && bytes > 0 && told->memory + bytes > told->allowed)
        return false;
    told->memory += bytes;
    told->most = told->memory > told->most ? told->memory : told->most;
    return true;
}

static struct audit_reader *reader_for(struct told *told)
{
    const struct audit_sink sink = {told, wanted, on_event, on_dead, on_budget};
    struct audit_limits limits = audit_default_limits;

    limits.turn_bytes = TURN;
    return audit_reader_new(&limits, AUDIT_ACCEPT_K8S, AUDIT_FORMAT_AUTO, &sink);
}

/* --- envelopes: each takes the text over ----------------------------------------------------------------------------------------- */

static struct buffer many_events(size_t count)
{
    struct buffer text = {0};
    for (size_t i = 0; i < count; i++)
        buffer_append_text(&text, EVENT);
    return text;
}

static struct buffer packed_in(const char *before, struct buffer text, const char *behind)
{
    struct buffer packed = {0}, out = {0};

    append_gzip(&packed, buffer_slice(&text));
    buffer_append_text(&out, before);
    base64_encode(BASE64_STANDARD, buffer_slice(&packed), &out);
    buffer_append_text(&out, behind);
    buffer_free(&packed);
    buffer_free(&text);
    return out;
}

static struct buffer in_firehose(struct buffer text)
{
    return packed_in("{\"requestId\":\"r\",\"timestamp\":1,\"records\":[{\"data\":\"", text, "\"}]}");
}

static struct buffer in_pubsub(struct buffer text)
{
    return packed_in("{\"message\":{\"data\":\"", text, "\",\"messageId\":\"1\"},\"subscription\":\"s\"}");
}

static struct buffer in_cloud_event(struct buffer text)
{
    return packed_in("{\"specversion\":\"1.0\",\"type\":\"t\",\"data_base64\":\"", text, "\"}");
}

static struct buffer in_line(struct buffer text)
{
    struct buffer out = {0};

    buffer_append_text(&out, "{\"log\":\"");
    for (size_t i = 0; i < text.length; i++) {
        if (text.bytes[i] == '"')
            buffer_append_byte(&out, '\\');
        buffer_append_byte(&out, text.bytes[i]);
    }
    buffer_append_text(&out, "\"}\n");
    buffer_free(&text);
    return out;
}

/* --- tests ----------------------------------------------------------------------------------------------------------------------- */

static void assert_read_in_turns(struct buffer input, size_t events)
{
    struct told told = {0};
    struct audit_reader *reader = reader_for(&told);
    size_t turns = 0;

    assert_int_equal(audit_reader_feed(reader, buffer_slice(&input)), RESULT_OK);
    assert_int_equal(audit_reader_finish(reader, NULL), RESULT_OK);
    assert_int_equal(told.events, 0);
    for (bool more = true; more; turns++) {
        told.bytes = 0;
        more = audit_reader_go_on(reader);
        assert_int_equal(audit_reader_is_due(reader), more);
        assert_in_range(told.bytes, 0, TURN + BLOCK);
    }
    assert_in_range(turns, events * (sizeof EVENT - 1) / (TURN + BLOCK), SIZE_MAX);
    assert_int_equal(told.events, events);
    assert_int_equal(told.dead, 0);
    assert_int_equal(audit_reader_counts(reader)->events, events);
    assert_int_equal(audit_reader_counts(reader)->received, events);
    assert_int_equal(audit_reader_counts(reader)->other, 0);
    assert_in_range(told.most, 1, 1024 * 1024); /* and not what comes out */
    audit_reader_free(reader);
    assert_int_equal(told.memory, 0);
    buffer_free(&input);
}

static void test_what_comes_out_in_a_turn_is_bounded_whatever_the_nesting(void **state)
{
    (void)state;
    assert_read_in_turns(in_firehose(many_events(EVENTS)), EVENTS);
    assert_read_in_turns(in_pubsub(many_events(EVENTS)), EVENTS);
    assert_read_in_turns(in_cloud_event(many_events(EVENTS)), EVENTS);
    assert_read_in_turns(in_line(in_pubsub(many_events(EVENTS))), EVENTS);
    assert_read_in_turns(in_firehose(in_pubsub(many_events(EVENTS))), EVENTS);
    assert_read_in_turns(in_pubsub(in_line(in_cloud_event(in_line(in_firehose(many_events(EVENTS)))))), EVENTS);
}

static void test_payloads_within_a_packed_one_are_worked_on_before_it_goes_on(void **state)
{
    struct buffer inner = {0};
    (void)state;
    for (int i = 0; i < 150; i++) { /* each of 85 KB, which would be 13 MB if they were held */
        struct buffer one = in_pubsub(many_events(1000));
        buffer_append_slice(&inner, buffer_slice(&one));
        buffer_append_byte(&inner, '\n');
        buffer_free(&one);
    }
    assert_read_in_turns(in_firehose(inner), 150 * 1000);
}

static void test_more_can_be_fed_while_something_is_left(void **state)
{
    struct told told = {0};
    struct audit_reader *reader = reader_for(&told);
    struct buffer input = in_pubsub(many_events(EVENTS));
    (void)state;

    for (int i = 0; i < 3; i++) {
        assert_int_equal(audit_reader_feed(reader, buffer_slice(&input)), RESULT_OK);
        assert_true(audit_reader_go_on(reader));
    }
    assert_int_equal(audit_reader_finish(reader, NULL), RESULT_OK);
    while (audit_reader_go_on(reader))
        continue;
    assert_int_equal(told.events, 3 * EVENTS);
    audit_reader_free(reader);
    assert_int_equal(told.memory, 0);
    buffer_free(&input);
}

static void test_what_is_left_can_be_dropped_at_any_turn(void **state)
{
    struct told told = {0};
    struct audit_reader *reader = reader_for(&told);
    struct buffer input = in_firehose(in_pubsub(many_events(EVENTS)));
    (void)state;

    for (int turns = 0; turns < 6; turns++) {
        assert_int_equal(audit_reader_feed(reader, buffer_slice(&input)), RESULT_OK);
        for (int i = 0; i < turns; i++)
            assert_true(audit_reader_go_on(reader));
        audit_reader_reset(reader);
        assert_false(audit_reader_is_due(reader));
    }
    audit_reader_free(reader);
    assert_int_equal(told.memory, 0);
    buffer_free(&input);
}

static void test_a_budget_that_refuses_to_unpack_is_told_and_gets_all_back(void **state)
{
    struct buffer input = in_firehose(in_pubsub(many_events(EVENTS)));
    bool was_read = false;
    (void)state;

    for (ptrdiff_t allowed = 8 * 1024; !was_read; allowed += 16 * 1024) {
        struct told told = {.allowed = allowed};
        struct audit_reader *reader = reader_for(&told);
        audit_reader_feed(reader, buffer_slice(&input));
        audit_reader_finish(reader, NULL);
        while (audit_reader_go_on(reader))
            continue;
        was_read = told.events == EVENTS;
        assert_int_equal(audit_reader_state(reader), was_read ? RESULT_OK : RESULT_BUSY);
        audit_reader_free(reader);
        assert_int_equal(told.memory, 0);
    }
    buffer_free(&input);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_comes_out_in_a_turn_is_bounded_whatever_the_nesting),
        cmocka_unit_test(test_payloads_within_a_packed_one_are_worked_on_before_it_goes_on),
        cmocka_unit_test(test_more_can_be_fed_while_something_is_left),
        cmocka_unit_test(test_what_is_left_can_be_dropped_at_any_turn),
        cmocka_unit_test(test_a_budget_that_refuses_to_unpack_is_told_and_gets_all_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
