/* SPDX-License-Identifier: Apache-2.0 */
#include "harrier/base/inflate.h"

#include "harrier/base/memory.h"

#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

/* RFC 9659 section 3.1: what a stranger sends needs no larger window. Archives of one's own, which have no bounds, may have zstd's 128 MiB. */
enum { PLAIN_BYTES = 64 * 1024, RATIO_FROM = 32 * 1024 * 1024, STRANGERS_WINDOW_LOG = 23 };

/* What the libraries take: zlib's state with its window (zconf.h: 32 KiB and about 7); zstd's context, and beside the window three blocks of 128 KiB
 * (zstd.h, ZSTD_estimateDStreamSize) and some. */
enum { ZLIB_BYTES = 44 * 1024, ZSTD_BYTES = 192 * 1024, BESIDE_WINDOW = 400 * 1024, LONGEST_FRAME_HEADER = 14 };

struct inflater {
    enum inflate_format format;
    struct inflate_limits limits;
    z_stream zlib;
    ZSTD_DStream *zstd;
    bool begun;  /* some member or frame has */
    bool within; /* a member or frame has begun and not ended */
    bool full;   /* the last step filled the buffer, so more may be ready without more bytes in */
    unsigned char head[LONGEST_FRAME_HEADER]; /* of the zstd frame that begins, until it tells its window */
    size_t head_length;
    size_t window;  /* that was asked for */
    size_t charged; /* to the budget, in all */
    uint64_t in, out;
    enum result result;
    const char *error;
    char plain[PLAIN_BYTES];
};

static bool ask_budget(const struct inflate_limits *limits, ptrdiff_t bytes)
{
    return !limits->budget || limits->budget(limits->context, bytes);
}

struct inflater *inflater_new(enum inflate_format format, const struct inflate_limits *limits)
{
    size_t needed = sizeof(struct inflater) + (format == INFLATE_ZSTD ? ZSTD_BYTES : ZLIB_BYTES);

    if (!ask_budget(limits, (ptrdiff_t)needed))
        return NULL;
    struct inflater *inflater = xcalloc(1, sizeof *inflater);
    inflater->charged = needed;

    inflater->format = format;
    inflater->limits = *limits;
    inflater->error = "";
    if (format != INFLATE_ZSTD) {
        if (inflateInit2(&inflater->zlib, format == INFLATE_GZIP ? 16 + MAX_WBITS : MAX_WBITS) != Z_OK)
            abort();
        return inflater;
    }
    inflater->zstd = ZSTD_createDStream();
    if (!inflater->zstd)
        abort();
    if (limits->bytes || limits->ratio)
        ZSTD_DCtx_setParameter(inflater->zstd, ZSTD_d_windowLogMax, STRANGERS_WINDOW_LOG);
    return inflater;
}

void inflater_free(struct inflater *inflater)
{
    if (!inflater)
        return;
    if (inflater->format != INFLATE_ZSTD)
        inflateEnd(&inflater->zlib);
    ZSTD_freeDStream(inflater->zstd);
    ask_budget(&inflater->limits, -(ptrdiff_t)inflater->charged);
    free(inflater);
}

static enum result fail(struct inflater *inflater, enum result result, const char *error)
{
    inflater->result = result;
    inflater->error = error;
    return result;
}

static bool only_zeros(struct slice bytes)
{
    for (size_t i = 0; i < bytes.length; i++)
        if (bytes.bytes[i])
            return false;
    return true;
}

/* "deflate" is the zlib format (RFC 9110 section 8.4.1.2), and many send what is within it alone (RFC 1951). The first byte tells: in a zlib header
 * (RFC 1950 section 2.2) the low half is 8, which no encoder begins a block with. */
static void look_for_zlib_header(struct inflater *inflater, struct slice bytes)
{
    if (inflater->format == INFLATE_DEFLATE && !inflater->begun && bytes.length && (bytes.bytes[0] & 0x0f) != 8)
        inflateReset2(&inflater->zlib, -MAX_WBITS);
}

