/* SPDX-License-Identifier: Apache-2.0 */
/* Names of secrets. A name is compared by its letters and digits alone, in small letters, so that clientSecret, client-secret, CLIENT_SECRET and the
 * full-width letters of East Asian keyboards are one. */
#include "internal.h"

#include <string.h>

/* --- tables -------------------------------------------------------------------------------------------------------------------------------------- */

/* A slice that a table can be made of. */
#define N(literal) {(literal), sizeof(literal) - 1}

/* The name ends so. */
static const struct slice secret_ends[] = {
    N("password"), N("passwords"), N("passwd"), N("passphrase"), N("passphrases"), N("passcode"), N("pincode"), N("passkey"), N("passkeys"), N("pwd"),
    N("pword"), N("secret"), N("secrets"), N("token"), N("tokens"), N("apikey"), N("apikeys"), N("appkey"), N("accesskey"), N("secretkey"),
    N("secretkeys"), N("privatekey"), N("privatekeys"), N("signingkey"), N("encryptionkey"), N("encryptionkeys"), N("sharedkey"), N("masterkey"),
    N("accountkey"), N("authkey"), N("clientkey"), N("clientkeydata"), N("serverkey"), N("certkey"), N("cakey"), N("tlskey"), N("sslkey"), N("sshkey"),
    N("rsakey"), N("hostkey"), N("deploykey"), N("hmackey"), N("fernetkey"), N("cipherkey"), N("cryptkey"), N("sessionkey"), N("storagekey"),
    N("subscriptionkey"), N("routingkey"), N("integrationkey"), N("unsealkey"), N("unsealkeys"), N("recoverykey"), N("recoverycode"),
    N("recoverycodes"), N("backupcodes"), N("idrsa"), N("licensekey"), N("licencekey"), N("productkey"), N("activationkey"), N("serialkey"),
    N("credential"), N("credentials"), N("authorization"), N("cookie"), N("cookies"), N("sessionid"), N("jwt"), N("dockerconfigjson"), N("dockercfg"),
    N("kubeconfig"), N("keytab"), N("connectionstring"), N("connectionstrings"), N("connstring"), N("connstr"), N("connectionuri"),
    N("sharedaccesssignature"), N("xamzsignature"), N("lastappliedconfiguration"), N("mnemonic"), N("seedphrase"), N("dbpass"), N("bindpw"),
    N("rootpw"), N("storepass"), N("sshpass"), N("rediscliauth"), N("keypass"), N("rootpass"), N("userpass"), N("adminpass"), N("requirepass"),
    N("masterauth"), N("passin"), N("passout"), N("basicauth"), N("webhookurl"), N("webhookuri"), N("slackwebhook"), N("discordwebhook"),
    N("teamswebhook"), N("otpauth"), N("passwort"), N("kennwort"), N("contrasena"), N("senha"), N("motdepasse"),
    N("envvalue"), N("datavalue"), /* labels of ours */
};
/* The name is this. */
static const struct slice secret_names[] = {
    N("auth"), N("psk"), N("sig"), N("bearer"), N("pw"), N("otp"), N("totp"), N("sas"), N("dsn"), N("pin"), N("seed"), N("pass")
};
/* The name's last word is this: DB_PASS, smtp.pass, userPin; but not bypass and spin. */
static const struct slice secret_words[] = {N("pass"), N("pin"), N("seed"), N("psk"), N("otp"), N("dsn")};
/* They are none: the shell's folder before; a setting of pods; what the API server notes of whose token it was. */
static const struct slice other_names[] = {
    N("oldpwd"), N("automountserviceaccounttoken"), N("authenticationk8siolegacytoken"), N("authenticationk8siostaletoken")
};
/* Names of secrets, and a label of ours (udm/k8s/fields.c). */
static const struct slice other_ends[] = {N("pullsecret"), N("pullsecrets"), N("volumesecret"), N("existingsecret")};
/* password1, token_value, privateKeyPem, password_base64, password-hash: what form the secret has, or which one it is. */
static const struct slice forms[] = {
    N("value"), N("hash"), N("pem"), N("data"), N("base64"), N("b64"), N("base"), N("json"), N("plain"), N("plaintext"), N("raw"), N("encoded"),
    N("literal"), N("string"), N("new"), N("old"), N("current"), N("confirm"), N("confirmation")
};
/* Secrets that mostly lie in a file, whose path is then the value; and PWD, the shell's folder. */
static const struct slice file_ends[] = {N("key"), N("pwd"), N("kubeconfig"), N("credential"), N("credentials"), N("keytab"), N("idrsa"), N("cookie")};
static const struct slice path_beginnings[] = {N("/"), N("./"), N("../"), N("~/"), N("$HOME/"), N("file:/")};
static const struct slice value_names[] = {N("value")};
static const struct slice data_names[] = {N("data"), N("stringdata"), N("binarydata")};
/* The name ends so: env, extraEnv, containerEnvVars, environmentVariables. */
static const struct slice env_ends[] = {
    N("env"), N("envs"), N("envvar"), N("envvars"), N("environment"), N("environmentvariable"), N("environmentvariables"), N("environmentvars"),
    N("envvariables"), N("envmap"), N("envlist"), N("envstring"), N("environ")
};
/* Under a secret's name these tell where it lies or of what kind it is, and not what it is: volumes[].secret.secretName, env[].valueFrom.secretKeyRef.key,
 * privateKey.algorithm. And what a detection is mostly about. */
