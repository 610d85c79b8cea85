/* SPDX-License-Identifier: Apache-2.0 */
/* What a durable commit costs, against an append with fdatasync of the same bytes and against a bare SQLite loop over the same tables, all in
 * one run and in turns, because only ratios hold on another machine. Usage: store_bench [DIRECTORY [bare]]; the directory decides which disk is
 * measured; with `bare` only the bare loop is run, and its alerts a second are printed. Exits 1 if a ratio is over its bound. */
#include "daemon/store/schema.h"
#include "harrier/base/buffer.h"
#include "harrier/base/clock.h"
#include "harrier/base/digest.h"
#include "harrier/base/memory.h"
#include "harrier/store.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { ROUNDS = 4, SINGLES = 300, GROUPS = 40, GROUP = 100, DOCUMENT_BYTES = 4096, SAMPLES_MAX = ROUNDS * SINGLES };

struct samples {
    clock_nanos times[SAMPLES_MAX];
    size_t count;
    clock_nanos total; /* with what happens between the commits */
};

struct bench {
    char directory[256];
    char document[DOCUMENT_BYTES + 1];
    uint64_t next; /* number of the next alert */
    struct store *store;
    int file;
    struct database bare;
    struct samples append_one, append_group, store_one, store_group, bare_one, bare_group;
};

static void die(const char *what)
{
    fprintf(stderr, "store_bench: %s\n", what);
    exit(2);
}

static void sample(struct samples *samples, clock_nanos time)
{
    samples->times[samples->count++] = time;
}

static int compare_times(const void *a, const void *b)
{
    clock_nanos x = *(const clock_nanos *)a, y = *(const clock_nanos *)b;
    return (x > y) - (x < y);
}

static double percentile_ms(struct samples *samples, unsigned int percent)
{
    qsort(samples->times, samples->count, sizeof samples->times[0], compare_times);
    return (double)samples->times[(samples->count - 1) * percent / 100] / (double)CLOCK_MILLISECOND;
}

static void next_id(struct bench *bench, uint8_t bytes[DIGEST_SHA256_BYTES], char hex[DIGEST_SHA256_HEX])
{
    struct digest *digest = digest_new();
    uint64_t number = bench->next++;
    digest_begin(digest);
    digest_update(digest, slice_make((const char *)&number, sizeof number));
    digest_end(digest, bytes);
    digest_hex(bytes, hex);
    digest_free(digest);
}

/* --- the three ways ----------------------------------------------------------------------------------------------------- */

static void run_append(struct bench *bench, struct samples *samples, int commits, int group)
{
    struct buffer bytes = {0};
    for (int i = 0; i < group; i++)
        buffer_append(&bytes, bench->document, DOCUMENT_BYTES);
    clock_nanos begin = clock_monotonic();
    for (int i = 0; i < commits; i++) {
        clock_nanos start = clock_monotonic();
        if (write(bench->file, bytes.bytes, bytes.length) != (ssize_t)bytes.length || fdatasync(bench->file) != 0)
            die("cannot append");
        sample(samples, clock_monotonic() - start);
    }
    samples->total += clock_monotonic() - begin;
    buffer_free(&bytes);
}

static struct submission *make_submission(struct bench *bench, int group)
{
    struct submission *submission = submission_new(SLICE("prod"), (struct slice){0});
    for (int i = 0; i < group; i++) {
        uint8_t bytes[DIGEST_SHA256_BYTES];
        char id[DIGEST_SHA256_HEX];
        next_id(bench, bytes, id);
        struct submission_alert alert = {.alert_id = slice_of(id),
                                         .dedup_key = slice_of(id),
                                         .time = clock_wall(),
                                         .rule = SLICE("k8s_cronjob"),
                                         .severity = SLICE("HIGH"),
                                         .risk_score = 80,
                                         .json = slice_make(bench->document, DOCUMENT_BYTES),
                                         .destinations = {SLICE("soc"), SLICE("trail")},
                                         .destination_count = 2};
        if (submission_add_alert(submission, &alert) != RESULT_OK)
            die("cannot make a submission");
    }
    return submission;
}

