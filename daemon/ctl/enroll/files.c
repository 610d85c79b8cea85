/* SPDX-License-Identifier: Apache-2.0 */
/* The folder of certificates and tokens: ca.crt, ca.key, server.crt, server.key, and for each cluster cluster-NAME.crt and .key, or .token. */
#include "daemon/ctl/common.h"
#include "enroll.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* As check has it, a certificate that ends so soon is to be renewed. */
enum { RENEWED_DAYS = 30 };
enum { CA_DAYS = 3650, LARGEST_FILE = 1 << 20 };

const char *enrollment_file(const struct enrollment *enrollment, const char *name)
{
    return arena_printf(enrollment->arena, "%s/%s", enrollment->folder, name).bytes;
}

const char *enrollment_cluster_file(const struct enrollment *enrollment, const char *ending)
{
    return arena_printf(enrollment->arena, "%s/cluster-%s.%s", enrollment->folder, enrollment->cluster, ending).bytes;
}

void enrollment_free(struct enrollment *enrollment)
{
    struct buffer *secrets[] = {&enrollment->key, &enrollment->token};

    for (size_t i = 0; i < 2; i++) {
        if (secrets[i]->bytes)
            explicit_bzero(secrets[i]->bytes, secrets[i]->capacity);
        buffer_free(secrets[i]);
    }
    buffer_free(&enrollment->ca);
    buffer_free(&enrollment->certificate);
    VECTOR_FREE(&enrollment->names);
    VECTOR_FREE(&enrollment->made);
    arena_free(enrollment->arena);
}

/* --- reading and writing files --------------------------------------------------------------------------------------------------- */

static bool exists(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0;
}

static int read_file(const char *path, struct buffer *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = -1;

    out->length = 0;
    if (fd < 0)
        return fail(EX_NOINPUT, "%s cannot be read: %s%s", path, strerror(errno),
                    errno == ENOENT ? "; --create makes what is missing" : "");
    do {
        buffer_reserve(out, 4096);
        got = read(fd, out->bytes + out->length, 4096);
        out->length += got > 0 ? (size_t)got : 0;
    } while ((got > 0 && out->length < LARGEST_FILE) || (got < 0 && errno == EINTR));
    int error = errno;
    close(fd);
    out->bytes[out->length] = '\0';
    return got < 0 ? fail(EX_NOINPUT, "%s cannot be read: %s", path, strerror(error)) : EX_OK;
}

static bool write_all(int fd, struct slice bytes)
{
    while (bytes.length) {
        ssize_t done = write(fd, bytes.bytes, bytes.length);
        if (done < 0 && errno != EINTR)
            return false;
        bytes = slice_from(bytes, done > 0 ? (size_t)done : 0);
    }
    return fsync(fd) == 0;
}

/* Under another name first, so that nobody ever sees half a file; unless replace, a file that has come up meanwhile is kept. */
static int write_file(struct enrollment *enrollment, const char *path, struct slice bytes, mode_t mode, bool replace)
{
    char *temporary = arena_strdup(enrollment->arena, arena_printf(enrollment->arena, "%s.XXXXXX", path));
    int fd = mkostemp(temporary, O_CLOEXEC);
    bool done = fd >= 0 && fchmod(fd, mode) == 0 && write_all(fd, bytes);

    if (done)
        done = replace ? rename(temporary, path) == 0 : link(temporary, path) == 0;
    int error = errno;
    if (fd >= 0)
        close(fd);
    if (fd >= 0 && (!done || !replace))
        unlink(temporary);
    if (!done)
        return fail(EX_CANTCREAT, "%s cannot be written: %s", path, strerror(error));
    VECTOR_PUSH(&enrollment->made, path);
    return EX_OK;
}

/* Certificate and key under the name. The key goes first: a certificate is there only with its key. */
static int write_pair(struct enrollment *enrollment, const char *certificate_file, const char *key_file, const struct pki_pair *pair,
                      bool replace)
{
    struct buffer text = {NULL, 0, 0};

    pki_write_key(pair, &text);
    int code = write_file(enrollment, key_file, buffer_slice(&text), 0600, replace);
    explicit_bzero(text.bytes, text.capacity);
    buffer_reset(&text, SIZE_MAX);
    pki_write_certificate(pair, &text);
    if (!code)
        code = write_file(enrollment, certificate_file, buffer_slice(&text), 0644, replace);
    buffer_free(&text);
    return code;
}

