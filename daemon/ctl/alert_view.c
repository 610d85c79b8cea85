/* SPDX-License-Identifier: Apache-2.0 */
#include "alert_view.h"

#include "harrier/base/memory.h"

#include <stdlib.h>

/* A string of the document, whole numbers as written, anything else empty. */
static struct slice text_of(const struct json_node *node)
{
    return node && (node->type == JSON_STRING || node->type == JSON_NUMBER) ? node->text : (struct slice){NULL, 0};
}

static bool is_true(const struct json_node *node)
{
    return json_is(node, JSON_BOOL) && node->boolean;
}

static clock_nanos time_of(const struct json_node *document)
{
    clock_nanos time = 0;
    clock_parse_rfc3339(json_string(json_member(document, "time")), &time);
    return time;
}

static void append_joined(struct buffer *out, const struct json_node *list)
{
    for (const struct json_node *item = list ? list->first : NULL; item; item = item->next) {
        if (item != list->first)
            buffer_append_text(out, ", ");
        buffer_append_slice(out, text_of(item));
    }
}

/* "cronjobs/status default/name" */
static void append_object(struct buffer *out, const struct json_node *action)
{
    struct slice subresource = text_of(json_member(action, "subresource"));
    struct slice namespace = text_of(json_member(action, "namespace"));

    buffer_append_slice(out, text_of(json_member(action, "resource")));
    if (subresource.length) {
        buffer_append_byte(out, '/');
        buffer_append_slice(out, subresource);
    }
    buffer_append_byte(out, ' ');
    if (namespace.length) {
        buffer_append_slice(out, namespace);
        buffer_append_byte(out, '/');
    }
    buffer_append_slice(out, text_of(json_member(action, "name")));
}

/* harrierd speaks of a source, not of something that somebody did. */
static bool is_notice(const struct json_node *document)
{
    const struct json_node *events = json_member(document, "events");
    return !events || !events->first;
}

/* --- table ------------------------------------------------------------------------------------------------------------------------ */

struct alert_table {
    const struct display *display;
    struct table *table;
    struct arena *arena;
};

static const struct display_column columns[] = {
    {"TIME", 20, false}, {"SEVERITY", 8, false}, {"RULE", 14, false}, {"USER", 10, false},
    {"VERB", 6, false},  {"OBJECT", 16, false},  {"ID", 12, false},
};

struct alert_table *alert_table_new(const struct display *display)
{
    struct alert_table *table = xmalloc(sizeof *table);
    table->display = display;
    table->table = table_new(display, columns, sizeof columns / sizeof columns[0]);
    table->arena = arena_new(64 * 1024);
    return table;
}

void alert_table_free(struct alert_table *table)
{
    if (!table)
        return;
    table_free(table->table);
    arena_free(table->arena);
    free(table);
}

static void cell_of_buffer(struct alert_table *table, struct buffer *text)
{
    table_cell(table->table, STYLE_PLAIN, buffer_slice(text));
    buffer_free(text);
}

void alert_table_add(struct alert_table *table, struct slice json)
{
    enum { SHORT_ID = 12 };
    struct buffer time = {NULL, 0, 0}, object = {NULL, 0, 0};
    struct json_node *document = NULL;

    arena_reset(table->arena);
    json_tree_parse(table->arena, json, &json_default_limits, &document, NULL);
    struct slice severity = text_of(json_member(document, "severity"));
    const struct json_node *action = json_member(document, "action");
    struct slice cluster = text_of(json_member(document, "cluster"));
    display_time(&time, time_of(document));
    cell_of_buffer(table, &time);
    table_cell(table->table, display_severity_style(severity), severity);
    table_cell(table->table, STYLE_PLAIN, text_of(json_at(document, "rule", "name", NULL)));
    table_cell(table->table, STYLE_PLAIN, text_of(json_at(document, "actor", "user", NULL)));
    table_cell(table->table, STYLE_PLAIN, text_of(json_member(action, "verb")));
    if (is_notice(document)) {
        buffer_append_text(&object, "source ");
        buffer_append_slice(&object, text_of(json_at(document, "outcomes", "source", NULL)));
    } else {
        append_object(&object, action);
    }
    if (cluster.length && !slice_is(cluster, "default")) { /* "default" stands where nobody gave a name */
        buffer_append_text(&object, " in ");
        buffer_append_slice(&object, cluster);
    }
    cell_of_buffer(table, &object);
    table_cell(table->table, STYLE_DIM, slice_first(text_of(json_member(document, "alert_id")), SHORT_ID));
}

