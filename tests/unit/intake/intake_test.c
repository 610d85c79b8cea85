/* SPDX-License-Identifier: Apache-2.0 */
/* The whole line from bytes to alerts, over the rule that the project began with. */
#include "harrier/intake.h"
#include "harrier/base/memory.h"
#include "harrier/base/vector.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

struct found {
    char id[DIGEST_SHA256_HEX], dedup_key[DIGEST_SHA256_HEX];
    char *json;
};

struct line {
    struct detect_plan *plan;
    struct intake_scratch *scratch;
    struct intake_options options;
    struct intake *intake;
    VECTOR(struct found) alerts;
    size_t dead;
};

static void on_alert(void *context, const struct alert *alert)
{
    struct line *line = context;
    struct found found;
    memcpy(found.id, alert->alert_id, sizeof found.id);
    memcpy(found.dedup_key, alert->dedup_key, sizeof found.dedup_key);
    found.json = xstrndup(alert->json.bytes, alert->json.length);
    VECTOR_PUSH(&line->alerts, found);
}

static void on_dead(void *context, const struct audit_dead *dead)
{
    struct line *line = context;
    (void)dead;
    line->dead++;
}

static char *read_file(const char *path)
{
    struct buffer text = {NULL, 0, 0};
    FILE *file = fopen(path, "r");
    char part[4096];
    size_t got;

    if (!file)
        fail_msg("%s is missing", path);
    while ((got = fread(part, 1, sizeof part, file)) > 0)
        buffer_append(&text, part, got);
    fclose(file);
    return buffer_take(&text);
}

static void start_with(struct line *line, const char *rules)
{
    struct yaral_ruleset *ruleset = yaral_ruleset_new();
    struct yaral_lists *lists = yaral_lists_new();
    struct diagnostics *diagnostics = diagnostics_new();
    const struct yaral_options options = {0};
    const struct intake_sink sink = {.context = line, .alert = on_alert, .dead = on_dead};

    memset(line, 0, sizeof *line);
    yaral_ruleset_add(ruleset, "test.yaral", slice_of(rules), lists, &options, diagnostics);
    if (diagnostics_count_of(diagnostics, DIAGNOSTIC_ERROR)) {
        diagnostics_print(diagnostics, stderr);
        fail_msg("the rules of this test do not compile");
    }
    diagnostics_free(diagnostics);
    line->plan = detect_plan_new(ruleset, lists);
    line->scratch = intake_scratch_new(line->plan, &detect_default_limits);
    line->options = (struct intake_options){.source = {.log_type = SLICE("K8S_AUDIT"), .cluster = SLICE("test")},
                                            .accept = AUDIT_ACCEPT_K8S,
                                            .limits = audit_default_limits,
                                            .raw_bytes = 65536};
    line->intake = intake_new(line->scratch, &line->options, &sink);
}

static void start(struct line *line)
{
    char *rule = read_file("tests/data/yaral/seed.yaral");
    start_with(line, rule);
    free(rule);
}

static void stop(struct line *line)
{
    intake_free(line->intake);
    intake_scratch_free(line->scratch);
    detect_plan_unref(line->plan);
    for (size_t i = 0; i < line->alerts.count; i++)
        free(line->alerts.items[i].json);
    VECTOR_FREE(&line->alerts);
}

static void feed(struct line *line, const char *text)
{
    assert_int_equal(intake_feed(line->intake, slice_of(text)), RESULT_OK);
    assert_int_equal(intake_finish(line->intake, NULL), RESULT_OK);
}

#define HEAD "{\"level\":\"RequestResponse\",\"auditID\":\"a1\",\"stage\":\"ResponseComplete\",\"requestURI\":\"/apis/batch/v1/namespaces/default/cronjobs?x=y\",\"verb\":\"create\",\"user\":{\"username\":\"eve\",\"groups\":[\"dev\"]},\"sourceIPs\":[\"192.0.2.1\"],\"objectRef\":{\"resource\":\"cronjobs\",\"namespace\":\"default\",\"name\":\"c\",\"apiGroup\":\"batch\",\"apiVersion\":\"v1\"},\"responseStatus\":{\"code\":201},"
#define OBJECT(image) "\"requestObject\":{\"kind\":\"CronJob\",\"spec\":{\"jobTemplate\":{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"x\",\"image\":\"" image "\"}]}}}}}},"
#define TAIL "\"requestReceivedTimestamp\":\"2026-01-02T03:04:05.678901Z\",\"stageTimestamp\":\"2026-01-02T03:04:05.7Z\"}"

