/* SPDX-License-Identifier: Apache-2.0 */
/* The server's side of RELP, the reliable event logging protocol (librelp, doc/relp.md): frames out of a byte stream, responses into a buffer.
 * Frames are TXNR SP COMMAND SP DATALEN [SP DATA] LF. A client opens the session, sends messages ahead of their responses (its window), and sends
 * those without a response again on its next connection: a response is given once its message is safe, and never one that refuses a message, which
 * librelp's client would drop it for. */
#ifndef HARRIER_SOURCE_SYSLOG_RELP_H
#define HARRIER_SOURCE_SYSLOG_RELP_H

#include "harrier/base/buffer.h"
#include "harrier/base/slice.h"

enum { RELP_COMMAND_BYTES = 32, RELP_OFFERS_BYTES = 8192 };

enum relp_step {
    RELP_MORE,       /* all bytes are taken */
    RELP_OPEN,       /* the session is open: relp_append_open_response */
    RELP_OPEN_AGAIN, /* of an open session, which some clients do: any response */
    RELP_MESSAGE,    /* a message begins, of relp.data_left bytes */
    RELP_DATA,       /* the next bytes of it, never empty, to be taken by relp_take */
    RELP_MESSAGE_END, /* it was complete: its response is due */
    RELP_CLOSE,      /* the client is done; its response is due, then the connection ends */
    RELP_UNKNOWN,    /* a whole frame with another command, which was not offered: a response that refuses it */
    RELP_BROKEN      /* what came is no RELP: relp.error. Nothing more is read */
};

enum relp_state {
    RELP_STATE_TXNR,
    RELP_STATE_COMMAND,
    RELP_STATE_LENGTH,
    RELP_STATE_DATA,
    RELP_STATE_TRAILER,
    RELP_STATE_BROKEN
};

enum relp_command { RELP_COMMAND_OPEN, RELP_COMMAND_SYSLOG, RELP_COMMAND_CLOSE, RELP_COMMAND_OTHER, RELP_COMMAND_HINT };

/* Zero at the start. */
struct relp {
    enum relp_state state;
    bool open;
    bool begun;            /* RELP_MESSAGE was said */
    uint32_t previous;     /* transaction number of the last command */
    uint32_t transaction;  /* of the frame in hand, to be responded to */
    unsigned int count;    /* characters of the field in hand */
    char name[RELP_COMMAND_BYTES];
    enum relp_command command;
    uint64_t data_left;
    struct buffer offers;  /* of an open command */
    const char *error;     /* constant text */
};

void relp_free(struct relp *relp);
/* The next step. What it takes is taken off the front of bytes. RELP_DATA takes nothing: data is what stands at their front. */
enum relp_step relp_next(struct relp *relp, struct slice *bytes, struct slice *data);
/* Of RELP_DATA's data, length bytes off the front of bytes; the rest comes with the next step. After RELP_MESSAGE too, up to data_left. */
void relp_take(struct relp *relp, struct slice *bytes, size_t length);
/* Between two frames. */
bool relp_is_between(const struct relp *relp);

/* text: "200 OK". */
void relp_append_response(struct buffer *out, uint32_t transaction, struct slice text);
void relp_append_open_response(struct buffer *out, uint32_t transaction);
/* The hint that the server closes the session. */
void relp_append_server_close(struct buffer *out);

#endif
