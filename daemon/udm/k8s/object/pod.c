/* SPDX-License-Identifier: Apache-2.0 */
/* Labels of pod specs. The tables at the end, innermost first, are the mapping; the functions make what a table cannot say. */
#include "pod.h"

static const struct slice true_text = {"true", 4};

/* --- commands ------------------------------------------------------------------------------------------------------------- */

void k8s_command_add(struct arena *arena, struct k8s_command *command, struct slice word)
{
    if (command->count == command->capacity) {
        size_t capacity = command->capacity ? command->capacity * 2 : 8;
        struct slice *grown = arena_grow(arena, command->words, command->capacity * sizeof *grown, capacity * sizeof *grown);
        if (!grown)
            return;
        command->words = grown;
        command->capacity = capacity;
    }
    command->words[command->count++] = word;
}

void k8s_command_add_list(struct arena *arena, struct k8s_command *command, const struct json_node *list)
{
    if (!json_is(list, JSON_ARRAY) || !list->first)
        return;
    if (!command->origin)
        command->origin = list;
    for (const struct json_node *word = list->first; word; word = word->next)
        k8s_command_add(arena, command, k8s_word(arena, word));
}

static struct slice join_words(struct arena *arena, const struct k8s_command *command)
{
    size_t length = 0, used = 0;

    for (size_t i = 0; i < command->count; i++)
        length += command->words[i].length + 1;
    char *text = arena_alloc(arena, length + 1);
    for (size_t i = 0; i < command->count; i++) {
        if (i)
            text[used++] = ' ';
        if (command->words[i].length)
            memcpy(text + used, command->words[i].bytes, command->words[i].length);
        used += command->words[i].length;
    }
    return slice_make(text, used);
}

void k8s_command_report(struct k8s_walk *walk, const struct k8s_command *command, bool is_hook)
{
    if (!command->count)
        return;
    struct slice line = command->count == 1 ? command->words[0] : join_words(walk->record->arena, command);
    k8s_add_label(walk, K8S_LABEL("command"), line, command->origin);
    if (is_hook)
        k8s_add_label(walk, K8S_LABEL("hook_command"), line, command->origin);
}

static void report_lists(struct k8s_walk *walk, const struct json_node *command_list, const struct json_node *args_list)
{
    struct k8s_command command = {0};
    k8s_command_add_list(walk->record->arena, &command, command_list);
    k8s_command_add_list(walk->record->arena, &command, args_list);
    k8s_command_report(walk, &command, false);
}

/* The last command with the last args is what a server takes; each earlier occurrence of a name counts as well, by itself: joined
 * with the other, many of one and a long other would make more text than any event has. */
static void look_at_container(struct k8s_walk *walk, struct slice key, const struct json_node *container)
{
    const struct json_node *command = json_last_member(container, "command"), *args = json_last_member(container, "args");
    const struct json_node *other = NULL;
    (void)key;

    while ((other = k8s_next_member(container, "command", other))) {
        if (other != command)
            report_lists(walk, other, NULL);
    }
    while ((other = k8s_next_member(container, "args", other))) {
        if (other != args)
            report_lists(walk, NULL, other);
    }
    report_lists(walk, command, args);
}

static void look_at_exec(struct k8s_walk *walk, struct slice key, const struct json_node *exec)
{
    const struct json_node *list = NULL;
    (void)key;

    while ((list = k8s_next_member(exec, "command", list))) {
        struct k8s_command command = {0};
        k8s_command_add_list(walk->record->arena, &command, list);
        k8s_command_report(walk, &command, true);
    }
}

bool k8s_runs_as_hook(const struct k8s_member *member)
{
    return member->look == look_at_exec;
}

/* --- images --------------------------------------------------------------------------------------------------------------- */

