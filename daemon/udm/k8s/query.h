/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HARRIER_UDM_K8S_QUERY_H
#define HARRIER_UDM_K8S_QUERY_H

#include "names.h"

/* Labels of the query string (the raw one as `query`), target.process.command_line, and proxy_path. */
void k8s_query_labels(struct udm_record *record, const struct k8s_request *request, const struct json_node *request_uri);

#endif
