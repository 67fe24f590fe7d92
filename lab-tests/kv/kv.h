/* What the tests of the key-value service share. */
#pragma once

#include "../service.h"
#include <kv.h>

struct service {
    handle_t lobby;
    long server;
};

/* A server with a log of so many KiB. */
static inline struct service serve_kib(const char *kib)
{
    const char *args[] = {"kv", "serve", kib, 0};
    struct service s = {open_lobby(), 0};

    s.server = start(args);
    return s;
}

/* Its patience is no longer than a user's: a busy host may take more. */
static inline struct kv open_kv(void)
{
    struct kv kv;
    long error = -E_NOENT;

    for (int i = 0; i < SETTLE_MS / 1000 && error == -E_NOENT; i++)
        error = kv_open(&kv);
    CHECK_EQ(error, 0);
    return kv;
}

static inline void end_service(struct service *s)
{
    kill_server(s->server);
    close_lobby(s->lobby);
}

static inline long put_text(struct kv *kv, const char *key, const char *text)
{
    return kv_put(kv, key, text, strlen(text));
}

/* The key has exactly this text. */
#define CHECK_TEXT(kv, key, text)                                              \
    do {                                                                       \
        char got_[80] = {0};                                                   \
        CHECK_EQ(kv_get(kv, key, got_, sizeof(got_) - 1), strlen(text));       \
        CHECK(strcmp(got_, text) == 0);                                        \
    } while (0)

/* Puts bytes that depend on the seed; the key has exactly these. */
static inline long put_bytes(struct kv *kv, const char *key, uint64_t seed,
                             uint32_t length)
{
    static uint8_t bytes[KV_VALUE_MAX];

    test_fill(bytes, length, seed);
    return kv_put(kv, key, bytes, length);
}

static inline bool has_bytes(struct kv *kv, const char *key, uint64_t seed,
                             uint32_t length)
{
    static uint8_t bytes[KV_VALUE_MAX], got[KV_VALUE_MAX];

    test_fill(bytes, length, seed);
    return kv_get(kv, key, got, sizeof(got)) == (long)length &&
           memcmp(bytes, got, length) == 0;
}

static inline struct kv_stat kv_stat_of(struct kv *kv)
{
    struct kv_stat s = {0};

    CHECK_EQ(kv_stat(kv, &s), 0);
    return s;
}
