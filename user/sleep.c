/* sleep SECONDS: waits; a fraction is allowed (sleep 0.25). */
#include <weir.h>

#define SECOND 1000000000ull

/* Returns the nanoseconds, or UINT64_MAX for what is no time. */
static uint64_t parse_time(const char *text)
{
    char *end;
    uint64_t ns = strtoul(text, &end, 10) * SECOND;
    uint64_t digit = SECOND / 10;

    if (!isdigit(*text) && *text != '.')
        return UINT64_MAX;
    if (*end == '.')
        for (end++; isdigit(*end); end++, digit /= 10)
            ns += (uint64_t)(*end - '0') * digit;
    return *end ? UINT64_MAX : ns;
}

int main(int argc, char **argv)
{
    uint64_t ns = argc == 2 ? parse_time(argv[1]) : UINT64_MAX;

    if (ns == UINT64_MAX) {
        dprintf(STDERR, "usage: sleep SECONDS\n");
        return 1;
    }
    return timer_wait(TIMER_REL, ns) < 0;
}
