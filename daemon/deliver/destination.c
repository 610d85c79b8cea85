/* SPDX-License-Identifier: Apache-2.0 */
#include "destination.h"

#include "harrier/base/memory.h"

#include <stdio.h>
#include <stdlib.h>

const struct driver *driver_of(enum deliver_type type)
{
    switch (type) {
    case DELIVER_FILE: return &file_driver;
    case DELIVER_WEBHOOK: return &webhook_driver;
    case DELIVER_SLACK: return &slack_driver;
    }
    return NULL;
}

/* --- url ---------------------------------------------------------------------------------------------------------------- */

/* scheme://host:port of an http or https URL, the caller frees it; NULL if it is none. */
static char *origin_of(const char *text)
{
    CURLU *url = curl_url();
    char *scheme = NULL, *host = NULL, *port = NULL, *origin = NULL;
    if (curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK && curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
        curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
        curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK && (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0))
        origin = xasprintf("%s://%s:%s", scheme, host, port);
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(url);
    return origin;
}

bool destination_read_url(struct destination *destination, struct verdict *verdict)
{
    char *error = NULL;
    bool fresh;
    verdict->kind = VERDICT_HOLD;
    verdict->blame = BLAME_DESTINATION;
    if (secret_read(&destination->url, &fresh, &error) != RESULT_OK) {
        snprintf(verdict->reason, sizeof verdict->reason, "url_file: %s", error);
        free(error);
        return false;
    }
    if (fresh || destination->origin == NULL) {
        free(destination->origin);
        destination->origin = origin_of(destination->url.text);
    }
    if (destination->origin != NULL)
        return true;
    snprintf(verdict->reason, sizeof verdict->reason, "the text in url_file is no http or https URL");
    return false;
}

/* --- checking ----------------------------------------------------------------------------------------------------------- */

static bool name_is_valid(const char *name)
{
    size_t length = name ? strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-") : 0;
    return length > 0 && length < STORE_NAME_MAX && name[length] == '\0';
}

/* RFC 9110 section 5.6.2 and 5.5. What this program sets itself cannot be set twice. */
static const char *header_fault(const struct deliver_header *header)
{
    static const char *const own[] = {"Content-Type", "Content-Length", "Host", "Transfer-Encoding", "Connection", "webhook-id"};
    size_t length =
        header->name ? strspn(header->name, "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") : 0;
    if (length == 0 || header->name[length] != '\0')
        return "is no header name: letters, digits and '-'";
    if (header->value == NULL || strpbrk(header->value, "\r\n") != NULL)
        return "has no value, or one with a line break";
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
        if (slice_equal_ascii_nocase(slice_of(header->name), slice_of(own[i])))
            return "is set by the program itself: leave it out";
    }
    return NULL;
}

/* libcurl would take a proxy without a port for one at 1080, and one of a scheme that it does not know for HTTP. */
static bool is_proxy(const char *text)
{
    static const char *const schemes[] = {"http", "socks5", "socks5h"};
    CURLU *url = curl_url();
    char *scheme = NULL, *port = NULL, *path = NULL;
    bool parsed = curl_url_set(url, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
                  curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK && curl_url_get(url, CURLUPART_PORT, &port, 0) == CURLUE_OK &&
                  curl_url_get(url, CURLUPART_PATH, &path, 0) == CURLUE_OK && strcmp(path, "/") == 0;
    bool known = false;
    for (size_t i = 0; parsed && i < sizeof schemes / sizeof schemes[0]; i++)
        known |= strcmp(scheme, schemes[i]) == 0;
    curl_free(scheme);
    curl_free(port);
    curl_free(path);
    curl_url_cleanup(url);
    return known;
}

static char *check_http(const struct deliver_destination_config *config)
{
    if ((config->url == NULL) == (config->url_file == NULL))
        return xasprintf("destination %s: give one of url and url_file", config->name);
    char *origin = config->url ? origin_of(config->url) : NULL;
    if (config->url != NULL && origin == NULL)
        return xasprintf("destination %s: url is no http or https URL", config->name);
    bool plain = origin != NULL && strncmp(origin, "http:", 5) == 0;
    free(origin);
    if (plain && (config->ca_file || config->certificate_file))
        return xasprintf("destination %s: ca_file and certificate_file need an https url", config->name);
    if ((config->certificate_file == NULL) != (config->key_file == NULL))
        return xasprintf("destination %s: certificate_file and key_file go together", config->name);
    if (config->proxy != NULL && !is_proxy(config->proxy))
        return xasprintf("destination %s: proxy is http://, socks5:// or socks5h:// and HOST:PORT", config->name);
    if (config->path != NULL)
        return xasprintf("destination %s: path belongs to type file", config->name);
    return NULL;
}

static char *check_webhook(const struct deliver_destination_config *config)
{
    if ((config->signature == DELIVER_UNSIGNED) != (config->secret_file == NULL))
        return xasprintf("destination %s: signature and secret_file go together", config->name);
    if (config->in_flight > 16)
        return xasprintf("destination %s: in_flight is at most 16", config->name);
    for (size_t i = 0; i < config->header_count; i++) {
        const char *fault = header_fault(&config->headers[i]);
        if (fault != NULL)
            return xasprintf("destination %s: header %s %s", config->name, config->headers[i].name ? config->headers[i].name : "", fault);
    }
    return check_http(config);
}

static char *check_slack(const struct deliver_destination_config *config)
{
    if (config->token_file || config->signature != DELIVER_UNSIGNED || config->secret_file || config->header_count > 0)
        return xasprintf("destination %s: an incoming webhook of Slack has no token, signature or headers: its url is the secret",
                         config->name);
    if (config->in_flight > 1)
        return xasprintf("destination %s: messages to Slack keep their order: leave in_flight out", config->name);
    return check_http(config);
}

static char *check_file(const struct deliver_destination_config *config)
{
    if (config->path == NULL || *config->path == '\0')
        return xasprintf("destination %s: give path, the file to append to", config->name);
    if (config->url || config->url_file || config->token_file || config->secret_file || config->header_count > 0)
        return xasprintf("destination %s: type file takes path alone", config->name);
    return NULL;
}

enum result deliver_check_destination(const struct deliver_destination_config *config, char **error)
{
    *error = NULL;
    if (!name_is_valid(config->name))
        *error = xasprintf("a destination's name is 1 to %d letters, digits, '_', '.' or '-'", STORE_NAME_MAX - 1);
    else if (config->rate < 0)
        *error = xasprintf("destination %s: rate is a number of requests a second, above 0", config->name);
    else if (config->type == DELIVER_FILE)
        *error = check_file(config);
    else if (config->type == DELIVER_WEBHOOK)
        *error = check_webhook(config);
    else if (config->type == DELIVER_SLACK)
        *error = check_slack(config);
    else
        *error = xasprintf("destination %s: unknown type", config->name);
    return *error == NULL ? RESULT_OK : RESULT_INVALID;
}
