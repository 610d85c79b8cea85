/* SPDX-License-Identifier: Apache-2.0 */
/* harrierctl alerts: what was found, from the store; beside a running daemon or without one. */
#include "daemon/ctl/alert_view.h"
#include "daemon/ctl/store_access.h"
#include "daemon/ctl/store_watch.h"

static const struct argument_option options[] = {
    {'c', "config", "FILE", "The configuration that names the store; default " DEFAULT_CONFIG "."},
    {'\0', "store", "DIR", "The store itself."},
    {'s', "since", "WHEN", "Events since then: a time (2026-01-02T03:04:05Z), or how long ago (90s, 15m, 1h, 2d, 1w)."},
    {'S', "severity", "SEVERITY", "At least that: INFO, LOW, MEDIUM, HIGH or CRITICAL."},
    {'r', "rule", "NAME", "Only of that rule."},
    {'\0', "cluster", "NAME", "Only of that cluster."},
    {'n', "limit", "N", "list: at most so many, the newest; 0 for all. Default 50 as a table, all as ndjson. follow: begin with so many."},
    {'\0', "raw", NULL, "show: the event itself too, as it is kept in the alert."},
    {'o', "output", "FORM", "table, or ndjson: each alert's document on a line. Default: table on a terminal, ndjson in a pipe."},
};

enum { LIMIT_OF_TABLE = 50 };

/* One run over the store. */
struct alerts {
    const struct arguments *arguments;
    struct display display;
    bool as_table;
    struct store_reader *reader;
    const char *directory; /* the store's */
    struct store_alert_filter filter;
    struct alert_table *table;
    struct buffer out;
    int64_t last; /* number of the newest alert that was seen */
    size_t most; /* rows of the table; 0: all */
    size_t shown;
};

/* --- filters ----------------------------------------------------------------------------------------------------------------------- */

static bool take_since(const char *text, clock_nanos *since)
{
    int64_t ago;

    if (clock_parse_rfc3339(slice_of(text), since))
        return true;
    if (arguments_duration(text, &ago)) {
        *since = clock_wall() - ago;
        return true;
    }
    fail(EX_USAGE, "--since %s: a time such as 2026-01-02T03:04:05Z, or how long ago, such as 90s, 15m, 1h, 2d, 1w", text);
    return false;
}

static bool take_filter(const struct arguments *arguments, bool as_table, struct store_alert_filter *filter)
{
    const char *since = arguments_value(arguments, "since");
    const char *severity = arguments_value(arguments, "severity");
    const char *limit = arguments_value(arguments, "limit");
    int64_t number = as_table ? LIMIT_OF_TABLE : 0;

    *filter = (struct store_alert_filter){.rule = arguments_value(arguments, "rule"), .cluster = arguments_value(arguments, "cluster")};
    if (since && !take_since(since, &filter->since))
        return false;
    if (severity && (filter->severity = severity_rank(slice_of(severity))) == SEVERITY_UNKNOWN) {
        fail(EX_USAGE, "--severity %s: one of INFO, LOW, MEDIUM, HIGH, CRITICAL", severity);
        return false;
    }
    if (limit && (!slice_to_int64(slice_of(limit), &number) || number < 0)) {
        fail(EX_USAGE, "--limit %s: a whole number, 0 for all", limit);
        return false;
    }
    filter->limit = (size_t)number;
    return true;
}

static bool is_filtered(const struct store_alert_filter *filter)
{
    return filter->since || filter->severity || filter->rule || filter->cluster;
}

/* --- list and follow ------------------------------------------------------------------------------------------------------------------ */

static bool on_alert(const struct store_alert *alert, void *context)
{
    struct alerts *alerts = context;

    alerts->shown++;
    if (alert->alert > alerts->last)
        alerts->last = alert->alert;
    if (alerts->as_table) {
        if (!alerts->most || alerts->shown <= alerts->most)
            alert_table_add(alerts->table, alert->json);
        return true;
    }
    display_json_line(&alerts->out, alert->json);
    return print_buffer(&alerts->out);
}

