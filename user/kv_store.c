/*
 * The store: an index in memory, and the values in an AppendOnly region, the
 * log. What is put is appended; what is replaced or deleted stays where it is
 * until the log is full. Then what is live is copied into a new log.
 *
 *   KS1  an entry's bytes are before the log's cursor, and do not change: a
 *        descriptor of them may be handed out.
 *   KS2  live values fill at most half of the log, so each compaction makes
 *        room for as much as it copies.
 *   KS3  clients hold the log of today and of yesterday, and no older one:
 *        what they keep does not add up.
 */
#include "kv_store.h"

#define LINES 256u /* of the hash table */
#define NONE  UINT16_MAX

static struct entry {
    char key[KV_KEY_BYTES]; /* empty: this one is free */
    uint64_t offset;
    uint32_t length;
    uint16_t next; /* in its line, or among the free */
} entries[KEYS_MAX];

static uint16_t lines[LINES], first_free;

/* A log, the handle that clients' are derived from, and its bytes. */
struct log {
    handle_t region, shared;
    const char *bytes;
};

static struct log today, yesterday = {-1, -1, 0};
static struct kv_stat stat;

/* --- logs ----------------------------------------------------------------- */

/* Ends a log, and the handles that clients have of it. */
static void drop_log(struct log *log)
{
    if (log->region < 0)
        return;
    handle_revoke(log->region);
    handle_close(log->region);
    log->region = -1;
}

static long make_log(struct log *log)
{
    long region = region_create(REGION_APPEND, stat.log_bytes, 0, 0, 0);
    long shared, at;

    if (region < 0)
        return region;
    log->region = (handle_t)region;
    // What clients get can be read, and not be passed on.
    shared = handle_dup(log->region, RIGHT_READ | RIGHT_GRANT_ONCE, 0);
    at = region_map(log->region, 0, PROT_READ);
    if (shared < 0 || at < 0) {
        drop_log(log);
        return shared < 0 ? shared : at;
    }
    log->shared = (handle_t)shared;
    log->bytes = (const char *)at;
    return 0;
}

/* Copies what is live into a new log (KS2). Returns: 0; -E_code, and nothing
 * has changed. */
static long compact(void)
{
    struct log next = {-1, -1, 0};
    uint64_t used = 0;
    long n = make_log(&next);

    for (uint32_t i = 0; i < KEYS_MAX && n >= 0; i++)
        if (entries[i].key[0])
            n = region_append(next.region, today.bytes + entries[i].offset,
                              entries[i].length);
    if (n < 0) {
        drop_log(&next);
        return n;
    }
    // --- commit: nothing below can fail ---
    for (uint32_t i = 0; i < KEYS_MAX; i++) {
        if (entries[i].key[0]) {
            entries[i].offset = used;
            used += entries[i].length;
        }
    }
    stat.used = used;
    stat.compactions++;
    drop_log(&yesterday); // KS3
    region_unmap((uint64_t)today.bytes);
    yesterday = today;
    today = next;
    return 0;
}

/* --- the index ------------------------------------------------------------ */

static uint16_t *line_of(const char *key)
{
    uint32_t hash = 2166136261u; // FNV-1a

    for (; *key; key++)
        hash = (hash ^ (uint8_t)*key) * 16777619u;
    return &lines[hash % LINES];
}

/* What points to the key's entry, or to the end of its line. */
static uint16_t *find(const char *key)
{
    uint16_t *link = line_of(key);

    while (*link != NONE && strcmp(entries[*link].key, key) != 0)
        link = &entries[*link].next;
    return link;
}

long store_open(uint64_t log_bytes)
{
    stat.log_bytes = log_bytes;
    memset(lines, 0xff, sizeof(lines));
    for (uint32_t i = 0; i < KEYS_MAX; i++)
        entries[i].next = i + 1 < KEYS_MAX ? (uint16_t)(i + 1) : NONE;
    return make_log(&today);
}

/* --- operations ----------------------------------------------------------- */

long store_put(const char *key, const void *value, uint32_t length)
{
    uint16_t *link = find(key), i = *link == NONE ? first_free : *link;
    uint32_t old = *link == NONE ? 0 : entries[i].length;
    long offset = -E_NOSPC, error;

    if (i == NONE || stat.live - old + length > stat.log_bytes / 2)
        return -E_NOSPC;
    error = stat.used + length > stat.log_bytes ? compact() : 0;
    if (!error)
        offset = region_append(today.region, value, length);
    if (error || offset < 0)
        return error ? error : offset;
    // --- commit: nothing below can fail ---
    if (*link == NONE) {
        first_free = entries[i].next;
        *link = i;
        entries[i].next = NONE;
        strcpy(entries[i].key, key);
        stat.keys++;
    }
    entries[i].offset = (uint64_t)offset;
    entries[i].length = length;
    stat.used += length;
    stat.live = stat.live - old + length;
    return 0;
}

long store_get(const char *key, struct msg_desc *d)
{
    uint16_t i = *find(key);

    if (i == NONE)
        return -E_NOENT;
    *d = (struct msg_desc){today.shared, 0, entries[i].offset,
                           entries[i].length};
    return 0;
}

long store_delete(const char *key)
{
    uint16_t *link = find(key), i = *link;

    if (i == NONE)
        return -E_NOENT;
    *link = entries[i].next;
    entries[i].next = first_free;
    entries[i].key[0] = 0;
    first_free = i;
    stat.keys--;
    stat.live -= entries[i].length;
    return 0;
}

long store_next(struct kv_body *body)
{
    uint32_t i = body->place;

    while (i < KEYS_MAX && !entries[i].key[0])
        i++;
    if (i >= KEYS_MAX)
        return -E_NOENT;
    *body = (struct kv_body){.length = entries[i].length, .place = i + 1};
    strcpy(body->key, entries[i].key);
    return 0;
}

void store_stat(struct kv_stat *out)
{
    *out = stat;
}
