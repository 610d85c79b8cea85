/* SPDX-License-Identifier: Apache-2.0 */
#include "access.h"

#include "jwt.h"
#include "daemon/source/path.h"
#include "stamped_file.h"
#include "harrier/base/base64.h"
#include "harrier/base/digest.h"
#include "harrier/base/log.h"
#include "harrier/base/memory.h"
#include "harrier/base/vector.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>

enum { KEY_SET_BYTES = 1024 * 1024 };

/* Ways to show a secret. */
enum proof { PROOF_BEARER, PROOF_BASIC, PROOF_ACCESS_KEY, PROOF_PATH_TOKEN, PROOF_COUNT };

static const char *const proof_names[PROOF_COUNT] = {"token", "password", "access key", "path token"};

/* A file and what was read out of it: the digest of the secret, or a set of keys. */
struct secret_file {
    char *path;
    const char *what; /* for the log */
    char *user;       /* of a password: the digest is of what Authorization: Basic then holds */
    bool is_key_set;
    struct file_stamp stamp;     /* of what is in use */
    struct file_stamp bad_stamp; /* of what was refused last */
    unsigned int bad_looks;      /* at that; said in the log at the second */
    uint8_t digest[DIGEST_SHA256_BYTES];
    struct jwt_keys *keys;
};

#define NO_FILE SIZE_MAX

struct client {
    char *name, *cluster, *certificate_name, *audience, *issuer, *email; /* NULL: not asked for */
    size_t proofs[PROOF_COUNT];                                          /* index into files, or NO_FILE */
    size_t key_set;
};

/* Who is known never changes; what stands in the files does, under the lock, which is held for writing only to exchange what was read. */
struct source_access {
    char *source_name;
    VECTOR(struct client) clients;
    VECTOR(struct secret_file) files;
    pthread_rwlock_t lock;
    pthread_mutex_t refreshing;
};

/* --- files ------------------------------------------------------------------------------------------------------------------------------- */

static void sha256(struct slice bytes, uint8_t digest[DIGEST_SHA256_BYTES])
{
    if (EVP_Digest(bytes.bytes ? bytes.bytes : "", bytes.length, digest, NULL, EVP_sha256(), NULL) != 1)
        abort();
}

/* What a client with this password sends after "Basic " (RFC 7617 section 2). */
static void digest_credentials(const char *user, struct slice password, uint8_t digest[DIGEST_SHA256_BYTES])
{
    struct buffer pair = {0}, text = {0};

    buffer_reserve(&pair, strlen(user) + 1 + password.length);
    buffer_append_text(&pair, user);
    buffer_append_byte(&pair, ':');
    buffer_append_slice(&pair, password);
    buffer_reserve(&text, pair.length * 2 + 4);
    base64_encode(BASE64_STANDARD, buffer_slice(&pair), &text);
    sha256(buffer_slice(&text), digest);
    stamped_file_wipe(&pair);
    stamped_file_wipe(&text);
}

/* What is in the file now, into fresh; on an error *error (the caller frees it) tells. */
static enum result read_secret(const struct secret_file *file, struct secret_file *fresh, char **error)
{
    struct buffer bytes = {0};
    const char *wrong = NULL;

    fresh->stamp = file_stamp_take(file->path);
    enum result result =
        file->is_key_set ? stamped_file_read(file->path, KEY_SET_BYTES, &bytes) : stamped_file_read_line(file->path, &bytes);
    if (result == RESULT_OK && file->is_key_set)
        result = jwt_keys_parse(buffer_slice(&bytes), &fresh->keys, &wrong);
    else if (result == RESULT_OK && file->user)
        digest_credentials(file->user, buffer_slice(&bytes), fresh->digest);
    else if (result == RESULT_OK)
        sha256(buffer_slice(&bytes), fresh->digest);
    stamped_file_wipe(&bytes);
    if (wrong)
        *error = xasprintf("%s: the %s cannot be used: %s; fetch it again", file->path, file->what, wrong);
    else if (result == RESULT_INVALID)
        *error = xasprintf("%s: its first line is empty; write the %s into it", file->path, file->what);
    else if (result == RESULT_NOT_FOUND)
        *error = xasprintf("%s: there is no such file; write the %s into it", file->path, file->what);
    else if (result != RESULT_OK)
        *error = xasprintf("%s: the %s cannot be read: %s; let harrierd's user read it", file->path, file->what, result_text(result));
    return result;
}

