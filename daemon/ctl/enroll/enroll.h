/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of `harrierctl enroll` share. */
#ifndef HARRIER_CTL_ENROLL_ENROLL_H
#define HARRIER_CTL_ENROLL_ENROLL_H

#include "pki.h"

#include "harrier/base/arena.h"
#include "harrier/base/vector.h"

/* A cluster being connected. */
struct enrollment {
    struct arena *arena;
    const char *cluster;
    const char *folder; /* absolute; of certificates and tokens */
    const char *host;   /* of the listener, as the API server reaches it; without brackets */
    const char *port;
    const char *path; /* of the URL, before the cluster's name; begins with '/', ends without */
    bool https;
    bool with_token; /* else: a client certificate, over https */
    bool overwrite;
    long days;
    VECTOR(const char *) names; /* more of the server's, for its certificate */

    struct buffer ca;          /* PEM */
    struct buffer certificate; /* PEM, the cluster's */
    struct buffer key;
    struct buffer token;
    VECTOR(const char *) made; /* files that were written */
};

void enrollment_free(struct enrollment *enrollment);
/* Is the host this machine only? */
bool enrollment_is_loopback(const struct enrollment *enrollment);
/* A file of the folder: "ca.crt"; one of the cluster: "cluster-NAME.key". */
const char *enrollment_file(const struct enrollment *enrollment, const char *name);
const char *enrollment_cluster_file(const struct enrollment *enrollment, const char *ending);

/* files.c: EX_OK, or the exit code after a message. */
/* Makes what is missing of CA, server certificate and the cluster's certificate or token. */
int enrollment_create(struct enrollment *enrollment);
/* Reads what the kubeconfig needs. */
int enrollment_read(struct enrollment *enrollment);

/* text.c: each appends one part. */
/* kubernetes.io/docs/tasks/debug/debug-cluster/audit: the file of --audit-webhook-config-file. */
void enroll_text_kubeconfig(const struct enrollment *enrollment, struct buffer *out);
/* Options of the kube-apiserver, one in a line. */
void enroll_text_flags(struct buffer *out);
/* The sources of harrier.yaml that take the cluster in. */
void enroll_text_source(const struct enrollment *enrollment, struct buffer *out);
/* All of it, for people: what goes where, and why. */
void enroll_text_all(const struct enrollment *enrollment, struct slice policy, struct buffer *out);

#endif
