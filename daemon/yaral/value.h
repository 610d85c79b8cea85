/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of yaral/: what values and functions share. */
#ifndef HARRIER_YARAL_VALUE_INTERNAL_H
#define HARRIER_YARAL_VALUE_INTERNAL_H

#include "harrier/base/buffer.h"
#include "harrier/yaral_value.h"

/* The text with each code point changed; bad bytes are kept. */
struct slice yaral_map_text(struct arena *arena, struct slice text, uint32_t (*change)(uint32_t code_point));

#endif
