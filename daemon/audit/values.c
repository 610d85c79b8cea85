/* SPDX-License-Identifier: Apache-2.0 */
/* Following the values: which array to enter, which object is an event, what its head says. */
#include "reader.h"

#include "harrier/audit_text.h"

/* Of a response of which only the kind is wanted so much is kept. */
enum { SUMMARY_BYTES = 64 * 1024 };

static struct frame *top(struct audit_reader *reader)
{
    return reader->frame_count ? &reader->frames[reader->frame_count - 1] : NULL;
}

static bool in_object(struct audit_reader *reader)
{
    return reader->frame_count && !top(reader)->is_array;
}

static void push(struct audit_reader *reader, bool is_array, enum list_kind list)
{
    reader->frames[reader->frame_count++] =
        (struct frame){.is_array = is_array, .list = list, .begin = json_stream_token_begin(reader->stream), .events = reader->counts.events};
}

static void pop(struct audit_reader *reader)
{
    if (top(reader)->list == LIST_LOG_EVENTS)
        envelope_forget_list(reader);
    reader->frame_count--;
    reader->read_something = true;
    if (reader->frame_count == 0)
        reader->counts.values++;
}

void audit_reader_forget_frames(struct audit_reader *reader)
{
    reader->frame_count = 0;
    reader->skipping = false;
    reader->head_object = HEAD_EVENT;
    reader->member = MEMBER_OTHER;
    envelope_forget_list(reader);
    item_drop(&reader->held);
}

/* --- the head -------------------------------------------------------------------------------------------------------------- */

static bool points_into(struct slice piece, struct slice text)
{
    return text.bytes >= piece.bytes && text.bytes + text.length <= piece.bytes + piece.length;
}

static void copy_text(struct audit_reader *reader, enum audit_member member)
{
    struct udm_head_member *head = audit_head_member(&reader->head, member);
    struct buffer *copy = &reader->texts[member];

    if (head->text.bytes == NULL || head->text.bytes == copy->bytes)
        return;
    buffer_reset(copy, 4096);
    buffer_append_slice(copy, head->text);
    head->text = buffer_slice(copy);
}

static void note_head(struct audit_reader *reader, enum audit_member member, enum json_type type, struct slice text)
{
    uint64_t offset;
    struct slice piece = json_stream_piece(reader->stream, &offset);
    struct udm_head_member *head = audit_head_member(&reader->head, member);

    *head = (struct udm_head_member){true, type == JSON_STRING ? text : slice_make(NULL, 0)};
    if (type == JSON_STRING && !points_into(piece, text))
        copy_text(reader, member);
}

static void forget_head(struct audit_reader *reader, enum audit_member first, enum audit_member last)
{
    for (enum audit_member member = first; member <= last; member++)
        *audit_head_member(&reader->head, member) = (struct udm_head_member){false, {NULL, 0}};
}

/* --- the item -------------------------------------------------------------------------------------------------------------- */

static void ask(struct audit_reader *reader, bool complete)
{
    struct item *item = &reader->item;
    if (item->unwanted || reader->accept == AUDIT_ACCEPT_UDM)
        return;
    reader->head.complete = complete && !reader->truncated;
    item->asked = true;
    item->unwanted = !reader->sink.wanted(reader->sink.context, &reader->head);
}

static bool is_summary(const struct audit_reader *reader)
{
    static const char *const verbs[] = {"list", "deletecollection", "get", "watch"};
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (slice_is(reader->head.verb.text, verbs[i]))
            return true;
    return false;
}

static void enter_region(struct audit_reader *reader, enum item_region region)
{
    uint64_t piece_offset;
    struct slice piece = json_stream_piece(reader->stream, &piece_offset);
    size_t bound = reader->limits.value_bytes;
    bool begins = region != REGION_REST;

    if (region == REGION_RESPONSE && bound > SUMMARY_BYTES && is_summary(reader))
        bound = SUMMARY_BYTES;
    uint64_t offset = begins ? json_stream_token_begin(reader->stream) : json_stream_token_end(reader->stream);
    item_enter(&reader->item, region, bound, offset, piece, piece_offset);
}

