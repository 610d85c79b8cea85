/* SPDX-License-Identifier: Apache-2.0 */
/* From YAML nodes to struct config, by the schema. */
#include "reader.h"

#include "harrier/base/buffer.h"

#include <stdarg.h>

struct config_place reader_place(struct reader *reader, const yaml_mark_t *mark)
{
    const char *bytes = reader->text.bytes;

    if (mark->index < reader->cursor.characters) {
        reader->cursor.characters = reader->cursor.bytes = 0;
        reader->cursor.place = (struct config_place){.line = 1, .column = 1, .file = reader->file};
    }
    while (reader->cursor.characters < mark->index && reader->cursor.bytes < reader->text.length) {
        bool newline = bytes[reader->cursor.bytes] == '\n';
        size_t before = reader->cursor.bytes++;
        while (reader->cursor.bytes < reader->text.length && ((unsigned char)bytes[reader->cursor.bytes] & 0xC0) == 0x80)
            reader->cursor.bytes++;
        reader->cursor.characters++;
        if (newline)
            reader->cursor.place = (struct config_place){.line = reader->cursor.place.line + 1, .column = 1, .file = reader->file};
        else
            reader->cursor.place.column += (uint32_t)(reader->cursor.bytes - before);
    }
    return reader->cursor.place;
}

struct config_place reader_origin(const struct reader *reader, const void *target, struct config_place fallback)
{
    for (size_t i = 0; i < reader->origins.count; i++)
        if (reader->origins.items[i].target == target)
            return reader->origins.items[i].place;
    return fallback;
}

static __attribute__((format(printf, 4, 0))) void report(struct reader *reader, enum diagnostic_severity severity, struct config_place place, const char *format,
                   va_list arguments)
{
    char text[2048];

    vsnprintf(text, sizeof text, format, arguments);
    diagnostics_add(reader->diagnostics, severity, place.file ? place.file : reader->file, place.line, place.column, "%s", text);
}

void reader_error(struct reader *reader, struct config_place place, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    report(reader, DIAGNOSTIC_ERROR, place, format, arguments);
    va_end(arguments);
}

void reader_warning(struct reader *reader, struct config_place place, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    report(reader, DIAGNOSTIC_WARNING, place, format, arguments);
    va_end(arguments);
}

/* A name with its beginning right counts as near: token for token_file. */
static unsigned int distance(struct slice name, struct slice known)
{
    unsigned int edits = slice_edit_distance(name, known);
    if (name.length >= 3 && slice_starts_with(known, name) && edits > 1)
        return 1;
    return edits;
}

const char *reader_suggestion(struct reader *reader, struct slice name, const char *const *names, size_t count)
{
    const char *nearest = NULL;
    unsigned int least = (unsigned int)(name.length < 3 ? 1 : name.length < 9 ? 2 : name.length / 3) + 1;

    for (size_t i = 0; i < count; i++) {
        unsigned int edits = distance(name, slice_of(names[i]));
        if (edits < least) {
            least = edits;
            nearest = names[i];
        }
    }
    return nearest ? arena_printf(reader->arena, "; did you mean `%s`?", nearest).bytes : "";
}

static struct config_place place_of(struct reader *reader, const yaml_node_t *node)
{
    return reader_place(reader, &node->start_mark);
}

static struct slice scalar_text(const yaml_node_t *node)
{
    return slice_make((const char *)node->data.scalar.value, node->data.scalar.length);
}

