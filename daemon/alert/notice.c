/* SPDX-License-Identifier: Apache-2.0 */
/* Notices: what is wrong with the watch itself, said so that whoever reads it at night knows what it means and what to do. */
#include "internal.h"

enum { NAME_BYTES = 200, RULES_SHOWN = 10, CLUSTERS_SHOWN = 10, MOVED_RISK = 20, COMMAND_BYTES = 1500 };

static const struct {
    const char *name;
    const char *severity;
    double risk;
    const char *description;
} kinds[ALERT_NOTICE_COUNT] = {
    [ALERT_NOTICE_SILENT] = {"harrier_source_silent", "HIGH", 80,
                             "No audit event has come for so long that its cluster is out of sight: an outage, or somebody who does not want to "
                             "be seen."},
    [ALERT_NOTICE_BLIND] = {"harrier_rule_blind", "MEDIUM", 60,
                            "Rules look into objects that some events of a cluster do not have: whatever such requests do, these rules do not fire."},
    [ALERT_NOTICE_CLOCK] = {"harrier_clock_skew", "MEDIUM", 50,
                            "Events are from the future: the clock of the control plane or the one of harrierd is wrong, and times of alerts "
                            "with it."},
    [ALERT_NOTICE_LATE] = {"harrier_events_late", "MEDIUM", 50,
                           "Even the youngest events are old when they come, and they do not catch up: a clock that is behind, or a delay on "
                           "the way."},
    [ALERT_NOTICE_TRUNCATED] = {"harrier_event_truncated", "MEDIUM", 60,
                                "A write came without its object, because it was too large for an audit event. Padding is a known way to hide."},
    [ALERT_NOTICE_LOST] = {"harrier_file_loss", "HIGH", 80,
                           "A followed log, or its end, was gone or not readable before it was read: the events in it were not judged."},
    [ALERT_NOTICE_GAP] = {"harrier_gap", "MEDIUM", 60,
                          "No batch could be taken for longer than an API server tries to send one: what happened meanwhile may never have come."},
};

const char *alert_notice_name(enum alert_notice_kind kind)
{
    return kinds[kind].name;
}

const char *alert_notice_remedy(const struct alert_notice *notice)
{
    if (notice->over)
        return "";
    if (notice->moved)
        return "If it was moved, take it out of the source that it left. If it has several API servers, check the one that sends there: what it does is not "
               "seen.";
    switch (notice->kind) {
    case ALERT_NOTICE_SILENT:
        return "Check that its API server runs, still has its audit policy and backend, and reaches harrierd; an API server that cannot deliver logs "
               "\"Error in audit plugin\".";
    case ALERT_NOTICE_BLIND:
        if (slice_is(notice->level, "Request"))
            return "Raise the audit policy to level RequestResponse for these requests; `harrierctl policy` prints what the rules need.";
        if (notice->level.length)
            return "Raise the audit policy to level Request for these requests; `harrierctl policy` prints what the rules need.";
        return "Something between the API server and harrierd takes objects out of events, such as a log shipper's filter or a cloud's sink: let it "
               "pass requestObject.";
    case ALERT_NOTICE_CLOCK:
        return "Check time synchronisation on the control plane; on harrierd's host too if several clusters have this.";
    case ALERT_NOTICE_LATE:
        return "Check time synchronisation on the control plane, then what holds events on the way (queue, log shipper, export): alerts are late "
               "by as much.";
    case ALERT_NOTICE_TRUNCATED:
        return "Look at the object itself in the cluster, and let events be larger: --audit-webhook-truncate-max-event-size.";
    case ALERT_NOTICE_LOST:
        return "harrierd's log names what is missing, and why. Keep rotated files for longer, or find out what holds harrierd up; `harrierctl replay` "
               "judges what is kept elsewhere.";
    case ALERT_NOTICE_GAP:
        return "What came at its edges is alerted a second time, with the same dedup_key; API servers that write no log lost it.";
    case ALERT_NOTICE_COUNT: break;
    }
    return "";
}

/* --- text ------------------------------------------------------------------------------------------------------------------------------- */

