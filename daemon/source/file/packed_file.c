/* SPDX-License-Identifier: Apache-2.0 */
#include "packed_file.h"

#include "harrier/base/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* TURN_BYTES: unpacked, or read without anything coming out, in one call on the way to an offset. */
enum { PACKED_BYTES = 16 * 1024, TURN_BYTES = 8 * 1024 * 1024 };

/* A bound that no log of a node comes near, so that a file of nothing but repetition ends some day. */
static const struct inflate_limits limits = {.bytes = (uint64_t)1 << 40};

/* The unpacked bytes from `at` are in `ready`, which is the inflater's: 64 KiB at most, however well the file is packed. */
struct packed_file {
    int fd;
    enum inflate_format format;
    struct inflater *inflater;
    char packed[PACKED_BYTES];
    struct slice rest;  /* of these, that is still to be unpacked */
    uint64_t packed_at; /* behind them in the file */
    struct slice ready;
    uint64_t at;
    bool ended;
};

bool packed_file_is(int fd, enum inflate_format *format)
{
    char magic[4];
    ssize_t got = pread(fd, magic, sizeof magic, 0);
    struct slice begin = slice_make(magic, got > 0 ? (size_t)got : 0);

    *format = inflate_begins(INFLATE_ZSTD, begin) ? INFLATE_ZSTD : INFLATE_GZIP;
    return inflate_begins(*format, begin);
}

struct packed_file *packed_file_new(int fd, enum inflate_format format)
{
    struct packed_file *file = xcalloc(1, sizeof *file);

    file->fd = fd;
    file->format = format;
    file->inflater = inflater_new(format, &limits);
    return file;
}

void packed_file_free(struct packed_file *file)
{
    if (!file)
        return;
    inflater_free(file->inflater);
    free(file);
}

static void packed_file_begin_anew(struct packed_file *file)
{
    inflater_free(file->inflater);
    file->inflater = inflater_new(file->format, &limits);
    file->packed_at = file->at = 0;
    file->rest = file->ready = (struct slice){0};
    file->ended = false;
}

/* The next packed bytes. False: there are none, or they cannot be read. */
static bool read_packed(struct packed_file *file)
{
    ssize_t got = pread(file->fd, file->packed, sizeof file->packed, (off_t)file->packed_at);

    if (got < 0)
        return false;
    file->ended = got == 0 && inflater_finish(file->inflater) == RESULT_OK;
    file->packed_at += (uint64_t)got;
    file->rest = slice_make(file->packed, (size_t)got);
    errno = EBADMSG;
    return got > 0;
}

/* More bytes into `ready`, which is used up; none, if the packed ones at hand make none. What came out before damage is good: the inflater keeps its error. */
static bool unpack_more(struct packed_file *file)
{
    if (file->rest.length == 0 && !inflater_has_more(file->inflater) && !read_packed(file))
        return file->ended;
    enum result result = inflater_next(file->inflater, &file->rest, &file->ready);
    errno = EBADMSG;
    return result == RESULT_OK;
}

static size_t use_ready(struct packed_file *file, size_t most)
{
    size_t used = file->ready.length < most ? file->ready.length : most;

    file->ready = slice_from(file->ready, used);
    file->at += used;
    return used;
}

ssize_t packed_file_read(struct packed_file *file, uint64_t offset, char *bytes, size_t size)
{
    uint64_t skipped = 0;

    if (offset < file->at)
        packed_file_begin_anew(file);
    for (uint64_t begun = file->packed_at;;) {
        if (file->at < offset)
            skipped += use_ready(file, offset - file->at < SIZE_MAX ? (size_t)(offset - file->at) : SIZE_MAX);
        if (file->ready.length) {
            const char *from = file->ready.bytes;
            size_t used = use_ready(file, size);
            memcpy(bytes, from, used);
            return (ssize_t)used;
        }
        if (file->ended)
            return 0;
        if (skipped >= TURN_BYTES || file->packed_at - begun >= TURN_BYTES) {
            errno = EAGAIN;
            return -1;
        }
        if (!unpack_more(file))
            return -1;
    }
}

bool packed_file_has_ended(const struct packed_file *file, uint64_t *size)
{
    *size = file->at;
    return file->ended && file->ready.length == 0;
}
