/* SPDX-License-Identifier: Apache-2.0 */
#include "gap_tell.h"

#include "harrier/base/memory.h"
#include "harrier/base/vector.h"

#include <stdlib.h>
#include <string.h>

/* --- the command ------------------------------------------------------------------------------------------------------------------------ */

/* For the shell, in single quotes. */
static void append_quoted(struct buffer *out, struct slice text)
{
    buffer_append_byte(out, '\'');
    for (size_t i = 0; i < text.length; i++) {
        if (text.bytes[i] == '\'')
            buffer_append_text(out, "'\\'");
        buffer_append_byte(out, text.bytes[i]);
    }
    buffer_append_byte(out, '\'');
}

/* Where everybody may connect, this machine may; a certificate has another name than its address. */
static void append_host(struct buffer *url, const struct config_source *source)
{
    static const char *const any[] = {"0.0.0.0:", "[::]:", "*:", ":"};
    struct slice listen = slice_of(source->listen.text);

    if (!listen.length) {
        buffer_append_text(url, "HOST:PORT");
        return;
    }
    for (size_t i = 0; i < sizeof any / sizeof any[0]; i++)
        if (slice_starts_with(listen, slice_of(any[i]))) {
            buffer_printf(url, "%s:%s", source->tls.certificate_file[0] ? "HOST" : "127.0.0.1", listen.bytes + strlen(any[i]));
            return;
        }
    buffer_append_slice(url, listen);
}

static void append_path(struct buffer *url, const char *path, struct slice cluster)
{
    while (*path) {
        struct slice rest = slice_of(path);
        if (slice_starts_with(rest, SLICE("{cluster}"))) {
            buffer_append_slice(url, cluster.length ? cluster : SLICE("CLUSTER"));
            path += strlen("{cluster}");
        } else if (slice_starts_with(rest, SLICE("{token}"))) {
            buffer_append_text(url, "TOKEN");
            path += strlen("{token}");
        } else {
            buffer_append_byte(url, *path++);
        }
    }
}

/* Of the only client, or the one that speaks for the cluster; NULL: one of several, or none. */
static const struct config_client *client_of(const struct config_source *source, struct slice cluster)
{
    if (source->client_count == 1)
        return &source->clients[0];
    for (size_t i = 0; i < source->client_count; i++)
        if (cluster.length && slice_is(cluster, source->clients[i].cluster))
            return &source->clients[i];
    return NULL;
}

static bool is_set(const struct config_secret *secret)
{
    return secret->file || secret->literal;
}

static void append_credentials(struct buffer *out, const struct config_source *source, struct slice cluster)
{
    const struct config_client *client = client_of(source, cluster);
    bool certificate = client ? client->certificate_name[0] != '\0' : source->tls.client_ca_file[0] != '\0';

    if (source->tls.certificate_file[0])
        buffer_append_text(out, " --cacert CA.pem");
    if (certificate)
        buffer_append_text(out, " --cert CLIENT.pem --key CLIENT.key");
    if (client && client->user[0])
        buffer_append_text(out, " --user NAME:PASSWORD");
    else if (client && client->token.file)
        buffer_printf(out, " -H \"Authorization: Bearer $(cat '%s')\"", client->token.file);
    else if (client ? is_set(&client->token) || client->jwks_file[0] : source->client_count > 0 && !certificate)
        buffer_append_text(out, " -H 'Authorization: Bearer TOKEN'");
}

/* The event's own time is the last of that name: objects, which may have another, come before it. Compared as text, to the second. */
static void append_filter(struct buffer *out, const struct gap_span *span)
{
    enum { TO_THE_SECOND = 19 };
    char from[CLOCK_TEXT_SIZE], to[CLOCK_TEXT_SIZE];

    clock_format_rfc3339(span->from, from);
    clock_format_rfc3339(span->to + CLOCK_SECOND, to);
    buffer_printf(out, "awk '{ t = $0; sub(/.*\"stageTimestamp\":\"/, \"\", t) } t >= \"%.*s\" && t < \"%.*s\"' audit.log | ", TO_THE_SECOND, from,
                  TO_THE_SECOND, to);
}

void gap_command(const struct config_source *source, struct slice cluster, const struct gap_span *span, struct buffer *out)
{
    struct buffer url = {NULL, 0, 0};

    buffer_printf(&url, "http%s://", source->tls.certificate_file[0] ? "s" : "");
    append_host(&url, source);
    append_path(&url, source->path, cluster);
    append_filter(out, span);
    buffer_append_text(out, "curl --fail");
    append_credentials(out, source, cluster);
    if (source->proxy_protocol)
        buffer_append_text(out, " --haproxy-protocol");
    buffer_append_text(out, " --data-binary @- ");
    append_quoted(out, buffer_slice(&url));
    buffer_free(&url);
}

/* --- notices ------------------------------------------------------------------------------------------------------------------------------ */

static bool is_of_api_servers(const struct config_source *source)
{
    return source->type == CONFIG_SOURCE_WEBHOOK && !source->event_grid &&
           (source->log_type == CONFIG_LOG_TYPE_K8S_AUDIT || source->log_type == CONFIG_LOG_TYPE_AUTO);
}

struct names {
    VECTOR(struct slice) clusters;
    bool any; /* the source has brought something */
};

static void gather(const struct health *health, size_t source, struct names *names)
{
    for (size_t i = 0; i < health_count(health); i++) {
        struct health_view view;
        health_at(health, i, &view);
        if (view.source != source || !view.heard || !view.watched)
            continue;
        names->any = true;
        if (view.cluster.length)
            VECTOR_PUSH(&names->clusters, view.cluster);
    }
}

void gap_notices(const struct config *config, const struct health *health, const struct gap_span *gap, health_visit *visit, void *context)
{
    /* an API server gathers a batch for 30 s before it first tries to send it */
    const struct gap_span missing = {gap->from - 30 * CLOCK_SECOND, gap->to};

    for (size_t s = 0; s < config->source_count; s++) {
        struct names names = {{0}, false};
        struct buffer command = {NULL, 0, 0};
        if (is_of_api_servers(&config->sources[s]))
            gather(health, s, &names);
        if (names.any) {
            struct slice only = names.clusters.count == 1 ? names.clusters.items[0] : SLICE("");
            gap_command(&config->sources[s], only, &missing, &command);
            const struct alert_notice notice = {.kind = ALERT_NOTICE_GAP,
                                                .source = slice_of(config->sources[s].name),
                                                .cluster = only,
                                                .since = missing.from,
                                                .time = missing.to,
                                                .amount = gap->to - gap->from,
                                                .clusters = names.clusters.items,
                                                .cluster_count = names.clusters.count > 1 ? names.clusters.count : 0,
                                                .command = buffer_slice(&command)};
            visit(context, &notice);
        }
        buffer_free(&command);
        VECTOR_FREE(&names.clusters);
    }
}
