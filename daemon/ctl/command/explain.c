/* SPDX-License-Identifier: Apache-2.0 */
/* harrierctl explain: why a rule fired, or did not, or could not see. */
#include "daemon/ctl/common.h"

#include "harrier/json.h"
#include "harrier/redact.h"

static const struct argument_option options[] = {
    {'c', "config", "FILE", "Rules, lists, cluster, log type and limits of a configuration (of its first source)."},
    {'r', "rule", "FILE", "A rule file in a configuration's place; may be given more than once."},
    {'\0', "list", "NAME=FILE", "A reference list that rules name as %NAME; may be given more than once."},
    {'\0', "table", "NAME=FILE", "A data table (.csv or .json); may be given more than once."},
    {'n', "name", "RULE", "Only the rule of that name."},
    {'\0', "audit-id", "ID", "Only the event of that auditID (for UDM, metadata.id)."},
    {'a', "all", NULL, "Also events that are no concern of the rule: the condition that fails asks for another log type, method or URL."},
    {'\0', "trusted-proxies", "N", "Proxies in front of the API server, as the option of a source: the N-th address before the last is the actor's. AKS: 1."},
    {'\0', "log-type", "TYPE", "K8S_AUDIT, GKE_CONTROLPLANE, UDM, or auto (the default): told by the shape of each event."},
    {'\0', "cluster", "NAME", "The cluster's name."},
    {'o', "output", "FORM", "table, or ndjson: one pair of event and rule a line. Default: table on a terminal, ndjson in a pipe."},
};

struct explain {
    const struct display *display;
    const struct detect_plan *plan;
    const char *rule_name;
    const char *audit_id;
    bool all;
    bool as_table;
    struct buffer json;
    struct buffer out;
    uint64_t events;
    uint64_t shown;
};

static const char *truth_text(enum truth truth)
{
    switch (truth) {
    case TRUTH_TRUE: return "true";
    case TRUTH_FALSE: return "false";
    case TRUTH_UNKNOWN:
    case TRUTH_UNREAD: break;
    }
    return "unknown";
}

static const char *verdict_text(enum truth verdict)
{
    return verdict == TRUTH_TRUE ? "fired" : verdict == TRUTH_FALSE ? "did not fire" : "could not see";
}

static const char *doubt_text(unsigned int doubt)
{
    if (doubt & DETECT_DOUBT_REGEX)
        return "a regular expression could not be decided within its bounds";
    if (doubt & DETECT_DOUBT_ROWS)
        return "there are more combinations of repeated values than are looked at";
    return doubt & DETECT_DOUBT_UNSEEN ? "the event does not show it: its object is absent, truncated or cut" : "";
}

static struct slice id_of(const struct udm_record *record)
{
    struct slice id = udm_record_string(record, "metadata.product_log_id");
    return id.length ? id : udm_record_string(record, "metadata.id");
}

/* --- NDJSON ---------------------------------------------------------------------------------------------------------------------- */

static void write_condition(struct json_writer *writer, const struct detect_condition *condition)
{
    json_begin_object(writer);
    json_put_int(writer, "line", condition->line);
    json_put_string(writer, "condition", condition->source);
    json_put_text(writer, "truth", truth_text(condition->truth));
    json_key(writer, "seen");
    json_begin_array(writer);
    for (size_t i = 0; i < condition->seen_count; i++) {
        json_begin_object(writer);
        json_put_string(writer, "field", condition->seen[i].field);
        json_put_string(writer, "path", condition->seen[i].path);
        json_put_string(writer, "value", condition->seen[i].value);
        json_end_object(writer);
    }
    json_end_array(writer);
    json_end_object(writer);
}

static void write_json(struct explain *explain, const struct udm_record *record, const struct detect_explanation *explanation)
{
    struct json_writer *writer = json_writer_new(&explain->json, false);

    json_begin_object(writer);
    json_put_string(writer, "audit_id", redact_text(record->arena, id_of(record)));
    json_put_string(writer, "rule", explanation->rule->name);
    json_put_text(writer, "verdict",
                  explanation->verdict == TRUTH_TRUE    ? "fired"
                  : explanation->verdict == TRUTH_FALSE ? "not_fired"
                                                        : "unknown");
    json_put_text(writer, "doubt", doubt_text(explanation->doubt));
    json_put_bool(writer, "condition_section_failed", explanation->condition_section_failed);
    json_key(writer, "first_failed");
    if (explanation->first_failed)
        write_condition(writer, explanation->first_failed);
    else
        json_write_null(writer);
    json_key(writer, "conditions");
    json_begin_array(writer);
    for (size_t i = 0; i < explanation->condition_count; i++)
        write_condition(writer, &explanation->conditions[i]);
    json_end_array(writer);
    json_end_object(writer);
    json_writer_free(writer);
    display_json_line(&explain->out, buffer_slice(&explain->json));
    buffer_reset(&explain->json, 1 << 20);
}