bool audit_reader_item_is_cut(const struct audit_reader *reader)
{
    const struct udm_cut *cut = &reader->item.cut;
    return cut->request_object || cut->response_object || cut->other || cut->transport;
}

struct slice audit_reader_cluster(const struct audit_reader *reader)
{
    return buffer_slice(reader->cluster.length ? &reader->cluster : &reader->list_cluster);
}

enum udm_provider audit_reader_provider(const struct audit_reader *reader)
{
    return reader->provider != UDM_PROVIDER_NONE ? reader->provider : reader->list_provider;
}

/* Behind a logger's words JSON that is no event is no surprise. */
void audit_reader_dead(struct audit_reader *reader, const struct audit_dead *dead)
{
    if (reader->behind_words && reader->counts.events == reader->line_events) {
        reader->counts.other++;
        return;
    }
    reader->counts.dead++;
    reader->counts.received++;
    if (!reader->busy)
        reader->sink.dead(reader->sink.context, dead);
}

void audit_reader_deliver(struct audit_reader *reader, enum audit_kind kind, struct slice bytes, bool complete)
{
    struct item *item = &reader->item;
    uint8_t sha256[DIGEST_SHA256_BYTES];

    reader->counts.events++;
    reader->counts.received++;
    reader->counts.cut += item->over_bound && !item->unwanted; /* what is not wanted is not measured to its end */
    if (item->refused)
        reader->busy = true;
    if (item->unwanted || reader->busy)
        return;
    reader->head.complete = complete && !reader->truncated;
    struct audit_event event = {
        .kind = kind,
        .head = kind == AUDIT_KIND_K8S ? &reader->head : NULL,
        .bytes = bytes,
        .cut = item->cut,
        .full_sha256 = item_sha256(item, sha256) ? sha256 : NULL,
        .cluster = audit_reader_cluster(reader),
        .provider = audit_reader_provider(reader),
        .offset = item->begin,
        .line = item->line,
    };
    reader->sink.event(reader->sink.context, &event);
}

static void begin_object(struct audit_reader *reader)
{
    push(reader, false, LIST_PLAIN);
    reader->member = MEMBER_OTHER;
    reader->head_object = HEAD_EVENT;
    reader->head = (struct udm_k8s_head){0};
    reader->owner.length = reader->log_group.length = 0;
    item_begin(&reader->item, json_stream_token_begin(reader->stream), json_stream_line(reader->stream));
    if (reader->frame_count == FRAMES) {
        reader->skipping = true;
        json_stream_skip(reader->stream);
    }
}

void audit_reader_dead_item(struct audit_reader *reader, enum audit_dead_reason reason, const char *why)
{
    uint64_t piece_offset, end = json_stream_token_end(reader->stream), begin = top(reader)->begin;
    struct slice piece = json_stream_piece(reader->stream, &piece_offset);
    bool open = reader->item.open;

    audit_reader_dead(reader, &(struct audit_dead){
                                  .reason = reason,
                                  .bytes = open ? item_beginning(&reader->item, end, piece, piece_offset) : slice_make("", 0),
                                  .length = end - begin,
                                  .offset = begin,
                                  .line = json_stream_line(reader->stream),
                                  .detail = why,
                              });
}

/* The whole object is at hand; one that nobody wanted is not. An audit event (which has a list before its members) is no envelope. */
static bool open_envelope(struct audit_reader *reader, struct slice bytes)
{
    struct item *item = &reader->item;

    if (audit_shape_is_event(&top(reader)->shape))
        return false;
    return item->open && !item->unwanted && !item->refused && reader->frame_count < FRAMES && envelope_open(reader, bytes, false);
}

/* The list that ends may have said nothing of what its object is: that goes on. */
static void end_array(struct audit_reader *reader)
{
    pop(reader);
    if (!reader->held.open || reader->held_frames != reader->frame_count)
        return;
    struct item closed = reader->item;
    reader->item = reader->held;
    reader->held = closed;
    reader->head = (struct udm_k8s_head){0}; /* that of an element */
}

