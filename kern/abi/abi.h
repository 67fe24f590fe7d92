/*
 * The contract between the kernel and every program that runs on it. Both
 * include this file and nothing else of each other. A change here changes the
 * call's page in docs/calls and a test in the same commit.
 */
#pragma once

#define RING_NO         0
#define RING_YES        1
#define WEIR_CALL_LIMIT 0xa3 /* every call number is below */

/* Every call: X(number, name, may a ring entry carry it, C parameters): for the
 * enum, the kernel's tables, and the stubs and prototypes of the library. */
// clang-format off
#define WEIR_CALLS(X) \
    X(0x00, nop, RING_YES, (void)) \
    X(0x01, exit, RING_YES, (int code)) \
    X(0x02, fork, RING_NO, (void)) \
    X(0x03, exec, RING_NO, (const char *name, char *const argv[])) \
    X(0x04, wait, RING_NO, (long pid, struct exit_info *out, uint64_t timeout)) \
    X(0x05, kill, RING_YES, (long pid)) \
    X(0x06, getpid, RING_YES, (void)) \
    X(0x07, yield, RING_NO, (void)) \
    X(0x08, sbrk, RING_NO, (long delta)) \
    X(0x09, proc_info, RING_NO, (long pid, struct proc_info *out)) \
    X(0x10, clock_ns, RING_YES, (void)) \
    X(0x11, timer_wait, RING_YES, (uint32_t flags, uint64_t ns)) \
    X(0x12, sys_info, RING_NO, (struct sys_info *out)) \
    X(0x13, shutdown, RING_NO, (handle_t system, int code)) \
    X(0x20, handle_close, RING_YES, (handle_t h)) \
    X(0x21, handle_dup, RING_YES, (handle_t h, uint32_t rights, uint64_t badge)) \
    X(0x22, handle_dup_at, RING_NO, (handle_t h, int slot)) \
    X(0x23, handle_grant, RING_YES, (handle_t h, long pid, uint32_t rights, uint64_t badge)) \
    X(0x24, handle_revoke, RING_YES, (handle_t h)) \
    X(0x25, handle_info, RING_NO, (handle_t h, struct handle_info *out)) \
    X(0x26, handle_wait, RING_NO, (struct wait_item *items, uint32_t n, uint64_t timeout)) \
    X(0x27, handle_subscribe, RING_YES, (handle_t h, handle_t queue, uint32_t signals, uint64_t token)) \
    X(0x28, handle_unsubscribe, RING_YES, (handle_t h, handle_t queue)) \
    X(0x29, handle_shutdown, RING_YES, (handle_t h)) \
    X(0x30, queue_create, RING_NO, (uint32_t ring_size, uint32_t max_msg, uint32_t schema)) \
    X(0x31, queue_send, RING_YES, (handle_t q, const void *buf, uint64_t len, uint64_t opt, uint64_t timeout)) \
    X(0x32, queue_send_desc, RING_YES, (handle_t q, const struct msg_desc *d, uint64_t opt, uint64_t timeout)) \
    X(0x33, queue_send_handle, RING_YES, (handle_t q, handle_t h, uint32_t rights, uint64_t opt, uint64_t timeout)) \
    X(0x34, queue_recv, RING_YES, (handle_t q, void *buf, uint64_t cap, struct msg_meta *meta, uint64_t timeout)) \
    X(0x35, queue_peek, RING_YES, (handle_t q, struct msg_meta *meta)) \
    X(0x36, queue_stat, RING_YES, (handle_t q, struct queue_stat *out)) \
    X(0x37, queue_set_type, RING_NO, (handle_t q, const void *type, uint64_t len)) \
    X(0x40, region_create, RING_NO, (uint32_t policy, uint64_t size, uint64_t count, const void *init, uint64_t init_len)) \
    X(0x41, region_open, RING_NO, (const char *name)) \
    X(0x42, region_map, RING_NO, (handle_t r, uint64_t hint, uint32_t prot)) \
    X(0x43, region_unmap, RING_NO, (uint64_t addr)) \
    X(0x44, region_seal, RING_YES, (handle_t r)) \
    X(0x45, region_append, RING_YES, (handle_t r, const void *buf, uint64_t len)) \
    X(0x46, region_read, RING_YES, (handle_t r, uint64_t off, void *buf, uint64_t len)) \
    X(0x47, region_write, RING_YES, (handle_t r, uint64_t off, const void *buf, uint64_t len)) \
    X(0x48, slot_alloc, RING_YES, (handle_t r)) \
    X(0x49, slot_free, RING_YES, (handle_t r, uint64_t slot)) \
    X(0x4a, slot_read, RING_YES, (handle_t r, uint64_t slot, void *buf, uint64_t len)) \
    X(0x4b, slot_write, RING_YES, (handle_t r, uint64_t slot, const void *buf, uint64_t len)) \
    X(0x4c, region_info, RING_YES, (handle_t r, struct region_info *out)) \
    X(0x4d, boot_file, RING_NO, (uint32_t index, struct boot_file *out)) \
    X(0x50, ring_setup, RING_NO, (uint32_t entries, struct ring_map *out)) \
    X(0x51, ring_submit, RING_NO, (uint32_t to_submit, uint32_t min_complete, uint64_t timeout)) \
    X(0x52, ring_cancel, RING_YES, (uint64_t user_data)) \
    X(0x53, ring_close, RING_NO, (void)) \
    X(0x60, port_create, RING_NO, (void)) \
    X(0x61, port_bind, RING_NO, (handle_t p, const char *name)) \
    X(0x62, port_unbind, RING_NO, (handle_t p)) \
    X(0x63, port_connect, RING_NO, (const char *name)) \
    X(0x64, port_send, RING_YES, (handle_t p, const struct ipc_msg *m, uint64_t timeout)) \
    X(0x65, port_recv, RING_YES, (handle_t p, struct ipc_msg *m, uint64_t timeout)) \
    X(0x66, port_call, RING_NO, (handle_t p, struct ipc_msg *m, uint64_t timeout)) \
    X(0x67, port_reply, RING_YES, (handle_t reply, const struct ipc_msg *m)) \
    X(0x68, port_reply_recv, RING_NO, (handle_t reply, handle_t p, struct ipc_msg *m, uint64_t timeout)) \
    X(0x70, chan_create, RING_NO, (uint32_t capacity, uint32_t elem_size, handle_t out[2])) \
    X(0x71, chan_send, RING_YES, (handle_t c, const void *elem, uint64_t timeout)) \
    X(0x72, chan_recv, RING_YES, (handle_t c, void *elem, uint64_t timeout)) \
    X(0x73, chan_len, RING_YES, (handle_t c)) \
    X(0x80, sem_create, RING_NO, (uint32_t initial)) \
    X(0x81, sem_wait, RING_YES, (handle_t s, uint64_t timeout)) \
    X(0x82, sem_post, RING_YES, (handle_t s)) \
    X(0x83, sem_value, RING_YES, (handle_t s)) \
    X(0x90, word_wait, RING_NO, (const uint32_t *addr, uint32_t expected, uint64_t timeout)) \
    X(0x91, word_wake, RING_YES, (const uint32_t *addr, uint32_t n)) \
    X(0xa0, irq_bind, RING_NO, (handle_t system, uint32_t irq, handle_t queue, uint64_t token)) \
    X(0xa1, irq_ack, RING_YES, (handle_t system, uint32_t irq)) \
    X(0xa2, device_region, RING_NO, (handle_t system, uint64_t phys, uint64_t size))

