/*
 * logd [KIB]: collects messages of many programs in an AppendOnly region that
 * others read while it grows. user/lib/log.h has what they say to each other.
 *
 *   LD1  it waits for messages and for the end of readers; what it says to
 *        those is tried, with timeout 0.
 *   LD2  a record is appended in one piece, so a region's cursor never stands
 *        in the middle of one: who reads up to it needs no lock.
 *   LD3  a full region is yesterday's, and the one before is taken back from
 *        all who have it: two regions, whatever readers keep.
 *   LD4  a reader whose box is full finds what is new when it empties it. Only
 *        word of a new region must not be lost: then its box is closed, and it
 *        comes again.
 */
#include <lobby.h>
#include <log.h>

#define QUEUE_RING 64
#define READERS    15 /* with the door, as many as handle_wait takes */
#define KIB_USUAL  256
#define KIB_MIN    4
#define KIB_MAX    65536

/* A region, and the handle that readers' are derived from. */
struct page {
    handle_t region, shared;
    uint64_t used;
};

static struct page today = {-1, -1, 0}, yesterday = {-1, -1, 0};
static handle_t readers[READERS]; /* boxes; 0: none */
static uint64_t page_bytes, next_number;
static handle_t door;
static uint64_t door_object, lobby_object;

/* --- regions -------------------------------------------------------------- */

static void drop_page(struct page *page)
{
    if (page->region < 0)
        return;
    handle_revoke(page->region);
    handle_close(page->region);
    page->region = -1;
}

static long make_page(struct page *page)
{
    long region = region_create(REGION_APPEND, page_bytes, 0, 0, 0);
    long shared;

    if (region < 0)
        return region;
    // What readers get can be read, and not be passed on.
    shared = handle_dup((handle_t)region, RIGHT_READ | RIGHT_GRANT_ONCE, 0);
    *page = (struct page){(handle_t)region, (handle_t)shared, 0};
    if (shared < 0)
        drop_page(page);
    return shared < 0 ? shared : 0;
}

static long turn_page(void)
{
    struct page next;
    long error = make_page(&next);

    if (error)
        return error;
    drop_page(&yesterday); // LD3
    yesterday = today;
    today = next;
    return 0;
}

/* --- readers -------------------------------------------------------------- */

/* 0: there is no such handle (any more). */
static uint64_t object_of(handle_t h)
{
    struct handle_info info;

    return handle_info(h, &info) == 0 ? info.object_id : 0;
}

/* Describes a page from its beginning to a reader. */
static long tell(handle_t box, const struct page *page, uint32_t tag)
{
    struct msg_desc d = {page->shared, 0, 0, page->used};

    return queue_send_desc(box, &d, MSG_OPT(PRIO_NORMAL, tag), 0);
}

static void drop_reader(handle_t *reader)
{
    handle_close(*reader);
    *reader = 0;
}

static void tell_all(bool new_page)
{
    for (handle_t *r = readers; r < readers + READERS; r++) {
        long error = *r ? tell(*r, &today, 0) : 0;

        if (error < 0 && (error != -E_AGAIN || new_page)) // LD4
            drop_reader(r);
    }
}

/* Whether this is a box that it may keep: the WRITE end of a queue, but not of
 * one that leads to logd. With such an end of its own it would never end. */
static bool is_box(const struct msg_handle *got)
{
    struct handle_info info;

    return got->rights == RIGHT_WRITE && handle_info(got->handle, &info) == 0 &&
           info.type == OBJ_QUEUE && info.object_id != door_object &&
           info.object_id != lobby_object;
}

/* Waits until there is a message, or a reader has gone, which is dropped then.
 * A handle that was revoked would be in the way. */
static void watch(uint64_t timeout)
{
    struct wait_item items[1 + READERS] = {{door, SIG_READABLE, 0}};
    handle_t *of[1 + READERS];
    uint32_t n = 1;

    for (handle_t *r = readers; r < readers + READERS; r++) {
        if (*r && !object_of(*r))
            *r = 0;
        if (!*r)
            continue;
        of[n] = r;
        items[n++] = (struct wait_item){*r, SIG_CLOSED, 0};
    }
    if (handle_wait(items, n, timeout) < 0)
        return;
    for (uint32_t i = 1; i < n; i++)
        if (items[i].seen & SIG_CLOSED)
            drop_reader(of[i]);
}

