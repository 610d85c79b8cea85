/* SPDX-License-Identifier: Apache-2.0 */
/* A request's path against an endpoint's, in which {cluster} and {token} stand for whole segments. */
#ifndef HARRIER_DAEMON_SOURCE_PATH_H
#define HARRIER_DAEMON_SOURCE_PATH_H

#include "harrier/base/buffer.h"

#include <stdbool.h>

/* What stands in the places; empty where the pattern has none. */
struct path_parts {
    struct slice cluster, token;
};

/* Segment by segment, after percent-decoding (RFC 3986 section 2.1), one slash at the end of either left out. decoded is where the parts'
 * bytes are; the caller wipes and frees it. False too: a broken percent-encoding, an empty token, what is no cluster's name. */
bool path_match(const char *pattern, struct slice path, struct buffer *decoded, struct path_parts *parts);

/* 1 to 253 of A-Z a-z 0-9 . _ : -, and neither "." nor "..", which a proxy might resolve. */
bool path_is_cluster_name(struct slice name);

#endif
