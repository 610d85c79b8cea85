/* SPDX-License-Identifier: Apache-2.0 */
#include "mapped.h"

/* A dotted path; a part may end in [3] or ["key"] (without dots in the key). */
static size_t split(const char *text, struct udm_name *names)
{
    size_t count = 0;

    while (*text) {
        struct udm_name name = {0};
        size_t length = strcspn(text, ".[");
        name.name = slice_make(text, length);
        text += length;
        if (text[0] == '[' && text[1] == '"') {
            name.has_key = true;
            name.key = slice_make(text + 2, strcspn(text + 2, "\""));
            text += name.key.length + 4;
        } else if (text[0] == '[') {
            name.has_index = true;
            name.index = (uint32_t)strtoul(text + 1, NULL, 10);
            text += strcspn(text, "]") + 1;
        }
        text += *text == '.';
        names[count++] = name;
    }
    return count;
}

struct resolved {
    struct arena *arena;
    enum result result;
    struct udm_path path;
    size_t step;
    struct slice error;
};

static struct resolved resolve(const char *text)
{
    struct udm_name names[16];
    struct resolved resolved = {.arena = arena_new(4096)};
    size_t count = split(text, names);
    resolved.result = udm_path_resolve(resolved.arena, udm_event_type(), names, count, &resolved.path, &resolved.step, &resolved.error);
    return resolved;
}

static void assert_origin(const char *text, enum udm_origin origin)
{
    struct resolved resolved = resolve(text);
    if (resolved.result != RESULT_OK || resolved.path.origin != origin)
        print_error("%s\n", text);
    assert_int_equal(resolved.result, RESULT_OK);
    assert_int_equal(resolved.path.origin, origin);
    arena_free(resolved.arena);
}

static void assert_error(const char *text, enum result result, size_t step, const char *error)
{
    struct resolved resolved = resolve(text);
    assert_int_equal(resolved.result, result);
    assert_string_equal(arena_strdup(resolved.arena, resolved.error), error);
    assert_int_equal(resolved.step, step);
    arena_free(resolved.arena);
}

#define LABELS "target.resource.attribute.labels"

static void test_a_path_is_resolved_to_its_fields(void **state)
{
    (void)state;
    struct resolved resolved = resolve("udm.principal.user.userid");
    assert_int_equal(resolved.result, RESULT_OK);
    assert_int_equal(resolved.path.step_count, 3);
    assert_string_equal(resolved.path.steps[2].field->name, "userid");
    assert_false(resolved.path.repeated);
    assert_true(slice_is(resolved.path.text, "principal.user.userid"));
    arena_free(resolved.arena);
}

