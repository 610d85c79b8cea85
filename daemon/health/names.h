/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HARRIER_HEALTH_NAMES_H
#define HARRIER_HEALTH_NAMES_H

#include "harrier/base/buffer.h"
#include "harrier/base/clock.h"

#include <stdbool.h>
#include <stdint.h>

/* Names of clusters that come in and are not known, and for how long each has been heard.
 *
 * Anybody who may send can make names, so what is kept is bounded: two generations of at most `most` names. A name that is heard moves to the young one; when
 * that is full, the old one goes and the young one is the old one. So names made for one event push each other out, and one that keeps coming stays.
 *
 * A hearing counts the time since the one before, at most an hour: a cluster that sends now and then is known after some days, and no burst of
 * events makes a name known, nor does one event a week. */
struct health_names;

struct health_name {
    size_t source;
    char *cluster;
    clock_nanos heard_for; /* so far */
    clock_nanos heard;     /* monotonic; when last. 0: not since the start */
};

struct health_names *health_names_new(size_t most);
void health_names_free(struct health_names *names);
/* It was heard now (monotonic). What is known of it; valid until the next call. */
const struct health_name *health_names_hear(struct health_names *names, size_t source, const char *cluster, clock_nanos now);
/* From before a restart. */
void health_names_restore(struct health_names *names, size_t source, const char *cluster, clock_nanos heard_for);
/* It is known now. */
void health_names_remove(struct health_names *names, size_t source, const char *cluster);
/* Those that are kept; and how many were dropped since the start to keep them so few. */
size_t health_names_count(const struct health_names *names);
uint64_t health_names_dropped(const struct health_names *names);
typedef void health_names_visit(void *context, const struct health_name *name);
void health_names_each(const struct health_names *names, health_names_visit *visit, void *context);

#endif
