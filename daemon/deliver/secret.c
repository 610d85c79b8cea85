/* SPDX-License-Identifier: Apache-2.0 */
#include "secret.h"

#include "harrier/base/log.h"
#include "harrier/base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { SECRET_MAX = 16 * 1024, MASKED_MIN = 6 };

static void wipe(char **text)
{
    if (*text != NULL)
        explicit_bzero(*text, strlen(*text));
    free(*text);
    *text = NULL;
}

static bool is_unchanged(const struct secret *secret, const struct stat *about)
{
    return secret->text != NULL && secret->inode == about->st_ino && secret->size == about->st_size &&
           secret->changed.tv_sec == about->st_mtim.tv_sec && secret->changed.tv_nsec == about->st_mtim.tv_nsec;
}

static void take_first_line(struct secret *secret, char *bytes, size_t length, bool *fresh)
{
    struct slice line = slice_make(bytes, length);
    ptrdiff_t end = slice_find_byte(line, '\n');
    line = slice_trim(end >= 0 ? slice_first(line, (size_t)end) : line);
    *fresh = secret->text == NULL || !slice_is(line, secret->text);
    wipe(&secret->text);
    secret->text = xstrndup(line.bytes, line.length);
}

static enum result read_file(struct secret *secret, int file, bool *fresh, char **error)
{
    struct stat about;
    char bytes[SECRET_MAX];
    if (fstat(file, &about) != 0 || !S_ISREG(about.st_mode)) {
        *error = xasprintf("%s is no regular file", secret->path);
        return RESULT_INVALID;
    }
    /* its group may: systemd's credentials have the mode 0440, and root:harrier 0640 is how a secret is kept from the daemon's own hand */
    if ((about.st_mode & S_IRWXO) != 0 && !secret->mode_logged) {
        log_warning("%s holds a secret but other users may open it (mode %03o): chmod o-rwx", secret->path,
                    (unsigned int)about.st_mode & 0777U);
        secret->mode_logged = true;
    }
    ssize_t length = read(file, bytes, sizeof bytes);
    enum result result = RESULT_OK;
    if (length < 0) {
        result = result_from_errno(errno);
        *error = xasprintf("cannot read %s: %s", secret->path, strerror(errno));
    } else {
        take_first_line(secret, bytes, (size_t)length, fresh);
        secret->changed = about.st_mtim;
        secret->size = about.st_size;
        secret->inode = about.st_ino;
        explicit_bzero(bytes, (size_t)length);
    }
    if (result == RESULT_OK && *secret->text == '\0') {
        result = RESULT_INVALID;
        *error = xasprintf("%s is empty: its first line must be the secret", secret->path);
    }
    return result;
}

enum result secret_read(struct secret *secret, bool *fresh, char **error)
{
    struct stat about;
    *fresh = false;
    if (secret->path == NULL)
        return RESULT_OK;
    if (stat(secret->path, &about) == 0 && is_unchanged(secret, &about) && *secret->text != '\0')
        return RESULT_OK;
    int file = open(secret->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0) {
        enum result result = result_from_errno(errno);
        *error = xasprintf("cannot open %s: %s", secret->path, strerror(errno));
        return result;
    }
    enum result result = read_file(secret, file, fresh, error);
    close(file);
    return result;
}

void secret_free(struct secret *secret)
{
    wipe(&secret->text);
}

void secret_mask(struct buffer *text, struct slice needle)
{
    if (needle.length < MASKED_MIN || text->length == 0)
        return;
    struct buffer masked = {0};
    struct slice rest = buffer_slice(text);
    ptrdiff_t at;
    while ((at = slice_find(rest, needle)) >= 0) {
        buffer_append(&masked, rest.bytes, (size_t)at);
        buffer_append_text(&masked, "***");
        rest = slice_from(rest, (size_t)at + needle.length);
    }
    buffer_append_slice(&masked, rest);
    buffer_free(text);
    *text = masked;
}
