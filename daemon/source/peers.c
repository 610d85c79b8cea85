/* SPDX-License-Identifier: Apache-2.0 */
/* How many connections each address has: counted on the accepting thread, let go on the workers'. */
#include "channel.h"

#include "harrier/base/memory.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

enum { BUCKETS = 4096, KEY_BYTES = 16, IPV6_NETWORK_BYTES = 8 };

/* An address with connections; there are never more of them than connections. */
struct peer {
    LIST_ENTRY(peer) entry;
    uint8_t key[KEY_BYTES];
    size_t connections;
};

struct source_peers {
    size_t most;
    uint64_t seed; /* nobody outside can choose addresses that share a bucket */
    pthread_mutex_t mutex;
    LIST_HEAD(, peer) buckets[BUCKETS];
};

struct source_peers *source_peers_new(size_t most)
{
    struct source_peers *peers = xcalloc(1, sizeof *peers);

    peers->most = most;
    if (getrandom(&peers->seed, sizeof peers->seed, GRND_NONBLOCK) != (ssize_t)sizeof peers->seed)
        peers->seed = (uint64_t)clock_wall();
    pthread_mutex_init(&peers->mutex, NULL);
    return peers;
}

void source_peers_free(struct source_peers *peers)
{
    if (!peers)
        return;
    for (size_t i = 0; i < BUCKETS; i++) {
        struct peer *peer;
        while ((peer = LIST_FIRST(&peers->buckets[i]))) {
            LIST_REMOVE(peer, entry);
            free(peer);
        }
    }
    pthread_mutex_destroy(&peers->mutex);
    free(peers);
}

/* IPv4 as it is mapped into IPv6 (RFC 4291 section 2.5.5.2); of IPv6 the first 64 bits, as one host may have all of the rest. False: no
 * address. */
static bool key_of(const struct address *address, uint8_t key[KEY_BYTES])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    memset(key, 0, KEY_BYTES);
    if (address->storage.ss_family == AF_INET) {
        memcpy(key, mapped, sizeof mapped);
        memcpy(key + sizeof mapped, &((const struct sockaddr_in *)&address->storage)->sin_addr, 4);
        return true;
    }
    if (address->storage.ss_family != AF_INET6)
        return false;
    const uint8_t *ipv6 = ((const struct sockaddr_in6 *)&address->storage)->sin6_addr.s6_addr;
    memcpy(key, ipv6, memcmp(ipv6, mapped, sizeof mapped) == 0 ? KEY_BYTES : IPV6_NETWORK_BYTES);
    return true;
}

/* A multiplication by an odd number and the upper bits of what comes out, twice over. */
static size_t bucket_of(const struct source_peers *peers, const uint8_t key[KEY_BYTES])
{
    uint64_t halves[2], hash;

    memcpy(halves, key, sizeof halves);
    hash = (halves[0] ^ peers->seed) * UINT64_C(0x9e3779b97f4a7c15);
    hash ^= hash >> 29;
    hash = (hash ^ halves[1] ^ (peers->seed << 1)) * UINT64_C(0xbf58476d1ce4e5b9);
    return (size_t)(hash >> 40) % BUCKETS;
}

static struct peer *find(const struct source_peers *peers, const uint8_t key[KEY_BYTES], size_t bucket)
{
    struct peer *peer;

    LIST_FOREACH(peer, &peers->buckets[bucket], entry)
    {
        if (memcmp(peer->key, key, KEY_BYTES) == 0)
            return peer;
    }
    return NULL;
}

static bool enter(struct source_peers *peers, const uint8_t key[KEY_BYTES])
{
    size_t bucket = bucket_of(peers, key);
    struct peer *peer = find(peers, key, bucket);

    if (!peer) {
        peer = xcalloc(1, sizeof *peer);
        memcpy(peer->key, key, KEY_BYTES);
        LIST_INSERT_HEAD(&peers->buckets[bucket], peer, entry);
    }
    if (peer->connections >= peers->most)
        return false;
    peer->connections++;
    return true;
}

bool peers_enter(struct source_peers *peers, const struct address *address)
{
    uint8_t key[KEY_BYTES];

    if (!peers || !key_of(address, key))
        return true;
    pthread_mutex_lock(&peers->mutex);
    bool entered = enter(peers, key);
    pthread_mutex_unlock(&peers->mutex);
    return entered;
}

void peers_leave(struct source_peers *peers, const struct address *address)
{
    uint8_t key[KEY_BYTES];

    if (!peers || !key_of(address, key))
        return;
    pthread_mutex_lock(&peers->mutex);
    struct peer *peer = find(peers, key, bucket_of(peers, key));
    if (peer && --peer->connections == 0) {
        LIST_REMOVE(peer, entry);
        free(peer);
    }
    pthread_mutex_unlock(&peers->mutex);
}
