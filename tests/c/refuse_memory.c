/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* Preloaded before a program: refuses memory to libnl, and to nobody else, for
 * as long as the file exists that the variable REFUSE_MEMORY names. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int is_refused(const void *caller)
{
	const char *file = getenv("REFUSE_MEMORY");
	Dl_info info;

	return file && dladdr(caller, &info) && info.dli_fname &&
	       strstr(info.dli_fname, "libnl") && access(file, F_OK) == 0;
}

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t number, size_t size);
extern void *__libc_realloc(void *memory, size_t size);

void *malloc(size_t size)
{
	if (is_refused(__builtin_return_address(0))) {
		errno = ENOMEM;
		return NULL;
	}
	return __libc_malloc(size);
}

void *calloc(size_t number, size_t size)
{
	if (is_refused(__builtin_return_address(0))) {
		errno = ENOMEM;
		return NULL;
	}
	return __libc_calloc(number, size);
}

void *realloc(void *memory, size_t size)
{
	if (is_refused(__builtin_return_address(0))) {
		errno = ENOMEM;
		return NULL;
	}
	return __libc_realloc(memory, size);
}
