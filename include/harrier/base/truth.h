/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HARRIER_BASE_TRUTH_H
#define HARRIER_BASE_TRUTH_H

/* Three values: a condition that cannot be seen is unknown, one that rests on what is not read yet is unread (Kleene's logic; unread
 * is an unknown that may still become known). */
enum truth { TRUTH_FALSE, TRUTH_TRUE, TRUTH_UNKNOWN, TRUTH_UNREAD };

#endif
