/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/source/packed_file.h"

#include "harrier/buffer.h"
#include "harrier/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* FEED_BYTES: gzip makes at most 1,032 times as much of them (zlib's technical details), and that is held. TURN_BYTES: unpacked in one call
 * on the way to an offset. */
enum { FEED_BYTES = 1024, TURN_BYTES = 8 * 1024 * 1024 };

/* A bound that no log of a node comes near, so that a file of nothing but repetition ends some day. */
static const struct inflate_limits limits = {.bytes = (uint64_t)1 << 40};

/* The unpacked bytes from `at` are in `ready`, as far as they came out of the packed ones before `packed_at`. */
struct packed_file {
    int fd;
    enum inflate_format format;
    struct inflater *inflater;
    uint64_t packed_at, at;
    struct buffer ready;
    size_t used; /* of `ready`; `at` is behind them */
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
    buffer_free(&file->ready);
    free(file);
}

static void packed_file_begin_anew(struct packed_file *file)
{
    inflater_free(file->inflater);
    file->inflater = inflater_new(file->format, &limits);
    file->packed_at = file->at = 0;
    file->ready.length = file->used = 0;
    file->ended = false;
}

static enum result keep_unpacked(void *data, struct slice bytes)
{
    struct packed_file *file = data;

    buffer_append_slice(&file->ready, bytes);
    return RESULT_OK;
}

/* More bytes into `ready`, which is used up. */
static bool unpack_more(struct packed_file *file)
{
    char packed[FEED_BYTES];
    ssize_t got = pread(file->fd, packed, sizeof packed, (off_t)file->packed_at);

    file->ready.length = file->used = 0;
    if (got < 0)
        return false;
    if (got == 0) {
        file->ended = inflater_finish(file->inflater) == RESULT_OK;
        errno = EBADMSG;
        return file->ended;
    }
    file->packed_at += (uint64_t)got;
    enum result result = inflater_feed(file->inflater, slice_make(packed, (size_t)got), keep_unpacked, file);
    errno = EBADMSG;
    return result == RESULT_OK || file->ready.length; /* what came out before the damage is good; the inflater keeps its error */
}

static size_t use_ready(struct packed_file *file, size_t most)
{
    size_t left = file->ready.length - file->used;
    size_t used = left < most ? left : most;

    file->used += used;
    file->at += used;
    return used;
}

ssize_t packed_file_read(struct packed_file *file, uint64_t offset, char *bytes, size_t size)
{
    uint64_t skipped = 0;

    if (offset < file->at)
        packed_file_begin_anew(file);
    for (;;) {
        if (file->at < offset)
            skipped += use_ready(file, offset - file->at < SIZE_MAX ? (size_t)(offset - file->at) : SIZE_MAX);
        if (file->used < file->ready.length) {
            const char *from = file->ready.bytes + file->used;
            size_t used = use_ready(file, size);
            memcpy(bytes, from, used);
            return (ssize_t)used;
        }
        if (file->ended)
            return 0;
        if (skipped >= TURN_BYTES) {
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
    return file->ended && file->used == file->ready.length;
}
