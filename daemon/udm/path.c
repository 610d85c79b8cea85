/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/udm/k8s/fields.h"
#include "daemon/udm/k8s/head.h"

#include "harrier/base/buffer.h"

/* A failure as it is handed out. */
struct complaint {
    struct arena *arena;
    size_t *step;
    struct slice *text;
};

static enum result complain(const struct complaint *complaint, enum result result, size_t step, struct slice text)
{
    *complaint->step = step;
    *complaint->text = text;
    return result;
}

/* The field of the type whose name is nearest, NULL if none is near. Two names that differ in a prefix (hostname, host) count as near. */
static const char *nearest_field(const struct udm_message_type *type, struct slice name)
{
    const char *nearest = NULL;
    unsigned int best = 1 + (unsigned int)(name.length < 64 ? name.length / 3 : 0);

    for (size_t i = 0; i < type->field_count; i++) {
        struct slice candidate = slice_of(type->fields[i].name);
        unsigned int distance = slice_edit_distance(name, candidate);
        if (name.length >= 3 && (slice_starts_with(candidate, name) || slice_starts_with(name, candidate)) && distance > 2)
            distance = 2;
        if (distance <= best && (!nearest || distance < best)) {
            best = distance;
            nearest = type->fields[i].name;
        }
    }
    return nearest;
}

static enum result unknown_field(const struct complaint *complaint, const struct udm_message_type *type, const struct udm_name *names, size_t step)
{
    struct slice name = names[step].name;
    const char *nearest = nearest_field(type, name);
    struct slice where = step ? arena_printf(complaint->arena, " in `%.*s`", SLICE_ARGS(names[step - 1].name)) : SLICE("");
    struct slice hint = nearest ? arena_printf(complaint->arena, "; did you mean `%s`?", nearest) : SLICE("");

    return complain(complaint, RESULT_NOT_FOUND, step,
                    arena_printf(complaint->arena, "UDM has no field `%.*s`%.*s%.*s", SLICE_ARGS(name), SLICE_ARGS(where), SLICE_ARGS(hint)));
}

static bool is_map(const struct udm_field *field)
{
    return field->type == UDM_STRUCT || (field->type == UDM_MESSAGE && field->repeated && udm_is_label(field->message));
}

/* What is wrong with the index or key on a field; NULL if nothing. */
static const char *wrong_selector(const struct udm_field *field, const struct udm_name *name, bool last)
{
    if (name->has_index && name->has_key)
        return "an index and a key on one field";
    if (name->has_index && !field->repeated)
        return "an index on a field that is not repeated";
    if (name->has_key && field->type == UDM_STRUCT)
        return "the key of a struct stands after `fields`: additional.fields[\"key\"]";
    if (name->has_key && !is_map(field))
        return "a key on a field that is no list of labels";
    if (name->has_key && !last)
        return "nothing can follow a key: it gives the value";
    return NULL;
}

/* .seconds and .nanos of a time, .fields["key"] of a struct. */
static enum result resolve_inside_scalar(const struct complaint *complaint, const struct udm_field *field, const struct udm_name *names, size_t step,
                                         size_t name_count, struct udm_path *path)
{
    const struct udm_name *name = &names[step];
    bool is_time = field->type == UDM_TIMESTAMP || field->type == UDM_DURATION;

    if (step + 1 < name_count)
        return complain(complaint, RESULT_INVALID, step + 1,
                        arena_printf(complaint->arena, "`%.*s` has no fields", SLICE_ARGS(names[step].name)));
    if (field->type == UDM_STRUCT && slice_is(name->name, "fields") && name->has_key && !name->has_index) {
        path->has_key = true;
        path->key = arena_copy(complaint->arena, name->key);
        return RESULT_OK;
    }
    if (field->type == UDM_STRUCT)
        return complain(complaint, RESULT_INVALID, step,
                        arena_printf(complaint->arena, "a struct is read by key: %s.fields[\"key\"]", field->name));
    if (is_time && (slice_is(name->name, "seconds") || slice_is(name->name, "nanos")) && !name->has_index && !name->has_key) {
        path->part = slice_is(name->name, "seconds") ? UDM_PART_SECONDS : UDM_PART_NANOS;
        return RESULT_OK;
    }
    if (is_time)
        return complain(complaint, RESULT_NOT_FOUND, step,
                        arena_printf(complaint->arena, "`%s` is a time: it has `seconds` and `nanos`", field->name));
    return complain(complaint, RESULT_INVALID, step, arena_printf(complaint->arena, "`%s` is a value, it has no fields", field->name));
}

/* A path must end in something that a rule can compare. */
static enum result check_end(const struct complaint *complaint, const struct udm_path *path, size_t step)
{
    const struct udm_field *field = path->steps[path->step_count - 1].field;

