/* SPDX-License-Identifier: Apache-2.0 */
/* The key, and what stands in a secret's place. */
#include "internal.h"

#include "harrier/base/digest.h"
#include "harrier/base/log.h"
#include "harrier/base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

/* The key is the process's own, as the log is: an installation has one, and every text that is made anywhere needs it. */
static uint8_t process_key[REDACT_KEY_BYTES];
static bool has_key;
static pthread_once_t drawn = PTHREAD_ONCE_INIT;

static void draw(uint8_t key[REDACT_KEY_BYTES])
{
    if (getrandom(key, REDACT_KEY_BYTES, 0) != REDACT_KEY_BYTES)
        abort(); /* getrandom(2): never short up to 256 bytes once the system has entropy; without it nothing can be kept secret */
}

static void draw_own_key(void)
{
    if (!has_key)
        draw(process_key);
}

void redact_use_key(const uint8_t key[REDACT_KEY_BYTES])
{
    memcpy(process_key, key, sizeof process_key);
    has_key = true;
}

char *redact_stand_in_text(struct slice value, char out[REDACT_STAND_IN_SIZE])
{
    enum { SHOWN_DIGITS = 16 };
    uint8_t code[DIGEST_SHA256_BYTES];
    char hex[DIGEST_SHA256_HEX];
    unsigned int length = sizeof code;

    pthread_once(&drawn, draw_own_key);
    if (!HMAC(EVP_sha256(), process_key, REDACT_KEY_BYTES, (const unsigned char *)(value.bytes ? value.bytes : ""), value.length, code, &length))
        abort();
    digest_hex(code, hex);
    snprintf(out, REDACT_STAND_IN_SIZE, "length %zu, hmac %.*s", value.length, SHOWN_DIGITS, hex);
    return out;
}

struct slice redact_stand_in(struct arena *arena, struct slice value)
{
    char text[REDACT_STAND_IN_SIZE];
    return arena_copy(arena, slice_of(redact_stand_in_text(value, text)));
}

/* --- the file ---------------------------------------------------------------------------------------------------------------------------------- */

/* 0, or an errno; EINVAL: the file is not a key. */
static int read_key(const char *path, uint8_t key[REDACT_KEY_BYTES])
{
    uint8_t bytes[REDACT_KEY_BYTES + 1];
    struct stat status;
    int failure = 0;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    if (file < 0)
        return errno;
    ssize_t length = read(file, bytes, sizeof bytes);
    if (length < 0)
        failure = errno;
    else if (length != REDACT_KEY_BYTES || fstat(file, &status) != 0 || !S_ISREG(status.st_mode))
        failure = EINVAL;
    else if ((status.st_mode & 077) && fchmod(file, 0600) != 0)
        log_warning("store: other users may read %s: chmod 0600", path);
    close(file);
    if (failure == 0)
        memcpy(key, bytes, REDACT_KEY_BYTES);
    return failure;
}

static int sync_directory(const char *directory)
{
    int descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int failure = descriptor < 0 || fsync(descriptor) != 0 ? errno : 0;

    if (descriptor >= 0)
        close(descriptor);
    return failure;
}

/* The file is there whole or not at all, whenever the power fails. */
static int write_key(const char *directory, const char *path, const uint8_t key[REDACT_KEY_BYTES])
{
    char *new_path = xasprintf("%s.new", path);
    int failure = 0;

    unlink(new_path);
    int file = open(new_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0 || write(file, key, REDACT_KEY_BYTES) != REDACT_KEY_BYTES || fsync(file) != 0)
        failure = errno ? errno : EIO;
    if (file >= 0)
        close(file);
    if (failure == 0 && rename(new_path, path) != 0)
        failure = errno;
    if (failure)
        unlink(new_path);
    else
        failure = sync_directory(directory);
    free(new_path);
    return failure;
}

void redact_load_key(const char *directory)
{
    char *path = xasprintf("%s/%s", directory, REDACT_KEY_FILE);
    uint8_t key[REDACT_KEY_BYTES];
    int failure = read_key(path, key);

    if (failure == ENOENT || failure == EINVAL) {
        if (failure == EINVAL)
            log_warning("store: %s is not a key of %d bytes: a new one is made, and redacted values of before cannot be compared with those from now on",
                        path, REDACT_KEY_BYTES);
        draw(key);
        failure = write_key(directory, path, key);
    }
    if (failure == 0)
        redact_use_key(key);
    else
        log_warning("store: the key %s cannot be used: %s; redacted values can be compared until the next start only", path, strerror(failure));
    free(path);
}
