/* wait(2), waitid(2): numbers of Linux. */
#ifndef UAPI_WAIT_H
#define UAPI_WAIT_H

#define WNOHANG	   0x00000001
#define WUNTRACED  0x00000002
#define WSTOPPED   WUNTRACED
#define WEXITED	   0x00000004
#define WCONTINUED 0x00000008
#define WNOWAIT	   0x01000000
#define WNOTHREAD_ 0x20000000  /* __WNOTHREAD: children of this thread only */
#define WALL_	   0x40000000  /* __WALL: whatever their exit signal */
#define WCLONE_	   0x80000000U /* __WCLONE: only those whose exit signal is not SIGCHLD */

#define P_ALL	0
#define P_PID	1
#define P_PGID	2
#define P_PIDFD 3

/* Wait status: low byte 0x7f: stopped by the signal in the next byte; 0xffff: continued; else the
 * low seven bits are the killing signal (0x80: dumped core), or 0 and the exit code above. */
#define WAIT_STATUS_EXIT(code)	 (((code)&0xff) << 8)
#define WAIT_STATUS_STOP(signal) (((signal) << 8) | 0x7f)
#define WAIT_STATUS_CONTINUED	 0xffff
#define WAIT_STATUS_CORE	 0x80

#endif
