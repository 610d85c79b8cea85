/* SPDX-License-Identifier: Apache-2.0 */
/* Opening: whose store it is, of which version, and in which state. */
#include "daemon/store/schema.h"
#include "fixture.h"

#include <sys/stat.h>
#include <unistd.h>

static void run_sql(const struct fixture *fixture, const char *sql)
{
    sqlite3 *handle;
    char path[128];
    snprintf(path, sizeof path, "%s/store.db", fixture->directory);
    assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
    assert_int_equal(sqlite3_exec(handle, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(handle);
}

static void close_store(struct fixture *fixture)
{
    store_close(fixture->store);
    fixture->store = NULL;
}

static void assert_refused(struct fixture *fixture, enum result expected, const char *text)
{
    char *error = NULL;
    struct store *store;
    assert_int_equal(store_open(&fixture->options, &store, &error), expected);
    assert_null(store);
    assert_non_null(error);
    if (strstr(error, text) == NULL)
        print_error("%s\n", error);
    assert_non_null(strstr(error, text));
    free(error);
}

static void assert_reader_refused(struct fixture *fixture, enum result expected, const char *text)
{
    char *error = NULL;
    struct store_reader *reader;
    assert_int_equal(store_reader_open(fixture->directory, &reader, &error), expected);
    assert_null(reader);
    assert_non_null(strstr(error, text));
    free(error);
}

static void test_a_second_writer_is_refused_with_the_pid_of_the_first(void **state)
{
    char pid[48];
    snprintf(pid, sizeof pid, "in use by process %ld", (long)getpid());
    assert_refused(*state, RESULT_BUSY, pid);
}

static void test_a_refused_writer_leaves_the_first_one_its_lock(void **state)
{
    assert_refused(*state, RESULT_BUSY, "in use");
    assert_refused(*state, RESULT_BUSY, "in use");
    fixture_commit_alerts(*state, 1, 1, "soc");
}

static void test_a_newer_schema_is_refused(void **state)
{
    struct fixture *fixture = *state;
    close_store(fixture);
    run_sql(fixture, "PRAGMA user_version=1000");
    assert_refused(fixture, RESULT_UNSUPPORTED, "newer version");
    assert_reader_refused(fixture, RESULT_UNSUPPORTED, "newer version");
}

static void test_another_programs_database_is_refused(void **state)
{
    struct fixture *fixture = *state;
    close_store(fixture);
    run_sql(fixture, "PRAGMA application_id=7");
    assert_refused(fixture, RESULT_CORRUPT, "another program");
    assert_reader_refused(fixture, RESULT_CORRUPT, "another program");
}

static void overwrite(const struct fixture *fixture, long from, int byte, size_t count)
{
    char path[128];
    snprintf(path, sizeof path, "%s/store.db", fixture->directory);
    FILE *file = fopen(path, "r+");
    assert_non_null(file);
    fseek(file, from, SEEK_SET);
    for (size_t i = 0; i < count; i++)
        fputc(byte, file);
    fclose(file);
}

static void test_a_file_that_is_no_database_is_reported_with_a_remedy(void **state)
{
    struct fixture *fixture = *state;
    close_store(fixture);
    overwrite(fixture, 0, 'x', 8192);
    assert_refused(fixture, RESULT_CORRUPT, ".recover");
    assert_reader_refused(fixture, RESULT_CORRUPT, ".recover");
}

static void test_a_damaged_page_is_reported_when_it_is_met(void **state)
{
    struct fixture *fixture = *state;
    fixture_commit_alerts(fixture, 1, 50, "soc");
    close_store(fixture);
    overwrite(fixture, 4096, 0xff, 30 * 4096);
    char *error = NULL;
    struct store *store;
    enum result result = store_open(&fixture->options, &store, &error);
    if (result == RESULT_OK) {
        fixture->store = store;
        struct submission *submission = submission_new(SLICE("prod"), (struct slice){0});
        fixture_add_alert(submission, 100, "HIGH", "soc", (struct slice){0});
        result = fixture_commit(fixture, submission, NULL);
    }
    free(error);
    assert_int_equal(result, RESULT_CORRUPT);
}

static void test_no_store_is_told_to_a_reader(void **state)
{
    (void)state;
    struct store_reader *reader;
    char *error = NULL;
    assert_int_equal(store_reader_open("/tmp/harrier-no-such-directory", &reader, &error), RESULT_NOT_FOUND);
    assert_non_null(error);
    free(error);
}

static void test_a_directory_is_made_with_those_above_it(void **state)
{
    struct fixture *fixture = *state;
    char directory[128], path[160];
    struct stat about;
    close_store(fixture);
    snprintf(directory, sizeof directory, "%s/a/b", fixture->directory);
    fixture->options.directory = directory;
    fixture_open(fixture);
    assert_int_equal(stat(directory, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0700);
    close_store(fixture);
    snprintf(path, sizeof path, "rm -r %s/a", fixture->directory);
    assert_int_equal(system(path), 0);
}

static void test_the_settings_that_durability_rests_on_are_set(void **state)
{
    struct fixture *fixture = *state;
    struct database database;
    char path[128];
    int64_t number;
    snprintf(path, sizeof path, "%s/store.db", fixture->directory);
    static const char *const none[1] = {NULL};
    close_store(fixture);
    assert_int_equal(database_open(&database, path, SQLITE_OPEN_READWRITE, NULL, 100, none), RESULT_OK);
    assert_int_equal(schema_migrate(&database, schema_steps, schema_version), RESULT_OK);
    assert_int_equal(database_number(&database, "PRAGMA synchronous", &number), RESULT_OK);
    assert_int_equal(number, 2);
    assert_int_equal(database_number(&database, "PRAGMA wal_autocheckpoint", &number), RESULT_OK);
    assert_int_equal(number, 0);
    assert_int_equal(database_number(&database, "PRAGMA auto_vacuum", &number), RESULT_OK);
    assert_int_equal(number, 2);
    assert_int_equal(database_number(&database, "PRAGMA page_size", &number), RESULT_OK);
    assert_int_equal(number, DATABASE_PAGE_BYTES);
    assert_int_equal(database_number(&database, "PRAGMA application_id", &number), RESULT_OK);
    assert_int_equal(number, DATABASE_APPLICATION_ID);
    assert_int_equal(database_number(&database, "SELECT 1 FROM pragma_journal_mode() WHERE journal_mode = 'wal'", &number), RESULT_OK);
    database_close(&database);
}

static void test_an_old_store_goes_through_the_steps_that_it_lacks(void **state)
{
    struct fixture *fixture = *state;
    struct database database;
    char path[128];
    int64_t number;
    static const char *const none[1] = {NULL};
    static const char *const steps[] = {"CREATE TABLE t (a)", "INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (2)"};
    static const char *const broken[] = {"", "", "", "INSERT INTO t VALUES (3); INSERT INTO nowhere VALUES (1)"};
    snprintf(path, sizeof path, "%s/other.db", fixture->directory);
    assert_int_equal(database_open(&database, path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL, 100, none), RESULT_OK);
    assert_int_equal(schema_migrate(&database, steps, 1), RESULT_OK);
    assert_int_equal(schema_check(&database, 3), RESULT_UNSUPPORTED); /* a reader of the newer version says so */
    assert_int_equal(schema_migrate(&database, steps, 3), RESULT_OK);
    assert_int_equal(schema_migrate(&database, steps, 3), RESULT_OK);
    assert_int_equal(database_number(&database, "SELECT count(*) FROM t", &number), RESULT_OK);
    assert_int_equal(number, 2);
    /* A step that fails leaves nothing behind, and the version where it was. */
    assert_int_not_equal(schema_migrate(&database, broken, 4), RESULT_OK);
    assert_int_equal(database_number(&database, "SELECT count(*) FROM t", &number), RESULT_OK);
    assert_int_equal(number, 2);
    assert_int_equal(database_number(&database, "PRAGMA user_version", &number), RESULT_OK);
    assert_int_equal(number, 3);
    database_close(&database);
    unlink(path);
}

/* What the first released version made; the alert's id and rule are what must survive. */
static const char version_1_rows[] = "INSERT INTO alert VALUES (7, x'0101', x'0202', 5, 6, 4, 50, 'HIGH', 'kept', 'prod');"
                                     "INSERT INTO document VALUES (7, '{}');"
                                     "INSERT INTO seen VALUES (x'0101', 7, 6);"
                                     "UPDATE meta SET value = 7 WHERE name = 'last_alert'";

static void test_a_store_of_version_1_keeps_its_alerts_and_takes_positions(void **state)
{
    struct fixture *fixture = *state;
    struct database database;
    char path[128];
    int64_t number;
    static const char *const none[1] = {NULL};
    close_store(fixture);
    snprintf(path, sizeof path, "%s/store.db", fixture->directory);
    unlink(path);
    assert_int_equal(database_open(&database, path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL, 100, none), RESULT_OK);
    assert_int_equal(schema_migrate(&database, schema_steps, 1), RESULT_OK);
    assert_int_equal(database_number(&database, "SELECT count(*) FROM sqlite_schema WHERE name = 'position'", &number), RESULT_OK);
    assert_int_equal(number, 0);
    assert_int_equal(database_run(&database, version_1_rows), RESULT_OK);
    database_close(&database);
    assert_reader_refused(fixture, RESULT_UNSUPPORTED, "older version");

    fixture_open(fixture);
    struct submission *submission = submission_new(SLICE("prod"), (struct slice){0});
    assert_int_equal(submission_add_position(submission, SLICE("node-1"), SLICE("here")), RESULT_OK);
    assert_int_equal(fixture_commit(fixture, submission, NULL), RESULT_OK);
    struct store_reader *reader = fixture_reader(fixture);
    struct arena *arena = arena_new(1024);
    struct store_alert alert;
    struct slice value;
    assert_int_equal(store_alert_by_number(reader, 7, arena, &alert), RESULT_OK);
    assert_true(slice_is(alert.rule, "kept"));
    assert_int_equal(store_position(reader, "node-1", arena, &value), RESULT_OK);
    assert_true(slice_is(value, "here"));
    arena_free(arena);
    store_reader_close(reader);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_second_writer_is_refused_with_the_pid_of_the_first),
        TEST(test_a_refused_writer_leaves_the_first_one_its_lock),
        TEST(test_a_newer_schema_is_refused),
        TEST(test_another_programs_database_is_refused),
        TEST(test_a_file_that_is_no_database_is_reported_with_a_remedy),
        TEST(test_a_damaged_page_is_reported_when_it_is_met),
        TEST(test_no_store_is_told_to_a_reader),
        TEST(test_a_directory_is_made_with_those_above_it),
        TEST(test_the_settings_that_durability_rests_on_are_set),
        TEST(test_an_old_store_goes_through_the_steps_that_it_lacks),
        TEST(test_a_store_of_version_1_keeps_its_alerts_and_takes_positions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
