/* SPDX-License-Identifier: Apache-2.0 */
/* A store in a directory of its own, and short ways to put alerts into it. */
#ifndef HARRIER_TESTS_STORE_FIXTURE_H
#define HARRIER_TESTS_STORE_FIXTURE_H

#include "harrier/base/buffer.h"
#include "harrier/base/digest.h"
#include "harrier/base/memory.h"
#include "harrier/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct fixture {
    char directory[64];
    struct store_options options;
    struct store *store;
};

static inline void fixture_open(struct fixture *fixture)
{
    char *error = NULL;
    enum result result = store_open(&fixture->options, &fixture->store, &error);
    if (result != RESULT_OK)
        print_error("%s\n", error);
    assert_int_equal(result, RESULT_OK);
}

static inline int fixture_setup(void **state)
{
    struct fixture *fixture = xcalloc(1, sizeof *fixture);
    snprintf(fixture->directory, sizeof fixture->directory, "/tmp/harrier-store-test-XXXXXX");
    assert_non_null(mkdtemp(fixture->directory));
    fixture->options.directory = fixture->directory;
    fixture_open(fixture);
    *state = fixture;
    return 0;
}

static inline int fixture_teardown(void **state)
{
    struct fixture *fixture = *state;
    static const char *const files[] = {"store.db", "store.db-wal", "store.db-shm", "store.lock", "store.id"};
    store_close(fixture->store);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", fixture->directory, files[i]);
        remove(path);
    }
    remove(fixture->directory);
    free(fixture);
    return 0;
}

static inline void fixture_reopen(struct fixture *fixture)
{
    store_close(fixture->store);
    fixture->store = NULL;
    fixture_open(fixture);
}

static inline struct store_reader *fixture_reader(const struct fixture *fixture)
{
    struct store_reader *reader;
    char *error = NULL;
    enum result result = store_reader_open(fixture->directory, &reader, &error);
    if (result != RESULT_OK)
        print_error("%s\n", error);
    assert_int_equal(result, RESULT_OK);
    return reader;
}

/* The id of the alert that fixture_add_alert makes of the same number. */
static inline char *fixture_id(int number, char id[DIGEST_SHA256_HEX])
{
    char text[32];
    snprintf(text, sizeof text, "alert %d", number);
    digest_sha256_hex(slice_of(text), id);
    return id;
}

/* to: names with blanks between, or NULL. json NULL: {"n":number}. */
static inline void fixture_add_alert(struct submission *submission, int number, const char *severity, const char *to, struct slice json)
{
    char id[DIGEST_SHA256_HEX], document[32], names[128] = "", *rest = NULL;
    snprintf(document, sizeof document, "{\"n\":%d}", number);
    struct submission_alert alert = {
        .alert_id = slice_of(fixture_id(number, id)),
        .dedup_key = slice_of(id),
        .time = number * CLOCK_SECOND,
        .rule = number % 2 ? SLICE("odd") : SLICE("even"),
        .severity = slice_of(severity),
        .risk_score = 50,
        .json = json.bytes ? json : slice_of(document),
    };
    snprintf(names, sizeof names, "%s", to ? to : "");
    for (char *name = strtok_r(names, " ", &rest); name != NULL; name = strtok_r(NULL, " ", &rest))
        alert.destinations[alert.destination_count++] = slice_of(name);
    assert_int_equal(submission_add_alert(submission, &alert), RESULT_OK);
}

static inline enum result fixture_commit(struct fixture *fixture, struct submission *submission, struct store_commit_counts *counts)
{
    struct store_submission one = {.bytes = submission_bytes(submission)};
    enum result result = store_commit(fixture->store, &one, 1, NULL, 0, counts);
    submission_free(submission);
    return result == RESULT_OK ? one.result : result;
}

static inline int fixture_setup_on(void **state, const char *vfs)
{
    fixture_setup(state);
    struct fixture *fixture = *state;
    fixture->options.vfs = vfs;
    fixture_reopen(fixture);
    return 0;
}

/* Alerts first .. first + count - 1 in one commit. */
static inline void fixture_commit_alerts(struct fixture *fixture, int first, int count, const char *to)
{
    struct submission *submission = submission_new(SLICE("prod"), (struct slice){0});
    for (int i = 0; i < count; i++)
        fixture_add_alert(submission, first + i, "HIGH", to, (struct slice){0});
    assert_int_equal(fixture_commit(fixture, submission, NULL), RESULT_OK);
}

/* Alerts of about 8 KB. */
static inline void fixture_commit_heavy(struct fixture *fixture, int first, int count, const char *to)
{
    char json[8000];
    struct submission *submission = submission_new(SLICE("prod"), (struct slice){0});
    memset(json, 'x', sizeof json);
    for (int i = 0; i < count; i++)
        fixture_add_alert(submission, first + i, "HIGH", to, slice_make(json, sizeof json));
    assert_int_equal(fixture_commit(fixture, submission, NULL), RESULT_OK);
}

static inline enum result fixture_report(struct fixture *fixture, const char *destination, int64_t alert, uint32_t round,
                                         enum store_delivery_state state, const char *error)
{
    struct store_delivery_result result = {
        .alert = alert, .round = round, .state = state, .attempts = 1, .time = clock_wall(), .next_time = 77};
    snprintf(result.destination, sizeof result.destination, "%s", destination);
    snprintf(result.error, sizeof result.error, "%s", error);
    return store_commit(fixture->store, NULL, 0, &result, 1, NULL);
}

static inline size_t fixture_open_count(const struct fixture *fixture, const char *destination)
{
    struct store_reader *reader = fixture_reader(fixture);
    struct store_delivery rows[64];
    size_t count;
    assert_int_equal(store_open_deliveries(reader, destination, rows, 64, &count), RESULT_OK);
    store_reader_close(reader);
    return count;
}

static inline struct store_counts fixture_counts(const struct fixture *fixture)
{
    struct store_counts counts;
    struct store_reader *reader = fixture_reader(fixture);
    assert_int_equal(store_counts(reader, &counts), RESULT_OK);
    store_reader_close(reader);
    return counts;
}

#endif
