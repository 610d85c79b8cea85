/* SPDX-License-Identifier: Apache-2.0 */
#include "clusters.h"

#include "harrier/base/log.h"
#include "harrier/base/map.h"
#include "harrier/base/memory.h"

#include <pthread.h>
#include <stdlib.h>

/* A map under a lock that is nearly always taken for reading. Names that are forgotten stay in it, marked: there are few, as each had been known. */
struct clusters {
    pthread_rwlock_t lock;
    struct map *names; /* of enum cluster_standing */
    size_t known;
    size_t most;
    bool at_once; /* known_after is 0 */
    uint64_t refused;
};

enum cluster_standing { CLUSTER_UNKNOWN, CLUSTER_KNOWN, CLUSTER_CONFIGURED };

void clusters_key(struct buffer *key, size_t source, struct slice name)
{
    key->length = 0;
    buffer_append(key, &source, sizeof source);
    buffer_append_slice(key, slice_first(name, CLUSTERS_NAME_BYTES));
}

static enum cluster_standing cluster_standing_of(const struct clusters *clusters, const struct buffer *key)
{
    return (enum cluster_standing)(uintptr_t)map_get(clusters->names, buffer_slice(key));
}

static void set_cluster_standing(struct clusters *clusters, const struct buffer *key, enum cluster_standing standing)
{
    map_put(clusters->names, buffer_slice(key), (void *)(uintptr_t)standing);
}

static void add_configured(struct clusters *clusters, size_t source, const char *name)
{
    struct buffer key = {NULL, 0, 0};

    clusters_key(&key, source, slice_of(name));
    if (name[0] && cluster_standing_of(clusters, &key) == CLUSTER_UNKNOWN) {
        set_cluster_standing(clusters, &key, CLUSTER_CONFIGURED);
        clusters->known++;
    }
    buffer_free(&key);
}

struct clusters *clusters_new(const struct config *config)
{
    struct clusters *clusters = xcalloc(1, sizeof *clusters);

    pthread_rwlock_init(&clusters->lock, NULL);
    clusters->names = map_new();
    clusters->most = (size_t)config->health.clusters;
    clusters->at_once = config->health.known_after == 0;
    for (size_t s = 0; s < config->source_count; s++) {
        const struct config_source *source = &config->sources[s];
        add_configured(clusters, s, source->cluster);
        for (size_t i = 0; i < source->clusters.count; i++)
            add_configured(clusters, s, source->clusters.items[i]);
        for (size_t i = 0; i < source->client_count; i++)
            add_configured(clusters, s, source->clients[i].cluster);
    }
    return clusters;
}

void clusters_free(struct clusters *clusters)
{
    if (!clusters)
        return;
    map_free(clusters->names, NULL);
    pthread_rwlock_destroy(&clusters->lock);
    free(clusters);
}

static bool add_key(struct clusters *clusters, const struct buffer *key)
{
    bool added = true;

    pthread_rwlock_wrlock(&clusters->lock);
    if (cluster_standing_of(clusters, key) == CLUSTER_UNKNOWN) {
        added = clusters->known < clusters->most;
        if (added) {
            set_cluster_standing(clusters, key, CLUSTER_KNOWN);
            clusters->known++;
        } else if (clusters->refused++ == 0) {
            log_warning("health: more than %zu clusters: further ones are not watched for silence and the like; see `clusters` in health", clusters->most);
        }
    }
    pthread_rwlock_unlock(&clusters->lock);
    return added;
}

bool clusters_know(struct clusters *clusters, size_t source, struct slice name, bool vouched)
{
    struct buffer key = {NULL, 0, 0};

    if (name.length == 0)
        return true;
    if (slice_is(name, CLUSTERS_OTHERS)) /* the row's name is nobody's */
        return false;
    clusters_key(&key, source, name);
    pthread_rwlock_rdlock(&clusters->lock);
    bool known = cluster_standing_of(clusters, &key) != CLUSTER_UNKNOWN;
    pthread_rwlock_unlock(&clusters->lock);
    if (!known && (vouched || clusters->at_once))
        known = add_key(clusters, &key);
    buffer_free(&key);
    return known;
}

bool clusters_add(struct clusters *clusters, size_t source, struct slice name)
{
    struct buffer key = {NULL, 0, 0};

    clusters_key(&key, source, name);
    bool added = !slice_is(name, CLUSTERS_OTHERS) && add_key(clusters, &key);
    buffer_free(&key);
    return added;
}

void clusters_forget(struct clusters *clusters, size_t source, struct slice name)
{
    struct buffer key = {NULL, 0, 0};

    clusters_key(&key, source, name);
    pthread_rwlock_wrlock(&clusters->lock);
    if (cluster_standing_of(clusters, &key) == CLUSTER_KNOWN) {
        set_cluster_standing(clusters, &key, CLUSTER_UNKNOWN);
        clusters->known--;
    }
    pthread_rwlock_unlock(&clusters->lock);
    buffer_free(&key);
}

uint64_t clusters_refused(struct clusters *clusters)
{
    pthread_rwlock_rdlock(&clusters->lock);
    uint64_t refused = clusters->refused;
    pthread_rwlock_unlock(&clusters->lock);
    return refused;
}
