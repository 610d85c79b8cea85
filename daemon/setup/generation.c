/* SPDX-License-Identifier: Apache-2.0 */
#include "generation.h"

#include "harrier/config_uses.h"
#include "harrier/base/memory.h"
#include "harrier/ruleset_files.h"

#include <stdlib.h>

struct generation *generation_load(const char *file, const struct deliver_destination_config *destinations, size_t destination_count,
                                   struct diagnostics *diagnostics)
{
    struct generation *generation = xcalloc(1, sizeof *generation);
    struct deliver_destination_config *own = NULL;
    struct ruleset_files files;

    atomic_init(&generation->references, 1);
    if (config_load(file, 0, diagnostics, &generation->config) != RESULT_OK) {
        free(generation);
        return NULL;
    }
    if (!destinations) {
        own = config_destinations(generation->config);
        config_check_destinations(generation->config, own, diagnostics);
        destinations = own;
        destination_count = generation->config->destination_count;
    }
    generation->routes = config_routes(generation->config, destinations, destination_count, diagnostics);
    ruleset_files_from_config(&files, generation->config);
    struct ruleset_loaded loaded;
    enum result rules = ruleset_files_load(&files, diagnostics, &loaded);
    config_destinations_free(own, destination_count);
    if (rules == RESULT_OK)
        generation->plan = detect_plan_new(loaded.ruleset, loaded.lists);
    else
        yaral_ruleset_free(loaded.ruleset), yaral_lists_free(loaded.lists);
    generation->own_labels = loaded.own_labels;
    if (!generation->routes || !generation->plan || diagnostics_count_of(diagnostics, DIAGNOSTIC_ERROR)) {
        generation_unref(generation);
        return NULL;
    }
    return generation;
}

struct generation *generation_ref(struct generation *generation)
{
    atomic_fetch_add(&generation->references, 1);
    return generation;
}

void generation_unref(struct generation *generation)
{
    if (!generation || atomic_fetch_sub(&generation->references, 1) != 1)
        return;
    detect_plan_unref(generation->plan);
    deliver_routes_free(generation->routes);
    udm_own_labels_free(generation->own_labels);
    config_free(generation->config);
    free(generation);
}
