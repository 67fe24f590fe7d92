/* There are no ends. Lab: sync */
static long open_ends(struct queue *c, handle_t ends[2])
{
    struct kobj *obj = &c->obj;

    ends[0] = ends[1] = -1;
    kobj_put(obj);
    return -E_NOSYS;
}
