/*
 * What the undefined behaviour sanitizer calls (gcc, -fsanitize=undefined; the structures are
 * libsanitizer's interface). Every finding is a panic at the line it names. No state; any context.
 * Builds without the sanitizer call nothing in here, and the link drops it.
 */
#include <kern/assert.h>

struct source_location {
	const char *file;
	uint32_t line, column;
};

struct type_descriptor {
	uint16_t kind, info;
	char name[];
};

/* Common to most records: where, and of which type. */
struct typed_record {
	struct source_location location;
	const struct type_descriptor *type;
};

struct mismatch_record {
	struct source_location location;
	const struct type_descriptor *type;
	uint8_t log_alignment, kind;
};

struct bounds_record {
	struct source_location location;
	const struct type_descriptor *array, *index;
};

struct shift_record {
	struct source_location location;
	const struct type_descriptor *left, *right;
};

static NORETURN void fail(const struct source_location *at, const char *what, const char *type,
			  uintptr_t a, uintptr_t b)
{
	panic_at(at->file, (int)at->line, "undefined behaviour: %s (%s, %#lx, %#lx)", what, type, a,
		 b);
}

void __ubsan_handle_type_mismatch_v1(const struct mismatch_record *r, uintptr_t pointer);
void __ubsan_handle_type_mismatch_v1(const struct mismatch_record *r, uintptr_t pointer)
{
	fail(&r->location, pointer ? "access to too small an object" : "access through NULL",
	     r->type->name, pointer, 0);
}

void __ubsan_handle_out_of_bounds(const struct bounds_record *r, uintptr_t index);
void __ubsan_handle_out_of_bounds(const struct bounds_record *r, uintptr_t index)
{
	fail(&r->location, "array index out of bounds", r->array->name, index, 0);
}

void __ubsan_handle_shift_out_of_bounds(const struct shift_record *r, uintptr_t left,
					uintptr_t right);
void __ubsan_handle_shift_out_of_bounds(const struct shift_record *r, uintptr_t left,
					uintptr_t right)
{
	fail(&r->location, "shift out of bounds", r->left->name, left, right);
}

void __ubsan_handle_pointer_overflow(const struct source_location *at, uintptr_t base,
				     uintptr_t result);
void __ubsan_handle_pointer_overflow(const struct source_location *at, uintptr_t base,
				     uintptr_t result)
{
	fail(at, "pointer arithmetic overflows", "pointer", base, result);
}

void __ubsan_handle_load_invalid_value(const struct typed_record *r, uintptr_t value);
void __ubsan_handle_load_invalid_value(const struct typed_record *r, uintptr_t value)
{
	fail(&r->location, "load of a value that the type has not", r->type->name, value, 0);
}

void __ubsan_handle_nonnull_arg(const struct source_location *at);
void __ubsan_handle_nonnull_arg(const struct source_location *at)
{
	fail(at, "NULL argument where none may be", "pointer", 0, 0);
}

void __ubsan_handle_invalid_builtin(const struct source_location *at);
void __ubsan_handle_invalid_builtin(const struct source_location *at)
{
	fail(at, "bit search in 0", "integer", 0, 0);
}

void __ubsan_handle_builtin_unreachable(const struct source_location *at);
void __ubsan_handle_builtin_unreachable(const struct source_location *at)
{
	fail(at, "unreachable code reached", "none", 0, 0);
}

void __ubsan_handle_vla_bound_not_positive(const struct typed_record *r, uintptr_t bound);
void __ubsan_handle_vla_bound_not_positive(const struct typed_record *r, uintptr_t bound)
{
	fail(&r->location, "array of no size", r->type->name, bound, 0);
}

#define ARITHMETIC(operation)                                                                    \
	void __ubsan_handle_##operation##_overflow(const struct typed_record *r, uintptr_t left, \
						   uintptr_t right);                             \
	void __ubsan_handle_##operation##_overflow(const struct typed_record *r, uintptr_t left, \
						   uintptr_t right)                              \
	{                                                                                        \
		fail(&r->location, #operation " overflows", r->type->name, left, right);         \
	}
ARITHMETIC(add)
ARITHMETIC(sub)
ARITHMETIC(mul)
ARITHMETIC(divrem)
ARITHMETIC(negate)
