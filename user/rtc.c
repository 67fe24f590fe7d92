/*
 * rtc: prints the date and the time, in UTC. rtc alarm MS: has the clock ring
 * in so many milliseconds, waits for it, and says when that was.
 */
#include "rtc.h"

#define NS_PER_MS 1000000ul
#define NS_PER_S  1000000000ul
#define DAY       86400ul

/* A day of the proleptic Gregorian calendar by its number since 1970. Years
 * begin in March here, so that a leap day is a year's last one; 400 of them
 * repeat. */
static void print_date(uint64_t days)
{
    uint64_t day = days + 719468;   /* since 0000-03-01 */
    uint64_t of_era = day % 146097; /* 400 years */
    uint64_t year_of_era =
        (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    uint64_t of_year =
        of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    uint64_t month = (5 * of_year + 2) / 153; /* since March */
    uint64_t year = day / 146097 * 400 + year_of_era + (month >= 10);

    printf("%04lu-%02lu-%02lu", year, month < 10 ? month + 3 : month - 9,
           of_year - (153 * month + 2) / 5 + 1);
}

static void print_time(uint64_t ns)
{
    uint64_t seconds = ns / NS_PER_S;

    print_date(seconds / DAY);
    printf("T%02lu:%02lu:%02lu", seconds % DAY / 3600, seconds % 3600 / 60,
           seconds % 60);
}

/* Returns: the time of the reply; ends the program without one. */
static uint64_t ask(handle_t port, uint32_t type, uint64_t ns)
{
    union rtc_message m = {.m.type = type};
    long error;

    m.ns = ns;
    error = port_call(port, &m.m, TIMEOUT_FOREVER);
    if (error == 0)
        error = -(long)m.m.flags;
    if (error == 0)
        return m.ns;
    dprintf(STDERR, "rtc: %s\n", err_name(error));
    exit(1);
}

int main(int argc, char **argv)
{
    handle_t port = (handle_t)port_connect(RTC_PORT);
    uint64_t start;

    if (argc != 1 &&
        (argc != 3 || strcmp(argv[1], "alarm") || !isdigit(argv[2][0]))) {
        dprintf(STDERR, "usage: rtc [alarm MILLISECONDS]\n");
        return 1;
    }
    if (port < 0) {
        dprintf(STDERR, "rtc: no driver: %s\n", err_name(port));
        return 1;
    }
    start = ask(port, RTC_TIME, 0);
    if (argc == 1) {
        print_time(start);
        printf("Z\n");
    } else {
        uint64_t ms = strtoul(argv[2], NULL, 10);
        uint64_t end =
            ask(port, RTC_ALARM,
                ms < UINT64_MAX / NS_PER_MS ? ms * NS_PER_MS : UINT64_MAX);

        print_time(end);
        printf(".%03luZ, after %lu ms\n", end % NS_PER_S / NS_PER_MS,
               (end - start) / NS_PER_MS);
    }
    return 0;
}
