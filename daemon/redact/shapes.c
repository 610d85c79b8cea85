/* SPDX-License-Identifier: Apache-2.0 */
#include "shapes.h"

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

/* The same in base64, as Secrets and kubeconfigs have it: "-----BEGIN" that is not "-----BEGIN C", a certificate's. */
static size_t pem_in_base64_length(struct slice text)
{
    size_t length = 0;

    if (!slice_starts_with(text, SLICE("LS0tLS1CRUdJTi")) || slice_starts_with(text, SLICE("LS0tLS1CRUdJTiBDRV")))
        return 0;
    while (length < text.length && shapes_is_base64((unsigned char)text.bytes[length]))
        length++;
    return length;
}

/* What services put before their tokens, so that such scanners find them. */
static size_t prefixed_length(struct slice text, size_t run)
{
    static const char *const prefixes[] = {"ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "xoxb-", "xoxp-", "xoxa-", "xoxs-", "xapp-",
                                           "sk_live_", "rk_live_", "AIza", "hvs.", "npm_", "dop_v1_", "ya29.", "AKIA", "ASIA", "pypi-", "SG."};
    enum { SHORTEST = 16 };

    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (run >= SHORTEST + strlen(prefixes[i]) && slice_starts_with(text, slice_of(prefixes[i])))
            return run;
    if (slice_starts_with(text, SLICE("sha256~")) && text.length > 7) { /* OpenShift's */
        size_t length = 7;
        while (length < text.length && shapes_is_base64((unsigned char)text.bytes[length]))
            length++;
        return length;
    }
    return 0;
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
    size_t length = jwt_length(text, run);

    if (!length)
        length = pem_length(text);
    if (!length)
        length = pem_in_base64_length(text);
    if (!length)
        length = prefixed_length(text, run);
    return length ? length : bootstrap_length(text, run);
}
