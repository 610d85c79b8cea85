/* SPDX-License-Identifier: Apache-2.0 */
/* Rotations by the kind, while somebody reads, while somebody lags behind, and while nobody is there: what is left is read, in order, and
 * what is not is counted. */
#include "trail_fixture.h"

#include "tests/unit/packing.h"

#include <errno.h>
#include <sys/resource.h>

enum { FILES_MAX = 9 };

/* --- what rotates ------------------------------------------------------------------------------------------------------------------- */

static bool exists(const struct fixture *fixture, const char *name)
{
    char *path = path_of(fixture, name);
    bool is = access(path, F_OK) == 0;
    free(path);
    return is;
}

static void move(const struct fixture *fixture, const char *from, const char *to)
{
    char *old = path_of(fixture, from), *new = path_of(fixture, to);
    if (exists(fixture, from))
        assert_int_equal(rename(old, new), 0);
    free(old);
    free(new);
}

/* Its time becomes now, as with packers that do not keep it. */
static void pack(const struct fixture *fixture, const char *name, const char *ending)
{
    char *path = path_of(fixture, name), *packed = xasprintf("%s%s", path, ending), bytes[100000];
    struct buffer out = {0};
    if (exists(fixture, name)) {
        int fd = open(path, O_RDONLY);
        ssize_t got = read(fd, bytes, sizeof bytes);
        assert_true(got >= 0);
        close(fd);
        if (strcmp(ending, ".zst") == 0)
            append_zstd(&out, slice_make(bytes, (size_t)got));
        else
            append_gzip(&out, slice_make(bytes, (size_t)got));
        fd = open(packed, O_WRONLY | O_CREAT | O_EXCL, 0600);
        assert_int_equal(write(fd, out.bytes, out.length), out.length);
        close(fd);
        unlink(path);
    }
    buffer_free(&out);
    free(packed);
    free(path);
}

static void shift_chain(struct fixture *fixture)
{
    static const char *const endings[] = {"", ".gz", ".zst", ".xz"};
    char from[40], to[40];
    for (int number = FILES_MAX; number > 0; number--) {
        for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
            snprintf(from, sizeof from, "audit.log.%d%s", number, endings[i]);
            snprintf(to, sizeof to, "audit.log.%d%s", number + 1, endings[i]);
            move(fixture, from, to);
        }
    }
}

static void link_to_day(const struct fixture *fixture, int day)
{
    char *link = path_of(fixture, "audit.log"), target[40];
    snprintf(target, sizeof target, "audit-202611%02d.log", day);
    unlink(link);
    assert_int_equal(symlink(target, link), 0);
    free(link);
}

struct scene {
    struct fixture *fixture;
    int next; /* line */
    int day;
};

/* r: renamed along the chain; R: the same, and the one before is packed; c, C: copied and truncated; d: renamed to a name with the day;
 * D: the same, and packed; l: the link leads to the next day's file; L: the day's file is packed, too; e: renamed, and nothing was written;
 * digits: audit.log.N is removed, packed or not; p: .1 is packed; x: .1 is packed in an unknown way; m: the day before is removed. */
static void rotate(struct scene *scene, char step)
{
    struct fixture *fixture = scene->fixture;
    char name[64], packed[80];
    bool copies = step == 'c' || step == 'C';
    snprintf(name, sizeof name, "audit-202611%02d.log", scene->day);
    if (strchr("rRcCe", step))
        shift_chain(fixture);
    if (strchr("re", step) || step == 'R')
        rename_file(fixture, "audit.log", "audit.log.1");
    if (copies) {
        copy_file(fixture, "audit.log", "audit.log.1");
        truncate_file(fixture, "audit.log");
    }
    if (step == 'R' || step == 'C')
        pack(fixture, "audit.log.2", step == 'C' ? ".zst" : ".gz");
    if (step == 'd' || step == 'D') {
        rename_file(fixture, "audit.log", name);
        scene->day++;
    }
    if (step == 'l' || step == 'L') {
        set_modified(fixture, name);
        link_to_day(fixture, ++scene->day);
    }
    if (step == 'D' || step == 'L')
        pack(fixture, name, ".gz");
    if (step == 'p')
        pack(fixture, "audit.log.1", ".gz");
    if (step == 'x')
        move(fixture, "audit.log.1", "audit.log.1.xz");
    if (step == 'm') {
        snprintf(name, sizeof name, "audit-202611%02d.log", scene->day - 1);
        remove_file(fixture, name);
    }
    if (step >= '1' && step <= '9') {
        snprintf(name, sizeof name, "audit.log.%c", step);
        snprintf(packed, sizeof packed, "%s.gz", name);
        remove_file(fixture, exists(fixture, name) ? name : packed);
    }
    if (step == 'e')
        append(fixture, "audit.log", "");
    else if (!strchr("pxm123456789", step)) {
        append_lines(fixture, "audit.log", scene->next, 2);
        scene->next += 2;
    }
}

