/*
 * Compiles the user library into a host test, under names that do not meet
 * the host's own. Calls that the test needs, it defines itself as weir_x.
 */
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// clang-format off
#define memcpy weir_memcpy
#define memmove weir_memmove
#define memset weir_memset
#define memcmp weir_memcmp
#define memchr weir_memchr
#define strlen weir_strlen
#define strnlen weir_strnlen
#define strcmp weir_strcmp
#define strncmp weir_strncmp
#define strchr weir_strchr
#define strrchr weir_strrchr
#define strstr weir_strstr
#define strcpy weir_strcpy
#define strncpy weir_strncpy
#define strcat weir_strcat
#define strtol weir_strtol
#define strtoul weir_strtoul
#define atoi weir_atoi
#define abs weir_abs
#define qsort weir_qsort
#define malloc weir_malloc
#define calloc weir_calloc
#define realloc weir_realloc
#define free weir_free
#define printf weir_printf
#define dprintf weir_dprintf
#define vdprintf weir_vdprintf
#define snprintf weir_snprintf
#define vsnprintf weir_vsnprintf
#define puts weir_puts
#define putchar weir_putchar
#define getline weir_getline
#define exit weir_exit
#include "../../user/lib/weir.h"
#include "../../user/lib/string.c"
#include "../../user/lib/printf.c"
#include "../../user/lib/malloc.c"
#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef memchr
#undef strlen
#undef strnlen
#undef strcmp
#undef strncmp
#undef strchr
#undef strrchr
#undef strstr
#undef strcpy
#undef strncpy
#undef strcat
#undef strtol
#undef strtoul
#undef atoi
#undef abs
#undef qsort
#undef malloc
#undef calloc
#undef realloc
#undef free
#undef printf
#undef dprintf
#undef vdprintf
#undef snprintf
#undef vsnprintf
#undef puts
#undef putchar
#undef getline
#undef exit
// clang-format on

#undef CHECK
#define CHECK(cond)                                                            \
    do {                                                                       \
        if (!(cond)) {                                                         \
            printf("%s:%d: %s\n", __FILE__, __LINE__, #cond);                  \
            exit(1);                                                           \
        }                                                                      \
    } while (0)
