/* SPDX-License-Identifier: Apache-2.0 */
/* harrierctl enroll: connects a cluster. */
#include "enroll.h"

#include "daemon/ctl/common.h"
#include "policy_text.h"
#include "daemon/ctl/shipped_policy.h"

#include "harrier/base/address.h"
#include "harrier/json.h"

#include <limits.h>
#include <unistd.h>

#define DEFAULT_FOLDER HARRIER_SYSCONFDIR "/tls"

enum { DAYS = 825, MOST_DAYS = 3650 };

static const struct argument_option options[] = {
    {'s', "server", "HOST:PORT", "Where the API server reaches the listener. https; http://HOST:PORT only on loopback. Required."},
    {'d', "directory", "DIR", "Folder of certificates and tokens. Default " DEFAULT_FOLDER "."},
    {'\0', "create", NULL, "Make what is missing there: a CA, the server's certificate, and the cluster's certificate or token."},
    {'\0', "token", NULL, "The cluster has a bearer token instead of a client certificate."},
    {'\0', "overwrite", NULL,
     "With --create: replace the cluster's certificate or token, and a server certificate that does not fit or ends within 30 days; it keeps its names. Never the CA."},
    {'n', "name", "NAME", "With --create: one more DNS name or address for the server's certificate; may be given more than once."},
    {'\0', "days", "N", "With --create: how long the certificates are good; the CA has ten years. Default 825."},
    {'\0', "path", "PATH", "Path of the URL before the cluster's name. Default /k8s-audit."},
    {'c', "config", "FILE",
     "The configuration whose rules the policy is worked out for, as by policy. Without one: that of the shipped rules."},
    {'p', "print", "PART", "Only that part, as it is: kubeconfig, policy, flags or source."},
    {'o', "output", "FORM", "text, or json: all parts in one object. Default: text on a terminal, json in a pipe."},
};

static const char *const parts[] = {"kubeconfig", "policy", "flags", "source"};
enum part { PART_KUBECONFIG, PART_POLICY, PART_FLAGS, PART_SOURCE, PART_ALL };

/* --- the command line -------------------------------------------------------------------------------------------------------------- */

static bool is_plain_name(const char *name)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
    size_t length = strlen(name);
    return length >= 1 && length <= 63 && strspn(name, letters) == length && name[0] != '.' && name[0] != '-';
}

/* Would it stand in a quoted word of YAML and in a path as it is? */
static bool is_plain_path(const char *path)
{
    for (const char *at = path; *at; at++)
        if ((unsigned char)*at < 0x20 || strchr("\"\\{}?#\x7f", *at))
            return false;
    return true;
}