/* The two largest units: "3h 20m", "42m", "15s". */
static void append_duration(struct buffer *out, clock_nanos duration)
{
    static const struct {
        int64_t seconds;
        const char *unit;
    } units[] = {{86400, "d"}, {3600, "h"}, {60, "m"}, {1, "s"}};
    int64_t rest = (duration < 0 ? -duration : duration) / CLOCK_SECOND;
    size_t first = 0;

    while (first < 3 && rest < units[first].seconds)
        first++;
    buffer_printf(out, "%lld%s", (long long)(rest / units[first].seconds), units[first].unit);
    rest %= units[first].seconds;
    if (first < 3 && rest / units[first + 1].seconds > 0)
        buffer_printf(out, " %lld%s", (long long)(rest / units[first + 1].seconds), units[first + 1].unit);
}

/* "cluster prod-eu-1 (source apiserver)" */
static void append_place(struct buffer *out, const struct alert_notice *notice)
{
    if (notice->cluster.length) {
        buffer_append_text(out, "cluster ");
        alert_append_cleaned(out, notice->cluster, NAME_BYTES);
        buffer_append_text(out, " (source ");
        alert_append_cleaned(out, notice->source, NAME_BYTES);
        buffer_append_byte(out, ')');
    } else {
        buffer_append_text(out, "source ");
        alert_append_cleaned(out, notice->source, NAME_BYTES);
    }
}

/* "rule a", "rules a, b and 3 more" */
static void append_rules(struct buffer *out, const struct alert_notice *notice)
{
    buffer_append_text(out, notice->rule_count == 1 ? "rule " : "rules ");
    for (size_t i = 0; i < notice->rule_count && i < RULES_SHOWN; i++) {
        buffer_append_text(out, i ? ", " : "");
        alert_append_cleaned(out, notice->rules[i], NAME_BYTES);
    }
    if (notice->rule_count > RULES_SHOWN)
        buffer_printf(out, " and %zu more", notice->rule_count - RULES_SHOWN);
}

/* ", first seen in patch of cronjobs/status by alice: /apis/batch/v1/..." */
static void append_first(struct buffer *out, const struct alert_first *first)
{
    if (!first->verb.length && !first->uri.length)
        return;
    buffer_append_text(out, "; first seen in ");
    alert_append_cleaned(out, first->verb.length ? first->verb : SLICE("a request"), NAME_BYTES);
    if (first->resource.length) {
        buffer_append_text(out, " of ");
        alert_append_cleaned(out, first->resource, NAME_BYTES);
    }
    if (first->user.length) {
        buffer_append_text(out, " by ");
        alert_append_cleaned(out, first->user, NAME_BYTES);
    }
    if (first->level.length) {
        buffer_append_text(out, " at level ");
        alert_append_cleaned(out, first->level, NAME_BYTES);
    }
    if (first->uri.length) {
        buffer_append_text(out, " (");
        alert_append_cleaned(out, first->uri, NAME_BYTES);
        buffer_append_byte(out, ')');
    }
}

static void append_elsewhere(struct buffer *out, const struct alert_notice *notice, const char *before)
{
    if (notice->elsewhere.length && !(notice->over && notice->moved)) {
        buffer_append_text(out, before);
        alert_append_cleaned(out, notice->elsewhere, NAME_BYTES);
    }
}

static void append_over(const struct alert_notice *notice, struct buffer *out)
{
    static const char *const ends[ALERT_NOTICE_COUNT] = {
        [ALERT_NOTICE_SILENT] = "came back after",
        [ALERT_NOTICE_BLIND] = "can be judged again after",
        [ALERT_NOTICE_CLOCK] = "has the right time again after",
        [ALERT_NOTICE_LATE] = "is on time again after",
        [ALERT_NOTICE_TRUNCATED] = "shows whole events again after",
        [ALERT_NOTICE_LOST] = "loses nothing any more after",
        [ALERT_NOTICE_GAP] = "is taken from again after",
    };
    size_t start = out->length;

    append_place(out, notice);
    out->bytes[start] = (char)(out->bytes[start] - 'a' + 'A');
    buffer_printf(out, " %s ", ends[notice->kind]);
    append_duration(out, notice->amount);
    if (notice->kind == ALERT_NOTICE_SILENT)
        append_elsewhere(out, notice, ", by source ");
    if (notice->kind == ALERT_NOTICE_SILENT && !notice->moved)
        buffer_append_text(out, "; what happened there meanwhile was seen only if the sender kept it");
}

