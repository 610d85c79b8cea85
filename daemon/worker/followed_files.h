/* SPDX-License-Identifier: Apache-2.0 */
/* The files of one source of type file: the one that it names, or those that its pattern matches, which come and go (Kubernetes' containers' logs). */
#ifndef HARRIER_WORKER_FOLLOWED_FILES_H
#define HARRIER_WORKER_FOLLOWED_FILES_H

#include "harrier/config.h"
#include "harrier/base/digest.h"
#include "harrier/follower.h"
#include "harrier/store.h"
#include "harrier/submission.h"

#include <event2/event.h>

enum {
    FOLLOWED_FILES_MOST = 256,          /* of one pattern at a time; more are not followed, which is logged and counted */
    FOLLOWED_FILES_STRETCH = 64 * 1024, /* of each in memory, where there may be many */
    FOLLOWED_FILES_KEY = STORE_NAME_MAX + DIGEST_SHA256_HEX + 1
};

/* Does `file` of a source stand for several? By *, ? or [. */
bool followed_files_is_pattern(const char *file);
/* The key of a matched file's position in the store. */
void followed_files_key(const char *source, const char *path, char key[FOLLOWED_FILES_KEY]);

/* What is stored of a pattern's files: "KEY POSITION" lines, appended. */
enum result followed_files_read_positions(struct store_reader *reader, const char *source, struct buffer *positions);
/* Of the files that are there and have no position yet the first one is added to the submission and to positions; those of files that are gone are
 * removed from the store. */
void followed_files_add_first_positions(const struct config_source *source, struct buffer *positions, struct submission *submission);

struct followed_files;

/* positions: of the pattern's files, as above, or of the one file that is no pattern; copied. */
struct followed_files *followed_files_new(struct source_worker *worker, struct event_base *base, const struct config_source *source, size_t index,
                                          struct slice positions);
void followed_files_drain(struct followed_files *files);
/* Before the worker is freed. NULL is nothing. */
void followed_files_free(struct followed_files *files);
/* Of all together; of a pattern without a place and inode. Any thread. */
void followed_files_count(struct followed_files *files, struct source_follower_counts *counts);

#endif
