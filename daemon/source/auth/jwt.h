/* SPDX-License-Identifier: Apache-2.0 */
/* JSON Web Tokens (RFC 7519) in compact form (RFC 7515), signed RS256 or ES256 (RFC 7518 section 3) by a key of a set (RFC 7517), as Google's
 * push services send them. The algorithm is the key's, never the token's choice: no "none", no HMAC with a public key as the secret. */
#ifndef HARRIER_SOURCE_AUTH_JWT_H
#define HARRIER_SOURCE_AUTH_JWT_H

#include "harrier/base/arena.h"
#include "harrier/base/clock.h"
#include "harrier/json.h"
#include "harrier/base/result.h"

struct jwt_keys;

enum { JWT_TOKEN_BYTES = 8192 };

/* The keys of a set that can be used; others in it (encryption, other algorithms) are left out. On RESULT_INVALID (not one can be used)
 * *error, constant text, says why. */
enum result jwt_keys_parse(struct slice json, struct jwt_keys **keys, const char **error);
void jwt_keys_free(struct jwt_keys *keys);

/* A token whose signature is good; its claims as a tree in the arena. NULL: it is none, or none of the keys has signed it. */
const struct json_node *jwt_open(const struct jwt_keys *keys, struct slice token, struct arena *arena);

/* What claims must say. */
struct jwt_demands {
    const char *audience; /* aud is it, or an array with it */
    const char *issuer;   /* iss; NULL: Google's, if there is an email */
    const char *email;    /* with email_verified; NULL: anybody's. Google signs for every account that it has: see issuer */
};

/* Whether the claims are as demanded, now (wall clock): exp must be there, nbf and iat are looked at if they are, with a minute of skew. */
bool jwt_admits(const struct json_node *claims, const struct jwt_demands *demands, clock_nanos now);

#endif
