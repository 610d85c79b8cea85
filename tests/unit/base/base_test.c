/* SPDX-License-Identifier: Apache-2.0 */
#include "harrier/base/arena.h"
#include "harrier/base/budget.h"
#include "harrier/base/buffer.h"
#include "harrier/base/clock.h"
#include "harrier/base/diagnostics.h"
#include "harrier/base/digest.h"
#include "harrier/base/log.h"
#include "harrier/base/map.h"
#include "harrier/base/utf8.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

static void test_a_slice_is_cut_without_splitting_a_character(void **state)
{
    (void)state;
    assert_int_equal(slice_utf8_cut(SLICE("a\xc3\xa9z"), 2), 1);
    assert_int_equal(slice_utf8_cut(SLICE("a\xc3\xa9z"), 3), 3);
    assert_int_equal(slice_utf8_cut(SLICE("\x80\x80\x80\x80\x80"), 4), 4); /* not UTF-8: any place will do */
}

static void test_integers_are_read_whole_or_not_at_all(void **state)
{
    int64_t value;
    (void)state;
    assert_true(slice_to_int64(SLICE("-9223372036854775808"), &value));
    assert_true(value == INT64_MIN);
    assert_false(slice_to_int64(SLICE("9223372036854775808"), &value));
    assert_false(slice_to_int64(SLICE("12x"), &value));
    assert_false(slice_to_int64(SLICE(""), &value));
    assert_false(slice_to_int64(SLICE("-"), &value));
}

static void test_hexadecimal_digits_are_read_in_either_case(void **state)
{
    (void)state;
    assert_int_equal(slice_hex_digit('0') * 256 + slice_hex_digit('b') * 16 + slice_hex_digit('F'), 0xbf);
    assert_int_equal(slice_hex_digit('g'), -1);
    assert_int_equal(slice_hex_digit('/'), -1);
    assert_int_equal(slice_hex_digit(':'), -1);
}

static void test_an_arena_gives_aligned_memory_of_any_size_and_forgets_it_at_once(void **state)
{
    struct arena *arena = arena_new(64);
    (void)state;
    for (size_t size = 1; size < 100000; size = size * 3 + 1) {
        char *memory = arena_alloc(arena, size);
        assert_int_equal((uintptr_t)memory % _Alignof(max_align_t), 0);
        memset(memory, 'x', size);
    }
    assert_true(arena_used(arena) > 100000);
    arena_reset(arena);
    assert_int_equal(arena_used(arena), 0);
    assert_string_equal(arena_printf(arena, "%d-%s", 7, "seven").bytes, "7-seven");
    arena_free(arena);
}

struct allowance {
    ptrdiff_t left;
    ptrdiff_t held;
};

static bool ask_allowance(void *context, ptrdiff_t bytes, bool must)
{
    struct allowance *allowance = context;
    if (bytes > allowance->left && !must)
        return false;
    allowance->left -= bytes;
    allowance->held += bytes;
    return true;
}

static void test_an_arena_asks_before_it_grows_and_says_that_it_is_full(void **state)
{
    struct arena *arena = arena_new(64);
    struct allowance allowance = {.left = 10000};
    (void)state;
    arena_watch(arena, ask_allowance, &allowance);
    assert_non_null(arena_try(arena, 5000));
    assert_false(arena_is_full(arena));
    assert_null(arena_try(arena, 6000));
    assert_true(arena_is_full(arena));
    assert_null(arena_try(arena, 1)); /* what is in a loop stops, whatever would still fit */
    memset(arena_alloc(arena, 6000), 'x', 6000);
    assert_true(allowance.held >= 11000 && allowance.held <= 12000);
    arena_go_on(arena);
    assert_false(arena_charge(arena, 10000));
    assert_true(arena_is_full(arena));
    arena_reset(arena);
    assert_false(arena_is_full(arena));
    assert_true(arena_charge(arena, 9000));
    assert_int_equal(allowance.held, 9000);
    arena_reset(arena);
    assert_int_equal(allowance.held, 0);
    arena_free(arena);
}

