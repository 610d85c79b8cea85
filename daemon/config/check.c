/* SPDX-License-Identifier: Apache-2.0 */
/* Checks across options: what no single value can be wrong about. */
#include "reader.h"

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

/* A part in braces must be a whole segment, and one that is known. */
static bool segments_are_known(const char *path)
{
    static const char *const known[] = {"{cluster}", "{token}"};
    struct slice rest = slice_of(path);

    while (rest.length) {
        rest = slice_from(rest, 1);
        ptrdiff_t slash = slice_find_byte(rest, '/');
        struct slice segment = slash < 0 ? rest : slice_first(rest, (size_t)slash);
        rest = slice_from(rest, segment.length);
        bool braces = slice_find_byte(segment, '{') >= 0 || slice_find_byte(segment, '}') >= 0;
        if (braces && !slice_is(segment, known[0]) && !slice_is(segment, known[1]))
            return false;
    }
    return true;
}

static bool is_twice(const char *path, const char *part)
{
    const char *first = strstr(path, part);
    return first && strstr(first + 1, part);
}

static bool secret_is_given(const struct config_secret *secret)
{
    return secret->file || secret->literal;
}

static bool some_client_has_path_token(const struct config_source *source)
{
    for (size_t i = 0; i < source->client_count; i++)
        if (secret_is_given(&source->clients[i].path_token))
            return true;
    return false;
}

static void check_source_path(struct reader *reader, const struct config_source *source, const char *where)
{
    struct config_place place = reader_origin(reader, &source->path, source->place);
    if (source->path[0] != '/')
        reader_error(reader, place, "`path` in %s must begin with a slash, such as /k8s-audit", where);
    else if (strpbrk(source->path, "?# "))
        reader_error(reader, place, "`path` in %s must be without a query, a fragment and blanks: a kube-apiserver sends no query of yours",
                     where);
    else if (!segments_are_known(source->path))
        reader_error(reader, place, "`path` in %s can have {cluster} and {token} as whole segments, and no other braces", where);
    else if (is_twice(source->path, "{cluster}") || is_twice(source->path, "{token}"))
        reader_error(reader, place, "`path` in %s has %s twice; which would count? Keep one", where,
                     is_twice(source->path, "{cluster}") ? "{cluster}" : "{token}");
    else if (strstr(source->path, "{token}") && !some_client_has_path_token(source))
        reader_error(reader, place, "`path` in %s has {token}, but no client has a path_token_file: nobody could send", where);
}

