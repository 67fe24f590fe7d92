#include "base/kobj.h"

static uint64_t last_id; /* [a] */
uint32_t kobj_count;

void kobj_init(struct kobj *obj, uint32_t type, const struct kobj_ops *ops)
{
    *obj = (struct kobj){.type = type, .refs = 1, .ops = ops};
    obj->id = add_relaxed(&last_id, 1) + 1;
    spin_init(&obj->lock, RANK_OBJECT);
    spin_init(&obj->tree, RANK_REVOKE);
    list_init(&obj->observers);
    add_relaxed(&kobj_count, 1);
}

void kobj_destroy(struct kobj *obj)
{
    assert(this_hart()->held == 0);
    add_relaxed(&kobj_count, -1u);
    obj->ops->destroy(obj);
}
