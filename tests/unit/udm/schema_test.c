/* SPDX-License-Identifier: Apache-2.0 */
#include "mapped.h"

/* The next line of the file without its newline; false at the end. */
static bool next_row(FILE *file, char *line, size_t size, char *columns[], size_t column_count)
{
    if (!fgets(line, (int)size, file))
        return false;
    line[strcspn(line, "\n")] = '\0';
    for (size_t i = 0; i < column_count; i++)
        columns[i] = strsep(&line, "\t");
    return true;
}

static void test_every_row_of_the_schema_is_a_field(void **state)
{
    (void)state;
    char line[512], *columns[6];
    size_t rows = 0, fields = 0;
    FILE *file = fopen("daemon/udm/schema.tsv", "r");
    assert_non_null(file);
    assert_true(next_row(file, line, sizeof line, columns, 6));
    while (next_row(file, line, sizeof line, columns, 6)) {
        const struct udm_message_type *type = udm_message_type_find(columns[0]);
        assert_non_null(type);
        const struct udm_field *field = udm_field_find(type, slice_of(columns[1]));
        assert_non_null(field);
        assert_int_equal(field->repeated, columns[3][0] == '1');
        assert_int_equal(field->deprecated, columns[5][0] == '1');
        assert_int_equal(field->type == UDM_MESSAGE, columns[4][0] == 'm');
        assert_int_equal(field->type == UDM_ENUM, columns[4][0] == 'e');
        if (field->message)
            assert_string_equal(field->message->name, columns[2]);
        if (field->enumeration)
            assert_string_equal(field->enumeration->name, columns[2]);
        rows++;
    }
    fclose(file);
    for (size_t i = 0; udm_message_type_at(i); i++)
        fields += udm_message_type_at(i)->field_count;
    assert_int_equal(rows, fields);
    assert_int_equal(rows, 1116);
}

static void test_every_row_of_the_enums_is_a_value(void **state)
{
    (void)state;
    char line[512], *columns[3];
    const struct udm_enum *enumeration = NULL;
    size_t rows = 0;
    FILE *file = fopen("daemon/udm/enums.tsv", "r");
    assert_non_null(file);
    const struct udm_field *event_type = udm_field_find(udm_message_type_find("Metadata"), SLICE("event_type"));
    enumeration = event_type->enumeration;
    assert_true(next_row(file, line, sizeof line, columns, 3));
    while (next_row(file, line, sizeof line, columns, 3)) {
        int32_t number;
        if (strcmp(columns[0], "Metadata.EventType") != 0)
            continue;
        assert_true(udm_enum_number(enumeration, slice_of(columns[1]), &number));
        assert_int_equal(number, atoi(columns[2]));
        rows++;
    }
    fclose(file);
    assert_int_equal(rows, enumeration->value_count);
}

static void test_types_recur(void **state)
{
    (void)state;
    const struct udm_message_type *noun = udm_field_find(udm_event_type(), SLICE("principal"))->message;
    const struct udm_field *about = udm_field_find(udm_message_type_find("SecurityResult"), SLICE("about"));
    assert_string_equal(noun->name, "Noun");
    assert_ptr_equal(about->message, noun);
    assert_string_equal(udm_entity_type()->name, "Entity");
    assert_null(udm_message_type_find("Nonesuch"));
}

static void test_labels_are_messages_of_key_and_value_texts(void **state)
{
    (void)state;
    assert_true(udm_is_label(udm_message_type_find("Label")));
    assert_false(udm_is_label(udm_message_type_find("StringToInt64MapEntry")));
    assert_false(udm_is_label(udm_message_type_find("User")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_row_of_the_schema_is_a_field),
        cmocka_unit_test(test_every_row_of_the_enums_is_a_value),
        cmocka_unit_test(test_types_recur),
        cmocka_unit_test(test_labels_are_messages_of_key_and_value_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
