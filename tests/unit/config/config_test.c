/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/config/schema.h"
#include "harrier/base/buffer.h"
#include "harrier/config.h"
#include "harrier/base/memory.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* A minimum that gives no warning; what a test is about is put behind it. */
#define MINIMAL \
    "sources: [{name: a, type: webhook, listen: '127.0.0.1:9480'}]\n" \
    "rules: {files: [r.yaral]}\n"

static char *print(const struct diagnostics *diagnostics)
{
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    diagnostics_print(diagnostics, out);
    fclose(out);
    return text;
}

static char *read_whole(const char *file)
{
    FILE *in = fopen(file, "r");
    char *text = xcalloc(1, 65536);
    assert_non_null(in);
    assert_true(fread(text, 1, 65535, in) > 0);
    fclose(in);
    return text;
}

static struct config *parse(const char *text, char **report)
{
    struct diagnostics *diagnostics = diagnostics_new();
    struct config *config;

    enum result result = config_parse("tests/data/config/t.yaml", slice_of(text), 0, diagnostics, &config);
    assert_int_equal(result, diagnostics_count_of(diagnostics, DIAGNOSTIC_ERROR) ? RESULT_INVALID : RESULT_OK);
    assert_true((config != NULL) == (result == RESULT_OK));
    *report = print(diagnostics);
    diagnostics_free(diagnostics);
    return config;
}

/* The text is refused, and this is among what is said about it. */
static void assert_error(const char *text, const char *expected)
{
    char *report;
    struct config *config = parse(text, &report);
    if (config)
        fail_msg("accepted: %s", text);
    if (!strstr(report, expected))
        fail_msg("no `%s` in: %s", expected, report);
    free(report);
}

/* The text is accepted, and all that is said about it is this; "" for nothing. */
static void assert_warning(const char *text, const char *expected)
{
    char *report;
    struct config *config = parse(text, &report);
    if (!config)
        fail_msg("refused: %s", report);
    if (*expected ? !strstr(report, expected) : *report != '\0')
        fail_msg("`%s` expected, not: %s", expected, report);
    free(report);
    config_free(config);
}

static void test_every_error_of_a_file_is_reported_with_its_place(void **state)
{
    struct diagnostics *diagnostics = diagnostics_new();
    struct config *config;
    char *expected = read_whole("tests/data/config/errors.expected");
    (void)state;
    assert_int_equal(config_load("tests/data/config/errors.yaml", 0, diagnostics, &config), RESULT_INVALID);
    assert_null(config);
    char *report = print(diagnostics);
    /* the folder of the missing secret is the machine's own */
    char *folder = strstr(report, "`/");
    char *name = folder ? strstr(folder, "/tests/data") : NULL;
    if (name)
        memmove(folder + 1, name + 1, strlen(name + 1) + 1);
    assert_string_equal(report, expected);
    free(report);
    free(expected);
    diagnostics_free(diagnostics);
}

static void test_defaults_are_those_of_the_table(void **state)
{
    char *report;
    (void)state;
    struct config *config = parse("", &report);
    assert_non_null(config);
    assert_string_equal(config->cluster, "default");
    assert_string_equal(config->store.directory, "/var/lib/harrier");
    assert_int_equal(config->store.retention, 90 * 24 * 3600 * CLOCK_SECOND);
    assert_int_equal(config->store.size, UINT64_C(4) << 30);
    assert_int_equal(config->store.remember_ids, 180 * 24 * 3600 * CLOCK_SECOND);
    assert_string_equal(config->admin.socket, "/run/harrier/admin.sock");
    assert_string_equal(config->admin.listen.text, "127.0.0.1:9481");
    assert_true(address_is_loopback(&config->admin.listen.address));
    assert_int_equal(config->limits.body_bytes, 0);
    assert_int_equal(config->limits.header_bytes, 16384);
    assert_int_equal(config->limits.connections, 8192);
    assert_int_equal(config->limits.idle_timeout, 120 * CLOCK_SECOND);
    assert_int_equal(config->limits.acknowledge_timeout, 10 * CLOCK_SECOND);
    assert_int_equal(config->limits.value_bytes, 4 << 20);
    assert_int_equal(config->limits.memory, 256 << 20);
    assert_int_equal(config->limits.raw_bytes, 65536);
    assert_int_equal(config->log.level, LOG_LEVEL_INFO);
    assert_int_equal(config->workers, 0);
    assert_int_equal(config->route_count, 0);
    config_free(config);
    free(report);
}

/* Every default is read by the option's own parser, and stands within the option's own bounds. */
static void default_is_valid(void *data, const char *path, const struct option_table *table, const struct option *option)
{
    char text[512];
    const char *dot = strchr(path, '.');
    (void)data;
    (void)table;
    if (!option->standard || strchr(path, '['))
        return;
    if (dot)
        snprintf(text, sizeof text, "%.*s: {%s: '%s'}\n", (int)(dot - path), path, option->name, option->standard);
    else
        snprintf(text, sizeof text, "%s: '%s'\n", path, option->standard);
    char *report;
    struct config *config = parse(text, &report);
    if (!config)
        fail_msg("%s: %s", path, report);
    config_free(config);
    free(report);
}

static void test_every_default_may_be_written_out(void **state)
{
    (void)state;
    config_schema_visit(default_is_valid, NULL);
}

struct search {
    const char *text;
    size_t found;
};

static void is_in_text(void *data, const char *path, const struct option_table *table, const struct option *option)
{
    struct search *search = data;
    char key[128];
    (void)table;
    snprintf(key, sizeof key, "%s:", option->name);
    if (!strstr(search->text, key))
        fail_msg("no test sets %s", path);
    search->found++;
}

