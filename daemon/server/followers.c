/* SPDX-License-Identifier: Apache-2.0 */
#include "followers.h"

#include "harrier/log.h"
#include "harrier/memory.h"

#include <stdlib.h>

struct followers {
    size_t source_count;
    struct source_follower *of_source[]; /* NULL: none here */
};

struct slice *followers_read_positions(struct store_reader *reader, const struct config *config, struct arena *arena)
{
    struct slice *positions = arena_alloc(arena, config->source_count * sizeof *positions);

    for (size_t i = 0; i < config->source_count; i++) {
        const struct config_source *source = &config->sources[i];
        positions[i] = (struct slice){0};
        enum result result =
            source->type == CONFIG_SOURCE_FILE ? store_position(reader, source->name, arena, &positions[i]) : RESULT_NOT_FOUND;
        if (result != RESULT_OK && result != RESULT_NOT_FOUND)
            log_about(LOG_LEVEL_ERROR, LOG_FIELD_SOURCE, source->name,
                      "source `%s`: how far %s was read cannot be told: %s; it is read from its beginning", source->name, source->file,
                      store_reader_error(reader));
    }
    return positions;
}

struct followers *followers_start(struct source_worker *source, const struct config *config, const struct slice *positions, size_t number,
                                  size_t count)
{
    struct followers *followers = xcalloc(1, sizeof *followers + config->source_count * sizeof(struct source_follower *));

    followers->source_count = config->source_count;
    for (size_t i = 0; i < config->source_count; i++) {
        if (config->sources[i].type != CONFIG_SOURCE_FILE || i % count != number)
            continue;
        const struct source_follower_options options = {.source = i, .name = config->sources[i].name, .path = config->sources[i].file};
        followers->of_source[i] = source_follower_new(source, &options, positions[i]);
        source_follower_start(followers->of_source[i]);
    }
    return followers;
}

void followers_drain(struct followers *followers)
{
    for (size_t i = 0; i < followers->source_count; i++)
        if (followers->of_source[i])
            source_follower_drain(followers->of_source[i]);
}

void followers_free(struct followers *followers)
{
    for (size_t i = 0; i < followers->source_count; i++)
        source_follower_free(followers->of_source[i]);
    free(followers);
}

bool followers_count(const struct followers *followers, size_t source, struct source_follower_counts *counts)
{
    if (!followers->of_source[source])
        return false;
    source_follower_count(followers->of_source[source], counts);
    return true;
}
