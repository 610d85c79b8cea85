/* SPDX-License-Identifier: Apache-2.0 */
#include "otlp.h"

/* MOST_FRAMES: four are a level of the JSON that comes out. LOOKS_AHEAD: for a key behind its value; each look costs the value's length. */
enum { MOST_FRAMES = 1024, LOOKS_AHEAD = 64, PIECE_BYTES = 4096 };

/* What the container in hand is. Those of arrays come last. */
enum role { ROLE_VALUE, ROLE_KVLIST, ROLE_PAIR, ROLE_LIST, ROLE_OTHER_OBJECT, ROLE_PAIRS, ROLE_ITEMS, ROLE_OTHER_ARRAY };

struct frame {
    enum role role;
    bool any;         /* of a value: it was given; of a list: an element was */
    bool is_too_deep; /* of a value: nothing in it is given */
    struct slice key; /* of a pair: with its quotes */
    size_t begin;     /* in the text */
};

struct otlp {
    struct slice text;
    size_t at;
    struct frame frames[MOST_FRAMES];
    size_t count;
    bool has_key;
    struct slice key; /* without its quotes */
    char piece[PIECE_BYTES];
    size_t length;
    json_text_sink *sink;
    void *data;
    enum result result;
    bool *cut;
};

/* --- out ------------------------------------------------------------------------------------------------------------------------- */

static void otlp_flush(struct otlp *otlp)
{
    if (otlp->length && otlp->result == RESULT_OK)
        otlp->result = otlp->sink(otlp->data, slice_make(otlp->piece, otlp->length));
    otlp->length = 0;
}

static void otlp_put(struct otlp *otlp, struct slice text)
{
    while (text.length) {
        struct slice part = slice_first(text, PIECE_BYTES - otlp->length);
        memcpy(otlp->piece + otlp->length, part.bytes, part.length);
        otlp->length += part.length;
        text = slice_from(text, part.length);
        if (otlp->length == PIECE_BYTES)
            otlp_flush(otlp);
    }
}

/* --- containers ------------------------------------------------------------------------------------------------------------------ */

static struct frame *otlp_top(struct otlp *otlp)
{
    return otlp->count ? &otlp->frames[otlp->count - 1] : NULL;
}

static bool otlp_push(struct otlp *otlp, enum role role)
{
    if (otlp->count == MOST_FRAMES) {
        otlp->result = RESULT_INVALID;
        return false;
    }
    otlp->frames[otlp->count++] = (struct frame){.role = role, .begin = otlp->at};
    otlp->has_key = false;
    return true;
}

/* In front of an element of the list that is two containers outwards of it. */
static void otlp_put_comma(struct otlp *otlp, struct frame *list)
{
    if (list->any)
        otlp_put(otlp, SLICE(","));
    list->any = true;
}

/* The value at the cursor begins: in a pair behind its name. */
static void otlp_begin_value(struct otlp *otlp)
{
    bool is_too_deep = otlp->count + 8 > MOST_FRAMES;

    if (!otlp_push(otlp, ROLE_VALUE))
        return;
    otlp_top(otlp)->is_too_deep = is_too_deep;
    *otlp->cut |= is_too_deep;
}

/* A pair's key, which may stand behind its value. */
static struct slice otlp_look_ahead(const struct otlp *otlp, const struct frame *pair)
{
    if (otlp->count > LOOKS_AHEAD)
        return slice_make(NULL, 0);
    return json_walk_member((struct json_raw){JSON_OBJECT, slice_from(otlp->text, pair->begin)}, "key", JSON_STRING).text;
}

static void otlp_begin_pair_value(struct otlp *otlp, struct frame *pair)
{
    if (!pair->key.bytes)
        pair->key = otlp_look_ahead(otlp, pair);
    if (!pair->key.bytes) {
        otlp->result = RESULT_INVALID;
        return;
    }
    otlp_put_comma(otlp, &otlp->frames[otlp->count - 3]);
    otlp_put(otlp, pair->key);
    otlp_put(otlp, SLICE(":"));
    otlp_begin_value(otlp);
}

static void otlp_begin_list(struct otlp *otlp, struct frame *value, bool is_kvlist)
{
    value->any = true;
    otlp_put(otlp, is_kvlist ? SLICE("{") : SLICE("["));
    otlp_push(otlp, is_kvlist ? ROLE_KVLIST : ROLE_LIST);
}

static void otlp_begin_object(struct otlp *otlp)
{
    struct frame *top = otlp_top(otlp);
    bool is_first = top && top->role == ROLE_VALUE && !top->any && !top->is_too_deep;

    if (!top) {
        otlp_begin_value(otlp);
    } else if (is_first && (json_walk_is(otlp->key, "kvlistValue") || json_walk_is(otlp->key, "arrayValue"))) {
        otlp_begin_list(otlp, top, json_walk_is(otlp->key, "kvlistValue"));
    } else if (top->role == ROLE_PAIRS) {
        otlp_push(otlp, ROLE_PAIR);
    } else if (top->role == ROLE_PAIR && json_walk_is(otlp->key, "value")) {
        otlp_begin_pair_value(otlp, top);
    } else if (top->role == ROLE_ITEMS) {
        otlp_put_comma(otlp, &otlp->frames[otlp->count - 2]);
        otlp_begin_value(otlp);
    } else {
        otlp_push(otlp, ROLE_OTHER_OBJECT);
    }
}

