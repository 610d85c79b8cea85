/* SPDX-License-Identifier: Apache-2.0 */
#include "policy_text.h"

#include "daemon/ctl/display.h"

#include "harrier/base/memory.h"
#include "harrier/base/vector.h"

/* Verbs that a policy is written for; behind them stands the empty one for all others. */
static const char *const resource_verbs[] = {"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", ""};
static const char *const path_verbs[] = {"get", "post", "put", "patch", "delete", "head", "options", "", ""};
enum { CREATE_VERB = 3, PATCH_VERB = 5, VERB_COUNT = 8, OTHER_VERB = VERB_COUNT, CELL_VERBS = VERB_COUNT + 1 };

/* A resource or subresource, or what has no entry of its own, verb by verb: the level, and the rules that ask for it. */
struct cell {
    const struct udm_k8s_resource *resource; /* NULL: all that is not listed */
    struct slice subresource;                /* "*": all that are not listed */
    enum detect_level levels[CELL_VERBS];
    uint64_t *rules[CELL_VERBS]; /* bits */
    bool fires_at_received;      /* some rule can, on a patch's stage RequestReceived */
};

/* One composition. An API server takes the first entry that fits, so entries go from the particular to the general: a namespace before all
 * namespaces; a subresource before "pods/ *" (which fits the resource itself as well, in the code if not in the documentation); then paths; then all. */