size_t alert_table_rows(const struct alert_table *table)
{
    return table_rows(table->table);
}

void alert_table_print(struct alert_table *table, struct buffer *out)
{
    table_print(table->table, out);
}

/* --- one alert in full -------------------------------------------------------------------------------------------------------------- */

enum { LABEL_COLUMN = 2, TEXT_COLUMN = 14 };

/* What a view writes with. */
struct view {
    const struct display *display;
    struct buffer *out;
};

static void section(const struct view *view, const char *title)
{
    buffer_append_byte(view->out, '\n');
    buffer_printf(view->out, "%*s", LABEL_COLUMN, "");
    display_text(view->display, view->out, STYLE_BOLD, slice_of(title));
    buffer_append_byte(view->out, '\n');
}

/* One line "label  text"; nothing where there is no text. */
static void line(const struct view *view, const char *label, enum display_style style, struct slice text)
{
    if (!text.length)
        return;
    buffer_printf(view->out, "%*s", LABEL_COLUMN, "");
    display_text(view->display, view->out, STYLE_DIM, slice_of(label));
    buffer_printf(view->out, "%*s", (int)(TEXT_COLUMN - LABEL_COLUMN - strlen(label)), "");
    display_wrapped(view->display, view->out, style, text, TEXT_COLUMN);
    buffer_append_byte(view->out, '\n');
}

static void line_of_buffer(const struct view *view, const char *label, struct buffer *text)
{
    line(view, label, STYLE_PLAIN, buffer_slice(text));
    buffer_reset(text, SIZE_MAX);
}

static void show_head(const struct view *view, const struct json_node *document, clock_nanos now)
{
    struct slice severity = text_of(json_member(document, "severity"));
    struct buffer text = {NULL, 0, 0};

    display_style(view->display, view->out, display_severity_style(severity));
    buffer_append_byte(view->out, ' ');
    display_escape(view->out, severity);
    buffer_append_byte(view->out, ' ');
    display_style(view->display, view->out, STYLE_PLAIN);
    buffer_append_text(view->out, "  ");
    display_wrapped(view->display, view->out, STYLE_BOLD, text_of(json_member(document, "title")), severity.length + 4);
    buffer_append_text(view->out, "\n\n");
    line(view, "rule", STYLE_PLAIN, text_of(json_at(document, "rule", "name", NULL)));
    line(view, "about", STYLE_PLAIN, text_of(json_at(document, "rule", "meta", "description", NULL)));
    for (const struct json_node *mitre = json_member(document, "mitre") ? json_member(document, "mitre")->first : NULL; mitre;
         mitre = mitre->next) {
        buffer_append_slice(&text, text_of(json_member(mitre, "technique")));
        buffer_append_text(&text, "  ");
        append_joined(&text, json_member(mitre, "tactics"));
        line_of_buffer(view, "ATT&CK", &text);
    }
    buffer_append_slice(&text, text_of(json_member(document, "risk_score")));
    buffer_append_text(&text, " of 100");
    line_of_buffer(view, "risk", &text);
    clock_nanos time = time_of(document);
    buffer_append_slice(&text, text_of(json_member(document, "time")));
    if (time && now >= time) {
        buffer_append_text(&text, "  (");
        display_duration(&text, now - time);
        buffer_append_text(&text, " ago)");
    }
    line_of_buffer(view, "when", &text);
    if (is_true(json_member(document, "incomplete")))
        line(view, "incomplete", STYLE_YELLOW, SLICE("parts of the event were over a bound and were not seen"));
    buffer_free(&text);
}

static void show_actor(const struct view *view, const struct json_node *actor)
{
    struct buffer text = {NULL, 0, 0};

    section(view, "Who");
    line(view, "user", STYLE_BOLD, text_of(json_member(actor, "user")));
    line(view, "acting as", STYLE_YELLOW, text_of(json_member(actor, "impersonated")));
    append_joined(&text, json_member(actor, "groups"));
    line_of_buffer(view, "groups", &text);
    append_joined(&text, json_member(actor, "source_ips"));
    line_of_buffer(view, "from", &text);
    line(view, "agent", STYLE_PLAIN, text_of(json_member(actor, "user_agent")));
    buffer_free(&text);
}

