/* SPDX-License-Identifier: Apache-2.0 */
#include "followed_file.h"

#include "packed_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* COPY_HEAD_BYTES: fewer equal bytes than these may be chance; an audit event's id is within them. */
enum { POSITION_VERSION = 1, COPY_HEAD_BYTES = 128 };

static void note_stat(struct followed_file *file, const struct stat *about)
{
    file->device = (uint64_t)about->st_dev;
    file->inode = (uint64_t)about->st_ino;
    file->size = about->st_size > 0 ? (uint64_t)about->st_size : 0;
    file->modified = clock_of_timespec(&about->st_mtim);
}

static enum result open_regular(struct followed_file *file, const char *path)
{
    struct stat about;

    *file = (struct followed_file){.fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)};
    if (file->fd < 0)
        return result_from_errno(errno);
    if (fstat(file->fd, &about) != 0 || !S_ISREG(about.st_mode)) {
        followed_file_close(file);
        errno = EINVAL;
        return RESULT_INVALID;
    }
    note_stat(file, &about);
    return RESULT_OK;
}

static void read_head(struct followed_file *file)
{
    ssize_t got;

    do {
        got = followed_file_read(file, file->head_length, file->head + file->head_length, sizeof file->head - file->head_length);
        file->head_length += got > 0 ? (size_t)got : 0;
    } while (got > 0 && file->head_length < sizeof file->head);
}

enum result followed_file_open(struct followed_file *file, const char *path)
{
    enum result result = open_regular(file, path);

    if (result == RESULT_OK)
        read_head(file);
    return result;
}

enum result followed_file_open_rotated(struct followed_file *file, const char *path)
{
    enum inflate_format format;
    enum result result = open_regular(file, path);

    if (result != RESULT_OK)
        return result;
    if (packed_file_is(file->fd, &format)) {
        file->packed = packed_file_new(file->fd, format);
        file->size = UINT64_MAX;
    }
    read_head(file);
    return RESULT_OK;
}

void followed_file_close(struct followed_file *file)
{
    packed_file_free(file->packed);
    file->packed = NULL;
    if (file->fd >= 0)
        close(file->fd);
    file->fd = -1;
}

ssize_t followed_file_read(const struct followed_file *file, uint64_t offset, char *bytes, size_t size)
{
    ssize_t got;

    if (file->packed)
        return packed_file_read(file->packed, offset, bytes, size);
    do
        got = pread(file->fd, bytes, size, (off_t)offset);
    while (got < 0 && errno == EINTR);
    return got;
}

bool followed_file_is_intact(struct followed_file *file, uint64_t length)
{
    char head[FOLLOWED_HEAD_BYTES];
    struct stat about;

    if (file->packed) { /* what a packer has made is not written again */
        uint64_t size;
        file->size = packed_file_has_ended(file->packed, &size) ? size : UINT64_MAX;
        return true;
    }
    if (fstat(file->fd, &about) != 0)
        return true; /* the reading meets the same error, and reports it */
    note_stat(file, &about);
    ssize_t got = followed_file_read(file, 0, head, sizeof head);
    if (got < 0)
        return true;
    if (file->size < length || (size_t)got < file->head_length || memcmp(head, file->head, file->head_length) != 0)
        return false;
    memcpy(file->head, head, (size_t)got);
    file->head_length = (size_t)got;
    return true;
}

/* --- positions ------------------------------------------------------------------------------------------------------------------- */

static void fingerprint_of(const struct followed_file *file, size_t length, uint8_t out[DIGEST_SHA256_BYTES])
{
    struct digest *digest = digest_new();

    digest_begin(digest);
    digest_update(digest, slice_make(file->head, length));
    digest_end(digest, out);
    digest_free(digest);
}

struct followed_position followed_file_position(const struct followed_file *file, uint64_t offset)
{
    struct followed_position position = {
        .device = file->device, .inode = file->inode, .offset = offset, .modified = file->modified, .head_length = file->head_length};

    fingerprint_of(file, file->head_length, position.fingerprint);
    return position;
}

enum followed_match followed_file_match(const struct followed_file *file, const struct followed_position *position)
{
    uint8_t fingerprint[DIGEST_SHA256_BYTES];
    bool same_inode = file->inode == position->inode;

    if (file->size < position->offset || file->head_length < position->head_length)
        return FOLLOWED_OTHER;
    if (position->head_length == 0) /* it was empty: nothing but the inode tells */
        return same_inode && file->device == position->device ? FOLLOWED_SAME : FOLLOWED_OTHER;
    fingerprint_of(file, position->head_length, fingerprint);
    if (memcmp(fingerprint, position->fingerprint, sizeof fingerprint) != 0)
        return FOLLOWED_OTHER;
    /* the device may have another number after a reboot, the bytes are the same */
    if (same_inode)
        return FOLLOWED_SAME;
    return position->head_length >= COPY_HEAD_BYTES ? FOLLOWED_COPY : FOLLOWED_OTHER;
}

struct followed_position followed_position_of_none(clock_nanos wall)
{
    return (struct followed_position){.modified = wall};
}

/* No file has the inode 0. */
bool followed_position_is_of_none(const struct followed_position *position)
{
    return position->inode == 0 && position->head_length == 0;
}

/* "1 DEVICE INODE OFFSET MODIFIED HEAD_LENGTH FINGERPRINT" */
void followed_position_write(const struct followed_position *position, char text[FOLLOWED_POSITION_TEXT])
{
    char hex[DIGEST_SHA256_HEX];

    digest_hex(position->fingerprint, hex);
    snprintf(text, FOLLOWED_POSITION_TEXT, "%d %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRId64 " %zu %s", POSITION_VERSION, position->device,
             position->inode, position->offset, position->modified, position->head_length, hex);
}

static bool read_fingerprint(const char *hex, uint8_t out[DIGEST_SHA256_BYTES])
{
    for (size_t i = 0; i < DIGEST_SHA256_BYTES; i++) {
        unsigned int byte;
        if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
            return false;
        out[i] = (uint8_t)byte;
    }
    return true;
}

bool followed_position_read(struct followed_position *position, struct slice text)
{
    char line[FOLLOWED_POSITION_TEXT], hex[DIGEST_SHA256_HEX];
    int version;

    if (text.length == 0 || text.length >= sizeof line)
        return false;
    memcpy(line, text.bytes, text.length);
    line[text.length] = '\0';
    *position = (struct followed_position){0};
    return sscanf(line, "%d %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNd64 " %zu %64[0-9a-f]", &version, &position->device, &position->inode,
                  &position->offset, &position->modified, &position->head_length, hex) == 7 &&
           version == POSITION_VERSION && strlen(hex) == DIGEST_SHA256_HEX - 1 && position->head_length <= FOLLOWED_HEAD_BYTES &&
           read_fingerprint(hex, position->fingerprint);
}
