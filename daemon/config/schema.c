/* SPDX-License-Identifier: Apache-2.0 */
/* To add an option: a member in config.h, a row here. Parsing, bounds, errors and the manual follow from the row. */
#include "schema.h"

#include "harrier/config.h"

#include <limits.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define BIT(value) (1u << (value))

#define SECONDS(n) ((n)*1e9)
#define DAYS(n) ((n)*86400e9)
#define KIBS(n) ((n)*1024.0)
#define MIBS(n) ((n)*1024.0 * 1024)
#define TIBS(n) ((n)*1024.0 * 1024 * 1024 * 1024)

static const struct option_choice source_types[] = {{"webhook", CONFIG_SOURCE_WEBHOOK},
                                                    {"syslog", CONFIG_SOURCE_SYSLOG},
                                                    {"relp", CONFIG_SOURCE_RELP},
                                                    {"file", CONFIG_SOURCE_FILE},
                                                    {NULL, 0}};
static const struct option_choice proxy_counts[] = {{"auto", CONFIG_PROXIES_AUTO}, {NULL, 0}};
static const struct option_choice log_types[] = {{"K8S_AUDIT", CONFIG_LOG_TYPE_K8S_AUDIT},
                                                 {"GKE_CONTROLPLANE", CONFIG_LOG_TYPE_GKE_CONTROLPLANE},
                                                 {"UDM", CONFIG_LOG_TYPE_UDM},
                                                 {"auto", CONFIG_LOG_TYPE_AUTO},
                                                 {NULL, 0}};
static const struct option_choice formats[] = {{"auto", CONFIG_FORMAT_AUTO},
                                               {"audit", CONFIG_FORMAT_AUDIT},
                                               {"cloud-logging", CONFIG_FORMAT_CLOUD_LOGGING},
                                               {"firehose", CONFIG_FORMAT_FIREHOSE},
                                               {"azure", CONFIG_FORMAT_AZURE},
                                               {"collector", CONFIG_FORMAT_COLLECTOR},
                                               {NULL, 0}};
static const struct option_choice cluster_origins[] = {{"source", CONFIG_CLUSTER_FROM_SOURCE},
                                                       {"certificate", CONFIG_CLUSTER_FROM_CERTIFICATE},
                                                       {"envelope", CONFIG_CLUSTER_FROM_ENVELOPE},
                                                       {"syslog", CONFIG_CLUSTER_FROM_SYSLOG},
                                                       {NULL, 0}};
static const struct option_choice framings[] = {
    {"auto", CONFIG_FRAMING_AUTO}, {"lines", CONFIG_FRAMING_LINES}, {"octets", CONFIG_FRAMING_OCTETS}, {NULL, 0}};
static const struct option_choice tls_versions[] = {{"1.2", CONFIG_TLS_1_2}, {"1.3", CONFIG_TLS_1_3}, {NULL, 0}};
static const struct option_choice destination_types[] = {
    {"slack", CONFIG_DESTINATION_SLACK}, {"webhook", CONFIG_DESTINATION_WEBHOOK}, {"file", CONFIG_DESTINATION_FILE}, {NULL, 0}};
static const struct option_choice signatures[] = {{"none", CONFIG_SIGNATURE_NONE},
                                                  {"standard-webhooks", CONFIG_SIGNATURE_STANDARD_WEBHOOKS},
                                                  {"github", CONFIG_SIGNATURE_GITHUB},
                                                  {NULL, 0}};
static const struct option_choice log_levels[] = {{"error", LOG_LEVEL_ERROR}, {"warning", LOG_LEVEL_WARNING}, {"notice", LOG_LEVEL_NOTICE},
                                                  {"info", LOG_LEVEL_INFO},   {"debug", LOG_LEVEL_DEBUG},     {NULL, 0}};

enum {
    POSTED = BIT(CONFIG_SOURCE_WEBHOOK),
    SYSLOGGED = BIT(CONFIG_SOURCE_SYSLOG),
    RELP = BIT(CONFIG_SOURCE_RELP),
    FOLLOWED = BIT(CONFIG_SOURCE_FILE),
    LISTENER = POSTED | SYSLOGGED | RELP
};

