/* SPDX-License-Identifier: Apache-2.0 */
#include "watch.h"

#include "harrier/base/memory.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The worker writes into maps that the main thread takes away whole once a second, leaving none: the lock is held for a look-up, and what a
 * worker holds is bounded by the clusters that are known and the names that may come in a second. */
struct watch {
    struct clusters *clusters;
    size_t names;
    pthread_mutex_t mutex;
    struct watch_batch batch;
    struct buffer key; /* the worker's scratch */
};

static const char *const why_names[WATCH_WHY_COUNT] = {
    [WATCH_LEVEL_METADATA] = "level_metadata", [WATCH_LEVEL_REQUEST] = "level_request", [WATCH_MISSING] = "missing", [WATCH_TRUNCATED] = "truncated",
    [WATCH_REJECTED] = "rejected",             [WATCH_STAGE] = "stage",                 [WATCH_UNRESOLVED] = "unresolved",
    [WATCH_RESPONSE] = "response",             [WATCH_BOUND] = "bound",                 [WATCH_UNDECIDED] = "undecided",
    [WATCH_ANONYMOUS] = "anonymous",
};

const char *watch_why_name(enum watch_why why)
{
    return why_names[why];
}

struct watch *watch_new(struct clusters *clusters, size_t names)
{
    struct watch *watch = xcalloc(1, sizeof *watch);
    watch->clusters = clusters;
    watch->names = names;
    pthread_mutex_init(&watch->mutex, NULL);
    return watch;
}

void watch_free(struct watch *watch)
{
    if (!watch)
        return;
    watch_batch_free(&watch->batch);
    buffer_free(&watch->key);
    pthread_mutex_destroy(&watch->mutex);
    free(watch);
}

static void blind_free(void *value)
{
    struct watch_blind *blind = value;
    free(blind->rule);
    free(blind->resource);
    free(blind);
}

static void entry_free(void *value)
{
    struct watch_entry *entry = value;
    map_free(entry->blind, blind_free);
    free(entry->cluster);
    free(entry);
}

static void name_free(void *value)
{
    struct watch_name *name = value;
    free(name->cluster);
    free(name);
}

void watch_batch_free(struct watch_batch *batch)
{
    map_free(batch->entries, entry_free);
    map_free(batch->names, name_free);
    *batch = (struct watch_batch){0};
}

/* The mutex is held. */
static void note_name(struct watch *watch, size_t source, struct slice cluster)
{
    struct watch_batch *batch = &watch->batch;

    clusters_key(&watch->key, source, cluster);
    if (!batch->names)
        batch->names = map_new();
    if (map_get(batch->names, buffer_slice(&watch->key)))
        return;
    if (map_count(batch->names) >= watch->names) {
        batch->dropped++;
        return;
    }
    struct watch_name *name = xcalloc(1, sizeof *name);
    cluster = slice_first(cluster, CLUSTERS_NAME_BYTES);
    name->source = source;
    name->cluster = xstrndup(cluster.bytes, cluster.length);
    map_put(batch->names, buffer_slice(&watch->key), name);
}

/* Of the cluster, or of all that are not known. The mutex is held. */
static struct watch_entry *entry_of(struct watch *watch, size_t source, struct slice cluster)
{
    if (!clusters_know(watch->clusters, source, cluster, false)) {
        note_name(watch, source, cluster);
        cluster = SLICE(CLUSTERS_OTHERS);
    }
    cluster = slice_first(cluster, CLUSTERS_NAME_BYTES);
    clusters_key(&watch->key, source, cluster);
    if (!watch->batch.entries)
        watch->batch.entries = map_new();
    struct watch_entry *entry = map_get(watch->batch.entries, buffer_slice(&watch->key));
    if (entry)
        return entry;
    entry = xcalloc(1, sizeof *entry);
    entry->source = source;
    entry->cluster = xstrndup(cluster.length ? cluster.bytes : "", cluster.length);
    map_put(watch->batch.entries, buffer_slice(&watch->key), entry);
    return entry;
}

void watch_heard(struct watch *watch, size_t source, struct slice cluster, clock_nanos now)
{
    pthread_mutex_lock(&watch->mutex);
    entry_of(watch, source, cluster)->heard = now;
    pthread_mutex_unlock(&watch->mutex);
}

/* --- one event ------------------------------------------------------------------------------------------------------------------------- */