static void show_action(const struct view *view, const struct json_node *document)
{
    const struct json_node *action = json_member(document, "action");
    struct slice group = text_of(json_member(action, "api_group"));
    struct slice code = text_of(json_member(action, "response_code"));
    struct slice decision = text_of(json_member(action, "decision"));
    struct buffer text = {NULL, 0, 0};

    section(view, "What");
    append_object(&text, action);
    if (group.length) {
        buffer_append_text(&text, "  (");
        buffer_append_slice(&text, group);
        buffer_append_byte(&text, ')');
    }
    line(view, "object", STYLE_BOLD, buffer_slice(&text));
    buffer_reset(&text, SIZE_MAX);
    line(view, "cluster", STYLE_PLAIN, text_of(json_member(document, "cluster")));
    buffer_append_slice(&text, text_of(json_member(action, "verb")));
    if (code.length || decision.length) {
        buffer_append_text(&text, "  answered ");
        buffer_append_slice(&text, code);
        buffer_append_text(&text, code.length && decision.length ? ", " : "");
        buffer_append_slice(&text, decision);
    }
    if (is_true(json_member(action, "dry_run")))
        buffer_append_text(&text, "  (dry run: nothing was changed)");
    line_of_buffer(view, "verb", &text);
    buffer_free(&text);
}

/* The condition's line in the rule, and its text. */
static void show_condition(const struct view *view, const struct json_node *evidence, enum display_style style)
{
    struct buffer label = {NULL, 0, 0};
    char *source = display_one_line(text_of(json_member(evidence, "condition")));

    if (!slice_is(text_of(json_member(evidence, "line")), "0")) { /* what is built in has no lines */
        buffer_append_text(&label, "line ");
        buffer_append_slice(&label, slice_first(text_of(json_member(evidence, "line")), TEXT_COLUMN - LABEL_COLUMN - 7));
    }
    line(view, label.length ? label.bytes : "because", style, slice_of(source));
    buffer_free(&label);
    free(source);
}

static void show_value(const struct view *view, const struct json_node *evidence, enum display_style style)
{
    struct slice path = text_of(json_member(evidence, "path"));
    struct buffer text = {NULL, 0, 0};

    buffer_append_slice(&text, path.length ? path : text_of(json_member(evidence, "field")));
    buffer_append_text(&text, " = ");
    buffer_append_slice(&text, text_of(json_member(evidence, "value")));
    buffer_printf(view->out, "%*s", TEXT_COLUMN + 2, "");
    display_wrapped(view->display, view->out, style, buffer_slice(&text), TEXT_COLUMN + 2);
    buffer_append_byte(view->out, '\n');
    buffer_free(&text);
}

/* What matched is what a reader looks for; that no exception applied comes after it. */
static void show_evidence(const struct view *view, const struct json_node *evidence, bool exceptions)
{
    struct slice last = {NULL, 0};

    for (const struct json_node *one = evidence ? evidence->first : NULL; one; one = one->next) {
        struct slice condition = text_of(json_member(one, "condition"));
        if (slice_starts_with(condition, SLICE("not ")) != exceptions)
            continue;
        if (!last.length)
            section(view, exceptions ? "No exception applied" : "Why it matched");
        if (!slice_equal(condition, last))
            show_condition(view, one, exceptions ? STYLE_DIM : STYLE_CYAN);
        last = condition;
        show_value(view, one, exceptions ? STYLE_DIM : STYLE_PLAIN);
    }
}

static void show_outcomes(const struct view *view, const struct json_node *outcomes)
{
    struct buffer text = {NULL, 0, 0};

    if (!outcomes || !outcomes->first)
        return;
    section(view, "Outcomes");
    for (const struct json_node *outcome = outcomes->first; outcome; outcome = outcome->next) {
        buffer_append_slice(&text, outcome->key);
        buffer_append_text(&text, " = ");
        if (outcome->type == JSON_ARRAY)
            append_joined(&text, outcome);
        else if (outcome->type == JSON_BOOL)
            buffer_append_text(&text, outcome->boolean ? "true" : "false");
        else
            buffer_append_slice(&text, text_of(outcome));
        buffer_printf(view->out, "%*s", LABEL_COLUMN + 2, "");
        display_wrapped(view->display, view->out, STYLE_PLAIN, buffer_slice(&text), LABEL_COLUMN + 2);
        buffer_append_byte(view->out, '\n');
        buffer_reset(&text, SIZE_MAX);
    }
    buffer_free(&text);
}

