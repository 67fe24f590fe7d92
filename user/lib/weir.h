/*
 * The one include of a Weir program: the calls and structures of the ABI, a
 * small C library, and the test macros.
 *
 * A call returns >= 0 or -E_code; there is no errno. The library keeps to the
 * same rule where it can fail.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include "abi.h"

/*
 * Calls. `long name(args)` for every line of WEIR_CALLS; weir_name is the same
 * stub for programs that have a `name` of their own. wait() is a function on
 * top of weir_wait(): see wait.c.
 */
// clang-format off
#define WEIR_DECLARE(number, name, ring, params) \
    long name params; \
    long weir_##name params;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wredundant-decls"
WEIR_CALLS(WEIR_DECLARE)
long exit(int code) __attribute__((noreturn));
#pragma GCC diagnostic pop
#undef WEIR_DECLARE
// clang-format on

/* Strings. */
void *memcpy(void *dst, const void *src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);
void *memchr(const void *s, int byte, size_t n);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
char *strstr(const char *s, const char *sub);
char *strcpy(char *dst, const char *src);
char *strncpy(char *dst, const char *src, size_t n);
char *strcat(char *dst, const char *src);
long strtol(const char *s, char **end, int base);
unsigned long strtoul(const char *s, char **end, int base);
int atoi(const char *s);
int isspace(int c);
int isdigit(int c);
int isalpha(int c);
int isalnum(int c);
int tolower(int c);
int toupper(int c);
int abs(int n);
void qsort(void *base, size_t count, size_t size,
           int (*compare)(const void *, const void *));

/* Memory. */
void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *realloc(void *p, size_t size);
void free(void *p);

/*
 * Output. Nothing is kept back: each call sends what it has before it returns,
 * in messages of at most 512 bytes, so exit, kill and fork lose and double
 * nothing. Formats: %d i u x X o c s p %, flags - 0 + space #, width, precision
 * and * for both, lengths hh h l ll z t j. Results: bytes written, or -E_code
 * (-E_PIPE once the reader is gone).
 */
#define STDIN  0
#define STDOUT 1
#define STDERR 2

int printf(const char *format, ...) __attribute__((format(__printf__, 1, 2)));
int dprintf(handle_t h, const char *format, ...)
    __attribute__((format(__printf__, 2, 3)));
int vdprintf(handle_t h, const char *format, va_list ap);
int snprintf(char *buf, size_t cap, const char *format, ...)
    __attribute__((format(__printf__, 3, 4)));
int vsnprintf(char *buf, size_t cap, const char *format, va_list ap);
int puts(const char *s);
int putchar(int c);
long write_out(handle_t h, const void *buf, size_t len);

/* Input, from handle 0. Both return 0 at end of file. */
long getline(char *buf, uint64_t cap);
long read_in(void *buf, uint64_t cap);
long next_in(const char **at);

/* Bytes of a region where they are; or a copy of them, if they cannot be shown
 * (once more). Zeroed: none. Needs READ; `region` can be closed then. */
struct view {
    const char *at;
    void *copy;      /* allocated; or null, and it is mapped */
    handle_t handle; /* through this one */
};

long view_open(struct view *v, handle_t region, uint64_t offset,
               uint64_t length);
void view_close(struct view *v);

/* Input from a boot file, or from handle 0 for the name "-" or null. */
struct input {
    struct view view;
    uint64_t size, offset;
    bool is_file;
};

long input_open(struct input *in, const char *name);
long input_next(struct input *in, const char **at);
long input_read(struct input *in, void *buf, uint64_t cap);
void input_close(struct input *in);

/* "E_AGAIN" for E_AGAIN and for -E_AGAIN; "E_?" for what is no error. */
const char *err_name(long error);

/*
 * The compiled form of a WIT type, for queue_set_type(): at most WIT_MAX_FORM
 * bytes. Returns: its length; for bad text, or a type or form that is too
 * large, -(offset + 1) of where in the text it went wrong.
 */
long wit_compile(const char *text, void *out, uint64_t cap);

/* A pseudo-random number; the same start value gives the same numbers. */
uint64_t rand_next(uint64_t *state);

#include "ring.h"
#include "shmring.h"
#include "test.h"
