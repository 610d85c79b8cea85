/* SPDX-License-Identifier: Apache-2.0 */
#include "progress.h"

#include "display.h"

#include <unistd.h>

enum { WORTH_A_BAR = 4 * 1024 * 1024, BAR_WIDTH = 30 };

struct progress progress_begin(const char *what, uint64_t size)
{
    return (struct progress){.shown = size >= WORTH_A_BAR && isatty(STDERR_FILENO), .what = what, .begun = clock_monotonic()};
}

void progress_show(struct progress *progress, uint64_t done, uint64_t size)
{
    if (!progress->shown)
        return;
    clock_nanos now = clock_monotonic();
    if (progress->drawn && now - progress->last < 100 * CLOCK_MILLISECOND)
        return;
    double part = size ? (double)done / (double)size : 1;
    int full = (int)(part * (double)BAR_WIDTH);
    struct buffer line = {NULL, 0, 0};
    buffer_append_text(&line, "\r\033[K");
    display_escape(&line, slice_of(progress->what));
    buffer_printf(&line, " [%.*s%*s] %3d%%", full, "##############################", BAR_WIDTH - full, "", (int)(part * 100));
    if (part > 0.02) {
        buffer_append_text(&line, "  ");
        display_duration(&line, (clock_nanos)((double)(now - progress->begun) * (1 - part) / part));
        buffer_append_text(&line, " left");
    }
    fwrite(line.bytes, 1, line.length, stderr);
    buffer_free(&line);
    progress->drawn = true;
    progress->last = now;
}

void progress_clear(struct progress *progress)
{
    if (progress->drawn)
        fputs("\r\033[K", stderr);
    progress->drawn = false;
}