/* What the object is, by its members, and by what its list gave. */
static enum audit_verdict judge(struct audit_reader *reader, const char **why)
{
    const struct frame *frame = top(reader);
    enum audit_verdict verdict = audit_shape_judge(&frame->shape, reader->accept, why);

    if (verdict == VERDICT_NONE && reader->truncated && audit_shape_begins_event(&frame->shape))
        verdict = VERDICT_EVENT;
    if (verdict != VERDICT_LIST || reader->counts.events > frame->events)
        return verdict;
    verdict = audit_shape_judge_beside_list(&frame->shape, reader->accept, why);
    return reader->item.open ? verdict : VERDICT_NONE;
}

/* Will the envelope that was opened give some, in a later turn? */
static bool gives_events(const struct audit_reader *reader)
{
    const struct payload *payload = &reader->payload;
    return payload->events || payload->deferred || payload->set_aside || payload->held;
}

static void end_object(struct audit_reader *reader)
{
    uint64_t piece_offset, end = json_stream_token_end(reader->stream);
    struct slice piece = json_stream_piece(reader->stream, &piece_offset);
    const struct frame *frame = top(reader);
    const char *why = "";
    enum audit_verdict verdict = judge(reader, &why);
    struct slice bytes = slice_make("", 0);
    bool opened = verdict == VERDICT_LOG_ENTRY;

    if (verdict == VERDICT_EVENT)
        ask(reader, true);
    if (reader->item.open && !reader->item.unwanted && verdict != VERDICT_LIST)
        bytes = item_bytes(&reader->item, end, piece, piece_offset);
    switch (verdict) {
    case VERDICT_EVENT: audit_reader_deliver(reader, AUDIT_KIND_K8S, bytes, true); break;
    case VERDICT_LOG_ENTRY: envelope_log_entry(reader, bytes, true); break;
    case VERDICT_UDM:
        opened = !frame->shape.udm && open_envelope(reader, bytes);
        if (opened) /* `metadata` alone is not much */
            break;
        if (audit_shape_is_udm(&frame->shape, reader->accept, bytes))
            audit_reader_deliver(reader, AUDIT_KIND_UDM, bytes, true);
        else
            audit_reader_dead_item(reader, AUDIT_DEAD_NOT_AN_EVENT, audit_no_event);
        break;
    case VERDICT_LIST: break;
    case VERDICT_NONE:
        opened = open_envelope(reader, bytes);
        if (!opened && why)
            audit_reader_dead_item(reader, AUDIT_DEAD_NOT_AN_EVENT, why);
        break;
    }
    item_drop(&reader->item);
    /* what is another log's says nothing of what stands beside the list */
    if (reader->counts.events > frame->events || (opened && gives_events(reader)))
        item_drop(&reader->held);
    pop(reader);
}

/* --- handlers -------------------------------------------------------------------------------------------------------------- */

static void on_key(void *context, struct slice name)
{
    struct audit_reader *reader = context;

    switch (reader->head_object) {
    case HEAD_EVENT: reader->member = audit_member_of_object(name); break;
    case HEAD_USER: reader->member = audit_member_of_user(name); break;
    case HEAD_OBJECT_REF: reader->member = audit_member_of_object_ref(name); break;
    }
    if (reader->member == MEMBER_LINE)
        top(reader)->shape.line = true;
    if (reader->member == MEMBER_LINE || reader->member == MEMBER_OTHER)
        json_stream_skip(reader->stream);
}

/* JSON in JSON: a string whose text is an event, as who quotes a whole line makes it. True: it gave some. */
static bool open_string(struct audit_reader *reader, struct slice text)
{
    struct audit_json_place ignored;

    if (reader->accept == AUDIT_ACCEPT_UDM || audit_find_json(text, true, &ignored) != AUDIT_TEXT_FOUND)
        return false;
    reader->payload = (struct payload){.manner = PAYLOAD_OF_COLLECTOR};
    reader->item.begin = json_stream_token_begin(reader->stream);
    reader->item.line = json_stream_line(reader->stream);
    if (!payload_read_text(reader, text))
        return false;
    reader->counts.other += reader->payload.other;
    reader->read_something = true;
    return (reader->payload.events || reader->payload.deferred) && !reader->payload.left_out;
}

