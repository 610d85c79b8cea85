/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of code points: RE2's named classes, case folding, negation. */
#include "regex.h"

#include "harrier/base/memory.h"
#include "harrier/base/utf8.h"

#include <stdlib.h>

struct regex_class *regex_class_new(struct arena *arena)
{
    struct regex_class *set = ARENA_NEW(arena, struct regex_class);
    set->arena = arena;
    return set;
}

void regex_class_add(struct regex_class *set, uint32_t low, uint32_t high)
{
    if (set->count == set->capacity) {
        size_t capacity = set->capacity ? set->capacity * 2 : 8;
        struct code_range *ranges = arena_calloc(set->arena, capacity, sizeof *ranges);
        if (set->count)
            memcpy(ranges, set->ranges, set->count * sizeof *ranges);
        set->ranges = ranges;
        set->capacity = capacity;
    }
    set->ranges[set->count++] = (struct code_range){low, high};
}

static int compare_ranges(const void *a, const void *b)
{
    const struct code_range *left = a, *right = b;
    return left->low < right->low ? -1 : left->low > right->low;
}

void regex_class_normalize(struct regex_class *set)
{
    size_t kept = 0;

    if (set->count == 0)
        return;
    qsort(set->ranges, set->count, sizeof *set->ranges, compare_ranges);
    for (size_t i = 1; i < set->count; i++) {
        struct code_range *last = &set->ranges[kept];
        if (set->ranges[i].low <= last->high + 1) {
            if (set->ranges[i].high > last->high)
                last->high = set->ranges[i].high;
        } else {
            set->ranges[++kept] = set->ranges[i];
        }
    }
    set->count = kept + 1;
}

void regex_class_add_class(struct regex_class *set, const struct regex_class *other)
{
    for (size_t i = 0; i < other->count; i++)
        regex_class_add(set, other->ranges[i].low, other->ranges[i].high);
    regex_class_normalize(set);
}

void regex_class_negate(struct regex_class *set)
{
    struct regex_class rest = {.arena = set->arena};
    uint32_t next = 0;

    for (size_t i = 0; i < set->count; i++) {
        if (set->ranges[i].low > next)
            regex_class_add(&rest, next, set->ranges[i].low - 1);
        next = set->ranges[i].high + 1;
    }
    if (next <= REGEX_LAST_CODE_POINT)
        regex_class_add(&rest, next, REGEX_LAST_CODE_POINT);
    *set = rest;
}

bool regex_class_has(const struct regex_class *set, uint32_t code_point)
{
    size_t low = 0, high = set->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (set->ranges[middle].high < code_point)
            low = middle + 1;
        else
            high = middle;
    }
    return low < set->count && set->ranges[low].low <= code_point;
}

/* --- case ---------------------------------------------------------------------------------------------------------------- */

/* Code points that fold to another's lower case without being its upper case (CaseFolding.txt, status C and S). With the two simple
 * mappings they make up the whole class of equals. */
static const struct {
    uint32_t code_point;
    uint32_t folded;
} third_forms[] = {
    {0x00B5, 0x03BC}, {0x017F, 's'},    {0x01C5, 0x01C6}, {0x01C8, 0x01C9}, {0x01CB, 0x01CC}, {0x01F2, 0x01F3}, {0x0345, 0x03B9},
    {0x03C2, 0x03C3}, {0x03D0, 0x03B2}, {0x03D1, 0x03B8}, {0x03D5, 0x03C6}, {0x03D6, 0x03C0}, {0x03F0, 0x03BA}, {0x03F1, 0x03C1},
    {0x03F4, 0x03B8}, {0x03F5, 0x03B5}, {0x1C80, 0x0432}, {0x1C81, 0x0434}, {0x1C82, 0x043E}, {0x1C83, 0x0441}, {0x1C84, 0x0442},
    {0x1C85, 0x0442}, {0x1C86, 0x044A}, {0x1C87, 0x0463}, {0x1C88, 0xA64B}, {0x1E9B, 0x1E61}, {0x1E9E, 0x00DF}, {0x1FBE, 0x03B9},
    {0x2126, 0x03C9}, {0x212A, 'k'},    {0x212B, 0x00E5},
};

/* Beyond it nothing has case (Adlam's small letters end at U+1E943). */
enum { LAST_CASED = 0x1E943, DOTTED_CAPITAL_I = 0x130, DOTLESS_SMALL_I = 0x131 };

static void add_equals(struct regex_class *set, uint32_t code_point)
{
    /* The Turkish i's fold to i in Turkish only. */
    if (code_point == DOTTED_CAPITAL_I || code_point == DOTLESS_SMALL_I)
        return;
    uint32_t folded = utf8_to_lower(utf8_to_upper(code_point));
    uint32_t upper = utf8_to_upper(folded);
    if (folded != code_point)
        regex_class_add(set, folded, folded);
    if (upper != code_point && upper != folded)
        regex_class_add(set, upper, upper);
    for (size_t i = 0; i < sizeof third_forms / sizeof third_forms[0]; i++) {
        if (third_forms[i].folded == folded)
            regex_class_add(set, third_forms[i].code_point, third_forms[i].code_point);
    }
}