static void exchange(struct source_access *access, struct secret_file *file, struct secret_file *fresh)
{
    pthread_rwlock_wrlock(&access->lock);
    struct jwt_keys *old = file->keys;
    file->keys = fresh->keys;
    memcpy(file->digest, fresh->digest, sizeof file->digest);
    pthread_rwlock_unlock(&access->lock);
    file->stamp = fresh->stamp;
    file->bad_looks = 0;
    jwt_keys_free(old);
}

static enum source_refresh refuse_file(const struct source_access *access, struct secret_file *file, const struct file_stamp *stamp,
                                       char *error)
{
    bool seen = file->bad_looks && file_stamp_equal(stamp, &file->bad_stamp);

    file->bad_looks = seen ? file->bad_looks + 1 : 1;
    file->bad_stamp = *stamp;
    if (file->bad_looks == 2)
        log_about(LOG_LEVEL_ERROR, LOG_FIELD_SOURCE, access->source_name, "source `%s`: the new %s is not used, the old one stays: %s",
                  access->source_name, file->what, error);
    free(error);
    return SOURCE_REFRESH_REFUSED;
}

static enum source_refresh refresh_file(struct source_access *access, struct secret_file *file)
{
    struct file_stamp stamp = file_stamp_take(file->path);
    struct secret_file fresh = {0};
    char *error = NULL;

    if (file_stamp_equal(&stamp, &file->stamp)) {
        file->bad_looks = 0;
        return SOURCE_REFRESH_SAME;
    }
    if (file->bad_looks >= 2 && file_stamp_equal(&stamp, &file->bad_stamp))
        return SOURCE_REFRESH_REFUSED;
    enum result result = read_secret(file, &fresh, &error);
    if (result == RESULT_BUSY) { /* out of descriptors: the file was not seen, and is looked at again */
        free(error);
        return SOURCE_REFRESH_REFUSED;
    }
    if (result != RESULT_OK)
        return refuse_file(access, file, &fresh.stamp, error);
    exchange(access, file, &fresh);
    log_about(LOG_LEVEL_NOTICE, LOG_FIELD_SOURCE, access->source_name, "source `%s`: the new %s in %s is in use", access->source_name,
              file->what, file->path);
    return SOURCE_REFRESH_TAKEN;
}

enum source_refresh source_access_refresh(struct source_access *access)
{
    enum source_refresh all = SOURCE_REFRESH_SAME;

    pthread_mutex_lock(&access->refreshing);
    for (size_t i = 0; i < access->files.count; i++) {
        enum source_refresh one = refresh_file(access, &access->files.items[i]);
        if (one > all)
            all = one;
    }
    pthread_mutex_unlock(&access->refreshing);
    return all;
}

/* --- clients ------------------------------------------------------------------------------------------------------------------------------ */

static char *copy(const char *text)
{
    return text && text[0] ? xstrdup(text) : NULL;
}

static size_t add_file(struct source_access *access, const char *path, const char *what, const char *user, bool is_key_set)
{
    if (!path || !path[0])
        return NO_FILE;
    /* a set of keys that several clients have is read, and a token tried with it, once */
    for (size_t i = 0; is_key_set && i < access->files.count; i++)
        if (access->files.items[i].is_key_set && strcmp(access->files.items[i].path, path) == 0)
            return i;
    VECTOR_PUSH(&access->files, ((struct secret_file){.path = xstrdup(path), .what = what, .user = copy(user), .is_key_set = is_key_set}));
    return access->files.count - 1;
}

static void add_client(struct source_access *access, const struct source_client *client)
{
    const char *paths[PROOF_COUNT] = {client->token_file, client->password_file, client->access_key_file, client->path_token_file};
    struct client *added = VECTOR_ADD(&access->clients);

    *added = (struct client){.name = xstrdup(client->name ? client->name : ""),
                             .cluster = copy(client->cluster),
                             .certificate_name = copy(client->certificate_name),
                             .audience = copy(client->audience),
                             .issuer = copy(client->issuer),
                             .email = copy(client->email)};
    for (size_t i = 0; i < PROOF_COUNT; i++)
        added->proofs[i] = add_file(access, paths[i], proof_names[i], i == PROOF_BASIC ? client->user : NULL, false);
    added->key_set = add_file(access, client->jwks_file, "key set", NULL, true);
}