/* --- what is read ------------------------------------------------------------------------------------------------------------------- */

/* Appends the numbers of the lines, as ranges. */
static void read_into(struct fixture *fixture, int *first, int *last, struct buffer *ranges)
{
    char *all = read_all(fixture);
    for (const char *rest = all; *rest;) {
        int number, used = 0;
        if (*rest == '|') {
            rest++;
            continue;
        }
        assert_int_equal(sscanf(rest, "{\"auditID\":\"%d\",\"padding\":\"%*[0-9]\"}%n", &number, &used), 1);
        assert_true(used > 300);
        rest += used + 1;
        if (number == *last + 1) {
            *last = number;
            continue;
        }
        if (*first)
            buffer_printf(ranges, "%d-%d ", *first, *last);
        *first = *last = number;
    }
    free(all);
}

enum mode { RUNNING, LAGGING, DOWN, MODES };
static const char *const mode_names[MODES] = {"running", "lagging", "down"};

struct row {
    const char *steps;
    bool linked;
    struct {
        const char *ranges;
        uint64_t lost;
    } in[MODES];
};

/* Lines 1 and 2 were read, 3 was not, and then comes each step with two lines more. */
static void play(const struct row *row, enum mode mode)
{
    void *state;
    setup(&state);
    struct fixture *fixture = state;
    struct scene scene = {fixture, 4, 24};
    struct buffer ranges = {0};
    int first = 0, last = 0;
    char *at = NULL;
    if (row->linked)
        link_to_day(fixture, 24);
    append_lines(fixture, "audit.log", 1, 2);
    start_at(fixture, "");
    assert_reads(fixture, "1-2");
    set_modified(fixture, "audit.log");
    assert_reads(fixture, "");
    if (mode == DOWN)
        at = position(fixture, 0);
    append_lines(fixture, "audit.log", 3, 1);
    for (const char *step = row->steps; *step; step++) {
        if (mode == RUNNING)
            read_into(fixture, &first, &last, &ranges);
        rotate(&scene, *step);
        if (mode != DOWN) /* as the follower does */
            trail_look(fixture->trail);
    }
    if (mode == DOWN)
        resume(fixture, at);
    for (int i = 0; i < 30; i++) {
        read_into(fixture, &first, &last, &ranges);
        fixture->now += GRACE;
    }
    buffer_printf(&ranges, "%d-%d", first, last);
    if (strcmp(ranges.bytes, row->in[mode].ranges) != 0 || figures(fixture).lost != row->in[mode].lost)
        fail_msg("%s, %s: %s with %llu lost", row->steps, mode_names[mode], ranges.bytes, (unsigned long long)figures(fixture).lost);
    buffer_free(&ranges);
    teardown(&state);
}

static void play_all(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (enum mode mode = RUNNING; mode < MODES; mode++)
            play(&rows[i], mode);
}

#define IN_ALL(ranges, lost) {{ranges, lost}, {ranges, lost}, {ranges, lost}}

