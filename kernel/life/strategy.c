/* Which strategy is in force: chosen once, at boot, before the second address space is born. */
#include <kern/life.h>
#include <kern/string.h>

#include "life_private.h"

static const struct lazy_strategy *const strategies[] = {
	&lazy_refcount, /* the default */
	&lazy_refcount_26,
	&lazy_eager,
	&lazy_shootdown,
	&lazy_hazard_ipi,
	&lazy_hazard,
};

const struct lazy_strategy *lazy = &lazy_refcount;

static const char *names[ARRAY_LEN(strategies) + 1];

const char *const *life_strategies(void)
{
	for (size_t i = 0; i < ARRAY_LEN(strategies); i++)
		names[i] = strategies[i]->name;
	return names;
}

bool life_init(const char *strategy)
{
	mm_cache_init();
	task_cache_init();
	if (!strategy)
		return true;
	for (size_t i = 0; i < ARRAY_LEN(strategies); i++) {
		if (strcmp(strategies[i]->name, strategy) == 0) {
			lazy = strategies[i];
			return true;
		}
	}
	return false;
}
