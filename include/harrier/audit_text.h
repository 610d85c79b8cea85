/* SPDX-License-Identifier: Apache-2.0 */
/* Where in a line of a log does JSON begin? The one place that knows what programs put around an event's text, shared by every way in: the line of a body, a
 * syslog message, a followed file, the string in a log shipper's record.
 *
 * In front of JSON may stand, in any order and more than once: blanks, a byte order mark, the record separator of RFC 7464, escape sequences of
 * terminals (ECMA-48 CSI), the cookie of CEE (`@cee:`), the head of a container's line (CRI), a syslog header, and behind all that up to 512 bytes
 * of a logger's own words, such as a time, a level and `audit:`, or what `aws logs tail` and `kubectl logs --prefix` write. A logger puts what
 * others said into quotes: so there is no quotation mark and no backslash among those words, and behind them only an object with a first member, or
 * a list of one, counts as JSON. What names an audit event and is not read by this is never another log's line: see audit_names_event. */
#ifndef HARRIER_AUDIT_TEXT_H
#define HARRIER_AUDIT_TEXT_H

#include "harrier/base/slice.h"

enum {
    AUDIT_TEXT_BYTES = 16384, /* of a line's beginning are looked at: JSON that begins behind them is not found */
    AUDIT_CRI_HEAD_BYTES = 80 /* a time with an offset and nine digits, the longer stream, a few tags, and three blanks are below it */
};

enum audit_text_content {
    AUDIT_TEXT_UNKNOWN, /* more bytes are needed */
    AUDIT_TEXT_FOUND,
    AUDIT_TEXT_NONE
};

/* `2026-11-24T04:46:20.000000000Z stdout P `, in front of a line of a container (Kubernetes, "CRI container log format"). */
struct audit_cri_head {
    size_t length;
    bool is_stderr;
    bool is_part; /* tag P: the line goes on in the next one of its stream, up to one with F */
};

/* Does a container's head begin the line? whole: the line has no more bytes, so the answer is never UNKNOWN. Any answer but UNKNOWN stays the same whatever
 * comes after. */
enum audit_text_content audit_read_cri_head(struct slice line, bool whole, struct audit_cri_head *head);

struct audit_json_place {
    size_t at; /* where there is none: where text of another kind begins */
    bool behind_words; /* of a logger: an object that is no audit event is then no surprise */
};

/* Where does JSON begin that may hold an event: an object, a list, a string that holds one of them (JSON in JSON)? As above. The line ends at its
 * newline, if there is one behind its first words. */
enum audit_text_content audit_find_json(struct slice line, bool whole, struct audit_json_place *place);

/* Does text in which no JSON was found name an audit event, by `auditID` or `audit.k8s.io/`, however it is quoted? Then it may be one in a form that is not
 * read here, and is a dead letter: another log's line would be passed over. */
bool audit_names_event(struct slice text);

/* The same of a text that comes in pieces. Zero-initialised. */
struct audit_name_search {
    char before[16]; /* the end of what came; no name is longer */
    size_t length;
};
/* How many of the text's next bytes are its first name's last ones, and what stands before them; 0: there is none yet. */
size_t audit_search_names(struct audit_name_search *search, struct slice bytes);

/* Why such text is a dead letter. */
extern const char audit_unread_event[];

#endif
