/* SPDX-License-Identifier: Apache-2.0 */
#include "harrier/redact.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The event's text after redaction; the caller frees it. */
static struct buffer redacted(const char *event)
{
    struct arena *arena = arena_new(4096);
    struct buffer out = {NULL, 0, 0};
    struct json_node *tree;

    assert_int_equal(json_tree_parse(arena, slice_of(event), &json_default_limits, &tree, NULL), RESULT_OK);
    redact_event(arena, tree);
    struct json_writer *writer = json_writer_new(&out, false);
    json_write_node(writer, tree);
    json_writer_free(writer);
    arena_free(arena);
    return out;
}

static void assert_hidden(const char *event)
{
    struct buffer out = redacted(event);
    if (slice_find(buffer_slice(&out), SLICE("s3cret")) >= 0)
        fail_msg("the secret is still there: %s", out.bytes);
    buffer_free(&out);
}

static void assert_kept(const char *event, const char *kept)
{
    struct buffer out = redacted(event);
    if (slice_find(buffer_slice(&out), slice_of(kept)) < 0)
        fail_msg("`%s` is gone: %s", kept, out.bytes);
    buffer_free(&out);
}

static void test_values_of_env_are_taken_out_and_their_names_stay(void **state)
{
    const char *event = "{\"requestObject\":{\"spec\":{\"containers\":[{\"image\":\"alpine\",\"env\":[{\"name\":\"PASSWORD_OF_DB\",\"value\":\"s3cret\"}]}]}}}";
    (void)state;
    assert_hidden(event);
    assert_kept(event, "PASSWORD_OF_DB");
    assert_kept(event, "alpine");
    assert_hidden("{\"requestObject\":{\"spec\":{\"containers\":[{\"env\":[{\"name\":\"n\",\"value\":[\"s3cret\"]}]}]}}}");
}

static void test_data_of_secrets_and_configmaps_is_taken_out_in_request_and_response(void **state)
{
    (void)state;
    assert_hidden("{\"requestObject\":{\"kind\":\"Secret\",\"data\":{\"k\":\"s3cret\"},\"stringData\":{\"k\":\"s3cret\"}}}");
    assert_hidden("{\"responseObject\":{\"kind\":\"ConfigMap\",\"binaryData\":{\"k\":\"s3cret\"},\"data\":{\"a\":{\"b\":[\"s3cret\"]}}}}");
}

static void test_what_a_json_patch_writes_into_env_or_data_is_taken_out(void **state)
{
    (void)state;
    assert_hidden("{\"requestObject\":[{\"op\":\"add\",\"path\":\"/spec/containers/0/env/-\",\"value\":{\"name\":\"n\",\"value\":\"s3cret\"}}]}");
    assert_hidden("{\"requestObject\":[{\"value\":\"s3cret\",\"op\":\"replace\",\"path\":\"/spec/containers/0/env/0/value\"}]}");
    assert_hidden("{\"requestObject\":[{\"op\":\"replace\",\"path\":\"/data/key\",\"value\":\"s3cret\"}]}");
    assert_kept("{\"requestObject\":[{\"op\":\"replace\",\"path\":\"/spec/containers/0/image\",\"value\":\"kali\"}]}", "kali");
}

static void test_tokens_passwords_and_repeated_manifests_are_taken_out_wherever_they_stand(void **state)
{
    (void)state;
    assert_hidden("{\"responseObject\":{\"status\":{\"token\":\"s3cret\"}}}");
    assert_hidden("{\"requestObject\":{\"metadata\":{\"annotations\":{\"kubectl.kubernetes.io/last-applied-configuration\":\"{s3cret}\"}}}}");
    assert_hidden("{\"objectRef\":{\"resource\":\"secrets\"},\"responseStatus\":{\"message\":\"invalid: s3cret\"}}");
    assert_hidden("{\"objectRef\":{\"resource\":\"secrets\"},\"responseObject\":{\"message\":\"invalid: s3cret\",\"details\":{\"causes\":[{\"message\":\"s3cret\"}]}}}");
}

