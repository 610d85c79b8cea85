# SPDX-License-Identifier: Apache-2.0
# Makes the C tables of the UDM schema from schema.tsv and enums.tsv (plain POSIX awk):
#   awk -v part=header -f schema.awk enums.tsv schema.tsv > schema_tables.h
#   awk -v part=source -f schema.awk enums.tsv schema.tsv > schema_tables.c
# Both files begin with a line of column names. The order of the rows is kept, so the output is always the same.

function identifier(name) {
    gsub(/[^A-Za-z0-9_]/, "_", name)
    return name
}

function fail(text) {
    print "schema.awk: " FILENAME ": " text > "/dev/stderr"
    failed = 1
    exit 1
}

BEGIN {
    FS = "\t"
    enum_count = message_count = 0
    split("string UDM_STRING bytes UDM_BYTES bool UDM_BOOL int32 UDM_INT int64 UDM_INT uint32 UDM_INT uint64 UDM_INT float UDM_FLOAT " \
          "double UDM_FLOAT timestamp UDM_TIMESTAMP duration UDM_DURATION struct UDM_STRUCT", words, " ")
    for (i = 1; (i + 1) in words; i += 2)
        scalar[words[i]] = words[i + 1]
}

FNR == 1 { file++; next }

# enums.tsv: enum, name, number, source
file == 1 {
    if (!($1 in enum_index)) {
        enum_index[$1] = enum_count
        enum_name[enum_count++] = $1
    }
    e = enum_index[$1]
    value_name[e, enum_size[e] + 0] = $2
    value_number[e, enum_size[e] + 0] = $3 == "" ? enum_size[e] + 0 : $3 # numbers that are not public: the place in the list
    enum_size[e]++
    next
}

# schema.tsv: message, field, type, repeated, enum_or_message, deprecated, source
{
    if (!($1 in message_index)) {
        message_index[$1] = message_count
        message_name[message_count++] = $1
    }
    m = message_index[$1]
    row = message_size[m] + 0
    field_name[m, row] = $2
    field_type[m, row] = $3
    field_repeated[m, row] = $4
    field_kind[m, row] = $5
    field_deprecated[m, row] = $6
    message_size[m]++
}

function print_header(    e, m, row, name) {
    print "#ifndef HARRIER_UDM_SCHEMA_TABLES_H"
    print "#define HARRIER_UDM_SCHEMA_TABLES_H\n"
    print "#include \"harrier/udm.h\"\n"
    print "enum { UDM_ENUM_COUNT = " enum_count ", UDM_MESSAGE_TYPE_COUNT = " message_count " };\n"
    print "extern const struct udm_enum udm_enums[UDM_ENUM_COUNT];"
    print "extern const struct udm_message_type udm_message_types[UDM_MESSAGE_TYPE_COUNT];\n"
    print "/* A field by the names of its message and itself: UDM_FIELD(Noun, user). */"
    print "#define UDM_FIELD(message, field) (&udm_fields_##message[UDM_INDEX_##message##_##field])"
    print "#define UDM_MESSAGE_TYPE(message) (&udm_message_types[UDM_INDEX_##message])\n"
    for (e = 0; e < enum_count; e++) {
        name = identifier(enum_name[e])
        print "enum {"
        for (row = 0; row < enum_size[e]; row++)
            print "    UDM_VALUE_" name "_" value_name[e, row] " = " value_number[e, row] ","
        print "};\n"
    }
    print "enum {"
    for (m = 0; m < message_count; m++)
        print "    UDM_INDEX_" identifier(message_name[m]) ","
    print "};\n"
    for (m = 0; m < message_count; m++) {
        name = identifier(message_name[m])
        print "enum {"
        for (row = 0; row < message_size[m]; row++)
            print "    UDM_INDEX_" name "_" field_name[m, row] ","
        print "};"
        print "extern const struct udm_field udm_fields_" name "[" message_size[m] "];\n"
    }
    print "#endif"
}

function field_text(m, row,    type, kind, target) {
    type = field_type[m, row]
    kind = field_kind[m, row]
    if (kind == "m") {
        if (!(type in message_index))
            fail("no message " type)
        kind = "UDM_MESSAGE"
        target = ", .message = &udm_message_types[UDM_INDEX_" identifier(type) "]"
    } else if (kind == "e") {
        if (!(type in enum_index))
            fail("no enum " type)
        kind = "UDM_ENUM"
        target = ", .enumeration = &udm_enums[" enum_index[type] "]"
    } else {
        if (!(type in scalar))
            fail("no type " type)
        kind = scalar[type]
        target = ""
    }
    return "    {.name = \"" field_name[m, row] "\", .type = " kind (field_repeated[m, row] == 1 ? ", .repeated = true" : "") \
           (field_deprecated[m, row] == 1 ? ", .deprecated = true" : "") target "},"
}

function print_source(    e, m, row, name) {
    print "#include \"schema_tables.h\"\n"
    for (e = 0; e < enum_count; e++) {
        print "static const struct udm_enum_value values_of_" identifier(enum_name[e]) "[] = {"
        for (row = 0; row < enum_size[e]; row++)
            print "    {\"" value_name[e, row] "\", " value_number[e, row] "},"
        print "};\n"
    }
    print "const struct udm_enum udm_enums[UDM_ENUM_COUNT] = {"
    for (e = 0; e < enum_count; e++)
        print "    {\"" enum_name[e] "\", values_of_" identifier(enum_name[e]) ", " enum_size[e] "},"
    print "};\n"
    for (m = 0; m < message_count; m++) {
        name = identifier(message_name[m])
        print "const struct udm_field udm_fields_" name "[" message_size[m] "] = {"
        for (row = 0; row < message_size[m]; row++)
            print field_text(m, row)
        print "};\n"
    }
    print "const struct udm_message_type udm_message_types[UDM_MESSAGE_TYPE_COUNT] = {"
    for (m = 0; m < message_count; m++)
        print "    {\"" message_name[m] "\", udm_fields_" identifier(message_name[m]) ", " message_size[m] "},"
    print "};"
}

END {
    if (failed)
        exit 1
    if (!enum_count || !message_count)
        fail("enums.tsv and schema.tsv are needed, in this order")
    print "/* SPDX-License-Identifier: Apache-2.0 */"
    print "/* Made by schema.awk from schema.tsv and enums.tsv. */"
    if (part == "header")
        print_header()
    else
        print_source()
}
