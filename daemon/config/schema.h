/* SPDX-License-Identifier: Apache-2.0 */
/* The one table that the configuration is read, checked and documented by. */
#ifndef HARRIER_CONFIG_SCHEMA_H
#define HARRIER_CONFIG_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum option_type {
    OPTION_STRING,      /* const char * */
    OPTION_PATH,        /* const char *, made absolute from the file's folder; empty stays empty */
    OPTION_INTEGER,     /* int64_t */
    OPTION_NUMBER,      /* double */
    OPTION_SIZE,        /* uint64_t, bytes */
    OPTION_DURATION,    /* clock_nanos */
    OPTION_BOOL,        /* bool */
    OPTION_ADDRESS,     /* struct config_address */
    OPTION_CHOICE,      /* an enum */
    OPTION_STRINGS,     /* struct config_strings */
    OPTION_PATTERNS,    /* struct config_strings, glob patterns made absolute */
    OPTION_PAIRS,       /* struct config_pairs */
    OPTION_SECRET_FILE, /* struct config_secret, shared by the three forms of a secret */
    OPTION_SECRET_CREDENTIAL,
    OPTION_SECRET_LITERAL,
    OPTION_SECTION, /* a struct within */
    OPTION_RECORDS  /* pointer to an array, and its count */
};

struct option_choice {
    const char *name;
    int value;
};

struct option_table;

/* One option. Where it has a default, that is text as a person would write it, read by the same code as the file. */
struct option {
    const char *name;
    enum option_type type;
    size_t offset;        /* in the struct of its section or record */
    size_t count_offset;  /* OPTION_RECORDS: of the size_t that counts them */
    const char *standard; /* default; NULL: none (zero, empty) */
    bool required;
    double least, most; /* OPTION_INTEGER, NUMBER; SIZE in bytes; DURATION in nanoseconds; PAIRS, RECORDS, STRINGS: most entries */
    unsigned int types; /* bits of the record types that have it; 0: all */
    const struct option_choice *choices; /* OPTION_CHOICE; OPTION_INTEGER: words that stand for a number. Ends with a NULL name */
    const struct option_table *table;    /* OPTION_SECTION, OPTION_RECORDS */
    const char *help;                    /* sentences for the manual */
};

/* The options of one section or record. A record's struct begins with its struct config_place. */
struct option_table {
    const struct option *options;
    size_t count;
    size_t size;               /* bytes of the struct */
    const struct option *type; /* the option that tells a record's type; NULL: there is one type only */
};

extern const struct option_table config_schema;
/* A file that the configuration includes has sources alone. */
struct config_included {
    struct config_source *sources;
    size_t source_count;
};
extern const struct option_table config_included_schema;

/* The name of a type for people: "address", "duration" ... */
const char *option_type_name(enum option_type type);

/* A bound as the file would have it: "16MiB", "10s", "3". */
void option_format_bound(const struct option *option, double value, char text[32]);

/* Calls visit for every option, sections and records before what is in them; path is such as "sources[].listen". */
typedef void option_visitor(void *data, const char *path, const struct option_table *table, const struct option *option);
void config_schema_visit(option_visitor *visit, void *data);

#endif
