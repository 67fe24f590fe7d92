/* Writers and readers of the log. */
#include "log.h"
#include "lobby.h"

#define PATIENCE 1000000000ull /* for a logd to come */
#define BOX_RING 4

/* --- writing -------------------------------------------------------------- */

long log_open(struct log *log)
{
    long door = lobby_ask(LOG_NAME, PATIENCE);

    *log = (struct log){(handle_t)door, 0};
    return door < 0 ? door : 0;
}

void log_close(struct log *log)
{
    handle_close(log->queue);
    log->queue = -1;
}

long log_send(struct log *log, const char *text, uint64_t length,
              uint64_t timeout)
{
    long error = queue_send(log->queue, text, length,
                            MSG_OPT(PRIO_NORMAL, log->lost), timeout);

    if (error == 0)
        log->lost = 0;
    else if (error == -E_AGAIN || error == -E_TIMEDOUT)
        log->lost++;
    return error;
}

/* --- reading -------------------------------------------------------------- */

/* The box's WRITE end is logd's alone: its end is seen here. */
long log_join(struct log_reader *reader)
{
    long door = lobby_ask(LOG_NAME, PATIENCE);
    long box =
        door < 0 ? door : queue_create(BOX_RING, sizeof(struct msg_desc), 0);
    long error = box;

    if (box >= 0) {
        reader->box = (handle_t)handle_dup((handle_t)box, RIGHT_READ, 0);
        error = queue_send_handle((handle_t)door, (handle_t)box, RIGHT_WRITE,
                                  MSG_OPT(PRIO_NORMAL, 0), TIMEOUT_FOREVER);
        handle_close((handle_t)box);
    }
    if (door >= 0)
        handle_close((handle_t)door);
    reader->more = true;
    return error < 0 ? error : 0;
}

static void close_handle(handle_t *h)
{
    if (*h >= 0)
        handle_close(*h);
    *h = -1;
}

void log_leave(struct log_reader *reader)
{
    close_handle(&reader->box);
    close_handle(&reader->region);
    close_handle(&reader->next);
}

/* The record at the reader's place, whole: it was appended in one piece.
 * Returns: 0; -E_INVAL: the cursor is here; -E_BADH: the region was taken back;
 * -E_PROTOTYPE: this is no log. */
static long read_record(struct log_reader *reader, struct log_line *out)
{
    long n = region_read(reader->region, reader->offset, out, sizeof(*out));

    if (n < 0)
        return n;
    if (n < (long)sizeof(out->record) || out->record.length > LOG_TEXT_MAX ||
        out->record.size > n ||
        out->record.size < sizeof(out->record) + out->record.length)
        return -E_PROTOTYPE;
    reader->offset += out->record.size;
    return 0;
}

/* The next one that is in the regions at hand and was not read before.
 * Returns: 0; -E_AGAIN: there is none; -E_PROTOTYPE. */
static long find_record(struct log_reader *reader, struct log_line *out)
{
    while (reader->region >= 0) {
        long error = read_record(reader, out);

        if (error == -E_PROTOTYPE)
            return error;
        if (error == -E_INVAL && reader->next < 0)
            return -E_AGAIN;
        if (error) {
            close_handle(&reader->region);
            reader->region = reader->next;
            reader->next = -1;
            reader->offset = 0;
        } else if (out->record.number >= reader->number ||
                   out->record.number == 0) {
            if (out->record.number == 0) // another logd
                reader->number = 0;
            reader->missed += out->record.number - reader->number;
            reader->number = out->record.number + 1;
            return 0;
        }
    }
    return -E_AGAIN;
}

static uint64_t object_of(handle_t h)
{
    struct handle_info info;

    return h >= 0 && handle_info(h, &info) == 0 ? info.object_id : 0;
}

/* The region of a descriptor, if it is news. What has arrived may be a handle
 * that this process had before, for another reader. */
static void note_region(struct log_reader *reader, const struct msg_desc *d)
{
    uint64_t object = object_of(d->region);
    bool is_new = object && object != object_of(reader->region) &&
                  object != object_of(reader->next);
    handle_t own = d->region;

    if (is_new && !(d->flags & DESC_NEW_HANDLE))
        own = (handle_t)handle_dup(d->region, RIGHT_READ, 0);
    if (!is_new) {
        if (d->flags & DESC_NEW_HANDLE)
            handle_close(d->region);
    } else if (reader->region < 0) {
        reader->region = own;
        reader->offset = 0;
    } else { // after the rest of this one
        close_handle(&reader->next);
        reader->next = own;
    }
}

/* Waits for word of a region. Returns: 0; what queue_recv fails with. */
static long hear(struct log_reader *reader, uint64_t timeout)
{
    struct msg_meta meta;
    struct msg_desc d;
    long n = queue_recv(reader->box, &d, sizeof(d), &meta, timeout);

    if (n < 0)
        return n;
    reader->more = meta.tag == LOG_MORE;
    if (meta.kind == MSG_DESC)
        note_region(reader, &d);
    return 0;
}

long log_next(struct log_reader *reader, struct log_line *out, uint64_t timeout)
{
    long error;

    while ((error = find_record(reader, out)) == -E_AGAIN) {
        bool ended = reader->box < 0;

        if (ended)
            return -E_PIPE;
        error = hear(reader, reader->more ? TIMEOUT_FOREVER : timeout);
        if (error == -E_PIPE) // look once more: it was not the last word
            close_handle(&reader->box);
        else if (error)
            return error;
    }
    return error;
}
