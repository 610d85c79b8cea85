/* SPDX-License-Identifier: Apache-2.0 */
/* harrierctl status: what the running daemon says of itself. */
#include "daemon/ctl/store_access.h"

#include "harrier/json.h"

static const struct argument_option options[] = {
    {'c', "config", "FILE", "The configuration that names the admin socket; default " DEFAULT_CONFIG "."},
    {'\0', "socket", "PATH", "The daemon's admin socket."},
    {'o', "output", "FORM", "table, or ndjson: the daemon's own JSON on one line. Default: table on a terminal, ndjson in a pipe."},
    {'\0', "json", NULL, "The same as -o ndjson."},
};

struct status {
    const struct display *display;
    const struct json_node *document;
    struct buffer *out;
};

static struct slice text_of(const struct json_node *node)
{
    return node && (node->type == JSON_STRING || node->type == JSON_NUMBER) ? node->text : (struct slice){NULL, 0};
}

static int64_t number_of(const struct json_node *node)
{
    int64_t number = 0;
    if (json_is(node, JSON_NUMBER))
        slice_to_int64(node->text, &number);
    return number;
}

static bool is_true(const struct json_node *node)
{
    return json_is(node, JSON_BOOL) && node->boolean;
}

/* --- tables ------------------------------------------------------------------------------------------------------------------------ */

enum cell_kind { CELL_TEXT, CELL_NUMBER, CELL_TROUBLE /* a number that should be 0 */, CELL_AGE /* seconds */ };

struct status_column {
    const char *member;
    enum cell_kind kind;
};

static void write_cell(struct table *table, enum cell_kind kind, const struct json_node *node)
{
    struct buffer text = {NULL, 0, 0};
    enum display_style style = STYLE_PLAIN;

    if (kind == CELL_TROUBLE && number_of(node) > 0)
        style = STYLE_YELLOW;
    if (kind == CELL_AGE && number_of(node) > 0)
        display_duration(&text, number_of(node) * CLOCK_SECOND);
    else if (kind != CELL_AGE)
        buffer_append_slice(&text, text_of(node));
    table_cell(table, style, buffer_slice(&text));
    buffer_free(&text);
}

/* A row; what it lacks is its group's (NULL: it belongs to none). */
static void write_row(struct table *table, const struct status_column *cells, size_t count, const struct json_node *row, const struct json_node *group)
{
    for (size_t i = 0; i < count; i++) {
        const struct json_node *own = json_member(row, cells[i].member);
        write_cell(table, cells[i].kind, own ? own : json_member(group, cells[i].member));
    }
}

/* A row for each element, or, where parts names a list that an element has, one for each element of that. */
static void write_table(const struct status *status, const char *member, const char *parts, const struct display_column *columns,
                        const struct status_column *cells, size_t count)
{
    const struct json_node *rows = json_member(status->document, member);
    struct table *table = table_new(status->display, columns, count);

    for (const struct json_node *row = rows ? rows->first : NULL; row; row = row->next) {
        const struct json_node *list = parts ? json_member(row, parts) : NULL;
        if (!list || !list->first)
            write_row(table, cells, count, row, NULL);
        for (const struct json_node *part = list ? list->first : NULL; part; part = part->next)
            write_row(table, cells, count, part, row);
    }
    buffer_append_byte(status->out, '\n');
    table_print(table, status->out);
    table_free(table);
}

static void write_files(const struct status *status)
{
    static const struct display_column columns[] = {{"FILE", 12, false},      {"SOURCE", 8, false}, {"POSITION", 8, true}, {"BYTES BEHIND", 12, true},
                                                    {"ROTATIONS", 9, true}, {"LOSSES", 6, true},  {"REFUSED", 7, true}};
    static const struct status_column cells[] = {{"path", CELL_TEXT},        {"source", CELL_TEXT},    {"position", CELL_NUMBER}, {"lag_bytes", CELL_NUMBER},
                                                 {"rotations", CELL_NUMBER}, {"losses", CELL_TROUBLE}, {"refused", CELL_TROUBLE}};
    const struct json_node *files = json_member(status->document, "files");

    if (files && files->first)
        write_table(status, "files", NULL, columns, cells, sizeof cells / sizeof cells[0]);
}

