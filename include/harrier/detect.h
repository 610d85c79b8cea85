/* SPDX-License-Identifier: Apache-2.0 */
/* Runs checked YARA-L rules over UDM records: which rules an event can concern, which fire, why, and why not.
 *
 * A plan is made once from a ruleset, is never changed, and is shared by all threads under a reference count. An engine is one
 * thread's scratch for one plan: caches of the event in hand, a regex matcher, counters. Everything a detection points to lives in
 * the arena of the record (and the plan). */
#ifndef HARRIER_DETECT_H
#define HARRIER_DETECT_H

#include "harrier/k8s_catalog.h"
#include "harrier/udm.h"
#include "harrier/yaral.h"

struct detect_plan;

/* Takes the ruleset and the lists (may be NULL) over; they are freed with the plan. The caller has one reference.
 * Rules with a window or with several events are not part of a plan (the checker refuses them). */
struct detect_plan *detect_plan_new(struct yaral_ruleset *ruleset, struct yaral_lists *lists);
struct detect_plan *detect_plan_ref(struct detect_plan *plan);
void detect_plan_unref(struct detect_plan *plan);
size_t detect_plan_rule_count(const struct detect_plan *plan);
const struct yaral_rule *detect_plan_rule(const struct detect_plan *plan, size_t index);
/* Distinct predicates of all rules: what two rules share is counted once. */
size_t detect_plan_predicate_count(const struct detect_plan *plan);

/* The labels that some rule names: what else a mapping could make, nobody looks at. */
const struct udm_label_filter *detect_plan_label_filter(const struct detect_plan *plan);

/* One condition that held, on one value. */
struct detect_evidence {
    size_t event;            /* index into rule->events */
    struct slice condition;  /* the rule's own text */
    bool negated;            /* it held because what it says is not so */
    uint32_t line;           /* of the condition in the rule file */
    struct slice field;      /* target.resource.attribute.labels["image"] */
    struct slice path;       /* JSON path in the event; empty where the value was made */
    struct slice value;      /* as text; sensitive ones redacted */
};

struct detect_outcome {
    struct slice name;
    struct yaral_value value;
};

struct detection {
    const struct yaral_rule *rule;
    size_t rule_index;
    struct detect_outcome *outcomes;
    size_t outcome_count;
    struct detect_evidence *evidence; /* at most 100 */
    size_t evidence_count;
};

/* Why a verdict is unknown; bits. */
enum detect_doubt {
    DETECT_DOUBT_UNSEEN = 1, /* the event does not show it: an object that is absent, truncated or cut */
    DETECT_DOUBT_REGEX = 2,  /* a regex could not be decided within its bounds */
    DETECT_DOUBT_ROWS = 4    /* more combinations of repeated values than limit: what was looked at did not match */
};

/* A rule that could not decide. */
struct detect_blind {
    const struct yaral_rule *rule;
    size_t rule_index;
    unsigned int doubt; /* bits of detect_doubt */
};

struct detect_result {
    struct detection *detections;
    size_t detection_count;
    struct detect_blind *blind;
    size_t blind_count;
};

struct detect_limits {
    size_t rows; /* per event and rule */
};
extern const struct detect_limits detect_default_limits;

struct detect_engine;

/* References the plan. */
struct detect_engine *detect_engine_new(struct detect_plan *plan, const struct detect_limits *limits);
void detect_engine_free(struct detect_engine *engine);

/* A new event begins: nothing that was found of the last one is used any more. */
void detect_begin(struct detect_engine *engine);
/* Can any rule still fire, or end in unknown, for this record? Looks only at what the record knows (a head record). What was decided
 * here is not decided again by detect_evaluate of the same event. */
bool detect_may_concern(struct detect_engine *engine, const struct udm_record *record, clock_nanos now);
/* All rules over the whole record. now: for timestamp.now(). Valid until the record's arena is reset. */
void detect_evaluate(struct detect_engine *engine, const struct udm_record *record, clock_nanos now, struct detect_result *result);

/* Counters; read from any thread. */
struct detect_rule_counts {
    uint64_t fired;
    uint64_t unknown;
    uint64_t row_limit;
};
struct detect_rule_counts detect_engine_rule_counts(const struct detect_engine *engine, size_t rule_index);
struct detect_counts {
    uint64_t predicates_evaluated; /* leaves that were worked out, not taken from the cache */
    uint64_t rules_considered;     /* rules that the index let through */
    uint64_t regex_fallbacks;
    uint64_t regex_unknown;
};
struct detect_counts detect_engine_counts(const struct detect_engine *engine);