/* key_file NULL: the certificate alone. */
static int read_pair(const char *certificate_file, const char *key_file, struct pki_pair *pair)
{
    struct buffer certificate = {NULL, 0, 0}, key = {NULL, 0, 0};
    int code = read_file(certificate_file, &certificate);

    if (!code && key_file)
        code = read_file(key_file, &key);
    if (!code && !pki_read(buffer_slice(&certificate), buffer_slice(&key), pair))
        code = fail(EX_DATAERR, "%s%s%s: no certificate in PEM%s", certificate_file, key_file ? " and " : "", key_file ? key_file : "",
                    key_file ? ", or a key that is not its own" : "");
    if (key.bytes)
        explicit_bzero(key.bytes, key.capacity);
    buffer_free(&certificate);
    buffer_free(&key);
    return code;
}

/* --- what is made ------------------------------------------------------------------------------------------------------------------ */

/* The CA that is there, with its key where something is to be signed; or a new one. */
static int take_ca(struct enrollment *enrollment, bool signs, struct pki_pair *ca)
{
    const char *certificate_file = enrollment_file(enrollment, "ca.crt"), *key_file = enrollment_file(enrollment, "ca.key");

    if (!exists(certificate_file) && !exists(key_file)) {
        pki_make_ca("Harrier audit CA", CA_DAYS, ca);
        return write_pair(enrollment, certificate_file, key_file, ca, false);
    }
    int code = read_pair(certificate_file, signs ? key_file : NULL, ca);
    if (!code && !pki_is_ca(ca))
        code = fail(EX_DATAERR, "%s is the certificate of no CA", certificate_file);
    return code;
}

static int issue(struct enrollment *enrollment, const struct pki_pair *ca, const struct pki_wish *wish, const char *certificate_file,
                 const char *key_file, bool replace)
{
    struct pki_pair made = {NULL, NULL};

    if (!pki_issue(ca, wish, &made))
        return fail(EX_USAGE, "the certificate of %s cannot have these names: a DNS name or an address each, and at most 64 bytes",
                    wish->common_name);
    if (!pki_is_signed_by(&made, ca)) {
        pki_pair_free(&made);
        return fail(EX_DATAERR, "the CA in %s has expired: move it away, and all that it signed, for --create to make another",
                    enrollment->folder);
    }
    int code = write_pair(enrollment, certificate_file, key_file, &made, replace);
    pki_pair_free(&made);
    return code;
}

static bool is_among(const struct enrollment *enrollment, const char *name, size_t first)
{
    for (size_t i = first; i < enrollment->names.count; i++)
        if (strcmp(enrollment->names.items[i], name) == 0)
            return true;
    return false;
}

/* The names of the certificate that is there come behind those that are wanted: other clusters may reach the listener by them. The first name that is
 * wanted and is not there, or NULL. */
static const char *take_old_names(struct enrollment *enrollment, const struct pki_pair *server)
{
    size_t wanted = enrollment->names.count;
    const char *missing = NULL;
    char *name;

    for (int i = 0; (name = pki_name_at(server, i)); i++) {
        if (name[0])
            VECTOR_PUSH(&enrollment->names, arena_strdup(enrollment->arena, slice_of(name)));
        free(name);
    }
    for (size_t i = 0; i < wanted && !missing; i++)
        if (!is_among(enrollment, enrollment->names.items[i], wanted) && !pki_names_host(server, enrollment->names.items[i]))
            missing = enrollment->names.items[i];
    return missing;
}

