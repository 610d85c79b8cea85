/* SPDX-License-Identifier: Apache-2.0 */
#include "harrier/json.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

struct tree {
    struct arena *arena;
    struct json_node *root;
    enum result result;
    size_t error_offset;
};

static struct tree parse_with(struct slice text, const struct json_limits *limits)
{
    struct tree tree = {.arena = arena_new(1024)};
    tree.result = json_tree_parse(tree.arena, text, limits, &tree.root, &tree.error_offset);
    return tree;
}

static struct tree parse(const char *text)
{
    return parse_with(slice_of(text), &json_default_limits);
}

static void assert_slice(struct slice actual, const char *expected, size_t length)
{
    assert_int_equal(actual.length, length);
    assert_memory_equal(actual.bytes, expected, length);
}

static void assert_written(const struct json_node *node, const char *expected)
{
    struct buffer out = {0};
    struct json_writer *writer = json_writer_new(&out, false);
    json_write_node(writer, node);
    json_writer_free(writer);
    assert_string_equal(out.bytes, expected);
    buffer_free(&out);
}

static void test_every_type_is_read_and_written_as_it_stood(void **state)
{
    const char *text = "{\"a\":[1,-2.50e+3,true,false,null,\"x\"],\"b\":{},\"a\":[]}";
    struct tree tree = parse(text);

    (void)state;
    assert_int_equal(tree.result, RESULT_OK);
    assert_false(tree.root->incomplete);
    assert_written(tree.root, text);
    arena_free(tree.arena);
}

static void test_escapes_are_undone_and_a_lone_surrogate_keeps_its_place(void **state)
{
    struct tree tree = parse("[\"\\ud83d\\ude00\",\"a\\ud800z\",\"\\udc00\\ud800\",\"\\u0000b\",\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]");
    struct json_node *node = tree.root->first;

    (void)state;
    assert_int_equal(tree.result, RESULT_OK);
    assert_slice(node->text, "\xF0\x9F\x98\x80", 4);
    node = node->next;
    assert_slice(node->text, "a\xED\xA0\x80z", 5);
    node = node->next;
    assert_slice(node->text, "\xED\xB0\x80\xED\xA0\x80", 6);
    node = node->next;
    assert_slice(node->text, "\0b", 2);
    node = node->next;
    assert_slice(node->text, "\"\\/\b\f\n\r\t", 8);
    arena_free(tree.arena);
}

static void test_a_high_surrogate_before_another_escape_is_no_pair(void **state)
{
    struct tree tree = parse("\"\\ud83d\\u0041\"");
    (void)state;
    assert_slice(tree.root->text,
                 "\xED\xA0\xBD"
                 "A",
                 4);
    arena_free(tree.arena);
}

static void test_text_without_escapes_points_into_the_input(void **state)
{
    const char *text = "{\"key\":\"value\",\"n\":12}";
    struct tree tree = parse(text);

    (void)state;
    assert_ptr_equal(tree.root->first->key.bytes, text + 2);
    assert_ptr_equal(tree.root->first->text.bytes, text + 8);
    assert_ptr_equal(tree.root->last->text.bytes, text + 19);
    arena_free(tree.arena);
}

static void test_invalid_utf8_is_kept_in_the_tree_and_replaced_in_writing(void **state)
{
    struct tree tree = parse("\"a\xFF\xED\xA0\x80"
                             "b\"");
    (void)state;
    assert_int_equal(tree.result, RESULT_OK);
    assert_slice(tree.root->text,
                 "a\xFF\xED\xA0\x80"
                 "b",
                 6);
    assert_written(tree.root, "\"a\xEF\xBF\xBD\xEF\xBF\xBD"
                              "b\"");
    arena_free(tree.arena);
}

static void test_text_that_breaks_off_gives_what_was_there(void **state)
{
    struct tree tree = parse("{\"a\":[{\"image\":\"evil/im\\u00");
    struct json_node *image = json_member(json_member(tree.root, "a")->first, "image");

    (void)state;
    assert_int_equal(tree.result, RESULT_INVALID);
    assert_int_equal(tree.error_offset, 27);
    assert_slice(json_string(image), "evil/im", 7);
    assert_true(image->incomplete && image->parent->incomplete && tree.root->incomplete);
    arena_free(tree.arena);
}

