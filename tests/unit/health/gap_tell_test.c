/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/health/gap_tell.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MINUTES(n) ((clock_nanos)(n)*60 * CLOCK_SECOND)
#define WALL MINUTES(100000)

static struct config_source webhook(const char *name, const char *listen, const char *path, const char *cluster)
{
    return (struct config_source){.name = name,
                                  .type = CONFIG_SOURCE_WEBHOOK,
                                  .listen = {.text = listen},
                                  .path = path,
                                  .cluster = cluster,
                                  .tls = {.certificate_file = "", .client_ca_file = ""},
                                  .silence_after = MINUTES(15)};
}

static void assert_command(const struct config_source *source, const char *cluster, const char *expected)
{
    struct buffer out = {NULL, 0, 0};
    const struct gap_span span = {WALL + CLOCK_SECOND / 2, WALL + MINUTES(12) + CLOCK_SECOND / 2};
    static const char filter[] =
        "awk '{ t = $0; sub(/.*\"stageTimestamp\":\"/, \"\", t) } t >= \"1970-03-11T10:40:00\" && t < \"1970-03-11T10:52:01\"' audit.log | ";
    gap_command(source, slice_of(cluster), &span, &out);
    buffer_append_byte(&out, '\0');
    assert_memory_equal(out.bytes, filter, sizeof filter - 1);
    assert_string_equal(out.bytes + sizeof filter - 1, expected);
    buffer_free(&out);
}

static void test_the_command_has_the_source_s_address_path_and_what_its_client_shows(void **state)
{
    struct config_client client = {
        .cluster = "prod", .certificate_name = "", .token = {.file = "/etc/harrier/token"}, .user = "", .jwks_file = ""};
    struct config_client two[2] = {client, client};
    struct config_source source = webhook("api", "127.0.0.1:9480", "/k8s-audit", "prod");
    (void)state;
    assert_command(&source, "prod", "curl --fail --data-binary @- 'http://127.0.0.1:9480/k8s-audit'");
    source.listen.text = "[::]:9480";
    source.path = "/{cluster}/{token}/it's";
    assert_command(&source, "prod", "curl --fail --data-binary @- 'http://127.0.0.1:9480/prod/TOKEN/it'\\''s'");
    assert_command(&source, "", "curl --fail --data-binary @- 'http://127.0.0.1:9480/CLUSTER/TOKEN/it'\\''s'");
    source.path = "/";
    source.tls.certificate_file = "/etc/harrier/tls.pem";
    source.clients = &client;
    source.client_count = 1;
    source.proxy_protocol = true;
    assert_command(&source, "prod",
                   "curl --fail --cacert CA.pem -H \"Authorization: Bearer $(cat '/etc/harrier/token')\" --haproxy-protocol --data-binary @- "
                   "'https://HOST:9480/'");
    source.proxy_protocol = false;
    client.token.file = NULL;
    client.certificate_name = "apiserver";
    assert_command(&source, "prod", "curl --fail --cacert CA.pem --cert CLIENT.pem --key CLIENT.key --data-binary @- 'https://HOST:9480/'");
    two[1].cluster = "west";
    two[1].token.file = "/etc/harrier/west";
    source.clients = two;
    source.client_count = 2;
    assert_command(&source, "west",
                   "curl --fail --cacert CA.pem -H \"Authorization: Bearer $(cat '/etc/harrier/west')\" --data-binary @- 'https://HOST:9480/'");
    assert_command(&source, "", "curl --fail --cacert CA.pem -H 'Authorization: Bearer TOKEN' --data-binary @- 'https://HOST:9480/'");
    source.listen.text = "";
    assert_command(&source, "", "curl --fail --cacert CA.pem -H 'Authorization: Bearer TOKEN' --data-binary @- 'https://HOST:PORT/'");
}

struct said {
    size_t count;
    struct buffer text;
};

static void say(void *context, const struct alert_notice *notice)
{
    struct said *said = context;
    said->count++;
    alert_notice_text(notice, &said->text);
    buffer_append_byte(&said->text, '\n');
}

static void assert_said(const struct said *said, const char *part, bool is)
{
    if ((strstr(said->text.bytes, part) != NULL) != is)
        fail_msg("`%s` %s in: %s", part, is ? "is not" : "is", said->text.bytes);
}

/* Only where API servers send to harrierd themselves, and have done so. */
static void test_each_source_that_api_servers_have_sent_to_says_which_clusters_and_when(void **state)
{
    struct config_source sources[] = {webhook("one", "127.0.0.1:1", "/", "alone"), webhook("many", "127.0.0.1:2", "/{cluster}", "x"),
                                      webhook("unused", "127.0.0.1:3", "/", "never"), webhook("grid", "127.0.0.1:4", "/", "aks"),
                                      webhook("file", "", "", "logged")};
    struct config config = {.sources = sources, .source_count = 5, .health = {.forget_after = MINUTES(1000), .clusters = 20, .unknown_clusters = 64, .notices = 9}};
    struct said said = {0};
    const struct gap_span span = {WALL, WALL + MINUTES(12)};
    (void)state;
    sources[3].event_grid = true;
    sources[4].type = CONFIG_SOURCE_FILE;
    struct clusters *clusters = clusters_new(&config);
    const struct health_options options = {.config = &config, .clusters = clusters, .wall = WALL, .monotonic = MINUTES(1)};
    struct health *health = health_new(&options);
    struct watch *watch = watch_new(clusters, 8);
    watch_heard(watch, 0, SLICE("alone"), MINUTES(1));
    watch_heard(watch, 1, SLICE("east"), MINUTES(1));
    watch_heard(watch, 1, SLICE("west"), MINUTES(1));
    watch_heard(watch, 3, SLICE("aks"), MINUTES(1));
    watch_heard(watch, 4, SLICE("logged"), MINUTES(1));
    struct watch_batch batch = watch_take(watch);
    health_merge(health, &batch);
    watch_batch_free(&batch);
    gap_notices(&config, health, &span, say, &said);
    buffer_append_byte(&said.text, '\0');
    assert_int_equal(said.count, 2);
    assert_said(&said, "Events of cluster alone (source one) from 1970-03-11T10:39:30.000000Z to 1970-03-11T10:52:00.000000Z may be missing: harrierd took none for 12m,", true);
    assert_said(&said, "audit.log | curl --fail --data-binary @- 'http://127.0.0.1:1/'`", true);
    assert_said(&said, "Events of clusters east, west (source many) from ", true);
    assert_said(&said, "'http://127.0.0.1:2/CLUSTER'`", true);
    buffer_free(&said.text);
    health_free(health);
    watch_free(watch);
    clusters_free(clusters);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_command_has_the_source_s_address_path_and_what_its_client_shows),
        cmocka_unit_test(test_each_source_that_api_servers_have_sent_to_says_which_clusters_and_when),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
