/* SPDX-License-Identifier: Apache-2.0 */
/* A log, what rotations make of it, and the trail that reads it. Include it first. */
#ifndef HARRIER_NIT_SOURCE_FILE_TRAIL_FIXTURE_H
#define HARRIER_NIT_SOURCE_FILE_TRAIL_FIXTURE_H

#include "daemon/source/file/rotation.h"
#include "daemon/source/file/trail.h"
#include "harrier/base/buffer.h"
#include "harrier/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define GRACE (3 * CLOCK_SECOND)

struct fixture {
    char folder[64];
    struct trail *trail;
    clock_nanos now; /* as the trail is told */
    time_t modified; /* that the next rotated file gets: rotations are minutes apart */
};

static inline char *path_of(const struct fixture *fixture, const char *name)
{
    return xasprintf("%s/%s", fixture->folder, name);
}

static inline int setup(void **state)
{
    struct fixture *fixture = xcalloc(1, sizeof *fixture);
    snprintf(fixture->folder, sizeof fixture->folder, "/tmp/harrier-trail-test-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    fixture->now = 1000 * CLOCK_SECOND;
    fixture->modified = time(NULL) - 10000;
    *state = fixture;
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *fixture = *state;
    char *command = xasprintf("rm -r %s", fixture->folder);
    trail_free(fixture->trail);
    assert_int_equal(system(command), 0);
    free(command);
    free(fixture);
    return 0;
}

/* --- what happens to the files ---------------------------------------------------------------------------------------------------- */

static inline void append(const struct fixture *fixture, const char *name, const char *text)
{
    char *path = path_of(fixture, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    free(path);
}

/* A line that is longer than what is needed to tell a file by its beginning. */
static inline char *line(int number, char text[400])
{
    snprintf(text, 400, "{\"auditID\":\"%08d\",\"padding\":\"%0300d\"}\n", number, number);
    return text;
}

static inline void append_lines(const struct fixture *fixture, const char *name, int first, int count)
{
    char text[400];
    for (int i = 0; i < count; i++)
        append(fixture, name, line(first + i, text));
}

static inline void set_modified(struct fixture *fixture, const char *name)
{
    char *path = path_of(fixture, name);
    const struct timespec times[2] = {{.tv_sec = fixture->modified}, {.tv_sec = fixture->modified}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    fixture->modified += 60;
    free(path);
}

static inline void rename_file(struct fixture *fixture, const char *from, const char *to)
{
    char *old = path_of(fixture, from), *new = path_of(fixture, to);
    assert_int_equal(rename(old, new), 0);
    free(old);
    free(new);
    set_modified(fixture, to);
}

static inline void copy_file(struct fixture *fixture, const char *from, const char *to)
{
    char *command = xasprintf("cp %s/%s %s/%s", fixture->folder, from, fixture->folder, to);
    assert_int_equal(system(command), 0);
    free(command);
    set_modified(fixture, to);
}

static inline void truncate_file(const struct fixture *fixture, const char *name)
{
    char *path = path_of(fixture, name);
    assert_int_equal(truncate(path, 0), 0);
    free(path);
}

static inline void remove_file(const struct fixture *fixture, const char *name)
{
    char *path = path_of(fixture, name);
    assert_int_equal(unlink(path), 0);
    free(path);
}

/* --- what is read of them ---------------------------------------------------------------------------------------------------------- */

static inline void start_at(struct fixture *fixture, const char *position)
{
    char *path = path_of(fixture, "audit.log");
    trail_free(fixture->trail);
    fixture->trail = trail_new("node", path, GRACE, slice_of(position));
    free(path);
}

/* Everything that can be read now, files' ends as |. */
static inline char *read_all(struct fixture *fixture)
{
    struct buffer all = {0};
    char piece[100];
    size_t length;
    for (;;) {
        enum trail_state state = trail_read(fixture->trail, fixture->now, piece, sizeof piece, &length);
        if (state == TRAIL_NOTHING)
            return buffer_take(&all);
        if (state == TRAIL_END) {
            buffer_append_byte(&all, '|');
            trail_next(fixture->trail);
        } else {
            buffer_append(&all, piece, length);
        }
    }
}

/* first-last of each file, "1-3|4-5": numbers of whole lines. */
static inline void assert_reads(struct fixture *fixture, const char *expected)
{
    char *all = read_all(fixture), *rest = all;
    struct buffer found = {0};
    int last = -1, first = -1, number, used;
    while (*rest) {
        used = 0;
        if (*rest == '|') {
            if (first >= 0)
                buffer_printf(&found, "%d-%d", first, last);
            buffer_append_byte(&found, '|');
            first = -1;
            rest++;
            continue;
        }
        assert_int_equal(sscanf(rest, "{\"auditID\":\"%d\",\"padding\":\"%*[0-9]\"}%n", &number, &used), 1);
        assert_true(used > 300);
        if (first >= 0)
            assert_int_equal(number, last + 1);
        first = first < 0 ? number : first;
        last = number;
        rest += used + 1;
    }
    if (first >= 0)
        buffer_printf(&found, "%d-%d", first, last);
    assert_string_equal(found.bytes ? found.bytes : "", expected);
    buffer_free(&found);
    free(all);
}

/* The position behind all that was read; the process dies, something happens, and it comes back with resume(). */
static inline char *position(const struct fixture *fixture, uint64_t unread)
{
    char *text = xmalloc(FOLLOWED_POSITION_TEXT);
    assert_true(trail_position(fixture->trail, unread, text));
    return text;
}

static inline void resume(struct fixture *fixture, char *at)
{
    start_at(fixture, at);
    free(at);
}

static inline struct trail_figures figures(const struct fixture *fixture)
{
    struct trail_figures now;
    trail_figures(fixture->trail, &now);
    return now;
}

#endif