void regex_class_fold(struct regex_class *set)
{
    regex_class_normalize(set);
    size_t count = set->count;
    for (size_t i = 0; i < count; i++) {
        struct code_range range = set->ranges[i];
        for (uint32_t code_point = range.low; code_point <= range.high && code_point <= LAST_CASED; code_point++)
            add_equals(set, code_point);
    }
    regex_class_normalize(set);
}

/* --- named classes --------------------------------------------------------------------------------------------------------- */

struct named_class {
    const char *name;
    const char *ranges; /* pairs of characters */
    size_t length;
};

#define NAMED(name, ranges) {name, ranges, sizeof(ranges) - 1}

static const struct named_class posix_classes[] = {
    NAMED("alnum", "09AZaz"),
    NAMED("alpha", "AZaz"),
    NAMED("ascii", "\x00\x7F"),
    NAMED("blank", "\t\t  "),
    NAMED("cntrl", "\x00\x1F\x7F\x7F"),
    NAMED("digit", "09"),
    NAMED("graph", "!~"),
    NAMED("lower", "az"),
    NAMED("print", " ~"),
    NAMED("punct", "!/:@[`{~"),
    NAMED("space", "\t\r  "),
    NAMED("upper", "AZ"),
    NAMED("word", "09AZaz__"),
    NAMED("xdigit", "09AFaf"),
};

static void add_pairs(struct regex_class *set, const char *ranges, size_t length)
{
    for (size_t i = 0; i + 1 < length; i += 2)
        regex_class_add(set, (unsigned char)ranges[i], (unsigned char)ranges[i + 1]);
    regex_class_normalize(set);
}

void regex_class_add_perl(struct regex_class *set, char name)
{
    switch (name) {
    case 'd': add_pairs(set, "09", 2); break;
    case 's': add_pairs(set, "\t\n\f\r  ", 6); break; /* without \v, which POSIX's [:space:] has */
    default: add_pairs(set, "09AZaz__", 8); break;
    }
}

bool regex_class_add_posix(struct regex_class *set, struct slice name)
{
    for (size_t i = 0; i < sizeof posix_classes / sizeof posix_classes[0]; i++) {
        if (slice_is(name, posix_classes[i].name)) {
            add_pairs(set, posix_classes[i].ranges, posix_classes[i].length);
            return true;
        }
    }
    return false;
}

/* General categories (UAX #44, table 12). RE2's C has no Cn in it. */
static const char *const categories[] = {
    "Cc", "Cf", "Co", "Cs", "L", "Ll", "Lm", "Lo", "Lt", "Lu", "M", "Mc", "Me", "Mn", "N", "Nd", "Nl", "No",
    "P", "Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps", "S", "Sc", "Sk", "Sm", "So", "Z", "Zl", "Zp", "Zs",
};

/* Names of scripts (Scripts.txt) as RE2 knows them. */
static const char *const scripts[] = {
    "Adlam", "Ahom", "Anatolian_Hieroglyphs", "Arabic", "Armenian", "Avestan", "Balinese", "Bamum", "Bassa_Vah", "Batak", "Bengali",
    "Bhaiksuki", "Bopomofo", "Brahmi", "Braille", "Buginese", "Buhid", "Canadian_Aboriginal", "Carian", "Caucasian_Albanian", "Chakma",
    "Cham", "Cherokee", "Chorasmian", "Common", "Coptic", "Cuneiform", "Cypriot", "Cypro_Minoan", "Cyrillic", "Deseret", "Devanagari",
    "Dives_Akuru", "Dogra", "Duployan", "Egyptian_Hieroglyphs", "Elbasan", "Elymaic", "Ethiopic", "Georgian", "Glagolitic", "Gothic",
    "Grantha", "Greek", "Gujarati", "Gunjala_Gondi", "Gurmukhi", "Han", "Hangul", "Hanifi_Rohingya", "Hanunoo", "Hatran", "Hebrew",
    "Hiragana", "Imperial_Aramaic", "Inherited", "Inscriptional_Pahlavi", "Inscriptional_Parthian", "Javanese", "Kaithi", "Kannada",
    "Katakana", "Kawi", "Kayah_Li", "Kharoshthi", "Khitan_Small_Script", "Khmer", "Khojki", "Khudawadi", "Lao", "Latin", "Lepcha",
    "Limbu", "Lisu", "Lycian", "Lydian", "Mahajani", "Makasar", "Malayalam", "Mandaic", "Manichaean", "Marchen", "Masaram_Gondi",
    "Medefaidrin", "Meetei_Mayek", "Mende_Kikakui", "Meroitic_Cursive", "Meroitic_Hieroglyphs", "Miao", "Modi", "Mongolian", "Mro",
    "Multani", "Myanmar", "Nabataean", "Nag_Mundari", "Nandinagari", "New_Tai_Lue", "Newa", "Nko", "Nushu", "Nyiakeng_Puachue_Hmong",
    "Ogham", "Ol_Chiki", "Old_Hungarian", "Old_Italic", "Old_North_Arabian", "Old_Permic", "Old_Persian", "Old_Sogdian",
    "Old_South_Arabian", "Old_Turkic", "Old_Uyghur", "Oriya", "Osage", "Osmanya", "Pahawh_Hmong", "Palmyrene", "Pau_Cin_Hau",
    "Phags_Pa", "Phoenician", "Psalter_Pahlavi", "Rejang", "Runic", "Samaritan", "Saurashtra", "Sharada", "Shavian", "Siddham",
    "SignWriting", "Sinhala", "Sora_Sompeng", "Soyombo", "Sundanese", "Syloti_Nagri", "Syriac", "Tagalog", "Tagbanwa", "Tai_Le",
    "Tai_Tham", "Tai_Viet", "Takri", "Tamil", "Tangsa", "Tangut", "Telugu", "Thaana", "Thai", "Tibetan", "Tifinagh", "Tirhuta", "Toto",
    "Ugaritic", "Vai", "Vithkuqi", "Wancho", "Warang_Citi", "Yezidi", "Yi", "Zanabazar_Square",
};

