/*
 * Twin worlds for calls.c: a set of objects and handles that can be made again
 * and again, the same each time; what an argument of a call may be, by kind;
 * and a digest of everything that a call may have changed.
 */
#pragma once

#include "raw.h"

enum object {
    ROOMY,      /* a queue of 4 x 64 bytes with "hello" in it */
    EMPTY,      /* a queue of 4 x 64 bytes */
    PLACE_FULL, /* a queue of 1 x 64 bytes, full */
    TAGGED,     /* a queue that takes messages of tag 7 only */
    DRAINED,    /* an empty queue without a writer */
    UNREAD,     /* a queue without a reader */
    SHUT,       /* a queue that was shut down */
    READER,     /* ROOMY, to read only */
    WRITER,     /* ROOMY, to write only */
    BARE,       /* ROOMY, to read and write only */
    DEEP,       /* ROOMY, eight links down */
    FILE,       /* a boot file's region */
    GROWING,    /* an unsealed Immutable region of 100 bytes */
    APPEND,     /* an AppendOnly region of 64 bytes, "hello" in it */
    SLAB,       /* a Slab of 3 x 16 bytes, one slot in use */
    PORT,       /* a port with a message in it */
    CHAN_IN,    /* a channel of 2 x 8 bytes, one in it: the sender */
    CHAN_OUT,   /* its receiver */
    SEM,        /* a semaphore at 1 */
    CLOSED,     /* a handle that was closed */
    NEVER,      /* never issued */
    OBJECTS,
};

struct world {
    long handles[OBJECTS];
    long slot;  /* of SLAB */
    long child; /* a process that sleeps */
};

/* What calls read and write. `edge`: the 8 bytes in front of the heap's end. */
static struct {
    struct ipc_msg message;
    uint8_t in[4160];   /* more than the longest length, */
    uint8_t out[16384]; /* or the boot file */
    struct msg_meta meta;
    struct msg_desc desc;
} memory;
static uint8_t *edge;

static inline long new_world_queue(uint32_t places, uint32_t tag)
{
    return queue_create(places, 64, tag);
}

static inline void send_hello(long q)
{
    queue_send((handle_t)q, "hello", 5, MSG_OPT(PRIO_NORMAL, 7), NOW);
}

static inline void make_queues(long *h)
{
    long deeper;

    h[ROOMY] = new_world_queue(4, 0);
    send_hello(h[ROOMY]);
    h[EMPTY] = new_world_queue(4, 0);
    h[PLACE_FULL] = new_world_queue(1, 0);
    send_hello(h[PLACE_FULL]);
    h[TAGGED] = new_world_queue(4, 7);
    send_hello(h[TAGGED]);
    deeper = new_world_queue(4, 0);
    h[DRAINED] = handle_dup((handle_t)deeper, RIGHT_READ, 0);
    handle_close((handle_t)deeper);
    deeper = new_world_queue(4, 0);
    h[UNREAD] = handle_dup((handle_t)deeper, RIGHT_WRITE, 0);
    handle_close((handle_t)deeper);
    h[SHUT] = new_world_queue(4, 0);
    send_hello(h[SHUT]);
    handle_shutdown((handle_t)h[SHUT]);
    h[READER] = handle_dup((handle_t)h[ROOMY], RIGHT_READ, 0);
    h[WRITER] = handle_dup((handle_t)h[ROOMY], RIGHT_WRITE, 3);
    h[BARE] = handle_dup((handle_t)h[ROOMY], RW, 0);
    h[DEEP] = h[ROOMY];
    for (int i = 0; i < HANDLE_MAX_DEPTH; i++) {
        deeper = handle_dup((handle_t)h[DEEP], RW | RIGHT_GRANT, 0);
        if (h[DEEP] != h[ROOMY])
            handle_close((handle_t)h[DEEP]);
        h[DEEP] = deeper;
    }
    h[CLOSED] = handle_dup((handle_t)h[ROOMY], RW, 0);
    handle_close((handle_t)h[CLOSED]);
    h[NEVER] = -1;
}

static inline void make_others(struct world *w)
{
    handle_t ends[2] = {-1, -1};
    long *h = w->handles;

    h[FILE] = region_open("README.md");
    h[GROWING] = region_create(REGION_IMMUTABLE, 100, 0, 0, 0);
    h[APPEND] = region_create(REGION_APPEND, 64, 0, 0, 0);
    region_append((handle_t)h[APPEND], "hello", 5);
    h[SLAB] = region_create(REGION_SLAB, 16, 3, 0, 0);
    w->slot = slot_alloc((handle_t)h[SLAB]);
    h[PORT] = port_create();
    port_send((handle_t)h[PORT], &memory.message, NOW);
    chan_create(2, 8, ends);
    h[CHAN_IN] = ends[0];
    h[CHAN_OUT] = ends[1];
    chan_send(ends[0], "element", NOW);
    h[SEM] = sem_create(1);
}