/* [registry/]repository[:tag][@digest] */
static void look_at_image(struct k8s_walk *walk, struct slice key, const struct json_node *image)
{
    (void)key;
    if (image->type != JSON_STRING)
        return;
    struct slice rest = image->text, registry = SLICE("docker.io"), digest = {NULL, 0}, tag = {NULL, 0};
    ptrdiff_t slash = slice_find_byte(rest, '/');

    if (slash >= 0) {
        struct slice host = slice_first(rest, (size_t)slash);
        if (slice_find_byte(host, '.') >= 0 || slice_find_byte(host, ':') >= 0 || slice_is(host, "localhost")) {
            registry = host;
            rest = slice_from(rest, (size_t)slash + 1);
        }
    }
    ptrdiff_t at = slice_find_byte(rest, '@');
    if (at >= 0) {
        digest = slice_from(rest, (size_t)at + 1);
        rest = slice_first(rest, (size_t)at);
    }
    ptrdiff_t colon = slice_find_last_byte(rest, ':');
    if (colon >= 0 && slice_find_byte(slice_from(rest, (size_t)colon), '/') < 0) {
        tag = slice_from(rest, (size_t)colon + 1);
        rest = slice_first(rest, (size_t)colon);
    }
    if (!tag.length && !digest.length)
        tag = SLICE("latest");
    k8s_add_label(walk, K8S_LABEL("registry"), registry, image);
    k8s_add_label(walk, K8S_LABEL("image_repository"), rest, image);
    if (tag.length)
        k8s_add_label(walk, K8S_LABEL("image_tag"), tag, image);
    if (digest.length)
        k8s_add_label(walk, K8S_LABEL("image_digest"), digest, image);
}

/* --- security contexts ---------------------------------------------------------------------------------------------------- */

static void look_at_run_as_user(struct k8s_walk *walk, struct slice key, const struct json_node *value)
{
    int64_t user;
    (void)key;
    if (value->type == JSON_NUMBER && slice_to_int64(value->text, &user) && user == 0)
        k8s_add_label(walk, K8S_LABEL("run_as_root"), true_text, value);
}

static void look_at_run_as_non_root(struct k8s_walk *walk, struct slice key, const struct json_node *value)
{
    (void)key;
    if (value->type == JSON_BOOL && !value->boolean)
        k8s_add_label(walk, K8S_LABEL("run_as_root"), true_text, value);
}

/* --- pairs ---------------------------------------------------------------------------------------------------------------- */

static void look_at_sysctl(struct k8s_walk *walk, struct slice key, const struct json_node *sysctl)
{
    (void)key;
    k8s_add_pair(walk, sysctl, "name", "=", "value", K8S_LABEL("sysctl"));
}

static void look_at_toleration(struct k8s_walk *walk, struct slice key, const struct json_node *toleration)
{
    (void)key;
    if (toleration->type != JSON_OBJECT)
        return;
    struct slice name = json_string(json_last_member(toleration, "key"));
    if (!name.length && slice_is(json_string(json_last_member(toleration, "operator")), "Exists"))
        k8s_add_label(walk, K8S_LABEL("toleration"), SLICE("*"), toleration);
    else if (name.length)
        k8s_add_pair(walk, toleration, "key", ":", "effect", K8S_LABEL("toleration"));
}

static void look_at_host_alias(struct k8s_walk *walk, struct slice key, const struct json_node *alias)
{
    const struct json_node *ip = json_last_member(alias, "ip"), *names = NULL;
    (void)key;

    if (!json_is(ip, JSON_STRING))
        return;
    while ((names = k8s_next_member(alias, "hostnames", names))) {
        for (const struct json_node *name = names->type == JSON_ARRAY ? names->first : NULL; name; name = name->next) {
            if (name->type == JSON_STRING)
                k8s_add_label(walk, K8S_LABEL("host_alias"), k8s_join(walk->record->arena, ip->text, "=", name->text), name);
        }
    }
}

static void look_at_node_selector(struct k8s_walk *walk, struct slice key, const struct json_node *value)
{
    if (value->type == JSON_STRING)
        k8s_add_label(walk, K8S_LABEL("node_selector"), k8s_join(walk->record->arena, key, "=", value->text), value);
}

/* name/key, or name: the same for keys of secrets and config maps. */
static void look_at_key_ref(struct k8s_walk *walk, const struct json_node *ref, const char *label)
{
    const struct json_node *name = json_last_member(ref, "name");

    if (json_is(json_last_member(ref, "key"), JSON_STRING))
        k8s_add_pair(walk, ref, "name", "/", "key", label);
    else if (json_is(name, JSON_STRING))
        k8s_add_label(walk, label, name->text, name);
}

