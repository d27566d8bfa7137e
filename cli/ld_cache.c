/*
 * The cache's second format, "glibc-ld.so.cache1.1": a header of 48 bytes, entries of 24, and
 * strings. It may stand behind an older table in the same file; offsets count from its own header.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ld_cache.h"

enum { CACHE_X86_64 = 0x0303 }; /* flags of an entry: ELF, libc6, 64 bits */

struct cache_header {
	char magic[20];
	uint32_t nr_entries, strings_len, flags, extension, unused[3];
};

struct cache_entry {
	uint32_t flags, name, path, os_version;
	uint64_t hwcap;
};

static const char *cache;
static size_t cache_len;

static void cache_load(void)
{
	static const char magic[20] = "glibc-ld.so.cache1.1";
	int fd = open(LD_CACHE_PATH, O_RDONLY | O_CLOEXEC);
	const char *start;
	struct stat st;
	void *bytes;

	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && st.st_size > 0) {
		bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		start = bytes == MAP_FAILED
				? NULL
				: memmem(bytes, (size_t)st.st_size, magic, sizeof(magic));
		if (start) {
			cache = start;
			cache_len = (size_t)st.st_size - (size_t)(start - (const char *)bytes);
		}
	}
	close(fd);
}

static const char *cache_string(uint32_t at)
{
	if (at >= cache_len || !memchr(cache + at, '\0', cache_len - at))
		return NULL;
	return cache + at;
}

const char *ld_cache_find(const char *name)
{
	static int is_loaded;
	struct cache_header header;
	struct cache_entry entry;

	if (!is_loaded++)
		cache_load();
	if (cache_len < sizeof(header))
		return NULL;
	memcpy(&header, cache, sizeof(header));
	for (uint32_t i = 0; i < header.nr_entries; i++) {
		size_t at = sizeof(header) + (size_t)i * sizeof(entry);
		const char *text;

		if (at + sizeof(entry) > cache_len)
			break;
		memcpy(&entry, cache + at, sizeof(entry));
		/* Variants for particular processors are the guest's own choice: none here. */
		if (entry.flags != CACHE_X86_64 || entry.hwcap)
			continue;
		text = cache_string(entry.name);
		if (text && !strcmp(text, name))
			return cache_string(entry.path);
	}
	return NULL;
}
