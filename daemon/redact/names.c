/* SPDX-License-Identifier: Apache-2.0 */
/* Names of secrets. A name is compared by its letters and digits alone, in small letters, so that clientSecret, client-secret, CLIENT_SECRET and the
 * full-width letters of East Asian keyboards are one. */
#include "internal.h"

#include <string.h>

/* --- tables -------------------------------------------------------------------------------------------------------------------------------------- */

/* The name ends so. */
static const char *const secret_ends[] = {
    "password", "passwords", "passwd", "passphrase", "passphrases", "passcode", "pincode", "passkey", "passkeys", "pwd", "pword", "secret", "secrets", "token", "tokens",
    "apikey", "apikeys", "appkey", "accesskey", "secretkey", "secretkeys", "privatekey", "privatekeys", "signingkey", "encryptionkey", "encryptionkeys",
    "sharedkey", "masterkey", "accountkey", "authkey", "clientkey", "clientkeydata", "serverkey", "certkey", "cakey", "tlskey", "sslkey", "sshkey",
    "rsakey", "hostkey", "deploykey", "hmackey", "fernetkey", "cipherkey", "cryptkey", "sessionkey", "storagekey", "subscriptionkey", "routingkey",
    "integrationkey", "unsealkey", "unsealkeys", "recoverykey", "recoverycode", "recoverycodes", "backupcodes", "idrsa", "licensekey", "licencekey",
    "productkey", "activationkey", "serialkey", "credential", "credentials", "authorization", "cookie", "cookies", "sessionid", "jwt", "dockerconfigjson",
    "dockercfg", "kubeconfig", "keytab", "connectionstring", "connectionstrings", "connstring", "connstr", "connectionuri", "sharedaccesssignature",
    "xamzsignature", "lastappliedconfiguration", "mnemonic", "seedphrase", "dbpass", "bindpw", "rootpw", "storepass", "sshpass", "rediscliauth", "keypass", "rootpass", "userpass",
    "adminpass", "requirepass", "masterauth", "passin", "passout", "basicauth", "webhookurl", "webhookuri", "slackwebhook", "discordwebhook",
    "teamswebhook", "otpauth", "passwort", "kennwort", "contrasena", "senha", "motdepasse",
    "envvalue", "datavalue", /* labels of ours */
};
/* The name is this. */
static const char *const secret_names[] = {"auth", "psk", "sig", "bearer", "pw", "otp", "totp", "sas", "dsn", "pin", "seed", "pass"};
/* The name's last word is this: DB_PASS, smtp.pass, userPin; but not bypass and spin. */
static const char *const secret_words[] = {"pass", "pin", "seed", "psk", "otp", "dsn"};
/* They are none: the shell's folder before; a setting of pods; what the API server notes of whose token it was. */
static const char *const other_names[] = {"oldpwd", "automountserviceaccounttoken", "authenticationk8siolegacytoken", "authenticationk8siostaletoken"};
/* Names of secrets, and a label of ours (k8s_fields.c). */
static const char *const other_ends[] = {"pullsecret", "pullsecrets", "volumesecret", "existingsecret"};
/* password1, token_value, privateKeyPem, password_base64, password-hash: what form the secret has, or which one it is. */
static const char *const forms[] = {"value", "hash", "pem", "data", "base64", "b64", "base", "json", "plain", "plaintext", "raw", "encoded", "literal",
                                    "string", "new", "old", "current", "confirm", "confirmation"};
/* Secrets that mostly lie in a file, whose path is then the value; and PWD, the shell's folder. */
static const char *const file_ends[] = {"key", "pwd", "kubeconfig", "credential", "credentials", "keytab", "idrsa", "cookie"};
static const char *const path_beginnings[] = {"/", "./", "../", "~/", "$HOME/", "file:/"};
static const char *const value_names[] = {"value"};
static const char *const data_names[] = {"data", "stringdata", "binarydata"};
/* The name ends so: env, extraEnv, containerEnvVars, environmentVariables. */
static const char *const env_ends[] = {"env", "envs", "envvar", "envvars", "environment", "environmentvariable", "environmentvariables", "environmentvars",
                                       "envvariables", "envmap", "envlist", "envstring", "environ"};
