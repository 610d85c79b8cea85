/* SPDX-License-Identifier: Apache-2.0 */
#include "arguments.h"

#include "harrier/base/clock.h"
#include "harrier/base/memory.h"

#include <ctype.h>

/* --- parsing --------------------------------------------------------------------------------------------------------------------- */

static const struct argument_option help_option = {'h', "help", NULL, "Show this help."};

const char *arguments_nearest(const char *written, const char *const *words, size_t count)
{
    const char *nearest = NULL;
    unsigned int least = (unsigned int)strlen(written) / 3 + 2;

    for (size_t i = 0; i < count; i++) {
        unsigned int distance = slice_edit_distance(slice_of(written), slice_of(words[i]));
        if (distance < least) {
            least = distance;
            nearest = words[i];
        }
    }
    return nearest;
}

static const struct argument_option *option_by_name(const struct argument_option *options, size_t count, struct slice name)
{
    for (size_t i = 0; i < count; i++)
        if (slice_is(name, options[i].name))
            return &options[i];
    return slice_is(name, help_option.name) ? &help_option : NULL;
}

static const struct argument_option *option_by_letter(const struct argument_option *options, size_t count, char letter)
{
    for (size_t i = 0; i < count; i++)
        if (options[i].letter == letter)
            return &options[i];
    return letter == help_option.letter ? &help_option : NULL;
}

static bool unknown_option(const struct argument_option *options, size_t count, struct slice name, struct buffer *error)
{
    VECTOR(const char *) names = {0};
    char *written = xstrndup(name.bytes, name.length);

    for (size_t i = 0; i < count; i++)
        VECTOR_PUSH(&names, options[i].name);
    VECTOR_PUSH(&names, help_option.name);
    const char *nearest = arguments_nearest(written, names.items, names.count);
    buffer_printf(error, "there is no option --%s", written);
    if (nearest)
        buffer_printf(error, "; did you mean --%s?", nearest);
    VECTOR_FREE(&names);
    free(written);
    return false;
}

/* The walk over argv. */
struct parsing {
    const struct argument_option *options;
    size_t option_count;
    int argc;
    char *const *argv;
    int next; /* of argv, behind what is being looked at */
    struct arguments *arguments;
    struct buffer *error;
};

/* inline_value: what stood behind "=" or the letter; NULL: nothing did. */
static bool take(struct parsing *parsing, const struct argument_option *option, const char *inline_value)
{
    const char *value = inline_value;

    if (option == &help_option) {
        parsing->arguments->help = true;
        return true;
    }
    if (option->value && !value) {
        if (parsing->next >= parsing->argc) {
            buffer_printf(parsing->error, "--%s needs a value: --%s %s", option->name, option->name, option->value);
            return false;
        }
        value = parsing->argv[parsing->next++];
    }
    if (!option->value && value) {
        buffer_printf(parsing->error, "--%s takes no value", option->name);
        return false;
    }
    VECTOR_PUSH(&parsing->arguments->given, ((struct argument_given){option, value}));
    return true;
}

static bool parse_long(struct parsing *parsing, const char *argument)
{
    struct slice name = slice_of(argument + 2);
    ptrdiff_t equals = slice_find_byte(name, '=');
    const char *value = equals < 0 ? NULL : name.bytes + equals + 1;

    if (equals >= 0)
        name = slice_first(name, (size_t)equals);
    const struct argument_option *option = option_by_name(parsing->options, parsing->option_count, name);
    if (!option)
        return unknown_option(parsing->options, parsing->option_count, name, parsing->error);
    return take(parsing, option, value);
}

static bool parse_letters(struct parsing *parsing, const char *argument)
{
    for (const char *letter = argument + 1; *letter; letter++) {
        const struct argument_option *option = option_by_letter(parsing->options, parsing->option_count, *letter);
        if (!option) {
            buffer_printf(parsing->error, "there is no option -%c", isprint((unsigned char)*letter) ? *letter : '?');
            return false;
        }
        if (option->value)
            return take(parsing, option, letter[1] ? letter + 1 : NULL);
        if (!take(parsing, option, NULL))
            return false;
    }
    return true;
}

bool arguments_parse(const struct argument_option *options, size_t option_count, int argc, char *const *argv, struct arguments *arguments,
                     struct buffer *error)
{
    struct parsing parsing = {options, option_count, argc, argv, 1, arguments, error};
    bool only_operands = false;

    while (parsing.next < argc) {
        const char *argument = argv[parsing.next++];
        bool fine = true;
        if (only_operands || argument[0] != '-' || argument[1] == '\0')
            VECTOR_PUSH(&arguments->operands, argument);
        else if (strcmp(argument, "--") == 0)
            only_operands = true;
        else if (argument[1] == '-')
            fine = parse_long(&parsing, argument);
        else
            fine = parse_letters(&parsing, argument);
        if (!fine)
            return false;
    }
    return true;
}