/* Is there a server certificate that serves? EX_OK with *good, or a message. */
static int look_at_server(struct enrollment *enrollment, const struct pki_pair *ca, bool *good)
{
    const char *certificate_file = enrollment_file(enrollment, "server.crt"), *key_file = enrollment_file(enrollment, "server.key");
    struct pki_pair server = {NULL, NULL};

    *good = false;
    if (!exists(certificate_file) && !exists(key_file))
        return EX_OK;
    int code = read_pair(certificate_file, key_file, &server);
    if (code)
        return code;
    const char *missing = take_old_names(enrollment, &server);
    *good = pki_is_signed_by(&server, ca) && !missing && !(enrollment->overwrite && pki_ends_within(&server, RENEWED_DAYS));
    pki_pair_free(&server);
    if (!*good && !enrollment->overwrite)
        return fail(
            EX_CANTCREAT,
            "%s does not name %s, is not signed by ca.crt, or has expired; --overwrite makes another, which keeps the names that it has",
            certificate_file, missing ? missing : enrollment->host);
    return EX_OK;
}

static int create_server(struct enrollment *enrollment, const struct pki_pair *ca)
{
    bool good;
    int code = look_at_server(enrollment, ca, &good);
    struct pki_wish wish = {.common_name = "harrierd",
                            .names = enrollment->names.items,
                            .name_count = enrollment->names.count,
                            .is_server = true,
                            .days = enrollment->days};

    if (code || good)
        return code;
    return issue(enrollment, ca, &wish, enrollment_file(enrollment, "server.crt"), enrollment_file(enrollment, "server.key"),
                 enrollment->overwrite);
}

static int create_client(struct enrollment *enrollment, const struct pki_pair *ca)
{
    struct pki_wish wish = {.common_name = enrollment->cluster, .days = enrollment->days};

    if (!enrollment->with_token)
        return issue(enrollment, ca, &wish, enrollment_cluster_file(enrollment, "crt"), enrollment_cluster_file(enrollment, "key"),
                     enrollment->overwrite);
    enrollment->token.length = 0;
    pki_make_token(&enrollment->token);
    buffer_append_byte(&enrollment->token, '\n');
    return write_file(enrollment, enrollment_cluster_file(enrollment, "token"), buffer_slice(&enrollment->token), 0600,
                      enrollment->overwrite);
}

static int refuse_existing(const struct enrollment *enrollment)
{
    static const char *const endings[] = {"crt", "key", "token"};

    for (size_t i = 0; i < 3 && !enrollment->overwrite; i++)
        if ((i == 2) == enrollment->with_token && exists(enrollment_cluster_file(enrollment, endings[i])))
            return fail(EX_CANTCREAT, "%s is there already: leave out --create to print what belongs to it, or --overwrite it",
                        enrollment_cluster_file(enrollment, endings[i]));
    return EX_OK;
}

int enrollment_create(struct enrollment *enrollment)
{
    struct pki_pair ca = {NULL, NULL};
    int code = refuse_existing(enrollment);

    if (code)
        return code;
    if (mkdir(enrollment->folder, 0755) != 0 && errno != EEXIST)
        return fail(EX_CANTCREAT, "the folder %s cannot be made: %s", enrollment->folder, strerror(errno));
    bool signs = !enrollment->with_token || !exists(enrollment_file(enrollment, "server.crt")) || enrollment->overwrite;
    code = take_ca(enrollment, signs, &ca);
    if (!code)
        code = create_server(enrollment, &ca);
    if (!code)
        code = create_client(enrollment, &ca);
    pki_pair_free(&ca);
    return code;
}

int enrollment_read(struct enrollment *enrollment)
{
    int code = read_file(enrollment_file(enrollment, "ca.crt"), &enrollment->ca);

    if (code)
        return code;
    if (!enrollment->with_token) {
        code = read_file(enrollment_cluster_file(enrollment, "crt"), &enrollment->certificate);
        return code ? code : read_file(enrollment_cluster_file(enrollment, "key"), &enrollment->key);
    }
    code = read_file(enrollment_cluster_file(enrollment, "token"), &enrollment->token);
    enrollment->token.length = code ? 0 : strcspn(enrollment->token.bytes, "\r\n");
    for (size_t i = 0; i < enrollment->token.length; i++)
        if (enrollment->token.bytes[i] <= ' ' || strchr("\"\\\x7f", enrollment->token.bytes[i]))
            return fail(EX_DATAERR, "%s: a token has no blanks and quotes", enrollment_cluster_file(enrollment, "token"));
    if (!code && !enrollment->token.length)
        code = fail(EX_DATAERR, "%s is empty: --create --overwrite makes another", enrollment_cluster_file(enrollment, "token"));
    return code;
}