static void check_exposure(struct reader *reader, const struct config_address *listen, bool safe, const char *where,
                           const char *consequence, const char *remedy)
{
    if (listen->text[0] && listen->address.length && !safe && !address_is_loopback(&listen->address))
        reader_error(reader, listen->place, "`listen` in %s is reachable from outside without TLS: %s. %s", where, consequence, remedy);
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

static void check_tls(struct reader *reader, const struct config_source *source, const char *where)
{
    const struct config_tls *tls = &source->tls;
    struct config_place place = reader_origin(reader, tls, (struct config_place){0});

    if (!place.line)
        return;
    if (!tls->certificate_file[0])
        reader_error(reader, place, "`tls` in %s has no `certificate_file`; add it, and its key_file", where);
    else if (!secret_is_given(&tls->key))
        reader_error(reader, place, "`tls` in %s has a certificate without its key; add `key_file` or `key_credential`", where);
    reader_check_secret(reader, &tls->key, "key", arena_printf(reader->arena, "%s.tls", where).bytes);
    if (tls->client_names.count && !tls->client_ca_file[0])
        reader_error(reader, place, "`client_names` in %s need `client_ca_file`: without it no client shows a certificate", where);
}

static void check_client_secrets(struct reader *reader, const struct config_client *client, const char *where)
{
    reader_check_secret(reader, &client->token, "token", where);
    reader_check_secret(reader, &client->password, "password", where);
    reader_check_secret(reader, &client->access_key, "access key", where);
    reader_check_secret(reader, &client->path_token, "path token", where);
}

static void check_client(struct reader *reader, const struct config_source *source, size_t index, const char *where)
{
    const struct config_client *client = &source->clients[index];
    bool basic = client->user[0], jwt = client->jwks_file[0];

    reader_check_name(reader, &client->name, where);
    check_client_secrets(reader, client, where);
    if (basic != secret_is_given(&client->password))
        reader_error(reader, client->place, "`user` and a password belong together in %s: add the one that is missing", where);
    if (jwt != (client->audience[0] != 0))
        reader_error(reader, client->place, "`jwks_file` and `audience` belong together in %s: add the one that is missing", where);
    if ((client->email[0] || client->issuer[0]) && !jwt)
        reader_error(reader, client->place, "`%s` in %s is one of a JWT: add `jwks_file` and `audience`", client->email[0] ? "email" : "issuer", where);
    if (jwt && !client->email[0] && !client->issuer[0])
        reader_error(reader, client->place,
                     "`jwks_file` in %s lets in every account that Google signs a token for: add `email`, the push subscription's service account "
                     "(or `issuer`, where the tokens are not Google's)",
                     where);
    if (jwt + basic + secret_is_given(&client->token) > 1)
        reader_error(reader, client->place, "%s has more than one of token, user and jwks_file, and a request has one Authorization; keep one", where);
    if (!basic && !jwt && !secret_is_given(&client->token) && !secret_is_given(&client->access_key) && !secret_is_given(&client->path_token) &&
        !client->certificate_name[0])
        reader_error(reader, client->place, "%s says not how the client is known; give it a token, a certificate_name or the like", where);
    if (client->certificate_name[0] && !source->tls.client_ca_file[0])
        reader_error(reader, client->place, "`certificate_name` in %s needs `client_ca_file` in the source's tls", where);
    if (secret_is_given(&client->path_token) && !strstr(source->path, "/{token}"))
        reader_error(reader, client->place, "a path token in %s needs {token} in the source's `path`", where);
    if (source->type != CONFIG_SOURCE_WEBHOOK &&
        (basic || jwt || secret_is_given(&client->token) || secret_is_given(&client->access_key) || secret_is_given(&client->path_token)))
        reader_error(reader, client->place, "%s: syslog and RELP carry no tokens and passwords; use `certificate_name`", where);
    for (size_t i = 0; i < index; i++)
        if (client->name[0] && strcmp(client->name, source->clients[i].name) == 0)
            reader_error(reader, client->place, "two clients of the source are named `%s`; give each a name of its own", client->name);
}

static void check_listener(struct reader *reader, const struct config_source *source, const char *where)
{
    if (!source->listen.text[0] == !source->systemd_socket[0])
        reader_error(reader, source->place, "%s needs one of `listen` and `systemd_socket`", where);
    check_exposure(reader, &source->listen, source->insecure || source->tls.certificate_file[0], where,
                   "whoever reaches it can read audit events and send forged ones",
                   "Add tls with a certificate_file, or write insecure: true beside it on a trusted network");
    check_tls(reader, source, where);
    for (size_t i = 0; i < source->client_count; i++)
        check_client(reader, source, i, arena_printf(reader->arena, "%s.clients[%zu]", where, i).bytes);
    /* on loopback it is a proxy that lets people in */
    if (source->event_grid && source->client_count == 0 && !source->tls.client_ca_file[0] && !address_is_loopback(&source->listen.address))
        reader_error(reader, source->place, "`event_grid` in %s needs `clients`: else the handshake would vouch for strangers", where);
}

/* "sources[1]", as it stands in its file; with the file's name where that is not the file spoken of. */
static const char *source_where(struct reader *reader, const struct config *config, size_t index, const char *file)
{
    const struct config_source *source = &config->sources[index];
    size_t number = 0;

    for (size_t i = 0; i < index; i++)
        number += config->sources[i].place.file == source->place.file;
    if (source->place.file == file)
        return arena_printf(reader->arena, "sources[%zu]", number).bytes;
    return arena_printf(reader->arena, "sources[%zu] of %s", number, config_place_file(config, source->place)).bytes;
}

static void check_source(struct reader *reader, struct config *config, size_t index)
{
    struct config_source *source = &config->sources[index];
    const char *where = source_where(reader, config, index, source->place.file);

    reader_check_name(reader, &source->name, where);
    if (source->type == CONFIG_SOURCE_WEBHOOK)
        check_source_path(reader, source, where);
    if (source->type != CONFIG_SOURCE_FILE)
        check_listener(reader, source, where);
    else if (!source->file[0])
        reader_error(reader, source->place, "%s has no `file`; add the path of the file to follow, or \"-\"", where);
    if (source->cluster_from == CONFIG_CLUSTER_FROM_CERTIFICATE && !source->tls.client_ca_file[0])
        reader_error(reader, source->place, "`cluster_from: certificate` in %s needs `client_ca_file` in tls", where);
    if (source->cluster_from == CONFIG_CLUSTER_FROM_SYSLOG && source->type != CONFIG_SOURCE_SYSLOG && source->type != CONFIG_SOURCE_RELP)
        reader_error(reader, source->place, "`cluster_from: syslog` in %s is for sources of type syslog and relp", where);
    if (!source->cluster[0])
        source->cluster = config->cluster;
    for (size_t i = 0; i < index; i++) {
        const struct config_source *other = &config->sources[i];
        const char *there = source_where(reader, config, i, source->place.file);
        if (source->name[0] && strcmp(source->name, other->name) == 0)
            reader_error(reader, reader_origin(reader, &source->name, source->place),
                         "two sources are named `%s` (%s%sline %u); give each a name of its own", source->name,
                         other->place.file == source->place.file ? "" : config_place_file(config, other->place),
                         other->place.file == source->place.file ? "" : ", ", other->place.line);
        if (same_address(&source->listen, &other->listen))
            reader_error(reader, source->listen.place, "%s listens on `%s` already; give each source a port of its own", there,
                         source->listen.text);
        if (source->file[0] && strcmp(source->file, other->file) == 0)
            reader_error(reader, source->place, "%s follows `%s` already; follow a file once", there, source->file);
    }
}

static void check_admin(struct reader *reader, const struct config *config)
{
    check_exposure(reader, &config->admin.listen, config->admin.insecure, "admin", "whoever reaches it can read the metrics",
                   "Listen on loopback, or write insecure: true beside it on a trusted network");
    for (size_t i = 0; i < config->source_count; i++)
        if (same_address(&config->admin.listen, &config->sources[i].listen))
            reader_error(reader, config->admin.listen.place.line ? config->admin.listen.place : config->sources[i].listen.place,
                         "admin and %s both listen on `%s`; give one another port",
                         source_where(reader, config, i, config->file), config->admin.listen.text);
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
    struct config_place letters = reader_origin(reader, &store->dead_letters, (struct config_place){0});
    if (letters.line && store->dead_letters > store->size / CONFIG_DEAD_LETTER_SHARE)
        reader_warning(reader, letters,
                       "`dead_letters` in store is more than a quarter of `size`: a quarter is kept, for dead letters must not take the room of alerts; "
                       "raise `size` or leave `dead_letters` out");
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
    if (limits->connection_memory < limits->event_bytes)
        reader_error(reader,
                     reader_origin(reader, &limits->connection_memory, reader_origin(reader, &limits->event_bytes, (struct config_place){0})),
                     "`connection_memory` in limits is less than `event_bytes`: events within that bound would be cut all the same; raise it");
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
