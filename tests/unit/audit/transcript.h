/* SPDX-License-Identifier: Apache-2.0 */
/* All that a reader tells of an input, as text: two ways of feeding it must give the same text. */
#ifndef HARRIER_TESTS_AUDIT_TRANSCRIPT_H
#define HARRIER_TESTS_AUDIT_TRANSCRIPT_H

#include "harrier/audit.h"
#include "harrier/base/buffer.h"
#include "harrier/base/digest.h"
#include "harrier/base/memory.h"

#include <stdlib.h>

struct transcript {
    struct buffer text;
    struct buffer last_event; /* bytes of the last one */
    struct buffer last_dead;
    struct udm_cut last_cut;
    bool last_has_sha256;
    char last_sha256[DIGEST_SHA256_HEX];
    struct audit_counts counts;
    bool unwanted; /* what to answer */
    unsigned int asked;
    ptrdiff_t memory;
    ptrdiff_t peak;
    ptrdiff_t allowed;  /* 0: all */
    enum audit_format format;
    bool lines; /* each line is fed as a message */
    struct slice input; /* as fed */
    bool broken;        /* an event's bytes were not right JSON, or not those of the input */
    enum result fed;
    enum result result;
    uint64_t error_offset;
};

static inline void transcript_member(struct transcript *to, const char *name, const struct udm_head_member *member)
{
    if (member->seen)
        buffer_printf(&to->text, " %s=%.*s", name, SLICE_ARGS(member->text));
}

static inline void transcript_head(struct transcript *to, const struct udm_k8s_head *head)
{
    buffer_append_text(&to->text, head->complete ? " complete" : " incomplete");
    transcript_member(to, "level", &head->level);
    transcript_member(to, "stage", &head->stage);
    transcript_member(to, "uri", &head->request_uri);
    transcript_member(to, "verb", &head->verb);
    transcript_member(to, "user", &head->username);
    transcript_member(to, "resource", &head->resource);
    transcript_member(to, "subresource", &head->subresource);
    transcript_member(to, "group", &head->api_group);
    transcript_member(to, "namespace", &head->namespace);
}

static inline bool transcript_wanted(void *context, const struct udm_k8s_head *head)
{
    struct transcript *to = context;
    to->asked++;
    buffer_append_text(&to->text, "wanted");
    transcript_head(to, head);
    buffer_append_text(&to->text, "\n");
    return !to->unwanted;
}

static inline bool transcript_is_right(const struct transcript *to, const struct audit_event *event)
{
    struct arena *arena = arena_new(4096);
    struct json_node *root;
    bool right = json_tree_parse(arena, event->bytes, NULL, &root, NULL) == RESULT_OK;
    arena_free(arena);
    if (!event->full_sha256 && !event->enclosed)
        right &= slice_equal(event->bytes, slice_first(slice_from(to->input, event->offset), event->bytes.length));
    return right;
}

static inline void transcript_event(void *context, const struct audit_event *event)
{
    struct transcript *to = context;
    char hex[DIGEST_SHA256_HEX];
    digest_sha256_hex(event->bytes, hex);
    buffer_printf(&to->text, "event %d at %lu line %lu length %zu sha256 %s cut %d%d%d%d", (int)event->kind, (unsigned long)event->offset,
                  (unsigned long)event->line, event->bytes.length, hex, event->cut.request_object, event->cut.response_object,
                  event->cut.other, event->cut.transport);
    if (event->head)
        transcript_head(to, event->head);
    if (event->enclosed)
        buffer_append_text(&to->text, " enclosed");
    if (event->cluster.length)
        buffer_printf(&to->text, " cluster %.*s", SLICE_ARGS(event->cluster));
    if (event->provider != UDM_PROVIDER_NONE)
        buffer_printf(&to->text, " provider %s", event->provider == UDM_PROVIDER_EKS ? "EKS" : "AKS");
    to->broken |= !transcript_is_right(to, event);
    to->last_has_sha256 = event->full_sha256 != NULL;
    if (event->full_sha256) {
        digest_hex(event->full_sha256, to->last_sha256);
        buffer_printf(&to->text, " full %s", to->last_sha256);
    }
    buffer_append_text(&to->text, "\n");
    buffer_reset(&to->last_event, SIZE_MAX);
    buffer_append_slice(&to->last_event, event->bytes);
    to->last_cut = event->cut;
}