static void test_a_hostile_cronjob_gives_one_alert_and_a_harmless_one_none(void **state)
{
    struct line line;
    (void)state;
    start(&line);
    feed(&line, HEAD OBJECT("busybox:1") TAIL "\n" HEAD OBJECT("registry.example/app:1") TAIL "\n");
    assert_int_equal(line.alerts.count, 1);
    assert_non_null(strstr(line.alerts.items[0].json, "\"path\":\"requestObject.spec.jobTemplate.spec.template.spec.containers[0].image\""));
    assert_non_null(strstr(line.alerts.items[0].json, "\"time\":\"2026-01-02T03:04:05.678901Z\""));
    assert_int_equal(intake_counts(line.intake)->events, 2);
    stop(&line);
}

static void test_the_same_event_has_the_same_id_and_another_of_the_same_kind_only_the_same_dedup_key(void **state)
{
    struct line line;
    (void)state;
    start(&line);
    feed(&line, HEAD OBJECT("busybox:1") TAIL HEAD OBJECT("busybox:1") TAIL HEAD OBJECT("busybox:2") TAIL);
    assert_int_equal(line.alerts.count, 3);
    assert_string_equal(line.alerts.items[0].id, line.alerts.items[1].id);
    assert_string_not_equal(line.alerts.items[0].id, line.alerts.items[2].id);
    assert_string_equal(line.alerts.items[0].dedup_key, line.alerts.items[2].dedup_key);
    stop(&line);
}

static void test_an_event_that_broke_off_is_never_a_plain_no(void **state)
{
    static const char *const parts[] = {
        "{\"auditID\":\"a\",\"stage\":\"ResponseComplete\",\"requestURI\":\"/apis/batch/v1/namespaces/default/cronj",
        HEAD "\"requestObject\":{\"spec\":{\"jobTemplate\":{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"ima",
        HEAD "\"requestObject\":{\"spec\":{\"jobTemplate\":{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"image\":\"alp",
        HEAD,
        "{\"auditID\":\"a\",\"requestURI\":\"/apis/batch/v1/namespaces/default/cronjobs\",\"verb\":\"create\",\"user\":{\"username\":\"e",
        "{\"auditID\":\"a\",\"requestURI\":\"/apis/batch/v1/namespaces/default/cronjobs\",\"verb\":\"create\",\"user\":{\"username\":\"e\"},\"objectRef\":{\"reso",
    };
    (void)state;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        for (int behind = 0; behind < 2; behind++) {
            struct line line;
            char text[2048];
            start(&line);
            snprintf(text, sizeof text, "%s%s", parts[i], behind ? "\n{}" : "");
            intake_feed(line.intake, slice_of(text));
            intake_finish(line.intake, NULL);
            assert_int_equal(line.alerts.count, 1);
            assert_non_null(strstr(line.alerts.items[0].json, ALERT_INCOMPLETE_EVENT));
            stop(&line);
        }
    }
}

static void test_a_long_answer_of_a_read_is_no_alert_of_a_rule_on_answers(void **state)
{
    static const char *const verbs[] = {"list", "get", "deletecollection", "create"};
    (void)state;
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        struct line line;
        struct buffer text = {NULL, 0, 0};
        start_with(&line, "rule r { events: $e.target.resource.attribute.labels[\"response.image\"] = \"x\" condition: $e }");
        buffer_printf(&text, "{\"auditID\":\"a\",\"verb\":\"%s\",\"objectRef\":{\"resource\":\"jobs\"},\"responseObject\":{\"kind\":\"Job\",\"a\":\"", verbs[i]);
        for (int byte = 0; byte < 5 << 20; byte++)
            buffer_append_byte(&text, 'a');
        buffer_append_text(&text, "\"}}");
        assert_int_equal(intake_feed(line.intake, buffer_slice(&text)), RESULT_OK);
        assert_int_equal(intake_finish(line.intake, NULL), RESULT_OK);
        assert_int_equal(line.alerts.count, i == 3);
        buffer_free(&text);
        stop(&line);
    }
}

