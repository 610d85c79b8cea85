/* SPDX-License-Identifier: Apache-2.0 */
#include "pki.h"

#include "harrier/base/address.h"
#include "harrier/base/base64.h"

#include <arpa/inet.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

enum { SERIAL_BYTES = 16, TOKEN_BYTES = 32, HOUR = 3600 };

/* What fails only when memory or randomness is gone. */
static void must(bool done)
{
    if (!done) {
        fputs("harrierctl: OpenSSL has failed: no memory or no randomness\n", stderr);
        abort();
    }
}

/* --- parts of a certificate --------------------------------------------------------------------------------------------------------- */

/* Positive and without a pattern (RFC 5280 section 4.1.2.2). */
static void set_serial(X509 *certificate)
{
    unsigned char bytes[SERIAL_BYTES];

    must(RAND_bytes(bytes, sizeof bytes) == 1);
    bytes[0] = (unsigned char)((bytes[0] & 0x7f) | 0x40);
    BIGNUM *number = BN_bin2bn(bytes, sizeof bytes, NULL);
    must(number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)));
    BN_free(number);
}

static bool set_subject(X509 *certificate, const char *common_name)
{
    X509_NAME *name = X509_get_subject_name(certificate);
    return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name, -1, -1, 0) == 1;
}

static void add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;

    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    must(extension && X509_add_ext(certificate, extension, -1) == 1);
    X509_EXTENSION_free(extension);
}

static bool is_dns_name(const char *name)
{
    size_t length = strlen(name);
    return length > 0 && length < 254 && strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-*_") == length &&
           name[0] != '.' && name[0] != '-';
}

static GENERAL_NAME *general_name(const char *text)
{
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_OCTET_STRING *address = a2i_IPADDRESS(text);

    must(name != NULL);
    if (address) {
        GENERAL_NAME_set0_value(name, GEN_IPADD, address);
        return name;
    }
    ASN1_IA5STRING *string = ASN1_IA5STRING_new();
    must(string && ASN1_STRING_set(string, text, -1) == 1);
    GENERAL_NAME_set0_value(name, GEN_DNS, string);
    return name;
}

static bool add_names(X509 *certificate, const struct pki_wish *wish)
{
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    struct address address;
    bool good = true;

    must(names != NULL);
    for (size_t i = 0; i < wish->name_count && good; i++) {
        good = is_dns_name(wish->names[i]) || address_parse_host(slice_of(wish->names[i]), &address);
        if (good)
            must(sk_GENERAL_NAME_push(names, general_name(wish->names[i])) > 0);
    }
    if (good && wish->name_count)
        must(X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 0, 0) == 1);
    GENERAL_NAMES_free(names);
    return good;
}

/* --- making ----------------------------------------------------------------------------------------------------------------------- */

static void begin(struct pki_pair *pair, long days)
{
    pair->key = EVP_EC_gen("P-256");
    pair->certificate = X509_new();
    must(pair->key && pair->certificate && X509_set_version(pair->certificate, X509_VERSION_3) == 1);
    set_serial(pair->certificate);
    must(X509_gmtime_adj(X509_getm_notBefore(pair->certificate), -HOUR) != NULL);
    must(X509_time_adj_ex(X509_getm_notAfter(pair->certificate), (int)days, 0, NULL) != NULL);
    must(X509_set_pubkey(pair->certificate, pair->key) == 1);
}

static void sign(struct pki_pair *pair, const struct pki_pair *issuer)
{
    must(X509_sign(pair->certificate, issuer->key, EVP_sha256()) > 0);
}

