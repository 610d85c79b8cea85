/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/source/path.h"

#include "harrier/base/memory.h"

#include <stdio.h>
#include <stdlib.h>

/* "cluster token" of a path that matches, NULL for one that does not; good until the next call. */
static const char *parts_of(const char *pattern, const char *path)
{
    static char text[1024];
    struct buffer decoded = {0};
    struct path_parts parts;
    bool matches = path_match(pattern, slice_of(path), &decoded, &parts);
    snprintf(text, sizeof text, "%.*s %.*s", SLICE_ARGS(parts.cluster), SLICE_ARGS(parts.token));
    buffer_free(&decoded);
    return matches ? text : NULL;
}

static void test_a_path_is_matched_by_whole_segments(void **state)
{
    (void)state;
    assert_non_null(parts_of("/k8s-audit", "/k8s-audit"));
    assert_non_null(parts_of("/k8s-audit", "/k8s-audit/"));
    assert_non_null(parts_of("/k8s-audit/", "/k8s-audit"));
    assert_non_null(parts_of("/", "/"));
    assert_non_null(parts_of("/k8s-audit", "/k8s%2daudit"));
    assert_null(parts_of("/k8s-audit", "/k8s-audit//"));
    assert_null(parts_of("/k8s-audit", "/k8s-audit/x"));
    assert_null(parts_of("/k8s-audit", "/k8s-audi"));
    assert_null(parts_of("/k8s-audit", "/k8s-auditx"));
    assert_null(parts_of("/k8s-audit", "//k8s-audit"));
    assert_null(parts_of("/k8s-audit", "/"));
    assert_null(parts_of("/k8s-audit", ""));
    assert_null(parts_of("/", "/x"));
    assert_null(parts_of("/a/b", "/a%2Fb"));
}

static void test_a_segment_names_the_cluster_and_the_token(void **state)
{
    (void)state;
    assert_string_equal(parts_of("/audit/{cluster}", "/audit/prod-eu.1"), "prod-eu.1 ");
    assert_string_equal(parts_of("/audit/{cluster}", "/audit/prod%2Deu/"), "prod-eu ");
    assert_string_equal(parts_of("/{token}/audit/{cluster}", "/s3%20cr%2fet/audit/a:b_c"), "a:b_c s3 cr/et");
    assert_null(parts_of("/audit/{cluster}", "/audit"));
    assert_null(parts_of("/audit/{cluster}", "/audit/"));
    assert_null(parts_of("/audit/{cluster}", "/audit/a/b"));
    assert_null(parts_of("/{token}/audit", "//audit"));
}

static void test_what_is_no_name_of_a_cluster_is_not_served(void **state)
{
    static const char *const bad[] = {"a%2Fb",  "a%00b", "%",     "%2",  "%zz",      "a%",  "..", ".",
                                      "%2e%2e", "a b",   "a%20b", "%0a", "\xc3\xa4", "a'b", "%22"};
    char path[400] = "/audit/";
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        snprintf(path, sizeof path, "/audit/%s", bad[i]);
        if (parts_of("/audit/{cluster}", path))
            fail_msg("%s", path);
    }
    memset(path + 7, 'a', 253);
    path[7 + 253] = '\0';
    assert_non_null(parts_of("/audit/{cluster}", path));
    path[7 + 253] = 'a';
    path[7 + 254] = '\0';
    assert_null(parts_of("/audit/{cluster}", path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_path_is_matched_by_whole_segments),
        cmocka_unit_test(test_a_segment_names_the_cluster_and_the_token),
        cmocka_unit_test(test_what_is_no_name_of_a_cluster_is_not_served),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
