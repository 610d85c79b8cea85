/* SPDX-License-Identifier: Apache-2.0 */
/* A submission's encoding from anywhere: read to its end, or refused; and what was read is written the same again. */
#include "harrier/submission.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum result add_again(struct submission *copy, const struct submission_item *item)
{
    switch (item->kind) {
    case SUBMISSION_ALERT: return submission_add_alert(copy, &item->alert);
    case SUBMISSION_DEAD_LETTER: return submission_add_dead_letter(copy, &item->dead_letter);
    case SUBMISSION_OBSERVATION: return submission_add_observation(copy, item->observation);
    case SUBMISSION_POSITION: return submission_add_position(copy, item->position.key, item->position.value);
    }
    return RESULT_INVALID;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice bytes = slice_make((const char *)data, size);
    struct submission_reader reader;
    struct submission_item item;
    if (submission_reader_open(&reader, bytes) != RESULT_OK)
        return 0;
    struct submission *copy = submission_new(reader.cluster, reader.partition_key);
    enum result result;
    while ((result = submission_reader_next(&reader, &item)) == RESULT_OK) {
        if (add_again(copy, &item) != RESULT_OK)
            abort();
    }
    struct slice written = submission_bytes(copy);
    if (result == RESULT_NOT_FOUND && !slice_equal(written, bytes))
        abort();
    if (!slice_equal(written, slice_first(bytes, written.length)))
        abort();
    submission_free(copy);
    return 0;
}
