/* SPDX-License-Identifier: Apache-2.0 */
#include "followed_files.h"

#include "harrier/base/log.h"
#include "harrier/base/log_limit.h"
#include "harrier/base/memory.h"
#include "harrier/base/vector.h"

#include <glob.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* How often the pattern is asked again, and how long a file may be missing, as in a rotation, before it is let go (once all of it is read). */
static const struct timeval scan_period = {1, 0};
#define MISSING_TIME (3 * CLOCK_SECOND)

struct followed {
    char *path;
    struct source_follower *follower;
    clock_nanos missing_since; /* monotonic; 0: it is there */
    bool seen;                 /* by the scan under way */
};

/* The vector changes on the worker's thread alone; the mutex is for those who count. */
struct followed_files {
    struct source_worker *worker;
    const struct config_source *source;
    size_t index;
    bool is_pattern;
    char *positions; /* of a pattern: as they were read at the start */
    struct event *scan;
    bool draining;
    pthread_mutex_t mutex;
    VECTOR(struct followed) all;
    struct source_follower_counts gone; /* of those that were let go */
    uint64_t unfollowed;
    struct log_limit logged_most;
};

/* --- patterns and positions ---------------------------------------------------------------------------------------------------------- */

bool followed_files_is_pattern(const char *file)
{
    return strpbrk(file, "*?[") != NULL;
}

/* A source's name has no slash, so that no other source's key begins like these. */
void followed_files_key(const char *source, const char *path, char key[FOLLOWED_FILES_KEY])
{
    char hex[DIGEST_SHA256_HEX];

    digest_sha256_hex(slice_of(path), hex);
    snprintf(key, FOLLOWED_FILES_KEY, "%s/%s", source, hex);
}

static void append_position(struct slice key, struct slice value, void *context)
{
    struct buffer *positions = context;
    buffer_printf(positions, "%.*s %.*s\n", SLICE_ARGS(key), SLICE_ARGS(value));
}

enum result followed_files_read_positions(struct store_reader *reader, const char *source, struct buffer *positions)
{
    char prefix[FOLLOWED_FILES_KEY];

    snprintf(prefix, sizeof prefix, "%s/", source);
    return store_positions(reader, prefix, append_position, positions);
}

/* The line's position behind its key; empty: there is none. */
static struct slice position_of(const char *positions, const char *key)
{
    const char *line = positions ? strstr(positions, key) : NULL;

    if (!line)
        return slice_make(NULL, 0);
    line += strlen(key) + 1;
    return slice_make(line, strcspn(line, "\n"));
}

/* Regular files alone, in the order of their names. */
static size_t match_files(const char *pattern, glob_t *found)
{
    struct stat about;
    size_t kept = 0;

    if (glob(pattern, 0, NULL, found) != 0) {
        *found = (glob_t){0};
        return 0;
    }
    for (size_t i = 0; i < found->gl_pathc; i++) {
        char *path = found->gl_pathv[i];
        if (stat(path, &about) != 0 || !S_ISREG(about.st_mode))
            continue;
        found->gl_pathv[i] = found->gl_pathv[kept];
        found->gl_pathv[kept++] = path;
    }
    return kept;
}

static void remove_positions_of_gone_files(const char *positions, const char *present, struct submission *submission)
{
    for (const char *line = positions; line && *line; line = strchr(line, '\n') + 1) {
        char key[FOLLOWED_FILES_KEY];
        size_t length = strcspn(line, " ");
        if (length >= sizeof key)
            continue;
        memcpy(key, line, length);
        key[length] = '\0';
        if (!present || !strstr(present, key))
            submission_add_position(submission, slice_of(key), slice_make(NULL, 0));
    }
}

void followed_files_add_first_positions(const struct config_source *source, struct buffer *positions, struct submission *submission)
{
    struct buffer present = {NULL, 0, 0}, before = *positions;
    glob_t found;
    size_t count = match_files(source->file, &found);

    *positions = (struct buffer){NULL, 0, 0};
    for (size_t i = 0; i < count; i++) {
        char key[FOLLOWED_FILES_KEY], first[SOURCE_FOLLOWER_POSITION_BYTES];
        followed_files_key(source->name, found.gl_pathv[i], key);
        buffer_printf(&present, "%s\n", key);
        struct slice known = position_of(before.bytes, key);
        if (known.length == 0 && i < FOLLOWED_FILES_MOST) {
            source_follower_first_position(found.gl_pathv[i], first);
            known = slice_of(first);
            submission_add_position(submission, slice_of(key), known);
        }
        if (known.length)
            append_position(slice_of(key), known, positions);
    }
    remove_positions_of_gone_files(before.bytes, present.bytes, submission);
    globfree(&found);
    buffer_free(&present);
    buffer_free(&before);
}

/* --- the files ----------------------------------------------------------------------------------------------------------------------- */

static void follow_file(struct followed_files *files, const char *path, const char *key, struct slice position)
{
    const struct source_follower_options options = {.source = files->index,
                                                    .name = files->source->name,
                                                    .path = path,
                                                    .position_key = key,
                                                    .stretch_bytes = files->is_pattern ? FOLLOWED_FILES_STRETCH : 0};
    struct followed followed = {.path = xstrdup(path), .follower = source_follower_new(files->worker, &options, position), .seen = true};

    pthread_mutex_lock(&files->mutex);
    VECTOR_PUSH(&files->all, followed);
    pthread_mutex_unlock(&files->mutex);
    source_follower_start(followed.follower);
}

