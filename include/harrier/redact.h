/* SPDX-License-Identifier: Apache-2.0 */
/* What is secret, and what is shown in its place. This is the one place that decides; alerts, explanations, records, dead letters, reasons and log lines all
 * go through it. harrier-rules(7), REDACTION, is the list for people.
 *
 * A value is taken out by where it stands (redact_event, redact_covers): under a name of a secret, in a Secret or the data of a ConfigMap, as the value of
 * an environment variable, as a password among the words of a command, or written to such a place by a JSON patch. In any other text only what is secret
 * by its shape goes (redact_text): a token, a private key, a URL's password, the value of an option or a member with a secret's name, a value that an
 * answer quotes. All around it stays: a command line is what the analyst needs.
 * When in doubt a value is taken out: a lost word of context is a nuisance, a password in a chat channel is an incident. */
#ifndef HARRIER_REDACT_H
#define HARRIER_REDACT_H

#include "harrier/base/arena.h"
#include "harrier/base/buffer.h"
#include "harrier/json.h"
#include "harrier/base/slice.h"

/* --- what stands in its place ------------------------------------------------------------------------------------------------------------------ */

enum { REDACT_KEY_BYTES = 32 };
#define REDACT_KEY_FILE "redaction.key"

/* The key from now on. Called before threads start; without it there is a random one of the process's own. */
void redact_use_key(const uint8_t key[REDACT_KEY_BYTES]);
/* The key that lies in the store's directory, made there if there is none. It stands beside the database and not in it, so that a copy of the database
 * can be given away without it. What cannot be read or written costs no alert: the log says it, and the process's own key serves. */
void redact_load_key(const char *directory);
/* "length 12, hmac 0123456789abcdef": the beginning of HMAC-SHA-256 (RFC 2104) under the key, so that equal secrets are seen to be equal, and a weak
 * one cannot be found by trying. */
struct slice redact_stand_in(struct arena *arena, struct slice value);

/* --- names ------------------------------------------------------------------------------------------------------------------------------------- */

/* A name whose value is a secret: password, clientSecret, CLIENT-SECRET, AWS_SECRET_ACCESS_KEY, example.com/api-token; in full-width letters too. */
bool redact_is_secret_name(struct slice name);
/* data, stringData, binaryData, in any spelling. */
bool redact_is_data_name(struct slice name);

/* --- texts ------------------------------------------------------------------------------------------------------------------------------------- */

/* The text without what is secret by its shape, and where it is JSON, by its place; the same slice if there is nothing. Linear in the text. */
struct slice redact_text(struct arena *arena, struct slice text);
/* The same for a log_filter: false if there is nothing, and nothing is appended. */
bool redact_line(struct slice text, struct buffer *out);
/* Appends bytes that are not, or not wholly, what they should be (a dead letter): as redact_text, and of broken JSON, escaped ever so often, also all
 * that is called `value`. in_block (may be NULL): carried from one piece of an input to the next, false at first, as a Secret in YAML comes line by line. */
void redact_bytes(struct slice bytes, bool *in_block, struct buffer *out);

/* --- trees ------------------------------------------------------------------------------------------------------------------------------------- */

/* Takes the secrets out of the tree of an audit event, a LogEntry, or a part of one, in place. */
void redact_event(struct arena *arena, struct json_node *event);
/* Does redact_event take this value out as a whole? NULL: no. */
bool redact_covers(const struct json_node *node);

#endif
