/* Interrupts inside the port: local APIC, vectors, timer, messages between CPUs. */
#ifndef X86_IRQ_H
#define X86_IRQ_H

#include <kern/types.h>

/* Serves a vector from 32 on. Context: hard interrupt, interrupts off. */
void irq_serve(unsigned vector, bool from_user);

/* Maps and enables the local APIC; masks the PICs. Context: boot CPU. */
void apic_init(void);
/* Enables the local APIC of this CPU. Context: each CPU, interrupts off. */
void apic_enable(void);
/* This CPU's APIC number. */
uint32_t apic_id(void);
/* Ends the service of an interrupt. */
void apic_eoi(void);

/* Local APIC registers, by their xAPIC offset (SDM vol. 3, 10.4.1). */
uint32_t apic_read(unsigned reg);
void apic_write(unsigned reg, uint32_t value);
/* Sends an interrupt command (low half of the ICR) to an APIC number. Interrupts off. */
void apic_send(uint32_t apic, uint32_t command);

/* The same to several CPUs at once, bit n for CPU n; where there is such a group. Interrupts off. */
bool apic_has_group(void);
void apic_send_group(uint8_t cpus, uint32_t command);

/* True once a panic has told this CPU to stop. */
bool ipi_stop_requested(void);

/* The local APIC's timer interrupt. */
void timer_interrupt(bool from_user);

#endif
