/* SPDX-License-Identifier: Apache-2.0 */
/* A file of one alert a line (NDJSON). An alert counts as delivered after fdatasync.
 *
 * Whatever fails here is the destination's fault, never the alert's: a file system takes bytes and does not read them. Trying another alert would at
 * best put a shorter one into the last room and tear the line that is begun.
 *
 * No link is followed: whoever may write to the folder could point it anywhere. Where only a part of a line found room, that part stays (a reader that
 * follows the file has seen it, and would read a shortened file from its beginning) and the line goes on where it stopped, if the file is as it was
 * left and the alert is the same; else the part is ended, and the next line is a whole one. */
#include "daemon/deliver/destination.h"

#include "harrier/base/memory.h"

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
static void explain_failure(const struct destination *destination, const char *what, int error, struct verdict *verdict)
{
    enum result result = result_from_errno(error);
    verdict->blame = BLAME_DESTINATION;
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
    return fstat(destination->file, &open_one) != 0 || lstat(destination->config->path, &named) != 0 || open_one.st_ino != named.st_ino ||
           open_one.st_dev != named.st_dev;
}

/* A crash or a full disk can leave half a line; the next alert must not be glued to it. */
static bool ends_in_mid_line(int file, off_t size)
{
    char last;
    return size > 0 && pread(file, &last, 1, size - 1) == 1 && last != '\n';
}

static bool refuse_path(const struct destination *destination, const char *what, struct verdict *verdict)
{
    verdict->kind = VERDICT_HOLD;
    verdict->blame = BLAME_DESTINATION;
    snprintf(verdict->reason, sizeof verdict->reason, "%s is %s: name the path of a regular file, or of none yet", destination->config->path, what);
    return false;
}

/* Before it is opened, for opening alone may do something (a device), and after, for it may have been replaced in between. */
static bool is_file_or_missing(const struct destination *destination, bool *exists, struct verdict *verdict)
{
    struct stat about;
    *exists = lstat(destination->config->path, &about) == 0;
    if (*exists && S_ISLNK(about.st_mode))
        return refuse_path(destination, "a symbolic link, which is not followed", verdict);
    if (*exists && !S_ISREG(about.st_mode))
        return refuse_path(destination, "no regular file", verdict);
    return true;
}

static void find_torn_line(struct destination *destination, off_t size)
{
    struct torn_line *torn = &destination->torn;
    if (torn->torn && torn->size == size)
        return;
    *torn = (struct torn_line){.torn = ends_in_mid_line(destination->file, size)};
}

static bool open_file(struct destination *destination, struct verdict *verdict)
{
    const char *path = destination->config->path;
    struct stat about;
    bool exists;
    if (destination->file >= 0 && !was_rotated(destination))
        return true;
    if (destination->file >= 0)
        destination->torn = (struct torn_line){0}; /* the rest of it belonged into the other file */
    close_file(destination);
    if (!is_file_or_missing(destination, &exists, verdict))
        return false;
    /* O_NONBLOCK: should it have become a FIFO by now, opening it must not stop the other destinations. */
    destination->file = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW, 0600);
    if (destination->file < 0) {
        explain_failure(destination, "open", errno, verdict);
        return false;
    }
    if (fstat(destination->file, &about) != 0 || !S_ISREG(about.st_mode)) {
        close_file(destination);
        return refuse_path(destination, "no regular file", verdict);
    }
    if (!exists)
        sync_directory(path);
    find_torn_line(destination, about.st_size);
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

/* How much of the first line is there already; 0: it is begun anew, after the end of what is torn. */
static size_t continued_bytes(const struct destination *destination, const struct outgoing *first)
{
    const struct torn_line *torn = &destination->torn;
    struct stat about;
    bool same = torn->torn && strcmp(torn->alert_id, first->alert_id) == 0 && torn->length <= first->json.length;
    return same && fstat(destination->file, &about) == 0 && about.st_size == torn->size ? torn->length : 0;
}

/* Of the line of an alert, or of none if it was but the end of another, so many bytes are in the file. */
static void note_torn_line(struct destination *destination, const char *alert_id, size_t length)
{
    struct torn_line *torn = &destination->torn;
    struct stat about;
    *torn = (struct torn_line){.torn = true, .length = length};
    snprintf(torn->alert_id, sizeof torn->alert_id, "%s", length > 0 ? alert_id : "");
    torn->size = fstat(destination->file, &about) == 0 ? about.st_size : -1;
}

/* Where the lines lie in what is to be written: alert i from starts[i] to before starts[i + 1]. */
static void render_lines(struct destination *destination, const struct outgoing *alerts, size_t count, size_t continued, size_t *starts,
                         struct buffer *lines)
{
    if (destination->torn.torn && continued == 0)
        buffer_append_byte(lines, '\n');
    for (size_t i = 0; i < count; i++) {
        struct slice json = i == 0 ? slice_from(alerts[i].json, continued) : alerts[i].json;
        starts[i] = lines->length;
        append_line(lines, json);
    }
    starts[count] = lines->length;
}

static size_t write_alerts(struct destination *destination, const struct outgoing *alerts, size_t count, struct verdict *verdict)
{
    if (!open_file(destination, verdict))
        return 0;
    struct buffer lines = {0};
    size_t *starts = xreallocarray(NULL, count + 1, sizeof *starts);
    size_t continued = continued_bytes(destination, &alerts[0]), whole = 0;
    render_lines(destination, alerts, count, continued, starts, &lines);
    int error;
    size_t written = write_all(destination->file, buffer_slice(&lines), &error);
    while (whole < count && starts[whole + 1] <= written)
        whole++;
    if (whole == count || (whole > 0 && starts[whole] == written) || (written == 1 && starts[0] == 1))
        destination->torn = (struct torn_line){0};
    else if (written > 0)
        note_torn_line(destination, alerts[whole].alert_id, written - starts[whole] + (whole == 0 ? continued : 0));
    if (error != 0)
        explain_failure(destination, "write to", error, verdict);
    if (whole > 0 && fdatasync(destination->file) != 0) {
        explain_failure(destination, "sync", errno, verdict);
        close_file(destination); /* the kernel may have dropped the pages and would report the next sync as good */
        destination->torn = (struct torn_line){0};
        whole = 0;
    }
    buffer_free(&lines);
    free(starts);
    return whole;
}

const struct driver file_driver = {.write = write_alerts, .close = close_file};
