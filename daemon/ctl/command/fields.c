/* SPDX-License-Identifier: Apache-2.0 */
/* harrierctl fields: what can be written in a rule. */
#include "daemon/ctl/common.h"

#include "harrier/json.h"

static const struct argument_option options[] = {
    {'t', "type", "TYPE", "Fields that events of that log type fill: K8S_AUDIT (the default) or GKE_CONTROLPLANE."},
    {'a', "all", NULL, "All fields of UDM, filled or not, as the checker knows them."},
    {'d', "depth", "N", "With --all: names in a path at most; messages can hold each other without end. Default 4."},
    {'o', "output", "FORM", "table, or ndjson. Default: table on a terminal, ndjson in a pipe."},
};

static const struct display_column columns[] = {{"FIELD", 20, false}, {"TYPE", 6, false}, {"FROM", 12, false}, {"MEANING", 16, false}};

enum { FIELDS_DEPTH = 4, FIELDS_DEPTH_MOST = 8 };

/* One listing. */
struct fields {
    const char *word; /* NULL: all */
    bool as_table;
    struct table *table;
    struct buffer json;
    struct buffer out;
    uint64_t shown;
};

static bool contains_word(const char *text, const char *word)
{
    return strcasestr(text, word) != NULL;
}

static void show(struct fields *fields, const char *path, const char *type, const char *source, const char *meaning)
{
    if (fields->word && !contains_word(path, fields->word) && !contains_word(source, fields->word) && !contains_word(meaning, fields->word))
        return;
    fields->shown++;
    if (fields->as_table) {
        table_cell_text(fields->table, STYLE_BOLD, path);
        table_cell_text(fields->table, STYLE_DIM, type);
        table_cell_text(fields->table, STYLE_PLAIN, source);
        table_cell_text(fields->table, STYLE_PLAIN, meaning);
        return;
    }
    struct json_writer *writer = json_writer_new(&fields->json, false);
    json_begin_object(writer);
    json_put_text(writer, "field", path);
    json_put_text(writer, "type", type);
    json_put_text(writer, "from", source);
    json_put_text(writer, "meaning", meaning);
    json_end_object(writer);
    json_writer_free(writer);
    display_json_line(&fields->out, buffer_slice(&fields->json));
    buffer_reset(&fields->json, SIZE_MAX);
}

static const char *type_name(const struct udm_field *field)
{
    static const char *const names[] = {
        [UDM_STRING] = "string", [UDM_BYTES] = "bytes",    [UDM_BOOL] = "bool",           [UDM_INT] = "int",
        [UDM_FLOAT] = "float",   [UDM_ENUM] = "enum",      [UDM_TIMESTAMP] = "timestamp", [UDM_DURATION] = "duration",
        [UDM_STRUCT] = "struct", [UDM_MESSAGE] = "message"};
    return names[field->type];
}

/* Type of the field that a path ends in; "" for one that is not in the schema. */
static void append_type(struct buffer *out, const char *path)
{
    const struct udm_message_type *type = udm_event_type();
    struct slice rest = slice_of(path);
    ptrdiff_t bracket = slice_find_byte(rest, '[');

    if (bracket >= 0) {
        buffer_append_text(out, "string");
        return;
    }
    while (type && rest.length) {
        ptrdiff_t dot = slice_find_byte(rest, '.');
        const struct udm_field *field = udm_field_find(type, dot < 0 ? rest : slice_first(rest, (size_t)dot));
        if (!field)
            return;
        if (dot < 0)
            buffer_printf(out, "%s%s", type_name(field), field->repeated ? " list" : "");
        type = field->message;
        rest = dot < 0 ? slice_make(NULL, 0) : slice_from(rest, (size_t)dot + 1);
    }
}

static void list_filled(struct fields *fields, const struct udm_field_help *row_at(size_t))
{
    const struct udm_field_help *help;

    for (size_t i = 0; (help = row_at(i)); i++) {
        struct buffer type = {NULL, 0, 0};
        append_type(&type, help->path);
        show(fields, help->path, type.bytes ? type.bytes : "", help->source ? help->source : "", help->meaning ? help->meaning : "");
        buffer_free(&type);
    }
}

