/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates and keys made for one test, in a folder of its own. */
#ifndef HARRIER_NIT_SOURCE_AUTH_CERTIFICATES_H
#define HARRIER_NIT_SOURCE_AUTH_CERTIFICATES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "harrier/source_tls.h"

#include <dirent.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <fcntl.h>
#include <sys/resource.h>

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/harrier-test-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    DIR *directory = opendir(folder);
    struct dirent *entry;
    char path[512];
    (void)state;
    while (directory && (entry = readdir(directory))) {
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        unlink(path);
    }
    closedir(directory);
    return rmdir(folder);
}

/* A few at a time; each is good until the ninth after it. */
static const char *in_folder(const char *name)
{
    static char paths[8][160];
    static size_t next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static __attribute__((unused)) void write_text(const char *name, const char *text)
{
    char temporary[160];
    snprintf(temporary, sizeof temporary, "%s/new", folder);
    FILE *file = fopen(temporary, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(rename(temporary, in_folder(name)), 0);
}

struct pair {
    X509 *certificate;
    EVP_PKEY *key;
};

static void add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

struct wish {
    const char *common_name; /* NULL: none */
    const char *second_common_name;
    const char *alternatives;  /* "DNS:a,URI:b"; NULL: none */
    const struct pair *issuer; /* NULL: signed by itself, a CA */
    long begins, ends;         /* seconds from now */
};

static void add_common_name(X509_NAME *name, const char *text)
{
    if (text)
        assert_int_equal(X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8, (const unsigned char *)text, -1, -1, 0), 1);
}

static __attribute__((unused)) struct pair make_pair(struct wish wish)
{
    static long serial = 1;
    struct pair pair = {X509_new(), EVP_EC_gen("P-256")};
    const struct pair *issuer = wish.issuer ? wish.issuer : &pair;

    X509_set_version(pair.certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(pair.certificate), serial++);
    X509_gmtime_adj(X509_getm_notBefore(pair.certificate), wish.begins);
    X509_gmtime_adj(X509_getm_notAfter(pair.certificate), wish.ends ? wish.ends : 3600);
    add_common_name(X509_get_subject_name(pair.certificate), wish.common_name);
    add_common_name(X509_get_subject_name(pair.certificate), wish.second_common_name);
    X509_set_issuer_name(pair.certificate, X509_get_subject_name(issuer->certificate));
    X509_set_pubkey(pair.certificate, pair.key);
    add_extension(pair.certificate, issuer->certificate, NID_basic_constraints, wish.issuer ? "critical,CA:FALSE" : "critical,CA:TRUE");
    add_extension(pair.certificate, issuer->certificate, NID_subject_key_identifier, "hash");
    if (wish.issuer)
        add_extension(pair.certificate, issuer->certificate, NID_authority_key_identifier, "keyid");
    if (wish.alternatives)
        add_extension(pair.certificate, issuer->certificate, NID_subject_alt_name, wish.alternatives);
    assert_true(X509_sign(pair.certificate, issuer->key, EVP_sha256()) > 0);
    return pair;
}

static __attribute__((unused)) void free_pair(struct pair *pair)
{
    X509_free(pair->certificate);
    EVP_PKEY_free(pair->key);
}

/* By way of another name, as certificates are replaced. */
static FILE *open_new(char temporary[160])
{
    snprintf(temporary, 160, "%s/new", folder);
    FILE *file = fopen(temporary, "w");
    assert_non_null(file);
    return file;
}

static __attribute__((unused)) void write_certificate(const char *name, X509 *certificate)
{
    char temporary[160];
    FILE *file = open_new(temporary);
    assert_int_equal(PEM_write_X509(file, certificate), 1);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(rename(temporary, in_folder(name)), 0);
}

static __attribute__((unused)) void write_key(const char *name, EVP_PKEY *key, const char *passphrase)
{
    char temporary[160];
    FILE *file = open_new(temporary);
    assert_int_equal(PEM_write_PrivateKey(file, key, passphrase ? EVP_aes_128_cbc() : NULL, (const unsigned char *)passphrase,
                                          passphrase ? (int)strlen(passphrase) : 0, NULL, NULL),
                     1);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(rename(temporary, in_folder(name)), 0);
}

/* Three looks while no file can be opened. */
static inline void look_without_descriptors(enum source_refresh (*refresh)(void *), void *of)
{
    struct rlimit before;
    int lowest = open("/dev/null", O_RDONLY);
    close(lowest);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    const struct rlimit none = {.rlim_cur = (rlim_t)lowest, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    enum source_refresh looks[3];
    for (int i = 0; i < 3; i++)
        looks[i] = refresh(of);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(looks[i], SOURCE_REFRESH_REFUSED);
}

#endif
