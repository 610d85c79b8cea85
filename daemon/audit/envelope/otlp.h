/* SPDX-License-Identifier: Apache-2.0 */
/* OpenTelemetry's logs as JSON (OTLP): resourceLogs[].scopeLogs[].logRecords[], each with a body of type AnyValue. */
#ifndef HARRIER_AUDIT_ENVELOPE_OTLP_H
#define HARRIER_AUDIT_ENVELOPE_OTLP_H

#include "harrier/json_walk.h"

/* An AnyValue as the JSON that it stands for, in pieces of at most 4 KiB, in one pass and without memory that grows. What is nested deeper than the bound is
 * null in it, and *cut is set before it is given. RESULT_INVALID: it is no AnyValue, and what was given ends early; else what the sink gave. */
enum result otlp_give(struct json_raw any_value, json_text_sink *sink, void *data, bool *cut);

#endif
