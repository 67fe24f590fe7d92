/*
 * rtcd --system=N --ready=N: the driver of the real-time clock. init starts it.
 * Of the SYSTEM handle it needs RIGHT_EXECUTE: for the clock's registers, which
 * it maps, and for its interrupt, which arrives in a queue as an event. So do
 * requests at the port. It closes the handle `ready` when it serves.
 */
#include "rtc.h"

#define WAITING_MAX 32
#define RETRY_NS    100000000ull /* without memory for a request */
#define MAX_NS      (100ull * 365 * 86400 * 1000000000) /* a century */

enum { ASKED = 1, RANG = 2 }; /* tokens of events */

static handle_t system_handle, port, events;
static volatile struct rtc_registers *rtc;

/* Callers who wait for an alarm. */
static struct waiting {
    uint64_t until;
    int32_t pid;
    handle_t reply;
} waiting[WAITING_MAX];
static int waiting_count;

static handle_t must(long result, const char *what)
{
    if (result < 0) {
        dprintf(STDERR, "rtcd: %s: %s\n", what, err_name(result));
        exit(1);
    }
    return (handle_t)result;
}

/* A caller that is gone needs no answer. */
static void answer(handle_t reply, long error)
{
    union rtc_message answer = {.m.flags = (uint32_t)-error};

    answer.ns = rtc_time(rtc);
    port_reply(reply, &answer.m);
}

/* Answers who waited long enough, and sets the alarm for the next one. */
static void look_at_waiting(void)
{
    uint64_t now = rtc_time(rtc), next = UINT64_MAX;
    int kept = 0;

    for (int i = 0; i < waiting_count; i++) {
        struct waiting w = waiting[i];

        if (w.until <= now) {
            answer(w.reply, 0);
            continue;
        }
        next = w.until < next ? w.until : next;
        waiting[kept++] = w;
    }
    waiting_count = kept;
    if (kept > 0)
        rtc_set_alarm(rtc, next);
}

/* Makes room: nobody tells when a caller ends, or gives up and calls again. */
static void forget_gone(int32_t caller)
{
    struct proc_info p;
    int kept = 0;

    for (int i = 0; i < waiting_count; i++)
        if (waiting[i].pid == caller || proc_info(waiting[i].pid, &p) < 0 ||
            p.state == PROC_ENDED)
            handle_close(waiting[i].reply);
        else
            waiting[kept++] = waiting[i];
    waiting_count = kept;
}

static void add_waiting(handle_t reply, int32_t caller, uint64_t ns)
{
    if (waiting_count == WAITING_MAX)
        forget_gone(caller);
    if (ns > MAX_NS) {
        answer(reply, -E_INVAL);
    } else if (waiting_count == WAITING_MAX) {
        answer(reply, -E_NOSPC);
    } else {
        waiting[waiting_count++] =
            (struct waiting){rtc_time(rtc) + ns, caller, reply};
        look_at_waiting();
    }
}

/* An event says that there are requests, not how many. Returns: why it has not
 * taken one more, -E_AGAIN when there is none. */
static long serve(void)
{
    union rtc_message request;
    long reply;

    while ((reply = port_recv(port, &request.m, 0)) >= 0)
        if (reply == 0)
            continue; /* nobody waits for an answer */
        else if (request.m.type == RTC_TIME)
            answer((handle_t)reply, 0);
        else if (request.m.type == RTC_ALARM)
            add_waiting((handle_t)reply, (int32_t)request.m.sender, request.ns);
        else
            answer((handle_t)reply, -E_NOSYS);
    return reply;
}

/* First the clock takes its interrupt back, then the line is let through again:
 * else the same one came twice. */
static void rang(void)
{
    rtc->clear_interrupt = 1;
    must(irq_ack(system_handle, RTC_IRQ), "irq_ack");
    look_at_waiting();
}

static void begin(void)
{
    handle_t registers =
        must(device_region(system_handle, RTC_PA, PAGE_SIZE), "device_region");
    long at = region_map(registers, 0, PROT_READ | PROT_WRITE);

    if (at < 0)
        must(at, "region_map");
    rtc = (volatile struct rtc_registers *)at;
    rtc->clear_alarm = rtc->clear_interrupt = 1; /* an earlier driver's */
    events = must(queue_create(2, sizeof(struct msg_event), 0), "queue_create");
    port = must(port_create(), "port_create");
    must(irq_bind(system_handle, RTC_IRQ, events, RANG), "irq_bind");
    must(handle_subscribe(port, events, SIG_READABLE, ASKED), "subscribe");
    must(port_bind(port, RTC_PORT), "port_bind");
    rtc->irq_enabled = 1;
}

static handle_t option(const char *word, const char *name)
{
    size_t length = strlen(name);

    return strncmp(word, name, length) ? -1 : (handle_t)atoi(word + length);
}

int main(int argc, char **argv)
{
    uint64_t patience = TIMEOUT_FOREVER;
    handle_t ready;
    struct msg_event e;
    long n;

    if (argc != 3 || (system_handle = option(argv[1], "--system=")) < 0 ||
        (ready = option(argv[2], "--ready=")) < 0) {
        dprintf(STDERR, "rtcd: init starts it\n");
        return 1;
    }
    begin();
    handle_close(ready);
    do {
        n = queue_recv(events, &e, sizeof(e), 0, patience);
        if (n >= 0 && e.token == RANG)
            rang();
        patience = serve() == -E_AGAIN ? TIMEOUT_FOREVER : RETRY_NS;
    } while (n >= 0 || n == -E_TIMEDOUT);
    return 1;
}
