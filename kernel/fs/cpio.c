/*
 * The cpio parser: a state machine over the parts of an entry (header, name, padding, data, padding),
 * each of known length when it begins. No state outside struct cpio. Context: as its sink.
 */
#include "cpio.h"
#include <kern/string.h>
#include <uapi/errno.h>
#include <uapi/stat.h>

enum { FIELD_LEN = 8, MAGIC_LEN = 6, NR_FIELDS = 13 };

void cpio_init(struct cpio *cpio, const struct cpio_sink *sink, void *arg)
{
	memset(cpio, 0, sizeof(*cpio));
	cpio->sink = sink;
	cpio->arg = arg;
	cpio->state = CPIO_BETWEEN;
}

static int damaged(struct cpio *cpio, const char *why)
{
	cpio->why = why;
	return -EINVAL;
}

static void enter(struct cpio *cpio, enum cpio_state state, uint32_t want)
{
	cpio->state = state;
	cpio->have = 0;
	cpio->want = want;
}

/* ---- the header ---- */

static int parse_hex(const char *field, uint32_t *value)
{
	*value = 0;
	for (unsigned i = 0; i < FIELD_LEN; i++) {
		char c = field[i];
		uint32_t digit;

		if (c >= '0' && c <= '9')
			digit = (uint32_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			digit = (uint32_t)(c - 'a' + 10);
		else if (c >= 'A' && c <= 'F')
			digit = (uint32_t)(c - 'A' + 10);
		else
			return -EINVAL;
		*value = *value << 4 | digit;
	}
	return 0;
}

static int take_header(struct cpio *cpio)
{
	struct cpio_entry *entry = &cpio->entry;
	uint32_t checksum, *fields[NR_FIELDS] = {
				   &entry->ino,	       &entry->mode,	   &entry->uid,
				   &entry->gid,	       &entry->nlink,	   &entry->mtime,
				   &entry->size,       &entry->dev_major,  &entry->dev_minor,
				   &entry->rdev_major, &entry->rdev_minor, &cpio->name_len,
				   &checksum,
			   };

	if (memcmp(cpio->header, "070701", MAGIC_LEN) != 0 &&
	    memcmp(cpio->header, "070702", MAGIC_LEN) != 0)
		return damaged(cpio, "no cpio header");
	for (unsigned i = 0; i < NR_FIELDS; i++) {
		if (parse_hex(cpio->header + MAGIC_LEN + i * FIELD_LEN, fields[i]) != 0)
			return damaged(cpio, "a header field is not a number");
	}
	if (cpio->name_len == 0 || cpio->name_len > 2 * PATH_MAX)
		return damaged(cpio, "length of a name out of range");
	entry->name = cpio->name;
	entry->offset = cpio->offset - CPIO_HEADER_LEN;
	enter(cpio, CPIO_NAME, cpio->name_len);
	return 0;
}

/* ---- the entry ---- */

static uint32_t padding_of(uint32_t len)
{
	return (4 - len % 4) % 4;
}

static int end_entry(struct cpio *cpio)
{
	int error = cpio->sink->end(cpio, &cpio->entry);

	if (!error)
		enter(cpio, CPIO_DATA_PAD, padding_of(cpio->entry.size));
	return error;
}

static int take_name(struct cpio *cpio)
{
	/* Behind the NUL there may be more, to align the data. */
	if (!memchr(cpio->name, 0, MIN(cpio->name_len, (uint32_t)PATH_MAX)))
		return damaged(cpio, "a name has no end");
	if (!cpio->name[0])
		return damaged(cpio, "a name is empty");
	enter(cpio, CPIO_NAME_PAD, padding_of(CPIO_HEADER_LEN + cpio->name_len));
	return 0;
}

static int begin_entry(struct cpio *cpio)
{
	int error;

	if (strcmp(cpio->name, "TRAILER!!!") == 0) {
		cpio->sink->trailer(cpio);
		enter(cpio, CPIO_BETWEEN, 0);
		return 0;
	}
	error = cpio->sink->begin(cpio, &cpio->entry);
	if (error)
		return error;
	enter(cpio, CPIO_DATA, cpio->entry.size);
	return 0;
}

/* The present part is complete. */
static int finish_part(struct cpio *cpio)
{
	switch (cpio->state) {
	case CPIO_HEADER:
		return take_header(cpio);
	case CPIO_NAME:
		return take_name(cpio);
	case CPIO_NAME_PAD:
		return begin_entry(cpio);
	case CPIO_DATA:
		return end_entry(cpio);
	default:
		enter(cpio, CPIO_BETWEEN, 0);
		return 0;
	}
}

static int take_piece(struct cpio *cpio, const char *data, uint32_t len)
{
	switch (cpio->state) {
	case CPIO_HEADER:
		memcpy(cpio->header + cpio->have, data, len);
		break;
	case CPIO_NAME:
		if (cpio->have < PATH_MAX)
			memcpy(cpio->name + cpio->have, data,
			       MIN(len, (uint32_t)PATH_MAX - cpio->have));
		break;
	case CPIO_DATA:
		return cpio->sink->data(cpio, &cpio->entry, cpio->have, data, len);
	default:
		break;
	}
	return 0;
}

/* Zeros are skipped; false: something that starts no header. */
static bool skip_between(struct cpio *cpio, const char **data, const char *end)
{
	while (*data < end && **data == 0) {
		(*data)++;
		cpio->offset++;
	}
	if (*data == end)
		return true;
	if (**data != '0')
		return false;
	enter(cpio, CPIO_HEADER, CPIO_HEADER_LEN);
	return true;
}

ssize_t cpio_feed(struct cpio *cpio, const void *bytes, size_t len)
{
	const char *data = bytes, *end = data + len;
	int error = cpio->state == CPIO_FAILED ? -EINVAL : 0;

	while (!error &&
	       (data < end || (cpio->state != CPIO_BETWEEN && cpio->have == cpio->want))) {
		uint32_t step;

		if (cpio->state == CPIO_BETWEEN) {
			if (!skip_between(cpio, &data, end))
				break;
			continue;
		}
		step = (uint32_t)MIN((size_t)(end - data), (size_t)(cpio->want - cpio->have));
		if (step)
			error = take_piece(cpio, data, step);
		if (error)
			break;
		data += step;
		cpio->offset += step;
		cpio->have += step;
		if (cpio->have == cpio->want)
			error = finish_part(cpio);
	}
	if (error) {
		cpio->state = CPIO_FAILED;
		return error;
	}
	return data - (const char *)bytes;
}

int cpio_finish(struct cpio *cpio)
{
	if (cpio->state == CPIO_BETWEEN)
		return 0;
	if (cpio->state != CPIO_FAILED)
		cpio->why = "the archive is cut short";
	cpio->state = CPIO_FAILED;
	return -EINVAL;
}
