/* SPDX-License-Identifier: Apache-2.0 */
/* Files of events through intake/, as the daemon would take them from a socket. */
#include "common.h"

#include "harrier/cri.h"
#include "harrier/syslog.h"

#include "input.h"
#include "progress.h"

#include <errno.h>
#include <unistd.h>

enum { MESSAGES_OF_A_FILE = 10, MOST_PROXIES = 16 /* as the configuration has it */ };

/* --- options --------------------------------------------------------------------------------------------------------------------- */

static int take_log_type(const char *log_type, struct intake_options *options)
{
    static const char *const known[] = {"auto", "K8S_AUDIT", "UDM", "GKE_CONTROLPLANE"};

    if (strcmp(log_type, "auto") == 0) {
        options->accept = AUDIT_ACCEPT_AUTO;
    } else if (strcmp(log_type, "K8S_AUDIT") == 0 || strcmp(log_type, "GKE_CONTROLPLANE") == 0) {
        options->accept = AUDIT_ACCEPT_K8S; /* told from each other by their shape */
    } else if (strcmp(log_type, "UDM") == 0) {
        options->accept = AUDIT_ACCEPT_UDM;
    } else {
        const char *nearest = arguments_nearest(log_type, known, sizeof known / sizeof known[0]);
        return fail(EX_USAGE, "--log-type %s: there is K8S_AUDIT, GKE_CONTROLPLANE, UDM and auto%s%s%s", log_type, nearest ? "; did you mean " : "",
                    nearest ? nearest : "", nearest ? "?" : "");
    }
    return EX_OK;
}

static enum audit_accept accepted(enum config_log_type log_type)
{
    return log_type == CONFIG_LOG_TYPE_UDM ? AUDIT_ACCEPT_UDM : log_type == CONFIG_LOG_TYPE_AUTO ? AUDIT_ACCEPT_AUTO : AUDIT_ACCEPT_K8S;
}

static void take_config(const struct config *config, struct intake_options *options)
{
    options->limits.depth = (size_t)config->limits.depth;
    options->limits.value_bytes = config->limits.value_bytes;
    options->limits.event_bytes = config->limits.event_bytes;
    options->limits.inflated_bytes = config->limits.inflated_bytes;
    options->limits.inflate_ratio = (uint64_t)config->limits.inflate_ratio;
    options->raw_bytes = config->limits.raw_bytes;
    options->source.cluster = slice_of(config->cluster);
    if (config->source_count == 0)
        return;
    options->source.cluster = slice_of(config->sources[0].cluster);
    if (config->sources[0].trusted_proxies != CONFIG_PROXIES_AUTO)
        options->source.trusted_proxies = (int)config->sources[0].trusted_proxies;
    options->accept = accepted(config->sources[0].log_type);
    options->format = (enum audit_format)config->sources[0].format;
    options->envelope_cluster = config->sources[0].cluster_from == CONFIG_CLUSTER_FROM_ENVELOPE;
}

int event_options(const struct arguments *arguments, const struct config *config, struct intake_options *options)
{
    enum { RAW_BYTES = 64 * 1024 };
    const char *log_type = arguments_value(arguments, "log-type");
    const char *cluster = arguments_value(arguments, "cluster");

    *options = (struct intake_options){
        .source = {.log_type = SLICE("K8S_AUDIT"), .cluster = SLICE("default"), .trusted_proxies = UDM_PROXIES_BY_PROVIDER},
        .accept = AUDIT_ACCEPT_AUTO,
        .limits = audit_default_limits,
        .raw_bytes = RAW_BYTES,
    };
    if (config)
        take_config(config, options);
    if (cluster) {
        options->source.cluster = slice_of(cluster);
        options->envelope_cluster = false;
    }
    const char *proxies = arguments_value(arguments, "trusted-proxies");
    int64_t count = 0;
    if (proxies && (!slice_to_int64(slice_of(proxies), &count) || count < 0 || count > MOST_PROXIES))
        return fail(EX_USAGE, "--trusted-proxies %s: a number from 0 to %d", proxies, MOST_PROXIES);
    if (proxies)
        options->source.trusted_proxies = (int)count;
    return log_type ? take_log_type(log_type, options) : EX_OK;
}

