/* SPDX-License-Identifier: Apache-2.0 */
/* Delivery over real sockets and files, out of a real store. One thread runs all of it: results are committed where they are reported. */
#include "daemon/deliver/queue.h"
#include "harrier/deliver.h"
#include "receiver.h"
#include "tests/unit/store/fixture.h"

#include <curl/curl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WATCHDOG_SECONDS = 30 };

struct world {
    struct fixture *fixture;
    struct event_base *base;
    struct store_reader *reader;
    struct receiver *receiver;
    struct deliver *deliver;
    struct deliver_config config;
    struct deliver_destination_config destinations[3];
    char urls[3][64];
    VECTOR(struct store_delivery_result) results; /* all that was reported */
    bool withhold;                                /* results are not committed */
    bool (*done)(struct world *world);
    bool timed_out;
};

static void commit_results(struct world *world, const struct store_delivery_result *results, size_t count)
{
    assert_int_equal(store_commit(world->fixture->store, NULL, 0, results, count, NULL), RESULT_OK);
    deliver_wake(world->deliver);
}

static void on_report(const struct store_delivery_result *results, size_t count, void *context)
{
    struct world *world = context;
    for (size_t i = 0; i < count; i++)
        VECTOR_PUSH(&world->results, results[i]);
    if (!world->withhold)
        commit_results(world, results, count);
}

static int setup(void **state)
{
    struct world *world = xcalloc(1, sizeof *world);
    void *fixture;
    fixture_setup(&fixture);
    world->fixture = fixture;
    world->base = event_base_new();
    world->reader = fixture_reader(fixture);
    world->receiver = receiver_new(world->base);
    world->config = (struct deliver_config){.destinations = world->destinations, .report = on_report, .report_context = world};
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    void *fixture = world->fixture;
    deliver_free(world->deliver);
    receiver_free(world->receiver);
    store_reader_close(world->reader);
    event_base_free(world->base);
    VECTOR_FREE(&world->results);
    fixture_teardown(&fixture);
    free(world);
    return 0;
}

/* With waits so short that a test need not wait. */
static struct deliver_destination_config *add_destination(struct world *world, const char *name, enum deliver_type type)
{
    size_t index = world->config.destination_count++;
    struct deliver_destination_config *destination = &world->destinations[index];
    snprintf(world->urls[index], sizeof world->urls[index], "http://127.0.0.1:%d/%s", world->receiver->port, name);
    *destination = (struct deliver_destination_config){
        .name = name,
        .type = type,
        .url = type == DELIVER_FILE ? NULL : world->urls[index],
        .timeout = 300 * CLOCK_MILLISECOND,
        .rate = type == DELIVER_SLACK ? 10000 : 0,
        .retry_base = CLOCK_MILLISECOND,
        .retry_cap = 4 * CLOCK_MILLISECOND,
        .hold_interval = 4 * CLOCK_MILLISECOND,
    };
    return destination;
}

static void start(struct world *world)
{
    char *error;
    world->config.clock = store_clock(world->fixture->store);
    enum result result = deliver_new(&world->config, world->base, world->reader, &world->deliver, &error);
    if (result != RESULT_OK)
        print_error("%s\n", error);
    assert_int_equal(result, RESULT_OK);
}

static void on_watchdog(evutil_socket_t socket, short what, void *context)
{
    struct world *world = context;
    (void)socket;
    (void)what;
    world->timed_out = true;
    event_base_loopbreak(world->base);
}

/* Turns the loop until done says so. */
static void run_until(struct world *world, bool (*done)(struct world *world))
{
    struct timeval limit = {WATCHDOG_SECONDS, 0};
    struct event *watchdog = evtimer_new(world->base, on_watchdog, world);
    event_add(watchdog, &limit);
    while (!world->timed_out && !done(world))
        event_base_loop(world->base, EVLOOP_ONCE);
    event_free(watchdog);
    assert_false(world->timed_out);
}

static size_t count_results(const struct world *world, const char *destination, enum store_delivery_state of_state)
{
    size_t count = 0;
    for (size_t i = 0; i < world->results.count; i++)
        count += strcmp(world->results.items[i].destination, destination) == 0 && world->results.items[i].state == of_state;
    return count;
}

static bool ten_delivered(struct world *world)
{
    return count_results(world, "a", STORE_DELIVERED) >= 10;
}

static bool one_delivered(struct world *world)
{
    return count_results(world, "a", STORE_DELIVERED) >= 1;
}

static bool one_dead(struct world *world)
{
    return count_results(world, "a", STORE_DEAD) >= 1;
}

static bool one_pending(struct world *world)
{
    return count_results(world, "a", STORE_PENDING) >= 1;
}

static bool one_held(struct world *world)
{
    return count_results(world, "a", STORE_HELD) >= 1;
}

/* Numbers of the alerts delivered, in the order in which that happened. */
static void assert_delivered_in_order(const struct world *world, const char *destination, int64_t count)
{
    int64_t next = 1;
    for (size_t i = 0; i < world->results.count; i++) {
        if (strcmp(world->results.items[i].destination, destination) == 0 && world->results.items[i].state == STORE_DELIVERED)
            assert_int_equal(world->results.items[i].alert, next++);
    }
    assert_int_equal(next, count + 1);
}

/* --- webhook ------------------------------------------------------------------------------------------------------------ */

static void test_every_alert_arrives_in_order_whatever_the_receiver_does(void **state)
{
    struct world *world = *state;
    static const struct answer script[] = {
        {ANSWER, 500, NULL, "oops"}, {CLOSE, 0, NULL, NULL},      {ANSWER, 200, NULL, NULL}, {HANG, 0, NULL, NULL},
        {ANSWER, 503, NULL, NULL},   {ANSWER, 200, NULL, NULL},   {ANSWER, 502, NULL, NULL}, {CLOSE, 0, NULL, NULL},
        {ANSWER, 429, NULL, NULL},   {ANSWER, 408, NULL, "late"}, {ANSWER, 202, NULL, NULL},
    };
    world->receiver->script = script;
    world->receiver->script_count = sizeof script / sizeof script[0];
    add_destination(world, "a", DELIVER_WEBHOOK);
    fixture_commit_alerts(world->fixture, 1, 10, "a");
    start(world);
    run_until(world, ten_delivered);
    assert_delivered_in_order(world, "a", 10);
    assert_int_equal(fixture_open_count(world->fixture, "a"), 0);
    assert_true(world->receiver->requests.count >= 18); /* libcurl itself repeats what broke on a reused connection */
    struct deliver_counts counts;
    deliver_counts(world->deliver, 0, &counts);
    assert_int_equal(counts.delivered, 10);
    assert_true(counts.retried >= 6);
    assert_int_equal(counts.in_flight, 0);
    assert_false(counts.held);
}

static void test_alerts_that_come_later_are_sent_after_a_wake(void **state)
{
    struct world *world = *state;
    add_destination(world, "a", DELIVER_WEBHOOK);
    start(world);
    fixture_commit_alerts(world->fixture, 1, 1, "a");
    deliver_wake(world->deliver);
    run_until(world, one_delivered);
    fixture_commit_alerts(world->fixture, 2, 9, "a");
    deliver_wake(world->deliver);
    run_until(world, ten_delivered);
    assert_int_equal(world->receiver->connections, 1); /* kept and used again */
}

static const char *header_of(const struct request *request, const char *name, char value[256])
{
    char begin[64];
    snprintf(begin, sizeof begin, "\r\n%s: ", name);
    const char *at = strcasestr(request->head, begin);
    assert_non_null(at);
    at += strlen(begin);
    snprintf(value, 256, "%.*s", (int)strcspn(at, "\r"), at);
    return value;
}

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    chmod(path, 0600);
}