static void otlp_begin_array(struct otlp *otlp)
{
    struct frame *top = otlp_top(otlp);
    bool is_list = top && (top->role == ROLE_KVLIST || top->role == ROLE_LIST) && json_walk_is(otlp->key, "values");

    otlp_push(otlp, !is_list ? ROLE_OTHER_ARRAY : top->role == ROLE_KVLIST ? ROLE_PAIRS : ROLE_ITEMS);
}

static void otlp_end(struct otlp *otlp)
{
    struct frame *top = otlp_top(otlp);

    if (!top) {
        otlp->result = RESULT_INVALID;
        return;
    }
    if (top->role == ROLE_VALUE && !top->any)
        otlp_put(otlp, SLICE("null"));
    else if (top->role == ROLE_KVLIST)
        otlp_put(otlp, SLICE("}"));
    else if (top->role == ROLE_LIST)
        otlp_put(otlp, SLICE("]"));
    otlp->count--;
    otlp->has_key = false;
}

/* --- scalars --------------------------------------------------------------------------------------------------------------------- */

/* Numbers of 64 bits stand in quotes. */
static struct slice otlp_number(struct slice token)
{
    struct slice inside = token.bytes[0] == '"' ? slice_make(token.bytes + 1, token.length - 2) : token;
    int64_t ignored;

    return slice_to_int64(inside, &ignored) ? inside : token;
}

static void otlp_scalar(struct otlp *otlp, struct slice token)
{
    struct frame *top = otlp_top(otlp);

    otlp->has_key = false;
    if (!top || token.length == 0)
        return;
    if (top->role == ROLE_PAIR && json_walk_is(otlp->key, "key") && token.bytes[0] == '"')
        top->key = token;
    if (top->role != ROLE_VALUE || top->any || top->is_too_deep)
        return;
    bool is_number = json_walk_is(otlp->key, "intValue");
    if (!is_number && !json_walk_is(otlp->key, "stringValue") && !json_walk_is(otlp->key, "boolValue") && !json_walk_is(otlp->key, "doubleValue") &&
        !json_walk_is(otlp->key, "bytesValue"))
        return;
    top->any = true;
    otlp_put(otlp, is_number ? otlp_number(token) : token);
}

/* --- in -------------------------------------------------------------------------------------------------------------------------- */

/* With its quotes; as far as it goes. */
static struct slice otlp_string(struct otlp *otlp)
{
    size_t begin = otlp->at++;

    while (otlp->at < otlp->text.length && otlp->text.bytes[otlp->at] != '"')
        otlp->at += otlp->text.bytes[otlp->at] == '\\' ? 2 : 1;
    otlp->at++;
    if (otlp->at > otlp->text.length)
        otlp->result = RESULT_INVALID;
    return slice_first(slice_from(otlp->text, begin), otlp->at - begin);
}

static struct slice otlp_literal(struct otlp *otlp)
{
    size_t begin = otlp->at;

    while (otlp->at < otlp->text.length && !strchr(" \t\r\n,:{}[]\"", otlp->text.bytes[otlp->at]))
        otlp->at++;
    otlp->at += otlp->at == begin; /* a NUL */
    return slice_first(slice_from(otlp->text, begin), otlp->at - begin);
}

static void otlp_take_string(struct otlp *otlp)
{
    struct slice token = otlp_string(otlp);
    const struct frame *top = otlp_top(otlp);

    if (otlp->result != RESULT_OK)
        return;
    if (otlp->has_key || !top || top->role >= ROLE_PAIRS) {
        otlp_scalar(otlp, token);
        return;
    }
    otlp->has_key = true;
    otlp->key = slice_make(token.bytes + 1, token.length - 2);
}

static void otlp_step(struct otlp *otlp)
{
    switch (otlp->text.bytes[otlp->at]) {
    case ' ':
    case '\t':
    case '\r':
    case '\n':
    case ',':
    case ':': otlp->at++; break;
    case '{': otlp_begin_object(otlp); otlp->at++; break;
    case '[': otlp_begin_array(otlp); otlp->at++; break;
    case '}':
    case ']': otlp_end(otlp); otlp->at++; break;
    case '"': otlp_take_string(otlp); break;
    default: otlp_scalar(otlp, otlp_literal(otlp)); break;
    }
}

enum result otlp_give(struct json_raw any_value, json_text_sink *sink, void *data, bool *cut)
{
    struct otlp otlp = {.text = any_value.text, .sink = sink, .data = data, .cut = cut};

    while (otlp.at < otlp.text.length && otlp.result == RESULT_OK)
        otlp_step(&otlp);
    enum result result = otlp.result;
    if (result == RESULT_INVALID)
        otlp.result = RESULT_OK; /* what is there is given */
    otlp_flush(&otlp);
    return result != RESULT_OK ? result : otlp.result;
}