#define AT(member) .offset = offsetof(struct config_tls, member)
static const struct option tls_options[] = {
    {"certificate_file", OPTION_PATH, AT(certificate_file),
     .help = "Certificate chain (PEM), the server's own first. Read again when it changes; open connections keep the old one."},
    {"key_file", OPTION_SECRET_FILE, AT(key), .help = "The certificate's private key (PEM)."},
    {"key_credential", OPTION_SECRET_CREDENTIAL, AT(key), .help = "The same from a systemd credential."},
    {"client_ca_file", OPTION_PATH, AT(client_ca_file),
     .help = "Certificates (PEM) that sign those of clients. With it every client must show a certificate (mTLS), but in a webhook source with clients that "
             "have no certificate_name: these may come without one. A wrong certificate is always refused."},
    {"client_names", OPTION_STRINGS, AT(client_names), .most = 256,
     .help = "Common or alternative names, one of which a client's certificate must have. Default: any certificate that client_ca_file signed."},
    {"minimum_version", OPTION_CHOICE, AT(minimum_version), .standard = "1.2", .choices = tls_versions,
     .help = "The oldest version of TLS that is spoken."},
};
#undef AT

#define AT(member) .offset = offsetof(struct config_client, member)
static const struct option client_options[] = {
    {"name", OPTION_STRING, AT(name), .required = true, .help = "Name in logs: 1 to 63 of A-Z a-z 0-9 _ . -, unique in its source."},
    {"cluster", OPTION_STRING, AT(cluster),
     .help = "Name of the cluster that this client speaks for, and for no other. Default: what the source's path or cluster says."},
    {"certificate_name", OPTION_STRING, AT(certificate_name),
     .help = "Common or alternative name that its certificate must have; needs client_ca_file in tls. Without it no certificate is asked of this client."},
    {"token_file", OPTION_SECRET_FILE, AT(token), .help = "File whose first line it must send as Authorization: Bearer; read again when it changes."},
    {"token_credential", OPTION_SECRET_CREDENTIAL, AT(token), .help = "The same from a systemd credential."},
    {"user", OPTION_STRING, AT(user), .help = "User name of Authorization: Basic; with password_file or password_credential."},
    {"password_file", OPTION_SECRET_FILE, AT(password), .help = "File whose first line is that user's password."},
    {"password_credential", OPTION_SECRET_CREDENTIAL, AT(password), .help = "The same from a systemd credential."},
    {"access_key_file", OPTION_SECRET_FILE, AT(access_key), .help = "File whose first line Amazon Data Firehose must send as its access key."},
    {"access_key_credential", OPTION_SECRET_CREDENTIAL, AT(access_key), .help = "The same from a systemd credential."},
    {"path_token_file", OPTION_SECRET_FILE, AT(path_token),
     .help = "File whose first line must stand in the place of {token} in the source's path: for senders that can send no header of yours."},
    {"path_token_credential", OPTION_SECRET_CREDENTIAL, AT(path_token), .help = "The same from a systemd credential."},
    {"jwks_file", OPTION_PATH, AT(jwks_file),
     .help = "Key set (RFC 7517) that signs its bearer JWT, as Google Pub/Sub's push has one; with audience, and email or issuer. "
             "Read again when it changes."},
    {"audience", OPTION_STRING, AT(audience), .help = "The JWT's aud."},
    {"issuer", OPTION_STRING, AT(issuer), .help = "The JWT's iss, where it is not Google's."},
    {"email", OPTION_STRING, AT(email),
     .help = "The JWT's email: the push subscription's service account. Google signs for everybody's, so only issuer makes it optional."},
};
#undef AT

static const struct option_table tls_table = {tls_options, COUNT(tls_options), sizeof(struct config_tls), NULL};
static const struct option_table client_table = {client_options, COUNT(client_options), sizeof(struct config_client), NULL};