static handle_t *find_place(void)
{
    handle_t *place = readers;

    while (place < readers + READERS && *place)
        place++;
    return place;
}

/* A new reader gets both pages; one too many is sent away. */
static void add_reader(handle_t box)
{
    handle_t *place = find_place();

    if (place == readers + READERS) {
        watch(0);
        place = find_place();
    }
    if (place == readers + READERS ||
        (yesterday.region >= 0 && tell(box, &yesterday, LOG_MORE) < 0) ||
        tell(box, &today, 0) < 0)
        handle_close(box);
    else
        *place = box;
}

/* --- records -------------------------------------------------------------- */

/* Appends a message. Without memory for a new page it is gone, and its number
 * says so. */
static void note(const struct msg_meta *meta, const char *text)
{
    struct log_line line = {
        .record = {next_number++, meta->sent_ns, meta->sender, meta->tag,
                   meta->len,
                   sizeof(struct log_record) + ((meta->len + 7) & ~7u)},
    };
    bool full = today.used + line.record.size > page_bytes;

    if (full && turn_page() < 0)
        return;
    memcpy(line.text, text, meta->len);
    region_append(today.region, &line, line.record.size);
    today.used += line.record.size;
    tell_all(full);
}

static void note_start(void)
{
    char text[64];
    struct msg_meta meta = {.sender = (int32_t)getpid(),
                            .sent_ns = (uint64_t)clock_ns()};

    meta.len = (uint32_t)snprintf(text, sizeof(text), "logd: %lu KiB a page",
                                  page_bytes / 1024);
    note(&meta, text);
}

/* --- the loop ------------------------------------------------------------- */

/* Returns: 0; what queue_recv fails with. */
static long take_message(void)
{
    uint64_t bytes[LOG_TEXT_MAX / 8];
    const struct msg_handle *got = (const void *)bytes;
    const struct msg_desc *described = (const void *)bytes;
    struct msg_meta meta;
    long n = queue_recv(door, bytes, sizeof(bytes), &meta, 0);

    if (n < 0)
        return n;
    if (meta.kind == MSG_INLINE)
        note(&meta, (const char *)bytes);
    else if (meta.kind == MSG_HANDLE && is_box(got))
        add_reader(got->handle);
    else if (meta.kind == MSG_HANDLE)
        handle_close(got->handle);
    else if (meta.kind == MSG_DESC && (described->flags & DESC_NEW_HANDLE))
        handle_close(described->region);
    return 0;
}

/* Who can write to the queue has it from the lobby. Without a WRITE end of its
 * own, and without the lobby's, logd is told when nobody can any more. */
static long open_door(void)
{
    handle_t lobby = (handle_t)lobby_find();
    long queue = queue_create(QUEUE_RING, LOG_TEXT_MAX, 0);
    long end = handle_dup((handle_t)queue, RIGHT_READ, 0);
    long error = queue < 0 ? queue : end < 0 ? end : 0;

    if (!error)
        error = lobby_leave(LOG_NAME, (handle_t)queue);
    door = (handle_t)end;
    door_object = object_of(door);
    lobby_object = object_of(lobby);
    handle_close((handle_t)queue);
    handle_close(lobby);
    return error;
}

int main(int argc, char **argv)
{
    uint64_t kib = argc > 1 ? strtoul(argv[1], 0, 10) : KIB_USUAL;
    long n;

    if (argc > 2 || kib < KIB_MIN || kib > KIB_MAX) {
        dprintf(STDERR, "usage: logd [KIB of a page, %d to %d]\n", KIB_MIN,
                KIB_MAX);
        return 2;
    }
    page_bytes = kib * 1024;
    n = make_page(&today);
    if (n == 0)
        n = open_door();
    if (n < 0) {
        dprintf(STDERR, "logd: %s\n",
                n == -E_NOENT ? "no lobby; a shell makes one" : err_name(n));
        return 1;
    }
    note_start();
    while ((n = take_message()) == 0 || n == -E_AGAIN)
        if (n == -E_AGAIN)
            watch(TIMEOUT_FOREVER);
    if (n == -E_PIPE && next_number > 1)
        return 0;
    dprintf(STDERR, "logd: %s\n",
            n == -E_PIPE ? "nobody can write; is there another one?"
                         : err_name(n));
    return 1;
}
