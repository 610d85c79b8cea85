/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as a rule file: it must end in rules or diagnostics, and leave nothing behind. */
#include "harrier/yaral.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct yaral_options options = {.google = size & 1, .allow_match = size & 2};
    struct yaral_ruleset *ruleset = yaral_ruleset_new();
    struct yaral_lists *lists = yaral_lists_new();
    struct diagnostics *diagnostics = diagnostics_new();

    enum result result = yaral_ruleset_add(ruleset, "fuzz", slice_make((const char *)data, size), lists, &options, diagnostics);
    if (result == RESULT_OK && diagnostics_count_of(diagnostics, DIAGNOSTIC_ERROR))
        __builtin_trap();
    if (result != RESULT_OK && !diagnostics_count(diagnostics))
        __builtin_trap();
    yaral_ruleset_free(ruleset);
    yaral_lists_free(lists);
    diagnostics_free(diagnostics);
    return 0;
}
