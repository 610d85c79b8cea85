/* SPDX-License-Identifier: Apache-2.0 */
#include "names.h"

#include "clusters.h"

#include "harrier/base/map.h"
#include "harrier/base/memory.h"

#include <stdlib.h>

static const clock_nanos hour = 3600 * CLOCK_SECOND;

/* Values of the maps: struct health_name, NULL where it has moved or gone. */
struct health_names {
    size_t most;
    struct map *young, *old;
    size_t count;
    uint64_t dropped;
    struct buffer key;
};

struct health_names *health_names_new(size_t most)
{
    struct health_names *names = xcalloc(1, sizeof *names);

    names->most = most;
    names->young = map_new();
    names->old = map_new();
    return names;
}

static void health_name_free(void *value)
{
    struct health_name *name = value;

    if (!name)
        return;
    free(name->cluster);
    free(name);
}

void health_names_free(struct health_names *names)
{
    if (!names)
        return;
    map_free(names->young, health_name_free);
    map_free(names->old, health_name_free);
    buffer_free(&names->key);
    free(names);
}

static void begin_generation(struct health_names *names)
{
    size_t before = names->dropped;

    for (size_t i = 0; i < map_count(names->old); i++)
        names->dropped += map_value_at(names->old, i) != NULL;
    names->count -= (size_t)(names->dropped - before);
    map_free(names->old, health_name_free);
    names->old = names->young;
    names->young = map_new();
}

/* The name in the young generation, made if need be. */
static struct health_name *find_or_make_name(struct health_names *names, size_t source, const char *cluster)
{
    clusters_key(&names->key, source, slice_of(cluster));
    struct health_name *name = map_get(names->young, buffer_slice(&names->key));

    if (name)
        return name;
    name = map_get(names->old, buffer_slice(&names->key));
    if (name) {
        map_put(names->old, buffer_slice(&names->key), NULL);
    } else {
        name = xcalloc(1, sizeof *name);
        name->source = source;
        name->cluster = xstrdup(cluster);
        names->count++;
    }
    if (map_count(names->young) >= names->most)
        begin_generation(names);
    map_put(names->young, buffer_slice(&names->key), name);
    return name;
}

const struct health_name *health_names_hear(struct health_names *names, size_t source, const char *cluster, clock_nanos now)
{
    struct health_name *name = find_or_make_name(names, source, cluster);
    clock_nanos since = name->heard ? now - name->heard : 0;

    name->heard_for += since < hour ? since : hour;
    name->heard = now;
    return name;
}

void health_names_restore(struct health_names *names, size_t source, const char *cluster, clock_nanos heard_for)
{
    find_or_make_name(names, source, cluster)->heard_for = heard_for;
}

void health_names_remove(struct health_names *names, size_t source, const char *cluster)
{
    struct map *const maps[] = {names->young, names->old};

    clusters_key(&names->key, source, slice_of(cluster));
    for (size_t i = 0; i < 2; i++) {
        struct health_name *name = map_get(maps[i], buffer_slice(&names->key));
        if (!name)
            continue;
        map_put(maps[i], buffer_slice(&names->key), NULL);
        health_name_free(name);
        names->count--;
    }
}

size_t health_names_count(const struct health_names *names)
{
    return names->count;
}

uint64_t health_names_dropped(const struct health_names *names)
{
    return names->dropped;
}

void health_names_each(const struct health_names *names, health_names_visit *visit, void *context)
{
    const struct map *const maps[] = {names->young, names->old};

    for (size_t m = 0; m < 2; m++)
        for (size_t i = 0; i < map_count(maps[m]); i++)
            if (map_value_at(maps[m], i))
                visit(context, map_value_at(maps[m], i));
}
