/* Which strategy is in force: chosen once, at boot, before the second address space is born. */
#include <kern/life.h>
#include <kern/string.h>

#include "life_private.h"

static const struct lazy_strategy *const strategies[] = {
	&lazy_refcount, /* the default */
	&lazy_refcount_26, &lazy_eager, &lazy_shootdown, &lazy_hazard_ipi, &lazy_hazard,
};

const struct lazy_strategy *lazy = &lazy_refcount;

static const char *names[ARRAY_LEN(strategies) + 1];

const char *const *life_strategies(void)
{
	for (size_t i = 0; i < ARRAY_LEN(strategies); i++)
		names[i] = strategies[i]->name;
	return names;
}

static const struct lazy_strategy *strategy_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(strategies); i++)
		if (strcmp(strategies[i]->name, name) == 0)
			return strategies[i];
	return NULL;
}

bool life_init(const char *name)
{
	const struct lazy_strategy *chosen = name ? strategy_find(name) : NULL;

	if (chosen)
		lazy = chosen;
	mm_cache_init();
	task_cache_init();
	return !name || chosen;
}
