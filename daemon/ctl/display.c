/* SPDX-License-Identifier: Apache-2.0 */
#include "display.h"

#include "harrier/submission.h"
#include "harrier/base/utf8.h"
#include "harrier/base/vector.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { NARROWEST = 40, USUAL_WIDTH = 100 };

struct display display_of(FILE *out)
{
    const char *term = getenv("TERM");
    const char *no_colour = getenv("NO_COLOR");
    const char *columns = getenv("COLUMNS");
    struct winsize size;
    int64_t number;
    struct display display = {.terminal = isatty(fileno(out)), .width = USUAL_WIDTH};

    display.colour = display.terminal && !(no_colour && *no_colour) && !(term && strcmp(term, "dumb") == 0);
    if (display.terminal && ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col)
        display.width = size.ws_col;
    else if (columns && slice_to_int64(slice_of(columns), &number) && number > 0 && number < 10000)
        display.width = (size_t)number;
    if (display.width < NARROWEST)
        display.width = NARROWEST;
    return display;
}

/* --- characters ------------------------------------------------------------------------------------------------------------------ */

struct range {
    uint32_t first;
    uint32_t last;
};

static bool in_ranges(uint32_t code_point, const struct range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (code_point >= ranges[i].first && code_point <= ranges[i].last)
            return true;
    return false;
}

/* Combining marks of the common blocks. */
static bool is_combining(uint32_t code_point)
{
    static const struct range ranges[] = {{0x300, 0x36F}, {0x483, 0x489},   {0x591, 0x5BD},   {0x610, 0x61A},   {0x64B, 0x65F},
                                          {0x6D6, 0x6DC}, {0x93A, 0x93C},   {0x941, 0x948},   {0xE31, 0xE31},   {0xE34, 0xE3A},
                                          {0xE47, 0xE4E}, {0x1AB0, 0x1AFF}, {0x1DC0, 0x1DFF}, {0x20D0, 0x20FF}, {0xFE20, 0xFE2F}};
    return in_ranges(code_point, ranges, sizeof ranges / sizeof ranges[0]);
}

/* East Asian Wide and Fullwidth (UAX 11), and pictures. */
static bool is_wide(uint32_t code_point)
{
    static const struct range ranges[] = {{0x1100, 0x115F},   {0x2E80, 0x303E},   {0x3041, 0xA4CF},  {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},
                                          {0xFE30, 0xFE6F},   {0xFF00, 0xFF60},   {0xFFE0, 0xFFE6},  {0x1F300, 0x1F64F}, {0x1F680, 0x1F6FF},
                                          {0x1F900, 0x1F9FF}, {0x1FA70, 0x1FAFF}, {0x20000, 0x3FFFD}};
    return in_ranges(code_point, ranges, sizeof ranges / sizeof ranges[0]);
}

void display_escape(struct buffer *out, struct slice text)
{
    for (size_t i = 0; i < text.length;) {
        struct slice rest = slice_from(text, i);
        size_t length = utf8_sequence(rest);
        uint32_t code_point = 0;

        if (length)
            utf8_decode(rest, &code_point);
        if (length == 0 || utf8_is_control(code_point)) {
            length = length ? length : 1;
            for (size_t j = 0; j < length; j++)
                buffer_printf(out, "\\x%02x", (unsigned char)rest.bytes[j]);
        } else if (utf8_is_invisible(code_point)) {
            buffer_printf(out, "\\u{%x}", code_point);
        } else {
            buffer_append(out, rest.bytes, length);
        }
        i += length;
    }
}

char *display_one_line(struct slice text)
{
    struct buffer line = {NULL, 0, 0};

    text = slice_trim(text);
    for (size_t i = 0; i < text.length; i++) {
        char c = text.bytes[i];
        if (c != ' ' && c != '\t' && c != '\n' && c != '\r')
            buffer_append_byte(&line, c);
        else if (line.bytes[line.length - 1] != ' ')
            buffer_append_byte(&line, ' ');
    }
    return buffer_take(&line);
}

/* Such characters stand in strings only, where an escape may take their place. The text is valid UTF-8. */
void display_json_line(struct buffer *out, struct slice json)
{
    size_t copied = 0;

    for (size_t i = 0; i < json.length;) {
        uint32_t code_point = (unsigned char)json.bytes[i];
        size_t length = 1;
        if (code_point >= 0x80)
            length = utf8_decode(slice_from(json, i), &code_point);
        if (code_point >= 0x7F && utf8_is_unprintable(code_point)) {
            buffer_append(out, json.bytes + copied, i - copied);
            if (code_point < 0x10000)
                buffer_printf(out, "\\u%04x", code_point);
            else
                buffer_printf(out, "\\u%04x\\u%04x", 0xD800 + ((code_point - 0x10000) >> 10), 0xDC00 + ((code_point - 0x10000) & 0x3FF));
            copied = i + length;
        }
        i += length;
    }
    buffer_append(out, json.bytes + copied, json.length - copied);
    buffer_append_byte(out, '\n');
}

