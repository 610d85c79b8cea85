/* SPDX-License-Identifier: Apache-2.0 */
/* harrierctl reload: new rules for the running daemon, and a failure where it refuses them. SIGHUP does the same and tells only the log. */
#include "daemon/ctl/store_access.h"

#include "harrier/json.h"

/* Compiling thousands of rules takes seconds, on a busy machine tens of them. */
enum { RELOAD_SECONDS = 300 };

static const struct argument_option options[] = {
    {'c', "config", "FILE", "The configuration that names the admin socket; default " DEFAULT_CONFIG "."},
    {'\0', "socket", "PATH", "The daemon's admin socket."},
    {'o', "output", "FORM", "table, or ndjson: the daemon's own JSON on one line. Default: table on a terminal, ndjson in a pipe."},
};

static uint32_t place_of(const struct json_node *finding, const char *member)
{
    const struct json_node *node = json_member(finding, member);
    int64_t number = 0;

    if (!json_is(node, JSON_NUMBER) || !slice_to_int64(node->text, &number) || number < 0 || number > UINT32_MAX)
        return 0;
    return (uint32_t)number;
}

static char *text_member(const struct json_node *finding, const char *member)
{
    struct slice text = json_string(json_member(finding, member));
    return xstrndup(text.length ? text.bytes : "", text.length);
}

/* As `check` prints them: on stderr, with file and place. */
static void print_findings(const struct json_node *findings)
{
    struct diagnostics *diagnostics = diagnostics_new();

    for (const struct json_node *one = findings ? findings->first : NULL; one; one = one->next) {
        char *file = text_member(one, "file"), *message = text_member(one, "message");
        bool warning = slice_is(json_string(json_member(one, "severity")), "warning");
        diagnostics_add(diagnostics, warning ? DIAGNOSTIC_WARNING : DIAGNOSTIC_ERROR, file, place_of(one, "line"), place_of(one, "column"), "%s",
                        message);
        free(file);
        free(message);
    }
    diagnostics_print(diagnostics, stderr);
    diagnostics_free(diagnostics);
}

static int report_reload(const char *socket, bool reloaded, struct slice answer, bool table)
{
    struct arena *arena = arena_new(64 * 1024);
    struct json_node *document = NULL;
    struct buffer out = {NULL, 0, 0};
    int code = EX_OK;

    if (json_tree_parse(arena, answer, &json_default_limits, &document, NULL) != RESULT_OK || !json_member(document, "rules")) {
        code = fail(EX_SOFTWARE, "%s: the daemon's answer is odd; is it another program's socket?", socket);
    } else {
        uint32_t rules = place_of(document, "rules");
        print_findings(json_member(document, "findings"));
        if (!reloaded)
            code = fail(EX_DATAERR, "the reload is refused: the %u rules from before run on; mend the errors above and reload again", rules);
        else if (table)
            buffer_printf(&out, "reloaded: %u rules, %u routes\n", rules, place_of(document, "routes"));
        if (!table)
            display_json_line(&out, slice_trim(answer));
        print_buffer(&out);
    }
    buffer_free(&out);
    arena_free(arena);
    return code;
}

static int ask_reload(const char *socket, bool table)
{
    struct buffer body = {NULL, 0, 0};
    enum result result = admin_request(socket, true, "/reload", RELOAD_SECONDS, &body);
    bool answered = result == RESULT_OK || result == RESULT_INVALID;
    int code = answered ? report_reload(socket, result == RESULT_OK, buffer_slice(&body), table) : admin_request_failed(socket, result, &body);

    buffer_free(&body);
    return code;
}

static int reload_run(const struct arguments *arguments)
{
    struct display display = display_of(stdout);
    struct places places;
    bool table;
    int code;

    if (!wants_table(arguments, &display, &table))
        return EX_USAGE;
    if (arguments->operands.count)
        return fail(EX_USAGE, "reload takes no arguments; options: harrierctl reload --help");
    if ((code = places_find(arguments, &places)))
        return code;
    code = places.socket ? ask_reload(places.socket, table)
                         : fail(EX_UNAVAILABLE, "the configuration has no admin.socket, so the daemon cannot be asked; set one, or send it SIGHUP");
    places_free(&places);
    int written = finish_output();
    return code ? code : written;
}

const struct command reload_command = {
    .name = "reload",
    .summary = "Have the running daemon read its rules again",
    .usage = "reload [-c FILE | --socket PATH] [-o table|ndjson]",
    .description = "Asks the running harrierd over its admin socket to read configuration, rules, lists, tables and routes again, and waits until it has. "
                   "Where something is wrong the daemon refuses: every error is shown with its place, the rules from before run on, and the exit "
                   "code is 65. SIGHUP does the same, but only the log says how it went. "
                   "Sources, destinations, store, limits and admin are read at start only.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .examples = "harrierctl reload\nharrierctl check -c /etc/harrier/harrier.yaml && harrierctl reload",
    .exits = "0   the new rules run\n64  wrong usage\n65  refused, or errors in the configuration; the rules from before run on\n"
             "66  the configuration cannot be read\n69  the daemon does not run or does not answer\n77  not allowed to ask it",
    .run = reload_run,
};
