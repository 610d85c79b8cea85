/* SPDX-License-Identifier: Apache-2.0 */
#include "schema_tables.h"

const struct udm_message_type *udm_event_type(void)
{
    return UDM_MESSAGE_TYPE(UDM);
}

const struct udm_message_type *udm_entity_type(void)
{
    return UDM_MESSAGE_TYPE(Entity);
}

const struct udm_message_type *udm_message_type_find(const char *name)
{
    for (size_t i = 0; i < UDM_MESSAGE_TYPE_COUNT; i++) {
        if (strcmp(udm_message_types[i].name, name) == 0)
            return &udm_message_types[i];
    }
    return NULL;
}

const struct udm_message_type *udm_message_type_at(size_t index)
{
    return index < UDM_MESSAGE_TYPE_COUNT ? &udm_message_types[index] : NULL;
}

const struct udm_field *udm_field_find(const struct udm_message_type *type, struct slice snake_case_name)
{
    for (size_t i = 0; i < type->field_count; i++) {
        if (slice_is(snake_case_name, type->fields[i].name))
            return &type->fields[i];
    }
    return NULL;
}

bool udm_enum_number(const struct udm_enum *enumeration, struct slice name, int32_t *number)
{
    for (size_t i = 0; i < enumeration->value_count; i++) {
        if (slice_is(name, enumeration->values[i].name)) {
            *number = enumeration->values[i].number;
            return true;
        }
    }
    return false;
}

const char *udm_enum_name(const struct udm_enum *enumeration, int32_t number)
{
    for (size_t i = 0; i < enumeration->value_count; i++) {
        if (enumeration->values[i].number == number)
            return enumeration->values[i].name;
    }
    return NULL;
}

bool udm_is_label(const struct udm_message_type *type)
{
    const struct udm_field *key = udm_field_find(type, SLICE("key"));
    const struct udm_field *value = udm_field_find(type, SLICE("value"));

    return key && value && key->type == UDM_STRING && value->type == UDM_STRING && !value->repeated;
}
