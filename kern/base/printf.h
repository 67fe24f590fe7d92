/*
 * Text for people. The console is written by kprintf, and by the console
 * driver with the lock below held: else a kernel line could land inside a
 * program's doubled 0x01. The lock is the last of all: nothing is taken and
 * nobody sleeps under it.
 */
#pragma once

#include "base/format.h"

#include <stdint.h>

/*
 * Write one kernel line, framed as 0x01 text '\n', before returning. What is
 * not printable ASCII becomes '?', so that no name a program chose can forge
 * a line; more than 255 bytes are cut. Give no '\n' yourself.
 * Locks: takes the console's. Sleeps: no.
 */
void kprintf(const char *format, ...) FORMAT(1, 2);
void vkprintf(const char *format, va_list args) FORMAT(1, 0);

/*
 * Keep the console to oneself, interrupts off meanwhile. Returns: what
 * console_unlock wants back.
 */
uint64_t console_lock(void);
void console_unlock(uint64_t interrupts);

/*
 * For panic alone: take the console from whoever has it, for good. From then on
 * the lock lets this hart pass and holds all others.
 */
void console_seize(void);
