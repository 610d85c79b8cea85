/* SPDX-License-Identifier: Apache-2.0 */
/* A typed growing array: VECTOR(int) numbers = {0}; VECTOR_PUSH(&numbers, 3); VECTOR_FREE(&numbers). */
#ifndef HARRIER_VECTOR_H
#define HARRIER_VECTOR_H

#include "harrier/base/memory.h"

#include <stdlib.h>

#define VECTOR(type)      \
    struct {              \
        type *items;      \
        size_t count;     \
        size_t capacity;  \
    }

/* Room for one more; a pointer to it, uninitialised, already counted. */
#define VECTOR_ADD(vector)                                                                                       \
    (((vector)->count < (vector)->capacity                                                                       \
          ? (void)0                                                                                              \
          : (void)((vector)->capacity = (vector)->capacity ? (vector)->capacity * 2 : 8,                         \
                   (vector)->items = xreallocarray((vector)->items, (vector)->capacity, sizeof *(vector)->items))), \
     &(vector)->items[(vector)->count++])

#define VECTOR_PUSH(vector, item) (*VECTOR_ADD(vector) = (item))

#define VECTOR_FREE(vector)          \
    do {                             \
        free((vector)->items);       \
        (vector)->items = NULL;      \
        (vector)->count = 0;         \
        (vector)->capacity = 0;      \
    } while (0)

#endif
