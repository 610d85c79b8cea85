/* SPDX-License-Identifier: Apache-2.0 */
/* Events in what clouds and log shippers wrap around them. Every input is read in several chunkings, which must all tell the same. */
#include "transcript.h"

#include "harrier/base/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/packing.h"

#define EVENT(id) "{\"auditID\":\"" id "\",\"stage\":\"ResponseComplete\",\"verb\":\"create\",\"requestObject\":{\"a\":\"\\u00e9\\n\"}}"
#define ENTRY_OF(service) \
    "{\"insertId\":\"x\",\"resource\":{\"type\":\"k8s_cluster\",\"labels\":{\"cluster_name\":\"c1\",\"location\":\"europe-west1\",\"project_id\":\"p-1\"}}," \
    "\"protoPayload\":{\"serviceName\":\"" service "\",\"methodName\":\"io.k8s.core.v1.pods.create\"},\"metadata\":{}}"
#define ENTRY ENTRY_OF("k8s.io")

/* --- making envelopes ------------------------------------------------------------------------------------------------------ */

/* A text with its parts: %s as it is, %q a JSON string, %b its base64, %z the base64 of its gzip. The caller frees it. */
static char *make(const char *form, ...) __attribute__((sentinel(0)));

static void append_quoted(struct buffer *out, const char *text)
{
    buffer_append_byte(out, '"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            buffer_append_byte(out, '\\');
        if (*text == '\n')
            buffer_append_text(out, "\\n");
        else
            buffer_append_byte(out, *text);
    }
    buffer_append_byte(out, '"');
}

static char *make(const char *form, ...)
{
    struct buffer out = {0};
    va_list parts;

    va_start(parts, form);
    for (const char *at = form; *at; at++) {
        if (*at != '%') {
            buffer_append_byte(&out, *at);
            continue;
        }
        const char *part = va_arg(parts, const char *);
        struct buffer packed = {0};
        switch (*++at) {
        case 's': buffer_append_text(&out, part); break;
        case 'q': append_quoted(&out, part); break;
        case 'b': base64_encode(BASE64_STANDARD, slice_of(part), &out); break;
        default:
            append_gzip(&packed, slice_of(part));
            base64_encode(BASE64_STANDARD, buffer_slice(&packed), &out);
            buffer_free(&packed);
        }
    }
    va_end(parts);
    return buffer_take(&out);
}

/* --- reading them ---------------------------------------------------------------------------------------------------------- */

static struct transcript read_with(struct transcript told, const char *input, const struct audit_limits *limits, enum audit_accept accept)
{
    if (!transcript_read_in_chunks(&told, slice_of(input), limits, accept)) {
        print_error("%s\n%s", input, told.text.bytes);
        fail();
    }
    return told;
}

static struct transcript read_text(const char *input)
{
    return read_with((struct transcript){0}, input, NULL, AUDIT_ACCEPT_K8S);
}

static void assert_counts(const struct transcript *told, uint64_t events, uint64_t dead, uint64_t other)
{
    if (told->counts.events != events || told->counts.dead != dead || told->counts.other != other)
        print_error("%s", told->text.bytes);
    assert_int_equal(told->counts.events, events);
    assert_int_equal(told->counts.dead, dead);
    assert_int_equal(told->counts.other, other);
}

/* input is freed. */
static void assert_read(char *input, uint64_t events, uint64_t dead, uint64_t other)
{
    struct transcript told = read_text(input);
    assert_counts(&told, events, dead, other);
    transcript_free(&told);
    free(input);
}

static void assert_told(const struct transcript *told, const char *text)
{
    if (!strstr(told->text.bytes, text))
        print_error("no \"%s\" in\n%s", text, told->text.bytes);
    assert_non_null(strstr(told->text.bytes, text));
}

static void assert_last_event(const struct transcript *told, const char *bytes)
{
    assert_int_equal(told->last_event.length, strlen(bytes));
    assert_string_equal(told->last_event.bytes, bytes);
}

/* --- each shape ------------------------------------------------------------------------------------------------------------ */

static void test_a_log_entry_is_told_whole_with_its_cluster(void **state)
{
    (void)state;
    struct transcript told = read_text("\n" ENTRY "\n[" ENTRY "," ENTRY "]");
    assert_counts(&told, 3, 0, 0);
    assert_told(&told, "event 2 at 1 line 2");
    assert_told(&told, "cluster p-1/europe-west1/c1\n");
    assert_last_event(&told, ENTRY);
    transcript_free(&told);
    assert_read(make(ENTRY_OF("container.googleapis.com"), NULL), 0, 0, 1);
    assert_read(make("{\"protoPayload\":{},\"auditID\":\"a\"}", NULL), 1, 0, 0); /* trimmed: no serviceName */
    assert_read(make("{\"logName\":\"l\",\"textPayload\":%q}", EVENT("a"), NULL), 0, 0, 1); /* a container's own words */
    assert_read(make("{\"jsonPayload\":{\"log\":%q},\"logName\":\"l\"}", EVENT("a"), NULL), 0, 0, 1);
}

static void test_a_cluster_is_named_by_all_of_its_parts_or_not_at_all(void **state)
{
    (void)state;
    struct transcript told = read_text("{\"resource\":{\"labels\":{\"cluster_name\":\"c1\",\"project_id\":\"p\"}},\"protoPayload\":{}}");
    assert_counts(&told, 1, 0, 0);
    assert_null(strstr(told.text.bytes, "cluster"));
    transcript_free(&told);
}

static void test_what_is_packed_keeps_its_place_whatever_the_chunks(void **state)
{
    static const char event[] = "{\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/v1\",\"auditID\":\"a\",\"stage\":\"ResponseComplete\",\"verb\":\"get\"}";
    (void)state;
    char *input = make("{\"records\":[{\"data\":\"%b\"}]} \n%s\n[}\n{\"data_base64\":\"%z\",\"specversion\":\"1.0\"} %s 2026\n", event, event, event, event, NULL);
    struct transcript told = read_text(input);
    assert_int_equal(told.counts.events, 4);
    transcript_free(&told);
    free(input);
}

static void test_pubsub_carries_base64_of_entries_or_events(void **state)
{
    (void)state;
    assert_read(make("{\"message\":{\"data\":\"%b\",\"messageId\":\"1\"},\"subscription\":\"s\"}", ENTRY, NULL), 1, 0, 0);
    assert_read(make("{\"subscription\":\"s\",\"message\":{\"messageId\":\"1\",\"data\":\"%b\"}}", EVENT("a") "\n" EVENT("b"), NULL), 2, 0, 0);
    assert_read(make("{\"message\":{\"data\":\"%z\"}}", ENTRY, NULL), 1, 0, 0);
    assert_read(make("{\"message\":{\"attributes\":{}},\"subscription\":\"s\"}", NULL), 0, 0, 1);
    assert_read(make("{\"message\":{\"data\":\"%b\"}}", "some words", NULL), 0, 0, 1);
    assert_read(make("{\"message\":{\"data\":\"\"},\"subscription\":\"s\"}", NULL), 0, 0, 1);
    assert_read(make("{\"message\":{\"data\":\"%b\"}}", ENTRY_OF("container.googleapis.com"), NULL), 0, 0, 1);
}

