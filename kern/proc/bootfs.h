/* The boot files: a ustar archive, each file a sealed Immutable region. */
#pragma once

#include "abi/abi.h"
#include "base/kern.h"

#define BOOT_NAME_BYTES sizeof(((struct boot_file *)0)->name)

struct region;

/* Copy the files of the archive at [at, limit) into regions of their own. Once,
 * at boot. Returns: NULL, or what is wrong. */
const char *bootfs_load(const char *at, const char *limit);

/* The file of this name, NULL if none. */
struct region *bootfs_find(const char *name);

/* The index-th file, in the archive's order. Returns: 0, -E_NOENT. */
long bootfs_describe(uint32_t index, struct boot_file *out);