static const struct slice place_names[] = {
    N("name"), N("secretname"), N("namespace"), N("key"), N("keys"), N("kind"), N("apiversion"), N("apigroup"), N("optional"), N("path"), N("mode"),
    N("defaultmode"), N("audience"), N("audiences"), N("expirationseconds"), N("expirationtimestamp"), N("type"), N("enabled"), N("create"),
    N("source"), N("prefix"), N("secretref"), N("secretkeyref"), N("configmapkeyref"), N("configmapref"), N("fieldref"), N("fieldpath"),
    N("resource"), N("containername"), N("divisor"), N("ref"), N("existingsecret"), N("passwordkey"), N("usernamekey"), N("tokenkey"), N("username"),
    N("user"), N("algorithm"), N("encoding"), N("size"), N("rotationpolicy"), N("valueskey"), N("targetpath"), N("ttl"), N("image"), N("command"),
    N("args"), N("url"), N("uid"), N("resourceversion"), N("creationtimestamp"), N("op"), N("immutable"),
};
/* Fields whose refused values are no secrets, and may be the attack. */
static const struct slice harmless_fields[] = {
    N("image"), N("command"), N("args"), N("name"), N("generatename"), N("namespace"), N("kind"), N("apiversion"), N("path"), N("mountpath"),
    N("hostpath"), N("subpath"), N("type"), N("replicas"), N("port"), N("containerport"), N("hostport"), N("targetport"), N("protocol"),
    N("schedule"), N("resources"), N("limits"), N("requests"), N("cpu"), N("memory"), N("storage"), N("labels"), N("matchlabels"), N("selector"),
    N("resourceversion"), N("uid"), N("restartpolicy"), N("imagepullpolicy"), N("serviceaccountname"), N("serviceaccount"), N("nodename"),
    N("hostnetwork"), N("hostpid"), N("hostipc"), N("privileged"), N("runasuser"), N("runasgroup"), N("concurrencypolicy"), N("completions"),
    N("parallelism"), N("verbs"), N("apigroups"), N("expirationseconds"), N("clusterip"), N("loadbalancerip"), N("host"), N("rolename"), N("roleref"),
    N("effect"), N("operator"), N("capabilities"), N("procmount"),
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
        char c = name.bytes[i];
        if ((unsigned char)c >= 0x80)
            c = narrow(slice_from(name, i));
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

static bool is_any_of(struct slice text, const struct slice *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (slice_equal(text, names[i]))
            return true;
    return false;
}
#define IS_ANY_OF(text, names) is_any_of((text), (names), sizeof(names) / sizeof *(names))

/* Every name of an event is looked at so: the last letters differ mostly. */
static const struct slice *end_of(struct slice text, const struct slice *ends, size_t count)
{
    char last = text.length ? text.bytes[text.length - 1] : 0;

    for (size_t i = 0; i < count; i++)
        if (ends[i].bytes[ends[i].length - 1] == last && slice_ends_with(text, ends[i]))
            return &ends[i];
    return NULL;
}
#define ENDS_WITH_ANY_OF(text, ends) (end_of((text), (ends), sizeof(ends) / sizeof *(ends)) != NULL)

static bool starts_with_any_of(struct slice text, const struct slice *beginnings, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (slice_starts_with(text, beginnings[i]))
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
        if (ends_with_word(name, secret_words[i]))
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
    const struct slice *form = end_of(folded, forms, sizeof forms / sizeof *forms);
    return form ? slice_first(folded, folded.length - form->length) : folded;
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
