/* SPDX-License-Identifier: Apache-2.0 */
/* Any JSON as an audit event, as a LogEntry of GKE and as UDM JSON: mapped, asked and written. The first byte chooses what was cut off. */
#include "harrier/udm.h"

#include <stdlib.h>

static void write_and_ask(struct udm_record *record)
{
    struct buffer out = {0};
    struct udm_value value;
    struct json_writer *writer = json_writer_new(&out, false);

    udm_record_write(record, writer);
    json_writer_free(writer);
    buffer_reset(&out, 0);
    if (udm_record_labels(record, "command", &value, 1) && value.origin)
        json_path(value.origin, &out);
    buffer_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct arena *arena = arena_new(64 * 1024);
    struct json_node *root = NULL;
    struct udm_record record;
    struct udm_source source = {.log_type = SLICE("K8S_AUDIT"), .cluster = SLICE("c"),
                                .provider = data[0] >> 4 & 1 ? UDM_PROVIDER_AKS : UDM_PROVIDER_NONE, .trusted_proxies = (data[0] >> 6) - 1};
    struct udm_cut cut = {data[0] & 1, data[0] & 2, data[0] & 4, data[0] & 8};

    json_tree_parse(arena, slice_make((const char *)data + 1, size - 1), &json_default_limits, &root, NULL);
    if (root) {
        void (*const mappings[])(struct udm_record *, const struct udm_source *, const struct json_node *, const struct udm_cut *) = {udm_k8s_record,
                                                                                                                                    udm_gke_record};
        for (size_t i = 0; i < sizeof mappings / sizeof *mappings; i++) {
            udm_record_init(&record, arena, UDM_UNREAD);
            mappings[i](&record, &source, root, &cut);
            if (!udm_record_label(&record, "object_state").length)
                abort();
            write_and_ask(&record);
        }
        udm_record_init(&record, arena, UDM_KNOWN);
        if (udm_json_record(&record, root, NULL, NULL) == RESULT_OK)
            write_and_ask(&record);
    }
    arena_free(arena);
    return 0;
}
