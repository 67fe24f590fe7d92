/*
 * The program that the boot arguments fail_page= and kill_at= are for: it has
 * its name. It goes through objects of every kind. A call that memory is out
 * for has done nothing, and does it when it is made again. Ends with 0, or with
 * REFUSED if memory was out.
 */
#include "../../user/rtc.h"
#include "../lab.h"

#define REFUSED     7
#define TABLE_BYTES 0x200000l /* what the pages of one table hold */

static bool refused;

static uint64_t pages_and_objects(void)
{
    struct sys_info info;

    CHECK_EQ(sys_info(&info), 0);
    return info.free_pages << 32 | info.objects;
}

/* The call's result; made again, if memory was out: once, as that was the one
 * time. `same`: what must be as it was. */
#define AGAIN(call, same)                                                      \
    ({                                                                         \
        uint64_t before_ = pages_and_objects();                                \
        long result_ = (call);                                                 \
        if (result_ == -E_NOMEM) {                                             \
            CHECK_EQ(pages_and_objects() & (same), before_ & (same));          \
            CHECK(!refused);                                                   \
            refused = true;                                                    \
            result_ = (call);                                                  \
        }                                                                      \
        if (result_ < 0)                                                       \
            test_fail_eq(__FILE__, __LINE__, #call, result_, 0);               \
        result_;                                                               \
    })
#define MUST(call) AGAIN(call, ~0ull)
/* The process keeps page tables that were made in vain. */
#define MUST_MAP(call) AGAIN(call, UINT32_MAX)

/* To grow over the end of a page table asks for one among the pages. */
static void memory(bool much)
{
    char *old = (char *)MUST_MAP(sbrk(3 * PAGE_SIZE));

    for (uint64_t i = 0; i < 3 * PAGE_SIZE; i++)
        CHECK_EQ(old[i], 0);
    MUST(sbrk(-3 * (long)PAGE_SIZE));
    if (!much)
        return;
    MUST_MAP(sbrk(TABLE_BYTES));
    MUST(sbrk(-TABLE_BYTES));
}

static void queues(void)
{
    static const char type[] = "record { id: u32, kind: enum { put, get } }";
    handle_t q = (handle_t)MUST(queue_create(8, 2048, 0)), other, got;
    handle_t typed = (handle_t)MUST(queue_create(2, 8, 0));
    uint8_t form[256], message[2048];
    struct msg_handle cargo;
    struct msg_meta meta;
    long len = wit_compile(type, form, sizeof(form));

    if (len < 0) { /* the library has no memory for it */
        refused = true;
        len = wit_compile(type, form, sizeof(form));
    }
    CHECK(len > 0);
    MUST(queue_set_type(typed, form, (uint64_t)len));
    memset(message, 0, sizeof(message));
    MUST(queue_send(typed, message, 8, 0, NOW));
    message[4] = 2;
    CHECK_ERR(queue_send(typed, message, 8, 0, NOW), E_PROTOTYPE);
    MUST(queue_send(q, message, sizeof(message), 0, NOW));
    other = (handle_t)MUST(handle_dup(typed, RW | RIGHT_GRANT, 0));
    MUST(queue_send_handle(q, other, RIGHT_READ, MSG_OPT(PRIO_LOW, 0), NOW));
    CHECK_EQ(MUST(queue_recv(q, message, sizeof(message), &meta, NOW)), 2048);
    CHECK_EQ(meta.seq, 0);
    CHECK_EQ(MUST(queue_recv(q, &cargo, sizeof(cargo), &meta, NOW)), 8);
    CHECK_EQ(meta.kind, MSG_HANDLE);
    got = cargo.handle;
    CHECK_EQ(MUST(queue_recv(got, message, 8, 0, NOW)), 8);
    MUST(queue_send_handle(q, other, RIGHT_READ, MSG_OPT(PRIO_LOW, 0), NOW));
    MUST(handle_subscribe(typed, q, SIG_READABLE, 7));
    MUST(queue_send(typed, "\1\0\0\0\1\0\0", 8, 0, NOW));
    MUST(handle_unsubscribe(typed, q));
    CHECK_EQ(MUST(handle_revoke(typed)), 3);
    MUST(handle_close(q)); /* with what is in it */
    MUST(handle_close(typed));
    CHECK_ERR(handle_close(got), E_BADH);
}

static void regions(void)
{
    handle_t text =
        (handle_t)MUST(region_create(REGION_IMMUTABLE, 2 * PAGE_SIZE, 0, 0, 0));
    handle_t log =
        (handle_t)MUST(region_create(REGION_APPEND, 2 * PAGE_SIZE, 0, 0, 0));
    handle_t slab = (handle_t)MUST(region_create(REGION_SLAB, 64, 100, 0, 0));
    handle_t q = (handle_t)MUST(queue_create(2, 64, 0));
    struct msg_desc desc = {.region = text, .length = 4};
    uint8_t *at =
        (uint8_t *)MUST_MAP(region_map(text, 0, PROT_READ | PROT_WRITE));
    char back[4];
    long slot;

    at[5] = 1;
    MUST(region_write(text, 6, "x", 1));
    MUST(region_seal(text));
    MUST(queue_send_desc(q, &desc, 0, NOW));
    CHECK_EQ(MUST(queue_recv(q, &desc, sizeof(desc), 0, NOW)), 24);
    CHECK_EQ(desc.region, text);
    CHECK_EQ(MUST(region_append(log, "0123", 4)), 0);
    CHECK_EQ(MUST(region_append(log, "4567", 4)), 4);
    CHECK_EQ(MUST(region_read(log, 4, back, 4)), 4);
    CHECK_EQ(memcmp(back, "4567", 4), 0);
    MUST_MAP(region_map(log, 0, PROT_READ));
    slot = MUST(slot_alloc(slab));
    MUST(slot_write(slab, (uint64_t)slot, "slot", 4));
    CHECK_EQ(MUST(slot_read(slab, (uint64_t)slot, back, 4)), 4);
    MUST_MAP(region_map(slab, 0, PROT_READ | PROT_WRITE));
    MUST(slot_free(slab, (uint64_t)slot));
    CHECK_ERR(slot_free(slab, (uint64_t)slot), E_STALE);
    MUST(region_unmap((uint64_t)at));
    MUST(handle_close(text));
    MUST(handle_close(log)); /* mapped as it is */
    MUST(handle_close(q));
    MUST(handle_close(slab));
}

/* A child that answers one call and a message, and one that ends before. */
static void ports(void)
{
    handle_t p = (handle_t)MUST(port_create()), reply;
    struct ipc_msg m = {.type = 1}, answer = {.type = 2};
    handle_t c = 0;
    long pid;

    MUST(port_bind(p, "victim.port"));
    c = (handle_t)MUST(port_connect("victim.port"));
    pid = MUST(test_fork());
    if (pid == 0) {
        CHECK_EQ(port_call(c, &m, FOREVER), 0);
        CHECK_EQ(m.type, 2);
        exit(0);
    }
    reply = (handle_t)MUST(port_recv(p, &m, FOREVER));
    MUST(port_reply(reply, &answer));
    CHECK_EQ(JOIN(pid), 0);
    MUST(port_send(c, &m, NOW));
    MUST(port_send(c, &m, NOW));
    CHECK_EQ(MUST(port_recv(p, &m, NOW)), 0);
    MUST(port_unbind(p));
    MUST(handle_close(p));
    MUST(handle_close(c));
}

static void small_objects(void)
{
    handle_t end[2], sem = (handle_t)MUST(sem_create(1));
    struct wait_item item[2] = {{sem, SIG_READABLE, 0}};
    uint64_t value = 5;

    MUST(chan_create(4, 8, end));
    item[1] = (struct wait_item){end[1], SIG_READABLE, 0};
    MUST(chan_send(end[0], &value, NOW));
    CHECK_EQ(MUST(handle_wait(item, 2, NOW)), 2);
    MUST(chan_recv(end[1], &value, NOW));
    MUST(sem_wait(sem, NOW));
    CHECK_ERR(handle_wait(item, 2, US(10)), E_TIMEDOUT);
    MUST(sem_post(sem));
    MUST(handle_close(end[0]));
    MUST(handle_close(end[1]));
    MUST(handle_close(sem));
}

/* A child waits on a word that it shares with us. */
static void words(void)
{
    handle_t r = (handle_t)MUST(region_create(REGION_SLAB, 64, 1, 0, 0));
    uint32_t *word =
        (uint32_t *)MUST_MAP(region_map(r, 0, PROT_READ | PROT_WRITE));
    long pid = MUST(test_fork());

    if (pid == 0) {
        while (word_wait(word, 0, FOREVER) != -E_AGAIN)
            continue;
        exit(0); /* it has the mapping, too */
    }
    *(volatile uint32_t *)word = 1;
    MUST(word_wake(word, 1));
    CHECK_EQ(JOIN(pid), 0);
    MUST(handle_close(r));
}

/* What is parked is completed, or dropped with the ring. */
static void ring(uint32_t kind)
{
    handle_t q = (handle_t)MUST(queue_create(2, 64, 0));
    struct ring_completion done = {0};
    struct sring r;
    char buf[64];

    MUST_MAP(sring_open(&r, 4 | kind));
    CHECK(sring_add(&r, 1, queue_recv, q, buf, 64, 0, FOREVER));
    CHECK(sring_add(&r, 2, queue_send, q, "hello", 5, 0, NOW));
    MUST(sring_submit(&r));
    for (int i = 0; i < 2; i++) {
        MUST(sring_wait(&r, &done, FOREVER));
        CHECK_EQ(done.result, done.user_data == 1 ? 5 : 0);
    }
    do {
        CHECK(sring_add(&r, 3, handle_dup, q, RW, 0));
        MUST(sring_wait(&r, &done, FOREVER));
        refused |= done.result == -E_NOMEM;
    } while (done.result == -E_NOMEM);
    CHECK(sring_add(&r, 4, queue_recv, q, buf, 64, 0, FOREVER));
    CHECK(sring_add(&r, 5, timer_wait, TIMER_REL, MS(60000)));
    MUST(sring_submit(&r));
    MUST(handle_close((handle_t)done.result));
    MUST(sring_close(&r));
    MUST(handle_close(q));
}

/* A child that sleeps, killed; and one that becomes another program. */
static void processes(void)
{
    const char *args[] = {"true", "with", "arguments", 0};
    handle_t q = (handle_t)MUST(queue_create(1, 8, 0));
    long pid = MUST(test_fork());

    if (pid == 0) {
        take(q);
        exit(3);
    }
    MUST(handle_grant(q, pid, RIGHT_READ, 0));
    MUST(kill(pid));
    CHECK_EQ(JOIN(pid), -1);
    pid = MUST(test_fork());
    if (pid == 0) {
        if (exec_list(args) != -E_NOMEM)
            exit(3);
        exit(exec_list(args) != 0);
    }
    CHECK_EQ(JOIN(pid), 0);
    MUST(handle_close(q));
}

/* The clock's interrupt, while nobody else has it. */
static void interrupts(handle_t system)
{
    handle_t q = (handle_t)MUST(queue_create(2, 16, 0));
    handle_t r = (handle_t)MUST(device_region(system, RTC_PA, PAGE_SIZE));
    volatile struct rtc_registers *rtc =
        (void *)MUST_MAP(region_map(r, 0, PROT_READ | PROT_WRITE));

    MUST(irq_bind(system, RTC_IRQ, q, 9));
    rtc->clear_interrupt = 1;
    rtc->irq_enabled = 1;
    rtc_set_alarm(rtc, 0);
    CHECK_EQ(event_of(q).token, 9);
    rtc->clear_interrupt = 1;
    MUST(irq_ack(system, RTC_IRQ));
    MUST(handle_close(r));
    MUST(handle_close(q)); /* the line is bound no more */
}

/* No slot of the handle table is lost: it can be filled. */
static void fill_handles(void)
{
    struct proc_info info;
    uint32_t n = 0;

    CHECK_EQ(proc_info(getpid(), &info), 0);
    while (handle_dup(STDOUT, RIGHT_WRITE, 0) >= 0)
        n++;
    CHECK_EQ(info.handles + n, HANDLE_SLOTS);
}

int main(int argc, char **argv)
{
    uint64_t before = pages_and_objects();

    memory(argc > 2);
    queues();
    regions();
    ports();
    small_objects();
    words();
    ring(0);
    ring(RING_KERNEL_POLL);
    processes();
    if (argc > 1)
        interrupts((handle_t)atoi(argv[1]));
    /* Pages: its page tables have grown. */
    CHECK_EQ((uint32_t)pages_and_objects(), (uint32_t)before);
    if (refused)
        fill_handles();
    return refused ? REFUSED : 0;
}
