/* Users by kind: what users.c, owner.c and use.c share. The kinds are for the ledger (I5). */
#ifndef MM_USERS_H
#define MM_USERS_H

#include <kern/mm.h>

void mmget_as(struct mm_struct *mm, enum mm_user kind);
void mmput_as(struct mm_struct *mm, enum mm_user kind);

#endif
