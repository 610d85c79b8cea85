/* SPDX-License-Identifier: Apache-2.0 */
/* Options of programs that take a password, but do not say so by their name: mysql -p, sshpass -p, redis-cli -a, curl -u; and what is fed to a program
 * that reads one. */
#include "scan.h"

#include <stdlib.h>
#include <string.h>

/* --- tables -------------------------------------------------------------------------------------------------------------------------------------- */

enum option_value {
    OPTION_OTHER,    /* no secret, whatever a later entry says */
    OPTION_SECRET,   /* the next word, or what is attached */
    OPTION_ATTACHED, /* what is attached: without it the program asks */
    OPTION_NEXT,     /* the next word */
    OPTION_LOGIN,    /* as OPTION_SECRET, of the subcommand login alone */
    OPTION_PAIR,     /* name:password */
    OPTION_PERCENT,  /* name%password */
    OPTION_ASSIGNED, /* NAME=value */
};

/* Programs that take the same options. */
enum family {
    MYSQL = 1u << 0,
    SSHPASS = 1u << 1,
    REDIS = 1u << 2,
    MONGO = 1u << 3,
    REGISTRY = 1u << 4,
    CONTAINERS = 1u << 5,
    USER_IS_A_NAME = 1u << 6,
    LDAP = 1u << 7,
    LDAPPASSWD = 1u << 8,
    SQL = 1u << 9,
    SMB = 1u << 10,
    REMOTE = 1u << 11,
    IPMI = 1u << 12,
    ZIP = 1u << 13,
    SEVENZIP = 1u << 14,
    RAR = 1u << 15,
    OPENSSL = 1u << 16,
    USERS = 1u << 17,
    MQTT = 1u << 18,
    SNMP = 1u << 19,
    CURL = 1u << 20,
    HTTPIE = 1u << 21,
    ANY = (1u << 22) - 1 /* and a program that is not known */
};

/* In the order of their names, to be found at once: each word of a text is looked up. */
static const struct program {
    const char *name;
    unsigned int families;
} programs[] = {
    {"7z", SEVENZIP}, {"7za", SEVENZIP}, {"7zr", SEVENZIP}, {"argocd", REGISTRY}, {"az", REGISTRY}, {"bcp", SQL},
    {"buildah", REGISTRY | CONTAINERS}, {"cf", REGISTRY}, {"chown", USER_IS_A_NAME}, {"chroot", USER_IS_A_NAME}, {"crackmapexec", REMOTE},
    {"crane", REGISTRY}, {"crictl", USER_IS_A_NAME}, {"ctr", USER_IS_A_NAME}, {"curl", CURL},
    {"docker", REGISTRY | CONTAINERS | USER_IS_A_NAME}, {"evil-winrm", REMOTE}, {"groupadd", USERS}, {"helm", REGISTRY}, {"http", HTTPIE},
    {"https", HTTPIE}, {"hydra", REMOTE}, {"id", USER_IS_A_NAME}, {"install", USER_IS_A_NAME}, {"ipmitool", REMOTE | IPMI}, {"isql", SQL},
    {"keydb-cli", REDIS}, {"kubectl", REGISTRY | USER_IS_A_NAME}, {"ldapadd", LDAP}, {"ldapcompare", LDAP}, {"ldapdelete", LDAP},
    {"ldapmodify", LDAP}, {"ldapmodrdn", LDAP}, {"ldappasswd", LDAP | LDAPPASSWD}, {"ldapsearch", LDAP}, {"ldapwhoami", LDAP},
    {"mariadb", MYSQL}, {"mariadb-admin", MYSQL}, {"mariadb-dump", MYSQL}, {"mongo", MONGO}, {"mongodump", MONGO}, {"mongoexport", MONGO},
    {"mongoimport", MONGO}, {"mongorestore", MONGO}, {"mongosh", MONGO}, {"mongostat", MONGO}, {"mosquitto_pub", MQTT},
    {"mosquitto_sub", MQTT}, {"mqtt", MQTT}, {"mycli", MYSQL}, {"mysql", MYSQL}, {"mysqladmin", MYSQL}, {"mysqlbinlog", MYSQL},
    {"mysqlcheck", MYSQL}, {"mysqldump", MYSQL}, {"mysqlimport", MYSQL}, {"mysqlsh", MYSQL}, {"mysqlshow", MYSQL}, {"mysqlslap", MYSQL},
    {"nerdctl", REGISTRY | CONTAINERS | USER_IS_A_NAME}, {"net", SMB}, {"netexec", REMOTE}, {"nmblookup", SMB}, {"nxc", REMOTE},
    {"oc", REGISTRY | USER_IS_A_NAME}, {"openssl", OPENSSL}, {"oras", REGISTRY}, {"osql", SQL},
    {"podman", REGISTRY | CONTAINERS | USER_IS_A_NAME}, {"psql", USER_IS_A_NAME}, {"rar", RAR}, {"rdesktop", REMOTE},
    {"redis-cli", REDIS}, {"regctl", REGISTRY}, {"rpcclient", SMB}, {"rsync", USER_IS_A_NAME}, {"runuser", USER_IS_A_NAME},
    {"setpriv", USER_IS_A_NAME}, {"skopeo", REGISTRY}, {"smbclient", SMB}, {"smbget", SMB}, {"smbmap", REMOTE}, {"snmpbulkwalk", SNMP},
    {"snmpget", SNMP}, {"snmpset", SNMP}, {"snmpwalk", SNMP}, {"sqlcmd", SQL}, {"ssh", USER_IS_A_NAME}, {"sshpass", SSHPASS},
    {"su", USER_IS_A_NAME}, {"sudo", USER_IS_A_NAME}, {"systemctl", USER_IS_A_NAME}, {"tsql", SQL}, {"unrar", RAR}, {"unzip", ZIP},
    {"useradd", USERS}, {"usermod", USERS}, {"valkey-cli", REDIS}, {"winexe", SMB}, {"wmic", SMB}, {"xfreerdp", REMOTE}, {"xh", HTTPIE},
    {"zip", ZIP},
};

