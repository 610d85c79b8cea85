/* SPDX-License-Identifier: Apache-2.0 */
/* What rules can read of a Kubernetes event, and where each of it stands. */
#ifndef HARRIER_UDM_K8S_FIELDS_H
#define HARRIER_UDM_K8S_FIELDS_H

#include "harrier/udm.h"

/* Path of a label as a rule writes it. */
#define K8S_LABEL_PATH(key) "target.resource.attribute.labels[\"" key "\"]"

/* Where the value at a path comes from: its canonical text, with indices and key, as a rule may write it. */
enum udm_origin k8s_field_origin(struct slice canonical_path);

/* Rows for the labels of objects, which are the same in every log; NULL past the end. */
const struct udm_field_help *k8s_object_field_help_at(size_t index);

#endif
