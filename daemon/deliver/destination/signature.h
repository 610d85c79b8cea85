/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures of webhooks, HMAC-SHA256 over the raw body. */
#ifndef HARRIER_DELIVER_DESTINATION_SIGNATURE_H
#define HARRIER_DELIVER_DESTINATION_SIGNATURE_H

#include "harrier/base/buffer.h"
#include "harrier/base/result.h"
#include "harrier/base/slice.h"

/* Standard Webhooks, symmetric (github.com/standard-webhooks, spec "Signature scheme"): appends "v1,<base64>" over id "." seconds "." body.
 * secret: "whsec_" and base64, or the base64 alone. RESULT_INVALID if that is no base64 of 16 bytes or more. */
enum result signature_standard_webhooks(struct slice secret, const char *id, int64_t seconds, struct slice body, struct buffer *out);
/* X-Hub-Signature-256 (docs.github.com, validating webhook deliveries): appends "sha256=<hex>"; the secret is taken as text. */
void signature_github(struct slice secret, struct slice body, struct buffer *out);

#endif
