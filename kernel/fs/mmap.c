/* mmap(2): turns a descriptor into the object that an area maps; the rest is mm/. And the calls that
 * bring file contents to safety, which memory has nothing to do for. Context: task, may sleep. */
#include <kern/fs.h>
#include <kern/mm.h>
#include <kern/sys_fs.h>
#include <kern/task.h>
#include <uapi/errno.h>
#include <uapi/mman.h>

static int request_of_flags(unsigned long prot, unsigned long flags, struct area_request *request)
{
	static const struct {
		unsigned long flag;
		uint32_t area;
	} bits[] = {{MAP_GROWSDOWN, AREA_GROWSDOWN},
		    {MAP_NORESERVE, AREA_NORESERVE},
		    {MAP_LOCKED, AREA_LOCKED}};

	request->flags = (uint32_t)prot & AREA_PROT;
	for (size_t i = 0; i < ARRAY_LEN(bits); i++) {
		if (flags & bits[i].flag)
			request->flags |= bits[i].area;
	}
	request->is_fixed = flags & (MAP_FIXED | MAP_FIXED_NOREPLACE);
	request->is_noreplace = flags & MAP_FIXED_NOREPLACE;
	request->is_populate = (flags & (MAP_POPULATE | MAP_LOCKED)) && !(flags & MAP_NONBLOCK);
	switch (flags & MAP_TYPE) {
	case MAP_PRIVATE:
		break;
	case MAP_SHARED_VALIDATE:
		if (flags & MAP_SYNC)
			return -EOPNOTSUPP;
		request->flags |= AREA_SHARED;
		break;
	case MAP_SHARED:
		request->flags |= AREA_SHARED;
		break;
	default:
		return -EINVAL;
	}
	return flags & MAP_HUGETLB ? -ENOMEM : 0; /* none were set aside */
}

static long map_file(int fd, struct area_request *request)
{
	struct fd_ref ref = fd_borrow(fd);
	long result;

	if (!ref.file)
		return -EBADF;
	result = file_map_request(ref.file, request);
	if (!result)
		result = area_map(current->mm, request);
	fd_return(ref);
	return result;
}

long sys_mmap(vaddr_t address, size_t len, unsigned long prot, unsigned long flags, int fd,
	      uint64_t offset)
{
	struct area_request request = {.address = address, .len = len, .pgoff = offset / PAGE_SIZE};
	int error;

	if (!len || offset % PAGE_SIZE)
		return -EINVAL;
	if (len > ARCH_USER_END)
		return -ENOMEM;
	if (offset + len < offset)
		return -EOVERFLOW;
	error = request_of_flags(prot, flags, &request);
	if (error)
		return error;
	if (!(flags & MAP_ANONYMOUS))
		return map_file(fd, &request);
	request.pgoff = 0;
	return area_map(current->mm, &request);
}

/* ---- fsync and its relatives: contents live in memory, there is no further place ---- */

/* 0 for a file with contents of its own, otherwise what the call says of others. */
static long check_fd(int fd, int error_of_others)
{
	struct fd_ref ref = fd_borrow(fd);
	bool has_contents;

	if (!ref.file)
		return -EBADF;
	has_contents = ref.file->inode &&
		       (S_ISREG(ref.file->inode->mode) || S_ISDIR(ref.file->inode->mode));
	fd_return(ref);
	return has_contents ? 0 : error_of_others;
}

long sys_fsync(int fd)
{
	return check_fd(fd, -EINVAL);
}

long sys_fdatasync(int fd)
{
	return check_fd(fd, -EINVAL);
}

long sys_sync(void)
{
	return 0;
}

long sys_syncfs(int fd)
{
	return check_fd(fd, 0);
}

long sys_sync_file_range(int fd, int64_t offset, int64_t len, unsigned flags)
{
	if (offset < 0 || len < 0 || (flags & ~7U))
		return -EINVAL;
	return check_fd(fd, -ESPIPE);
}

long sys_fadvise64(int fd, int64_t offset, int64_t len, int advice)
{
	enum { ADVICE_MAX = 5 };

	if (advice < 0 || advice > ADVICE_MAX || len < 0)
		return -EINVAL;
	return check_fd(fd, -ESPIPE);
}

long sys_readahead(int fd, int64_t offset, size_t len)
{
	return check_fd(fd, -EINVAL);
}
