/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"
#include "harrier/json_stream.h"
#include "harrier/base/vector.h"

/* What may come next, in the innermost container or at the top. */
enum expected { EXPECT_VALUE, EXPECT_KEY, EXPECT_COLON, EXPECT_END };

/* `whole` is the last index at which all that is before it can be closed by the closing brackets of the open containers:
 * behind a value and behind an opening bracket, so the containers that were open there are those that are open now. */
struct closer {
    struct slice text;
    size_t index;
    size_t whole;
    enum expected expected;
    VECTOR(char) open; /* closing brackets, outermost first */
};

static bool in_object(const struct closer *closer)
{
    return closer->open.count && closer->open.items[closer->open.count - 1] == '}';
}

static void value_done(struct closer *closer)
{
    closer->whole = closer->index;
    closer->expected = EXPECT_END;
}

/* The quote is at the index. False if the string breaks off; then *raw is what is there of it. */
static bool pass_string(struct closer *closer, struct slice *raw)
{
    size_t begin = closer->index + 1;
    bool escaped = false;

    for (size_t i = begin; i < closer->text.length; i++) {
        if (!escaped && closer->text.bytes[i] == '"') {
            closer->index = i + 1;
            return true;
        }
        escaped = !escaped && closer->text.bytes[i] == '\\';
    }
    *raw = slice_from(closer->text, begin);
    return false;
}

static bool is_scalar_byte(char byte)
{
    return !json_text_is_blank(byte) && byte != ',' && byte != ']' && byte != '}' && byte != '"';
}

static bool pass_scalar(struct closer *closer)
{
    static const char *const literals[] = {"true", "false", "null"};
    size_t begin = closer->index, end = begin;

    while (end < closer->text.length && is_scalar_byte(closer->text.bytes[end]))
        end++;
    struct slice scalar = slice_make(closer->text.bytes + begin, end - begin);
    bool literal = false;
    for (size_t i = 0; i < sizeof literals / sizeof *literals; i++)
        literal |= slice_is(scalar, literals[i]);
    if (end == begin || (!literal && end == closer->text.length))
        return false;
    closer->index = end;
    value_done(closer);
    return true;
}

static void open_container(struct closer *closer, char bracket)
{
    VECTOR_PUSH(&closer->open, bracket == '{' ? '}' : ']');
    closer->index++;
    closer->whole = closer->index;
    closer->expected = bracket == '{' ? EXPECT_KEY : EXPECT_VALUE;
}

/* One token. False where the text breaks off, or is no JSON. */
static bool pass_token(struct closer *closer, struct slice *broken_string)
{
    char byte = closer->text.bytes[closer->index];

    if (closer->open.count && byte == closer->open.items[closer->open.count - 1]) {
        closer->open.count--;
        closer->index++;
        value_done(closer);
        return true;
    }
    if (json_text_is_blank(byte)) {
        closer->index++;
        return true;
    }
    if (closer->expected == EXPECT_END || closer->expected == EXPECT_COLON) {
        bool right = byte == (closer->expected == EXPECT_COLON ? ':' : ',');
        closer->expected = closer->expected == EXPECT_END && in_object(closer) ? EXPECT_KEY : EXPECT_VALUE;
        closer->index++;
        return right;
    }
    if (byte == '"') {
        if (!pass_string(closer, broken_string))
            return false;
        if (closer->expected == EXPECT_KEY)
            closer->expected = EXPECT_COLON;
        else
            value_done(closer);
        return true;
    }
    if (closer->expected == EXPECT_KEY)
        return false;
    if (byte == '{' || byte == '[') {
        open_container(closer, byte);
        return true;
    }
    return pass_scalar(closer);
}

void json_close(struct buffer *text, size_t from)
{
    struct closer closer = {.text = slice_from(buffer_slice(text), from)};
    struct slice broken = {NULL, 0};

    while (closer.index < closer.text.length && (closer.open.count || closer.expected != EXPECT_END))
        if (!pass_token(&closer, &broken))
            break;
    bool keep_string = broken.bytes && closer.expected == EXPECT_VALUE;
    if (keep_string)
        closer.whole = closer.index + 1 + json_text_cut(broken, broken.length);
    text->length = from + closer.whole;
    if (keep_string)
        buffer_append_byte(text, '"');
    else if (closer.whole == 0)
        buffer_append_text(text, "null");
    while (closer.open.count)
        buffer_append_byte(text, closer.open.items[--closer.open.count]);
    if (text->bytes)
        text->bytes[text->length] = '\0';
    VECTOR_FREE(&closer.open);
}
