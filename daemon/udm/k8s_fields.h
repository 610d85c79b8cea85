/* SPDX-License-Identifier: Apache-2.0 */
/* What rules can read of a Kubernetes audit event, and where each of it stands. */
#ifndef HARRIER_UDM_K8S_FIELDS_H
#define HARRIER_UDM_K8S_FIELDS_H

#include "harrier/udm.h"

/* Where the value at a path comes from: its canonical text, with indices and key, as a rule may write it. */
enum udm_origin k8s_field_origin(struct slice canonical_path);

#endif