#define AT(member) .offset = offsetof(struct config_source, member)
static const struct option source_options[] = {
    {"name", OPTION_STRING, AT(name), .required = true,
     .help = "Name in metrics, logs and dead letters: 1 to 63 of A-Z a-z 0-9 _ . -, unique among the sources."},
    {"type", OPTION_CHOICE, AT(type), .required = true, .choices = source_types,
     .help = "webhook takes the POSTs of a kube-apiserver's audit webhook, of clouds and of log shippers. syslog takes TCP connections (RFC 5424, "
             "RFC 3164), relp those of RELP, which acknowledges. file follows a file."},
    {"listen", OPTION_ADDRESS, AT(listen), .types = LISTENER,
     .help = "Address and port, such as \"127.0.0.1:9480\" or \"[::1]:9480\". One that is not loopback needs tls, or insecure: true."},
    {"systemd_socket", OPTION_STRING, AT(systemd_socket), .types = LISTENER,
     .help = "Name (FileDescriptorName=) of the socket that systemd hands over, instead of listen."},
    {"path", OPTION_STRING, AT(path), .standard = "/", .types = POSTED,
     .help = "Path of the URL that events are posted to. {cluster} in the place of a segment names the cluster; {token} is a client's path_token. A "
             "query and one slash at the end of a request's path do not matter."},
    {"file", OPTION_PATH, AT(file), .types = FOLLOWED,
     .help = "The file to follow, through its rotations, such as the API server's audit.log or a container's log; \"-\" reads standard input. A pattern "
             "(*, ?, [...]) follows up to 256 files, which may come and go; it must not match what rotated files are named."},
    {"log_type", OPTION_CHOICE, AT(log_type), .standard = "K8S_AUDIT", .choices = log_types,
     .help = "What comes in. K8S_AUDIT and GKE_CONTROLPLANE: audit events, told from each other by their shape; UDM: UDM records; auto: all of them."},
    {"format", OPTION_CHOICE, AT(format), .standard = "auto", .choices = formats,
     .help = "What the events are wrapped in. auto tells by looking; the others take nothing but their own: audit (no envelope), cloud-logging (also "
             "through Pub/Sub), firehose (and CloudWatch, also as aws logs filter-log-events prints it), azure (Event Hub, Event Grid, CloudEvents), collector (Fluent Bit, Vector, "
             "Logstash; OTLP as JSON)."},
    {"cluster", OPTION_STRING, AT(cluster), .help = "Name of the cluster that this source stands for. Default: the top level's cluster."},
    {"clusters", OPTION_STRINGS, AT(clusters), .most = 4096,
     .help = "Names of clusters that come in with the events (see cluster_from and {cluster} in path) and are awaited from the start. Others are "
             "watched once they were heard for health.known_after."},
    {"cluster_from", OPTION_CHOICE, AT(cluster_from), .standard = "source", .choices = cluster_origins,
     .help = "Who names the cluster where neither a client's cluster nor {cluster} in the path does. source: the option cluster. certificate: the "
             "common name of the client's certificate. envelope: what a cloud's envelope says, which whoever may push may also write. syslog: the "
             "parameter cluster of a message's structured data."},
    {"framing", OPTION_CHOICE, AT(framing), .standard = "auto", .choices = framings, .types = SYSLOGGED,
     .help = "Where a message ends. octets: as counted in front of it (RFC 6587). lines: with LF or NUL. auto: the first bytes of a connection decide, "
             "octets where a count, a blank and < stand there; it keeps that framing to its end."},
    {"insecure", OPTION_BOOL, AT(insecure), .standard = "false", .types = LISTENER,
     .help = "Allows an address that is not loopback without TLS: whoever reaches it can read what is sent and send events of their own. "
             "For trusted networks only."},
    {"tls", OPTION_SECTION, AT(tls), .types = LISTENER, .table = &tls_table, .help = "TLS, with certificates of clients where wanted."},
    {"clients", OPTION_RECORDS, AT(clients), .count_offset = offsetof(struct config_source, client_count), .types = LISTENER, .most = 1000,
     .table = &client_table,
     .help = "Who may send; a request that is none of them is answered 401. All that a client's entry names must be shown. Default: anybody who "
             "reaches the address (and has a certificate, with client_ca_file)."},
    {"event_grid", OPTION_BOOL, AT(event_grid), .standard = "false", .types = POSTED,
     .help = "Answers the validation handshakes of Azure Event Grid and CloudEvents, of clients that may send; needs clients, but for an address on loopback, where a proxy lets them in."},
    {"proxy_protocol", OPTION_BOOL, AT(proxy_protocol), .standard = "false", .types = LISTENER,
     .help = "Connections come from a load balancer and begin with its PROXY header (version 1 or 2, in front of TLS), which names the client. One without "
             "is closed. Whoever reaches the address can name any client: let only the balancer reach it."},
    {"events_per_second", OPTION_NUMBER, AT(events_per_second), .standard = "0", .least = 0, .most = 1e6,
     .help = "Events that are taken in a second, shared fairly by the connections; more are put off (429, or not read). 0: no bound."},
    {"silence_after", OPTION_DURATION, AT(silence_after), .standard = "15m", .least = 0, .most = DAYS(30),
     .help = "A source without an event for so long raises an alert: its cluster may be cut off. 0: never."},
    {"trusted_proxies", OPTION_INTEGER, AT(trusted_proxies), .standard = "auto", .least = 0, .most = 16, .choices = proxy_counts,
     .help = "Number of proxies in front of the API server. The last entry of an event's sourceIPs is the API server's peer; with N proxies the one N "
             "before it is taken as the actor's address. What stands before that, the client has chosen. auto: none, but in AKS's records the proxy "
             "that AKS itself puts there, which is known by its address."},
};
#undef AT

