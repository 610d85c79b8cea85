/* SPDX-License-Identifier: Apache-2.0 */
/* harrierctl replay: events from files through rules; the alerts that they would have raised. */
#include "daemon/ctl/alert_view.h"
#include "daemon/ctl/common.h"

#include "harrier/base/map.h"

static const struct argument_option options[] = {
    {'c', "config", "FILE", "Rules, lists, cluster, log type and limits of a configuration (of its first source)."},
    {'r', "rule", "FILE", "A rule file in a configuration's place; may be given more than once."},
    {'\0', "list", "NAME=FILE", "A reference list that rules name as %NAME; may be given more than once."},
    {'\0', "table", "NAME=FILE", "A data table (.csv or .json); may be given more than once."},
    {'\0', "log-type", "TYPE", "K8S_AUDIT, GKE_CONTROLPLANE, UDM, or auto (the default): told by the shape of each event."},
    {'\0', "trusted-proxies", "N", "Proxies in front of the API server, as the option of a source: the N-th address before the last is the actor's. AKS: 1."},
    {'\0', "cluster", "NAME", "The cluster's name in the alerts."},
    {'o', "output", "FORM", "table, or ndjson: each alert's document on a line. Default: table on a terminal, ndjson in a pipe."},
};

enum { ROWS_AT_ONCE = 50 };

struct replay {
    bool as_table;
    struct alert_table *table;
    struct buffer out;
    struct map *seen; /* alert ids */
    uint64_t repeated;
};

static void on_alert(void *context, const struct alert *alert)
{
    struct replay *replay = context;

    if (map_put(replay->seen, slice_of(alert->alert_id), replay)) {
        replay->repeated++;
        return;
    }
    if (replay->as_table) {
        alert_table_add(replay->table, buffer_slice(&alert->json));
        if (alert_table_rows(replay->table) < ROWS_AT_ONCE)
            return;
        alert_table_print(replay->table, &replay->out);
    } else {
        display_json_line(&replay->out, buffer_slice(&alert->json));
    }
    print_buffer(&replay->out);
}

static int run(const struct arguments *arguments)
{
    struct display display = display_of(stdout);
    struct replay replay = {.seen = NULL};
    struct intake_options intake;
    struct rules rules;
    struct event_sink sink = {.context = &replay, .alert = on_alert};
    int code;

    if (!wants_table(arguments, &display, &replay.as_table))
        return EX_USAGE;
    if ((code = rules_load(arguments, &rules)))
        return code;
    if ((code = event_options(arguments, rules.config, &intake)) == EX_OK) {
        intake.source.own_labels = rules.own_labels;
        replay.seen = map_new();
        replay.table = alert_table_new(&display);
        code = read_events(arguments, rules.plan, &intake, &sink);
        alert_table_print(replay.table, &replay.out);
        print_buffer(&replay.out);
        if (replay.repeated)
            note("%llu alerts were found again in events that came twice, and are shown once", (unsigned long long)replay.repeated);
        alert_table_free(replay.table);
        map_free(replay.seen, NULL);
        buffer_free(&replay.out);
    }
    rules_free(&rules);
    int written = finish_output();
    return code ? code : written;
}

const struct command replay_command = {
    .name = "replay",
    .summary = "Run rules over files of events and show the alerts",
    .usage = "replay [-c FILE | -r RULE.yaral ...] [--list NAME=FILE] [--table NAME=FILE] [options] FILE|- ...",
    .description = "Reads events in any form that the daemon takes (EventList, single events, arrays, NDJSON, what clouds and log shippers "
                   "wrap them in, syslog lines, container logs; UDM records), also packed by gzip or zstd, and "
                   "prints each alert once, in the order of the events. - is standard input. Nothing is stored or delivered.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .examples = "harrierctl replay -r rules/cronjob.yaral audit.log.gz\nharrierctl replay -c harrier.yaml -o ndjson - < events.json",
    .exits = "0   all was read, whatever was found\n64  wrong usage\n65  errors in rules, or something in the input was not readable\n66  "
             "a file cannot be read\n"
             "69  a rule needs what is not there",
    .run = run,
};
