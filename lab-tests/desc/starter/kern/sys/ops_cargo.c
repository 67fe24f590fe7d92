/* The handle in a message goes to its receiver. Lab: desc */
static __attribute__((noinline)) long
deliver_cargo(struct queue *q, struct qslot *slot, uaddr_t buf, uaddr_t meta)
{
    long result = deliver_handle(q, slot, buf, meta);

    return result;
}

/* Lab: desc */
SYSCALL(queue_send_desc, uint64_t h, uint64_t user_desc, uint64_t opt,
        uint64_t timeout)
{
    (void)h;
    (void)user_desc;
    (void)opt;
    (void)timeout;
    return -E_NOSYS;
}