/* --- reading --------------------------------------------------------------------------------------------------------------------- */

/* All files of one command. */
struct reading {
    const struct event_sink *sink;
    struct intake_scratch *scratch;
    struct progress progress;
    const char *file;
    uint64_t dead;   /* of this file */
    uint64_t odd;    /* records of this file with members that UDM does not know */
    bool unreadable; /* something was no JSON, or damaged */
    bool missing;    /* a file could not be opened */
};

static void on_alert(void *context, const struct alert *alert)
{
    struct reading *reading = context;

    progress_clear(&reading->progress);
    if (reading->sink->alert)
        reading->sink->alert(reading->sink->context, alert);
}

static void on_record(void *context, const struct udm_record *record, const struct detect_result *result)
{
    struct reading *reading = context;

    reading->sink->record(reading->sink->context, intake_engine(reading->scratch), record, result);
}

static void on_dead(void *context, const struct audit_dead *dead)
{
    struct reading *reading = context;

    reading->unreadable = reading->unreadable || dead->reason == AUDIT_DEAD_SYNTAX;
    if (++reading->dead > MESSAGES_OF_A_FILE)
        return;
    progress_clear(&reading->progress);
    note("%s:%llu: %s: %s (byte %llu, %llu bytes left out)", reading->file, (unsigned long long)dead->line,
         audit_dead_reason_text(dead->reason), dead->detail ? dead->detail : "", (unsigned long long)dead->offset,
         (unsigned long long)dead->length);
}

/* A misspelt member is silently absent to every rule, so a person who tests one must hear of it. */
static void on_unknown_members(void *context, uint64_t line, size_t count, struct slice first)
{
    struct reading *reading = context;

    if (++reading->odd > MESSAGES_OF_A_FILE)
        return;
    progress_clear(&reading->progress);
    note("%s:%llu: warning: UDM has no `%.*s`; %zu member%s of this record %s skipped (harrierctl fields --all lists what there is)",
         reading->file, (unsigned long long)line, SLICE_ARGS(first), count, count == 1 ? "" : "s", count == 1 ? "is" : "are");
}

/* A file on its way into the intake. Syslog and containers' logs are lines with a head before each message; anything else is read as it is. */
struct feeding {
    struct reading *reading;
    struct input *input;
    struct intake_options options;
    struct intake *intake; /* from the first bytes on, which tell what the file is */
    struct syslog_reader *syslog;
    struct cri_reader *lines;
};

static enum result feed_text(void *data, struct slice text)
{
    struct feeding *feeding = data;

    intake_feed(feeding->intake, text);
    return RESULT_OK;
}

static void end_message(void *data)
{
    struct feeding *feeding = data;

    intake_end_message(feeding->intake);
}

static void begin_message(struct feeding *feeding)
{
    const char *refused = syslog_reader_refused(feeding->syslog);

    intake_begin_message(feeding->intake, syslog_reader_header(feeding->syslog)->hostname);
    if (refused)
        intake_refuse_message(feeding->intake, refused);
}

static void feed_syslog(struct feeding *feeding, struct slice bytes)
{
    struct slice text;

    for (;;) {
        switch (syslog_next(feeding->syslog, &bytes, &text)) {
        case SYSLOG_TEXT: feed_text(feeding, text); break;
        case SYSLOG_END: end_message(feeding); break;
        case SYSLOG_BEGIN: begin_message(feeding); break;
        case SYSLOG_OTHER: break;
        case SYSLOG_MORE: return;
        }
    }
}

static void begin_feeding(struct feeding *feeding, struct slice bytes)
{
    const struct cri_sink lines = {feeding, feed_text, end_message};
    struct reading *reading = feeding->reading;
    const struct intake_sink sink = {
        .context = reading,
        .alert = on_alert,
        .dead = on_dead,
        .record = reading->sink->record ? on_record : NULL,
        .unknown_members = on_unknown_members,
    };

    if (syslog_looks_like(bytes))
        feeding->syslog = syslog_reader_new(&syslog_default_limits);
    else if (bytes.length && bytes.bytes[0] >= '0' && bytes.bytes[0] <= '9') /* no JSON of ours, but a time */
        feeding->lines = cri_reader_new(&lines);
    feeding->options.messages = feeding->lines != NULL; /* syslog passes text over itself */
    feeding->intake = intake_new(reading->scratch, &feeding->options, &sink);
}

