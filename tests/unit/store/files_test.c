/* SPDX-License-Identifier: Apache-2.0 */
/* What the store's files can suffer, each with its one answer: the table of harrierd(8), "The store's files". A file that suffers while the daemon is
 * down is met at the start; one that suffers while it runs is met before anything more is acknowledged. */
#include "daemon/store/schema.h"
#include "fixture.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs a command in the store's directory. */
static void suffer(const struct fixture *fixture, const char *command)
{
    char *whole = xasprintf("cd %s && %s", fixture->directory, command);
    assert_int_equal(system(whole), 0);
    free(whole);
}

static void close_store(struct fixture *fixture)
{
    store_close(fixture->store);
    fixture->store = NULL;
}

/* As after kill -9: the marker says open and the WAL stays. */
static void die(struct fixture *fixture, int alerts)
{
    close_store(fixture);
    pid_t child = fork();
    if (child == 0) {
        fixture_open(fixture);
        if (alerts)
            fixture_commit_alerts(fixture, 1, alerts, "soc");
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static int remove_all(void **state)
{
    struct fixture *fixture = *state;
    store_close(fixture->store);
    char *command = xasprintf("chmod -R u+rwx %s; rm -rf %s*", fixture->directory, fixture->directory);
    int status = system(command);
    free(command);
    free(fixture);
    return status;
}

/* --- at the start ------------------------------------------------------------------------------------------------------- */

struct suffering {
    const char *command; /* in the directory, while nothing runs */
    enum result start;
    const char *text;    /* of the error, where the start is refused */
    int losses;          /* told and counted, where it is not */
    bool killed;         /* the last end was kill -9 */
    bool aside;          /* what was left is set aside */
};

#define SQL(text) "python3 -c \"import sqlite3; c = sqlite3.connect('store.db'); c.execute('" text "'); c.commit()\""

static const struct suffering sufferings[] = {
    {"true", RESULT_OK, "", 0, false, false},
    {"true", RESULT_OK, "", 0, true, false},
    {"rm store.db", RESULT_OK, "", 1, false, false},
    {"rm store.db", RESULT_OK, "", 1, true, true},
    {"rm store.db store.id", RESULT_OK, "", 1, false, false}, /* store.lock tells of it */
    {"rm store.*", RESULT_OK, "", 0, false, false},           /* as asked: anew without a word */
    {": > store.db", RESULT_OK, "", 1, false, true},
    {": > store.db", RESULT_OK, "", 1, true, true},
    {"rm store.lock", RESULT_OK, "", 0, false, false},
    {"rm store.id", RESULT_OK, "", 0, false, false},
    {"echo rubbish > store.id", RESULT_OK, "", 0, false, false},
    {"rm store.db-wal", RESULT_OK, "", 1, true, false},
    {": > store.db-wal", RESULT_OK, "", 1, true, false},
    {"head -c 9000 /dev/zero | tr '\\0' x > store.db-wal", RESULT_OK, "", 1, true, true},
    {"head -c 9000 /dev/zero | tr '\\0' x > store.db-wal", RESULT_OK, "", 1, false, true},
    {"rm -f store.db-shm", RESULT_OK, "", 0, true, false},
    {"head -c 40000 /dev/zero | tr '\\0' x > store.db-shm", RESULT_OK, "", 0, true, false},
    {"truncate -s 8192 store.db", RESULT_CORRUPT, ".recover", 0, false, false},
    {"head -c 9000 /dev/zero | tr '\\0' x > store.db", RESULT_CORRUPT, ".recover", 0, false, false},
    {SQL("PRAGMA user_version=-1"), RESULT_CORRUPT, "version -1", 0, false, false},
    {SQL("PRAGMA user_version=-2147483648"), RESULT_CORRUPT, "version -2147483648", 0, false, false},
    {SQL("PRAGMA user_version=0"), RESULT_CORRUPT, "version 0", 0, false, false},
    {SQL("PRAGMA user_version=1000"), RESULT_UNSUPPORTED, "newer version", 0, false, false},
    {SQL("PRAGMA application_id=7"), RESULT_CORRUPT, "another program", 0, false, false},
    {"rm store.db; " SQL("CREATE TABLE t (a)"), RESULT_CORRUPT, "another program", 0, false, false},
    {SQL("DROP TABLE queue"), RESULT_CORRUPT, "lacks some of its tables", 0, false, false},
    {SQL("DELETE FROM meta WHERE name = \\\"last_alert\\\""), RESULT_CORRUPT, "lacks the number of its last alert", 0, false, false},
    {"mv store.db elsewhere && ln -s elsewhere store.db", RESULT_DENIED, "symbolic link", 0, false, false},
    {"ln -s nowhere store.db-wal", RESULT_DENIED, "symbolic link", 0, false, false},
    {"rm store.db && mkdir store.db", RESULT_DENIED, "no file", 0, false, false},
    {"touch .probe", RESULT_OK, "", 0, false, false},
};

static size_t count_set_aside(const struct fixture *fixture)
{
    char *command = xasprintf("ls -A %s | grep -c '[.]lost-'", fixture->directory);
    FILE *output = popen(command, "r");
    size_t count = 0;
    assert_non_null(output);
    assert_int_equal(fscanf(output, "%zu", &count), 1);
    pclose(output);
    free(command);
    return count;
}

static void test_one_start(const struct suffering *suffering)
{
    void *state = NULL;
    fixture_setup(&state);
    struct fixture *fixture = state;
    char *error = NULL;
    fixture_commit_alerts(fixture, 100, 3, "soc");
    if (suffering->killed)
        die(fixture, 3);
    else
        close_store(fixture);
    suffer(fixture, suffering->command);
    enum result result = store_open(&fixture->options, &fixture->store, &error);
    if (result != suffering->start)
        fail_msg("after `%s`: %d (%s), expected %d", suffering->command, (int)result, error ? error : "", (int)suffering->start);
    if (result == RESULT_OK && (int)store_losses(fixture->store) != suffering->losses)
        fail_msg("after `%s`: %d losses told, expected %d", suffering->command, (int)store_losses(fixture->store), suffering->losses);
    if (result != RESULT_OK && !strstr(error, suffering->text))
        fail_msg("after `%s`: no `%s` in: %s", suffering->command, suffering->text, error);
    if ((count_set_aside(fixture) > 0) != suffering->aside)
        fail_msg("after `%s`: %zu files are set aside", suffering->command, count_set_aside(fixture));
    if (result == RESULT_OK) { /* and it works, and the next start has nothing to tell */
        fixture_commit_alerts(fixture, 200, 1, "soc");
        fixture_reopen(fixture);
        assert_int_equal(store_losses(fixture->store), 0);
    }
    free(error);
    remove_all(&state);
}

static void test_each_thing_that_a_file_can_suffer_has_its_answer_at_the_start(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof sufferings / sizeof sufferings[0]; i++)
        test_one_start(&sufferings[i]);
}

static void test_another_store_in_its_place_is_taken_and_told(void **state)
{
    struct fixture *fixture = *state;
    close_store(fixture);
    suffer(fixture, "rm store.db store.id store.lock");
    fixture_open(fixture); /* another one */
    close_store(fixture);
    suffer(fixture, "cp store.db other.db");
    suffer(fixture, "rm store.db store.id store.lock");
    fixture_open(fixture);
    close_store(fixture);
    suffer(fixture, "mv other.db store.db");
    fixture_open(fixture);
    assert_int_equal(store_losses(fixture->store), 1);
    fixture_reopen(fixture);
    assert_int_equal(store_losses(fixture->store), 0);
}

static void test_a_file_that_may_only_be_read_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct store *store;
    char *error = NULL;
    close_store(fixture);
    suffer(fixture, "chmod 0400 store.db");
    if (geteuid() == 0) /* who may do everything is not kept out by a mode */
        skip();
    assert_int_equal(store_open(&fixture->options, &store, &error), RESULT_DENIED);
    assert_non_null(strstr(error, "read only"));
    free(error);
}