static void write_tables(const struct status *status)
{
    static const struct display_column source_columns[] = {{"SOURCE", 8, false},   {"LISTENS", 12, false}, {"CLUSTER", 8, false},
                                                           {"RECEIVED", 8, true},  {"EVALUATED", 9, true}, {"DEAD", 4, true},
                                                           {"IN FLIGHT", 9, true}, {"CUT", 3, true},       {"ALERTS", 6, true}};
    static const struct status_column source_cells[] = {
        {"name", CELL_TEXT},        {"listen", CELL_TEXT},      {"cluster", CELL_TEXT},
        {"received", CELL_NUMBER},  {"evaluated", CELL_NUMBER}, {"dead_lettered", CELL_TROUBLE},
        {"in_flight", CELL_NUMBER}, {"cut", CELL_TROUBLE},      {"alerts", CELL_NUMBER}};
    static const struct display_column destination_columns[] = {{"DESTINATION", 11, false}, {"DELIVERED", 9, true}, {"WAITING", 7, true},
                                                                {"OLDEST", 6, true},        {"RETRIED", 7, true},   {"DEAD", 4, true}};
    static const struct status_column destination_cells[] = {{"name", CELL_TEXT},      {"delivered", CELL_NUMBER},
                                                             {"pending", CELL_NUMBER}, {"oldest_seconds", CELL_AGE},
                                                             {"retried", CELL_NUMBER}, {"dead", CELL_TROUBLE}};
    static const struct display_column rule_columns[] = {
        {"RULE", 12, false}, {"FIRED", 5, true}, {"COULD NOT SEE", 13, true}, {"OVER LIMIT", 10, true}};
    static const struct status_column rule_cells[] = {
        {"name", CELL_TEXT}, {"fired", CELL_NUMBER}, {"unknown", CELL_NUMBER}, {"row_limit", CELL_TROUBLE}};

    write_table(status, "sources", "clusters", source_columns, source_cells, sizeof source_cells / sizeof source_cells[0]);
    write_files(status);
    write_table(status, "destinations", NULL, destination_columns, destination_cells, sizeof destination_cells / sizeof destination_cells[0]);
    write_table(status, "rules", NULL, rule_columns, rule_cells, sizeof rule_cells / sizeof rule_cells[0]);
}

/* --- head -------------------------------------------------------------------------------------------------------------------------- */

static void write_line(const struct status *status, const char *label, enum display_style style, const struct buffer *text)
{
    enum { TEXT_COLUMN = 10 };

    display_text(status->display, status->out, STYLE_DIM, slice_of(label));
    buffer_printf(status->out, "%*s", (int)(TEXT_COLUMN - strlen(label)), "");
    display_wrapped(status->display, status->out, style, buffer_slice(text), TEXT_COLUMN);
    buffer_append_byte(status->out, '\n');
}

static void write_state(const struct status *status)
{
    bool ready = is_true(json_member(status->document, "ready"));
    struct buffer text = {NULL, 0, 0};

    buffer_printf(&text, "%s, ", ready ? "ready" : "not ready");
    if (!ready) {
        buffer_append_slice(&text, text_of(json_member(status->document, "not_ready_because")));
        buffer_append_text(&text, "; ");
    }
    buffer_append_text(&text, "up for ");
    display_duration(&text, number_of(json_member(status->document, "uptime_seconds")) * CLOCK_SECOND);
    write_line(status, "harrierd", ready ? STYLE_GREEN : STYLE_RED, &text);
    buffer_reset(&text, SIZE_MAX);
    buffer_append_slice(&text, text_of(json_member(status->document, "version")));
    int64_t workers = number_of(json_member(status->document, "workers"));
    buffer_printf(&text, ", %lld worker%s, regexes %s", (long long)workers, workers == 1 ? "" : "s",
                  is_true(json_member(status->document, "regex_jit")) ? "compiled to machine code"
                                                                      : "interpreted: no JIT here, matching is slower");
    write_line(status, "version", STYLE_PLAIN, &text);
    buffer_reset(&text, SIZE_MAX);
    buffer_append_slice(&text, text_of(json_member(status->document, "config")));
    write_line(status, "config", STYLE_PLAIN, &text);
    buffer_free(&text);
}

static void write_stocks(const struct status *status)
{
    const struct json_node *store = json_member(status->document, "store");
    bool healthy = is_true(json_member(store, "healthy"));
    struct buffer text = {NULL, 0, 0};

    display_bytes(&text, (uint64_t)number_of(json_member(status->document, "memory_used_bytes")));
    buffer_append_text(&text, " of ");
    display_bytes(&text, (uint64_t)number_of(json_member(status->document, "memory_budget_bytes")));
    buffer_append_text(&text, " in flight");
    write_line(status, "memory", STYLE_PLAIN, &text);
    buffer_reset(&text, SIZE_MAX);
    buffer_append_slice(&text, text_of(json_member(store, "directory")));
    buffer_printf(&text, ": %s, %lld alerts, %lld dead letters, ", healthy ? "writable" : "NOT WRITABLE",
                  (long long)number_of(json_member(store, "alerts")), (long long)number_of(json_member(store, "dead_letters")));
    display_bytes(&text, (uint64_t)number_of(json_member(store, "database_bytes")));
    buffer_append_text(&text, " and a log of ");
    display_bytes(&text, (uint64_t)number_of(json_member(store, "wal_bytes")));
    write_line(status, "store", healthy ? STYLE_PLAIN : STYLE_RED, &text);
    buffer_reset(&text, SIZE_MAX);
    buffer_free(&text);
}

