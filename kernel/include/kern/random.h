/* Random bytes: one ChaCha20 generator with fast key erasure, fed by the machine (fs/random.c). */
#ifndef KERN_RANDOM_H
#define KERN_RANDOM_H

#include <kern/types.h>

/* Fills buf. Context: any. */
void random_bytes(void *buf, size_t len);
uint64_t random_u64(void);
/* Mixes something unpredictable in: interrupt times, what was written to /dev/urandom. Context:
 * any. */
void random_mix(const void *data, size_t len);

#endif