static void test_a_second_writer_is_refused_though_the_lock_file_was_removed(void **state)
{
    struct fixture *fixture = *state;
    struct store *store;
    char *error = NULL;
    suffer(fixture, "rm store.lock");
    assert_int_equal(store_open(&fixture->options, &store, &error), RESULT_BUSY);
    assert_non_null(strstr(error, "in use"));
    free(error);
    error = NULL;
    suffer(fixture, "rm store.*"); /* whatever is removed */
    assert_int_equal(store_open(&fixture->options, &store, &error), RESULT_BUSY);
    free(error);
}

/* --- while it runs ------------------------------------------------------------------------------------------------------ */

static enum result commit_one(struct fixture *fixture, int number)
{
    struct submission *submission = submission_new(SLICE("prod"), (struct slice){0});
    fixture_add_alert(submission, number, "HIGH", "soc", (struct slice){0});
    return fixture_commit(fixture, submission, NULL);
}

struct accident {
    const char *command;
    const char *text;
    const char *undo; /* after which it goes on; NULL: a restart is needed */
};

static const struct accident accidents[] = {
    {"rm store.db", "removed or replaced", NULL},
    {"mv store.db away", "removed or replaced", "mv away store.db"},
    {"cp store.db copy && mv store.db away && mv copy store.db", "removed or replaced", "mv away store.db"},
    {": > store.db", "written over, or cut", NULL},
    {"truncate -s 4096 store.db", "written over, or cut", NULL},
    {"python3 -c \"open('store.db', 'r+b').write(b'x' * 8192)\"", "written over, or cut", NULL},
    {"python3 -c \"f = open('store.db', 'r+b'); f.seek(4096); f.write(b'x' * 65536)\"", "written over, or cut", NULL},
    {"rm store.db-wal", "store.db-wal was removed", NULL},
    {"rm store.db-shm", "store.db-shm was removed", NULL},
    {": > store.db-wal", "store.db-wal was cut", NULL},
    {"rm store.*", "removed or replaced", NULL},
};

