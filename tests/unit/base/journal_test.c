/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/base/journal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>

static void assert_part(const struct journal_entry *entry, size_t index, struct slice expected)
{
    assert_true(index < entry->count);
    assert_int_equal(entry->parts[index].iov_len, expected.length);
    assert_memory_equal(entry->parts[index].iov_base, expected.bytes, expected.length);
}

static void test_an_entry_has_priority_name_and_message(void **state)
{
    struct journal_entry entry;

    (void)state;
    journal_entry_make(&entry, LOG_LEVEL_WARNING, SLICE("disk is full"), NULL, 0);
    assert_int_equal(entry.count, 3);
    assert_part(&entry, 0, SLICE("PRIORITY=4"));
    assert_part(&entry, 1, SLICE("SYSLOG_IDENTIFIER=harrierd"));
    assert_part(&entry, 2, SLICE("MESSAGE=disk is full"));
    journal_entry_free(&entry);
}

static void test_a_value_with_newlines_and_nuls_is_one_part_and_no_field_of_its_own(void **state)
{
    struct journal_entry entry;

    (void)state;
    journal_entry_make(&entry, LOG_LEVEL_ERROR, SLICE("m"),
                       LOG_FIELDS({LOG_FIELD_CLUSTER, SLICE("a\nPRIORITY=7\n\0=b")}, {LOG_FIELD_RULE, SLICE("")}));
    assert_int_equal(entry.count, 5);
    assert_part(&entry, 0, SLICE("PRIORITY=3"));
    assert_part(&entry, 3, SLICE("HARRIER_CLUSTER=a\nPRIORITY=7\n\0=b"));
    assert_part(&entry, 4, SLICE("HARRIER_RULE="));
    journal_entry_free(&entry);
}

static void test_every_field_has_a_name_and_fits(void **state)
{
    struct log_field fields[LOG_FIELD_COUNT];
    struct journal_entry entry;

    (void)state;
    for (size_t i = 0; i < LOG_FIELD_COUNT; i++)
        fields[i] = (struct log_field){(enum log_field_name)i, SLICE("v")};
    journal_entry_make(&entry, LOG_LEVEL_INFO, SLICE("m"), fields, LOG_FIELD_COUNT);
    assert_int_equal(entry.count, JOURNAL_PARTS_MAX);
    for (size_t i = 3; i < entry.count; i++) {
        struct slice part = slice_make(entry.parts[i].iov_base, entry.parts[i].iov_len);
        assert_true(slice_starts_with(part, SLICE("HARRIER_")));
        assert_true(slice_ends_with(part, SLICE("=v")));
        for (size_t other = 3; other < i; other++)
            assert_false(slice_equal(part, slice_make(entry.parts[other].iov_base, entry.parts[other].iov_len)));
    }
    journal_entry_free(&entry);
}

static void test_more_fields_than_there_are_names_are_left_out(void **state)
{
    struct log_field fields[LOG_FIELD_COUNT + 1];
    struct journal_entry entry;

    (void)state;
    for (size_t i = 0; i < LOG_FIELD_COUNT + 1; i++)
        fields[i] = (struct log_field){LOG_FIELD_SOURCE, SLICE("v")};
    journal_entry_make(&entry, LOG_LEVEL_INFO, SLICE("m"), fields, LOG_FIELD_COUNT + 1);
    assert_int_equal(entry.count, JOURNAL_PARTS_MAX);
    journal_entry_free(&entry);
}

static void test_a_long_value_is_cut(void **state)
{
    static char value[JOURNAL_VALUE_MAX + 100];
    struct journal_entry entry;

    (void)state;
    memset(value, 'x', sizeof value);
    journal_entry_make(&entry, LOG_LEVEL_INFO, SLICE("m"), LOG_FIELDS({LOG_FIELD_SOURCE, slice_make(value, sizeof value)}));
    assert_int_equal(entry.parts[3].iov_len, strlen("HARRIER_SOURCE=") + JOURNAL_VALUE_MAX);
    journal_entry_free(&entry);
}

static void test_stderr_that_is_another_file_than_the_journals_is_not_the_journal(void **state)
{
    struct stat about;
    char stream[64];

    (void)state;
    unsetenv("JOURNAL_STREAM");
    assert_false(journal_is_stderr());
    assert_int_equal(fstat(STDERR_FILENO, &about), 0);
    snprintf(stream, sizeof stream, "%ju:%ju", (uintmax_t)about.st_dev, (uintmax_t)about.st_ino + 1);
    setenv("JOURNAL_STREAM", stream, 1);
    assert_false(journal_is_stderr());
    setenv("JOURNAL_STREAM", "no numbers", 1);
    assert_false(journal_is_stderr());
    unsetenv("JOURNAL_STREAM");
}

static void test_without_a_journal_the_message_alone_goes_to_stderr(void **state)
{
    char text[512] = "";
    int ends[2], before = dup(STDERR_FILENO);

    (void)state;
    assert_int_equal(pipe(ends), 0);
    dup2(ends[1], STDERR_FILENO);
    log_write_fields(LOG_LEVEL_WARNING, LOG_FIELDS({LOG_FIELD_SOURCE, SLICE("front\n<0>door")}), "source `%s` is\nslow", "front\n<0>door");
    log_write_fields(LOG_LEVEL_DEBUG, LOG_FIELDS({LOG_FIELD_SOURCE, SLICE("x")}), "below the level");
    dup2(before, STDERR_FILENO);
    ssize_t length = read(ends[0], text, sizeof text - 1);
    assert_true(length > 0);
    assert_string_equal(text, "<4>harrier: warning: source `front\\x0a<0>door` is\\x0aslow\n");
    close(ends[0]);
    close(ends[1]);
    close(before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_entry_has_priority_name_and_message),
        cmocka_unit_test(test_a_value_with_newlines_and_nuls_is_one_part_and_no_field_of_its_own),
        cmocka_unit_test(test_every_field_has_a_name_and_fits),
        cmocka_unit_test(test_more_fields_than_there_are_names_are_left_out),
        cmocka_unit_test(test_a_long_value_is_cut),
        cmocka_unit_test(test_stderr_that_is_another_file_than_the_journals_is_not_the_journal),
        cmocka_unit_test(test_without_a_journal_the_message_alone_goes_to_stderr),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
