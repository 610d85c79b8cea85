/* SPDX-License-Identifier: Apache-2.0 */
/* A log through its rotations: by renaming, by copying and truncating, while somebody looks and while nobody does. */
#include "trail_fixture.h"

/* --- tests -------------------------------------------------------------------------------------------------------------------------- */

static void test_a_file_is_read_as_it_grows(void **state)
{
    struct fixture *fixture = *state;
    append_lines(fixture, "audit.log", 1, 2);
    start_at(fixture, "");
    assert_reads(fixture, "1-2");
    assert_reads(fixture, "");
    append_lines(fixture, "audit.log", 3, 1);
    assert_int_equal(figures(fixture).behind, strlen(line(3, (char[400]){0})));
    assert_reads(fixture, "3-3");
    assert_int_equal(figures(fixture).behind, 0);
}

static void test_a_file_that_is_not_there_yet_is_read_when_it_comes(void **state)
{
    struct fixture *fixture = *state;
    start_at(fixture, "");
    assert_reads(fixture, "");
    assert_false(figures(fixture).open);
    append_lines(fixture, "audit.log", 1, 2);
    assert_reads(fixture, "1-2");
    assert_true(figures(fixture).open);
}

static void test_a_renamed_file_is_read_to_its_end_before_the_new_one(void **state)
{
    struct fixture *fixture = *state;
    append_lines(fixture, "audit.log", 1, 2);
    start_at(fixture, "");
    assert_reads(fixture, "1-2");
    rename_file(fixture, "audit.log", "audit.log.1");
    assert_reads(fixture, ""); /* no new one yet */
    fixture->now += 10 * GRACE;
    assert_reads(fixture, "");
    append_lines(fixture, "audit.log", 4, 1);
    assert_reads(fixture, "");
    append_lines(fixture, "audit.log.1", 3, 1); /* by a writer that does not know yet */
    fixture->now += GRACE - 1;
    assert_reads(fixture, "3-3");
    fixture->now += GRACE - 1; /* since it last grew */
    assert_reads(fixture, "");
    fixture->now += 1;
    assert_reads(fixture, "|4-4");
    assert_int_equal(figures(fixture).rotations, 1);
    assert_int_equal(figures(fixture).lost, 0);
}

static void test_two_rotations_between_two_looks_leave_no_file_out(void **state)
{
    struct fixture *fixture = *state;
    append_lines(fixture, "audit.log", 1, 2);
    start_at(fixture, "");
    assert_reads(fixture, "1-2");
    append_lines(fixture, "audit.log", 3, 1);
    rename_file(fixture, "audit.log", "audit-2026-11-24T10-00-00.000.log");
    append_lines(fixture, "audit.log", 4, 2);
    rename_file(fixture, "audit.log", "audit-2026-11-24T11-00-00.000.log");
    append_lines(fixture, "audit.log", 6, 1);
    rename_file(fixture, "audit.log", "audit-2026-11-24T12-00-00.000.log");
    append_lines(fixture, "audit.log", 7, 1);
    assert_reads(fixture, "3-3|4-5|6-6"); /* the last rotated one may still grow */
    fixture->now += GRACE;
    assert_reads(fixture, "|7-7");
}

static void test_copy_and_truncate_loses_nothing_that_is_in_the_copy(void **state)
{
    struct fixture *fixture = *state;
    append_lines(fixture, "audit.log", 1, 2);
    start_at(fixture, "");
    assert_reads(fixture, "1-2");
    append_lines(fixture, "audit.log", 3, 2);
    copy_file(fixture, "audit.log", "audit.log.1");
    truncate_file(fixture, "audit.log");
    append_lines(fixture, "audit.log", 5, 1);
    assert_reads(fixture, "3-4|5-5");
    assert_int_equal(figures(fixture).truncations, 1);
    assert_int_equal(figures(fixture).lost, 0);
}

static void test_a_truncated_file_that_has_grown_beyond_the_place_is_told_by_its_beginning(void **state)
{
    struct fixture *fixture = *state;
    append_lines(fixture, "audit.log", 1, 2);
    start_at(fixture, "");
    assert_reads(fixture, "1-2");
    truncate_file(fixture, "audit.log");
    append_lines(fixture, "audit.log", 3, 5);
    assert_reads(fixture, "|3-7");
    assert_int_equal(figures(fixture).truncations, 1);
    assert_int_equal(figures(fixture).lost, 0); /* all was read before */
}