/* The first entry that fits counts; those of any program come last. */
static const struct {
    unsigned int families;
    const char *option;
    enum option_value value;
} options[] = {
    {MYSQL, "-p", OPTION_ATTACHED},
    {SSHPASS, "-p", OPTION_SECRET},
    {REDIS, "-a", OPTION_NEXT},
    {REDIS, "--pass", OPTION_NEXT},
    {MONGO, "-p", OPTION_SECRET},
    {REGISTRY, "-p", OPTION_LOGIN},
    {CONTAINERS, "-e", OPTION_ASSIGNED},
    {USER_IS_A_NAME, "-u", OPTION_OTHER},
    {USER_IS_A_NAME, "--user", OPTION_OTHER},
    {LDAP, "-w", OPTION_SECRET},
    {LDAPPASSWD, "-s", OPTION_SECRET},
    {SQL, "-P", OPTION_SECRET},
    {SMB, "-U", OPTION_PERCENT},
    {SMB, "--user", OPTION_PERCENT},
    {REMOTE, "-p", OPTION_SECRET},
    {IPMI, "-P", OPTION_SECRET},
    {ZIP, "-P", OPTION_SECRET},
    {SEVENZIP, "-p", OPTION_ATTACHED},
    {RAR, "-hp", OPTION_ATTACHED},
    {RAR, "-p", OPTION_ATTACHED},
    {OPENSSL, "-k", OPTION_NEXT},
    {OPENSSL, "-K", OPTION_NEXT},
    {OPENSSL, "-pass", OPTION_NEXT},
    {USERS, "-p", OPTION_SECRET},
    {MQTT, "-P", OPTION_SECRET},
    {MQTT, "-pw", OPTION_NEXT},
    {SNMP, "-A", OPTION_SECRET},
    {SNMP, "-X", OPTION_SECRET},
    {SNMP, "-c", OPTION_SECRET},
    {CURL, "-b", OPTION_ASSIGNED},
    {CURL, "-U", OPTION_PAIR},
    {CURL, "-E", OPTION_PAIR},
    {CURL, "--pass", OPTION_NEXT},
    {HTTPIE, "-a", OPTION_PAIR},
    {HTTPIE, "--auth", OPTION_PAIR},
    {ANY, "-u", OPTION_PAIR},
    {ANY, "--user", OPTION_PAIR},
    {ANY, "--proxy-user", OPTION_PAIR},
    {ANY, "--oauth2-bearer", OPTION_NEXT},
    {ANY, "--proxy-pass", OPTION_NEXT},
    {ANY, "--from-literal", OPTION_ASSIGNED},
    {ANY, "--env", OPTION_ASSIGNED},
    {ANY, "--set-env-vars", OPTION_ASSIGNED},
    {ANY, "--update-env-vars", OPTION_ASSIGNED},
    {ANY, "--build-arg", OPTION_ASSIGNED},
};