static void test_a_number_at_the_broken_end_is_incomplete(void **state)
{
    struct tree tree = parse("[1,23");
    (void)state;
    assert_int_equal(tree.result, RESULT_INVALID);
    assert_false(tree.root->first->incomplete);
    assert_true(tree.root->last->incomplete);
    arena_free(tree.arena);
}

static void test_a_key_without_its_value_is_left_out(void **state)
{
    struct tree tree = parse("{\"a\":1,\"b\":");
    (void)state;
    assert_int_equal(tree.result, RESULT_INVALID);
    assert_written(tree.root, "{\"a\":1}");
    arena_free(tree.arena);
}

static void test_anything_behind_the_value_is_wrong(void **state)
{
    static const char *const texts[] = {"{} x", "1 2", "[],", "1\"", "\"a\"\"", "{}\"abc"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct tree tree = parse(texts[i]);
        assert_int_equal(tree.result, RESULT_INVALID);
        arena_free(tree.arena);
    }
}

static void test_nothing_is_no_value(void **state)
{
    static const char *const texts[] = {"", "  ", "x", "]"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct tree tree = parse(texts[i]);
        assert_int_equal(tree.result, RESULT_INVALID);
        assert_null(tree.root);
        arena_free(tree.arena);
    }
}

static void nested(struct buffer *text, int depth)
{
    for (int i = 0; i < depth; i++)
        buffer_append_text(text, i % 2 ? "[" : "{\"a\":");
    buffer_append_text(text, "1");
    for (int i = depth; i-- > 0;)
        buffer_append_byte(text, i % 2 ? ']' : '}');
}

static void test_ten_thousand_levels_are_read_walked_and_written(void **state)
{
    struct buffer text = {0}, path = {0};
    (void)state;
    nested(&text, 10000);
    struct tree tree = parse_with(buffer_slice(&text), &json_default_limits);
    assert_int_equal(tree.result, RESULT_OK);
    assert_written(tree.root, text.bytes);
    struct json_node *node = tree.root;
    while (node->first)
        node = node->first;
    json_path(node, &path);
    assert_int_equal(path.length, 5000 * 4 + 4999);
    buffer_free(&text);
    buffer_free(&path);
    arena_free(tree.arena);
}

static void test_bounds_end_the_tree_and_say_so(void **state)
{
    struct json_limits shallow = {.depth = 3, .token_bytes = 100, .nodes = 100},
                       short_tokens = {.depth = 10, .token_bytes = 4, .nodes = 100}, few = {.depth = 10, .token_bytes = 100, .nodes = 3};
    (void)state;

    struct tree tree = parse_with(SLICE("{\"a\":1,\"b\":[[[2]]]}"), &shallow);
    assert_int_equal(tree.result, RESULT_LIMIT);
    assert_written(tree.root, "{\"a\":1,\"b\":[[]]}");
    assert_true(tree.root->incomplete);
    arena_free(tree.arena);

    tree = parse_with(SLICE("[\"abcd\",\"abcde\",\"x\"]"), &short_tokens);
    assert_int_equal(tree.result, RESULT_LIMIT);
    assert_written(tree.root, "[\"abcd\",\"abcd\"]");
    assert_true(tree.root->last->incomplete);
    arena_free(tree.arena);

    tree = parse_with(SLICE("[1,2,3,4]"), &few);
    assert_int_equal(tree.result, RESULT_LIMIT);
    assert_written(tree.root, "[1,2]");
    arena_free(tree.arena);
}