static void append_clusters(struct buffer *out, const struct alert_notice *notice)
{
    for (size_t i = 0; i < notice->cluster_count && i < CLUSTERS_SHOWN; i++) {
        buffer_append_text(out, i ? ", " : "");
        alert_append_cleaned(out, notice->clusters[i], NAME_BYTES);
    }
    if (notice->cluster_count > CLUSTERS_SHOWN)
        buffer_printf(out, " and %zu more", notice->cluster_count - CLUSTERS_SHOWN);
}

/* "No audit event from 12 more clusters ...: a (source s), b (source s) and 10 more" */
static void append_summary(const struct alert_notice *notice, struct buffer *out)
{
    static const struct {
        const char *before, *after;
    } words[ALERT_NOTICE_COUNT] = {
        [ALERT_NOTICE_SILENT] = {"No audit event from", "for a long time, what happens there is not seen"},
        [ALERT_NOTICE_BLIND] = {"Blind in", "where rules look into objects that the events do not have"},
        [ALERT_NOTICE_CLOCK] = {"Clocks ahead of harrierd's in", "by more than health.clock_skew"},
        [ALERT_NOTICE_LATE] = {"Old events that do not catch up from", "by more than health.late_after"},
        [ALERT_NOTICE_TRUNCATED] = {"Events without their whole objects from", "that rules could not look into"},
        [ALERT_NOTICE_LOST] = {"Followed files are lost in", "before they were read, what happened then is not seen"},
        [ALERT_NOTICE_GAP] = {"Events may be missing from", "as none were taken"},
    };

    buffer_printf(out, "%s %zu more cluster%s, %s: ", words[notice->kind].before, notice->cluster_count, notice->cluster_count == 1 ? "" : "s",
                  words[notice->kind].after);
    append_clusters(out, notice);
}

static void append_gap(struct buffer *out, const struct alert_notice *notice)
{
    char time[CLOCK_TEXT_SIZE];

    buffer_append_text(out, "Events of ");
    if (notice->cluster_count) {
        buffer_append_text(out, "clusters ");
        append_clusters(out, notice);
        buffer_append_text(out, " (source ");
        alert_append_cleaned(out, notice->source, NAME_BYTES);
        buffer_append_byte(out, ')');
    } else {
        append_place(out, notice);
    }
    buffer_printf(out, " from %s", clock_format_rfc3339(notice->since, time));
    buffer_printf(out, " to %s may be missing: harrierd took none for ", clock_format_rfc3339(notice->time, time));
    append_duration(out, notice->amount);
    buffer_append_text(out, ", and API servers drop what they cannot send for 80 s. Send that part of their audit logs again: `");
    alert_append_cleaned(out, notice->command, COMMAND_BYTES);
    buffer_append_byte(out, '`');
}

