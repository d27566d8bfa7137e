/* I/O APICs; lines are connected by arch_irq_register. */
#ifndef X86_IOAPIC_H
#define X86_IOAPIC_H

/* Maps them and masks all lines. Context: boot, after machine_find. */
void ioapic_init(void);

#endif
