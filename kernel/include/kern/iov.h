/*
 * struct iov_iter (rank 6): the other end of a read or write, in kernel memory or in user memory,
 * in one piece or several. It is consumed from its front. fs/iov.c
 */
#ifndef KERN_IOV_H
#define KERN_IOV_H

#include <kern/types.h>
#include <uapi/uio.h>

struct iov_iter {
	const struct abi_iovec *pieces; /* the one being consumed, and those behind it */
	size_t offset;			/* bytes of the first piece that are consumed */
	size_t left; /* bytes in all; never more than RW_COUNT_MAX for user memory */
	bool is_kernel;
	struct abi_iovec single; /* when there is one piece */
	struct abi_iovec *owned; /* to free; NULL: none */
};

/* One piece. The user address is checked when it is touched. */
void iov_init_user(struct iov_iter *iter, void *user, size_t len);
void iov_init_kernel(struct iov_iter *iter, const void *buf, size_t len);
/* nr pieces, copied from the user's array. 0; -EFAULT; -EINVAL (too many, or lengths overflow);
 * -ENOMEM. Ends with iov_destroy (which may also be called on the others). */
MUST_USE int iov_init_vector(struct iov_iter *iter, const struct abi_iovec *user_vec, size_t nr);
void iov_destroy(struct iov_iter *iter);

static inline size_t iov_left(const struct iov_iter *iter)
{
	return iter->left;
}

/* Moves up to len bytes between src or dst and the iterator's front, and consumes what was moved.
 * Returns bytes moved: less than MIN(len, left) means that a user page could not be touched
 * (-EFAULT if it was the first). Context: may fault and sleep. */
MUST_USE size_t iov_copy_to(struct iov_iter *to, const void *src, size_t len);
MUST_USE size_t iov_copy_from(struct iov_iter *from, void *dst, size_t len);
MUST_USE size_t iov_zero(struct iov_iter *to, size_t len);
/* Consumes without touching; gives back what was consumed last (len bytes of the same pieces). */
void iov_advance(struct iov_iter *iter, size_t len);

#endif