static void test_what_a_string_carries_is_told_as_it_stood_there(void **state)
{
    (void)state;
    char *input = make(" {\"message\":{\"data\":\"%b\"}}", EVENT("a"), NULL);
    struct transcript told = read_text(input);
    assert_counts(&told, 1, 0, 0);
    assert_last_event(&told, EVENT("a"));
    assert_told(&told, "event 0 at 1 line 1");
    assert_told(&told, " enclosed");
    transcript_free(&told);
    free(input);
}

#define DATA_MESSAGE_OF(group) \
    "{\"messageType\":\"DATA_MESSAGE\",\"owner\":\"123\",\"logGroup\":\"" group "\",\"logEvents\":[{\"id\":\"1\",\"message\":%q},{\"message\":%q,\"id\":\"2\"}]}"
#define DATA_MESSAGE DATA_MESSAGE_OF("/aws/eks/prod/cluster")

static void test_cloudwatch_carries_lines_of_many_streams(void **state)
{
    (void)state;
    char *input = make(DATA_MESSAGE, EVENT("a"), "time=\"2026\" level=info", NULL);
    struct transcript told = read_text(input);
    assert_counts(&told, 1, 0, 1);
    assert_told(&told, "enclosed cluster 123/prod provider EKS\n");
    transcript_free(&told);
    free(input);
    assert_read(make("{\"logEvents\":[{\"message\":%q}],\"messageType\":\"DATA_MESSAGE\"}", EVENT("a"), NULL), 1, 0, 0);
    assert_read(make("{\"messageType\":\"CONTROL_MESSAGE\",\"logEvents\":[{\"id\":\"\",\"message\":\"CWL CONTROL MESSAGE\"}]}", NULL), 0, 0, 1);
    assert_read(make(DATA_MESSAGE, "{\"level\":\"info\"}", "[core] text", NULL), 0, 0, 2);
}

static void test_a_log_group_of_another_kind_names_no_cluster(void **state)
{
    static const char *const groups[] = {"/aws/eks//cluster", "/aws/lambda/x", "/aws/eks/x/other", "/aws/eks/cluster"};
    (void)state;
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
        char *input = make("[{\"owner\":\"1\",\"logGroup\":%q,\"logEvents\":[{\"message\":%q}]},%s]", groups[i], EVENT("a"), EVENT("b"), NULL);
        struct transcript told = read_text(input);
        assert_counts(&told, 2, 0, 0);
        assert_null(strstr(told.text.bytes, "cluster "));
        assert_null(strstr(told.text.bytes, "provider "));
        transcript_free(&told);
        free(input);
    }
    char *input = make("[" DATA_MESSAGE ",%s]", EVENT("a"), EVENT("b"), EVENT("c"), NULL); /* it is over with its list */
    struct transcript told = read_text(input);
    assert_counts(&told, 3, 0, 0);
    assert_told(&told, "cluster 123/prod provider EKS\n");
    assert_null(strstr(told.text.bytes, "provider EKS\nreceived"));
    transcript_free(&told);
    free(input);
}

static void assert_provider(char *input, const char *provider)
{
    struct transcript told = read_text(input);
    assert_counts(&told, 1, 0, 0);
    assert_told(&told, provider);
    transcript_free(&told);
    free(input);
}

static void test_the_log_group_or_the_audit_logs_stream_says_that_an_event_is_of_eks(void **state)
{
    (void)state;
    assert_provider(make("{\"events\":[{\"logStreamName\":\"kube-apiserver-audit-0a\",\"message\":%q}]}", EVENT("a"), NULL), "enclosed provider EKS\n");
    assert_provider(make("{\"events\":[{\"logStreamName\":\"kube-apiserver\",\"message\":%q}]}", EVENT("a"), NULL), "enclosed\n");
    assert_provider(make("{\"logGroup\":\"/aws/eks/prod/cluster\",\"logEvents\":[{\"message\":%q}]}", EVENT("a"), NULL), "enclosed provider EKS\n");
    char *data = make("{\"logGroup\":\"/aws/eks/prod/cluster\",\"logEvents\":[{\"message\":%q}]}", EVENT("a"), NULL);
    assert_provider(make("{\"requestId\":\"r\",\"records\":[{\"data\":\"%z\"}]}", data, NULL), "enclosed provider EKS\n");
    free(data);
}

static void test_the_provider_of_a_record_is_told_through_what_is_packed_in_it_and_not_beyond(void **state)
{
    (void)state;
    char *input = make("[{\"specversion\":\"1.0\",\"data\":{\"category\":\"kube-audit\",\"properties\":{\"log\":%q}}},%s]", EVENT("a"), EVENT("b"), NULL);
    struct transcript told = read_text(input);
    assert_counts(&told, 2, 0, 0);
    assert_told(&told, "enclosed provider AKS\n");
    assert_null(strstr(strstr(told.text.bytes, "provider AKS") + 1, "provider"));
    transcript_free(&told);
    free(input);
}

static void test_firehose_carries_records_of_gzip(void **state)
{
    (void)state;
    char *data = make(DATA_MESSAGE, EVENT("a"), EVENT("b"), NULL);
    char *control = make("{\"messageType\":\"CONTROL_MESSAGE\",\"logEvents\":[{\"message\":\"CWL\"}]}", NULL);
    char *input = make("{\"requestId\":\"r\",\"timestamp\":1,\"records\":[{\"data\":\"%z\"},{\"data\":\"%z\"},{\"data\":\"%b\"}]}", control, data,
                       EVENT("c") "\n" EVENT("d") "\n", NULL);
    struct transcript told = read_text(input);
    assert_counts(&told, 4, 0, 1);
    assert_told(&told, "cluster 123/prod");
    assert_last_event(&told, EVENT("d"));
    transcript_free(&told);
    free(input);
    input = make("{\"records\":[{\"data\":\"%z\"}],\"requestId\":\"r\"}", data, NULL);
    assert_read(input, 2, 0, 0);
    free(data);
    free(control);
    assert_read(make("{\"requestId\":\"r\",\"records\":[]}", NULL), 0, 0, 0);
}

static void test_azure_records_are_read_in_the_audit_categories_only(void **state)
{
    (void)state;
    char *input = make("{\"records\":[{\"category\":\"kube-audit\",\"resourceId\":\"/SUBSCRIPTIONS/1/MANAGEDCLUSTERS/AKS-1\",\"properties\":{\"log\":%q}},"
                       "{\"properties\":{\"log\":%s},\"category\":\"kube-audit-admin\"},"
                       "{\"category\":\"guard\",\"properties\":{\"log\":%q}}]}",
                       EVENT("a") "\n", EVENT("b"), EVENT("c"), NULL);
    struct transcript told = read_text(input);
    assert_counts(&told, 2, 0, 1);
    assert_told(&told, "enclosed cluster AKS-1 provider AKS\n");
    assert_last_event(&told, EVENT("b"));
    assert_null(strstr(strstr(told.text.bytes, "AKS-1") + 5, "AKS-1"));
    transcript_free(&told);
    free(input);
    assert_read(make("[{\"records\":[{\"category\":\"kube-audit\",\"properties\":{\"log\":\"words\"}}]}]", NULL), 0, 1, 0);
    assert_read(make("{\"category\":\"kube-audit\",\"properties\":{\"log\":%q}}", EVENT("a"), NULL), 1, 0, 0);
}

