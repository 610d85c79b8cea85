/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HARRIER_SETUP_GENERATION_H
#define HARRIER_SETUP_GENERATION_H

#include "harrier/config.h"
#include "harrier/deliver.h"
#include "harrier/detect.h"

#include <stdatomic.h>

/* What a reload replaces: the rules and the routes, made from one reading of the files. Immutable and counted: a request that has begun under one
 * generation ends under it. Sources, destinations, store and admin are those of the start, whatever the file says now. */
struct generation {
    atomic_uint references;
    struct config *config;
    struct detect_plan *plan;
    struct deliver_routes *routes;
    struct udm_own_labels *own_labels;
    uint64_t number;
};

/* Reads everything anew. NULL, and all that is wrong in diagnostics, if something is. destinations: those of the start; NULL: the file's own. */
struct generation *generation_load(const char *file, const struct deliver_destination_config *destinations, size_t destination_count,
                                   struct diagnostics *diagnostics);
struct generation *generation_ref(struct generation *generation);
void generation_unref(struct generation *generation);

#endif
