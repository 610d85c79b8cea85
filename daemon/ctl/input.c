/* SPDX-License-Identifier: Apache-2.0 */
#include "input.h"

#include "harrier/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

enum { PACKED_BYTES = 128 * 1024, PLAIN_BYTES = 256 * 1024 };

enum packing { PACKING_UNKNOWN, PACKING_NONE, PACKING_GZIP, PACKING_ZSTD };

/* A file being read. packed[from, to) is read and not yet unpacked. `within` is set while a member or frame of an archive has begun and not ended. */
struct input {
    int fd;
    char *name;
    enum packing packing;
    char packed[PACKED_BYTES];
    size_t from, to;
    bool at_end;
    bool within;
    uint64_t taken, size;
    char *plain; /* PLAIN_BYTES, for archives */
    z_stream gzip;
    ZSTD_DStream *zstd;
    char error[256];
};

enum result input_open(const char *path, struct input **input)
{
    bool standard = strcmp(path, "-") == 0;
    int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    struct stat about = {0};

    *input = NULL;
    if (fd < 0)
        return result_from_errno(errno);
    if (fstat(fd, &about) == 0 && S_ISDIR(about.st_mode)) {
        if (!standard)
            close(fd);
        errno = EISDIR;
        return RESULT_IO;
    }
    *input = xcalloc(1, sizeof **input);
    (*input)->fd = fd;
    (*input)->name = xstrdup(standard ? "stdin" : path);
    (*input)->size = S_ISREG(about.st_mode) && about.st_size > 0 ? (uint64_t)about.st_size : 0;
    return RESULT_OK;
}

void input_close(struct input *input)
{
    if (!input)
        return;
    if (input->fd != STDIN_FILENO)
        close(input->fd);
    if (input->packing == PACKING_GZIP)
        inflateEnd(&input->gzip);
    ZSTD_freeDStream(input->zstd);
    free(input->plain);
    free(input->name);
    free(input);
}

/* Puts more bytes behind those that are there. */
static enum result fill(struct input *input)
{
    ssize_t got;

    if (input->from == input->to)
        input->from = input->to = 0;
    do
        got = read(input->fd, input->packed + input->to, sizeof input->packed - input->to);
    while (got < 0 && errno == EINTR);
    if (got < 0) {
        snprintf(input->error, sizeof input->error, "%s", strerror(errno));
        return RESULT_IO;
    }
    input->to += (size_t)got;
    input->taken += (size_t)got;
    input->at_end = got == 0;
    return RESULT_OK;
}

static enum result damaged(struct input *input, const char *what)
{
    snprintf(input->error, sizeof input->error, "the %s archive is damaged: %s (what came before was read)",
             input->packing == PACKING_GZIP ? "gzip" : "zstd", what);
    return RESULT_INVALID;
}

static bool begins_with(const struct input *input, const char *magic, size_t length)
{
    return input->to - input->from >= length && memcmp(input->packed + input->from, magic, length) == 0;
}

/* Zstandard's skippable frames (RFC 8878 section 3.1.2) may come first: 50 to 5F 2A 4D 18. */
static enum result tell_packing(struct input *input)
{
    enum { MAGIC_BYTES = 4 };

    while (input->to - input->from < MAGIC_BYTES && !input->at_end) {
        enum result result = fill(input);
        if (result)
            return result;
    }
    unsigned char first = input->to ? (unsigned char)input->packed[0] : 0;
    bool skippable = (first & 0xF0) == 0x50 && input->to >= MAGIC_BYTES && memcmp(input->packed + 1, "\x2A\x4D\x18", 3) == 0;
    if (begins_with(input, "\x1F\x8B", 2)) {
        input->packing = PACKING_GZIP;
        inflateInit2(&input->gzip, 16 + MAX_WBITS);
    } else if (begins_with(input, "\x28\xB5\x2F\xFD", MAGIC_BYTES) || skippable) {
        input->packing = PACKING_ZSTD;
        input->zstd = ZSTD_createDStream();
        ZSTD_initDStream(input->zstd);
    } else {
        input->packing = PACKING_NONE;
        return RESULT_OK;
    }
    input->plain = xmalloc(PLAIN_BYTES);
    return RESULT_OK;
}

/* Zeros behind the last member are padding, as gzip itself takes them. */
static bool only_zeros_left(const struct input *input)
{
    for (size_t i = input->from; i < input->to; i++)
        if (input->packed[i])
            return false;
    return true;
}

/* Unpacks from what is there; *got may be 0 where more is needed. */
static enum result unpack_gzip(struct input *input, size_t *got)
{
    z_stream *gzip = &input->gzip;

    if (!input->within && only_zeros_left(input)) {
        input->from = input->to;
        return RESULT_OK;
    }
    input->within = true;
    gzip->next_in = (Bytef *)input->packed + input->from;
    gzip->avail_in = (uInt)(input->to - input->from);
    gzip->next_out = (Bytef *)input->plain;
    gzip->avail_out = PLAIN_BYTES;
    int code = inflate(gzip, Z_NO_FLUSH);
    input->from = input->to - gzip->avail_in;
    *got = PLAIN_BYTES - gzip->avail_out;
    if (code == Z_STREAM_END) {
        input->within = false;
        inflateReset(gzip);
        return RESULT_OK;
    }
    return code == Z_OK || code == Z_BUF_ERROR ? RESULT_OK : damaged(input, gzip->msg ? gzip->msg : "wrong data");
}

static enum result unpack_zstd(struct input *input, size_t *got)
{
    ZSTD_inBuffer in = {input->packed, input->to, input->from};
    ZSTD_outBuffer out = {input->plain, PLAIN_BYTES, 0};
    size_t left = ZSTD_decompressStream(input->zstd, &out, &in);

    input->from = in.pos;
    *got = out.pos;
    if (ZSTD_isError(left))
        return damaged(input, ZSTD_getErrorName(left));
    input->within = left != 0;
    return RESULT_OK;
}

static enum result read_archive(struct input *input, struct slice *bytes)
{
    for (;;) {
        size_t got = 0;
        enum result result = RESULT_OK;
        bool had = input->from < input->to;
        if (had || input->within)
            result = input->packing == PACKING_GZIP ? unpack_gzip(input, &got) : unpack_zstd(input, &got);
        *bytes = slice_make(input->plain, got);
        if (result || got)
            return result;
        if (input->from < input->to)
            continue;
        if (input->at_end)
            return input->within ? damaged(input, "it ends too early") : RESULT_OK;
        if ((result = fill(input)))
            return result;
    }
}

enum result input_read(struct input *input, struct slice *bytes)
{
    enum result result = RESULT_OK;

    *bytes = slice_make(NULL, 0);
    if (input->packing == PACKING_UNKNOWN)
        result = tell_packing(input);
    if (result)
        return result;
    if (input->packing != PACKING_NONE)
        return read_archive(input, bytes);
    if (input->from == input->to && !input->at_end)
        result = fill(input);
    *bytes = slice_make(input->packed + input->from, input->to - input->from);
    input->from = input->to;
    return result;
}

const char *input_error(const struct input *input)
{
    return input->error;
}

const char *input_name(const struct input *input)
{
    return input->name;
}

uint64_t input_taken(const struct input *input)
{
    return input->taken;
}

uint64_t input_size(const struct input *input)
{
    return input->size;
}
