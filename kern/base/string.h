/* Memory and strings, as in the C library. The compiler may emit calls of the
 * first three. */
#pragma once

#include <stddef.h>

void *memcpy(void *restrict dst, const void *restrict src, size_t n);
void *memset(void *dst, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);
int strcmp(const char *a, const char *b);

/* Copy src, cut so that it and its NUL fit in `size` bytes, at least one. */
void strlcpy(char *dst, const char *src, size_t size);
