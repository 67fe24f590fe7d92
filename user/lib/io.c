/*
 * The standard streams. A stream is a sequence of bytes; that it travels in
 * messages, or as descriptors of regions, is of no interest to who reads lines.
 * The last message of handle 0 is kept here until it is read up.
 */
#include "weir.h"

#define SEND_BYTES 1024 /* what pipes of the shell take in one message */

/* The last message, or the bytes that it describes. */
static struct {
    char *buffer;     /* allocated at the first read */
    const char *at;   /* what of it is not read yet: */
    size_t left;      /* so many bytes */
    struct view view; /* what it describes */
} held;

/*
 * Sends all of the bytes, in as many messages as it takes. An empty message
 * would mean end of file: nothing is sent for no bytes.
 *
 * Returns: 0; or what queue_send fails with, and then a part may be sent.
 */
long write_out(handle_t h, const void *buf, size_t len)
{
    const char *at = buf;
    size_t limit = SEND_BYTES;

    while (len > 0) {
        size_t n = len < limit ? len : limit;
        long error =
            queue_send(h, at, n, MSG_OPT(PRIO_NORMAL, 0), TIMEOUT_FOREVER);

        if (error == -E_MSGSIZE && limit > 1) {
            limit /= 2;
            continue;
        }
        if (error < 0)
            return error;
        at += n;
        len -= n;
    }
    return 0;
}

/* Makes sure that something is held; 0 at end of file. */
static long fill(void)
{
    struct msg_meta meta;
    struct msg_desc d;
    long n;

    if (held.left > 0)
        return 1;
    view_close(&held.view);
    if (!held.buffer)
        held.buffer = malloc(QUEUE_MAX_MSG);
    if (!held.buffer)
        return -E_NOMEM;
    n = queue_recv(STDIN, held.buffer, QUEUE_MAX_MSG, &meta, TIMEOUT_FOREVER);
    if (n <= 0)
        return n == -E_PIPE ? 0 : n;
    held.at = held.buffer;
    held.left = (size_t)n;
    if (meta.kind != MSG_DESC)
        return 1;
    memcpy(&d, held.buffer, sizeof(d));
    n = view_open(&held.view, d.region, d.offset, d.length);
    held.at = held.view.at;
    held.left = n == 0 ? d.length : 0;
    if (d.flags & DESC_NEW_HANDLE)
        handle_close(d.region); // the view has its own
    return n == 0 ? 1 : n;
}

/*
 * What there is of the input, without a copy: *at points to it until the next
 * read.
 *
 * Returns: the number of bytes; 0 at end of file; or -E_code.
 */
long next_in(const char **at)
{
    long n = fill();

    if (n <= 0)
        return n;
    n = (long)held.left;
    *at = held.at;
    held.left = 0;
    return n;
}

/*
 * Reads what there is of the input, at least a byte and at most cap.
 *
 * Returns: the number of bytes; 0 at end of file; or -E_code.
 */
long read_in(void *buf, uint64_t cap)
{
    long n = cap ? fill() : -E_INVAL;

    if (n <= 0)
        return n;
    if (cap > held.left)
        cap = held.left;
    memcpy(buf, held.at, cap);
    held.at += cap;
    held.left -= cap;
    return (long)cap;
}

/*
 * Reads one line, its '\n' included, and puts a 0 behind it. A line that does
 * not fit comes in pieces of cap - 1 bytes; the last line may lack its '\n'.
 *
 * Returns: the number of bytes; 0 at end of file; or -E_code.
 */
long getline(char *buf, uint64_t cap)
{
    static bool end_met; // behind a last line that lacks its '\n'
    uint64_t n = 0;

    if (cap < 2)
        return -E_INVAL;
    while (n < cap - 1 && !end_met) {
        long filled = fill();

        if (filled < 0)
            return filled;
        end_met = filled == 0;
        if (end_met)
            break;
        buf[n++] = *held.at++;
        held.left--;
        if (buf[n - 1] == '\n')
            break;
    }
    buf[n] = 0;
    end_met = end_met && n > 0; // told once: a terminal can go on
    return (long)n;
}

const char *err_name(long error)
{
    // clang-format off
    static const struct {
        int code;
        char name[12];
    } names[] = {
        {E_PERM, "E_PERM"}, {E_NOENT, "E_NOENT"}, {E_SRCH, "E_SRCH"},
        {E_2BIG, "E_2BIG"}, {E_NOEXEC, "E_NOEXEC"}, {E_BADH, "E_BADH"},
        {E_CHILD, "E_CHILD"}, {E_AGAIN, "E_AGAIN"}, {E_NOMEM, "E_NOMEM"},
        {E_ACCES, "E_ACCES"}, {E_FAULT, "E_FAULT"}, {E_BUSY, "E_BUSY"},
        {E_EXIST, "E_EXIST"}, {E_INVAL, "E_INVAL"}, {E_NFILE, "E_NFILE"},
        {E_MFILE, "E_MFILE"}, {E_NOSPC, "E_NOSPC"}, {E_PIPE, "E_PIPE"},
        {E_NOSYS, "E_NOSYS"}, {E_LOOP, "E_LOOP"}, {E_MSGSIZE, "E_MSGSIZE"},
        {E_PROTOTYPE, "E_PROTOTYPE"}, {E_NOTSUP, "E_NOTSUP"},
        {E_TIMEDOUT, "E_TIMEDOUT"}, {E_ALREADY, "E_ALREADY"},
        {E_STALE, "E_STALE"}, {E_WRONGTYPE, "E_WRONGTYPE"},
        {E_CANCELED, "E_CANCELED"},
    };
    // clang-format on

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (names[i].code == error || names[i].code == -error)
            return names[i].name;
    return "E_?";
}

/* Steps of a 64-bit counter, mixed: any start value, zero too, is good. */
uint64_t rand_next(uint64_t *state)
{
    uint64_t x = *state += 0x9e3779b97f4a7c15ull;

    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
    return x ^ (x >> 31);
}