static void test_a_truncation_without_a_copy_is_counted_as_a_loss_if_bytes_were_unread(void **state)
{
    struct fixture *fixture = *state;
    char byte[1];
    size_t length;
    append_lines(fixture, "audit.log", 1, 2);
    start_at(fixture, "");
    assert_int_equal(trail_read(fixture->trail, fixture->now, byte, sizeof byte, &length), TRAIL_BYTES);
    truncate_file(fixture, "audit.log");
    append_lines(fixture, "audit.log", 3, 1);
    assert_reads(fixture, "|3-3");
    assert_int_equal(figures(fixture).lost, 1);
}

static void test_after_a_restart_reading_goes_on_at_the_place(void **state)
{
    struct fixture *fixture = *state;
    append_lines(fixture, "audit.log", 1, 3);
    start_at(fixture, "");
    assert_reads(fixture, "1-3");
    char *at = position(fixture, strlen(line(3, (char[400]){0})));
    append_lines(fixture, "audit.log", 4, 1);
    resume(fixture, at);
    assert_reads(fixture, "3-4");
}

static void test_an_empty_file_is_known_again_by_its_inode(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, "audit.log", "");
    start_at(fixture, "");
    assert_reads(fixture, "");
    char *at = position(fixture, 0);
    append_lines(fixture, "audit.log", 1, 1);
    rename_file(fixture, "audit.log", "audit.log.1");
    append_lines(fixture, "audit.log", 2, 1);
    resume(fixture, at);
    assert_reads(fixture, "1-1");
    fixture->now += GRACE;
    assert_reads(fixture, "|2-2");
}

/* Its inode stays the same. */
static void test_an_empty_file_that_was_copied_and_truncated_while_nobody_looked_is_read_from_its_copies(void **state)
{
    struct fixture *fixture = *state;
    append_lines(fixture, "audit.log", 1, 1);
    copy_file(fixture, "audit.log", "audit.log.1"); /* read before */
    truncate_file(fixture, "audit.log");
    set_modified(fixture, "audit.log");
    start_at(fixture, "");
    assert_reads(fixture, "");
    char *at = position(fixture, 0);
    append_lines(fixture, "audit.log", 2, 3);
    rename_file(fixture, "audit.log.1", "audit.log.3");
    fixture->modified -= 10000;
    set_modified(fixture, "audit.log.3");
    fixture->modified += 10000;
    copy_file(fixture, "audit.log", "audit.log.2");
    truncate_file(fixture, "audit.log");
    append_lines(fixture, "audit.log", 5, 1);
    copy_file(fixture, "audit.log", "audit.log.1");
    truncate_file(fixture, "audit.log");
    append_lines(fixture, "audit.log", 6, 1);
    resume(fixture, at);
    assert_reads(fixture, "2-4|5-5");
    fixture->now += GRACE;
    assert_reads(fixture, "|6-6");
    assert_int_equal(figures(fixture).lost, 0);
}

static void test_an_empty_file_that_was_copied_and_truncated_between_two_looks_is_read_from_its_copies(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, "audit.log", "");
    set_modified(fixture, "audit.log");
    start_at(fixture, "");
    assert_reads(fixture, "");
    append_lines(fixture, "audit.log", 1, 2);
    copy_file(fixture, "audit.log", "audit.log.2");
    truncate_file(fixture, "audit.log");
    append_lines(fixture, "audit.log", 3, 1);
    copy_file(fixture, "audit.log", "audit.log.1");
    truncate_file(fixture, "audit.log");
    append_lines(fixture, "audit.log", 4, 2);
    assert_reads(fixture, "1-2|3-3");
    fixture->now += GRACE;
    assert_reads(fixture, "|4-5");
    assert_int_equal(figures(fixture).lost, 0);
}

static void test_an_empty_file_that_was_renamed_before_it_grew_is_read_once(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, "audit.log", "");
    set_modified(fixture, "audit.log");
    start_at(fixture, "");
    assert_reads(fixture, "");
    append_lines(fixture, "audit.log", 1, 1);
    rename_file(fixture, "audit.log", "audit.log.1");
    append_lines(fixture, "audit.log", 2, 1);
    assert_reads(fixture, "1-1");
    append(fixture, "audit.log.2", ""); /* and one without a line */
    set_modified(fixture, "audit.log.2");
    fixture->now += GRACE;
    assert_reads(fixture, "|");
    append_lines(fixture, "audit.log.2", 3, 1); /* late */
    assert_reads(fixture, "3-3");
    fixture->now += GRACE;
    assert_reads(fixture, "|2-2");
    assert_int_equal(figures(fixture).lost, 0);
}

