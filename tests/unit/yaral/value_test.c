/* SPDX-License-Identifier: Apache-2.0 */
#include "harrier/yaral_value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>

static bool equal(struct yaral_value a, struct yaral_value b)
{
    return yaral_equal(&a, &b, false);
}

static bool equal_nocase(const char *a, const char *b)
{
    struct yaral_value left = yaral_string(slice_of(a)), right = yaral_string(slice_of(b));
    return yaral_equal(&left, &right, true);
}

static int compare(struct yaral_value a, struct yaral_value b)
{
    return yaral_compare(&a, &b);
}

static void expect_text(struct yaral_value value, const char *expected)
{
    struct arena *arena = arena_new(1024);
    struct slice text = yaral_to_text(arena, &value);
    if (!slice_is(text, expected))
        fail_msg("`%.*s` where `%s` was expected", SLICE_ARGS(text), expected);
    arena_free(arena);
}

static void test_numbers_are_equal_by_value_over_int_and_float(void **state)
{
    (void)state;
    assert_true(equal(yaral_int(2), yaral_float(2)));
    assert_false(equal(yaral_int(2), yaral_float(2.5)));
    assert_false(equal(yaral_int((INT64_C(1) << 53) + 1), yaral_float(0x1p53)));
    assert_false(equal(yaral_int(INT64_MAX), yaral_float(0x1p63)));
    assert_true(equal(yaral_int(INT64_MIN), yaral_float(-0x1p63)));
    assert_false(equal(yaral_int(1), yaral_string(SLICE("1"))));
    assert_false(equal(yaral_int(1), yaral_bool(true)));
    assert_true(equal(yaral_bool(true), yaral_bool(true)));
}

static void test_order_is_by_number_or_by_bytes(void **state)
{
    (void)state;
    assert_true(compare(yaral_int(2), yaral_int(10)) < 0);
    assert_true(compare(yaral_float(2.5), yaral_int(2)) > 0);
    assert_true(compare(yaral_int(2), yaral_float(2.5)) < 0);
    assert_true(compare(yaral_int(-2), yaral_float(-2.5)) > 0);
    assert_int_equal(compare(yaral_int(3), yaral_float(3)), 0);
    assert_true(compare(yaral_string(SLICE("10")), yaral_string(SLICE("2"))) < 0);
    assert_true(compare(yaral_int(INT64_MAX), yaral_float(1e30)) < 0);
    assert_true(compare(yaral_int(INT64_MIN), yaral_float(-1e30)) > 0);
}

static void test_nocase_folds_simply_and_not_by_language(void **state)
{
    (void)state;
    assert_true(equal_nocase("NginX", "nGINx"));
    assert_true(equal_nocase("\xC3\x89", "\xC3\xA9"));
    assert_true(equal_nocase("\xCE\xA3", "\xCF\x82")); /* capital and final sigma */
    assert_true(equal_nocase("k", "\xE2\x84\xAA"));    /* the Kelvin sign, three bytes against one */
    assert_false(equal_nocase("i", "\xC4\xB1"));       /* Turkish dotless i */
    assert_false(equal_nocase("ss", "\xC3\x9F"));      /* that would be full folding */
    assert_false(equal_nocase("a", "ab"));
    assert_false(equal_nocase("\xFF", "\xFE"));
    assert_false(equal_nocase("\xFF", "\xEF\xBF\xBD"));
    assert_true(equal_nocase("\xFF", "\xFF"));
}

static void test_folding_a_text_gives_what_nocase_compares(void **state)
{
    struct arena *arena = arena_new(1024);

    (void)state;
    assert_true(slice_is(yaral_fold(arena, SLICE("ABC \xCF\x82\xE2\x84\xAA\xFF")), "abc \xCF\x83k\xFF"));
    assert_true(slice_is(yaral_fold(arena, SLICE("")), ""));
    assert_int_equal(yaral_fold(arena, slice_make("A\0B", 3)).length, 3);
    arena_free(arena);
}