void alert_notice_text(const struct alert_notice *notice, struct buffer *out)
{
    if (notice->cluster_count && notice->kind != ALERT_NOTICE_GAP) {
        append_summary(notice, out);
        return;
    }
    if (notice->over) {
        append_over(notice, out);
        return;
    }
    switch (notice->kind) {
    case ALERT_NOTICE_SILENT:
        buffer_append_text(out, "No audit event from ");
        append_place(out, notice);
        buffer_append_text(out, " for ");
        append_duration(out, notice->amount);
        if (notice->moved)
            append_elsewhere(out, notice, ": its events come in by source ");
        else
            buffer_append_text(out, ": what happens there is not seen");
        break;
    case ALERT_NOTICE_BLIND:
        buffer_append_text(out, "Blind in ");
        append_place(out, notice);
        buffer_append_text(out, ": ");
        append_rules(out, notice);
        buffer_append_text(out, notice->rule_count == 1 ? " looks into objects, but the events come " : " look into objects, but the events come ");
        buffer_append_text(out, !notice->level.length                   ? "without them"
                                : slice_is(notice->level, "Request") ? "at level Request, without the resulting object"
                                                                     : "at level Metadata, without them");
        append_first(out, &notice->first);
        break;
    case ALERT_NOTICE_CLOCK:
        buffer_append_text(out, "Clock of ");
        append_place(out, notice);
        buffer_append_text(out, " is ");
        append_duration(out, notice->amount);
        buffer_append_text(out, " ahead of harrierd's");
        break;
    case ALERT_NOTICE_LATE:
        buffer_append_text(out, "Events of ");
        append_place(out, notice);
        buffer_append_text(out, " are at least ");
        append_duration(out, notice->amount);
        buffer_append_text(out, " old when they come, and do not catch up");
        break;
    case ALERT_NOTICE_TRUNCATED:
        if (notice->record)
            alert_append_doing(out, notice->record);
        else
            buffer_append_text(out, "A write");
        buffer_append_text(out, " in ");
        append_place(out, notice);
        buffer_append_text(out, ": the event came without its whole object, ");
        append_rules(out, notice);
        buffer_append_text(out, " could not look into it");
        break;
    case ALERT_NOTICE_LOST:
        buffer_printf(out, "%llu file%s, or ends of files, followed for ", (unsigned long long)notice->losses, notice->losses == 1 ? "" : "s");
        append_place(out, notice);
        buffer_append_text(out, notice->losses == 1 ? " was" : " were");
        buffer_append_text(out, " gone or not readable before the reading came there: what happened then is not seen");
        break;
    case ALERT_NOTICE_GAP: append_gap(out, notice); break;
    case ALERT_NOTICE_COUNT: break;
    }
}

/* --- ids -------------------------------------------------------------------------------------------------------------------------------- */

static void digest_number(struct digest *digest, int64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)number);
    digest_update_part(digest, slice_of(text));
}

static void digest_place(struct digest *digest, const struct alert_notice *notice)
{
    digest_begin(digest);
    digest_update_part(digest, notice->cluster);
    digest_update_part(digest, slice_of(kinds[notice->kind].name));
    digest_update_part(digest, notice->source);
    for (size_t i = 0; i < notice->rule_count; i++)
        digest_update_part(digest, notice->rules[i]);
    for (size_t i = 0; i < notice->cluster_count; i++)
        digest_update_part(digest, notice->clusters[i]);
    if (notice->cause.length) {
        digest_update_part(digest, notice->cause);
        digest_update_part(digest, notice->first.resource);
    }
}

/* Who did it to what. Without a name two objects cannot be told apart: then each event is its own. */
static void digest_doing(struct digest *digest, const struct udm_record *record)
{
    struct slice name = udm_record_string(record, "target.resource.name");

    digest_update_part(digest, udm_record_string(record, "principal.user.userid"));
    digest_update_part(digest, alert_verb(record));
    digest_update_part(digest, udm_record_label(record, "resource"));
    digest_update_part(digest, udm_record_label(record, "subresource"));
    digest_update_part(digest, udm_record_label(record, "namespace"));
    digest_update_part(digest, name);
}

static void make_ids(struct alert *alert, const struct alert_notice *notice)
{
    struct digest *digest = digest_new();
    uint8_t sum[DIGEST_SHA256_BYTES];

    digest_place(digest, notice);
    if (notice->record)
        digest_doing(digest, notice->record);
    digest_end(digest, sum);
    digest_hex(sum, alert->dedup_key);

    digest_place(digest, notice);
    if (notice->record) {
        bool named = udm_record_string(notice->record, "target.resource.name").length > 0;
        digest_doing(digest, notice->record);
        digest_number(digest, named ? notice->time / (3600 * CLOCK_SECOND) : notice->time);
        if (!named)
            digest_update_part(digest, udm_record_string(notice->record, "metadata.product_log_id"));
    } else {
        digest_number(digest, notice->since);
        digest_number(digest, notice->over);
        if (notice->moved)
            digest_update_part(digest, SLICE("moved"));
    }
    digest_end(digest, sum);
    digest_hex(sum, alert->alert_id);
    digest_free(digest);
}

/* --- the document ------------------------------------------------------------------------------------------------------------------------ */

