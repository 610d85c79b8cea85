/* SPDX-License-Identifier: Apache-2.0 */
#include "lexer.h"

#include "harrier/base/utf8.h"

#include <ctype.h>

/* A position in the text. Whether `/` and `%` begin an operand or divide depends on the token before alone. */
struct lexer {
    struct slice text;
    size_t next;
    size_t line;
    size_t line_start;
    bool first_on_line;
    bool damaged;
    struct tokens *tokens;
    struct report *report;
};

static const char *const reserved_words[] = {
    "rule", "meta",   "match", "over",  "events",         "condition", "outcome",        "options", "and",  "or",
    "not",  "nocase", "in",    "regex", "cidr",           "before",    "after",          "all",     "any",  "if",
    "max",  "min",    "sum",   "array", "array_distinct", "count",     "count_distinct", "is",      "null",
};

bool yaral_is_reserved(struct slice word)
{
    for (size_t i = 0; i < sizeof reserved_words / sizeof *reserved_words; i++)
        if (slice_equal_ascii_nocase(word, slice_of(reserved_words[i])))
            return true;
    return false;
}

bool token_is_word(const struct token *token, const char *word)
{
    return token->kind == TOKEN_NAME && slice_equal_ascii_nocase(token->body, slice_of(word));
}

static bool is_name_start(int byte)
{
    return byte == '_' || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

static bool is_digit(int byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_name(int byte)
{
    return is_name_start(byte) || is_digit(byte);
}

/* The byte at an offset from where the lexer stands, -1 past the end. */
static int peek(const struct lexer *lexer, size_t offset)
{
    size_t at = lexer->next + offset;
    return at < lexer->text.length ? (unsigned char)lexer->text.bytes[at] : -1;
}

static struct yaral_position position(const struct lexer *lexer)
{
    return (struct yaral_position){(uint32_t)lexer->line, (uint32_t)(lexer->next - lexer->line_start + 1)};
}

static void newline(struct lexer *lexer)
{
    lexer->line++;
    lexer->line_start = lexer->next;
    lexer->first_on_line = true;
}

/* The token of length bytes here; skip of them at its start and end do not belong to its body. */
static void take(struct lexer *lexer, enum token_kind kind, size_t length, size_t skip_start, size_t skip_end)
{
    struct slice text = slice_make(lexer->text.bytes + lexer->next, length);
    struct token token = {.kind = kind,
                          .at = position(lexer),
                          .text = text,
                          .body = slice_make(text.bytes + skip_start, length - skip_start - skip_end),
                          .first_on_line = lexer->first_on_line,
                          .damaged = lexer->damaged};

    VECTOR_PUSH(&lexer->tokens->all, token);
    lexer->first_on_line = false;
    lexer->damaged = false;
    lexer->next += length;
}

static bool at_block_comment(const struct lexer *lexer)
{
    return peek(lexer, 0) == '/' && peek(lexer, 1) == '*';
}

static void skip_block_comment(struct lexer *lexer)
{
    struct yaral_position start = position(lexer);

    lexer->next += 2;
    while (peek(lexer, 0) >= 0) {
        if (peek(lexer, 0) == '*' && peek(lexer, 1) == '/') {
            lexer->next += 2;
            return;
        }
        bool is_newline = peek(lexer, 0) == '\n';
        lexer->next++;
        if (is_newline)
            newline(lexer);
    }
    lexer->tokens->cut = true;
    lexer->damaged = true;
    report_error(lexer->report, start, "this comment is not terminated: close it with */");
}

static void skip_blanks(struct lexer *lexer)
{
    for (;;) {
        int byte = peek(lexer, 0);
        if (byte == '\n') {
            lexer->next++;
            newline(lexer);
        } else if (byte == ' ' || byte == '\t' || byte == '\r' || byte == '\f' || byte == '\v') {
            lexer->next++;
        } else if (byte == '/' && peek(lexer, 1) == '/') {
            while (peek(lexer, 0) >= 0 && peek(lexer, 0) != '\n')
                lexer->next++;
        } else if (at_block_comment(lexer)) {
            skip_block_comment(lexer);
        } else {
            return;
        }
    }
}

/* After an operand `/` divides and `%` is modulo; anywhere else they begin a regex and a list. */
static bool operand_before(const struct lexer *lexer)
{
    size_t count = lexer->tokens->all.count;
    if (count == 0)
        return false;
    const struct token *last = &lexer->tokens->all.items[count - 1];
    switch (last->kind) {
    case TOKEN_NAME: return (count > 1 && lexer->tokens->all.items[count - 2].kind == TOKEN_DOT) || !yaral_is_reserved(last->body);
    case TOKEN_VARIABLE:
    case TOKEN_COUNT:
    case TOKEN_LIST:
    case TOKEN_STRING:
    case TOKEN_RAW_STRING:
    case TOKEN_REGEX:
    case TOKEN_INTEGER:
    case TOKEN_FLOAT:
    case TOKEN_DURATION:
    case TOKEN_CLOSE:
    case TOKEN_CLOSE_BRACKET: return true;
    default: return false;
    }
}

/* "...", '...' or /.../: to the closing byte that no backslash stands before, on the same line. */
static void read_quoted(struct lexer *lexer, enum token_kind kind, char close, const char *what)
{
    size_t length = 1;

    for (;; length++) {
        int byte = peek(lexer, length);
        if (byte < 0 || byte == '\n') {
            lexer->damaged = true;
            report_error(lexer->report, position(lexer), "this %s is not terminated: close it with %c on the same line", what, close);
            take(lexer, kind, length, 1, 0);
            return;
        }
        if (byte == close)
            break;
        if (byte == '\\' && peek(lexer, length + 1) >= 0 && peek(lexer, length + 1) != '\n')
            length++;
    }
    take(lexer, kind, length + 1, 1, 1);
}

static void read_raw_string(struct lexer *lexer)
{
    struct slice rest = slice_from(lexer->text, lexer->next + 1);
    ptrdiff_t end = slice_find_byte(rest, '`');

    if (end < 0) {
        lexer->tokens->cut = true;
        lexer->damaged = true;
        report_error(lexer->report, position(lexer), "this string is not terminated: close it with a back quote");
        take(lexer, TOKEN_RAW_STRING, lexer->text.length - lexer->next, 1, 0);
        return;
    }
    take(lexer, TOKEN_RAW_STRING, (size_t)end + 2, 1, 1);
    for (ptrdiff_t i = 0; i < end; i++)
        if (rest.bytes[i] == '\n') {
            lexer->line++;
            lexer->line_start = (size_t)(rest.bytes - lexer->text.bytes) + (size_t)i + 1;
        }
}

static void read_single_quoted(struct lexer *lexer)
{
    report_error(lexer->report, position(lexer), "a string stands in double quotes (\"...\") or back quotes (`...`), not in single quotes");
    lexer->damaged = true;
    read_quoted(lexer, TOKEN_STRING, '\'', "string");
}

static void read_number(struct lexer *lexer)
{
    size_t length = 0;
    enum token_kind kind = TOKEN_INTEGER;

    while (is_digit(peek(lexer, length)))
        length++;
    if (peek(lexer, length) == '.' && is_digit(peek(lexer, length + 1))) {
        kind = TOKEN_FLOAT;
        for (length++; is_digit(peek(lexer, length));)
            length++;
    } else if (is_name_start(peek(lexer, length))) {
        kind = TOKEN_DURATION;
        while (is_name(peek(lexer, length)))
            length++;
    }
    take(lexer, kind, length, 0, 0);
}

static void read_name(struct lexer *lexer, enum token_kind kind, size_t sigil)
{
    size_t length = sigil;
    while (is_name(peek(lexer, length)))
        length++;
    take(lexer, kind, length, sigil, 0);
}

struct operator_text {
    const char *text;
    enum token_kind kind;
    const char *meant; /* what YARA-L writes instead; NULL: it is right */
};

/* Longer ones first. */
static const struct operator_text operators[] = {
    {"!=", TOKEN_NOT_EQUAL, NULL},    {"<=", TOKEN_LESS_EQUAL, NULL}, {">=", TOKEN_GREATER_EQUAL, NULL}, {"==", TOKEN_EQUAL, "="},
    {"=~", TOKEN_EQUAL, "= /regex/"}, {"<>", TOKEN_NOT_EQUAL, "!="},  {"&&", TOKEN_NAME, "and"},         {"||", TOKEN_NAME, "or"},
    {"=", TOKEN_EQUAL, NULL},         {"<", TOKEN_LESS, NULL},        {">", TOKEN_GREATER, NULL},        {"+", TOKEN_PLUS, NULL},
    {"-", TOKEN_MINUS, NULL},         {"*", TOKEN_STAR, NULL},        {"/", TOKEN_SLASH, NULL},          {"%", TOKEN_PERCENT, NULL},
    {"!", TOKEN_BANG, NULL},          {".", TOKEN_DOT, NULL},         {",", TOKEN_COMMA, NULL},          {":", TOKEN_COLON, NULL},
    {"(", TOKEN_OPEN, NULL},          {")", TOKEN_CLOSE, NULL},       {"[", TOKEN_OPEN_BRACKET, NULL},   {"]", TOKEN_CLOSE_BRACKET, NULL},
    {"{", TOKEN_OPEN_BRACE, NULL},    {"}", TOKEN_CLOSE_BRACE, NULL},
};

static bool read_operator(struct lexer *lexer)
{
    struct slice rest = slice_from(lexer->text, lexer->next);

    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
        struct slice text = slice_of(operators[i].text);
        if (!slice_starts_with(rest, text))
            continue;
        if (operators[i].meant) {
            report_error(lexer->report, position(lexer), "`%s` is no operator of YARA-L: write `%s`", operators[i].text,
                         operators[i].meant);
            lexer->damaged = true;
        }
        take(lexer, operators[i].kind, text.length, 0, 0);
        if (operators[i].kind == TOKEN_NAME)
            lexer->tokens->all.items[lexer->tokens->all.count - 1].body = slice_of(operators[i].meant);
        return true;
    }
    return false;
}

/* A byte that begins no token; a run of them is one message. */
static void skip_bad(struct lexer *lexer)
{
    struct yaral_position start = position(lexer);
    struct slice rest = slice_from(lexer->text, lexer->next);
    uint32_t code_point;
    size_t length = utf8_decode(rest, &code_point);

    if (code_point == '$' || code_point == '#')
        report_error(lexer->report, start, "a variable's name is missing behind `%c`", (char)code_point);
    else if (code_point > ' ' && code_point < 0x7f)
        report_error(lexer->report, start, "`%c` means nothing here", (char)code_point);
    else
        report_error(lexer->report, start, "character U+%04X means nothing outside strings and comments", code_point);
    lexer->damaged = true;
    int first = peek(lexer, 0);
    lexer->next += length;
    while (peek(lexer, 0) >= 0x80 || peek(lexer, 0) == first)
        lexer->next++;
}

/* `$ name`: read as the variable that was meant. */
static bool read_spaced_variable(struct lexer *lexer, enum token_kind kind)
{
    size_t blanks = 1;

    while (peek(lexer, blanks) == ' ' || peek(lexer, blanks) == '\t')
        blanks++;
    if (!is_name_start(peek(lexer, blanks)))
        return false;
    report_error(lexer->report, position(lexer), "a name stands right behind `%c`, without a space", (char)peek(lexer, 0));
    lexer->damaged = true;
    read_name(lexer, kind, blanks);
    return true;
}

static void read_token(struct lexer *lexer)
{
    int byte = peek(lexer, 0);
    int following = peek(lexer, 1);

    if (is_name_start(byte))
        read_name(lexer, TOKEN_NAME, 0);
    else if (byte == '$' && is_name_start(following))
        read_name(lexer, TOKEN_VARIABLE, 1);
    else if (byte == '#' && is_name_start(following))
        read_name(lexer, TOKEN_COUNT, 1);
    else if ((byte == '$' && read_spaced_variable(lexer, TOKEN_VARIABLE)) || (byte == '#' && read_spaced_variable(lexer, TOKEN_COUNT)))
        return;
    else if (byte == '%' && is_name_start(following) && !operand_before(lexer))
        read_name(lexer, TOKEN_LIST, 1);
    else if (byte == '/' && !operand_before(lexer))
        read_quoted(lexer, TOKEN_REGEX, '/', "regular expression");
    else if (byte == '"')
        read_quoted(lexer, TOKEN_STRING, '"', "string");
    else if (byte == '`')
        read_raw_string(lexer);
    else if (byte == '\'')
        read_single_quoted(lexer);
    else if (is_digit(byte))
        read_number(lexer);
    else if (!read_operator(lexer))
        skip_bad(lexer);
}

void tokens_read(struct tokens *tokens, struct slice text, struct report *report)
{
    struct lexer lexer = {.text = text, .line = 1, .first_on_line = true, .tokens = tokens, .report = report};

    *tokens = (struct tokens){0};
    for (skip_blanks(&lexer); lexer.next < text.length; skip_blanks(&lexer))
        read_token(&lexer);
    take(&lexer, TOKEN_END, 0, 0, 0);
}

void tokens_free(struct tokens *tokens)
{
    VECTOR_FREE(&tokens->all);
}

/* --- escapes ---------------------------------------------------------------------------------------------------------------------- */

/* The value of exactly count digits of a base; false if they are not there. */
static bool read_digits(struct slice text, size_t count, unsigned int base, uint32_t *value)
{
    if (text.length < count)
        return false;
    *value = 0;
    for (size_t i = 0; i < count; i++) {
        int byte = tolower((unsigned char)text.bytes[i]);
        unsigned int digit = is_digit(byte)               ? (unsigned int)(byte - '0')
                             : byte >= 'a' && byte <= 'f' ? (unsigned int)(byte - 'a') + 10
                                                          : 99;
        if (digit >= base)
            return false;
        *value = *value * base + digit;
    }
    return true;
}

/* The escape whose letter begins the text: writes its bytes (at most 4) and returns how many of the text it took; 0 if it is none. */
static size_t read_escape(struct slice text, char *out, size_t *out_length)
{
    static const char letters[] = "\\\"'`ntrabfv";
    static const char values[] = "\\\"'`\n\t\r\a\b\f\v";
    const char *simple = text.length && text.bytes[0] ? strchr(letters, text.bytes[0]) : NULL;
    uint32_t value;

    if (simple) {
        out[0] = values[simple - letters];
        *out_length = 1;
        return 1;
    }
    if (text.length && text.bytes[0] == 'x' && read_digits(slice_from(text, 1), 2, 16, &value)) {
        out[0] = (char)value;
        *out_length = 1;
        return 3;
    }
    if (read_digits(text, 3, 8, &value) && value <= 0xff) {
        out[0] = (char)value;
        *out_length = 1;
        return 3;
    }
    size_t digits = text.length && text.bytes[0] == 'u' ? 4 : text.length && text.bytes[0] == 'U' ? 8 : 0;
    if (digits && read_digits(slice_from(text, 1), digits, 16, &value) && value <= 0x10ffff && (value < 0xd800 || value > 0xdfff)) {
        *out_length = utf8_encode(value, out);
        return 1 + digits;
    }
    return 0;
}

bool yaral_unescape(struct arena *arena, struct slice body, bool lenient, struct slice *text, size_t *error_offset)
{
    char *out = arena_alloc(arena, body.length + 4);
    size_t length = 0;

    for (size_t i = 0; i < body.length;) {
        if (body.bytes[i] != '\\') {
            out[length++] = body.bytes[i++];
            continue;
        }
        size_t written = 0;
        size_t taken = read_escape(slice_from(body, i + 1), out + length, &written);
        if (taken == 0 && !lenient) {
            *error_offset = i;
            return false;
        }
        if (taken == 0)
            out[length++] = '\\';
        length += written;
        i += 1 + taken;
    }
    *text = slice_make(out, length);
    return true;
}
