/* SPDX-License-Identifier: Apache-2.0 */
/* What the drivers send, how they judge answers, and when the next try is due. */
#include "daemon/deliver/destination.h"
#include "daemon/deliver/judge.h"
#include "daemon/deliver/retry.h"
#include "daemon/deliver/destination/signature.h"
#include "daemon/deliver/destination/slack_text.h"
#include "harrier/base/memory.h"
#include "harrier/base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* --- retries ------------------------------------------------------------------------------------------------------------ */

static void test_retry_after_is_understood_in_both_forms(void **state)
{
    clock_nanos now = INT64_C(784111777) * CLOCK_SECOND; /* Sun, 06 Nov 1994 08:49:37 GMT */
    (void)state;
    assert_int_equal(retry_after_parse(SLICE(" 30\r\n"), now), 30 * CLOCK_SECOND);
    assert_int_equal(retry_after_parse(SLICE("0"), now), 0);
    assert_int_equal(retry_after_parse(SLICE("-5"), now), 0);
    assert_int_equal(retry_after_parse(SLICE("86400"), now), RETRY_AFTER_MAX);
    assert_int_equal(retry_after_parse(SLICE("9223372036854775807"), now), RETRY_AFTER_MAX);
    assert_int_equal(retry_after_parse(SLICE("Sun, 06 Nov 1994 08:50:37 GMT"), now), 60 * CLOCK_SECOND);
    assert_int_equal(retry_after_parse(SLICE("Sunday, 06-Nov-94 08:50:37 GMT"), now), 60 * CLOCK_SECOND);
    assert_int_equal(retry_after_parse(SLICE("Sun Nov  6 08:50:37 1994"), now), 60 * CLOCK_SECOND);
    assert_int_equal(retry_after_parse(SLICE("Sun, 06 Nov 1994 08:49:37 GMT"), now), 0);
    assert_int_equal(retry_after_parse(SLICE("Mon, 07 Nov 1994 08:49:37 GMT"), now), RETRY_AFTER_MAX);
    /* beyond what an instant, or any number, holds: a wait nevertheless */
    assert_int_equal(retry_after_parse(SLICE("9223372036854775808"), now), RETRY_AFTER_MAX);
    assert_int_equal(retry_after_parse(SLICE("999999999999999999999999999999"), now), RETRY_AFTER_MAX);
    assert_int_equal(retry_after_parse(SLICE("Sat, 01 Jan 2263 00:00:00 GMT"), now), RETRY_AFTER_MAX);
    assert_int_equal(retry_after_parse(SLICE("Fri, 31 Dec 9999 23:59:59 GMT"), now), RETRY_AFTER_MAX);
    assert_int_equal(retry_after_parse(SLICE("-999999999999999999999999999999"), now), 0);
    assert_int_equal(retry_after_parse(SLICE("Thu, 01 Jan 1970 00:00:00 GMT"), now), 0);
    assert_int_equal(retry_after_parse(SLICE("soon"), now), 0);
    assert_int_equal(retry_after_parse(SLICE(""), now), 0);
}

static void test_back_off_doubles_to_its_cap_and_is_fully_jittered(void **state)
{
    clock_nanos base = CLOCK_SECOND, cap = 300 * CLOCK_SECOND;
    (void)state;
    assert_int_equal(retry_ceiling(1, base, cap), base);
    assert_int_equal(retry_ceiling(2, base, cap), 2 * base);
    assert_int_equal(retry_ceiling(5, base, cap), 16 * base);
    assert_int_equal(retry_ceiling(9, base, cap), 256 * base);
    assert_int_equal(retry_ceiling(10, base, cap), cap);
    assert_int_equal(retry_ceiling(4000000000U, base, cap), cap);
    assert_int_equal(retry_ceiling(3, INT64_MAX / 2, INT64_MAX), INT64_MAX);
    for (unsigned int failures = 1; failures < 20; failures++) {
        clock_nanos ceiling = retry_ceiling(failures, base, cap);
        assert_int_equal(retry_wait(failures, base, cap, 0), 0);
        assert_int_equal(retry_wait(failures, base, cap, (uint64_t)ceiling), ceiling);
        assert_int_equal(retry_wait(failures, base, cap, (uint64_t)ceiling + 1), 0);
        assert_true(retry_wait(failures, base, cap, UINT64_MAX) <= ceiling);
    }
}

