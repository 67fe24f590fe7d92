/* The store of the server: keys, and where their values are. */
#pragma once

#include <kv.h>

#define KEYS_MAX 1024u /* keys in the store */

/* Makes the first log, with room for so many bytes. Returns: 0, -E_code. */
long store_open(uint64_t log_bytes);

/* Returns: 0; -E_NOSPC: too many keys, or values; -E_NOMEM: to compact. */
long store_put(const char *key, const void *value, uint32_t length);

/* Where the value is, for who is given d. Returns: 0; -E_NOENT. */
long store_get(const char *key, struct msg_desc *d);

/* Returns: 0; -E_NOENT. */
long store_delete(const char *key);

/* The first key at body->place or behind it. Returns: 0; -E_NOENT. */
long store_next(struct kv_body *body);

void store_stat(struct kv_stat *out);
