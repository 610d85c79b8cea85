/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of redact/ share. */
#ifndef HARRIER_REDACT_INTERNAL_H
#define HARRIER_REDACT_INTERNAL_H

#include "harrier/redact.h"

enum { REDACT_STAND_IN_SIZE = 64 };

/* redact_stand_in into out, which it returns. */
char *redact_stand_in_text(struct slice value, char out[REDACT_STAND_IN_SIZE]);

/* --- names.c, in any spelling --------------------------------------------------------------------------------------------------------------------- */

/* Length of the character of a name that the text begins with: a letter, digit, `_`, `-`, `.`, also of full width; 0: none. */
size_t redact_name_byte_length(struct slice text);
/* The value is the path of a file that holds the secret: kubeconfig=/etc/kubernetes/admin.conf. */
bool redact_is_file_of_secret(struct slice name, struct slice value);
bool redact_is_env_name(struct slice name);
bool redact_is_value_name(struct slice name);
/* Under a secret's name: what tells where the secret lies. */
bool redact_is_place_name(struct slice name);
/* The last name of a field's path (spec.containers[0].image), whose refused values stay. */
bool redact_is_harmless_field(struct slice path);

/* --- reference.c ---------------------------------------------------------------------------------------------------------------------------------- */

/* It is what redact_stand_in makes: not a secret any more. */
bool redact_is_stand_in(struct slice value);
/* What a value names instead of being it: $TOKEN, $(cat ...), `cat ...`, {{ .Values.x }}; an empty one; a stand-in of ours. A shell's $TOKEN says which
 * variable an attack reads. literal: no shell reads the text (an element of a command's array, a member of JSON, single quotes), so that of all these
 * kubelet's $(TOKEN) and a template's ${TOKEN} alone are references, and $word is a password that begins with a dollar. */
bool redact_is_reference(struct slice value, bool literal);

/* --- place.c -------------------------------------------------------------------------------------------------------------------------------------- */

/* What a JSON pointer (RFC 6901) leads to; how an operation's value is taken out. */
enum redact_target { REDACT_TARGET_OTHER, REDACT_TARGET_ENV, REDACT_TARGET_SECRET, REDACT_TARGET_DATA };
enum redact_target redact_target_of(struct slice pointer);

/* What of a node is taken out. */
enum redact_part {
    REDACT_NOTHING,
    REDACT_ALL,        /* every scalar in it */
    REDACT_BUT_PLACES, /* every scalar in it but what tells where a secret lies */
    REDACT_VARIABLES,  /* the same, and NAME=value in a list keeps its name */
    REDACT_ASSIGNED,   /* of NAME=value what follows the sign */
};
/* What is the same for all nodes of a tree. */
struct redact_setting {
    bool is_of_secrets;             /* the event is about Secrets, whose every value is one */
    bool may_quote;                 /* ... or ConfigMaps: messages quote them */
    const struct json_node *judged; /* the object that was looked at last */
    bool is_secret;                 /* it is a Secret */
};
struct redact_setting redact_setting_of(const struct json_node *top);
/* Of this node; what stands above it was looked at before. */
enum redact_part redact_part_of(struct redact_setting *setting, const struct json_node *node);
/* Its name tells where a secret lies. */
bool redact_is_place(const struct json_node *node);

/* --- command.c: the words of commands as arrays -------------------------------------------------------------------------------------------------------- */

/* Where in a word of a command its secret begins, which goes to its end; false: there is none. previous (NULL: none): the word before. */
bool redact_word(const struct json_node *word, const struct json_node *previous, size_t *begin);
/* -x or --long-name. */
bool redact_is_option(struct slice word);

/* --- text.c ------------------------------------------------------------------------------------------------------------------------------------------ */

/* What the caller knows of a text. */
struct redact_hints {
    bool broken;                  /* as redact_bytes */
    bool echo_is_harmless;        /* a value that the text says was refused is of a field that holds no secrets */
};
/* Appends the text. False: nothing was taken out, and nothing was appended. */
bool redact_scan(struct slice text, const struct redact_hints *hints, struct buffer *out);

#endif