/* A key with nothing after it, or null. */
static bool is_null(const yaml_node_t *node)
{
    if (node->type != YAML_SCALAR_NODE || node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
        return false;
    struct slice text = scalar_text(node);
    return text.length == 0 || slice_is(text, "~") || slice_is(text, "null");
}

static const char *place_name(struct reader *reader, const char *where)
{
    return *where ? arena_printf(reader->arena, " in %s", where).bytes : "";
}

/* Tags are refused: one that does nothing would surprise (!include, !env). */
static bool check_tag(struct reader *reader, const yaml_node_t *node)
{
    const char *tag = (const char *)node->tag;
    if (!tag || strncmp(tag, "tag:yaml.org,2002:", 18) == 0)
        return true;
    reader_error(reader, place_of(reader, node), "the tag `%s` means nothing here; remove it", tag);
    return false;
}

static bool expect(struct reader *reader, const yaml_node_t *node, yaml_node_type_t type, const char *name, const char *where)
{
    static const char *const forms[] = {[YAML_NO_NODE] = "",
                                        [YAML_SCALAR_NODE] = "a single value",
                                        [YAML_SEQUENCE_NODE] = "a list, such as [a, b]",
                                        [YAML_MAPPING_NODE] = "a mapping, such as {name: value}"};
    if (!check_tag(reader, node))
        return false;
    if (node->type == type)
        return true;
    reader_error(reader, place_of(reader, node), "`%s`%s must be %s", name, place_name(reader, where), forms[type]);
    return false;
}

static bool read_scalar(struct reader *reader, const struct option *option, const yaml_node_t *node, const char *where, void *target)
{
    if (!expect(reader, node, YAML_SCALAR_NODE, option->name, where))
        return false;
    if (is_null(node)) {
        reader_error(reader, place_of(reader, node), "`%s`%s has no value; give it one or remove it", option->name,
                     place_name(reader, where));
        return false;
    }
    const char *wrong = option_parse(reader, option, scalar_text(node), target);
    if (wrong)
        reader_error(reader, place_of(reader, node), "`%s`%s %s", option->name, place_name(reader, where), wrong);
    return !wrong;
}

/* Counts the entries; a list that is too long is read no further than its bound. */
static size_t bounded_count(struct reader *reader, const struct option *option, const yaml_node_t *node, size_t count, const char *where)
{
    if ((double)count <= option->most)
        return count;
    reader_error(reader, place_of(reader, node), "`%s`%s has %zu entries; the most are %.0f", option->name, place_name(reader, where),
                 count, option->most);
    return (size_t)option->most;
}

static size_t sequence_count(const yaml_node_t *node)
{
    return (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
}

static yaml_node_t *sequence_at(struct reader *reader, const yaml_node_t *node, size_t index)
{
    return yaml_document_get_node(&reader->document, node->data.sequence.items.start[index]);
}

static void read_strings(struct reader *reader, const struct option *option, const yaml_node_t *node, const char *where,
                         struct config_strings *strings)
{
    if (is_null(node) || !expect(reader, node, YAML_SEQUENCE_NODE, option->name, where))
        return;
    size_t count = bounded_count(reader, option, node, sequence_count(node), where);
    strings->items = arena_calloc(reader->arena, count + 1, sizeof *strings->items);
    strings->places = arena_calloc(reader->arena, count + 1, sizeof *strings->places);
    for (size_t i = 0; i < count; i++) {
        yaml_node_t *item = sequence_at(reader, node, i);
        if (!read_scalar(reader, option, item, where, &strings->items[strings->count]))
            continue;
        strings->places[strings->count++] = place_of(reader, item);
    }
}

static const struct config_pair *find_pair(const struct config_pairs *pairs, struct slice name)
{
    for (size_t i = 0; i < pairs->count; i++)
        if (slice_is(name, pairs->items[i].name))
            return &pairs->items[i];
    return NULL;
}

static void read_pair(struct reader *reader, const struct option *option, const yaml_node_pair_t *pair, const char *where,
                      struct config_pairs *pairs)
{
    static const struct option text_option = {.name = "", .type = OPTION_STRING};
    yaml_node_t *key = yaml_document_get_node(&reader->document, pair->key);
    yaml_node_t *value = yaml_document_get_node(&reader->document, pair->value);
    struct config_pair *target = &pairs->items[pairs->count];
    struct option named = text_option;

    if (!expect(reader, key, YAML_SCALAR_NODE, option->name, where))
        return;
    target->place = place_of(reader, key);
    const char *wrong = option_parse(reader, &text_option, scalar_text(key), &target->name);
    if (wrong) {
        reader_error(reader, target->place, "a name in `%s`%s %s", option->name, place_name(reader, where), wrong);
        return;
    }
    const struct config_pair *first = find_pair(pairs, scalar_text(key));
    if (first) {
        reader_error(reader, target->place, "duplicate key `%s` in `%s`: it stands in line %u already; remove one", first->name,
                     option->name, first->place.line);
        return;
    }
    named.name = target->name;
    if (read_scalar(reader, &named, value, option->name, &target->value))
        pairs->count++;
}

static void read_pairs(struct reader *reader, const struct option *option, const yaml_node_t *node, const char *where,
                       struct config_pairs *pairs)
{
    if (is_null(node) || !expect(reader, node, YAML_MAPPING_NODE, option->name, where))
        return;
    size_t count = (size_t)(node->data.mapping.pairs.top - node->data.mapping.pairs.start);
    count = bounded_count(reader, option, node, count, where);
    pairs->items = arena_calloc(reader->arena, count + 1, sizeof *pairs->items);
    for (size_t i = 0; i < count; i++)
        read_pair(reader, option, &node->data.mapping.pairs.start[i], where, pairs);
}

static void read_table(struct reader *reader, const struct option_table *table, const yaml_node_t *node, const char *where, char *object);

/* "sources[0].tls" */
static const char *name_within(struct reader *reader, const char *where, const char *name)
{
    return *where ? arena_printf(reader->arena, "%s.%s", where, name).bytes : name;
}

static void read_records(struct reader *reader, const struct option *option, const yaml_node_t *node, const char *where, char *object)
{
    if (is_null(node) || !expect(reader, node, YAML_SEQUENCE_NODE, option->name, where))
        return;
    size_t count = bounded_count(reader, option, node, sequence_count(node), where);
    char *records = arena_calloc(reader->arena, count + 1, option->table->size);
    *(void **)(void *)(object + option->offset) = records;
    *(size_t *)(void *)(object + option->count_offset) = count;
    for (size_t i = 0; i < count; i++) {
        yaml_node_t *item = sequence_at(reader, node, i);
        const char *name = arena_printf(reader->arena, "%s[%zu]", option->name, i).bytes;
        char *record = records + i * option->table->size;
        *(struct config_place *)(void *)record = place_of(reader, item);
        bool is_mapping = expect(reader, item, YAML_MAPPING_NODE, name, where);
        read_table(reader, option->table, is_mapping ? item : NULL, name_within(reader, where, name), record);
    }
}

/* The three forms of a secret share one target: two of them at once would leave open which one counts. */
static void read_secret(struct reader *reader, const struct option *option, const yaml_node_t *node, const char *where,
                        struct config_secret *secret)
{
    struct config_place place = place_of(reader, node);

    if (secret->place.line) {
        reader_error(reader, place, "`%s`%s gives what line %u gives already; keep one of the two", option->name, place_name(reader, where),
                     secret->place.line);
        return;
    }
    secret->place = place;
    read_scalar(reader, option, node, where, secret);
}

static void read_option(struct reader *reader, const struct option *option, const yaml_node_t *node, const char *where, char *object)
{
    void *target = object + option->offset;

    VECTOR_PUSH(&reader->origins, ((struct reader_origin){target, place_of(reader, node)}));
    switch (option->type) {
    case OPTION_SECTION:
        if (is_null(node) || expect(reader, node, YAML_MAPPING_NODE, option->name, where))
            read_table(reader, option->table, is_null(node) ? NULL : node, name_within(reader, where, option->name), target);
        break;
    case OPTION_RECORDS: read_records(reader, option, node, where, object); break;
    case OPTION_STRINGS:
    case OPTION_PATTERNS: read_strings(reader, option, node, where, target); break;
    case OPTION_PAIRS: read_pairs(reader, option, node, where, target); break;
    case OPTION_SECRET_FILE:
    case OPTION_SECRET_CREDENTIAL:
    case OPTION_SECRET_LITERAL: read_secret(reader, option, node, where, target); break;
    case OPTION_ADDRESS:
        ((struct config_address *)target)->place = place_of(reader, node);
        read_scalar(reader, option, node, where, target);
        break;
    default: read_scalar(reader, option, node, where, target); break;
    }
}

static void apply_defaults(struct reader *reader, const struct option_table *table, char *object)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct option *option = &table->options[i];
        void *target = object + option->offset;
        if (option->type == OPTION_SECTION)
            apply_defaults(reader, option->table, target);
        else if (option->type == OPTION_STRING || option->type == OPTION_PATH)
            *(const char **)target = option->standard ? option->standard : "";
        else if (option->type == OPTION_ADDRESS)
            ((struct config_address *)target)->text = "";
        if (option->standard)
            option_parse(reader, option, slice_of(option->standard), target);
    }
}

