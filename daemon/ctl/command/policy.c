/* SPDX-License-Identifier: Apache-2.0 */
/* harrierctl policy: the smallest audit policy that rules need. */
#include "daemon/ctl/common.h"
#include "daemon/ctl/enroll/policy_text.h"

static const struct argument_option options[] = {
    {'c', "config", "FILE", "A configuration: its rules, lists, tables and labels."},
    {'\0', "list", "NAME=FILE", "A reference list that rules name as %NAME; may be given more than once."},
    {'\0', "table", "NAME=FILE", "A data table (.csv or .json); may be given more than once."},
    {'\0', "least", "LEVEL", "Log every request at least at this level: None (the default), or Metadata for a trail of all that was done. Leases, events and probes "
                             "that no rule asks for are left out."},
    {'\0', "names", NULL, "Log creates with their answer where a rule looks into their object: it has the name that generateName makes."},
};

/* --least; false after a message. */
static bool least_level(const struct arguments *arguments, enum detect_level *least)
{
    static const char *const levels[] = {"None", "Metadata", "Request", "RequestResponse"};
    const char *written = arguments_value(arguments, "least");

    *least = DETECT_LEVEL_NONE;
    if (!written)
        return true;
    for (int level = DETECT_LEVEL_NONE; level <= DETECT_LEVEL_METADATA; level++) {
        *least = (enum detect_level)level;
        if (strcmp(written, detect_level_name(*least)) == 0)
            return true;
    }
    const char *nearest = arguments_nearest(written, levels, 2);
    fail(EX_USAGE, "--least %s: None or Metadata%s%s%s", written, nearest ? "; did you mean " : "", nearest ? nearest : "",
         nearest ? "?" : "");
    return false;
}

static int run(const struct arguments *arguments)
{
    struct rules rules;
    struct buffer text = {NULL, 0, 0};
    struct policy_wish wish = {.names = arguments_has(arguments, "names")};
    bool into_secrets = false;

    if (!least_level(arguments, &wish.least))
        return EX_USAGE;
    int code = rules_load_of(arguments, arguments->operands.items, arguments->operands.count, &rules);
    if (code)
        return code;
    policy_text(&text, rules.plan, rules.own_labels, &wish, &into_secrets);
    print_buffer(&text);
    if (into_secrets)
        note("ATTENTION: some rule looks into secrets, config maps or tokens, so this policy has them logged with their contents; see the "
             "comments in it");
    buffer_free(&text);
    rules_free(&rules);
    return finish_output();
}

const struct command policy_command = {
    .name = "policy",
    .summary = "Print the smallest audit policy that the rules need",
    .usage = "policy [-c FILE] [--least LEVEL] [--names]\npolicy [--list NAME=FILE] [--table NAME=FILE] [--least LEVEL] [--names] RULE.yaral ...",
    .description = "Works out from the rules which requests an API server has to log, and at which level, and prints it as a Policy of "
                   "audit.k8s.io/v1 for "
                   "--audit-policy-file. Comments name the rules behind each entry. Where a rule's need cannot be told, the policy logs "
                   "more, never less. What no "
                   "rule can concern is not logged at all: --least Metadata keeps a trail of it.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .examples =
        "harrierctl policy -c /etc/harrier/harrier.yaml > audit-policy.yaml\nharrierctl policy --least Metadata rules/cronjob.yaral",
    .exits = "0   printed\n64  wrong usage\n65  errors in rules\n66  a file cannot be read\n69  a rule needs what is not there",
    .run = run,
};
