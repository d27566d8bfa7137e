/* Devices that are found at boot (rank 8). */
#ifndef KERN_DRIVERS_H
#define KERN_DRIVERS_H

/* Looks for devices and starts their drivers. Context: task, after all CPUs are up; may sleep. */
void drivers_init(void);

#endif
