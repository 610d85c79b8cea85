/* SPDX-License-Identifier: Apache-2.0 */
/* Lists as they are asked: by hash, by regexes, by ranges of addresses. */
#include "list.h"

#include "cidr.h"

#include "harrier/base/map.h"

#include <stdlib.h>

/* Ranges of one family, ascending and apart, so that a binary search finds the only one that can hold an address. CIDR ranges lie in each
 * other or apart; those within another are left out. */
struct range_table {
    VECTOR(struct cidr_range) ranges;
};

struct yaral_list {
    char *name;
    enum yaral_list_kind kind;
    bool nocase;
    struct map *strings; /* value -> itself; folded when nocase */
    VECTOR(struct regex *) regexes;
    struct range_table v4;
    struct range_table v6;
};

/* --- making ------------------------------------------------------------------------------------------------------------------ */

static void add_string(struct yaral_list *list, struct arena *arena, const struct list_value *value)
{
    map_put(list->strings, list->nocase ? yaral_fold(arena, value->text) : value->text, list);
}

static void complain(const struct list_source *source, const struct list_value *value, const char *kind, const char *wrong,
                     struct diagnostics *diagnostics)
{
    enum { SHOWN = 100 };
    size_t shown = slice_utf8_cut(value->text, SHOWN);
    diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, source->path, value->line, 0, "list %%%.*s: `%.*s` is no %s: %s", SLICE_ARGS(source->name),
                    (int)shown, value->text.bytes ? value->text.bytes : "", kind, wrong);
}

static void add_regex(struct yaral_list *list, const struct list_source *source, const struct list_value *value, struct arena *arena,
                      struct diagnostics *diagnostics)
{
    struct regex *regex;
    struct slice error;

    if (regex_compile(value->text, list->nocase, arena, &regex, &error) == RESULT_OK)
        VECTOR_PUSH(&list->regexes, regex);
    else
        complain(source, value, "regex", arena_strdup(arena, error), diagnostics);
}

static void add_range(struct yaral_list *list, const struct list_source *source, const struct list_value *value,
                      struct diagnostics *diagnostics)
{
    struct cidr_range range;
    const char *wrong = cidr_range_parse(value->text, &range);

    if (wrong)
        complain(source, value, "address range", wrong, diagnostics);
    else
        VECTOR_PUSH(range.length == CIDR_V4_BYTES ? &list->v4.ranges : &list->v6.ranges, range);
}

/* By first address, the wider first. */
static int compare_ranges(const void *a, const void *b)
{
    const struct cidr_range *left = a, *right = b;
    int order = memcmp(left->first, right->first, left->length);
    return order ? order : memcmp(right->last, left->last, left->length);
}

static void sort_ranges(struct range_table *table)
{
    size_t kept = 0;

    if (table->ranges.count == 0)
        return;
    qsort(table->ranges.items, table->ranges.count, sizeof *table->ranges.items, compare_ranges);
    for (size_t i = 1; i < table->ranges.count; i++) {
        const struct cidr_range *range = &table->ranges.items[i], *outer = &table->ranges.items[kept];
        if (memcmp(range->first, outer->last, range->length) > 0)
            table->ranges.items[++kept] = *range;
    }
    table->ranges.count = kept + 1;
}

static char *list_label(const struct list_source *source, const struct list_column *column)
{
    if (column->name.length == 0)
        return xstrndup(source->name.bytes, source->name.length);
    return xasprintf("%.*s.%.*s", SLICE_ARGS(source->name), SLICE_ARGS(column->name));
}

struct yaral_list *list_prepare(const struct list_source *source, const struct list_column *column, enum yaral_list_kind kind, bool nocase,
                                struct diagnostics *diagnostics)
{
    struct yaral_list *list = xcalloc(1, sizeof *list);
    struct arena *arena = arena_new(4096);

    list->name = list_label(source, column);
    list->kind = kind;
    list->nocase = nocase;
    list->strings = map_new();
    for (size_t i = 0; i < column->values.count; i++) {
        const struct list_value *value = &column->values.items[i];
        arena_reset(arena);
        switch (kind) {
        case YARAL_LIST_REGEX: add_regex(list, source, value, arena, diagnostics); break;
        case YARAL_LIST_CIDR: add_range(list, source, value, diagnostics); break;
        default: add_string(list, arena, value); break;
        }
    }
    sort_ranges(&list->v4);
    sort_ranges(&list->v6);
    arena_free(arena);
    return list;
}

void list_free(struct yaral_list *list)
{
    free(list->name);
    map_free(list->strings, NULL);
    for (size_t i = 0; i < list->regexes.count; i++)
        regex_free(list->regexes.items[i]);
    VECTOR_FREE(&list->regexes);
    VECTOR_FREE(&list->v4.ranges);
    VECTOR_FREE(&list->v6.ranges);
    free(list);
}

struct slice yaral_list_name(const struct yaral_list *list)
{
    return slice_of(list->name);
}

/* --- asking ------------------------------------------------------------------------------------------------------------------- */

static enum truth any_regex(const struct yaral_list *list, struct regex_matcher *matcher, struct slice value)
{
    enum truth truth = TRUTH_FALSE;

    for (size_t i = 0; i < list->regexes.count; i++) {
        enum truth found = regex_search(list->regexes.items[i], matcher, value);
        if (found == TRUTH_TRUE)
            return TRUTH_TRUE;
        if (found == TRUTH_UNKNOWN)
            truth = TRUTH_UNKNOWN;
    }
    return truth;
}

static bool table_has(const struct range_table *table, const uint8_t *bytes, size_t length)
{
    size_t low = 0, high = table->ranges.count;

    while (low < high) { /* the first range that ends at or behind the address */
        size_t middle = low + (high - low) / 2;
        if (memcmp(table->ranges.items[middle].last, bytes, length) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < table->ranges.count && memcmp(table->ranges.items[low].first, bytes, length) <= 0;
}

static bool any_range(const struct yaral_list *list, struct slice value)
{
    struct cidr_address address;

    if (!cidr_address_parse(value, &address))
        return false;
    return (address.is_v4 && table_has(&list->v4, address.v4, CIDR_V4_BYTES)) ||
           (address.is_v6 && table_has(&list->v6, address.v6, CIDR_V6_BYTES));
}

static enum truth truth_of(bool yes)
{
    return yes ? TRUTH_TRUE : TRUTH_FALSE;
}

enum truth yaral_list_contains(const struct yaral_list *list, struct regex_matcher *matcher, struct arena *arena, struct slice value)
{
    switch (list->kind) {
    case YARAL_LIST_REGEX: return any_regex(list, matcher, value);
    case YARAL_LIST_CIDR: return truth_of(any_range(list, value));
    default: return truth_of(map_get(list->strings, list->nocase ? yaral_fold(arena, value) : value) != NULL);
    }
}
