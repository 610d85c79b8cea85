/* SPDX-License-Identifier: Apache-2.0 */
/* What people see on a terminal: outside text made harmless, widths, colour, tables. */
#ifndef HARRIER_CTL_DISPLAY_H
#define HARRIER_CTL_DISPLAY_H

#include "harrier/base/buffer.h"
#include "harrier/base/clock.h"

#include <stdio.h>

enum display_style { STYLE_PLAIN, STYLE_BOLD, STYLE_DIM, STYLE_RED, STYLE_YELLOW, STYLE_GREEN, STYLE_CYAN, STYLE_ALARM };

/* How the output is shown. */
struct display {
    bool terminal; /* else: NDJSON, unless tables are asked for */
    bool colour;   /* only on a terminal, without NO_COLOR (no-color.org), TERM not "dumb" */
    size_t width;  /* columns */
};

struct display display_of(FILE *out);

/* Appends the text as one line that cannot drive a terminal or mislead the reader: control characters and bytes that are no UTF-8 as \xHH;
 * what changes the direction of writing, and characters that take no room, as \u{H}. */
void display_escape(struct buffer *out, struct slice text);
/* The text with each run of blanks and newlines as one blank: a condition as one line. The caller frees it. */
char *display_one_line(struct slice text);
/* Appends JSON text and a newline: the same document, with what display_escape would not let through as JSON's own \\uXXXX. So it is one line for every
 * reader (some end a line at U+0085 or U+2028 too), and harmless on a terminal. */
void display_json_line(struct buffer *out, struct slice json);
/* Columns that the escaped text takes: East Asian wide characters and pictures take two. */
size_t display_width(struct slice text);
/* The style's escape sequence, or nothing without colour. STYLE_PLAIN ends a style. */
void display_style(const struct display *display, struct buffer *out, enum display_style style);
/* The (not yet escaped) text, escaped, in a style. */
void display_text(const struct display *display, struct buffer *out, enum display_style style, struct slice text);
/* Appends the text, escaped and wrapped at blanks (a longer word anywhere): lines after the first begin at column `indent`; the first begins
 * where the output stands, which must be `indent` too. No newline at the end. */
void display_wrapped(const struct display *display, struct buffer *out, enum display_style style, struct slice text, size_t indent);

enum display_style display_severity_style(struct slice severity);

/* "3 s", "5 min", "2 h", "4 d" for a length of time. */
void display_duration(struct buffer *out, clock_nanos length);
/* "512 B", "1.4 MiB". */
void display_bytes(struct buffer *out, uint64_t bytes);
/* "2026-01-02 03:04:05Z": for tables. */
void display_time(struct buffer *out, clock_nanos instant);

/* --- tables ---------------------------------------------------------------------------------------------------------------------- */

struct display_column {
    const char *title;
    size_t least; /* columns that it has whatever is in it: it gives way no further, and rows printed later fit in */
    bool right;   /* numbers */
};

/* Rows are kept until table_print, which gives each column what its longest cell needs; where the width is too small, the widest columns give
 * way and their cells go over several lines. */
struct table;

struct table *table_new(const struct display *display, const struct display_column *columns, size_t column_count);
void table_free(struct table *table);
/* The next cell of the row, not yet escaped. */
void table_cell(struct table *table, enum display_style style, struct slice text);
void table_cell_text(struct table *table, enum display_style style, const char *text);
size_t table_rows(const struct table *table);
/* Appends the rows (with the titles, the first time) and forgets them. */
void table_print(struct table *table, struct buffer *out);

#endif
