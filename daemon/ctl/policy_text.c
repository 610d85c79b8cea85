/* SPDX-License-Identifier: Apache-2.0 */
#include "policy_text.h"

#include "display.h"

#include "harrier/memory.h"
#include "harrier/vector.h"

/* Verbs that a policy is written for; behind them stands the empty one for all others. */
static const char *const resource_verbs[] = {"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", ""};
static const char *const path_verbs[] = {"get", "post", "put", "patch", "delete", "head", "options", "", ""};
enum { VERB_COUNT = 8, OTHER_VERB = VERB_COUNT, CELL_VERBS = VERB_COUNT + 1 };

/* A resource or subresource, or what has no entry of its own, verb by verb: the level, and the rules that ask for it. */
struct cell {
    const struct udm_k8s_resource *resource; /* NULL: all that is not listed */
    struct slice subresource;                /* "*": all that are not listed */
    enum detect_level levels[CELL_VERBS];
    uint64_t *rules[CELL_VERBS]; /* bits */
};

/* One composition. An API server takes the first entry that fits, so entries go from the particular to the general: a namespace before all
 * namespaces; a subresource before "pods/ *" (which fits the resource itself as well, in the code if not in the documentation); then paths; then all. */
struct composition {
    struct buffer *out;
    struct detect_plan *plan;
    struct detect_needs *needs;
    struct arena *arena;
    enum detect_level least;
    size_t words; /* of a bit set of rules */
    const struct slice *namespace;
    VECTOR(struct cell) cells; /* those of one resource stand together: itself, its subresources, "*" */
    struct cell rest;          /* every other resource */
    bool into_secrets;
    bool needs_received; /* the stage RequestReceived */
};

/* --- asking ---------------------------------------------------------------------------------------------------------------------- */

static void ask_verb(struct composition *composition, struct cell *cell, size_t verb, const struct detect_request *request)
{
    size_t count = detect_plan_rule_count(composition->plan);

    for (size_t rule = 0; rule < count; rule++) {
        enum detect_level level = detect_needs_level(composition->needs, rule, request);
        if (level == DETECT_LEVEL_NONE)
            continue;
        composition->needs_received = composition->needs_received || detect_needs_request_received(composition->needs, rule, request);
        if (level < cell->levels[verb])
            continue;
        if (level > cell->levels[verb])
            memset(cell->rules[verb], 0, composition->words * sizeof *cell->rules[verb]);
        cell->levels[verb] = level;
        cell->rules[verb][rule / 64] |= UINT64_C(1) << rule % 64;
    }
}

static void ask(struct composition *composition, struct cell *cell, struct detect_request request, const char *const *verbs)
{
    for (size_t verb = 0; verb < CELL_VERBS; verb++) {
        if (!cell->rules[verb])
            cell->rules[verb] = arena_calloc(composition->arena, composition->words + 1, sizeof *cell->rules[verb]);
        request.verb = slice_of(verbs[verb]);
        request.namespace = composition->namespace;
        ask_verb(composition, cell, verb, &request);
    }
}

static void raise_to_least(const struct composition *composition, struct cell *cell)
{
    for (size_t verb = 0; verb < CELL_VERBS; verb++)
        if (cell->levels[verb] < composition->least)
            cell->levels[verb] = composition->least;
}

static void ask_cell(struct composition *composition, const struct udm_k8s_resource *resource, struct slice subresource)
{
    struct cell cell = {.resource = resource, .subresource = subresource};

    ask(composition, &cell, (struct detect_request){.is_resource = true, .resource = resource, .subresource = subresource}, resource_verbs);
    raise_to_least(composition, &cell);
    VECTOR_PUSH(&composition->cells, cell);
}

/* Resources that are not listed: of other groups, and of each group that is. */
static void ask_rest(struct composition *composition)
{
    const struct udm_k8s_resource *resource;
    struct detect_request request = {.is_resource = true, .subresource = SLICE("*")};
    const char *group = NULL;

    composition->rest = (struct cell){.resource = NULL};
    ask(composition, &composition->rest, request, resource_verbs);
    for (size_t i = 0; (resource = detect_needs_resource(composition->needs, i)); i++) {
        if (group && strcmp(group, resource->group) == 0)
            continue;
        group = resource->group;
        request.group = slice_of(group);
        ask(composition, &composition->rest, request, resource_verbs);
    }
    raise_to_least(composition, &composition->rest);
}

