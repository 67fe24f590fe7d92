/* Interrupts as messages: a line is bound to a queue through the SYSTEM object.
 */
#pragma once

#include "base/kobj.h"

/* Of the SYSTEM object. */
extern const struct kobj_ops system_ops;

/* Devices interrupt this hart. */
void irq_interrupts(void);