static void test_cloud_events_and_event_grid_are_opened(void **state)
{
    static const char record[] = "{\"category\":\"kube-audit\",\"properties\":{\"log\":" EVENT("a") "}}";
    (void)state;
    assert_read(make("{\"specversion\":\"1.0\",\"type\":\"t\",\"data\":%s}", record, NULL), 1, 0, 0);
    assert_read(make("{\"data_base64\":\"%b\",\"specversion\":\"1.0\"}", record, NULL), 1, 0, 0);
    assert_read(make("{\"specversion\":\"1.0\",\"data\":%q}", record, NULL), 1, 0, 0);
    assert_read(make("[{\"eventType\":\"t\",\"data\":{\"records\":[%s,%s]}}]", record, record, NULL), 2, 0, 0);
    assert_read(make("{\"eventType\":\"t\",\"data\":[1]}", NULL), 0, 0, 1);
    assert_read(make("[{\"eventType\":\"Microsoft.EventGrid.SubscriptionValidationEvent\",\"data\":{\"validationCode\":\"1\"}}]", NULL), 0, 0, 1);
}

static void test_a_collectors_line_is_found_under_any_of_its_names(void **state)
{
    static const char *const names[] = {"message", "log", "msg", "MESSAGE", "event", "_raw", "structured", "lo\\u0067"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_read(make("{\"host\":\"h\",\"%s\":%q,\"date\":1.5}", names[i], EVENT("a") "\n", NULL), 1, 0, 0);
        assert_read(make("{\"%s\":%s}", names[i], EVENT("a"), NULL), 1, 0, 0);
        assert_read(make("{\"%s\":%q}", names[i], " @cee: " EVENT("a"), NULL), 1, 0, 0);
        assert_read(make("[{\"%s\":%q},{\"%s\":%q}]", names[i], EVENT("a"), names[i], ENTRY, NULL), 2, 0, 0);
        assert_read(make("{\"%s\":%q}", names[i], "words", NULL), 0, 0, 1);
        assert_read(make("{\"%s\":%q}", names[i], "{\"some\":\"json\"}", NULL), 0, 0, 1);
        assert_read(make("{\"%s\":%q}", names[i], "cannot send 'auditID'", NULL), 0, 1, 0);
        assert_read(make("{\"%s\":%q}", names[i], "{broken", NULL), 0, 1, 0);
        assert_read(make("{\"%s\":%q}", names[i], "ID\":\"the rest of an event", NULL), 0, 0, 1);
    }
    assert_read(make("{\"text\":%q}", EVENT("a"), NULL), 0, 1, 0);
}

static void test_the_first_line_that_yields_an_event_wins(void **state)
{
    (void)state;
    assert_read(make("{\"event\":{\"original\":%q},\"log\":{\"file\":{}},\"message\":%q}", EVENT("a"), EVENT("b"), NULL), 1, 0, 0);
    assert_read(make("{\"log\":%q,\"message\":%q}", EVENT("a"), EVENT("a"), NULL), 1, 0, 0);
    assert_read(make("{\"message\":\"{}\",\"log\":%q}", EVENT("a"), NULL), 1, 0, 0);
}

static void test_beside_the_events_of_a_line_what_is_none_is_a_dead_letter(void **state)
{
    (void)state;
    assert_read(make("{\"log\":%q}", EVENT("a") "\n{\"b\":1}\n" EVENT("c"), NULL), 2, 1, 0);
    struct transcript told = {0};
    char *input = make("{\"log\":%q}", "{\"b\":1}\n" EVENT("c"), NULL);
    told = read_text(input);
    assert_counts(&told, 1, 1, 0);
    assert_told(&told, "part of what this envelope carries is no audit event");
    transcript_free(&told);
    free(input);
}

static void test_envelopes_stand_in_each_other(void **state)
{
    (void)state;
    char *input = make("%s", EVENT("a"), NULL);
    for (int level = 0; level < 9; level++) {
        assert_read(make("%s", input, NULL), level <= 6, level > 6, 0);
        char *next = make("{\"log\":%q}", input, NULL);
        free(input);
        input = next;
    }
    free(input);
    char *cloudwatch = make(DATA_MESSAGE, ENTRY, EVENT("a"), NULL);
    char *pubsub = make("{\"message\":{\"data\":\"%z\"}}", cloudwatch, NULL);
    assert_read(make("{\"message\":%q}", pubsub, NULL), 2, 0, 0);
    free(cloudwatch);
    free(pubsub);
}

/* --- what must not be taken for an envelope -------------------------------------------------------------------------------- */

static void test_an_event_is_never_searched_for_envelopes(void **state)
{
    static const char *const names[] = {"message", "log", "data", "records", "logEvents", "event", "protoPayload", "items"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_read(make("{\"auditID\":\"o\",\"verb\":\"get\",\"%s\":%q}", names[i], EVENT("a"), NULL), 1, 0, 0);
        assert_read(make("{\"%s\":%q,\"verb\":\"get\",\"auditID\":\"o\"}", names[i], EVENT("a"), NULL), 1, 0, 0);
        assert_read(make("{\"auditID\":\"o\",\"verb\":\"get\",\"%s\":[{\"message\":%q}]}", names[i], EVENT("a"), NULL), 1, 0, 0);
        assert_read(make("{\"auditID\":\"o\",\"requestObject\":{\"%s\":%q,\"message\":{\"data\":\"%b\"}},\"verb\":\"get\"}", names[i], EVENT("a"), EVENT("a"), NULL), 1,
                    0, 0);
        assert_read(make("{\"protoPayload\":{\"request\":{\"%s\":%q},\"response\":{\"%s\":[{\"data\":\"%b\"}]}}}", names[i], EVENT("a"), names[i], EVENT("a"), NULL), 1,
                    0, 0);
    }
    assert_read(make("{\"auditID\":\"o\",\"records\":[{\"log\":%q}],\"verb\":\"get\"}", EVENT("a"), NULL), 1, 0, 0);
}

static void test_a_kubernetes_object_is_no_envelope(void **state)
{
    (void)state;
    assert_read(make("{\"kind\":\"Event\",\"apiVersion\":\"v1\",\"metadata\":{},\"message\":%q}", EVENT("a"), NULL), 0, 1, 0);
}

