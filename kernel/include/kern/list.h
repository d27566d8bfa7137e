/* Circular doubly linked lists, the node inside the object. No locks of their own. */
#ifndef KERN_LIST_H
#define KERN_LIST_H

#include <kern/types.h>

struct list_node {
	struct list_node *next, *prev;
};

#define LIST_INIT(name)          \
	{                        \
		&(name), &(name) \
	}

static inline void list_init(struct list_node *head)
{
	head->next = head;
	head->prev = head;
}

static inline bool list_is_empty(const struct list_node *head)
{
	return head->next == head;
}

static inline void list_insert_between(struct list_node *node, struct list_node *prev,
				       struct list_node *next)
{
	next->prev = node;
	node->next = next;
	node->prev = prev;
	prev->next = node;
}

static inline void list_add(struct list_node *head, struct list_node *node)
{
	list_insert_between(node, head, head->next);
}

static inline void list_add_tail(struct list_node *head, struct list_node *node)
{
	list_insert_between(node, head->prev, head);
}

/* Afterwards the node is an empty list of its own: removing it twice does no harm. */
static inline void list_remove(struct list_node *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}

/* Moves all of from's nodes to the tail of to; from is empty afterwards. */
static inline void list_splice_tail(struct list_node *to, struct list_node *from)
{
	if (list_is_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	list_init(from);
}

#define list_entry(node, type, member) container_of(node, type, member)
#define list_first(head, type, member) list_entry((head)->next, type, member)
#define list_last(head, type, member)  list_entry((head)->prev, type, member)

#define list_for_each_entry(pos, head, member)                                         \
	for (pos = list_first(head, __typeof__(*pos), member); &pos->member != (head); \
	     pos = list_first(&pos->member, __typeof__(*pos), member))

/* pos may be removed and freed in the body. */
#define list_for_each_entry_safe(pos, tmp, head, member)              \
	for (pos = list_first(head, __typeof__(*pos), member),        \
	    tmp = list_first(&pos->member, __typeof__(*pos), member); \
	     &pos->member != (head);                                  \
	     pos = tmp, tmp = list_first(&tmp->member, __typeof__(*tmp), member))

#endif