static void test_a_webhook_carries_id_token_headers_and_signature(void **state)
{
    struct world *world = *state;
    static const struct answer script[] = {{ANSWER, 500, NULL, NULL}, {ANSWER, 200, NULL, NULL}};
    static const struct deliver_header headers[] = {{"X-Team", "soc"}};
    char token[128], secret[128], value[256], id[DIGEST_SHA256_HEX];
    snprintf(token, sizeof token, "%s/token", world->fixture->directory);
    snprintf(secret, sizeof secret, "%s/secret", world->fixture->directory);
    write_text(token, "t0ken\n");
    write_text(secret, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n");
    world->receiver->script = script;
    world->receiver->script_count = 2;
    struct deliver_destination_config *destination = add_destination(world, "a", DELIVER_WEBHOOK);
    destination->token_file = token;
    destination->secret_file = secret;
    destination->signature = DELIVER_STANDARD_WEBHOOKS;
    destination->headers = headers;
    destination->header_count = 1;
    fixture_commit_alerts(world->fixture, 1, 1, "a");
    start(world);
    run_until(world, one_delivered);
    assert_int_equal(world->receiver->requests.count, 2);
    for (size_t i = 0; i < 2; i++) {
        const struct request *request = &world->receiver->requests.items[i];
        assert_int_equal(strncmp(request->head, "POST /a HTTP/1.1\r\n", 18), 0);
        assert_string_equal(request->body, "{\"n\":1}");
        assert_string_equal(header_of(request, "webhook-id", value), fixture_id(1, id));
        assert_string_equal(header_of(request, "Authorization", value), "Bearer t0ken");
        assert_string_equal(header_of(request, "Content-Type", value), "application/json");
        assert_string_equal(header_of(request, "X-Team", value), "soc");
        assert_int_equal(strncmp(header_of(request, "webhook-signature", value), "v1,", 3), 0);
        assert_int_equal(strlen(value), 3 + 44);
        assert_true(strtoll(header_of(request, "webhook-timestamp", value), NULL, 10) > 1600000000);
    }
    unlink(token);
    unlink(secret);
}

/* The receiver's clock is in 1994, and so is its date; ours is not asked. A wait of centuries is one of an hour. */
static void test_a_date_in_retry_after_is_a_wait_by_the_receivers_own_clock(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *headers;
        clock_nanos wait;
    } cases[] = {
        {"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nRetry-After: Sun, 06 Nov 1994 09:19:37 GMT\r\n", 1800 * CLOCK_SECOND},
        {"Retry-After: Sun, 06 Nov 1994 09:19:37 GMT\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n", 1800 * CLOCK_SECOND},
        {"Retry-After: Fri, 31 Dec 2299 23:59:59 GMT\r\n", 3600 * CLOCK_SECOND},
        {"Retry-After: 99999999999999999999999999\r\n", 3600 * CLOCK_SECOND},
    };
    add_destination(world, "a", DELIVER_WEBHOOK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct answer script[] = {{ANSWER, 429, cases[i].headers, NULL}};
        world->receiver->script = script;
        world->receiver->script_count = 1;
        world->results.count = 0;
        fixture_commit_alerts(world->fixture, (int)i + 1, 1, "a");
        start(world);
        run_until(world, one_pending);
        assert_in_range(world->results.items[0].wait, cases[i].wait - CLOCK_SECOND, cases[i].wait);
        deliver_free(world->deliver);
        world->deliver = NULL;
        fixture_report(world->fixture, "a", (int64_t)i + 1, 0, STORE_DELIVERED, "");
    }
}

static void test_the_wait_that_a_receiver_asks_for_is_kept(void **state)
{
    struct world *world = *state;
    static const struct answer script[] = {{ANSWER, 429, "Retry-After: 1800\r\n", NULL}};
    world->receiver->script = script;
    world->receiver->script_count = 1;
    add_destination(world, "a", DELIVER_WEBHOOK);
    fixture_commit_alerts(world->fixture, 1, 2, "a");
    start(world);
    run_until(world, one_pending);
    const struct store_delivery_result *result = &world->results.items[0];
    assert_in_range(result->next_time - result->time, 1799 * CLOCK_SECOND, 1800 * CLOCK_SECOND);
    assert_int_equal(result->attempts, 1);
    assert_non_null(strstr(result->error, "http://127.0.0.1:"));
    /* A new start keeps to it as well, and to the order. */
    deliver_free(world->deliver);
    start(world);
    for (int i = 0; i < 20; i++)
        event_base_loop(world->base, EVLOOP_NONBLOCK);
    assert_int_equal(world->receiver->requests.count, 1);
}

static void test_a_redirect_is_never_followed(void **state)
{
    struct world *world = *state;
    char location[128];
    snprintf(location, sizeof location, "Location: http://127.0.0.1:%d/elsewhere\r\n", world->receiver->port);
    const struct answer script[] = {{ANSWER, 307, location, NULL}, {ANSWER, 200, NULL, NULL}};
    world->receiver->script = script;
    world->receiver->script_count = 2;
    add_destination(world, "a", DELIVER_WEBHOOK);
    fixture_commit_alerts(world->fixture, 1, 1, "a");
    start(world);
    run_until(world, one_held);
    struct deliver_counts counts;
    deliver_counts(world->deliver, 0, &counts);
    assert_true(counts.held);
    run_until(world, one_delivered);
    for (size_t i = 0; i < world->receiver->requests.count; i++)
        assert_null(strstr(world->receiver->requests.items[i].head, "elsewhere"));
    deliver_counts(world->deliver, 0, &counts);
    assert_false(counts.held);
}

static bool b_has_ten(struct world *world)
{
    return count_results(world, "b", STORE_DELIVERED) >= 10;
}

static struct answer hang_on_a(const struct request *request, void *context)
{
    (void)context;
    return strncmp(request->head, "POST /a ", 8) == 0 ? (struct answer){HANG, 0, NULL, NULL} : (struct answer){ANSWER, 200, NULL, NULL};
}

static void test_a_destination_that_hangs_stops_no_other(void **state)
{
    struct world *world = *state;
    world->receiver->decide = hang_on_a;
    struct deliver_destination_config *hanging = add_destination(world, "a", DELIVER_WEBHOOK);
    hanging->timeout = 3600 * CLOCK_SECOND;
    hanging->in_flight = 16; /* takes all places that there are */
    world->config.in_flight = 4;
    add_destination(world, "b", DELIVER_WEBHOOK);
    fixture_commit_alerts(world->fixture, 1, 30, "a b");
    start(world);
    run_until(world, b_has_ten);
    struct deliver_counts counts;
    deliver_counts(world->deliver, 0, &counts);
    assert_int_equal(counts.in_flight, 4);
    assert_int_equal(counts.delivered, 0);
}

static bool all_places_taken(struct world *world)
{
    return world->receiver->requests.count >= 4;
}

static void test_one_at_a_time_unless_more_are_allowed(void **state)
{
    struct world *world = *state;
    world->receiver->decide = hang_on_a;
    add_destination(world, "a", DELIVER_WEBHOOK)->timeout = 3600 * CLOCK_SECOND;
    struct deliver_destination_config *parallel = add_destination(world, "b", DELIVER_WEBHOOK);
    parallel->url = world->urls[0];
    parallel->timeout = 3600 * CLOCK_SECOND;
    parallel->in_flight = 3;
    fixture_commit_alerts(world->fixture, 1, 30, "a b");
    start(world);
    run_until(world, all_places_taken);
    for (int i = 0; i < 20; i++)
        event_base_loop(world->base, EVLOOP_NONBLOCK);
    struct deliver_counts counts;
    deliver_counts(world->deliver, 0, &counts);
    assert_int_equal(counts.in_flight, 1);
    deliver_counts(world->deliver, 1, &counts);
    assert_int_equal(counts.in_flight, 3);
}

static bool fifty_delivered(struct world *world)
{
    return count_results(world, "a", STORE_DELIVERED) >= 50;
}

