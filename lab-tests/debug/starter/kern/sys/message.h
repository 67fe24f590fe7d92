/* Copy a payload that goes on at the next page. Lab: debug */
static __attribute__((noinline)) long copy_two(struct qslot *slot, uaddr_t user,
                                               uint64_t len, bool in)
{
    uint64_t here = slot->here;
    uaddr_t rest = uaddr(user.value + here + 1);
    long error = copy_block(slot->payload, user, here, in);

    return error ? error : copy_block(queue_rest(slot), rest, len - here, in);
}
