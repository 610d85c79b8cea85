/* SPDX-License-Identifier: Apache-2.0 */
/* JSON patches, read as the server reads them. */
#include "tests/unit/udm/mapped.h"

#define POD "/spec/jobTemplate/spec/template/spec"
#define FIRST POD "/containers/0"
#define OP(op, path, value) "{'op':'" op "','path':'" path "','value':" value "}"
#define FROM(op, from, path) "{'op':'" op "','from':'" from "','path':'" path "'}"

static struct mapped map_patch(const char *operations, const char *response)
{
    struct buffer body = {0};
    buffer_printf(&body, "[%s]", operations);
    struct mapped mapped = map_request("patch", "batch/cronjobs", body.bytes, response);
    buffer_free(&body);
    return mapped;
}

static void assert_patch(const char *operations, const char *label, const char *expected)
{
    struct mapped mapped = map_patch(operations, NULL);
    assert_label(&mapped, label, expected);
    unmap(&mapped);
}

static void test_a_value_counts_as_if_it_stood_at_the_path(void **state)
{
    (void)state;
    assert_patch(OP("replace", FIRST "/image", "'kali'"), "image", "kali");
    assert_patch(OP("add", POD "/containers/-", "{'image':'kali'}"), "image", "kali");
    assert_patch(OP("add", POD "/initContainers", "[{'image':'a'},{'image':'b'}]"), "image", "a | b");
    assert_patch(OP("replace", "/spec", "{'jobTemplate':{'spec':{'template':{'spec':{'hostNetwork':true}}}}}"), "host_network", "true");
    assert_patch(OP("replace", "", "{'spec':{'jobTemplate':{'spec':{'template':{'spec':{'hostPID':true}}}}}}"), "host_pid", "true");
    assert_patch(OP("add", POD "/volumes/0/hostPath", "{'path':'/'}"), "host_path", "true");
    assert_patch(OP("add", FIRST "/securityContext", "{'privileged':true}"), "privileged", "true");
    assert_patch(OP("add", FIRST "/securityContext/capabilities/add/-", "'SYS_ADMIN'"), "capability", "SYS_ADMIN");
    assert_patch(OP("add", "/spec/schedule", "'* * * * *'"), "schedule", "* * * * *");
    assert_patch(OP("add", "/metadata/annotations/a~1b~0c", "'v'"), "annotation.a/b~c", "v");
    assert_patch(OP("add", FIRST "/Image", "'kali'"), "image", "");
    assert_patch(OP("add", FIRST "/env/0/value", "'kali'"), "image", "");
}

static void test_pointers_are_read_as_the_server_reads_them(void **state)
{
    (void)state;
    assert_patch(OP("add", "x" FIRST "/image", "'kali'"), "image", "kali");
    assert_patch(OP("add", POD "/containers/-1/image", "'kali'"), "image", "kali");
    assert_patch(OP("add", POD "/containers/00/image", "'kali'"), "image", "kali");
    assert_patch("{'value':'kali','path':'" FIRST "/image','op':'add'}", "image", "kali");
    assert_patch(OP("add", FIRST "/image", "'kali'") "," OP("add", "image", "'x'"), "image", "");
    assert_patch("{'op':'add','path':'/x','path':'" FIRST "/image','value':'a','value':'b'}", "image", "a | b");
}

static void test_directives_do_not_hide_and_tests_do_not_write(void **state)
{
    (void)state;
    assert_patch(OP("add", FIRST "/image", "'kali'") "," OP("replace", FIRST "/image", "'ok'"), "image", "kali | ok");
    assert_patch(OP("add", FIRST "/image", "'kali'") ",{'op':'remove','path':'" FIRST "/image'}", "image", "kali");
    assert_patch(OP("test", FIRST "/image", "'kali'"), "image", "");
    assert_patch(OP("frob", FIRST "/image", "'kali'"), "image", "");
}

