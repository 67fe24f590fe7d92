/* What sanitizer builds (make SAN=...) add to the kernel's own code: nothing,
 * in others. docs/sanitizers.md says what they find. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct spinlock;

/* kasan: physical memory behind the image, from `pa` on, that it takes for
 * itself when that of the machine is known. Returns: where the rest begins. */
uint64_t kasan_reserve(uint64_t pa);

/* kasan: a hart leaves its stack for that of which sp is `sp`. */
void kasan_switch(uint64_t sp);

/* A planted bug, chosen by the boot argument plant=NAME. */
void san_plant(void);

/* lockdep: around spin locks; before what may sleep; when interrupts have been
 * off until now, and are from now on. */
void lockdep_acquire(struct spinlock *lock, uint32_t rank);
void lockdep_release(struct spinlock *lock);
void lockdep_may_sleep(const char *what);
void lockdep_irqs_on(void);
void lockdep_irqs_off(void);

#ifndef SAN_kasan
#define kasan_reserve(pa) (pa)
#define kasan_switch(sp)
#endif

#ifndef SAN
#define san_plant()
#endif

#ifndef SAN_lockdep
#define lockdep_acquire(lock, rank)
#define lockdep_release(lock)
#define lockdep_may_sleep(what)
#define lockdep_irqs_on()
#define lockdep_irqs_off()
#endif
