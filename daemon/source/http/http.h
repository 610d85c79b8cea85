/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1.1 requests out of bytes (RFC 9112). The only file that knows the parser library is http.c.
 *
 * A request comes in two steps: http_scan_head finds the end of its header section, whatever the pieces it arrives in, and refuses what
 * two readers could understand differently; http_read_head then parses the section as a whole. The body is read piece by piece. */
#ifndef HARRIER_SOURCE_HTTP_HTTP_H
#define HARRIER_SOURCE_HTTP_HTTP_H

#include "harrier/base/slice.h"

/* --- finding the header section ----------------------------------------------------------------------------------------------- */

/* Where the scan of one header section stands; zeroed for each request. */
struct http_scan {
    size_t length;      /* bytes of the section so far, empty lines before it not counted */
    size_t skipped;     /* bytes of empty lines before the request line */
    size_t line_length; /* of the line in hand */
    char last;          /* the byte before */
};

enum http_scan_result {
    HTTP_SCAN_MORE,     /* all bytes were taken, the section goes on */
    HTTP_SCAN_COMPLETE, /* it ends with the last byte taken */
    HTTP_SCAN_BAD       /* see http_scan_head */
};

/* Goes on with the bytes; *taken: how many belong to this request's head, of which the first *blank are empty lines before it. Bad
 * are: NUL and other control characters, a line end other than CR LF (RFC 9112 section 2.2 lets a server refuse it), a folded line
 * (section 5.2). The caller bounds scan->length. */
enum http_scan_result http_scan_head(struct http_scan *scan, struct slice bytes, size_t *taken, size_t *blank);

/* --- the header section ---------------------------------------------------------------------------------------------------------- */

struct http_reader;

/* What matters of a header section. Slices point into the bytes given to http_read_head. */
struct http_head {
    bool is_post;
    bool is_head; /* the answer has no body, RFC 9110 section 9.3.2 */
    bool is_options;
    bool keep_alive; /* RFC 9112 section 9.3 */
    bool is_http_1_0;
    bool chunked;
    bool has_body;           /* chunked, or a Content-Length that is not 0 */
    bool expects_continue;   /* Expect: 100-continue, RFC 9110 section 10.1.1 */
    bool expects_other;      /* Expect with anything else */
    uint64_t content_length; /* 0 where there is none */
    struct slice path;       /* of the target, in origin or absolute form, without the query; empty for other forms */
    /* values of header fields; empty for one that is not there, and each is there once at most */
    struct slice content_type;
    struct slice content_encoding;
    struct slice authorization;
    struct slice firehose_request_id; /* X-Amz-Firehose-Request-Id */
    struct slice firehose_access_key; /* X-Amz-Firehose-Access-Key */
    struct slice event_grid_type;     /* aeg-event-type */
    struct slice webhook_origin;      /* WebHook-Request-Origin */
};

struct http_reader *http_reader_new(void);
void http_reader_free(struct http_reader *reader);

/* Parses a whole header section. 0, or the status to refuse it with: the connection cannot be used after that, since where the
 * request ends cannot be known. *error then says why (constant text). */
unsigned int http_read_head(struct http_reader *reader, struct slice section, struct http_head *head, const char **error);

/* --- the body -------------------------------------------------------------------------------------------------------------------- */

enum http_body_result {
    HTTP_BODY_MORE,     /* all bytes were taken, the body goes on */
    HTTP_BODY_COMPLETE, /* the request ends with the last byte taken */
    HTTP_BODY_BAD       /* the framing is broken, RFC 9112 section 7.1 */
};

typedef void http_body_callback(void *data, struct slice bytes);

/* Goes on with the body, after a head with has_body. The callback gets the content without the chunks' framing, in which a line must
 * end with CR LF, in extensions and trailers too: another reader might take a lone LF for the end. */
enum http_body_result http_read_body(struct http_reader *reader, struct slice bytes, http_body_callback *callback, void *data,
                                     size_t *taken);

/* --- answers ------------------------------------------------------------------------------------------------------------------------ */

/* Reason phrase of a status code. */
const char *http_reason(unsigned int status);

#endif