static void check_complete_destinations(const struct config *config)
{
    const struct config_destination *soar = &config->destinations[1];
    assert_int_equal(config->destination_count, 4);
    assert_int_equal(config->destinations[0].type, CONFIG_DESTINATION_SLACK);
    assert_true(config->destinations[0].rate == 0.5);
    assert_non_null(strstr(config->destinations[0].ca_file, "/tests/data/config/ca.pem"));
    assert_non_null(strstr(config->destinations[0].certificate_file, "/tests/data/config/client.pem"));
    assert_non_null(strstr(config->destinations[0].key_file, "/tests/data/config/client.key"));
    assert_string_equal(soar->url.literal, "https://soar.example/hook");
    assert_string_equal(soar->proxy, "http://proxy.example:3128");
    assert_int_equal(soar->reconnect_after, 90 * CLOCK_SECOND);
    assert_int_equal(soar->signature, CONFIG_SIGNATURE_GITHUB);
    assert_int_equal(soar->headers.count, 2);
    assert_string_equal(soar->headers.items[1].name, "X-Stage");
    assert_string_equal(soar->headers.items[1].value, "prod");
    assert_int_equal(soar->connect_timeout, 2 * CLOCK_SECOND);
    assert_int_equal(soar->timeout, 20 * CLOCK_SECOND);
    assert_int_equal(soar->in_flight, 4);
    assert_int_equal(soar->retry_base, 500 * CLOCK_MILLISECOND);
    assert_int_equal(soar->retry_cap, 60 * CLOCK_SECOND);
    assert_int_equal(soar->hold_interval, 120 * CLOCK_SECOND);
    assert_int_equal(soar->give_up_after, 24 * 3600 * CLOCK_SECOND);
    assert_string_equal(config->destinations[3].url.file, "/run/credentials/harrierd.service/u");
    assert_string_equal(config->destinations[3].token.file, "/run/credentials/harrierd.service/t");
    assert_string_equal(config->destinations[3].hmac_secret.file, "/run/credentials/harrierd.service/h");
    assert_int_equal(config->destinations[3].signature, CONFIG_SIGNATURE_STANDARD_WEBHOOKS);
    char *secret;
    assert_int_equal(config_secret_read(&soar->token, &secret), RESULT_OK);
    assert_string_equal(secret, "hush");
    config_secret_free(secret);
    assert_int_equal(config_secret_read(&config->destinations[2].token, &secret), RESULT_NOT_FOUND);
}

static void check_complete_limits(const struct config_limits *limits)
{
    assert_int_equal(limits->body_bytes, 1 << 30);
    assert_int_equal(limits->header_bytes, 8192);
    assert_int_equal(limits->connections, 100);
    assert_int_equal(limits->connections_per_address, 50);
    assert_int_equal(limits->connection_memory, 16 << 20);
    assert_int_equal(limits->inflated_bytes, 128 << 20);
    assert_int_equal(limits->inflate_ratio, 100);
    assert_int_equal(limits->header_timeout, 5 * CLOCK_SECOND);
    assert_int_equal(limits->idle_timeout, 200 * CLOCK_SECOND);
    assert_int_equal(limits->body_progress_timeout, 6 * CLOCK_SECOND);
    assert_int_equal(limits->acknowledge_timeout, 7 * CLOCK_SECOND);
    assert_int_equal(limits->depth, 5000);
    assert_int_equal(limits->value_bytes, 1 << 20);
    assert_int_equal(limits->event_bytes, 2 << 20);
    assert_int_equal(limits->memory, 64 << 20);
    assert_int_equal(limits->raw_bytes, 32768);
}

static void check_complete_clients(const struct config_client *clients)
{
    char *secret;
    assert_string_equal(clients[0].name, "mutual");
    assert_string_equal(clients[0].cluster, "prod-eu-3");
    assert_string_equal(clients[0].certificate_name, "prod-eu-3");
    assert_int_equal(config_secret_read(&clients[0].token, &secret), RESULT_OK);
    assert_string_equal(secret, "hush");
    config_secret_free(secret);
    assert_string_equal(clients[1].cluster, "");
    assert_string_equal(clients[1].user, "vector");
    assert_non_null(strstr(clients[1].password.file, "/tests/data/config/secret"));
    assert_non_null(strstr(clients[2].access_key.file, "/tests/data/config/secret"));
    assert_non_null(strstr(clients[2].path_token.file, "/tests/data/config/secret"));
    assert_non_null(strstr(clients[3].jwks_file, "/tests/data/config/jwks.json"));
    assert_string_equal(clients[3].audience, "harrier");
    assert_string_equal(clients[3].email, "push@example.iam.gserviceaccount.com");
    assert_string_equal(clients[4].token.file, "/run/credentials/harrierd.service/b");
    assert_string_equal(clients[4].access_key.file, "/run/credentials/harrierd.service/a");
    assert_string_equal(clients[4].path_token.file, "/run/credentials/harrierd.service/p");
    assert_string_equal(clients[5].password.file, "/run/credentials/harrierd.service/w");
    assert_string_equal(clients[6].issuer, "https://issuer.example");
    assert_string_equal(clients[6].email, "");
}

static void check_complete_sources(const struct config *config)
{
    const struct config_source *clouds = &config->sources[1];
    assert_int_equal(config->source_count, 6);
    assert_string_equal(clouds->listen.text, "");
    assert_string_equal(clouds->systemd_socket, "clouds");
    assert_int_equal(clouds->format, CONFIG_FORMAT_FIREHOSE);
    assert_int_equal(clouds->clusters.count, 2);
    assert_string_equal(clouds->clusters.items[1], "prod-us-2");
    assert_int_equal(clouds->cluster_from, CONFIG_CLUSTER_FROM_ENVELOPE);
    assert_non_null(strstr(clouds->tls.certificate_file, "/tests/data/config/server.crt"));
    assert_non_null(strstr(clouds->tls.key.file, "/tests/data/config/secret"));
    assert_non_null(strstr(clouds->tls.client_ca_file, "/tests/data/config/ca.crt"));
    assert_int_equal(clouds->tls.client_names.count, 2);
    assert_string_equal(clouds->tls.client_names.items[1], "api.example");
    assert_int_equal(clouds->tls.minimum_version, CONFIG_TLS_1_3);
    assert_true(clouds->event_grid);
    assert_true(clouds->proxy_protocol);
    assert_true(clouds->events_per_second == 500.5);
    assert_int_equal(clouds->silence_after, 3600 * CLOCK_SECOND);
    assert_int_equal(clouds->client_count, 7);
    check_complete_clients(clouds->clients);
    assert_int_equal(config->sources[2].type, CONFIG_SOURCE_SYSLOG);
    assert_int_equal(config->sources[2].cluster_from, CONFIG_CLUSTER_FROM_SYSLOG);
    assert_int_equal(config->sources[2].framing, CONFIG_FRAMING_OCTETS);
    assert_int_equal(config->sources[0].framing, CONFIG_FRAMING_AUTO);
    assert_int_equal(config->sources[2].log_type, CONFIG_LOG_TYPE_AUTO);
    assert_string_equal(config->sources[2].tls.key.file, "/run/credentials/harrierd.service/k");
    assert_int_equal(config->sources[2].tls.minimum_version, CONFIG_TLS_1_2);
    assert_int_equal(config->sources[3].type, CONFIG_SOURCE_RELP);
    assert_int_equal(config->sources[3].log_type, CONFIG_LOG_TYPE_GKE_CONTROLPLANE);
    assert_int_equal(config->sources[4].type, CONFIG_SOURCE_FILE);
    assert_non_null(strstr(config->sources[4].file, "/tests/data/config/audit.log"));
    assert_string_equal(config->sources[5].file, "-");
    assert_string_equal(config->sources[5].cluster, "prod-eu-1");
}

