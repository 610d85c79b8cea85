/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration: a YAML file checked against one table of options (daemon/config/schema.c), immutable once loaded. Every
 * string is owned by the struct config; strings are never NULL unless said, an option that was not given has its default. */
#ifndef HARRIER_CONFIG_H
#define HARRIER_CONFIG_H

#include "harrier/base/address.h"
#include "harrier/base/arena.h"
#include "harrier/base/clock.h"
#include "harrier/base/diagnostics.h"
#include "harrier/base/log.h"
#include "harrier/base/result.h"

#include <stdio.h>

/* Where in the file something stands, line and column from 1; 0, 0 for a default. For diagnostics of those who read a value further. */
struct config_place {
    uint32_t line;
    uint32_t column;
    const char *file; /* the configuration's, or one that it includes; NULL for a default */
};

struct config_strings {
    const char **items;
    struct config_place *places;
    size_t count;
};

struct config_pair {
    const char *name;
    const char *value;
    struct config_place place;
};

struct config_pairs {
    struct config_pair *items;
    size_t count;
};

/* An address to listen on; text is empty where there is none. */
struct config_address {
    const char *text;
    struct address address;
    struct config_place place;
};

/* A secret is not kept here, only where it is. */
struct config_secret {
    const char *file;    /* absolute path of the file; NULL if there is none */
    const char *literal; /* the value itself, where it was written into the configuration; NULL if not */
    struct config_place place;
};

/* type: which of the options of a record count. */
enum config_source_type { CONFIG_SOURCE_WEBHOOK, CONFIG_SOURCE_SYSLOG, CONFIG_SOURCE_RELP, CONFIG_SOURCE_FILE };
enum config_log_type { CONFIG_LOG_TYPE_K8S_AUDIT, CONFIG_LOG_TYPE_GKE_CONTROLPLANE, CONFIG_LOG_TYPE_UDM, CONFIG_LOG_TYPE_AUTO };
/* The log type's name in UDM, such as "K8S_AUDIT". */
const char *config_log_type_name(enum config_log_type log_type);

/* What is read out of the bytes; AUTO tells by looking. */
enum config_format {
    CONFIG_FORMAT_AUTO,
    CONFIG_FORMAT_AUDIT,         /* events and lists of them, in no envelope */
    CONFIG_FORMAT_CLOUD_LOGGING, /* LogEntry, also through Pub/Sub */
    CONFIG_FORMAT_FIREHOSE,      /* Firehose and CloudWatch */
    CONFIG_FORMAT_AZURE,         /* Event Hub records, Event Grid, CloudEvents */
    CONFIG_FORMAT_COLLECTOR      /* lines in the records of log shippers */
};

/* Who tells which cluster an event is of, where neither client nor path is bound to one. */
enum config_cluster_from {
    CONFIG_CLUSTER_FROM_SOURCE,
    CONFIG_CLUSTER_FROM_CERTIFICATE, /* the common name of the client's certificate */
    CONFIG_CLUSTER_FROM_ENVELOPE,    /* whoever may push may also write it */
    CONFIG_CLUSTER_FROM_SYSLOG       /* a parameter cluster="..." of the structured data */
};

/* Where a message of a syslog source ends (RFC 6587): told by a connection's first bytes, at the line's end, or as counted. */
enum config_framing { CONFIG_FRAMING_AUTO, CONFIG_FRAMING_LINES, CONFIG_FRAMING_OCTETS };

enum config_tls_version { CONFIG_TLS_1_2, CONFIG_TLS_1_3 };

struct config_tls {
    const char *certificate_file; /* absolute; empty: no TLS. The chain, PEM, the server's first */
    struct config_secret key;     /* PEM */
    const char *client_ca_file;   /* absolute; empty: no client certificates are asked for */
    struct config_strings client_names; /* common or alternative names, one of which a client's certificate must have; none: any will do */
    enum config_tls_version minimum_version;
};

/* Somebody who may send. All that a client has must be shown (a certificate's name and a token, say); with clients, a request that is none of
 * them is refused. */
