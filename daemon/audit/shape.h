/* SPDX-License-Identifier: Apache-2.0 */
/* What a JSON object is, judged by its own members, as they come. What is told only by a second look at the whole object is in envelope.c. */
#ifndef HARRIER_DAEMON_AUDIT_SHAPE_H
#define HARRIER_DAEMON_AUDIT_SHAPE_H

#include "harrier/audit.h"

/* Members that shapes are told by or that the head is made of. Those of the head come first, in the order of audit_head_member. */
enum audit_member {
    MEMBER_LEVEL,
    MEMBER_STAGE,
    MEMBER_REQUEST_URI,
    MEMBER_VERB,
    MEMBER_USERNAME, /* in user */
    MEMBER_RESOURCE, /* in objectRef, as the next four */
    MEMBER_SUBRESOURCE,
    MEMBER_API_GROUP,
    MEMBER_API_VERSION,
    MEMBER_NAMESPACE,
    HEAD_MEMBERS,
    MEMBER_AUDIT_ID = HEAD_MEMBERS,
    MEMBER_KIND,
    MEMBER_USER,
    MEMBER_OBJECT_REF,
    MEMBER_REQUEST_OBJECT,
    MEMBER_RESPONSE_OBJECT,
    MEMBER_ITEMS,
    MEMBER_RECORDS,
    MEMBER_LOG_EVENTS, /* also `events`, as `aws logs filter-log-events` has it */
    MEMBER_OTLP_LIST,  /* resourceLogs, scopeLogs */
    MEMBER_LOG_RECORDS,
    MEMBER_LOG_GROUP,
    MEMBER_OWNER,
    MEMBER_PROTO_PAYLOAD,
    MEMBER_METADATA,
    MEMBER_UDM,
    MEMBER_LINE, /* any in which a log shipper's record has its text */
    MEMBER_OTHER
};

/* The member of that name in an object that may be an event, in `user`, in `objectRef`. */
enum audit_member audit_member_of_object(struct slice name);
enum audit_member audit_member_of_user(struct slice name);
enum audit_member audit_member_of_object_ref(struct slice name);

/* A head member's place. */
struct udm_head_member *audit_head_member(struct udm_k8s_head *head, enum audit_member member);

enum audit_kind_name { KIND_ABSENT, KIND_EVENT, KIND_EVENT_LIST, KIND_OTHER };

/* What has been seen of an object. */
struct audit_shape {
    enum audit_kind_name kind;
    bool audit_id;     /* a string */
    bool verb;         /* a string */
    bool stage;        /* a string */
    bool object_ref;   /* an object */
    bool audit_member; /* some member that only audit events have, of whatever type */
    bool proto_payload; /* an object */
    bool metadata;     /* an object */
    bool udm;          /* an object */
    bool list;         /* an array of items, records or logEvents, which was entered */
    bool line;         /* MEMBER_LINE, of whatever type */
};

/* Notes a member; text is that of a string. */
void audit_shape_note(struct audit_shape *shape, enum audit_member member, enum json_type type, struct slice text);

bool audit_shape_is_event(const struct audit_shape *shape);
/* Of an object that broke off: with sorted keys, verb and stage come last. */
bool audit_shape_begins_event(const struct audit_shape *shape);

enum audit_verdict {
    VERDICT_EVENT,
    VERDICT_LOG_ENTRY,
    VERDICT_UDM,
    VERDICT_LIST, /* all that is in it has been told */
    VERDICT_NONE  /* it may be an envelope */
};

/* At the object's end. *why is set for VERDICT_NONE: what to say if it is no envelope either. */
enum audit_verdict audit_shape_judge(const struct audit_shape *shape, enum audit_accept accept, const char **why);
/* What to say of an object that is nothing else. */
extern const char audit_no_event[];
/* Is the object, judged as VERDICT_UDM, with that text, a record? Others have a `metadata` as well. */
bool audit_shape_is_udm(const struct audit_shape *shape, enum audit_accept accept, struct slice bytes);
/* Of an object for which that was VERDICT_LIST but which gave no event: what is it beside its list? *why is NULL if all of it may be the list. */
enum audit_verdict audit_shape_judge_beside_list(const struct audit_shape *shape, enum audit_accept accept, const char **why);

#endif