#define AT(member) .offset = offsetof(struct config_rules, member)
static const struct option rules_options[] = {
    {"files", OPTION_PATTERNS, AT(files), .most = 1000, .help = "Files of YARA-L rules: glob patterns."},
    {"lists", OPTION_PATH, AT(lists), .help = "Folder of the reference lists: LIST.txt, one entry a line, is %LIST in a rule."},
    {"tables", OPTION_PATH, AT(tables), .help = "Folder of the data tables: TABLE.csv is %TABLE in a rule."},
};
#undef AT

#define AT(member) .offset = offsetof(struct config_store, member)
static const struct option store_options[] = {
    {"directory", OPTION_PATH, AT(directory), .standard = "/var/lib/harrier",
     .help = "Folder of the database; on a local disk, used by one harrierd only."},
    {"retention", OPTION_DURATION, AT(retention), .standard = "90d", .least = SECONDS(60), .most = DAYS(3650),
     .help = "Alerts older than this are removed, once they are delivered."},
    {"size", OPTION_SIZE, AT(size), .standard = "4GiB", .least = MIBS(16), .most = TIBS(16),
     .help = "Bytes that the database may take: over it the oldest alerts that are delivered are removed. What is not delivered is never "
             "removed: at twice the size dead letters go, then batches are refused until a sixteenth of that is free again."},
    {"remember_ids", OPTION_DURATION, AT(remember_ids), .standard = "180d", .least = SECONDS(60), .most = DAYS(3650),
     .help = "How long an alert's id is known after the alert, so that a batch that is sent again gives no second alert. Not less than "
             "retention; of alerts that are gone at most one id for each 384 bytes of size."},
    {"dead_letters", OPTION_SIZE, AT(dead_letters), .standard = "256MiB", .least = MIBS(1), .most = TIBS(1),
     .help =
         "Bytes of dead letters that are kept: input that was no event. At most a quarter of size, and one letter for each 8 KiB of it. The oldest go "
         "first."},
};
#undef AT

enum {
    SLACK = BIT(CONFIG_DESTINATION_SLACK),
    WEBHOOK = BIT(CONFIG_DESTINATION_WEBHOOK),
    FILE_TYPE = BIT(CONFIG_DESTINATION_FILE),
    HTTP = SLACK | WEBHOOK
};