/* The word behind is a password: requirepass x, IDENTIFIED BY 'x', npm config set //r/:_authToken x, machine h login n password x. */
static const struct {
    const char *word;        /* NULL: a secret's name */
    const char *before;      /* the word before, in any case; NULL: any */
    const char *before_last; /* the word before that */
    bool quoted;             /* only if a quote follows */
} phrases[] = {
    {"requirepass", NULL, NULL, false}, {"masterauth", NULL, NULL, false}, {"by", "identified", NULL, true}, {NULL, "set", NULL, false},
    {"password", NULL, NULL, true},     {"password", NULL, "login", false}, {"login", "vault", NULL, false}, {"auth", "redis-cli", NULL, false},
};

/* Programs that read a password, and the word by which they do; NULL: always. */
static const struct {
    const char *program;
    const char *word;
} readers[] = {
    {"chpasswd", NULL}, {"passwd", NULL}, {"smbpasswd", NULL}, {"sudo", "-S"}, {"docker", "login"}, {"podman", "login"}, {"helm", "login"}, {"nerdctl", "login"},
    {"crane", "login"}, {"skopeo", "login"}, {"oras", "login"}, {"az", "login"}, {"vault", "login"}, {"gh", "login"}, {"cryptsetup", NULL},
    {"gpg", "--passphrase-fd"}, {"su", NULL}, {"kinit", NULL},
};

/* --- options of programs --------------------------------------------------------------------------------------------------------------------------- */

static int compare_with_program(const void *word, const void *entry)
{
    const struct slice *name = word;
    const struct program *program = entry;
    size_t length = strlen(program->name);
    int order = memcmp(name->bytes, program->name, name->length < length ? name->length : length);

    return order ? order : (name->length > length) - (name->length < length);
}

/* 0: none that has options of its own. */
static unsigned int families_of(struct slice word)
{
    const struct program *program =
        word.length ? bsearch(&word, programs, sizeof programs / sizeof *programs, sizeof *programs, compare_with_program) : NULL;
    return program ? program->families : 0;
}

static bool is_long(const char *option)
{
    return option[1] == '-' || strlen(option) > 2;
}

/* What the option, alone or with its value attached (-px, --user=x), takes; *length: its own. */
static enum option_value value_of_option(struct slice program, bool has_login, struct slice word, size_t *length)
{
    if (word.length < 2 || word.bytes[0] != '-')
        return OPTION_OTHER;
    unsigned int families = families_of(program);
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        struct slice option = slice_of(options[i].option);
        if ((options[i].families != ANY && !(options[i].families & families)) || !slice_starts_with(word, option) ||
            (options[i].value == OPTION_LOGIN && !has_login))
            continue;
        bool is_alone = word.length == option.length, is_assigned = !is_alone && word.bytes[option.length] == '=';
        if (!is_alone && !is_assigned && (is_long(options[i].option) || options[i].value == OPTION_NEXT))
            continue;
        *length = option.length + (is_assigned && is_long(options[i].option) ? 1 : 0);
        return options[i].value;
    }
    return OPTION_OTHER;
}

/* What stands before the secret in the option's value; 0: nothing does. */
static char sign_of(enum option_value kind)
{
    return kind == OPTION_PAIR ? ':' : kind == OPTION_PERCENT ? '%' : kind == OPTION_ASSIGNED ? '=' : 0;
}

