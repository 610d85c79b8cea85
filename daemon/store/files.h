/* SPDX-License-Identifier: Apache-2.0 */
/* The store's directory and the files in it, outside of SQLite: locks, what kind of file each is, and the marker by which a store that was lost is known
 * from one that never was. */
#ifndef HARRIER_STORE_FILES_H
#define HARRIER_STORE_FILES_H

#include "writer.h"

/* Makes the directory, takes the locks, looks at what is there, and makes store.db if it has to. On failure *error is the caller's to free. */
enum result files_prepare(struct store *store, char **error);
/* The store is open: writes the marker, and tells if this is not the store that it was. */
void files_opened(struct store *store);
/* The store is about to be closed in good order. */
void files_closing(struct store *store);

#endif
