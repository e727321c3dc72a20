/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* Preloaded before a program: refuses memory to libnl, and to recvmmsg(2), by which
 * a watch reads its socket, for as long as the file exists that the variable
 * REFUSE_MEMORY names. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static int is_refusing(void)
{
	const char *file = getenv("REFUSE_MEMORY");

	return file && access(file, F_OK) == 0;
}

static int is_refused(const void *caller)
{
	Dl_info info;

	return dladdr(caller, &info) && info.dli_fname &&
	       strstr(info.dli_fname, "libnl") && is_refusing();
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

int recvmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags,
	     struct timespec *timeout)
{
	if (is_refusing()) {
		errno = ENOMEM;
		return -1;
	}
	return syscall(SYS_recvmmsg, fd, messages, count, flags, timeout);
}
