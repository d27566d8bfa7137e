/*
 * Loading an ELF program and its interpreter into an address space under construction: file pages are
 * mapped from the page cache, so text costs nothing until it runs. What the files say is read by
 * elf.c's pure functions; here it is done. Nothing of the old program is touched, so every failure is
 * an ordinary error of execve.
 */
#include <kern/file.h>
#include <kern/kcache.h>
#include <kern/mm.h>
#include <kern/process.h>
#include <kern/string.h>
#include <uapi/errno.h>
#include <uapi/fcntl.h>

#include "exec.h"
#include "task_private.h"

/* What is cleared of a file's last page is written from here. */
static uint8_t zeros[PAGE_SIZE];

/* One file as it is being loaded. */
struct image {
	struct file *file;
	struct elf_header header;
	struct elf_layout layout;
	struct elf64_phdr few[14]; /* most programs' headers fit */
	struct elf64_phdr *phdrs;  /* few, or allocated */
	uint64_t bias;
};

static int read_exactly(struct file *file, void *buf, size_t len, uint64_t pos)
{
	ssize_t got = file_read_kernel(file, buf, len, (int64_t)pos);

	if (got < 0)
		return (int)got;
	return (size_t)got == len ? 0 : -ENOEXEC;
}

static void image_close(struct image *image)
{
	if (image->phdrs != image->few)
		kfree(image->phdrs);
}

static int image_open(struct image *image, struct file *file, const void *head, size_t head_len)
{
	size_t len;
	int err = elf_header_parse(head, head_len, &image->header);

	if (err)
		return err;
	image->file = file;
	image->phdrs = image->few;
	len = image->header.nr_phdrs * sizeof(struct elf64_phdr);
	if (image->header.nr_phdrs > ARRAY_LEN(image->few)) {
		image->phdrs = kmalloc(len, 0);
		if (!image->phdrs)
			return -ENOMEM;
	}
	err = read_exactly(file, image->phdrs, len, image->header.table_offset);
	if (!err)
		err = elf_layout_parse(&image->header, image->phdrs, &image->layout);
	if (err)
		image_close(image);
	return err;
}

/* ---- mapping -------------------------------------------------------------------------------------- */

static int map_checked(struct mm_struct *mm, const struct area_request *request)
{
	long result = area_map(mm, request);

	if (result == -EEXIST)
		return -ENOMEM; /* the stack or another part is there */
	return result < 0 ? (int)result : 0;
}

static int segment_map(struct mm_struct *mm, struct image *image, const struct elf_segment *segment)
{
	struct area_request request = {
		.address = segment->file_start + image->bias,
		.len = segment->file_len,
		.flags = segment->area_flags,
		.pgoff = segment->file_page,
		.is_fixed = true,
		.is_noreplace = true,
	};
	int err = 0;

	if (segment->file_len) {
		err = file_map_request(image->file, &request);
		if (!err)
			err = map_checked(mm, &request);
	}
	if (!err && segment->zero_len) {
		request = (struct area_request){
			.address = segment->zero_start + image->bias,
			.len = segment->zero_len,
			.flags = segment->area_flags,
			.is_fixed = true,
			.is_noreplace = true,
		};
		err = map_checked(mm, &request);
	}
	if (!err && segment->clear_len &&
	    mm_write(mm, segment->clear_start + image->bias, zeros, segment->clear_len) !=
		    segment->clear_len)
		err = -ENOEXEC; /* the file ends before that page, or memory is out */
	return err;
}

static int image_map(struct mm_struct *mm, struct image *image)
{
	struct elf_segment segment;
	unsigned i;
	int err;

	for (i = 0; i < image->header.nr_phdrs; i++) {
		if (!elf_segment_cut(&image->phdrs[i], &segment))
			continue;
		err = segment_map(mm, image, &segment);
		if (err)
			return err;
	}
	return 0;
}