/* Which alerts a destination does not take, which destinations take none, and what they answered. */
static void write_deliveries_in_trouble(const struct status *status)
{
    const struct json_node *list = json_member(status->document, "deliveries_in_trouble");
    struct buffer text = {NULL, 0, 0};
    struct slice last = {NULL, 0};

    for (const struct json_node *one = list ? list->first : NULL; one; one = one->next) {
        bool set_aside = slice_is(text_of(json_member(one, "state")), "set_aside");
        struct slice name = text_of(json_member(one, "destination"));
        if (!set_aside && slice_equal(name, last))
            continue; /* one of those that are held says it for all of them */
        if (!set_aside)
            last = name;
        buffer_append_slice(&text, name);
        if (set_aside) {
            buffer_append_text(&text, " takes others, but not alert ");
            buffer_append_slice(&text, slice_first(text_of(json_member(one, "alert_id")), 12));
            buffer_printf(&text, " (%lld tries), which is set aside: ", (long long)number_of(json_member(one, "attempts")));
        } else {
            buffer_append_text(&text, " is held: whatever it is sent is refused, and its alerts are kept: ");
        }
        buffer_append_slice(&text, text_of(json_member(one, "error")));
        write_line(status, "attention", STYLE_RED, &text);
        buffer_reset(&text, SIZE_MAX);
    }
    buffer_free(&text);
}

static void append_time(struct buffer *out, const struct json_node *node)
{
    clock_nanos time;
    if (clock_parse_rfc3339(json_string(node), &time))
        display_time(out, time);
}

/* "warning", and below it since when and what to do. */
static void write_warnings(const struct status *status)
{
    const struct json_node *warnings = json_member(status->document, "warnings");
    struct buffer text = {NULL, 0, 0};

    for (const struct json_node *one = warnings ? warnings->first : NULL; one; one = one->next) {
        buffer_append_slice(&text, text_of(json_member(one, "text")));
        write_line(status, "warning", STYLE_YELLOW, &text);
        buffer_reset(&text, SIZE_MAX);
        buffer_append_text(&text, "since ");
        append_time(&text, json_member(one, "since"));
        if (json_member(one, "last")) {
            buffer_append_text(&text, ", last at ");
            append_time(&text, json_member(one, "last"));
        }
        buffer_append_text(&text, ". ");
        buffer_append_slice(&text, text_of(json_member(one, "remedy")));
        write_line(status, "", STYLE_PLAIN, &text);
        buffer_reset(&text, SIZE_MAX);
    }
    buffer_free(&text);
}

static int show(const struct display *display, struct slice answer)
{
    struct arena *arena = arena_new(64 * 1024);
    struct buffer out = {NULL, 0, 0};
    struct json_node *document = NULL;
    int code = EX_OK;

    if (json_tree_parse(arena, answer, &json_default_limits, &document, NULL) != RESULT_OK || !json_is(document, JSON_OBJECT)) {
        code = fail(EX_SOFTWARE, "the daemon's answer is no JSON object; is it another program's socket?");
    } else {
        struct status status = {display, document, &out};
        write_state(&status);
        write_warnings(&status);
        write_stocks(&status);
        write_deliveries_in_trouble(&status);
        write_tables(&status);
        print_buffer(&out);
    }
    buffer_free(&out);
    arena_free(arena);
    return code;
}

static int ask_status(const char *socket, bool table, const struct display *display)
{
    struct buffer body = {NULL, 0, 0}, out = {NULL, 0, 0};
    enum result result = admin_request(socket, false, "/status", ADMIN_REQUEST_SECONDS, &body);
    int code = EX_OK;

    if (result) {
        code = admin_request_failed(socket, result, &body);
    } else if (!table) {
        display_json_line(&out, slice_trim(buffer_slice(&body)));
        print_buffer(&out);
    } else {
        code = show(display, buffer_slice(&body));
    }
    buffer_free(&body);
    buffer_free(&out);
    return code;
}

static int run(const struct arguments *arguments)
{
    struct display display = display_of(stdout);
    struct places places;
    bool table;
    int code;

    if (!wants_table(arguments, &display, &table))
        return EX_USAGE;
    if (arguments->operands.count)
        return fail(EX_USAGE, "status takes no arguments; options: harrierctl status --help");
    if ((code = places_find(arguments, &places)))
        return code;
    code = places.socket ? ask_status(places.socket, table && !arguments_has(arguments, "json"), &display)
                         : fail(EX_UNAVAILABLE, "the configuration has no admin.socket, so the daemon cannot be asked; set one");
    places_free(&places);
    int written = finish_output();
    return code ? code : written;
}

const struct command status_command = {
    .name = "status",
    .summary = "Show how the running daemon is doing",
    .usage = "status [-c FILE | --socket PATH] [-o table|ndjson]",
    .description = "Asks the running harrierd over its admin socket: sources and what came through them, rules and how often each fired or "
                   "could not see, the queue of each "
                   "destination, the store, memory. In a pipe, and with -o ndjson, it is the daemon's own JSON on one line.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .examples = "harrierctl status\nharrierctl status -o ndjson | jq .destinations",
    .exits = "0   shown\n64  wrong usage\n65  errors in the configuration\n66  the configuration cannot be read\n69  the daemon does not "
             "run or does not answer\n"
             "77  not allowed to ask it",
    .run = run,
};
