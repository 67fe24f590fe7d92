/* The calls 0x80 to 0x91: semaphores and words. */
#include "ipc/handle.h"
#include "ipc/sem.h"
#include "ipc/word.h"
#include "sys/syscall.h"

SYSCALL(sem_create, uint64_t initial)
{
    struct sem *s;

    TRY(sem_new((uint32_t)initial, &s));
    return handle_create(&s->obj,
                         RIGHT_READ | RIGHT_WRITE | RIGHT_GRANT | RIGHT_REVOKE);
}

/* Ends the use of the node itself. */
SYSCALL(sem_wait, uint64_t h, uint64_t timeout)
{
    struct hnode *node;

    TRY(handle_use(h, 0, OBJ_SEMAPHORE, RIGHT_READ, &node));
    return sem_take(sem_of(node->obj), node, timeout);
}

SYSCALL(sem_post, uint64_t h)
{
    NOTED struct hnode *node;

    TRY(handle_use(h, 0, OBJ_SEMAPHORE, RIGHT_WRITE, &node));
    return sem_give(sem_of(node->obj));
}

SYSCALL(sem_value, uint64_t h)
{
    NOTED struct hnode *node;

    TRY(handle_use(h, 0, OBJ_SEMAPHORE, RIGHT_READ, &node));
    return load_relaxed(&sem_of(node->obj)->count);
}

/* Find the word at a user address of this leaf. Returns: 0; -E_FAULT: it cannot
 * be read. */
static inline long word_of(const pte_t *leaf, uint64_t addr, struct word *word)
{
    pte_t pte = leaf ? load_relaxed(leaf) : 0;

    word->va = addr;
    word->leaf = leaf;
    word->at = DIRECT(PTE_PA(pte) + addr % PAGE_SIZE);
    return pte & PTE_R ? 0 : -E_FAULT;
}

/* The same of any leaf. Returns also: -E_INVAL: not aligned. */
static long find_word(uint64_t addr, struct word *word)
{
    TRY(addr % sizeof(*word->at) ? -E_INVAL : 0);
    TRY(addr >= USER_END ? -E_FAULT : 0);
    return word_of(vm_look(&this_proc()->vm, addr), addr, word);
}

SYSCALL(word_wait, uint64_t addr, uint64_t expected, uint64_t timeout)
{
    const struct range *ram = &machine.memory;
    struct word word;

    TRY(find_word(addr, &word));
    /* The kernel reads it: no device's register. */
    TRY(PHYS(word.at) - ram->base < ram->end - ram->base ? 0 : -E_FAULT);
    return word_wait(&word, (uint32_t)expected, timeout);
}

static NOINLINE long wake_any(uint64_t addr, uint64_t n)
{
    struct word word;

    TRY(find_word(addr, &word));
    return word_wake(word.at, (uint32_t)n);
}

SYSCALL(word_wake, uint64_t addr, uint64_t n)
{
    const pte_t *leaf;
    struct word word;

    if (addr % sizeof(*word.at) ||
        unlikely(!vm_looked(&this_proc()->vm, addr, &leaf)))
        return wake_any(addr, n);
    TRY(word_of(leaf, addr, &word));
    return word_wake(word.at, (uint32_t)n);
}