/* One step: takes from *bytes, sets *got to what came out. */
static enum result step_zlib(struct inflater *inflater, struct slice *bytes, size_t *got)
{
    z_stream *zlib = &inflater->zlib;

    if (!inflater->within && inflater->begun && only_zeros(*bytes)) {
        *bytes = slice_from(*bytes, bytes->length);
        return RESULT_OK;
    }
    look_for_zlib_header(inflater, *bytes);
    inflater->within = inflater->begun = true;
    zlib->next_in = (Bytef *)(uintptr_t)bytes->bytes; /* zlib does not write there */
    zlib->avail_in = bytes->length > UINT32_MAX ? UINT32_MAX : (uInt)bytes->length;
    size_t offered = zlib->avail_in;
    zlib->next_out = (Bytef *)inflater->plain;
    zlib->avail_out = PLAIN_BYTES;
    int code = inflate(zlib, Z_NO_FLUSH);
    *bytes = slice_from(*bytes, offered - zlib->avail_in);
    *got = PLAIN_BYTES - zlib->avail_out;
    inflater->in += offered - zlib->avail_in;
    if (code == Z_STREAM_END) {
        inflater->within = false;
        inflateReset(zlib);
        return RESULT_OK;
    }
    if (code == Z_OK || code == Z_BUF_ERROR)
        return RESULT_OK;
    return fail(inflater, RESULT_INVALID, code != Z_NEED_DICT && zlib->msg ? zlib->msg : "wrong data");
}

/* RFC 8878 section 3.1.1.1: the window that the frame asks for, of which it may need less. 0: so many bytes of the header do not tell, or it is no frame. */
static uint64_t window_of(const unsigned char *head, size_t length)
{
    if (length < 6 || memcmp(head, "\x28\xB5\x2F\xFD", 4) != 0)
        return 0;
    unsigned int descriptor = head[4];
    if (!(descriptor & 0x20)) {
        uint64_t base = UINT64_C(1) << (10 + (head[5] >> 3));
        return base + base / 8 * (head[5] & 7);
    }
    /* a single segment: as large as its content */
    static const unsigned char id_lengths[] = {0, 1, 2, 4}, size_lengths[] = {1, 2, 4, 8};
    size_t at = 5 + id_lengths[descriptor & 3], size = size_lengths[descriptor >> 6];
    uint64_t content = size == 2 ? 256 : 0;
    if (length < at + size)
        return 0;
    for (size_t i = 0; i < size; i++)
        content += (uint64_t)head[at + i] << (8 * i);
    return content ? content : 1;
}

/* Before zstd allocates a window. What it will refuse by itself is not asked for. */
static bool window_is_granted(struct inflater *inflater, uint64_t window)
{
    if (window <= inflater->window || window > UINT64_C(1) << STRANGERS_WINDOW_LOG)
        return true;
    size_t growth = (size_t)window - inflater->window + (inflater->window ? 0 : BESIDE_WINDOW);
    if (!ask_budget(&inflater->limits, (ptrdiff_t)growth))
        return false;
    inflater->window = (size_t)window;
    inflater->charged += growth;
    return true;
}

/* A frame begins: its header goes to zstd as far as it is harmless, or once the window that it tells is granted. Length to be given. */
static size_t look_at_head(struct inflater *inflater, struct slice bytes)
{
    size_t length = 0;

    while (length < bytes.length && inflater->head_length < LONGEST_FRAME_HEADER) {
        inflater->head[inflater->head_length++] = (unsigned char)bytes.bytes[length];
        uint64_t window = window_of(inflater->head, inflater->head_length);
        if (window && !window_is_granted(inflater, window)) {
            fail(inflater, RESULT_BUSY, "there is no memory for its window now");
            return 0;
        }
        if (window) {
            inflater->head_length = LONGEST_FRAME_HEADER;
            break;
        }
        length++;
    }
    return inflater->head_length == LONGEST_FRAME_HEADER ? bytes.length : length;
}