/* Just below where mappings go: where a movable file without a place of its own is put. */
static int place_in_mmap(struct image *image, uintptr_t top)
{
	uint64_t span = image->layout.high - image->layout.low;
	uint64_t base;

	if (span > top)
		return -ENOMEM;
	base = ROUND_DOWN(top - span, image->layout.alignment);
	/* low need not be aligned as asked; only the distance must be. */
	base += image->layout.low & (image->layout.alignment - 1);
	if (base + span > top)
		base -= MIN(base, image->layout.alignment);
	image->bias = base - image->layout.low;
	return 0;
}

static int place_fixed(struct image *image, uintptr_t base)
{
	base = ROUND_UP(base, image->layout.alignment) +
	       (image->layout.low & (image->layout.alignment - 1));
	if (base >= ARCH_USER_END || image->layout.high - image->layout.low > ARCH_USER_END - base)
		return -ENOMEM;
	image->bias = base - image->layout.low;
	return 0;
}

/* ---- the interpreter ---------------------------------------------------------------------------------- */

static int interp_open(struct exec *exec, struct image *program, struct file **result)
{
	size_t len = program->layout.interp_len;
	char *path = kmalloc(len, 0);
	int err;

	if (!path)
		return -ENOMEM;
	err = read_exactly(exec->file, path, len, program->layout.interp_offset);
	if (!err && path[len - 1] != '\0')
		err = -ENOEXEC;
	if (!err)
		err = file_open_exec(AT_FDCWD, path, 0, result);
	kfree(path);
	return err;
}

static int interp_load(struct exec *exec, struct image *program)
{
	char head[sizeof(struct elf64_ehdr)];
	struct image interp;
	struct file *file;
	int err = interp_open(exec, program, &file);

	if (err)
		return err;
	err = read_exactly(file, head, sizeof(head), 0);
	if (!err)
		err = image_open(&interp, file, head, sizeof(head));
	if (err == -ENOEXEC)
		err = -ELIBBAD;
	if (err)
		goto put;
	interp.bias = 0;
	if (interp.header.is_movable)
		err = place_in_mmap(&interp, exec->places.mmap_top);
	if (!err)
		err = image_map(exec->mm, &interp);
	exec->interp_base = interp.layout.low + interp.bias;
	exec->start = interp.header.entry + interp.bias;
	image_close(&interp);
put:
	file_put(file);
	return err;
}

/* ---- the program ---------------------------------------------------------------------------------------- */

static void contents_note(struct exec *exec, const struct image *image)
{
	struct mm_contents *contents = exec->mm->contents;
	const struct elf_layout *layout = &image->layout;
	uint64_t end = layout->bss_end + image->bias;

	contents->code_start = layout->code_start + image->bias;
	contents->code_end = layout->code_end + image->bias;
	contents->data_start = layout->data_start + image->bias;
	contents->data_end = layout->data_end + image->bias;
	/* A movable program without interpreter lies among the mappings: its heap needs room. */
	if (image->header.is_movable && !layout->interp_len)
		end = exec->places.image_base;
	contents->brk_start = ROUND_UP(end, PAGE_SIZE) + exec->places.brk_gap;
	contents->brk = contents->brk_start;
}

static int image_place(struct exec *exec, struct image *image)
{
	image->bias = 0;
	if (!image->header.is_movable)
		return 0;
	if (image->layout.interp_len)
		return place_fixed(image, exec->places.image_base);
	return place_in_mmap(image, exec->places.mmap_top);
}

int elf_load(struct exec *exec)
{
	struct image image;
	int err = image_open(&image, exec->file, exec->head, exec->head_len);

	if (err)
		return err;
	err = image_place(exec, &image);
	if (!err)
		err = image_map(exec->mm, &image);
	if (err)
		goto out;
	exec->layout = image.layout;
	exec->bias = image.bias;
	exec->nr_phdrs = image.header.nr_phdrs;
	exec->entry = image.header.entry + image.bias;
	exec->start = exec->entry;
	exec->interp_base = 0;
	contents_note(exec, &image);
	if (image.layout.interp_len)
		err = interp_load(exec, &image);
out:
	image_close(&image);
	return err;
}