static void test_an_empty_file_that_has_only_grown_is_no_loss(void **state)
{
    struct fixture *fixture = *state;
    append_lines(fixture, "audit.log.1", 1, 1);
    set_modified(fixture, "audit.log.1");
    append(fixture, "audit.log", "");
    start_at(fixture, "");
    assert_reads(fixture, "");
    char *at = position(fixture, 0);
    append_lines(fixture, "audit.log", 2, 2);
    resume(fixture, at);
    assert_reads(fixture, "2-3");
    assert_int_equal(figures(fixture).lost, 0);
}

static void test_an_empty_file_that_is_gone_is_a_loss_and_what_is_left_is_read(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, "audit.log", "");
    set_modified(fixture, "audit.log");
    start_at(fixture, "");
    assert_reads(fixture, "");
    char *at = position(fixture, 0);
    append_lines(fixture, "audit.log.1", 2, 1); /* while the other still has its inode */
    set_modified(fixture, "audit.log.1");
    append_lines(fixture, "new", 3, 1);
    rename_file(fixture, "new", "audit.log");
    resume(fixture, at);
    assert_reads(fixture, "2-2");
    fixture->now += GRACE;
    assert_reads(fixture, "|3-3");
    assert_int_equal(figures(fixture).lost, 1);
}

static void test_reading_goes_on_at_a_place_in_a_file_before(void **state)
{
    struct fixture *fixture = *state;
    append_lines(fixture, "audit.log", 1, 2);
    start_at(fixture, "");
    assert_reads(fixture, "1-2");
    char *at = position(fixture, strlen(line(2, (char[400]){0})));
    assert_false(trail_goes_on(fixture->trail));
    rename_file(fixture, "audit.log", "audit.log.1");
    append_lines(fixture, "audit.log", 3, 1);
    assert_reads(fixture, "");
    assert_true(trail_goes_on(fixture->trail));
    fixture->now += GRACE;
    assert_reads(fixture, "|3-3");
    trail_resume(fixture->trail, slice_of(at));
    char *same = position(fixture, 0); /* while no file is open */
    assert_string_equal(same, at);
    free(same);
    free(at);
    assert_reads(fixture, "2-2");
    fixture->now += GRACE;
    assert_reads(fixture, "|3-3");
    assert_int_equal(figures(fixture).lost, 0);
}

static void test_rotations_while_nobody_looked_are_read_in_their_order(void **state)
{
    struct fixture *fixture = *state;
    append_lines(fixture, "audit.log", 1, 2);
    start_at(fixture, "");
    assert_reads(fixture, "1-2");
    char *at = position(fixture, 0);
    append_lines(fixture, "audit.log", 3, 1);
    append(fixture, "audit.log.4", "older than what was read\n");
    set_modified(fixture, "audit.log.4");
    rename_file(fixture, "audit.log", "audit.log.3");
    append_lines(fixture, "audit.log", 4, 2);
    rename_file(fixture, "audit.log", "audit.log.2");
    append_lines(fixture, "audit.log", 6, 1);
    rename_file(fixture, "audit.log", "audit.log.1");
    append_lines(fixture, "audit.log", 7, 1);
    resume(fixture, at);
    assert_reads(fixture, "3-3|4-5|6-6");
    fixture->now += GRACE;
    assert_reads(fixture, "|7-7");
    assert_int_equal(figures(fixture).lost, 0);
}

static void test_a_restart_within_a_rotated_file_goes_on_there(void **state)
{
    struct fixture *fixture = *state;
    append_lines(fixture, "audit.log", 1, 2);
    start_at(fixture, "");
    assert_reads(fixture, "1-2");
    char *at = position(fixture, 0);
    append_lines(fixture, "audit.log", 3, 2);
    rename_file(fixture, "audit.log", "audit.log.1");
    append_lines(fixture, "audit.log", 5, 1);
    resume(fixture, at);
    assert_reads(fixture, "3-4");
    at = position(fixture, strlen(line(4, (char[400]){0}))); /* within the rotated one, and down again */
    resume(fixture, at);
    assert_reads(fixture, "4-4");
    fixture->now += GRACE;
    assert_reads(fixture, "|5-5");
}

static void test_copy_and_truncate_while_nobody_looked_is_read_from_the_copy(void **state)
{
    struct fixture *fixture = *state;
    append_lines(fixture, "audit.log", 1, 2);
    start_at(fixture, "");
    assert_reads(fixture, "1-2");
    char *at = position(fixture, 0);
    append_lines(fixture, "audit.log", 3, 2);
    copy_file(fixture, "audit.log", "audit.log-20261124");
    truncate_file(fixture, "audit.log");
    append_lines(fixture, "audit.log", 5, 8);
    resume(fixture, at);
    assert_reads(fixture, "3-4|5-12");
    assert_int_equal(figures(fixture).lost, 0);
}