#define AT(member) .offset = offsetof(struct config_destination, member)
static const struct option destination_options[] = {
    {"name", OPTION_STRING, AT(name), .required = true,
     .help = "Name for routes, metrics and logs: 1 to 63 of A-Z a-z 0-9 _ . -, unique among the destinations."},
    {"type", OPTION_CHOICE, AT(type), .required = true, .choices = destination_types,
     .help = "slack: an incoming webhook of Slack. webhook: the alert as JSON by POST. file: one alert a line (NDJSON)."},
    {"path", OPTION_PATH, AT(path), .types = FILE_TYPE, .help = "The file, appended to; required."},
    {"url", OPTION_SECRET_LITERAL, AT(url), .types = HTTP,
     .help = "The receiver's http or https URL. One that holds a secret, as Slack's do, belongs into url_file."},
    {"url_file", OPTION_SECRET_FILE, AT(url), .types = HTTP, .help = "File whose first line is the URL; read again when it changes."},
    {"url_credential", OPTION_SECRET_CREDENTIAL, AT(url), .types = HTTP,
     .help = "Name of the systemd credential (LoadCredential=) that is the URL."},
    {"token_file", OPTION_SECRET_FILE, AT(token), .types = WEBHOOK,
     .help = "File whose first line is sent as Authorization: Bearer; read again when it changes."},
    {"token_credential", OPTION_SECRET_CREDENTIAL, AT(token), .types = WEBHOOK, .help = "The same from a systemd credential."},
    {"signature", OPTION_CHOICE, AT(signature), .types = WEBHOOK, .standard = "none", .choices = signatures,
     .help = "How each request is signed with the HMAC secret: standard-webhooks (webhook-signature) or github (X-Hub-Signature-256)."},
    {"hmac_secret_file", OPTION_SECRET_FILE, AT(hmac_secret), .types = WEBHOOK,
     .help = "File with the secret of the signature; for standard-webhooks it begins with whsec_."},
    {"hmac_secret_credential", OPTION_SECRET_CREDENTIAL, AT(hmac_secret), .types = WEBHOOK, .help = "The same from a systemd credential."},
    {"headers", OPTION_PAIRS, AT(headers), .types = WEBHOOK, .most = 32,
     .help = "Header fields to send as well, name: value. Not for secrets: those belong into token_file."},
    {"ca_file", OPTION_PATH, AT(ca_file), .types = HTTP, .help = "Certificates (PEM) to trust instead of the system's."},
    {"certificate_file", OPTION_PATH, AT(certificate_file), .types = HTTP, .help = "Client certificate (PEM); with key_file."},
    {"key_file", OPTION_PATH, AT(key_file), .types = HTTP, .help = "The client certificate's private key (PEM)."},
    {"proxy", OPTION_STRING, AT(proxy), .types = HTTP,
     .help = "Proxy to the receiver: http://, socks5:// or socks5h:// and HOST:PORT. Default: none. The environment (http_proxy, HTTPS_PROXY, NO_PROXY) is not "
             "looked at: a service has none of a shell's, and the same configuration sends the same way wherever it is started."},
    {"reconnect_after", OPTION_DURATION, AT(reconnect_after), .types = HTTP, .standard = "5m", .least = SECONDS(1), .most = DAYS(1),
     .help = "Age from which a kept connection is not used again: the next try looks the name up anew, and so follows one that has moved."},
    {"connect_timeout", OPTION_DURATION, AT(connect_timeout), .types = HTTP, .standard = "10s", .least = SECONDS(0.1), .most = SECONDS(300),
     .help = "Time for a connection to be made, TLS and all."},
    {"timeout", OPTION_DURATION, AT(timeout), .types = HTTP, .standard = "30s", .least = SECONDS(0.1), .most = SECONDS(3600),
     .help = "Time for one try, all in all."},
    {"in_flight", OPTION_INTEGER, AT(in_flight), .types = WEBHOOK, .standard = "1", .least = 1, .most = 16,
     .help = "Tries at a time; with more than one, alerts may arrive in another order."},
    {"rate", OPTION_NUMBER, AT(rate), .types = HTTP, .standard = "0", .least = 0, .most = 10000,
     .help = "Requests a second. 0: the type's own, which is 1 for slack and no bound for webhook."},
    {"retry_base", OPTION_DURATION, AT(retry_base), .standard = "1s", .least = SECONDS(0.01), .most = SECONDS(3600),
     .help = "Wait after the first failure; it doubles with each further one, by chance up to the whole of it."},
    {"retry_cap", OPTION_DURATION, AT(retry_cap), .standard = "5m", .least = SECONDS(0.01), .most = DAYS(1),
     .help = "The longest such wait."},
    {"hold_interval", OPTION_DURATION, AT(hold_interval), .types = HTTP, .standard = "5m", .least = SECONDS(0.01), .most = DAYS(1),
     .help = "Wait between tries while the receiver refuses the credentials or the address, which a person has to put right."},
    {"give_up_after", OPTION_DURATION, AT(give_up_after), .standard = "7d", .least = SECONDS(1), .most = DAYS(365),
     .help = "Age at which an alert that could not be delivered goes to the dead letters."},
};
#undef AT