#ifndef __ASSEMBLER__
#define WEIR_ENUM(number, name, ring, params) CALL_##name = number,
enum weir_call { WEIR_CALLS(WEIR_ENUM) };
// clang-format on

#include <stddef.h>
#include <stdint.h>

typedef int32_t handle_t;

/* Errors: a call returns -E_x. Values are Linux's errno. */
enum { E_PERM = 1, E_NOENT = 2, E_SRCH = 3, E_2BIG = 7, E_NOEXEC = 8 };
enum { E_BADH = 9, E_CHILD = 10, E_AGAIN = 11, E_NOMEM = 12, E_ACCES = 13 };
enum { E_FAULT = 14, E_BUSY = 16, E_EXIST = 17, E_INVAL = 22, E_NFILE = 23 };
enum { E_MFILE = 24, E_NOSPC = 28, E_PIPE = 32, E_NOSYS = 38, E_LOOP = 40 };
enum { E_MSGSIZE = 90, E_PROTOTYPE = 91, E_NOTSUP = 95, E_TIMEDOUT = 110 };
enum { E_ALREADY = 114, E_STALE = 116, E_WRONGTYPE = 124, E_CANCELED = 125 };

/* Handles: rights and object types. */
enum { RIGHT_READ = 1, RIGHT_WRITE = 2, RIGHT_GRANT = 4, RIGHT_REVOKE = 8 };
enum { RIGHT_EXECUTE = 16, RIGHT_GRANT_ONCE = 64, RIGHT_ALL = 0x5f };
enum { OBJ_QUEUE = 1, OBJ_REGION = 2, OBJ_PORT = 3, OBJ_CHANNEL = 4 };
enum { OBJ_SEMAPHORE = 5, OBJ_REPLY = 6, OBJ_SYSTEM = 7 };
enum { SIG_READABLE = 1, SIG_WRITABLE = 2, SIG_CLOSED = 4 };