struct config_client {
    struct config_place place;
    const char *name;
    const char *cluster;             /* that it speaks for; empty: not bound to one */
    const char *certificate_name;    /* common or alternative name in its certificate; empty: not asked for */
    struct config_secret token;      /* Authorization: Bearer */
    const char *user;                /* Authorization: Basic, with password; empty: not asked for */
    struct config_secret password;
    struct config_secret access_key; /* X-Amz-Firehose-Access-Key */
    struct config_secret path_token; /* in place of {token} in the source's path */
    const char *jwks_file;           /* absolute: keys of a bearer JWT (RFC 7517); empty: none */
    const char *audience;            /* the JWT's aud */
    const char *issuer;              /* the JWT's iss; empty: Google's */
    const char *email;               /* the JWT's email; empty: not asked for, and there is an issuer */
};

/* For trusted_proxies: those that the provider of a managed API server is known to have. */
enum { CONFIG_PROXIES_AUTO = -1 };

struct config_source {
    struct config_place place;
    enum config_source_type type;
    const char *name;
    struct config_address listen;
    const char *systemd_socket; /* FileDescriptorName of an inherited socket, instead of listen; empty: none */
    const char *path; /* webhook: begins with '/'; may hold {cluster} and {token} as whole segments */
    const char *file; /* file: absolute, or "-" for standard input */
    enum config_log_type log_type;
    enum config_format format;
    const char *cluster; /* the section's own, or config.cluster */
    enum config_cluster_from cluster_from;
    enum config_framing framing; /* syslog */
    struct config_strings clusters; /* names that come in with the events and are known from the start */
    bool insecure;       /* no TLS on an address that is not loopback */
    struct config_tls tls;
    struct config_client *clients;
    size_t client_count;
    bool event_grid;           /* answer Azure's validation handshakes */
    bool proxy_protocol;       /* connections begin with a PROXY header, as load balancers put it there */
    double events_per_second;  /* 0: no bound */
    clock_nanos silence_after; /* without an event for so long, somebody is told; 0: never */
    int64_t trusted_proxies; /* in front of the API server: entries at the end of sourceIPs that are theirs; or CONFIG_PROXIES_AUTO */
};

struct config_rules {
    struct config_strings files; /* glob patterns, absolute */
    const char *lists;           /* folder, absolute; empty: none */
    const char *tables;          /* folder, absolute; empty: none */
};

/* Dead letters are at most one part in so many of the store's size, whatever `dead_letters` says: bounds fit together by construction. */
enum { CONFIG_DEAD_LETTER_SHARE = 4 };

struct config_store {
    const char *directory;    /* absolute */
    clock_nanos retention;    /* age at which alerts that were delivered are removed */
    uint64_t size;            /* bytes of the whole store */
    clock_nanos remember_ids; /* how long an alert's id is known, so that a batch sent again gives no second alert */
    uint64_t dead_letters;    /* bytes of dead letters kept */
};

enum config_destination_type { CONFIG_DESTINATION_SLACK, CONFIG_DESTINATION_WEBHOOK, CONFIG_DESTINATION_FILE };
enum config_signature { CONFIG_SIGNATURE_NONE, CONFIG_SIGNATURE_STANDARD_WEBHOOKS, CONFIG_SIGNATURE_GITHUB };

enum { CONFIG_DESTINATIONS_MAX = 64 };

struct config_destination {
    struct config_place place;
    enum config_destination_type type;
    const char *name;
    const char *path;                 /* file: absolute */
    struct config_secret url;         /* slack, webhook */
    struct config_secret token;       /* webhook: Authorization: Bearer */
    struct config_secret hmac_secret; /* webhook: signs each request */
    enum config_signature signature;
    struct config_pairs headers;  /* webhook: further header fields */
    const char *ca_file;          /* certificates to trust instead of the system's; empty: the system's */
    const char *certificate_file; /* client certificate and its key; empty: none */
    const char *key_file;
    const char *proxy;           /* URL of the proxy that leads to the receiver; empty: none */
    clock_nanos reconnect_after; /* age from which a kept connection is not used again */
    clock_nanos connect_timeout;
    clock_nanos timeout;       /* one try, all in all */
    int64_t in_flight;         /* webhook: tries at a time */
    double rate;               /* requests a second; 0: the type's own (slack 1, webhook no bound) */
    clock_nanos retry_base;    /* first wait after a failure; doubles */
    clock_nanos retry_cap;     /* longest wait */
    clock_nanos hold_interval; /* between tries while credentials or address are refused */
    clock_nanos give_up_after; /* then the alert is a dead letter */
};

