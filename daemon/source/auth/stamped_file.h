/* SPDX-License-Identifier: Apache-2.0 */
/* Files that are read again when they change: certificates, keys, tokens. */
#ifndef HARRIER_SOURCE_AUTH_STAMPED_FILE_H
#define HARRIER_SOURCE_AUTH_STAMPED_FILE_H

#include "harrier/base/buffer.h"
#include "harrier/base/result.h"

#include <sys/types.h>
#include <time.h>

/* What tells one content of a file from another. A file that is replaced (rename, a Kubernetes secret's symbolic links) has another
 * inode, one that is written over another time. All zero: there is no such file. */
struct file_stamp {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified, changed;
};

/* To be taken before the file is read: what is written after shows as a change. */
struct file_stamp file_stamp_take(const char *path);
bool file_stamp_equal(const struct file_stamp *a, const struct file_stamp *b);

/* The whole file, of at most `most` bytes (RESULT_LIMIT). The caller wipes and frees bytes, whatever the result. */
enum result stamped_file_read(const char *path, size_t most, struct buffer *bytes);
/* The same, but only its first line, without the line's end: how secrets are kept. An empty one is RESULT_INVALID. */
enum result stamped_file_read_line(const char *path, struct buffer *line);
/* Nothing of it stays in memory. */
void stamped_file_wipe(struct buffer *bytes);

#endif