/* Under a secret's name these tell where it lies or of what kind it is, and not what it is: volumes[].secret.secretName, env[].valueFrom.secretKeyRef.key,
 * privateKey.algorithm. And what a detection is mostly about. */
static const char *const place_names[] = {
    "name", "secretname", "namespace", "key", "keys", "kind", "apiversion", "apigroup", "optional", "path", "mode", "defaultmode", "audience", "audiences",
    "expirationseconds", "expirationtimestamp", "type", "enabled", "create", "source", "prefix", "secretref", "secretkeyref", "configmapkeyref", "configmapref",
    "fieldref", "fieldpath", "resource", "containername", "divisor", "ref", "existingsecret", "passwordkey", "usernamekey", "tokenkey", "username", "user",
    "algorithm", "encoding", "size", "rotationpolicy", "valueskey", "targetpath", "ttl", "image", "command", "args", "url", "uid", "resourceversion", "creationtimestamp", "op", "immutable",
};
/* Fields whose refused values are no secrets, and may be the attack. */
static const char *const harmless_fields[] = {
    "image", "command", "args", "name", "generatename", "namespace", "kind", "apiversion", "path", "mountpath", "hostpath", "subpath", "type", "replicas",
    "port", "containerport", "hostport", "targetport", "protocol", "schedule", "resources", "limits", "requests", "cpu", "memory", "storage",
    "labels", "matchlabels", "selector", "resourceversion", "uid", "restartpolicy", "imagepullpolicy", "serviceaccountname", "serviceaccount", "nodename",
    "hostnetwork", "hostpid", "hostipc", "privileged", "runasuser", "runasgroup", "concurrencypolicy", "completions", "parallelism", "verbs", "apigroups",
    "expirationseconds", "clusterip", "loadbalancerip", "host", "rolename", "roleref", "effect", "operator", "capabilities", "procmount",
};

/* --- comparing ----------------------------------------------------------------------------------------------------------------------------------- */

/* Longer names are judged by their end. */
enum { LETTERS = 96 };