static void ask_all(struct composition *composition)
{
    const struct udm_k8s_resource *resource;

    composition->cells.count = 0;
    for (size_t i = 0; (resource = detect_needs_resource(composition->needs, i)); i++) {
        if (composition->namespace && !resource->is_namespaced && strcmp(resource->name, "namespaces") != 0)
            continue;
        ask_cell(composition, resource, SLICE(""));
        for (size_t s = 0; resource->subresources[s]; s++)
            ask_cell(composition, resource, slice_of(resource->subresources[s]));
        ask_cell(composition, resource, SLICE("*"));
    }
    ask_rest(composition);
    for (size_t i = 0; i < composition->cells.count; i++)
        if (composition->cells.items[i].levels[OTHER_VERB] > composition->rest.levels[OTHER_VERB])
            composition->rest.levels[OTHER_VERB] = composition->cells.items[i].levels[OTHER_VERB];
}

/* --- an entry -------------------------------------------------------------------------------------------------------------------- */

/* Cells that are put into one entry: they have the level for the same verbs. */
struct entry {
    enum detect_level level;
    unsigned int verbs; /* bits */
    bool *cells;        /* of composition->cells; NULL: none is named */
    const char *const *verb_names;
    bool paths;
};

/* Names of at most a few rules, made harmless. */
static void append_rules(struct composition *composition, const uint64_t *bits)
{
    enum { MOST = 6 };
    size_t count = 0, rules = detect_plan_rule_count(composition->plan);

    for (size_t rule = 0; rule < rules; rule++) {
        if (!(bits[rule / 64] >> rule % 64 & 1) || count++ >= MOST)
            continue;
        if (count > 1)
            buffer_append_text(composition->out, ", ");
        display_escape(composition->out, detect_plan_rule(composition->plan, rule)->name);
    }
    if (count > MOST)
        buffer_printf(composition->out, " and %zu more", count - MOST);
}

static void gather_rules(const struct cell *cell, const struct entry *entry, size_t words, uint64_t *bits)
{
    for (size_t verb = 0; verb < CELL_VERBS; verb++)
        for (size_t word = 0; word < words && (entry->verbs >> verb & 1) && cell->rules[verb]; word++)
            bits[word] |= cell->rules[verb][word];
}

static bool holds_secrets(const struct cell *cell)
{
    return cell->resource && udm_k8s_holds_secrets(cell->resource, cell->subresource);
}

static void append_reason(struct composition *composition, const struct entry *entry, const struct cell *alone)
{
    uint64_t *bits = arena_calloc(composition->arena, composition->words + 1, sizeof *bits);
    bool any = false, secrets = false;

    for (size_t i = 0; i < composition->cells.count && entry->cells; i++) {
        if (!entry->cells[i])
            continue;
        gather_rules(&composition->cells.items[i], entry, composition->words, bits);
        secrets = secrets || holds_secrets(&composition->cells.items[i]);
    }
    if (alone)
        gather_rules(alone, entry, composition->words, bits);
    for (size_t word = 0; word < composition->words && entry->level > DETECT_LEVEL_NONE; word++)
        any = any || bits[word];
    if (secrets && entry->level >= DETECT_LEVEL_REQUEST && any) {
        composition->into_secrets = true;
        buffer_append_text(
            composition->out,
            "  # ATTENTION: secrets, config maps or tokens are logged with their contents, as these rules look into them.\n");
    }
    buffer_append_text(composition->out, "  # ");
    if (any)
        append_rules(composition, bits);
    else
        buffer_append_text(composition->out, entry->level == DETECT_LEVEL_NONE ? "no rule" : "no rule, but --least");
    if (alone)
        buffer_append_text(composition->out, entry->paths ? "; paths of no resource" : "; any other resource, custom ones too");
    buffer_append_byte(composition->out, '\n');
}

static void append_verbs(struct buffer *out, const struct entry *entry)
{
    const char *separator = "";

    if (entry->verbs == (1u << CELL_VERBS) - 1)
        return; /* every verb */
    buffer_append_text(out, "    verbs: [");
    for (size_t verb = 0; verb < VERB_COUNT; verb++) {
        if (!(entry->verbs >> verb & 1) || !entry->verb_names[verb][0])
            continue;
        buffer_printf(out, "%s%s", separator, entry->verb_names[verb]);
        separator = ", ";
    }
    buffer_append_text(out, "]\n");
}