static void test_one_accident(const struct accident *accident)
{
    void *state = NULL;
    fixture_setup(&state);
    struct fixture *fixture = state;
    fixture_commit_alerts(fixture, 1, 3, "soc");
    store_checkpoint(fixture->store, true);
    fixture_commit_alerts(fixture, 4, 3, "soc");
    suffer(fixture, accident->command);
    enum result result = commit_one(fixture, 100);
    if (result != RESULT_GONE || !strstr(store_error(fixture->store), accident->text))
        fail_msg("after `%s`: %d: %s", accident->command, (int)result, store_error(fixture->store));
    assert_int_equal(store_losses(fixture->store), 1);
    for (int i = 0; i < 3; i++)
        if (commit_one(fixture, 101 + i) == RESULT_OK)
            fail_msg("after `%s` it is acknowledged: at try %d", accident->command, i);
    if (accident->undo) {
        suffer(fixture, accident->undo);
        assert_int_equal(store_probe(fixture->store), RESULT_OK);
        assert_int_equal(commit_one(fixture, 200), RESULT_OK);
    }
    remove_all(&state);
}

static void test_nothing_is_acknowledged_once_a_file_was_taken_away_or_written_over(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof accidents / sizeof accidents[0]; i++)
        test_one_accident(&accidents[i]);
}

/* Readers hold the WAL open, as in the daemon: what is opened anew finds its first pages there, whatever became of store.db. */
static void test_a_database_with_holes_is_not_taken_for_whole_though_its_head_is(void **state)
{
    struct fixture *fixture = *state;
    struct store_reader *reader;
    char *error = NULL;
    assert_int_equal(store_reader_open(fixture->directory, &reader, &error), RESULT_OK);
    fixture_commit_alerts(fixture, 1, 50, "soc");
    store_checkpoint(fixture->store, true);
    fixture_commit_alerts(fixture, 51, 3, "soc");
    suffer(fixture, "truncate -s 8192 store.db");
    assert_int_equal(store_checkpoint(fixture->store, true), RESULT_GONE); /* nobody sends meanwhile */
    for (int i = 0; i < 3; i++)
        assert_int_equal(commit_one(fixture, 100 + i), RESULT_CORRUPT);
    assert_non_null(strstr(store_error(fixture->store), ".recover"));
    store_reader_close(reader);
}

