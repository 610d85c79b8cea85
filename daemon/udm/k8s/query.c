/* SPDX-License-Identifier: Apache-2.0 */
#include "query.h"

#include "schema_tables.h"

/* Which requests a parameter means something for. A dry run is one of a write: what is run by exec is run all the same. */
enum scope { SCOPE_ANY, SCOPE_WRITE, SCOPE_EXEC, SCOPE_FORWARD, SCOPE_LOG };

static const struct parameter {
    const char *name;
    enum scope scope;
    struct slice label;
} parameters[] = {
#define PARAMETER(name, scope, label) {name, scope, {label, sizeof(label) - 1}}
    PARAMETER("fieldManager", SCOPE_ANY, "field_manager"),
    PARAMETER("fieldValidation", SCOPE_ANY, "field_validation"),
    PARAMETER("dryRun", SCOPE_WRITE, "dry_run"),
    PARAMETER("force", SCOPE_ANY, "force"),
    PARAMETER("propagationPolicy", SCOPE_ANY, "propagation_policy"),
    PARAMETER("labelSelector", SCOPE_ANY, "label_selector"),
    PARAMETER("fieldSelector", SCOPE_ANY, "field_selector"),
    PARAMETER("watch", SCOPE_ANY, "watch"),
    PARAMETER("limit", SCOPE_ANY, "limit"),
    PARAMETER("command", SCOPE_EXEC, "exec_argv"),
    PARAMETER("container", SCOPE_EXEC, "exec_container"),
    PARAMETER("stdin", SCOPE_EXEC, "exec_stdin"),
    PARAMETER("stdout", SCOPE_EXEC, "exec_stdout"),
    PARAMETER("stderr", SCOPE_EXEC, "exec_stderr"),
    PARAMETER("tty", SCOPE_EXEC, "exec_tty"),
    PARAMETER("ports", SCOPE_FORWARD, "port"),
    PARAMETER("container", SCOPE_LOG, "log_container"),
    PARAMETER("follow", SCOPE_LOG, "log_follow"),
    PARAMETER("previous", SCOPE_LOG, "log_previous"),
#undef PARAMETER
};

static enum scope scope_of(const struct k8s_request *request)
{
    struct slice subresource = request->subresource;

    if (slice_is(subresource, "exec") || slice_is(subresource, "attach"))
        return SCOPE_EXEC;
    if (slice_is(subresource, "portforward"))
        return SCOPE_FORWARD;
    if (slice_is(subresource, "log"))
        return SCOPE_LOG;
    return k8s_request_writes(request) ? SCOPE_WRITE : SCOPE_ANY;
}

/* What the server's url.ParseQuery drops without a word: believed, `dryRun=All;` would make a dry run of an attack. */
static bool is_dropped(struct slice pair)
{
    return slice_find_byte(pair, ';') >= 0 || !k8s_percent_is_right(pair);
}

/* The next name=value of the query that the server takes, decoded; false at its end. */
static bool next_parameter(struct arena *arena, struct slice *query, struct slice *name, struct slice *value)
{
    struct slice pair;

    do {
        if (!query->length)
            return false;
        ptrdiff_t end = slice_find_byte(*query, '&');
        pair = end < 0 ? *query : slice_first(*query, (size_t)end);
        *query = end < 0 ? SLICE("") : slice_from(*query, (size_t)end + 1);
    } while (is_dropped(pair));
    ptrdiff_t equals = slice_find_byte(pair, '=');
    *name = k8s_percent_decode(arena, equals < 0 ? pair : slice_first(pair, (size_t)equals), true);
    *value = equals < 0 ? SLICE("") : k8s_percent_decode(arena, slice_from(pair, (size_t)equals + 1), true);
    return true;
}

static void add_exec_command(struct udm_record *record, const struct buffer *command, const struct json_node *origin)
{
    struct slice line = arena_copy(record->arena, buffer_slice(command));
    udm_record_add_label(record, SLICE("exec_command"), line, origin);
    udm_record_add_string(record, "target.process.command_line", line, origin);
}

static void add_parameters(struct udm_record *record, enum scope scope, struct slice query, const struct json_node *origin)
{
    struct slice name, value;
    struct buffer command = {0};
    bool has_command = false;

    while (next_parameter(record->arena, &query, &name, &value)) {
        for (size_t i = 0; i < sizeof parameters / sizeof *parameters; i++) {
            const struct parameter *parameter = &parameters[i];
            if ((parameter->scope != SCOPE_ANY && parameter->scope != scope) || !slice_is(name, parameter->name))
                continue;
            udm_record_add_label(record, parameter->label, value, origin);
            if (slice_is(parameter->label, "exec_argv")) {
                if (has_command)
                    buffer_append_byte(&command, ' ');
                buffer_append_slice(&command, value);
                has_command = true;
            }
        }
    }
    if (has_command)
        add_exec_command(record, &command, origin);
    buffer_free(&command);
}

/* What follows the first /proxy of the path, the whole path being decoded already. */
static void add_proxy_path(struct udm_record *record, struct slice path, const struct json_node *origin)
{
    static const struct slice proxy = {"/proxy", sizeof "/proxy" - 1};
    struct slice rest = path;
    ptrdiff_t at;

    while ((at = slice_find(rest, proxy)) >= 0) {
        rest = slice_from(rest, (size_t)at + proxy.length);
        if (!rest.length || rest.bytes[0] == '/') {
            if (rest.length)
                udm_record_add_label(record, SLICE("proxy_path"), rest, origin);
            return;
        }
    }
}

void k8s_query_labels(struct udm_record *record, const struct k8s_request *request, const struct json_node *request_uri)
{
    struct slice uri = json_string(request_uri);
    ptrdiff_t question = slice_find_byte(uri, '?');

    if (slice_is(request->subresource, "proxy"))
        add_proxy_path(record, k8s_url_path(record->arena, uri), request_uri);
    if (question < 0)
        return;
    struct slice query = slice_from(uri, (size_t)question + 1);
    udm_record_add_label(record, SLICE("query"), query, request_uri);
    add_parameters(record, scope_of(request), query, request_uri);
}