static void check_complete_rest(const struct config *config)
{
    const struct config_source *source = &config->sources[0];
    assert_string_equal(config->cluster, "prod-eu-1");
    assert_string_equal(source->name, "apiserver");
    assert_string_equal(source->listen.text, "0.0.0.0:9480");
    assert_string_equal(source->path, "/k8s-audit");
    assert_string_equal(config_log_type_name(source->log_type), "UDM");
    assert_string_equal(source->cluster, "prod-eu-2");
    assert_true(source->insecure);
    assert_int_equal(source->trusted_proxies, 2);
    assert_int_equal(source->place.line, 4);
    assert_int_equal(source->place.column, 5);
    assert_int_equal(config->rules.files.count, 2);
    assert_int_equal(config->rules.files.items[0][0], '/');
    assert_non_null(strstr(config->rules.files.items[0], "/tests/data/config/rules/*.yaral"));
    assert_string_equal(config->rules.files.items[1], "/etc/harrier/rules/*.yaral");
    assert_non_null(strstr(config->rules.lists, "/tests/data/config/lists"));
    assert_non_null(strstr(config->rules.tables, "/tests/data/config/tables"));
    assert_non_null(strstr(config->store.directory, "/tests/data/config/state"));
    assert_int_equal(config->store.retention, 30 * 24 * 3600 * CLOCK_SECOND);
    assert_int_equal(config->store.size, 1 << 30);
    assert_int_equal(config->store.remember_ids, 60 * 24 * 3600 * CLOCK_SECOND);
    assert_int_equal(config->store.dead_letters, 10 << 20);
    assert_non_null(strstr(config->admin.socket, "/tests/data/config/admin.sock"));
    assert_string_equal(config->admin.listen.text, "[::]:9481");
    assert_true(config->admin.insecure);
    assert_int_equal(config->admin.connections, 7);
    assert_int_equal(config->admin.timeout, 3 * CLOCK_SECOND);
    assert_int_equal(config->workers, 3);
    assert_int_equal(config->health.clock_skew, 60 * CLOCK_SECOND);
    assert_int_equal(config->health.late_after, 20 * 60 * CLOCK_SECOND);
    assert_int_equal(config->health.forget_after, 24 * 3600 * CLOCK_SECOND);
    assert_int_equal(config->health.clusters, 10);
    assert_int_equal(config->health.known_after, 48 * 3600 * CLOCK_SECOND);
    assert_int_equal(config->health.unknown_clusters, 20);
    assert_int_equal(config->health.notices, 5);
    assert_string_equal(config->labels.items[0].name, "team");
    assert_string_equal(config->labels.items[0].value, "requestObject.metadata.labels.team");
    assert_int_equal(config->log.level, LOG_LEVEL_DEBUG);
}

static void test_every_option_arrives_where_it_belongs(void **state)
{
    struct diagnostics *diagnostics = diagnostics_new();
    struct config *config;
    char *text = read_whole("tests/data/config/complete.yaml");
    struct search search = {text, 0};
    (void)state;
    unsetenv("CREDENTIALS_DIRECTORY");
    chmod("tests/data/config/secret", 0600);
    config_schema_visit(is_in_text, &search);
    assert_true(search.found > 60);
    /* the credentials are the unit's, so here they cannot be read */
    assert_int_equal(config_load("tests/data/config/complete.yaml", CONFIG_SECRETS_ELSEWHERE, diagnostics, &config), RESULT_OK);
    assert_int_equal(diagnostics_count(diagnostics), 8);
    assert_non_null(strstr(diagnostics_at(diagnostics, 0)->message,
                           "the token of sources[1].clients[4] in `/run/credentials/harrierd.service/b` cannot be checked here"));
    assert_non_null(strstr(diagnostics_at(diagnostics, 5)->message,
                           "the URL of destinations[3] in `/run/credentials/harrierd.service/u` cannot be checked here"));
    assert_non_null(strstr(config->include.items[0], "tests/data/config/sources.d/*.yaml"));
    check_complete_sources(config);
    check_complete_rest(config);
    check_complete_limits(&config->limits);
    check_complete_destinations(config);
    assert_int_equal(config->route_count, 2);
    assert_string_equal(config->routes[0].when, "severity >= HIGH");
    assert_int_equal(config->routes[0].when_place.line, 73);
    assert_int_equal(config->routes[0].when_place.column, 11);
    assert_int_equal(config->routes[0].destinations[1], 1);
    assert_string_equal(config->routes[1].when, "");
    assert_int_equal(config->routes[1].destinations[0], 2);
    config_free(config);
    diagnostics_free(diagnostics);
    free(text);
}

static void is_in_reference(void *data, const char *path, const struct option_table *table, const struct option *option)
{
    struct search *search = data;
    char entry[256];
    (void)table;
    snprintf(entry, sizeof entry, "%s: ", path);
    if (!strstr(search->text, entry) || !strstr(search->text, option->help))
        fail_msg("%s is not in the reference", path);
    if (option->standard && (snprintf(entry, sizeof entry, "; default %s", option->standard), !strstr(search->text, entry)))
        fail_msg("the default of %s is not in the reference", path);
}

static void test_the_reference_holds_every_option(void **state)
{
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    (void)state;
    config_print_reference(out);
    fclose(out);
    struct search search = {text, 0};
    config_schema_visit(is_in_reference, &search);
    assert_non_null(strstr(text, "limits.header_bytes: size from 1KiB to 64KiB; default 16KiB\n"));
    free(text);
}

/* --- files that are included --- */

struct folder {
    char path[64];
};

static void put(const struct folder *folder, const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder->path, name);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fputs(text, out);
    fclose(out);
}

