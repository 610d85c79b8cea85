/* SPDX-License-Identifier: Apache-2.0 */
/* What each type of destination needs, and that routes and destinations fit each other. */
#include "reader.h"

#include <strings.h>

static bool is_given(const struct config_secret *secret)
{
    return secret->place.line != 0;
}

static bool url_is_http(const char *url)
{
    return strncasecmp(url, "https://", 8) == 0 || strncasecmp(url, "http://", 7) == 0;
}

/* Host of the URL; empty if it cannot be told. */
static struct slice url_host(const char *url, bool *has_user)
{
    struct slice authority = slice_of(strstr(url, "://") + 3);
    authority = slice_first(authority, strcspn(authority.bytes, "/?#"));
    ptrdiff_t at = slice_find_last_byte(authority, '@');
    *has_user = at >= 0;
    if (at >= 0)
        authority = slice_from(authority, (size_t)at + 1);
    if (authority.length && authority.bytes[0] == '[') {
        ptrdiff_t end = slice_find_byte(authority, ']');
        return end < 0 ? slice_make(NULL, 0) : slice_make(authority.bytes + 1, (size_t)end - 1);
    }
    ptrdiff_t colon = slice_find_byte(authority, ':');
    return colon < 0 ? authority : slice_first(authority, (size_t)colon);
}

static bool host_is_loopback(struct slice host)
{
    struct address address;
    return slice_is(host, "localhost") || (address_parse_host(host, &address) && address_is_loopback(&address));
}

static void check_written_url(struct reader *reader, const struct config_destination *destination, const char *where)
{
    const struct config_secret *url = &destination->url;
    bool has_user;

    if (!url_is_http(url->literal)) {
        reader_error(reader, url->place, "`url` in %s must begin with https:// or http://", where);
        return;
    }
    struct slice host = url_host(url->literal, &has_user);
    if (host.length == 0)
        reader_error(reader, url->place, "`url` in %s names no host", where);
    if (destination->type == CONFIG_DESTINATION_SLACK)
        reader_warning(
            reader, url->place,
            "`url` in %s is a secret of its own: whoever reads it can post. Put it into a file of its own and name that in url_file",
            where);
    else if (has_user)
        reader_warning(reader, url->place, "`url` in %s holds a password; put the URL into a file of its own and name that in url_file",
                       where);
    if (strncasecmp(url->literal, "http://", 7) == 0 && !host_is_loopback(host))
        reader_warning(reader, url->place, "`url` in %s sends alerts%s unencrypted; use https://", where,
                       is_given(&destination->token) ? " and the token" : "");
}

static void check_http(struct reader *reader, const struct config_destination *destination, const char *where)
{
    if (!is_given(&destination->url))
        reader_error(reader, destination->place, "%s has no URL; add url_file, url_credential or url", where);
    if (destination->url.literal)
        check_written_url(reader, destination, where);
    reader_check_secret(reader, &destination->url, "URL", where);
    reader_check_secret(reader, &destination->token, "token", where);
    reader_check_secret(reader, &destination->hmac_secret, "HMAC secret", where);
    if (strchr(destination->proxy, '@'))
        reader_warning(reader, reader_origin(reader, &destination->proxy, destination->place),
                       "`proxy` in %s holds a password, which whoever reads this file has; let the proxy know harrierd by its address", where);
    if (!destination->certificate_file[0] != !destination->key_file[0])
        reader_error(reader, destination->place, "%s needs certificate_file and key_file together; add the other", where);
    struct config_place signature = reader_origin(reader, &destination->signature, destination->place);
    if (destination->signature != CONFIG_SIGNATURE_NONE && !is_given(&destination->hmac_secret))
        reader_error(reader, signature, "`signature` in %s needs a secret; add hmac_secret_file or hmac_secret_credential", where);
    if (destination->signature == CONFIG_SIGNATURE_NONE && is_given(&destination->hmac_secret))
        reader_error(reader, destination->hmac_secret.place,
                     "the HMAC secret in %s is not used; add signature: standard-webhooks or signature: github", where);
}

/* A field name is a token (RFC 9110 section 5.1); values were checked for control characters. */
static void check_headers(struct reader *reader, const struct config_pairs *headers, const char *where)
{
    static const char token[] = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    static const char *const own[] = {"Content-Length", "Transfer-Encoding", "Host", "Connection", "Content-Type"};

    for (size_t i = 0; i < headers->count; i++) {
        const struct config_pair *header = &headers->items[i];
        if (!header->name[0] || header->name[strspn(header->name, token)])
            reader_error(reader, header->place,
                         "the name of the header `%s` in %s is not one of HTTP: it may hold letters, digits and - only", header->name,
                         where);
        if (strcasecmp(header->name, "Authorization") == 0)
            reader_warning(reader, header->place, "the header `Authorization` in %s is a secret; use token_file for a bearer token", where);
        for (size_t k = 0; k < sizeof own / sizeof own[0]; k++)
            if (strcasecmp(header->name, own[k]) == 0)
                reader_error(reader, header->place, "the header `%s` in %s is set by harrierd; remove it", own[k], where);
    }
}

