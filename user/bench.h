/* What the files of bench share. */
#pragma once

#include <weir.h>

#define SMALL 64

/* For messages of any size. */
extern uint8_t bench_buffer[4096];

struct row {
    const char *name, *what;
    uint64_t (*run)(uint64_t rounds); /* for all rounds, in ns */
    uint32_t rounds, must, aim;       /* each; 0: no bound */
    const char *near;                 /* or: 5 % above this row, its `must` */
};

/* Rows on how costs grow with what is queued, waits, is created or checked;
 * a row without a name ends them. */
extern const struct row bench_scale_rows[], bench_region_rows[];
extern const struct row bench_ring_rows[], bench_ipc_rows[], bench_irq_rows[];

/* A SYSTEM handle, or -1. */
extern handle_t bench_system;

/* Ends the program if a call has failed. */
void must(long result, const char *what);

/* The clock: under the instruction clock, one a nanosecond. */
uint64_t now(void);

handle_t new_queue(uint32_t ring, uint32_t max);

/* Sends and receives `bench_buffer`, waiting as long as it takes. */
void send(handle_t q, size_t len);
void receive(handle_t q);