static void test_the_first_and_the_last_of_two_members_are_found(void **state)
{
    struct tree tree = parse("{\"a\":\"1\",\"b\":{\"c\":\"x\"},\"a\":\"2\"}");
    (void)state;
    assert_slice(json_string(json_member(tree.root, "a")), "1", 1);
    assert_slice(json_string(json_last_member(tree.root, "a")), "2", 1);
    assert_slice(json_string(json_at(tree.root, "b", "c", NULL)), "x", 1);
    assert_null(json_at(tree.root, "a", "c", NULL));
    assert_null(json_member(NULL, "a"));
    assert_null(json_string(NULL).bytes);
    arena_free(tree.arena);
}

static void test_a_path_is_written_as_people_write_it(void **state)
{
    struct tree tree = parse("{\"spec\":{\"containers\":[0,{\"a.b/c\":{\"\":[{\"x\\\"\":1}]}}]}}");
    struct buffer path = {0};
    struct json_node *node = tree.root;

    (void)state;
    json_path(node, &path);
    assert_int_equal(path.length, 0);
    node = json_at(tree.root, "spec", "containers", NULL)->last;
    node = node->first->first->first->first;
    json_path(node, &path);
    assert_string_equal(path.bytes, "spec.containers[1][\"a.b/c\"][\"\"][0][\"x\\\"\"]");
    buffer_free(&path);
    arena_free(tree.arena);
}

static void test_numbers_are_written_short_and_read_back_the_same(void **state)
{
    static const struct {
        double number;
        const char *text;
    } cases[] = {{0.1, "0.1"},      {100, "100"},  {-2.5, "-2.5"},    {1.0 / 3, "0.3333333333333333"},
                 {1e300, "1e+300"}, {NAN, "null"}, {INFINITY, "null"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buffer out = {0};
        struct json_writer *writer = json_writer_new(&out, false);
        json_write_double(writer, cases[i].number);
        json_writer_free(writer);
        assert_string_equal(out.bytes, cases[i].text);
        buffer_free(&out);
    }
}

static void test_the_writer_follows_the_calls(void **state)
{
    struct buffer out = {0};
    struct json_writer *writer = json_writer_new(&out, false);

    (void)state;
    json_begin_object(writer);
    json_put_text(writer, "t", "<&>/\x01");
    json_put_int(writer, "i", INT64_MIN);
    json_put_bool(writer, "b", true);
    json_put_string(writer, "s", slice_make("a\0b", 3));
    json_key_slice(writer, SLICE("l"));
    json_begin_array(writer);
    json_write_null(writer);
    json_write_number_text(writer, SLICE("1.50"));
    json_end_array(writer);
    json_end_object(writer);
    buffer_append_byte(&out, '\n');
    json_begin_array(writer);
    json_end_array(writer);
    json_writer_free(writer);
    assert_string_equal(out.bytes,
                        "{\"t\":\"<&>/\\u0001\",\"i\":-9223372036854775808,\"b\":true,\"s\":\"a\\u0000b\",\"l\":[null,1.50]}\n[]");
    buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_type_is_read_and_written_as_it_stood),
        cmocka_unit_test(test_escapes_are_undone_and_a_lone_surrogate_keeps_its_place),
        cmocka_unit_test(test_a_high_surrogate_before_another_escape_is_no_pair),
        cmocka_unit_test(test_text_without_escapes_points_into_the_input),
        cmocka_unit_test(test_invalid_utf8_is_kept_in_the_tree_and_replaced_in_writing),
        cmocka_unit_test(test_text_that_breaks_off_gives_what_was_there),
        cmocka_unit_test(test_a_number_at_the_broken_end_is_incomplete),
        cmocka_unit_test(test_a_key_without_its_value_is_left_out),
        cmocka_unit_test(test_anything_behind_the_value_is_wrong),
        cmocka_unit_test(test_nothing_is_no_value),
        cmocka_unit_test(test_ten_thousand_levels_are_read_walked_and_written),
        cmocka_unit_test(test_bounds_end_the_tree_and_say_so),
        cmocka_unit_test(test_the_first_and_the_last_of_two_members_are_found),
        cmocka_unit_test(test_a_path_is_written_as_people_write_it),
        cmocka_unit_test(test_numbers_are_written_short_and_read_back_the_same),
        cmocka_unit_test(test_the_writer_follows_the_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
