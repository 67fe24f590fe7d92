/*
 * The console. Programs send to the output queue, from which one kernel thread
 * feeds the UART; what is typed goes from the interrupt handler through a byte
 * ring to another thread, which edits lines and sends them to the input queue.
 *
 *   C1  no byte is lost: the UART's receive interrupt is off while the byte
 *       ring is full; the input thread waits for room in the input queue.
 *   C2  when its time is over, the output thread gives way to others: programs
 *       can have events fill its queue as fast as it empties it.
 *   C3  Ctrl-C is acted on in the interrupt handler, so it works while the
 *       threads wait, and needs no memory.
 *
 * A program's byte 0x01 is sent twice, since a single one begins a kernel line.
 */
#include "sys/console.h"

#include "abi/ring.h"
#include "base/printf.h"
#include "hw/plic.h"
#include "hw/uart.h"
#include "ipc/event.h"
#include "ipc/queue.h"
#include "mem/region.h"
#include "proc/sched.h"

enum { OUT_RING = 8, OUT_MSG = 4096, IN_RING = 16 };
enum { LINE_MAX = 1024, BYTE_RING = 1024 };

#define CTRL(c)    ((c) - '@')
#define DELETE     0x7f
#define NO_PROGRAM 0x100 /* with CTRL('C'): there was nothing to kill */

static struct {
    struct queue *in, *out;
    bool raw;
    struct ring_words words;
    struct ring_end typed;     /* the interrupt handler's, on one hart */
    struct ring_end to_read;   /* the input thread's */
    uint16_t bytes[BYTE_RING]; /* the ring's */
    char line[LINE_MAX];       /* the input thread's */
    uint32_t length;           /* the input thread's */
    struct spinlock lock;      /* c; the UART's interrupt bits, too */
    struct list waiters;       /* [c] whoever is woken looks again */
    uint32_t breaks;           /* [a] how often Ctrl-C was typed */
} con = {.lock = SPINLOCK(RANK_UART)};

static void wake_all_locked(void) REQUIRES(&con.lock)
{
    struct list *link;

    while ((link = list_pop_front(&con.waiters))) {
        struct waiter *w = list_entry(link, struct waiter, link);

        waiter_end(w, 0);
    }
}

/* The lock is given up meanwhile. */
static void sleep_locked(void) REQUIRES(&con.lock)
{
    struct waiter *w = waiter_begin(NULL);

    list_push_back(&con.waiters, &w->link);
    spin_unlock(&con.lock);
    (void)waiter_sleep(w, TICKS_NEVER);
    spin_lock(&con.lock);
    list_remove(&w->link); /* if killed, it is still there */
}

/* --- output --------------------------------------------------------------- */

/* Give the UART what it takes at once. Returns: how many bytes of p. */
static uint32_t feed(const char *p, uint32_t n)
{
    static const char doubled[2] = {CONSOLE_FRAME, CONSOLE_FRAME};
    uint32_t plain = 0, done;

    while (plain < n && p[plain] != CONSOLE_FRAME)
        plain++;
    spin_lock(&console_lock);
    /* Both or neither: the UART takes 16 when it takes any. */
    done = plain ? uart_write(p, plain) : uart_write(doubled, 2) / 2;
    spin_unlock(&console_lock);
    return done;
}

static void write_out(const char *p, uint32_t n)
{
    for (uint32_t done; n; p += done, n -= done) {
        done = feed(p, n);
        interrupt_window(); /* a fast UART never makes us sleep: Ctrl-C */
        if (done)
            continue;
        /* The interrupt comes at once if the UART is ready by now; its handler
         * cannot wake us before we sleep, since it takes the lock. */
        spin_lock(&con.lock);
        uart_irq(UART_SENT, true);
        sleep_locked();
        spin_unlock(&con.lock);
    }
}

/* Bytes of a region; until Ctrl-C, and none of a revoked descriptor. */
static void write_described(struct qslot *slot)
{
    struct hnode *node = queue_cargo(slot);
    uint64_t at = queue_cargo_range(slot)[0], left = queue_cargo_range(slot)[1];
    uint32_t breaks = load_relaxed(&con.breaks);

    while (left && !load_relaxed(&node->dead) &&
           load_relaxed(&con.breaks) == breaks) {
        uint64_t n = left;
        const char *text = region_at(region_of(node->obj), at, &n);

        write_out(text, (uint32_t)n);
        at += n;
        left -= n;
    }
}

static void output_thread(void)
{
    struct queue_recv r = {.cap = OUT_MSG, .in_range = true};

    for (;;) {
        r.slot = queue_take(con.out, r.cap);
        if (!r.slot && queue_take_wait(con.out, &r, NULL, TIMEOUT_FOREVER))
            panic("the console's output queue failed");
        if (r.slot->meta.kind == MSG_INLINE) {
            uint32_t here = MIN(r.slot->meta.len, r.slot->here);

            write_out(r.slot->payload, here);
            write_out(queue_rest(r.slot), r.slot->meta.len - here);
        } else {
            /* A handle sent to the console reaches nobody. */
            if (r.slot->meta.kind == MSG_DESC)
                write_described(r.slot);
            queue_drop_handle(con.out, r.slot);
        }
        queue_taken(con.out, r.slot);
        event_flush();
        spin_lock(&con.lock);
        wake_all_locked();
        spin_unlock(&con.lock);
        interrupt_window();
        sched_yield_in_time(); /* C2 */
    }
}

