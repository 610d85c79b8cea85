/* SPDX-License-Identifier: Apache-2.0 */
#include "harrier/intake.h"

#include "event_memory.h"

#include "harrier/base/memory.h"
#include "harrier/redact.h"

#include <stdlib.h>

/* What a unit that must not fail, or that alone is more than there will ever be, may hold where the budget refuses (ALLOWANCE_BYTES: a usual event, or many; there may be thousands of such units),
 * and the growth that it is granted even then, so that there is always something of an event to decide on. Beyond it the event in hand is cut, as
 * over event_bytes: it is decided on as far as it goes, its alerts say so, and reading goes on. Without an end to it, connections that each hold an
 * unfinished message would take all memory; to refuse the unit would lose whole messages, for which the sender does not come back. */
enum { HOST_BYTES = 255, ARENA_BYTES = 64 * 1024, ALLOWANCE_BYTES = 256 * 1024, SMALL_GROWTH_BYTES = 32 * 1024 };

/* Of an event for whose judging there is no memory, and which does not come again: its tree has at most so many values. */
enum { FEW_NODES = 1000 };

/* What an intake holds by itself: its reader, yajl's handle and tables, and hashes. */
enum { INTAKE_BYTES = 16 * 1024 };

struct intake_scratch {
    struct detect_engine *engine;
    struct arena *arena;
    struct digest *digest;
    const struct udm_label_filter *label_filter;
    struct event_memory memory; /* of the event in hand */
};

struct intake {
    struct intake_scratch *scratch;
    const struct intake_options *options;
    struct intake_sink sink;
    struct audit_reader *reader;
    bool dead_in_block; /* the last dead letter ended in the data of a Secret in YAML: see redact_bytes */
    uint64_t taken; /* of memory, from the budget too */
    size_t nodes;   /* that the tree in hand may have */
    bool refused;   /* for now: all of it is to be sent again, and nothing more of it is told */
    char syslog_host[HOST_BYTES]; /* of the message in hand */
    size_t syslog_host_length;
};

/* A huge event leaves large tables behind. */
static void release_event(struct intake_scratch *scratch)
{
    if (scratch->memory.held)
        detect_begin(scratch->engine);
    event_memory_end(&scratch->memory);
}

struct intake_scratch *intake_scratch_new(struct detect_plan *plan, const struct detect_limits *limits)
{
    struct intake_scratch *scratch = xcalloc(1, sizeof *scratch);
    scratch->engine = detect_engine_new(plan, limits);
    scratch->arena = arena_new(ARENA_BYTES);
    event_memory_init(&scratch->memory, scratch->arena);
    scratch->digest = digest_new();
    scratch->label_filter = detect_plan_label_filter(plan);
    return scratch;
}

void intake_scratch_free(struct intake_scratch *scratch)
{
    if (!scratch)
        return;
    detect_engine_free(scratch->engine);
    arena_free(scratch->arena);
    digest_free(scratch->digest);
    free(scratch);
}

struct detect_engine *intake_engine(struct intake_scratch *scratch)
{
    return scratch->engine;
}

/* When the events in hand came in: the source's word for it, else now. */
static clock_nanos received_at(const struct intake *intake)
{
    return intake->options->source.received ? intake->options->source.received : clock_wall();
}

/* Can any rule concern the event? Each time from the beginning: between two calls for one event, another connection of this thread may have
 * had an event of its own. */
static bool wanted(void *context, const struct udm_k8s_head *head)
{
    struct intake *intake = context;
    struct intake_scratch *scratch = intake->scratch;
    struct udm_record record;

    if (intake->refused)
        return false;
    if (intake->sink.record)
        return true;
    arena_reset(scratch->arena);
    udm_k8s_head_view(&record, scratch->arena, &intake->options->source, head);
    detect_begin(scratch->engine);
    event_memory_begin(&scratch->memory, intake->options->budget, intake->taken, intake->options->must_not_fail);
    bool may = detect_may_concern(scratch->engine, &record, received_at(intake));
    if (scratch->memory.held || scratch->memory.charged)
        release_event(scratch);
    return may;
}

static void event_digest(struct intake_scratch *scratch, const struct audit_event *event, uint8_t sum[DIGEST_SHA256_BYTES])
{
    if (event->full_sha256) {
        memcpy(sum, event->full_sha256, DIGEST_SHA256_BYTES);
        return;
    }
    digest_begin(scratch->digest);
    digest_update(scratch->digest, event->bytes);
    digest_end(scratch->digest, sum);
}