static size_t character_width(uint32_t code_point)
{
    if (code_point < 0x300)
        return 1;
    return is_combining(code_point) ? 0 : is_wide(code_point) ? 2 : 1;
}

size_t display_width(struct slice text)
{
    size_t width = 0;

    for (size_t i = 0; i < text.length;) {
        uint32_t code_point;
        i += utf8_decode(slice_from(text, i), &code_point);
        width += character_width(code_point);
    }
    return width;
}

/* --- style ----------------------------------------------------------------------------------------------------------------------- */

void display_style(const struct display *display, struct buffer *out, enum display_style style)
{
    static const char *const sequences[] = {"\033[0m",  "\033[1m",  "\033[2m",  "\033[31m",
                                            "\033[33m", "\033[32m", "\033[36m", "\033[1;41;97m"};
    if (display->colour)
        buffer_append_text(out, sequences[style]);
}

static void append_styled(const struct display *display, struct buffer *out, enum display_style style, struct slice escaped)
{
    if (style != STYLE_PLAIN)
        display_style(display, out, style);
    buffer_append_slice(out, escaped);
    if (style != STYLE_PLAIN)
        display_style(display, out, STYLE_PLAIN);
}

void display_text(const struct display *display, struct buffer *out, enum display_style style, struct slice text)
{
    struct buffer escaped = {NULL, 0, 0};

    display_escape(&escaped, text);
    append_styled(display, out, style, buffer_slice(&escaped));
    buffer_free(&escaped);
}

/* Takes the next line of at most width columns off the rest: up to its last blank, or else behind a mark in its second half, or as much as fits. */
static struct slice take_line(struct slice *rest, size_t width)
{
    size_t used = 0, end = 0, blank = 0, mark = 0;

    while (end < rest->length) {
        uint32_t code_point;
        size_t length = utf8_decode(slice_from(*rest, end), &code_point);
        size_t columns = character_width(code_point);
        if (used + columns > width && end > 0)
            break;
        if (code_point == ' ')
            blank = end;
        used += columns;
        end += length;
        if (code_point < 0x80 && strchr("_/-.:,", (int)code_point))
            mark = end;
    }
    if (end < rest->length && rest->bytes[end] == ' ')
        blank = end;
    if (end < rest->length && (blank || mark > end / 2))
        end = blank ? blank : mark;
    struct slice line = slice_first(*rest, end);
    *rest = slice_from(*rest, end);
    while (rest->length && rest->bytes[0] == ' ')
        *rest = slice_from(*rest, 1);
    return line;
}

void display_wrapped(const struct display *display, struct buffer *out, enum display_style style, struct slice text, size_t indent)
{
    enum { LEAST = 20 };
    size_t width = display->width > indent + LEAST ? display->width - indent : LEAST;
    struct buffer escaped = {NULL, 0, 0};

    display_escape(&escaped, text);
    struct slice rest = buffer_slice(&escaped);
    for (bool first = true; rest.length; first = false) {
        if (!first)
            buffer_printf(out, "\n%*s", (int)indent, "");
        append_styled(display, out, style, take_line(&rest, width));
    }
    buffer_free(&escaped);
}

enum display_style display_severity_style(struct slice severity)
{
    switch (severity_rank(severity)) {
    case SEVERITY_CRITICAL: return STYLE_ALARM;
    case SEVERITY_HIGH: return STYLE_RED;
    case SEVERITY_MEDIUM: return STYLE_YELLOW;
    case SEVERITY_LOW: return STYLE_CYAN;
    case SEVERITY_INFO: return STYLE_DIM;
    case SEVERITY_UNKNOWN: break;
    }
    return STYLE_BOLD;
}

/* --- quantities ------------------------------------------------------------------------------------------------------------------- */

void display_duration(struct buffer *out, clock_nanos length)
{
    int64_t seconds = length / CLOCK_SECOND;

    if (length < 0)
        seconds = 0;
    if (seconds < 120)
        buffer_printf(out, "%lld s", (long long)seconds);
    else if (seconds < 2 * 3600)
        buffer_printf(out, "%lld min", (long long)(seconds / 60));
    else if (seconds < 2 * 86400)
        buffer_printf(out, "%lld h", (long long)(seconds / 3600));
    else
        buffer_printf(out, "%lld d", (long long)(seconds / 86400));
}

void display_bytes(struct buffer *out, uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double number = (double)bytes;
    size_t unit = 0;

    while (number >= 1024 && unit + 1 < sizeof units / sizeof units[0]) {
        number /= 1024;
        unit++;
    }
    buffer_printf(out, unit ? "%.1f %s" : "%.0f %s", number, units[unit]);
}

void display_time(struct buffer *out, clock_nanos instant)
{
    char text[CLOCK_TEXT_SIZE];

    clock_format_rfc3339(instant, text);
    buffer_printf(out, "%.10s %.8sZ", text, text + 11);
}