static void test_a_long_request_line_does_not_hide_who_sent_it(void **state)
{
    struct line line;
    struct buffer text = {NULL, 0, 0};
    (void)state;
    start(&line);
    buffer_append_text(&text, "{\"auditID\":\"a\",\"stage\":\"ResponseComplete\",\"requestURI\":\"/apis/batch.volcano.sh/v1/namespaces/n/jobs?");
    for (int i = 0; i < 1000000; i++)
        buffer_append_text(&text, "\\u0026");
    buffer_append_text(&text, "\",\"verb\":\"create\",\"user\":{\"username\":\"eve\"},\"objectRef\":{\"resource\":\"jobs\",\"apiGroup\":\"batch.volcano.sh\"},"
                              "\"requestObject\":{\"spec\":{\"tasks\":[{\"template\":{\"spec\":{\"containers\":[{\"image\":\"alpine\"}]}}}]}}}");
    assert_int_equal(intake_feed(line.intake, buffer_slice(&text)), RESULT_OK);
    assert_int_equal(intake_finish(line.intake, NULL), RESULT_OK);
    assert_int_equal(line.alerts.count, 1);
    assert_non_null(strstr(line.alerts.items[0].json, "\"user\":\"eve\""));
    buffer_free(&text);
    stop(&line);
}

static void test_any_order_of_keys_gives_the_same_verdict(void **state)
{
    struct line line;
    (void)state;
    start(&line);
    feed(&line, "{\"auditID\":\"a1\",\"objectRef\":{\"resource\":\"cronjobs\"}," OBJECT("busybox:1") "\"requestURI\":\"/apis/batch/v1/namespaces/default/cronjobs\",\"stage\":\"ResponseComplete\",\"user\":{\"username\":\"eve\"},\"verb\":\"create\"}");
    assert_int_equal(line.alerts.count, 1);
    stop(&line);
}

static void test_padding_over_a_bound_gives_an_alert_of_its_own_and_what_was_seen_still_counts(void **state)
{
    struct line line;
    (void)state;
    start(&line);
    line.options.limits.value_bytes = 2048;
    intake_free(line.intake);
    const struct intake_sink sink = {.context = &line, .alert = on_alert, .dead = on_dead};
    line.intake = intake_new(line.scratch, &line.options, &sink);

    char padding[4096];
    memset(padding, 'A', sizeof padding - 1);
    padding[sizeof padding - 1] = '\0';
    char *hidden = xasprintf(HEAD "\"requestObject\":{\"kind\":\"CronJob\",\"metadata\":{\"annotations\":{\"p\":\"%s\"}},\"spec\":{\"jobTemplate\":{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"image\":\"busybox\"}]}}}}}}," TAIL, padding);
    char *seen = xasprintf(HEAD "\"requestObject\":{\"kind\":\"CronJob\",\"spec\":{\"jobTemplate\":{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"image\":\"busybox\"}]}}}}},\"metadata\":{\"annotations\":{\"p\":\"%s\"}}}," TAIL, padding);
    assert_int_equal(intake_feed(line.intake, slice_of(hidden)), RESULT_OK);
    assert_int_equal(line.alerts.count, 1);
    assert_non_null(strstr(line.alerts.items[0].json, "\"name\":\"harrier_incomplete_event\""));
    assert_non_null(strstr(line.alerts.items[0].json, "kubernetes_suspicious_cronjob_job_creation"));
    assert_int_equal(intake_feed(line.intake, slice_of(seen)), RESULT_OK);
    assert_int_equal(line.alerts.count, 2);
    assert_non_null(strstr(line.alerts.items[1].json, "\"incomplete\":true"));
    free(hidden);
    free(seen);
    stop(&line);
}

/* The same event, in two pieces so that it is held, under a budget of which so much is taken already. */
static enum result feed_under_budget(struct line *line, uint64_t limit, uint64_t taken)
{
    const struct intake_sink sink = {.context = line, .alert = on_alert, .dead = on_dead};

