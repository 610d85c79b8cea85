/* SPDX-License-Identifier: Apache-2.0 */
/* Names of secrets. A name is compared by its letters and digits alone, in small letters, so that clientSecret, client-secret and CLIENT_SECRET are one. */
#include "internal.h"

#include <string.h>

/* Longer names are judged by their end. */
enum { LETTERS = 96 };

static size_t fold(struct slice name, char out[LETTERS])
{
    size_t length = 0;

    if (name.length > LETTERS)
        name = slice_from(name, name.length - LETTERS);
    for (size_t i = 0; i < name.length; i++) {
        char c = name.bytes[i];
        if (c >= 'A' && c <= 'Z')
            out[length++] = (char)(c - 'A' + 'a');
        else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
            out[length++] = c;
    }
    return length;
}

static bool is_any_of(struct slice text, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (slice_is(text, names[i]))
            return true;
    return false;
}
#define IS_ANY_OF(text, names) is_any_of((text), (names), sizeof(names) / sizeof *(names))

static bool ends_with_any_of(struct slice text, const char *const *ends, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (slice_ends_with(text, slice_of(ends[i])))
            return true;
    return false;
}

/* DB_PASS, smtp.pass, dbPass; but not bypass. */
static bool is_a_pass(struct slice name)
{
    if (name.length < 4 || !slice_equal_ascii_nocase(slice_from(name, name.length - 4), SLICE("pass")))
        return false;
    if (name.length == 4)
        return true;
    char before = name.bytes[name.length - 5], first = name.bytes[name.length - 4];
    bool is_letter = (before >= 'a' && before <= 'z') || (before >= 'A' && before <= 'Z');
    return !is_letter || (before >= 'a' && first == 'P');
}

/* password1, token_value, privateKeyPem, password_base64, password-hash: what form the secret has, or which one it is. */
static struct slice without_form(struct slice folded)
{
    static const char *const forms[] = {"value", "hash", "pem", "data", "base64", "base", "json"};
    struct slice rest = folded;

    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (slice_ends_with(folded, slice_of(forms[i])))
            return slice_first(folded, folded.length - strlen(forms[i]));
    while (rest.length && rest.bytes[rest.length - 1] >= '0' && rest.bytes[rest.length - 1] <= '9')
        rest.length--;
    return rest;
}

bool redact_is_secret_name(struct slice name)
{
    static const char *const ends[] = {
        "password",   "passwd",     "passphrase",   "passcode",      "pwd",        "secret",       "token",        "apikey",     "accesskey",
        "secretkey",  "privatekey", "signingkey",   "encryptionkey", "sharedkey",  "masterkey",    "accountkey",   "authkey",    "clientkeydata",
        "credential", "passwords",  "tokens",       "apikeys",       "credentials", "authorization", "cookie",      "sessionid",  "dockerconfigjson",
        "dockercfg",  "jwt",        "connectionstring", "xamzsignature", "lastappliedconfiguration",
        "tlskey",     "sshkey",     "idrsa",        "hmackey",       "unsealkey",  "licensekey",   "encryptionkeys", "connectionstrings",
        "pword",      "dbpass",     "bindpw",       "rootpw",        "mnemonic",   "sharedaccesssignature",
        "envvalue",   "datavalue", /* labels of ours */
    };
    static const char *const names[] = {"auth", "psk", "sig", "bearer", "pw", "otp", "totp", "sas", "dsn"};
    /* the shell's folder; a setting of pods; what the API server notes of whose token it was */
    static const char *const others[] = {"pwd", "oldpwd", "automountserviceaccounttoken", "authenticationk8siolegacytoken", "authenticationk8siostaletoken"};
    static const char *const names_of_secrets[] = {"imagepullsecret", "volumesecret"}; /* labels of ours (k8s_fields.c) */
    char letters[LETTERS];
    struct slice folded = slice_make(letters, fold(name, letters));

    if (IS_ANY_OF(folded, others) || ends_with_any_of(folded, names_of_secrets, sizeof names_of_secrets / sizeof *names_of_secrets))
        return false;
    if (IS_ANY_OF(folded, names) || is_a_pass(name) || ends_with_any_of(folded, ends, sizeof ends / sizeof *ends))
        return true;
    return ends_with_any_of(without_form(folded), ends, sizeof ends / sizeof *ends);
}

bool redact_is_data_name(struct slice name)
{
    static const char *const names[] = {"data", "stringdata", "binarydata"};
    char letters[LETTERS];

    return IS_ANY_OF(slice_make(letters, fold(name, letters)), names);
}

bool redact_is_env_name(struct slice name)
{
    static const char *const names[] = {"env", "environment"};
    char letters[LETTERS];

    return IS_ANY_OF(slice_make(letters, fold(name, letters)), names);
}

bool redact_is_value_name(struct slice name)
{
    return slice_equal_ascii_nocase(name, SLICE("value"));
}

/* A secret that looks so is of no use to anybody. */
bool redact_is_stand_in(struct slice value)
{
    enum { SHORTEST = sizeof "length 0, hmac 0123456789abcdef" - 1, LONGEST = REDACT_STAND_IN_SIZE };
    return value.length >= SHORTEST && value.length < LONGEST && slice_starts_with(value, SLICE("length ")) && slice_find(value, SLICE(", hmac ")) > 0;
}

bool redact_is_reference(struct slice value)
{
    static const char *const words[] = {"true", "false", "null", "none", "\"\"", "''"};
    static const char *const beginnings[] = {"$", "`", "{{", "<(", "%24", "\\$", "***", "[length"};

    if (value.length == 0 || IS_ANY_OF(value, words) || redact_is_stand_in(value))
        return true;
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++)
        if (slice_starts_with(value, slice_of(beginnings[i])))
            return true;
    return false;
}