static void test_what_an_arena_made_since_a_mark_is_given_back_and_what_is_older_stays(void **state)
{
    struct arena *arena = arena_new(64);
    struct allowance allowance = {.left = 100000};
    (void)state;
    arena_watch(arena, ask_allowance, &allowance);
    char *kept = arena_strdup(arena, SLICE("kept"));
    struct arena_mark outer = arena_mark(arena);
    arena_alloc(arena, 3000);
    struct arena_mark inner = arena_mark(arena);
    arena_alloc(arena, 30000);
    assert_null(arena_try(arena, 100000));
    arena_rewind(arena, inner);
    assert_false(arena_is_full(arena));
    assert_true(allowance.held >= 3000 && allowance.held < 30000);
    arena_rewind(arena, outer);
    assert_int_equal(allowance.held, 0);
    assert_int_equal(arena_used(arena), 16);
    assert_string_equal(kept, "kept");
    arena_free(arena);
}

static void test_an_arena_grows_an_allocation_and_keeps_what_is_in_it(void **state)
{
    struct arena *arena = arena_new(64);
    struct allowance allowance = {.left = 1 << 20};
    size_t size = 0;
    char *text = NULL;
    (void)state;
    arena_watch(arena, ask_allowance, &allowance);
    for (size_t next = 10; next < 400000; next = next * 2 + 1) {
        text = arena_grow(arena, text, size, next);
        assert_non_null(text);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(text[i], 'x');
        memset(text, 'x', next);
        size = next;
        if (next == 1279)
            arena_alloc(arena, 1); /* something stands behind it */
    }
    assert_null(arena_grow(arena, text, size, 2 << 20));
    assert_int_equal(text[size - 1], 'x');
    arena_free(arena);
}

static void *give_back_after_a_while(void *context)
{
    nanosleep(&(struct timespec){0, 20000000}, NULL);
    budget_give_from_work(context, 60);
    return NULL;
}

static void test_who_lacks_memory_waits_for_work_in_hand_and_for_nothing_else(void **state)
{
    struct budget *budget = budget_new(100);
    pthread_t thread;
    (void)state;
    assert_true(budget_take(budget, 30));
    assert_false(budget_take_for_work(budget, 80, 0, true)); /* nobody works: no use in waiting */
    assert_true(budget_take_for_work(budget, 60, 0, false));
    assert_false(budget_take_for_work(budget, 60, 0, false)); /* it has not begun, and can come again */
    assert_false(budget_take_for_work(budget, 20, 60, true)); /* all work in hand is its own */
    assert_int_equal(budget_refused(budget), 3);
    assert_int_equal(pthread_create(&thread, NULL, give_back_after_a_while, budget), 0);
    assert_true(budget_take_for_work(budget, 60, 0, true));
    pthread_join(thread, NULL);
    assert_int_equal(budget_used(budget), 90);
    budget_give_from_work(budget, 60);
    budget_give(budget, 30);
    budget_free(budget);
}

static void test_a_map_finds_all_its_keys_in_the_order_of_insertion(void **state)
{
    struct map *map = map_new();
    char key[16];
    (void)state;
    for (uintptr_t i = 0; i < 1000; i++) {
        snprintf(key, sizeof key, "key-%zu", (size_t)i);
        assert_null(map_put(map, slice_of(key), (void *)(i + 1)));
    }
    assert_int_equal(map_count(map), 1000);
    assert_ptr_equal(map_get(map, SLICE("key-777")), (void *)(uintptr_t)778);
    assert_null(map_get(map, SLICE("key-1000")));
    assert_true(slice_is(map_key_at(map, 999), "key-999"));
    assert_ptr_equal(map_put(map, SLICE("key-5"), NULL), (void *)(uintptr_t)6);
    map_free(map, NULL);
}

static void test_times_are_read_and_written_as_rfc_3339_has_them(void **state)
{
    char text[CLOCK_TEXT_SIZE];
    clock_nanos instant;
    (void)state;
    assert_true(clock_parse_rfc3339(SLICE("2026-01-02T03:04:05.678901Z"), &instant));
    assert_true(instant == INT64_C(1767323045678901000));
    assert_string_equal(clock_format_rfc3339(instant, text), "2026-01-02T03:04:05.678901Z");
    assert_true(clock_parse_rfc3339(SLICE("2026-01-02 04:04:05+01:00"), &instant));
    assert_string_equal(clock_format_rfc3339(instant, text), "2026-01-02T03:04:05.000000Z");
    assert_true(clock_parse_rfc3339(SLICE("1969-12-31T23:59:59.5Z"), &instant));
    assert_string_equal(clock_format_rfc3339(instant, text), "1969-12-31T23:59:59.500000Z");
    assert_false(clock_parse_rfc3339(SLICE("2026-13-02T03:04:05Z"), &instant));
    assert_false(clock_parse_rfc3339(SLICE("9999-13-02T03:04:05Z"), &instant));
    assert_false(clock_parse_rfc3339(SLICE("2026-01-02T03:04:05"), &instant));
    assert_false(clock_parse_rfc3339(SLICE("2026-01-02T03:04:05Zx"), &instant));
}