    start(line);
    intake_free(line->intake);
    line->options.budget = budget_new(limit);
    budget_take_always(line->options.budget, taken);
    line->intake = intake_new(line->scratch, &line->options, &sink);
    enum result result = intake_feed(line->intake, SLICE(HEAD OBJECT("busybox:1")));
    if (result == RESULT_OK)
        result = intake_feed(line->intake, SLICE(TAIL));
    if (result == RESULT_OK)
        result = intake_finish(line->intake, NULL);
    intake_free(line->intake);
    line->intake = NULL;
    assert_int_equal(budget_used(line->options.budget), taken);
    budget_give(line->options.budget, taken);
    budget_free(line->options.budget);
    return result;
}

static void test_what_finds_no_memory_now_is_refused_and_gives_everything_back(void **state)
{
    struct line line;
    (void)state;
    assert_int_equal(feed_under_budget(&line, 1 << 20, 1 << 20), RESULT_BUSY);
    assert_int_equal(line.alerts.count, 0); /* all of it comes again */
    stop(&line);
}

/* Sent again it would find no more. */
static void test_what_is_more_than_all_memory_is_cut_and_judged_and_not_refused_for_ever(void **state)
{
    struct line line;
    (void)state;
    assert_int_equal(feed_under_budget(&line, 100, 0), RESULT_OK);
    assert_int_equal(line.alerts.count, 1);
    stop(&line);
}

/* One event of many containers, each as an attack would have it. */
static struct buffer huge_cronjob(size_t bytes)
{
    struct buffer text = {0};

    buffer_append_text(&text, HEAD "\"requestObject\":{\"kind\":\"CronJob\",\"spec\":{\"jobTemplate\":{\"spec\":{\"template\":{\"spec\":{\"containers\":[");
    for (int i = 0; text.length < bytes; i++)
        buffer_printf(&text, "%s{\"name\":\"c%d\",\"image\":\"busybox:%d\",\"command\":[\"sh\",\"-c\",\"true %d\"],\"securityContext\":{\"privileged\":true}}", i ? "," : "", i, i, i);
    buffer_append_text(&text, "]}}}}}}," TAIL);
    return text;
}

static enum result judge_under(struct line *line, struct buffer *text, uint64_t limit, bool must_not_fail, uint64_t *peak)
{
    const struct intake_sink sink = {.context = line, .alert = on_alert, .dead = on_dead};

    start(line);
    intake_free(line->intake);
    line->options.budget = budget_new(limit);
    line->options.must_not_fail = must_not_fail;
    line->intake = intake_new(line->scratch, &line->options, &sink);
    intake_feed(line->intake, buffer_slice(text));
    intake_finish(line->intake, NULL);
    enum result result = intake_state(line->intake);
    *peak = budget_peak(line->options.budget);
    intake_free(line->intake);
    line->intake = NULL;
    assert_int_equal(budget_used(line->options.budget), 0);
    budget_free(line->options.budget);
    return result;
}

static void test_the_tree_of_an_event_is_charged_before_it_grows_and_given_back(void **state)
{
    struct buffer text = huge_cronjob(2 << 20);
    uint64_t peak;
    struct line line;
    (void)state;

    assert_int_equal(judge_under(&line, &text, 0, false, &peak), RESULT_OK);
    assert_int_equal(line.alerts.count, 1);
    print_message("%llu times\n", (unsigned long long)(peak * 10 / text.length));
    assert_in_range(peak, 8 * text.length, 30 * text.length);
    stop(&line);
    /* there never is so much: judged as far as it goes, and said so */
    assert_int_equal(judge_under(&line, &text, 8 << 20, true, &peak), RESULT_OK);
    assert_in_range(line.alerts.count, 1, 2);
    assert_in_range(peak, 1, 12 << 20);
    stop(&line);
    assert_int_equal(judge_under(&line, &text, 8 << 20, false, &peak), RESULT_OK);
    assert_in_range(line.alerts.count, 1, 2);
    assert_in_range(peak, 1, 12 << 20);
    stop(&line);
    buffer_free(&text);
}

static void append_numbered(struct buffer *text, const char *before, const char *after, size_t bytes)
{
    size_t end = text->length + bytes;

    for (int i = 0; text->length < end; i++)
        buffer_printf(text, "%s%d%s", before, i, after);
}