static void look_at_secret_ref(struct k8s_walk *walk, struct slice key, const struct json_node *ref)
{
    (void)key;
    look_at_key_ref(walk, ref, K8S_LABEL("env_secret_ref"));
}

static void look_at_config_map_ref(struct k8s_walk *walk, struct slice key, const struct json_node *ref)
{
    (void)key;
    look_at_key_ref(walk, ref, K8S_LABEL("env_configmap_ref"));
}

/* Each key of a volume but its name tells what is mounted. */
static void look_at_volume_type(struct k8s_walk *walk, struct slice key, const struct json_node *source)
{
    if (!slice_is(key, "name"))
        k8s_add_label(walk, K8S_LABEL("volume_type"), key, source);
}

/* --- the tables ----------------------------------------------------------------------------------------------------------- */

K8S_STATIC_PLACE(windows_options, K8S_TRUE("hostProcess", "host_process"));
K8S_STATIC_PLACE(seccomp_profile, K8S_TEXT("type", "seccomp_profile"));
K8S_STATIC_PLACE(apparmor_profile, K8S_TEXT("type", "apparmor_profile"));
K8S_STATIC_PLACE(selinux_options, K8S_TEXT("type", "selinux_type"));
K8S_STATIC_PLACE(capabilities, K8S_TEXTS("add", "capability"), K8S_TEXTS("drop", "capability_drop"));

#define SECURITY_CONTEXT_OF_BOTH                                 \
    K8S_INSIDE("windowsOptions", windows_options),               \
    K8S_NUMBER("runAsUser", "run_as_user"),                      \
    K8S_LOOK("runAsUser", look_at_run_as_user),                  \
    K8S_BOOL("runAsNonRoot", "run_as_non_root"),                 \
    K8S_LOOK("runAsNonRoot", look_at_run_as_non_root),           \
    K8S_TEXT("procMount", "proc_mount"),                         \
    K8S_INSIDE("seccompProfile", seccomp_profile),               \
    K8S_INSIDE("appArmorProfile", apparmor_profile),             \
    K8S_INSIDE("seLinuxOptions", selinux_options)

K8S_STATIC_PLACE(container_security_context,
          SECURITY_CONTEXT_OF_BOTH,
          K8S_TRUE("privileged", "privileged"),
          K8S_BOOL("allowPrivilegeEscalation", "allow_privilege_escalation"),
          K8S_BOOL("readOnlyRootFilesystem", "read_only_root_filesystem"),
          K8S_INSIDE("capabilities", capabilities));

K8S_STATIC_PLACE(pod_security_context,
          SECURITY_CONTEXT_OF_BOTH,
          K8S_LOOK_EACH("sysctls", look_at_sysctl));

K8S_STATIC_PLACE(hook, {.key = K8S_KEY("exec"), .look = look_at_exec, .runs = true});
K8S_STATIC_PLACE(lifecycle, K8S_INSIDE("postStart", hook), K8S_INSIDE("preStop", hook));
K8S_STATIC_PLACE(volume_mount, K8S_TEXT("mountPath", "mount_path"));
K8S_STATIC_PLACE(volume_device, K8S_TEXT("devicePath", "device_path"));
K8S_STATIC_PLACE(port, K8S_NUMBER("hostPort", "host_port"));
K8S_STATIC_PLACE(env_value_from,
          K8S_LOOK("secretKeyRef", look_at_secret_ref),
          K8S_LOOK("configMapKeyRef", look_at_config_map_ref));
K8S_STATIC_PLACE(env,
          K8S_TEXT("name", "env_name"),
          K8S_TEXT("value", "env_value"),
          K8S_INSIDE("valueFrom", env_value_from));
K8S_STATIC_PLACE(env_from,
          K8S_LOOK("secretRef", look_at_secret_ref),
          K8S_LOOK("configMapRef", look_at_config_map_ref));