static enum result step_zstd(struct inflater *inflater, struct slice *bytes, size_t *got)
{
    size_t offered = inflater->head_length < LONGEST_FRAME_HEADER ? look_at_head(inflater, *bytes) : bytes->length;
    if (inflater->result != RESULT_OK)
        return inflater->result;
    ZSTD_inBuffer in = {bytes->bytes, offered, 0};
    ZSTD_outBuffer out = {inflater->plain, PLAIN_BYTES, 0};
    size_t left = ZSTD_decompressStream(inflater->zstd, &out, &in);

    inflater->begun = true;
    *bytes = slice_from(*bytes, in.pos);
    *got = out.pos;
    inflater->in += in.pos;
    if (ZSTD_isError(left))
        return fail(inflater, RESULT_INVALID, ZSTD_getErrorName(left));
    inflater->within = left != 0;
    if (!inflater->within)
        inflater->head_length = 0;
    return RESULT_OK;
}

/* Bytes that came out: are they too many? */
static enum result measure(struct inflater *inflater, size_t got)
{
    const struct inflate_limits *limits = &inflater->limits;

    inflater->out += got;
    if (limits->bytes && inflater->out > limits->bytes)
        return fail(inflater, RESULT_LIMIT, "it unpacks to more bytes than are allowed");
    if (limits->ratio && inflater->out > RATIO_FROM && inflater->out / limits->ratio > inflater->in)
        return fail(inflater, RESULT_LIMIT, "it unpacks to too many times its size");
    return RESULT_OK;
}

bool inflater_has_more(const struct inflater *inflater)
{
    return inflater->full && inflater->result == RESULT_OK;
}

enum result inflater_next(struct inflater *inflater, struct slice *bytes, struct slice *unpacked)
{
    size_t got = 0;

    while ((bytes->length || inflater->full) && inflater->result == RESULT_OK && got == 0) {
        if (inflater->format == INFLATE_ZSTD)
            step_zstd(inflater, bytes, &got);
        else
            step_zlib(inflater, bytes, &got);
        inflater->full = got == PLAIN_BYTES && inflater->within;
        if (got && measure(inflater, got) != RESULT_OK)
            got = 0;
    }
    *unpacked = slice_make(inflater->plain, got);
    return got ? RESULT_OK : inflater->result;
}

enum result inflater_feed(struct inflater *inflater, struct slice bytes, inflate_sink *sink, void *data)
{
    struct slice unpacked;

    do {
        inflater_next(inflater, &bytes, &unpacked);
        enum result taken = unpacked.length ? sink(data, unpacked) : RESULT_OK;
        if (taken != RESULT_OK)
            fail(inflater, taken, "the bytes were not taken");
    } while (unpacked.length && inflater->result == RESULT_OK);
    return inflater->result;
}

enum result inflater_finish(struct inflater *inflater)
{
    if (inflater->result == RESULT_OK && (inflater->within || !inflater->begun))
        fail(inflater, RESULT_INVALID, "it ends too early");
    return inflater->result;
}

const char *inflater_error(const struct inflater *inflater)
{
    return inflater->error;
}

/* Zstandard's skippable frames (RFC 8878 section 3.1.2) may come first: 50 to 5F 2A 4D 18. */
bool inflate_begins(enum inflate_format format, struct slice bytes)
{
    if (format == INFLATE_GZIP)
        return slice_starts_with(bytes, SLICE("\x1F\x8B"));
    bool skippable = bytes.length >= 4 && ((unsigned char)bytes.bytes[0] & 0xF0) == 0x50 && memcmp(bytes.bytes + 1, "\x2A\x4D\x18", 3) == 0;
    return skippable || slice_starts_with(bytes, SLICE("\x28\xB5\x2F\xFD"));
}
