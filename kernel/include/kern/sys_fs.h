/*
 * System calls of files (rank 6). Each does what its manual page in section 2 says; arguments come
 * as the program gave them: user pointers are checked when they are touched.
 */
#ifndef KERN_SYS_FS_H
#define KERN_SYS_FS_H

#include <kern/types.h>
#include <uapi/dirent.h>
#include <uapi/fcntl.h>
#include <uapi/poll.h>
#include <uapi/socket.h>
#include <uapi/stat.h>
#include <uapi/statfs.h>
#include <uapi/time.h>
#include <uapi/uio.h>

/* fs/open.c */
long sys_open(const char *user_path, int flags, unsigned mode);
long sys_creat(const char *user_path, unsigned mode);
long sys_openat(int dirfd, const char *user_path, int flags, unsigned mode);
long sys_openat2(int dirfd, const char *user_path, const struct abi_open_how *user_how,
		 size_t size);
long sys_close(int fd);
long sys_close_range(unsigned first, unsigned last, unsigned flags);

/* fs/rw.c */
long sys_read(int fd, void *user_buf, size_t len);
long sys_write(int fd, const void *user_buf, size_t len);
long sys_pread64(int fd, void *user_buf, size_t len, int64_t pos);
long sys_pwrite64(int fd, const void *user_buf, size_t len, int64_t pos);
long sys_readv(int fd, const struct abi_iovec *user_vec, size_t nr);
long sys_writev(int fd, const struct abi_iovec *user_vec, size_t nr);
long sys_preadv(int fd, const struct abi_iovec *user_vec, size_t nr, uint64_t pos_low,
		uint64_t pos_high);
long sys_pwritev(int fd, const struct abi_iovec *user_vec, size_t nr, uint64_t pos_low,
		 uint64_t pos_high);
long sys_preadv2(int fd, const struct abi_iovec *user_vec, size_t nr, uint64_t pos_low,
		 uint64_t pos_high, int flags);
long sys_pwritev2(int fd, const struct abi_iovec *user_vec, size_t nr, uint64_t pos_low,
		  uint64_t pos_high, int flags);
long sys_lseek(int fd, int64_t offset, int whence);

/* fs/copy.c */
long sys_sendfile(int out_fd, int in_fd, int64_t *user_offset, size_t count);
long sys_copy_file_range(int in_fd, int64_t *user_in_pos, int out_fd, int64_t *user_out_pos,
			 size_t len, unsigned flags);
long sys_splice(int in_fd, int64_t *user_in_pos, int out_fd, int64_t *user_out_pos, size_t len,
		unsigned flags);
long sys_tee(int in_fd, int out_fd, size_t len, unsigned flags);

/* fs/sync.c, fs/mmap.c */
long sys_fsync(int fd);
long sys_fdatasync(int fd);
long sys_sync(void);
long sys_syncfs(int fd);
long sys_sync_file_range(int fd, int64_t offset, int64_t len, unsigned flags);
long sys_fadvise64(int fd, int64_t offset, int64_t len, int advice);
long sys_readahead(int fd, int64_t offset, size_t len);
long sys_mmap(vaddr_t address, size_t len, unsigned long prot, unsigned long flags, int fd,
	      uint64_t offset);

/* fs/fdcalls.c */
long sys_dup(int fd);
long sys_dup2(int old_fd, int new_fd);
long sys_dup3(int old_fd, int new_fd, int flags);
long sys_fcntl(int fd, unsigned command, uintptr_t argument);
long sys_ioctl(int fd, unsigned command, uintptr_t argument);
long sys_flock(int fd, unsigned operation);

/* fs/stat.c */
long sys_stat(const char *user_path, struct abi_stat *user_stat);
long sys_lstat(const char *user_path, struct abi_stat *user_stat);
long sys_fstat(int fd, struct abi_stat *user_stat);
long sys_newfstatat(int dirfd, const char *user_path, struct abi_stat *user_stat, int flags);
long sys_statx(int dirfd, const char *user_path, int flags, unsigned mask,
	       struct abi_statx *user_statx);
long sys_statfs(const char *user_path, struct abi_statfs *user_statfs);
long sys_fstatfs(int fd, struct abi_statfs *user_statfs);
long sys_access(const char *user_path, int mode);
long sys_faccessat(int dirfd, const char *user_path, int mode);
long sys_faccessat2(int dirfd, const char *user_path, int mode, int flags);
long sys_readlink(const char *user_path, char *user_buf, int size);
long sys_readlinkat(int dirfd, const char *user_path, char *user_buf, int size);

/* fs/attr.c */
long sys_chmod(const char *user_path, unsigned mode);
long sys_fchmod(int fd, unsigned mode);
long sys_fchmodat(int dirfd, const char *user_path, unsigned mode);
long sys_chown(const char *user_path, uint32_t uid, uint32_t gid);
long sys_lchown(const char *user_path, uint32_t uid, uint32_t gid);
long sys_fchown(int fd, uint32_t uid, uint32_t gid);
long sys_fchownat(int dirfd, const char *user_path, uint32_t uid, uint32_t gid, int flags);
long sys_utime(const char *user_path, const int64_t *user_times);
long sys_utimes(const char *user_path, const struct abi_timeval *user_times);
long sys_futimesat(int dirfd, const char *user_path, const struct abi_timeval *user_times);
long sys_utimensat(int dirfd, const char *user_path, const struct abi_timespec *user_times,
		   int flags);
long sys_truncate(const char *user_path, int64_t size);
long sys_ftruncate(int fd, int64_t size);
long sys_fallocate(int fd, int mode, int64_t offset, int64_t len);
/* Extended attributes: none are kept; every call says so as such a file system does. */
long sys_xattr_unsupported(void);

