/* /etc/ld.so.cache: where glibc's ldconfig(8) noted the libraries of the configured directories. */
#ifndef CLI_LD_CACHE_H
#define CLI_LD_CACHE_H

#define LD_CACHE_PATH "/etc/ld.so.cache"

/* The path of an x86-64 library of that name, or NULL. The cache is read at the first call. */
const char *ld_cache_find(const char *name);

#endif