#define AT(member) .offset = offsetof(struct config_route, member)
static const struct option route_options[] = {
    {"when", OPTION_STRING, AT(when),
     .help = "Condition on the alert, such as severity >= HIGH and cluster =~ \"^prod\". Default: every alert."},
    {"to", OPTION_STRINGS, AT(to), .required = true, .most = CONFIG_DESTINATIONS_MAX, .help = "Names of destinations."},
};
#undef AT

#define AT(member) .offset = offsetof(struct config_admin, member)
static const struct option admin_options[] = {
    {"socket", OPTION_PATH, AT(socket), .standard = "/run/harrier/admin.sock", .help = "Unix socket for harrierctl."},
    {"listen", OPTION_ADDRESS, AT(listen), .standard = "127.0.0.1:9481",
     .help = "Address and port of /metrics, /healthz and /readyz. Empty: none."},
    {"insecure", OPTION_BOOL, AT(insecure), .standard = "false",
     .help = "Allows listen to be an address that is not loopback: whoever reaches it can read the metrics."},
    {"connections", OPTION_INTEGER, AT(connections), .standard = "32", .least = 1, .most = 1024,
     .help = "Open connections of socket, and of listen; one more takes the place of the slowest client."},
    {"timeout", OPTION_DURATION, AT(timeout), .standard = "10s", .least = SECONDS(0.01), .most = SECONDS(3600),
     .help = "Time for a whole request to arrive, and for its answer to be taken."},
};
#undef AT

#define AT(member) .offset = offsetof(struct config_limits, member)
static const struct option limits_options[] = {
    {"body_bytes", OPTION_SIZE, AT(body_bytes), .standard = "0", .least = 0, .most = TIBS(1),
     .help = "Largest body of a request. Of a longer one what comes before is evaluated, the rest is lost, and 413 is answered. 0: no bound, as a "
             "kube-apiserver has none."},
    {"header_bytes", OPTION_SIZE, AT(header_bytes), .standard = "16KiB", .least = KIBS(1), .most = KIBS(64),
     .help = "Largest request line and header section; a larger one is answered 431."},
    {"connections", OPTION_INTEGER, AT(connections), .standard = "8192", .least = 1, .most = 100000,
     .help = "Open connections per worker; more wait in the system's queue."},
    {"connections_per_address", OPTION_INTEGER, AT(connections_per_address), .standard = "4096", .least = 1, .most = 100000,
     .help = "Open connections of one address, over all workers; one more is closed at once. An API server whose batches are answered late opens "
             "about 75."},
    {"header_timeout", OPTION_DURATION, AT(header_timeout), .standard = "10s", .least = SECONDS(0.01), .most = SECONDS(3600),
     .help = "Time for a header section to arrive."},
    {"idle_timeout", OPTION_DURATION, AT(idle_timeout), .standard = "120s", .least = SECONDS(0.01), .most = DAYS(1),
     .help =
         "Time after which a connection without a request is closed. More than the 90 s after which a kube-apiserver closes it itself."},
    {"body_progress_timeout", OPTION_DURATION, AT(body_progress_timeout), .standard = "10s", .least = SECONDS(0.01), .most = SECONDS(3600),
     .help = "Time in which the next KiB of a body must arrive, or the next part of an answer must be taken."},
    {"acknowledge_timeout", OPTION_DURATION, AT(acknowledge_timeout), .standard = "10s", .least = SECONDS(0.01), .most = SECONDS(25),
     .help = "Time for a batch to be decided and stored; then 503 is answered. Below the 30 s after which a kube-apiserver gives up."},
    {"depth", OPTION_INTEGER, AT(depth), .standard = "10100", .least = 64, .most = 100000,
     .help = "Objects and arrays in each other. Kubernetes lets 10,000 through."},
    {"value_bytes", OPTION_SIZE, AT(value_bytes), .standard = "4MiB", .least = KIBS(4), .most = MIBS(1024),
     .help = "Largest string or number; a longer one is cut, and its event decided on what was seen."},
    {"event_bytes", OPTION_SIZE, AT(event_bytes), .standard = "8MiB", .least = KIBS(64), .most = MIBS(1024),
     .help = "Bytes kept of one event while it is decided."},
    {"memory", OPTION_SIZE, AT(memory), .standard = "256MiB", .least = MIBS(1), .most = TIBS(1),
     .help = "Bytes in flight over all connections; a request that would go over it is answered 503."},
    {"connection_memory", OPTION_SIZE, AT(connection_memory), .standard = "64MiB", .least = MIBS(1), .most = TIBS(1),
     .help = "Bytes in flight of one connection; an event that would go over it is cut."},
    {"inflated_bytes", OPTION_SIZE, AT(inflated_bytes), .standard = "1GiB", .least = MIBS(1), .most = TIBS(1),
     .help = "Bytes that a compressed body, or a compressed part of one, may have when it is unpacked. Of a larger body what comes before is "
             "evaluated, the rest is lost, and 413 is answered."},
    {"inflate_ratio", OPTION_INTEGER, AT(inflate_ratio), .standard = "1100", .least = 10, .most = 1000000,
     .help = "How many times its compressed size a body may have once it has unpacked to more than 32 MiB; then as inflated_bytes. Audit events "
             "are packed to a tenth or a thirtieth, but whoever creates large objects of one letter has a part in that."},
    {"raw_bytes", OPTION_SIZE, AT(raw_bytes), .standard = "64KiB", .least = 0, .most = MIBS(16),
     .help = "Bytes of an event that are kept in its alert."},
};
#undef AT