/* --- for people ------------------------------------------------------------------------------------------------------------------- */

/* The client chooses each of them, the auditID too. */
static void append_shown(struct buffer *text, const struct udm_record *record, struct slice value, const char *before)
{
    buffer_append_text(text, before);
    buffer_append_slice(text, redact_text(record->arena, value));
}

static void write_event_line(struct explain *explain, const struct udm_record *record)
{
    struct slice verb = udm_record_label(record, "verb");
    struct buffer text = {NULL, 0, 0};

    append_shown(&text, record, id_of(record), "event ");
    append_shown(&text, record, udm_record_string(record, "principal.user.userid"), ": ");
    append_shown(&text, record, verb.length ? verb : udm_record_string(record, "metadata.product_event_type"), " ");
    append_shown(&text, record, udm_record_label(record, "resource"), " ");
    append_shown(&text, record, udm_record_string(record, "target.resource.name"), " ");
    display_wrapped(explain->display, &explain->out, STYLE_BOLD, slice_trim(buffer_slice(&text)), 0);
    buffer_append_byte(&explain->out, '\n');
    buffer_free(&text);
}

static void write_seen(struct explain *explain, const struct detect_condition *condition)
{
    enum { INDENT = 12 };
    struct buffer text = {NULL, 0, 0};

    for (size_t i = 0; i < condition->seen_count; i++) {
        const struct detect_seen *seen = &condition->seen[i];
        buffer_append_slice(&text, seen->field);
        buffer_append_text(&text, " = ");
        buffer_append_slice(&text, seen->value);
        if (seen->path.length) {
            buffer_append_text(&text, "  at ");
            buffer_append_slice(&text, seen->path);
        }
        buffer_printf(&explain->out, "%*s", INDENT, "");
        display_wrapped(explain->display, &explain->out, STYLE_DIM, buffer_slice(&text), INDENT);
        buffer_append_byte(&explain->out, '\n');
        buffer_reset(&text, SIZE_MAX);
    }
    if (condition->seen_count == 0)
        buffer_printf(&explain->out, "%*s(none of its fields has a value here)\n", INDENT, "");
    buffer_free(&text);
}

static void write_condition_line(struct explain *explain, const struct detect_condition *condition, bool is_first)
{
    enum { SOURCE_COLUMN = 26 };
    static const enum display_style styles[] = {STYLE_RED, STYLE_GREEN, STYLE_YELLOW, STYLE_YELLOW};

    buffer_printf(&explain->out, "    line %-6u ", condition->line);
    display_text(explain->display, &explain->out, styles[condition->truth], slice_of(truth_text(condition->truth)));
    buffer_printf(&explain->out, "%*s", (int)(SOURCE_COLUMN - 16 - strlen(truth_text(condition->truth))), "");
    char *source = display_one_line(condition->source);
    display_wrapped(explain->display, &explain->out, is_first ? STYLE_BOLD : STYLE_PLAIN, slice_of(source), SOURCE_COLUMN);
    free(source);
    buffer_append_byte(&explain->out, '\n');
}

static void write_table(struct explain *explain, const struct detect_explanation *explanation)
{
    static const enum display_style styles[] = {STYLE_PLAIN, STYLE_RED, STYLE_YELLOW, STYLE_YELLOW};

    buffer_append_text(&explain->out, "  ");
    display_text(explain->display, &explain->out, STYLE_BOLD, explanation->rule->name);
    buffer_append_byte(&explain->out, ' ');
    display_text(explain->display, &explain->out, styles[explanation->verdict], slice_of(verdict_text(explanation->verdict)));
    if (explanation->doubt)
        buffer_printf(&explain->out, ": %s", doubt_text(explanation->doubt));
    buffer_append_byte(&explain->out, '\n');
    for (size_t i = 0; i < explanation->condition_count; i++) {
        const struct detect_condition *condition = &explanation->conditions[i];
        bool first_failed = condition == explanation->first_failed;
        if (!first_failed && !explain->all && explanation->verdict != TRUTH_TRUE)
            continue;
        write_condition_line(explain, condition, first_failed);
        if (first_failed || explanation->verdict == TRUTH_TRUE)
            write_seen(explain, condition);
    }
    if (explanation->condition_section_failed)
        buffer_append_text(&explain->out, "    every condition of events: holds; condition: does not\n");
    else if (explanation->verdict != TRUTH_TRUE && !explanation->first_failed)
        buffer_append_text(&explain->out,
                           "    each condition holds by itself, but not all of them of the same values of repeated fields\n");
}

/* --- events ------------------------------------------------------------------------------------------------------------------------ */