/* Rules look into what a write answers; of what a read answers only the beginning is ever kept. */
static bool answer_counts(const struct udm_record *record)
{
    static const char *const reads[] = {"get", "list", "watch", "deletecollection"};
    struct slice verb = udm_record_label(record, "verb");

    for (size_t i = 0; i < sizeof reads / sizeof *reads; i++)
        if (slice_is(verb, reads[i]))
            return false;
    return true;
}

/* Was it a bound of ours that kept a rule from deciding? Then somebody must hear of it. */
static bool bound_was_hit(const struct udm_record *record, const struct udm_cut *cut, const struct detect_result *result)
{
    if (result->blind_count == 0)
        return false;
    if (cut->request_object || cut->other || cut->transport || (cut->response_object && answer_counts(record)))
        return true;
    for (size_t i = 0; i < result->blind_count; i++)
        if (result->blind[i].doubt & (DETECT_DOUBT_REGEX | DETECT_DOUBT_ROWS))
            return true;
    return false;
}

/* Will the input come again, and does that help? */
static bool may_refuse(const struct intake *intake)
{
    return !intake->options->must_not_fail && !intake->scratch->memory.starved_for_good;
}

/* False: there is no memory to judge the event now, and all of the input will come again. */
static bool reserve(struct intake *intake, struct slice event)
{
    struct event_memory *memory = &intake->scratch->memory;

    event_memory_begin(memory, intake->options->budget, intake->taken, intake->options->must_not_fail);
    intake->nodes = json_default_limits.nodes;
    if (event_memory_reserve(memory, event))
        return true;
    intake->refused = may_refuse(intake);
    intake->nodes = FEW_NODES;
    event_memory_grant(memory, ALLOWANCE_BYTES);
    return !intake->refused;
}

/* Between two steps of judging: did the last one lack memory? Then all is refused (false), or it goes on with what is there. */
static bool has_memory(struct intake *intake, struct udm_cut *cut)
{
    struct event_memory *memory = &intake->scratch->memory;

    if (!memory->starved)
        return true;
    intake->refused = may_refuse(intake);
    cut->other = true;
    event_memory_grant(memory, ALLOWANCE_BYTES);
    return !intake->refused;
}

/* Of an audit event the answer's object is read only where somebody will look at it: it is 40 % of all bytes. NULL: nothing could be read. */
static struct json_node *read_tree(struct intake *intake, const struct audit_event *event, const struct udm_label_filter *filter,
                                   struct udm_cut *cut)
{
    struct json_limits limits = json_default_limits;
    struct json_node *tree = NULL;
    bool skips = event->kind == AUDIT_KIND_K8S && !udm_label_filter_wants_response(filter) &&
                 !udm_own_labels_need_response(intake->options->source.own_labels);

    limits.nodes = intake->nodes;
    limits.depth = intake->options->limits.depth + 2; /* the reader has bounded it already, below the event */
    limits.skip_member = skips ? "responseObject" : NULL;
    enum result result = json_tree_parse(intake->scratch->arena, event->bytes, &limits, &tree, NULL);
    if (skips && tree && udm_k8s_needs_response(filter, tree)) {
        limits.skip_member = NULL;
        result = json_tree_parse(intake->scratch->arena, event->bytes, &limits, &tree, NULL);
    }
    cut->other = cut->other || result != RESULT_OK; /* more values than the bound */
    return tree;
}

/* The whole event, for its text in alerts: again, where the tree that was judged lacks the answer's object. */
static struct json_node *whole_tree(struct intake *intake, const struct audit_event *event, struct json_node *judged)
{
    struct json_limits limits = json_default_limits;
    struct json_node *tree = NULL;

    if (!json_member(judged, "responseObject") || json_is(json_member(judged, "responseObject"), JSON_OBJECT))
        return judged;

    limits.nodes = intake->nodes;
    json_tree_parse(intake->scratch->arena, event->bytes, &limits, &tree, NULL);
    return tree;
}

static void report(struct intake *intake, const struct audit_event *event, const struct udm_source *source, const struct udm_record *record,
                   struct json_node *tree, struct udm_cut *cut, const struct detect_result *result)
{
    bool blind = bound_was_hit(record, cut, result);
    uint8_t sum[DIGEST_SHA256_BYTES];
    struct alert alert;

