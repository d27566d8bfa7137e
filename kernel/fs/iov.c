/*
 * struct iov_iter: moving bytes between the kernel and the pieces that a program named. An iterator
 * belongs to one system call. Context: task; a copy to or from user memory may fault and sleep.
 */
#include <kern/iov.h>
#include <kern/assert.h>
#include <kern/kcache.h>
#include <kern/string.h>
#include <kern/uaccess.h>

void iov_init_user(struct iov_iter *iter, void *user, size_t len)
{
	iter->single.base = (uintptr_t)user;
	iter->single.len = iter->left = MIN(len, RW_COUNT_MAX);
	iter->pieces = &iter->single;
	iter->offset = 0;
	iter->is_kernel = false;
	iter->owned = NULL;
}

void iov_init_kernel(struct iov_iter *iter, const void *buf, size_t len)
{
	iter->single.base = (uintptr_t)buf;
	iter->single.len = iter->left = len;
	iter->pieces = &iter->single;
	iter->offset = 0;
	iter->is_kernel = true;
	iter->owned = NULL;
}

int iov_init_vector(struct iov_iter *iter, const struct abi_iovec *user_vec, size_t nr)
{
	size_t total = 0;
	int error = -EFAULT;

	iov_init_user(iter, NULL, 0);
	if (nr > UIO_MAXIOV)
		return -EINVAL;
	if (nr == 0)
		return 0;
	iter->owned = kmalloc(nr * sizeof(*user_vec), ALLOC_KERNEL);
	if (!iter->owned)
		return -ENOMEM;
	if (copy_from_user(iter->owned, user_vec, nr * sizeof(*user_vec)) != 0)
		goto free_copy;
	for (size_t i = 0; i < nr; i++) {
		struct abi_iovec *piece = &iter->owned[i];
		error = -EINVAL;
		if ((int64_t)piece->len < 0)
			goto free_copy;
		error = -EFAULT;
		if (!user_range_ok((void *)piece->base, piece->len))
			goto free_copy;
		piece->len = MIN(piece->len, RW_COUNT_MAX - total); /* as read(2) cuts one piece */
		total += piece->len;
	}
	iter->pieces = iter->owned;
	iter->left = total;
	return 0;
free_copy:
	kfree(iter->owned);
	iter->owned = NULL;
	return error;
}

void iov_destroy(struct iov_iter *iter)
{
	kfree(iter->owned);
	iter->owned = NULL;
}

void iov_advance(struct iov_iter *iter, size_t len)
{
	assert(len <= iter->left);
	iter->left -= len;
	iter->offset += len;
	while (iter->left && iter->offset >= iter->pieces->len) {
		iter->offset -= iter->pieces->len;
		iter->pieces++;
	}
}

/* What of the first piece can be moved at once; skips empty pieces. */
static size_t front(struct iov_iter *iter, uintptr_t *address, size_t len)
{
	while (iter->left && iter->offset == iter->pieces->len) {
		iter->pieces++;
		iter->offset = 0;
	}
	*address = iter->pieces->base + iter->offset;
	return MIN(len, MIN(iter->left, iter->pieces->len - iter->offset));
}

/* Bytes that could not be touched. */
static size_t touch(const struct iov_iter *iter, uintptr_t address, const void *src, void *dst,
		    size_t len)
{
	if (iter->is_kernel) {
		if (dst)
			memcpy(dst, (const void *)address, len);
		else if (src)
			memcpy((void *)address, src, len);
		else
			memset((void *)address, 0, len);
		return 0;
	}
	if (unlikely(!user_range_ok((void *)address, len)))
		return len;
	if (dst)
		return arch_copy_from_user(dst, (const void *)address, len);
	if (src)
		return arch_copy_to_user((void *)address, src, len);
	return arch_clear_user((void *)address, len);
}

static ALWAYS_INLINE size_t move(struct iov_iter *iter, const void *src, void *dst, size_t len)
{
	size_t done = 0;

	while (done < len && iter->left) {
		uintptr_t address;
		size_t step = front(iter, &address, len - done);
		size_t missed = touch(iter, address, src ? (const char *)src + done : NULL,
				      dst ? (char *)dst + done : NULL, step);

		step -= missed;
		iter->offset += step;
		iter->left -= step;
		done += step;
		if (unlikely(missed))
			break;
	}
	return done;
}

size_t iov_copy_to(struct iov_iter *to, const void *src, size_t len)
{
	return move(to, src, NULL, len);
}

size_t iov_copy_from(struct iov_iter *from, void *dst, size_t len)
{
	return move(from, NULL, dst, len);
}

size_t iov_zero(struct iov_iter *to, size_t len)
{
	return move(to, NULL, NULL, len);
}
