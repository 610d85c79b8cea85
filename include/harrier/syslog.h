/* SPDX-License-Identifier: Apache-2.0 */
/* Syslog messages out of a byte stream, whatever the pieces it comes in: octet counting (RFC 6587 section 3.4.1, RFC 5425) or lines (section 3.4.2),
 * which end with LF or NUL. A connection keeps the framing that it began with. The text of a message is given on as it comes and never held; only
 * its header is, up to a bound.
 *
 * The caller pulls: syslog_next takes bytes off the front of a slice and says what it found, so that a caller can stop at any step and go on later. */
#ifndef HARRIER_SYSLOG_H
#define HARRIER_SYSLOG_H

#include "harrier/base/slice.h"

struct syslog_reader;

enum syslog_framing {
    SYSLOG_FRAMING_AUTO,  /* the first bytes decide: octets where a count, a blank and a priority stand there (`[1-9][0-9]* <`), else lines */
    SYSLOG_FRAMING_LINES, /* a count in front of a line that has a priority behind it is passed over */
    SYSLOG_FRAMING_OCTETS
};

struct syslog_limits {
    /* Of one message, header and all; of a longer one the rest is skipped over. Between SYSLOG_HEADER_BYTES and SYSLOG_MESSAGE_BYTES_MOST, and taken for
     * the nearer of them where it is not; 0: the most. */
    uint64_t message_bytes;
    enum syslog_framing framing;
};

enum {
    SYSLOG_HEADER_BYTES = 16384, /* of what stands before the text; a message with more is given on as a text, from its beginning */
    SYSLOG_MESSAGE_BYTES_MOST = 999999999 /* lengths have at most nine digits, as in RELP */
};

extern const struct syslog_limits syslog_default_limits; /* SYSLOG_MESSAGE_BYTES_MOST, AUTO */

/* Of RFC 5424, RFC 3164, or rsyslog's forward format (RFC 3164 with an ISO 8601 time). Empty where the message does not say. Each is cut at
 * SYSLOG_HEADER_BYTES with the header that holds it. */
struct syslog_header {
    struct slice hostname;
    struct slice app;     /* APP-NAME or the tag, without its process id and colon */
    struct slice cluster; /* the first parameter "cluster" of the structured data, its escapes undone */
};

enum syslog_step {
    SYSLOG_MORE,  /* all bytes are taken */
    SYSLOG_BEGIN, /* a message whose text is JSON begins: syslog_reader_header; or what is none at all: syslog_reader_refused */
    SYSLOG_TEXT,  /* the next bytes of its text; never empty */
    SYSLOG_END,   /* it is over, whole or cut off */
    SYSLOG_OTHER  /* a message that is no JSON is over: another program's line */
};

/* Text is JSON when it begins, after blanks, a byte order mark and an @cee: cookie, with { or with [ and another bracket of either kind. */
struct syslog_reader *syslog_reader_new(const struct syslog_limits *limits);
void syslog_reader_free(struct syslog_reader *reader);

/* The next step. What it takes is taken off the front of bytes; the text points into them, or into the reader until the next call. */
enum syslog_step syslog_next(struct syslog_reader *reader, struct slice *bytes, struct slice *text);
/* The input has ended: syslog_next, called with no bytes until it says SYSLOG_MORE, ends the message that is open. The last line needs no LF. */
void syslog_reader_finish(struct syslog_reader *reader);
/* The next length bytes (at least one) are a message, as if they had been counted: a RELP frame's data. Only between two messages. */
void syslog_reader_frame(struct syslog_reader *reader, uint64_t length);

/* Between two messages. */
bool syslog_reader_is_between(const struct syslog_reader *reader);
/* Of the message in hand or the last one; valid until the next message begins. */
const struct syslog_header *syslog_reader_header(const struct syslog_reader *reader);
/* NULL; or (octets) no count stands in front of the message in hand or the last one: constant text that says so. */
const char *syslog_reader_misframed(const struct syslog_reader *reader);
/* NULL; or why the message in hand or the last one is none, constant text. It is for the dead letters only: it has no count and no line's end before it, so
 * that where it begins is for whoever wrote the messages around it to choose; or it names an audit event and has no JSON (audit_names_event). */
const char *syslog_reader_refused(const struct syslog_reader *reader);

/* Since the reader was made. */
struct syslog_counts {
    uint64_t messages;     /* with JSON, begun */
    uint64_t other;        /* without */
    uint64_t cut;          /* over before all of the octets that they had counted, or longer than message_bytes */
    uint64_t long_headers; /* over SYSLOG_HEADER_BYTES */
    uint64_t broken;       /* no count where one should be */
};
const struct syslog_counts *syslog_reader_counts(const struct syslog_reader *reader);

/* A file's first bytes are syslog, not JSON: "<134>..." or "3333 <134>...". */
bool syslog_looks_like(struct slice beginning);

#endif
