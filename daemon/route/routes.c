/* SPDX-License-Identifier: Apache-2.0 */
#include "condition.h"
#include "harrier/base/memory.h"

#include <stdlib.h>

struct route {
    struct condition *when; /* NULL: every alert */
    uint64_t to;            /* bit i: destination i */
};

struct deliver_routes {
    struct route *routes;
    size_t count;
    char *names[DELIVER_DESTINATIONS_MAX];
    size_t name_count;
};

_Static_assert(DELIVER_DESTINATIONS_MAX <= 64, "one bit for each destination");

static bool find_destination(const struct deliver_routes *routes, const char *name, size_t *index)
{
    for (*index = 0; *index < routes->name_count; (*index)++) {
        if (strcmp(routes->names[*index], name) == 0)
            return true;
    }
    return false;
}

static const char *nearest_name(const struct deliver_routes *routes, const char *name)
{
    const char *nearest = NULL;
    unsigned int best = 4;
    for (size_t i = 0; i < routes->name_count; i++) {
        unsigned int distance = slice_edit_distance(slice_of(name), slice_of(routes->names[i]));
        if (distance < best) {
            best = distance;
            nearest = routes->names[i];
        }
    }
    return nearest;
}

static void compile_targets(const struct deliver_routes *routes, struct route *route, const struct deliver_route_config *config,
                            const char *file, struct diagnostics *diagnostics)
{
    if (config->to_count == 0)
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, file, config->line, 0, "the route goes nowhere: name destinations, as in to: [soc]");
    for (size_t i = 0; i < config->to_count; i++) {
        size_t index;
        if (find_destination(routes, config->to[i], &index)) {
            route->to |= UINT64_C(1) << index;
            continue;
        }
        const char *nearest = nearest_name(routes, config->to[i]);
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, file, config->line, 0, "there is no destination %s: %s%s", config->to[i],
                        nearest ? "did you mean " : "add it under destinations, or take it out", nearest ? nearest : "");
    }
}

static void compile_condition(struct route *route, const struct deliver_route_config *config, const char *file,
                              struct diagnostics *diagnostics)
{
    uint32_t column;
    char *message;
    if (config->when == NULL)
        return;
    route->when = condition_parse(slice_of(config->when), &column, &message);
    if (route->when != NULL)
        return;
    if (config->column > 0)
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, file, config->line, config->column + column - 1, "%s", message);
    else
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, file, config->line, 0, "when, column %u: %s", column, message);
    free(message);
}

struct deliver_routes *deliver_routes_new(const struct deliver_route_config *configs, size_t count,
                                          const struct deliver_destination_config *destinations, size_t destination_count, const char *file,
                                          struct diagnostics *diagnostics)
{
    struct deliver_routes *routes = xcalloc(1, sizeof *routes);
    size_t errors = diagnostics_count_of(diagnostics, DIAGNOSTIC_ERROR);
    if (destination_count > DELIVER_DESTINATIONS_MAX)
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, file, 0, 0, "there are %zu destinations: at most %d", destination_count,
                        DELIVER_DESTINATIONS_MAX);
    for (size_t i = 0; i < destination_count && i < DELIVER_DESTINATIONS_MAX; i++)
        routes->names[routes->name_count++] = xstrdup(destinations[i].name);
    routes->routes = xcalloc(count ? count : 1, sizeof *routes->routes);
    for (size_t i = 0; i < count; i++) {
        struct route *route = &routes->routes[routes->count++];
        compile_condition(route, &configs[i], file, diagnostics);
        compile_targets(routes, route, &configs[i], file, diagnostics);
    }
    if (diagnostics_count_of(diagnostics, DIAGNOSTIC_ERROR) == errors)
        return routes;
    deliver_routes_free(routes);
    return NULL;
}

void deliver_routes_free(struct deliver_routes *routes)
{
    if (routes == NULL)
        return;
    for (size_t i = 0; i < routes->count; i++)
        condition_free(routes->routes[i].when);
    for (size_t i = 0; i < routes->name_count; i++)
        free(routes->names[i]);
    free(routes->routes);
    free(routes);
}

bool deliver_routes_ask(const struct deliver_routes *routes)
{
    for (size_t i = 0; i < routes->count; i++)
        if (routes->routes[i].when != NULL)
            return true;
    return false;
}

size_t deliver_route(const struct deliver_routes *routes, const struct alert_fields *fields,
                     const char *names[DELIVER_DESTINATIONS_MAX])
{
    uint64_t to = 0;
    size_t count = 0;
    for (size_t i = 0; i < routes->count; i++) {
        const struct route *route = &routes->routes[i];
        if (route->when == NULL || condition_holds(route->when, fields))
            to |= route->to;
    }
    for (size_t i = 0; i < routes->name_count; i++) {
        if (to >> i & 1)
            names[count++] = routes->names[i];
    }
    return count;
}