static void test_a_log_entry_of_gke_is_redacted_like_an_event(void **state)
{
    (void)state;
    assert_hidden("{\"protoPayload\":{\"request\":{\"kind\":\"Secret\",\"data\":{\"k\":\"s3cret\"}}}}");
    assert_hidden("{\"protoPayload\":{\"response\":{\"kind\":\"Secret\",\"stringData\":{\"k\":\"s3cret\"}}}}");
    assert_hidden("{\"protoPayload\":{\"response\":{\"status\":{\"token\":\"s3cret\"}}}}");
    assert_hidden("{\"protoPayload\":{\"request\":{\"spec\":{\"containers\":[{\"env\":[{\"name\":\"n\",\"value\":\"s3cret\"}]}]}}}}");
    assert_hidden("{\"protoPayload\":{\"request\":{\"@type\":\"k8s.io/Patch\",\"value\":[{\"op\":\"add\",\"path\":\"/data/k\",\"value\":\"s3cret\"}]}}}");
    assert_hidden("{\"protoPayload\":{\"request\":{\"value\":[{\"op\":\"add\",\"path\":\"/spec/containers/0/env/0/value\",\"value\":\"s3cret\"}]}}}");
    assert_hidden("{\"protoPayload\":{\"resourceName\":\"core/v1/namespaces/n/secrets/s\",\"status\":{\"message\":\"invalid: s3cret\"}}}");
    assert_hidden("{\"protoPayload\":{\"resourceName\":\"core/v1/namespaces/n/configmaps/c\",\"response\":{\"message\":\"invalid: s3cret\"}}}");
    assert_hidden("{\"labels\":{\"kubectl.kubernetes.io/last-applied-configuration\":\"s3cret\"}}");
    assert_kept("{\"protoPayload\":{\"request\":{\"value\":[{\"op\":\"add\",\"path\":\"/spec/containers/0/image\",\"value\":\"kali\"}]}}}", "kali");
    assert_kept("{\"protoPayload\":{\"resourceName\":\"core/v1/namespaces/n/pods/p\",\"status\":{\"message\":\"denied\"}}}", "denied");
    assert_kept("{\"protoPayload\":{\"authenticationInfo\":{\"principalEmail\":\"eve@example.com\"}}}", "eve@example.com");
}

static void test_what_a_patch_writes_is_judged_by_its_pointer_however_it_is_written(void **state)
{
    (void)state;
    assert_hidden("{\"requestObject\":[{\"op\":\"replace\",\"path\":\"/spec/db/password\",\"value\":\"s3cret\"}]}");
    assert_hidden("{\"requestObject\":[{\"op\":\"test\",\"path\":\"/metadata/annotations/example.com~1api-token\",\"value\":\"s3cret\"}]}");
    assert_hidden("{\"requestObject\":[{\"op\":\"add\",\"path\":\"/stringData\",\"value\":{\"k\":\"s3cret\"}}]}");
    assert_hidden("{\"requestObject\":[{\"op\":\"add\",\"path\":\"/Data/a~1b\",\"value\":\"s3cret\"}]}");
    assert_hidden("{\"requestObject\":[{\"value\":\"s3cret\",\"path\":\"/x\",\"path\":\"/data/x\",\"op\":\"add\",\"path\":\"/y\"}]}");
    assert_hidden("{\"requestObject\":[{\"op\":\"add\",\"value\":\"s3cret\"}]}");
    assert_hidden("{\"requestObject\":[{\"op\":\"add\",\"path\":\"/spec/tokens/-\",\"value\":\"s3cret\"}]}");
    assert_hidden("{\"requestObject\":[{\"op\":\"add\",\"path\":\"/spec/containers/0/env\",\"value\":[{\"name\":\"n\",\"value\":\"s3cret\"}]}]}");
    assert_kept("{\"requestObject\":[{\"op\":\"add\",\"path\":\"/spec/volumes/0/secret\",\"value\":{\"secretName\":\"kept\"}}]}", "kept");
    assert_kept("{\"requestObject\":[{\"op\":\"replace\",\"path\":\"/spec/containers/0/env/0/name\",\"value\":\"kept\"}]}", "kept");
    assert_kept("{\"requestObject\":[{\"op\":\"add\",\"path\":\"/spec/containers/0/args/0\",\"value\":\"kept\"}]}", "kept");
}