/* U+FF10 to U+FF5A, the letters and digits of full width, as the ASCII ones that they look like; 0: it is none. */
static char narrow(struct slice text)
{
    if (text.length < 3 || (unsigned char)text.bytes[0] != 0xef)
        return 0;
    unsigned char second = (unsigned char)text.bytes[1], third = (unsigned char)text.bytes[2];
    if (second == 0xbc && third >= 0x80 && third < 0xc0)
        return (char)(third - 0x80 + 0x20);
    return second == 0xbd && third >= 0x80 && third < 0x9f ? (char)(third - 0x80 + 0x60) : 0;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

size_t redact_name_byte_length(struct slice text)
{
    if (!text.length)
        return 0;
    char c = text.bytes[0];
    if (is_letter(c) || is_digit(c) || c == '_' || c == '-' || c == '.')
        return 1;
    c = narrow(text);
    return is_letter(c) || is_digit(c) || c == '_' || c == '-' || c == '.' ? 3 : 0;
}

static size_t fold(struct slice name, char out[LETTERS])
{
    enum { WIDEST = 3 };
    size_t length = 0;

    if (name.length > LETTERS * WIDEST)
        name = slice_from(name, name.length - LETTERS * WIDEST);
    for (size_t i = 0; i < name.length; i++) {
        char c = name.bytes[i], wide = narrow(slice_from(name, i));
        c = wide ? wide : c;
        if (!is_letter(c) && !is_digit(c))
            continue;
        if (length == LETTERS) { /* the end counts */
            memmove(out, out + 1, LETTERS - 1);
            length--;
        }
        out[length++] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
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
#define ENDS_WITH_ANY_OF(text, ends) ends_with_any_of((text), (ends), sizeof(ends) / sizeof *(ends))

static bool starts_with_any_of(struct slice text, const char *const *beginnings, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (slice_starts_with(text, slice_of(beginnings[i])))
            return true;
    return false;
}
#define STARTS_WITH_ANY_OF(text, beginnings) starts_with_any_of((text), (beginnings), sizeof(beginnings) / sizeof *(beginnings))

#define FOLDED(name, letters) slice_make((letters), fold((name), (letters)))

/* --- names ---------------------------------------------------------------------------------------------------------------------------------------- */

static bool ends_with_word(struct slice name, struct slice word)
{
    if (name.length <= word.length || !slice_equal_ascii_nocase(slice_from(name, name.length - word.length), word))
        return false;
    char before = name.bytes[name.length - word.length - 1], first = name.bytes[name.length - word.length];
    return !is_letter(before) || (before >= 'a' && first < 'a');
}

static bool ends_with_secret_word(struct slice name)
{
    for (size_t i = 0; i < sizeof secret_words / sizeof *secret_words; i++)
        if (ends_with_word(name, slice_of(secret_words[i])))
            return true;
    return false;
}

static struct slice without_digits(struct slice folded)
{
    while (folded.length && is_digit(folded.bytes[folded.length - 1]))
        folded.length--;
    return folded;
}

static struct slice without_form(struct slice folded)
{
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (slice_ends_with(folded, slice_of(forms[i])))
            return slice_first(folded, folded.length - strlen(forms[i]));
    return folded;
}

bool redact_is_secret_name(struct slice name)
{
    char letters[LETTERS];
    struct slice folded = FOLDED(name, letters);

    if (IS_ANY_OF(folded, other_names) || ENDS_WITH_ANY_OF(folded, other_ends))
        return false;
    if (IS_ANY_OF(folded, secret_names) || ends_with_secret_word(name) || ENDS_WITH_ANY_OF(folded, secret_ends))
        return true;
    struct slice plain = without_form(folded), bare = without_digits(without_form(without_digits(folded)));
    return (plain.length < folded.length && ENDS_WITH_ANY_OF(plain, secret_ends)) || (bare.length < folded.length && ENDS_WITH_ANY_OF(bare, secret_ends));
}

static bool is_path(struct slice value)
{
    if (!STARTS_WITH_ANY_OF(value, path_beginnings))
        return false;
    for (size_t i = 0; i < value.length; i++) {
        char c = value.bytes[i];
        if (!is_letter(c) && !is_digit(c) && !memchr("/._-~:$,", c, 8))
            return false;
    }
    return true;
}

bool redact_is_file_of_secret(struct slice name, struct slice value)
{
    char letters[LETTERS];
    return is_path(value) && ENDS_WITH_ANY_OF(FOLDED(name, letters), file_ends);
}

bool redact_is_data_name(struct slice name)
{
    char letters[LETTERS];
    return IS_ANY_OF(FOLDED(name, letters), data_names);
}

bool redact_is_env_name(struct slice name)
{
    char letters[LETTERS];
    return ENDS_WITH_ANY_OF(FOLDED(name, letters), env_ends);
}

bool redact_is_value_name(struct slice name)
{
    char letters[LETTERS];
    return IS_ANY_OF(FOLDED(name, letters), value_names);
}

bool redact_is_place_name(struct slice name)
{
    char letters[LETTERS];
    return IS_ANY_OF(FOLDED(name, letters), place_names);
}

/* Of spec.containers[0].image the image, of data[my.image] the data: a key in brackets is the client's. */
bool redact_is_harmless_field(struct slice path)
{
    char letters[LETTERS];

    if (path.length && path.bytes[path.length - 1] == ']') {
        ptrdiff_t bracket = slice_find_last_byte(path, '[');
        path = slice_first(path, bracket < 0 ? 0 : (size_t)bracket);
    }
    path = slice_from(path, (size_t)(slice_find_last_byte(path, '.') + 1));
    return path.length && IS_ANY_OF(FOLDED(path, letters), harmless_fields);
}
