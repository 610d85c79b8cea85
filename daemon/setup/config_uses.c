/* SPDX-License-Identifier: Apache-2.0 */
#include "harrier/config_uses.h"

#include "harrier/base/memory.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* --- destinations and routes -------------------------------------------------------------------------------------------------------- */

static const char *given(const char *text)
{
    return text && text[0] ? text : NULL;
}

static void destination_from(const struct config_destination *from, struct deliver_destination_config *to)
{
    static const enum deliver_type types[] = {[CONFIG_DESTINATION_SLACK] = DELIVER_SLACK,
                                              [CONFIG_DESTINATION_WEBHOOK] = DELIVER_WEBHOOK,
                                              [CONFIG_DESTINATION_FILE] = DELIVER_FILE};
    static const enum deliver_signature signatures[] = {[CONFIG_SIGNATURE_NONE] = DELIVER_UNSIGNED,
                                                        [CONFIG_SIGNATURE_STANDARD_WEBHOOKS] = DELIVER_STANDARD_WEBHOOKS,
                                                        [CONFIG_SIGNATURE_GITHUB] = DELIVER_GITHUB};
    struct deliver_header *headers = xcalloc(from->headers.count, sizeof *headers);

    for (size_t i = 0; i < from->headers.count; i++)
        headers[i] = (struct deliver_header){from->headers.items[i].name, from->headers.items[i].value};
    *to = (struct deliver_destination_config){
        .name = from->name,
        .type = types[from->type],
        .path = given(from->path),
        .url = from->url.literal,
        .url_file = from->url.file,
        .token_file = from->token.file,
        .signature = signatures[from->signature],
        .secret_file = from->hmac_secret.file,
        .headers = headers,
        .header_count = from->headers.count,
        .ca_file = given(from->ca_file),
        .certificate_file = given(from->certificate_file),
        .key_file = given(from->key_file),
        .proxy = given(from->proxy),
        .reconnect_after = from->reconnect_after,
        .connect_timeout = from->connect_timeout,
        .timeout = from->timeout,
        .in_flight = (unsigned int)from->in_flight,
        .rate = from->rate,
        .retry_base = from->retry_base,
        .retry_cap = from->retry_cap,
        .hold_interval = from->hold_interval,
        .give_up_after = from->give_up_after,
    };
}

struct deliver_destination_config *config_destinations(const struct config *config)
{
    struct deliver_destination_config *destinations = xcalloc(config->destination_count, sizeof *destinations);
    for (size_t i = 0; i < config->destination_count; i++)
        destination_from(&config->destinations[i], &destinations[i]);
    return destinations;
}

void config_destinations_free(struct deliver_destination_config *destinations, size_t count)
{
    for (size_t i = 0; destinations && i < count; i++)
        free((void *)(uintptr_t)destinations[i].headers);
    free(destinations);
}

struct deliver_routes *config_routes(const struct config *config, const struct deliver_destination_config *destinations,
                                     size_t destination_count, struct diagnostics *diagnostics)
{
    struct deliver_route_config *routes = xcalloc(config->route_count, sizeof *routes);

    for (size_t i = 0; i < config->route_count; i++) {
        const struct config_route *from = &config->routes[i];
        routes[i] = (struct deliver_route_config){
            .when = from->when && from->when[0] ? from->when : NULL,
            .to = from->to.items,
            .to_count = from->to.count,
            .line = from->when_place.line,
            .column = from->when_place.column,
        };
    }
    struct deliver_routes *compiled =
        deliver_routes_new(routes, config->route_count, destinations, destination_count, config->file, diagnostics);
    free(routes);
    return compiled;
}

void config_check_destinations(const struct config *config, const struct deliver_destination_config *destinations,
                               struct diagnostics *diagnostics)
{
    for (size_t i = 0; i < config->destination_count; i++) {
        char *error = NULL;
        const struct config_place place = config->destinations[i].place;
        if (deliver_check_destination(&destinations[i], &error) != RESULT_OK)
            diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, config->file, place.line, place.column, "destination `%s`: %s",
                            destinations[i].name, error ? error : "is not usable");
        free(error);
    }
}

/* --- sources ---------------------------------------------------------------------------------------------------------------------------- */

/* Of an HTTP request clients decide, each by all that it names; syslog and RELP have nothing but the certificate. */
static bool some_client_has_no_certificate(const struct config_source *source)
{
    for (size_t i = 0; i < source->client_count; i++)
        if (!source->clients[i].certificate_name[0])
            return source->type == CONFIG_SOURCE_WEBHOOK;
    return false;
}

struct source_tls_options config_tls_options(const struct config_source *source)
{
    return (struct source_tls_options){
        .name = source->name,
        .certificate_file = source->tls.certificate_file,
        .key_file = source->tls.key.file,
        .client_ca_file = source->tls.client_ca_file,
        .certificate_optional = some_client_has_no_certificate(source),
        .client_names = source->tls.client_names.items,
        .client_name_count = source->tls.client_names.count,
        .minimum_version = source->tls.minimum_version == CONFIG_TLS_1_3 ? SOURCE_TLS_1_3 : SOURCE_TLS_1_2,
        .alpn = source->type == CONFIG_SOURCE_WEBHOOK ? "http/1.1" : NULL,
    };
}

