/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HARRIER_UDM_K8S_HEAD_H
#define HARRIER_UDM_K8S_HEAD_H

#include "harrier/udm.h"

/* The head field that a canonical path names. */
enum udm_head_field k8s_head_field(struct slice path);

#endif