static int list(struct alerts *alerts)
{
    size_t limit = alerts->filter.limit;

    if (limit && alerts->as_table) {
        alerts->most = limit;
        alerts->filter.limit = limit + 1; /* tells whether there are more */
    }
    int code = reader_failed(alerts->reader, store_alerts(alerts->reader, &alerts->filter, on_alert, alerts));
    alert_table_print(alerts->table, &alerts->out);
    print_buffer(&alerts->out);
    if (code == EX_OK && alerts->as_table && alerts->shown == 0)
        note("no alerts%s", is_filtered(&alerts->filter) ? " that fit" : " in the store yet");
    if (limit && alerts->as_table && alerts->shown > limit)
        note("there are more: --limit 0 shows all, --since 1h the last hour's");
    return code;
}

/* The newest ones that are there, oldest first: the reader gives the newest first, so their numbers are collected before. */
static bool on_older(const struct store_alert *alert, void *context)
{
    int64_t *oldest = context;
    *oldest = alert->alert;
    return true;
}

static enum result begin_following(struct alerts *alerts)
{
    int64_t oldest = 0;
    enum result result = store_last_alert(alerts->reader, &alerts->last);

    if (result || !arguments_has(alerts->arguments, "limit") || alerts->filter.limit == 0)
        return result;
    result = store_alerts(alerts->reader, &alerts->filter, on_older, &oldest);
    if (oldest)
        alerts->last = oldest - 1;
    return result;
}

static int follow(struct alerts *alerts)
{
    struct store_watch watch = store_watch_open(alerts->directory); /* before the first look: nothing falls in between */
    enum result result = begin_following(alerts);
    bool wanted = true;

    alerts->filter.limit = 0;
    if (alerts->as_table && result == RESULT_OK)
        note("new alerts as they are stored; Ctrl-C ends");
    while (result == RESULT_OK && wanted) {
        alerts->filter.after = alerts->last ? alerts->last : -1;
        result = store_alerts(alerts->reader, &alerts->filter, on_alert, alerts);
        alert_table_print(alerts->table, &alerts->out);
        wanted = print_buffer(&alerts->out) && fflush(stdout) == 0 && store_watch_wait(&watch);
    }
    store_watch_close(&watch);
    return reader_failed(alerts->reader, result);
}

/* --- show ----------------------------------------------------------------------------------------------------------------------------- */

struct deliveries {
    VECTOR(struct store_delivery) all;
};

static bool on_delivery(const struct store_delivery *delivery, void *context)
{
    struct deliveries *deliveries = context;
    VECTOR_PUSH(&deliveries->all, *delivery);
    return true;
}

static void append_raw(struct buffer *out, struct slice json, struct arena *arena)
{
    struct json_node *document = NULL;

    json_tree_parse(arena, json, &json_default_limits, &document, NULL);
    const struct json_node *events = json_member(document, "events");
    for (const struct json_node *event = events ? events->first : NULL; event; event = event->next) {
        struct json_node *tree = NULL;
        struct slice raw = json_string(json_member(event, "raw"));
        struct buffer pretty = {NULL, 0, 0};
        buffer_append_byte(out, '\n');
        if (json_tree_parse(arena, raw, &json_default_limits, &tree, NULL) == RESULT_OK) {
            struct json_writer *writer = json_writer_new(&pretty, true);
            json_write_node(writer, tree);
            json_writer_free(writer);
            display_json_line(out, slice_trim(buffer_slice(&pretty)));
        } else {
            display_escape(out, raw);
            buffer_append_byte(out, '\n');
        }
        buffer_free(&pretty);
    }
}

