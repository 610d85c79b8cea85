/* SPDX-License-Identifier: Apache-2.0 */
#include "http.h"

#include "harrier/base/memory.h"

#include <http_parser.h>
#include <stdlib.h>
#include <strings.h>

/* --- finding the header section ----------------------------------------------------------------------------------------------- */

/* One byte of the section; false if it may not stand there. */
static bool scan_byte(struct http_scan *scan, char byte)
{
    bool line_begins = scan->last == '\n';

    if (scan->last == '\r' && byte != '\n')
        return false;
    if (byte == '\n' && scan->last != '\r')
        return false;
    /* a line that begins with a blank would continue the one before (obs-fold) */
    if (line_begins && (byte == ' ' || byte == '\t'))
        return false;
    if (((unsigned char)byte < 0x20 && byte != '\r' && byte != '\n' && byte != '\t') || byte == 0x7f)
        return false;
    scan->line_length = line_begins ? 1 : scan->line_length + 1;
    scan->last = byte;
    return true;
}

enum http_scan_result http_scan_head(struct http_scan *scan, struct slice bytes, size_t *taken, size_t *blank)
{
    *blank = 0;
    for (size_t i = 0; i < bytes.length; i++) {
        char byte = bytes.bytes[i];
        *taken = i + 1;
        if (!scan_byte(scan, byte))
            return HTTP_SCAN_BAD;
        /* RFC 9112 section 2.2: empty lines before the request line are ignored; length counts from the request line */
        if (scan->length == 0 && (byte == '\r' || byte == '\n')) {
            scan->skipped++;
            ++*blank;
            continue;
        }
        scan->length++;
        if (byte == '\n' && scan->line_length == 2)
            return HTTP_SCAN_COMPLETE;
    }
    *taken = bytes.length;
    return HTTP_SCAN_MORE;
}

/* --- the header section ---------------------------------------------------------------------------------------------------------- */

/* http-parser keeps no header fields; the callbacks note the few that matter. As it gets the whole section at once, every name and
 * value comes in one piece. It pauses where the header section ends, and again where the message does. */
/* What the line of framing in hand has shown so far: http-parser takes any two bytes for a chunk's end, and anything at all behind a blank or semicolon
 * behind its size. */
enum framing_line {
    FRAMING_SIZE,      /* hexadecimal digits only, yet */
    FRAMING_BLANKS,    /* and blanks behind them */
    FRAMING_EXTENSION, /* a semicolon has come */
    FRAMING_END,       /* of a chunk: CR LF and nothing else */
    FRAMING_TRAILER    /* a field, or the empty line at the end */
};

struct http_reader {
    http_parser parser;
    struct http_head *head; /* being filled; NULL outside http_read_head */
    struct slice target;
    struct slice name; /* of the field in hand */
    unsigned int hosts;
    unsigned int seen; /* bits: fields that are kept */
    bool repeated;     /* one of them */
    unsigned int transfer_encodings;
    bool transfer_is_chunked;
    bool bad_name;
    bool complete; /* the message ended */
    bool bad_framing;
    char framing_last;   /* the byte of the chunks' framing before framing */
    enum framing_line framing_line;
    uint64_t chunk_left; /* content of the chunk in hand that is still to come, by its size as far as it was read */
    const char *framing; /* what is not content begins here, in the piece in hand */
    http_body_callback *callback;
    void *data;
};

static int url_cb(http_parser *parser, const char *at, size_t length)
{
    struct http_reader *reader = parser->data;
    reader->target = slice_make(at, length);
    return 0;
}

/* RFC 9110 section 5.6.2: the characters of a field name. A blank before the colon is refused (RFC 9112 section 5.1). */
static bool is_token(struct slice name)
{
    static const char others[] = "!#$%&'*+-.^_`|~";
    for (size_t i = 0; i < name.length; i++) {
        char c = name.bytes[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && !memchr(others, c, sizeof others - 1))
            return false;
    }
    return name.length > 0;
}

