/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll.h"

#include "harrier/base/base64.h"

#include <string.h>

#define POLICY_FILE "/etc/kubernetes/audit-policy.yaml"
#define WEBHOOK_FILE "/etc/kubernetes/harrier-webhook.yaml"
#define SOURCE_FILE HARRIER_SYSCONFDIR "/sources.d/apiservers.yaml"

static const char volumes[] = "spec:\n"
                              "  containers:\n"
                              "    - name: kube-apiserver\n"
                              "      volumeMounts:\n"
                              "        - {name: audit-policy, mountPath: " POLICY_FILE ", readOnly: true}\n"
                              "        - {name: harrier-webhook, mountPath: " WEBHOOK_FILE ", readOnly: true}\n"
                              "  volumes:\n"
                              "    - {name: audit-policy, hostPath: {path: " POLICY_FILE ", type: File}}\n"
                              "    - {name: harrier-webhook, hostPath: {path: " WEBHOOK_FILE ", type: File}}\n";

/* What could end a quoted word of YAML or a line of shell, names and paths are checked not to have. */
static bool is_ipv6(const char *host)
{
    return strchr(host, ':') != NULL;
}

static void append_host_port(const struct enrollment *enrollment, struct buffer *out)
{
    buffer_printf(out, is_ipv6(enrollment->host) ? "[%s]:%s" : "%s:%s", enrollment->host, enrollment->port);
}

static void append_data(struct buffer *out, const char *key, const struct buffer *pem)
{
    buffer_printf(out, "      %s: ", key);
    base64_encode(BASE64_STANDARD, buffer_slice(pem), out);
    buffer_append_byte(out, '\n');
}

void enroll_text_kubeconfig(const struct enrollment *enrollment, struct buffer *out)
{
    buffer_append_text(out, "apiVersion: v1\nkind: Config\nclusters:\n  - name: harrier\n    cluster:\n");
    buffer_printf(out, "      server: \"%s://", enrollment->https ? "https" : "http");
    append_host_port(enrollment, out);
    buffer_printf(out, "%s/%s\"\n", enrollment->path, enrollment->cluster);
    if (enrollment->https)
        append_data(out, "certificate-authority-data", &enrollment->ca);
    buffer_printf(out, "users:\n  - name: \"%s\"\n    user:", enrollment->cluster);
    if (!enrollment->https) {
        buffer_append_text(out, " {}\n");
    } else if (enrollment->with_token) {
        buffer_printf(out, "\n      token: \"%.*s\"\n", SLICE_ARGS(buffer_slice(&enrollment->token)));
    } else {
        buffer_append_byte(out, '\n');
        append_data(out, "client-certificate-data", &enrollment->certificate);
        append_data(out, "client-key-data", &enrollment->key);
    }
    buffer_printf(out, "contexts:\n  - name: default\n    context: {cluster: harrier, user: \"%s\"}\ncurrent-context: default\n",
                  enrollment->cluster);
}

void enroll_text_flags(struct buffer *out)
{
    buffer_append_text(out, "--audit-policy-file=" POLICY_FILE "\n"
                            "--audit-webhook-config-file=" WEBHOOK_FILE "\n"
                            "--audit-webhook-mode=batch\n"
                            "--audit-webhook-batch-max-wait=5s\n"
                            "--audit-webhook-batch-max-size=100\n"
                            "--audit-webhook-batch-throttle-qps=50\n"
                            "--audit-webhook-batch-throttle-burst=100\n");
}

static void append_listen(const struct enrollment *enrollment, struct buffer *out)
{
    buffer_append_text(out, "    listen: \"");
    if (enrollment_is_loopback(enrollment))
        append_host_port(enrollment, out);
    else
        buffer_printf(out, is_ipv6(enrollment->host) ? "[::]:%s" : "0.0.0.0:%s", enrollment->port);
    buffer_append_text(out, "\"\n");
}