/* An attack with a megabyte of many small values before it: from what they cost in the tree, in the record and in a rule's list to what a patch makes of them. */
static void test_no_shape_of_an_event_takes_more_than_there_is_and_none_hides_the_attack(void **state)
{
    static const struct {
        const char *before, *left, *right, *after;
    } shapes[] = {
        {"\"user\":{\"username\":\"u\",\"groups\":[\"x\"", ",\"g", "\"", "]},"},
        {"\"user\":{\"username\":\"u\",\"extra\":{\"x\":[\"y\"", ",\"v", "\"", "]}},"},
        {"\"user\":{\"username\":\"u\",\"extra\":{\"x\":[\"y\"]", ",\"k", "\":[\"\"]", "}},"},
        {"\"sourceIPs\":[\"::1\"", ",\"::", "\"", "],"},
        {"\"annotations\":{\"x\":\"\"", ",\"k", "\":\"\"", "},"},
        {"\"x\":[0", ",{},", "", "],"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        for (uint64_t limit = 8 << 20; limit <= 512 << 20; limit *= 8) {
            struct buffer text = {0};
            struct line line;
            uint64_t peak;
            buffer_append_text(&text, HEAD);
            buffer_append_text(&text, shapes[i].before);
            append_numbered(&text, shapes[i].left, shapes[i].right, 1 << 20);
            buffer_append_text(&text, shapes[i].after);
            buffer_append_text(&text, OBJECT("busybox:1") TAIL);
            assert_int_equal(judge_under(&line, &text, limit, false, &peak), RESULT_OK);
            assert_in_range(line.alerts.count, 1, 2);
            assert_in_range(peak, 1, limit);
            stop(&line);
            buffer_free(&text);
        }
    }
}

/* An event with megabytes of padding in pieces, where the budget has room for none. */
static void feed_padded(struct line *line, const char *before, const char *padding, const char *after)
{
    struct buffer text = {0};

    buffer_append_text(&text, before);
    while (text.length < 3000000)
        buffer_append_text(&text, padding);
    buffer_append_text(&text, after);
    for (struct slice rest = buffer_slice(&text); rest.length; rest = slice_from(rest, rest.length < 5000 ? rest.length : 5000))
        assert_int_equal(intake_feed(line->intake, slice_first(rest, 5000)), RESULT_OK);
    assert_int_equal(intake_end_message(line->intake), RESULT_OK);
    buffer_free(&text);
}

static void test_who_must_not_fail_has_events_cut_where_the_budget_ends_and_nothing_is_out_of_sight(void **state)
{
#define CRONJOB HEAD "\"requestObject\":{\"kind\":\"CronJob\","
#define SPEC "\"spec\":{\"jobTemplate\":{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"image\":\"busybox\"}]}}}}}"
    static const struct {
        const char *seen, *hidden, *padding, *after_seen, *after_hidden, *hidden_tells;
    } cases[] = {
        {CRONJOB SPEC ",\"x\":[0", CRONJOB "\"x\":[0", ",1", "]}," TAIL, "]," SPEC "}," TAIL, "\"name\":\"harrier_incomplete_event\""},
        {CRONJOB SPEC ",\"x\":\"", CRONJOB "\"x\":\"", "A", "\"}," TAIL, "\"," SPEC "}," TAIL, "\"incomplete\":true"},
    };
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct line line;
        start(&line);
        intake_free(line.intake);
        line.options.budget = budget_new(100);
        line.options.must_not_fail = true;
        const struct intake_sink sink = {.context = &line, .alert = on_alert, .dead = on_dead};
        line.intake = intake_new(line.scratch, &line.options, &sink);
        feed_padded(&line, cases[i].seen, cases[i].padding, cases[i].after_seen);
        assert_int_equal(line.alerts.count, 1);
        assert_non_null(strstr(line.alerts.items[0].json, "\"incomplete\":true"));
        feed_padded(&line, cases[i].hidden, cases[i].padding, cases[i].after_hidden);
        assert_int_equal(line.alerts.count, 2);
        assert_non_null(strstr(line.alerts.items[1].json, cases[i].hidden_tells));
        feed(&line, HEAD OBJECT("busybox:1") TAIL);
        assert_int_equal(line.alerts.count, 3);
        assert_null(strstr(line.alerts.items[2].json, "\"incomplete\":true"));
        assert_int_equal(line.dead, 0);
        assert_int_equal(intake_counts(line.intake)->cut, 2);
        assert_true(budget_peak(line.options.budget) <= 1024 * 1024);
        intake_free(line.intake);
        line.intake = NULL;
        assert_int_equal(budget_used(line.options.budget), 0);
        budget_free(line.options.budget);
        stop(&line);
    }
}

