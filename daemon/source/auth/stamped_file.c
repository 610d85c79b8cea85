/* SPDX-License-Identifier: Apache-2.0 */
#include "stamped_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINE_FILE_BYTES = 65536 };

struct file_stamp file_stamp_take(const char *path)
{
    struct stat status;

    if (stat(path, &status) != 0)
        return (struct file_stamp){0};
    return (struct file_stamp){
        .device = status.st_dev, .inode = status.st_ino, .size = status.st_size, .modified = status.st_mtim, .changed = status.st_ctim};
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

bool file_stamp_equal(const struct file_stamp *a, const struct file_stamp *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size && same_time(&a->modified, &b->modified) &&
           same_time(&a->changed, &b->changed);
}

/* Room for all of it at once: a buffer that grows would leave copies of a secret behind. */
enum result stamped_file_read(const char *path, size_t most, struct buffer *bytes)
{
    /* O_NONBLOCK: a FIFO in the file's place must not stop the daemon */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t got = 1;

    if (fd < 0)
        return result_from_errno(errno);
    buffer_reserve(bytes, most + 1);
    while (got > 0 && bytes->length <= most) {
        got = read(fd, bytes->bytes + bytes->length, most + 1 - bytes->length);
        if (got > 0)
            bytes->length += (size_t)got;
        else if (got < 0 && errno == EINTR)
            got = 1;
    }
    int error = got < 0 ? errno : 0;
    close(fd);
    bytes->bytes[bytes->length] = '\0';
    if (error)
        return result_from_errno(error);
    return bytes->length > most ? RESULT_LIMIT : RESULT_OK;
}

enum result stamped_file_read_line(const char *path, struct buffer *line)
{
    enum result result = stamped_file_read(path, LINE_FILE_BYTES, line);

    if (result != RESULT_OK)
        return result;
    for (size_t i = 0; i < line->length; i++)
        if (line->bytes[i] == '\n' || line->bytes[i] == '\r' || line->bytes[i] == '\0')
            line->length = i;
    return line->length ? RESULT_OK : RESULT_INVALID;
}

void stamped_file_wipe(struct buffer *bytes)
{
    if (bytes->bytes)
        explicit_bzero(bytes->bytes, bytes->capacity);
    buffer_free(bytes);
}
