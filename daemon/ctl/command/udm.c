/* SPDX-License-Identifier: Apache-2.0 */
/* harrierctl udm: what rules see of each event. */
#include "daemon/ctl/udm_table.h"

#include "harrier/json.h"

static const struct argument_option options[] = {
    {'c', "config", "FILE", "Cluster, log type and limits of a configuration (of its first source)."},
    {'\0', "log-type", "TYPE", "K8S_AUDIT, GKE_CONTROLPLANE, UDM, or auto (the default): told by the shape of each event."},
    {'\0', "trusted-proxies", "N", "Proxies in front of the API server, as the option of a source: the N-th address before the last is the actor's. AKS: 1."},
    {'\0', "cluster", "NAME", "The cluster's name in the records."},
    {'o', "output", "FORM", "table: a row for each value; or ndjson: a record a line. Default: table on a terminal, ndjson in a pipe."},
    {'\0', "pretty", NULL, "JSON, each record over several lines."},
};

struct udm_output {
    struct display display;
    bool as_table;
    bool pretty;
    bool any; /* a record was printed */
    struct buffer record;
    struct buffer out;
};

static void on_record(void *context, struct detect_engine *engine, const struct udm_record *record, const struct detect_result *result)
{
    struct udm_output *output = context;
    struct json_writer *writer = json_writer_new(&output->record, output->pretty);

    (void)engine;
    (void)result;
    udm_record_write(record, writer);
    json_writer_free(writer);
    if (output->as_table) {
        if (output->any)
            buffer_append_byte(&output->out, '\n');
        udm_table_append(&output->display, buffer_slice(&output->record), &output->out);
    } else {
        display_json_line(&output->out, slice_trim(buffer_slice(&output->record)));
    }
    output->any = true;
    print_buffer(&output->out);
    buffer_reset(&output->record, 1 << 20);
}

static int run(const struct arguments *arguments)
{
    struct udm_output output = {.display = display_of(stdout), .pretty = arguments_has(arguments, "pretty")};
    struct event_sink sink = {.context = &output, .record = on_record};
    struct diagnostics *diagnostics = diagnostics_new();
    struct udm_own_labels *own_labels = NULL;
    struct config *config = NULL;
    struct intake_options intake;
    int code = EX_OK;

    if (!wants_table(arguments, &output.display, &output.as_table))
        code = EX_USAGE;
    else if (output.pretty && output.as_table && arguments_has(arguments, "output"))
        code = fail(EX_USAGE, "--pretty is a form of JSON: leave out either it or -o table");
    output.as_table = output.as_table && !output.pretty;
    if (code == EX_OK && arguments_has(arguments, "config"))
        code = load_config(arguments_value(arguments, "config"), &config);
    if (code == EX_OK)
        code = event_options(arguments, config, &intake);
    if (code == EX_OK) {
        own_labels = own_labels_load(config ? &config->labels : NULL, config ? config->file : "", diagnostics);
        intake.source.own_labels = own_labels;
        diagnostics_print(diagnostics, stderr);
        struct detect_plan *plan = detect_plan_new(yaral_ruleset_new(), NULL);
        code = read_events(arguments, plan, &intake, &sink);
        detect_plan_unref(plan);
    }
    buffer_free(&output.record);
    buffer_free(&output.out);
    udm_own_labels_free(own_labels);
    diagnostics_free(diagnostics);
    config_free(config);
    int written = finish_output();
    return code ? code : written;
}

const struct command udm_command = {
    .name = "udm",
    .summary = "Show the UDM record that rules see of each event",
    .usage = "udm [-o table|ndjson] [--log-type TYPE] [--cluster NAME] [--trusted-proxies N] FILE|- ...",
    .description = "Reads events in any form that the daemon takes, also packed by gzip or zstd, and prints each event's UDM record: "
                   "on a terminal a table of its values, each field as a rule writes it; in a pipe JSON, one record a line. "
                   "What is secret is shown as its length and a hash under a key of this run alone.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .examples = "harrierctl udm audit.log\nharrierctl udm audit.log.zst | jq .target.resource",
    .exits = "0   all was read\n64  wrong usage\n65  something in the input was not readable\n66  a file cannot be read",
    .run = run,
};