static struct answer fail_every_third(const struct request *request, void *context)
{
    size_t *count = context;
    (void)request;
    return (struct answer){ANSWER, ++*count % 3 ? 200 : 500, NULL, NULL};
}

static void test_in_parallel_every_alert_arrives_once_it_succeeds(void **state)
{
    struct world *world = *state;
    size_t count = 0;
    world->receiver->decide = fail_every_third;
    world->receiver->context = &count;
    add_destination(world, "a", DELIVER_WEBHOOK)->in_flight = 8;
    fixture_commit_alerts(world->fixture, 1, 50, "a");
    start(world);
    run_until(world, fifty_delivered);
    assert_int_equal(fixture_open_count(world->fixture, "a"), 0);
    bool seen[51] = {false};
    for (size_t i = 0; i < world->results.count; i++) {
        if (world->results.items[i].state != STORE_DELIVERED)
            continue;
        assert_false(seen[world->results.items[i].alert]);
        seen[world->results.items[i].alert] = true;
    }
}

static struct answer fail_on_first(const struct request *request, void *context)
{
    (void)context;
    return (struct answer){ANSWER, strstr(request->body, "\"n\":1}") ? 500 : 200, NULL, NULL};
}

static bool nine_delivered(struct world *world)
{
    return count_results(world, "a", STORE_DELIVERED) >= 9;
}

static void test_an_alert_that_breaks_the_receiver_does_not_keep_the_others_for_ever(void **state)
{
    struct world *world = *state;
    world->receiver->decide = fail_on_first;
    add_destination(world, "a", DELIVER_WEBHOOK);
    fixture_commit_alerts(world->fixture, 1, 10, "a");
    start(world);
    run_until(world, nine_delivered);
    assert_int_equal(fixture_open_count(world->fixture, "a"), 1); /* and it is not lost */
    assert_int_equal(count_results(world, "a", STORE_DEAD), 0);
}

/* --- is it the alert or the destination? -------------------------------------------------------------------------------- */

/* The receiver dislikes the alerts whose numbers are set here, and all of them while all is set. */
struct dislike {
    struct answer answer;
    bool all;
    bool numbers[1024];
    size_t tries[1024];
};

static size_t number_in(const struct request *request)
{
    const char *at = strstr(request->body, "\"n\":");
    assert_non_null(at);
    return strtoul(at + 4, NULL, 10);
}

static struct answer answer_dislike(const struct request *request, void *context)
{
    struct dislike *dislike = context;
    size_t number = number_in(request);
    dislike->tries[number]++;
    return dislike->all || dislike->numbers[number] ? dislike->answer : (struct answer){ANSWER, 200, NULL, "ok"};
}

static size_t delivered_count(const struct world *world)
{
    return count_results(world, "a", STORE_DELIVERED);
}

static bool thirty_delivered(struct world *world)
{
    return delivered_count(world) >= 30;
}

static bool thirty_one_delivered(struct world *world)
{
    return delivered_count(world) >= 31;
}

/* The order of all that is not disliked. */
static void assert_rest_in_order(const struct world *world, const struct dislike *dislike)
{
    int64_t last = 0;
    for (size_t i = 0; i < world->results.count; i++) {
        const struct store_delivery_result *result = &world->results.items[i];
        if (result->state != STORE_DELIVERED || dislike->numbers[result->alert])
            continue;
        assert_true(result->alert > last);
        last = result->alert;
    }
}

static const struct answer dislikes[] = {
    {ANSWER, 302, "Location: http://127.0.0.1/\r\n", NULL},
    {ANSWER, 400, NULL, "bad"},
    {ANSWER, 401, NULL, NULL},
    {ANSWER, 403, NULL, "blocked"},
    {ANSWER, 404, NULL, NULL},
    {ANSWER, 405, NULL, NULL},
    {ANSWER, 406, NULL, NULL},
    {ANSWER, 413, NULL, NULL},
    {ANSWER, 422, NULL, NULL},
    {ANSWER, 429, NULL, NULL},
    {ANSWER, 451, NULL, NULL},
    {ANSWER, 500, NULL, NULL},
    {ANSWER, 503, NULL, NULL},
    {CLOSE, 0, NULL, NULL},
    {RAW, 0, "HTTP/1.1 100 Continue\r\n\r\n", NULL}, /* and then nothing */
};

static void begin_dislike(struct world *world, struct dislike *dislike, struct answer answer)
{
    *dislike = (struct dislike){.answer = answer};
    world->receiver->decide = answer_dislike;
    world->receiver->context = dislike;
}

/* A world of its own for each case of a table. */
static struct world *fresh_world(void)
{
    void *state;
    setup(&state);
    return state;
}

static void test_one_alert_that_is_disliked_keeps_no_other(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof dislikes / sizeof dislikes[0]; i++) {
        void *one = fresh_world();
        struct world *world = one;
        struct dislike dislike;
        begin_dislike(world, &dislike, dislikes[i]);
        dislike.numbers[3] = true;
        bool is_silent = dislikes[i].kind == RAW;
        add_destination(world, "a", DELIVER_WEBHOOK)->timeout = is_silent ? 100 * CLOCK_MILLISECOND : 3600 * CLOCK_SECOND;
        fixture_commit_alerts(world->fixture, 1, 31, "a");
        start(world);
        run_until(world, thirty_delivered);
        if (!is_silent) /* else others may take too long as well */
            assert_rest_in_order(world, &dislike);
        /* What is called malformed may have been given up by now, on the evidence of the others. */
        assert_int_equal(fixture_open_count(world->fixture, "a") + count_results(world, "a", STORE_DEAD), 1);
        assert_true(dislike.tries[3] <= 24); /* two forms of each, for 413; libcurl repeats what broke */
        teardown(&one);
    }
}

/* An hour for each answer, where the alert alone is to blame: whoever obeyed each would deliver nothing for days. */
static void test_one_alert_that_is_told_to_wait_for_an_hour_keeps_no_other(void **state)
{
    static const struct {
        int status;
        unsigned int in_flight;
    } cases[] = {{429, 1}, {503, 1}, {403, 1}, {429, 4}, {503, 4}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        void *one = fresh_world();
        struct world *world = one;
        struct dislike dislike;
        begin_dislike(world, &dislike, (struct answer){ANSWER, cases[i].status, "Retry-After: 3600\r\n", NULL});
        dislike.numbers[3] = true;
        struct deliver_destination_config *destination = add_destination(world, "a", DELIVER_WEBHOOK);
        destination->hold_interval = 3600 * CLOCK_SECOND;
        destination->in_flight = cases[i].in_flight;
        fixture_commit_alerts(world->fixture, 1, 31, "a");
        start(world);
        run_until(world, thirty_delivered);
        if (cases[i].in_flight == 1)
            assert_rest_in_order(world, &dislike);
        assert_true(dislike.tries[3] <= 4);
        teardown(&one);
    }
}

static bool two_pending(struct world *world)
{
    return count_results(world, "a", STORE_PENDING) >= 2;
}

static void test_a_destination_that_tells_two_alerts_to_wait_waits_as_long_as_it_was_asked_to(void **state)
{
    struct world *world = *state;
    struct dislike dislike;
    begin_dislike(world, &dislike, (struct answer){ANSWER, 429, "Retry-After: 1800\r\n", NULL});
    dislike.all = true;
    add_destination(world, "a", DELIVER_WEBHOOK);
    fixture_commit_alerts(world->fixture, 1, 31, "a");
    start(world);
    run_until(world, two_pending);
    assert_int_equal(world->results.items[0].alert, 1);
    assert_int_equal(world->results.items[1].alert, 2);
    assert_in_range(world->results.items[1].wait, 1799 * CLOCK_SECOND, 1800 * CLOCK_SECOND);
    dislike.all = false;
    clock_nanos until = clock_monotonic() + 2 * CLOCK_SECOND; /* longer than the pause after the first of them */
    for (bool again = false; clock_monotonic() < until;) {
        event_base_loop(world->base, EVLOOP_NONBLOCK);
        if (!again && until - clock_monotonic() < CLOCK_SECOND / 2) { /* a restart does not shorten it */
            deliver_free(world->deliver);
            start(world);
            again = true;
        }
    }
    assert_int_equal(world->receiver->requests.count, 2);
}