static void test_rows_arise_from_repeated_fields_without_index_or_key(void **state)
{
    (void)state;
    static const struct { const char *text; bool repeated; } cases[] = {
        {"principal.ip", true},
        {"principal.ip[0]", false},
        {"security_result.action", true},
        {"security_result[0].action", true},
        {"security_result[0].action[1]", false},
        {LABELS "[\"image\"]", false},
        {"security_result.detection_fields[\"k\"]", false},
        {LABELS ".value", true},
        {"additional.fields[\"k\"]", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct resolved resolved = resolve(cases[i].text);
        assert_int_equal(resolved.result, RESULT_OK);
        assert_int_equal(resolved.path.repeated, cases[i].repeated);
        assert_string_equal(arena_strdup(resolved.arena, resolved.path.text), cases[i].text);
        arena_free(resolved.arena);
    }
}

static void test_a_time_has_seconds_and_nanos(void **state)
{
    (void)state;
    struct resolved resolved = resolve("metadata.event_timestamp.seconds");
    assert_int_equal(resolved.result, RESULT_OK);
    assert_int_equal(resolved.path.part, UDM_PART_SECONDS);
    arena_free(resolved.arena);
    assert_error("metadata.event_timestamp.hours", RESULT_NOT_FOUND, 2, "`event_timestamp` is a time: it has `seconds` and `nanos`");
}

static void test_origins_follow_where_a_value_stands(void **state)
{
    (void)state;
    assert_origin("metadata.log_type", UDM_ORIGIN_LOG_TYPE);
    assert_origin("metadata.base_labels.log_types", UDM_ORIGIN_EVENT); /* the envelope has a part in it */
    assert_origin("network.http.method", UDM_ORIGIN_VERB);
    assert_origin("security_result.action_details", UDM_ORIGIN_VERB);
    assert_origin("target.url", UDM_ORIGIN_URL);
    assert_origin("principal.user.userid", UDM_ORIGIN_USER);
    assert_origin("metadata.description", UDM_ORIGIN_STAGE);
    assert_origin("target.resource.resource_type", UDM_ORIGIN_OBJECT_REF);
    assert_origin("target.resource.name", UDM_ORIGIN_EVENT);
    assert_origin("principal.ip", UDM_ORIGIN_EVENT);
    assert_origin(LABELS "[\"verb\"]", UDM_ORIGIN_VERB);
    assert_origin(LABELS "[\"user_kind\"]", UDM_ORIGIN_USER);
    assert_origin(LABELS "[\"namespace\"]", UDM_ORIGIN_OBJECT_REF);
    assert_origin(LABELS "[\"decision\"]", UDM_ORIGIN_EVENT);
    assert_origin(LABELS "[\"exec_command\"]", UDM_ORIGIN_EVENT);
    assert_origin(LABELS "[\"object_state\"]", UDM_ORIGIN_EVENT);
    assert_origin(LABELS "[\"image\"]", UDM_ORIGIN_REQUEST_OBJECT);
    assert_origin(LABELS "[\"kind\"]", UDM_ORIGIN_REQUEST_OBJECT);
    assert_origin(LABELS "[\"annotation.x\"]", UDM_ORIGIN_REQUEST_OBJECT);
    assert_origin(LABELS "[\"label.x\"]", UDM_ORIGIN_REQUEST_OBJECT);
    assert_origin(LABELS "[\"response.image\"]", UDM_ORIGIN_RESPONSE_OBJECT);
    assert_origin(LABELS "[\"response_kind\"]", UDM_ORIGIN_RESPONSE_OBJECT);
    assert_origin(LABELS ".value", UDM_ORIGIN_REQUEST_OBJECT);
    assert_origin(LABELS "[0].key", UDM_ORIGIN_REQUEST_OBJECT);
}

static void test_a_label_that_no_mapping_makes_is_known_to_be_absent(void **state)
{
    (void)state;
    assert_origin(LABELS "[\"no_such_label\"]", UDM_ORIGIN_EVENT);
}

static void test_errors_name_the_step_and_suggest(void **state)
{
    (void)state;
    assert_error("principal.usr.userid", RESULT_NOT_FOUND, 1, "UDM has no field `usr` in `principal`; did you mean `user`?");
    assert_error("principle.ip", RESULT_NOT_FOUND, 0, "UDM has no field `principle`; did you mean `principal`?");
    assert_error("principal.zzzzzz", RESULT_NOT_FOUND, 1, "UDM has no field `zzzzzz` in `principal`");
    assert_error("principal.user", RESULT_INVALID, 1, "a message where a value is needed: name a field of `user`");
    assert_error(LABELS, RESULT_INVALID, 3, "a list of labels where a value is needed: write labels[\"key\"]");
    assert_error("target.url[0]", RESULT_INVALID, 1, "an index on a field that is not repeated");
    assert_error("principal.ip[\"k\"]", RESULT_INVALID, 1, "a key on a field that is no list of labels");
    assert_error("target.url.path", RESULT_INVALID, 2, "`url` is a value, it has no fields");
    assert_error("additional[\"k\"]", RESULT_INVALID, 0, "the key of a struct stands after `fields`: additional.fields[\"key\"]");
    assert_error("additional", RESULT_INVALID, 0, "a struct is read by key: additional.fields[\"key\"]");
    assert_error("udm", RESULT_INVALID, 0, "an event where a value is needed: name a field of it");
}

static size_t resolve_all(const struct udm_field_help *row_at(size_t))
{
    size_t count = 0;
    for (const struct udm_field_help *help; (help = row_at(count)); count++) {
        char text[256];
        snprintf(text, sizeof text, "%s", help->path);
        struct udm_name names[16];
        size_t name_count = 0;
        char *quote = strchr(text, '"'), key[128] = "";
        if (quote) { /* keys may hold dots */
            snprintf(key, sizeof key, "%.*s", (int)strcspn(quote + 1, "\""), quote + 1);
            quote[-1] = '\0';
        }
        name_count = split(text, names);
        if (quote) {
            names[name_count - 1].has_key = true;
            names[name_count - 1].key = slice_of(key);
        }
        struct arena *arena = arena_new(4096);
        struct udm_path path;
        size_t step;
        struct slice error;
        assert_int_equal(udm_path_resolve(arena, udm_event_type(), names, name_count, &path, &step, &error), RESULT_OK);
        assert_string_equal(arena_strdup(arena, path.text), help->path);
        arena_free(arena);
    }
    return count;
}

static void test_every_path_of_the_field_help_resolves(void **state)
{
    (void)state;
    assert_true(resolve_all(udm_k8s_field_help_at) > 150);
    assert_true(resolve_all(udm_gke_field_help_at) > 150);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_path_is_resolved_to_its_fields),
        cmocka_unit_test(test_rows_arise_from_repeated_fields_without_index_or_key),
        cmocka_unit_test(test_a_time_has_seconds_and_nanos),
        cmocka_unit_test(test_origins_follow_where_a_value_stands),
        cmocka_unit_test(test_a_label_that_no_mapping_makes_is_known_to_be_absent),
        cmocka_unit_test(test_errors_name_the_step_and_suggest),
        cmocka_unit_test(test_every_path_of_the_field_help_resolves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
