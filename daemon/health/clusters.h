/* SPDX-License-Identifier: Apache-2.0 */
/* Which names of clusters count. */
#ifndef HARRIER_HEALTH_CLUSTERS_H
#define HARRIER_HEALTH_CLUSTERS_H

#include "harrier/base/buffer.h"
#include "harrier/config.h"

#include <stdint.h>

/* The clusters that are known, each for each source; shared by all threads.
 *
 * With cluster_from: syslog or envelope, or {cluster} in a path, whoever may send chooses the name, and one sender can make thousands. So a name gets
 * something of its own (rows of metrics, episodes of silence and the like, a place in the store) only once it is known:
 *   - the configuration has it: a source's cluster or clusters, a client's cluster;
 *   - it is bound to a credential: a client's certificate;
 *   - it has been heard for health.known_after, all in all (names.c counts that).
 * All others of a source are one row, CLUSTERS_OTHERS. Their events are judged as any, and their alerts have their names. */
struct clusters;

enum { CLUSTERS_NAME_BYTES = 253 };
#define CLUSTERS_OTHERS "(other clusters)"

/* Those that the configuration names are known, however many there are. Others are at most health.clusters, these counted. */
struct clusters *clusters_new(const struct config *config);
void clusters_free(struct clusters *clusters);

/* Any thread. vouched: a credential says so, so that the name is known from now on if there is room. So is any name where known_after is 0. The empty
 * name stands for the source as a whole, and is known. */
bool clusters_know(struct clusters *clusters, size_t source, struct slice name, bool vouched);
/* Known from now on. False: there are too many; counted. */
bool clusters_add(struct clusters *clusters, size_t source, struct slice name);
/* Not known any more, unless the configuration has it. */
void clusters_forget(struct clusters *clusters, size_t source, struct slice name);
/* Times that a name was to be known and there were too many. */
uint64_t clusters_refused(struct clusters *clusters);

/* Key of a source and cluster, for maps. */
void clusters_key(struct buffer *key, size_t source, struct slice name);

#endif
