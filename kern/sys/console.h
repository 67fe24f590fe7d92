/* The console: two queues and two kernel threads behind them. */
#pragma once

#include "base/kern.h"

struct proc;

/* Make the queues and the threads. `raw`: no terminal, so no echo and no line
 * editing. */
void console_init(bool raw);

/* Give init its standard streams: handles 0, 1 and 2. */
void console_give_streams(struct proc *init);

/* The UART's interrupt came. */
void console_interrupt(void);

/* Sleep until all that was sent to the output queue has left the machine. */
void console_drain(void);
