/* SPDX-License-Identifier: Apache-2.0 */
/* The rotated files of a log, in the folder where it is. */
#ifndef HARRIER_DAEMON_SOURCE_ROTATION_H
#define HARRIER_DAEMON_SOURCE_ROTATION_H

#include "daemon/source/followed_file.h"

/* Is `name` what a rotation of the log called `base` is called? logrotate: base.1, base-20261124; with its `extension`: stem-20261124.ext;
 * the API server: stem-2026-11-24T10-00-00.000.ext; the kubelet: base.20261124-100000. Packed ones (.gz) are not meant. */
bool rotation_is_name(struct slice base, struct slice name);

/* Opens the file of the folder that holds the position: the one with its inode, else the newest copy. RESULT_NOT_FOUND. */
enum result rotation_find(const char *folder, const struct followed_position *position, struct followed_file *file,
                          enum followed_match *match);

/* What was read last, and what was read before it. */
struct rotation_read {
    clock_nanos modified;   /* of the file that was read last */
    const uint64_t *inodes; /* of files that were read: those that are not to be found again */
    size_t inode_count;
};

/* Opens the rotated file of the log that was written next after what was read. RESULT_NOT_FOUND: there is none. */
enum result rotation_next(const char *folder, struct slice base, const struct rotation_read *read, struct followed_file *file);
/* Is the open file one of the log's rotated files? */
bool rotation_has(const char *folder, struct slice base, const struct followed_file *file);

#endif
