/* SPDX-License-Identifier: Apache-2.0 */
#include "harrier/inflate.h"

#include "harrier/memory.h"

#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

/* RFC 9659 section 3.1: what a stranger sends needs no larger window. Archives of one's own, which have no bounds, may have zstd's 128 MiB. */
enum { PLAIN_BYTES = 64 * 1024, RATIO_FROM = 32 * 1024 * 1024, STRANGERS_WINDOW_LOG = 23 };

struct inflater {
    enum inflate_format format;
    struct inflate_limits limits;
    z_stream gzip;
    ZSTD_DStream *zstd;
    bool begun;  /* some member or frame has */
    bool within; /* a member or frame has begun and not ended */
    uint64_t in, out;
    enum result result;
    const char *error;
    char plain[PLAIN_BYTES];
};

struct inflater *inflater_new(enum inflate_format format, const struct inflate_limits *limits)
{
    struct inflater *inflater = xcalloc(1, sizeof *inflater);

    inflater->format = format;
    inflater->limits = *limits;
    inflater->error = "";
    if (format == INFLATE_GZIP) {
        if (inflateInit2(&inflater->gzip, 16 + MAX_WBITS) != Z_OK)
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
    if (inflater->format == INFLATE_GZIP)
        inflateEnd(&inflater->gzip);
    ZSTD_freeDStream(inflater->zstd);
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

/* One step: takes from *bytes, sets *got to what came out. */
static enum result step_gzip(struct inflater *inflater, struct slice *bytes, size_t *got)
{
    z_stream *gzip = &inflater->gzip;

    if (!inflater->within && inflater->begun && only_zeros(*bytes)) {
        *bytes = slice_from(*bytes, bytes->length);
        return RESULT_OK;
    }
    inflater->within = inflater->begun = true;
    gzip->next_in = (Bytef *)(uintptr_t)bytes->bytes; /* zlib does not write there */
    gzip->avail_in = bytes->length > UINT32_MAX ? UINT32_MAX : (uInt)bytes->length;
    size_t offered = gzip->avail_in;
    gzip->next_out = (Bytef *)inflater->plain;
    gzip->avail_out = PLAIN_BYTES;
    int code = inflate(gzip, Z_NO_FLUSH);
    *bytes = slice_from(*bytes, offered - gzip->avail_in);
    *got = PLAIN_BYTES - gzip->avail_out;
    inflater->in += offered - gzip->avail_in;
    if (code == Z_STREAM_END) {
        inflater->within = false;
        inflateReset(gzip);
        return RESULT_OK;
    }
    if (code == Z_OK || code == Z_BUF_ERROR)
        return RESULT_OK;
    return fail(inflater, RESULT_INVALID, code != Z_NEED_DICT && gzip->msg ? gzip->msg : "wrong data");
}

static enum result step_zstd(struct inflater *inflater, struct slice *bytes, size_t *got)
{
    ZSTD_inBuffer in = {bytes->bytes, bytes->length, 0};
    ZSTD_outBuffer out = {inflater->plain, PLAIN_BYTES, 0};
    size_t left = ZSTD_decompressStream(inflater->zstd, &out, &in);

    inflater->begun = true;
    *bytes = slice_from(*bytes, in.pos);
    *got = out.pos;
    inflater->in += in.pos;
    if (ZSTD_isError(left))
        return fail(inflater, RESULT_INVALID, ZSTD_getErrorName(left));
    inflater->within = left != 0;
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

enum result inflater_feed(struct inflater *inflater, struct slice bytes, inflate_sink *sink, void *data)
{
    bool full = false; /* the last step filled the buffer, so more may be ready without more bytes in */

    while ((bytes.length || full) && inflater->result == RESULT_OK) {
        size_t got = 0;
        if (inflater->format == INFLATE_GZIP)
            step_gzip(inflater, &bytes, &got);
        else
            step_zstd(inflater, &bytes, &got);
        full = got == PLAIN_BYTES && inflater->within;
        if (got && measure(inflater, got) == RESULT_OK) {
            enum result taken = sink(data, slice_make(inflater->plain, got));
            if (taken != RESULT_OK)
                fail(inflater, taken, "the bytes were not taken");
        }
    }
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