static bool asks_for_something(const struct client *client)
{
    bool asks = client->certificate_name || client->key_set != NO_FILE;
    for (size_t i = 0; i < PROOF_COUNT; i++)
        asks |= client->proofs[i] != NO_FILE;
    return asks;
}

/* Google's keys sign for every account and for any audience that it asks for. */
static bool jwt_could_be_anybodys(const struct client *client)
{
    return client->key_set != NO_FILE && (!client->audience || (!client->issuer && !client->email));
}

static enum result first_read(struct source_access *access, char **error)
{
    for (size_t i = 0; i < access->clients.count; i++) {
        const struct client *client = &access->clients.items[i];
        if (!asks_for_something(client) || jwt_could_be_anybodys(client)) {
            *error = xasprintf("the client `%s` says not how it is known; give it a token, a certificate name or the like", client->name);
            return RESULT_INVALID;
        }
    }
    for (size_t i = 0; i < access->files.count; i++) {
        struct secret_file fresh = {0};
        enum result result = read_secret(&access->files.items[i], &fresh, error);
        if (result != RESULT_OK)
            return result;
        exchange(access, &access->files.items[i], &fresh);
    }
    return RESULT_OK;
}

enum result source_access_new(const char *source_name, const struct source_client *clients, size_t client_count,
                              struct source_access **access, char **error)
{
    struct source_access *made = xcalloc(1, sizeof *made);
    pthread_rwlockattr_t attributes;
    char *reason = NULL;

    pthread_rwlockattr_init(&attributes);
    pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&made->lock, &attributes);
    pthread_rwlockattr_destroy(&attributes);
    pthread_mutex_init(&made->refreshing, NULL);
    made->source_name = xstrdup(source_name);
    for (size_t i = 0; i < client_count; i++)
        add_client(made, &clients[i]);
    enum result result = first_read(made, &reason);
    *access = result == RESULT_OK ? made : NULL;
    if (result != RESULT_OK)
        source_access_free(made);
    if (error)
        *error = reason;
    else
        free(reason);
    return result;
}

void source_access_free(struct source_access *access)
{
    if (!access)
        return;
    for (size_t i = 0; i < access->clients.count; i++) {
        struct client *client = &access->clients.items[i];
        char *strings[] = {client->name, client->cluster, client->certificate_name, client->audience, client->issuer, client->email};
        for (size_t s = 0; s < sizeof strings / sizeof strings[0]; s++)
            free(strings[s]);
    }
    for (size_t i = 0; i < access->files.count; i++) {
        free(access->files.items[i].path);
        free(access->files.items[i].user);
        jwt_keys_free(access->files.items[i].keys);
    }
    VECTOR_FREE(&access->clients);
    VECTOR_FREE(&access->files);
    pthread_rwlock_destroy(&access->lock);
    pthread_mutex_destroy(&access->refreshing);
    free(access->source_name);
    free(access);
}

/* --- decisions
 * ------------------------------------------------------------------------------------------------------------------------------ */

/* What was shown, made ready to be compared with every client's. */
struct shown {
    bool given[PROOF_COUNT];
    uint8_t digests[PROOF_COUNT][DIGEST_SHA256_BYTES];
    struct arena *arena;
    const struct json_node **claims; /* by file: of the bearer token, opened with that set of keys; NULL: not good */
    const struct access_facts *facts;
};

/* What follows the scheme, whose case does not matter (RFC 9110 section 11.1); empty for another scheme. */
static struct slice credentials(struct slice authorization, const char *scheme)
{
    size_t length = strlen(scheme);

    if (authorization.length <= length || !slice_equal_ascii_nocase(slice_first(authorization, length), slice_of(scheme)) ||
        authorization.bytes[length] != ' ')
        return slice_make(NULL, 0);
    return slice_trim(slice_from(authorization, length));
}

static void look_at(struct shown *shown, const struct source_access *access, const struct access_facts *facts)
{
    struct slice bearer = credentials(facts->authorization, "Bearer");
    const struct slice secrets[PROOF_COUNT] = {bearer, credentials(facts->authorization, "Basic"), facts->access_key, facts->path_token};

    for (size_t i = 0; i < PROOF_COUNT; i++) {
        shown->given[i] = secrets[i].length > 0;
        sha256(secrets[i], shown->digests[i]);
    }
    shown->facts = facts;
    shown->arena = arena_new(4096);
    shown->claims = arena_calloc(shown->arena, access->files.count + 1, sizeof *shown->claims);
    for (size_t i = 0; i < access->files.count; i++)
        if (access->files.items[i].is_key_set && bearer.length)
            shown->claims[i] = jwt_open(access->files.items[i].keys, bearer, shown->arena);
}

