/* SPDX-License-Identifier: Apache-2.0 */
#include "slack_text.h"

#include "harrier/json.h"
#include "harrier/base/utf8.h"

/* Slack's limits (docs.slack.dev, Block Kit reference), and ours where ours are lower: the whole message stays well under the about 13,000
 * characters at which Slack refuses it. */
enum {
    HEADER_LIMIT = 150,
    FIELD_LIMIT = 300, /* Slack: 2,000 */
    FIELDS_MAX = 10,
    EVIDENCE_LIMIT = 2800, /* Slack: 3,000 for a section */
    EVIDENCE_LINE_LIMIT = 400,
    CONTEXT_LIMIT = 300,
    TEXT_LIMIT = 1000
};

/* --- text --------------------------------------------------------------------------------------------------------------- */

/* The escaped form of the character at the start of rest; *cost is what it counts. */
static struct slice escape_one(struct slice *rest, enum slack_span span, char encoded[4], size_t *cost)
{
    uint32_t c;
    *rest = slice_from(*rest, utf8_decode(*rest, &c));
    struct slice out;
    if (c == '&')
        out = SLICE("&amp;");
    else if (c == '<')
        out = SLICE("&lt;");
    else if (c == '>')
        out = SLICE("&gt;");
    else if (c == '`' && span == SLACK_CODE)
        out = SLICE("'");
    else if (utf8_is_unprintable(c)) /* it would hide in a name, or let it show as another one */
        out = SLICE(" ");
    else
        out = slice_make(encoded, utf8_encode(c, encoded));
    *cost = out.bytes != encoded ? out.length : c > 0xffff ? 2 : 1;
    return out;
}

size_t slack_append(struct buffer *out, struct slice text, size_t limit, enum slack_span span)
{
    char encoded[4];
    size_t used = 0, cost;
    size_t mark = out->length, mark_used = 0; /* the last place at which there is still room for the "…" */
    for (struct slice rest = text; rest.length > 0;) {
        struct slice piece = escape_one(&rest, span, encoded, &cost);
        if (used + cost > limit) {
            out->length = mark;
            if (limit > 0)
                buffer_append_text(out, "…");
            return limit > 0 ? mark_used + 1 : 0;
        }
        buffer_append_slice(out, piece);
        used += cost;
        if (used < limit) {
            mark = out->length;
            mark_used = used;
        }
    }
    return used;
}

/* --- the message -------------------------------------------------------------------------------------------------------- */

static struct slice first_of(struct slice a, struct slice b)
{
    return a.length ? a : b;
}

static void put_text_object(struct json_writer *writer, bool markdown, const struct buffer *text)
{
    json_begin_object(writer);
    json_put_text(writer, "type", markdown ? "mrkdwn" : "plain_text");
    json_put_string(writer, "text", text->length ? buffer_slice(text) : SLICE("-"));
    if (markdown)
        json_put_bool(writer, "verbatim", true); /* no guessing of channels, names and links */
    else
        json_put_bool(writer, "emoji", false);
    json_end_object(writer);
}

static void put_header(struct json_writer *writer, const struct json_node *alert)
{
    struct buffer text = {0};
    size_t used = slack_append(&text, json_string(json_member(alert, "severity")), 20, SLACK_PLAIN);
    buffer_append_byte(&text, ' ');
    slack_append(&text, json_string(json_at(alert, "rule", "name", NULL)), HEADER_LIMIT - used - 1, SLACK_PLAIN);
    json_begin_object(writer);
    json_put_text(writer, "type", "header");
    json_key(writer, "text");
    put_text_object(writer, false, &text);
    json_end_object(writer);
    buffer_free(&text);
}

static void put_title(struct json_writer *writer, const struct json_node *alert)
{
    struct buffer text = {0};
    slack_append(&text, first_of(json_string(json_member(alert, "title")), json_string(json_at(alert, "rule", "name", NULL))), TEXT_LIMIT,
                 SLACK_PLAIN);
    json_begin_object(writer);
    json_put_text(writer, "type", "section");
    json_key(writer, "text");
    put_text_object(writer, false, &text);
    json_end_object(writer);
    buffer_free(&text);
}

/* One field of the section; an empty value is left out. */
static void put_field(struct json_writer *writer, const char *name, struct slice value, size_t *count)
{
    if (value.length == 0 || *count == FIELDS_MAX)
        return;
    struct buffer text = {0};
    buffer_printf(&text, "*%s*\n", name);
    slack_append(&text, value, FIELD_LIMIT, SLACK_PLAIN);
    put_text_object(writer, true, &text);
    buffer_free(&text);
    (*count)++;
}

/* Strings of an array, or of the named member of the objects in it, as "a, b". */
static void join(const struct json_node *array, const char *member, struct buffer *out)
{
    for (const struct json_node *item = array ? array->first : NULL; item != NULL; item = item->next) {
        struct slice text = json_string(json_is(item, JSON_OBJECT) && member ? json_member(item, member) : item);
        if (text.length == 0)
            continue;
        if (out->length > 0)
            buffer_append_text(out, ", ");
        buffer_append_slice(out, text);
    }
}

static void put_joined(struct json_writer *writer, const char *name, const struct json_node *array, const char *member, size_t *count)
{
    struct buffer text = {0};
    join(array, member, &text);
    put_field(writer, name, buffer_slice(&text), count);
    buffer_free(&text);
}

/* "cronjobs/status default/name" */
static void object_of(const struct json_node *action, struct buffer *out)
{
    static const struct {
        const char *member, *before;
    } parts[] = {{"resource", ""}, {"subresource", "/"}, {"namespace", " "}, {"name", "/"}};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        struct slice part = json_string(json_member(action, parts[i].member));
        if (part.length == 0)
            continue;
        if (out->length > 0)
            buffer_append_text(out, parts[i].before[0] == '/' && i == 3 && json_string(json_member(action, "namespace")).length == 0
                                        ? " "
                                        : parts[i].before);
        buffer_append_slice(out, part);
    }
}

