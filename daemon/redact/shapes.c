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
    struct slice prefix;
    size_t shortest;
} prefixes[] = {
#define P(literal) {(literal), sizeof(literal) - 1}
    {P("ghp_"), 16}, {P("gho_"), 16}, {P("ghu_"), 16}, {P("ghs_"), 16}, {P("ghr_"), 16}, {P("github_pat_"), 16}, {P("glpat-"), 16}, {P("gldt-"), 16}, {P("glrt-"), 16}, {P("glptt-"), 16},
    {P("glsa_"), 16}, {P("glc_"), 16}, {P("xoxb-"), 16}, {P("xoxp-"), 16}, {P("xoxa-"), 16}, {P("xoxs-"), 16}, {P("xoxe-"), 16}, {P("xoxe."), 16}, {P("xoxr-"), 16}, {P("xapp-"), 16},
    {P("sk_live_"), 16}, {P("sk_test_"), 16}, {P("rk_live_"), 16}, {P("whsec_"), 16}, {P("sk-ant-"), 16}, {P("sk-proj-"), 16}, {P("sk-svcacct-"), 16}, {P("AIza"), 16}, {P("ya29."), 16},
    {P("hvs."), 16}, {P("hvb."), 16}, {P("hvr."), 16}, {P("npm_"), 16}, {P("pypi-"), 16}, {P("rubygems_"), 16}, {P("dop_v1_"), 16}, {P("doo_v1_"), 16}, {P("AKIA"), 16}, {P("ASIA"), 16},
    {P("ABIA"), 16}, {P("ACCA"), 16}, {P("SG."), 16}, {P("dckr_pat_"), 16}, {P("dckr_oat_"), 16}, {P("shpat_"), 16}, {P("shpss_"), 16}, {P("hf_"), 24}, {P("lin_api_"), 16}, {P("PMAK-"), 16},
    {P("NRAK-"), 16}, {P("ATATT3"), 24}, {P("ATBB"), 24}, {P("tskey-"), 16}, {P("sq0atp-"), 16}, {P("sq0csp-"), 16}, {P("sbp_"), 24}, {P("pul-"), 32}, {P("ops_eyJ"), 16}, {P("pat-na1-"), 16},
    {P("key-"), 32}, {P("AGE-SECRET-KEY-"), 16}, {P("nvapi-"), 16}, {P("r8_"), 32}, {P("gsk_"), 32}, {P("glagent-"), 16}, {P("xkeysib-"), 32},
#undef P
};

static size_t prefixed_length(struct slice text, size_t run)
{
    static const char openshift[] = "sha256~";

    for (size_t i = 0; text.length && i < sizeof prefixes / sizeof *prefixes; i++) {
        struct slice prefix = prefixes[i].prefix;
        if (prefix.bytes[0] == text.bytes[0] && run >= prefixes[i].shortest + prefix.length && slice_starts_with(text, prefix))
            return run;
    }
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