static void check_destination(struct reader *reader, const struct config *config, size_t index)
{
    const struct config_destination *destination = &config->destinations[index];
    const char *where = arena_printf(reader->arena, "destinations[%zu]", index).bytes;
    bool type_known = reader_origin(reader, &destination->type, (struct config_place){0}).line != 0;

    reader_check_name(reader, &destination->name, where);
    if (type_known && destination->type == CONFIG_DESTINATION_FILE && !destination->path[0])
        reader_error(reader, destination->place, "%s has no `path`; name the file that alerts are appended to", where);
    if (type_known && destination->type != CONFIG_DESTINATION_FILE)
        check_http(reader, destination, where);
    check_headers(reader, &destination->headers, where);
    if (destination->retry_cap < destination->retry_base)
        reader_error(reader,
                     reader_origin(reader, &destination->retry_cap, reader_origin(reader, &destination->retry_base, destination->place)),
                     "`retry_cap` in %s is shorter than `retry_base`; make it at least as long", where);
    for (size_t i = 0; i < index; i++)
        if (destination->name[0] && strcmp(destination->name, config->destinations[i].name) == 0)
            reader_error(reader, reader_origin(reader, &destination->name, destination->place),
                         "two destinations are named `%s` (line %u); give each a name of its own", destination->name,
                         config->destinations[i].place.line);
}

static size_t find_destination(const struct config *config, const char *name)
{
    size_t index = 0;
    while (index < config->destination_count && strcmp(config->destinations[index].name, name) != 0)
        index++;
    return index;
}

static void unknown_destination(struct reader *reader, const struct config *config, const char *name, struct config_place place,
                                size_t route)
{
    const char *names[CONFIG_DESTINATIONS_MAX] = {NULL};

    for (size_t i = 0; i < config->destination_count; i++)
        names[i] = config->destinations[i].name;
    const char *suggestion = reader_suggestion(reader, slice_of(name), names, config->destination_count);
    reader_error(reader, place, "routes[%zu] names `%s`, which is no destination%s", route, name,
                 *suggestion ? suggestion : "; add it to `destinations` or remove it here");
}

/* False if one of the names is unknown. */
static bool resolve_route(struct reader *reader, const struct config *config, size_t index, bool *used)
{
    struct config_route *route = &config->routes[index];
    bool known = true;

    route->when_place = reader_origin(reader, &route->when, (struct config_place){0});
    route->destinations = arena_calloc(reader->arena, route->to.count + 1, sizeof *route->destinations);
    if (route->to.count == 0 && reader_origin(reader, &route->to, (struct config_place){0}).line)
        reader_error(reader, reader_origin(reader, &route->to, route->place),
                     "`to` in routes[%zu] is empty; name a destination or remove the route", index);
    for (size_t i = 0; i < route->to.count; i++) {
        size_t found = find_destination(config, route->to.items[i]);
        if (found == config->destination_count) {
            unknown_destination(reader, config, route->to.items[i], route->to.places[i], index);
            known = false;
            continue;
        }
        route->destinations[i] = found;
        used[found] = true;
    }
    return known;
}

/* The route that stands for none: everything goes everywhere. */
static void add_default_route(struct reader *reader, struct config *config)
{
    struct config_route *route = ARENA_NEW(reader->arena, struct config_route);

    route->when = "";
    route->to.count = config->destination_count;
    route->to.items = arena_calloc(reader->arena, config->destination_count, sizeof *route->to.items);
    route->to.places = arena_calloc(reader->arena, config->destination_count, sizeof *route->to.places);
    route->destinations = arena_calloc(reader->arena, config->destination_count, sizeof *route->destinations);
    for (size_t i = 0; i < config->destination_count; i++) {
        route->to.items[i] = config->destinations[i].name;
        route->to.places[i] = config->destinations[i].place;
        route->destinations[i] = i;
    }
    config->routes = route;
    config->route_count = 1;
}

void reader_check_destinations(struct reader *reader, struct config *config)
{
    bool used[CONFIG_DESTINATIONS_MAX] = {false};
    bool routed = config->route_count > 0, known = true;

    for (size_t i = 0; i < config->destination_count; i++)
        check_destination(reader, config, i);
    for (size_t i = 0; i < config->route_count; i++)
        known &= resolve_route(reader, config, i, used);
    /* a name that is mistyped in a route is the reason enough why its destination has none */
    for (size_t i = 0; routed && known && i < config->destination_count; i++)
        if (!used[i])
            reader_warning(reader, config->destinations[i].place,
                           "no route leads to the destination `%s`; name it in `routes` or remove it", config->destinations[i].name);
    if (config->destination_count == 0)
        reader_warning(reader, reader_origin(reader, &config->destinations, (struct config_place){0}),
                       "no destinations: alerts stay in the store; add one to `destinations`");
    else if (!routed)
        add_default_route(reader, config);
}