    if (result->detection_count == 0 && !blind)
        return;
    bool kept = event_memory_keep_texts(&intake->scratch->memory, event->bytes, false);
    struct json_node *whole = whole_tree(intake, event, tree);
    if (!has_memory(intake, cut))
        return;
    if (!kept)
        event_memory_keep_texts(&intake->scratch->memory, event->bytes, true);
    event_digest(intake->scratch, event, sum);
    struct alert_subject subject = {
        .cluster = source->cluster,
        .record = record,
        .event = whole,
        .event_sha256 = sum,
        .cut = *cut,
        .raw_bytes = intake->options->raw_bytes,
        .received = source->received,
    };
    for (size_t i = 0; i < result->detection_count; i++) {
        alert_from_detection(&alert, &subject, &result->detections[i]);
        intake->sink.alert(intake->sink.context, &alert);
        alert_free(&alert);
    }
    if (blind) {
        alert_from_blind(&alert, &subject, result->blind, result->blind_count);
        intake->sink.alert(intake->sink.context, &alert);
        alert_free(&alert);
    }
    alert_subject_free(&subject);
}

static void make_udm_record(struct intake *intake, const struct audit_event *event, const struct json_node *tree, struct udm_record *record)
{
    size_t unknown = 0;
    struct slice first = {NULL, 0};

    udm_json_record(record, tree, &unknown, &first);
    if (unknown && intake->sink.unknown_members)
        intake->sink.unknown_members(intake->sink.context, event->line, unknown, first);
}

static void make_record(struct intake *intake, const struct audit_event *event, const struct udm_source *source, const struct json_node *tree,
                        const struct udm_cut *cut, struct udm_record *record)
{
    switch (event->kind) {
    case AUDIT_KIND_K8S: udm_k8s_record(record, source, tree, cut); break;
    case AUDIT_KIND_GKE: udm_gke_record(record, source, tree, cut); break;
    case AUDIT_KIND_UDM: make_udm_record(intake, event, tree, record); break;
    }
}

static void judge(struct intake *intake, const struct audit_event *event)
{
    struct arena *arena = intake->scratch->arena;
    const struct udm_label_filter *filter = intake->sink.record ? NULL : intake->scratch->label_filter;
    struct udm_cut cut = event->cut;
    struct udm_record record;
    struct udm_source source = intake->options->source;
    struct detect_result result;

    intake->dead_in_block = false;
    source.syslog_host = slice_make(intake->syslog_host, intake->syslog_host_length);
    if (intake->options->envelope_cluster && event->cluster.length)
        source.cluster = event->cluster;
    source.provider = event->provider;

    if (intake->sink.record || event->kind != AUDIT_KIND_K8S) {
        arena_reset(arena); /* else the head's record is in it, and its answers are still good */
        detect_begin(intake->scratch->engine);
    }
    struct json_node *tree = read_tree(intake, event, filter, &cut);
    if (!has_memory(intake, &cut) || !tree)
        return;
    udm_record_init(&record, arena, UDM_KNOWN);
    record.label_filter = filter;
    source.received = received_at(intake);
    make_record(intake, event, &source, tree, &cut, &record);
    udm_record_note_full(&record);
    if (!has_memory(intake, &cut))
        return;
    detect_evaluate(intake->scratch->engine, &record, source.received, &result);
    if (!has_memory(intake, &cut))
        return;
    if (intake->sink.record)
        intake->sink.record(intake->sink.context, &record, &result);
    report(intake, event, &source, &record, tree, &cut, &result);
    if (intake->sink.observed && !intake->refused)
        intake->sink.observed(intake->sink.context, &(struct intake_observed){event->bytes, &source, &record, &cut, &result});
}

/* What is no event may hold the secrets of one. */
static void on_event(void *context, const struct audit_event *event)
{
    struct intake *intake = context;

    if (intake->refused)
        return;
    if (reserve(intake, event->bytes))
        judge(intake, event);
    release_event(intake->scratch);
}

static void on_dead(void *context, const struct audit_dead *dead)
{
    struct intake *intake = context;
    struct audit_dead shown = *dead;
    struct buffer kept = {NULL, 0, 0};

    if (intake->refused)
        return;
    redact_bytes(dead->bytes, &intake->dead_in_block, &kept);
    shown.bytes = slice_first(buffer_slice(&kept), intake->options->limits.dead_letter_bytes);
    intake->sink.dead(intake->sink.context, &shown);
    buffer_free(&kept);
}