static void dead_scalar(struct audit_reader *reader)
{
    uint64_t piece_offset, begin = json_stream_token_begin(reader->stream), end = json_stream_token_end(reader->stream);
    struct slice piece = json_stream_piece(reader->stream, &piece_offset);
    struct slice bytes = slice_first(slice_from(piece, (size_t)(begin - piece_offset)), (size_t)(end - begin));

    reader->read_something = true;
    if (reader->frame_count == 0)
        reader->counts.values++;
    audit_reader_dead(reader, &(struct audit_dead){
                                  .reason = AUDIT_DEAD_SHAPE,
                                  .bytes = slice_first(bytes, reader->limits.dead_letter_bytes),
                                  .length = end - begin,
                                  .offset = begin,
                                  .line = json_stream_line(reader->stream),
                                  .detail = "not an object",
                              });
}

/* A LogEntry or what names a cluster is noted only where such envelopes are opened. */
static void note_shape(struct audit_reader *reader, enum audit_member member, enum json_type type, struct slice text)
{
    enum { LONGEST_NAME = 512 };

    if (member == MEMBER_PROTO_PAYLOAD && !audit_reader_opens(reader, AUDIT_FORMAT_CLOUD_LOGGING))
        return;
    if (member == MEMBER_OWNER || member == MEMBER_LOG_GROUP) {
        struct buffer *name = member == MEMBER_OWNER ? &reader->owner : &reader->log_group;
        name->length = 0;
        if (type == JSON_STRING && text.length <= LONGEST_NAME)
            buffer_append_slice(name, text);
    }
    audit_shape_note(&top(reader)->shape, member, type, text);
    if (reader->held.open && audit_shape_is_event(&top(reader)->shape))
        item_drop(&reader->held); /* a list of events, of which nothing is held */
}

static void on_value(void *context, enum json_type type, struct slice text)
{
    struct audit_reader *reader = context;
    enum audit_member member = reader->member;

    if (!in_object(reader)) {
        if (type != JSON_STRING || !open_string(reader, text))
            dead_scalar(reader);
        unpack_if_unbounded(reader);
        return;
    }
    if (reader->head_object == HEAD_EVENT)
        note_shape(reader, member, type, text);
    if (member < HEAD_MEMBERS)
        note_head(reader, member, type, text);
    else if (member == MEMBER_USER)
        forget_head(reader, MEMBER_USERNAME, MEMBER_USERNAME);
    else if (member == MEMBER_OBJECT_REF)
        forget_head(reader, MEMBER_RESOURCE, MEMBER_NAMESPACE);
}

static void skip(struct audit_reader *reader)
{
    reader->skipping = true;
    json_stream_skip(reader->stream);
}

/* Is the array a list of events or envelopes? It is entered on sight, as what says so may stand behind it. An object that is an event by its
 * shape is never entered. */
static bool enters_list(const struct audit_reader *reader, enum list_kind *list)
{
    const struct audit_shape *shape = &reader->frames[reader->frame_count - 1].shape;

    if (audit_shape_is_event(shape) || reader->frame_count >= FRAMES - 1)
        return false;
    switch (reader->member) {
    case MEMBER_ITEMS: *list = LIST_PLAIN; return true;
    case MEMBER_RECORDS:
        *list = LIST_RECORDS;
        return !shape->audit_id && (audit_reader_opens(reader, AUDIT_FORMAT_FIREHOSE) || audit_reader_opens(reader, AUDIT_FORMAT_AZURE));
    case MEMBER_OTLP_LIST: *list = LIST_PLAIN; return !shape->audit_id && audit_reader_opens(reader, AUDIT_FORMAT_COLLECTOR);
    case MEMBER_LOG_RECORDS: *list = LIST_LOG_RECORDS; return !shape->audit_id && audit_reader_opens(reader, AUDIT_FORMAT_COLLECTOR);
    case MEMBER_LOG_EVENTS: *list = LIST_LOG_EVENTS; return !shape->audit_id && audit_reader_opens(reader, AUDIT_FORMAT_FIREHOSE);
    default: return false;
    }
}

