/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of redact/ share. */
#ifndef HARRIER_REDACT_INTERNAL_H
#define HARRIER_REDACT_INTERNAL_H

#include "harrier/redact.h"

enum { REDACT_STAND_IN_SIZE = 64 };

/* redact_stand_in into out, which it returns. */
char *redact_stand_in_text(struct slice value, char out[REDACT_STAND_IN_SIZE]);

/* `env`, `environment` and `value`, in any spelling. */
bool redact_is_env_name(struct slice name);
bool redact_is_value_name(struct slice name);

/* It is what redact_stand_in makes: not a secret any more. */
bool redact_is_stand_in(struct slice value);
/* What a value names instead of being it: $TOKEN, $(cat ...), `cat ...`, {{ .Values.x }}; an empty one; a stand-in of ours. */
bool redact_is_reference(struct slice value);

/* Appends the text; broken: as redact_bytes. False: nothing was taken out, and nothing was appended. */
bool redact_scan(struct slice text, bool broken, struct buffer *out);

#endif