static void make_folder(struct folder *folder, const char *include)
{
    char text[512];
    snprintf(folder->path, sizeof folder->path, "/tmp/harrier-config-XXXXXX");
    assert_non_null(mkdtemp(folder->path));
    snprintf(text, sizeof text, MINIMAL "cluster: prod\ninclude: [%s]\ndestinations: [{name: f, type: file, path: f}]\nadmin: {listen: '127.0.0.1:9481'}\n", include);
    put(folder, "harrier.yaml", text);
}

static struct config *load_folder(const struct folder *folder, char **report)
{
    struct diagnostics *diagnostics = diagnostics_new();
    struct config *config;
    char path[128];
    snprintf(path, sizeof path, "%s/harrier.yaml", folder->path);
    config_load(path, 0, diagnostics, &config);
    *report = print(diagnostics);
    diagnostics_free(diagnostics);
    return config;
}

static void remove_folder(const struct folder *folder)
{
    static const char *const names[] = {"harrier.yaml", "a.yaml", "b.yaml"};
    char path[128];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", folder->path, names[i]);
        unlink(path);
    }
    rmdir(folder->path);
}

/* The folder has a.yaml; this is said of it. */
static void assert_included_error(const char *included, const char *expected)
{
    struct folder folder;
    char *report, text[512];
    make_folder(&folder, "'[ab].yaml'");
    put(&folder, "a.yaml", included);
    put(&folder, "b.yaml", "sources: [{name: z, type: webhook, listen: '127.0.0.1:9999'}]\n");
    struct config *config = load_folder(&folder, &report);
    assert_null(config);
    snprintf(text, sizeof text, "%s/%s", folder.path, expected);
    if (!strstr(report, text))
        fail_msg("`%s` is not in: %s", text, report);
    free(report);
    remove_folder(&folder);
}

static void test_included_sources_stand_behind_those_of_the_configuration(void **state)
{
    struct folder folder;
    char *report, certificate[128];
    (void)state;
    make_folder(&folder, "'[ab].yaml', 'none/*.yaml'");
    put(&folder, "b.yaml", "sources: [{name: c, type: file, file: audit.log}]\n");
    put(&folder, "a.yaml", "\nsources:\n  - {name: b, type: webhook, listen: '127.0.0.1:9482', cluster: own, path: /x}\n");
    struct config *config = load_folder(&folder, &report);
    assert_string_equal(report, "");
    assert_int_equal(config->source_count, 3);
    assert_string_equal(config->sources[0].name, "a");
    assert_string_equal(config->sources[1].name, "b");
    assert_string_equal(config->sources[1].cluster, "own");
    assert_int_equal(config->sources[1].place.line, 3);
    assert_non_null(strstr(config_place_file(config, config->sources[1].place), "/a.yaml"));
    assert_string_equal(config->sources[2].cluster, "prod");
    snprintf(certificate, sizeof certificate, "%s/audit.log", folder.path);
    assert_string_equal(config->sources[2].file, certificate);
    free(report);
    config_free(config);
    remove_folder(&folder);
}

static void test_what_is_wrong_in_an_included_file_is_told_with_its_name_and_line(void **state)
{
    (void)state;
    assert_included_error("sources:\n  - {name: b, type: webhok}\n", "a.yaml:2:21: error: `type` in sources[0]");
    assert_included_error("\nrules: {}\n", "a.yaml:2:1: error: unknown key `rules`");
    assert_included_error("sources: [\n", "a.yaml:2:1: error: not YAML");
    assert_included_error("- a\n", "a.yaml:1:1: error: the configuration must be a mapping, such as sources: [...]");
    assert_included_error("sources:\n  - {name: a, type: file, file: x}\n", "a.yaml:2:12: error: two sources are named `a` (");
    assert_included_error("sources:\n  - {name: b, type: webhook, listen: '127.0.0.1:9480'}\n", "a.yaml:2:38: error: sources[0] of ");
    assert_included_error("sources:\n  - {name: z, type: file, file: x}\n", "b.yaml:1:18: error: two sources are named `z` (");
    assert_included_error("sources:\n  - {name: b, type: webhook, listen: '127.0.0.1:9481'}\n", "harrier.yaml");
}

static void test_an_included_path_without_a_wildcard_must_be_there(void **state)
{
    struct folder folder;
    char *report;
    (void)state;
    make_folder(&folder, "missing.yaml");
    assert_null(load_folder(&folder, &report));
    assert_non_null(strstr(report, "harrier.yaml:4:11: error: `"));
    assert_non_null(strstr(report, "/missing.yaml` is not there"));
    free(report);
    remove_folder(&folder);
}

static void test_unknown_keys_are_errors_with_the_nearest_known_one(void **state)
{
    (void)state;
    assert_error(MINIMAL "sotre: {}\n", "3:1: error: unknown key `sotre` at the top level; did you mean `store`?");
    assert_error(MINIMAL "store: {dead_leters: 1MiB}\n", "3:9: error: unknown key `dead_leters` in store; did you mean `dead_letters`?");
    assert_error(MINIMAL "destinations: [{name: a, type: webhook, url: 'https://x', token: abc}]\n", "did you mean `token_file`?");
    assert_error(MINIMAL "log: {zzzzzzzzzz: 1}\n", "unknown key `zzzzzzzzzz` in log; known are level");
}

static void test_a_listener_that_is_reachable_needs_tls_or_insecure_written_out(void **state)
{
    (void)state;
    assert_error("sources: [{name: a, type: webhook, listen: '0.0.0.0:9480'}]\n", "insecure: true");
    assert_error("sources: [{name: a, type: syslog, listen: '0.0.0.0:9480'}]\n", "Add tls with a certificate_file");
    assert_error("sources: [{name: a, type: relp, listen: '0.0.0.0:9480'}]\n", "Add tls with a certificate_file");
    assert_error("sources: [{name: a, type: webhook, listen: '0.0.0.0:9480', tls: {}}]\n", "reachable from outside without TLS");
    assert_warning("sources: [{name: a, type: webhook, listen: '0.0.0.0:9480', tls: {certificate_file: s.crt, key_file: secret}}]\n", "no rules");
    assert_error("sources: [{name: a, type: webhook, listen: '[::]:9480'}]\n", "insecure: true");
    assert_error("sources: [{name: a, type: webhook, listen: '[::ffff:10.0.0.1]:9480'}]\n", "insecure: true");
    assert_error(MINIMAL "admin: {listen: '10.0.0.1:9481'}\n", "insecure: true");
    assert_warning("sources: [{name: a, type: webhook, listen: '0.0.0.0:9480', insecure: true}]\n", "no rules");
    assert_warning("sources: [{name: a, type: webhook, listen: 'localhost:9480'}]\n", "no rules");
    assert_warning("sources: [{name: a, type: webhook, listen: '[::1]:9480'}]\n", "no rules");
    assert_warning("sources: [{name: a, type: webhook, listen: '127.9.9.9:9480'}]\n", "no rules");
}

