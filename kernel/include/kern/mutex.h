/* Sleeping locks (rank 4). Context: where sleeping is allowed; asserted. */
#ifndef KERN_MUTEX_H
#define KERN_MUTEX_H

#include <kern/wait.h>

struct LOCK_TYPE("mutex") mutex {
	struct task_struct *owner; /* [atomic] NULL: free */
	uint32_t nr_waiters;	   /* [atomic] */
	uint32_t owner_cpu;	   /* [atomic] where the owner was when it took it */
	struct task_struct *heir;  /* [queue.lock] waited long enough: the next owner */
	struct wait_queue queue;
};
void mutex_init(struct mutex *mutex);
void mutex_lock(struct mutex *mutex) ACQUIRES(*mutex);
/* -ERESTARTSYS: a fatal signal came first. */
MUST_USE int mutex_lock_killable(struct mutex *mutex) TRY_ACQUIRES(false, *mutex);
MUST_USE bool mutex_trylock(struct mutex *mutex) TRY_ACQUIRES(true, *mutex);
/* Touches the mutex until it returns: another holder must not free it before that. */
void mutex_unlock(struct mutex *mutex) RELEASES(*mutex);
/* By the caller. */
bool mutex_is_held(const struct mutex *mutex);

/* Many readers or one writer; writers are not starved; a reader must not nest. Uncontended paths
 * are one atomic each. */
struct LOCK_TYPE("rwsem") rwsem {
	uint64_t state;		    /* [atomic] see sched/rwsem.c */
	struct task_struct *writer; /* [atomic] compared only */
	uint32_t writer_cpu;	    /* [atomic] where the writer was when it took it */
	struct spinlock wait_lock;
	struct list_node waiters; /* [wait_lock] in order of arrival */
};
void rwsem_init(struct rwsem *sem);
/* The killable ones: -ERESTARTSYS, a fatal signal came first. */
void rwsem_read_lock(struct rwsem *sem) NO_LOCK_ANALYSIS;
MUST_USE int rwsem_read_lock_killable(struct rwsem *sem) NO_LOCK_ANALYSIS;
MUST_USE bool rwsem_read_trylock(struct rwsem *sem) NO_LOCK_ANALYSIS;
void rwsem_read_unlock(struct rwsem *sem) NO_LOCK_ANALYSIS;
void rwsem_write_lock(struct rwsem *sem) ACQUIRES(*sem);
MUST_USE int rwsem_write_lock_killable(struct rwsem *sem) TRY_ACQUIRES(false, *sem);
void rwsem_write_unlock(struct rwsem *sem) RELEASES(*sem);
/* From writer to reader without letting another writer in. */
void rwsem_downgrade(struct rwsem *sem) RELEASES(*sem) NO_LOCK_ANALYSIS;
/* By the caller / by anybody, for reading or writing. */
bool rwsem_is_write_held(const struct rwsem *sem);
bool rwsem_is_held(const struct rwsem *sem);

#endif