/* Of most events a rule says no because they are another kind of request altogether: the condition that fails looks at nothing else. */
static bool is_beside_the_point(const struct detect_explanation *explanation)
{
    static const char *const kinds[] = {
        "metadata.log_type",   "metadata.event_type", "metadata.product_event_type", "metadata.vendor_name", "metadata.product_name",
        "network.http.method", "target.url"};
    const struct detect_condition *failed = explanation->first_failed;

    if (explanation->verdict != TRUTH_FALSE || !failed || failed->seen_count == 0)
        return false;
    for (size_t i = 0; i < failed->seen_count; i++) {
        bool is_kind = false;
        for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
            is_kind = is_kind || slice_is(failed->seen[i].field, kinds[k]);
        if (!is_kind)
            return false;
    }
    return true;
}

static void on_record(void *context, struct detect_engine *engine, const struct udm_record *record, const struct detect_result *result)
{
    struct explain *explain = context;
    bool named = false;

    (void)result;
    if (explain->audit_id && !slice_is(id_of(record), explain->audit_id))
        return;
    explain->events++;
    for (size_t i = 0; i < detect_plan_rule_count(explain->plan); i++) {
        struct detect_explanation explanation;
        if (explain->rule_name && !slice_is(detect_plan_rule(explain->plan, i)->name, explain->rule_name))
            continue;
        detect_explain(engine, record, clock_wall(), i, &explanation);
        if (!explain->all && !explain->audit_id && is_beside_the_point(&explanation))
            continue;
        explain->shown++;
        if (!explain->as_table) {
            write_json(explain, record, &explanation);
            continue;
        }
        if (!named)
            write_event_line(explain, record);
        named = true;
        write_table(explain, &explanation);
    }
    print_buffer(&explain->out);
}

static bool rule_exists(const struct explain *explain)
{
    VECTOR(char *) names = {0};
    bool found = !explain->rule_name;
    size_t count = detect_plan_rule_count(explain->plan);

    for (size_t i = 0; i < count; i++) {
        struct slice name = detect_plan_rule(explain->plan, i)->name;
        found = found || slice_is(name, explain->rule_name);
        VECTOR_PUSH(&names, xstrndup(name.bytes, name.length));
    }
    if (!found) {
        const char *nearest = arguments_nearest(explain->rule_name, (const char *const *)names.items, names.count);
        fail(EX_USAGE, "--name %s: there is no such rule among the %zu%s%s%s", explain->rule_name, count, nearest ? "; did you mean " : "",
             nearest ? nearest : "", nearest ? "?" : "");
    }
    for (size_t i = 0; i < names.count; i++)
        free(names.items[i]);
    VECTOR_FREE(&names);
    return found;
}

static int run(const struct arguments *arguments)
{
    struct display display = display_of(stdout);
    struct explain explain = {
        .display = &display,
        .rule_name = arguments_value(arguments, "name"),
        .audit_id = arguments_value(arguments, "audit-id"),
        .all = arguments_has(arguments, "all"),
    };
    struct event_sink sink = {.context = &explain, .record = on_record};
    struct intake_options intake;
    struct rules rules;
    int code;

    if (!wants_table(arguments, &display, &explain.as_table))
        return EX_USAGE;
    if ((code = rules_load(arguments, &rules)))
        return code;
    explain.plan = rules.plan;
    code = rule_exists(&explain) ? event_options(arguments, rules.config, &intake) : EX_USAGE;
    intake.source.own_labels = rules.own_labels;
    if (code == EX_OK) {
        code = read_events(arguments, rules.plan, &intake, &sink);
        if (explain.audit_id && explain.events == 0 && code == EX_OK)
            code = fail(EX_NOINPUT, "no event has the auditID %s", explain.audit_id);
        else if (explain.shown == 0 && explain.events && code == EX_OK)
            note("none of %llu events has the log type, method and URL that a rule asks for; --all shows why",
                 (unsigned long long)explain.events);
    }
    buffer_free(&explain.json);
    buffer_free(&explain.out);
    rules_free(&rules);
    int written = finish_output();
    return code ? code : written;
}

const struct command explain_command = {
    .name = "explain",
    .summary = "Say why a rule fired on an event, or did not",
    .usage = "explain [-c FILE | -r RULE.yaral ...] [--name RULE] [--audit-id ID] [--all] [options] FILE|- ...",
    .description = "For each event and rule: fired, or the first condition that is false or cannot be seen, with its line in the rule file "
                   "and the values that it "
                   "saw, each with its JSON path in the event. Events that have another log type, method or URL than a rule asks for are "
                   "left out unless --all or "
                   "--audit-id is given.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .examples = "harrierctl explain -r rules/cronjob.yaral --audit-id 7b2f... audit.log\nharrierctl explain -c harrier.yaml --name my_rule "
                "--all audit.log.gz",
    .exits = "0   all was read\n64  wrong usage\n65  errors in rules, or something in the input was not readable\n66  a file cannot be "
             "read, or no event has that auditID\n"
             "69  a rule needs what is not there",
    .run = run,
};