static void list_message(struct fields *fields, const struct udm_message_type *type, struct buffer *path, int64_t depth)
{
    size_t length = path->length;

    for (size_t i = 0; i < type->field_count; i++) {
        const struct udm_field *field = &type->fields[i];
        bool label = field->type == UDM_MESSAGE && udm_is_label(field->message);
        buffer_printf(path, "%s%s", length ? "." : "", field->name);
        if (field->type == UDM_MESSAGE && !label) {
            if (depth > 1)
                list_message(fields, field->message, path, depth - 1);
        } else {
            struct buffer kind = {NULL, 0, 0};
            buffer_printf(&kind, "%s%s", label ? "label" : type_name(field), field->repeated ? " list" : "");
            if (label || field->type == UDM_STRUCT)
                buffer_append_text(path, label ? "[\"key\"]" : ".fields[\"key\"]");
            show(fields, path->bytes, kind.bytes, type->name,
                 field->deprecated    ? "deprecated"
                 : field->enumeration ? field->enumeration->name
                                      : "");
            buffer_free(&kind);
        }
        path->length = length;
    }
}

static int list(const struct arguments *arguments, struct fields *fields)
{
    const char *depth_text = arguments_value(arguments, "depth");
    const char *type = arguments_value(arguments, "type");
    int64_t depth = FIELDS_DEPTH;
    struct buffer path = {NULL, 0, 0};

    if (depth_text && (!slice_to_int64(slice_of(depth_text), &depth) || depth < 1 || depth > FIELDS_DEPTH_MOST))
        return fail(EX_USAGE, "--depth %s: a number from 1 to %d", depth_text, FIELDS_DEPTH_MOST);
    bool is_gke = type && strcmp(type, "GKE_CONTROLPLANE") == 0;
    if (type && !is_gke && strcmp(type, "K8S_AUDIT") != 0)
        return fail(EX_USAGE, "--type %s: there is K8S_AUDIT and GKE_CONTROLPLANE; --all lists all of UDM", type);
    if (arguments_has(arguments, "all"))
        list_message(fields, udm_event_type(), &path, depth);
    else
        list_filled(fields, is_gke ? udm_gke_field_help_at : udm_k8s_field_help_at);
    buffer_free(&path);
    return EX_OK;
}

static int run(const struct arguments *arguments)
{
    struct display display = display_of(stdout);
    struct fields fields = {.word = arguments->operands.count ? arguments->operands.items[0] : NULL};

    if (arguments->operands.count > 1)
        return fail(EX_USAGE, "fields: one word at most");
    if (!wants_table(arguments, &display, &fields.as_table))
        return EX_USAGE;
    fields.table = table_new(&display, columns, sizeof columns / sizeof columns[0]);
    int code = list(arguments, &fields);
    table_print(fields.table, &fields.out);
    print_buffer(&fields.out);
    if (code == EX_OK && !fields.shown)
        note("no field has `%s` in its name or meaning%s", fields.word,
             arguments_has(arguments, "all") ? "" : "; --all looks through all of UDM");
    table_free(fields.table);
    buffer_free(&fields.out);
    buffer_free(&fields.json);
    int written = finish_output();
    return code ? code : written;
}

const struct command fields_command = {
    .name = "fields",
    .summary = "List the fields that a rule can use",
    .usage = "fields [--type TYPE | --all] [WORD]",
    .description = "Lists what Kubernetes events fill: the field as a rule writes it behind its event variable, its type, and the "
                   "member of the event that it comes from. WORD leaves only fields that have it in their name, source or meaning.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .examples = "harrierctl fields image\nharrierctl fields --type GKE_CONTROLPLANE principal\nharrierctl fields --all --depth 3 principal",
    .exits = "0   listed\n64  wrong usage",
    .run = run,
};
