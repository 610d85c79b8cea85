/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HARRIER_UDM_K8S_OBJECT_POD_H
#define HARRIER_UDM_K8S_OBJECT_POD_H

#include "place.h"

/* A pod spec, wherever it stands. */
extern const struct k8s_place k8s_pod_spec;

/* A command line in the making: words, and the node that stands for them. */
struct k8s_command {
    struct slice *words;
    size_t count;
    size_t capacity;
    const struct json_node *origin; /* the list that came first */
};

void k8s_command_add(struct arena *arena, struct k8s_command *command, struct slice word);
/* The elements of an array; anything else gives nothing. */
void k8s_command_add_list(struct arena *arena, struct k8s_command *command, const struct json_node *list);
/* Labels command, and hook_command if it is a hook's or probe's. No words, no label. */
void k8s_command_report(struct k8s_walk *walk, const struct k8s_command *command, bool is_hook);
/* True for the row of an exec hook, false for one of a container; only of rows that run. */
bool k8s_runs_as_hook(const struct k8s_member *member);

#endif