/* A file system gives the inode of a removed file to the next one that is made. */
static void test_another_file_of_the_same_inode_is_told_by_its_beginning(void **state)
{
    struct fixture *fixture = *state;
    append_lines(fixture, "audit.log", 1, 2);
    start_at(fixture, "");
    assert_reads(fixture, "1-2");
    char *at = position(fixture, 0);
    truncate_file(fixture, "audit.log"); /* the same inode for certain */
    append_lines(fixture, "audit.log", 3, 5);
    resume(fixture, at);
    assert_reads(fixture, "3-7");
    assert_int_equal(figures(fixture).lost, 1);
}

static void test_a_file_that_was_removed_is_a_loss_and_what_is_left_is_read(void **state)
{
    struct fixture *fixture = *state;
    append_lines(fixture, "audit.log", 1, 2);
    start_at(fixture, "");
    assert_reads(fixture, "1-2");
    set_modified(fixture, "audit.log");
    assert_reads(fixture, "");
    char *at = position(fixture, 0);
    append(fixture, "audit.log.9", "older\n");
    fixture->modified -= 1000;
    set_modified(fixture, "audit.log.9");
    fixture->modified += 1000;
    remove_file(fixture, "audit.log");
    append_lines(fixture, "audit.log", 5, 1);
    rename_file(fixture, "audit.log", "audit.log.1");
    append_lines(fixture, "audit.log", 6, 1);
    resume(fixture, at);
    assert_reads(fixture, "5-5");
    fixture->now += GRACE;
    assert_reads(fixture, "|6-6");
    assert_int_equal(figures(fixture).lost, 1);
}

static void test_a_position_is_kept_while_there_is_no_file_at_all(void **state)
{
    struct fixture *fixture = *state;
    append_lines(fixture, "audit.log", 1, 2);
    start_at(fixture, "");
    assert_reads(fixture, "1-2");
    char *at = position(fixture, 0);
    char *old = fixture->folder[0] ? xasprintf("%s-away", fixture->folder) : NULL;
    assert_int_equal(rename(fixture->folder, old), 0);
    resume(fixture, at);
    assert_reads(fixture, "");
    assert_int_equal(rename(old, fixture->folder), 0);
    append_lines(fixture, "audit.log", 3, 1);
    assert_reads(fixture, "3-3");
    assert_int_equal(figures(fixture).lost, 0);
    free(old);
}

static void test_a_position_that_is_none_begins_at_the_beginning(void **state)
{
    static const char *const none[] = {"x", "2 1 1 1 1 1 00", "1 1 1 1 1 1 xx",
                                       "1 1 1 1 1 300 "
                                       "0000000000000000000000000000000000000000000000000000000000000000"};
    struct fixture *fixture = *state;
    append_lines(fixture, "audit.log", 1, 2);
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        start_at(fixture, none[i]);
        assert_reads(fixture, "1-2");
    }
}

static void test_bytes_that_were_not_taken_are_read_again(void **state)
{
    struct fixture *fixture = *state;
    append_lines(fixture, "audit.log", 1, 3);
    start_at(fixture, "");
    assert_reads(fixture, "1-3");
    trail_go_back(fixture->trail, 2 * strlen(line(1, (char[400]){0})));
    assert_reads(fixture, "2-3");
}

static void test_bytes_that_were_not_taken_before_a_truncation_are_counted_as_lost(void **state)
{
    struct fixture *fixture = *state;
    char piece[5000];
    size_t length;
    append_lines(fixture, "audit.log", 1, 3);
    start_at(fixture, "");
    assert_reads(fixture, "1-3");
    truncate_file(fixture, "audit.log");
    append_lines(fixture, "audit.log", 4, 1);
    assert_int_equal(trail_read(fixture->trail, fixture->now, piece, sizeof piece, &length), TRAIL_END);
    trail_go_back(fixture->trail, strlen(line(1, (char[400]){0})));
    assert_int_equal(figures(fixture).lost, 1);
    assert_reads(fixture, "|4-4");
}