    if (path->has_key)
        return RESULT_OK;
    if (field->type == UDM_MESSAGE && is_map(field))
        return complain(complaint, RESULT_INVALID, step,
                        arena_printf(complaint->arena, "a list of labels where a value is needed: write %s[\"key\"]", field->name));
    if (field->type == UDM_MESSAGE)
        return complain(complaint, RESULT_INVALID, step,
                        arena_printf(complaint->arena, "a message where a value is needed: name a field of `%s`", field->name));
    if (field->type == UDM_STRUCT)
        return complain(complaint, RESULT_INVALID, step,
                        arena_printf(complaint->arena, "a struct is read by key: %s.fields[\"key\"]", field->name));
    return RESULT_OK;
}

static void append_key(struct buffer *text, struct slice key)
{
    buffer_append_text(text, "[\"");
    for (size_t i = 0; i < key.length; i++) {
        if (key.bytes[i] == '"' || key.bytes[i] == '\\')
            buffer_append_byte(text, '\\');
        buffer_append_byte(text, key.bytes[i]);
    }
    buffer_append_text(text, "\"]");
}

static struct slice canonical_text(struct arena *arena, const struct udm_path *path)
{
    static const char *const parts[] = {[UDM_PART_WHOLE] = "", [UDM_PART_SECONDS] = ".seconds", [UDM_PART_NANOS] = ".nanos"};
    struct buffer text = {0};

    for (size_t i = 0; i < path->step_count; i++) {
        buffer_printf(&text, "%s%s", i ? "." : "", path->steps[i].field->name);
        if (path->steps[i].has_index)
            buffer_printf(&text, "[%u]", path->steps[i].index);
    }
    buffer_append_text(&text, parts[path->part]);
    if (path->has_key) {
        if (path->steps[path->step_count - 1].field->type == UDM_STRUCT)
            buffer_append_text(&text, ".fields");
        append_key(&text, path->key);
    }
    struct slice copy = arena_copy(arena, buffer_slice(&text));
    buffer_free(&text);
    return copy;
}

static bool makes_rows(const struct udm_path *path)
{
    for (size_t i = 0; i < path->step_count && !path->has_key; i++) {
        if (path->steps[i].field->repeated && !path->steps[i].has_index)
            return true;
    }
    return false;
}

/* The way from the root; names that stand for no field of a message are left to resolve_inside_scalar. */
static enum result resolve_steps(const struct complaint *complaint, const struct udm_message_type *type, const struct udm_name *names, size_t first,
                                 size_t name_count, struct udm_path *path)
{
    for (size_t i = first; i < name_count; i++) {
        if (!type)
            return resolve_inside_scalar(complaint, path->steps[path->step_count - 1].field, names, i, name_count, path);
        const struct udm_field *field = udm_field_find(type, names[i].name);
        if (!field)
            return unknown_field(complaint, type, names, i);
        const char *wrong = wrong_selector(field, &names[i], i + 1 == name_count);
        if (wrong)
            return complain(complaint, RESULT_INVALID, i, slice_of(wrong));
        path->steps[path->step_count++] = (struct udm_step){field, names[i].has_index, names[i].index};
        if (names[i].has_key) {
            path->has_key = true;
            path->key = arena_copy(complaint->arena, names[i].key);
        }
        type = field->type == UDM_MESSAGE ? field->message : NULL;
    }
    return RESULT_OK;
}

enum result udm_path_resolve(struct arena *arena, const struct udm_message_type *root, const struct udm_name *names, size_t name_count,
                             struct udm_path *path, size_t *error_step, struct slice *error)
{
    struct complaint complaint = {arena, error_step, error};
    const char *root_name = root == udm_entity_type() ? "graph" : "udm";
    size_t first = name_count > 0 && slice_is(names[0].name, root_name) && !names[0].has_index && !names[0].has_key ? 1 : 0;

    *path = (struct udm_path){.steps = arena_calloc(arena, name_count + 1, sizeof *path->steps)};
    if (first == name_count)
        return complain(&complaint, RESULT_INVALID, 0, SLICE("an event where a value is needed: name a field of it"));
    enum result result = resolve_steps(&complaint, root, names, first, name_count, path);
    if (result == RESULT_OK)
        result = check_end(&complaint, path, name_count - 1);
    if (result != RESULT_OK)
        return result;
    path->text = canonical_text(arena, path);
    path->repeated = makes_rows(path);
    path->origin = root == udm_event_type() ? k8s_field_origin(path->text) : UDM_ORIGIN_EVENT;
    path->head = root == udm_event_type() ? k8s_head_field(path->text) : UDM_HEAD_NONE;
    return RESULT_OK;
}
