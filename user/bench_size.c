/*
 * How costs depend on the size of a message: copied in one process (S), between
 * two (T), and described (Z). What P rows measure is not measured again.
 */
#include "bench.h"

const struct row bench_size_rows[] = {
    {"S0", "send + receive 0 B, one process", bench_copy, 0, 5000},
    {"S256", "send + receive 256 B", bench_copy, 256, 5000},
    {"S1024", "send + receive 1024 B", bench_copy, 1024, 5000},
    {"S2048", "send + receive 2048 B", bench_copy, 2048, 2000},
    {"S4096", "send + receive 4096 B", bench_copy, 4096, 2000},
    {"T0", "one way 0 B, two processes", bench_stream, 0, 5000},
    {"T256", "one way 256 B", bench_stream, 256, 5000},
    {"T512", "one way 512 B", bench_stream, 512, 5000},
    {"T1024", "one way 1024 B", bench_stream, 1024, 5000},
    {"T2048", "one way 2048 B", bench_stream, 2048, 2000},
    {"T4096", "one way 4096 B", bench_stream, 4096, 2000},
    {"Z4096", "one way by descriptor, 4096 B", bench_describe, 4096, 5000},
    {0, 0, 0, 0, 0},
};
