/* SPDX-License-Identifier: Apache-2.0 */
/* harrierctl dead: input that was no event, and alerts that no destination would take. */
#include "daemon/ctl/store_access.h"

#include "harrier/json.h"

static const struct argument_option options[] = {
    {'c', "config", "FILE", "The configuration that names store and socket; default " DEFAULT_CONFIG "."},
    {'\0', "store", "DIR", "The store itself."},
    {'\0', "socket", "PATH", "The daemon's admin socket."},
    {'n', "limit", "N", "list: at most so many of each kind, the newest; 0 for all. Default 50 as a table, all as ndjson."},
    {'o', "output", "FORM", "table, or ndjson. Default: table on a terminal, ndjson in a pipe."},
};

enum { LIMIT_OF_TABLE = 50 };

struct dead {
    const struct arguments *arguments;
    struct display display;
    struct places places;
    struct store_reader *reader;
    bool as_table;
    size_t limit;
    struct table *table;
    struct buffer json;
    struct buffer out;
    size_t shown;
};

/* --- list -------------------------------------------------------------------------------------------------------------------------- */

static const struct display_column letter_columns[] = {{"INPUT", 6, true},   {"TIME", 20, false}, {"SOURCE", 8, false},
                                                       {"REASON", 8, false}, {"BYTES", 8, true},  {"WHAT WAS WRONG", 20, false}};
static const struct display_column delivery_columns[] = {
    {"DELIVERY OF", 12, false}, {"GIVEN UP", 20, false}, {"DESTINATION", 11, false}, {"TRIES", 5, true}, {"LAST ERROR", 20, false}};

static const struct display_column aside_columns[] = {
    {"SET ASIDE", 12, false}, {"NEXT TRY", 20, false}, {"DESTINATION", 11, false}, {"TRIES", 5, true}, {"LAST ERROR", 20, false}};

static void cell_of(struct dead *dead, struct buffer *text)
{
    table_cell(dead->table, STYLE_PLAIN, buffer_slice(text));
    buffer_free(text);
}

static void letter_row(struct dead *dead, const struct store_dead_letter *letter)
{
    struct buffer number = {NULL, 0, 0}, time = {NULL, 0, 0}, bytes = {NULL, 0, 0};

    buffer_printf(&number, "%lld", (long long)letter->number);
    display_time(&time, letter->stored);
    display_bytes(&bytes, letter->total_length);
    cell_of(dead, &number);
    cell_of(dead, &time);
    table_cell(dead->table, STYLE_PLAIN, letter->source);
    table_cell(dead->table, STYLE_YELLOW, letter->reason);
    cell_of(dead, &bytes);
    table_cell(dead->table, STYLE_PLAIN, letter->detail);
}

static void put_time(struct json_writer *writer, const char *key, clock_nanos time)
{
    char text[CLOCK_TEXT_SIZE];
    json_put_text(writer, key, clock_format_rfc3339(time, text));
}

static bool flush_json(struct dead *dead)
{
    display_json_line(&dead->out, buffer_slice(&dead->json));
    buffer_reset(&dead->json, 1 << 20);
    return print_buffer(&dead->out);
}

static void letter_json(struct dead *dead, const struct store_dead_letter *letter)
{
    struct json_writer *writer = json_writer_new(&dead->json, false);

    json_begin_object(writer);
    json_put_text(writer, "kind", "input");
    json_put_int(writer, "number", letter->number);
    put_time(writer, "stored", letter->stored);
    json_put_string(writer, "cluster", letter->cluster);
    json_put_string(writer, "source", letter->source);
    json_put_string(writer, "reason", letter->reason);
    json_put_string(writer, "detail", letter->detail);
    json_put_int(writer, "total_bytes", (int64_t)letter->total_length);
    json_put_int(writer, "kept_bytes", (int64_t)letter->kept_length);
    json_put_int(writer, "offset", (int64_t)letter->offset);
    if (letter->kept.length)
        json_put_string(writer, "kept", letter->kept);
    json_end_object(writer);
    json_writer_free(writer);
}

static bool on_letter(const struct store_dead_letter *letter, void *context)
{
    struct dead *dead = context;

    dead->shown++;
    if (dead->as_table) {
        letter_row(dead, letter);
        return true;
    }
    letter_json(dead, letter);
    return flush_json(dead);
}

/* A delivery that was given up, or one that is set aside. */
static bool on_delivery(const struct store_delivery *delivery, void *context)
{
    enum { SHORT_ID = 12 };
    struct dead *dead = context;
    struct buffer time = {NULL, 0, 0}, tries = {NULL, 0, 0};

    dead->shown++;
    if (dead->as_table) {
        display_time(&time, delivery->next_time);
        buffer_printf(&tries, "%u", delivery->attempts);
        table_cell(dead->table, STYLE_PLAIN, slice_first(slice_of(delivery->alert_id), SHORT_ID));
        cell_of(dead, &time);
        table_cell_text(dead->table, STYLE_PLAIN, delivery->destination);
        cell_of(dead, &tries);
        table_cell_text(dead->table, STYLE_RED, delivery->error);
        return true;
    }
    struct json_writer *writer = json_writer_new(&dead->json, false);
    json_begin_object(writer);
    bool set_aside = delivery->state == STORE_SET_ASIDE;
    json_put_text(writer, "kind", set_aside ? "set_aside" : "delivery");
    json_put_text(writer, "alert_id", delivery->alert_id);
    json_put_text(writer, "destination", delivery->destination);
    json_put_int(writer, "attempts", delivery->attempts);
    put_time(writer, set_aside ? "next_try" : "given_up", delivery->next_time);
    json_put_text(writer, "error", delivery->error);
    json_end_object(writer);
    json_writer_free(writer);
    return flush_json(dead);
}

