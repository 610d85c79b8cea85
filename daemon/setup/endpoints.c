/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoints.h"

#include "harrier/config_uses.h"
#include "harrier/base/log.h"
#include "harrier/base/memory.h"

#include <stdlib.h>

static bool make_tls(const struct config_source *source, struct source_endpoint *endpoint)
{
    const struct source_tls_options options = config_tls_options(source);
    char *error = NULL;

    if (!source->tls.certificate_file[0] || source_tls_new(&options, &endpoint->tls, &error) == RESULT_OK)
        return true;
    log_about(LOG_LEVEL_ERROR, LOG_FIELD_SOURCE, source->name, "source `%s`: %s", source->name, error ? error : "TLS cannot be set up");
    free(error);
    return false;
}

static bool make_access(const struct config_source *source, struct source_endpoint *endpoint)
{
    struct source_client *clients = config_clients(source);
    char *error = NULL;

    bool good = source->client_count == 0 || source_access_new(source->name, clients, source->client_count, &endpoint->access, &error) == RESULT_OK;
    if (!good)
        log_about(LOG_LEVEL_ERROR, LOG_FIELD_SOURCE, source->name, "source `%s`: %s", source->name, error ? error : "its clients cannot be set up");
    free(error);
    free(clients);
    return good;
}

struct source_endpoint *endpoints_new(const struct config *config)
{
    static const enum source_protocol protocols[] = {
        [CONFIG_SOURCE_WEBHOOK] = SOURCE_HTTP, [CONFIG_SOURCE_SYSLOG] = SOURCE_SYSLOG, [CONFIG_SOURCE_RELP] = SOURCE_RELP, [CONFIG_SOURCE_FILE] = SOURCE_HTTP};
    static const enum syslog_framing framings[] = {[CONFIG_FRAMING_AUTO] = SYSLOG_FRAMING_AUTO,
                                                   [CONFIG_FRAMING_LINES] = SYSLOG_FRAMING_LINES,
                                                   [CONFIG_FRAMING_OCTETS] = SYSLOG_FRAMING_OCTETS};
    struct source_endpoint *endpoints = xcalloc(config->source_count, sizeof *endpoints);

    for (size_t i = 0; i < config->source_count; i++) {
        const struct config_source *source = &config->sources[i];
        endpoints[i] = (struct source_endpoint){
            .protocol = protocols[source->type],
            .name = source->name,
            .path = source->path,
            .cluster_from_certificate = source->cluster_from == CONFIG_CLUSTER_FROM_CERTIFICATE,
            .cluster_from_syslog = source->cluster_from == CONFIG_CLUSTER_FROM_SYSLOG,
            .framing = framings[source->framing],
            .event_grid = source->event_grid,
            .proxy_protocol = source->proxy_protocol,
        };
        if (!make_tls(source, &endpoints[i]) || !make_access(source, &endpoints[i])) {
            endpoints_free(endpoints, config->source_count);
            return NULL;
        }
    }
    return endpoints;
}

void endpoints_free(struct source_endpoint *endpoints, size_t count)
{
    for (size_t i = 0; endpoints && i < count; i++) {
        source_tls_free(endpoints[i].tls);
        source_access_free(endpoints[i].access);
    }
    free(endpoints);
}

void endpoints_refresh(struct source_endpoint *endpoints, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (endpoints[i].tls)
            source_tls_refresh(endpoints[i].tls);
        if (endpoints[i].access)
            source_access_refresh(endpoints[i].access);
    }
}
