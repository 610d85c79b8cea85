/* SPDX-License-Identifier: Apache-2.0 */
#include "shapes.h"

#include <string.h>

bool shapes_is_base64(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '/' || c == '-' || c == '_' || c == '=';
}

/* JSON Web Tokens (RFC 7519): header.payload.signature, where both begin as {" does in base64. One that is cut off has its header at least. */
static size_t jwt_length(struct slice text, size_t run)
{
    enum { SHORTEST_HEADER = 12 };
    struct slice token = slice_first(text, run);
    ptrdiff_t dot = slice_find_byte(token, '.');

    if (!slice_starts_with(token, SLICE("eyJ")))
        return 0;
    if (dot < 0)
        return run == text.length && run >= SHORTEST_HEADER ? run : 0;
    return dot >= SHORTEST_HEADER && slice_starts_with(slice_from(token, (size_t)dot + 1), slice_first(SLICE("eyJ"), token.length - (size_t)dot - 1)) ? run : 0;
}

/* RFC 7468: from BEGIN to END, or as far as the text goes. The text begins with -----BEGIN or with what follows the dashes. */
static size_t pem_length(struct slice text)
{
    enum { LONGEST_LABEL = 64 };
    struct slice label = slice_first(text, LONGEST_LABEL);
    ptrdiff_t found = slice_find(label, SLICE("PRIVATE KEY"));

    if (!slice_starts_with(text, SLICE("-----BEGIN")) || found < 0)
        return 0;
    ptrdiff_t end = slice_find(text, SLICE("-----END"));
    if (end < 0)
        return text.length;
    struct slice rest = slice_from(text, (size_t)end + 8);
    ptrdiff_t dashes = slice_find(slice_first(rest, LONGEST_LABEL), SLICE("-----"));
    return (size_t)end + 8 + (dashes < 0 ? 0 : (size_t)dashes + 5);
}

/* Whole runs of base64: "-----BEGIN" that is not "-----BEGIN C", a certificate's, nor "-----BEGIN PUBLIC"; a token of JSON, {"auths":. */
static const char *const base64_beginnings[] = {"LS0tLS1CRUdJTi", "ZXlKaGJHY2lPaU", "eyJhdXRocyI6"};
static const char *const public_beginnings[] = {"LS0tLS1CRUdJTiBDRV", "LS0tLS1CRUdJTiBQVUJMSUMg", "LS0tLS1CRUdJTiBORVcgQ0VSVEl"};

static bool starts_with_any_of(struct slice text, const char *const *beginnings, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (slice_starts_with(text, slice_of(beginnings[i])))
            return true;
    return false;
}

static size_t base64_length(struct slice text)
{
    size_t length = 0;

    if (!starts_with_any_of(text, base64_beginnings, sizeof base64_beginnings / sizeof *base64_beginnings) ||
        starts_with_any_of(text, public_beginnings, sizeof public_beginnings / sizeof *public_beginnings))
        return 0;
    while (length < text.length && shapes_is_base64((unsigned char)text.bytes[length]))
        length++;
    return length;
}

/* What services put before their tokens, so that such scanners find them, and how much follows at the least. */
static const struct {
    const char *prefix;
    size_t shortest;
} prefixes[] = {
    {"ghp_", 16}, {"gho_", 16}, {"ghu_", 16}, {"ghs_", 16}, {"ghr_", 16}, {"github_pat_", 16}, {"glpat-", 16}, {"gldt-", 16}, {"glrt-", 16}, {"glptt-", 16},
    {"glsa_", 16}, {"glc_", 16}, {"xoxb-", 16}, {"xoxp-", 16}, {"xoxa-", 16}, {"xoxs-", 16}, {"xoxe-", 16}, {"xoxe.", 16}, {"xoxr-", 16}, {"xapp-", 16},
    {"sk_live_", 16}, {"sk_test_", 16}, {"rk_live_", 16}, {"whsec_", 16}, {"sk-ant-", 16}, {"sk-proj-", 16}, {"sk-svcacct-", 16}, {"AIza", 16}, {"ya29.", 16},
    {"hvs.", 16}, {"hvb.", 16}, {"hvr.", 16}, {"npm_", 16}, {"pypi-", 16}, {"rubygems_", 16}, {"dop_v1_", 16}, {"doo_v1_", 16}, {"AKIA", 16}, {"ASIA", 16},
    {"ABIA", 16}, {"ACCA", 16}, {"SG.", 16}, {"dckr_pat_", 16}, {"dckr_oat_", 16}, {"shpat_", 16}, {"shpss_", 16}, {"hf_", 24}, {"lin_api_", 16}, {"PMAK-", 16},
    {"NRAK-", 16}, {"ATATT3", 24}, {"ATBB", 24}, {"tskey-", 16}, {"sq0atp-", 16}, {"sq0csp-", 16}, {"sbp_", 24}, {"pul-", 32}, {"ops_eyJ", 16}, {"pat-na1-", 16},
    {"key-", 32}, {"AGE-SECRET-KEY-", 16}, {"nvapi-", 16}, {"r8_", 32}, {"gsk_", 32}, {"glagent-", 16}, {"xkeysib-", 32},
};

static size_t prefixed_length(struct slice text, size_t run)
{
    static const char openshift[] = "sha256~";

    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (run >= prefixes[i].shortest + strlen(prefixes[i].prefix) && slice_starts_with(text, slice_of(prefixes[i].prefix)))
            return run;
    if (slice_starts_with(text, slice_of(openshift)) && text.length > sizeof openshift - 1) {
        size_t length = sizeof openshift - 1;
        while (length < text.length && shapes_is_base64((unsigned char)text.bytes[length]))
            length++;
        return length;
    }
    return 0;
}

/* Telegram's: the number of a bot, a colon and its key. */
static size_t telegram_length(struct slice text, size_t run)
{
    enum { SHORTEST_NUMBER = 7, LONGEST_NUMBER = 12, SHORTEST_KEY = 30 };
    size_t end = run + 1;

    if (run < SHORTEST_NUMBER || run > LONGEST_NUMBER || run + 1 >= text.length || text.bytes[run] != ':')
        return 0;
    for (size_t i = 0; i < run; i++)
        if (text.bytes[i] < '0' || text.bytes[i] > '9')
            return 0;
    while (end < text.length && shapes_is_base64((unsigned char)text.bytes[end]) && !strchr("+/=", text.bytes[end]))
        end++;
    return end - run - 1 >= SHORTEST_KEY ? end : 0;
}

/* Kubernetes' bootstrap tokens, [a-z0-9]{6}.[a-z0-9]{16}. Names of hosts have letters alone far more often. */
static size_t bootstrap_length(struct slice text, size_t run)
{
    bool has_digit = false;

    if (run != 23 || text.bytes[6] != '.')
        return 0;
    for (size_t i = 0; i < run; i++) {
        char c = text.bytes[i];
        if (i != 6 && !((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')))
            return 0;
        has_digit = has_digit || (i > 6 && c >= '0' && c <= '9');
    }
    return has_digit ? run : 0;
}

size_t shapes_length(struct slice text, size_t run)
{
    static size_t (*const of_run[])(struct slice, size_t) = {jwt_length, prefixed_length, telegram_length, bootstrap_length};
    size_t length = pem_length(text);

    if (!length)
        length = base64_length(text);
    for (size_t i = 0; !length && i < sizeof of_run / sizeof *of_run; i++)
        length = of_run[i](text, run);
    return length;
}