/* --- signatures --------------------------------------------------------------------------------------------------------- */

static void test_standard_webhooks_signature_is_that_of_the_specification(void **state)
{
    struct buffer out = {0};
    (void)state;
    assert_int_equal(signature_standard_webhooks(SLICE("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), "msg_p5jXN8AQM9LWM0D4loKWxJek",
                                                 1614265330, SLICE("{\"test\": 2432232314}"), &out),
                     RESULT_OK);
    assert_string_equal(out.bytes, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    buffer_reset(&out, 0);
    assert_int_equal(signature_standard_webhooks(SLICE("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330,
                                                 SLICE("{\"test\": 2432232314}"), &out),
                     RESULT_OK);
    assert_string_equal(out.bytes, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    assert_int_equal(signature_standard_webhooks(SLICE("whsec_"), "x", 1, SLICE(""), &out), RESULT_INVALID);
    assert_int_equal(signature_standard_webhooks(SLICE("whsec_not base64 at all"), "x", 1, SLICE(""), &out), RESULT_INVALID);
    assert_int_equal(signature_standard_webhooks(SLICE("whsec_c2hvcnQ="), "x", 1, SLICE(""), &out), RESULT_INVALID);
    buffer_free(&out);
}

static void test_github_signature_is_that_of_the_documentation(void **state)
{
    struct buffer out = {0};
    (void)state;
    signature_github(SLICE("It's a Secret to Everybody"), SLICE("Hello, World!"), &out);
    assert_string_equal(out.bytes, "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17");
    buffer_free(&out);
}

/* --- Slack text --------------------------------------------------------------------------------------------------------- */

static void assert_slack(struct slice text, size_t limit, enum slack_span span, const char *expected, size_t used)
{
    struct buffer out = {0};
    size_t counted = slack_append(&out, text, limit, span);
    assert_string_equal(out.bytes ? out.bytes : "", expected);
    assert_int_equal(counted, used);
    buffer_free(&out);
}

static void test_slack_text_cannot_mention_or_link(void **state)
{
    (void)state;
    assert_slack(SLICE("<!channel> & <@U123|x>"), 1000, SLACK_PLAIN, "&lt;!channel&gt; &amp; &lt;@U123|x&gt;", 38);
    assert_slack(SLICE("&lt;!here&gt;"), 1000, SLACK_PLAIN, "&amp;lt;!here&amp;gt;", 21); /* what was an entity already stays text */
    assert_slack(SLICE("a`b"), 1000, SLACK_PLAIN, "a`b", 3);
    assert_slack(SLICE("a`b"), 1000, SLACK_CODE, "a'b", 3);
    assert_slack(SLICE("a\nb\x1b[0m\xe2\x80\xae"
                       "c\x7f"),
                 1000, SLACK_PLAIN, "a b [0m c ", 10); /* U+202E turns the writing round */
    assert_slack(SLICE("\xff"), 1000, SLACK_PLAIN, "\xef\xbf\xbd", 1);
    /* U+061C, U+200B, U+2060, U+FEFF, U+180E, U+FE0F, U+E0041: they show nothing, so a name would pass for another */
    assert_slack(SLICE("k\xd8\x9c\xe2\x80\x8b\xe2\x81\xa0\xef\xbb\xbf\xe1\xa0\x8e\xef\xb8\x8f\xf3\xa0\x81\x81s"), 1000, SLACK_PLAIN, "k       s", 9);
}

static void test_slack_text_is_counted_escaped_and_cut_between_characters(void **state)
{
    (void)state;
    assert_slack(SLICE("abcde"), 5, SLACK_PLAIN, "abcde", 5);
    assert_slack(SLICE("abcdef"), 5, SLACK_PLAIN, "abcd…", 5);
    assert_slack(SLICE("<<<"), 12, SLACK_PLAIN, "&lt;&lt;&lt;", 12);
    assert_slack(SLICE("<<<"), 11, SLACK_PLAIN, "&lt;&lt;…", 9);
    assert_slack(SLICE("<"), 3, SLACK_PLAIN, "…", 1);
    assert_slack(SLICE("\xf0\x9f\x98\x80\xf0\x9f\x98\x80"), 4, SLACK_PLAIN, "\xf0\x9f\x98\x80\xf0\x9f\x98\x80", 4);
    assert_slack(SLICE("\xf0\x9f\x98\x80\xf0\x9f\x98\x80"), 3, SLACK_PLAIN, "\xf0\x9f\x98\x80…", 3);
    assert_slack(SLICE("a"), 0, SLACK_PLAIN, "", 0);
    assert_slack((struct slice){0}, 5, SLACK_PLAIN, "", 0);
}

/* The characters of each text object under node, as Slack may count them, against Slack's own limit for its place. */
static void assert_texts_within(const struct json_node *node, size_t limit, size_t *total)
{
    struct slice text = json_string(json_member(node, "text"));
    if (text.bytes != NULL) {
        assert_in_range(text.length, 1, SIZE_MAX);
        assert_in_range(utf8_length(text), 1, limit);
        *total += utf8_length(text);
        assert_true(slice_find(text, SLICE("<")) < 0 && slice_find(text, SLICE(">")) < 0);
        if (slice_is(json_string(json_member(node, "type")), "mrkdwn")) {
            const struct json_node *verbatim = json_member(node, "verbatim");
            assert_true(json_is(verbatim, JSON_BOOL) && verbatim->boolean);
        }
        return;
    }
    for (const struct json_node *child = node->first; child != NULL; child = child->next)
        assert_texts_within(child, limit, total);
}

static void assert_message_within_limits(const char *document, bool blocks)
{
    static const struct {
        const char *type;
        size_t limit;
    } limits[] = {{"header", 150}, {"section", 3000}, {"context", 3000}};
    struct arena *arena = arena_new(4096);
    struct buffer out = {0};
    struct json_node *root;
    size_t total = 0, seen = 0;
    assert_true(slack_render(slice_of(document), blocks, &out));
    assert_int_equal(json_tree_parse(arena, buffer_slice(&out), &json_default_limits, &root, NULL), RESULT_OK);
    struct slice text = json_string(json_member(root, "text"));
    assert_true(text.length > 0 && utf8_length(text) <= 4000);
    assert_true(slice_find(text, SLICE("<")) < 0);
    assert_int_equal(json_member(root, "blocks") != NULL, blocks);
    const struct json_node *list = json_member(root, "blocks");
    for (const struct json_node *block = list ? list->first : NULL; block != NULL; block = block->next) {
        for (size_t i = 0; i < 3; i++) {
            if (!slice_is(json_string(json_member(block, "type")), limits[i].type))
                continue;
            for (const struct json_node *part = block->first; part != NULL; part = part->next)
                assert_texts_within(part, limits[i].limit, &total);
            seen++;
        }
        const struct json_node *fields = json_member(block, "fields");
        if (fields != NULL) {
            assert_in_range(fields->count, 1, 10);
            for (const struct json_node *field = fields->first; field != NULL; field = field->next)
                assert_texts_within(field, 2000, &total);
        }
    }
    if (blocks)
        assert_int_equal(seen, list->count); /* no block of a kind that is not looked at */
    assert_true(total <= 10000);
    buffer_free(&out);
    arena_free(arena);
}

static void append_repeated(struct buffer *out, const char *text, size_t count)
{
    for (size_t i = 0; i < count; i++)
        buffer_append_text(out, text);
}

/* Every text hostile, and much too long. */
static char *hostile_document(void)
{
    static const char *const actor[] = {"user", "user_agent", "impersonated"};
    static const char *const action[] = {"verb", "resource", "subresource", "namespace", "name", "decision"};
    struct buffer out = {0}, evil = {0};
    append_repeated(&evil, "<!channel>&`*_ \\u0007\\ud83d\\ude00", 300);
    buffer_printf(&out,
                  "{\"alert_id\":\"%s\",\"severity\":\"%s\",\"title\":\"%s\",\"time\":\"%s\",\"cluster\":\"%s\",\"rule\":{\"name\":\"%s\"},"
                  "\"risk_score\":1,\"actor\":{",
                  evil.bytes, evil.bytes, evil.bytes, evil.bytes, evil.bytes, evil.bytes);
    for (size_t i = 0; i < 3; i++)
        buffer_printf(&out, "\"%s\":\"%s\",", actor[i], evil.bytes);
    buffer_printf(&out, "\"source_ips\":[\"%s\",\"%s\"]},\"action\":{", evil.bytes, evil.bytes);
    for (size_t i = 0; i < 6; i++)
        buffer_printf(&out, "%s\"%s\":\"%s\"", i ? "," : "", action[i], evil.bytes);
    buffer_printf(&out, "},\"mitre\":[{\"technique\":\"%s\"}],\"evidence\":[", evil.bytes);
    for (size_t i = 0; i < 100; i++)
        buffer_printf(&out, "%s{\"path\":\"%s\",\"value\":\"%s\"}", i ? "," : "", evil.bytes, evil.bytes);
    buffer_append_text(&out, "]}");
    buffer_free(&evil);
    return buffer_take(&out);
}

static void test_slack_message_stays_within_all_limits_whatever_the_names(void **state)
{
    char *hostile = hostile_document();
    (void)state;
    assert_message_within_limits(hostile, true);
    assert_message_within_limits(hostile, false);
    assert_message_within_limits("{}", true);
    assert_message_within_limits("{\"evidence\":[{}],\"mitre\":[{}],\"actor\":null,\"action\":[],\"title\":7}", true);
    assert_message_within_limits("{}", false);
    free(hostile);
    struct buffer out = {0};
    assert_false(slack_render(SLICE("no JSON"), true, &out));
    assert_false(slack_render(SLICE("[]"), true, &out));
    buffer_free(&out);
}

static void test_slack_message_tells_who_did_what_where_and_why(void **state)
{
    static const char document[] =
        "{\"alert_id\":\"a1b2\",\"severity\":\"HIGH\",\"title\":\"jane: create pods "
        "pay/api-0\",\"time\":\"2026-01-02T03:04:05Z\",\"cluster\":\"prod\","
        "\"rule\":{\"name\":\"exec-in-pod\"},\"actor\":{\"user\":\"jane\",\"source_ips\":[\"192.0.2.1\",\"192.0.2.2\"]},"
        "\"action\":{\"verb\":\"create\",\"resource\":\"pods\",\"subresource\":\"exec\",\"namespace\":\"pay\",\"name\":\"api-0\"},"
        "\"mitre\":[{\"technique\":\"T1609\"}],\"evidence\":[{\"path\":\"objectRef.subresource\",\"value\":\"exec\"}]}";
    static const char *const expected[] = {
        "HIGH exec-in-pod",     "*User*\\njane",    "*Object*\\npods/exec pay/api-0",   "*Source*\\n192.0.2.1, 192.0.2.2",
        "*ATT&amp;CK*\\nT1609", "*Cluster*\\nprod", "`objectRef.subresource` = `exec`", "alert a1b2 at 2026-01-02T03:04:05Z"};
    struct buffer out = {0};
    (void)state;
    assert_true(slack_render(slice_of(document), true, &out));
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        if (strstr(out.bytes, expected[i]) == NULL)
            print_error("%s\nis not in\n%s\n", expected[i], out.bytes);
        assert_non_null(strstr(out.bytes, expected[i]));
    }
    buffer_free(&out);
}

/* --- judgements --------------------------------------------------------------------------------------------------------- */

static struct verdict judge(const struct driver *driver, long status, const char *body)
{
    struct deliver_destination_config config = {.name = "x"};
    struct destination destination = {.config = &config, .driver = driver, .origin = (char *)"https://hooks.example"};
    struct http_response response = {.status = status, .body = slice_of(body), .retry_after = status == 429 ? 7 : 0};
    struct verdict verdict = {0};
    driver->judge(&destination, &response, &verdict);
    return verdict;
}

static void test_a_webhooks_answer_is_judged_by_its_status(void **state)
{
    static const struct {
        long status;
        enum verdict_kind kind;
    } cases[] = {
        {200, VERDICT_DELIVERED}, {201, VERDICT_DELIVERED}, {204, VERDICT_DELIVERED}, {301, VERDICT_HOLD},  {302, VERDICT_HOLD},
        {307, VERDICT_HOLD},      {400, VERDICT_DEAD},      {401, VERDICT_HOLD},      {403, VERDICT_HOLD},  {404, VERDICT_HOLD},
        {408, VERDICT_RETRY},     {410, VERDICT_HOLD},      {413, VERDICT_SHRINK},    {415, VERDICT_DEAD},  {422, VERDICT_DEAD},
        {425, VERDICT_RETRY},     {429, VERDICT_RETRY},     {500, VERDICT_RETRY},     {502, VERDICT_RETRY}, {503, VERDICT_RETRY},
        {504, VERDICT_RETRY},     {599, VERDICT_RETRY},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(judge(&webhook_driver, cases[i].status, "").kind, cases[i].kind);
    assert_int_equal(judge(&webhook_driver, 429, "").retry_after, 7);
}

static void test_slacks_answer_is_judged_by_its_body(void **state)
{
    static const struct {
        long status;
        const char *body;
        enum verdict_kind kind;
    } cases[] = {
        {200, "ok", VERDICT_DELIVERED},
        {400, "invalid_payload", VERDICT_SHRINK},
        {400, "invalid_blocks\n", VERDICT_SHRINK},
        {400, "no_text", VERDICT_SHRINK},
        {400, "something new", VERDICT_SHRINK},
        {403, "action_prohibited", VERDICT_HOLD},
        {403, "invalid_token", VERDICT_HOLD},
        {404, "channel_not_found", VERDICT_HOLD},
        {404, "no_service", VERDICT_HOLD},
        {404, "no_active_hooks", VERDICT_HOLD},
        {410, "channel_is_archived", VERDICT_HOLD},
        {400, "no_team", VERDICT_HOLD},
        {429, "", VERDICT_RETRY},
        {500, "rollup_error", VERDICT_RETRY},
        {503, "", VERDICT_RETRY},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(judge(&slack_driver, cases[i].status, cases[i].body).kind, cases[i].kind);
}

static void test_no_secret_is_in_the_reason(void **state)
{
    static const struct deliver_header headers[] = {{"Authorization", "Basic dXNlcjpwYXNz"}};
    struct deliver_destination_config config = {.name = "x", .headers = headers, .header_count = 1};
    struct destination destination = {
        .config = &config,
        .url = {.text = (char *)"https://user:pa55word@hooks.example/services/T0000/B0000/s3cr3tpath?sig=querysecret"},
        .token = {.text = (char *)"tokentoken"},
        .secret = {.text = (char *)"whsec_c2VjcmV0"},
        .origin = (char *)"https://hooks.example",
    };
    struct http_response response = {
        .status = 404,
        .body = SLICE(
            "no https://user:pa55word@hooks.example/services/T0000/B0000/s3cr3tpath?sig=querysecret (s3cr3tpath, querysecret) tokentoken "
            "whsec_c2VjcmV0 Basic dXNlcjpwYXNz dXNlcjpwYXNz\r\nfrom \x01\xff here"),
    };
    static const char *const secrets[] = {"s3cr3tpath", "querysecret", "tokentoken", "whsec_c2V", "dXNlcjpw", "pa55word"};
    struct verdict verdict = {0};
    (void)state;
    judge_explain(&destination, &response, &verdict);
    for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++)
        assert_null(strstr(verdict.reason, secrets[i]));
    assert_non_null(strstr(verdict.reason, "https://hooks.example: HTTP 404: no "));
    assert_non_null(strstr(verdict.reason, "from    here"));
    response = (struct http_response){.transport = CURLE_COULDNT_CONNECT};
    judge_explain(&destination, &response, &verdict);
    assert_non_null(strstr(verdict.reason, "https://hooks.example: "));
    assert_null(strstr(verdict.reason, "services"));
}

/* --- configuration and secrets ------------------------------------------------------------------------------------------ */

static void assert_config(struct deliver_destination_config config, const char *text)
{
    char *error;
    enum result result = deliver_check_destination(&config, &error);
    if (text == NULL) {
        assert_int_equal(result, RESULT_OK);
        return;
    }
    assert_int_equal(result, RESULT_INVALID);
    assert_non_null(strstr(error, text));
    assert_null(strstr(error, "s3cr3t"));
    free(error);
}

static void test_wrong_destinations_are_refused_with_a_remedy(void **state)
{
    static const struct deliver_header broken = {"X-A", "a\r\nB: c"}, own = {"content-type", "x"}, good = {"X-A", "b"};
    (void)state;
#define CONFIG(...) ((struct deliver_destination_config){__VA_ARGS__})
    assert_config(CONFIG(.name = "a", .type = DELIVER_WEBHOOK, .url = "https://h/s3cr3t", .headers = &good, .header_count = 1), NULL);
    assert_config(CONFIG(.name = "a", .type = DELIVER_SLACK, .url_file = "f"), NULL);
    assert_config(CONFIG(.name = "a", .type = DELIVER_FILE, .path = "p"), NULL);
    assert_config(CONFIG(.name = "a b", .type = DELIVER_FILE, .path = "p"), "name is 1 to 63");
    assert_config(CONFIG(.name = "a", .type = DELIVER_FILE), "give path");
    assert_config(CONFIG(.name = "a", .type = DELIVER_FILE, .path = "p", .url = "http://h/s3cr3t"), "takes path alone");
    assert_config(CONFIG(.name = "a", .type = DELIVER_WEBHOOK), "one of url and url_file");
    assert_config(CONFIG(.name = "a", .type = DELIVER_WEBHOOK, .url = "https://h", .url_file = "f"), "one of url and url_file");
    assert_config(CONFIG(.name = "a", .type = DELIVER_WEBHOOK, .url = "ftp://h/s3cr3t"), "no http or https URL");
    assert_config(CONFIG(.name = "a", .type = DELIVER_WEBHOOK, .url = "h/s3cr3t"), "no http or https URL");
    assert_config(CONFIG(.name = "a", .type = DELIVER_WEBHOOK, .url = "https://h", .signature = DELIVER_GITHUB), "go together");
    assert_config(CONFIG(.name = "a", .type = DELIVER_WEBHOOK, .url = "https://h", .headers = &broken, .header_count = 1), "line break");
    assert_config(CONFIG(.name = "a", .type = DELIVER_WEBHOOK, .url = "https://h", .headers = &own, .header_count = 1), "leave it out");
    assert_config(CONFIG(.name = "a", .type = DELIVER_WEBHOOK, .url = "https://h", .in_flight = 17), "at most 16");
    assert_config(CONFIG(.name = "a", .type = DELIVER_WEBHOOK, .url = "http://h", .ca_file = "f"), "https");
    assert_config(CONFIG(.name = "a", .type = DELIVER_WEBHOOK, .url = "https://h", .proxy = "http://proxy:3128"), NULL);
    assert_config(CONFIG(.name = "a", .type = DELIVER_SLACK, .url = "https://h", .proxy = "socks5h://[::1]:1080"), NULL);
    assert_config(CONFIG(.name = "a", .type = DELIVER_WEBHOOK, .url = "https://h", .proxy = "http://proxy"), "proxy is http://");
    assert_config(CONFIG(.name = "a", .type = DELIVER_WEBHOOK, .url = "https://h", .proxy = "proxy:3128"), "proxy is http://");
    assert_config(CONFIG(.name = "a", .type = DELIVER_WEBHOOK, .url = "https://h", .proxy = "ftp://proxy:3128"), "proxy is http://");
    assert_config(CONFIG(.name = "a", .type = DELIVER_WEBHOOK, .url = "https://h", .proxy = "http://proxy:3128/x"), "proxy is http://");
    assert_config(CONFIG(.name = "a", .type = DELIVER_SLACK, .url = "https://h", .token_file = "f"), "its url is the secret");
    assert_config(CONFIG(.name = "a", .type = DELIVER_SLACK, .url = "https://h", .in_flight = 4), "order");
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void test_a_secret_is_read_again_when_its_file_changes(void **state)
{
    char path[] = "/tmp/harrier-secret-test-XXXXXX", *error = NULL;
    struct secret secret = {.path = path};
    bool fresh;
    (void)state;
    close(mkstemp(path));
    assert_int_equal(secret_read(&secret, &fresh, &error), RESULT_INVALID); /* empty */
    assert_non_null(strstr(error, path));
    free(error);
    write_file(path, "  one \nsecond line\n");
    assert_int_equal(secret_read(&secret, &fresh, &error), RESULT_OK);
    assert_true(fresh);
    assert_string_equal(secret.text, "one");
    assert_int_equal(secret_read(&secret, &fresh, &error), RESULT_OK);
    assert_false(fresh);
    write_file(path, "another one");
    assert_int_equal(secret_read(&secret, &fresh, &error), RESULT_OK);
    assert_true(fresh);
    assert_string_equal(secret.text, "another one");
    unlink(path);
    assert_int_equal(secret_read(&secret, &fresh, &error), RESULT_NOT_FOUND);
    free(error);
    secret_free(&secret);
}

static void test_a_webhook_that_is_told_too_large_goes_without_the_raw_events(void **state)
{
    struct deliver_destination_config config = {.name = "x", .type = DELIVER_WEBHOOK};
    struct destination destination = {.config = &config, .driver = &webhook_driver, .url = {.text = (char *)"https://h/x"}};
    struct outgoing alert = {.alert_id = "ab",
                             .json = SLICE("{\"raw\":1,\"events\":[{\"audit_id\":\"i\",\"raw\":\"much\",\"raw_cut\":false}],\"n\":2}"),
                             .shrunk = true};
    struct http_request request = {0};
    struct verdict verdict;
    (void)state;
    assert_true(webhook_driver.prepare(&destination, &alert, &request, &verdict));
    assert_string_equal(request.body.bytes, "{\"raw\":1,\"events\":[{\"audit_id\":\"i\",\"raw_cut\":false}],\"n\":2}");
    curl_slist_free_all(request.headers);
    buffer_free(&request.body);
    free(destination.origin);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_retry_after_is_understood_in_both_forms),
        cmocka_unit_test(test_back_off_doubles_to_its_cap_and_is_fully_jittered),
        cmocka_unit_test(test_standard_webhooks_signature_is_that_of_the_specification),
        cmocka_unit_test(test_github_signature_is_that_of_the_documentation),
        cmocka_unit_test(test_slack_text_cannot_mention_or_link),
        cmocka_unit_test(test_slack_text_is_counted_escaped_and_cut_between_characters),
        cmocka_unit_test(test_slack_message_stays_within_all_limits_whatever_the_names),
        cmocka_unit_test(test_slack_message_tells_who_did_what_where_and_why),
        cmocka_unit_test(test_a_webhooks_answer_is_judged_by_its_status),
        cmocka_unit_test(test_slacks_answer_is_judged_by_its_body),
        cmocka_unit_test(test_no_secret_is_in_the_reason),
        cmocka_unit_test(test_wrong_destinations_are_refused_with_a_remedy),
        cmocka_unit_test(test_a_secret_is_read_again_when_its_file_changes),
        cmocka_unit_test(test_a_webhook_that_is_told_too_large_goes_without_the_raw_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
