/*
 * The key-value service, as its clients see it: the protocol, and functions
 * that speak it. docs/services.md tells how a value travels.
 *
 * A client has a connection to the port "kv", and a box: a queue that it has
 * made, and whose handle it has sent to the server's door. Values go through
 * the box as descriptors, both ways; what to do with them is said in calls.
 *
 *   request  type: what to do; `length` of the value that is in the box;
 *            `place` to go on from (KV_NEXT); the key
 *   answer   type: 0, or an error's number (E_NOENT: no such key); `length` of
 *            the value that was asked for, and is in the box unless it is empty
 */
#pragma once

#include "weir.h"

#define KV_NAME      "kv"     /* of its port, and of its door */
#define KV_KEY_BYTES 40u      /* a key with its 0 */
#define KV_VALUE_MAX 0x10000u /* bytes of a value */

enum kv_request {
    KV_OPEN = 1, /* the box is at the door */
    KV_CLOSE,    /* the server forgets the box */
    KV_PUT,      /* the box has a descriptor of the value, unless it is empty */
    KV_GET,
    KV_DELETE,
    KV_NEXT, /* the first key at `place` or behind it, and the place after */
    KV_STAT, /* the answer is a struct kv_stat */
};

struct kv_body { /* in ipc_msg.payload */
    uint32_t length, place;
    char key[KV_KEY_BYTES];
};

struct kv_stat { /* in ipc_msg.payload */
    uint32_t keys, clients;
    uint64_t log_bytes;  /* of the region that values are appended to */
    uint64_t used, live; /* of these: appended; of values that are there */
    uint64_t compactions;
};

_Static_assert(sizeof(struct kv_body) == 48, "");
_Static_assert(sizeof(struct kv_stat) <= 48, "");

/* A client. After an error of the kernel's it must be closed. */
struct kv {
    handle_t port, box;
    handle_t region; /* what is put is appended here first; -1: none yet */
};

/* Returns, all of them: 0, or more where it says so; what the server answers;
 * -E_PIPE when the server is gone; what a call of the kernel fails with. */

/* -E_NOENT: nobody serves, for a second; -E_NFILE: too many clients. */
long kv_open(struct kv *kv);
void kv_close(struct kv *kv);

/* -E_NOSPC: the store is full; -E_INVAL: a bad key; -E_MSGSIZE: a value above
 * KV_VALUE_MAX bytes. */
long kv_put(struct kv *kv, const char *key, const void *value, uint64_t length);

/* Returns: the value's length; -E_NOENT; -E_MSGSIZE if it is above cap. */
long kv_get(struct kv *kv, const char *key, void *value, uint64_t cap);

long kv_delete(struct kv *kv, const char *key);

/* The key after *place, which begins with 0, and the length of its value. Keys
 * that come or go meanwhile may be left out. Returns: 0; -E_NOENT: no more. */
long kv_next(struct kv *kv, uint32_t *place, struct kv_body *out);

long kv_stat(struct kv *kv, struct kv_stat *out);
