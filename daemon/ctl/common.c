/* SPDX-License-Identifier: Apache-2.0 */
#include "common.h"

#include <errno.h>
#include <stdarg.h>
#include <unistd.h>

static __attribute__((format(printf, 1, 0))) void write_message(const char *format, va_list arguments)
{
    struct buffer line = {NULL, 0, 0};
    char *message;

    if (vasprintf(&message, format, arguments) < 0)
        return;
    buffer_append_text(&line, "harrierctl: ");
    display_escape(&line, slice_of(message));
    fflush(stdout);
    fprintf(stderr, "%s\n", line.bytes);
    buffer_free(&line);
    free(message);
}

int fail(int code, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    write_message(format, arguments);
    va_end(arguments);
    return code;
}

void note(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    write_message(format, arguments);
    va_end(arguments);
}

int exit_code_of(enum result result)
{
    switch (result) {
    case RESULT_OK: return EX_OK;
    case RESULT_NOT_FOUND:
    case RESULT_DENIED:
    case RESULT_IO: return EX_NOINPUT;
    case RESULT_UNSUPPORTED: return EX_UNAVAILABLE;
    default: return EX_DATAERR;
    }
}

bool print_buffer(struct buffer *buffer)
{
    bool written = buffer->length == 0 || fwrite(buffer->bytes, 1, buffer->length, stdout) == buffer->length;

    buffer_reset(buffer, 1 << 20);
    return written;
}

int finish_output(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return EX_OK;
    return fail(EX_IOERR, "the output could not be written: %s", strerror(errno));
}

bool wants_table(const struct arguments *arguments, const struct display *display, bool *table)
{
    static const char *const forms[] = {"table", "ndjson"};
    const char *form = arguments_value(arguments, "output");

    *table = form ? strcmp(form, "table") == 0 : display->terminal;
    if (!form || *table || strcmp(form, "ndjson") == 0)
        return true;
    const char *nearest = arguments_nearest(form, forms, 2);
    fail(EX_USAGE, "-o %s: there is table and ndjson%s%s%s", form, nearest ? "; did you mean " : "", nearest ? nearest : "",
         nearest ? "?" : "");
    return false;
}

const char *config_path(const struct arguments *arguments)
{
    const char *path = arguments_value(arguments, "config");

    if (path)
        return path;
    return access(DEFAULT_CONFIG, R_OK) == 0 ? DEFAULT_CONFIG : NULL;
}

int load_config(const char *path, struct config **config)
{
    struct diagnostics *diagnostics = diagnostics_new();
    enum result result = config_load(path, CONFIG_SECRETS_ELSEWHERE, diagnostics, config);

    if (result)
        diagnostics_print(diagnostics, stderr);
    diagnostics_free(diagnostics);
    return exit_code_of(result);
}
