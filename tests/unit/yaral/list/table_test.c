/* SPDX-License-Identifier: Apache-2.0 */
/* Tables in CSV (RFC 4180) and JSON, asked by column. */
#include "harrier/yaral.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>

#define DATA "tests/data/yaral/lists/"

struct fixture {
    struct yaral_lists *lists;
    struct diagnostics *diagnostics;
    struct regex_matcher *matcher;
    struct arena *arena;
};

static struct fixture fixture_new(const char *path, enum result expected)
{
    struct fixture fixture = {yaral_lists_new(), diagnostics_new(), regex_matcher_new(), arena_new(1024)};
    assert_int_equal(yaral_lists_add_table(fixture.lists, SLICE("assets"), path, fixture.diagnostics), expected);
    return fixture;
}

static void fixture_free(struct fixture *fixture)
{
    yaral_lists_free(fixture->lists);
    diagnostics_free(fixture->diagnostics);
    regex_matcher_free(fixture->matcher);
    arena_free(fixture->arena);
}

static void expect_in(struct fixture *fixture, const char *column, enum yaral_list_kind kind, const char *value, bool expected)
{
    const struct yaral_list *list =
        yaral_lists_find(fixture->lists, SLICE("assets"), slice_of(column), kind, false, fixture->diagnostics, NULL);
    assert_non_null(list);
    enum truth truth = yaral_list_contains(list, fixture->matcher, fixture->arena, slice_of(value));
    if (truth != (expected ? TRUTH_TRUE : TRUTH_FALSE))
        fail_msg("`%s` in %%assets.%s: %d", value, column, (int)truth);
}

static void expect_error(const char *file, uint32_t line, const char *says)
{
    struct fixture fixture = fixture_new(file, RESULT_INVALID);
    const struct diagnostic *diagnostic = diagnostics_at(fixture.diagnostics, 0);

    assert_non_null(diagnostic);
    assert_int_equal(diagnostic->severity, DIAGNOSTIC_ERROR);
    if (diagnostic->line != line || !strstr(diagnostic->message, says))
        fail_msg("%s:%u: `%s` does not say `%s`", file, diagnostic->line, diagnostic->message, says);
    fixture_free(&fixture);
}

static void test_a_csv_table_is_asked_by_column(void **state)
{
    struct fixture fixture = fixture_new(DATA "assets.csv", RESULT_OK);

    (void)state;
    expect_in(&fixture, "host", YARAL_LIST_STRING, "a", true);
    expect_in(&fixture, "host", YARAL_LIST_STRING, "b, the second", true);
    expect_in(&fixture, "host", YARAL_LIST_STRING, "two\r\nlines", true);
    expect_in(&fixture, "host", YARAL_LIST_STRING, "10.0.0.0/16", false);
    expect_in(&fixture, "host", YARAL_LIST_STRING, "host", false);
    expect_in(&fixture, "net", YARAL_LIST_CIDR, "10.1.0.1", true);
    expect_in(&fixture, "net", YARAL_LIST_CIDR, "10.2.0.1", false);
    expect_in(&fixture, "pattern", YARAL_LIST_REGEX, "db-7", true);
    expect_in(&fixture, "pattern", YARAL_LIST_STRING, "say \"hi\"", true);
    assert_int_equal(diagnostics_count(fixture.diagnostics), 0);
    fixture_free(&fixture);
}

static void test_an_empty_cell_is_no_value(void **state)
{
    struct fixture csv = fixture_new(DATA "assets.csv", RESULT_OK), json = fixture_new(DATA "assets.json", RESULT_OK);

    (void)state;
    expect_in(&csv, "host", YARAL_LIST_STRING, "", false);
    expect_in(&json, "host", YARAL_LIST_STRING, "", false);
    expect_in(&json, "net", YARAL_LIST_STRING, "", false);
    fixture_free(&csv);
    fixture_free(&json);
}

static void test_a_json_table_is_asked_by_column(void **state)
{
    struct fixture fixture = fixture_new(DATA "assets.json", RESULT_OK);

    (void)state;
    expect_in(&fixture, "host", YARAL_LIST_STRING, "b", true);
    expect_in(&fixture, "net", YARAL_LIST_CIDR, "10.1.0.1", true);
    expect_in(&fixture, "port", YARAL_LIST_STRING, "443", true);
    expect_in(&fixture, "port", YARAL_LIST_STRING, "true", true);
    expect_in(&fixture, "port", YARAL_LIST_STRING, "8", false);
    assert_int_equal(diagnostics_count(fixture.diagnostics), 0);
    fixture_free(&fixture);
}

static void test_broken_tables_are_errors_with_their_line(void **state)
{
    (void)state;
    expect_error(DATA "short_row.csv", 3, "not as many fields");
    expect_error(DATA "same_name.csv", 1, "the same name");
    expect_error(DATA "open_quote.csv", 2, "closing quote is missing");
    expect_error(DATA "inner_quote.csv", 2, "quote inside a field");
    expect_error(DATA "bad.json", 3, "not JSON");
    expect_error(DATA "shape.json", 0, "row 1");
}

static void test_a_bad_cell_is_an_error_only_in_the_way_it_is_asked(void **state)
{
    struct fixture fixture = fixture_new(DATA "bad_range.csv", RESULT_OK);

    (void)state;
    expect_in(&fixture, "net", YARAL_LIST_STRING, "10.0.0.0/64", true);
    assert_int_equal(diagnostics_count(fixture.diagnostics), 0);
    expect_in(&fixture, "net", YARAL_LIST_CIDR, "10.9.9.9", true);
    assert_int_equal(diagnostics_count(fixture.diagnostics), 1);
    assert_int_equal(diagnostics_at(fixture.diagnostics, 0)->line, 3);
    fixture_free(&fixture);
}

static void test_a_column_that_is_not_there_is_suggested(void **state)
{
    struct fixture fixture = fixture_new(DATA "assets.csv", RESULT_OK);
    struct slice suggestion;

    (void)state;
    assert_null(yaral_lists_find(fixture.lists, SLICE("assets"), SLICE("hosts"), YARAL_LIST_STRING, false, fixture.diagnostics, &suggestion));
    assert_true(slice_is(suggestion, "host"));
    assert_null(yaral_lists_find(fixture.lists, SLICE("assets"), SLICE(""), YARAL_LIST_STRING, false, fixture.diagnostics, &suggestion));
    fixture_free(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_csv_table_is_asked_by_column),
        cmocka_unit_test(test_an_empty_cell_is_no_value),
        cmocka_unit_test(test_a_json_table_is_asked_by_column),
        cmocka_unit_test(test_broken_tables_are_errors_with_their_line),
        cmocka_unit_test(test_a_bad_cell_is_an_error_only_in_the_way_it_is_asked),
        cmocka_unit_test(test_a_column_that_is_not_there_is_suggested),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