static void test_names_count_in_any_spelling_and_pairs_by_their_name(void **state)
{
    (void)state;
    assert_hidden("{\"requestObject\":{\"PASSWORD\":\"s3cret\",\"Api-Key\":\"s3cret\",\"client_secret\":[\"s3cret\"],\"STRINGDATA\":{\"a\":\"s3cret\"}}}");
    assert_hidden("{\"requestObject\":{\"spec\":{\"httpHeaders\":[{\"name\":\"Authorization\",\"value\":\"s3cret\"}],\"password\":{\"value\":\"s3cret\"}}}}");
    assert_hidden("{\"requestObject\":{\"args\":[\"--password\",\"s3cret\",\"--token=s3cret\"],\"values\":{\"env\":{\"A\":\"s3cret\"},\"dbPass\":\"s3cret\"}}}");
    assert_hidden("{\"target\":{\"labels\":[{\"key\":\"env_value\",\"value\":\"s3cret\"},{\"key\":\"response.data_value\",\"value\":\"s3cret\"}]}}");
    assert_hidden("{\"requestObject\":{\"auths\":{\"https://bob:s3cret@registry.example\":{}}}}");
    assert_hidden("{\"requestURI\":\"/api?access_token=s3cret\",\"userAgent\":\"x token=s3cret\"}");
    assert_hidden("{\"annotations\":{\"p\":\"{\\\"patch\\\":[{\\\"op\\\":\\\"add\\\",\\\"path\\\":\\\"/data/x\\\",\\\"value\\\":\\\"s3cret\\\"}]}\"}}");
    assert_kept("{\"target\":{\"labels\":[{\"key\":\"volume_secret\",\"value\":\"kept\"}]}}", "kept");
    assert_kept("{\"requestObject\":{\"spec\":{\"volumes\":[{\"secret\":{\"secretName\":\"kept\"}}],\"imagePullSecrets\":[{\"name\":\"kept\"}]}}}", "secretName\":\"kept");
    assert_kept("{\"annotations\":{\"authentication.k8s.io/legacy-token\":\"system:serviceaccount:kept:x\"}}", "kept");
    assert_kept("{\"requestObject\":{\"clientConfig\":{\"caBundle\":\"LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t\"}}}", "LS0tLS1CRUdJTiBDRVJU");
}

/* A look at all siblings for each would be 10^10 steps. */
static void test_many_values_in_one_object_are_taken_out_without_the_square_of_their_number(void **state)
{
    struct buffer event = {NULL, 0, 0};
    (void)state;
    buffer_append_text(&event, "{\"requestObject\":{\"a\":1");
    for (int i = 0; i < 100000; i++)
        buffer_append_text(&event, ",\"value\":\"s3cret\"");
    buffer_append_text(&event, "}}");
    assert_hidden(event.bytes);
    buffer_free(&event);
}

static void test_an_object_nested_ten_thousand_deep_is_redacted_without_recursion(void **state)
{
    struct buffer event = {NULL, 0, 0};
    (void)state;
    buffer_append_text(&event, "{\"requestObject\":");
    for (int i = 0; i < 9900; i++)
        buffer_append_text(&event, "{\"a\":");
    buffer_append_text(&event, "{\"token\":\"s3cret\"}");
    for (int i = 0; i < 9900; i++)
        buffer_append_text(&event, "}");
    buffer_append_text(&event, "}");
    assert_hidden(event.bytes);
    buffer_free(&event);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_of_env_are_taken_out_and_their_names_stay),
        cmocka_unit_test(test_data_of_secrets_and_configmaps_is_taken_out_in_request_and_response),
        cmocka_unit_test(test_what_a_json_patch_writes_into_env_or_data_is_taken_out),
        cmocka_unit_test(test_tokens_passwords_and_repeated_manifests_are_taken_out_wherever_they_stand),
        cmocka_unit_test(test_a_log_entry_of_gke_is_redacted_like_an_event),
        cmocka_unit_test(test_what_a_patch_writes_is_judged_by_its_pointer_however_it_is_written),
        cmocka_unit_test(test_names_count_in_any_spelling_and_pairs_by_their_name),
        cmocka_unit_test(test_many_values_in_one_object_are_taken_out_without_the_square_of_their_number),
        cmocka_unit_test(test_an_object_nested_ten_thousand_deep_is_redacted_without_recursion),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
