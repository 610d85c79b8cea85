/* SPDX-License-Identifier: Apache-2.0 */
/* What YARA-L expressions work on while they run: values, functions, regexes, look-ups in lists. */
#ifndef HARRIER_YARAL_VALUE_H
#define HARRIER_YARAL_VALUE_H

#include "harrier/base/arena.h"
#include "harrier/base/clock.h"
#include "harrier/base/result.h"
#include "harrier/regex.h"
#include "harrier/udm.h"

enum yaral_type { YARAL_NOTHING, YARAL_STRING, YARAL_INT, YARAL_FLOAT, YARAL_BOOL, YARAL_BYTES, YARAL_ENUM };

struct yaral_value {
    enum yaral_type type; /* a list: the elements' type */
    bool is_list;
    bool is_sensitive; /* it holds what must not be shown, or was made from it; kept where values are worked out to be shown */
    union {
        struct slice string; /* STRING, BYTES */
        int64_t integer;     /* INT, ENUM */
        double number;       /* FLOAT */
        bool boolean;
        struct {
            const struct yaral_value *items;
            size_t count;
        } list;
    };
    const struct udm_enum *enumeration; /* ENUM */
    const struct json_node *origin;     /* where it stood in the event; NULL if it was made */
};

enum yaral_aggregate {
    YARAL_MAX, YARAL_MIN, YARAL_SUM, YARAL_COUNT, YARAL_COUNT_DISTINCT, YARAL_ARRAY, YARAL_ARRAY_DISTINCT,
    YARAL_AVG, YARAL_STDDEV, YARAL_EARLIEST, YARAL_LATEST,
    YARAL_AGGREGATE_NONE
};
/* AGGREGATE_NONE when there is no aggregate of that name. */
enum yaral_aggregate yaral_aggregate_find(struct slice name);

static inline struct yaral_value yaral_string(struct slice text)
{
    return (struct yaral_value){.type = YARAL_STRING, .string = text};
}
static inline struct yaral_value yaral_int(int64_t integer)
{
    return (struct yaral_value){.type = YARAL_INT, .integer = integer};
}
static inline struct yaral_value yaral_float(double number)
{
    return (struct yaral_value){.type = YARAL_FLOAT, .number = number};
}
static inline struct yaral_value yaral_bool(bool boolean)
{
    return (struct yaral_value){.type = YARAL_BOOL, .boolean = boolean};
}

/* The zero value of a type: "", 0, 0.0, false. */
struct yaral_value yaral_zero(enum yaral_type type);
/* A value of a record's field, by the field's type: timestamps through part (whole: seconds), structs "" . */
struct yaral_value yaral_from_udm(const struct udm_field *field, const struct udm_value *value, enum udm_part part);
/* Equal by type and content; numbers by value over int and float; strings with nocase by simple Unicode folding. */
bool yaral_equal(const struct yaral_value *a, const struct yaral_value *b, bool nocase);
/* <0, 0, >0 by number (INT, FLOAT, ENUM, BOOL) or bytes (strings). */
int yaral_compare(const struct yaral_value *a, const struct yaral_value *b);
/* As it is shown to people and joined by strings.concat: whole floats without ".0", enums by name, lists as [a, b]. */
struct slice yaral_to_text(struct arena *arena, const struct yaral_value *value);
double yaral_to_double(const struct yaral_value *value);
/* Simple case folding of a whole text. */
struct slice yaral_fold(struct arena *arena, struct slice text);

/* --- lists --------------------------------------------------------------------------------------------------------------------------- */

struct yaral_list;
/* Is the value in the list, in the way (string, regex, CIDR; nocase) the list was made ready for? Never TRUTH_UNREAD. */
enum truth yaral_list_contains(const struct yaral_list *list, struct regex_matcher *matcher, struct arena *arena, struct slice value);

/* --- functions ------------------------------------------------------------------------------------------------------------ */

/* What a function may use while it runs. */
struct yaral_call_context {
    struct arena *arena;           /* for results; gone when the event is */
    struct regex_matcher *matcher;
    clock_nanos now;               /* timestamp.now() */
    bool unknown;                  /* a function sets it when it could not tell (a regex that gave up): the predicate is unknown */
};

/* A function's argument as the checker knows it before anything runs. */
struct yaral_argument {
    enum yaral_type type;
    bool is_list;              /* a list value (an aggregate's result, strings.split ...) */
    bool is_field;             /* a UDM field; repeated: with more than one value */
    bool is_repeated;
    bool is_regex;             /* a /.../ literal: its pattern is in constant.string */
    bool is_constant;
    struct yaral_value constant;
};

enum yaral_function_place { YARAL_IN_EVENTS = 1, YARAL_IN_OUTCOME = 2, YARAL_IN_CONDITION = 4 };

struct yaral_function {
    const char *name;      /* "re.regex" */
    const char *signature; /* for people: "re.regex(text, pattern) -> bool" */
    const char *help;      /* one line */
    unsigned int places;   /* where it may stand */
    const char *refused;   /* not NULL: why it cannot work outside Google; then nothing below is set */
    bool needs_match;      /* window.*: only in rules with match */
    bool whole_field;      /* arrays.length: the argument is the whole repeated field, given as a list, not a row's value */
    enum yaral_type type;  /* of the result */
    bool is_list;
    const char *parameters; /* what `check` goes by: a letter each, see daemon/yaral/function.h */
    bool google_lacks;     /* ours, not in Google's documentation: warned under check --google */
    /* Number and types of the arguments. False: *error (in the arena) says what is wrong and what to do, *guilty which argument. */
    bool (*check)(const struct yaral_function *function, const struct yaral_argument *arguments, size_t count, struct arena *arena, struct slice *error, size_t *guilty);
    /* The result's type where it depends on the arguments' (math.abs, if-like); NULL: `type`. */
    enum yaral_type (*result_type)(const struct yaral_argument *arguments, size_t count);
    /* Made once at load from constant arguments: a compiled regex, a parsed CIDR. May be NULL. nocase: the keyword stood behind the call. */
    enum result (*prepare)(const struct yaral_argument *arguments, size_t count, bool nocase, struct arena *arena, void **prepared, struct slice *error, size_t *guilty);
    void (*release)(void *prepared);
    bool takes_nocase;
    /* The value, from the arguments' values. Pure. */
    struct yaral_value (*call)(struct yaral_call_context *context, const void *prepared, const struct yaral_value *arguments, size_t count);
};

/* NULL when there is none; *suggestion (may be NULL) then the nearest name or NULL. */
const struct yaral_function *yaral_function_find(struct slice name, const char **suggestion);
const struct yaral_function *yaral_function_at(size_t index); /* NULL past the end; in alphabetical order */

#endif
