/* SPDX-License-Identifier: Apache-2.0 */
/* The audit policy that rules need, as YAML. */
#ifndef HARRIER_CTL_POLICY_TEXT_H
#define HARRIER_CTL_POLICY_TEXT_H

#include "harrier/buffer.h"
#include "harrier/detect.h"

/* Appends a policy (audit.k8s.io/v1, kubernetes.io/docs/reference/config-api/apiserver-audit.v1) under which every request is logged at the
 * level that the rules need, and at least at `least`. Comments name the rules behind each entry. *into_secrets: some rule has secrets, config
 * maps or tokens logged with their contents. */
void policy_text(struct buffer *out, struct detect_plan *plan, const struct udm_own_labels *own_labels, enum detect_level least,
                 bool *into_secrets);
/* Appends one that suits rules that are not known: writes to workloads with their objects, all else at level Metadata. */
void policy_text_default(struct buffer *out);

#endif
