/* SPDX-License-Identifier: Apache-2.0 */
/* Walking a Kubernetes object by tables: which member of which place gives which label. */
#ifndef HARRIER_UDM_K8S_OBJECT_PLACE_H
#define HARRIER_UDM_K8S_OBJECT_PLACE_H

#include "harrier/udm.h"

/* One walk over one object. */
struct k8s_walk {
    struct udm_record *record;
    bool is_response; /* labels get the prefix `response.` */
    bool is_whole;    /* an object as a whole, not a patch: what is not in it is not there */
    bool overflow;    /* a bound was hit: something was not looked at */
};

enum k8s_take {
    TAKE_NOTHING,
    TAKE_TEXT,    /* a string */
    TAKE_NUMBER,  /* a number, as written */
    TAKE_BOOL,    /* true, false */
    TAKE_TRUE,    /* true only */
    TAKE_PRESENT  /* anything but null gives `true` */
};

struct k8s_place;

/* A member of an object: its value may give a label, be looked at by a function, and hold another place. Several rows may name
 * the same member. A member of a JSON type that the row does not expect gives nothing; null never gives anything. */
struct k8s_member {
    struct slice key; /* empty: every member (a map) */
    bool each;        /* an array, whose elements the row is about */
    enum k8s_take take;
    const char *label; /* with the prefix "response." in front, see K8S_LABEL */
    void (*look)(struct k8s_walk *walk, struct slice key, const struct json_node *value);
    const struct k8s_place *inside;
    bool runs; /* an object whose command (and args) lists make up a command line; `look` reports it */
};

struct k8s_place {
    const struct k8s_member *members;
    size_t count;
};

#define K8S_LABEL(name) "response." name
#define K8S_KEY(name) {(name), sizeof(name) - 1}
#define K8S_PLACE(name, ...)                                                  \
    static const struct k8s_member name##_members[] = {__VA_ARGS__};          \
    const struct k8s_place name = {name##_members, sizeof name##_members / sizeof *name##_members}
#define K8S_STATIC_PLACE(name, ...)                                           \
    static const struct k8s_member name##_members[] = {__VA_ARGS__};          \
    static const struct k8s_place name = {name##_members, sizeof name##_members / sizeof *name##_members}
#define K8S_TEXT(name, label_name) {.key = K8S_KEY(name), .take = TAKE_TEXT, .label = K8S_LABEL(label_name)}
#define K8S_TEXTS(name, label_name) {.key = K8S_KEY(name), .each = true, .take = TAKE_TEXT, .label = K8S_LABEL(label_name)}
#define K8S_NUMBER(name, label_name) {.key = K8S_KEY(name), .take = TAKE_NUMBER, .label = K8S_LABEL(label_name)}
#define K8S_BOOL(name, label_name) {.key = K8S_KEY(name), .take = TAKE_BOOL, .label = K8S_LABEL(label_name)}
#define K8S_TRUE(name, label_name) {.key = K8S_KEY(name), .take = TAKE_TRUE, .label = K8S_LABEL(label_name)}
#define K8S_PRESENT(name, label_name) {.key = K8S_KEY(name), .take = TAKE_PRESENT, .label = K8S_LABEL(label_name)}
#define K8S_LOOK(name, function) {.key = K8S_KEY(name), .look = (function)}
#define K8S_LOOK_EACH(name, function) {.key = K8S_KEY(name), .each = true, .look = (function)}
#define K8S_INSIDE(name, place) {.key = K8S_KEY(name), .inside = &(place)}
#define K8S_INSIDE_EACH(name, place) {.key = K8S_KEY(name), .each = true, .inside = &(place)}
#define K8S_EVERY(function) {.key = {NULL, 0}, .look = (function)}

/* Adds a label; name is K8S_LABEL("..."). Empty values are labels too. */
void k8s_add_label(struct k8s_walk *walk, const char *name, struct slice value, const struct json_node *origin);
/* The same with a key that is made: prefix + rest (annotation.KEY). */
void k8s_add_made_label(struct k8s_walk *walk, const char *name_prefix, struct slice rest, struct slice value, const struct json_node *origin);
/* All members of the object that the place has rows for. Keys that begin with `$` are directives of patches and no members. */
void k8s_walk_object(struct k8s_walk *walk, const struct k8s_place *place, const struct json_node *object);
/* A value as if it stood at the row's member; one element of it. */
void k8s_walk_member(struct k8s_walk *walk, const struct k8s_member *member, struct slice key, const struct json_node *value);
void k8s_walk_element(struct k8s_walk *walk, const struct k8s_member *member, struct slice key, const struct json_node *value);
/* A value as if it stood at the path below the place. */
void k8s_walk_at(struct k8s_walk *walk, const struct k8s_place *place, const struct slice *tokens, size_t count, const struct json_node *value);
/* True if the path leads to or into a member that the place has rows for. */
bool k8s_place_reaches(const struct k8s_place *place, const struct slice *tokens, size_t count);
bool k8s_member_is(const struct k8s_member *member, struct slice key);

/* The next child of that name, `after` NULL for the first: a name may stand several times. */
const struct json_node *k8s_next_member(const struct json_node *object, const char *name, const struct json_node *after);
/* Text of a value inside a list of words: a string as it is, anything else as JSON. */
struct slice k8s_word(struct arena *arena, const struct json_node *value);
/* `left`, `glue` and `right` in one. */
struct slice k8s_join(struct arena *arena, struct slice left, const char *glue, struct slice right);
/* Label of two string members (the second may be a number, or missing): first glue second. Nothing without the first. */
void k8s_add_pair(struct k8s_walk *walk, const struct json_node *object, const char *first, const char *glue, const char *second, const char *label);
/* The strings of an array, sorted and joined by commas, `replacement` for the empty one. */
struct slice k8s_sorted_list(struct arena *arena, const struct json_node *array, const char *replacement);

#endif