static void test_what_is_left_after_rotations_is_read_in_order_and_nothing_is_called_lost(void **state)
{
    static const struct row rows[] = {
        {"r", false, IN_ALL("3-5", 0)},      {"rr", false, IN_ALL("3-7", 0)},    {"rrr", false, IN_ALL("3-9", 0)},
        {"R", false, IN_ALL("3-5", 0)},      {"RR", false, IN_ALL("3-7", 0)},    {"RRRR", false, IN_ALL("3-11", 0)},
        {"rp", false, IN_ALL("3-5", 0)},     {"rprp", false, IN_ALL("3-7", 0)},  {"rprprp", false, IN_ALL("3-9", 0)},
        {"c", false, IN_ALL("3-5", 0)},      {"cc", false, IN_ALL("3-7", 0)},    {"CCC", false, IN_ALL("3-9", 0)},
        {"cpcp", false, IN_ALL("3-7", 0)},   {"d", false, IN_ALL("3-5", 0)},     {"ddd", false, IN_ALL("3-9", 0)},
        {"D", false, IN_ALL("3-5", 0)},      {"DDD", false, IN_ALL("3-9", 0)},   {"l", true, IN_ALL("3-5", 0)},
        {"ll", true, IN_ALL("3-7", 0)},      {"llll", true, IN_ALL("3-11", 0)},  {"LL", true, IN_ALL("3-7", 0)},
        {"re", false, IN_ALL("3-5", 0)},     {"rer", false, IN_ALL("3-7", 0)},
    };
    (void)state;
    play_all(rows, sizeof rows / sizeof rows[0]);
}

/* Who runs or lags has it open, who is down does not. */
static void test_what_was_removed_before_it_was_read_is_counted_by_the_gap_it_leaves(void **state)
{
    static const struct row rows[] = {
        {"rr1", false, {{"3-7", 0}, {"3-7", 0}, {"3-3 6-7", 1}}},
        {"rrr2", false, {{"3-9", 0}, {"3-9", 0}, {"3-3 6-9", 1}}},
        {"rrrr32", false, {{"3-11", 0}, {"3-11", 0}, {"3-3 8-11", 2}}},
        {"RRR2", false, {{"3-9", 0}, {"3-9", 0}, {"3-3 6-9", 1}}},
        {"r1", false, {{"3-5", 0}, {"3-5", 0}, {"4-5", 1}}},
        {"rr2", false, {{"3-7", 0}, {"3-7", 0}, {"4-7", 1}}},
        {"llm", true, {{"3-7", 0}, {"3-7", 0}, {"3-3 6-7", 1}}},
        {"lllm", true, {{"3-9", 0}, {"3-9", 0}, {"3-5 8-9", 1}}},
    };
    (void)state;
    play_all(rows, sizeof rows / sizeof rows[0]);
}

static void test_a_packed_file_that_cannot_be_unpacked_is_a_loss(void **state)
{
    static const struct row rows[] = {{"rrx", false, {{"3-7", 0}, {"3-7", 0}, {"3-3 6-7", 1}}}};
    (void)state;
    play_all(rows, sizeof rows / sizeof rows[0]);
}

static void test_a_damaged_packed_file_is_read_as_far_as_it_goes_and_is_a_loss(void **state)
{
    struct fixture *fixture = *state;
    struct stat about;
    append_lines(fixture, "audit.log", 1, 2);
    start_at(fixture, "");
    assert_reads(fixture, "1-2");
    char *at = position(fixture, 0);
    rename_file(fixture, "audit.log", "audit.log.2");
    append_lines(fixture, "audit.log", 3, 50);
    rename_file(fixture, "audit.log", "audit.log.1");
    pack(fixture, "audit.log.1", ".gz");
    char *path = path_of(fixture, "audit.log.1.gz");
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(truncate(path, about.st_size - 20), 0);
    append_lines(fixture, "audit.log", 53, 1);
    resume(fixture, at);
    for (int i = 0; i < 6; i++) {
        free(read_all(fixture));
        fixture->now += GRACE;
    }
    assert_int_equal(figures(fixture).lost, 1);
    append_lines(fixture, "audit.log", 54, 1);
    assert_reads(fixture, "54-54");
    free(path);
}