/* Lists are broken after so many columns. */
enum { COLUMNS = 130 };

static void append_resources(struct composition *composition, const bool *wanted)
{
    struct buffer *out = composition->out;
    const char *group = NULL;
    size_t line;

    buffer_append_text(out, "    resources:\n");
    line = out->length;
    for (size_t i = 0; i < composition->cells.count; i++) {
        const struct cell *cell = &composition->cells.items[i];
        if (!wanted[i])
            continue;
        bool same_group = group && strcmp(group, cell->resource->group) == 0;
        bool breaks = !same_group || out->length - line > COLUMNS;
        buffer_append_text(out, same_group ? (breaks ? ",\n          " : ", ") : group ? "]}\n" : "");
        if (breaks)
            line = out->length;
        if (!same_group)
            buffer_printf(out, "      - {group: \"%s\", resources: [", cell->resource->group);
        group = cell->resource->group;
        if (cell->subresource.length)
            buffer_printf(out, "\"%s/%.*s\"", cell->resource->name, SLICE_ARGS(cell->subresource));
        else
            buffer_append_text(out, cell->resource->name);
    }
    buffer_append_text(out, "]}\n");
}

static void append_entry(struct composition *composition, const struct entry *entry, const struct cell *alone)
{
    struct buffer *out = composition->out;

    append_reason(composition, entry, alone);
    buffer_printf(out, "  - level: %s\n", detect_level_name(entry->level));
    append_verbs(out, entry);
    if (entry->cells)
        append_resources(composition, entry->cells);
    if (entry->paths)
        buffer_append_text(out, "    nonResourceURLs: [\"*\"]\n");
    if (composition->namespace)
        buffer_printf(out, "    namespaces: [\"%.*s\"]\n", SLICE_ARGS(*composition->namespace));
}

/* --- the entries ----------------------------------------------------------------------------------------------------------------- */

static const struct cell *wildcard_of(const struct composition *composition, size_t cell)
{
    while (!slice_is(composition->cells.items[cell].subresource, "*"))
        cell++;
    return &composition->cells.items[cell];
}

/* Verbs for which the cell has the level and would not get it from what follows, or for which rules ask for it. A resource itself is named
 * beside its "*" as well: whether "pods/ *" fits pods is said differently by documentation and code. */
static unsigned int verbs_to_name(const struct composition *composition, size_t index, enum detect_level level, bool wildcards)
{
    const struct cell *cell = &composition->cells.items[index], *wildcard = wildcard_of(composition, index);
    bool is_wildcard = cell == wildcard, is_itself = cell->subresource.length == 0;
    unsigned int verbs = 0;

    for (size_t verb = 0; verb < VERB_COUNT; verb++) {
        bool wildcard_named = wildcard->levels[verb] != composition->rest.levels[verb] || wildcard->levels[verb] > composition->least;
        bool differs = cell->levels[verb] != wildcard->levels[verb];
        bool named = !wildcards ? !is_wildcard && differs : wildcard_named && (is_wildcard || (is_itself && !differs));
        if (cell->levels[verb] == level && named)
            verbs |= 1u << verb;
    }
    return verbs;
}

/* One entry for each combination of verbs that the level has, in the order of the first resource with it. */
static void append_level(struct composition *composition, enum detect_level level, bool wildcards)
{
    size_t count = composition->cells.count;
    bool *done = arena_calloc(composition->arena, count + 1, sizeof *done);

    for (size_t first = 0; first < count; first++) {
        struct entry entry = {
            .level = level, .verb_names = resource_verbs, .cells = arena_calloc(composition->arena, count + 1, sizeof(bool))};
        entry.verbs = verbs_to_name(composition, first, level, wildcards);
        if (done[first] || !entry.verbs)
            continue;
        for (size_t i = first; i < count; i++) {
            entry.cells[i] = !done[i] && verbs_to_name(composition, i, level, wildcards) == entry.verbs;
            done[i] = done[i] || entry.cells[i];
        }
        append_entry(composition, &entry, NULL);
    }
}