static bool is_client(const struct source_access *access, const struct client *client, const struct shown *shown)
{
    unsigned int wrong = 0;

    for (size_t i = 0; i < PROOF_COUNT; i++) {
        if (client->proofs[i] == NO_FILE)
            continue;
        wrong |= !shown->given[i];
        wrong |= (unsigned int)CRYPTO_memcmp(access->files.items[client->proofs[i]].digest, shown->digests[i], DIGEST_SHA256_BYTES);
    }
    if (client->certificate_name)
        wrong |= !shown->facts->certificate || !tls_identity_has(shown->facts->certificate, client->certificate_name);
    const struct jwt_demands demands = {client->audience, client->issuer, client->email};
    if (client->key_set != NO_FILE)
        wrong |= !shown->claims[client->key_set] || !jwt_admits(shown->claims[client->key_set], &demands, shown->facts->now);
    return wrong == 0;
}

/* Whether what is known of the sender agrees with the cluster that it names itself; *cluster is then the one it speaks for. */
static bool speaks_for(struct slice known, struct slice named, struct slice *cluster)
{
    *cluster = known.length ? known : named;
    return known.length == 0 || named.length == 0 || slice_equal(known, named);
}

/* The cluster of the sender's certificate. False: it has none that could be one's name. */
static bool certified_cluster(const struct source_endpoint *endpoint, const struct access_facts *facts, struct slice *cluster)
{
    *cluster = slice_make(NULL, 0);
    if (!endpoint->cluster_from_certificate)
        return true;
    if (facts->certificate)
        *cluster = tls_identity_common_name(facts->certificate);
    return path_is_cluster_name(*cluster);
}

/* A client's own cluster counts before its certificate's common name. */
static void judge_cluster(const struct source_endpoint *endpoint, const struct access_facts *facts, struct slice bound,
                          struct access_decision *decision)
{
    struct slice known = bound;

    decision->status = 0;
    decision->error = NULL;
    if (known.length == 0 && !certified_cluster(endpoint, facts, &known)) {
        decision->status = 403;
        decision->error = "the certificate's common name is no cluster's name (1 to 253 of A-Z a-z 0-9 . _ : -)";
    } else if (!speaks_for(known, facts->cluster, &decision->cluster)) {
        decision->status = 403;
        decision->error = "this client speaks for another cluster than the path names";
    }
    decision->vouched = known.length > 0;
}

/* Of clients that share what they show, one whose cluster fits is the one. */
static void judge_clients(const struct source_endpoint *endpoint, const struct access_facts *facts, struct access_decision *decision)
{
    struct source_access *access = endpoint->access;
    struct shown shown;

    *decision = (struct access_decision){.status = 401, .error = "no client that may send; see clients in the configuration's sources"};
    pthread_rwlock_rdlock(&access->lock);
    look_at(&shown, access, facts);
    for (size_t i = 0; i < access->clients.count; i++) {
        const struct client *client = &access->clients.items[i];
        struct access_decision one = {.client_name = slice_of(client->name)};
        if (!is_client(access, client, &shown))
            continue;
        judge_cluster(endpoint, facts, slice_of(client->cluster), &one);
        if (decision->status == 401 || (decision->status == 403 && one.status == 0))
            *decision = one;
    }
    arena_free(shown.arena);
    pthread_rwlock_unlock(&access->lock);
}

void access_decide(const struct source_endpoint *endpoint, const struct access_facts *facts, struct access_decision *decision)
{
    *decision = (struct access_decision){0};
    if (endpoint->access)
        judge_clients(endpoint, facts, decision);
    else
        judge_cluster(endpoint, facts, slice_make(NULL, 0), decision);
}

const char *access_challenge(const struct source_endpoint *endpoint)
{
    bool bearer = false, basic = false;

    for (size_t i = 0; endpoint->access && i < endpoint->access->clients.count; i++) {
        basic |= endpoint->access->clients.items[i].proofs[PROOF_BASIC] != NO_FILE;
        bearer |= endpoint->access->clients.items[i].proofs[PROOF_BASIC] == NO_FILE;
    }
    if (basic && bearer)
        return "Bearer realm=\"harrier\", Basic realm=\"harrier\"";
    return basic ? "Basic realm=\"harrier\"" : "Bearer realm=\"harrier\"";
}