/* Would it be refused again, whenever it is sent? */
static bool can_never_fit(const struct intake *intake, uint64_t wanted_bytes)
{
    const struct intake_options *options = intake->options;
    uint64_t all = intake->taken + wanted_bytes, limit = budget_limit(options->budget);

    return (options->memory && all > options->memory) || (limit && all > limit);
}

static bool take_memory(struct intake *intake, uint64_t wanted_bytes)
{
    const struct intake_options *options = intake->options;
    bool never = can_never_fit(intake, wanted_bytes);

    if (intake->refused)
        return false;
    if (never || !budget_take(options->budget, wanted_bytes)) {
        intake->refused = !never && !options->must_not_fail;
        if (intake->refused || (intake->taken + wanted_bytes > ALLOWANCE_BYTES && wanted_bytes > SMALL_GROWTH_BYTES))
            return false;
        budget_take_always(options->budget, wanted_bytes);
    }
    intake->taken += wanted_bytes;
    return true;
}

static bool on_budget(void *context, ptrdiff_t bytes)
{
    struct intake *intake = context;
    const struct intake_options *options = intake->options;

    if (!options->budget)
        return true;
    if (bytes < 0) {
        budget_give(options->budget, (uint64_t)-bytes);
        intake->taken -= (uint64_t)-bytes;
        return true;
    }
    return take_memory(intake, (uint64_t)bytes);
}

struct intake *intake_new(struct intake_scratch *scratch, const struct intake_options *options, const struct intake_sink *sink)
{
    struct intake *intake = xcalloc(1, sizeof *intake);
    struct audit_sink below = {.context = intake, .wanted = wanted, .event = on_event, .dead = on_dead, .budget = on_budget};

    intake->scratch = scratch;
    intake->options = options;
    intake->sink = *sink;
    if (options->budget)
        budget_take_always(options->budget, INTAKE_BYTES);
    intake->taken = options->budget ? INTAKE_BYTES : 0;
    struct audit_limits limits = options->limits;
    limits.cut_over_budget = true; /* what is refused for now is told by intake_state, and the rest of it is dropped */
    intake->reader = audit_reader_new(&limits, options->accept, options->format, &below);
    if (options->messages)
        audit_reader_take_messages(intake->reader);
    return intake;
}

void intake_free(struct intake *intake)
{
    if (!intake)
        return;
    audit_reader_free(intake->reader);
    if (intake->taken && intake->options->budget)
        budget_give(intake->options->budget, intake->taken);
    free(intake);
}

enum result intake_feed(struct intake *intake, struct slice bytes)
{
    if (!intake->refused)
        audit_reader_feed(intake->reader, bytes);
    return intake_state(intake);
}

void intake_begin_message(struct intake *intake, struct slice syslog_host)
{
    syslog_host = slice_first(syslog_host, sizeof intake->syslog_host);
    if (syslog_host.length)
        memcpy(intake->syslog_host, syslog_host.bytes, syslog_host.length);
    intake->syslog_host_length = syslog_host.length;
}

void intake_refuse_message(struct intake *intake, const char *why)
{
    audit_reader_refuse_message(intake->reader, why);
}

enum result intake_end_message(struct intake *intake)
{
    if (!intake->refused)
        audit_reader_end_message(intake->reader);
    return intake_state(intake);
}

bool intake_go_on(struct intake *intake)
{
    return audit_reader_go_on(intake->reader) && !intake->refused;
}

bool intake_is_due(const struct intake *intake)
{
    return audit_reader_is_due(intake->reader);
}

enum result intake_state(const struct intake *intake)
{
    return intake->refused ? RESULT_BUSY : audit_reader_state(intake->reader);
}

enum result intake_finish(struct intake *intake, uint64_t *error_offset)
{
    enum result result = audit_reader_finish(intake->reader, error_offset);
    return intake->refused ? RESULT_BUSY : result;
}

uint64_t intake_memory(const struct intake *intake)
{
    return intake->taken + intake->scratch->memory.charged;
}

const struct audit_counts *intake_counts(const struct intake *intake)
{
    return audit_reader_counts(intake->reader);
}