static void test_a_wal_that_was_cut_is_not_written_on(void **state)
{
    struct fixture *fixture = *state;
    fixture_commit_alerts(fixture, 1, 3, "soc");
    store_checkpoint(fixture->store, true);
    fixture_commit_alerts(fixture, 4, 3, "soc");
    suffer(fixture, ": > store.db-wal");
    assert_int_not_equal(fixture_report(fixture, "soc", 1, 0, STORE_DELIVERED, ""), RESULT_OK);
    assert_int_equal(commit_one(fixture, 7), RESULT_GONE);
    suffer(fixture, "truncate -s 1000000 store.db-wal");
    assert_int_equal(commit_one(fixture, 8), RESULT_GONE);
    fixture_reopen(fixture);
    assert_int_equal(store_losses(fixture->store), 1);
    assert_int_equal(fixture_open_count(fixture, "soc"), 3);
    assert_int_equal(commit_one(fixture, 9), RESULT_OK);
}

static void test_results_are_still_taken_while_the_file_is_elsewhere(void **state)
{
    struct fixture *fixture = *state;
    fixture_commit_alerts(fixture, 1, 2, "soc");
    suffer(fixture, "mv store.db away");
    assert_int_equal(commit_one(fixture, 3), RESULT_GONE);
    assert_int_equal(fixture_report(fixture, "soc", 1, 0, STORE_DELIVERED, ""), RESULT_OK);
    suffer(fixture, "mv away store.db");
    assert_int_equal(fixture_open_count(fixture, "soc"), 1);
}

static void test_what_a_removed_wal_held_is_there_after_a_restart(void **state)
{
    struct fixture *fixture = *state;
    fixture_commit_alerts(fixture, 1, 5, "soc");
    suffer(fixture, "rm store.db-wal");
    assert_int_equal(commit_one(fixture, 6), RESULT_GONE);
    fixture_reopen(fixture);
    assert_int_equal(store_losses(fixture->store), 0);
    assert_int_equal(fixture_open_count(fixture, "soc"), 5);
}

static void test_a_checkpoint_by_another_program_is_no_lasting_harm(void **state)
{
    struct fixture *fixture = *state;
    sqlite3 *shell;
    char *path = xasprintf("%s/store.db", fixture->directory);
    fixture_commit_alerts(fixture, 1, 5, "soc");
    assert_int_equal(sqlite3_open(path, &shell), SQLITE_OK);
    assert_int_equal(sqlite3_exec(shell, "PRAGMA wal_checkpoint(PASSIVE)", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(shell);
    commit_one(fixture, 6); /* may be refused once */
    assert_int_equal(commit_one(fixture, 7), RESULT_OK);
    assert_int_equal(fixture_open_count(fixture, "soc"), fixture_counts(fixture).alerts);
    free(path);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, remove_all)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_thing_that_a_file_can_suffer_has_its_answer_at_the_start),
        TEST(test_another_store_in_its_place_is_taken_and_told),
        TEST(test_a_file_that_may_only_be_read_is_refused),
        TEST(test_a_second_writer_is_refused_though_the_lock_file_was_removed),
        cmocka_unit_test(test_nothing_is_acknowledged_once_a_file_was_taken_away_or_written_over),
        TEST(test_a_database_with_holes_is_not_taken_for_whole_though_its_head_is),
        TEST(test_a_wal_that_was_cut_is_not_written_on),
        TEST(test_results_are_still_taken_while_the_file_is_elsewhere),
        TEST(test_what_a_removed_wal_held_is_there_after_a_restart),
        TEST(test_a_checkpoint_by_another_program_is_no_lasting_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