static void test_only_an_objects_own_members_are_looked_at(void **state)
{
    (void)state;
    assert_read(make("{\"a\":{\"log\":%q},\"b\":[{\"message\":%q}]}", EVENT("a"), EVENT("a"), NULL), 0, 1, 0);
    assert_read(make("{\"log\":[%q]}", EVENT("a"), NULL), 0, 1, 0);
    assert_read(make("{\"log\":{\"kubernetes\":{\"log\":%q}}}", EVENT("a"), NULL), 0, 1, 0);
}

static void test_a_format_opens_its_own_envelopes_only(void **state)
{
    static const struct {
        enum audit_format format;
        const char *input;
    } cases[] = {
        {AUDIT_FORMAT_CLOUD_LOGGING, "{\"message\":{\"data\":\"%b\"}}"},
        {AUDIT_FORMAT_FIREHOSE, "{\"records\":[{\"data\":\"%b\"}]}"},
        {AUDIT_FORMAT_FIREHOSE, "{\"logEvents\":[{\"message\":%q}]}"},
        {AUDIT_FORMAT_AZURE, "{\"category\":\"kube-audit\",\"properties\":{\"log\":%q}}"},
        {AUDIT_FORMAT_AZURE, "{\"specversion\":\"1\",\"data_base64\":\"%b\"}"},
        {AUDIT_FORMAT_COLLECTOR, "{\"log\":%q}"},
        {AUDIT_FORMAT_AUDIT, "{\"items\":[%s]}"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (enum audit_format format = AUDIT_FORMAT_AUTO; format <= AUDIT_FORMAT_COLLECTOR; format++) {
            char *input = make(cases[i].input, EVENT("a"), NULL);
            bool opens = format == AUDIT_FORMAT_AUTO || format == cases[i].format || cases[i].format == AUDIT_FORMAT_AUDIT;
            struct transcript told = read_with((struct transcript){.format = format}, input, NULL, AUDIT_ACCEPT_AUTO);
            assert_int_equal(told.counts.events, opens);
            transcript_free(&told);
            told = read_with((struct transcript){.format = format}, EVENT("a"), NULL, AUDIT_ACCEPT_AUTO);
            assert_int_equal(told.counts.events, 1);
            transcript_free(&told);
            told = read_with((struct transcript){.format = format}, ENTRY, NULL, AUDIT_ACCEPT_K8S);
            assert_int_equal(told.counts.events, format == AUDIT_FORMAT_AUTO || format == AUDIT_FORMAT_CLOUD_LOGGING);
            transcript_free(&told);
            free(input);
        }
    }
}

static void test_udm_records_come_in_no_envelope(void **state)
{
    (void)state;
    char *input = make("{\"log\":%q}", "{\"metadata\":{\"event_type\":\"X\"}}", NULL);
    struct transcript told = read_with((struct transcript){0}, input, NULL, AUDIT_ACCEPT_AUTO);
    assert_counts(&told, 0, 0, 1);
    transcript_free(&told);
    free(input);
    input = make("{\"metadata\":{\"beat\":\"b\"},\"message\":%q}", EVENT("a"), NULL); /* a collector's own metadata */
    told = read_with((struct transcript){0}, input, NULL, AUDIT_ACCEPT_AUTO);
    assert_told(&told, "event 0 at 0");
    assert_counts(&told, 1, 0, 0);
    transcript_free(&told);
    told = read_with((struct transcript){0}, input, NULL, AUDIT_ACCEPT_UDM);
    assert_told(&told, "event 1 at 0");
    transcript_free(&told);
    free(input);
    told = read_with((struct transcript){0}, ENTRY, NULL, AUDIT_ACCEPT_UDM);
    assert_int_equal(strstr(told.text.bytes, "event 2") != NULL, false);
    transcript_free(&told);
}

/* --- a list that is none ---------------------------------------------------------------------------------------------------- */

#define OTLP(body) "{\"resourceLogs\":[{\"resource\":{},\"scopeLogs\":[{\"logRecords\":[{\"timeUnixNano\":\"1\",\"body\":" body "}],\"scope\":{}}]}]}"
#define PAIR(key, value) "{\"key\":\"" key "\",\"value\":" value "}"
#define KVLIST(pairs) "{\"kvlistValue\":{\"values\":[" pairs "]}}"

static void test_records_of_otlp_hold_lines_bytes_and_parsed_events(void **state)
{
    (void)state;
    assert_read(make(OTLP("{\"stringValue\":%q}"), EVENT("a") "\n", NULL), 1, 0, 0);
    assert_read(make(OTLP(KVLIST(PAIR("auditID", "{\"stringValue\":\"a\"}") "," PAIR("verb", "{\"stringValue\":\"get\"}"))), NULL), 1, 0, 0);
    assert_read(make(OTLP(KVLIST("{\"value\":{\"stringValue\":\"get\"},\"key\":\"verb\"}," PAIR("auditID", "{\"stringValue\":\"a\"}"))), NULL), 1, 0, 0);
    assert_read(make(OTLP(KVLIST(PAIR("log", "{\"stringValue\":%q}"))), EVENT("a"), NULL), 1, 0, 0);
    assert_read(make(OTLP("{\"stringValue\":\"words\"}"), NULL), 0, 0, 1);
    assert_read(make(OTLP("{\"stringValue\":%q}"), "cannot send 'auditID'", NULL), 0, 1, 0);
    assert_read(make(OTLP("{\"stringValue\":%q}"), "{\"auditID\":\"a\",\"verb\":\"get\",\"requestObj", NULL), 1, 1, 0);
    assert_read(make(OTLP("{}"), NULL), 0, 0, 1);
    assert_read(make(OTLP(KVLIST("{}")), NULL), 0, 0, 1);
    assert_read(make(OTLP(KVLIST("1,[[{}]],{\"key\":1}," PAIR("auditID", "5"))), NULL), 0, 0, 1);
    assert_read(make("{\"resourceLogs\":[]}", NULL), 0, 0, 0);
}

static void test_what_the_aws_command_prints_is_a_list_of_lines(void **state)
{
    (void)state;
    assert_read(make("{\"events\":[{\"message\":%q,\"logStreamName\":\"kube-apiserver-audit-1\"},{\"message\":\"words\"}],\"nextToken\":\"t\"}", EVENT("a"), NULL), 1, 0, 1);
    assert_read(make("{\"events\":[{\"message\":%q}]}", "{\"auditID\":\"a\",\"verb\":\"get\",\"requestObj", NULL), 1, 1, 0);
    assert_read(make("{\"events\":[]}", NULL), 0, 0, 0);
}

static void test_records_of_other_azure_categories_are_passed_over(void **state)
{
    (void)state;
    assert_read(make("{\"records\":[{\"category\":\"Action\",\"time\":\"t\"},{\"category\":\"guard\",\"properties\":\"text\"}]}", NULL), 0, 0, 2);
    assert_read(make("{\"category\":\"Administrative\",\"resourceId\":\"/S\"}", NULL), 0, 0, 1);
}

static void test_a_list_without_an_event_hides_nothing_beside_it(void **state)
{
    static const char *const lists[] = {"items", "records", "logEvents"};
    static const char *const elements[] = {"", "1,[],[2]", "{}", "{\"a\":[{}]},{\"items\":[]}", "{\"auditID\":\"x\"},{\"log\":\"words\"}"};
    static const uint64_t dead[] = {0, 2, 1, 1, 1}, other[] = {0, 0, 0, 0, 1};
    (void)state;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        for (size_t j = 0; j < sizeof elements / sizeof *elements; j++) {
            assert_read(make("{\"%s\":[%s],\"log\":%q}", lists[i], elements[j], EVENT("a"), NULL), 1, dead[j], other[j]);
            assert_read(make("{\"event\":%s,\"%s\":[%s]}", EVENT("a"), lists[i], elements[j], NULL), 1, dead[j], other[j]);
            assert_read(make("{\"items\":[],\"%s\":[%s],\"records\":[],\"_raw\":%q}", lists[i], elements[j], EVENT("a"), NULL), 1, dead[j], other[j]);
            assert_read(make("{\"protoPayload\":{\"serviceName\":\"k8s.io\"},\"%s\":[%s]}", lists[i], elements[j], NULL), 1, dead[j], other[j]);
            assert_read(make("{\"%s\":[%s],\"category\":\"kube-audit\",\"properties\":{\"log\":%q}}", lists[i], elements[j], EVENT("a"), NULL), 1, dead[j], other[j]);
            assert_read(make("[{\"%s\":[%s],\"log\":%q},%s]", lists[i], elements[j], EVENT("a"), EVENT("b"), NULL), 2, dead[j], other[j]);
        }
    }
    assert_read(make("{\"kind\":\"EventList\",\"log\":%q}", EVENT("a"), NULL), 1, 0, 0);
    assert_read(make("{\"items\":[],\"log\":\"words\"}", NULL), 0, 0, 1);
    assert_read(make("{\"log\":%q,\"items\":[{\"log\":\"words\"},{\"message\":\"more\"}]}", EVENT("a"), NULL), 1, 0, 2);
    assert_read(make("{\"records\":[{\"category\":\"Action\"}],\"log\":%q}", EVENT("a"), NULL), 1, 0, 1);
    assert_read(make("{\"items\":[],\"log\":%q", EVENT("a"), NULL), 1, 1, 0);
    assert_read(make("{\"items\":[{\"verb\":\"get\"}],\"requestObject\":{},\"log\":%q}", EVENT("a"), NULL), 1, 1, 0);
}

