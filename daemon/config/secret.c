/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets are named by the configuration and read where they are used. */
#include "reader.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SECRET_BYTES = 65536 };

static enum result read_file(const char *file, char **value)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return result_from_errno(errno);
    char *bytes = xcalloc(1, SECRET_BYTES + 1);
    size_t length = 0;
    ssize_t got;
    while (length < SECRET_BYTES && (got = read(fd, bytes + length, SECRET_BYTES - length)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            break;
        length += (size_t)got;
    }
    int error = length < SECRET_BYTES && got < 0 ? errno : 0;
    close(fd);
    size_t line = strcspn(bytes, "\r\n");
    explicit_bzero(bytes + line, SECRET_BYTES - line);
    if (error || length == SECRET_BYTES) {
        config_secret_free(bytes);
        return error ? result_from_errno(error) : RESULT_LIMIT;
    }
    *value = bytes;
    return RESULT_OK;
}

enum result config_secret_read(const struct config_secret *secret, char **value)
{
    *value = NULL;
    if (secret->literal) {
        *value = xstrdup(secret->literal);
        return RESULT_OK;
    }
    return secret->file ? read_file(secret->file, value) : RESULT_NOT_FOUND;
}

void config_secret_free(char *value)
{
    if (value)
        explicit_bzero(value, strlen(value));
    free(value);
}

static void report_unreadable(struct reader *reader, const struct config_secret *secret, const char *what, const char *where,
                              const char *why, const char *remedy)
{
    if (reader->flags & CONFIG_SECRETS_ELSEWHERE)
        reader_warning(reader, secret->place, "the %s of %s in `%s` cannot be checked here: %s", what, where, secret->file, why);
    else
        reader_error(reader, secret->place, "the %s of %s cannot be read from `%s`: %s; %s", what, where, secret->file, why, remedy);
}

void reader_check_secret(struct reader *reader, const struct config_secret *secret, const char *what, const char *where)
{
    struct stat status;
    char *value = NULL;

    if (!secret->file)
        return;
    enum result result = stat(secret->file, &status) == 0 ? config_secret_read(secret, &value) : result_from_errno(errno);
    if (result == RESULT_NOT_FOUND)
        report_unreadable(reader, secret, what, where, "no such file", "create it, or load the credential in the unit (LoadCredential=)");
    else if (result != RESULT_OK)
        report_unreadable(reader, secret, what, where, result_text(result), "let harrierd's user read it");
    else if (!value[0])
        reader_error(reader, secret->place, "the %s of %s: the first line of `%s` is empty; write the %s into it", what, where,
                     secret->file, what);
    if (result == RESULT_OK && (status.st_mode & S_IROTH))
        reader_warning(reader, secret->place, "the %s of %s: everybody on this host can read `%s`; chmod o-r it", what, where,
                       secret->file);
    config_secret_free(value);
}