static const struct option *find_option(const struct option_table *table, struct slice name)
{
    for (size_t i = 0; i < table->count; i++)
        if (slice_is(name, table->options[i].name))
            return &table->options[i];
    return NULL;
}

/* Bits of the record's type; all of them where there is only one, or it cannot be told. */
static unsigned int record_types(struct reader *reader, const struct option_table *table, const yaml_node_t *node)
{
    if (!table->type)
        return ~0u;
    for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++) {
        const yaml_node_t *key = yaml_document_get_node(&reader->document, pair->key);
        const yaml_node_t *value = yaml_document_get_node(&reader->document, pair->value);
        if (key->type != YAML_SCALAR_NODE || value->type != YAML_SCALAR_NODE || !slice_is(scalar_text(key), table->type->name))
            continue;
        for (const struct option_choice *choice = table->type->choices; choice->name; choice++)
            if (slice_is(scalar_text(value), choice->name))
                return 1u << choice->value;
    }
    return ~0u;
}

static void unknown_key(struct reader *reader, const struct option_table *table, unsigned int types, const yaml_node_t *key,
                        const char *where)
{
    const char *names[64] = {NULL};
    size_t count = 0;
    struct buffer known = {0};

    for (size_t i = 0; i < table->count && count < 64; i++) {
        if (table->options[i].types && !(table->options[i].types & types))
            continue;
        names[count++] = table->options[i].name;
        buffer_printf(&known, "%s%s", known.length ? ", " : "", table->options[i].name);
    }
    const char *suggestion = reader_suggestion(reader, scalar_text(key), names, count);
    if (!*suggestion)
        suggestion = arena_printf(reader->arena, "; known are %s", known.bytes).bytes;
    reader_error(reader, place_of(reader, key), "unknown key `%.*s`%s%s", SLICE_ARGS(scalar_text(key)),
                 *where ? place_name(reader, where) : " at the top level", suggestion);
    buffer_free(&known);
}

