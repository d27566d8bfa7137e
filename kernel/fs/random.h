/* ChaCha20's block function, for its test (RFC 8439, 2.3). */
#ifndef FS_RANDOM_H
#define FS_RANDOM_H

#include <kern/types.h>

void chacha20_block(const uint32_t block_key[8], uint32_t counter, const uint32_t nonce[3],
		    uint32_t out[16]);

#endif
