/* SPDX-License-Identifier: Apache-2.0 */
#include "input.h"

#include "harrier/base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_BYTES = 128 * 1024, MAGIC_BYTES = 4 };

/* A file being read. */
struct input {
    int fd;
    char *name;
    enum inflate_format packing; /* where there is an inflater */
    struct inflater *inflater;
    uint64_t taken, size;
    char error[256];
    char bytes[READ_BYTES];
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
    inflater_free(input->inflater);
    free(input->name);
    free(input);
}

/* Reads until there are least bytes, or the file ends. */
static enum result fill(struct input *input, size_t least, size_t *length)
{
    ssize_t got = 1;

    for (*length = 0; *length < least && got != 0; *length += (size_t)got) {
        do
            got = read(input->fd, input->bytes + *length, sizeof input->bytes - *length);
        while (got < 0 && errno == EINTR);
        if (got < 0) {
            snprintf(input->error, sizeof input->error, "%s", strerror(errno));
            return RESULT_IO;
        }
        input->taken += (uint64_t)got;
    }
    return RESULT_OK;
}

/* A person's own archive may be as large as it is. */
static void tell_packing(struct input *input, struct slice beginning)
{
    static const struct inflate_limits none = {0};

    for (input->packing = INFLATE_GZIP; input->packing <= INFLATE_ZSTD && !input->inflater; input->packing++)
        if (inflate_begins(input->packing, beginning)) {
            input->inflater = inflater_new(input->packing, &none);
            return;
        }
}

static enum result damaged(struct input *input)
{
    snprintf(input->error, sizeof input->error, "the %s archive is damaged: %s (what came before was read)",
             input->packing == INFLATE_GZIP ? "gzip" : "zstd", inflater_error(input->inflater));
    return RESULT_INVALID;
}

enum result input_give(struct input *input, inflate_sink *sink, void *data)
{
    size_t length;
    enum result result = fill(input, MAGIC_BYTES, &length);

    tell_packing(input, slice_make(input->bytes, length));
    while (result == RESULT_OK && length) {
        struct slice bytes = slice_make(input->bytes, length);
        result = input->inflater ? inflater_feed(input->inflater, bytes, sink, data) : sink(data, bytes);
        if (result == RESULT_INVALID && input->inflater)
            return damaged(input);
        if (result == RESULT_OK)
            result = fill(input, 1, &length);
    }
    if (result == RESULT_OK && input->inflater && inflater_finish(input->inflater) != RESULT_OK)
        return damaged(input);
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
