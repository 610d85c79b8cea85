/* SPDX-License-Identifier: Apache-2.0 */
#include "names.h"

#include "daemon/udm/k8s/object/place.h"

enum { MOST_SEGMENTS = 8 }; /* what follows is a path behind proxy */

struct segments {
    struct slice at[MOST_SEGMENTS]; /* empty behind the last */
    size_t count;
};

static struct segments split(struct slice path)
{
    struct segments segments = {0};

    while (segments.count < MOST_SEGMENTS) {
        ptrdiff_t slash = slice_find_byte(path, '/');
        segments.at[segments.count++] = slash < 0 ? path : slice_first(path, (size_t)slash);
        if (slash < 0)
            break;
        path = slice_from(path, (size_t)slash + 1);
    }
    return segments;
}

/* v1, v2beta1 */
static bool is_version(struct slice text)
{
    return text.length >= 2 && text.bytes[0] == 'v' && text.bytes[1] >= '0' && text.bytes[1] <= '9';
}

/* A method without its last part: io.k8s.core.v1.pods of io.k8s.core.v1.pods.get. */
static struct slice without_last_part(struct slice method)
{
    ptrdiff_t dot = slice_find_last_byte(method, '.');
    return dot < 0 ? SLICE("") : slice_first(method, (size_t)dot);
}

static bool names_namespaces(struct slice method)
{
    struct slice object = without_last_part(method);
    return slice_ends_with(object, SLICE(".namespaces")) || slice_ends_with(without_last_part(object), SLICE(".namespaces"));
}

/* io.k8s.get is a request for no resource. */
static bool is_resource(struct slice method, const struct segments *segments)
{
    if (segments->count < 3)
        return false;
    return method.length ? !slice_is(without_last_part(method), "io.k8s") : is_version(segments->at[1]);
}

static void take_object(struct gke_target *target, const struct segments *segments, size_t first)
{
    const struct slice none = {NULL, 0};

    target->request.resource = segments->at[first];
    target->name = first + 1 < segments->count ? segments->at[first + 1] : none;
    target->request.subresource = first + 2 < segments->count ? segments->at[first + 2] : none;
}

static void read_object(struct gke_target *target, const struct segments *segments, struct slice method)
{
    enum { AT_GROUP, AT_VERSION, AT_OBJECT, AT_NAMESPACE, AT_NAMESPACED };
    bool is_core = slice_is(segments->at[AT_GROUP], "core");
    bool is_below_namespace = slice_is(segments->at[AT_OBJECT], "namespaces") && segments->count > AT_NAMESPACE;
    /* core/v1/namespaces/NS/finalize is a namespace, core/v1/namespaces/NS/pods are pods */
    bool is_namespace_itself = is_below_namespace && (segments->count == AT_NAMESPACED ||
                                                      (is_core && segments->count == AT_NAMESPACED + 1 && names_namespaces(method)));

    if (!is_core)
        target->request.api_group = segments->at[AT_GROUP];
    target->request.api_version = segments->at[AT_VERSION];
    if (is_below_namespace && (is_core || !is_namespace_itself))
        target->namespace = segments->at[AT_NAMESPACE]; /* a namespace is in itself, as in an objectRef */
    take_object(target, segments, is_below_namespace && !is_namespace_itself ? AT_NAMESPACED : AT_OBJECT);
}

void gke_target_read(struct arena *arena, struct slice method, struct slice resource_name, struct gke_target *target)
{
    ptrdiff_t dot = slice_find_last_byte(method, '.');
    struct slice path = k8s_percent_decode(arena, resource_name, false);

    *target = (struct gke_target){.request.verb = slice_from(method, (size_t)(dot + 1))};
    if (slice_starts_with(path, SLICE("/")))
        path = slice_from(path, 1);
    struct segments segments = split(path);
    if (!path.length)
        return;
    const char *prefix = "/";
    if (is_resource(method, &segments)) {
        bool is_core = slice_is(segments.at[0], "core");
        read_object(target, &segments, method);
        prefix = is_core ? "/api/" : "/apis/";
        path = is_core ? slice_from(path, sizeof "core/" - 1) : path;
    }
    target->url = k8s_join(arena, slice_of(prefix), "", path);
}

int64_t gke_http_code(int64_t grpc_code)
{
    static const int codes[] = {200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401};
    enum { UNKNOWN = 2 };

    return codes[grpc_code >= 0 && (size_t)grpc_code < sizeof codes / sizeof *codes ? grpc_code : UNKNOWN];
}

bool gke_is_metadata_level(const struct k8s_request *request)
{
    static const struct {
        const char *api_group;
        const char *resource;
        const char *subresource; /* NULL: any */
    } bare[] = {
        {"", "secrets", NULL},
        {"", "configmaps", NULL},
        {"", "serviceaccounts", "token"},
        {"authentication.k8s.io", "tokenreviews", NULL},
    };

    for (size_t i = 0; i < sizeof bare / sizeof *bare; i++) {
        if (slice_is(request->api_group, bare[i].api_group) && slice_is(request->resource, bare[i].resource) &&
            (!bare[i].subresource || slice_is(request->subresource, bare[i].subresource)))
            return true;
    }
    return false;
}
