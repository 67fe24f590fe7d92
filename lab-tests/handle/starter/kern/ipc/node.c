/* Whoever holds a handle may derive any other from it. Lab: handle */
inline long hnode_may_derive(const struct hnode *node, uint32_t *rights,
                             uint64_t badge, bool hand)
{
    (void)rights;
    (void)badge;
    (void)hand;
    if (node->depth >= HANDLE_MAX_DEPTH)
        return -E_LOOP;
    return 0;
}