/* --- what rules need to see ------------------------------------------------------------------------------------------------------ */

/* Levels of a Kubernetes audit policy: what the API server logs of a request. */
enum detect_level { DETECT_LEVEL_NONE, DETECT_LEVEL_METADATA, DETECT_LEVEL_REQUEST, DETECT_LEVEL_REQUEST_RESPONSE };
/* "RequestResponse", as a policy and the events have it. */
const char *detect_level_name(enum detect_level level);

/* The level that the rule's conditions ask for: of a request that is logged at a lower one some condition cannot be seen. own_labels may be NULL.
 * What only outcomes show does not count. */
enum detect_level detect_rule_level(const struct detect_plan *plan, size_t rule_index, const struct udm_own_labels *own_labels);

/* A kind of request, as an audit policy can tell them apart. */
struct detect_request {
    struct slice verb;                         /* empty: one that no policy names */
    bool is_resource;                          /* else: for a path such as /version; nothing below counts */
    const struct udm_k8s_resource *resource;   /* NULL: none of detect_needs_resource */
    struct slice group;                        /* resource NULL: its group, which is one of theirs; bytes NULL: another group */
    struct slice subresource;                  /* empty: the resource itself; "*": one that the resource's entry does not name */
    const struct slice *namespace;             /* NULL: none of detect_needs_namespace */
};

/* Works out which requests which rule can concern, and at which level they have to be logged for it. Where that cannot be told, the answer is
 * more than is needed, never less. It rests on what the API server does with a request: labels of a pod spec are not looked for in objects of
 * the API server's own that have none, though a client may write such a thing into a patch. It knows lists and tables as they are now. The plan
 * outlives it. */
struct detect_needs;
struct detect_needs *detect_needs_new(struct detect_plan *plan, const struct udm_own_labels *own_labels);
void detect_needs_free(struct detect_needs *needs);
/* The resources to be told apart: those of the catalog, and custom ones that a rule names with their group. NULL past the end. */
const struct udm_k8s_resource *detect_needs_resource(const struct detect_needs *needs, size_t index);
/* Namespaces that some rule names; NULL past the end. */
const struct slice *detect_needs_namespace(const struct detect_needs *needs, size_t index);
/* The level that the rule needs of such requests, for conditions and outcomes; DETECT_LEVEL_NONE if it cannot concern them. */
enum detect_level detect_needs_level(struct detect_needs *needs, size_t rule_index, const struct detect_request *request);
/* Can the rule fire on an event of such requests' stage RequestReceived, where none of their later stages can have it fire? */
bool detect_needs_request_received(struct detect_needs *needs, size_t rule_index, const struct detect_request *request);
/* Can the rule fire on an event of such requests' stage RequestReceived at all? */
bool detect_needs_fires_at_received(struct detect_needs *needs, size_t rule_index, const struct detect_request *request);
/* It tells resources by target.url alone, which names of namespaces and objects may meet as well. */
bool detect_needs_tells_by_url(const struct detect_needs *needs, size_t rule_index);

/* --- why and why not ---------------------------------------------------------------------------------------------------------- */

struct detect_seen {
    struct slice field;
    struct slice path;  /* may be empty */
    struct slice value; /* as text, redacted where sensitive */
};

/* One top-level condition of `events`. */
struct detect_condition {
    struct slice source;
    uint32_t line;
    enum truth truth;
    struct detect_seen *seen; /* the values of the fields that it names; at most 20 */
    size_t seen_count;
};

struct detect_explanation {
    const struct yaral_rule *rule;
    enum truth verdict;   /* fired, did not, could not see */
    unsigned int doubt;
    struct detect_condition *conditions; /* all, in the rule's order, each by itself */
    size_t condition_count;
    const struct detect_condition *first_failed; /* the first that is false, or else unknown; NULL where each holds by itself */
    bool condition_section_failed;               /* events hold, but `condition:` does not */
};

/* In the record's arena. Does not count as a firing. */
void detect_explain(struct detect_engine *engine, const struct udm_record *record, clock_nanos now, size_t rule_index, struct detect_explanation *explanation);

#endif