static enum result feed(void *data, struct slice bytes)
{
    struct feeding *feeding = data;

    if (!feeding->intake)
        begin_feeding(feeding, bytes);
    if (feeding->syslog)
        feed_syslog(feeding, bytes);
    else if (feeding->lines)
        cri_reader_feed(feeding->lines, bytes);
    else
        intake_feed(feeding->intake, bytes);
    progress_show(&feeding->reading->progress, input_taken(feeding->input), input_size(feeding->input));
    return RESULT_OK;
}

static enum result finish_feeding(struct feeding *feeding, uint64_t *offset)
{
    if (!feeding->intake)
        begin_feeding(feeding, slice_make("", 0));
    if (feeding->lines)
        cri_reader_finish(feeding->lines);
    if (feeding->syslog) {
        syslog_reader_finish(feeding->syslog);
        feed_syslog(feeding, slice_make("", 0));
    }
    enum result ended = intake_finish(feeding->intake, offset);
    return feeding->syslog || feeding->lines ? RESULT_OK : ended;
}

/* A file without an event is mostly the wrong file. */
static void note_no_event(const struct reading *reading, const struct audit_counts *counts)
{
    uint64_t others = counts->dead + counts->other;

    if (counts->events)
        return;
    note("%s: 0 events; %llu line%s of something else%s", reading->file, (unsigned long long)others, others == 1 ? "" : "s",
         counts->other && !counts->dead ? ": without JSON of kind Event and apiVersion audit.k8s.io/..., or with auditID" : "");
}

static void feed_all(struct reading *reading, struct input *input, const struct intake_options *options)
{
    struct feeding feeding = {.reading = reading, .input = input, .options = *options};
    uint64_t offset = 0;
    enum result result = input_give(input, feed, &feeding), ended = finish_feeding(&feeding, &offset);

    progress_clear(&reading->progress);
    if (reading->dead > MESSAGES_OF_A_FILE)
        note("%s: %llu stretches in all were left out", reading->file, (unsigned long long)reading->dead);
    if (reading->odd > MESSAGES_OF_A_FILE)
        note("%s: %llu records in all have members that UDM does not know", reading->file, (unsigned long long)reading->odd);
    if (result) {
        reading->unreadable = true;
        note("%s: %s", reading->file, input_error(input));
    } else if (ended) {
        reading->unreadable = true;
        note("%s: not one JSON value could be read; it went wrong at byte %llu: is this a file of audit events (JSON, gzip or zstd)?",
             reading->file, (unsigned long long)offset);
    }
    note_no_event(reading, intake_counts(feeding.intake));
    intake_free(feeding.intake);
    syslog_reader_free(feeding.syslog);
    cri_reader_free(feeding.lines);
}

static void read_file(struct reading *reading, const char *path, const struct intake_options *options)
{
    struct input *input;

    if (input_open(path, &input) != RESULT_OK) {
        note("%s: %s", path, strerror(errno));
        reading->missing = true;
        return;
    }
    reading->file = input_name(input);
    reading->dead = reading->odd = 0;
    reading->progress = progress_begin(reading->file, input_size(input));
    if (reading->sink->record && isatty(STDOUT_FILENO))
        reading->progress.shown = false;
    feed_all(reading, input, options);
    input_close(input);
}

int read_events(const struct arguments *arguments, struct detect_plan *plan, const struct intake_options *options,
                const struct event_sink *sink)
{
    struct reading reading = {.sink = sink};

    if (arguments->operands.count == 0)
        return fail(EX_USAGE, "which events? Give a FILE, or - for standard input");
    reading.scratch = intake_scratch_new(plan, &detect_default_limits);
    for (size_t i = 0; i < arguments->operands.count; i++)
        read_file(&reading, arguments->operands.items[i], options);
    intake_scratch_free(reading.scratch);
    return reading.missing ? EX_NOINPUT : reading.unreadable ? EX_DATAERR : EX_OK;
}