static void follow_match(struct followed_files *files, const char *path)
{
    char key[FOLLOWED_FILES_KEY];
    uint64_t left_out;

    for (size_t i = 0; i < files->all.count; i++) {
        if (strcmp(files->all.items[i].path, path) != 0)
            continue;
        files->all.items[i].seen = true;
        files->all.items[i].missing_since = 0;
        return;
    }
    if (files->all.count >= FOLLOWED_FILES_MOST) {
        pthread_mutex_lock(&files->mutex);
        files->unfollowed++;
        pthread_mutex_unlock(&files->mutex);
        if (log_limit_due(&files->logged_most, &left_out))
            log_about(LOG_LEVEL_ERROR, LOG_FIELD_SOURCE, files->source->name,
                      "source `%s`: more than %d files match %s: %s is not followed until another is gone; narrow the pattern or use another source",
                      files->source->name, FOLLOWED_FILES_MOST, files->source->file, path);
        return;
    }
    followed_files_key(files->source->name, path, key);
    log_about(LOG_LEVEL_INFO, LOG_FIELD_SOURCE, files->source->name, "source `%s`: follows %s", files->source->name, path);
    follow_file(files, path, key, position_of(files->positions, key));
}

static void add_follower_counts(struct source_follower_counts *to, const struct source_follower_counts *from)
{
    to->bytes += from->bytes;
    to->lines += from->lines;
    to->rotations += from->rotations;
    to->truncations += from->truncations;
    to->lost += from->lost;
    to->refusals += from->refusals;
    to->lag_bytes += from->lag_bytes;
    to->readable |= from->readable;
}

/* All of it was read, and nobody will write more. */
static bool is_over(struct followed *followed, clock_nanos now, struct source_follower_counts *counts)
{
    if (followed->seen)
        return false;
    if (followed->missing_since == 0)
        followed->missing_since = now;
    source_follower_count(followed->follower, counts);
    return now - followed->missing_since >= MISSING_TIME && counts->lag_bytes == 0;
}

static void let_go_of_gone_files(struct followed_files *files)
{
    clock_nanos now = clock_monotonic();

    for (size_t i = files->all.count; i-- > 0;) {
        struct followed followed = files->all.items[i];
        struct source_follower_counts counts = {0};
        if (!is_over(&files->all.items[i], now, &counts))
            continue;
        counts.readable = 0;
        pthread_mutex_lock(&files->mutex);
        add_follower_counts(&files->gone, &counts);
        files->all.items[i] = files->all.items[--files->all.count];
        pthread_mutex_unlock(&files->mutex);
        log_about(LOG_LEVEL_INFO, LOG_FIELD_SOURCE, files->source->name, "source `%s`: %s is gone, and all of it was read", files->source->name,
                  followed.path);
        source_follower_free(followed.follower);
        free(followed.path);
    }
}

static void scan_files(struct followed_files *files)
{
    glob_t found;
    size_t count = match_files(files->source->file, &found);

    pthread_mutex_lock(&files->mutex);
    files->unfollowed = 0;
    pthread_mutex_unlock(&files->mutex);
    for (size_t i = 0; i < files->all.count; i++)
        files->all.items[i].seen = false;
    for (size_t i = 0; i < count; i++)
        follow_match(files, found.gl_pathv[i]);
    globfree(&found);
    let_go_of_gone_files(files);
}

static void scan_cb(evutil_socket_t fd, short what, void *argument)
{
    struct followed_files *files = argument;

    (void)fd;
    (void)what;
    if (!files->draining)
        scan_files(files);
}

struct followed_files *followed_files_new(struct source_worker *worker, struct event_base *base, const struct config_source *source, size_t index,
                                          struct slice positions)
{
    struct followed_files *files = xcalloc(1, sizeof *files);

    files->worker = worker;
    files->source = source;
    files->index = index;
    files->is_pattern = followed_files_is_pattern(source->file);
    pthread_mutex_init(&files->mutex, NULL);
    if (!files->is_pattern) {
        follow_file(files, source->file, source->name, positions);
        return files;
    }
    files->positions = xstrndup(positions.length ? positions.bytes : "", positions.length);
    files->scan = event_new(base, -1, EV_PERSIST, scan_cb, files);
    event_add(files->scan, &scan_period);
    scan_files(files);
    return files;
}

void followed_files_drain(struct followed_files *files)
{
    files->draining = true;
    for (size_t i = 0; i < files->all.count; i++)
        source_follower_drain(files->all.items[i].follower);
}

void followed_files_free(struct followed_files *files)
{
    if (!files)
        return;
    if (files->scan)
        event_free(files->scan);
    for (size_t i = 0; i < files->all.count; i++) {
        source_follower_free(files->all.items[i].follower);
        free(files->all.items[i].path);
    }
    VECTOR_FREE(&files->all);
    pthread_mutex_destroy(&files->mutex);
    free(files->positions);
    free(files);
}

void followed_files_count(struct followed_files *files, struct source_follower_counts *counts)
{
    *counts = (struct source_follower_counts){0};
    pthread_mutex_lock(&files->mutex);
    if (files->is_pattern) {
        *counts = files->gone;
        counts->unfollowed = files->unfollowed;
        for (size_t i = 0; i < files->all.count; i++) {
            struct source_follower_counts own;
            source_follower_count(files->all.items[i].follower, &own);
            add_follower_counts(counts, &own);
        }
    } else if (files->all.count) {
        source_follower_count(files->all.items[0].follower, counts);
    }
    pthread_mutex_unlock(&files->mutex);
}