/* Where the secret begins in an option's value; the end: nowhere. */
static size_t secret_in(struct slice text, enum option_value kind)
{
    char sign = sign_of(kind);
    ptrdiff_t found = sign ? slice_find_byte(text, sign) : -1, escaped = kind == OPTION_PAIR ? slice_find(text, SLICE("%3A")) : -1;
    int64_t ignored;

    if (kind == OPTION_OTHER)
        return text.length;
    if (!sign)
        return 0;
    if (kind == OPTION_PAIR && escaped < 0)
        escaped = slice_find(text, SLICE("%3a"));
    size_t begin = found >= 0 ? (size_t)found + 1 : escaped >= 0 ? (size_t)escaped + 3 : text.length;
    struct slice secret = slice_from(text, begin);
    return kind == OPTION_PAIR && slice_to_int64(secret, &ignored) && slice_to_int64(slice_first(text, begin - 1), &ignored) ? text.length : begin;
}

/* --- in texts -------------------------------------------------------------------------------------------------------------------------------------- */

static bool begins_word(const struct scan *scan, size_t i)
{
    int before = i ? scan_at(scan, i - 1) : -1;
    return before < 0 || strchr(" \t\r\n\"'=+,[(;|&`/\\", before) || (i >= 3 && scan_has(scan, i - 3, "%20"));
}

static void note_program(struct scan *scan, const struct name *name)
{
    enum { LONGEST_PROGRAM = 16 };

    if (name->separator == SEPARATOR_NONE && name->text.length <= LONGEST_PROGRAM && begins_word(scan, name->begin) && scan_at(scan, name->end) != '/' &&
        families_of(name->text)) {
        scan->program = name->text;
        scan->has_login = false;
    } else if (scan->program.length && slice_is(name->text, "login")) {
        scan->has_login = true;
    }
}

/* The end of the word that the run at name is the beginning of. */
static size_t end_of_word(const struct scan *scan, const struct name *name)
{
    int before = name->begin ? scan_at(scan, name->begin - 1) : -1;
    struct quote quote = {0, 0, 0};

    if (before == '"' || before == '\'') {
        quote = (struct quote){(char)before, 0, 1};
        for (size_t i = name->begin - 1; i > 0 && scan_at(scan, i - 1) == '\\'; i--)
            quote.backslashes++;
        return scan_quoted_end(scan, name->end, quote);
    }
    if (before == '=' || before == '+')
        return scan_query_word_end(scan, name->end);
    return scan_shell_word_end(scan, name->end);
}

/* Before the end of the word is looked for, which may be far. */
static bool has_secret_near(const struct scan *scan, size_t begin, enum option_value kind)
{
    char sign = sign_of(kind);
    size_t i = begin;

    for (; sign && i < begin + SCAN_NEAR_BYTES; i++) {
        int c = scan_at(scan, i);
        if (c == sign || (kind == OPTION_PAIR && scan_has(scan, i, "%3")))
            return true;
        if (c <= 0 || c == ' ' || scan_is_newline(c))
            return false;
    }
    return !sign;
}

/* Of -p4444 and the like only programs that are known are in the table; -u needs a colon. */
static bool take_out_attached(struct scan *scan, const struct name *name, size_t option, enum option_value kind)
{
    size_t begin = name->begin + option;

    if (!has_secret_near(scan, begin, kind))
        return false;
    size_t end = end_of_word(scan, name), secret = begin + secret_in(scan_slice(scan, begin, end), kind);
    if (secret >= end)
        return false;
    scan_replace_value(scan, secret, end, false, false);
    return true;
}

static bool take_out_next(struct scan *scan, const struct name *name, enum option_value kind)
{
    struct word word;

    if (kind == OPTION_ATTACHED || !scan_next_word(scan, name->end, &word))
        return false;
    size_t secret = word.begin + secret_in(scan_slice(scan, word.begin, word.end), kind);
    if (secret >= word.end || redact_is_option(scan_slice(scan, word.begin, word.end)))
        return false;
    scan_replace_value(scan, secret, word.end, false, word.literal);
    return true;
}