/* logrotate moves .1 to .2 before it makes a new .1. */
static void test_a_name_that_is_missing_in_the_middle_of_a_rotation_is_no_loss(void **state)
{
    struct fixture *fixture = *state;
    append_lines(fixture, "audit.log", 1, 2);
    start_at(fixture, "");
    assert_reads(fixture, "1-2");
    char *at = position(fixture, 0);
    rename_file(fixture, "audit.log", "audit.log.1");
    append_lines(fixture, "audit.log", 3, 2);
    rename_file(fixture, "audit.log.1", "audit.log.2");
    resume(fixture, at);
    assert_reads(fixture, "");
    fixture->now += GRACE;
    assert_reads(fixture, "|");
    fixture->now += GRACE - 1;
    assert_reads(fixture, "");
    rename_file(fixture, "audit.log", "audit.log.1");
    append_lines(fixture, "audit.log", 5, 1);
    assert_reads(fixture, "3-4");
    fixture->now += GRACE;
    assert_reads(fixture, "|5-5");
    assert_int_equal(figures(fixture).lost, 0);
}

static void read_lines(struct fixture *fixture, int first, int last)
{
    char expected[400], found[400];
    for (int number = first; number <= last; number++) {
        size_t length = strlen(line(number, expected)), got;
        for (size_t filled = 0; filled < length; filled += got)
            assert_int_equal(trail_read(fixture->trail, fixture->now, found + filled, length - filled, &got), TRAIL_BYTES);
        assert_memory_equal(found, expected, length);
    }
}

static void test_the_place_within_a_packed_file_is_found_again(void **state)
{
    struct fixture *fixture = *state;
    size_t length = strlen(line(1, (char[400]){0}));
    append_lines(fixture, "audit.log", 1, 2);
    start_at(fixture, "");
    assert_reads(fixture, "1-2");
    char *at = position(fixture, 0);
    append_lines(fixture, "audit.log", 3, 6);
    rename_file(fixture, "audit.log", "audit.log.1");
    pack(fixture, "audit.log.1", ".zst");
    append_lines(fixture, "audit.log", 9, 1);
    resume(fixture, at);
    read_lines(fixture, 3, 5);
    at = position(fixture, length);
    trail_go_back(fixture->trail, 2 * length);
    read_lines(fixture, 4, 5);
    resume(fixture, at);
    assert_reads(fixture, "5-8|9-9");
    assert_int_equal(figures(fixture).lost, 0);
}