static struct slice title_of(const struct alert_notice *notice, struct arena *arena)
{
    const char *remedy = alert_notice_remedy(notice);
    struct buffer title = {NULL, 0, 0};

    alert_notice_text(notice, &title);
    buffer_append_byte(&title, '.');
    if (remedy[0])
        buffer_printf(&title, " %s", remedy);
    struct slice kept = arena_copy(arena, buffer_slice(&title));
    buffer_free(&title);
    return kept;
}

static void write_rule(struct json_writer *writer, const struct alert_notice *notice)
{
    json_key(writer, "rule");
    json_begin_object(writer);
    json_put_text(writer, "name", kinds[notice->kind].name);
    json_key(writer, "meta");
    json_begin_object(writer);
    json_put_text(writer, "description", kinds[notice->kind].description);
    json_put_text(writer, "severity", kinds[notice->kind].severity);
    json_end_object(writer);
    json_put_text(writer, "sha256", "");
    json_end_object(writer);
    json_key(writer, "mitre");
    json_begin_array(writer);
    json_end_array(writer);
}

static void write_first(struct json_writer *writer, const struct alert_first *first)
{
    const struct {
        const char *name;
        struct slice value;
    } members[] = {{"verb", first->verb}, {"resource", first->resource}, {"uri", first->uri}, {"user", first->user}};

    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        if (members[i].value.length)
            json_put_string(writer, members[i].name, members[i].value);
}

/* For programs that read alerts: what the title says in words. */
static void write_outcomes(struct json_writer *writer, const struct alert_notice *notice)
{
    char since[CLOCK_TEXT_SIZE];

    json_key(writer, "outcomes");
    json_begin_object(writer);
    json_put_string(writer, "source", notice->source);
    json_put_text(writer, "state", notice->over ? "over" : "open");
    if (notice->elsewhere.length)
        json_put_string(writer, "moved_to", notice->elsewhere);
    if (!notice->record)
        json_put_text(writer, "since", clock_format_rfc3339(notice->since, since));
    if (notice->amount)
        json_put_int(writer, "seconds", notice->amount / CLOCK_SECOND);
    if (notice->losses)
        json_put_int(writer, "losses", notice->losses < INT64_MAX ? (int64_t)notice->losses : INT64_MAX);
    if (notice->kind == ALERT_NOTICE_GAP) {
        json_put_text(writer, "until", clock_format_rfc3339(notice->time, since));
        json_put_string(writer, "command", notice->command);
    }
    if (notice->level.length || notice->first.level.length)
        json_put_string(writer, "level", notice->level.length ? notice->level : notice->first.level);
    if (notice->cause.length)
        json_put_string(writer, "cause", notice->cause);
    write_first(writer, &notice->first);
    if (notice->rule_count) {
        json_key(writer, "rules");
        json_begin_array(writer);
        for (size_t i = 0; i < notice->rule_count; i++)
            json_write_string(writer, notice->rules[i]);
        json_end_array(writer);
    }
    if (notice->cluster_count) {
        json_key(writer, "clusters");
        json_begin_array(writer);
        for (size_t i = 0; i < notice->cluster_count; i++)
            json_write_string(writer, notice->clusters[i]);
        json_end_array(writer);
    }
    json_end_object(writer);
}

static void write_fact(struct json_writer *writer, const char *condition, const char *field, struct slice value)
{
    json_begin_object(writer);
    json_put_text(writer, "event", "");
    json_put_text(writer, "condition", condition);
    json_put_int(writer, "line", 0);
    json_put_text(writer, "field", field);
    json_put_text(writer, "path", "");
    json_put_string(writer, "value", value);
    json_end_object(writer);
}