static void test_a_time_beyond_what_an_instant_holds_is_its_end_and_not_ignored(void **state)
{
    char text[CLOCK_TEXT_SIZE];
    clock_nanos instant;
    (void)state;
    assert_true(clock_parse_rfc3339(SLICE("9999-12-31T23:59:59Z"), &instant));
    assert_string_equal(clock_format_rfc3339(instant, text), "2261-12-31T23:59:59.999999999Z");
    assert_true(clock_parse_rfc3339(SLICE("2262-01-01T00:00:00Z"), &instant));
    assert_true(instant == CLOCK_LAST);
    assert_true(clock_parse_rfc3339(SLICE("0000-01-01T00:00:00+23:59"), &instant));
    assert_string_equal(clock_format_rfc3339(instant, text), "1678-01-01T00:00:00.000000Z");
    assert_true(clock_of_seconds(INT64_MAX) == INT64_MAX && clock_of_seconds(INT64_MIN) == INT64_MIN);
    assert_true(clock_of_timespec(&(struct timespec){9223372036, 999999999}) == INT64_MAX);
    assert_true(clock_of_timespec(&(struct timespec){13569465600, 1}) == INT64_MAX); /* 2400, as touch -d can set it */
    assert_true(clock_difference(CLOCK_FIRST, CLOCK_LAST) == -INT64_MAX && clock_difference(CLOCK_LAST, CLOCK_FIRST) == INT64_MAX);
    assert_true(clock_difference(INT64_MIN, 0) == -INT64_MAX); /* its negative is a number */
    assert_true(clock_difference(5, 7) == -2 && clock_sum(5, 7) == 12);
}

static void test_nothing_from_outside_can_forge_a_log_line(void **state)
{
    char out[64];
    (void)state;
    assert_string_equal(log_escape(SLICE("a\nb\x1b[31m\xff\xc2\x9b\xc3\xa9"), out, sizeof out), "a\\x0ab\\x1b[31m\\xff\\xc2\\x9b\xc3\xa9");
    /* what shows nothing, or turns what is around it: U+061C, U+200B, U+202E, a tag */
    assert_string_equal(log_escape(SLICE("\xd8\x9c\xe2\x80\xae|"), out, sizeof out), "\\xd8\\x9c\\xe2\\x80\\xae|");
    assert_string_equal(log_escape(SLICE("\xf3\xa0\x81\x81"), out, sizeof out), "\\xf3\\xa0\\x81\\x81");
    char longest[16];
    assert_string_equal(log_escape(SLICE("aaaaaaaaaaaaaaaaaaaaaaaa"), longest, sizeof longest), "aaaaaaaaaaaa...");
}

static void test_text_is_cleaned_to_utf_8(void **state)
{
    struct arena *arena = arena_new(64);
    (void)state;
    assert_true(slice_is(utf8_clean(arena, SLICE("a\xff\xed\xa0\x80z")), "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz"));
    assert_int_equal(utf8_sequence(SLICE("\xc0\x80")), 0);         /* overlong */
    assert_int_equal(utf8_sequence(SLICE("\xf4\x90\x80\x80")), 0); /* above U+10FFFF */
    assert_int_equal(utf8_length(SLICE("a\xc3\xa9\xff")), 3);
    assert_int_equal(utf8_to_lower(0x00C9), 0x00E9);
    arena_free(arena);
}