static void test_what_stood_beside_a_list_and_was_not_kept_is_a_dead_letter(void **state)
{
    (void)state;
    assert_read(make("{\"items\":[{\"items\":[{}],\"log\":%q}]}", EVENT("a"), NULL), 0, 2, 0);
    assert_read(make("{\"records\":[{\"message\":{},\"subscription\":\"s\"}],\"log\":%q}", EVENT("a"), NULL), 1, 0, 1);
    assert_read(make("{\"items\":[{\"auditID\":\"a\",\"verb\":\"x\",\"verb\":1}],\"log\":%q}", EVENT("a"), NULL), 0, 2, 0);
    assert_read(make("{\"items\":[%s],\"log\":%q}", EVENT("a"), EVENT("b"), NULL), 1, 0, 0);
}

static void test_nothing_is_kept_of_a_list_of_events(void **state)
{
    struct buffer input = {0};
    (void)state;
    buffer_append_text(&input, "{\"kind\":\"EventList\",\"items\":[{\"auditID\":\"a\",\"verb\":\"create\",\"requestObject\":[0");
    for (int i = 0; i < 100000; i++)
        buffer_append_text(&input, ",1");
    buffer_append_text(&input, "]}]}");
    struct transcript list = {0}, bare = {0};
    transcript_read(&list, buffer_slice(&input), 1000, NULL, AUDIT_ACCEPT_K8S);
    transcript_read(&bare, slice_first(slice_from(buffer_slice(&input), 29), input.length - 31), 1000, NULL, AUDIT_ACCEPT_K8S);
    assert_counts(&list, 1, 0, 0);
    assert_counts(&bare, 1, 0, 0);
    assert_in_range(list.peak, 0, bare.peak + 8192); /* the stream's own, as chunks end elsewhere */
    transcript_free(&list);
    transcript_free(&bare);
    buffer_free(&input);
}

/* --- lines in parts -------------------------------------------------------------------------------------------------------- */

#define FIRST_PART "{\"auditID\":\"true\",\"verb\":\"patch\",\"requestObject\":{\"x\":"
#define SECOND_PART EVENT("forged") "}}"

static void test_parts_of_a_split_line_are_joined(void **state)
{
    static const char *const forms[] = {
        "{\"logtag\":\"P\",\"log\":%q}\n{\"logtag\":\"F\",\"log\":%q}\n{\"logtag\":\"F\",\"log\":%q}",
        "[{\"message\":%q,\"stream\":\"a\",\"logtag\":\"P\",\"time\":1},{\"message\":%q,\"stream\":\"a\",\"logtag\":\"F\"},{\"log\":%q,\"logtag\":\"F\"}]",
        "{\"log\":%q,\"partial_message\":true,\"partial_last\":false}{\"log\":%q,\"partial_message\":true,\"partial_last\":true}{\"log\":%q}",
        "{\"log\":%q,\"partial_message\":\"true\"}{\"log\":%q,\"partial_message\":\"true\",\"partial_last\":\"true\"}{\"log\":%q}",
        "{\"log\":%q,\"stream\":\"a\",\"time\":1}{\"log\":%q,\"stream\":\"a\"}{\"log\":%q,\"stream\":\"a\"}",
        "{\"records\":[{\"log\":%q,\"stream\":\"a\"},{\"log\":%q,\"stream\":\"a\"},{\"log\":%q,\"stream\":\"a\"}]}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        char *input = make(forms[i], FIRST_PART, SECOND_PART "\n", EVENT("behind") "\n", NULL);
        struct transcript told = read_text(input);
        assert_counts(&told, 2, 0, 0);
        assert_told(&told, " cut 0000 complete verb=patch enclosed");
        assert_last_event(&told, EVENT("behind"));
        transcript_free(&told);
        free(input);
    }
}

static void test_all_parts_between_the_first_and_the_last_are_none(void **state)
{
    (void)state;
    assert_read(make("{\"logtag\":\"P\",\"log\":%q}{\"logtag\":\"P\",\"log\":%q}{\"logtag\":\"P\",\"log\":%q}{\"logtag\":\"F\",\"log\":%q}{\"logtag\":\"F\",\"log\":%q}",
                     FIRST_PART, EVENT("x"), EVENT("x"), EVENT("x"), EVENT("a"), NULL),
                2, 1, 0);
    assert_read(make("{\"partial_message\":true,\"partial_ordinal\":2,\"log\":%q}{\"partial_message\":true,\"partial_ordinal\":\"1\",\"log\":%q}", EVENT("x"), EVENT("a"), NULL), 1, 1, 0);
}

