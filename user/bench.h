/* What the files of bench share. */
#pragma once

#include <weir.h>

#define SMALL 64
#define MANY  200 /* processes that wait, or sleep */

/* For messages of any size. */
extern uint8_t bench_buffer[4096];

struct row {
    const char *name, *what;
    uint64_t (*run)(uint64_t rounds, uint64_t arg); /* for all rounds */
    uint64_t arg;
    uint32_t rounds;
};

/* The rows of each file; one without a name ends them. */
extern const struct row bench_irq_rows[], bench_queue_rows[];
extern const struct row bench_size_rows[], bench_region_rows[];
extern const struct row bench_ring_rows[], bench_ipc_rows[];
extern const struct row bench_scale_rows[], bench_call_rows[];
extern const struct row bench_memory_rows[];

/* A SYSTEM handle, or -1. */
extern handle_t bench_system;

/* What the clock showed when the kernel was entered, and when main() began. */
extern uint64_t bench_entered_ns, bench_started_ns;

/* For a row without an argument. */
#define NO_ARG uint64_t arg __attribute__((unused))

/* Ends the program, since a call has failed. */
void bench_failed(long result, const char *what) __attribute__((noreturn));

/* Returns: a call's result, if it has not failed. */
static inline long must(long result, const char *what)
{
    if (result < 0)
        bench_failed(result, what);
    return result;
}

/* The clock: under the instruction clock, one a nanosecond. */
uint64_t now(void);

handle_t new_queue(uint32_t ring, uint32_t max);

/* The two ends of a queue of one place: who waits at one is woken when the
 * other is closed. */
struct ends {
    handle_t read, write;
};
struct ends new_ends(uint32_t max);

/* Until so many processes wait at q. */
void await_line(handle_t q, uint64_t n);

/* For a crowd of children: each waits; they are woken; all of them have ended.
 * No message ever comes. */
void crowd_wait(const struct ends *e);
void crowd_wake(const struct ends *e);
void crowd_end(const struct ends *e, uint64_t n);

/* Sends and receives `bench_buffer`, waiting as long as it takes. */
static inline void send(handle_t q, size_t len)
{
    must(queue_send(q, bench_buffer, len, MSG_OPT(PRIO_NORMAL, 0),
                    TIMEOUT_FOREVER),
         "send");
}

static inline void receive(handle_t q)
{
    must(queue_recv(q, bench_buffer, sizeof(bench_buffer), 0, TIMEOUT_FOREVER),
         "receive");
}

/* The same of other rows: per message of `len` bytes. */
uint64_t bench_copy(uint64_t rounds, uint64_t len);
uint64_t bench_stream(uint64_t rounds, uint64_t len);

/* One end of a stream of so many messages through a ring, in full batches. */
void bench_ring_end(bool sends, handle_t q, uint64_t n);
uint64_t bench_describe(uint64_t rounds, uint64_t len);
uint64_t bench_ping_pong(uint64_t rounds, uint64_t len);