/* 256 MiB of newlines in 8 KiB: blocks of one byte each that is repeated (RFC 8878 section 3.1.1.2). */
static void write_repetition(const struct fixture *fixture, const char *name)
{
    static const unsigned char head[] = {0x28, 0xb5, 0x2f, 0xfd, 0, 0x38}, block[] = {0x02, 0, 0x10, '\n'}, last[] = {0x03, 0, 0x10, '\n'};
    char *path = path_of(fixture, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fwrite(head, 1, sizeof head, file);
    for (int i = 0; i < 2047; i++)
        fwrite(block, 1, sizeof block, file);
    fwrite(last, 1, sizeof last, file);
    fclose(file);
    free(path);
}

static long most_memory_kib(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

static void test_a_packed_file_of_repetition_takes_no_memory_and_no_turn_of_its_own(void **state)
{
    struct fixture *fixture = *state;
    struct followed_file file;
    char bytes[1000], *path = path_of(fixture, "audit.log.1.zst");
    uint64_t at = 200 * 1024 * 1024, turns = 0;
    ssize_t got;
    write_repetition(fixture, "audit.log.1.zst");
    long before = most_memory_kib();
    assert_int_equal(followed_file_open_rotated(&file, path), RESULT_OK);
    while ((got = followed_file_read(&file, at, bytes, sizeof bytes)) < 0) {
        assert_int_equal(errno, EAGAIN);
        turns++;
    }
    assert_in_range(turns, 20, 30);
    for (; got > 0; got = followed_file_read(&file, at, bytes, sizeof bytes))
        at += (uint64_t)got;
    assert_int_equal(at, 256 * 1024 * 1024);
    assert_true(most_memory_kib() - before < 4096);
    followed_file_close(&file);
    free(path);
}

/* --- inodes that are used again ----------------------------------------------------------------------------------------------------- */

/* The file's inode goes to a new log, as that of a removed file soon does. */
static void reuse_inode(const struct fixture *fixture, const char *from, const char *to)
{
    move(fixture, from, to);
    truncate_file(fixture, to);
}

static void test_a_rotated_file_with_the_inode_of_one_that_was_read_and_removed_is_read(void **state)
{
    struct fixture *fixture = *state;
    append_lines(fixture, "audit.log", 1, 2);
    start_at(fixture, "");
    assert_reads(fixture, "1-2");
    char *at = position(fixture, 0);
    rename_file(fixture, "audit.log", "audit.log.2");
    append_lines(fixture, "audit.log", 3, 2);
    rename_file(fixture, "audit.log", "audit.log.1");
    append_lines(fixture, "audit.log", 5, 1);
    resume(fixture, at);
    fixture->now += GRACE;
    assert_reads(fixture, "|3-4"); /* the first is read to its end, and this one is in hand */
    reuse_inode(fixture, "audit.log.2", "next.log");
    append_lines(fixture, "next.log", 6, 2);
    rename_file(fixture, "audit.log.1", "audit.log.3");
    rename_file(fixture, "audit.log", "audit.log.2");
    rename_file(fixture, "next.log", "audit.log.1");
    append_lines(fixture, "audit.log", 8, 1);
    fixture->now += 2 * GRACE;
    char *all = read_all(fixture), first[400], second[400];
    fixture->now += GRACE;
    char *more = read_all(fixture);
    assert_non_null(strstr(all, line(5, first)));
    assert_non_null(strstr(all, line(6, second)));
    assert_true(strstr(all, first) < strstr(all, second));
    assert_true(strstr(all, line(8, first)) || strstr(more, first));
    assert_int_equal(figures(fixture).lost, 0);
    free(all);
    free(more);
}

/* --- a clock that was ahead ----------------------------------------------------------------------------------------------------------- */

/* The file was written last while the clock was a year ahead. */
static void set_in_the_future(struct fixture *fixture, const char *name)
{
    time_t now = fixture->modified;
    fixture->modified += 366 * 86400;
    set_modified(fixture, name);
    fixture->modified = now;
}

/* The names of two rotations after lines 1 and 2 were read, while nobody was there and the clock went back a year. */
static char *rotate_while_the_clock_goes_back(struct fixture *fixture, const char *first, const char *second)
{
    append_lines(fixture, "audit.log", 1, 2);
    set_in_the_future(fixture, "audit.log");
    start_at(fixture, "");
    assert_reads(fixture, "1-2");
    char *at = position(fixture, 0);
    move(fixture, "audit.log", first);
    append_lines(fixture, "audit.log", 3, 2);
    rename_file(fixture, "audit.log", second);
    append_lines(fixture, "audit.log", 5, 1);
    return at;
}

static void test_after_the_clock_went_back_files_are_read_whatever_their_times_and_names_say(void **state)
{
    static const char *const names[][2] = {
        {"audit-2027-11-24T10-00-00.000.log", "audit-2026-11-24T10-00-00.000.log"},
        {"audit.log-20271124", "audit.log-20261124"},
        {"audit.log.2", "audit.log.1"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        void *one;
        setup(&one);
        struct fixture *fixture = one;
        resume(fixture, rotate_while_the_clock_goes_back(fixture, names[i][0], names[i][1]));
        struct buffer ranges = {0};
        int first = 0, last = 0;
        for (int turn = 0; turn < 6; turn++) {
            read_into(fixture, &first, &last, &ranges);
            fixture->now += GRACE;
        }
        buffer_printf(&ranges, "%d-%d", first, last);
        assert_string_equal(ranges.bytes, "3-5");
        assert_int_equal(figures(fixture).lost, 0);
        buffer_free(&ranges);
        teardown(&one);
    }
}

static void test_after_the_clock_went_back_what_is_left_is_read_where_the_last_file_is_gone(void **state)
{
    struct fixture *fixture = *state;
    char *at = rotate_while_the_clock_goes_back(fixture, "audit.log.2", "audit.log.1");
    remove_file(fixture, "audit.log.2");
    resume(fixture, at);
    assert_reads(fixture, "3-4");
    fixture->now += GRACE;
    assert_reads(fixture, "|5-5");
    assert_int_equal(figures(fixture).lost, 1);
}

/* Its name is later than that of each file after it, for a year. */
static void test_a_file_from_a_clock_that_was_ahead_is_read_once(void **state)
{
    struct fixture *fixture = *state;
    append_lines(fixture, "audit.log", 1, 2);
    start_at(fixture, "");
    assert_reads(fixture, "1-2");
    set_in_the_future(fixture, "audit.log");
    move(fixture, "audit.log", "audit-2027-11-24T10-00-00.000.log");
    append_lines(fixture, "audit.log", 3, 2);
    fixture->now += GRACE;
    assert_reads(fixture, "");
    fixture->now += GRACE;
    assert_reads(fixture, "|3-4");
    rename_file(fixture, "audit.log", "audit-2026-11-24T10-00-00.000.log");
    append_lines(fixture, "audit.log", 5, 1);
    assert_reads(fixture, "");
    fixture->now += GRACE;
    assert_reads(fixture, "|5-5");
    rename_file(fixture, "audit.log", "audit-2026-11-24T11-00-00.000.log");
    append_lines(fixture, "audit.log", 6, 1);
    assert_reads(fixture, "");
    fixture->now += GRACE;
    assert_reads(fixture, "|6-6");
    assert_int_equal(figures(fixture).lost, 0);
}

/* --- folders with much in them ------------------------------------------------------------------------------------------------------- */

static void test_rotated_files_are_found_among_twenty_thousand_others(void **state)
{
    struct fixture *fixture = *state;
    char name[40];
    for (int i = 0; i < 20000; i++) {
        snprintf(name, sizeof name, "other-%d", i);
        append(fixture, name, "");
    }
    append_lines(fixture, "audit.log", 1, 2);
    start_at(fixture, "");
    assert_reads(fixture, "1-2");
    rename_file(fixture, "audit.log", "audit.log.3");
    append_lines(fixture, "audit.log", 3, 2);
    rename_file(fixture, "audit.log", "audit.log.2");
    append_lines(fixture, "audit.log", 5, 2);
    rename_file(fixture, "audit.log", "audit.log.1");
    append_lines(fixture, "audit.log", 7, 1);
    fixture->now += GRACE;
    char *before = read_all(fixture);
    for (int i = 0; i < 3; i++) {
        fixture->now += GRACE;
        char *more = read_all(fixture), *both = xasprintf("%s%s", before, more);
        free(before);
        free(more);
        before = both;
    }
    for (int number = 3; number <= 7; number++)
        assert_non_null(strstr(before, line(number, (char[400]){0})));
    assert_int_equal(figures(fixture).lost, 0);
    free(before);
}

/* --- the first start ---------------------------------------------------------------------------------------------------------------- */

static char *first_position(const struct fixture *fixture)
{
    char *path = path_of(fixture, "audit.log"), *text = xmalloc(FOLLOWED_POSITION_TEXT);
    trail_first_position(path, clock_wall(), text);
    free(path);
    return text;
}

static void test_the_file_of_the_first_start_is_read_after_it_was_rotated(void **state)
{
    struct fixture *fixture = *state;
    append_lines(fixture, "audit.log", 1, 2);
    char *at = first_position(fixture);
    append_lines(fixture, "audit.log", 3, 1);
    rename_file(fixture, "audit.log", "audit.log.1");
    append_lines(fixture, "audit.log", 4, 1);
    resume(fixture, at);
    assert_reads(fixture, "1-3");
    fixture->now += GRACE;
    assert_reads(fixture, "|4-4");
    assert_int_equal(figures(fixture).lost, 0);
}

static void test_a_file_that_came_and_was_rotated_after_the_first_start_is_read(void **state)
{
    struct fixture *fixture = *state;
    append_lines(fixture, "audit.log.7", 90, 1); /* from before */
    set_modified(fixture, "audit.log.7");
    char *at = first_position(fixture);
    fixture->modified = time(NULL) + 60;
    append_lines(fixture, "audit.log", 1, 2);
    rename_file(fixture, "audit.log", "audit.log.1");
    append_lines(fixture, "audit.log", 3, 1);
    resume(fixture, at);
    assert_reads(fixture, "1-2");
    fixture->now += GRACE;
    assert_reads(fixture, "|3-3");
    assert_int_equal(figures(fixture).lost, 0);
}

static void test_a_first_start_without_any_file_loses_nothing(void **state)
{
    struct fixture *fixture = *state;
    resume(fixture, first_position(fixture));
    assert_reads(fixture, "");
    append_lines(fixture, "audit.log", 1, 2);
    assert_reads(fixture, "1-2");
    assert_int_equal(figures(fixture).lost, 0);
}

/* --- out of descriptors ------------------------------------------------------------------------------------------------------------- */

static void test_without_descriptors_nothing_is_called_lost_and_reading_goes_on_later(void **state)
{
    struct fixture *fixture = *state;
    struct rlimit before, none;
    append_lines(fixture, "audit.log", 1, 2);
    start_at(fixture, "");
    assert_reads(fixture, "1-2");
    char *at = position(fixture, 0);
    append_lines(fixture, "audit.log", 3, 1);
    rename_file(fixture, "audit.log", "audit.log.2");
    append_lines(fixture, "audit.log", 4, 1);
    rename_file(fixture, "audit.log", "audit.log.1");
    append_lines(fixture, "audit.log", 5, 1);
    resume(fixture, at);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    for (rlim_t room = 0; room < 4; room++) { /* it fails at the path, in the folder, at a file */
        int lowest = open("/dev/null", O_RDONLY);
        close(lowest);
        none = (struct rlimit){.rlim_cur = (rlim_t)lowest + room, .rlim_max = before.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
        char *read = room < 2 ? read_all(fixture) : NULL;
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        if (read)
            assert_string_equal(read, "");
        free(read);
    }
    assert_reads(fixture, "3-3|4-4");
    fixture->now += GRACE;
    assert_reads(fixture, "|5-5");
    assert_int_equal(figures(fixture).lost, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_left_after_rotations_is_read_in_order_and_nothing_is_called_lost),
        cmocka_unit_test(test_what_was_removed_before_it_was_read_is_counted_by_the_gap_it_leaves),
        cmocka_unit_test(test_a_packed_file_that_cannot_be_unpacked_is_a_loss),
        TEST(test_a_damaged_packed_file_is_read_as_far_as_it_goes_and_is_a_loss),
        TEST(test_a_name_that_is_missing_in_the_middle_of_a_rotation_is_no_loss),
        TEST(test_the_place_within_a_packed_file_is_found_again),
        TEST(test_a_packed_file_of_repetition_takes_no_memory_and_no_turn_of_its_own),
        TEST(test_a_rotated_file_with_the_inode_of_one_that_was_read_and_removed_is_read),
        cmocka_unit_test(test_after_the_clock_went_back_files_are_read_whatever_their_times_and_names_say),
        TEST(test_after_the_clock_went_back_what_is_left_is_read_where_the_last_file_is_gone),
        TEST(test_a_file_from_a_clock_that_was_ahead_is_read_once),
        TEST(test_rotated_files_are_found_among_twenty_thousand_others),
        TEST(test_the_file_of_the_first_start_is_read_after_it_was_rotated),
        TEST(test_a_file_that_came_and_was_rotated_after_the_first_start_is_read),
        TEST(test_a_first_start_without_any_file_loses_nothing),
        TEST(test_without_descriptors_nothing_is_called_lost_and_reading_goes_on_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