static void test_a_line_of_another_source_is_no_part(void **state)
{
    (void)state;
    struct transcript told;
    char *input = make("{\"stream\":\"a\",\"logtag\":\"P\",\"log\":\"{\"}{\"stream\":\"b\",\"logtag\":\"P\",\"log\":%q}{\"stream\":\"c\",\"logtag\":\"F\",\"log\":%q}"
                       "{\"stream\":\"a\",\"logtag\":\"F\",\"log\":%q}{\"stream\":\"b\",\"logtag\":\"F\",\"log\":%q}",
                       FIRST_PART, EVENT("a"), EVENT("x"), EVENT("x"), NULL);
    told = read_text(input);
    assert_counts(&told, 2, 2, 0);
    assert_told(&told, "sha256 333cec3aef1a3de3c4ea59c8cef7460a04aaa8c061e53457b455b5cab02693bb"); /* EVENT("a"), whole */
    transcript_free(&told);
    free(input);
}

static void test_a_joined_line_may_still_have_the_tag_of_its_first_part(void **state)
{
    (void)state;
    assert_read(make("{\"logtag\":\"P\",\"log\":%q}{\"log\":%q}", FIRST_PART, EVENT("a"), NULL), 2, 1, 0); /* one without a tag is no part */
    assert_read(make("{\"logtag\":\"P\",\"log\":%q}{\"logtag\":\"P\",\"log\":%q}{\"logtag\":\"F\",\"log\":%q}", EVENT("a"), EVENT("b") "\n", EVENT("c"), NULL), 3, 0, 0);
}

static void test_parts_may_be_messages_of_their_own(void **state)
{
    (void)state;
    char *input = make("{\"stream\":\"a\",\"log\":%q}\n{\"stream\":\"a\",\"log\":%q}\n{\"stream\":\"a\",\"log\":%q}\n", FIRST_PART, SECOND_PART "\n", EVENT("b") "\n", NULL);
    struct transcript told = read_with((struct transcript){.lines = true}, input, NULL, AUDIT_ACCEPT_K8S);
    assert_counts(&told, 2, 0, 0);
    assert_last_event(&told, EVENT("b"));
    transcript_free(&told);
    free(input);
}

/* Where no text has its newline, one that was cut is no sign that more of it comes. */
static void test_a_cut_text_hides_no_event_of_a_log_without_newlines(void **state)
{
    (void)state;
    assert_read(make("{\"stream\":\"a\",\"log\":%q}{\"stream\":\"a\",\"log\":%q}{\"stream\":\"a\",\"log\":%q}", FIRST_PART, EVENT("a"), EVENT("b"), NULL), 3, 1, 0);
    assert_read(make("{\"stream\":\"a\",\"log\":%q\n{\"stream\":\"a\",\"log\":%q}", FIRST_PART, EVENT("a") "\n", NULL), 2, 1, 0); /* the record itself broke */
    assert_read(make("{\"stream\":\"a\",\"log\":%q}{\"stream\":\"a\",\"log\":%q}", EVENT("a"), EVENT("b") "\n", NULL), 2, 0, 0);
}

static void test_a_json_file_has_many_full_parts(void **state)
{
    struct buffer first = {0}, middle = {0};
    (void)state;
    buffer_append_text(&first, FIRST_PART "[0");
    buffer_append_text(&middle, EVENT("x"));
    while (first.length < 16384)
        buffer_append_text(&first, ",1");
    while (middle.length < 16384)
        buffer_append_text(&middle, " ");
    assert_read(make("{\"stream\":\"a\",\"log\":%q}{\"stream\":\"a\",\"log\":%q}{\"stream\":\"a\",\"log\":%q}{\"stream\":\"a\",\"log\":%q}", first.bytes, middle.bytes,
                     SECOND_PART "\n", EVENT("b") "\n", NULL),
                2, 1, 0);
    buffer_free(&first);
    buffer_free(&middle);
}

/* --- what is damaged ------------------------------------------------------------------------------------------------------- */

static void test_a_cut_payload_is_decided_and_is_a_dead_letter(void **state)
{
    static const char cut[] = "{\"auditID\":\"a\",\"verb\":\"create\",\"requestObject\":{\"image\":\"evi";
    static const char *const envelopes[] = {"{\"log\":%q}", "{\"logEvents\":[{\"message\":%q}]}", "{\"records\":[{\"data\":\"%b\"}]}",
                                            "{\"message\":{\"data\":\"%z\"}}", "{\"category\":\"kube-audit\",\"properties\":{\"log\":%q}}"};
    (void)state;
    for (size_t i = 0; i < sizeof envelopes / sizeof *envelopes; i++) {
        char *input = make(envelopes[i], cut, NULL);
        struct transcript told = read_text(input);
        assert_counts(&told, 1, 1, 0);
        assert_true(told.last_cut.transport && told.last_cut.request_object);
        assert_last_event(&told, "{\"auditID\":\"a\",\"verb\":\"create\",\"requestObject\":{\"image\":\"evi\"}}");
        assert_string_equal(told.last_dead.bytes, cut);
        transcript_free(&told);
        free(input);
    }
    assert_read(make("{\"message\":{\"data\":\"%b\"}}", "{\"protoPayload\":{\"request\":{\"a\":\"b", NULL), 1, 1, 0);
}

static void test_an_envelope_that_broke_off_is_opened(void **state)
{
    static const char *const ends[] = {"", "\\", "\\n", "\"", "\",", "\",\"x", "\",\"x\":{"};
    (void)state;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        for (int behind = 0; behind < 2; behind++) {
            char *input = make("{\"log\":\"{\\\"auditID\\\":\\\"a\\\",\\\"verb\\\":\\\"create\\\",\\\"requestObject\\\":{\\\"x\\\":\\\"evil%s%s", ends[i], behind ? "\n{}" : "", NULL);
            struct transcript told = read_text(input);
            assert_counts(&told, 1, 1 + (uint64_t)behind, 0);
            assert_true(told.last_cut.transport);
            assert_non_null(strstr(told.last_event.bytes, "evil"));
            transcript_free(&told);
            free(input);
        }
    }
    struct transcript told = read_text("{\"event\":{\"auditID\":\"a\",\"objectRef\":{},\"requestObject\":{\"x\":\"evil");
    assert_counts(&told, 1, 1, 0);
    assert_told(&told, " cut 1111 incomplete");
    transcript_free(&told);
    char *input = make("{\"log\":%q,\"b\":", EVENT("a"), NULL); /* itself it is whole */
    told = read_text(input);
    assert_counts(&told, 1, 1, 0);
    assert_told(&told, " cut 0000 complete");
    transcript_free(&told);
    free(input);
    assert_read(make("{\"protoPayload\":{\"request\":{\"image\":\"evil", NULL), 1, 1, 0);
    assert_read(make("{\"records\":[{\"data\":\"eyJhdWRpdElEIjoiYSIsInZlcmIiOiJjcmVhdGUi", NULL), 1, 1, 0);
    assert_read(make("{\"protoPayload\":{\"serviceName\":\"container.googleapis.com\"},\"a", NULL), 0, 1, 0);
}