struct source_client *config_clients(const struct config_source *source)
{
    struct source_client *clients = xcalloc(source->client_count + 1, sizeof *clients);

    for (size_t i = 0; i < source->client_count; i++) {
        const struct config_client *from = &source->clients[i];
        clients[i] = (struct source_client){
            .name = from->name,
            .cluster = from->cluster,
            .certificate_name = from->certificate_name,
            .token_file = from->token.file,
            .user = from->user,
            .password_file = from->password.file,
            .access_key_file = from->access_key.file,
            .path_token_file = from->path_token.file,
            .jwks_file = from->jwks_file,
            .audience = from->audience,
            .issuer = from->issuer,
            .email = from->email,
        };
    }
    return clients;
}

/* What is said about one source. */
struct source_check {
    const struct config *config;
    const struct config_source *source;
    clock_nanos now;
    struct diagnostics *diagnostics;
};

static void add(const struct source_check *check, enum diagnostic_severity severity, const char *text)
{
    const struct config_place *place = &check->source->place;
    diagnostics_add(check->diagnostics, severity, config_place_file(check->config, *place), place->line, place->column, "source `%s`: %s", check->source->name,
                    text);
}

static void add_date(const struct source_check *check, enum diagnostic_severity severity, const char *format, clock_nanos when)
{
    const time_t seconds = (time_t)(when / CLOCK_SECOND);
    struct tm parts;
    char date[32] = "", text[256];

    if (gmtime_r(&seconds, &parts))
        strftime(date, sizeof date, "%Y-%m-%d", &parts);
    char *found = strstr(format, "DATE");
    snprintf(text, sizeof text, "%.*s%s%s", (int)(found - format), format, date, found + strlen("DATE"));
    add(check, severity, text);
}

static void check_dates(const struct source_check *check, const struct source_tls_facts *facts)
{
    static const clock_nanos soon = 30 * 24 * 3600 * CLOCK_SECOND;

    if (facts->expires <= check->now)
        add_date(check, DIAGNOSTIC_ERROR, "its certificate has expired on DATE, and no client takes it: renew it", facts->expires);
    else if (facts->expires - check->now < soon)
        add_date(check, DIAGNOSTIC_WARNING,
                 "its certificate expires on DATE: renew it before; harrierd takes the new one without a restart", facts->expires);
    if (facts->begins > check->now)
        add_date(check, DIAGNOSTIC_ERROR, "its certificate is not good before DATE: look at the clock, or take another", facts->begins);
    if (check->source->tls.client_ca_file[0] && facts->ca_expires <= check->now)
        add_date(check, DIAGNOSTIC_ERROR, "client_ca_file has expired on DATE: no client's certificate is good under it",
                 facts->ca_expires);
    else if (check->source->tls.client_ca_file[0] && facts->ca_expires - check->now < soon)
        add_date(check, DIAGNOSTIC_WARNING, "client_ca_file expires on DATE: renew it before", facts->ca_expires);
    if (!facts->names_host)
        add(check, DIAGNOSTIC_WARNING,
            "its certificate has no DNS name or address as alternative name, and clients look at no other: make one that has");
}

static bool can_read(const struct config_secret *secret)
{
    return !secret->file || access(secret->file, R_OK) == 0;
}

static bool secrets_are_here(const struct config_source *source)
{
    for (size_t i = 0; i < source->client_count; i++) {
        const struct config_client *client = &source->clients[i];
        if (!can_read(&client->token) || !can_read(&client->password) || !can_read(&client->access_key) || !can_read(&client->path_token))
            return false;
    }
    return can_read(&source->tls.key);
}

static void check_source(const struct source_check *check)
{
    const struct config_source *source = check->source;
    const struct source_tls_options options = config_tls_options(source);
    struct source_tls_facts facts;
    struct source_access *access = NULL;
    char *error = NULL;

    if (source->tls.certificate_file[0]) {
        if (source_tls_check(&options, &facts, &error) == RESULT_OK)
            check_dates(check, &facts);
        else
            add(check, DIAGNOSTIC_ERROR, error ? error : "its TLS cannot be set up");
        free(error);
    }
    if (!source->client_count)
        return;
    struct source_client *clients = config_clients(source);
    error = NULL;
    if (source_access_new(source->name, clients, source->client_count, &access, &error) != RESULT_OK)
        add(check, DIAGNOSTIC_ERROR, error ? error : "its clients cannot be set up");
    source_access_free(access);
    free(error);
    free(clients);
}

void config_check_sources(const struct config *config, unsigned int flags, clock_nanos now, struct diagnostics *diagnostics)
{
    for (size_t i = 0; i < config->source_count; i++) {
        struct source_check check = {config, &config->sources[i], now, diagnostics};
        if (!(flags & CONFIG_SECRETS_ELSEWHERE) || secrets_are_here(check.source))
            check_source(&check);
    }
}
