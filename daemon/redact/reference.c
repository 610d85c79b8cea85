/* SPDX-License-Identifier: Apache-2.0 */
/* Values that name a secret instead of being it. They stay: they say where the secret is to be found, and what a command does with it. */
#include "internal.h"

#include <string.h>

/* A secret that looks so is of no use to anybody. */
bool redact_is_stand_in(struct slice value)
{
    static const char between[] = ", hmac ";
    enum { DIGITS = 16 };
    size_t i = sizeof "length " - 1;

    if (!slice_starts_with(value, SLICE("length ")) || value.length >= REDACT_STAND_IN_SIZE)
        return false;
    size_t begin = i;
    while (i < value.length && value.bytes[i] >= '0' && value.bytes[i] <= '9')
        i++;
    if (i == begin || !slice_starts_with(slice_from(value, i), slice_of(between)) || value.length != i + sizeof between - 1 + DIGITS)
        return false;
    for (i += sizeof between - 1; i < value.length; i++)
        if (slice_hex_digit(value.bytes[i]) < 0)
            return false;
    return true;
}

static bool is_identifier(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* A name as people give to variables, words of letters with digits behind them alone: $DB_PASS, $pass, $token2. In $ecr3tW0rd the dollar is of the password
 * itself: nobody calls a variable so. */
static bool is_variable(struct slice name)
{
    bool in_digits = false, has_lower = false;

    if (!name.length || (name.bytes[0] >= '0' && name.bytes[0] <= '9' && name.length > 1))
        return false;
    for (size_t i = 0; i < name.length; i++)
        has_lower = has_lower || (name.bytes[i] >= 'a' && name.bytes[i] <= 'z');
    for (size_t i = 0; i < name.length; i++) {
        bool is_digit = name.bytes[i] >= '0' && name.bytes[i] <= '9';
        if (in_digits && !is_digit && name.bytes[i] != '_' && has_lower)
            return false;
        in_digits = is_digit;
    }
    return true;
}

/* Up to the bracket that closes the one at the beginning; all of a text that ends before, which word_end cuts at a blank. */
static size_t bracketed_length(struct slice text, char open, char close)
{
    size_t depth = 0;

    for (size_t i = 0; i < text.length; i++) {
        if (text.bytes[i] == open)
            depth++;
        else if (text.bytes[i] == close && --depth == 0)
            return i + 1;
    }
    return text.length;
}

static size_t dollar_length(struct slice text)
{
    size_t end = 1;

    if (text.length < 2)
        return text.length;
    if (text.bytes[1] == '(' || text.bytes[1] == '{')
        return 1 + bracketed_length(slice_from(text, 1), text.bytes[1], text.bytes[1] == '(' ? ')' : '}');
    if (memchr("@*#?!$-", text.bytes[1], 7))
        return 2;
    while (end < text.length && is_identifier(text.bytes[end]))
        end++;
    return is_variable(slice_make(text.bytes + 1, end - 1)) ? end : 0;
}

/* The same in a query: %24NAME, %24%28cat... */
static size_t escaped_dollar_length(struct slice text)
{
    enum { DOLLAR = sizeof "%24" - 1 };
    size_t end = DOLLAR;

    if (text.length == DOLLAR || memchr("%({", text.bytes[DOLLAR], 3))
        return text.length;
    while (end < text.length && is_identifier(text.bytes[end]))
        end++;
    return is_variable(slice_make(text.bytes + DOLLAR, end - DOLLAR)) ? end : 0;
}

static size_t template_length(struct slice text)
{
    ptrdiff_t end = slice_find(text, SLICE("}}"));

    if (end < 0 && text.length > 2 && !memchr(" .-$", text.bytes[2], 4))
        return 0;
    return end < 0 ? text.length : (size_t)end + 2;
}

/* Length of the one reference that the text begins with; 0: none. */
static size_t reference_length(struct slice text)
{
    size_t escape = slice_starts_with(text, SLICE("\\$")) ? 1 : 0;

    if (slice_starts_with(text, SLICE("%24")))
        return escaped_dollar_length(text);
    if (text.bytes[escape] == '$') {
        size_t length = dollar_length(slice_from(text, escape));
        return length ? escape + length : 0;
    }
    if (text.bytes[0] == '`') {
        ptrdiff_t end = slice_find_byte(slice_from(text, 1), '`');
        return end < 0 ? text.length : (size_t)end + 2;
    }
    if (slice_starts_with(text, SLICE("{{")))
        return template_length(text);
    return slice_starts_with(text, SLICE("<(")) || slice_starts_with(text, SLICE("%60")) ? text.length : 0;
}

/* $(NAME) is what kubelet puts a variable's value in the place of, ${NAME} and {{ .Values.x }} what templates do. */
static size_t literal_reference_length(struct slice text)
{
    size_t end = 2;

    if (slice_starts_with(text, SLICE("{{")) && slice_find(text, SLICE("}}")) > 0)
        return template_length(text);
    if (!slice_starts_with(text, SLICE("$(")) && !slice_starts_with(text, SLICE("${")))
        return 0;
    while (end < text.length && (is_identifier(text.bytes[end]) || text.bytes[end] == '.' || text.bytes[end] == '-'))
        end++;
    return end > 2 && end < text.length && text.bytes[end] == (text.bytes[1] == '(' ? ')' : '}') ? end + 1 : 0;
}

static bool is_mask(struct slice value)
{
    for (size_t i = 0; i < value.length; i++)
        if (value.bytes[i] != '*')
            return false;
    return true;
}

static bool is_bracketed_stand_in(struct slice value)
{
    return value.length > 2 && value.bytes[0] == '[' &&
           redact_is_stand_in(slice_make(value.bytes + 1, value.length - (value.bytes[value.length - 1] == ']' ? 2 : 1)));
}

bool redact_is_reference(struct slice value, bool literal)
{
    static const char *const words[] = {"true", "false", "null", "none", "\"\"", "''", "-"};
    static const char joints[] = ":/@.,-_ ";
    bool found = false;

    for (size_t i = 0; !literal && i < sizeof words / sizeof *words; i++)
        if (slice_is(value, words[i]))
            return true;
    if (is_mask(value) || redact_is_stand_in(value) || is_bracketed_stand_in(value))
        return true;
    while (value.length) {
        size_t length = literal ? literal_reference_length(value) : reference_length(value);
        if (!length && !(found && memchr(joints, value.bytes[0], sizeof joints - 1)))
            return false;
        found = true;
        value = slice_from(value, length ? length : 1);
    }
    return true;
}
