/* SPDX-License-Identifier: Apache-2.0 */
#include "followers.h"

#include "followed_files.h"

#include "harrier/base/log.h"
#include "harrier/base/memory.h"

#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

struct followers {
    size_t source_count;
    struct followed_files *of_source[]; /* NULL: none here */
};

static enum result read_position(struct store_reader *reader, const struct config_source *source, struct arena *arena, struct slice *position)
{
    struct buffer positions = {NULL, 0, 0};

    *position = (struct slice){0};
    if (source->type != CONFIG_SOURCE_FILE)
        return RESULT_OK;
    if (!followed_files_is_pattern(source->file)) {
        enum result result = store_position(reader, source->name, arena, position);
        return result == RESULT_NOT_FOUND ? RESULT_OK : result;
    }
    enum result result = followed_files_read_positions(reader, source->name, &positions);
    *position = arena_copy(arena, buffer_slice(&positions));
    buffer_free(&positions);
    return result;
}

struct slice *followers_read_positions(struct store_reader *reader, const struct config *config, struct arena *arena)
{
    struct slice *positions = arena_alloc(arena, config->source_count * sizeof *positions);

    for (size_t i = 0; i < config->source_count; i++) {
        const struct config_source *source = &config->sources[i];
        if (read_position(reader, source, arena, &positions[i]) != RESULT_OK)
            log_about(LOG_LEVEL_ERROR, LOG_FIELD_SOURCE, source->name,
                      "source `%s`: how far %s was read cannot be told: %s; it is read from its beginning", source->name, source->file,
                      store_reader_error(reader));
    }
    return positions;
}

/* --- the first start ----------------------------------------------------------------------------------------------------------------- */

struct first_positions {
    sem_t stored;
    enum result result;
};

static void first_positions_done(void *context, enum result result, struct submission *submission)
{
    struct first_positions *first = context;

    submission_free(submission);
    first->result = result;
    sem_post(&first->stored);
}

static enum result store_and_wait(struct commit *commit, struct submission *submission)
{
    const struct commit_sender own = {.source = COMMIT_OWN, .insists = true};
    struct first_positions first = {.result = RESULT_BUSY};

    sem_init(&first.stored, 0, 0);
    if (commit_submit(commit, &own, submission, first_positions_done, &first))
        while (sem_wait(&first.stored) != 0)
            continue;
    else
        submission_free(submission);
    sem_destroy(&first.stored);
    return first.result;
}

static void add_first_position(struct submission *submission, const struct config_source *source, struct arena *arena, struct slice *position)
{
    struct buffer positions = {NULL, 0, 0};

    if (followed_files_is_pattern(source->file)) {
        buffer_append_slice(&positions, *position);
        followed_files_add_first_positions(source, &positions, submission);
        *position = arena_copy(arena, buffer_slice(&positions));
        buffer_free(&positions);
        return;
    }
    if (position->length || strcmp(source->file, "-") == 0)
        return;
    char *text = arena_alloc(arena, SOURCE_FOLLOWER_POSITION_BYTES);

    source_follower_first_position(source->file, text);
    *position = slice_of(text);
    submission_add_position(submission, slice_of(source->name), *position);
}

void followers_store_first_positions(struct commit *commit, const struct config *config, struct arena *arena, struct slice *positions)
{
    struct submission *submission = submission_new(SLICE(""), SLICE(""));

    for (size_t i = 0; i < config->source_count; i++)
        if (config->sources[i].type == CONFIG_SOURCE_FILE)
            add_first_position(submission, &config->sources[i], arena, &positions[i]);
    if (submission_is_empty(submission)) {
        submission_free(submission);
        return;
    }
    enum result result = store_and_wait(commit, submission);
    if (result != RESULT_OK)
        log_warning("where followed files are begun could not be stored (%s): if one is rotated before the store takes writes again, and the "
                    "daemon ends before that, it is not found again",
                    result_text(result));
}

/* --- life ---------------------------------------------------------------------------------------------------------------------------- */

struct followers *followers_start(struct source_worker *source, struct event_base *base, const struct config *config, const struct slice *positions,
                                  size_t number, size_t count)
{
    struct followers *followers = xcalloc(1, sizeof *followers + config->source_count * sizeof(struct followed_files *));

    followers->source_count = config->source_count;
    for (size_t i = 0; i < config->source_count; i++) {
        if (config->sources[i].type != CONFIG_SOURCE_FILE || i % count != number)
            continue;
        followers->of_source[i] = followed_files_new(source, base, &config->sources[i], i, positions[i]);
    }
    return followers;
}

void followers_drain(struct followers *followers)
{
    for (size_t i = 0; i < followers->source_count; i++)
        if (followers->of_source[i])
            followed_files_drain(followers->of_source[i]);
}

void followers_free(struct followers *followers)
{
    for (size_t i = 0; i < followers->source_count; i++)
        followed_files_free(followers->of_source[i]);
    free(followers);
}

bool followers_count(const struct followers *followers, size_t source, struct source_follower_counts *counts)
{
    if (!followers->of_source[source])
        return false;
    followed_files_count(followers->of_source[source], counts);
    return true;
}