struct composition {
    struct buffer *out;
    struct detect_plan *plan;
    struct detect_needs *needs;
    struct arena *arena;
    const struct policy_wish *wish;
    size_t words; /* of a bit set of rules */
    const struct slice *namespace;
    VECTOR(struct cell) cells; /* those of one resource stand together: itself, its subresources, "*" */
    struct cell rest;          /* every other resource */
    bool into_secrets;
    bool loses_names;    /* creates are logged without their answer, which has the name that generateName makes */
    bool needs_received; /* some rule needs the stage RequestReceived: it is left out of nothing */
    bool keeps_received; /* some patches are logged with it: it is left out of all other entries, one by one */
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
        if (verb == PATCH_VERB && request->is_resource && detect_needs_fires_at_received(composition->needs, rule, request))
            cell->fires_at_received = true;
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

static bool holds_secrets(const struct cell *cell)
{
    return cell->resource && udm_k8s_holds_secrets(cell->resource, cell->subresource);
}

/* A body that is no JSON, such as YAML in a server-side apply, makes an API server lose the event of a patch's end: that it began is all that is left.
 * Not where a rule would fire on the beginning and on the end. */
static bool keeps_received(const struct cell *cell)
{
    return cell->levels[PATCH_VERB] >= DETECT_LEVEL_REQUEST && !cell->fires_at_received;
}

/* Leader election and the events of what happens: most of a quiet cluster's requests, and in no trail of use. */
static bool is_noise(const struct cell *cell, size_t verb)
{
    if (!cell->resource)
        return false;
    if (strcmp(cell->resource->name, "leases") == 0 && strcmp(cell->resource->group, "coordination.k8s.io") == 0)
        return true;
    bool is_events = strcmp(cell->resource->name, "events") == 0 &&
                     (!cell->resource->group[0] || strcmp(cell->resource->group, "events.k8s.io") == 0);
    return is_events && (verb == CREATE_VERB || verb == CREATE_VERB + 1 || verb == PATCH_VERB);
}

/* To what is asked for beyond the rules' needs. */
static void raise(struct composition *composition, struct cell *cell)
{
    bool makes_objects = cell->levels[CREATE_VERB] == DETECT_LEVEL_REQUEST && !cell->subresource.length && !holds_secrets(cell);

    if (makes_objects && composition->wish->names)
        cell->levels[CREATE_VERB] = DETECT_LEVEL_REQUEST_RESPONSE;
    else
        composition->loses_names = composition->loses_names || makes_objects;
    for (size_t verb = 0; verb < CELL_VERBS; verb++)
        if (cell->levels[verb] < composition->wish->least && !is_noise(cell, verb))
            cell->levels[verb] = composition->wish->least;
    composition->keeps_received = composition->keeps_received || keeps_received(cell);
}

static void ask_cell(struct composition *composition, const struct udm_k8s_resource *resource, struct slice subresource)
{
    struct cell cell = {.resource = resource, .subresource = subresource};

    ask(composition, &cell, (struct detect_request){.is_resource = true, .resource = resource, .subresource = subresource}, resource_verbs);
    raise(composition, &cell);
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
    raise(composition, &composition->rest);
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
    bool keeps_received;
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

/* In an entry, where not in all. */
static void append_omitted(const struct composition *composition, const char *indent, struct buffer *out)
{
    bool in_entries = composition->keeps_received && !composition->needs_received;

    if (in_entries == (indent[0] != '\0') && !composition->needs_received)
        buffer_printf(out, "%somitStages: [RequestReceived]\n", indent);
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
    if (!entry->keeps_received && entry->level > DETECT_LEVEL_NONE)
        append_omitted(composition, "    ", out);
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
static unsigned int all_verbs_to_name(const struct composition *composition, size_t index, enum detect_level level, bool wildcards)
{
    const struct cell *cell = &composition->cells.items[index], *wildcard = wildcard_of(composition, index);
    bool is_wildcard = cell == wildcard, is_itself = cell->subresource.length == 0;
    unsigned int verbs = 0;

    for (size_t verb = 0; verb < VERB_COUNT; verb++) {
        bool wildcard_named = wildcard->levels[verb] != composition->rest.levels[verb] || wildcard->levels[verb] > composition->wish->least;
        bool differs = cell->levels[verb] != wildcard->levels[verb] || (verb == PATCH_VERB && keeps_received(cell) != keeps_received(wildcard));
        bool named = !wildcards ? !is_wildcard && differs : wildcard_named && (is_wildcard || (is_itself && !differs));
        if (cell->levels[verb] == level && named)
            verbs |= 1u << verb;
    }
    return verbs;
}

/* Of those, patches whose beginning is logged too, or what is left. */
static unsigned int verbs_to_name(const struct composition *composition, size_t index, const struct entry *entry, bool wildcards)
{
    unsigned int kept = keeps_received(&composition->cells.items[index]) ? 1u << PATCH_VERB : 0;
    return all_verbs_to_name(composition, index, entry->level, wildcards) & (entry->keeps_received ? kept : ~kept);
}

/* One entry for each combination of verbs that the level has, in the order of the first resource with it. */
static void append_level(struct composition *composition, enum detect_level level, bool wildcards, bool received)
{
    size_t count = composition->cells.count;
    bool *done = arena_calloc(composition->arena, count + 1, sizeof *done);

    for (size_t first = 0; first < count; first++) {
        struct entry entry = {.level = level,
                              .verb_names = resource_verbs,
                              .cells = arena_calloc(composition->arena, count + 1, sizeof(bool)),
                              .keeps_received = received};
        entry.verbs = verbs_to_name(composition, first, &entry, wildcards);
        if (done[first] || !entry.verbs)
            continue;
        for (size_t i = first; i < count; i++) {
            entry.cells[i] = !done[i] && verbs_to_name(composition, i, &entry, wildcards) == entry.verbs;
            done[i] = done[i] || entry.cells[i];
        }
        append_entry(composition, &entry, NULL);
    }
}

/* Verbs of one level, and then whatever has not been said. */
static void append_rest(struct composition *composition, const struct cell *rest, const char *const *verb_names, bool paths)
{
    enum detect_level last = rest->levels[OTHER_VERB];
    bool kept = !paths && keeps_received(rest);

    if (kept)
        append_entry(composition,
                     &(struct entry){.level = rest->levels[PATCH_VERB], .verbs = 1u << PATCH_VERB, .verb_names = verb_names, .keeps_received = true},
                     rest);
    for (int level = DETECT_LEVEL_REQUEST_RESPONSE; level >= DETECT_LEVEL_NONE; level--) {
        struct entry entry = {.level = (enum detect_level)level, .verb_names = verb_names, .paths = paths};
        for (size_t verb = 0; verb < VERB_COUNT; verb++)
            if (verb_names[verb][0] && rest->levels[verb] == entry.level && !(kept && verb == PATCH_VERB))
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
            for (int received = 1; received >= 0; received--)
                append_level(composition, (enum detect_level)level, wildcards, received);
}

/* The same levels as outside of the namespace. */
static bool is_as_elsewhere(const struct composition *here, const struct composition *elsewhere)
{
    for (size_t i = 0; i < here->cells.count; i++) {
        const struct cell *cell = &here->cells.items[i];
        for (size_t j = 0; j < elsewhere->cells.count; j++) {
            const struct cell *other = &elsewhere->cells.items[j];
            if (other->resource == cell->resource && slice_equal(other->subresource, cell->subresource) &&
                (memcmp(other->levels, cell->levels, sizeof cell->levels) != 0 || keeps_received(other) != keeps_received(cell)))
                return false;
        }
    }
    return memcmp(here->rest.levels, elsewhere->rest.levels, sizeof here->rest.levels) == 0 &&
           keeps_received(&here->rest) == keeps_received(&elsewhere->rest);
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
        VECTOR_FREE(&here.cells);
    }
}

/* What the namespaces say of the whole, before the first entry is written. */
static void ask_namespaces(struct composition *elsewhere)
{
    const struct slice *namespace;

    for (size_t i = 0; (namespace = detect_needs_namespace(elsewhere->needs, i)); i++) {
        struct composition here = *elsewhere;
        here.namespace = namespace;
        memset(&here.cells, 0, sizeof here.cells);
        ask_all(&here);
        elsewhere->needs_received = elsewhere->needs_received || here.needs_received;
        elsewhere->keeps_received = elsewhere->keeps_received || here.keeps_received;
        elsewhere->loses_names = elsewhere->loses_names || here.loses_names;
        VECTOR_FREE(&here.cells);
    }
}

/* Paths of no resource; left out where they have the levels of all the rest. */
static void append_paths(struct composition *composition)
{
    struct cell paths = {.resource = NULL};
    bool asked = false;

    ask(composition, &paths, (struct detect_request){.is_resource = false}, path_verbs);
    for (size_t verb = 0; verb < CELL_VERBS; verb++)
        asked = asked || paths.levels[verb] > DETECT_LEVEL_NONE;
    if (!asked && composition->wish->least > DETECT_LEVEL_NONE)
        buffer_append_text(composition->out, "  # no rule; probes\n  - level: None\n    nonResourceURLs: [\"/healthz*\", \"/livez*\", \"/readyz*\"]\n");
    raise(composition, &paths);
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
    return false;
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
    if (composition->loses_names)
        buffer_append_text(out, "# An object that is made with generateName has its name in the answer alone: alerts about one have none where creates are logged at\n"
                                "#   level Request. With --names the answer is logged too.\n");
    if (composition->keeps_received && !composition->needs_received)
        buffer_append_text(out, "# Patches that rules look into are logged when they begin as well (no omitStages): a body that is no JSON, such as YAML in a server-side\n"
                                "#   apply, makes an API server lose the event of the end. A log file then has the beginning; a webhook's batch is lost as a whole.\n");
    buffer_append_text(out, "apiVersion: audit.k8s.io/v1\nkind: Policy\n");
    append_omitted(composition, "", out);
    buffer_append_text(out, "rules:\n");
    if (rules_ask_for_leases(composition))
        return;
    buffer_append_text(out, sign_of_life);
    append_omitted(composition, "    ", out);
}

void policy_text(struct buffer *out, struct detect_plan *plan, const struct udm_own_labels *own_labels, const struct policy_wish *wish,
                 bool *into_secrets)
{
    struct buffer entries = {NULL, 0, 0};
    struct composition composition = {
        .out = &entries,
        .plan = plan,
        .needs = detect_needs_new(plan, own_labels),
        .arena = arena_new(65536),
        .wish = wish,
        .words = (detect_plan_rule_count(plan) + 63) / 64,
    };

    ask_all(&composition);
    ask_namespaces(&composition);
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