static struct slice word_before(const struct scan *scan, size_t i)
{
    size_t end = i, begin;

    while (end > 0 && i - end < SCAN_NEAR_BYTES && scan_at(scan, end - 1) > ' ' && !strchr("\"'(", scan_at(scan, end - 1)))
        end--; /* of the word itself */
    while (end > 0 && i - end < SCAN_NEAR_BYTES && (scan_at(scan, end - 1) == ' ' || scan_at(scan, end - 1) == '\t'))
        end--;
    for (begin = end; begin > 0 && end - begin < SCAN_NEAR_BYTES && scan_at(scan, begin - 1) != ' ' && !scan_is_newline(scan_at(scan, begin - 1)); begin--)
        ;
    return scan_slice(scan, begin, end);
}

static bool is_phrase(const struct scan *scan, const struct name *name, size_t i, bool is_quoted)
{
    const char *before = phrases[i].before, *before_last = phrases[i].before_last, *named = phrases[i].word;

    if ((phrases[i].quoted && !is_quoted) || (named ? !slice_equal_ascii_nocase(name->text, slice_of(named)) : !redact_is_secret_name(name->text)))
        return false;
    if (!before && !before_last)
        return true;
    struct slice word = word_before(scan, name->begin);
    if (before && !slice_equal_ascii_nocase(word, slice_of(before)))
        return false;
    return !before_last || (word.length && slice_equal_ascii_nocase(word_before(scan, (size_t)(word.bytes - scan->in.bytes)), slice_of(before_last)));
}

static bool take_out_phrase(struct scan *scan, const struct name *name)
{
    size_t behind = scan_at(scan, name->end) == '(' ? name->end + 1 : scan_skip_blanks(scan, name->end);
    struct quote quote = scan_quote_at(scan, behind);
    struct word word = {.begin = behind + quote.length, .literal = quote.mark == '\''};

    if (name->separator != SEPARATOR_NONE || behind == name->end || scan_at(scan, behind) <= 0)
        return false;
    for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++) {
        if (!is_phrase(scan, name, i, quote.mark && !name->quote.mark))
            continue;
        word.end = quote.mark ? scan_quoted_end(scan, word.begin, quote) : scan_shell_word_end(scan, word.begin);
        if (redact_is_option(scan_slice(scan, word.begin, word.end)))
            return false;
        scan_replace_value(scan, word.begin, word.end, false, word.literal);
        return true;
    }
    return false;
}

bool scan_take_out_option(struct scan *scan, const struct name *name)
{
    size_t length;

    if (scan_at(scan, name->begin) != '-') {
        note_program(scan, name);
        return take_out_phrase(scan, name);
    }
    if (!begins_word(scan, name->begin))
        return false;
    enum option_value kind = value_of_option(scan->program, scan->has_login, name->text, &length);
    if (kind == OPTION_OTHER)
        return false;
    if (name->text.length > length)
        return take_out_attached(scan, name, length, kind);
    if (name->separator == SEPARATOR_EQUALS || (length == 2 && scan_goes_on(scan, name->end)))
        return take_out_attached(scan, name, name->separator == SEPARATOR_EQUALS ? name->value - name->begin : length, kind);
    return take_out_next(scan, name, kind);
}

/* --- what is fed to a program ------------------------------------------------------------------------------------------------------------------------- */

/* The program whose name begins at i reads a password. */
static bool reads_password(const struct scan *scan, size_t i)
{
    enum { LONGEST_COMMAND = 160 };
    struct slice rest = slice_first(slice_from(scan->in, i), LONGEST_COMMAND);
    ptrdiff_t end;

    if ((end = slice_find_byte(rest, '\n')) >= 0 || (end = slice_find_byte(rest, '|')) >= 0)
        rest = slice_first(rest, (size_t)end);
    for (size_t k = 0; k < sizeof readers / sizeof *readers; k++) {
        size_t length = strlen(readers[k].program);
        if (slice_starts_with(rest, slice_of(readers[k].program)) && !redact_name_byte_length(slice_from(rest, length)) &&
            (!readers[k].word || slice_find(rest, slice_of(readers[k].word)) > 0))
            return true;
    }
    return false;
}

