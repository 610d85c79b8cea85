/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for libFuzzer where there is none: gives the fuzz target every file of the folders named, once. */
#include "harrier/base/memory.h"

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A heap copy of the exact size, so that a read past its end is seen by a sanitizer. */
static uint8_t *read_whole(const char *path, size_t size)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = xmalloc(size ? size : 1);

    if (!file || fread(data, 1, size, file) != size) {
        perror(path);
        exit(1);
    }
    fclose(file);
    return data;
}

static size_t replay_folder(const char *folder)
{
    struct dirent **entries;
    size_t replayed = 0;
    int count = scandir(folder, &entries, NULL, alphasort);

    if (count < 0) {
        perror(folder);
        exit(1);
    }
    for (int i = 0; i < count; i++) {
        char *path = xasprintf("%s/%s", folder, entries[i]->d_name);
        struct stat status;
        if (stat(path, &status) == 0 && S_ISREG(status.st_mode)) {
            uint8_t *data = read_whole(path, (size_t)status.st_size);
            printf("%s\n", path);
            fflush(stdout);
            LLVMFuzzerTestOneInput(data, (size_t)status.st_size);
            free(data);
            replayed++;
        }
        free(path);
        free(entries[i]);
    }
    free(entries);
    return replayed;
}

int main(int argc, char **argv)
{
    size_t replayed = 0;

    for (int i = 1; i < argc; i++)
        replayed += replay_folder(argv[i]);
    printf("%zu inputs replayed\n", replayed);
    return replayed ? 0 : 1;
}