static void test_after_a_restart_one_alert_that_was_told_to_wait_keeps_no_other(void **state)
{
    struct world *world = *state;
    struct dislike dislike;
    begin_dislike(world, &dislike, (struct answer){ANSWER, 429, "Retry-After: 3600\r\n", NULL});
    dislike.numbers[1] = true;
    add_destination(world, "a", DELIVER_WEBHOOK);
    fixture_commit_alerts(world->fixture, 1, 1, "a");
    start(world);
    run_until(world, one_pending);
    deliver_free(world->deliver);
    fixture_commit_alerts(world->fixture, 2, 30, "a");
    start(world);
    run_until(world, thirty_delivered);
    assert_rest_in_order(world, &dislike);
}

static bool one_set_aside(struct world *world)
{
    return count_results(world, "a", STORE_SET_ASIDE) >= 1;
}

static void test_a_suspect_is_set_aside_told_of_and_delivered_once_it_is_liked(void **state)
{
    struct world *world = *state;
    struct dislike dislike;
    begin_dislike(world, &dislike, (struct answer){ANSWER, 403, NULL, "blocked by the firewall"});
    dislike.numbers[1] = true;
    add_destination(world, "a", DELIVER_WEBHOOK);
    fixture_commit_alerts(world->fixture, 1, 31, "a");
    start(world);
    run_until(world, one_set_aside);
    run_until(world, thirty_delivered);
    struct store_counts counts = fixture_counts(world->fixture);
    assert_int_equal(counts.destinations[0].set_aside, 1);
    struct deliver_counts delivered;
    deliver_counts(world->deliver, 0, &delivered);
    assert_int_equal(delivered.set_aside, 1);
    assert_false(delivered.held);
    /* What is set aside stays so over a restart, and is in nobody's way. */
    deliver_free(world->deliver);
    start(world);
    fixture_commit_alerts(world->fixture, 32, 1, "a");
    deliver_wake(world->deliver);
    run_until(world, thirty_one_delivered);
    dislike.numbers[1] = false;
    world->results.count = 0;
    run_until(world, one_delivered);
    assert_int_equal(world->results.items[world->results.count - 1].alert, 1);
}

static void test_many_poisoned_alerts_keep_no_other(void **state)
{
    static const struct {
        int first, step, count;
    } cases[] = {{1, 1, 5}, {2, 2, 15}, {1, 2, 15}, {1, 1, 20}, {12, 1, 19}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        void *one = fresh_world();
        struct world *world = one;
        struct dislike dislike;
        begin_dislike(world, &dislike, (struct answer){ANSWER, 403, NULL, NULL});
        for (int n = 0; n < cases[i].count; n++)
            dislike.numbers[cases[i].first + n * cases[i].step] = true;
        add_destination(world, "a", DELIVER_WEBHOOK);
        fixture_commit_alerts(world->fixture, 1, 31, "a");
        start(world);
        while (delivered_count(world) < (size_t)(31 - cases[i].count))
            event_base_loop(world->base, EVLOOP_ONCE);
        if (cases[i].count <= 15)
            assert_rest_in_order(world, &dislike);
        assert_int_equal(count_results(world, "a", STORE_DEAD), 0);
        teardown(&one);
    }
}

static void test_a_long_row_of_poisoned_alerts_hides_no_destination_that_is_well(void **state)
{
    struct world *world = *state;
    struct dislike dislike;
    begin_dislike(world, &dislike, (struct answer){ANSWER, 403, NULL, NULL});
    for (size_t n = 1; n <= 400; n++)
        dislike.numbers[n] = true;
    add_destination(world, "a", DELIVER_WEBHOOK);
    fixture_commit_alerts(world->fixture, 1, 700, "a"); /* more than are read at once */
    start(world);
    run_until(world, ten_delivered);
    assert_int_equal(count_results(world, "a", STORE_DEAD), 0);
}

static bool seven_refused(struct world *world)
{
    return world->results.count >= 7;
}

static void test_a_destination_that_refuses_everything_buries_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof dislikes / sizeof dislikes[0]; i++) {
        if (dislikes[i].kind != ANSWER)
            continue;
        void *one = fresh_world();
        struct world *world = one;
        struct dislike dislike;
        struct deliver_counts counts;
        begin_dislike(world, &dislike, dislikes[i]);
        dislike.all = true;
        add_destination(world, "a", DELIVER_WEBHOOK);
        fixture_commit_alerts(world->fixture, 1, 31, "a");
        start(world);
        for (int n = 0; n < 4; n++) {
            world->results.count = 0;
            run_until(world, seven_refused);
            assert_int_equal(delivered_count(world) + count_results(world, "a", STORE_DEAD) + count_results(world, "a", STORE_SET_ASIDE), 0);
        }
        deliver_counts(world->deliver, 0, &counts);
        assert_int_equal(counts.held, dislikes[i].status < 500 && dislikes[i].status != 429);
        assert_int_equal(counts.dead, 0);
        dislike.all = false;
        run_until(world, thirty_one_delivered);
        assert_int_equal(count_results(world, "a", STORE_DEAD), 0);
        assert_int_equal(fixture_open_count(world->fixture, "a"), 0);
        deliver_counts(world->deliver, 0, &counts);
        assert_false(counts.held);
        teardown(&one);
    }
}

static bool ten_held(struct world *world)
{
    return count_results(world, "a", STORE_HELD) >= 10;
}

static void test_an_alert_that_waits_alone_is_held_and_never_buried(void **state)
{
    struct world *world = *state;
    struct dislike dislike;
    begin_dislike(world, &dislike, (struct answer){ANSWER, 400, NULL, "bad {field}"});
    dislike.all = true;
    add_destination(world, "a", DELIVER_WEBHOOK)->give_up_after = 1;
    fixture_commit_alerts(world->fixture, 1, 1, "a");
    start(world);
    run_until(world, ten_held);
    assert_non_null(strstr(world->results.items[0].error, "HTTP 400: bad {field}"));
    assert_int_equal(count_results(world, "a", STORE_DEAD), 0);
    dislike.all = false;
    run_until(world, one_delivered);
}

static void test_another_alert_is_tried_at_once_where_one_is_held_alone(void **state)
{
    struct world *world = *state;
    struct dislike dislike;
    begin_dislike(world, &dislike, (struct answer){ANSWER, 403, NULL, NULL});
    dislike.numbers[1] = true;
    add_destination(world, "a", DELIVER_WEBHOOK)->hold_interval = 3600 * CLOCK_SECOND;
    fixture_commit_alerts(world->fixture, 1, 1, "a");
    start(world);
    run_until(world, one_held);
    fixture_commit_alerts(world->fixture, 2, 30, "a");
    deliver_wake(world->deliver);
    run_until(world, thirty_delivered);
}

/* One more alert each time that all were taken, so that there is always something to compare with. */
static void feed(struct world *world, int *next)
{
    if (delivered_count(world) + 2 == (size_t)*next) {
        fixture_commit_alerts(world->fixture, (*next)++, 1, "a");
        deliver_wake(world->deliver);
    }
    event_base_loop(world->base, EVLOOP_ONCE);
}

static bool first_delivered(struct world *world)
{
    for (size_t i = 0; i < world->results.count; i++) {
        const struct store_delivery_result *result = &world->results.items[i];
        if (result->alert == 1 && result->round == 1 && result->state == STORE_DELIVERED)
            return true;
    }
    return false;
}