static int field_cb(http_parser *parser, const char *at, size_t length)
{
    struct http_reader *reader = parser->data;
    if (!reader->head)
        return 0;
    reader->name = slice_make(at, length);
    reader->bad_name |= !is_token(reader->name);
    return 0;
}

/* Fields whose value is kept. With two of one, two readers could each take another. */
static const struct {
    const char *name;
    size_t offset; /* in struct http_head */
} kept_fields[] = {
    {"Content-Type", offsetof(struct http_head, content_type)},
    {"Content-Encoding", offsetof(struct http_head, content_encoding)},
    {"Authorization", offsetof(struct http_head, authorization)},
    {"X-Amz-Firehose-Request-Id", offsetof(struct http_head, firehose_request_id)},
    {"X-Amz-Firehose-Access-Key", offsetof(struct http_head, firehose_access_key)},
    {"aeg-event-type", offsetof(struct http_head, event_grid_type)},
    {"WebHook-Request-Origin", offsetof(struct http_head, webhook_origin)},
};

static bool name_is(const struct http_reader *reader, const char *name)
{
    return slice_equal_ascii_nocase(reader->name, slice_of(name));
}

static void keep_field(struct http_reader *reader, struct slice value)
{
    for (size_t i = 0; i < sizeof kept_fields / sizeof kept_fields[0]; i++) {
        if (!name_is(reader, kept_fields[i].name))
            continue;
        reader->repeated |= reader->seen >> i & 1;
        reader->seen |= 1u << i;
        *(struct slice *)((char *)reader->head + kept_fields[i].offset) = value;
    }
}

static int value_cb(http_parser *parser, const char *at, size_t length)
{
    struct http_reader *reader = parser->data;
    struct http_head *head = reader->head;
    struct slice value = slice_trim(slice_make(at, length));

    if (!head)
        return 0;
    if (name_is(reader, "Host")) {
        reader->hosts++;
    } else if (name_is(reader, "Transfer-Encoding")) {
        reader->transfer_encodings++;
        reader->transfer_is_chunked = slice_equal_ascii_nocase(value, SLICE("chunked"));
    } else if (name_is(reader, "Expect")) {
        bool known = slice_equal_ascii_nocase(value, SLICE("100-continue"));
        head->expects_continue |= known;
        head->expects_other |= !known;
    } else {
        keep_field(reader, value);
    }
    return 0;
}