/* Behind what stands before a program: blanks, sudo with its options, its path. */
static size_t skip_to_program(const struct scan *scan, size_t i)
{
    static const char *const befores[] = {"sudo ", "/usr/sbin/", "/usr/bin/", "/sbin/", "/bin/"};

    i = scan_skip_blanks(scan, i);
    for (size_t k = 0; k < sizeof befores / sizeof *befores; k++)
        if (scan_has(scan, i, befores[k]) && !reads_password(scan, i))
            i = scan_skip_blanks(scan, i + strlen(befores[k]));
    return i;
}

/* What echo and printf write, up to the pipe; i: to no program that reads a password. */
static size_t piped_end(const struct scan *scan, size_t i)
{
    for (size_t end = i; end < i + SCAN_NEAR_BYTES && scan_at(scan, end) > 0; end++) {
        if (scan_at(scan, end) != '|')
            continue;
        return reads_password(scan, skip_to_program(scan, end + 1)) ? end : i;
    }
    return i;
}

/* name:password keeps its name; quotes stay. */
static void take_out_fed(struct scan *scan, size_t begin, size_t end)
{
    while (end > begin && strchr(" \t\"'\\", scan_at(scan, end - 1)))
        end--;
    begin += scan_quote_at(scan, begin).length;
    for (size_t i = begin; i < end && redact_name_byte_length(slice_from(scan->in, i)); i++)
        if (scan_at(scan, i + 1) == ':')
            begin = i + 2;
    scan_replace_value(scan, begin, end, false, false);
}

static bool take_out_echoed(struct scan *scan, const struct name *name)
{
    size_t begin = scan_skip_blanks(scan, name->end);

    while (scan_at(scan, begin) == '-' && scan_at(scan, begin + 2) == ' ')
        begin = scan_skip_blanks(scan, begin + 2);
    size_t end = piped_end(scan, begin);
    if (end == begin)
        return false;
    take_out_fed(scan, begin, end);
    return true;
}

/* cat <<EOF | chpasswd */
static bool has_here_before(const struct scan *scan, size_t i)
{
    for (size_t begin = i; begin > 1 && i - begin < SCAN_NEAR_BYTES && !scan_is_newline(scan_at(scan, begin - 1)); begin--)
        if (scan_has(scan, begin - 1, "<<"))
            return true;
    return false;
}

/* chpasswd <<< name:x, chpasswd <<EOF */
static bool take_out_here(struct scan *scan, const struct name *name)
{
    size_t i = name->end, limit = i + SCAN_NEAR_BYTES;

    if (!reads_password(scan, name->begin))
        return false;
    while (i < limit && scan_at(scan, i) > 0 && !scan_is_newline(scan_at(scan, i)) && !scan_has(scan, i, "<<"))
        i++;
    if (!scan_has(scan, i, "<<") && (!scan_is_newline(scan_at(scan, i)) || !has_here_before(scan, name->begin)))
        return false;
    if (scan_has(scan, i, "<<<")) {
        size_t begin = scan_skip_blanks(scan, i + 3);
        struct quote quote = scan_quote_at(scan, begin);
        take_out_fed(scan, begin, quote.mark ? scan_quoted_end(scan, begin + quote.length, quote) : scan_shell_word_end(scan, begin));
        return true;
    }
    while (i < limit && scan_at(scan, i) > 0 && !scan_is_newline(scan_at(scan, i)))
        i++;
    ptrdiff_t end = slice_find(slice_from(scan->in, i + 1), SLICE("\nEOF"));
    take_out_fed(scan, i + 1 < scan->in.length ? i + 1 : scan->in.length, end < 0 ? scan->in.length : i + 1 + (size_t)end);
    return true;
}

bool scan_take_out_input(struct scan *scan, const struct name *name)
{
    if ((scan_at(scan, name->end) != ' ' && !scan_is_newline(scan_at(scan, name->end))) || !begins_word(scan, name->begin))
        return false;
    if (slice_is(name->text, "echo") || slice_is(name->text, "printf"))
        return take_out_echoed(scan, name);
    return take_out_here(scan, name);
}

