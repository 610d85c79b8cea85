/* SPDX-License-Identifier: Apache-2.0 */
#include "mapped.h"

static struct mapped empty_record(void)
{
    struct mapped mapped = {.arena = arena_new(4096)};
    udm_record_init(&mapped.record, mapped.arena, UDM_KNOWN);
    return mapped;
}

static const struct udm_field *field(const char *type, const char *name)
{
    return udm_field_find(udm_message_type_find(type), slice_of(name));
}

static void test_a_single_field_keeps_the_last_value(void **state)
{
    (void)state;
    struct mapped mapped = empty_record();
    udm_record_add_string(&mapped.record, "target.url", SLICE("/a"), NULL);
    udm_record_add_string(&mapped.record, "target.url", SLICE("/b"), NULL);
    assert_field(&mapped, "target.url", "/b");
    unmap(&mapped);
}

static void test_a_repeated_field_keeps_all_values_in_order(void **state)
{
    (void)state;
    struct mapped mapped = empty_record();
    char texts[20][4];
    for (size_t i = 0; i < 20; i++) {
        snprintf(texts[i], sizeof texts[i], "%zu", i);
        udm_record_add_string(&mapped.record, "principal.ip", slice_of(texts[i]), NULL);
    }
    struct udm_message *principal = udm_message_child(&mapped.record, mapped.record.root, field("UDM", "principal"));
    struct udm_values values = udm_message_get(principal, field("Noun", "ip"));
    assert_int_equal(values.count, 20);
    for (size_t i = 0; i < 20; i++)
        assert_true(slice_is(values.items[i].string, texts[i]));
    assert_int_equal(udm_message_get(NULL, field("Noun", "ip")).count, 0);
    unmap(&mapped);
}

static void test_a_child_is_the_one_that_is_there_unless_repeated(void **state)
{
    (void)state;
    struct mapped mapped = empty_record();
    struct udm_message *root = mapped.record.root;
    assert_ptr_equal(udm_message_child(&mapped.record, root, field("UDM", "target")), udm_message_child(&mapped.record, root, field("UDM", "target")));
    struct udm_message *first = udm_message_child(&mapped.record, root, field("UDM", "security_result"));
    assert_ptr_not_equal(first, udm_message_child(&mapped.record, root, field("UDM", "security_result")));
    assert_string_equal(udm_message_type_of(first)->name, "SecurityResult");
    unmap(&mapped);
}

static void test_equal_labels_are_kept_once(void **state)
{
    (void)state;
    enum { DIFFERENT = 5000 };
    struct mapped mapped = empty_record();
    for (size_t turn = 0; turn < 2; turn++) {
        for (size_t i = 0; i < DIFFERENT; i++)
            udm_record_add_label(&mapped.record, SLICE("image"), arena_printf(mapped.arena, "image-%zu", i), NULL);
    }
    assert_int_equal(udm_record_labels(&mapped.record, "image", NULL, 0), DIFFERENT);
    assert_true(slice_is(udm_record_label(&mapped.record, "image"), "image-0"));
    assert_int_equal(udm_record_label(&mapped.record, "other").length, 0);
    unmap(&mapped);
}

static void test_equal_values_under_different_keys_are_different_labels(void **state)
{
    (void)state;
    struct mapped mapped = empty_record();
    for (size_t i = 0; i < 100; i++)
        udm_record_add_label(&mapped.record, arena_printf(mapped.arena, "k%zu", i), SLICE("true"), NULL);
    udm_record_add_label(&mapped.record, slice_make(NULL, 0), slice_make(NULL, 0), NULL);
    udm_record_add_label(&mapped.record, SLICE(""), SLICE(""), NULL);
    assert_int_equal(udm_record_labels(&mapped.record, "k99", NULL, 0), 1);
    assert_int_equal(udm_record_labels(&mapped.record, "", NULL, 0), 1);
    unmap(&mapped);
}

static void test_sensitive_labels_are_redacted_when_written(void **state)
{
    (void)state;
    struct mapped mapped = empty_record();
    struct buffer out = {0};
    udm_record_add_label(&mapped.record, SLICE("env_value"), SLICE("hunter2"), NULL);
    udm_record_add_label(&mapped.record, SLICE("response.data_value"), SLICE("hunter2"), NULL);
    udm_record_add_label(&mapped.record, SLICE("image"), SLICE("a\"b"), NULL);
    struct json_writer *writer = json_writer_new(&out, false);
    udm_record_write(&mapped.record, writer);
    json_writer_free(writer);
    assert_null(strstr(out.bytes, "hunter2"));
    assert_non_null(strstr(out.bytes, "{\"key\":\"env_value\",\"value\":\"length 7, hmac "));
    assert_null(strstr(out.bytes, "hunter2"));
    assert_non_null(strstr(out.bytes, "{\"key\":\"image\",\"value\":\"a\\\"b\"}"));
    assert_false(udm_label_is_sensitive(SLICE("env_name")));
    assert_false(udm_label_is_sensitive(SLICE("response.volume_secret")));
    assert_true(udm_label_is_sensitive(SLICE("annotation.example.com/api-token")));
    /* what a JSON patch writes is a secret; the name that its path has is none */
    struct json_node *patch;
    assert_int_equal(json_tree_parse(mapped.arena, SLICE("[{\"op\":\"add\",\"path\":\"/data/key\",\"value\":\"hunter2\"}]"), &json_default_limits, &patch, NULL), RESULT_OK);
    assert_true(udm_value_is_sensitive(SLICE("hunter2"), json_member(patch->first, "value")));
    assert_false(udm_value_is_sensitive(SLICE("key"), json_member(patch->first, "value")));
    buffer_free(&out);
    unmap(&mapped);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_single_field_keeps_the_last_value),
        cmocka_unit_test(test_a_repeated_field_keeps_all_values_in_order),
        cmocka_unit_test(test_a_child_is_the_one_that_is_there_unless_repeated),
        cmocka_unit_test(test_equal_labels_are_kept_once),
        cmocka_unit_test(test_equal_values_under_different_keys_are_different_labels),
        cmocka_unit_test(test_sensitive_labels_are_redacted_when_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
