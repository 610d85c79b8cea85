/* SPDX-License-Identifier: Apache-2.0 */
#include "generation.h"

#include "harrier/memory.h"
#include "harrier/ruleset_files.h"

#include <stdlib.h>

static const char *given(const char *text)
{
    return text && text[0] ? text : NULL;
}

static void destination_from(const struct config_destination *from, struct deliver_destination_config *to)
{
    static const enum deliver_type types[] = {
        [CONFIG_DESTINATION_SLACK] = DELIVER_SLACK, [CONFIG_DESTINATION_WEBHOOK] = DELIVER_WEBHOOK, [CONFIG_DESTINATION_FILE] = DELIVER_FILE};
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

struct deliver_destination_config *generation_destinations(const struct config *config)
{
    struct deliver_destination_config *destinations = xcalloc(config->destination_count, sizeof *destinations);
    for (size_t i = 0; i < config->destination_count; i++)
        destination_from(&config->destinations[i], &destinations[i]);
    return destinations;
}

void generation_destinations_free(struct deliver_destination_config *destinations, size_t count)
{
    for (size_t i = 0; destinations && i < count; i++)
        free((void *)(uintptr_t)destinations[i].headers);
    free(destinations);
}

static struct deliver_routes *load_routes(const struct config *config, const struct deliver_destination_config *destinations,
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
    struct deliver_routes *compiled = deliver_routes_new(routes, config->route_count, destinations, destination_count, config->file, diagnostics);
    free(routes);
    return compiled;
}

static void check_destinations(const struct config *config, const struct deliver_destination_config *destinations, struct diagnostics *diagnostics)
{
    for (size_t i = 0; i < config->destination_count; i++) {
        char *error = NULL;
        const struct config_place place = config->destinations[i].place;
        if (deliver_check_destination(&destinations[i], &error) != RESULT_OK)
            diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, config->file, place.line, place.column, "destination `%s`: %s", destinations[i].name,
                            error ? error : "is not usable");
        free(error);
    }
}

struct generation *generation_load(const char *file, const struct deliver_destination_config *destinations, size_t destination_count,
                                   struct diagnostics *diagnostics)
{
    struct generation *generation = xcalloc(1, sizeof *generation);
    struct deliver_destination_config *own = NULL;
    struct ruleset_files files;

    atomic_init(&generation->references, 1);
    if (config_load(file, 0, diagnostics, &generation->config) != RESULT_OK) {
        free(generation);
        return NULL;
    }
    if (!destinations) {
        own = generation_destinations(generation->config);
        check_destinations(generation->config, own, diagnostics);
        destinations = own;
        destination_count = generation->config->destination_count;
    }
    generation->routes = load_routes(generation->config, destinations, destination_count, diagnostics);
    ruleset_files_from_config(&files, generation->config);
    struct ruleset_loaded loaded;
    enum result rules = ruleset_files_load(&files, diagnostics, &loaded);
    generation_destinations_free(own, destination_count);
    if (rules == RESULT_OK)
        generation->plan = detect_plan_new(loaded.ruleset, loaded.lists);
    else
        yaral_ruleset_free(loaded.ruleset), yaral_lists_free(loaded.lists);
    generation->own_labels = loaded.own_labels;
    if (!generation->routes || !generation->plan || diagnostics_count_of(diagnostics, DIAGNOSTIC_ERROR)) {
        generation_unref(generation);
        return NULL;
    }
    return generation;
}

struct generation *generation_ref(struct generation *generation)
{
    atomic_fetch_add(&generation->references, 1);
    return generation;
}

void generation_unref(struct generation *generation)
{
    if (!generation || atomic_fetch_sub(&generation->references, 1) != 1)
        return;
    detect_plan_unref(generation->plan);
    deliver_routes_free(generation->routes);
    udm_own_labels_free(generation->own_labels);
    config_free(generation->config);
    free(generation);
}