#define SOURCE(rest) "{rules: {files: [r.yaral]}, destinations: [{name: d, type: file, path: x}],\nsources: [{name: a, " rest "}]}\n"
#define WEBHOOK(rest) SOURCE("type: webhook, listen: '127.0.0.1:9480', " rest)
#define SYSLOG(rest) SOURCE("type: syslog, listen: '127.0.0.1:9480', " rest)
#define TLS "certificate_file: s.crt, key_file: secret"
#define MUTUAL_TLS "tls: {" TLS ", client_ca_file: ca.crt}"

static void test_a_listener_has_an_address_or_a_socket_of_systemd(void **state)
{
    (void)state;
    assert_error(SOURCE("type: webhook"), "2:11: error: sources[0] needs one of `listen` and `systemd_socket`");
    assert_error(SOURCE("type: relp"), "sources[0] needs one of `listen` and `systemd_socket`");
    assert_error(WEBHOOK("systemd_socket: x"), "sources[0] needs one of `listen` and `systemd_socket`");
    assert_warning(SOURCE("type: webhook, systemd_socket: x"), "");
}

static void test_braces_of_a_path_are_whole_segments_that_are_known(void **state)
{
    (void)state;
    assert_warning(WEBHOOK("path: '/k8s-audit/{cluster}'"), "");
    assert_warning(WEBHOOK("path: '/{cluster}/x/'"), "");
    assert_error(WEBHOOK("path: '/k8s-{cluster}'"), "{cluster} and {token} as whole segments");
    assert_error(WEBHOOK("path: '/{cluster}x'"), "{cluster} and {token} as whole segments");
    assert_error(WEBHOOK("path: '/{clutser}'"), "{cluster} and {token} as whole segments");
    assert_error(WEBHOOK("path: '/a}/b'"), "{cluster} and {token} as whole segments");
    assert_error(WEBHOOK("path: '{cluster}'"), "must begin with a slash");
}

static void test_a_segment_in_braces_stands_once(void **state)
{
    (void)state;
    assert_error(WEBHOOK("path: '/{cluster}/{cluster}'"), "has {cluster} twice");
    assert_error(WEBHOOK("path: '/{token}/x/{token}', clients: [{name: c, path_token_file: secret}]"), "has {token} twice");
}

static void test_a_token_in_the_path_needs_clients_that_have_one(void **state)
{
    (void)state;
    assert_warning(WEBHOOK("path: '/{token}', clients: [{name: c, path_token_file: secret}]"), "");
    assert_error(WEBHOOK("path: '/{token}'"), "`path` in sources[0] has {token}, but no client has a path_token");
    assert_error(WEBHOOK("path: '/{token}', clients: [{name: c, token_file: secret}]"), "but no client has a path_token");
    assert_error(WEBHOOK("path: '/x', clients: [{name: c, path_token_file: secret}]"), "a path token in sources[0].clients[0] needs {token}");
}

static void test_a_certificate_and_its_key_belong_together(void **state)
{
    (void)state;
    assert_error(WEBHOOK("tls: {}"), "2:67: error: `tls` in sources[0] has no `certificate_file`");
    assert_error(WEBHOOK("tls: {minimum_version: '1.3'}"), "`tls` in sources[0] has no `certificate_file`");
    assert_error(WEBHOOK("tls: {key_file: secret}"), "`tls` in sources[0] has no `certificate_file`");
    assert_error(WEBHOOK("tls: {certificate_file: s.crt}"), "a certificate without its key");
    assert_error(WEBHOOK("tls: {certificate_file: s.crt, key_file: none}"), "the key of sources[0].tls cannot be read from");
    assert_error(WEBHOOK("tls: {certificate_file: s.crt, key_file: secret, key_credential: k}"), "keep one of the two");
    assert_error(WEBHOOK("tls: {" TLS ", client_names: [b]}"), "`client_names` in sources[0] need `client_ca_file`");
    assert_error(WEBHOOK("tls: {" TLS ", minimum_version: '1.1'}"), "`minimum_version` in sources[0].tls must be one of 1.2, 1.3");
    assert_warning(WEBHOOK(MUTUAL_TLS), "");
}

static void test_a_client_shows_one_kind_of_authorization(void **state)
{
    (void)state;
    assert_error(WEBHOOK("clients: [{name: c, token_file: secret, user: u, password_file: secret}]"), "keep one");
    assert_error(WEBHOOK("clients: [{name: c, token_file: secret, jwks_file: j, audience: x}]"), "keep one");
    assert_error(WEBHOOK("clients: [{name: c, user: u}]"), "`user` and a password belong together in sources[0].clients[0]");
    assert_error(WEBHOOK("clients: [{name: c, password_file: secret}]"), "`user` and a password belong together");
    assert_error(WEBHOOK("clients: [{name: c, jwks_file: j}]"), "`jwks_file` and `audience` belong together");
    assert_error(WEBHOOK("clients: [{name: c, audience: x, token_file: secret}]"), "`jwks_file` and `audience` belong together");
    assert_error(WEBHOOK("clients: [{name: c, token_file: secret, email: x@y}]"), "`email` in sources[0].clients[0] is one of a JWT");
    assert_error(WEBHOOK("clients: [{name: c, token_file: secret, issuer: x}]"), "`issuer` in sources[0].clients[0] is one of a JWT");
    assert_error(WEBHOOK("clients: [{name: c, jwks_file: j, audience: x}]"), "every account that Google signs a token for: add `email`");
    assert_warning(WEBHOOK("clients: [{name: c, jwks_file: j, audience: x, email: x@y}, {name: d, jwks_file: j, audience: x, issuer: y}]"), "");
    assert_error(WEBHOOK("clients: [{name: c, cluster: x}]"), "says not how the client is known");
    assert_warning(WEBHOOK("clients: [{name: c, token_file: secret}, {name: d, user: u, password_file: secret}, {name: e, access_key_file: secret}]"), "");
}

