/* Reading the text of a WIT type: punctuation, words, the names of a block. */
#include "wit_text.h"

#include "weir.h"

bool wit_take(struct wit_text *c, char wanted)
{
    while (!c->bad && isspace(*c->at))
        c->at++;
    if (c->bad || *c->at != wanted)
        return false;
    c->at++;
    return true;
}

void wit_need(struct wit_text *c, char wanted)
{
    if (!wit_take(c, wanted))
        c->bad = true;
}

size_t wit_word(struct wit_text *c, const char **start)
{
    wit_take(c, '%'); /* a name may be written so */
    *start = c->at;
    while (!c->bad && (isalnum(*c->at) || (*c->at == '-' && c->at > *start)))
        c->at++;
    return (size_t)(c->at - *start);
}

void wit_need_name(struct wit_text *c)
{
    const char *name;

    if (wit_word(c, &name) == 0 || !isalpha(*name) || c->at[-1] == '-') {
        c->at = name;
        c->bad = true;
    }
}

/* A name in the text; upper and lower case are the same. */
struct name {
    const char *at;
    size_t len;
};

static int compare_text(const struct name *a, const struct name *b)
{
    if (a->len != b->len)
        return a->len < b->len ? -1 : 1;
    for (size_t i = 0; i < a->len; i++)
        if (tolower(a->at[i]) != tolower(b->at[i]))
            return tolower(a->at[i]) - tolower(b->at[i]);
    return 0;
}

/* The same names in the order of the text. */
static int compare_names(const void *a, const void *b)
{
    const struct name *first = a, *second = b;
    int differ = compare_text(first, second);

    return differ ? differ : first->at < second->at ? -1 : 1;
}

/* Goes through a block that is sound, from behind its `{` to its `}`, and
 * writes its names, but for those in its types, to `names` unless that is
 * null. Returns how many there are. */
static uint32_t list_names(const char *at, const char *end, struct name *names)
{
    bool expected = true; /* a name is the next word */
    uint32_t n = 0, depth = 0;

    for (; at < end; at++) {
        const char *start = at;

        while (expected && (isalnum(*at) || *at == '-'))
            at++;
        if (at > start) {
            if (names)
                names[n] = (struct name){start, (size_t)(at - start)};
            n++;
            expected = false;
        }
        depth += *at == '{' || *at == '<' || *at == '(';
        depth -= at < end && (*at == '}' || *at == '>' || *at == ')');
        expected |= *at == ',' && depth == 0;
    }
    return n;
}

void wit_check_names(struct wit_text *c, const char *block)
{
    const char *end = c->at - 1;
    struct name *names;
    uint32_t n;

    if (c->bad)
        return;
    n = list_names(block, end, NULL);
    names = malloc(n * sizeof(*names));
    c->bad = !names;
    if (c->bad)
        return;
    list_names(block, end, names);
    qsort(names, n, sizeof(*names), compare_names);
    for (uint32_t i = 1; i < n; i++)
        if (compare_text(&names[i - 1], &names[i]) == 0 &&
            (!c->bad || names[i].at < c->at)) {
            c->at = names[i].at;
            c->bad = true;
        }
    free(names);
}

bool wit_more(struct wit_text *c, char end)
{
    if (wit_take(c, ','))
        return !wit_take(c, end) && !c->bad;
    wit_need(c, end);
    return false;
}