void enroll_text_source(const struct enrollment *enrollment, struct buffer *out)
{
    buffer_append_text(out, "sources:\n  - name: apiservers\n    type: webhook\n");
    append_listen(enrollment, out);
    buffer_printf(out, "    path: \"%s/{cluster}\"\n", enrollment->path);
    if (!enrollment->https)
        return;
    buffer_printf(out, "    tls:\n      certificate_file: \"%s\"\n", enrollment_file(enrollment, "server.crt"));
    buffer_printf(out, "      key_file: \"%s\"\n", enrollment_file(enrollment, "server.key"));
    if (!enrollment->with_token)
        buffer_printf(out, "      client_ca_file: \"%s\"\n", enrollment_file(enrollment, "ca.crt"));
    buffer_printf(out, "    clients:\n      - name: \"%s\"\n        cluster: \"%s\"\n", enrollment->cluster, enrollment->cluster);
    if (enrollment->with_token)
        buffer_printf(out, "        token_file: \"%s\"\n", enrollment_cluster_file(enrollment, "token"));
    else
        buffer_printf(out, "        certificate_name: \"%s\"\n", enrollment->cluster);
}

/* A file that a shell writes, for one paste. */
static void append_here_document(struct buffer *out, const char *file, const char *mode, struct slice text)
{
    buffer_printf(out, "install -m %s /dev/stdin %s <<'END_OF_FILE'\n", mode, file);
    buffer_append_slice(out, text);
    buffer_append_text(out, "END_OF_FILE\n\n");
}

static void append_commented(struct buffer *out, struct slice lines)
{
    while (lines.length) {
        ptrdiff_t end = slice_find_byte(lines, '\n');
        size_t length = end < 0 ? lines.length : (size_t)end;
        buffer_printf(out, "#     %.*s\n", (int)length, lines.bytes);
        lines = slice_from(lines, length < lines.length ? length + 1 : length);
    }
}

/* Where the source goes, and what it takes the place of. */
static void append_source_place(const struct enrollment *enrollment, struct buffer *out)
{
    buffer_append_text(out, "#\n# On Harrier's host, as the file " SOURCE_FILE ", which harrier.yaml takes in by\n"
                            "# include: [\"sources.d/*.yaml\"]. Replace a source of harrier.yaml that has the same name or listens on the same address.\n");
    if (enrollment->https)
        buffer_append_text(out, "# Where the file is there, for another cluster, add only the new entry below its `clients`.\n");
    buffer_append_text(out, "#\n");
}

void enroll_text_all(const struct enrollment *enrollment, struct slice policy, struct buffer *out)
{
    struct buffer part = {NULL, 0, 0};

    buffer_printf(out, "# Connects the cluster %s to Harrier. Paste all of it as root on each node with a kube-apiserver.\n\n",
                  enrollment->cluster);
    enroll_text_kubeconfig(enrollment, &part);
    append_here_document(out, WEBHOOK_FILE, "0600", buffer_slice(&part));
    append_here_document(out, POLICY_FILE, "0644", policy);
    buffer_append_text(out, "# Then add these options to the kube-apiserver:\n#\n");
    part.length = 0;
    enroll_text_flags(&part);
    append_commented(out, buffer_slice(&part));
    buffer_append_text(
        out, "#\n"
             "# batch, never blocking-strict: that one answers every audited request with 500 while Harrier cannot be reached.\n"
             "# A batch-max-size of 100: a PATCH with a body that is no JSON makes an API server lose the whole batch that it is in, so\n"
             "# batches are small, and may be sent often enough (throttle-qps).\n"
             "# No --audit-webhook-truncate-enabled: it strips objects of large events, and 60 KB of padding would hide a CronJob from "
             "every rule.\n"
             "#\n# Where it is a static pod (kubeadm: /etc/kubernetes/manifests/kube-apiserver.yaml), it has to see both files: beside what is there,\n"
             "#\n");
    append_commented(out, slice_of(volumes));
    append_source_place(enrollment, out);
    part.length = 0;
    enroll_text_source(enrollment, &part);
    append_commented(out, buffer_slice(&part));
    buffer_append_text(out, "#\n# there, as root, with the user that harrierd runs as:\n#\n");
    if (enrollment->https)
        buffer_printf(out, "#     chown harrier: %s%s%s\n", enrollment_file(enrollment, "server.key"), enrollment->with_token ? " " : "",
                      enrollment->with_token ? enrollment_cluster_file(enrollment, "token") : "");
    buffer_append_text(out, "#     harrierctl check && systemctl restart harrierd\n");
    buffer_free(&part);
}
