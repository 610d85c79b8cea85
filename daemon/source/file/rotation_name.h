/* SPDX-License-Identifier: Apache-2.0 */
/* What the rotated files of a log are called, and what their names say about the order of their writing. */
#ifndef HARRIER_SOURCE_FILE_ROTATION_NAME_H
#define HARRIER_SOURCE_FILE_ROTATION_NAME_H

#include "harrier/base/slice.h"

#include <stdint.h>

/* The place of a log's newest file, symbolic links followed. */
struct rotation_log {
    const char *folder;
    struct slice base;
    bool linked; /* the path that is followed is a link to it, and may have led to one of another stamp before: audit-20261125.log, 0.log */
};

/* A count, a time, or digits of which nobody knows what they are; digits without what stands between them. */
enum rotation_stamp_kind { ROTATION_STAMP_NONE, ROTATION_STAMP_NUMBER, ROTATION_STAMP_TIME, ROTATION_STAMP_OTHER };
struct rotation_stamp {
    enum rotation_stamp_kind kind;
    int64_t number; /* of ROTATION_STAMP_NUMBER */
    char digits[40];
};

enum rotation_packing { ROTATION_PLAIN, ROTATION_PACKED, ROTATION_UNREADABLE /* packed by what is not known here */ };

struct rotation_name {
    struct rotation_stamp file;     /* of the file before it was rotated, where the log is linked; else NONE */
    struct rotation_stamp rotation; /* NONE: a linked file that was not rotated otherwise */
    enum rotation_packing packing;
};

/* Is `name` what a rotation of the log is called? logrotate: base.1, base-20261124; with its `extension`: stem-20261124.ext; the API server:
 * stem-2026-11-24T10-00-00.000.ext; the kubelet: base.20261124-100000; packed ones with .gz, .zst or another program's ending behind it. Of
 * a linked log, also the files of an earlier stamp. Never the newest file itself. */
bool rotation_name_read(const struct rotation_log *log, struct slice name, struct rotation_name *read);
/* The stamp of the newest file of a linked log; NONE: it has none, or is not linked. */
struct rotation_stamp rotation_stamp_of_newest(const struct rotation_log *log);

/* Days since 1970-01-01 of a stamp that is a day (20261124). False: it is none. */
bool rotation_stamp_day(const struct rotation_stamp *stamp, int64_t *day);

#endif