void pki_make_ca(const char *common_name, long days, struct pki_pair *ca)
{
    begin(ca, days);
    must(set_subject(ca->certificate, common_name));
    must(X509_set_issuer_name(ca->certificate, X509_get_subject_name(ca->certificate)) == 1);
    add_extension(ca->certificate, ca->certificate, NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
    add_extension(ca->certificate, ca->certificate, NID_key_usage, "critical,keyCertSign,cRLSign");
    add_extension(ca->certificate, ca->certificate, NID_subject_key_identifier, "hash");
    sign(ca, ca);
}

bool pki_issue(const struct pki_pair *ca, const struct pki_wish *wish, struct pki_pair *made)
{
    begin(made, wish->days);
    must(X509_set_issuer_name(made->certificate, X509_get_subject_name(ca->certificate)) == 1);
    if (!set_subject(made->certificate, wish->common_name) || !add_names(made->certificate, wish)) {
        pki_pair_free(made);
        return false;
    }
    add_extension(made->certificate, ca->certificate, NID_basic_constraints, "critical,CA:FALSE");
    add_extension(made->certificate, ca->certificate, NID_key_usage, "critical,digitalSignature");
    add_extension(made->certificate, ca->certificate, NID_ext_key_usage, wish->is_server ? "serverAuth" : "clientAuth");
    add_extension(made->certificate, ca->certificate, NID_subject_key_identifier, "hash");
    add_extension(made->certificate, ca->certificate, NID_authority_key_identifier, "keyid:always");
    sign(made, ca);
    return true;
}

void pki_pair_free(struct pki_pair *pair)
{
    X509_free(pair->certificate);
    EVP_PKEY_free(pair->key);
    *pair = (struct pki_pair){NULL, NULL};
}

/* --- PEM ---------------------------------------------------------------------------------------------------------------------------- */

static void take_bio(BIO *bio, struct buffer *out)
{
    char *bytes;
    long length = BIO_get_mem_data(bio, &bytes);

    buffer_append(out, bytes, (size_t)length);
    BIO_free(bio);
}

void pki_write_certificate(const struct pki_pair *pair, struct buffer *out)
{
    BIO *bio = BIO_new(BIO_s_mem());
    must(bio && PEM_write_bio_X509(bio, pair->certificate) == 1);
    take_bio(bio, out);
}

void pki_write_key(const struct pki_pair *pair, struct buffer *out)
{
    BIO *bio = BIO_new(BIO_s_secmem());
    must(bio && PEM_write_bio_PKCS8PrivateKey(bio, pair->key, NULL, NULL, 0, NULL, NULL) == 1);
    take_bio(bio, out);
}

/* No passphrase is asked for on the terminal: a key that wants one cannot be used by a daemon either. */
static int no_passphrase(char *buffer, int size, int writing, void *data)
{
    (void)buffer;
    (void)size;
    (void)writing;
    (void)data;
    return -1;
}

bool pki_read(struct slice certificate, struct slice key, struct pki_pair *pair)
{
    BIO *bio = BIO_new_mem_buf(certificate.length ? certificate.bytes : "", (int)certificate.length);

    must(bio != NULL);
    *pair = (struct pki_pair){PEM_read_bio_X509(bio, NULL, no_passphrase, NULL), NULL};
    BIO_free(bio);
    if (key.length) {
        bio = BIO_new_mem_buf(key.bytes, (int)key.length);
        must(bio != NULL);
        pair->key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
        BIO_free(bio);
    }
    if (pair->certificate && (!key.length || (pair->key && X509_check_private_key(pair->certificate, pair->key) == 1)))
        return true;
    pki_pair_free(pair);
    return false;
}

/* --- checking ------------------------------------------------------------------------------------------------------------------------ */

bool pki_is_ca(const struct pki_pair *pair)
{
    return X509_check_ca(pair->certificate) == 1;
}

bool pki_is_signed_by(const struct pki_pair *pair, const struct pki_pair *ca)
{
    return X509_verify(pair->certificate, X509_get0_pubkey(ca->certificate)) == 1 &&
           X509_cmp_current_time(X509_get0_notAfter(pair->certificate)) > 0 &&
           X509_cmp_current_time(X509_get0_notAfter(ca->certificate)) > 0;
}

bool pki_names_host(const struct pki_pair *pair, const char *host)
{
    struct address address;

    if (address_parse_host(slice_of(host), &address))
        return X509_check_ip_asc(pair->certificate, host, 0) == 1;
    return X509_check_host(pair->certificate, host, 0, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, NULL) == 1;
}

bool pki_ends_within(const struct pki_pair *pair, long days)
{
    time_t then = time(NULL) + days * 24 * HOUR;
    return X509_cmp_time(X509_get0_notAfter(pair->certificate), &then) <= 0;
}

static char *text_of(const GENERAL_NAME *name)
{
    struct address address;
    char text[ADDRESS_TEXT_SIZE] = "";

    if (name->type == GEN_DNS)
        return strndup((const char *)ASN1_STRING_get0_data(name->d.dNSName), (size_t)ASN1_STRING_length(name->d.dNSName));
    if (name->type == GEN_IPADD) {
        int family = ASN1_STRING_length(name->d.iPAddress) == 4 ? AF_INET : AF_INET6;
        inet_ntop(family, ASN1_STRING_get0_data(name->d.iPAddress), text, sizeof text);
    }
    return strdup(address_parse_host(slice_of(text), &address) ? text : "");
}

char *pki_name_at(const struct pki_pair *pair, int index)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(pair->certificate, NID_subject_alt_name, NULL, NULL);
    char *text = index < sk_GENERAL_NAME_num(names) ? text_of(sk_GENERAL_NAME_value(names, index)) : NULL;

    GENERAL_NAMES_free(names);
    return text;
}

void pki_make_token(struct buffer *out)
{
    unsigned char bytes[TOKEN_BYTES];

    must(RAND_priv_bytes(bytes, sizeof bytes) == 1);
    base64_encode(BASE64_URL, slice_make((const char *)bytes, sizeof bytes), out);
    OPENSSL_cleanse(bytes, sizeof bytes);
}
