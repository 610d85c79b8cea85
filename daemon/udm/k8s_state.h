/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HARRIER_UDM_K8S_STATE_H
#define HARRIER_UDM_K8S_STATE_H

#include "k8s_names.h"

/* Labels of the event's objects; object_state, kind, patch_type, response_kind, response_items, overflow; and what the record knows. */
void k8s_map_objects(struct udm_record *record, const struct k8s_request *request, const struct json_node *event, const struct udm_cut *cut);

#endif