static void test_a_command_is_put_together_from_operations(void **state)
{
    (void)state;
    assert_patch(OP("add", FIRST "/command", "['bash']") "," OP("add", FIRST "/command/-", "'-i'"), "command", "bash -i");
    assert_patch(OP("add", FIRST "/args/-", "'-i'") "," OP("add", FIRST "/command", "['bash']"), "command", "bash -i");
    assert_patch(OP("add", FIRST "/command", "['b']") "," OP("add", FIRST "/command/0", "'a'"), "command", "a b");
    assert_patch(OP("add", FIRST "/command", "['a','b']") "," OP("replace", FIRST "/command/1", "'c'"), "command", "a b | a c");
    assert_patch(OP("replace", FIRST "/args/1", "'b'") "," OP("replace", FIRST "/args/0", "'a'"), "command", "a b");
    assert_patch(OP("add", POD "/containers", "[{'image':'i','command':['bash']}]") "," OP("add", FIRST "/command/-", "'-i'"), "command",
                 "bash | bash -i");
    assert_patch(OP("add", FIRST "/lifecycle/preStop/exec/command", "['a']") "," OP("add", FIRST "/lifecycle/preStop/exec/command/-", "'b'"),
                 "hook_command", "a b");
    assert_patch(OP("add", FIRST "/command", "['a']") "," OP("add", POD "/containers/1/command", "['b']"), "command", "a | b");
}

static void test_a_command_that_is_written_over_is_reported_too(void **state)
{
    (void)state;
    assert_patch(OP("add", FIRST "/command", "['a']") "," OP("add", FIRST "/command/-", "'b'") "," OP("add", FIRST "/command", "['c']"), "command",
                 "a b | c");
    assert_patch(OP("add", FIRST "/command", "['a','b']") "," OP("replace", FIRST "/command/0", "'c'") "," OP("replace", FIRST "/command/1", "'d'"),
                 "command", "a b | c b | c d");
    assert_patch(OP("add", FIRST "/command", "['x','bash']") ",{'op':'remove','path':'" FIRST "/command/0'}," OP("add", FIRST "/command/1", "'-i'"),
                 "command", "x bash | bash -i");
    assert_patch(OP("add", FIRST "/command/-", "'a'") "," OP("add", FIRST "/command/-", "'b'") "," OP("replace", "/spec", "{}"), "command", "a b");
}

static void test_copied_values_come_from_earlier_operations(void **state)
{
    (void)state;
    assert_patch(OP("add", "/metadata/annotations/i", "'kali'") "," FROM("copy", "/metadata/annotations/i", FIRST "/image"), "image", "kali");
    assert_patch(OP("add", "/x", "{'image':'kali'}") "," FROM("move", "/x", POD "/containers/-"), "image", "kali");
    assert_patch(OP("add", "/x", "{'y':{'z':'kali'}}") "," FROM("copy", "/x/y/z", FIRST "/image"), "image", "kali");
    assert_patch(OP("add", "/x", "{}") "," OP("add", "/x/image", "'kali'") "," FROM("copy", "/x", FIRST), "image", "kali");
    assert_patch(OP("add", "/x", "['a']") "," OP("add", "/x/-", "'b'") "," FROM("copy", "/x", FIRST "/command"), "command", "a b");
    assert_patch(OP("add", "/x", "'kali'") "," FROM("copy", "/x", "/y") "," FROM("move", "/y", FIRST "/image"), "image", "kali");
    assert_patch(OP("add", "/x", "'kali'") "," FROM("copy", "/x", FIRST "/image"), "object_state", "present");
}

static void test_copied_values_come_from_a_whole_response(void **state)
{
    (void)state;
    static const char response[] = "{'kind':'CronJob','spec':{'jobTemplate':{'spec':{'template':{'spec':{'containers':[{'image':'kali'}]}}}}}}";
    struct mapped mapped = map_patch(FROM("copy", "/metadata/annotations/i", FIRST "/image"), response);
    assert_label(&mapped, "image", "kali");
    assert_label(&mapped, "unresolved", "");
    assert_label(&mapped, "object_state", "present");
    unmap(&mapped);
}

