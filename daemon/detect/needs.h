/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of detect_needs share. */
#ifndef HARRIER_DETECT_NEEDS_H
#define HARRIER_DETECT_NEEDS_H

#include "internal.h"

#define LABEL(key) "target.resource.attribute.labels[\"" key "\"]"

/* What a rule reads of an event, beyond what every level shows. */
struct needs_reads {
    bool request;        /* the request's object, or whether it can be seen */
    bool response;       /* the object that came back */
    bool name;           /* what a create may leave to the answer */
    bool kind;           /* what a request may leave to the answer */
    bool id;             /* what mostly the answer alone has: the object's uid */
    bool delete_options; /* options that a delete may have in its body */
    bool url;
    bool resource;
};

/* Of the rule's conditions, and of its outcomes where with_outcomes. */
struct needs_reads needs_reads_of(const struct detect_plan *plan, const struct rule_plan *rule, const struct udm_own_labels *own_labels,
                                  bool with_outcomes);

/* The predicate is `field = "constant"`, on no row: gives both. */
bool needs_equality(const struct predicate *predicate, const struct udm_path **path, struct slice *constant);

/* The answers that a condition may have, over all requests of a kind; none: it cannot be seen. */
enum { MAY_BE_TRUE = 1, MAY_BE_FALSE = 2, MAY_BE_EITHER = 3 };

/* What is known of a field for all requests of a kind. */
enum needs_fate {
    NEEDS_FIXED, /* it has the value of the record that stands for them, or is absent, or unseen, as there */
    NEEDS_URL,   /* target.url: its outline is known */
    NEEDS_FREE
};

/* RequestReceived has no answer and no objects yet; the others may have. */
enum needs_stage { NEEDS_REQUEST_RECEIVED, NEEDS_RESPONSE_STARTED, NEEDS_RESPONSE_COMPLETE, NEEDS_PANIC, NEEDS_STAGE_COUNT };

struct detect_needs {
    struct detect_plan *plan;
    struct detect_engine *engine;
    struct regex_matcher *matcher;
    struct arena *arena; /* what lives as long as this */
    VECTOR(struct udm_k8s_resource) resources;
    VECTOR(struct slice) namespaces;
    struct needs_reads *reads; /* per rule, with its outcomes */

    /* the kind of request in hand, and a record for each of its stages */
    struct detect_request request;
    struct needs_event {
        struct arena *arena;
        struct udm_record record;
        bool is_made;
    } events[NEEDS_STAGE_COUNT];
    enum needs_stage stage; /* that is looked at */
};

/* needs_request.c */
/* Finds the resources and namespaces that are told apart. */
void needs_partition(struct detect_needs *needs);
/* Takes a kind of request in hand, if it is not. */
void needs_take(struct detect_needs *needs, const struct detect_request *request);
/* Looks at one of its stages. */
void needs_look_at(struct detect_needs *needs, enum needs_stage stage);
enum needs_fate needs_fate_of(const struct detect_needs *needs, const struct udm_path *path);
/* A free field is compared with a constant that the kind of request excludes. */
bool needs_excludes(const struct detect_needs *needs, const struct udm_path *path, struct slice constant);
/* The requests may have an object: one of an unusual verb is not decoded by the API server. */
bool needs_has_object(const struct detect_request *request);
bool needs_url_may_match(const struct detect_needs *needs, const struct regex *regex);

#endif
