/* SPDX-License-Identifier: Apache-2.0 */
/* Slack incoming webhook (docs.slack.dev, sending messages using incoming webhooks). The answer's body says more than its status. */
#include "daemon/deliver/destination.h"
#include "daemon/deliver/judge.h"
#include "slack_text.h"

#include <stdio.h>

static bool prepare(struct destination *destination, const struct outgoing *alert, struct http_request *request, struct verdict *verdict)
{
    if (!destination_read_url(destination, verdict))
        return false;
    if (!slack_render(alert->json, !alert->shrunk, &request->body)) {
        verdict->kind = VERDICT_DEAD;
        snprintf(verdict->reason, sizeof verdict->reason, "the stored document cannot be read to make a message of it");
        return false;
    }
    request->headers = curl_slist_append(request->headers, "Content-Type: application/json");
    return true;
}

/* docs.slack.dev, changelog 2016-05-17, and the errors that users report of the webhook. */
static const struct {
    const char *body;
    enum verdict_kind kind;
} answers[] = {
    {"invalid_payload", VERDICT_SHRINK},
    {"invalid_blocks", VERDICT_SHRINK},
    {"invalid_blocks_format", VERDICT_SHRINK},
    {"invalid_attachments", VERDICT_SHRINK},
    {"msg_blocks_too_long", VERDICT_SHRINK},
    {"no_text", VERDICT_SHRINK},
    {"too_many_attachments", VERDICT_SHRINK},
    {"user_not_found", VERDICT_SHRINK},
    {"action_prohibited", VERDICT_HOLD},
    {"invalid_token", VERDICT_HOLD},
    {"posting_to_general_channel_denied", VERDICT_HOLD},
    {"channel_not_found", VERDICT_HOLD},
    {"no_service", VERDICT_HOLD},
    {"no_service_id", VERDICT_HOLD},
    {"no_active_hooks", VERDICT_HOLD},
    {"no_team", VERDICT_HOLD},
    {"team_disabled", VERDICT_HOLD},
    {"channel_is_archived", VERDICT_HOLD},
    {"rollup_error", VERDICT_RETRY},
};

static void judge(struct destination *destination, const struct http_response *response, struct verdict *verdict)
{
    judge_status(response, verdict);
    judge_explain(destination, response, verdict);
    if (response->transport != CURLE_OK || verdict->kind == VERDICT_DELIVERED)
        return;
    if (response->status == 400)
        verdict->kind = VERDICT_SHRINK;
    struct slice body = slice_trim(response->body);
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        if (slice_is(body, answers[i].body))
            verdict->kind = answers[i].kind;
    }
}

const struct driver slack_driver = {.prepare = prepare, .judge = judge};