static void test_a_client_known_by_its_certificate_needs_client_certificates(void **state)
{
    (void)state;
    assert_error(WEBHOOK("clients: [{name: c, certificate_name: x}]"), "`certificate_name` in sources[0].clients[0] needs `client_ca_file`");
    assert_error(WEBHOOK("tls: {" TLS "}, clients: [{name: c, certificate_name: x}]"), "needs `client_ca_file`");
    assert_warning(WEBHOOK(MUTUAL_TLS ", clients: [{name: c, certificate_name: x, token_file: secret}]"), "");
    assert_warning(SYSLOG(MUTUAL_TLS ", clients: [{name: c, certificate_name: x}]"), "");
}

static void test_clients_of_syslog_and_relp_have_certificates_only(void **state)
{
    (void)state;
    assert_error(SYSLOG(MUTUAL_TLS ", clients: [{name: c, certificate_name: x, token_file: secret}]"), "syslog and RELP carry no tokens");
    assert_error(SYSLOG("clients: [{name: c, user: u, password_file: secret}]"), "syslog and RELP carry no tokens");
    assert_error(SYSLOG("clients: [{name: c, access_key_file: secret}]"), "syslog and RELP carry no tokens");
}

static void test_clients_of_a_source_have_names_of_their_own(void **state)
{
    (void)state;
    assert_error(WEBHOOK("clients: [{name: c, token_file: secret}, {name: c, token_file: secret}]"), "two clients of the source are named `c`");
    assert_error(WEBHOOK("clients: [{name: 'a b', token_file: secret}]"), "`name` in sources[0].clients[0] must be");
    assert_error(WEBHOOK("clients: [{token_file: secret}]"), "sources[0].clients[0] has no `name`");
}

static void test_secrets_of_clients_are_looked_at(void **state)
{
    char file[] = "/tmp/harrier-secret-XXXXXX", text[512];
    int fd = mkstemp(file);
    (void)state;
    assert_true(fd >= 0);
    close(fd);
    snprintf(text, sizeof text, WEBHOOK("clients: [{name: c, token_file: '%s'}]"), file);
    assert_error(text, "the token of sources[0].clients[0]: the first line of");
    snprintf(text, sizeof text, WEBHOOK("clients: [{name: c, user: u, password_file: '%s'}]"), file);
    assert_error(text, "the password of sources[0].clients[0]: the first line of");
    unlink(file);
    assert_error(WEBHOOK("clients: [{name: c, access_key_file: none}]"), "the access key of sources[0].clients[0] cannot be read");
    assert_error(WEBHOOK("path: '/{token}', clients: [{name: c, path_token_file: none}]"), "the path token of sources[0].clients[0] cannot be read");
}

static void test_who_names_the_cluster_must_be_able_to(void **state)
{
    (void)state;
    assert_error(WEBHOOK("cluster_from: certificate"), "`cluster_from: certificate` in sources[0] needs `client_ca_file`");
    assert_error(SOURCE("type: file, file: x, cluster_from: certificate"), "needs `client_ca_file`");
    assert_error(WEBHOOK("cluster_from: syslog"), "is for sources of type syslog and relp");
    assert_error(SOURCE("type: file, file: x, cluster_from: syslog"), "is for sources of type syslog and relp");
    assert_warning(SYSLOG("cluster_from: syslog"), "");
    assert_warning(WEBHOOK(MUTUAL_TLS ", cluster_from: certificate"), "");
    assert_warning(WEBHOOK("cluster_from: envelope"), "");
}

static void test_a_handshake_vouches_for_no_strangers(void **state)
{
    (void)state;
    assert_error(SOURCE("type: webhook, listen: '0.0.0.0:9480', insecure: true, event_grid: true"), "`event_grid` in sources[0] needs `clients`");
    assert_warning(WEBHOOK("event_grid: true"), "");
    assert_warning(WEBHOOK("event_grid: true, clients: [{name: c, token_file: secret}]"), "");
    assert_error(SYSLOG("event_grid: true"), "is an option of type webhook only");
}

static void test_a_file_is_followed_once_and_listens_nowhere(void **state)
{
    (void)state;
    assert_error(SOURCE("type: file"), "sources[0] has no `file`");
    assert_error(SOURCE("type: file, file: x, listen: '127.0.0.1:1'"), "is an option of type webhook, syslog and relp only");
    assert_error(SOURCE("type: file, file: x, tls: {" TLS "}"), "is an option of type webhook, syslog and relp only");
    assert_error(SOURCE("type: file, file: x}, {name: b, type: file, file: x"), "sources[0] follows");
    assert_error(SOURCE("type: file, file: '-'}, {name: b, type: file, file: '-'"), "sources[0] follows `-` already");
    assert_warning(SOURCE("type: file, file: x}, {name: b, type: file, file: y"), "");
}

static void test_a_dash_stays_a_dash(void **state)
{
    char *report;
    (void)state;
    struct config *config = parse(SOURCE("type: file, file: '-'"), &report);
    assert_non_null(config);
    assert_string_equal(config->sources[0].file, "-");
    config_free(config);
    free(report);
}

static void test_two_that_want_one_port_are_an_error(void **state)
{
    (void)state;
    assert_error("sources: [{name: a, type: webhook, listen: '127.0.0.1:1'}, {name: b, type: webhook, listen: '127.0.0.1:1'}]\n",
                 "sources[0] listens on `127.0.0.1:1` already");
    assert_error("sources: [{name: a, type: webhook, listen: '127.0.0.1:9481'}]\n", "admin and sources[0] both listen");
    assert_error("sources: [{name: a, type: webhook, listen: '127.0.0.1:0'}, {name: a, type: webhook, listen: '127.0.0.1:0'}]\n",
                 "two sources are named `a`");
}

static void test_duplicate_keys_are_errors(void **state)
{
    (void)state;
    assert_error("cluster: a\ncluster: b\n", "2:1: error: duplicate key `cluster`: it stands in line 1 already");
    assert_error("log: {level: info, level: debug}\n", "1:20: error: duplicate key `level` in log");
    assert_error("labels: {a: x, a: y}\n", "1:16: error: duplicate key `a` in `labels`");
}