#define HANDLE_SLOTS     256 /* handles a process can hold */
#define HANDLE_MAX_DEPTH 8   /* links in a delegation chain */
#define HANDLE_WAIT_MAX  16  /* items of one handle_wait */
#define SUBSCRIPTION_MAX 256 /* subscriptions of one process */

/* Time, in nanoseconds since boot. */
enum { TIMER_REL = 0, TIMER_ABS = 1 };
#define TIMEOUT_FOREVER UINT64_MAX

/* Queues and messages. */
enum { PRIO_LOW = 0, PRIO_NORMAL = 1, PRIO_HIGH = 2, PRIO_URGENT = 3 };
enum { MSG_INLINE = 0, MSG_DESC = 1, MSG_HANDLE = 2, MSG_EVENT = 3 };
#define MSG_OPT(priority, tag)                                                 \
    ((uint64_t)(priority) | ((uint64_t)(uint32_t)(tag) << 32))
enum { QUEUE_MAX_RING = 1024, QUEUE_MAX_MSG = 4096 };
enum { QUEUE_MAX_BYTES = 1 << 20, DESC_NEW_HANDLE = 1 };

/*
 * The compiled form of a message type: operations, and WIT_END. What follows
 * an operation's byte stands behind it; 16: two bytes, little-endian.
 */
#define WIT_MAX_FORM 256u
enum {
    WIT_END = 0,
    WIT_SKIP = 1,    /* bytes16 */
    WIT_ENUM8 = 2,   /* highest value; one byte */
    WIT_ENUM16 = 3,  /* highest value16; two bytes */
    WIT_FLAGS = 4,   /* number of flags; WIT_FLAG_BYTES of it */
    WIT_CHAR = 5,    /* four bytes */
    WIT_REPEAT = 6,  /* times16, block */
    WIT_VARIANT = 7, /* cases, offset of the payload, size of all16, and then
                      * distances from the operation to: its end, each case's
                      * block or 0; blocks */
};
#define WIT_FLAG_BYTES(n) ((n) <= 8 ? 1u : (n) <= 16 ? 2u : 4u)

/* Regions. */
enum { REGION_IMMUTABLE = 1, REGION_APPEND = 2, REGION_SLAB = 3 };
enum { REGION_DEVICE = 4 };
enum { PROT_READ = 1, PROT_WRITE = 2, PROT_EXEC = 4 };
#define REGION_MAX_BYTES (64ull << 20)
#define SLOT_INDEX(slot) ((uint32_t)(slot))

/* The submit ring. */
enum { RING_NEED_COMPLETION = 1, RING_BARRIER = 2, RING_MORE_COMING = 4 };
enum { RING_SIGNAL_PENDING = 1, RING_TIMER_EXPIRED = 2, RING_NEED_WAKEUP = 1 };
enum { RING_SQ_PROD = 0, RING_CQ_CONS = 64 }; /* on the user page */
enum { RING_SQ_CONS = 0, RING_CQ_PROD = 64 }; /* these on the kernel page */
enum { RING_PARKED = 128, RING_WAKEUP = 192, RING_COMPLETIONS = 2048 };
#define RING_VADDR       0x3F00000000ull
#define RING_KERNEL_POLL 0x10000u
#define RING_MAX_ENTRIES 64u

/* Ports, channels, semaphores. */
enum { PORT_CAPACITY = 16, PORT_NAME_MAX = 31 };
enum { CHAN_MAX_CAP = 1024, CHAN_MAX_ELEM = 256, SEM_MAX = INT32_MAX };

/* Processes. */
enum { EXIT_NORMAL = 0, EXIT_KILLED = 1, EXIT_FAULT = 2 };
enum { PROC_READY = 1, PROC_RUNNING = 2, PROC_WAITING = 3, PROC_ENDED = 4 };
#define PAGE_SIZE     4096ul
#define USER_END      (1ull << 38) /* user addresses lie below */
#define STACK_BYTES   32768u
#define ARG_MAX_BYTES 4096u

struct msg_meta {
    uint32_t len;
    uint8_t priority, kind;
    uint16_t reserved;
    uint32_t tag;
    int32_t sender;
    uint64_t seq, badge, sent_ns;
};

struct msg_desc {
    handle_t region;
    uint32_t flags;
    uint64_t offset, length;
};

struct msg_handle {
    handle_t handle;
    uint32_t rights;
};

struct msg_event {
    uint64_t token;
    uint32_t signals, irq;
};