/* The kubelet's /var/log/containers: a link to the newest of the container's logs, which are elsewhere. */
static void test_a_symbolic_link_is_followed_to_where_the_log_is(void **state)
{
    struct fixture *fixture = *state;
    char *pod = path_of(fixture, "pod"), *link = path_of(fixture, "audit.log");
    assert_int_equal(mkdir(pod, 0700), 0);
    assert_int_equal(symlink("pod/0.log", link), 0);
    append_lines(fixture, "pod/0.log", 1, 2);
    start_at(fixture, "");
    assert_reads(fixture, "1-2");
    char *at = position(fixture, 0);
    append_lines(fixture, "pod/0.log", 3, 1);
    rename_file(fixture, "pod/0.log", "pod/0.log.20261124-100000");
    append_lines(fixture, "pod/0.log", 4, 1);
    resume(fixture, at);
    assert_reads(fixture, "3-3");
    fixture->now += GRACE;
    assert_reads(fixture, "|4-4");
    append_lines(fixture, "pod/1.log", 5, 1); /* the container was started anew */
    assert_int_equal(unlink(link), 0);
    assert_int_equal(symlink("pod/1.log", link), 0);
    assert_reads(fixture, "");
    fixture->now += GRACE;
    assert_reads(fixture, "|5-5");
    free(pod);
    free(link);
}

static void test_what_is_no_regular_file_is_not_opened(void **state)
{
    struct fixture *fixture = *state;
    char *path = path_of(fixture, "audit.log");
    assert_int_equal(mkfifo(path, 0600), 0);
    start_at(fixture, "");
    assert_reads(fixture, "");
    assert_false(figures(fixture).open);
    free(path);
}

static bool is_rotation(struct slice base, struct slice name)
{
    const struct rotation_log log = {.folder = "", .base = base};
    struct rotation_name read;
    return rotation_name_read(&log, name, &read);
}

static void test_names_of_rotations_are_told(void **state)
{
    static const char *const rotations[] = {"audit.log.1",        "audit.log-20261124",
                                            "audit-20261124.log", "audit-2026-11-24T10-00-00.000.log",
                                            "audit.1.log",        "audit.log.20261124-100000",
                                            "audit.log.1.gz",     "audit-20261124.log.zst",
                                            "audit.log.2.xz"};
    static const char *const others[] = {"audit.log",     "audit.log.gz",   "audit.log.bak", "audit-policy.log", "audit.logs.1",
                                         "audit-old.log", "audit.log.",     "audit-.log",    "other.log.1",      "audit.log.1~"};
    (void)state;
    for (size_t i = 0; i < sizeof rotations / sizeof rotations[0]; i++)
        assert_true(is_rotation(SLICE("audit.log"), slice_of(rotations[i])));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(is_rotation(SLICE("audit.log"), slice_of(others[i])));
    assert_true(is_rotation(SLICE("audit"), SLICE("audit.2")));
    assert_false(is_rotation(SLICE("audit"), SLICE("audit")));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_file_is_read_as_it_grows),
        TEST(test_a_file_that_is_not_there_yet_is_read_when_it_comes),
        TEST(test_a_renamed_file_is_read_to_its_end_before_the_new_one),
        TEST(test_two_rotations_between_two_looks_leave_no_file_out),
        TEST(test_copy_and_truncate_loses_nothing_that_is_in_the_copy),
        TEST(test_a_truncated_file_that_has_grown_beyond_the_place_is_told_by_its_beginning),
        TEST(test_a_truncation_without_a_copy_is_counted_as_a_loss_if_bytes_were_unread),
        TEST(test_after_a_restart_reading_goes_on_at_the_place),
        TEST(test_an_empty_file_is_known_again_by_its_inode),
        TEST(test_an_empty_file_that_was_copied_and_truncated_while_nobody_looked_is_read_from_its_copies),
        TEST(test_an_empty_file_that_has_only_grown_is_no_loss),
        TEST(test_an_empty_file_that_was_copied_and_truncated_between_two_looks_is_read_from_its_copies),
        TEST(test_an_empty_file_that_was_renamed_before_it_grew_is_read_once),
        TEST(test_an_empty_file_that_is_gone_is_a_loss_and_what_is_left_is_read),
        TEST(test_reading_goes_on_at_a_place_in_a_file_before),
        TEST(test_rotations_while_nobody_looked_are_read_in_their_order),
        TEST(test_a_restart_within_a_rotated_file_goes_on_there),
        TEST(test_copy_and_truncate_while_nobody_looked_is_read_from_the_copy),
        TEST(test_another_file_of_the_same_inode_is_told_by_its_beginning),
        TEST(test_a_file_that_was_removed_is_a_loss_and_what_is_left_is_read),
        TEST(test_a_position_is_kept_while_there_is_no_file_at_all),
        TEST(test_a_position_that_is_none_begins_at_the_beginning),
        TEST(test_bytes_that_were_not_taken_are_read_again),
        TEST(test_bytes_that_were_not_taken_before_a_truncation_are_counted_as_lost),
        TEST(test_a_symbolic_link_is_followed_to_where_the_log_is),
        TEST(test_what_is_no_regular_file_is_not_opened),
        TEST(test_names_of_rotations_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
