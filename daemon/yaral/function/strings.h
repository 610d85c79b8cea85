/* SPDX-License-Identifier: Apache-2.0 */
/* Encodings: functions of the groups strings and bytes that stand in encodings.c. */
#ifndef HARRIER_YARAL_FUNCTION_STRINGS_H
#define HARRIER_YARAL_FUNCTION_STRINGS_H

#include "function.h"

struct yaral_value call_base64_decode(struct yaral_call_context *context, const void *prepared, const struct yaral_value *arguments, size_t count);
struct yaral_value call_from_base64(struct yaral_call_context *context, const void *prepared, const struct yaral_value *arguments, size_t count);
struct yaral_value call_from_hex(struct yaral_call_context *context, const void *prepared, const struct yaral_value *arguments, size_t count);
struct yaral_value call_url_decode(struct yaral_call_context *context, const void *prepared, const struct yaral_value *arguments, size_t count);

#endif
