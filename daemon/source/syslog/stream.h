/* SPDX-License-Identifier: Apache-2.0 */
/* A connection that carries syslog messages one after another: plain syslog over TCP or TLS, and RELP. For the files that make it: stream.c (bytes in
 * and out, the connection's life) and stream_unit.c (messages, units, answers). */
#ifndef HARRIER_SOURCE_SYSLOG_STREAM_H
#define HARRIER_SOURCE_SYSLOG_STREAM_H

#include "daemon/source/channel.h"
#include "relp.h"
#include "harrier/syslog.h"

enum {
    STREAM_UNIT_BYTES = 1024 * 1024, /* a unit ends at the first message border after so many */
    STREAM_OUT_BYTES = 16384,        /* of responses before they are sent, whatever else there is to read */
    STREAM_DRAIN_BYTES = 1024 * 1024 /* still read of a plain sender at shutdown, until it pauses between two messages */
};

/* What the deadline is for. */
enum stream_timer {
    STREAM_TIMER_NONE, /* idle, or a unit waits: a sender of syslog may be silent for as long as it likes, and its messages wait in the kernel */
    STREAM_TIMER_OPEN,  /* RELP: the session is to be opened */
    STREAM_TIMER_FIRST, /* the first message is to come */
    STREAM_TIMER_MESSAGE, /* a message that has begun must go on */
    STREAM_TIMER_OUT,
    STREAM_TIMER_LINGER
};

/* Messages are gathered into a unit until a turn of reading ends, or the unit is large enough: the unit then ends where a message ends, and nothing
 * more is taken until it is answered. So what cannot be stored yet stays in the sender's hands (back-pressure).
 *
 * A unit is of one cluster: a message that names another ends it; one that names a cluster which it may not is passed over. A plain sender sends
 * nothing again, so its units are never given up: what was read when the connection ends, whyever, is judged in one unit more, its last message
 * cut off. RELP's client sends again what had no response: of its units only whole messages count, and a frame that has not come as a whole is not
 * put behind others. */
struct stream_connection {
    struct channel channel; /* first: the one is the other */
    bool is_relp;
    struct syslog_reader *syslog;
    struct relp relp;
    struct buffer held; /* received and not taken, from held_used on */
    size_t held_used;

    struct source_request *unit; /* in hand, or waited for */
    bool waiting;                /* for the unit's answer */
    bool unit_due;               /* it ends at the next border */
    bool unfinished;             /* the handler has work of it for later turns; nothing more is taken meanwhile */
    uint64_t unit_bytes;
    struct buffer cluster; /* that the unit's messages name */
    bool unbegun;          /* a message has begun for which there is no unit yet */
    bool passed_over;      /* the message in hand is refused, and its text not taken */
    bool forbidden;        /* the client may not send any more */
    bool paused;           /* no unit could be had; until `retry` */
    struct event retry;
    struct buffer due; /* RELP: responses for after the unit's answer */

    struct buffer out;
    bool blocked;         /* the socket takes no more of out */
    bool input_ended;     /* plain: what is read is ended, then the connection closes */
    bool dry;             /* the last look found nothing to receive */
    uint64_t drain_bytes; /* received since the worker drains */
    bool closing;         /* no more is taken: the unit is answered, then the connection closes for close_reason */
    enum source_close close_reason;
    bool said_goodbye, lingering;
    bool leaving; /* the connection is gone: units are ended, and nobody waits for them */
    size_t linger_bytes;

    enum stream_timer timer;
    uint64_t progress_bytes; /* since the deadline was set */
    clock_nanos message_until; /* plain: monotonic, when the message in hand must have ended; 0: not set */
    uint64_t text_bytes;     /* of the message in hand */
    char last_byte;          /* of its text, blanks aside */
    struct syslog_counts counted; /* of the reader's counts */
};

extern const struct channel_type stream_type;

/* --- stream.c --- */

/* More may be taken of what has been received. */
bool stream_can_take(const struct stream_connection *stream);
/* No more is taken; the first reason given stands. */
void stream_begin_closing(struct stream_connection *stream, enum source_close reason);
/* What follows from a change: responses are sent, a connection that is done closes, the deadline is set. */
void stream_wind_up(struct stream_connection *stream);

/* --- stream_unit.c --- */

/* The sender may not send: the connection closes. */
bool stream_admit(struct stream_connection *stream);
/* Takes one step; false: more bytes are needed. Only while stream_can_take. */
bool stream_take_step(struct stream_connection *stream, struct slice *bytes);
/* Between two messages, as far as the unit is concerned. */
bool stream_is_between(const struct stream_connection *stream);
/* The unit in hand is complete. Its answer may come at once. */
void stream_end_unit(struct stream_connection *stream);
/* The connection is gone: a unit that only waits is let go, one of RELP's in hand given up. A plain sender's is ended with rest, which was received
 * and not taken; what no unit can be had for is counted and logged. */
void stream_leave(struct stream_connection *stream, struct slice rest);
/* Brings the source's counters up to what was read. */
void stream_count(struct stream_connection *stream);

#endif