#define AT(member) .offset = offsetof(struct config_health, member)
static const struct option health_options[] = {
    {"clock_skew", OPTION_DURATION, AT(clock_skew), .standard = "2m", .least = 0, .most = DAYS(365),
     .help = "An event from further in the future raises an alert: a clock is wrong, the control plane's or the one here. 0: never."},
    {"late_after", OPTION_DURATION, AT(late_after), .standard = "10m", .least = 0, .most = DAYS(365),
     .help = "A cluster whose youngest events are older than this when they come, for ten minutes and without catching up, raises an alert: its clock is "
             "behind, or they are held on the way. 0: never."},
    {"forget_after", OPTION_DURATION, AT(forget_after), .standard = "7d", .least = SECONDS(60), .most = DAYS(3650),
     .help = "A silent cluster that no source or client here names is forgotten after this: it was taken down."},
    {"clusters", OPTION_INTEGER, AT(clusters), .standard = "4096", .least = 1, .most = 4096,
     .help = "Clusters that are watched, each counted once for each source. What is beyond it is counted in "
             "harrier_watched_clusters_refused_total; its events are judged all the same."},
    {"known_after", OPTION_DURATION, AT(known_after), .standard = "1d", .least = 0, .most = DAYS(365),
     .help = "A cluster that only what comes in names has rows of metrics, silence and the like of its own once it was heard for so long; each hearing "
             "counts the time since the one before, at most an hour. Until then it is one of a source's \"(other clusters)\". 0: at once, so "
             "that whoever may send can raise alarms about clusters that do not exist."},
    {"unknown_clusters", OPTION_INTEGER, AT(unknown_clusters), .standard = "1024", .least = 16, .most = 65536,
     .help = "Names of such clusters that are remembered until they are known. Beyond it those that were not heard lately are dropped and counted in "
             "harrier_unknown_clusters_dropped_total."},
    {"notices", OPTION_INTEGER, AT(notices), .standard = "10", .least = 1, .most = 100000,
     .help = "Alerts of one kind about the watch itself (silent, blind, clock, late) that are told one by one in an hour. Further ones are told "
             "together, in one alert every ten minutes, so that no attack waits behind them."},
};
#undef AT

static const struct option log_options[] = {
    {"level", OPTION_CHOICE, .offset = offsetof(struct config_logging, level), .standard = "info", .choices = log_levels,
     .help = "The least important message that is still written."},
};

#define TABLE(row_options, struct_type) \
    { \
        row_options, COUNT(row_options), sizeof(struct_type), NULL \
    }
static const struct option_table source_table = {source_options, COUNT(source_options), sizeof(struct config_source), &source_options[1]};
static const struct option_table rules_table = TABLE(rules_options, struct config_rules);
static const struct option_table store_table = TABLE(store_options, struct config_store);
static const struct option_table destination_table = {destination_options, COUNT(destination_options), sizeof(struct config_destination),
                                                      &destination_options[1]};
