/* The serial console: where the log goes on machines with a 16550 at the first port. */
#ifndef KERN_UART_H
#define KERN_UART_H

#include <kern/types.h>

/*
 * Looks for the device and makes it a log sink, once; further calls do nothing. Option
 * `console=off` keeps it away (until a panic), `console=uart` is the default.
 * Context: boot.
 */
void uart_console_init(void);

/* The same whatever the option says. Context: panic, one CPU. */
void uart_console_force(void);

#endif