static void test_a_copy_that_cannot_be_seen_is_unresolved(void **state)
{
    (void)state;
    struct mapped mapped = map_patch(FROM("copy", "/metadata/annotations/i", FIRST "/image"), "{'kind':'PartialObjectMetadata'}");
    assert_label(&mapped, "unresolved", FIRST "/image");
    assert_label(&mapped, "object_state", "unresolved");
    assert_int_equal(mapped.record.knowledge[UDM_ORIGIN_REQUEST_OBJECT], UDM_UNKNOWN);
    unmap(&mapped);
    mapped = map_patch(FROM("copy", "/metadata/annotations/i", "/metadata/annotations/j"), NULL);
    assert_label(&mapped, "unresolved", "");
    assert_label(&mapped, "object_state", "present");
    unmap(&mapped);
    mapped = map_patch(FROM("copy", "/metadata/annotations/i", "/x") "," FROM("move", "/x", FIRST "/image"), NULL);
    assert_label(&mapped, "object_state", "unresolved");
    unmap(&mapped);
}

static void test_an_edit_inside_a_stored_list_shows_the_resulting_list(void **state)
{
    (void)state;
    static const char response[] = "{'kind':'CronJob','spec':{'jobTemplate':{'spec':{'template':{'spec':{'containers':[{'command':['bash','-i']}]}}}}}}";
    struct mapped mapped = map_patch(OP("add", FIRST "/command/-", "'-i'"), response);
    assert_label(&mapped, "command", "bash -i | -i");
    unmap(&mapped);
}

static void test_more_operations_than_a_server_takes_overflow(void **state)
{
    (void)state;
    struct buffer body = {0};
    for (size_t i = 0; i < 10001; i++)
        buffer_append_text(&body, i ? ",{'op':'add','path':'/spec/x/-','value':1}" : "{'op':'add','path':'" FIRST "/image','value':'kali'}");
    struct mapped mapped = map_patch(body.bytes, NULL);
    assert_label(&mapped, "image", "kali");
    assert_label(&mapped, "overflow", "true");
    assert_label(&mapped, "object_state", "truncated");
    unmap(&mapped);
    buffer_free(&body);
}

static void test_copies_of_copies_end_in_overflow_and_not_in_memory(void **state)
{
    (void)state;
    struct buffer body = {0};
    buffer_append_text(&body, "{'op':'add','path':'/x','value':{'a':{'b':1}}}");
    for (size_t i = 0; i < 64; i++)
        buffer_append_text(&body, "," FROM("copy", "/x", "/x/y") "," FROM("copy", "/x", "/x/z"));
    struct mapped mapped = map_patch(body.bytes, NULL);
    assert_label(&mapped, "overflow", "true");
    unmap(&mapped);
    buffer_free(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_value_counts_as_if_it_stood_at_the_path),
        cmocka_unit_test(test_pointers_are_read_as_the_server_reads_them),
        cmocka_unit_test(test_directives_do_not_hide_and_tests_do_not_write),
        cmocka_unit_test(test_a_command_is_put_together_from_operations),
        cmocka_unit_test(test_a_command_that_is_written_over_is_reported_too),
        cmocka_unit_test(test_copied_values_come_from_earlier_operations),
        cmocka_unit_test(test_copied_values_come_from_a_whole_response),
        cmocka_unit_test(test_a_copy_that_cannot_be_seen_is_unresolved),
        cmocka_unit_test(test_an_edit_inside_a_stored_list_shows_the_resulting_list),
        cmocka_unit_test(test_more_operations_than_a_server_takes_overflow),
        cmocka_unit_test(test_copies_of_copies_end_in_overflow_and_not_in_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