void arguments_free(struct arguments *arguments)
{
    VECTOR_FREE(&arguments->given);
    VECTOR_FREE(&arguments->operands);
}

const char *arguments_value(const struct arguments *arguments, const char *name)
{
    const char *value = NULL;

    for (size_t i = 0; i < arguments->given.count; i++)
        if (strcmp(arguments->given.items[i].option->name, name) == 0)
            value = arguments->given.items[i].value;
    return value;
}

bool arguments_has(const struct arguments *arguments, const char *name)
{
    for (size_t i = 0; i < arguments->given.count; i++)
        if (strcmp(arguments->given.items[i].option->name, name) == 0)
            return true;
    return false;
}

/* --- values ---------------------------------------------------------------------------------------------------------------------- */

static int64_t unit_nanoseconds(char unit)
{
    switch (unit) {
    case '\0':
    case 's': return CLOCK_SECOND;
    case 'm': return 60 * CLOCK_SECOND;
    case 'h': return 3600 * CLOCK_SECOND;
    case 'd': return 86400 * CLOCK_SECOND;
    case 'w': return 7 * 86400 * CLOCK_SECOND;
    default: return 0;
    }
}

bool arguments_duration(const char *text, int64_t *nanoseconds)
{
    int64_t total = 0;

    if (!*text)
        return false;
    while (*text) {
        int64_t number = 0, part;
        if (!isdigit((unsigned char)*text))
            return false;
        for (; isdigit((unsigned char)*text); text++)
            if (__builtin_mul_overflow(number, 10, &number) || __builtin_add_overflow(number, *text - '0', &number))
                return false;
        int64_t unit = unit_nanoseconds(*text);
        if (!unit || __builtin_mul_overflow(number, unit, &part) || __builtin_add_overflow(total, part, &total))
            return false;
        text += *text ? 1 : 0;
    }
    *nanoseconds = total;
    return true;
}

/* --- help ------------------------------------------------------------------------------------------------------------------------ */

/* Words of the text from the column `indent` on; its own newlines stay. The first line begins where the output stands, at `column`. */
static void append_wrapped(struct buffer *out, const char *text, size_t indent, size_t column, size_t width)
{
    while (*text) {
        size_t word = strcspn(text, " \n");
        if (column > indent && column + 1 + word > width) {
            buffer_printf(out, "\n%*s", (int)indent, "");
            column = indent;
        } else if (column > indent) {
            buffer_append_byte(out, ' ');
            column++;
        } else if (column < indent) {
            buffer_printf(out, "%*s", (int)(indent - column), "");
            column = indent;
        }
        buffer_append(out, text, word);
        column += word;
        text += word;
        if (*text == '\n') {
            buffer_append_byte(out, '\n');
            column = 0;
        }
        text += *text ? 1 : 0;
    }
    buffer_append_byte(out, '\n');
}

static void append_option(struct buffer *out, const struct argument_option *option, size_t width)
{
    enum { HELP_COLUMN = 26 };
    size_t begin = out->length;

    if (option->letter)
        buffer_printf(out, "  -%c, --%s", option->letter, option->name);
    else
        buffer_printf(out, "      --%s", option->name);
    if (option->value)
        buffer_printf(out, " %s", option->value);
    size_t column = out->length - begin;
    if (column + 2 > HELP_COLUMN) {
        buffer_append_byte(out, '\n');
        column = 0;
    }
    append_wrapped(out, option->help, HELP_COLUMN, column, width);
}

/* Lines as they are, each behind a prefix. */
static void append_lines(struct buffer *out, const char *first_prefix, const char *prefix, const char *lines)
{
    for (bool first = true; *lines; first = false) {
        size_t length = strcspn(lines, "\n");
        buffer_append_text(out, first ? first_prefix : prefix);
        buffer_append(out, lines, length);
        buffer_append_byte(out, '\n');
        lines += length + (lines[length] ? 1 : 0);
    }
}

void command_help(const struct command *command, size_t width, struct buffer *out)
{
    append_lines(out, "usage: harrierctl ", "       harrierctl ", command->usage);
    buffer_append_byte(out, '\n');
    append_wrapped(out, command->description, 0, 0, width);
    buffer_append_text(out, "\noptions:\n");
    for (size_t i = 0; i < command->option_count; i++)
        append_option(out, &command->options[i], width);
    append_option(out, &help_option, width);
    buffer_append_text(out, "\nexamples:\n");
    append_lines(out, "  ", "  ", command->examples);
    buffer_append_text(out, "\nexit codes:\n");
    append_lines(out, "  ", "  ", command->exits);
}