/* An alert takes every route whose condition holds. */
struct config_route {
    struct config_place place;
    const char *when; /* condition; empty: always */
    struct config_place when_place;
    struct config_strings to;
    size_t *destinations; /* to.count indices into config.destinations, in the order of to */
};

struct config_admin {
    const char *socket; /* absolute path */
    struct config_address listen;
    bool insecure; /* listen on an address that is not loopback */
    int64_t connections; /* open at once, on each of the two sockets */
    clock_nanos timeout; /* of a request, and of its answer */
};

struct config_limits {
    uint64_t body_bytes; /* 0: no bound */
    uint64_t header_bytes;
    int64_t connections; /* per worker */
    int64_t connections_per_address; /* over all workers */
    clock_nanos header_timeout;
    clock_nanos idle_timeout;
    clock_nanos body_progress_timeout;
    clock_nanos acknowledge_timeout;
    int64_t depth;        /* containers in each other */
    uint64_t value_bytes; /* one string or number */
    uint64_t event_bytes; /* kept of one event */
    uint64_t memory;      /* in flight, over all connections */
    uint64_t connection_memory; /* in flight, of one connection */
    uint64_t inflated_bytes; /* that a compressed body may have */
    int64_t inflate_ratio;   /* times its compressed size */
    uint64_t raw_bytes;   /* of an event, kept in its alert */
};

/* When somebody is told of the watch itself; the sources have silence_after. */
struct config_health {
    clock_nanos clock_skew;   /* events from further ahead: a clock is wrong; 0: not looked at */
    clock_nanos late_after;   /* the youngest events are older, and do not catch up; 0: not looked at */
    clock_nanos forget_after; /* a cluster that the configuration does not name and that is silent for so long is forgotten */
    int64_t clusters;         /* sources and clusters that are watched; further ones are counted */
    clock_nanos known_after;  /* a name that nobody vouches for is watched once it was heard for so long; 0: at once */
    int64_t unknown_clusters; /* of these names that are remembered until then, in two halves */
    int64_t notices;          /* alerts of one kind about the watch itself that are told one by one in an hour */
};

struct config_logging {
    enum log_level level;
};

struct config {
    struct arena *arena; /* owns all that is below */
    const char *file;    /* the path that was loaded, for diagnostics */
    const char *cluster;
    struct config_strings include; /* absolute glob patterns of files with further sources */
    struct config_source *sources; /* of all files */
    size_t source_count;
    struct config_rules rules;
    struct config_store store;
    struct config_destination *destinations;
    size_t destination_count;
    struct config_route *routes; /* where the file has none: one that sends everything to every destination */
    size_t route_count;
    struct config_admin admin;
    int64_t workers; /* 0: one per processor */
    struct config_limits limits;
    struct config_health health;
    struct config_pairs labels; /* label name → JSON path, the user's own */
    struct config_logging log;
};

enum config_flags {
    CONFIG_SECRETS_ELSEWHERE = 1 << 0, /* for tools that run as somebody else: a secret that cannot be read is a warning */
};

/* Reads the file and checks all of it; every finding goes to diagnostics. RESULT_OK: *config is complete, there may be warnings.
 * Otherwise *config is NULL and there is at least one error: RESULT_INVALID, or what kept the file from being read
 * (RESULT_NOT_FOUND, RESULT_DENIED, RESULT_IO, RESULT_LIMIT over 1 MiB). The caller frees. */
enum result config_load(const char *file, unsigned int flags, struct diagnostics *diagnostics, struct config **config);
/* The same for text in memory; file gives the name in diagnostics and the folder of relative paths. */
enum result config_parse(const char *file, struct slice text, unsigned int flags, struct diagnostics *diagnostics, struct config **config);
void config_free(struct config *config);
/* The file that the place is in. */
const char *config_place_file(const struct config *config, struct config_place place);

/* The secret's value, without the newline that an editor leaves at its end; the caller wipes it with config_secret_free. Reads the
 * file each time, so a changed secret is seen. RESULT_NOT_FOUND also when there is none. At most 64 KiB. */
enum result config_secret_read(const struct config_secret *secret, char **value);
void config_secret_free(char *value);

/* Every option: path, type, default, bounds, help; one paragraph each, in the order of the table. The manual page is made from it. */
void config_print_reference(FILE *out);

#endif