static void test_two_connections_of_one_thread_do_not_mix_their_events(void **state)
{
    struct line line;
    (void)state;
    start(&line);
    const struct intake_sink sink = {.context = &line, .alert = on_alert, .dead = on_dead};
    struct intake *other = intake_new(line.scratch, &line.options, &sink);
    assert_int_equal(intake_feed(line.intake, SLICE(HEAD "\"requestObject\":{\"kind\":\"CronJob\",")), RESULT_OK);
    assert_int_equal(intake_feed(other, SLICE("{\"auditID\":\"b\",\"stage\":\"ResponseComplete\",\"verb\":\"get\",\"requestURI\":\"/api\",\"user\":{\"username\":\"system:node:x\"}}")), RESULT_OK);
    assert_int_equal(intake_feed(line.intake, SLICE("\"spec\":{\"jobTemplate\":{\"spec\":{\"template\":{\"spec\":{\"hostNetwork\":true}}}}}}," TAIL)), RESULT_OK);
    assert_int_equal(line.alerts.count, 1);
    intake_free(other);
    stop(&line);
}

#define ENTRY(image) "{\"insertId\":\"g1\",\"resource\":{\"labels\":{\"project_id\":\"p\",\"location\":\"l\",\"cluster_name\":\"c\"}},\"protoPayload\":{\"serviceName\":\"k8s.io\",\"methodName\":\"io.k8s.batch.v1.cronjobs.create\",\"resourceName\":\"batch/v1/namespaces/default/cronjobs/x\",\"authenticationInfo\":{\"principalEmail\":\"eve@example.org\"},\"request\":{\"@type\":\"batch.k8s.io/v1.CronJob\",\"spec\":{\"jobTemplate\":{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"image\":\"" image "\"}]}}}}}}},\"timestamp\":\"2026-01-02T03:04:05Z\"}"

static void start_again(struct line *line)
{
    const struct intake_sink sink = {.context = line, .alert = on_alert, .dead = on_dead};
    intake_free(line->intake);
    line->intake = intake_new(line->scratch, &line->options, &sink);
}

static void test_a_log_entry_is_decided_as_the_event_that_it_is(void **state)
{
    struct line line;
    (void)state;
    start(&line);
    feed(&line, ENTRY("busybox") ENTRY("registry.example/app:1") HEAD OBJECT("busybox") TAIL);
    assert_int_equal(line.alerts.count, 2);
    assert_non_null(strstr(line.alerts.items[0].json, "\"log_type\":\"GKE_CONTROLPLANE\""));
    assert_non_null(strstr(line.alerts.items[0].json, "\"audit_id\":\"g1\""));
    assert_non_null(strstr(line.alerts.items[0].json, "protoPayload.request.spec"));
    assert_int_equal(line.dead, 0);
    stop(&line);
}

static void test_a_log_entry_that_broke_off_is_never_a_plain_no(void **state)
{
    static const char entry[] = ENTRY("busybox");
    size_t from = (size_t)(strstr(entry, "busybox") - entry), to = (size_t)(strstr(entry, "timestamp") - entry);
    (void)state;
    for (size_t length = (size_t)(strstr(entry, "\"request\"") - entry); length < to; length += 7) {
        struct line line;
        start(&line);
        intake_feed(line.intake, slice_make(entry, length));
        intake_finish(line.intake, NULL);
        assert_int_equal(line.alerts.count, 1);
        assert_int_equal(strstr(line.alerts.items[0].json, "\"name\":\"harrier_incomplete_event\"") != NULL, length < from + strlen("busybox"));
        assert_int_equal(line.dead, 1);
        stop(&line);
    }
}