static void print_table(struct dead *dead)
{
    if (table_rows(dead->table) && dead->out.length)
        buffer_append_byte(&dead->out, '\n');
    table_print(dead->table, &dead->out);
    table_free(dead->table);
    dead->table = NULL;
}

static int list(struct dead *dead)
{
    dead->table = table_new(&dead->display, letter_columns, sizeof letter_columns / sizeof letter_columns[0]);
    enum result result = store_dead_letters(dead->reader, dead->limit, on_letter, dead);
    print_table(dead);
    dead->table = table_new(&dead->display, delivery_columns, sizeof delivery_columns / sizeof delivery_columns[0]);
    if (result == RESULT_OK)
        result = store_dead_deliveries(dead->reader, dead->limit, on_delivery, dead);
    print_table(dead);
    dead->table = table_new(&dead->display, aside_columns, sizeof aside_columns / sizeof aside_columns[0]);
    if (result == RESULT_OK)
        result = store_deliveries_in_state(dead->reader, STORE_SET_ASIDE, dead->limit, on_delivery, dead);
    print_table(dead);
    print_buffer(&dead->out);
    if (result == RESULT_OK && dead->as_table && !dead->shown)
        note("no dead letters");
    return reader_failed(dead->reader, result);
}

/* --- show -------------------------------------------------------------------------------------------------------------------------- */

static int show(struct dead *dead)
{
    struct arena *arena = arena_new(64 * 1024);
    struct store_dead_letter letter;
    int64_t number;

    if (dead->arguments->operands.count != 2 || !slice_to_int64(slice_of(dead->arguments->operands.items[1]), &number)) {
        arena_free(arena);
        return fail(EX_USAGE, "dead show: which one? Give its number, as dead list shows it");
    }
    enum result result = store_dead_letter_by_number(dead->reader, number, arena, &letter);
    if (result == RESULT_OK && dead->as_table) {
        dead->table = table_new(&dead->display, letter_columns, sizeof letter_columns / sizeof letter_columns[0]);
        letter_row(dead, &letter);
        print_table(dead);
        buffer_printf(&dead->out, "\nfrom byte %llu of its input, the first %llu of %llu bytes:\n\n", (unsigned long long)letter.offset,
                      (unsigned long long)letter.kept_length, (unsigned long long)letter.total_length);
        display_escape(&dead->out, letter.kept);
        buffer_append_byte(&dead->out, '\n');
    } else if (result == RESULT_OK) {
        letter_json(dead, &letter);
        flush_json(dead);
    }
    print_buffer(&dead->out);
    arena_free(arena);
    if (result == RESULT_NOT_FOUND)
        return fail(EX_NOINPUT, "there is no dead letter %lld", (long long)number);
    return reader_failed(dead->reader, result);
}

/* --- retry --------------------------------------------------------------------------------------------------------------------------- */

static int report_retried(uint64_t count)
{
    if (count == 0)
        return fail(EX_NOINPUT, "no dead delivery fits: nothing was put back");
    printf("%llu deliver%s put back into the queue\n", (unsigned long long)count, count == 1 ? "y" : "ies");
    return EX_OK;
}

/* The daemon is the only writer while it runs; without one this is the writer. */
static int retry_in_store(struct dead *dead, int64_t alert, const char *destination)
{
    struct store_options store_options = {.directory = dead->places.store};
    struct store *store;
    char *error = NULL;
    uint64_t count = 0;

    enum result result = store_open(&store_options, &store, &error);
    if (result) {
        int code = fail(EX_UNAVAILABLE, "no daemon answers at %s, and the store cannot be opened: %s",
                        dead->places.socket ? dead->places.socket : "(no socket)", error ? error : result_text(result));
        free(error);
        return code;
    }
    result = store_retry_dead(store, alert, destination, &count);
    int code = result == RESULT_OK || result == RESULT_NOT_FOUND ? report_retried(count) : fail(EX_IOERR, "%s", store_error(store));
    store_close(store);
    return code;
}

/* Names of destinations are [A-Za-z0-9_.-], so nothing in the query needs an escape; anything else is no name. */
static bool is_destination_name(const char *name)
{
    return strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-") == strlen(name);
}

