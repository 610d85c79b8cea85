/* SPDX-License-Identifier: Apache-2.0 */
/* The audit policy that rules need, as YAML. */
#ifndef HARRIER_CTL_ENROLL_POLICY_TEXT_H
#define HARRIER_CTL_ENROLL_POLICY_TEXT_H

#include "harrier/base/buffer.h"
#include "harrier/detect.h"

struct policy_wish {
    enum detect_level least; /* for all but noise that no rule asks for: leases, events, probes */
    bool names;              /* of objects made by generateName, which the answer alone has: creates with their answer, where their object is logged, secrets never */
};

/* Appends a policy (audit.k8s.io/v1, kubernetes.io/docs/reference/config-api/apiserver-audit.v1) under which every request is logged at the
 * level that the rules need, and at what is wished for beyond. Comments name the rules behind each entry. *into_secrets: some rule has secrets, config
 * maps or tokens logged with their contents. */
void policy_text(struct buffer *out, struct detect_plan *plan, const struct udm_own_labels *own_labels, const struct policy_wish *wish,
                 bool *into_secrets);

#endif
