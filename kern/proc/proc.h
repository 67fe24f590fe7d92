/* Processes. */
#pragma once

#include "abi/abi.h"
#include "mem/vm.h"
#include "proc/waitq.h"

/* What context_switch() saves, and switch_to() does not; vector.S knows it. */
struct context {
    uint64_t ra, sp, gp; /* gp is the program's, or a new thread's body */
};

/* A program's registers while it is in the kernel, at the top of its kernel
 * stack. A call saves only what C does not preserve. vector.S knows this. */
struct trapframe {
    uint64_t x[32];    /* x[0]: pc */
    struct hart *hart; /* on which it runs, if it does */
} __attribute__((aligned(16)));
enum { REG_PC = 0, REG_SP = 2, REG_A0 = 10, REG_A1 = 11 }; /* indices of x */

/* p->work: reasons not to go back to the program right away. */
#define WORK_KILLED  1u
#define WORK_RESCHED 2u  /* its slice ended */
#define WORK_EXITED  4u  /* it never goes back; PROC_ENDED follows: P3 */
#define WORK_RING    8u  /* parked operations can be finished */
#define WORK_EVENTS  16u /* event_flush() */
#define WORK_PAUSED  32u /* it is, inside its call; woken meanwhile: I3 */
#define WORK_WOKEN   64u

#define HART_PAUSED WORK_PAUSED /* p->on_hart: it has left its stack */

#define PROC_FREE 0u /* p->state, apart from what programs see */

/* [I] never changes while the process lives, [s] its own, [t] the tree lock,
 * [a] atomic, [r] the lock of the run queue it is in. */
struct proc {
    struct context context; /* [s] where it left off */
    uint32_t work;          /* [a] WORK_x */
    uint32_t on_hart;       /* [a] a hart stands on its kernel stack: S3 */
    struct trapframe *tf;   /* [I] */
    uint32_t state;         /* [a] PROC_x, for those who look */
    uint32_t hart;          /* [a] index of the hart it ran on last */
    int32_t pid;            /* [t] 0: not started, or a kernel thread */
    uint32_t slot;          /* [I] */
    struct list run;        /* [r] */
    struct waiter wait;     /* see waitq.h */
    struct waiter *waiter;  /* [s] wait, or that of a ring's operation */
    struct proc *self;      /* [s] as whom it runs: see struct hart */

    struct proc *parent;   /* [t] */
    struct list children;  /* [t] */
    struct list siblings;  /* [t] in parent's children */
    long wait_pid;         /* [t] whom it waits for; 0: nobody */
    struct exit_info exit; /* [t] once ended; pid: from the beginning */
    uint32_t end_code;     /* [t] if killed by its own exit, else 0: see */
                           /* proc_exit_soon() */
    uint64_t run_ticks;    /* [a] time on harts, up to the last switch */
    char name[32];         /* [t] */

    struct vm vm;                 /* [s] */
    uint32_t stale_harts;         /* [a] harts whose TLB may know its ASID */
    uint64_t heap_end, stack_low; /* [s] addresses */
    struct list mappings;         /* [h] of regions: see sys/mapping.h */
    struct parking parking;       /* see waitq.h */
    struct ring *ring;            /* [s] see sys/ring.h */
    bool polled;                  /* [a] other harts run as it, too */
    void *page;                   /* [I] room for one message that waits */
    struct handle_table *handles; /* [I] one page, [h] inside */
    struct spinlock handles_lock; /* h */
    uint32_t handles_free;        /* [h] first free slot of the table */
    uint32_t handles_used;        /* [h] also read without */
    bool handles_closed;          /* [h] ending: nothing may be installed */
    struct hnode *regions[8];     /* [h] handles to regions, by object id */
    struct list events;           /* [s] of its calls, to be sent */
    struct list subscriptions;    /* [h] through its handles */
    uint32_t subscription_count;  /* [h] */
    uint32_t events_unread;       /* [a] of its subscriptions, or not sent */
    uint64_t reply[26];           /* one reply handle's memory: ipc/port.c */
    bool reply_rests;             /* [a] it is no object at the moment */
    void *noted[HART_HAZARDS];    /* [n] while it is paused: see inject.c */
};
_Static_assert(offsetof(struct proc, work) == 24, "vector.S");
_Static_assert(offsetof(struct proc, tf) == 32, "vector.S");
_Static_assert(offsetof(struct trapframe, hart) == 256, "vector.S");

static inline struct proc *this_proc(void)
{
    return this_hart()->proc;
}

/* Whose stack it is: another one's than this_proc()'s in a ring's poller. */
static inline struct proc *this_thread(void)
{
    return this_hart()->thread;
}

static inline bool proc_killed(void)
{
    return load_relaxed(&this_proc()->work) & WORK_KILLED;
}

extern struct spinlock tree_lock; /* parents, children, pids, free slots */
extern uint32_t proc_count;       /* [t] processes with a pid */

/* Make the process table in zeroed memory; takes pages for each slot. */
void proc_init(struct proc *table, uint32_t slots);

/* A kernel thread; it has no pid. At boot only. */
struct proc *proc_thread(const char *name, void (*body)(void));

/* A new process with an empty address space, for proc_start() or
 * proc_discard(). Returns: 0 and *out; -E_NFILE; -E_NOMEM. */
long proc_new(struct proc **out) MUST_CHECK;
void proc_discard(struct proc *p);

/* Make it visible, a child of parent (NULL: init), ready. Returns: its pid. */
long proc_start(struct proc *p, struct proc *parent);

/* End the running process, whose handles are already closed. */
NORETURN void proc_exit(uint32_t reason, long code, uint64_t cause,
                        uint64_t addr);

/* End p, as which the poller runs, by an exit with this code, as soon as it is
 * on its own. */
void proc_exit_soon(struct proc *p, uint32_t code);

/* Called by whoever got the hart after p's last switch: P3 holds now. */
void proc_gone(struct proc *p);

/* Find an ended child. Sleeps: yes. Returns: 0 and *child; -E_CHILD; -E_AGAIN;
 * -E_TIMEDOUT; -E_CANCELED. Then reap it. Returns: its pid. */
long proc_wait(long pid, uint64_t timeout, struct proc **child) MUST_CHECK;
long proc_reap(struct proc *child);

/* End the waits of all that call this object. Locks: the object's is held. */
void proc_end_calls(const void *called, int result);

/* Processes whose reply rests. */
uint32_t proc_resting(void);

/* Has a process that is paused noted the node (inject.c)? */
bool proc_noted(const void *node);

/* Mark a process killed, wake or interrupt it.
 * Returns: 0; -E_SRCH; -E_ACCES for a process that is no descendant. */
long proc_kill(long pid);

/* The process with this pid. Returns: 0 and *out; -E_SRCH; -E_ACCES when it is
 * no descendant of the caller. */
long proc_find_descendant(long pid, struct proc **out) REQUIRES(&tree_lock);

/* Fill *out for pid, or for the smallest pid >= -pid. Returns: 0, -E_SRCH. */
long proc_describe(long pid, struct proc_info *out);

/* Ctrl-C: kill what the shell waits for. With `shell`, init's child is one; so
 * is whatever is called sh. Returns: whether there was something. */
bool proc_kill_foreground(bool shell);
