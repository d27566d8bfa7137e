/* The user's terminal: raw while the guest owns it, and put back however the command ends. */
#ifndef CLI_TERMINAL_H
#define CLI_TERMINAL_H

#include <stdbool.h>

/* Standard input is a terminal: makes it raw. terminal_restore() undoes it, any number of times. */
void terminal_make_raw(void);
void terminal_restore(void);
/* false: unknown. */
bool terminal_size(unsigned *rows, unsigned *cols);
/* A descriptor to write to the terminal. */
int terminal_output(void);

#endif