/* When the API server wrote the event: not when its request began, which for a watch or a session can be hours before. */
static bool event_time(const struct udm_record *record, clock_nanos *time)
{
    static const char *const names[] = {"collected_timestamp", "event_timestamp"};
    const struct udm_field *metadata = udm_field_find(udm_event_type(), SLICE("metadata"));
    struct udm_values messages = udm_message_get(record->root, metadata);

    for (size_t i = 0; messages.count && i < sizeof names / sizeof names[0]; i++) {
        struct udm_values times = udm_message_get(messages.items[0].message, udm_field_find(metadata->message, slice_of(names[i])));
        if (times.count) {
            *time = times.items[0].time;
            return true;
        }
    }
    return false;
}

/* Something of the event was over a bound of ours, or it broke off. */
static bool is_cut(const struct udm_cut *cut)
{
    return cut->request_object || cut->other || cut->transport;
}

bool watch_is_mendable(enum watch_why why)
{
    return why == WATCH_LEVEL_METADATA || why == WATCH_LEVEL_REQUEST || why == WATCH_MISSING;
}

/* A request shows what the policy logs only if it was done, to its end, for somebody who may do it: everybody may ask for anything. */
static enum watch_why who_shows_nothing(const struct udm_record *record, enum watch_why why)
{
    struct slice stage = udm_record_label(record, "stage");

    if (udm_record_int(record, "network.http.response_code") >= 400 || slice_is(udm_record_label(record, "decision"), "forbid"))
        return WATCH_REJECTED;
    if (stage.length && !slice_is(stage, "ResponseComplete"))
        return WATCH_STAGE;
    /* no name at all is what a log shipper took out, of everybody */
    bool named = udm_record_string(record, "principal.user.userid").length > 0;
    return named && slice_is(udm_record_label(record, "user_kind"), "anonymous") ? WATCH_ANONYMOUS : why;
}

static enum watch_why what_is_unseen(const struct intake_observed *observed, const struct detect_blind *blind)
{
    static const struct {
        const char *state;
        enum watch_why why;
    } states[] = {{"level", WATCH_LEVEL_METADATA}, {"missing", WATCH_MISSING}, {"truncated", WATCH_TRUNCATED},
                  {"rejected", WATCH_REJECTED},    {"stage", WATCH_STAGE},     {"unresolved", WATCH_UNRESOLVED}};
    struct slice state = udm_record_label(observed->record, "object_state");

    if (blind->doubt & (DETECT_DOUBT_REGEX | DETECT_DOUBT_ROWS))
        return WATCH_UNDECIDED;
    if (is_cut(observed->cut))
        return WATCH_BOUND;
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
        if (slice_is(state, states[i].state))
            return states[i].why;
    return slice_is(udm_record_label(observed->record, "level"), "Request") ? WATCH_LEVEL_REQUEST : WATCH_RESPONSE;
}

static enum watch_why why_blind(const struct intake_observed *observed, const struct detect_blind *blind)
{
    enum watch_why why = what_is_unseen(observed, blind);
    return watch_is_mendable(why) ? who_shows_nothing(observed->record, why) : why;
}

void watch_blind_key(struct buffer *key, enum watch_why why, struct slice resource, struct slice rule)
{
    key->length = 0;
    buffer_append_byte(key, (char)why);
    buffer_append_slice(key, resource);
    buffer_append_byte(key, '\0');
    buffer_append_slice(key, rule);
}

static void keep_text(char *to, size_t size, struct slice text)
{
    text = slice_first(text, size - 1);
    if (text.length)
        memcpy(to, text.bytes, text.length);
    to[text.length] = '\0';
}

static void note_request(const struct udm_record *record, struct watch_request *request)
{
    struct slice subresource = udm_record_label(record, "subresource");

    keep_text(request->verb, sizeof request->verb, udm_record_label(record, "verb"));
    keep_text(request->uri, sizeof request->uri, udm_record_string(record, "target.url"));
    keep_text(request->user, sizeof request->user, udm_record_string(record, "principal.user.userid"));
    keep_text(request->level, sizeof request->level, udm_record_label(record, "level"));
    keep_text(request->resource, sizeof request->resource, udm_record_label(record, "resource"));
    size_t length = strlen(request->resource);
    if (subresource.length && length + 1 < sizeof request->resource) {
        request->resource[length] = '/';
        keep_text(request->resource + length + 1, sizeof request->resource - length - 1, subresource);
    }
}

