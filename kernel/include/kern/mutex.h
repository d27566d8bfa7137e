/* Sleeping locks (rank 4). Context: where sleeping is allowed; asserted. */
#ifndef KERN_MUTEX_H
#define KERN_MUTEX_H

#include <kern/wait.h>

struct LOCK_TYPE("mutex") mutex {
	struct task_struct *owner; /* [atomic] NULL: free */
	uint32_t nr_waiters;	   /* [atomic] */
	struct wait_queue queue;
};
void mutex_init(struct mutex *mutex);
void mutex_lock(struct mutex *mutex) ACQUIRES(*mutex);
/* -EINTR: a fatal signal came first. */
MUST_USE int mutex_lock_killable(struct mutex *mutex) NO_LOCK_ANALYSIS;
MUST_USE bool mutex_trylock(struct mutex *mutex) TRY_ACQUIRES(true, *mutex);
void mutex_unlock(struct mutex *mutex) RELEASES(*mutex);
bool mutex_is_held(const struct mutex *mutex);

/* Many readers or one writer; writers are not starved; a reader must not nest. Uncontended paths
 * are one atomic each. */
struct LOCK_TYPE("rwsem") rwsem {
	int64_t state; /* [atomic] see sched/rwsem.c */
	struct task_struct *writer; /* [atomic] for asserts */
	struct wait_queue queue;
};
void rwsem_init(struct rwsem *sem);
void rwsem_read_lock(struct rwsem *sem) NO_LOCK_ANALYSIS;
MUST_USE int rwsem_read_lock_killable(struct rwsem *sem) NO_LOCK_ANALYSIS;
MUST_USE bool rwsem_read_trylock(struct rwsem *sem) NO_LOCK_ANALYSIS;
void rwsem_read_unlock(struct rwsem *sem) NO_LOCK_ANALYSIS;
void rwsem_write_lock(struct rwsem *sem) ACQUIRES(*sem);
MUST_USE int rwsem_write_lock_killable(struct rwsem *sem) NO_LOCK_ANALYSIS;
void rwsem_write_unlock(struct rwsem *sem) RELEASES(*sem);
void rwsem_downgrade(struct rwsem *sem) NO_LOCK_ANALYSIS;
bool rwsem_is_write_held(const struct rwsem *sem);
bool rwsem_is_held(const struct rwsem *sem);

#endif
