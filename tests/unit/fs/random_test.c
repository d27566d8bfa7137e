/* The generator of random bytes: its cipher against the standard's example, and that it does not repeat. */
#include "fixture.h"
#include <kern/random.h>
#include "../../../kernel/fs/random.h"

TEST(the_block_function_is_chacha20)
{
	/* RFC 8439, 2.3.2. */
	static const uint32_t key[8] = {0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c,
					0x13121110, 0x17161514, 0x1b1a1918, 0x1f1e1d1c};
	static const uint32_t nonce[3] = {0x09000000, 0x4a000000, 0x00000000};
	static const uint32_t want[16] = {0xe4e7f110, 0x15593bd1, 0x1fdd0f50, 0xc47120a3,
					  0xc7f4d1c7, 0x0368c033, 0x9aaa2204, 0x4e6cd4c3,
					  0x466482d2, 0x09aa9f07, 0x05d7c214, 0xa2028bd9,
					  0xd19c12b5, 0xb94e16de, 0xe883d0cb, 0x4e3c50a2};
	uint32_t out[16];

	chacha20_block(key, 1, nonce, out);
	assert_memory_equal(out, want, sizeof(want));
}

FS_TEST(bytes_do_not_repeat_and_are_all_there)
{
	static uint8_t a[5000], b[5000];
	unsigned counts[256] = {0};

	memset(a, 0, sizeof(a));
	random_bytes(a, sizeof(a));
	random_bytes(b, sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a));
	for (size_t i = 0; i < sizeof(a); i++)
		counts[a[i]]++;
	for (unsigned i = 0; i < 256; i++) /* 19.5 on average */
		assert_true(counts[i] > 2 && counts[i] < 60);
	assert_true(random_u64() != random_u64());
	random_mix(a, sizeof(a));
	random_bytes(a, 1);
	for (size_t len = 0; len < 200; len++) { /* not a byte more than was asked for */
		a[len] = 0xa5;
		random_bytes(a, len);
		assert_int_equal(a[len], 0xa5);
	}
}