static struct watch_blind *blind_of(struct watch *watch, struct watch_entry *entry, enum watch_why why, struct slice resource, struct slice rule,
                                    size_t most)
{
    watch_blind_key(&watch->key, why, resource, rule);
    struct watch_blind *blind = map_get(entry->blind, buffer_slice(&watch->key));
    if (blind || map_count(entry->blind) >= most)
        return blind;
    blind = xcalloc(1, sizeof *blind);
    blind->rule = xstrndup(rule.length ? rule.bytes : "", rule.length);
    blind->resource = xstrndup(resource.length ? resource.bytes : "", resource.length);
    blind->why = why;
    map_put(entry->blind, buffer_slice(&watch->key), blind);
    return blind;
}

/* Beyond the bound resources are not told apart, and beyond that one rules. */
static void count_blind(struct watch *watch, struct watch_entry *entry, struct slice rule, enum watch_why why, const struct watch_request *request)
{
    struct slice resource = watch_is_mendable(why) ? slice_of(request->resource) : SLICE("");

    if (!entry->blind)
        entry->blind = map_new();
    struct watch_blind *blind = blind_of(watch, entry, why, resource, rule, WATCH_BLIND_MAX);
    if (!blind && resource.length)
        blind = blind_of(watch, entry, why, SLICE(""), rule, 2 * (size_t)WATCH_BLIND_MAX);
    if (!blind)
        blind = blind_of(watch, entry, why, SLICE(""), SLICE(""), SIZE_MAX);
    if (blind->events++ == 0)
        blind->first = *request;
}

void watch_observe(struct watch *watch, size_t source, const struct intake_observed *observed)
{
    const struct detect_result *result = observed->result;
    struct watch_request request = {.verb = ""};
    bool truncated = false;
    clock_nanos time;

    if (result->blind_count)
        note_request(observed->record, &request);

    pthread_mutex_lock(&watch->mutex);
    struct watch_entry *entry = entry_of(watch, source, observed->source->cluster);
    if (event_time(observed->record, &time)) {
        clock_nanos lead = clock_difference(time, observed->source->received);
        entry->lead = entry->timed && entry->lead > lead ? entry->lead : lead;
        entry->timed = true;
    }
    for (size_t i = 0; i < result->blind_count; i++) {
        enum watch_why why = why_blind(observed, &result->blind[i]);
        truncated = truncated || why == WATCH_TRUNCATED;
        count_blind(watch, entry, result->blind[i].rule->name, why, &request);
    }
    entry->truncated += truncated;
    pthread_mutex_unlock(&watch->mutex);
}

/* A rule that asks for the object's state has fired: it says that there is something unseen. */
static bool some_rule_says_so(const struct detect_result *result)
{
    for (size_t i = 0; i < result->detection_count; i++)
        for (size_t e = 0; e < result->detections[i].evidence_count; e++) {
            const struct detect_evidence *evidence = &result->detections[i].evidence[e];
            if (!evidence->negated && slice_find(evidence->field, SLICE("labels[\"object_state\"]")) >= 0)
                return true;
        }
    return false;
}

bool watch_is_truncated(const struct intake_observed *observed, struct slice source, size_t raw_bytes, struct alert_notice *notice)
{
    const struct detect_result *result = observed->result;
    struct arena *arena = observed->record->arena;
    size_t count = 0;

    if (result->blind_count == 0)
        return false;
    struct slice *rules = arena_calloc(arena, result->blind_count, sizeof *rules);
    for (size_t i = 0; i < result->blind_count; i++)
        if (why_blind(observed, &result->blind[i]) == WATCH_TRUNCATED)
            rules[count++] = result->blind[i].rule->name;
    if (count == 0 || some_rule_says_so(result))
        return false;
    *notice = (struct alert_notice){.kind = ALERT_NOTICE_TRUNCATED,
                                    .source = source,
                                    .cluster = observed->source->cluster,
                                    .time = observed->source->received,
                                    .rules = rules,
                                    .rule_count = count,
                                    .record = observed->record,
                                    .raw_bytes = raw_bytes};
    event_time(observed->record, &notice->time);
    json_tree_parse(arena, observed->bytes, &json_default_limits, &notice->event, NULL);
    return true;
}

struct watch_batch watch_take(struct watch *watch)
{
    pthread_mutex_lock(&watch->mutex);
    struct watch_batch batch = watch->batch;
    watch->batch = (struct watch_batch){0};
    pthread_mutex_unlock(&watch->mutex);
    return batch;
}