static inline void transcript_dead(void *context, const struct audit_dead *dead)
{
    struct transcript *to = context;
    buffer_printf(&to->text, "dead %s at %lu line %lu length %lu: %s: ", audit_dead_reason_text(dead->reason), (unsigned long)dead->offset,
                  (unsigned long)dead->line, (unsigned long)dead->length, dead->detail);
    buffer_append_slice(&to->text, dead->bytes);
    buffer_append_text(&to->text, "\n");
    buffer_reset(&to->last_dead, SIZE_MAX);
    buffer_append_slice(&to->last_dead, dead->bytes);
}

static inline bool transcript_budget(void *context, ptrdiff_t bytes)
{
    struct transcript *to = context;
    if (to->allowed && bytes > 0 && to->memory + bytes > to->allowed)
        return false;
    to->memory += bytes;
    to->peak = to->memory > to->peak ? to->memory : to->peak;
    return true;
}

/* Each chunk is a copy of its own, so that memory checkers see what is read outside of it or after it has gone. */
static inline void transcript_read(struct transcript *to, struct slice input, size_t chunk, const struct audit_limits *limits,
                                   enum audit_accept accept)
{
    struct audit_sink sink = {to, transcript_wanted, transcript_event, transcript_dead, transcript_budget};
    struct audit_reader *reader = audit_reader_new(limits ? limits : &audit_default_limits, accept, to->format, &sink);

    to->input = input;
    to->fed = RESULT_OK;
    if (to->lines)
        audit_reader_take_messages(reader);
    while (input.length && to->fed == RESULT_OK) {
        struct slice piece = slice_first(input, chunk);
        ptrdiff_t newline = to->lines ? slice_find_byte(piece, '\n') : -1;
        if (newline >= 0)
            piece.length = (size_t)newline + 1;
        char *copy = xmalloc(piece.length);
        memcpy(copy, piece.bytes, piece.length);
        to->fed = audit_reader_feed(reader, slice_make(copy, piece.length));
        free(copy);
        if (newline >= 0 && to->fed == RESULT_OK)
            to->fed = audit_reader_end_message(reader);
        input = slice_from(input, piece.length);
    }
    to->result = audit_reader_finish(reader, &to->error_offset);
    to->counts = *audit_reader_counts(reader);
    if (to->result == RESULT_INVALID)
        buffer_printf(&to->text, "invalid at %lu\n", (unsigned long)to->error_offset);
    buffer_printf(&to->text, "received %lu events %lu dead %lu cut %lu values %lu other %lu\n", (unsigned long)to->counts.received,
                  (unsigned long)to->counts.events, (unsigned long)to->counts.dead, (unsigned long)to->counts.cut,
                  (unsigned long)to->counts.values, (unsigned long)to->counts.other);
    audit_reader_free(reader);
}

static const size_t transcript_chunks[] = {SIZE_MAX, 1, 2, 3, 7, 4096};

/* Reads the input in several chunks, each with the wishes of the first transcript; false if they did not all tell the same, or not what is right. */
static inline bool transcript_read_in_chunks(struct transcript *first, struct slice input, const struct audit_limits *limits, enum audit_accept accept)
{
    const struct transcript wishes = *first;
    transcript_read(first, input, transcript_chunks[0], limits, accept);
    bool right = !first->broken && first->counts.received == first->counts.events + first->counts.dead;
    for (size_t i = 1; i < sizeof transcript_chunks / sizeof *transcript_chunks; i++) {
        struct transcript next = wishes;
        transcript_read(&next, input, transcript_chunks[i], limits, accept);
        right &= slice_equal(buffer_slice(&next.text), buffer_slice(&first->text)) && next.memory == 0 && !next.broken;
        buffer_free(&next.text);
        buffer_free(&next.last_event);
        buffer_free(&next.last_dead);
    }
    return right;
}

static inline void transcript_free(struct transcript *to)
{
    buffer_free(&to->text);
    buffer_free(&to->last_event);
    buffer_free(&to->last_dead);
}

#endif
