/* SPDX-License-Identifier: Apache-2.0 */
#include "store_access.h"

#include <curl/curl.h>
#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int places_find(const struct arguments *arguments, struct places *places)
{
    const char *store = arguments_value(arguments, "store");
    const char *socket_path = arguments_value(arguments, "socket");
    const char *path = config_path(arguments);
    struct config *config = NULL;

    *places = (struct places){NULL, NULL};
    if (!store && !socket_path && !path)
        return fail(EX_USAGE, "which Harrier? Give -c FILE with its configuration (there is no %s that could be read)", DEFAULT_CONFIG);
    if (arguments_has(arguments, "config") || (!store && !socket_path)) {
        int code = load_config(path, &config);
        if (code)
            return code;
    }
    if (store || config)
        places->store = xstrdup(store ? store : config->store.directory);
    if (socket_path || (config && config->admin.socket[0]))
        places->socket = xstrdup(socket_path ? socket_path : config->admin.socket);
    config_free(config);
    return EX_OK;
}

void places_free(struct places *places)
{
    free(places->store);
    free(places->socket);
    *places = (struct places){NULL, NULL};
}

int open_reader(const struct places *places, struct store_reader **reader)
{
    char *error = NULL;

    if (!places->store)
        return fail(EX_USAGE, "which store? Give -c FILE or --store DIR");
    enum result result = store_reader_open(places->store, reader, &error);
    if (result == RESULT_OK)
        return EX_OK;
    fail(EX_NOINPUT, "%s", error ? error : result_text(result));
    free(error);
    return result == RESULT_CORRUPT ? EX_DATAERR : result == RESULT_UNSUPPORTED ? EX_UNAVAILABLE : EX_NOINPUT;
}

int reader_failed(const struct store_reader *reader, enum result result)
{
    if (result == RESULT_OK)
        return EX_OK;
    return fail(result == RESULT_CORRUPT ? EX_DATAERR : EX_IOERR, "the store could not be read: %s", store_reader_error(reader));
}

/* --- the admin socket -------------------------------------------------------------------------------------------------------------- */

/* Tells "nobody serves there" from "not allowed" before libcurl makes one error of both. */
static enum result try_connect(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = -1;
    enum result result = RESULT_OK;

    if (strlen(path) >= sizeof address.sun_path)
        return RESULT_CLOSED;
    memcpy(address.sun_path, path, strlen(path) + 1);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return RESULT_IO;
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0)
        result = errno == EACCES || errno == EPERM ? RESULT_DENIED : RESULT_CLOSED;
    close(fd);
    return result;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *context)
{
    enum { MOST = 64 * 1024 * 1024 };
    struct buffer *body = context;

    if (body->length + size * count > MOST)
        return 0;
    buffer_append(body, bytes, size * count);
    return size * count;
}

enum result admin_request(const char *socket, bool post, const char *path, long seconds, struct buffer *body)
{
    char error[CURL_ERROR_SIZE] = "";
    long status = 0;
    enum result result = try_connect(socket);

    if (result)
        return result;
    CURL *curl = curl_easy_init();
    char *url = xasprintf("http://localhost%s", path);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, seconds);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error);
    if (post)
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, "");
    CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(curl);
    free(url);
    if (code != CURLE_OK) {
        buffer_reset(body, SIZE_MAX);
        buffer_append_text(body, error[0] ? error : curl_easy_strerror(code));
        return RESULT_IO;
    }
    return status == 200 ? RESULT_OK : status == 422 ? RESULT_INVALID : RESULT_IO;
}

int admin_request_failed(const char *socket, enum result result, const struct buffer *body)
{
    if (result == RESULT_CLOSED)
        return fail(EX_UNAVAILABLE,
                    "harrierd does not run, or not with this configuration: nobody serves %s. Start it (systemctl start harrierd, or "
                    "harrierd -c FILE), or name its socket with -c FILE or --socket PATH",
                    socket);
    if (result == RESULT_DENIED)
        return fail(EX_NOPERM, "%s: permission denied; run this as harrierd's user or root", socket);
    struct slice said = slice_trim(buffer_slice(body));
    return fail(EX_UNAVAILABLE, "%s: %.*s", socket, (int)said.length, said.length ? said.bytes : result_text(result));
}
