/* What all host tests check with. */
#pragma once

#include <stdio.h>
#include <stdlib.h>

#define CHECK(cond)                                                            \
    do {                                                                       \
        if (!(cond)) {                                                         \
            printf("%s:%d: %s\n", __FILE__, __LINE__, #cond);                  \
            exit(1);                                                           \
        }                                                                      \
    } while (0)
