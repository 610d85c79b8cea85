/* SPDX-License-Identifier: Apache-2.0 */
#include "tls.h"

#include "harrier/base/memory.h"
#include "harrier/base/vector.h"

#include <arpa/inet.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

struct name {
    int type; /* GEN_DNS, GEN_URI, GEN_EMAIL or GEN_IPADD */
    char *bytes;
    size_t length;
};

struct tls_identity {
    char *common_name; /* NULL: none */
    size_t common_name_length;
    VECTOR(struct name) names;
};

/* Two common names are a riddle: whoever reads the other one is told another client. */
static void take_common_name(struct tls_identity *identity, const X509_NAME *subject)
{
    int index = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    unsigned char *text = NULL;

    if (index < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, index) >= 0)
        return;
    int length = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, index)));
    if (length > 0) {
        identity->common_name = xstrndup((const char *)text, (size_t)length);
        identity->common_name_length = (size_t)length;
    }
    OPENSSL_free(text);
}

static void add_name(struct tls_identity *identity, int type, const void *bytes, size_t length)
{
    struct name *name = VECTOR_ADD(&identity->names);
    name->type = type;
    name->bytes = xstrndup(bytes, length);
    name->length = length;
}

static void add_ip(struct tls_identity *identity, const ASN1_OCTET_STRING *ip)
{
    char text[INET6_ADDRSTRLEN];
    int length = ASN1_STRING_length(ip);

    if ((length == 4 || length == 16) && inet_ntop(length == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(ip), text, sizeof text))
        add_name(identity, GEN_IPADD, text, strlen(text));
}

static void take_alternatives(struct tls_identity *identity, const X509 *certificate)
{
    GENERAL_NAMES *alternatives = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);

    for (int i = 0; i < sk_GENERAL_NAME_num(alternatives); i++) {
        int type;
        const ASN1_STRING *value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(alternatives, i), &type);
        if (type == GEN_IPADD)
            add_ip(identity, value);
        else if (type == GEN_DNS || type == GEN_URI || type == GEN_EMAIL)
            add_name(identity, type, ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value));
    }
    GENERAL_NAMES_free(alternatives);
}

struct tls_identity *tls_identity_new(const X509 *certificate)
{
    struct tls_identity *identity = xcalloc(1, sizeof *identity);

    take_common_name(identity, X509_get_subject_name(certificate));
    take_alternatives(identity, certificate);
    return identity;
}

void tls_identity_free(struct tls_identity *identity)
{
    if (!identity)
        return;
    for (size_t i = 0; i < identity->names.count; i++)
        free(identity->names.items[i].bytes);
    VECTOR_FREE(&identity->names);
    free(identity->common_name);
    free(identity);
}

struct slice tls_identity_common_name(const struct tls_identity *identity)
{
    return slice_make(identity->common_name, identity->common_name_length);
}

/* As inet_ntop writes it, if it is an address. */
static struct slice canonical(const char *name, char text[INET6_ADDRSTRLEN])
{
    unsigned char bytes[16];

    for (int family = AF_INET;; family = AF_INET6) {
        if (inet_pton(family, name, bytes) == 1 && inet_ntop(family, bytes, text, INET6_ADDRSTRLEN))
            return slice_of(text);
        if (family == AF_INET6)
            return slice_of(name);
    }
}

bool tls_identity_has(const struct tls_identity *identity, const char *name)
{
    char text[INET6_ADDRSTRLEN];
    struct slice wanted = canonical(name, text);

    if (identity->common_name && slice_is(tls_identity_common_name(identity), name))
        return true;
    for (size_t i = 0; i < identity->names.count; i++) {
        const struct name *one = &identity->names.items[i];
        struct slice has = slice_make(one->bytes, one->length);
        if (one->type == GEN_DNS ? slice_equal_ascii_nocase(has, wanted) : slice_equal(has, wanted))
            return true;
    }
    return false;
}

struct slice tls_identity_display(const struct tls_identity *identity)
{
    if (identity->common_name)
        return tls_identity_common_name(identity);
    if (identity->names.count)
        return slice_make(identity->names.items[0].bytes, identity->names.items[0].length);
    return SLICE("(no name)");
}
