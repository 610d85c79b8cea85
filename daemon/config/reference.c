/* SPDX-License-Identifier: Apache-2.0 */
#include "schema.h"
#include "harrier/config.h"

#include <string.h>

static void print_choices(FILE *out, const struct option_choice *choices)
{
    const char *separator = "one of ";
    for (; choices->name; choices++) {
        fprintf(out, "%s%s", separator, choices->name);
        separator = ", ";
    }
}

static void print_types(FILE *out, const struct option_table *table, unsigned int types)
{
    const char *separator = "; for ";
    for (const struct option_choice *choice = table->type->choices; choice->name; choice++) {
        if (!(types & 1u << choice->value))
            continue;
        fprintf(out, "%s%s", separator, choice->name);
        separator = ", ";
    }
}

static void print_bounds(FILE *out, const struct option *option)
{
    char least[32], most[32];

    if (option->most <= 0)
        return;
    option_format_bound(option, option->least, least);
    option_format_bound(option, option->most, most);
    if (option->type == OPTION_INTEGER || option->type == OPTION_NUMBER || option->type == OPTION_SIZE || option->type == OPTION_DURATION)
        fprintf(out, " from %s to %s", least, most);
    else
        fprintf(out, ", at most %s", most);
}

static void print_option(void *data, const char *path, const struct option_table *table, const struct option *option)
{
    FILE *out = data;

    fprintf(out, "%s: ", path);
    if (option->type != OPTION_CHOICE)
        fputs(option_type_name(option->type), out);
    print_bounds(out, option);
    if (option->choices && option->type != OPTION_CHOICE)
        fputs(", or ", out);
    if (option->choices)
        print_choices(out, option->choices);
    if (option->required)
        fputs("; required", out);
    if (option->standard)
        fprintf(out, "; default %s", option->standard);
    if (option->types)
        print_types(out, table, option->types);
    fprintf(out, "\n    %s\n", option->help);
}

void config_print_reference(FILE *out)
{
    config_schema_visit(print_option, out);
}