static void test_a_digest_part_cannot_be_shifted_into_its_neighbour(void **state)
{
    uint8_t one[DIGEST_SHA256_BYTES], other[DIGEST_SHA256_BYTES];
    char hex[DIGEST_SHA256_HEX];
    struct digest *digest = digest_new();
    (void)state;
    digest_begin(digest);
    digest_update_part(digest, SLICE("ab"));
    digest_update_part(digest, SLICE("c"));
    digest_end(digest, one);
    digest_begin(digest);
    digest_update_part(digest, SLICE("a"));
    digest_update_part(digest, SLICE("bc"));
    digest_end(digest, other);
    assert_memory_not_equal(one, other, sizeof one);
    digest_free(digest);
    digest_sha256_hex(SLICE("abc"), hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void test_a_budget_refuses_what_does_not_fit_and_counts_it(void **state)
{
    struct budget *budget = budget_new(100);
    (void)state;
    assert_true(budget_take(budget, 60));
    assert_false(budget_take(budget, 41));
    assert_true(budget_take(budget, 40));
    budget_give(budget, 100);
    assert_int_equal(budget_used(budget), 0);
    assert_int_equal(budget_peak(budget), 100);
    assert_int_equal(budget_refused(budget), 1);
    budget_free(budget);
}

static void test_diagnostics_are_printed_by_place_with_control_characters_escaped(void **state)
{
    struct diagnostics *diagnostics = diagnostics_new();
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    (void)state;
    diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, "b.yaral", 7, 3, "second");
    diagnostics_add(diagnostics, DIAGNOSTIC_WARNING, "b.yaral", 2, 0, "first %s", "\x1b[0m");
    diagnostics_add(diagnostics, DIAGNOSTIC_UNSUPPORTED, "a.yaral", 0, 0, "whole file");
    diagnostics_print(diagnostics, out);
    fclose(out);
    assert_string_equal(text, "a.yaral: unsupported: whole file\nb.yaral:2: warning: first \\x1b[0m\nb.yaral:7:3: error: second\n");
    assert_int_equal(diagnostics_count_of(diagnostics, DIAGNOSTIC_ERROR), 1);
    free(text);
    diagnostics_free(diagnostics);
}

static void test_a_buffer_grows_and_gives_up_its_front(void **state)
{
    struct buffer buffer = {NULL, 0, 0};
    (void)state;
    for (int i = 0; i < 1000; i++)
        buffer_printf(&buffer, "%d,", i);
    buffer_consume(&buffer, 4);
    assert_true(slice_starts_with(buffer_slice(&buffer), SLICE("2,3,4,")));
    buffer_consume(&buffer, 100000);
    assert_int_equal(buffer.length, 0);
    char *empty = buffer_take(&buffer);
    assert_string_equal(empty, "");
    free(empty);
}

static void test_the_edit_distance_counts_single_changes(void **state)
{
    (void)state;
    assert_int_equal(slice_edit_distance(SLICE("lsiten"), SLICE("listen")), 2);
    assert_int_equal(slice_edit_distance(SLICE(""), SLICE("abc")), 3);
    assert_int_equal(slice_edit_distance(SLICE("same"), SLICE("same")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_slice_is_cut_without_splitting_a_character),
        cmocka_unit_test(test_integers_are_read_whole_or_not_at_all),
        cmocka_unit_test(test_hexadecimal_digits_are_read_in_either_case),
        cmocka_unit_test(test_an_arena_gives_aligned_memory_of_any_size_and_forgets_it_at_once),
        cmocka_unit_test(test_an_arena_asks_before_it_grows_and_says_that_it_is_full),
        cmocka_unit_test(test_what_an_arena_made_since_a_mark_is_given_back_and_what_is_older_stays),
        cmocka_unit_test(test_an_arena_grows_an_allocation_and_keeps_what_is_in_it),
        cmocka_unit_test(test_who_lacks_memory_waits_for_work_in_hand_and_for_nothing_else),
        cmocka_unit_test(test_a_map_finds_all_its_keys_in_the_order_of_insertion),
        cmocka_unit_test(test_times_are_read_and_written_as_rfc_3339_has_them),
        cmocka_unit_test(test_a_time_beyond_what_an_instant_holds_is_its_end_and_not_ignored),
        cmocka_unit_test(test_nothing_from_outside_can_forge_a_log_line),
        cmocka_unit_test(test_text_is_cleaned_to_utf_8),
        cmocka_unit_test(test_a_digest_part_cannot_be_shifted_into_its_neighbour),
        cmocka_unit_test(test_a_budget_refuses_what_does_not_fit_and_counts_it),
        cmocka_unit_test(test_diagnostics_are_printed_by_place_with_control_characters_escaped),
        cmocka_unit_test(test_a_buffer_grows_and_gives_up_its_front),
        cmocka_unit_test(test_the_edit_distance_counts_single_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
