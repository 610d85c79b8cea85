/* SPDX-License-Identifier: Apache-2.0 */
#include "judge.h"

#include "harrier/redact.h"

#include <stdio.h>

enum { SHOWN_BYTES = 512 };

static enum verdict_kind kind_of(long status)
{
    if (status >= 200 && status < 300)
        return VERDICT_DELIVERED;
    switch (status) {
    case 408:
    case 425:
    case 429: return VERDICT_RETRY;
    case 413: return VERDICT_SHRINK;
    case 400:
    case 406:
    case 409:
    case 411:
    case 414:
    case 415:
    case 422:
    case 431: return VERDICT_DEAD;
    default: return status >= 300 && status < 500 ? VERDICT_HOLD : VERDICT_RETRY;
    }
}

/* A certificate that does not fit, or a setting of ours: no later try will do better until somebody has changed something. */
static bool needs_operator(CURLcode transport)
{
    switch (transport) {
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR: return true;
    default: return false;
    }
}

void judge_status(const struct http_response *response, struct verdict *verdict)
{
    verdict->retry_after = response->retry_after;
    if (response->transport != CURLE_OK) {
        /* Of an answer that is no HTTP libcurl says "unsupported protocol" too. */
        verdict->kind = needs_operator(response->transport) && !response->sent ? VERDICT_HOLD : VERDICT_RETRY;
        verdict->blame = response->sent ? BLAME_UNKNOWN : BLAME_DESTINATION;
        return;
    }
    verdict->kind = kind_of(response->status);
}

/* The path and query of a URL are a secret (chat webhooks carry their token there). */
static void mask_url(struct buffer *text, const char *url)
{
    struct slice whole = slice_of(url);
    secret_mask(text, whole);
    ptrdiff_t scheme = slice_find(whole, SLICE("://"));
    struct slice rest = scheme >= 0 ? slice_from(whole, (size_t)scheme + 3) : whole;
    ptrdiff_t slash = slice_find_byte(rest, '/');
    struct slice authority = slash < 0 ? rest : slice_first(rest, (size_t)slash);
    ptrdiff_t at = slice_find_last_byte(authority, '@');
    if (at >= 0)
        secret_mask(text, slice_first(authority, (size_t)at));
    struct slice path = slice_from(rest, authority.length);
    secret_mask(text, path);
    /* An answer may quote a part of it: each segment and each value of the query by itself. */
    while (path.length > 0) {
        size_t length = 0;
        while (length < path.length && strchr("/?&=", path.bytes[length]) == NULL)
            length++;
        if (length >= 8)
            secret_mask(text, slice_first(path, length));
        path = slice_from(path, length + 1);
    }
}

static void mask_all(const struct destination *destination, struct buffer *text)
{
    const struct deliver_destination_config *config = destination->config;
    if (destination->url.text != NULL)
        mask_url(text, destination->url.text);
    if (config->proxy != NULL)
        mask_url(text, config->proxy);
    secret_mask(text, slice_of(destination->token.text));
    secret_mask(text, slice_of(destination->secret.text));
    for (size_t i = 0; i < config->header_count; i++) {
        struct slice value = slice_of(config->headers[i].value);
        secret_mask(text, value);
        ptrdiff_t blank = slice_find_last_byte(value, ' '); /* "Bearer x": the x alone too */
        if (blank >= 0)
            secret_mask(text, slice_from(value, (size_t)blank + 1));
    }
}

/* Masked before it is cut, so that a secret across the cut is not half shown. What is not ours may be another's. */
static struct slice make_showable(const struct destination *destination, struct slice said, struct buffer *text)
{
    struct buffer quoted = {0};
    buffer_append_slice(&quoted, said);
    mask_all(destination, &quoted);
    if (!redact_line(buffer_slice(&quoted), text))
        buffer_append_slice(text, buffer_slice(&quoted));
    buffer_free(&quoted);
    for (size_t i = 0; i < text->length; i++) {
        unsigned char c = (unsigned char)text->bytes[i];
        text->bytes[i] = c >= 0x20 && c < 0x7f ? (char)c : ' ';
    }
    return slice_first(slice_trim(buffer_slice(text)), SHOWN_BYTES);
}

void judge_explain(const struct destination *destination, const struct http_response *response, struct verdict *verdict)
{
    const char *origin = destination->origin ? destination->origin : "(no url)";
    const char *error = response->error && response->error[0] ? response->error : curl_easy_strerror(response->transport);
    bool answered = response->transport == CURLE_OK;
    struct buffer text = {0};
    struct slice shown = make_showable(destination, answered ? response->body : slice_of(error), &text);
    if (answered)
        snprintf(verdict->reason, sizeof verdict->reason, "%s: HTTP %ld%s%.*s", origin, response->status, shown.length ? ": " : "",
                 SLICE_ARGS(shown));
    else
        snprintf(verdict->reason, sizeof verdict->reason, "%s: %.*s (curl %d)", origin, SLICE_ARGS(shown), (int)response->transport);
    buffer_free(&text);
}
