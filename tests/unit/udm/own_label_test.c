/* SPDX-License-Identifier: Apache-2.0 */
#include "harrier/udm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The label's values in the event, joined by commas. */
static void assert_values(const char *path, const char *event, const char *wanted)
{
    struct arena *arena = arena_new(4096);
    struct udm_own_labels *labels = udm_own_labels_new();
    struct buffer joined = {NULL, 0, 0};
    struct udm_record record;
    struct json_node *tree;
    struct udm_value values[16];
    const char *wrong;

    assert_int_equal(udm_own_labels_add(labels, SLICE("mine"), slice_of(path), &wrong), RESULT_OK);
    assert_int_equal(json_tree_parse(arena, slice_of(event), &json_default_limits, &tree, NULL), RESULT_OK);
    udm_record_init(&record, arena, UDM_KNOWN);
    udm_own_labels_apply(labels, &record, tree);
    size_t count = udm_record_labels(&record, "mine", values, 16);
    for (size_t i = 0; i < count; i++) {
        buffer_append_text(&joined, i ? "," : "");
        buffer_append_slice(&joined, values[i].string);
    }
    buffer_append_text(&joined, "");
    assert_string_equal(joined.bytes, wanted);
    buffer_free(&joined);
    udm_own_labels_free(labels);
    arena_free(arena);
}

static void test_a_path_of_names_gives_the_value_that_stands_there(void **state)
{
    (void)state;
    assert_values("requestObject.metadata.labels.team", "{\"requestObject\":{\"metadata\":{\"labels\":{\"team\":\"blue\"}}}}", "blue");
    assert_values("requestObject.metadata.labels[\"a.b/c\"]", "{\"requestObject\":{\"metadata\":{\"labels\":{\"a.b/c\":true}}}}", "true");
    assert_values("requestObject.spec.replicas", "{\"requestObject\":{\"spec\":{\"replicas\":3}}}", "3");
    assert_values("requestObject.spec.replicas", "{\"requestObject\":{\"spec\":{}}}", "");
    assert_values("requestObject.spec", "{\"requestObject\":{\"spec\":{\"a\":1}}}", "");
}

static void test_elements_are_named_by_number_or_all_together(void **state)
{
    const char *event = "{\"requestObject\":{\"c\":[{\"n\":\"a\"},{\"n\":\"b\"},{\"n\":\"a\"}]}}";
    (void)state;
    assert_values("requestObject.c[1].n", event, "b");
    assert_values("requestObject.c[*].n", event, "a,b");
    assert_values("requestObject.c[7].n", event, "");
}

static void test_a_name_that_stands_twice_gives_both_values(void **state)
{
    (void)state;
    assert_values("a.b", "{\"a\":{\"b\":\"1\",\"b\":\"2\"}}", "1,2");
}

static void test_what_is_wrong_with_a_path_is_said(void **state)
{
    static const char *const wrong_paths[] = {"", "a..b", "a.", "a[", "a[x]", "a[\"b]", ".a"};
    struct udm_own_labels *labels = udm_own_labels_new();
    const char *wrong;
    (void)state;
    for (size_t i = 0; i < sizeof wrong_paths / sizeof wrong_paths[0]; i++) {
        wrong = NULL;
        assert_int_equal(udm_own_labels_add(labels, SLICE("mine"), slice_of(wrong_paths[i]), &wrong), RESULT_INVALID);
        assert_non_null(wrong);
    }
    assert_int_equal(udm_own_labels_add(labels, SLICE("image"), SLICE("a"), &wrong), RESULT_INVALID);
    assert_non_null(strstr(wrong, "already"));
    udm_own_labels_free(labels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_path_of_names_gives_the_value_that_stands_there),
        cmocka_unit_test(test_elements_are_named_by_number_or_all_together),
        cmocka_unit_test(test_a_name_that_stands_twice_gives_both_values),
        cmocka_unit_test(test_what_is_wrong_with_a_path_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
