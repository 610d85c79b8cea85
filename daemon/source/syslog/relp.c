/* SPDX-License-Identifier: Apache-2.0 */
#include "relp.h"

enum { NUMBER_DIGITS = 9, TRANSACTION_MOST = 999999999 };

void relp_free(struct relp *relp)
{
    buffer_free(&relp->offers);
}

bool relp_is_between(const struct relp *relp)
{
    return relp->state == RELP_STATE_TXNR && relp->count == 0;
}

static enum relp_step broken(struct relp *relp, const char *error)
{
    relp->state = RELP_STATE_BROKEN;
    relp->error = error;
    return RELP_BROKEN;
}

/* --- the header ------------------------------------------------------------------------------------------------------------------------ */

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_letter(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

/* Numbers run from 1 to 999999999 and begin again; 0 is for hints, which get no response. */
static enum relp_step end_transaction(struct relp *relp)
{
    uint32_t expected = relp->previous == TRANSACTION_MOST ? 1 : relp->previous + 1;

    if (relp->transaction != 0 && relp->transaction != expected)
        return broken(relp, "a transaction number is not the one after the last");
    if (relp->transaction != 0)
        relp->previous = relp->transaction;
    relp->state = RELP_STATE_COMMAND;
    relp->count = 0;
    return RELP_MORE;
}

static enum relp_step read_transaction(struct relp *relp, char byte)
{
    if (byte == ' ' && relp->count)
        return end_transaction(relp);
    if (!is_digit(byte) || relp->count == NUMBER_DIGITS)
        return broken(relp, "a frame begins with no transaction number");
    relp->transaction = (relp->count ? relp->transaction * 10 : 0) + (uint32_t)(byte - '0');
    relp->count++;
    return RELP_MORE;
}

static enum relp_step end_command(struct relp *relp)
{
    struct slice name = slice_make(relp->name, relp->count);

    relp->command = relp->transaction == 0        ? RELP_COMMAND_HINT
                    : slice_is(name, "open")      ? RELP_COMMAND_OPEN
                    : slice_is(name, "syslog")    ? RELP_COMMAND_SYSLOG
                    : slice_is(name, "close")     ? RELP_COMMAND_CLOSE
                                                  : RELP_COMMAND_OTHER;
    if (!relp->open && relp->command != RELP_COMMAND_OPEN && relp->command != RELP_COMMAND_HINT)
        return broken(relp, "the session was not opened");
    relp->state = RELP_STATE_LENGTH;
    relp->count = 0;
    relp->data_left = 0;
    return RELP_MORE;
}

static enum relp_step read_command(struct relp *relp, char byte)
{
    if (byte == ' ' && relp->count)
        return end_command(relp);
    if (!is_letter(byte) || relp->count == RELP_COMMAND_BYTES)
        return broken(relp, "a frame has no command");
    relp->name[relp->count++] = byte;
    return RELP_MORE;
}

static enum relp_step begin_data(struct relp *relp)
{
    /* a message of any length is taken: the client would send it again on each of its next connections, and all behind it would wait */
    if (relp->command != RELP_COMMAND_SYSLOG && relp->data_left > RELP_OFFERS_BYTES)
        return broken(relp, "a command's data is too long");
    buffer_reset(&relp->offers, RELP_OFFERS_BYTES);
    relp->begun = false;
    relp->state = relp->data_left ? RELP_STATE_DATA : RELP_STATE_TRAILER;
    return RELP_MORE;
}

static enum relp_step end_frame(struct relp *relp);

/* Without data the LF follows at once. */
static enum relp_step read_length(struct relp *relp, char byte)
{
    if (is_digit(byte) && relp->count < NUMBER_DIGITS) {
        relp->data_left = relp->data_left * 10 + (uint64_t)(byte - '0');
        relp->count++;
        return RELP_MORE;
    }
    if (relp->count == 0 || byte != (relp->data_left ? ' ' : '\n'))
        return broken(relp, "a frame has no length");
    enum relp_step step = begin_data(relp);
    return step == RELP_MORE && byte == '\n' ? end_frame(relp) : step;
}

/* --- the data -------------------------------------------------------------------------------------------------------------------------- */

void relp_take(struct relp *relp, struct slice *bytes, size_t length)
{
    *bytes = slice_from(*bytes, length);
    relp->data_left -= length;
    if (relp->data_left == 0)
        relp->state = RELP_STATE_TRAILER;
}

static enum relp_step read_data(struct relp *relp, struct slice *bytes, struct slice *data)
{
    *data = slice_first(*bytes, relp->data_left < bytes->length ? (size_t)relp->data_left : bytes->length);
    if (relp->command == RELP_COMMAND_SYSLOG) {
        bool begins = !relp->begun;
        relp->begun = true;
        return begins ? RELP_MESSAGE : RELP_DATA;
    }
    if (relp->command == RELP_COMMAND_OPEN)
        buffer_append_slice(&relp->offers, *data);
    relp_take(relp, bytes, data->length);
    return RELP_MORE;
}

/* An offer is NAME[=VALUE[,VALUE...]], one a line. */
static bool offers_version(struct slice offers)
{
    while (offers.length) {
        ptrdiff_t end = slice_find_byte(offers, '\n');
        struct slice line = slice_trim(end < 0 ? offers : slice_first(offers, (size_t)end));
        if (slice_starts_with(line, SLICE("relp_version=")))
            return true;
        offers = slice_from(offers, end < 0 ? offers.length : (size_t)end + 1);
    }
    return false;
}

static enum relp_step end_open(struct relp *relp)
{
    if (relp->open)
        return RELP_OPEN_AGAIN;
    if (!offers_version(buffer_slice(&relp->offers)))
        return broken(relp, "the session's offers have no relp_version");
    relp->open = true;
    return RELP_OPEN;
}

static enum relp_step end_frame(struct relp *relp)
{
    relp->state = RELP_STATE_TXNR;
    relp->count = 0;
    switch (relp->command) {
    case RELP_COMMAND_OPEN: return end_open(relp);
    case RELP_COMMAND_SYSLOG: return RELP_MESSAGE_END;
    case RELP_COMMAND_CLOSE: return RELP_CLOSE;
    case RELP_COMMAND_OTHER: return RELP_UNKNOWN;
    case RELP_COMMAND_HINT: break;
    }
    return RELP_MORE;
}

/* --- steps ----------------------------------------------------------------------------------------------------------------------------- */

static char take_byte(struct slice *bytes)
{
    char byte = bytes->bytes[0];
    *bytes = slice_from(*bytes, 1);
    return byte;
}

static enum relp_step step(struct relp *relp, struct slice *bytes, struct slice *data)
{
    switch (relp->state) {
    case RELP_STATE_TXNR: return read_transaction(relp, take_byte(bytes));
    case RELP_STATE_COMMAND: return read_command(relp, take_byte(bytes));
    case RELP_STATE_LENGTH: return read_length(relp, take_byte(bytes));
    case RELP_STATE_DATA: return read_data(relp, bytes, data);
    case RELP_STATE_TRAILER:
        return take_byte(bytes) == '\n' ? end_frame(relp) : broken(relp, "a frame does not end with LF: its length was wrong");
    case RELP_STATE_BROKEN: break;
    }
    return RELP_BROKEN;
}

enum relp_step relp_next(struct relp *relp, struct slice *bytes, struct slice *data)
{
    enum relp_step next = RELP_MORE;

    *data = slice_make(NULL, 0);
    while (next == RELP_MORE && bytes->length)
        next = step(relp, bytes, data);
    return next;
}

/* --- responses ------------------------------------------------------------------------------------------------------------------------- */

void relp_append_response(struct buffer *out, uint32_t transaction, struct slice text)
{
    buffer_printf(out, "%u rsp %zu ", (unsigned int)transaction, text.length);
    buffer_append_slice(out, text);
    buffer_append_byte(out, '\n');
}

void relp_append_open_response(struct buffer *out, uint32_t transaction)
{
    relp_append_response(out, transaction, SLICE("200 OK\nrelp_version=0\nrelp_software=harrier," PACKAGE_VERSION "\ncommands=syslog"));
}

void relp_append_server_close(struct buffer *out)
{
    buffer_append_text(out, "0 serverclose 0\n");
}
