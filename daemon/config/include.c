/* SPDX-License-Identifier: Apache-2.0 */
/* Files of sources beside the configuration: each is read as if its sources stood behind those that are there. */
#include "reader.h"

#include "harrier/base/buffer.h"

#include <glob.h>

enum { MOST_FILES = 256, MOST_SOURCES = 256 };

static bool is_inside(const void *target, const struct config_source *sources, size_t count)
{
    const char *at = target, *from = (const char *)sources, *to = (const char *)(sources + count);
    return at >= from && at < to;
}

/* Where values stand is known by where they went, so that moves with them. */
static void move_sources(struct reader *reader, const struct config_source *from, size_t count, struct config_source *to)
{
    if (count)
        memcpy(to, from, count * sizeof *to);
    for (size_t i = 0; i < reader->origins.count; i++) {
        const void **target = &reader->origins.items[i].target;
        if (is_inside(*target, from, count))
            *target = (const char *)to + ((const char *)*target - (const char *)from);
    }
}

static void append_sources(struct reader *reader, struct config *config, const struct config_included *included)
{
    size_t count = config->source_count + included->source_count;

    if (count > MOST_SOURCES) {
        reader_error(reader, reader_origin(reader, &included->sources, (struct config_place){0}),
                     "with these there are %zu sources; the most are %d", count, MOST_SOURCES);
        return;
    }
    struct config_source *sources = arena_calloc(reader->arena, count + 1, sizeof *sources);
    move_sources(reader, config->sources, config->source_count, sources);
    move_sources(reader, included->sources, included->source_count, sources + config->source_count);
    config->sources = sources;
    config->source_count = count;
}

static void read_included(struct reader *reader, struct config *config, const char *file, struct config_place place)
{
    struct config_included *included = ARENA_NEW(reader->arena, struct config_included); /* where values stand is known by its address */
    struct buffer text = {0};
    const char *wrong = config_read_file(file, &text);

    if (wrong) {
        reader_error(reader, place, "`%s`, which is included here, cannot be read: %s", file, wrong);
    } else {
        const struct reader main_file = *reader;
        reader_begin(reader, arena_strdup(reader->arena, slice_of(file)), buffer_slice(&text));
        if (reader_read(reader, &config_included_schema, included))
            append_sources(reader, config, included);
        reader->file = main_file.file;
        reader->folder = main_file.folder;
        reader->text = main_file.text;
        reader->cursor = main_file.cursor;
    }
    buffer_free(&text);
}

static bool has_wildcard(const char *pattern)
{
    return strpbrk(pattern, "*?[") != NULL;
}

/* Files in the order of their names. A pattern may fit none: a folder that waits for its first file. */
void reader_include(struct reader *reader, struct config *config)
{
    size_t files = 0;

    for (size_t i = 0; i < config->include.count; i++) {
        const struct config_place place = config->include.places[i];
        glob_t found = {0};
        int code = glob(config->include.items[i], 0, NULL, &found);
        if (code == GLOB_NOMATCH && !has_wildcard(config->include.items[i]))
            reader_error(reader, place, "`%s` is not there; correct it, or take it out of `include`", config->include.items[i]);
        else if (code && code != GLOB_NOMATCH)
            reader_error(reader, place, "`%s` cannot be looked up", config->include.items[i]);
        for (size_t f = 0; f < found.gl_pathc && files <= MOST_FILES; f++)
            if (++files <= MOST_FILES)
                read_included(reader, config, found.gl_pathv[f], place);
            else
                reader_error(reader, place, "more than %d files are included; put sources together", MOST_FILES);
        globfree(&found);
    }
}