/* As many as were sent: others may go on sending. */
void console_drain(void)
{
    uint64_t sent = load_relaxed(&con.out->stat.sent);

    /* A message that was taken after we looked wakes us: the thread wakes the
     * waiters after queue_taken(), under the lock. */
    spin_lock(&con.lock);
    while (load_relaxed(&con.out->stat.received) < sent && !proc_killed())
        sleep_locked();
    spin_unlock(&con.lock);
}

/* --- input ---------------------------------------------------------------- */

static void echo(const char *text, uint32_t n)
{
    if (!con.raw)
        write_out(text, n);
}

static void deliver(void)
{
    struct queue_send s = {.meta = {.len = con.length, .priority = PRIO_NORMAL},
                           .data = con.line};

    /* Without readers any more there is nobody to tell. */
    (void)queue_send_wait(con.in, &s, NULL, TIMEOUT_FOREVER);
    event_flush();
    con.length = 0;
}

static void add(char byte)
{
    con.line[con.length++] = byte;
    if (byte == '\n')
        deliver();
}

/* One character. Without a terminal nothing is edited. */
static void input(uint32_t c)
{
    char byte = c == '\r' && !con.raw ? '\n' : (char)c;
    bool full = con.length == LINE_MAX - 1 && byte != '\n';

    if (c == CTRL('C') || c == (CTRL('C') | NO_PROGRAM)) {
        con.length = 0;
        echo("^C\n", 3);
        if (c & NO_PROGRAM)
            add('\n'); /* the shell shows its prompt again */
    } else if (c == CTRL('D')) {
        deliver();
    } else if (!con.raw && (c == CTRL('H') || c == DELETE || c == CTRL('U'))) {
        for (uint32_t n = c == CTRL('U') ? LINE_MAX : 1; n && con.length; n--) {
            con.length--;
            echo("\b \b", 3);
        }
    } else if (full && !con.raw) {
        echo("\a", 1);
    } else {
        if (full)
            deliver(); /* in pieces */
        echo(&byte, 1);
        add(byte);
    }
}

static void input_thread(void)
{
    for (;;) {
        spin_lock(&con.lock);
        uart_irq(UART_RECEIVED, true); /* C1: there is room again */
        /* The handler fills the ring, then takes the lock to wake us. */
        while (!ring_filled(&con.to_read))
            sleep_locked();
        spin_unlock(&con.lock);
        while (ring_filled(&con.to_read)) {
            uint32_t c = con.bytes[ring_place(&con.to_read, 0)];

            ring_pass(&con.to_read, 1);
            input(c);
        }
    }
}

void console_interrupt(void)
{
    int c;

    while (ring_free(&con.typed) && (c = uart_getc()) >= 0) {
        if (c == CTRL('C')) { /* C3 */
            add_relaxed(&con.breaks, 1);
            c |= proc_kill_foreground(!con.raw) ? 0 : NO_PROGRAM;
        }
        con.bytes[ring_place(&con.typed, 0)] = (uint16_t)c;
        ring_pass(&con.typed, 1);
    }
    spin_lock(&con.lock);
    uart_irq(UART_SENT, false); /* who still waits for it turns it on */
    if (!ring_free(&con.typed))
        uart_irq(UART_RECEIVED, false);
    wake_all_locked();
    spin_unlock(&con.lock);
}

/* --- beginning ------------------------------------------------------------ */

void console_init(bool raw)
{
    con.raw = raw;
    con.typed = ring_attach(&con.words.prod, &con.words.cons, BYTE_RING);
    con.to_read = ring_attach(&con.words.cons, &con.words.prod, BYTE_RING);
    list_init(&con.waiters);
    if (queue_new(OUT_RING, OUT_MSG, 0, &con.out) ||
        queue_new(IN_RING, LINE_MAX, 0, &con.in))
        panic("no memory for the console");
    /* The kernel is a writer too: the output thread never sees the last go. */
    con.out->obj.writers = 1;
    proc_thread("tty-out", output_thread);
    proc_thread("tty-in", input_thread);
    uart_irq(UART_RECEIVED, true);
    plic_enable(machine.hart_ids[0], machine.uart_irq);
}

void console_give_streams(struct proc *init)
{
    handle_create_at(init, 0, &con.in->obj, RIGHT_READ | RIGHT_GRANT);
    handle_create_at(init, 1, &con.out->obj, RIGHT_WRITE | RIGHT_GRANT);
    handle_create_at(init, 2, &con.out->obj, RIGHT_WRITE | RIGHT_GRANT);
}
