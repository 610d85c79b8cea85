/* SPDX-License-Identifier: Apache-2.0 */
#include "reader.h"

#include "harrier/base/buffer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_BYTES = 1024 * 1024, ARENA_BYTES = 16384 };

const char *config_log_type_name(enum config_log_type log_type)
{
    switch (log_type) {
    case CONFIG_LOG_TYPE_K8S_AUDIT: return "K8S_AUDIT";
    case CONFIG_LOG_TYPE_GKE_CONTROLPLANE: return "GKE_CONTROLPLANE";
    case CONFIG_LOG_TYPE_UDM: return "UDM";
    case CONFIG_LOG_TYPE_AUTO: return "auto";
    }
    return "unknown";
}

/* The folder of the file, absolute, in the arena. */
static const char *folder_of(struct arena *arena, const char *file)
{
    char here[PATH_MAX];
    ptrdiff_t slash = slice_find_last_byte(slice_of(file), '/');
    struct slice folder = slash < 0 ? SLICE(".") : slice_first(slice_of(file), (size_t)slash);

    if (file[0] == '/')
        return arena_strdup(arena, folder);
    if (!getcwd(here, sizeof here))
        return arena_strdup(arena, folder);
    return slice_is(folder, ".") ? arena_strdup(arena, slice_of(here)) : arena_printf(arena, "%s/%.*s", here, SLICE_ARGS(folder)).bytes;
}

static void report_syntax(struct reader *reader, const yaml_parser_t *parser)
{
    struct config_place place = {0};
    const char *problem = parser->problem ? parser->problem : "it cannot be read";

    if (parser->error == YAML_READER_ERROR)
        place = reader_place(reader, &parser->mark);
    else if (parser->problem)
        place = reader_place(reader, &parser->problem_mark);
    if (!parser->context)
        reader_error(reader, place, "not YAML: %s; correct the text here or shortly before", problem);
    else
        reader_error(reader, place, "not YAML: %s, %s that began in line %u; correct the text here or shortly before", problem,
                     parser->context, reader_place(reader, &parser->context_mark).line);
}

/* One document, and nothing after it. */
static bool load_document(struct reader *reader, yaml_parser_t *parser)
{
    yaml_document_t second;

    if (!yaml_parser_load(parser, &reader->document)) {
        report_syntax(reader, parser);
        return false;
    }
    if (!yaml_parser_load(parser, &second)) {
        report_syntax(reader, parser);
    } else {
        yaml_node_t *root = yaml_document_get_root_node(&second);
        if (root)
            reader_error(reader, reader_place(reader, &second.start_mark),
                         "a second document begins here; a configuration is one document");
        yaml_document_delete(&second);
    }
    return true;
}

void reader_begin(struct reader *reader, const char *file, struct slice text)
{
    reader->file = file;
    reader->folder = folder_of(reader->arena, file);
    reader->text = text;
    reader->cursor.characters = reader->cursor.bytes = 0;
    reader->cursor.place = (struct config_place){.line = 1, .column = 1, .file = file};
}

bool reader_read(struct reader *reader, const struct option_table *table, void *object)
{
    yaml_parser_t parser;

    if (!yaml_parser_initialize(&parser))
        abort();
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)(reader->text.bytes ? reader->text.bytes : ""), reader->text.length);
    bool loaded = load_document(reader, &parser);
    if (loaded) {
        reader_fill(reader, yaml_document_get_root_node(&reader->document), table, object);
        yaml_document_delete(&reader->document);
    }
    yaml_parser_delete(&parser);
    return loaded;
}

enum result config_parse(const char *file, struct slice text, unsigned int flags, struct diagnostics *diagnostics, struct config **config)
{
    struct arena *arena = arena_new(ARENA_BYTES);
    struct config *made = ARENA_NEW(arena, struct config);
    size_t before = diagnostics_count_of(diagnostics, DIAGNOSTIC_ERROR);
    struct reader reader = {.flags = flags, .arena = arena, .diagnostics = diagnostics};

    *config = NULL;
    made->arena = arena;
    made->file = arena_strdup(arena, slice_of(file));
    reader_begin(&reader, made->file, text);
    if (reader_read(&reader, &config_schema, made)) {
        reader_include(&reader, made);
        reader_check(&reader, made);
    }
    VECTOR_FREE(&reader.origins);
    if (diagnostics_count_of(diagnostics, DIAGNOSTIC_ERROR) > before) {
        arena_free(arena);
        return RESULT_INVALID;
    }
    *config = made;
    return RESULT_OK;
}

static enum result read_file(const char *file, struct buffer *text)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    ssize_t got = -1;

    if (fd < 0)
        return result_from_errno(errno);
    do {
        buffer_reserve(text, 65536);
        got = read(fd, text->bytes + text->length, 65536);
        if (got > 0)
            text->length += (size_t)got;
    } while ((got > 0 && text->length <= FILE_BYTES) || (got < 0 && errno == EINTR));
    enum result result = got < 0 ? result_from_errno(errno) : text->length > FILE_BYTES ? RESULT_LIMIT : RESULT_OK;
    close(fd);
    return result;
}

static const char *why_unread(enum result result)
{
    return result == RESULT_NOT_FOUND ? "no such file" : result_text(result);
}

const char *config_read_file(const char *file, struct buffer *text)
{
    struct stat status;

    if (stat(file, &status) == 0 && !S_ISREG(status.st_mode))
        return "it is no plain file";
    enum result result = read_file(file, text);
    return result == RESULT_OK ? NULL : result == RESULT_LIMIT ? "it may have 1 MiB" : why_unread(result);
}

const char *config_place_file(const struct config *config, struct config_place place)
{
    return place.file ? place.file : config->file;
}

enum result config_load(const char *file, unsigned int flags, struct diagnostics *diagnostics, struct config **config)
{
    struct buffer text = {0};
    enum result result = read_file(file, &text);

    *config = NULL;
    if (result == RESULT_OK)
        result = config_parse(file, buffer_slice(&text), flags, diagnostics, config);
    else
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, file, 0, 0, "the configuration cannot be read: %s; %s",
                        why_unread(result),
                        result == RESULT_LIMIT ? "it may have 1 MiB" : "name a file that can be read");
    buffer_free(&text);
    return result;
}

void config_free(struct config *config)
{
    if (config)
        arena_free(config->arena);
}