/* As the commit thread does it: a checkpoint between commits where one is due. */
static void run_store(struct bench *bench, struct samples *samples, int commits, int group)
{
    clock_nanos making = 0, begin = clock_monotonic();
    for (int i = 0; i < commits; i++) {
        clock_nanos made = clock_monotonic();
        struct submission *submission = make_submission(bench, group);
        struct store_submission one = {.bytes = submission_bytes(submission)};
        clock_nanos start = clock_monotonic();
        making += start - made;
        if (store_commit(bench->store, &one, 1, NULL, 0, NULL) != RESULT_OK)
            die(store_error(bench->store));
        sample(samples, clock_monotonic() - start);
        if (store_checkpoint(bench->store, false) != RESULT_OK)
            die(store_error(bench->store));
        submission_free(submission);
    }
    samples->total += clock_monotonic() - begin - making;
}

enum bare_statement { BARE_BEGIN, BARE_COMMIT, BARE_SEEN, BARE_ALERT, BARE_DOCUMENT, BARE_QUEUE, BARE_COUNT };

static const char *const bare_sql[BARE_COUNT] = {
    [BARE_BEGIN] = "BEGIN IMMEDIATE",
    [BARE_COMMIT] = "COMMIT",
    [BARE_SEEN] = "INSERT INTO seen VALUES (?1, ?2, 1)",
    [BARE_ALERT] = "INSERT INTO alert VALUES (?2, ?1, ?1, 1, 1, 4, 80.0, 'HIGH', 'k8s_cronjob', 'prod')",
    [BARE_DOCUMENT] = "INSERT INTO document VALUES (?2, ?3)",
    [BARE_QUEUE] = "INSERT INTO queue VALUES (?1, ?2, 0, 0, 0, 1, 0, NULL, 1, 0)",
};

static sqlite3_stmt *bare_statement(struct bench *bench, enum bare_statement number)
{
    sqlite3_stmt *statement = database_statement(&bench->bare, (int)number);
    if (statement == NULL)
        die(bench->bare.error);
    return statement;
}

static void bare_run(struct bench *bench, sqlite3_stmt *statement)
{
    if (database_finish(&bench->bare, statement) != RESULT_OK)
        die(bench->bare.error);
}

static void bare_alert(struct bench *bench, const uint8_t *id, int64_t number)
{
    static const enum bare_statement rows[] = {BARE_SEEN, BARE_ALERT, BARE_DOCUMENT};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        sqlite3_stmt *statement = bare_statement(bench, rows[i]);
        if (rows[i] != BARE_DOCUMENT)
            database_bind_blob(statement, 1, slice_make((const char *)id, DIGEST_SHA256_BYTES));
        else
            database_bind_text(statement, 3, slice_make(bench->document, DOCUMENT_BYTES));
        sqlite3_bind_int64(statement, 2, number);
        bare_run(bench, statement);
    }
    for (int destination = 1; destination <= 2; destination++) {
        sqlite3_stmt *statement = bare_statement(bench, BARE_QUEUE);
        sqlite3_bind_int(statement, 1, destination);
        sqlite3_bind_int64(statement, 2, number);
        bare_run(bench, statement);
    }
}

/* With SQLite's own checkpoint inside COMMIT, as it comes. */
static void run_bare(struct bench *bench, struct samples *samples, int commits, int group)
{
    clock_nanos making = 0, begin = clock_monotonic();
    for (int i = 0; i < commits; i++) {
        uint8_t ids[GROUP][DIGEST_SHA256_BYTES];
        char hex[DIGEST_SHA256_HEX];
        clock_nanos made = clock_monotonic();
        int64_t first = (int64_t)bench->next;
        for (int j = 0; j < group; j++)
            next_id(bench, ids[j], hex);
        clock_nanos start = clock_monotonic();
        making += start - made;
        bare_run(bench, bare_statement(bench, BARE_BEGIN));
        for (int j = 0; j < group; j++)
            bare_alert(bench, ids[j], first + j);
        bare_run(bench, bare_statement(bench, BARE_COMMIT));
        sample(samples, clock_monotonic() - start);
    }
    samples->total += clock_monotonic() - begin - making;
}

/* --- the run ------------------------------------------------------------------------------------------------------------ */