static const struct option_table route_table = TABLE(route_options, struct config_route);
static const struct option_table admin_table = TABLE(admin_options, struct config_admin);
static const struct option_table limits_table = TABLE(limits_options, struct config_limits);
static const struct option_table health_table = TABLE(health_options, struct config_health);
static const struct option_table log_table = TABLE(log_options, struct config_logging);

#define AT(member) .offset = offsetof(struct config, member)
static const struct option top_options[] = {
    {"cluster", OPTION_STRING, AT(cluster), .standard = "default",
     .help = "Name of the cluster that events come from, where a source gives none. It is part of every alert and its id."},
    {"sources", OPTION_RECORDS, AT(sources), .count_offset = offsetof(struct config, source_count), .most = 256, .table = &source_table,
     .help = "Where events come in."},
    {"include", OPTION_PATTERNS, AT(include), .most = 256,
     .help = "Files with further sources: glob patterns, such as sources.d/*.yaml. Each file has `sources` alone."},
    {"rules", OPTION_SECTION, AT(rules), .table = &rules_table, .help = "What is looked for."},
    {"store", OPTION_SECTION, AT(store), .table = &store_table, .help = "Where alerts are kept."},
    {"destinations", OPTION_RECORDS, AT(destinations), .count_offset = offsetof(struct config, destination_count),
     .most = CONFIG_DESTINATIONS_MAX, .table = &destination_table, .help = "Where alerts go."},
    {"routes", OPTION_RECORDS, AT(routes), .count_offset = offsetof(struct config, route_count), .most = 1000, .table = &route_table,
     .help = "Which alert goes where: every route whose condition holds counts. Without routes every alert goes to every destination."},
    {"admin", OPTION_SECTION, AT(admin), .table = &admin_table, .help = "How harrierd is watched and controlled."},
    {"workers", OPTION_INTEGER, AT(workers), .standard = "0", .least = 0, .most = 256,
     .help = "Threads that decide events. 0: one per processor."},
    {"limits", OPTION_SECTION, AT(limits), .table = &limits_table, .help = "Every bound on what comes in."},
    {"health", OPTION_SECTION, AT(health), .table = &health_table, .help = "When somebody is told that the watch itself is not well."},
    {"labels", OPTION_PAIRS, AT(labels), .most = 256,
     .help = "Labels of your own, name: JSON path, such as team: requestObject.metadata.labels.team."},
    {"log", OPTION_SECTION, AT(log), .table = &log_table, .help = "The daemon's own log."},
};
#undef AT

const struct option_table config_schema = TABLE(top_options, struct config);

static const struct option included_options[] = {
    {"sources", OPTION_RECORDS, .offset = offsetof(struct config_included, sources), .count_offset = offsetof(struct config_included, source_count),
     .most = 256, .table = &source_table, .help = "Where events come in."}};
const struct option_table config_included_schema = TABLE(included_options, struct config_included);

const char *option_type_name(enum option_type type)
{
    switch (type) {
    case OPTION_STRING: return "string";
    case OPTION_PATH: return "path";
    case OPTION_INTEGER: return "whole number";
    case OPTION_NUMBER: return "number";
    case OPTION_SIZE: return "size";
    case OPTION_DURATION: return "duration";
    case OPTION_BOOL: return "true or false";
    case OPTION_ADDRESS: return "address";
    case OPTION_CHOICE: return "word";
    case OPTION_STRINGS: return "list of strings";
    case OPTION_PATTERNS: return "list of paths";
    case OPTION_PAIRS: return "names and strings";
    case OPTION_SECRET_FILE: return "path of a secret";
    case OPTION_SECRET_CREDENTIAL: return "name of a credential";
    case OPTION_SECRET_LITERAL: return "string";
    case OPTION_SECTION: return "section";
    case OPTION_RECORDS: return "list of records";
    }
    return "value";
}

static void visit_table(const struct option_table *table, const char *prefix, option_visitor *visit, void *data)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct option *option = &table->options[i];
        char path[256];
        snprintf(path, sizeof path, "%s%s", prefix, option->name);
        visit(data, path, table, option);
        if (!option->table)
            continue;
        snprintf(path, sizeof path, "%s%s%s.", prefix, option->name, option->type == OPTION_RECORDS ? "[]" : "");
        visit_table(option->table, path, visit, data);
    }
}

void config_schema_visit(option_visitor *visit, void *data)
{
    visit_table(&config_schema, "", visit, data);
}
