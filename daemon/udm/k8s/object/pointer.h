/* SPDX-License-Identifier: Apache-2.0 */
/* JSON pointers (RFC 6901) as a kube-apiserver's JSON patch library reads them. */
#ifndef HARRIER_UDM_K8S_OBJECT_POINTER_H
#define HARRIER_UDM_K8S_OBJECT_POINTER_H

#include "harrier/base/arena.h"
#include "harrier/json.h"

enum { K8S_POINTER_TOKENS = 64 }; /* deeper than any place of a Kubernetes object that matters */

struct k8s_pointer {
    struct slice *tokens; /* unescaped */
    size_t count;
};

/* A pointer that the server refuses, and the whole patch with it: not empty and without a slash. */
bool k8s_pointer_is_refused(struct slice text);
/* What stands before the first slash is ignored. False if it has more tokens than K8S_POINTER_TOKENS. */
bool k8s_pointer_parse(struct arena *arena, struct slice text, struct k8s_pointer *pointer);

/* A position in an array: `0`, `00`, `-1` (from the end), `-` (behind the end: `is_end`). False for any other token. */
bool k8s_pointer_index(struct slice token, int64_t *index, bool *is_end);
/* The value at the tokens below node; `-` is the last element. NULL if it is not there. The number of children looked at is added
 * to *visited. */
const struct json_node *k8s_pointer_lookup(const struct json_node *node, const struct slice *tokens, size_t count, size_t *visited);

#endif
