/* Backtraces that are kept, and the beginning of reports. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define TRACE_DEPTH 8

/* Code of a call chain, innermost first, from _text_start; 0: its end. */
struct trace {
    uint32_t offsets[TRACE_DEPTH];
};

/* The caller of the function that says so, and its callers. */
#define trace_here(trace)                                                      \
    trace_take(trace, (uint64_t)__builtin_return_address(0),                   \
               (uint64_t)__builtin_dwarf_cfa())
void trace_take(struct trace *trace, uint64_t pc, uint64_t sp);
void trace_print(const char *title, const struct trace *trace);

/* Before the first line of a report: from now on only this hart prints, and its
 * sanitizer is off. Another hart that comes second stays here. */
void report_begin(void);
bool report_begun(void);