static void hold_item(struct audit_reader *reader)
{
    struct item closed = reader->held;

    reader->held = reader->item;
    reader->held_frames = reader->frame_count;
    reader->item = closed;
}

static void enter_list(struct audit_reader *reader, enum list_kind list)
{
    top(reader)->shape.list = true;
    if (!reader->held.open && reader->item.open)
        hold_item(reader);
    else
        item_drop(&reader->item);
    push(reader, true, list);
    if (list == LIST_LOG_EVENTS)
        envelope_name_list(reader);
}

static void begin_member(struct audit_reader *reader, enum json_type type)
{
    enum audit_member member = reader->member;
    enum list_kind list;

    if (reader->head_object == HEAD_EVENT)
        note_shape(reader, member, type, slice_make(NULL, 0));
    if (member == MEMBER_USER)
        forget_head(reader, MEMBER_USERNAME, MEMBER_USERNAME);
    if (member == MEMBER_OBJECT_REF)
        forget_head(reader, MEMBER_RESOURCE, MEMBER_NAMESPACE);
    if (member < HEAD_MEMBERS)
        note_head(reader, member, type, slice_make(NULL, 0));

    if (member == MEMBER_USER && type == JSON_OBJECT) {
        reader->head_object = HEAD_USER;
    } else if (member == MEMBER_OBJECT_REF && type == JSON_OBJECT) {
        reader->head_object = HEAD_OBJECT_REF;
    } else if (type == JSON_ARRAY && enters_list(reader, &list)) {
        enter_list(reader, list);
    } else {
        if ((member == MEMBER_REQUEST_OBJECT || member == MEMBER_RESPONSE_OBJECT) && reader->item.open) {
            if (!reader->item.asked)
                ask(reader, false);
            enter_region(reader, member == MEMBER_REQUEST_OBJECT ? REGION_REQUEST : REGION_RESPONSE);
        }
        skip(reader);
    }
}

static void on_begin(void *context, enum json_type type)
{
    struct audit_reader *reader = context;

    if (in_object(reader))
        begin_member(reader, type);
    else if (type == JSON_ARRAY && reader->frame_count < FRAMES - 1)
        push(reader, true, LIST_PLAIN);
    else
        begin_object(reader);
}

static void on_end(void *context, enum json_type type)
{
    struct audit_reader *reader = context;

    (void)type;
    if (reader->skipping) {
        reader->skipping = false;
        if (reader->frame_count < FRAMES) {
            if (reader->item.open && reader->item.region != REGION_REST)
                enter_region(reader, REGION_REST);
            return;
        }
    }
    if (reader->head_object != HEAD_EVENT)
        reader->head_object = HEAD_EVENT;
    else if (top(reader)->is_array)
        end_array(reader);
    else
        end_object(reader);
    unpack_if_unbounded(reader);
}

static void on_bound(void *context, enum json_bound bound)
{
    struct audit_reader *reader = context;

    (void)bound;
    if (reader->item.open)
        item_note_bound(&reader->item);
    if (reader->held.open)
        item_note_bound(&reader->held);
}

static void on_piece(void *context, enum json_piece kind, struct slice bytes, uint64_t offset)
{
    struct audit_reader *reader = context;

    for (enum audit_member member = 0; reader->item.open && member < HEAD_MEMBERS; member++)
        copy_text(reader, member);
    item_piece(&reader->item, kind, bytes, offset);
    item_piece(&reader->held, kind, bytes, offset); /* has what the budget leaves */
}

bool audit_reader_ask_budget(void *context, ptrdiff_t bytes)
{
    struct audit_reader *reader = context;
    return !reader->sink.budget || reader->sink.budget(reader->sink.context, bytes);
}

const struct json_handlers audit_handlers = {
    .key = on_key,
    .value = on_value,
    .begin = on_begin,
    .end = on_end,
    .bound = on_bound,
    .piece = on_piece,
    .budget = audit_reader_ask_budget,
};
