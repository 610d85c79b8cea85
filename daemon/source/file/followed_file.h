/* SPDX-License-Identifier: Apache-2.0 */
/* One file of a log that is rotated, and how it is known again under another name, after a restart, or as a copy. */
#ifndef HARRIER_SOURCE_FILE_FOLLOWED_FILE_H
#define HARRIER_SOURCE_FILE_FOLLOWED_FILE_H

#include "harrier/base/clock.h"
#include "harrier/base/digest.h"
#include "harrier/base/result.h"
#include "harrier/base/slice.h"

#include <sys/types.h>

struct packed_file;

enum { FOLLOWED_HEAD_BYTES = 256, FOLLOWED_POSITION_TEXT = 256 };

/* An open file. Its first bytes are kept: a file is only appended to, so other first bytes are another log, whatever the inode says. */
struct followed_file {
    int fd; /* -1: none */
    uint64_t device, inode;
    uint64_t size;
    clock_nanos modified;
    char head[FOLLOWED_HEAD_BYTES];
    size_t head_length;
    struct packed_file *packed; /* it is read unpacked: head and offsets are those of the log, device, inode and modified of the packed file,
                                   and size is not known before its end; NULL: plain */
};

/* A place in a file that may have been renamed, removed or replaced since. */
struct followed_position {
    uint64_t device, inode;
    uint64_t offset;
    clock_nanos modified; /* of the file at the time: a log that was rotated after this one has a later time */
    size_t head_length;   /* bytes under the fingerprint */
    uint8_t fingerprint[DIGEST_SHA256_BYTES];
};

/* RESULT_INVALID if it is no regular file; otherwise by errno, which is kept. */
enum result followed_file_open(struct followed_file *file, const char *path);
/* The same for one that may be packed (gzip, zstd). */
enum result followed_file_open_rotated(struct followed_file *file, const char *path);
void followed_file_close(struct followed_file *file);
/* Looks at it again. False: it is shorter than `length`, or begins otherwise than before: it was truncated, or written anew. */
bool followed_file_is_intact(struct followed_file *file, uint64_t length);
/* At most size bytes from the offset. -1: error, in errno; EAGAIN: call again to go on (packed_file.h). */
ssize_t followed_file_read(const struct followed_file *file, uint64_t offset, char *bytes, size_t size);

struct followed_position followed_file_position(const struct followed_file *file, uint64_t offset);
/* Is the position one in this file? Among files that all hold its bytes, the one with its inode is meant and others are copies. */
enum followed_match { FOLLOWED_OTHER, FOLLOWED_COPY, FOLLOWED_SAME };
enum followed_match followed_file_match(const struct followed_file *file, const struct followed_position *position);

/* The place before the first byte of a log that was not there at that time. */
struct followed_position followed_position_of_none(clock_nanos wall);
bool followed_position_is_of_none(const struct followed_position *position);

/* One line of text, without a newline. */
void followed_position_write(const struct followed_position *position, char text[FOLLOWED_POSITION_TEXT]);
bool followed_position_read(struct followed_position *position, struct slice text);

#endif