static void put_fields(struct json_writer *writer, const struct json_node *alert)
{
    const struct json_node *actor = json_member(alert, "actor"), *action = json_member(alert, "action");
    const struct json_node *risk = json_member(alert, "risk_score");
    struct buffer object = {0};
    size_t count = 0;
    object_of(action, &object);
    json_begin_object(writer);
    json_put_text(writer, "type", "section");
    json_key(writer, "fields");
    json_begin_array(writer);
    put_field(writer, "Cluster", first_of(json_string(json_member(alert, "cluster")), SLICE("(unnamed)")), &count);
    put_field(writer, "User", json_string(json_member(actor, "user")), &count);
    put_field(writer, "Acting as", json_string(json_member(actor, "impersonated")), &count);
    put_field(writer, "Action", json_string(json_member(action, "verb")), &count);
    put_field(writer, "Object", buffer_slice(&object), &count);
    put_joined(writer, "Source", json_member(actor, "source_ips"), NULL, &count);
    put_field(writer, "Client", json_string(json_member(actor, "user_agent")), &count);
    put_field(writer, "Decision", json_string(json_member(action, "decision")), &count);
    put_joined(writer, "ATT&amp;CK", json_member(alert, "mitre"), "technique", &count);
    put_field(writer, "Risk", json_is(risk, JSON_NUMBER) ? risk->text : (struct slice){0}, &count);
    json_end_array(writer);
    json_end_object(writer);
    buffer_free(&object);
}

/* "`path` = `value`" */
static size_t append_evidence(struct buffer *out, const struct json_node *evidence)
{
    struct slice path = first_of(json_string(json_member(evidence, "path")), json_string(json_member(evidence, "field")));
    size_t used = 7;
    buffer_append_text(out, "`");
    used += slack_append(out, path.length ? path : SLICE("-"), EVIDENCE_LINE_LIMIT / 2, SLACK_CODE);
    buffer_append_text(out, "` = `");
    struct slice value = json_string(json_member(evidence, "value"));
    used += slack_append(out, value.length ? value : SLICE(" "), EVIDENCE_LINE_LIMIT / 2, SLACK_CODE);
    buffer_append_text(out, "`\n");
    return used + 1;
}

static void put_evidence(struct json_writer *writer, const struct json_node *alert)
{
    const struct json_node *evidence = json_member(alert, "evidence");
    struct buffer text = {0};
    size_t used = 0;
    for (const struct json_node *item = evidence ? evidence->first : NULL; item != NULL; item = item->next) {
        if (slice_starts_with(json_string(json_member(item, "condition")), SLICE("not ")))
            continue; /* an exception that did not apply is no reason for the alert */
        if (used + EVIDENCE_LINE_LIMIT + 20 > EVIDENCE_LIMIT) {
            buffer_printf(&text, "and %u more", evidence->count - item->index);
            break;
        }
        used += append_evidence(&text, item);
    }
    if (text.length > 0) {
        json_begin_object(writer);
        json_put_text(writer, "type", "section");
        json_key(writer, "text");
        put_text_object(writer, true, &text);
        json_end_object(writer);
    }
    buffer_free(&text);
}

static void put_context(struct json_writer *writer, const struct json_node *alert)
{
    struct buffer text = {0};
    buffer_append_text(&text, "alert ");
    slack_append(&text, json_string(json_member(alert, "alert_id")), 64, SLACK_PLAIN);
    buffer_append_text(&text, " at ");
    slack_append(&text, json_string(json_member(alert, "time")), CONTEXT_LIMIT - 100, SLACK_PLAIN);
    json_begin_object(writer);
    json_put_text(writer, "type", "context");
    json_key(writer, "elements");
    json_begin_array(writer);
    put_text_object(writer, false, &text);
    json_end_array(writer);
    json_end_object(writer);
    buffer_free(&text);
}

/* What notifications show, and all there is when the blocks were refused. */
static void put_fallback(struct json_writer *writer, const struct json_node *alert)
{
    struct buffer text = {0};
    size_t used = slack_append(&text, json_string(json_member(alert, "severity")), 20, SLACK_PLAIN);
    buffer_append_byte(&text, ' ');
    used += 1;
    struct slice title = first_of(json_string(json_member(alert, "title")), json_string(json_at(alert, "rule", "name", NULL)));
    slack_append(&text, title, TEXT_LIMIT - used - 100, SLACK_PLAIN); /* it begins with the rule's name */
    buffer_append_text(&text, " (alert ");
    slack_append(&text, json_string(json_member(alert, "alert_id")), 64, SLACK_PLAIN);
    buffer_append_text(&text, ")");
    json_put_string(writer, "text", buffer_slice(&text));
    buffer_free(&text);
}

bool slack_render(struct slice document, bool blocks, struct buffer *out)
{
    struct arena *arena = arena_new(64 * 1024);
    struct json_node *alert;
    bool good = json_tree_parse(arena, document, &json_default_limits, &alert, NULL) == RESULT_OK && json_is(alert, JSON_OBJECT);
    if (good) {
        struct json_writer *writer = json_writer_new(out, false);
        json_begin_object(writer);
        put_fallback(writer, alert);
        if (blocks) {
            json_key(writer, "blocks");
            json_begin_array(writer);
            put_header(writer, alert);
            put_title(writer, alert);
            put_fields(writer, alert);
            put_evidence(writer, alert);
            put_context(writer, alert);
            json_end_array(writer);
        }
        json_end_object(writer);
        json_writer_free(writer);
    }
    arena_free(arena);
    return good;
}