/* Verbs of one level, and then whatever has not been said. */
static void append_rest(struct composition *composition, const struct cell *rest, const char *const *verb_names, bool paths)
{
    enum detect_level last = rest->levels[OTHER_VERB];

    for (int level = DETECT_LEVEL_REQUEST_RESPONSE; level >= DETECT_LEVEL_NONE; level--) {
        struct entry entry = {.level = (enum detect_level)level, .verb_names = verb_names, .paths = paths};
        for (size_t verb = 0; verb < VERB_COUNT; verb++)
            if (verb_names[verb][0] && rest->levels[verb] == entry.level)
                entry.verbs |= 1u << verb;
        if (entry.verbs && entry.level != last)
            append_entry(composition, &entry, rest);
    }
    struct entry entry = {.level = last, .verbs = (1u << CELL_VERBS) - 1, .verb_names = verb_names, .paths = paths};
    append_entry(composition, &entry, rest);
}

static void append_resource_entries(struct composition *composition)
{
    for (int wildcards = 0; wildcards < 2; wildcards++)
        for (int level = DETECT_LEVEL_REQUEST_RESPONSE; level >= DETECT_LEVEL_NONE; level--)
            append_level(composition, (enum detect_level)level, wildcards);
}

/* The same levels as outside of the namespace. */
static bool is_as_elsewhere(const struct composition *here, const struct composition *elsewhere)
{
    for (size_t i = 0; i < here->cells.count; i++) {
        const struct cell *cell = &here->cells.items[i];
        for (size_t j = 0; j < elsewhere->cells.count; j++) {
            const struct cell *other = &elsewhere->cells.items[j];
            if (other->resource == cell->resource && slice_equal(other->subresource, cell->subresource) &&
                memcmp(other->levels, cell->levels, sizeof cell->levels) != 0)
                return false;
        }
    }
    return memcmp(here->rest.levels, elsewhere->rest.levels, sizeof here->rest.levels) == 0;
}

/* Namespaces that some rule names, where they make a difference. */
static void append_namespaces(struct composition *elsewhere)
{
    const struct slice *namespace;

    for (size_t i = 0; (namespace = detect_needs_namespace(elsewhere->needs, i)); i++) {
        struct composition here = *elsewhere;
        here.namespace = namespace;
        memset(&here.cells, 0, sizeof here.cells);
        ask_all(&here);
        if (!is_as_elsewhere(&here, elsewhere)) {
            append_resource_entries(&here);
            append_rest(&here, &here.rest, resource_verbs, false);
            elsewhere->into_secrets = elsewhere->into_secrets || here.into_secrets;
        }
        elsewhere->needs_received = elsewhere->needs_received || here.needs_received;
        VECTOR_FREE(&here.cells);
    }
}

/* Paths of no resource; left out where they have the levels of all the rest. */
static void append_paths(struct composition *composition)
{
    struct cell paths = {.resource = NULL};

    ask(composition, &paths, (struct detect_request){.is_resource = false}, path_verbs);
    raise_to_least(composition, &paths);
    append_rest(composition, &paths, path_verbs, true);
}

/* --- a sign of life -------------------------------------------------------------------------------------------------------------- */

static const char sign_of_life[] = "  # A sign of life, a few events a second: a cluster in which nothing else is logged would look cut off (silence_after).\n"
                                   "  - level: Metadata\n"
                                   "    verbs: [update]\n"
                                   "    namespaces: [kube-system]\n"
                                   "    resources: [{group: coordination.k8s.io, resources: [leases]}]\n";

/* Where rules ask for the leases of kube-system, what they ask for is the sign. */
static bool rules_ask_for_leases(const struct composition *composition)
{
    const struct slice namespace = SLICE("kube-system");
    struct detect_request request = {.is_resource = true, .verb = SLICE("update"), .namespace = &namespace};
    size_t count = detect_plan_rule_count(composition->plan), i = 0;

    while ((request.resource = detect_needs_resource(composition->needs, i)) && strcmp(request.resource->name, "leases") != 0)
        i++;
    for (size_t rule = 0; request.resource && rule < count; rule++)
        if (detect_needs_level(composition->needs, rule, &request) != DETECT_LEVEL_NONE)
            return true;
    return composition->least != DETECT_LEVEL_NONE;
}

/* --- the whole ------------------------------------------------------------------------------------------------------------------- */