static void test_values_are_shown_as_people_write_them(void **state)
{
    struct yaral_value items[] = {yaral_int(1), yaral_string(SLICE("x")), yaral_float(0.1)};
    struct yaral_value list = {.type = YARAL_STRING, .is_list = true, .list = {items, 3}};

    (void)state;
    expect_text(yaral_int(INT64_MIN), "-9223372036854775808");
    expect_text(yaral_float(2), "2");
    expect_text(yaral_float(2.5), "2.5");
    expect_text(yaral_float(0.1), "0.1");
    expect_text(yaral_float(1.0 / 3), "0.3333333333333333");
    expect_text(yaral_float(-0.0), "0");
    expect_text(yaral_bool(false), "false");
    expect_text(yaral_string(SLICE("a b")), "a b");
    expect_text(list, "[1, x, 0.1]");
    expect_text((struct yaral_value){.type = YARAL_NOTHING}, "");
}

static void test_enums_are_shown_by_name(void **state)
{
    static const struct udm_enum_value values[] = {{"UNKNOWN", 0}, {"ALLOW", 1}};
    static const struct udm_enum enumeration = {"Action", values, 2};
    struct yaral_value known = {.type = YARAL_ENUM, .integer = 1, .enumeration = &enumeration};
    struct yaral_value strange = {.type = YARAL_ENUM, .integer = 77, .enumeration = &enumeration};

    (void)state;
    expect_text(known, "ALLOW");
    expect_text(strange, "77");
}

static void test_zero_values(void **state)
{
    (void)state;
    assert_true(equal(yaral_zero(YARAL_STRING), yaral_string(SLICE(""))));
    assert_true(equal(yaral_zero(YARAL_INT), yaral_int(0)));
    assert_true(equal(yaral_zero(YARAL_FLOAT), yaral_float(0)));
    assert_true(equal(yaral_zero(YARAL_BOOL), yaral_bool(false)));
}

static void test_a_timestamp_is_read_through_its_parts(void **state)
{
    struct udm_field field = {.name = "t", .type = UDM_TIMESTAMP};
    struct udm_value value = {.time = 5 * CLOCK_SECOND + 7}, before = {.time = -1};

    (void)state;
    assert_int_equal(yaral_from_udm(&field, &value, UDM_PART_SECONDS).integer, 5);
    assert_int_equal(yaral_from_udm(&field, &value, UDM_PART_WHOLE).integer, 5);
    assert_int_equal(yaral_from_udm(&field, &value, UDM_PART_NANOS).integer, 7);
    assert_int_equal(yaral_from_udm(&field, &before, UDM_PART_SECONDS).integer, -1);
    assert_int_equal(yaral_from_udm(&field, &before, UDM_PART_NANOS).integer, 999999999);
}

static void test_lists_are_equal_element_by_element(void **state)
{
    struct yaral_value items[] = {yaral_string(SLICE("a")), yaral_string(SLICE("b"))};
    struct yaral_value two = {.type = YARAL_STRING, .is_list = true, .list = {items, 2}};
    struct yaral_value one = {.type = YARAL_STRING, .is_list = true, .list = {items, 1}};

    (void)state;
    assert_true(equal(two, two));
    assert_false(equal(two, one));
    assert_false(equal(one, items[0]));
}

static void test_aggregates_have_names(void **state)
{
    (void)state;
    assert_int_equal(yaral_aggregate_find(SLICE("count_distinct")), YARAL_COUNT_DISTINCT);
    assert_int_equal(yaral_aggregate_find(SLICE("max")), YARAL_MAX);
    assert_int_equal(yaral_aggregate_find(SLICE("latest")), YARAL_LATEST);
    assert_int_equal(yaral_aggregate_find(SLICE("Max")), YARAL_AGGREGATE_NONE);
    assert_int_equal(yaral_aggregate_find(SLICE("median")), YARAL_AGGREGATE_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_are_equal_by_value_over_int_and_float),
        cmocka_unit_test(test_order_is_by_number_or_by_bytes),
        cmocka_unit_test(test_nocase_folds_simply_and_not_by_language),
        cmocka_unit_test(test_folding_a_text_gives_what_nocase_compares),
        cmocka_unit_test(test_values_are_shown_as_people_write_them),
        cmocka_unit_test(test_enums_are_shown_by_name),
        cmocka_unit_test(test_zero_values),
        cmocka_unit_test(test_a_timestamp_is_read_through_its_parts),
        cmocka_unit_test(test_lists_are_equal_element_by_element),
        cmocka_unit_test(test_aggregates_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