static void test_values_are_refused_with_what_they_should_be(void **state)
{
    (void)state;
    assert_error("workers: many\n", "1:10: error: `workers` must be a whole number");
    assert_error("workers: 257\n", "must be from 0 to 256");
    assert_error("workers: -1\n", "must be from 0 to 256");
    assert_error("workers: 99999999999999999999\n", "must be a whole number");
    assert_error("store: {size: 1GB}\n", "KiB, MiB, GiB or TiB");
    assert_error("store: {size: 9223372036854775807TiB}\n", "must be from 16MiB to 16TiB");
    assert_error("store: {retention: 5}\n", "ms, s, m, h or d");
    assert_error("store: {retention: 1s}\n", "must be from 1m to 3650d");
    assert_error("limits: {acknowledge_timeout: 30s}\n", "must be from 10ms to 25s");
    assert_error("limits: {connection_memory: 4MiB}\n", "`connection_memory` in limits is less than `event_bytes`");
    assert_error("limits: {event_bytes: 65MiB}\n", "`connection_memory` in limits is less than `event_bytes`");
    assert_error("admin: {insecure: yes}\n", "must be true or false");
    assert_error("log: {level: inof}\n", "must be one of error, warning, notice, info, debug, not `inof`; did you mean `info`?");
    assert_error("log: {level: }\n", "has no value");
    assert_error("cluster: \"a\\nb\"\n", "control character");
    assert_error("cluster: \"a\\0b\"\n", "control character");
    assert_error("cluster: ''\n", "must not be empty");
    assert_error("cluster: [a]\n", "must be a single value");
    assert_error("store: 5\n", "must be a mapping");
    assert_error("sources: {}\n", "must be a list");
    assert_error("- a\n", "must be a mapping");
    assert_error("admin: {listen: '::1:80'}\n", "an IPv6 address needs brackets");
    assert_error("admin: {listen: '127.0.0.1'}\n", "the port is missing");
    assert_error("admin: {listen: '127.0.0.1:70000'}\n", "from 0 to 65535");
    assert_error("admin: {listen: 'example.org:80'}\n", "names are not looked up");
    assert_error("cluster: !env HOME\n", "means nothing here");
    assert_error("sources: [{name: a, type: webhook, listen: '127.0.0.1:1', trusted_proxies: 17}]\n", "16");
    assert_error("sources: [{name: a, type: webhook, listen: '127.0.0.1:1', trusted_proxies: -1}]\n", "from 0 to 16");
    assert_error("sources: [{name: a, type: webhook, listen: '127.0.0.1:1', trusted_proxies: one}]\n", "a whole number or auto");
    assert_warning(MINIMAL "destinations: [{name: d, type: file, path: x}]\nstore: {size: 16MiB}\n", "");
    assert_warning(MINIMAL "destinations: [{name: d, type: file, path: x}]\nstore: {size: 16MiB, dead_letters: 4MiB}\n", "");
    assert_warning(MINIMAL "destinations: [{name: d, type: file, path: x}]\nstore: {size: 16MiB, dead_letters: 5MiB}\n", "`dead_letters` in store is more than a quarter of `size`");
    assert_error("store: {retention: 90d, remember_ids: 10d}\n", "`remember_ids` in store is shorter");
}

static void test_variables_are_not_expanded(void **state)
{
    char *report;
    (void)state;
    struct config *config = parse("cluster: ${HOME}\n", &report);
    assert_string_equal(config->cluster, "${HOME}");
    config_free(config);
    free(report);
}

static void test_what_is_no_yaml_is_reported_with_its_place(void **state)
{
    (void)state;
    assert_error("cluster: [a\nworkers: 1\n", ":2:8: error: not YAML: ");
    assert_error("a: b\n\tc: d\n", ":2:1: error: not YAML: ");
    assert_error("cluster: \xff\n", "error: not YAML: ");
    assert_error("cluster: *nowhere\n", ":1:10: error: not YAML: ");
    assert_error("cluster: a\n---\ncluster: b\n", ":2:1: error: a second document begins here");
}

static void test_a_list_that_holds_itself_is_an_error(void **state)
{
    (void)state;
    assert_error("sources: &s [*s]\n", "`sources[0]` must be a mapping");
    assert_error("rules: &r {files: *r}\n", "must be a list");
}

static void test_columns_count_bytes(void **state)
{
    (void)state;
    assert_error("labels: {\"\xc3\xbc\": x}\n", "1:10: error: the label");
    assert_error("log: {\"\xc3\xbc\": x, levle: y}\n", "1:16: error: unknown key `levle`");
}

static void test_routes_and_destinations_fit_each_other(void **state)
{
    static const char two[] = MINIMAL "destinations:\n- {name: a, type: file, path: x}\n- {name: bcd, type: file, path: y}\n";
    char text[1024], *report;
    (void)state;
    struct config *config = parse(two, &report);
    assert_string_equal(report, "");
    assert_int_equal(config->route_count, 1);
    assert_int_equal(config->routes[0].to.count, 2);
    assert_string_equal(config->routes[0].to.items[1], "bcd");
    assert_int_equal(config->routes[0].destinations[1], 1);
    config_free(config);
    free(report);
    snprintf(text, sizeof text, "%sroutes:\n- {to: [a]}\n", two);
    assert_warning(text, "5:3: warning: no route leads to the destination `bcd`");
    snprintf(text, sizeof text, "%sroutes:\n- {to: [a, bdc]}\n", two);
    assert_error(text, "7:12: error: routes[0] names `bdc`, which is no destination; did you mean `bcd`?");
    snprintf(text, sizeof text, "%sroutes:\n- {when: x}\n", two);
    assert_error(text, "7:3: error: routes[0] has no `to`");
}

static void test_destinations_have_what_their_type_needs(void **state)
{
    (void)state;
    assert_error(MINIMAL "destinations: [{name: a, type: slack}]\n", "has no URL");
    assert_error(MINIMAL "destinations: [{name: a, type: file}]\n", "has no `path`");
    assert_error(MINIMAL "destinations: [{name: a, type: file, path: x, url: y}]\n", "is an option of type slack and webhook only");
    assert_error(MINIMAL "destinations: [{name: a, type: webhook, url: 'https://x', url_file: y}]\n", "keep one of the two");
    assert_error(MINIMAL "destinations: [{name: a, type: webhook, url: 'https://x', signature: github}]\n", "needs a secret");
    assert_error(MINIMAL "destinations: [{name: a, type: webhook, url: 'https://x', hmac_secret_file: secret}]\n", "is not used");
    assert_error(MINIMAL "destinations: [{name: a, type: webhook, url: 'https://x', headers: {Content-Length: '1'}}]\n",
                 "is set by harrierd");
    assert_error(MINIMAL "destinations: [{name: a, type: webhook, url: 'https://x', headers: {'a b': '1'}}]\n", "is not one of HTTP");
    assert_error(MINIMAL "destinations: [{name: a, type: webhook, url: 'https://x', key_file: k}]\n",
                 "certificate_file and key_file together");
    assert_warning(MINIMAL "destinations: [{name: a, type: slack, url: 'https://hooks.slack.com/services/x'}]\n", "is a secret of its own");
    assert_warning(MINIMAL "destinations: [{name: a, type: webhook, url: 'http://soar.example/'}]\n", "unencrypted");
    assert_warning(MINIMAL "destinations: [{name: a, type: webhook, url: 'https://u:p@soar.example/'}]\n", "holds a password");
    assert_warning(MINIMAL "destinations: [{name: a, type: webhook, url: 'http://[::1]:80/'}]\n", "");
}