static void open_all(struct bench *bench, const char *parent)
{
    char path[300], *error = NULL;
    snprintf(bench->directory, sizeof bench->directory, "%s/harrier-store-bench-XXXXXX", parent);
    if (mkdtemp(bench->directory) == NULL)
        die("cannot make a directory");
    const struct store_options options = {.directory = bench->directory};
    if (store_open(&options, &bench->store, &error) != RESULT_OK)
        die(error);
    snprintf(path, sizeof path, "%s/append", bench->directory);
    bench->file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    snprintf(path, sizeof path, "%s/bare.db", bench->directory);
    if (bench->file < 0 ||
        database_open(&bench->bare, path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL, 1000, bare_sql) != RESULT_OK ||
        schema_migrate(&bench->bare, schema_steps, schema_version) != RESULT_OK ||
        database_run(&bench->bare, "PRAGMA wal_autocheckpoint=1000") != RESULT_OK)
        die("cannot open the files to compare with");
    memset(bench->document, 'x', DOCUMENT_BYTES);
}

static void close_all(struct bench *bench)
{
    static const char *const files[] = {"append", "bare.db", "store.db", "store.lock"};
    char path[300];
    store_close(bench->store);
    database_close(&bench->bare);
    close(bench->file);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", bench->directory, files[i]);
        unlink(path);
    }
    rmdir(bench->directory);
}

static void print_times(const char *name, struct samples *one, struct samples *group)
{
    double rate = (double)group->count * GROUP / ((double)group->total / (double)CLOCK_SECOND);
    printf("%-22s 1 alert: p50 %6.3f ms, p99 %6.3f ms   %d alerts: p50 %6.3f ms, p99 %6.3f ms, %6.0f alerts/s\n", name,
           percentile_ms(one, 50), percentile_ms(one, 99), GROUP, percentile_ms(group, 50), percentile_ms(group, 99), rate);
}

static bool print_ratio(const char *name, double ratio, double bound, bool at_most)
{
    bool good = at_most ? ratio <= bound : ratio >= bound;
    printf("%-62s %6.2f  (%s %.2f) %s\n", name, ratio, at_most ? "at most" : "at least", bound, good ? "ok" : "MISSED");
    return good;
}

static bool print_all(struct bench *bench)
{
    struct samples *one = &bench->store_one, *group = &bench->store_group;
    print_times("append + fdatasync", &bench->append_one, &bench->append_group);
    print_times("store", one, group);
    print_times("bare SQLite", &bench->bare_one, &bench->bare_group);
    double rate = (double)group->count * GROUP / ((double)group->total / (double)CLOCK_SECOND);
    double share = (double)bench->bare_group.total / (double)group->total;
    bool good =
        print_ratio("commit of 1 alert / append + fdatasync, p50", percentile_ms(one, 50) / percentile_ms(&bench->append_one, 50), 2, true);
    good &= print_ratio("commit of 100 alerts / append + fdatasync, p50",
                        percentile_ms(group, 50) / percentile_ms(&bench->append_group, 50), 8, true);
    good &= print_ratio("commit of 1 alert, p99 / p50", percentile_ms(one, 99) / percentile_ms(one, 50), 3, true);
    good &= print_ratio("commit of 100 alerts, p99 / p50", percentile_ms(group, 99) / percentile_ms(group, 50), 3, true);
    if (rate >= 8000)
        printf("%-62s %6.0f  (at least 8000, or half of bare SQLite: %.2f of it) ok\n", "alerts/s in groups of 100, checkpoints counted",
               rate, share);
    else
        good &= print_ratio("alerts/s in groups of 100 / bare SQLite, checkpoints counted", share, 0.5, false);
    return good;
}

static double bare_rate(struct bench *bench)
{
    for (int round = 0; round < ROUNDS; round++)
        run_bare(bench, &bench->bare_group, GROUPS, GROUP);
    return (double)bench->bare_group.count * GROUP / ((double)bench->bare_group.total / (double)CLOCK_SECOND);
}

static bool measure_all(struct bench *bench)
{
    for (int round = 0; round < ROUNDS; round++) {
        run_append(bench, &bench->append_one, SINGLES, 1);
        run_store(bench, &bench->store_one, SINGLES, 1);
        run_bare(bench, &bench->bare_one, SINGLES, 1);
        run_append(bench, &bench->append_group, GROUPS, GROUP);
        run_store(bench, &bench->store_group, GROUPS, GROUP);
        run_bare(bench, &bench->bare_group, GROUPS, GROUP);
    }
    return print_all(bench);
}

int main(int argc, char **argv)
{
    struct bench *bench = xcalloc(1, sizeof *bench);
    bool good = true;

    open_all(bench, argc > 1 ? argv[1] : ".");
    if (argc > 2)
        printf("%.0f\n", bare_rate(bench));
    else
        good = measure_all(bench);
    close_all(bench);
    free(bench);
    return good ? 0 : 1;
}