static inline void make_world(struct world *w, bool with_child)
{
    memset(&memory, 'm', sizeof(memory));
    memset(edge, 'e', 8);
    make_queues(w->handles);
    make_others(w);
    memory.desc = (struct msg_desc){(handle_t)w->handles[FILE], 0, 3, 17};
    w->child = 0;
    if (with_child)
        w->child = SPAWN(timer_wait(TIMER_REL, FOREVER));
}

static inline void close_world(struct world *w)
{
    for (int i = 0; i < OBJECTS; i++)
        handle_close((handle_t)w->handles[i]);
}

/* --- what an argument may be ---------------------------------------------- */

enum { SLEEPER = -77, MYSELF = -78, SLOT_IN_USE = -79 }; /* stand for others */

/* The first is what a good call has. The last timeout would wait for ever. */
static const uint64_t lengths[] = {5,  0,  1,   4,    8,
                                   64, 65, 100, 4097, 1ull << 63};
static const uint64_t options[] = {MSG_OPT(1, 7), MSG_OPT(3, 0), 4, 256,
                                   1ull << 31};
static const uint64_t timeouts[] = {NOW, US(60), FOREVER};
static const uint64_t rights[] = {RIGHT_READ,       RW,   0,  RIGHTS_FULL,
                                  RIGHT_GRANT_ONCE, 0x20, ~0, RW | RIGHT_GRANT};
static const uint64_t badges[] = {0, 9, ~0ull};
static const uint64_t pids[] = {
    (uint64_t)SLEEPER, (uint64_t)MYSELF, 0,         1,
    (uint64_t)-1,      0x7ffffff0,       1ull << 40};
static const uint64_t timers[] = {TIMER_REL, TIMER_ABS, 2, ~0ull};
static const uint64_t times[] = {0, 1, US(50)};
static const uint64_t slots[] = {(uint64_t)SLOT_IN_USE, 0,    1, 1ull << 32,
                                 (1ull << 32) + 9,      ~0ull};
static const uint64_t numbers[] = {0, 1, 3, 7, 8, 99, 100, ~0ull, 1ull << 32};

/* Places in memory: an offset into `memory`, or what stands for others. */
enum { TEXT = 1000, EDGE, HALF_OUT, NOWHERE, ABOVE, KERNEL, NOTHING, PAGE_2 };
static const uint64_t buffers[] = {offsetof(__typeof__(memory), in),
                                   offsetof(__typeof__(memory), out),
                                   TEXT,
                                   EDGE,
                                   HALF_OUT,
                                   NOWHERE,
                                   ABOVE,
                                   KERNEL,
                                   NOTHING,
                                   PAGE_2};
static const uint64_t headers[] = {
    offsetof(__typeof__(memory), meta), NOTHING, TEXT, HALF_OUT, ABOVE, PAGE_2};
static const uint64_t descs[] = {
    offsetof(__typeof__(memory), desc), NOTHING, TEXT, HALF_OUT, ABOVE, KERNEL};
static const uint64_t messages[] = {offsetof(__typeof__(memory), message),
                                    offsetof(__typeof__(memory), in),
                                    NOTHING,
                                    HALF_OUT,
                                    ABOVE,
                                    KERNEL};

#define KIND(letter, values)                                                   \
    {                                                                          \
        letter, values, sizeof(values) / sizeof((values)[0])                   \
    }
static const struct kind {
    char letter;
    const uint64_t *values;
    uint32_t count;
} kinds[] = {
    KIND('l', lengths), KIND('o', options),  KIND('t', timeouts),
    KIND('r', rights),  KIND('b', badges),   KIND('i', pids),
    KIND('f', timers),  KIND('n', times),    KIND('k', slots),
    KIND('x', numbers), KIND('p', buffers),  KIND('m', headers),
    KIND('d', descs),   KIND('g', messages),
};

static inline const struct kind *kind_of(char letter)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (kinds[i].letter == letter)
            return &kinds[i];
    return 0;
}

/* How many values an argument of this kind has; 'h' is any handle. */
static inline uint32_t choices(char letter)
{
    return letter == 'h' ? OBJECTS : kind_of(letter)->count;
}

static inline uint64_t address_of(uint64_t place)
{
    switch (place) {
    case TEXT:
        return (uint64_t) "constant text that nobody can write, 64 bytes";
    case EDGE:
        return (uint64_t)edge;
    case HALF_OUT:
        return (uint64_t)edge + 4;
    case NOWHERE:
        return 8;
    case ABOVE:
        return USER_END - 4;
    case KERNEL:
        return 0xffffffc080200000;
    case NOTHING:
        return 0;
    case PAGE_2:
        return RAW_KERNEL + 1024; // zero, and not to be written
    default:
        return (uint64_t)&memory + place;
    }
}

