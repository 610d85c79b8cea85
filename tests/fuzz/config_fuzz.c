/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as a configuration: it is accepted, or refused with an error whose place lies in the text. */
#include "harrier/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_places(const struct diagnostics *diagnostics, const uint8_t *data, size_t size)
{
    uint32_t lines = 1;

    for (size_t i = 0; i < size; i++)
        lines += data[i] == '\n';
    for (size_t i = 0; i < diagnostics_count(diagnostics); i++) {
        const struct diagnostic *diagnostic = diagnostics_at(diagnostics, i);
        if (diagnostic->line > lines || diagnostic->column > size + 1)
            __builtin_trap();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct diagnostics *diagnostics = diagnostics_new();
    struct config *config;

    enum result result = config_parse("/nowhere/fuzz.yaml", slice_make((const char *)data, size), 0, diagnostics, &config);
    if ((result == RESULT_OK) != (config != NULL) || (result == RESULT_OK) != (diagnostics_count_of(diagnostics, DIAGNOSTIC_ERROR) == 0))
        __builtin_trap();
    check_places(diagnostics, data, size);
    config_free(config);
    diagnostics_free(diagnostics);
    return 0;
}