/* --- in arrays of words -------------------------------------------------------------------------------------------------------------------------------- */

static struct slice base_name(struct slice path)
{
    return slice_from(path, (size_t)(slice_find_last_byte(path, '/') + 1));
}

/* The program among the first words, and whether it is to log in. */
static struct slice program_of(const struct json_node *words, struct slice program, bool *has_login)
{
    enum { FIRST_WORDS = 12 };
    size_t count = 0;

    for (const struct json_node *word = json_is(words, JSON_ARRAY) ? words->first : NULL; word && count < FIRST_WORDS; word = word->next, count++) {
        struct slice name = base_name(json_string(word));
        if (!program.length && families_of(name))
            program = name;
        *has_login = *has_login || slice_is(name, "login");
    }
    return program;
}

/* The options in args are those of the program in command. */
static enum option_value value_in_array(const struct json_node *word, size_t *length)
{
    bool has_login = false;
    struct slice program = {NULL, 0};

    if (slice_is(word->parent->key, "args"))
        program = program_of(json_member(word->parent->parent, "command"), program, &has_login);
    program = program_of(word->parent, program, &has_login);
    return value_of_option(program, has_login, word->text, length);
}

/* "--password", "hunter2" */
static bool is_option_of_secret(const struct json_node *word)
{
    return slice_starts_with(word->text, SLICE("-")) && slice_find_byte(word->text, '=') < 0 && redact_is_secret_name(word->text);
}

static bool find_attached(const struct json_node *word, size_t *begin)
{
    size_t length = 0;
    enum option_value kind = value_in_array(word, &length);

    if (kind == OPTION_OTHER || word->text.length <= length)
        return false;
    *begin = length + secret_in(slice_from(word->text, length), kind);
    return *begin < word->text.length;
}

static bool find_next(const struct json_node *word, const struct json_node *previous, size_t *begin)
{
    size_t length = 0;

    if (redact_is_option(word->text))
        return false;
    if (is_option_of_secret(previous)) {
        *begin = 0;
        return !redact_is_file_of_secret(previous->text, word->text);
    }
    enum option_value kind = value_in_array(previous, &length);
    if (kind == OPTION_OTHER || kind == OPTION_ATTACHED || previous->text.length != length)
        return false;
    *begin = secret_in(word->text, kind);
    return *begin < word->text.length;
}

/* "config", "set", "requirepass", "x": the same phrases as in a text, without what asks for a quote. */
static bool is_behind_phrase(const struct json_node *word, const struct json_node *previous)
{
    enum { MOST_WORDS = 64 };
    struct slice before = {NULL, 0};

    if (word->parent->count > MOST_WORDS || (!redact_is_secret_name(previous->text) && !slice_equal_ascii_nocase(previous->text, SLICE("masterauth"))))
        return false;
    for (const struct json_node *other = word->parent->first; other && other->index < previous->index; other = other->next)
        before = json_string(other);
    for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++) {
        bool is_named = !phrases[i].word || slice_equal_ascii_nocase(previous->text, slice_of(phrases[i].word));
        if (is_named && !phrases[i].quoted && !phrases[i].before_last && (!phrases[i].before || slice_equal_ascii_nocase(before, slice_of(phrases[i].before))))
            return true;
    }
    return false;
}

bool redact_word(const struct json_node *word, const struct json_node *previous, size_t *begin)
{
    if (word->type != JSON_STRING || !word->parent || word->parent->type != JSON_ARRAY)
        return false;
    bool found = word->text.length > 1 && word->text.bytes[0] == '-' ? find_attached(word, begin) : false;
    if (!found && previous && previous->type == JSON_STRING && slice_starts_with(previous->text, SLICE("-")))
        found = find_next(word, previous, begin);
    else if (!found && previous && previous->type == JSON_STRING && !redact_is_option(word->text) && is_behind_phrase(word, previous)) {
        *begin = 0;
        found = true;
    }
    return found && !redact_is_reference(slice_from(word->text, *begin), true);
}