static void show_deliveries(const struct view *view, const struct store_delivery *deliveries, size_t count, clock_nanos now)
{
    static const char *const states[] = {"waiting", "held: needs an operator", "delivered", "given up", "set aside: others are taken"};
    static const enum display_style styles[] = {STYLE_YELLOW, STYLE_RED, STYLE_GREEN, STYLE_RED, STYLE_RED};
    static const struct display_column delivery_columns[] = {
        {"  destination", 14, false}, {"state", 10, false}, {"tries", 5, true}, {"", 8, false}};
    struct table *table = table_new(view->display, delivery_columns, 4);
    struct buffer text = {NULL, 0, 0};

    section(view, "Delivery");
    if (!count)
        buffer_append_text(view->out, "    to nobody: no route matched; the alert is stored\n");
    for (size_t i = 0; i < count; i++) {
        const struct store_delivery *delivery = &deliveries[i];
        bool open = delivery->state != STORE_DELIVERED && delivery->state != STORE_DEAD;
        buffer_printf(&text, "  %s", delivery->destination);
        table_cell(table, STYLE_PLAIN, buffer_slice(&text));
        table_cell_text(table, styles[delivery->state], states[delivery->state]);
        buffer_reset(&text, SIZE_MAX);
        buffer_printf(&text, "%u", delivery->attempts);
        table_cell(table, STYLE_PLAIN, buffer_slice(&text));
        buffer_reset(&text, SIZE_MAX);
        if (open && delivery->next_time > now) {
            buffer_append_text(&text, "next in ");
            display_duration(&text, delivery->next_time - now);
            buffer_append_text(&text, delivery->error[0] ? "; " : "");
        }
        buffer_append_text(&text, delivery->error);
        table_cell(table, STYLE_PLAIN, buffer_slice(&text));
        buffer_reset(&text, SIZE_MAX);
    }
    table_print(table, view->out);
    table_free(table);
    buffer_free(&text);
}

static void show_events(const struct view *view, const struct json_node *document)
{
    const struct json_node *events = json_member(document, "events");
    struct buffer text = {NULL, 0, 0};

    section(view, "Trace");
    for (const struct json_node *event = events ? events->first : NULL; event; event = event->next) {
        buffer_append_slice(&text, text_of(json_member(event, "audit_id")));
        buffer_append_text(&text, "  ");
        buffer_append_slice(&text, text_of(json_member(event, "stage")));
        buffer_append_text(&text, "  ");
        buffer_append_slice(&text, text_of(json_member(event, "log_type")));
        line_of_buffer(view, "audit id", &text);
    }
    line(view, "alert id", STYLE_PLAIN, text_of(json_member(document, "alert_id")));
    buffer_free(&text);
}

void alert_show(const struct display *display, struct slice json, const struct store_delivery *deliveries, size_t delivery_count,
                clock_nanos now, struct buffer *out)
{
    struct arena *arena = arena_new(64 * 1024);
    struct view view = {display, out};
    struct json_node *document = NULL;

    json_tree_parse(arena, json, &json_default_limits, &document, NULL);
    show_head(&view, document, now);
    if (is_notice(document)) {
        section(&view, "Where");
        line(&view, "cluster", STYLE_BOLD, text_of(json_member(document, "cluster")));
        line(&view, "source", STYLE_PLAIN, text_of(json_at(document, "outcomes", "source", NULL)));
    } else {
        show_actor(&view, json_member(document, "actor"));
        show_action(&view, document);
    }
    show_evidence(&view, json_member(document, "evidence"), false);
    show_evidence(&view, json_member(document, "evidence"), true);
    show_outcomes(&view, json_member(document, "outcomes"));
    show_deliveries(&view, deliveries, delivery_count, now);
    show_events(&view, document);
    arena_free(arena);
}