static int show_one(struct alerts *alerts, const char *id)
{
    struct arena *arena = arena_new(64 * 1024);
    struct deliveries deliveries = {{0}};
    struct store_alert alert;
    int64_t number;
    enum result result = store_alert_by_id(alerts->reader, slice_of(id), arena, &alert);
    int code = EX_OK;

    if (result == RESULT_NOT_FOUND && slice_to_int64(slice_of(id), &number))
        result = store_alert_by_number(alerts->reader, number, arena, &alert);
    if (result == RESULT_NOT_FOUND || result == RESULT_INVALID)
        code = fail(EX_NOINPUT, "no alert's id begins with %s; harrierctl alerts list shows them", id);
    else if (result == RESULT_LIMIT)
        code = fail(EX_USAGE, "several alerts' ids begin with %s: give more of it", id);
    else if (result == RESULT_OK)
        result = store_alert_deliveries(alerts->reader, alert.alert, on_delivery, &deliveries);
    if (code == EX_OK)
        code = reader_failed(alerts->reader, result);
    if (code == EX_OK && alerts->as_table) {
        alert_show(&alerts->display, alert.json, deliveries.all.items, deliveries.all.count, clock_wall(), &alerts->out);
        if (arguments_has(alerts->arguments, "raw"))
            append_raw(&alerts->out, alert.json, arena);
    } else if (code == EX_OK) {
        display_json_line(&alerts->out, alert.json);
    }
    print_buffer(&alerts->out);
    VECTOR_FREE(&deliveries.all);
    arena_free(arena);
    return code;
}

static int show(struct alerts *alerts)
{
    const struct arguments *arguments = alerts->arguments;
    int code = EX_OK;

    if (arguments->operands.count < 2)
        return fail(EX_USAGE, "alerts show: which one? Give the beginning of its id, as alerts list shows it");
    for (size_t i = 1; i < arguments->operands.count && code == EX_OK; i++) {
        if (i > 1 && alerts->as_table)
            buffer_append_byte(&alerts->out, '\n');
        code = show_one(alerts, arguments->operands.items[i]);
    }
    return code;
}

static int run_on_store(struct alerts *alerts, int (*action)(struct alerts *alerts))
{
    struct places places;
    int code = places_find(alerts->arguments, &places);

    if (code == EX_OK)
        code = open_reader(&places, &alerts->reader);
    if (code == EX_OK) {
        alerts->directory = places.store;
        alerts->table = alert_table_new(&alerts->display);
        code = action(alerts);
        alert_table_free(alerts->table);
        store_reader_close(alerts->reader);
    }
    buffer_free(&alerts->out);
    places_free(&places);
    return code;
}

static int run(const struct arguments *arguments)
{
    static const struct {
        const char *name;
        int (*action)(struct alerts *alerts);
    } actions[] = {{"list", list}, {"show", show}, {"follow", follow}};
    static const char *const names[] = {"list", "show", "follow"};
    const char *name = arguments->operands.count ? arguments->operands.items[0] : "list";
    struct alerts alerts = {.arguments = arguments, .display = display_of(stdout)};

    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
        if (strcmp(actions[i].name, name) != 0)
            continue;
        if (!wants_table(arguments, &alerts.display, &alerts.as_table) || !take_filter(arguments, alerts.as_table, &alerts.filter))
            return EX_USAGE;
        int code = run_on_store(&alerts, actions[i].action);
        int written = finish_output();
        return code ? code : written;
    }
    const char *nearest = arguments_nearest(name, names, sizeof names / sizeof names[0]);
    return fail(EX_USAGE, "alerts %s: there is list, show and follow%s%s%s", name, nearest ? "; did you mean " : "", nearest ? nearest : "",
                nearest ? "?" : "");
}

const struct command alerts_command = {
    .name = "alerts",
    .summary = "List, show or follow the alerts in the store",
    .usage = "alerts [list] [-c FILE | --store DIR] [--since WHEN] [--severity SEVERITY] [--rule NAME] [--cluster NAME] [--limit N]\n"
             "alerts show [-c FILE | --store DIR] [--raw] ID ...\nalerts follow [-c FILE | --store DIR] [filters]",
    .description =
        "Reads the store beside a running daemon, or without one. list: the newest first. show: one alert in full: who did what from "
        "where, which condition "
        "matched on which value, where it was delivered. ID is the beginning of the alert's id. follow: new alerts as they are stored.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .examples = "harrierctl alerts list --since 1h --severity HIGH\nharrierctl alerts show 634fa0bd9a47\nharrierctl alerts list -o ndjson "
                "--limit 0 | jq -r .title",
    .exits = "0   shown, even if there is none\n64  wrong usage\n65  errors in the configuration, or the store is damaged\n66  no store, "
             "or no such alert\n74  the store could not be read",
    .run = run,
};