static bool is_host(const struct enrollment *enrollment)
{
    struct address address;
    size_t length = strlen(enrollment->host);

    if (address_parse_host(slice_of(enrollment->host), &address))
        return true;
    return length > 0 && length < 254 && enrollment->host[0] != '-' && enrollment->host[0] != '.' &&
           strspn(enrollment->host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") == length;
}

bool enrollment_is_loopback(const struct enrollment *enrollment)
{
    struct address address;
    return strcmp(enrollment->host, "localhost") == 0 ||
           (address_parse_host(slice_of(enrollment->host), &address) && address_is_loopback(&address));
}

/* [https://]HOST:PORT, [http://]HOST:PORT; an IPv6 address in brackets. */
static int take_server(struct enrollment *enrollment, const char *text)
{
    struct slice rest = slice_of(text);
    int64_t port = 0;

    enrollment->https = !slice_starts_with(rest, SLICE("http://"));
    if (slice_starts_with(rest, SLICE("https://")) || !enrollment->https)
        rest = slice_from(rest, enrollment->https ? strlen("https://") : strlen("http://"));
    ptrdiff_t colon = slice_find_last_byte(rest, ':');
    struct slice host = colon < 0 ? rest : slice_first(rest, (size_t)colon);
    bool brackets = host.length > 2 && host.bytes[0] == '[' && host.bytes[host.length - 1] == ']';
    if (brackets)
        host = slice_first(slice_from(host, 1), host.length - 2);
    enrollment->host = arena_strdup(enrollment->arena, host);
    enrollment->port = colon < 0 ? "" : arena_strdup(enrollment->arena, slice_from(rest, (size_t)colon + 1));
    if (!slice_to_int64(slice_of(enrollment->port), &port) || port < 1 || port > 65535 || !is_host(enrollment) ||
        brackets != (slice_find_byte(host, ':') >= 0))
        return fail(EX_USAGE, "--server %s: give it as HOST:PORT, such as harrier.example.org:9443 or [fd00::1]:9443", text);
    enrollment->port = arena_printf(enrollment->arena, "%lld", (long long)port).bytes;
    return EX_OK;
}

static int check_scheme(const struct enrollment *enrollment, bool creates)
{
    if (enrollment->https)
        return EX_OK;
    if (enrollment->with_token)
        return fail(EX_USAGE, "--token with http: a kube-apiserver sends no token over http, and whoever listens would have it; use https");
    if (!enrollment_is_loopback(enrollment))
        return fail(EX_USAGE,
                    "--server http://%s: http is for loopback only; whoever reaches the port could read audit events and send forged ones",
                    enrollment->host);
    return creates ? fail(EX_USAGE, "--create with http: there are no certificates over http") : EX_OK;
}

static int take_paths(struct enrollment *enrollment, const struct arguments *arguments)
{
    const char *folder = arguments_value(arguments, "directory"), *path = arguments_value(arguments, "path");
    char here[PATH_MAX];
    size_t length;

    folder = folder ? folder : DEFAULT_FOLDER;
    enrollment->folder = folder;
    if (folder[0] != '/' && getcwd(here, sizeof here))
        enrollment->folder = arena_printf(enrollment->arena, "%s/%s", here, folder).bytes;
    enrollment->path = arena_strdup(enrollment->arena, slice_of(path ? path : "/k8s-audit"));
    if (enrollment->path[0] != '/' || strchr(enrollment->path, ' ') || !is_plain_path(enrollment->path))
        return fail(EX_USAGE, "--path %s: it begins with a slash, and has no blanks, quotes, braces and no query", enrollment->path);
    length = strlen(enrollment->path);
    while (length && enrollment->path[length - 1] == '/')
        length--;
    enrollment->path = arena_strdup(enrollment->arena, slice_make(enrollment->path, length));
    if (!is_plain_path(enrollment->folder))
        return fail(EX_USAGE, "--directory %s: a path without quotes, backslashes, braces and control characters", enrollment->folder);
    return EX_OK;
}

static int take_names(struct enrollment *enrollment, const struct arguments *arguments)
{
    const char *days = arguments_value(arguments, "days");
    int64_t number = DAYS;

    if (days && (!slice_to_int64(slice_of(days), &number) || number < 1 || number > MOST_DAYS))
        return fail(EX_USAGE, "--days %s: a number from 1 to %d", days, MOST_DAYS);
    enrollment->days = (long)number;
    VECTOR_PUSH(&enrollment->names, enrollment->host);
    for (size_t i = 0; i < arguments->given.count; i++)
        if (strcmp(arguments->given.items[i].option->name, "name") == 0)
            VECTOR_PUSH(&enrollment->names, arguments->given.items[i].value);
    return EX_OK;
}

static int take_arguments(struct enrollment *enrollment, const struct arguments *arguments)
{
    const char *server = arguments_value(arguments, "server");
    bool creates = arguments_has(arguments, "create");
    int code;

    if (arguments->operands.count != 1)
        return fail(EX_USAGE, "enroll: give the name of one cluster");
    enrollment->cluster = arguments->operands.items[0];
    if (!is_plain_name(enrollment->cluster))
        return fail(EX_USAGE, "the cluster %s: its name must be 1 to 63 of A-Z a-z 0-9 _ . -, the first a letter, a digit or _",
                    enrollment->cluster);
    if (!server)
        return fail(EX_USAGE, "where does the API server reach the listener? Give --server HOST:PORT");
    if (!creates && (arguments_has(arguments, "overwrite") || arguments_has(arguments, "name") || arguments_has(arguments, "days")))
        return fail(EX_USAGE, "--overwrite, --name and --days go with --create");
    enrollment->with_token = arguments_has(arguments, "token");
    enrollment->overwrite = arguments_has(arguments, "overwrite");
    if ((code = take_server(enrollment, server)) || (code = check_scheme(enrollment, creates)) ||
        (code = take_paths(enrollment, arguments)))
        return code;
    return take_names(enrollment, arguments);
}

static int take_form(const struct arguments *arguments, enum part *part, bool *json)
{
    const char *written = arguments_value(arguments, "print"), *form = arguments_value(arguments, "output");

    *part = PART_ALL;
    for (size_t i = 0; written && i < PART_ALL; i++)
        if (strcmp(written, parts[i]) == 0)
            *part = (enum part)i;
    if (written && *part == PART_ALL)
        return fail(EX_USAGE, "--print %s: there is kubeconfig, policy, flags and source", written);
    *json = form ? strcmp(form, "json") == 0 : !isatty(STDOUT_FILENO);
    if (form && !*json && strcmp(form, "text") != 0)
        return fail(EX_USAGE, "-o %s: there is text and json", form);
    return EX_OK;
}

/* --- what is printed --------------------------------------------------------------------------------------------------------------- */

/* For the rules of the configuration; without one, for the shipped rules: conf/audit-policy.yaml, which is what `policy` prints for them. */
static int append_policy(const struct arguments *arguments, struct buffer *out)
{
    struct rules rules;
    bool into_secrets = false;

    if (!config_path(arguments)) {
        buffer_append_text(out, shipped_policy);
        return EX_OK;
    }
    int code = rules_load_of(arguments, NULL, 0, &rules);
    if (code)
        return code;
    policy_text(out, rules.plan, rules.own_labels, &(struct policy_wish){.least = DETECT_LEVEL_NONE}, &into_secrets);
    rules_free(&rules);
    if (into_secrets)
        note("ATTENTION: under this policy secrets, config maps or tokens are logged with their contents, as some rule looks into them");
    return EX_OK;
}

static void put_lines(struct json_writer *writer, const char *key, struct slice lines)
{
    json_key(writer, key);
    json_begin_array(writer);
    while (lines.length) {
        size_t length = (size_t)slice_find_byte(lines, '\n');
        json_write_string(writer, slice_first(lines, length));
        lines = slice_from(lines, length + 1);
    }
    json_end_array(writer);
}

static void append_json(const struct enrollment *enrollment, struct slice policy, struct buffer *out)
{
    struct buffer json = {NULL, 0, 0}, part = {NULL, 0, 0};
    struct json_writer *writer = json_writer_new(&json, false);

    json_begin_object(writer);
    json_put_text(writer, "cluster", enrollment->cluster);
    enroll_text_kubeconfig(enrollment, &part);
    json_put_string(writer, "kubeconfig", buffer_slice(&part));
    json_put_string(writer, "policy", policy);
    part.length = 0;
    enroll_text_flags(&part);
    put_lines(writer, "flags", buffer_slice(&part));
    part.length = 0;
    enroll_text_source(enrollment, &part);
    json_put_string(writer, "source", buffer_slice(&part));
    json_key(writer, "made");
    json_begin_array(writer);
    for (size_t i = 0; i < enrollment->made.count; i++)
        json_write_text(writer, enrollment->made.items[i]);
    json_end_array(writer);
    json_end_object(writer);
    json_writer_free(writer);
    display_json_line(out, buffer_slice(&json));
    buffer_free(&json);
    buffer_free(&part);
}

static int append_output(const struct enrollment *enrollment, const struct arguments *arguments, enum part part, bool json,
                         struct buffer *out)
{
    struct buffer policy = {NULL, 0, 0};
    int code = part == PART_POLICY || part == PART_ALL ? append_policy(arguments, &policy) : EX_OK;

    if (part == PART_KUBECONFIG)
        enroll_text_kubeconfig(enrollment, out);
    else if (part == PART_FLAGS)
        enroll_text_flags(out);
    else if (part == PART_SOURCE)
        enroll_text_source(enrollment, out);
    else if (part == PART_POLICY)
        buffer_append_slice(out, buffer_slice(&policy));
    else if (json)
        append_json(enrollment, buffer_slice(&policy), out);
    else
        enroll_text_all(enrollment, buffer_slice(&policy), out);
    buffer_free(&policy);
    return code;
}

static int enroll(struct enrollment *enrollment, const struct arguments *arguments)
{
    struct buffer out = {NULL, 0, 0};
    enum part part;
    bool json;
    int code;

    if ((code = take_form(arguments, &part, &json)) || (code = take_arguments(enrollment, arguments)))
        return code;
    if (arguments_has(arguments, "create"))
        code = enrollment_create(enrollment);
    for (size_t i = 0; i < enrollment->made.count; i++)
        note("made %s", enrollment->made.items[i]);
    if (!code && enrollment->https && (part == PART_KUBECONFIG || part == PART_ALL))
        code = enrollment_read(enrollment);
    if (!code)
        code = append_output(enrollment, arguments, part, json, &out);
    if (!code)
        print_buffer(&out);
    if (out.bytes)
        explicit_bzero(out.bytes, out.capacity);
    buffer_free(&out);
    int written = finish_output();
    return code ? code : written;
}

static int run(const struct arguments *arguments)
{
    struct enrollment enrollment = {.arena = arena_new(4096)};
    int code = enroll(&enrollment, arguments);

    enrollment_free(&enrollment);
    return code;
}

const struct command enroll_command = {
    .name = "enroll",
    .summary = "Connect a cluster: certificates or a token, and what its API server needs",
    .usage = "enroll CLUSTER --server HOST:PORT [--create [--name NAME ...] [--days N] [--overwrite]] [--token] [options]",
    .description = "Prints the kubeconfig of the API server's audit webhook, the API server's options, an audit policy, and the source that "
                   "receives its events, a file of sources.d. On a terminal it is a text to be pasted into a shell on the API server's node. With --create the "
                   "certificates "
                   "are made as well; a CA and a server certificate that are in the folder are used again, so a further cluster takes one "
                   "more command.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .examples = "harrierctl enroll prod-eu-1 --server harrier.example.org:9443 --create\n"
                "harrierctl enroll prod-eu-1 --server harrier.example.org:9443 --print kubeconfig > harrier-webhook.yaml",
    .exits = "0   done\n64  wrong usage\n65  a file is not what it should be, or errors in rules\n66  a file cannot be read\n73  a file is "
             "there already, or cannot be written",
    .run = run,
};
