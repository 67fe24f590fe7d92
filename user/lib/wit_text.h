/* For wit.c: reading the text of a type. Once there is a mistake, nothing more
 * is taken. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct wit_text {
    const char *at;
    bool bad; /* `at` is where */
};

/* Is this character next? Then it is taken. need: else it is a mistake. */
bool wit_take(struct wit_text *c, char wanted);
void wit_need(struct wit_text *c, char wanted);

/* The next word; its length, or 0. */
size_t wit_word(struct wit_text *c, const char **start);
void wit_need_name(struct wit_text *c);

/* No two names are the same between `block`, behind a `{`, and its `}`, which
 * was just taken. The first that another one had before is the mistake. */
void wit_check_names(struct wit_text *c, const char *block);

/* After an element of a list: is there another one? Takes the end. */
bool wit_more(struct wit_text *c, char end);
