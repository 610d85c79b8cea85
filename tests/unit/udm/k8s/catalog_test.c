/* SPDX-License-Identifier: Apache-2.0 */
#include "harrier/k8s_catalog.h"
#include "harrier/udm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define LABELS "target.resource.attribute.labels[\""

/* The mapping's own documentation says of each label where it comes from: C is a container, P a pod spec. */
static bool source_is_a_pod_spec(const char *source)
{
    return strstr(source, "C.") || strncmp(source, "P.", 2) == 0 || strstr(source, " P.") || strstr(source, "of P,");
}

static void test_labels_of_pod_specs_are_those_that_the_mapping_takes_from_there(void **state)
{
    const struct udm_field_help *help;
    size_t found = 0;
    (void)state;
    for (size_t i = 0; (help = udm_k8s_field_help_at(i)); i++) {
        struct slice path = slice_of(help->path);
        if (!slice_starts_with(path, SLICE(LABELS)))
            continue;
        struct slice key = slice_first(slice_from(path, strlen(LABELS)), path.length - strlen(LABELS) - 2);
        if (udm_k8s_label_is_of_pod_spec(key) != source_is_a_pod_spec(help->source))
            fail_msg("%s comes from %s", help->path, help->source);
        found += udm_k8s_label_is_of_pod_spec(key);
    }
    assert_int_equal(found, 54);
    assert_true(udm_k8s_label_is_of_pod_spec(SLICE("response.image")));
    assert_false(udm_k8s_label_is_of_pod_spec(SLICE("response.schedule")));
}

static void test_resources_of_a_group_stand_together_and_once(void **state)
{
    const struct udm_k8s_resource *resource, *earlier;
    (void)state;
    for (size_t i = 1; (resource = udm_k8s_resource_at(i)); i++)
        for (size_t j = 0; j < i; j++) {
            earlier = udm_k8s_resource_at(j);
            bool same_group = strcmp(resource->group, earlier->group) == 0;
            assert_false(same_group && strcmp(resource->name, earlier->name) == 0);
            if (same_group && strcmp(udm_k8s_resource_at(i - 1)->group, resource->group) != 0)
                fail_msg("%s stands apart from its group", resource->name);
        }
}

static void test_a_resource_is_found_in_its_group_alone(void **state)
{
    (void)state;
    assert_true(udm_k8s_resource_find(SLICE("batch"), SLICE("jobs"))->has_pod_spec);
    assert_null(udm_k8s_resource_find(SLICE(""), SLICE("jobs")));
    assert_null(udm_k8s_resource_find(SLICE("batch.volcano.sh"), SLICE("jobs")));
    assert_true(udm_k8s_group_is_known(SLICE("")));
    assert_true(udm_k8s_group_is_known(SLICE("apps")));
    assert_false(udm_k8s_group_is_known(SLICE("argoproj.io")));
}

static void test_secrets_are_known_as_such(void **state)
{
    (void)state;
    assert_true(udm_k8s_holds_secrets(udm_k8s_resource_find(SLICE(""), SLICE("secrets")), SLICE("")));
    assert_true(udm_k8s_holds_secrets(udm_k8s_resource_find(SLICE(""), SLICE("configmaps")), SLICE("")));
    assert_true(udm_k8s_holds_secrets(udm_k8s_resource_find(SLICE("authentication.k8s.io"), SLICE("tokenreviews")), SLICE("")));
    assert_true(udm_k8s_holds_secrets(udm_k8s_resource_find(SLICE(""), SLICE("serviceaccounts")), SLICE("token")));
    assert_false(udm_k8s_holds_secrets(udm_k8s_resource_find(SLICE(""), SLICE("serviceaccounts")), SLICE("")));
    assert_false(udm_k8s_holds_secrets(udm_k8s_resource_find(SLICE(""), SLICE("pods")), SLICE("")));
}

static void test_pod_specs_are_in_the_subresources_that_write_them(void **state)
{
    (void)state;
    assert_true(udm_k8s_subresource_has_pod_spec(SLICE("")));
    assert_true(udm_k8s_subresource_has_pod_spec(SLICE("ephemeralcontainers")));
    assert_true(udm_k8s_subresource_has_pod_spec(SLICE("never-heard-of")));
    assert_false(udm_k8s_subresource_has_pod_spec(SLICE("status")));
    assert_false(udm_k8s_subresource_has_pod_spec(SLICE("exec")));
    assert_true(udm_k8s_subresource_connects(SLICE("exec")));
    assert_false(udm_k8s_subresource_connects(SLICE("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_labels_of_pod_specs_are_those_that_the_mapping_takes_from_there),
        cmocka_unit_test(test_resources_of_a_group_stand_together_and_once),
        cmocka_unit_test(test_a_resource_is_found_in_its_group_alone),
        cmocka_unit_test(test_secrets_are_known_as_such),
        cmocka_unit_test(test_pod_specs_are_in_the_subresources_that_write_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
