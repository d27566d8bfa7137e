/*
 * printf-style formatting: d i u x X o c s p % with flags, width, precision, and hh h l ll z j t.
 * No floating point. Bounds and return value as snprintf (C17 7.21.6.5).
 */
#ifndef KERN_FORMAT_H
#define KERN_FORMAT_H

#include <kern/types.h>

PRINTF(3, 4) int format_string(char *buf, size_t size, const char *format, ...);
int format_string_v(char *buf, size_t size, const char *format, va_list args);

#endif
