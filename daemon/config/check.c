/* SPDX-License-Identifier: Apache-2.0 */
/* Checks across options: what no single value can be wrong about. */
#include "daemon/config/reader.h"

static bool name_is_plain(const char *name)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
    size_t length = strlen(name);
    return length >= 1 && length <= 63 && strspn(name, allowed) == length;
}

void reader_check_name(struct reader *reader, const char *const *name, const char *where)
{
    struct config_place place = reader_origin(reader, name, (struct config_place){0});
    if (place.line && !name_is_plain(*name))
        reader_error(reader, place, "`name` in %s must be 1 to 63 of A-Z a-z 0-9 _ . -", where);
}

static void check_source_path(struct reader *reader, const struct config_source *source, const char *where)
{
    struct config_place place = reader_origin(reader, &source->path, source->place);
    if (source->path[0] != '/')
        reader_error(reader, place, "`path` in %s must begin with a slash, such as /k8s-audit", where);
    else if (strpbrk(source->path, "?# "))
        reader_error(reader, place, "`path` in %s must be without a query, a fragment and blanks: a kube-apiserver sends no query of yours",
                     where);
}

static void check_exposure(struct reader *reader, const struct config_address *listen, bool insecure, const char *where,
                           const char *consequence)
{
    if (listen->text[0] && listen->address.length && !insecure && !address_is_loopback(&listen->address))
        reader_error(reader, listen->place,
                     "`listen` in %s is reachable from outside without TLS: %s. Listen on loopback behind a proxy that terminates TLS, or "
                     "write insecure: true beside it on a trusted network",
                     where, consequence);
}

static bool same_address(const struct config_address *a, const struct config_address *b)
{
    char texts[2][ADDRESS_TEXT_SIZE];

    if (!a->address.length || !b->address.length)
        return false;
    address_format(&a->address, texts[0]);
    address_format(&b->address, texts[1]);
    /* without a port (0) the system gives each its own */
    return strchr(texts[0], ':') && strcmp(texts[0], texts[1]) == 0 && a->address.storage.ss_family == b->address.storage.ss_family;
}

static void check_source(struct reader *reader, struct config *config, size_t index)
{
    struct config_source *source = &config->sources[index];
    const char *where = arena_printf(reader->arena, "sources[%zu]", index).bytes;

    reader_check_name(reader, &source->name, where);
    check_source_path(reader, source, where);
    check_exposure(reader, &source->listen, source->insecure, where, "whoever reaches it can read audit events and send forged ones");
    if (!source->cluster[0])
        source->cluster = config->cluster;
    for (size_t i = 0; i < index; i++) {
        const struct config_source *other = &config->sources[i];
        if (source->name[0] && strcmp(source->name, other->name) == 0)
            reader_error(reader, reader_origin(reader, &source->name, source->place),
                         "two sources are named `%s` (line %u); give each a name of its own", source->name, other->place.line);
        if (same_address(&source->listen, &other->listen))
            reader_error(reader, source->listen.place, "sources[%zu] listens on `%s` already; give each source a port of its own", i,
                         source->listen.text);
    }
}

static void check_admin(struct reader *reader, const struct config *config)
{
    check_exposure(reader, &config->admin.listen, config->admin.insecure, "admin", "whoever reaches it can read the metrics");
    for (size_t i = 0; i < config->source_count; i++)
        if (same_address(&config->admin.listen, &config->sources[i].listen))
            reader_error(reader, config->admin.listen.place.line ? config->admin.listen.place : config->sources[i].listen.place,
                         "admin and sources[%zu] both listen on `%s`; give one another port", i, config->admin.listen.text);
    /* unix(7): 108 bytes with the NUL */
    if (strlen(config->admin.socket) > 107)
        reader_error(reader, reader_origin(reader, &config->admin.socket, (struct config_place){0}),
                     "`socket` in admin is longer than the 107 bytes of a Unix socket's path; choose a shorter one");
    if (!config->admin.socket[0])
        reader_error(reader, reader_origin(reader, &config->admin.socket, (struct config_place){0}), "`socket` in admin must be a path");
}

static void check_store(struct reader *reader, const struct config_store *store)
{
    struct config_place place =
        reader_origin(reader, &store->remember_ids, reader_origin(reader, &store->retention, (struct config_place){0}));
    if (store->remember_ids < store->retention)
        reader_error(reader, place,
                     "`remember_ids` in store is shorter than `retention`: an alert that is still there would be forgotten and stored "
                     "again; make it at "
                     "least as long");
    if (!store->directory[0])
        reader_error(reader, reader_origin(reader, &store->directory, (struct config_place){0}), "`directory` in store must be a path");
}

static void check_limits(struct reader *reader, const struct config_limits *limits)
{
    struct config_place idle = reader_origin(reader, &limits->idle_timeout, (struct config_place){0});

    if (limits->idle_timeout <= 90 * CLOCK_SECOND)
        reader_warning(reader, idle,
                       "`idle_timeout` in limits is not above the 90 s for which a kube-apiserver keeps an idle connection: it may "
                       "send into a connection that is being closed; make it 120s");
    if (limits->memory < limits->event_bytes)
        reader_error(reader, reader_origin(reader, &limits->memory, reader_origin(reader, &limits->event_bytes, (struct config_place){0})),
                     "`memory` in limits is less than `event_bytes`: not one event would be sure to fit; raise it");
    if (limits->value_bytes > limits->event_bytes)
        reader_error(reader,
                     reader_origin(reader, &limits->value_bytes, reader_origin(reader, &limits->event_bytes, (struct config_place){0})),
                     "`value_bytes` in limits is more than `event_bytes`: lower it, or raise the other");
    if (limits->raw_bytes > limits->event_bytes)
        reader_error(reader,
                     reader_origin(reader, &limits->raw_bytes, reader_origin(reader, &limits->event_bytes, (struct config_place){0})),
                     "`raw_bytes` in limits is more than `event_bytes`: lower it, or raise the other");
}

static void check_labels(struct reader *reader, const struct config_pairs *labels)
{
    for (size_t i = 0; i < labels->count; i++) {
        const struct config_pair *label = &labels->items[i];
        if (!name_is_plain(label->name))
            reader_error(reader, label->place, "the label `%s` must be named by 1 to 63 of A-Z a-z 0-9 _ . -", label->name);
        if (!label->value[0] || label->value[0] == '.' || label->value[0] == '$')
            reader_error(reader, label->place,
                         "the label `%s` must be given a path that begins with a member of the event, such as "
                         "requestObject.metadata.labels.team",
                         label->name);
    }
}

void reader_check(struct reader *reader, struct config *config)
{
    struct config_place nowhere = {0};

    if (!config->cluster[0])
        reader_error(reader, reader_origin(reader, &config->cluster, nowhere), "`cluster` must not be empty; name the cluster");
    if (config->source_count == 0)
        reader_warning(reader, reader_origin(reader, &config->sources, nowhere), "no sources: nothing will come in; add one to `sources`");
    if (config->rules.files.count == 0)
        reader_warning(reader, reader_origin(reader, &config->rules, nowhere),
                       "no rules: nothing will be found; add patterns to `files` in `rules`");
    for (size_t i = 0; i < config->source_count; i++)
        check_source(reader, config, i);
    check_admin(reader, config);
    check_store(reader, &config->store);
    check_limits(reader, &config->limits);
    check_labels(reader, &config->labels);
    reader_check_destinations(reader, config);
}