static void append_head(struct composition *composition, struct buffer *out)
{
    size_t count = detect_plan_rule_count(composition->plan);

    buffer_printf(out, "# What a kube-apiserver has to log for %zu rule%s (--audit-policy-file), worked out by harrierctl policy.\n", count,
                  count == 1 ? "" : "s");
    buffer_append_text(
        out, "# The first entry that fits a request decides. Above each stands which rules ask for it. Make it anew when rules change.\n");
    for (size_t rule = 0; rule < count; rule++) {
        if (!detect_needs_tells_by_url(composition->needs, rule))
            continue;
        buffer_append_text(out, "# ");
        display_escape(out, detect_plan_rule(composition->plan, rule)->name);
        buffer_append_text(out, " tells resources by target.url alone, which a namespace or an object of such a name meets too:\n"
                                "#   conditions on the labels \"resource\" and \"api_group\" would make this policy smaller.\n");
    }
    buffer_append_text(out, "apiVersion: audit.k8s.io/v1\nkind: Policy\n");
    if (!composition->needs_received)
        buffer_append_text(out, "omitStages: [RequestReceived]\n");
    buffer_append_text(out, "rules:\n");
    if (!rules_ask_for_leases(composition))
        buffer_append_text(out, sign_of_life);
}

void policy_text(struct buffer *out, struct detect_plan *plan, const struct udm_own_labels *own_labels, enum detect_level least,
                 bool *into_secrets)
{
    struct buffer entries = {NULL, 0, 0};
    struct composition composition = {
        .out = &entries,
        .plan = plan,
        .needs = detect_needs_new(plan, own_labels),
        .arena = arena_new(65536),
        .least = least,
        .words = (detect_plan_rule_count(plan) + 63) / 64,
    };

    ask_all(&composition);
    append_namespaces(&composition);
    append_resource_entries(&composition);
    append_paths(&composition);
    append_rest(&composition, &composition.rest, resource_verbs, false);
    append_head(&composition, out);
    buffer_append_slice(out, buffer_slice(&entries));
    buffer_free(&entries);
    *into_secrets = composition.into_secrets;
    VECTOR_FREE(&composition.cells);
    arena_free(composition.arena);
    detect_needs_free(composition.needs);
}

void policy_text_default(struct buffer *out)
{
    buffer_append_text(out,
                       "# What a kube-apiserver logs for rules that look into workloads (--audit-policy-file). The first entry that fits a "
                       "request decides.\n"
                       "# The smallest one for the rules that are loaded: harrierctl policy -c harrier.yaml\n"
                       "apiVersion: audit.k8s.io/v1\n"
                       "kind: Policy\n"
                       "omitStages: [RequestReceived]\n"
                       "rules:\n");
    buffer_append_text(out, sign_of_life);
    buffer_append_text(out,
                       "  # Noise: leader election, events, probes.\n"
                       "  - level: None\n"
                       "    resources: [{group: coordination.k8s.io, resources: [leases]}]\n"
                       "  - level: None\n"
                       "    verbs: [create, update, patch]\n"
                       "    resources: [{group: \"\", resources: [events]}, {group: events.k8s.io, resources: [events]}]\n"
                       "  - level: None\n"
                       "    nonResourceURLs: [\"/healthz*\", \"/livez*\", \"/readyz*\"]\n"
                       "  # Workloads with their objects; patches with the object that results, as they may copy what they do not show.\n"
                       "  - level: RequestResponse\n"
                       "    verbs: [create, update, patch]\n"
                       "    resources: [{group: batch, resources: [cronjobs, jobs]}]\n"
                       "  - level: RequestResponse\n"
                       "    verbs: [patch]\n"
                       "    resources:\n"
                       "      - {group: \"\", resources: [pods, pods/ephemeralcontainers, replicationcontrollers, podtemplates]}\n"
                       "      - {group: apps, resources: [deployments, daemonsets, statefulsets, replicasets]}\n"
                       "  - level: Request\n"
                       "    verbs: [create, update]\n"
                       "    resources:\n"
                       "      - {group: \"\", resources: [pods, pods/ephemeralcontainers, replicationcontrollers, podtemplates]}\n"
                       "      - {group: apps, resources: [deployments, daemonsets, statefulsets, replicasets]}\n"
                       "  # All the rest: who did what to which object, without contents.\n"
                       "  - level: Metadata\n");
}