/* --- tables ------------------------------------------------------------------------------------------------------------------------ */

struct cell {
    char *text; /* escaped, owned */
    enum display_style style;
};

struct table {
    const struct display *display;
    const struct display_column *columns;
    size_t column_count;
    VECTOR(struct cell) cells; /* row by row */
    bool titled;               /* the titles were printed */
};

struct table *table_new(const struct display *display, const struct display_column *columns, size_t column_count)
{
    struct table *table = xcalloc(1, sizeof *table);
    table->display = display;
    table->columns = columns;
    table->column_count = column_count;
    return table;
}

static void forget_rows(struct table *table)
{
    for (size_t i = 0; i < table->cells.count; i++)
        free(table->cells.items[i].text);
    table->cells.count = 0;
}

void table_free(struct table *table)
{
    if (!table)
        return;
    forget_rows(table);
    VECTOR_FREE(&table->cells);
    free(table);
}

void table_cell(struct table *table, enum display_style style, struct slice text)
{
    struct buffer escaped = {NULL, 0, 0};

    display_escape(&escaped, text);
    VECTOR_PUSH(&table->cells, ((struct cell){buffer_take(&escaped), style}));
}

void table_cell_text(struct table *table, enum display_style style, const char *text)
{
    table_cell(table, style, slice_of(text));
}

size_t table_rows(const struct table *table)
{
    return table->cells.count / table->column_count;
}

enum { GAP = 2 };

static size_t least_width(const struct table *table, size_t column)
{
    size_t title = display_width(slice_of(table->columns[column].title));
    return title > table->columns[column].least ? title : table->columns[column].least;
}

/* The widest column that is not at its least yet; column_count if there is none. */
static size_t widest_column(const struct table *table, const size_t *widths)
{
    size_t widest = table->column_count;

    for (size_t column = 0; column < table->column_count; column++)
        if (widths[column] > least_width(table, column) && (widest == table->column_count || widths[column] >= widths[widest]))
            widest = column;
    return widest;
}

/* What each column's longest cell needs; then, one step at a time, the widest gives way until all fit. */
static void lay_out(const struct table *table, size_t *widths)
{
    size_t total = GAP * (table->column_count - 1);

    for (size_t column = 0; column < table->column_count; column++)
        widths[column] = least_width(table, column);
    for (size_t i = 0; i < table->cells.count; i++) {
        size_t width = display_width(slice_of(table->cells.items[i].text));
        if (width > widths[i % table->column_count])
            widths[i % table->column_count] = width;
    }
    for (size_t column = 0; column < table->column_count; column++)
        total += widths[column];
    for (size_t widest; total > table->display->width && (widest = widest_column(table, widths)) < table->column_count; total--)
        widths[widest]--;
}

static void print_piece(const struct table *table, struct buffer *out, size_t column, size_t width, enum display_style style,
                        struct slice piece)
{
    size_t used = display_width(piece);
    size_t fill = used < width ? width - used : 0;
    bool last = column + 1 == table->column_count;

    if (table->columns[column].right)
        buffer_printf(out, "%*s", (int)fill, "");
    append_styled(table->display, out, piece.length ? style : STYLE_PLAIN, piece);
    if (!last)
        buffer_printf(out, "%*s", (int)((table->columns[column].right ? 0 : fill) + GAP), "");
}

static void print_row(const struct table *table, struct buffer *out, const size_t *widths, const struct cell *cells)
{
    struct slice *rests = xcalloc(table->column_count, sizeof *rests);
    bool more = true;

    for (size_t column = 0; column < table->column_count; column++)
        rests[column] = slice_of(cells[column].text);
    while (more) {
        more = false;
        for (size_t column = 0; column < table->column_count; column++) {
            print_piece(table, out, column, widths[column], cells[column].style, take_line(&rests[column], widths[column]));
            more = more || rests[column].length;
        }
        while (out->length && out->bytes[out->length - 1] == ' ')
            out->length--;
        buffer_append_byte(out, '\n');
    }
    free(rests);
}

static void print_titles(struct table *table, struct buffer *out, const size_t *widths)
{
    struct cell *titles = xcalloc(table->column_count, sizeof *titles);

    for (size_t column = 0; column < table->column_count; column++)
        titles[column] = (struct cell){xstrdup(table->columns[column].title), STYLE_BOLD};
    print_row(table, out, widths, titles);
    for (size_t column = 0; column < table->column_count; column++)
        free(titles[column].text);
    free(titles);
    table->titled = true;
}

void table_print(struct table *table, struct buffer *out)
{
    size_t rows = table_rows(table);
    size_t *widths = xcalloc(table->column_count, sizeof *widths);

    lay_out(table, widths);
    if (rows && !table->titled)
        print_titles(table, out, widths);
    for (size_t row = 0; row < rows; row++)
        print_row(table, out, widths, &table->cells.items[row * table->column_count]);
    forget_rows(table);
    free(widths);
}
