/* Device vectors. */
#ifndef X86_VECTORS_H
#define X86_VECTORS_H

#include <arch/irq_line.h>

/* A free vector, given to a handler; or -ENOSPC. Context: task or boot. */
MUST_USE int vector_alloc(irq_handler_fn *handler, void *arg);
/* Takes one back that no interrupt can come from. */
void vector_free(unsigned vector);

#endif