/* As a receiver of several instances, of which three in four are broken: which request meets which has nothing to do with the alert. */
static struct answer answer_by_instance(const struct request *request, void *context)
{
    uint32_t *state = context;
    (void)request;
    *state = *state * 1664525 + 1013904223;
    return *state >> 30 != 0 ? (struct answer){ANSWER, 400, NULL, "no such schema"} : (struct answer){ANSWER, 200, NULL, "ok"};
}

static bool hundred_over(struct world *world)
{
    return delivered_count(world) + count_results(world, "a", STORE_DEAD) >= 100;
}

static void test_a_receiver_with_a_broken_instance_buries_nothing(void **state)
{
    struct world *world = *state;
    uint32_t instance = 1;
    world->receiver->decide = answer_by_instance;
    world->receiver->context = &instance;
    add_destination(world, "a", DELIVER_WEBHOOK);
    fixture_commit_alerts(world->fixture, 1, 100, "a");
    start(world);
    run_until(world, hundred_over);
    assert_int_equal(count_results(world, "a", STORE_DEAD), 0);
}

static void test_what_is_called_malformed_between_others_that_are_taken_is_given_up_and_can_be_put_back(void **state)
{
    struct world *world = *state;
    struct dislike dislike;
    int next = 3;
    begin_dislike(world, &dislike, (struct answer){ANSWER, 400, NULL, "bad {field}"});
    dislike.numbers[1] = true;
    add_destination(world, "a", DELIVER_WEBHOOK);
    fixture_commit_alerts(world->fixture, 1, 2, "a");
    start(world);
    while (!one_dead(world))
        feed(world, &next);
    assert_true(dislike.tries[1] > 4);
    assert_int_equal(fixture_counts(world->fixture).destinations[0].set_aside, 0);
    size_t dead = 0;
    while (world->results.items[dead].state != STORE_DEAD)
        dead++;
    assert_int_equal(world->results.items[dead].alert, 1);
    assert_non_null(strstr(world->results.items[dead].error, "refused again and again"));
    assert_non_null(strstr(world->results.items[dead].error, "HTTP 400: bad {field}"));
    dislike.numbers[1] = false;
    world->results.count = 0;
    assert_int_equal(store_retry_dead(world->fixture->store, 1, "a", NULL), RESULT_OK);
    deliver_wake(world->deliver);
    run_until(world, first_delivered);
}

static void test_what_is_set_aside_for_too_long_is_given_up(void **state)
{
    struct world *world = *state;
    struct dislike dislike;
    begin_dislike(world, &dislike, (struct answer){ANSWER, 403, NULL, NULL});
    dislike.numbers[2] = true;
    add_destination(world, "a", DELIVER_WEBHOOK)->give_up_after = 1;
    fixture_commit_alerts(world->fixture, 1, 31, "a");
    start(world);
    run_until(world, one_dead);
    run_until(world, thirty_delivered);
    assert_int_equal(count_results(world, "a", STORE_DEAD), 1);
}

static void test_while_nothing_was_sent_the_order_is_kept(void **state)
{
    struct world *world = *state;
    int port = world->receiver->port;
    receiver_free(world->receiver);
    world->receiver = receiver_new(world->base); /* another port */
    struct deliver_destination_config *destination = add_destination(world, "a", DELIVER_WEBHOOK);
    snprintf(world->urls[0], sizeof world->urls[0], "http://127.0.0.1:%d/a", port);
    char url_file[128], url[64];
    snprintf(url_file, sizeof url_file, "%s/url", world->fixture->directory);
    write_text(url_file, world->urls[0]);
    destination->url = NULL;
    destination->url_file = url_file;
    fixture_commit_alerts(world->fixture, 1, 10, "a");
    start(world);
    while (world->results.count < 30)
        event_base_loop(world->base, EVLOOP_ONCE);
    for (size_t i = 0; i < world->results.count; i++)
        assert_int_equal(world->results.items[i].alert, 1);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/a\n", world->receiver->port);
    write_text(url_file, url);
    run_until(world, ten_delivered);
    assert_delivered_in_order(world, "a", 10);
    unlink(url_file);
}

static void test_in_parallel_one_disliked_alert_keeps_no_other(void **state)
{
    struct world *world = *state;
    struct dislike dislike;
    begin_dislike(world, &dislike, (struct answer){ANSWER, 403, NULL, NULL});
    dislike.numbers[3] = true;
    add_destination(world, "a", DELIVER_WEBHOOK)->in_flight = 8;
    fixture_commit_alerts(world->fixture, 1, 31, "a");
    start(world);
    run_until(world, thirty_delivered);
    assert_int_equal(count_results(world, "a", STORE_DEAD), 0);
}

static struct answer refuse_third_in_slack(const struct request *request, void *context)
{
    (void)context;
    return strstr(request->body, "third") ? (struct answer){ANSWER, 403, NULL, "action_prohibited"} : (struct answer){ANSWER, 200, NULL, "ok"};
}

static void test_slacks_refusal_of_one_alert_keeps_no_other(void **state)
{
    struct world *world = *state;
    world->receiver->decide = refuse_third_in_slack;
    add_destination(world, "a", DELIVER_SLACK);
    struct submission *submission = submission_new(SLICE("prod"), (struct slice){0});
    for (int i = 1; i <= 31; i++)
        fixture_add_alert(submission, i, "HIGH", "a", i == 3 ? SLICE("{\"title\":\"third\"}") : SLICE("{\"title\":\"other\"}"));
    assert_int_equal(fixture_commit(world->fixture, submission, NULL), RESULT_OK);
    start(world);
    run_until(world, thirty_delivered);
    assert_int_equal(count_results(world, "a", STORE_DEAD), 0);
}

static void test_an_alert_that_cannot_be_read_from_the_store_keeps_no_other(void **state)
{
    (void)state;
    for (int type = DELIVER_FILE; type <= DELIVER_WEBHOOK; type++) {
        void *one = fresh_world();
        struct world *world = one;
        char path[128], sql[160], database[128];
        sqlite3 *handle;
        snprintf(path, sizeof path, "%s/alerts.ndjson", world->fixture->directory);
        add_destination(world, "a", (enum deliver_type)type)->path = type == DELIVER_FILE ? path : NULL;
        fixture_commit_alerts(world->fixture, 1, 31, "a");
        snprintf(database, sizeof database, "%s/store.db", world->fixture->directory);
        assert_int_equal(sqlite3_open(database, &handle), SQLITE_OK);
        snprintf(sql, sizeof sql, "DELETE FROM document WHERE alert = 3");
        assert_int_equal(sqlite3_exec(handle, sql, NULL, NULL, NULL), SQLITE_OK);
        sqlite3_close(handle);
        start(world);
        run_until(world, thirty_delivered);
        assert_int_equal(count_results(world, "a", STORE_DEAD), 0);
        assert_int_equal(fixture_open_count(world->fixture, "a"), 1);
        unlink(path);
        teardown(&one);
    }
}

/* --- what an answer is -------------------------------------------------------------------------------------------------- */

