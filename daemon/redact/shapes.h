/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets that are known by their shape, whatever stands around them. */
#ifndef HARRIER_REDACT_SHAPES_H
#define HARRIER_REDACT_SHAPES_H

#include "harrier/base/slice.h"

/* Length of the secret at the text's beginning, which is the beginning of a run of letters, digits, `_`, `-` and `.`; 0: it is none. run: the run's
 * length. */
size_t shapes_length(struct slice text, size_t run);
/* A character of base64 in either alphabet (RFC 4648), with `=`. */
bool shapes_is_base64(int c);

#endif