/* The argument itself, in this world. */
static inline uint64_t value_of(const struct world *w, char letter, uint32_t i)
{
    uint64_t value;

    if (letter == 'h')
        return (uint64_t)w->handles[i];
    value = kind_of(letter)->values[i];
    if (letter == 'p' || letter == 'm' || letter == 'd' || letter == 'g')
        return address_of(value);
    if (letter == 'i' && value == (uint64_t)SLEEPER)
        return (uint64_t)w->child;
    if (letter == 'i' && value == (uint64_t)MYSELF)
        return (uint64_t)getpid();
    if (letter == 'k' && value == (uint64_t)SLOT_IN_USE)
        return (uint64_t)w->slot;
    return value;
}

/* --- what a call has changed ---------------------------------------------- */

static inline void mix(uint64_t *digest, const void *data, uint64_t len)
{
    const uint8_t *bytes = data;

    for (uint64_t word; len > 0; len -= sizeof(word)) {
        word = 0;
        memcpy(&word, bytes, len < sizeof(word) ? len : sizeof(word));
        *digest = (*digest ^ word) * 0x100000001b3;
        *digest ^= *digest >> 29;
        if (len <= sizeof(word))
            break;
        bytes += sizeof(word);
    }
}

static inline void mix_number(uint64_t *digest, long number)
{
    mix(digest, &number, sizeof(number));
}

static inline void mix_handle(uint64_t *digest, long h)
{
    struct handle_info info = {0};

    mix_number(digest, handle_info((handle_t)h, &info));
    info.object_id = 0;
    if (info.type == OBJ_REGION) // others may have the boot file open
        info.refs = 0;
    mix(digest, &info, sizeof(info));
}

/* A queue: its counters, and then its messages, which are taken out. */
static inline void mix_queue(uint64_t *digest, long q)
{
    struct queue_stat stat = {0};
    struct msg_meta meta = {0};
    uint8_t text[64];
    long n;

    mix_number(digest, queue_stat((handle_t)q, &stat));
    mix(digest, &stat, sizeof(stat));
    while ((n = queue_recv((handle_t)q, text, 64, &meta, NOW)) >= 0) {
        handle_t h;

        meta.sent_ns = 0;
        meta.sender = meta.sender == getpid();
        mix(digest, &meta, sizeof(meta));
        mix(digest, text, (uint64_t)n);
        memcpy(&h, text, sizeof(h));
        if (meta.kind == MSG_HANDLE || meta.kind == MSG_DESC) {
            mix_handle(digest, h);
            handle_close(h);
        }
    }
    mix_number(digest, n);
}

static inline void mix_region(uint64_t *digest, long r)
{
    struct region_info info = {0};
    uint8_t bytes[64] = {0};

    mix_number(digest, region_info((handle_t)r, &info));
    info.first_frame = 0;
    mix(digest, &info, sizeof(info));
    mix_number(digest, region_read((handle_t)r, 0, bytes, 64));
    mix(digest, bytes, sizeof(bytes));
}

/* What the kernel has written that is different each time. */
static inline void forget_what_differs(uint64_t number)
{
    const size_t refs = offsetof(struct region_info, refs);

    memory.meta.sent_ns = 0;
    if (memory.meta.sender == getpid())
        memory.meta.sender = 1;
    if (number == CALL_port_recv) {
        memset(&memory.message.sender, 0, sizeof(uint32_t));
        memset(memory.in, 0, sizeof(uint32_t));
    }
    if (number == CALL_region_info) {
        memset(memory.in + refs, 0, 24);
        memset(memory.out + refs, 0, 24);
    }
}

static inline uint64_t digest_of(struct world *w)
{
    uint64_t digest = 0xcbf29ce484222325;
    uint8_t element[8] = {0};
    long *h = w->handles;

    mix(&digest, &memory, sizeof(memory));
    mix(&digest, edge, 8);
    for (int i = 0; i < OBJECTS; i++)
        mix_handle(&digest, h[i]);
    for (int i = GROWING; i <= SLAB; i++)
        mix_region(&digest, h[i]);
    mix_number(&digest,
               slot_read((handle_t)h[SLAB], (uint64_t)w->slot, element, 8));
    mix_number(&digest, chan_len((handle_t)h[CHAN_OUT]));
    mix_number(&digest, chan_recv((handle_t)h[CHAN_OUT], element, NOW));
    mix(&digest, element, 8);
    mix_number(&digest, sem_value((handle_t)h[SEM]));
    for (int i = ROOMY; i <= DEEP; i++)
        mix_queue(&digest, h[i]);
    return digest;
}