static void test_the_cluster_of_an_envelope_is_believed_only_where_the_source_says_so(void **state)
{
    struct line line;
    (void)state;
    start(&line);
    feed(&line, ENTRY("busybox"));
    line.options.envelope_cluster = true;
    start_again(&line);
    feed(&line, ENTRY("busybox") HEAD OBJECT("busybox") TAIL);
    assert_int_equal(line.alerts.count, 3);
    assert_non_null(strstr(line.alerts.items[0].json, "\"cluster\":\"test\""));
    assert_non_null(strstr(line.alerts.items[1].json, "\"cluster\":\"p/l/c\""));
    assert_non_null(strstr(line.alerts.items[2].json, "\"cluster\":\"test\""));
    assert_string_not_equal(line.alerts.items[0].id, line.alerts.items[1].id);
    stop(&line);
}

static void test_an_event_in_an_envelope_has_the_id_that_it_has_alone(void **state)
{
    struct line line;
    struct buffer wrapped = {NULL, 0, 0};
    (void)state;
    start(&line);
    buffer_append_text(&wrapped, "{\"log\":\"");
    for (const char *at = HEAD OBJECT("busybox") TAIL; *at; at++)
        buffer_printf(&wrapped, *at == '"' ? "\\%c" : "%c", *at);
    buffer_append_text(&wrapped, "\\n\"}");
    feed(&line, HEAD OBJECT("busybox") TAIL);
    feed(&line, wrapped.bytes);
    assert_int_equal(line.alerts.count, 2);
    assert_string_equal(line.alerts.items[0].id, line.alerts.items[1].id);
    buffer_free(&wrapped);
    stop(&line);
}

static void test_messages_are_judged_one_by_one(void **state)
{
    struct line line;
    (void)state;
    start(&line);
    line.options.messages = true;
    start_again(&line);
    const char *const messages[] = {HEAD OBJECT("busybox"), "started", HEAD OBJECT("busybox") TAIL};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(intake_feed(line.intake, slice_of(messages[i])), RESULT_OK);
        assert_int_equal(intake_end_message(line.intake), RESULT_OK);
    }
    assert_int_equal(intake_counts(line.intake)->events, 2);
    assert_int_equal(intake_counts(line.intake)->other, 1);
    assert_int_equal(line.dead, 1);
    stop(&line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_hostile_cronjob_gives_one_alert_and_a_harmless_one_none),
        cmocka_unit_test(test_the_same_event_has_the_same_id_and_another_of_the_same_kind_only_the_same_dedup_key),
        cmocka_unit_test(test_an_event_that_broke_off_is_never_a_plain_no),
        cmocka_unit_test(test_a_long_request_line_does_not_hide_who_sent_it),
        cmocka_unit_test(test_a_long_answer_of_a_read_is_no_alert_of_a_rule_on_answers),
        cmocka_unit_test(test_any_order_of_keys_gives_the_same_verdict),
        cmocka_unit_test(test_padding_over_a_bound_gives_an_alert_of_its_own_and_what_was_seen_still_counts),
        cmocka_unit_test(test_what_finds_no_memory_now_is_refused_and_gives_everything_back),
        cmocka_unit_test(test_the_tree_of_an_event_is_charged_before_it_grows_and_given_back),
        cmocka_unit_test(test_what_is_more_than_all_memory_is_cut_and_judged_and_not_refused_for_ever),
        cmocka_unit_test(test_no_shape_of_an_event_takes_more_than_there_is_and_none_hides_the_attack),
        cmocka_unit_test(test_who_must_not_fail_has_events_cut_where_the_budget_ends_and_nothing_is_out_of_sight),
        cmocka_unit_test(test_two_connections_of_one_thread_do_not_mix_their_events),
        cmocka_unit_test(test_a_log_entry_is_decided_as_the_event_that_it_is),
        cmocka_unit_test(test_a_log_entry_that_broke_off_is_never_a_plain_no),
        cmocka_unit_test(test_the_cluster_of_an_envelope_is_believed_only_where_the_source_says_so),
        cmocka_unit_test(test_an_event_in_an_envelope_has_the_id_that_it_has_alone),
        cmocka_unit_test(test_messages_are_judged_one_by_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
