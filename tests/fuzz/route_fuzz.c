/* SPDX-License-Identifier: Apache-2.0 */
/* The condition of a route, whatever it says: an error with its place, or something that can be asked. */
#include "harrier/deliver.h"
#include "harrier/base/memory.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(const struct deliver_routes *routes)
{
    static const struct slice several[] = {{"T1053.007", 9}, {"devs", 4}};
    const struct alert_fields fields = {
        .severity = SLICE("HIGH"),
        .risk_score = 62.5,
        .rule = SLICE("rule"),
        .user = SLICE("system:serviceaccount:a:b\xff"),
        .response_code = 201,
        .groups = several,
        .group_count = 2,
        .techniques = several,
        .technique_count = 2,
    };
    const char *names[DELIVER_DESTINATIONS_MAX];
    size_t count = deliver_route(routes, &fields, names);
    if (count > 1)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const to[] = {"soc"};
    static const struct deliver_destination_config destination = {.name = "soc", .type = DELIVER_FILE, .path = "x"};
    char *when = xstrndup(size ? (const char *)data : "", size);
    const struct deliver_route_config config = {.when = when, .to = to, .to_count = 1, .line = 1, .column = 1};
    struct diagnostics *diagnostics = diagnostics_new();
    struct deliver_routes *routes = deliver_routes_new(&config, 1, &destination, 1, "fuzz", diagnostics);
    if ((routes == NULL) != (diagnostics_count(diagnostics) == 1))
        abort();
    if (routes == NULL && diagnostics_at(diagnostics, 0)->column > size + 1)
        abort(); /* the place is in the text, or just behind it */
    if (routes != NULL)
        ask(routes);
    deliver_routes_free(routes);
    diagnostics_free(diagnostics);
    free(when);
    return 0;
}