static void test_a_success_is_one_whatever_becomes_of_its_body(void **state)
{
    static const struct answer answers[] = {
        {RAW, 0, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nok", NULL},                         /* stalls */
        {RAW, 0, "HTTP/1.1 200 OK\r\n\r\nok", NULL},                                               /* no end */
        {RAW_CLOSE, 0, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nok", NULL},                   /* cut off */
        {RAW_CLOSE, 0, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nok", NULL},     /* badly chunked */
        {RAW_CLOSE, 0, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nok", NULL},      /* chunk cut off */
        {RAW, 0, "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nnot gzip", NULL},              /* badly coded */
        {RAW, 0, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nok", NULL},
        {RAW, 0, "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nok", NULL},
        {RAW, 0, "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nok", NULL},
        {RAW, 0, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", NULL},
        {RAW, 0, "HTTP/1.1 204 No Content\r\nContent-Length: 7\r\n\r\n", NULL},
        {RAW_CLOSE, 0, "HTTP/1.0 200 OK\r\n\r\nok", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        void *one = fresh_world();
        struct world *world = one;
        world->receiver->script = &answers[i];
        world->receiver->script_count = 1;
        add_destination(world, "a", DELIVER_WEBHOOK);
        fixture_commit_alerts(world->fixture, 1, 1, "a");
        start(world);
        run_until(world, one_delivered);
        if (world->receiver->requests.count != 1)
            print_error("answer %zu was asked for %zu times\n", i, world->receiver->requests.count);
        assert_int_equal(world->receiver->requests.count, 1);
        assert_int_equal(world->results.count, 1);
        teardown(&one);
    }
}

static void test_a_success_does_not_wait_for_the_whole_timeout(void **state)
{
    struct world *world = *state;
    static const struct answer stalls = {RAW, 0, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nok", NULL};
    world->receiver->script = &stalls;
    world->receiver->script_count = 1;
    add_destination(world, "a", DELIVER_WEBHOOK)->timeout = 3600 * CLOCK_SECOND;
    fixture_commit_alerts(world->fixture, 1, 1, "a");
    start(world);
    run_until(world, one_delivered);
}

static void test_a_refusal_whose_body_stalls_is_a_refusal(void **state)
{
    struct world *world = *state;
    static const struct answer stalls = {RAW, 0, "HTTP/1.1 403 No\r\nContent-Length: 10\r\n\r\nblocked", NULL};
    world->receiver->script = &stalls;
    world->receiver->script_count = 1;
    add_destination(world, "a", DELIVER_WEBHOOK);
    fixture_commit_alerts(world->fixture, 1, 1, "a");
    start(world);
    run_until(world, one_held);
    assert_non_null(strstr(world->results.items[0].error, "HTTP 403: blocked"));
}

static void test_a_success_before_the_alert_was_sent_is_none(void **state)
{
    struct world *world = *state;
    enum { LARGE = 12 * 1024 * 1024 }; /* more than the sockets' buffers take */
    char *document = xmalloc(LARGE + 1);
    snprintf(document, LARGE + 1, "{\"n\":1,\"x\":\"%0*d\"}", LARGE - 14, 0);
    world->receiver->hasty = 2;
    add_destination(world, "a", DELIVER_WEBHOOK)->timeout = 20 * CLOCK_SECOND;
    struct submission *submission = submission_new(SLICE("prod"), (struct slice){0});
    fixture_add_alert(submission, 1, "HIGH", "a", slice_of(document));
    assert_int_equal(fixture_commit(world->fixture, submission, NULL), RESULT_OK);
    start(world);
    run_until(world, one_delivered);
    assert_int_equal(world->receiver->requests.count, 1); /* once, and whole */
    assert_string_equal(world->receiver->requests.items[0].body, document);
    free(document);
}

static void test_half_an_answer_is_none(void **state)
{
    static const struct answer answers[] = {
        {RAW_CLOSE, 0, "HTTP/1.1 20", NULL},
        {RAW_CLOSE, 0, "HTTP/1.1 100 Continue\r\n\r\n", NULL},
        {RAW_CLOSE, 0, "200 OK, thank you\r\n\r\n", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        void *one = fresh_world();
        struct world *world = one;
        world->receiver->script = &answers[i];
        world->receiver->script_count = 1;
        add_destination(world, "a", DELIVER_WEBHOOK);
        fixture_commit_alerts(world->fixture, 1, 1, "a");
        start(world);
        run_until(world, one_pending);
        assert_int_equal(delivered_count(world), 0);
        teardown(&one);
    }
}

/* --- ends of alerts ----------------------------------------------------------------------------------------------------- */

static void test_what_cannot_be_delivered_in_time_becomes_a_dead_letter(void **state)
{
    struct world *world = *state;
    static const struct answer script[] = {{ANSWER, 503, NULL, NULL}};
    world->receiver->script = script;
    world->receiver->script_count = 1;
    add_destination(world, "a", DELIVER_WEBHOOK)->give_up_after = 1;
    fixture_commit_alerts(world->fixture, 1, 1, "a");
    start(world);
    run_until(world, one_dead);
    assert_non_null(strstr(world->results.items[world->results.count - 1].error, "not delivered in time"));
}

static void test_an_endless_answer_is_cut(void **state)
{
    struct world *world = *state;
    char *large = xcalloc(1, 1000 * 1000 + 1);
    memset(large, 'x', 1000 * 1000);
    const struct answer script[] = {{ANSWER, 200, NULL, large}};
    world->receiver->script = script;
    world->receiver->script_count = 1;
    add_destination(world, "a", DELIVER_WEBHOOK);
    fixture_commit_alerts(world->fixture, 1, 10, "a");
    start(world);
    run_until(world, ten_delivered);
    assert_int_equal(world->receiver->requests.count, 10);
    free(large);
}

static void test_a_missing_token_holds_the_queue_and_sends_nothing(void **state)
{
    struct world *world = *state;
    char token[128];
    snprintf(token, sizeof token, "%s/token", world->fixture->directory);
    add_destination(world, "a", DELIVER_WEBHOOK)->token_file = token;
    fixture_commit_alerts(world->fixture, 1, 1, "a");
    start(world);
    run_until(world, one_held);
    assert_int_equal(world->receiver->requests.count, 0);
    assert_non_null(strstr(world->results.items[0].error, "token_file: cannot open"));
    write_text(token, "x\n");
    run_until(world, one_delivered);
    unlink(token);
}

static bool bound_reached(struct world *world)
{
    return world->results.count >= QUEUE_UNCOMMITTED_MAX;
}

static bool all_six_hundred(struct world *world)
{
    return count_results(world, "a", STORE_DELIVERED) >= 600;
}

static void test_no_more_is_sent_than_the_store_has_confirmed(void **state)
{
    struct world *world = *state;
    world->withhold = true;
    add_destination(world, "a", DELIVER_WEBHOOK);
    fixture_commit_alerts(world->fixture, 1, 600, "a");
    start(world);
    run_until(world, bound_reached);
    for (int i = 0; i < 50; i++) {
        deliver_wake(world->deliver);
        event_base_loop(world->base, EVLOOP_NONBLOCK);
    }
    assert_int_equal(world->receiver->requests.count, QUEUE_UNCOMMITTED_MAX); /* none sent twice, none too many */
    world->withhold = false;
    commit_results(world, world->results.items, world->results.count);
    run_until(world, all_six_hundred);
    assert_int_equal(world->receiver->requests.count, 600);
    assert_delivered_in_order(world, "a", 600);
}

static bool three_delivered(struct world *world)
{
    return count_results(world, "a", STORE_DELIVERED) >= 3;
}

static void test_a_restart_loses_nothing(void **state)
{
    struct world *world = *state;
    add_destination(world, "a", DELIVER_WEBHOOK);
    fixture_commit_alerts(world->fixture, 1, 10, "a");
    start(world);
    run_until(world, three_delivered);
    deliver_free(world->deliver); /* in the middle of it */
    fixture_reopen(world->fixture);
    start(world);
    run_until(world, ten_delivered);
    assert_delivered_in_order(world, "a", 10);
    assert_true(world->receiver->requests.count <= 11); /* the one in flight may go twice, no other */
}

/* --- clocks that jump --------------------------------------------------------------------------------------------------- */

static struct {
    clock_nanos boot, wall;
} hands;

static void read_hands(void *context, clock_nanos *boot, clock_nanos *wall)
{
    (void)context;
    hands.boot += CLOCK_MILLISECOND;
    hands.wall += CLOCK_MILLISECOND;
    *boot = hands.boot;
    *wall = hands.wall;
}

static bool failed_twice_more(struct world *world)
{
    return count_results(world, "a", STORE_PENDING) >= 4;
}

static bool failed_twice(struct world *world)
{
    return count_results(world, "a", STORE_PENDING) >= 2;
}

enum restart { NO_RESTART, SAME_BOOT, OTHER_BOOT };

static void restart_with(struct world *world, enum restart restart)
{
    if (restart == NO_RESTART)
        return;
    deliver_free(world->deliver);
    world->deliver = NULL;
    if (restart == OTHER_BOOT) {
        hands.boot = 0;
        world->fixture->options.clock.boot_id = "ffffffffffffffffffffffffffffffff";
    }
    fixture_reopen(world->fixture);
    start(world);
}

/* Down, the clock jumps, down, the clock is right again, up. */
static void deliver_over_a_jump(struct world *world, clock_nanos wall, clock_nanos boot, enum restart restart)
{
    static const struct answer down[] = {{ANSWER, 503, NULL, NULL}}, up[] = {{ANSWER, 200, NULL, NULL}};
    world->fixture->options.clock = (struct counted_source){.read = read_hands, .boot_id = "0123456789abcdef0123456789abcdef"};
    fixture_reopen(world->fixture);
    fixture_commit_alerts(world->fixture, 1, 10, "a");
    world->receiver->script = down;
    world->receiver->script_count = 1;
    start(world);
    run_until(world, failed_twice);
    hands.wall += wall;
    hands.boot += boot;
    restart_with(world, restart);
    run_until(world, failed_twice_more);
    hands.wall -= wall;
    hands.boot -= boot < hands.boot ? boot : 0;
    restart_with(world, restart);
    world->receiver->script = up;
    run_until(world, ten_delivered);
    assert_int_equal(count_results(world, "a", STORE_DEAD), 0);
}

static void test_no_jump_of_a_clock_gives_up_an_alert_with_or_without_a_restart(void **state)
{
    static const struct {
        clock_nanos wall, boot;
    } jumps[] = {{365 * 86400 * CLOCK_SECOND, 0}, {-365 * 86400 * CLOCK_SECOND, 0}, {-3600 * CLOCK_SECOND, 0}, {INT64_MAX / 4, INT64_MAX / 4}};
    (void)state;
    for (size_t i = 0; i < 3 * sizeof jumps / sizeof jumps[0]; i++) {
        struct world *world;
        void *own;
        setup(&own);
        world = own;
        hands.wall = 1700000000 * CLOCK_SECOND;
        hands.boot = 1000 * CLOCK_SECOND;
        add_destination(world, "a", DELIVER_WEBHOOK);
        deliver_over_a_jump(world, jumps[i / 3].wall, jumps[i / 3].boot, (enum restart)(i % 3));
        teardown(&own);
    }
}

static bool in_flight_one(struct world *world)
{
    return world->receiver->requests.count == 1;
}

static void test_stop_leaves_the_loop_when_what_is_in_flight_has_ended_or_the_grace_is_over(void **state)
{
    struct world *world = *state;
    world->receiver->decide = hang_on_a;
    add_destination(world, "a", DELIVER_WEBHOOK)->timeout = 3600 * CLOCK_SECOND;
    fixture_commit_alerts(world->fixture, 1, 2, "a");
    start(world);
    run_until(world, in_flight_one);
    deliver_stop(world->deliver, 20 * CLOCK_MILLISECOND);
    event_base_dispatch(world->base); /* comes back */
    assert_int_equal(world->results.count, 0);
    assert_int_equal(fixture_open_count(world->fixture, "a"), 2);
}

/* --- Slack -------------------------------------------------------------------------------------------------------------- */

static void test_slack_shrinks_once_and_is_whole_again_the_next_time(void **state)
{
    struct world *world = *state;
    static const struct answer script[] = {{ANSWER, 400, NULL, "invalid_blocks"}, {ANSWER, 200, NULL, "ok"},
                                           {ANSWER, 400, NULL, "invalid_blocks"}, {ANSWER, 400, NULL, "no_text"},
                                           {ANSWER, 200, NULL, "ok"}};
    world->receiver->script = script;
    world->receiver->script_count = 5;
    add_destination(world, "a", DELIVER_SLACK);
    fixture_commit_alerts(world->fixture, 1, 3, "a");
    start(world);
    run_until(world, three_delivered);
    assert_int_equal(world->results.items[0].state, STORE_DELIVERED);
    assert_non_null(strstr(world->receiver->requests.items[0].body, "\"blocks\""));
    assert_null(strstr(world->receiver->requests.items[1].body, "\"blocks\""));
    assert_int_equal(world->results.items[1].state, STORE_PENDING);
    assert_int_equal(world->results.items[1].alert, 2);
    assert_int_equal(count_results(world, "a", STORE_DEAD), 0);
    assert_null(strstr(world->receiver->requests.items[3].body, "\"blocks\""));
    for (size_t i = 4; i < world->receiver->requests.count; i++)
        assert_non_null(strstr(world->receiver->requests.items[i].body, "\"blocks\""));
}

/* --- file --------------------------------------------------------------------------------------------------------------- */

static char *read_text(const char *path)
{
    FILE *file = fopen(path, "r");
    struct buffer text = {0};
    char bytes[4096];
    size_t length;
    assert_non_null(file);
    while ((length = fread(bytes, 1, sizeof bytes, file)) > 0)
        buffer_append(&text, bytes, length);
    fclose(file);
    return buffer_take(&text);
}

static void assert_text(const char *path, const char *expected)
{
    char *text = read_text(path);
    assert_string_equal(text, expected);
    free(text);
}

static struct deliver_destination_config *add_file(struct world *world, char path[128])
{
    snprintf(path, 128, "%s/alerts.ndjson", world->fixture->directory);
    struct deliver_destination_config *destination = add_destination(world, "a", DELIVER_FILE);
    destination->path = path;
    return destination;
}

static void test_a_file_gets_one_line_for_each_alert_in_order(void **state)
{
    struct world *world = *state;
    char path[128];
    struct stat about;
    struct buffer expected = {0};
    add_file(world, path);
    fixture_commit_alerts(world->fixture, 1, 200, "a");
    start(world);
    bool (*done)(struct world *) = fifty_delivered;
    run_until(world, done);
    while (world->results.count < 200)
        event_base_loop(world->base, EVLOOP_ONCE);
    assert_delivered_in_order(world, "a", 200);
    for (int i = 1; i <= 200; i++)
        buffer_printf(&expected, "{\"n\":%d}\n", i);
    assert_text(path, expected.bytes);
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    buffer_free(&expected);
    unlink(path);
}

static void test_a_torn_last_line_is_ended_before_the_next_alert(void **state)
{
    struct world *world = *state;
    char path[128];
    add_file(world, path);
    write_text(path, "{\"n\":0}\n{\"n\":");
    fixture_commit_alerts(world->fixture, 1, 1, "a");
    start(world);
    run_until(world, one_delivered);
    assert_text(path, "{\"n\":0}\n{\"n\":\n{\"n\":1}\n");
    unlink(path);
}

static void test_line_breaks_inside_a_document_stay_on_its_line(void **state)
{
    struct world *world = *state;
    char path[128];
    add_file(world, path);
    struct submission *submission = submission_new(SLICE("prod"), (struct slice){0});
    fixture_add_alert(submission, 1, "HIGH", "a", SLICE("{\n\"n\": 1\r\n}"));
    assert_int_equal(fixture_commit(world->fixture, submission, NULL), RESULT_OK);
    start(world);
    run_until(world, one_delivered);
    assert_text(path, "{ \"n\": 1  }\n");
    unlink(path);
}

static void test_a_rotated_file_is_left_and_a_new_one_begun(void **state)
{
    struct world *world = *state;
    char path[128], old[160];
    add_file(world, path);
    snprintf(old, sizeof old, "%s.1", path);
    fixture_commit_alerts(world->fixture, 1, 1, "a");
    start(world);
    run_until(world, one_delivered);
    rename(path, old);
    world->results.count = 0;
    fixture_commit_alerts(world->fixture, 2, 1, "a");
    deliver_wake(world->deliver);
    run_until(world, one_delivered);
    assert_text(old, "{\"n\":1}\n");
    assert_text(path, "{\"n\":2}\n");
    unlink(old);
    unlink(path);
}

static void test_a_file_without_room_gets_every_alert_when_there_is_room(void **state)
{
    struct world *world = *state;
    char path[128];
    struct rlimit before, tight;
    struct buffer expected = {0};
    add_file(world, path);
    write_text(path, "");
    /* The limit is on any file of the process; the store's files are larger, so its commits wait as well. */
    world->withhold = true;
    fixture_commit_alerts(world->fixture, 1, 10, "a");
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    tight = before;
    tight.rlim_cur = 20; /* two lines and a half */
    setrlimit(RLIMIT_FSIZE, &tight);
    start(world);
    bool (*pending)(struct world *) = one_pending;
    run_until(world, pending);
    while (world->results.count < 10) /* many tries without room leave no more than the one half line */
        event_base_loop(world->base, EVLOOP_ONCE);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(count_results(world, "a", STORE_DELIVERED), 2); /* whole lines count */
    world->withhold = false;
    commit_results(world, world->results.items, world->results.count);
    run_until(world, ten_delivered);
    assert_delivered_in_order(world, "a", 10);
    for (int i = 1; i <= 10; i++) /* the half line was gone on with */
        buffer_printf(&expected, "{\"n\":%d}\n", i);
    assert_text(path, expected.bytes);
    buffer_free(&expected);
    unlink(path);
}

static void test_a_path_that_is_no_file_holds_the_queue(void **state)
{
    struct world *world = *state;
    char path[128];
    add_file(world, path);
    assert_int_equal(mkfifo(path, 0600), 0);
    fixture_commit_alerts(world->fixture, 1, 1, "a");
    start(world);
    run_until(world, one_held);
    assert_non_null(strstr(world->results.items[0].error, "no regular file"));
    unlink(path);
    run_until(world, one_delivered);
    assert_text(path, "{\"n\":1}\n");
    unlink(path);
}

static void test_a_link_is_not_followed_and_the_destination_recovers_by_itself(void **state)
{
    static const char *const targets[] = {"victim", "missing"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        void *one = fresh_world();
        struct world *world = one;
        char path[128], victim[160];
        add_file(world, path)->hold_interval = i == 0 ? 0 : CLOCK_MILLISECOND; /* 0: the default */
        snprintf(victim, sizeof victim, "%s/%s", world->fixture->directory, targets[i]);
        if (i == 0)
            write_text(victim, "precious\n");
        assert_int_equal(symlink(victim, path), 0);
        fixture_commit_alerts(world->fixture, 1, 1, "a");
        start(world);
        run_until(world, one_held);
        assert_non_null(strstr(world->results.items[0].error, "symbolic link"));
        if (i == 0)
            assert_text(victim, "precious\n");
        else
            assert_int_equal(access(victim, F_OK), -1);
        unlink(path);
        run_until(world, one_delivered); /* seconds, not minutes */
        assert_text(path, "{\"n\":1}\n");
        unlink(path);
        unlink(victim);
        teardown(&one);
    }
}

static void test_a_file_that_becomes_a_link_is_left(void **state)
{
    struct world *world = *state;
    char path[128], victim[160];
    add_file(world, path);
    snprintf(victim, sizeof victim, "%s/victim", world->fixture->directory);
    write_text(victim, "precious\n");
    fixture_commit_alerts(world->fixture, 1, 1, "a");
    start(world);
    run_until(world, one_delivered);
    unlink(path);
    assert_int_equal(symlink(victim, path), 0);
    fixture_commit_alerts(world->fixture, 2, 1, "a");
    deliver_wake(world->deliver);
    run_until(world, one_held);
    assert_text(victim, "precious\n");
    unlink(path);
    unlink(victim);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_every_alert_arrives_in_order_whatever_the_receiver_does),
        TEST(test_alerts_that_come_later_are_sent_after_a_wake),
        TEST(test_a_webhook_carries_id_token_headers_and_signature),
        TEST(test_a_date_in_retry_after_is_a_wait_by_the_receivers_own_clock),
        cmocka_unit_test(test_no_jump_of_a_clock_gives_up_an_alert_with_or_without_a_restart),
        TEST(test_the_wait_that_a_receiver_asks_for_is_kept),
        TEST(test_a_redirect_is_never_followed),
        TEST(test_a_destination_that_hangs_stops_no_other),
        TEST(test_one_at_a_time_unless_more_are_allowed),
        TEST(test_in_parallel_every_alert_arrives_once_it_succeeds),
        TEST(test_an_alert_that_breaks_the_receiver_does_not_keep_the_others_for_ever),
        TEST(test_one_alert_that_is_disliked_keeps_no_other),
        TEST(test_one_alert_that_is_told_to_wait_for_an_hour_keeps_no_other),
        TEST(test_a_destination_that_tells_two_alerts_to_wait_waits_as_long_as_it_was_asked_to),
        TEST(test_after_a_restart_one_alert_that_was_told_to_wait_keeps_no_other),
        TEST(test_a_suspect_is_set_aside_told_of_and_delivered_once_it_is_liked),
        TEST(test_many_poisoned_alerts_keep_no_other),
        TEST(test_a_long_row_of_poisoned_alerts_hides_no_destination_that_is_well),
        TEST(test_a_destination_that_refuses_everything_buries_nothing),
        TEST(test_an_alert_that_waits_alone_is_held_and_never_buried),
        TEST(test_another_alert_is_tried_at_once_where_one_is_held_alone),
        TEST(test_a_receiver_with_a_broken_instance_buries_nothing),
        TEST(test_what_is_called_malformed_between_others_that_are_taken_is_given_up_and_can_be_put_back),
        TEST(test_what_is_set_aside_for_too_long_is_given_up),
        TEST(test_while_nothing_was_sent_the_order_is_kept),
        TEST(test_in_parallel_one_disliked_alert_keeps_no_other),
        TEST(test_slacks_refusal_of_one_alert_keeps_no_other),
        TEST(test_an_alert_that_cannot_be_read_from_the_store_keeps_no_other),
        TEST(test_a_success_is_one_whatever_becomes_of_its_body),
        TEST(test_a_success_does_not_wait_for_the_whole_timeout),
        TEST(test_a_refusal_whose_body_stalls_is_a_refusal),
        TEST(test_a_success_before_the_alert_was_sent_is_none),
        TEST(test_half_an_answer_is_none),
        TEST(test_what_cannot_be_delivered_in_time_becomes_a_dead_letter),
        TEST(test_an_endless_answer_is_cut),
        TEST(test_a_missing_token_holds_the_queue_and_sends_nothing),
        TEST(test_no_more_is_sent_than_the_store_has_confirmed),
        TEST(test_a_restart_loses_nothing),
        TEST(test_stop_leaves_the_loop_when_what_is_in_flight_has_ended_or_the_grace_is_over),
        TEST(test_slack_shrinks_once_and_is_whole_again_the_next_time),
        TEST(test_a_file_gets_one_line_for_each_alert_in_order),
        TEST(test_a_torn_last_line_is_ended_before_the_next_alert),
        TEST(test_line_breaks_inside_a_document_stay_on_its_line),
        TEST(test_a_rotated_file_is_left_and_a_new_one_begun),
        TEST(test_a_file_without_room_gets_every_alert_when_there_is_room),
        TEST(test_a_path_that_is_no_file_holds_the_queue),
        TEST(test_a_link_is_not_followed_and_the_destination_recovers_by_itself),
        TEST(test_a_file_that_becomes_a_link_is_left),
    };
    curl_global_init(CURL_GLOBAL_DEFAULT);
    signal(SIGPIPE, SIG_IGN);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    curl_global_cleanup();
    return failed;
}
