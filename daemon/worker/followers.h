/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HARRIER_WORKER_FOLLOWERS_H
#define HARRIER_WORKER_FOLLOWERS_H

#include "daemon/commit/commit.h"

#include "harrier/config.h"
#include "harrier/follower.h"
#include "harrier/store.h"

/* The followed files of one worker: each source of type file belongs to one, by its index. */
struct followers;

/* Where each of the configuration's sources goes on (empty: at the beginning; of a pattern: followed_files.h); in the arena. */
struct slice *followers_read_positions(struct store_reader *reader, const struct config *config, struct arena *arena);

/* Of the files that have no position yet the first one is stored, and put into positions; returns when it is durable, or was refused (logged).
 * Before the daemon says that it is ready: from then on a rotation hides nothing. */
void followers_store_first_positions(struct commit *commit, const struct config *config, struct arena *arena, struct slice *positions);

/* Those of worker `number` of `count`; they begin with the loop. positions: one per source; copied. */
struct followers *followers_start(struct source_worker *source, struct event_base *base, const struct config *config, const struct slice *positions,
                                  size_t number, size_t count);
void followers_drain(struct followers *followers);
/* Before the source worker is freed. */
void followers_free(struct followers *followers);
/* False: the source is no file, or another worker's. Any thread. */
bool followers_count(const struct followers *followers, size_t source, struct source_follower_counts *counts);

#endif