struct queue_stat {
    uint32_t ring_size, max_msg, schema, len;
    uint32_t available, max_depth, waiting_senders, waiting_receivers;
    uint64_t sent, received, rejected, empty, bytes_sent, bytes_received;
};

struct region_info {
    uint32_t policy, sealed;
    uint64_t size, cursor;
    uint64_t slot_size, slot_count, slots_used;
    uint64_t refs, pages, first_frame;
};

struct handle_info {
    uint32_t type, rights, depth, refs;
    uint64_t badge, object_id;
};

struct wait_item {
    handle_t handle;
    uint16_t wanted, seen;
};

struct exit_info {
    int32_t pid;
    uint32_t reason;
    int64_t code;
    uint64_t cause, addr;
};

struct proc_info {
    int32_t pid, parent;
    uint32_t state, hart;
    uint64_t cpu_ns, pages, handles;
    char name[32];
};

struct sys_info {
    uint64_t total_pages, free_pages, timebase_hz, instret;
    uint32_t harts, procs, objects, reserved;
    char args[256];
};

struct boot_file {
    uint64_t size;
    char name[56];
};

struct ipc_msg {
    uint64_t sender;
    uint32_t type, flags;
    uint8_t payload[48];
} __attribute__((aligned(64)));

struct ring_map {
    uint64_t user_page, entries_page, kernel_page;
    uint32_t entries, reserved;
};

struct ring_entry {
    uint16_t opcode, flags;
    uint32_t reserved;
    uint64_t args[5];
    uint64_t user_data, reserved2;
} __attribute__((aligned(64)));

struct ring_completion {
    int64_t result;
    uint64_t user_data;
    uint16_t flags;
    uint8_t reserved[14];
} __attribute__((aligned(16)));

/* How many fields follow, the struct, its size; each field with its offset. */
#define ABI_LAYOUT(n, type, bytes, ...)                                        \
    _Static_assert(                                                            \
        sizeof(struct type) == (bytes) && ABI_##n(type, __VA_ARGS__), #type)
#define ABI_1(t, f, o)      (offsetof(struct t, f) == (o))
#define ABI_2(t, f, o, ...) ABI_1(t, f, o) && ABI_1(t, __VA_ARGS__)
#define ABI_3(t, f, o, ...) ABI_1(t, f, o) && ABI_2(t, __VA_ARGS__)
#define ABI_4(t, f, o, ...) ABI_1(t, f, o) && ABI_3(t, __VA_ARGS__)

ABI_LAYOUT(4, msg_meta, 40, priority, 4, kind, 5, reserved, 6, tag, 8);
ABI_LAYOUT(4, msg_meta, 40, sender, 12, seq, 16, badge, 24, sent_ns, 32);
ABI_LAYOUT(4, msg_desc, 24, region, 0, flags, 4, offset, 8, length, 16);
ABI_LAYOUT(1, msg_handle, 8, rights, 4);
ABI_LAYOUT(2, msg_event, 16, signals, 8, irq, 12);
ABI_LAYOUT(3, queue_stat, 80, len, 12, available, 16, max_depth, 20);
ABI_LAYOUT(2, queue_stat, 80, waiting_senders, 24, waiting_receivers, 28);
ABI_LAYOUT(4, queue_stat, 80, sent, 32, received, 40, rejected, 48, empty, 56);
ABI_LAYOUT(2, queue_stat, 80, bytes_sent, 64, bytes_received, 72);
ABI_LAYOUT(4, region_info, 72, sealed, 4, size, 8, cursor, 16, slot_size, 24);
ABI_LAYOUT(4, region_info, 72, slots_used, 40, refs, 48, pages, 56, first_frame,
           64);
ABI_LAYOUT(3, handle_info, 32, refs, 12, badge, 16, object_id, 24);
ABI_LAYOUT(2, wait_item, 8, wanted, 4, seen, 6);
ABI_LAYOUT(4, exit_info, 32, reason, 4, code, 8, cause, 16, addr, 24);
ABI_LAYOUT(4, proc_info, 72, state, 8, cpu_ns, 16, pages, 24, handles, 32);
ABI_LAYOUT(1, proc_info, 72, name, 40);
ABI_LAYOUT(4, sys_info, 304, instret, 24, harts, 32, objects, 40, args, 48);
ABI_LAYOUT(1, boot_file, 64, name, 8);
ABI_LAYOUT(3, ipc_msg, 64, type, 8, flags, 12, payload, 16);
ABI_LAYOUT(1, ring_map, 32, entries, 24);
ABI_LAYOUT(3, ring_entry, 64, args, 8, user_data, 48, reserved2, 56);
ABI_LAYOUT(2, ring_completion, 32, user_data, 8, flags, 16);
#endif