static void test_no_secret_is_quoted_in_a_diagnostic(void **state)
{
    char *report;
    (void)state;
    config_free(parse(MINIMAL "destinations: [{name: a, type: slack, url: 'htp://hooks.slack.com/services/T0/B0/hush'}]\n", &report));
    assert_null(strstr(report, "hush"));
    free(report);
}

static void test_secret_files_are_looked_at(void **state)
{
    char file[] = "/tmp/harrier-secret-XXXXXX", text[512];
    int fd = mkstemp(file);
    (void)state;
    assert_true(fd >= 0);
    snprintf(text, sizeof text, MINIMAL "destinations: [{name: a, type: slack, url_file: '%s'}]\n", file);
    assert_error(text, "is empty");
    assert_int_equal(write(fd, "https://x\n", 10), 10);
    assert_warning(text, "");
    assert_int_equal(fchmod(fd, 0604), 0);
    assert_warning(text, "chmod o-r");
    close(fd);
    unlink(file);
    assert_error(text, "no such file");
}

static void test_a_credential_is_a_file_in_its_folder(void **state)
{
    char folder[] = "/tmp/harrier-credentials-XXXXXX", file[64], *report, *value;
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(file, sizeof file, "%s/hook", folder);
    FILE *out = fopen(file, "w");
    fputs("https://x/y\n", out);
    fclose(out);
    chmod(file, 0400);
    setenv("CREDENTIALS_DIRECTORY", folder, 1);
    struct config *config = parse(MINIMAL "destinations: [{name: a, type: slack, url_credential: hook}]\n", &report);
    assert_non_null(config);
    assert_int_equal(config_secret_read(&config->destinations[0].url, &value), RESULT_OK);
    assert_string_equal(value, "https://x/y");
    config_secret_free(value);
    config_free(config);
    free(report);
    assert_error(MINIMAL "destinations: [{name: a, type: slack, url_credential: ../hook}]\n", "must be the name of a credential");
    unsetenv("CREDENTIALS_DIRECTORY");
    unlink(file);
    rmdir(folder);
}

static void test_a_file_that_cannot_be_read_is_reported(void **state)
{
    struct diagnostics *diagnostics = diagnostics_new();
    struct config *config;
    (void)state;
    assert_int_equal(config_load("tests/data/config/none.yaml", 0, diagnostics, &config), RESULT_NOT_FOUND);
    assert_int_equal(diagnostics_count_of(diagnostics, DIAGNOSTIC_ERROR), 1);
    assert_int_equal(config_load("tests/data/config", 0, diagnostics, &config), RESULT_IO);
    assert_null(config);
    diagnostics_free(diagnostics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_error_of_a_file_is_reported_with_its_place),
        cmocka_unit_test(test_defaults_are_those_of_the_table),
        cmocka_unit_test(test_every_default_may_be_written_out),
        cmocka_unit_test(test_every_option_arrives_where_it_belongs),
        cmocka_unit_test(test_the_reference_holds_every_option),
        cmocka_unit_test(test_included_sources_stand_behind_those_of_the_configuration),
        cmocka_unit_test(test_what_is_wrong_in_an_included_file_is_told_with_its_name_and_line),
        cmocka_unit_test(test_an_included_path_without_a_wildcard_must_be_there),
        cmocka_unit_test(test_unknown_keys_are_errors_with_the_nearest_known_one),
        cmocka_unit_test(test_a_listener_that_is_reachable_needs_tls_or_insecure_written_out),
        cmocka_unit_test(test_a_listener_has_an_address_or_a_socket_of_systemd),
        cmocka_unit_test(test_braces_of_a_path_are_whole_segments_that_are_known),
        cmocka_unit_test(test_a_segment_in_braces_stands_once),
        cmocka_unit_test(test_a_token_in_the_path_needs_clients_that_have_one),
        cmocka_unit_test(test_a_certificate_and_its_key_belong_together),
        cmocka_unit_test(test_a_client_shows_one_kind_of_authorization),
        cmocka_unit_test(test_a_client_known_by_its_certificate_needs_client_certificates),
        cmocka_unit_test(test_clients_of_syslog_and_relp_have_certificates_only),
        cmocka_unit_test(test_clients_of_a_source_have_names_of_their_own),
        cmocka_unit_test(test_secrets_of_clients_are_looked_at),
        cmocka_unit_test(test_who_names_the_cluster_must_be_able_to),
        cmocka_unit_test(test_a_handshake_vouches_for_no_strangers),
        cmocka_unit_test(test_a_file_is_followed_once_and_listens_nowhere),
        cmocka_unit_test(test_a_dash_stays_a_dash),
        cmocka_unit_test(test_two_that_want_one_port_are_an_error),
        cmocka_unit_test(test_duplicate_keys_are_errors),
        cmocka_unit_test(test_values_are_refused_with_what_they_should_be),
        cmocka_unit_test(test_variables_are_not_expanded),
        cmocka_unit_test(test_what_is_no_yaml_is_reported_with_its_place),
        cmocka_unit_test(test_a_list_that_holds_itself_is_an_error),
        cmocka_unit_test(test_columns_count_bytes),
        cmocka_unit_test(test_routes_and_destinations_fit_each_other),
        cmocka_unit_test(test_destinations_have_what_their_type_needs),
        cmocka_unit_test(test_no_secret_is_quoted_in_a_diagnostic),
        cmocka_unit_test(test_secret_files_are_looked_at),
        cmocka_unit_test(test_a_credential_is_a_file_in_its_folder),
        cmocka_unit_test(test_a_file_that_cannot_be_read_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