static void test_damage_within_an_envelope_costs_that_envelope(void **state)
{
    (void)state;
    struct transcript told = read_text("{\"records\":[{\"data\":\"!!\"},{\"data\":\"e30\"},{\"data\":\"H4sIAAAAAAAA/wAAAA==\"},{\"data\":\"e\"},{\"data\":\"H4s=\"},"
                                       "{\"data\":\"eyJhdWRpdElEIjoiYSIsInZlcmIiOiJjcmVhdGUifQ\"}]}");
    assert_counts(&told, 1, 4, 1);
    assert_told(&told, "dead wrong encoding at 12 line 1 length 13: this is no base64: {\"data\":\"!!\"}\n");
    assert_told(&told, "the base64 ends within a byte");
    assert_told(&told, "the gzip data ends too early");
    transcript_free(&told);
    assert_read(make("{\"log\":%q}", "{\"message\":{\"data\":\"!!\"}}", NULL), 0, 1, 0);
}

static void test_a_bomb_is_a_dead_letter_and_costs_nothing_else(void **state)
{
    const struct audit_limits limits = {
        .depth = 10, .value_bytes = 1 << 20, .event_bytes = 1 << 20, .dead_letter_bytes = 50, .inflated_bytes = 2 << 20, .inflate_ratio = 10};
    struct buffer zeros = {0};
    (void)state;
    buffer_append_text(&zeros, EVENT("in"));
    for (int i = 0; i < 3 << 20; i++)
        buffer_append_byte(&zeros, ' ');
    buffer_append_text(&zeros, EVENT("hidden"));
    char *input = make("{\"records\":[{\"data\":\"%z\"},{\"data\":\"%b\"}]}", zeros.bytes, EVENT("b"), NULL);
    struct transcript told = {0};
    transcript_read(&told, slice_of(input), SIZE_MAX, &limits, AUDIT_ACCEPT_K8S);
    assert_counts(&told, 2, 1, 0);
    assert_told(&told, "dead over a bound at 12 line 1");
    assert_told(&told, "inflated_bytes or inflate_ratio allow; what comes behind that is not judged");
    assert_true(told.peak < 3 << 20);
    transcript_free(&told);
    free(input);
    buffer_free(&zeros);
}

static void test_many_small_bombs_are_one(void **state)
{
    const struct audit_limits limits = {
        .depth = 10, .value_bytes = 1 << 20, .event_bytes = 1 << 20, .dead_letter_bytes = 50, .inflated_bytes = 9 << 20, .inflate_ratio = 20};
    struct buffer blanks = {0}, input = {0};
    (void)state;
    buffer_append_text(&blanks, EVENT("a"));
    for (int i = 0; i < 8 << 20; i++)
        buffer_append_byte(&blanks, ' ');
    char *record = make("{\"data\":\"%z\"}", blanks.bytes, NULL);
    buffer_append_text(&input, "{\"records\":[");
    for (int i = 0; i < 6; i++)
        buffer_printf(&input, "%s%s", i ? "," : "", record);
    buffer_append_text(&input, "]}");
    struct transcript whole = {0}, parts = {0};
    transcript_read(&whole, buffer_slice(&input), SIZE_MAX, &limits, AUDIT_ACCEPT_K8S);
    transcript_read(&parts, buffer_slice(&input), 1000, &limits, AUDIT_ACCEPT_K8S);
    assert_string_equal(whole.text.bytes, parts.text.bytes);
    assert_counts(&whole, 4, 3, 0); /* the first 32 MiB are free */
    transcript_free(&whole);
    transcript_free(&parts);
    free(record);
    buffer_free(&blanks);
    buffer_free(&input);
}

static void test_an_event_that_a_bound_cuts_open_is_judged_as_cut(void **state)
{
    const struct audit_limits limits = {
        .depth = 10, .value_bytes = 4 << 20, .event_bytes = 1 << 20, .dead_letter_bytes = 50, .inflated_bytes = 1 << 20, .inflate_ratio = 1100};
    struct buffer text = {0};
    (void)state;
    buffer_append_text(&text, "{\"auditID\":\"a\",\"verb\":\"create\",\"requestObject\":{\"image\":\"evil\",\"x\":\"");
    for (int i = 0; i < 2 << 20; i++)
        buffer_append_byte(&text, 'a');
    buffer_append_text(&text, "\"}}");
    char *input = make("{\"records\":[{\"data\":\"%z\"}]}", text.bytes, NULL);
    struct transcript told = {0};
    transcript_read(&told, slice_of(input), SIZE_MAX, &limits, AUDIT_ACCEPT_K8S);
    assert_counts(&told, 1, 2, 0);
    assert_true(told.last_cut.transport && told.last_cut.request_object);
    assert_non_null(strstr(told.last_event.bytes, "evil"));
    assert_told(&told, "what comes behind that is not judged");
    transcript_free(&told);
    free(input);
    buffer_free(&text);
}

/* What may be written a thousand times over is padding for who wants a bound to drop what comes behind. */
static void test_honest_gzip_of_one_letter_is_read_to_its_end(void **state)
{
    struct buffer text = {0};
    (void)state;
    for (int i = 0; i < 14; i++) {
        buffer_append_text(&text, "{\"auditID\":\"p\",\"verb\":\"create\",\"requestObject\":{\"x\":\"");
        for (int j = 0; j < 3000000; j++)
            buffer_append_byte(&text, 'a');
        buffer_append_text(&text, "\"}}\n");
    }
    buffer_append_text(&text, EVENT("attack"));
    char *input = make("{\"records\":[{\"data\":\"%z\"}]}", text.bytes, NULL);
    struct transcript told = {0};
    transcript_read(&told, slice_of(input), SIZE_MAX, NULL, AUDIT_ACCEPT_K8S);
    assert_counts(&told, 15, 0, 0);
    assert_last_event(&told, EVENT("attack"));
    transcript_free(&told);
    free(input);
    buffer_free(&text);
}

static void test_an_envelope_over_a_bound_is_read_as_far_as_it_goes(void **state)
{
    const struct audit_limits limits = {.depth = 20, .value_bytes = 200, .event_bytes = 300, .dead_letter_bytes = 50};
    (void)state;
    char *input = make("{\"event\":{\"auditID\":\"a\",\"objectRef\":{\"resource\":\"pods\"},\"requestObject\":{\"image\":\"evil\",\"pad\":[%s", "", NULL);
    struct buffer long_input = {0};
    buffer_append_text(&long_input, input);
    for (int i = 0; i < 200; i++)
        buffer_printf(&long_input, "%d,", i);
    buffer_append_text(&long_input, "1]},\"verb\":\"create\"}}");
    struct transcript told = read_with((struct transcript){0}, long_input.bytes, &limits, AUDIT_ACCEPT_K8S);
    assert_counts(&told, 1, 1, 0); /* its verb was cut away */
    assert_told(&told, "dead over a bound at 0");
    assert_true(told.last_cut.request_object && told.last_cut.other);
    assert_null(strstr(told.text.bytes, " complete"));
    transcript_free(&told);
    free(input);
    buffer_free(&long_input);
}

