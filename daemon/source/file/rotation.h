/* SPDX-License-Identifier: Apache-2.0 */
/* The rotated files of a log, in the folder where it is: the one that holds a place, and the one that was written next. */
#ifndef HARRIER_SOURCE_FILE_ROTATION_H
#define HARRIER_SOURCE_FILE_ROTATION_H

#include "followed_file.h"
#include "rotation_name.h"

/* Opens the file of the folder that holds the position: the one with its inode, else the newest copy, better a plain one than a packed.
 * RESULT_NOT_FOUND; RESULT_BUSY: the process is out of descriptors or memory, and nothing can be told. */
enum result rotation_find(const char *folder, const struct followed_position *position, struct followed_file *file,
                          enum followed_match *match);

/* What was read last, and what was read before it. */
struct rotation_read {
    const struct followed_position *last; /* NULL: in none of the rotated files */
    clock_nanos modified;                 /* of the file that was read last */
    const struct followed_position *ends; /* of files that were read, up to where: those are not to be found again */
    size_t end_count;
    const uint64_t *unreadable; /* inodes of files that cannot be read, and are passed over */
    size_t unreadable_count;
};

struct rotation_step {
    struct followed_file file;
    uint64_t missing; /* files that were written between what was read last and this one (or the newest, if there is none), by the names */
    bool found_last;  /* the file that was read last is among the rotated ones */
    uint64_t inode;   /* of the one that cannot be read */
    char name[256];   /* the file's */
};

/* Opens the rotated file of the log that was written next after what was read. RESULT_NOT_FOUND: there is none, so that the newest is next;
 * RESULT_INVALID: there is one and it cannot be read, errno says why (ENOTSUP: packed in an unknown way); RESULT_BUSY: as above.
 *
 * The order is that of names where all names say one: numbers of logrotate (3, 2, 1), numbers that grow (told by the times of the files), and
 * times. Else it is that of the last modification. What was read last may be of a time to come, because the clock was ahead and went back: then only
 * falling numbers tell what was written before it, and what may have been read is read again, which makes no alert twice. A gap in numbers is a file that was there: each rotation renames all of them. Of a linked
 * log whose files have the day in their names, a day without a file is one, unless the other names show longer steps. */
enum result rotation_next(const struct rotation_log *log, const struct rotation_read *read, struct rotation_step *step);

/* Is the open file, or a copy of it, one of the log's rotated files? Not one that a link led to before. */
bool rotation_has(const struct rotation_log *log, const struct followed_file *file);

#endif