static void write_evidence(struct json_writer *writer, const struct alert_notice *notice)
{
    static const struct {
        const char *condition, *since, *amount;
    } facts[ALERT_NOTICE_COUNT] = {
        [ALERT_NOTICE_SILENT] = {"no event for longer than the source's silence_after", "quiet_since", "silent_for"},
        [ALERT_NOTICE_BLIND] = {"the rule's verdict is unknown", "first_seen", NULL},
        [ALERT_NOTICE_CLOCK] = {"an event's time is ahead by more than health.clock_skew", "first_seen", "ahead"},
        [ALERT_NOTICE_LATE] = {"the youngest events are older than health.late_after", "first_seen", "age_of_youngest_event"},
        [ALERT_NOTICE_TRUNCATED] = {"the rule's verdict is unknown", NULL, NULL},
        [ALERT_NOTICE_LOST] = {"a file, or its end, was gone or not readable before it was read", "first_noticed", NULL},
        [ALERT_NOTICE_GAP] = {"no batch could be taken for longer than an API server keeps one", "from", "for"},
    };
    const char *condition = notice->over ? "it is over" : facts[notice->kind].condition;
    struct buffer text = {NULL, 0, 0};
    char since[CLOCK_TEXT_SIZE];

    json_key(writer, "evidence");
    json_begin_array(writer);
    write_fact(writer, condition, "source", notice->source);
    if (facts[notice->kind].since)
        write_fact(writer, condition, facts[notice->kind].since, slice_of(clock_format_rfc3339(notice->since, since)));
    if (notice->amount) {
        append_duration(&text, notice->amount);
        write_fact(writer, condition, notice->over || !facts[notice->kind].amount ? "lasted" : facts[notice->kind].amount, buffer_slice(&text));
    }
    if (notice->record)
        write_fact(writer, condition, "object_state", udm_record_label(notice->record, "object_state"));
    for (size_t i = 0; i < notice->cluster_count && i < CLUSTERS_SHOWN; i++)
        write_fact(writer, condition, "cluster", notice->clusters[i]);
    for (size_t i = 0; i < notice->rule_count && i < RULES_SHOWN; i++)
        write_fact(writer, condition, "rule", notice->rules[i]);
    json_end_array(writer);
    buffer_free(&text);
}

static void make_fields(struct alert *alert, const struct alert_notice *notice)
{
    struct udm_record nothing;
    struct slice *log_type = arena_calloc(alert->arena, 1, sizeof *log_type);

    udm_record_init(&nothing, alert->arena, UDM_KNOWN);
    alert_fields_of_record(&alert->fields, notice->record ? notice->record : &nothing);
    alert->fields.rule = alert->rule;
    alert->fields.cluster = notice->cluster;
    alert->fields.severity = slice_of(alert->severity);
    alert->fields.risk_score = alert->risk_score;
    alert->fields.title = title_of(notice, alert->arena);
    if (notice->record)
        *log_type = udm_record_string(notice->record, "metadata.log_type");
    alert->fields.log_types = log_type;
    alert->fields.log_type_count = notice->record != NULL;
}

static void write_events(struct json_writer *writer, const struct alert_notice *notice)
{
    struct alert_subject subject = {.cluster = notice->cluster, .record = notice->record, .event = notice->event, .raw_bytes = notice->raw_bytes};

    if (notice->record) {
        alert_write_events(writer, &subject, SLICE("e"));
    } else {
        json_key(writer, "events");
        json_begin_array(writer);
        json_end_array(writer);
    }
    alert_subject_free(&subject);
}

void alert_from_notice(struct alert *alert, const struct alert_notice *notice)
{
    *alert = (struct alert){.rule = slice_of(kinds[notice->kind].name),
                            .time = notice->time,
                            .risk_score = notice->over ? 0 : notice->moved ? (double)MOVED_RISK : kinds[notice->kind].risk,
                            .arena = arena_new(1024)};
    snprintf(alert->severity, sizeof alert->severity, "%s", notice->over ? "INFO" : notice->moved ? "LOW" : kinds[notice->kind].severity);
    make_ids(alert, notice);
    make_fields(alert, notice);
    struct json_writer *writer = json_writer_new(&alert->json, false);
    json_begin_object(writer);
    alert_write_head(writer, alert, notice->kind == ALERT_NOTICE_TRUNCATED);
    write_rule(writer, notice);
    alert_write_what(writer, &alert->fields);
    write_outcomes(writer, notice);
    write_evidence(writer, notice);
    write_events(writer, notice);
    json_end_object(writer);
    json_writer_free(writer);
}
