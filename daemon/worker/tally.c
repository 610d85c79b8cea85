/* SPDX-License-Identifier: Apache-2.0 */
#include "tally.h"

#include "daemon/health/clusters.h"

#include "harrier/base/memory.h"

#include <stdlib.h>

static struct tally_row *find(const struct tally *tally, size_t source, struct slice cluster)
{
    for (size_t i = 0; i < tally->count; i++)
        if (tally->rows[i].source == source && slice_is(cluster, tally->rows[i].cluster))
            return &tally->rows[i];
    return NULL;
}

static struct tally_row *add(struct tally *tally, size_t source, struct slice cluster)
{
    if (tally->count == tally->capacity) {
        tally->capacity = tally->capacity ? 2 * tally->capacity : 8;
        tally->rows = xrealloc(tally->rows, tally->capacity * sizeof *tally->rows);
    }
    struct tally_row *row = &tally->rows[tally->count++];
    *row = (struct tally_row){.source = source, .cluster = xasprintf("%.*s", SLICE_ARGS(cluster))};
    return row;
}

struct tally_row *tally_row(struct tally *tally, size_t source, struct slice cluster)
{
    struct tally_row *row = find(tally, source, cluster);

    if (!row && tally->count >= TALLY_ROWS_MAX) {
        cluster = SLICE(CLUSTERS_OTHERS);
        row = find(tally, source, cluster);
    }
    return row ? row : add(tally, source, cluster);
}

static void add_counts(struct tally_counts *to, const struct tally_counts *from)
{
    to->received += from->received;
    to->evaluated += from->evaluated;
    to->dead_lettered += from->dead_lettered;
    to->in_flight += from->in_flight;
    to->letters_left_out += from->letters_left_out;
    to->cut += from->cut;
    to->alerts += from->alerts;
    to->other += from->other;
}

void tally_merge(struct tally *to, const struct tally *from)
{
    for (size_t i = 0; i < from->count; i++)
        add_counts(&tally_row(to, from->rows[i].source, slice_of(from->rows[i].cluster))->counts, &from->rows[i].counts);
}

struct tally_counts tally_of_source(const struct tally *tally, size_t source)
{
    struct tally_counts counts = {0};

    for (size_t i = 0; i < tally->count; i++)
        if (tally->rows[i].source == source)
            add_counts(&counts, &tally->rows[i].counts);
    return counts;
}

void tally_free(struct tally *tally)
{
    for (size_t i = 0; i < tally->count; i++)
        free(tally->rows[i].cluster);
    free(tally->rows);
    *tally = (struct tally){0};
}