K8S_STATIC_PLACE(container,
          K8S_TEXT("name", "container_name"),
          K8S_TEXT("image", "image"),
          K8S_LOOK("image", look_at_image),
          K8S_TEXT("imagePullPolicy", "image_pull_policy"),
          K8S_INSIDE("securityContext", container_security_context),
          K8S_INSIDE("lifecycle", lifecycle),
          K8S_INSIDE("livenessProbe", hook),
          K8S_INSIDE("readinessProbe", hook),
          K8S_INSIDE("startupProbe", hook),
          K8S_INSIDE_EACH("volumeMounts", volume_mount),
          K8S_INSIDE_EACH("volumeDevices", volume_device),
          K8S_INSIDE_EACH("ports", port),
          K8S_INSIDE_EACH("env", env),
          K8S_INSIDE_EACH("envFrom", env_from));

K8S_STATIC_PLACE(host_path, K8S_TEXT("path", "host_path_value"));
K8S_STATIC_PLACE(image_volume, K8S_TEXT("reference", "image"));
K8S_STATIC_PLACE(secret_volume, K8S_TEXT("secretName", "volume_secret"));
K8S_STATIC_PLACE(claim_volume, K8S_TEXT("claimName", "volume_claim"));
K8S_STATIC_PLACE(csi_volume, K8S_TEXT("driver", "volume_csi_driver"));
K8S_STATIC_PLACE(projected_secret, K8S_TEXT("name", "volume_secret"));
K8S_STATIC_PLACE(projected_token, K8S_TEXT("audience", "volume_token_audience"));
K8S_STATIC_PLACE(projected_source,
          K8S_INSIDE("secret", projected_secret),
          K8S_INSIDE("serviceAccountToken", projected_token));
K8S_STATIC_PLACE(projected_volume, K8S_INSIDE_EACH("sources", projected_source));

K8S_STATIC_PLACE(volume,
          K8S_EVERY(look_at_volume_type),
          K8S_PRESENT("hostPath", "host_path"),
          K8S_INSIDE("hostPath", host_path),
          K8S_INSIDE("image", image_volume),
          K8S_INSIDE("secret", secret_volume),
          K8S_INSIDE("persistentVolumeClaim", claim_volume),
          K8S_INSIDE("csi", csi_volume),
          K8S_INSIDE("projected", projected_volume));

K8S_STATIC_PLACE(pull_secret, K8S_TEXT("name", "image_pull_secret"));
K8S_STATIC_PLACE(node_selector, K8S_EVERY(look_at_node_selector));

#define CONTAINERS(name) {.key = K8S_KEY(name), .each = true, .look = look_at_container, .inside = &container, .runs = true}

K8S_PLACE(k8s_pod_spec,
          CONTAINERS("containers"),
          CONTAINERS("initContainers"),
          CONTAINERS("ephemeralContainers"),
          K8S_INSIDE_EACH("volumes", volume),
          K8S_TRUE("hostNetwork", "host_network"),
          K8S_TRUE("hostPID", "host_pid"),
          K8S_TRUE("hostIPC", "host_ipc"),
          K8S_BOOL("hostUsers", "host_users"),
          K8S_BOOL("shareProcessNamespace", "share_process_namespace"),
          K8S_INSIDE("securityContext", pod_security_context),
          K8S_TEXT("serviceAccountName", "service_account"),
          K8S_TEXT("serviceAccount", "service_account"),
          K8S_BOOL("automountServiceAccountToken", "automount_service_account_token"),
          K8S_INSIDE_EACH("imagePullSecrets", pull_secret),
          K8S_TEXT("nodeName", "node_name"),
          K8S_TEXT("priorityClassName", "priority_class"),
          K8S_TEXT("runtimeClassName", "runtime_class"),
          K8S_TEXT("schedulerName", "scheduler_name"),
          K8S_TEXT("restartPolicy", "restart_policy"),
          K8S_TEXT("dnsPolicy", "dns_policy"),
          K8S_INSIDE("nodeSelector", node_selector),
          K8S_LOOK_EACH("tolerations", look_at_toleration),
          K8S_LOOK_EACH("hostAliases", look_at_host_alias));