/* fs/names.c, fs/rename.c */
long sys_mkdir(const char *user_path, unsigned mode);
long sys_mkdirat(int dirfd, const char *user_path, unsigned mode);
long sys_mknod(const char *user_path, unsigned mode, uint64_t rdev);
long sys_mknodat(int dirfd, const char *user_path, unsigned mode, uint64_t rdev);
long sys_rmdir(const char *user_path);
long sys_unlink(const char *user_path);
long sys_unlinkat(int dirfd, const char *user_path, int flags);
long sys_symlink(const char *user_target, const char *user_path);
long sys_symlinkat(const char *user_target, int dirfd, const char *user_path);
long sys_link(const char *user_from, const char *user_to);
long sys_linkat(int from_dirfd, const char *user_from, int to_dirfd, const char *user_to,
		int flags);
long sys_rename(const char *user_from, const char *user_to);
long sys_renameat(int from_dirfd, const char *user_from, int to_dirfd, const char *user_to);
long sys_renameat2(int from_dirfd, const char *user_from, int to_dirfd, const char *user_to,
		   unsigned flags);

/* fs/readdir.c, fs/fs_struct.c, fs/mountcalls.c */
long sys_getdents(int fd, struct abi_dirent *user_buf, unsigned size);
long sys_getdents64(int fd, struct abi_dirent64 *user_buf, unsigned size);
long sys_chdir(const char *user_path);
long sys_fchdir(int fd);
long sys_chroot(const char *user_path);
long sys_getcwd(char *user_buf, size_t size);
long sys_umask(unsigned mask);
long sys_mount(const char *user_source, const char *user_path, const char *user_type,
	       unsigned long flags, const void *user_options);
long sys_umount2(const char *user_path, int flags);

/* fs/pipe.c, fs/eventfd.c, fs/memfd.c, fs/timerfd.c, fs/signalfd.c, fs/inotify.c, fs/random.c */
long sys_pipe(int32_t *user_fds);
long sys_pipe2(int32_t *user_fds, int flags);
long sys_eventfd(unsigned value);
long sys_eventfd2(unsigned value, int flags);
long sys_memfd_create(const char *user_name, unsigned flags);
long sys_timerfd_create(int clock, int flags);
long sys_timerfd_settime(int fd, int flags, const struct abi_itimerspec *user_new,
			 struct abi_itimerspec *user_old);
long sys_timerfd_gettime(int fd, struct abi_itimerspec *user_current);
long sys_getrandom(void *user_buf, size_t len, unsigned flags);

/* fs/poll.c, fs/select.c, fs/epoll.c */
long sys_poll(struct abi_pollfd *user_fds, unsigned nr, int timeout_ms);
long sys_ppoll(struct abi_pollfd *user_fds, unsigned nr, struct abi_timespec *user_timeout,
	       const uint64_t *user_mask, size_t mask_size);
long sys_select(int nr, uint64_t *user_in, uint64_t *user_out, uint64_t *user_except,
		struct abi_timeval *user_timeout);
long sys_pselect6(int nr, uint64_t *user_in, uint64_t *user_out, uint64_t *user_except,
		  struct abi_timespec *user_timeout, const void *user_mask_argument);
long sys_epoll_create(int size);
long sys_epoll_create1(int flags);
long sys_epoll_ctl(int epoll_fd, int operation, int fd, struct abi_epoll_event *user_event);
long sys_epoll_wait(int epoll_fd, struct abi_epoll_event *user_events, int max, int timeout_ms);
long sys_epoll_pwait(int epoll_fd, struct abi_epoll_event *user_events, int max, int timeout_ms,
		     const uint64_t *user_mask, size_t mask_size);
long sys_epoll_pwait2(int epoll_fd, struct abi_epoll_event *user_events, int max,
		      const struct abi_timespec *user_timeout, const uint64_t *user_mask,
		      size_t mask_size);

/* fs/socket.c, fs/socket_msg.c, fs/socket_option.c */
long sys_socket(int family, int type, int protocol);
long sys_socketpair(int family, int type, int protocol, int32_t *user_fds);
long sys_bind(int fd, const struct abi_sockaddr *user_address, int len);
long sys_listen(int fd, int backlog);
long sys_accept(int fd, struct abi_sockaddr *user_address, int32_t *user_len);
long sys_accept4(int fd, struct abi_sockaddr *user_address, int32_t *user_len, int flags);
long sys_connect(int fd, const struct abi_sockaddr *user_address, int len);
long sys_getsockname(int fd, struct abi_sockaddr *user_address, int32_t *user_len);
long sys_getpeername(int fd, struct abi_sockaddr *user_address, int32_t *user_len);
long sys_shutdown(int fd, int how);
long sys_sendto(int fd, const void *user_buf, size_t len, unsigned flags,
		const struct abi_sockaddr *user_address, int address_len);
long sys_recvfrom(int fd, void *user_buf, size_t len, unsigned flags,
		  struct abi_sockaddr *user_address, int32_t *user_address_len);
long sys_sendmsg(int fd, const struct abi_msghdr *user_msg, unsigned flags);
long sys_recvmsg(int fd, struct abi_msghdr *user_msg, unsigned flags);
long sys_sendmmsg(int fd, struct abi_mmsghdr *user_msgs, unsigned nr, unsigned flags);
long sys_recvmmsg(int fd, struct abi_mmsghdr *user_msgs, unsigned nr, unsigned flags,
		  struct abi_timespec *user_timeout);
long sys_getsockopt(int fd, int level, int name, void *user_value, int32_t *user_len);
long sys_setsockopt(int fd, int level, int name, const void *user_value, int len);

#endif