static void test_a_refused_budget_within_an_envelope_ends_the_input(void **state)
{
    struct transcript told = {.allowed = 150000};
    struct buffer event = {0};
    (void)state;
    buffer_append_text(&event, "{\"auditID\":\"a\",\"verb\":\"create\",\"requestObject\":[0");
    for (int i = 0; i < 50000; i++)
        buffer_append_text(&event, ",1");
    buffer_append_text(&event, "]}");
    char *input = make("{\"log\":%q}%s", event.bytes, EVENT("b"), NULL);
    transcript_read(&told, slice_of(input), SIZE_MAX, NULL, AUDIT_ACCEPT_K8S);
    assert_int_equal(told.fed, RESULT_BUSY);
    assert_null(strstr(told.text.bytes, "event 0"));
    assert_int_equal(told.memory, 0);
    transcript_free(&told);
    free(input);
    buffer_free(&event);
}

/* --- messages -------------------------------------------------------------------------------------------------------------- */

static void test_each_message_begins_anew(void **state)
{
    (void)state;
    struct transcript told = read_with((struct transcript){.lines = true},
                                       EVENT("a") "\n"
                                                  "{\"auditID\":\"cut\",\"verb\":\"get\",\"requestObject\":{\n"
                                                  "\xEF\xBB\xBF" EVENT("b") "\n"
                                                                            " @cee: " EVENT("c") "\n"
                                                                                                 "{\"items\":[\n"
                                                                                                 "{\"items\":[{\"a\" 1}]\n" EVENT("d") "\n"
                                                                                                                                       "@cee:{\"msg\":\"x\"}\n" EVENT("e"),
                                       NULL, AUDIT_ACCEPT_K8S);
    assert_counts(&told, 6, 3, 1);
    assert_last_event(&told, EVENT("e"));
    assert_int_equal(told.result, RESULT_OK);
    transcript_free(&told);
}

static void test_a_message_of_a_cookie_alone_moves_nothing(void **state)
{
    (void)state;
    struct transcript told = read_with((struct transcript){.lines = true}, "@cee: \n" EVENT("a") "\n\xEF\xBB\xBF\n{\"auditID\":\"a\",\"verb\":\"ResponseCom\n", NULL, AUDIT_ACCEPT_K8S);
    assert_counts(&told, 1, 1, 0);
    assert_told(&told, "event 0 at 7 line 2");
    transcript_free(&told);
}

static void test_a_message_of_text_is_other(void **state)
{
    (void)state;
    struct transcript told = read_with((struct transcript){.lines = true},
                                       "I0102 03:04:05 server.go:1] started\n2026-01-02 x\n[core] y {\"a\":1}\n\n  \n\"quoted\"\n@cee: words\n" EVENT("a") "\n[" EVENT("b") "]\n",
                                       NULL, AUDIT_ACCEPT_K8S);
    assert_counts(&told, 2, 0, 5);
    assert_int_equal(told.result, RESULT_OK);
    transcript_free(&told);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_log_entry_is_told_whole_with_its_cluster),
        cmocka_unit_test(test_a_cluster_is_named_by_all_of_its_parts_or_not_at_all),
        cmocka_unit_test(test_what_is_packed_keeps_its_place_whatever_the_chunks),
        cmocka_unit_test(test_pubsub_carries_base64_of_entries_or_events),
        cmocka_unit_test(test_what_a_string_carries_is_told_as_it_stood_there),
        cmocka_unit_test(test_cloudwatch_carries_lines_of_many_streams),
        cmocka_unit_test(test_a_log_group_of_another_kind_names_no_cluster),
        cmocka_unit_test(test_the_log_group_or_the_audit_logs_stream_says_that_an_event_is_of_eks),
        cmocka_unit_test(test_the_provider_of_a_record_is_told_through_what_is_packed_in_it_and_not_beyond),
        cmocka_unit_test(test_firehose_carries_records_of_gzip),
        cmocka_unit_test(test_azure_records_are_read_in_the_audit_categories_only),
        cmocka_unit_test(test_cloud_events_and_event_grid_are_opened),
        cmocka_unit_test(test_a_collectors_line_is_found_under_any_of_its_names),
        cmocka_unit_test(test_the_first_line_that_yields_an_event_wins),
        cmocka_unit_test(test_beside_the_events_of_a_line_what_is_none_is_a_dead_letter),
        cmocka_unit_test(test_envelopes_stand_in_each_other),
        cmocka_unit_test(test_an_event_is_never_searched_for_envelopes),
        cmocka_unit_test(test_a_kubernetes_object_is_no_envelope),
        cmocka_unit_test(test_only_an_objects_own_members_are_looked_at),
        cmocka_unit_test(test_a_format_opens_its_own_envelopes_only),
        cmocka_unit_test(test_udm_records_come_in_no_envelope),
        cmocka_unit_test(test_records_of_otlp_hold_lines_bytes_and_parsed_events),
        cmocka_unit_test(test_what_the_aws_command_prints_is_a_list_of_lines),
        cmocka_unit_test(test_records_of_other_azure_categories_are_passed_over),
        cmocka_unit_test(test_a_list_without_an_event_hides_nothing_beside_it),
        cmocka_unit_test(test_what_stood_beside_a_list_and_was_not_kept_is_a_dead_letter),
        cmocka_unit_test(test_nothing_is_kept_of_a_list_of_events),
        cmocka_unit_test(test_parts_of_a_split_line_are_joined),
        cmocka_unit_test(test_all_parts_between_the_first_and_the_last_are_none),
        cmocka_unit_test(test_a_line_of_another_source_is_no_part),
        cmocka_unit_test(test_a_joined_line_may_still_have_the_tag_of_its_first_part),
        cmocka_unit_test(test_parts_may_be_messages_of_their_own),
        cmocka_unit_test(test_a_cut_text_hides_no_event_of_a_log_without_newlines),
        cmocka_unit_test(test_a_json_file_has_many_full_parts),
        cmocka_unit_test(test_a_cut_payload_is_decided_and_is_a_dead_letter),
        cmocka_unit_test(test_an_envelope_that_broke_off_is_opened),
        cmocka_unit_test(test_damage_within_an_envelope_costs_that_envelope),
        cmocka_unit_test(test_a_bomb_is_a_dead_letter_and_costs_nothing_else),
        cmocka_unit_test(test_many_small_bombs_are_one),
        cmocka_unit_test(test_an_event_that_a_bound_cuts_open_is_judged_as_cut),
        cmocka_unit_test(test_honest_gzip_of_one_letter_is_read_to_its_end),
        cmocka_unit_test(test_an_envelope_over_a_bound_is_read_as_far_as_it_goes),
        cmocka_unit_test(test_a_refused_budget_within_an_envelope_ends_the_input),
        cmocka_unit_test(test_each_message_begins_anew),
        cmocka_unit_test(test_a_message_of_a_cookie_alone_moves_nothing),
        cmocka_unit_test(test_a_message_of_text_is_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
