/* SPDX-License-Identifier: Apache-2.0 */
/* A file of one alert a line (NDJSON). An alert counts as delivered after fdatasync. */
#include "destination.h"

#include "harrier/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void close_file(struct destination *destination)
{
    if (destination->file >= 0)
        close(destination->file);
    destination->file = -1;
}

/* No room and I/O errors pass; what the operator has to change holds the queue. */
static void fail(const struct destination *destination, const char *what, int error, struct verdict *verdict)
{
    enum result result = result_from_errno(error);
    verdict->kind = result == RESULT_FULL || result == RESULT_IO || result == RESULT_BUSY ? VERDICT_RETRY : VERDICT_HOLD;
    snprintf(verdict->reason, sizeof verdict->reason, "cannot %s %s: %s", what, destination->config->path, strerror(error));
}

static void sync_directory(const char *path)
{
    char *copy = xstrdup(path);
    int directory = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory >= 0) {
        fsync(directory);
        close(directory);
    }
    free(copy);
}

/* Someone renamed or removed the file: what is written to the old one would be missed. */
static bool was_rotated(const struct destination *destination)
{
    struct stat open_one, named;
    return fstat(destination->file, &open_one) != 0 || stat(destination->config->path, &named) != 0 || open_one.st_ino != named.st_ino ||
           open_one.st_dev != named.st_dev;
}

/* A crash or a full disk can leave half a line; the next alert must not be glued to it. */
static bool ends_in_mid_line(int file, off_t size)
{
    char last;
    return size > 0 && pread(file, &last, 1, size - 1) == 1 && last != '\n';
}

static bool open_file(struct destination *destination, struct verdict *verdict)
{
    const char *path = destination->config->path;
    struct stat about;
    if (destination->file >= 0 && !was_rotated(destination))
        return true;
    close_file(destination);
    bool exists = stat(path, &about) == 0;
    /* O_NONBLOCK: opening a FIFO must not stop the other destinations. */
    destination->file = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);
    if (destination->file < 0) {
        fail(destination, "open", errno, verdict);
        return false;
    }
    if (fstat(destination->file, &about) != 0 || !S_ISREG(about.st_mode)) {
        verdict->kind = VERDICT_HOLD;
        snprintf(verdict->reason, sizeof verdict->reason, "%s is no regular file: name another path", path);
        close_file(destination);
        return false;
    }
    if (!exists)
        sync_directory(path);
    destination->torn = ends_in_mid_line(destination->file, about.st_size);
    return true;
}

/* JSON has line breaks between tokens only, where a blank means the same. */
static void append_line(struct buffer *out, struct slice json)
{
    size_t start = out->length;
    buffer_append_slice(out, json);
    for (size_t i = start; i < out->length; i++) {
        if (out->bytes[i] == '\n' || out->bytes[i] == '\r')
            out->bytes[i] = ' ';
    }
    buffer_append_byte(out, '\n');
}

/* Returns how many bytes were taken; *error is 0 if all were. */
static size_t write_all(int file, struct slice bytes, int *error)
{
    size_t done = 0;
    *error = 0;
    while (done < bytes.length && *error == 0) {
        ssize_t written = write(file, bytes.bytes + done, bytes.length - done);
        if (written > 0)
            done += (size_t)written;
        else if (written == 0)
            *error = ENOSPC;
        else if (errno != EINTR)
            *error = errno;
    }
    return done;
}

static size_t write_alerts(struct destination *destination, const struct outgoing *alerts, size_t count, struct verdict *verdict)
{
    if (!open_file(destination, verdict))
        return 0;
    struct buffer lines = {0};
    size_t *ends = xreallocarray(NULL, count, sizeof *ends);
    if (destination->torn)
        buffer_append_byte(&lines, '\n');
    for (size_t i = 0; i < count; i++) {
        append_line(&lines, alerts[i].json);
        ends[i] = lines.length;
    }
    int error;
    size_t written = write_all(destination->file, buffer_slice(&lines), &error);
    size_t whole = 0;
    while (whole < count && ends[whole] <= written)
        whole++;
    destination->torn = written == 0 ? destination->torn : lines.bytes[written - 1] != '\n';
    if (error != 0)
        fail(destination, "write", error, verdict);
    if (whole > 0 && fdatasync(destination->file) != 0) {
        fail(destination, "sync", errno, verdict);
        close_file(destination); /* the kernel may have dropped the pages and would report the next sync as good */
        whole = 0;
    }
    buffer_free(&lines);
    free(ends);
    return whole;
}

const struct driver file_driver = {.write = write_alerts, .close = close_file};
