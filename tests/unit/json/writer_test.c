/* SPDX-License-Identifier: Apache-2.0 */
#include "harrier/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_written(struct slice text, const char *wanted)
{
    struct buffer out = {NULL, 0, 0};
    struct json_writer *writer = json_writer_new(&out, false);
    json_write_string(writer, text);
    json_writer_free(writer);
    assert_string_equal(out.bytes, wanted);
    buffer_free(&out);
}

static void test_what_is_no_utf_8_is_written_as_the_replacement_character(void **state)
{
    (void)state;
    assert_written(SLICE("a\xff\xed\xa0\x80z"), "\"a\xef\xbf\xbd\xef\xbf\xbdz\""); /* a lone surrogate's three bytes are one character */
}

static void test_a_document_is_one_line_for_every_reader(void **state)
{
    (void)state;
    assert_written(SLICE("a\nb\x01"), "\"a\\nb\\u0001\"");
    assert_written(SLICE("a\xe2\x80\xa8g\xe2\x80\xa9h\xc2\x85i"), "\"a\\u2028g\\u2029h\\u0085i\"");
    assert_written(SLICE("\xe2\x80\xaa\xc3\x85"), "\"\xe2\x80\xaa\xc3\x85\""); /* neighbours of theirs */
}

static void test_a_tree_is_written_as_it_was_read(void **state)
{
    static const char text[] = "{\"a\":[1,2.50,-3e7,true,null,\"\\u00e9\",{}],\"a\":[],\"\":\"x\"}";
    struct arena *arena = arena_new(1024);
    struct buffer out = {NULL, 0, 0};
    struct json_node *tree;
    (void)state;
    assert_int_equal(json_tree_parse(arena, SLICE(text), &json_default_limits, &tree, NULL), RESULT_OK);
    struct json_writer *writer = json_writer_new(&out, false);
    json_write_node(writer, tree);
    json_writer_free(writer);
    assert_string_equal(out.bytes, "{\"a\":[1,2.50,-3e7,true,null,\"\xc3\xa9\",{}],\"a\":[],\"\":\"x\"}");
    buffer_free(&out);
    arena_free(arena);
}

static void test_a_member_that_is_read_over_leaves_a_null(void **state)
{
    struct json_limits limits = json_default_limits;
    struct arena *arena = arena_new(1024);
    struct json_node *tree;
    (void)state;
    limits.skip_member = "skip";
    assert_int_equal(json_tree_parse(arena, SLICE("{\"a\":{\"skip\":1},\"skip\":{\"b\":[[{}]],\"skip\":2},\"c\":\"d\",\"skip\":7}"), &limits, &tree, NULL), RESULT_OK);
    assert_true(json_is(json_at(tree, "a", "skip", NULL), JSON_NUMBER)); /* of the root alone */
    assert_true(json_is(json_member(tree, "skip"), JSON_NULL));
    assert_true(json_is(json_last_member(tree, "skip"), JSON_NULL));
    assert_true(slice_is(json_string(json_member(tree, "c")), "d"));
    assert_int_equal(tree->count, 4);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_no_utf_8_is_written_as_the_replacement_character),
        cmocka_unit_test(test_a_document_is_one_line_for_every_reader),
        cmocka_unit_test(test_a_tree_is_written_as_it_was_read),
        cmocka_unit_test(test_a_member_that_is_read_over_leaves_a_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