static int retry_at_daemon(const char *socket, int64_t alert, const char *destination, bool *no_daemon)
{
    struct buffer body = {NULL, 0, 0};
    struct arena *arena = arena_new(4096);
    struct json_node *answer = NULL;
    int64_t count = 0;
    char *path =
        xasprintf("/dead/retry?alert=%lld%s%s", (long long)alert, destination ? "&destination=" : "", destination ? destination : "");
    enum result result = admin_request(socket, true, path, ADMIN_REQUEST_SECONDS, &body);
    int code;

    *no_daemon = result == RESULT_CLOSED;
    if (result != RESULT_OK) {
        code = *no_daemon ? EX_UNAVAILABLE : admin_request_failed(socket, result, &body);
    } else {
        json_tree_parse(arena, buffer_slice(&body), &json_default_limits, &answer, NULL);
        const struct json_node *retried = json_member(answer, "retried");
        code = retried && slice_to_int64(retried->text, &count) ? report_retried((uint64_t)count)
                                                                : fail(EX_SOFTWARE, "%s: the daemon's answer is odd", socket);
    }
    free(path);
    arena_free(arena);
    buffer_free(&body);
    return code;
}

static int find_alert(struct dead *dead, const char *id, int64_t *number)
{
    struct arena *arena = arena_new(64 * 1024);
    struct store_alert alert;
    enum result result = store_alert_by_id(dead->reader, slice_of(id), arena, &alert);

    *number = result == RESULT_OK ? alert.alert : 0;
    arena_free(arena);
    if (result == RESULT_NOT_FOUND || result == RESULT_INVALID)
        return fail(EX_NOINPUT, "no alert's id begins with %s", id);
    if (result == RESULT_LIMIT)
        return fail(EX_USAGE, "several alerts' ids begin with %s: give more of it", id);
    return reader_failed(dead->reader, result);
}

static int retry(struct dead *dead)
{
    size_t count = dead->arguments->operands.count;
    const char *destination = count > 2 ? dead->arguments->operands.items[2] : NULL;
    int64_t alert = 0;
    bool no_daemon = true;
    int code = EX_OK;

    if (count > 3 || (destination && !is_destination_name(destination)))
        return fail(EX_USAGE, "dead retry [ID [DESTINATION]]: the beginning of an alert's id, and a destination's name");
    if (count > 1 && (code = find_alert(dead, dead->arguments->operands.items[1], &alert)))
        return code;
    if (dead->places.socket)
        code = retry_at_daemon(dead->places.socket, alert, destination, &no_daemon);
    return no_daemon ? retry_in_store(dead, alert, destination) : code;
}

/* --- which --------------------------------------------------------------------------------------------------------------------------- */

static int run_on_store(struct dead *dead, int (*action)(struct dead *dead))
{
    int code = places_find(dead->arguments, &dead->places);

    if (code == EX_OK)
        code = open_reader(&dead->places, &dead->reader);
    if (code == EX_OK) {
        code = action(dead);
        store_reader_close(dead->reader);
    }
    buffer_free(&dead->json);
    buffer_free(&dead->out);
    places_free(&dead->places);
    return code;
}

static int run(const struct arguments *arguments)
{
    static int (*const actions[])(struct dead * dead) = {list, show, retry};
    static const char *const names[] = {"list", "show", "retry"};
    const char *name = arguments->operands.count ? arguments->operands.items[0] : "list";
    const char *limit = arguments_value(arguments, "limit");
    struct dead dead = {.arguments = arguments, .display = display_of(stdout)};
    int64_t number;

    if (!wants_table(arguments, &dead.display, &dead.as_table))
        return EX_USAGE;
    number = dead.as_table ? LIMIT_OF_TABLE : 0;
    if (limit && (!slice_to_int64(slice_of(limit), &number) || number < 0))
        return fail(EX_USAGE, "--limit %s: a whole number, 0 for all", limit);
    dead.limit = (size_t)number;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i], name) != 0)
            continue;
        int code = run_on_store(&dead, actions[i]);
        int written = finish_output();
        return code ? code : written;
    }
    const char *nearest = arguments_nearest(name, names, sizeof names / sizeof names[0]);
    return fail(EX_USAGE, "dead %s: there is list, show and retry%s%s%s", name, nearest ? "; did you mean " : "", nearest ? nearest : "",
                nearest ? "?" : "");
}

const struct command dead_command = {
    .name = "dead",
    .summary = "List and show dead letters, and deliver dead alerts again",
    .usage = "dead [list] [-c FILE | --store DIR] [--limit N]\ndead show [-c FILE | --store DIR] NUMBER\ndead retry [-c FILE] [ID "
             "[DESTINATION]]",
    .description = "list: input that was no audit event, deliveries that were given up, and alerts that are set aside because a destination takes others but not them. show: what was kept of one such input. retry: "
                   "puts dead deliveries back into "
                   "the queue: all of them, those of one alert, or that to one destination. It asks the running daemon, or writes to the "
                   "store itself where none runs.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .examples = "harrierctl dead list\nharrierctl dead show 17\nharrierctl dead retry 634fa0bd9a47 soc",
    .exits = "0   done\n64  wrong usage\n65  errors in the configuration, or the store is damaged\n66  no store, or nothing of that number "
             "or id\n"
             "69  the daemon did not answer, or another process holds the store\n74  the store could not be read or written\n77  not "
             "allowed to ask the daemon",
    .run = run,
};