static bool is_one_of(struct slice name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_is(name, names[i]))
            return true;
    }
    return false;
}

/* The pattern's matches among all code points from first to last, as runs. The code points are written one after another, so a match
 * of `[...]+` is a run of neighbours. */
static void add_runs(struct regex_class *set, const pcre2_code *code, pcre2_match_data *data, uint32_t first, uint32_t last)
{
    struct buffer text = {0};
    PCRE2_SIZE at = 0;

    buffer_reserve(&text, (size_t)(last - first + 1) * 4);
    for (uint32_t code_point = first; code_point <= last; code_point++)
        text.length += utf8_encode(code_point, text.bytes + text.length);
    while (at < text.length && pcre2_match(code, (PCRE2_SPTR)text.bytes, text.length, at, PCRE2_NO_UTF_CHECK, data, NULL) > 0) {
        const PCRE2_SIZE *found = pcre2_get_ovector_pointer(data);
        uint32_t low, high;
        size_t final = found[1] - 1;
        while (((unsigned char)text.bytes[final] & 0xC0) == 0x80)
            final--;
        utf8_decode(slice_make(text.bytes + found[0], found[1] - found[0]), &low);
        utf8_decode(slice_make(text.bytes + final, found[1] - final), &high);
        regex_class_add(set, low, high);
        at = found[1];
    }
    buffer_free(&text);
}

/* What a PCRE2 class holds, asked of PCRE2, so that both matchers have the same Unicode tables. */
static bool add_by_pcre2(struct regex_class *set, const char *items)
{
    enum { FIRST_SURROGATE = 0xD800, LAST_SURROGATE = 0xDFFF };
    int error;
    PCRE2_SIZE where;
    char *pattern = xasprintf("[%s]+", items);
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, PCRE2_UTF, &error, &where, NULL);

    free(pattern);
    if (!code)
        return false;
    pcre2_jit_compile(code, PCRE2_JIT_COMPLETE); /* without JIT it takes longer, that is all */
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    add_runs(set, code, data, 0, FIRST_SURROGATE - 1);
    add_runs(set, code, data, LAST_SURROGATE + 1, REGEX_LAST_CODE_POINT);
    regex_class_normalize(set);
    pcre2_match_data_free(data);
    pcre2_code_free(code);
    return true;
}

bool regex_class_add_property(struct regex_class *set, struct slice name, const char **pcre2)
{
    const char *items;

    if (slice_is(name, "Any"))
        items = "\\x{0}-\\x{10ffff}";
    else if (slice_is(name, "C"))
        items = "\\p{Cc}\\p{Cf}\\p{Co}\\p{Cs}";
    else if (is_one_of(name, categories, sizeof categories / sizeof categories[0]))
        items = arena_printf(set->arena, "\\p{%.*s}", SLICE_ARGS(name)).bytes;
    else if (is_one_of(name, scripts, sizeof scripts / sizeof scripts[0]))
        items = arena_printf(set->arena, "\\p{sc:%.*s}", SLICE_ARGS(name)).bytes; /* sc: not the script's extensions */
    else
        return false;
    if (pcre2)
        *pcre2 = items;
    return add_by_pcre2(set, items);
}