static int headers_complete_cb(http_parser *parser)
{
    struct http_reader *reader = parser->data;
    struct http_head *head = reader->head;

    /* CONNECT and Upgrade would make the parser end the message here, with its body still to come */
    head->chunked = parser->flags & F_CHUNKED;
    head->content_length = parser->flags & F_CONTENTLENGTH ? parser->content_length : 0;
    head->has_body = head->chunked || head->content_length > 0;
    head->is_head = parser->method == HTTP_HEAD;
    head->is_options = parser->method == HTTP_OPTIONS;
    head->is_post = parser->method == HTTP_POST;
    head->is_http_1_0 = parser->http_major == 1 && parser->http_minor == 0;
    head->keep_alive = http_should_keep_alive(parser);
    reader->head = NULL;
    http_parser_pause(parser, 1);
    return 0;
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

/* -1: it is no hexadecimal digit. */
static int digit_value(char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    byte |= 0x20;
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* http-parser refuses sizes of more than 64 bits. */
static bool read_size(struct http_reader *reader, char byte)
{
    int digit = digit_value(byte);

    if (digit < 0 || reader->framing_line != FRAMING_SIZE)
        return false;
    reader->chunk_left = reader->chunk_left * 16 + (uint64_t)digit;
    return true;
}

/* May the byte, which is neither CR nor LF, stand there? RFC 9112 sections 7.1 to 7.1.2; a field that goes on in the next line is refused as it is in the
 * header section. */
static bool framing_may_have(struct http_reader *reader, char byte)
{
    switch (reader->framing_line) {
    case FRAMING_SIZE:
    case FRAMING_BLANKS:
        if (byte == ';')
            reader->framing_line = FRAMING_EXTENSION;
        else if (is_blank(byte) && reader->framing_last != '\n')
            reader->framing_line = FRAMING_BLANKS;
        else
            return read_size(reader, byte);
        return true;
    case FRAMING_END: return false;
    case FRAMING_TRAILER:
        if (is_blank(byte) && reader->framing_last == '\n')
            return false;
        break;
    case FRAMING_EXTENSION: break;
    }
    return byte == '\t' || ((unsigned char)byte >= ' ' && byte != 0x7f);
}

/* Behind the last chunk's size, which is 0, there is no content, but trailer fields may be. */
static void end_framing_line(struct http_reader *reader)
{
    if (reader->framing_line == FRAMING_END)
        reader->framing_line = FRAMING_SIZE;
    else if (reader->chunk_left == 0)
        reader->framing_line = FRAMING_TRAILER;
}

/* What lies between contents, up to end: lines that end with CR LF. */
static void check_framing(struct http_reader *reader, const char *end)
{
    for (; reader->framing < end; reader->framing++) {
        char byte = *reader->framing;
        reader->bad_framing |= (byte == '\n') != (reader->framing_last == '\r');
        if (byte != '\r' && byte != '\n')
            reader->bad_framing |= !framing_may_have(reader, byte);
        if (byte == '\n')
            end_framing_line(reader);
        reader->framing_last = byte;
    }
}


static int body_cb(http_parser *parser, const char *at, size_t length)
{
    struct http_reader *reader = parser->data;
    check_framing(reader, at);
    reader->framing = at + length;
    reader->framing_last = '\0';
    reader->chunk_left -= length; /* a length of its own has no chunks, and none of this matters */
    if (reader->chunk_left == 0)
        reader->framing_line = FRAMING_END;
    if (reader->bad_framing)
        return 1;
    reader->callback(reader->data, slice_make(at, length));
    return 0;
}

static int message_complete_cb(http_parser *parser)
{
    struct http_reader *reader = parser->data;
    reader->complete = true;
    http_parser_pause(parser, 1);
    return 0;
}

static const http_parser_settings settings = {
    .on_url = url_cb,
    .on_header_field = field_cb,
    .on_header_value = value_cb,
    .on_headers_complete = headers_complete_cb,
    .on_body = body_cb,
    .on_message_complete = message_complete_cb,
};

struct http_reader *http_reader_new(void)
{
    return xcalloc(1, sizeof(struct http_reader));
}

void http_reader_free(struct http_reader *reader)
{
    free(reader);
}

/* The path of an origin-form or absolute-form target (RFC 9112 section 3.2), without the query. */
static struct slice target_path(struct slice target)
{
    ptrdiff_t scheme = slice_find(target, SLICE("://"));
    ptrdiff_t query;

    if (target.length && target.bytes[0] != '/') {
        if (scheme <= 0 || (!slice_equal_ascii_nocase(slice_first(target, (size_t)scheme), SLICE("http")) &&
                            !slice_equal_ascii_nocase(slice_first(target, (size_t)scheme), SLICE("https"))))
            return slice_make(NULL, 0);
        target = slice_from(target, (size_t)scheme + 3);
        size_t authority = 0;
        while (authority < target.length && target.bytes[authority] != '/' && target.bytes[authority] != '?')
            authority++;
        target = slice_from(target, authority);
        if (target.length == 0 || target.bytes[0] == '?')
            return SLICE("/");
    }
    query = slice_find_byte(target, '?');
    return query < 0 ? target : slice_first(target, (size_t)query);
}

static unsigned int parse_status(enum http_errno error, const char **text)
{
    switch (error) {
    case HPE_INVALID_METHOD: *text = "unknown method"; return 501;
    case HPE_INVALID_VERSION: *text = "unknown version of HTTP"; return 505;
    case HPE_UNEXPECTED_CONTENT_LENGTH: *text = "more than one length of the body is given"; return 400;
    case HPE_INVALID_CONTENT_LENGTH: *text = "Content-Length is no number"; return 400;
    case HPE_HEADER_OVERFLOW: *text = "header section too large"; return 431;
    default: *text = "malformed header section"; return 400;
    }
}

/* What is well-formed for the parser, and wrong all the same. */
static unsigned int check_head(const struct http_reader *reader, const struct http_head *head, const char **error)
{
    const http_parser *parser = &reader->parser;

    if (parser->http_major != 1 || parser->http_minor > 1) {
        *error = "unknown version of HTTP";
        return 505;
    }
    *error = NULL;
    if (reader->bad_name)
        *error = "malformed field name";
    else if (reader->hosts > 1 || (reader->hosts == 0 && !head->is_http_1_0)) /* RFC 9112 section 3.2 */
        *error = "exactly one Host is needed";
    else if (reader->transfer_encodings > 1 || (reader->transfer_encodings && head->is_http_1_0)) /* section 6.1 */
        *error = "Transfer-Encoding is not allowed here";
    else if (reader->transfer_encodings && !(parser->flags & F_CHUNKED)) /* section 6.3, item 4 */
        *error = "chunked is not the last transfer coding";
    else if (parser->flags & F_CHUNKED && parser->flags & F_CONTENTLENGTH) /* section 6.3, item 3 */
        *error = "more than one length of the body is given";
    else if (reader->repeated)
        *error = "a header field that can have one value only is given more than once";
    if (*error)
        return 400;
    if (reader->transfer_encodings && !reader->transfer_is_chunked) {
        *error = "the only transfer coding known is chunked";
        return 501;
    }
    if (parser->method == HTTP_CONNECT) {
        *error = "CONNECT is not served";
        return 501;
    }
    return 0;
}

unsigned int http_read_head(struct http_reader *reader, struct slice section, struct http_head *head, const char **error)
{
    memset(reader, 0, sizeof *reader);
    memset(head, 0, sizeof *head);
    http_parser_init(&reader->parser, HTTP_REQUEST);
    reader->parser.data = reader;
    reader->head = head;
    size_t parsed = http_parser_execute(&reader->parser, &settings, section.bytes, section.length);
    enum http_errno errno_of_parser = HTTP_PARSER_ERRNO(&reader->parser);
    if (errno_of_parser != HPE_PAUSED)
        return parse_status(errno_of_parser, error);
    /* paused at the section's last byte, which the parser takes again when it goes on; anywhere else the two readings differ */
    if (reader->head || parsed + 1 != section.length) {
        *error = "malformed header section";
        return 400;
    }
    unsigned int status = check_head(reader, head, error);
    if (status)
        return status;
    head->path = target_path(reader->target);
    http_parser_pause(&reader->parser, 0);
    http_parser_execute(&reader->parser, &settings, section.bytes + parsed, 1);
    if (reader->complete != !head->has_body) {
        *error = "malformed header section";
        return 400;
    }
    return 0;
}

/* --- the body -------------------------------------------------------------------------------------------------------------------- */

enum http_body_result http_read_body(struct http_reader *reader, struct slice bytes, http_body_callback *callback, void *data,
                                     size_t *taken)
{
    reader->callback = callback;
    reader->data = data;
    reader->framing = bytes.bytes;
    http_parser_pause(&reader->parser, 0);
    *taken = http_parser_execute(&reader->parser, &settings, bytes.bytes, bytes.length);
    enum http_errno error = HTTP_PARSER_ERRNO(&reader->parser);
    if (reader->parser.uses_transfer_encoding)
        check_framing(reader, bytes.bytes + *taken);
    if (reader->bad_framing || (error != HPE_OK && !reader->complete))
        return HTTP_BODY_BAD;
    return reader->complete ? HTTP_BODY_COMPLETE : HTTP_BODY_MORE;
}

/* --- answers ------------------------------------------------------------------------------------------------------------------------ */

const char *http_reason(unsigned int status)
{
    switch (status) {
    case 200: return "OK";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 413: return "Content Too Large";
    case 415: return "Unsupported Media Type";
    case 417: return "Expectation Failed";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    case 505: return "HTTP Version Not Supported";
    default: return status < 400 ? "OK" : "Error";
    }
}