static const char *types_text(struct reader *reader, const struct option_table *table, unsigned int types)
{
    const char *text = "";
    unsigned int rest = types;

    for (const struct option_choice *choice = table->type->choices; choice->name; choice++) {
        if (!(types & 1u << choice->value))
            continue;
        rest &= ~(1u << choice->value);
        text = arena_printf(reader->arena, "%s%s%s", text, !*text ? "" : rest ? ", " : " and ", choice->name).bytes;
    }
    return text;
}

/* One key and its value; lines[i] is where option i of the table stood first, 0: not yet. */
static void read_entry(struct reader *reader, const struct option_table *table, unsigned int types, const yaml_node_pair_t *pair,
                       const char *where, char *object, uint32_t *lines)
{
    const yaml_node_t *key = yaml_document_get_node(&reader->document, pair->key);
    const yaml_node_t *value = yaml_document_get_node(&reader->document, pair->value);
    struct config_place place = place_of(reader, key);

    if (key->type != YAML_SCALAR_NODE) {
        reader_error(reader, place, "a key%s must be a single word", place_name(reader, where));
        return;
    }
    const struct option *option = find_option(table, scalar_text(key));
    if (!option) {
        unknown_key(reader, table, types, key, where);
        return;
    }
    uint32_t *line = &lines[option - table->options];
    if (*line) {
        reader_error(reader, place, "duplicate key `%s`%s: it stands in line %u already; remove one", option->name,
                     place_name(reader, where), *line);
        return;
    }
    *line = place.line;
    if (option->types && !(option->types & types)) {
        reader_error(reader, place, "`%s`%s is an option of type %s only; remove it", option->name, place_name(reader, where),
                     types_text(reader, table, option->types));
        return;
    }
    read_option(reader, option, value, where, object);
}

/* node NULL: only the defaults. */
static void read_table(struct reader *reader, const struct option_table *table, const yaml_node_t *node, const char *where, char *object)
{
    apply_defaults(reader, table, object);
    if (!node)
        return;
    uint32_t *lines = arena_calloc(reader->arena, table->count, sizeof *lines);
    unsigned int types = record_types(reader, table, node);
    for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++)
        read_entry(reader, table, types, pair, where, object, lines);
    for (size_t i = 0; i < table->count; i++)
        if (table->options[i].required && !lines[i])
            reader_error(reader, place_of(reader, node), "%s has no `%s`; add it (%s)", where, table->options[i].name,
                         option_type_name(table->options[i].type));
}

void reader_fill(struct reader *reader, yaml_node_t *root, const struct option_table *table, void *object)
{
    static const yaml_mark_t start = {0, 0, 0};
    bool empty = !root || is_null(root);

    if (!empty && root->type != YAML_MAPPING_NODE) {
        reader_error(reader, reader_place(reader, &root->start_mark), "the configuration must be a mapping, such as %s",
                     table == &config_schema ? "cluster: prod" : "sources: [...]");
        empty = true;
    }
    if (empty)
        reader_place(reader, &start);
    read_table(reader, table, empty ? NULL : root, "", object);
}
