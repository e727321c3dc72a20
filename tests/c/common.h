/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* What the test programs share. */

#ifndef LINKWATCH_TESTS_COMMON_H
#define LINKWATCH_TESTS_COMMON_H

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "linkwatch.h"

#define CHECK(condition) \
	do { \
		if (!(condition)) \
			check_failed(__FILE__, __LINE__, #condition); \
	} while (0)

#define CHECK_EQ(actual, expected) \
	check_equal(__FILE__, __LINE__, #actual, (long long) (actual), \
		    #expected, (long long) (expected))

static inline void check_failed(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
	exit(1);
}

static inline void check_equal(const char *file, int line,
			       const char *actual_text, long long actual,
			       const char *expected_text, long long expected)
{
	if (actual == expected)
		return;
	fprintf(stderr, "%s:%d: %s is %lld, not %s (%lld)\n", file, line,
		actual_text, actual, expected_text, expected);
	exit(1);
}

static inline void print_event(const struct linkwatch_event *event)
{
	char line[1024];

	CHECK(linkwatch_event_json(event, line, sizeof(line)) < (int) sizeof(line));
	puts(line);
	fflush(stdout);
}

static inline struct linkwatch *new_watch(const char *pattern)
{
	struct linkwatch *watch = NULL;

	CHECK_EQ(linkwatch_new(&watch), 0);
	CHECK(watch != NULL);
	if (pattern)
		CHECK_EQ(linkwatch_add_pattern(watch, pattern), 0);
	return watch;
}

/* A TAP device: a cable that can be pulled. Returns its descriptor; the
 * interface goes when that is closed. */
static inline int make_cable(const char *name)
{
	struct ifreq request;
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	CHECK(fd >= 0);
	memset(&request, 0, sizeof(request));
	strcpy(request.ifr_name, name);
	request.ifr_flags = IFF_TAP | IFF_NO_PI;
	CHECK_EQ(ioctl(fd, TUNSETIFF, &request), 0);
	return fd;
}

static inline void set_carrier(int cable, int carrier)
{
	CHECK_EQ(ioctl(cable, TUNSETCARRIER, &carrier), 0);
}

/* The kernel tells of this at once, other than of a change of carrier. */
static inline void set_up(const char *name, int up)
{
	struct ifreq request;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	CHECK(fd >= 0);
	memset(&request, 0, sizeof(request));
	strcpy(request.ifr_name, name);
	CHECK_EQ(ioctl(fd, SIOCGIFFLAGS, &request), 0);
	request.ifr_flags &= ~IFF_UP;
	if (up)
		request.ifr_flags |= IFF_UP;
	CHECK_EQ(ioctl(fd, SIOCSIFFLAGS, &request), 0);
	close(fd);
}

static inline int make_cable_up(const char *name)
{
	int cable = make_cable(name);

	set_up(name, 1);
	return cable;
}

#endif
