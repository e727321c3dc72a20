/*
 * What the watchers in C share: the table of links, the list at the start, and
 * the report at SIGTERM. How they read and parse is each one's own.
 *
 * A report, on standard output:
 *
 *	messages N
 *	overruns N		(ENOBUFS)
 *	link INDEX CONNECTED NAME	(1: up, with carrier)
 *	time NANOSECONDS INDEX CONNECTED	(a change of state, with --times)
 */
#ifndef WATCHER_H
#define WATCHER_H

#include <errno.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define NAME_SIZE 16

struct link {
	int known;
	int connected;
	uint32_t ups;
	uint32_t downs;
	char name[NAME_SIZE];
};

/* What is looked for in a message. */
struct told {
	int index;
	unsigned int flags;
	int carrier; /* -1: not told */
	uint32_t ups;
	uint32_t downs;
	const char *name;
};

static struct link *links;
static int room;
static unsigned long messages, overruns;

static int with_times;
static struct timed {
	uint64_t when;
	int index;
	int connected;
} *times;
static size_t time_count, time_room;

static inline void fail(const char *what)
{
	perror(what);
	exit(1);
}

static inline uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static inline void note_time(int index, int connected)
{
	if (time_count == time_room) {
		time_room = time_room ? 2 * time_room : 4096;
		times = realloc(times, time_room * sizeof(*times));
		if (!times)
			fail("times");
	}
	times[time_count++] = (struct timed){ now(), index, connected };
}

static inline struct link *link_at(int index)
{
	if (index <= 0 || index > 1 << 24)
		return NULL;
	if (index >= room) {
		int larger = index + index / 2 + 64;

		links = realloc(links, larger * sizeof(*links));
		if (!links)
			fail("table");
		memset(links + room, 0, (larger - room) * sizeof(*links));
		room = larger;
	}
	return &links[index];
}

static inline void apply(const struct told *told)
{
	struct link *link;
	int connected;

	if (told->carrier < 0 || !told->name)
		return;
	link = link_at(told->index);
	if (!link)
		return;
	connected = (told->flags & IFF_UP) && told->carrier;
	if (with_times && link->known && connected != link->connected)
		note_time(told->index, connected);
	link->known = 1;
	link->connected = connected;
	link->ups = told->ups;
	link->downs = told->downs;
	if (strcmp(link->name, told->name) != 0)
		snprintf(link->name, sizeof(link->name), "%s", told->name);
}

static inline void removed(int index)
{
	struct link *link = link_at(index);

	if (link)
		link->known = 0;
}

/* The scan that a program writes by hand: one walk over the attributes. */
static inline void scan(const struct nlmsghdr *header)
{
	const struct ifinfomsg *info = NLMSG_DATA(header);
	struct told told = { .carrier = -1 };
	const struct rtattr *attribute;
	int rest;

	if (header->nlmsg_type != RTM_NEWLINK && header->nlmsg_type != RTM_DELLINK)
		return;
	if (header->nlmsg_len < NLMSG_LENGTH(sizeof(*info)))
		return;
	messages++;
	if (info->ifi_family != AF_UNSPEC)
		return;
	if (header->nlmsg_type == RTM_DELLINK) {
		removed(info->ifi_index);
		return;
	}
	told.index = info->ifi_index;
	told.flags = info->ifi_flags;
	attribute = IFLA_RTA(info);
	rest = IFLA_PAYLOAD(header);
	for (; RTA_OK(attribute, rest); attribute = RTA_NEXT(attribute, rest)) {
		switch (attribute->rta_type) {
		case IFLA_IFNAME:
			if (RTA_PAYLOAD(attribute) > 0 &&
			    ((char *)RTA_DATA(attribute))[RTA_PAYLOAD(attribute) - 1] == 0)
				told.name = RTA_DATA(attribute);
			break;
		case IFLA_CARRIER:
			if (RTA_PAYLOAD(attribute) >= 1)
				told.carrier = *(uint8_t *)RTA_DATA(attribute);
			break;
		case IFLA_CARRIER_UP_COUNT:
			if (RTA_PAYLOAD(attribute) >= 4)
				told.ups = *(uint32_t *)RTA_DATA(attribute);
			break;
		case IFLA_CARRIER_DOWN_COUNT:
			if (RTA_PAYLOAD(attribute) >= 4)
				told.downs = *(uint32_t *)RTA_DATA(attribute);
			break;
		}
	}
	apply(&told);
}

/* A datagram may hold several messages. False at the end of a dump. */
static inline int scan_all(const void *buffer, int length)
{
	const struct nlmsghdr *header = buffer;

	for (; NLMSG_OK(header, length); header = NLMSG_NEXT(header, length)) {
		if (header->nlmsg_type == NLMSG_DONE || header->nlmsg_type == NLMSG_ERROR)
			return 0;
		scan(header);
	}
	return 1;
}

/* The raw dump: without statistics, with a large buffer. */
static inline void list_links(void)
{
	struct {
		struct nlmsghdr header;
		struct ifinfomsg info;
		struct rtattr attribute;
		uint32_t mask;
	} request = {
		.header = { .nlmsg_len = sizeof(request), .nlmsg_type = RTM_GETLINK,
			    .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP, .nlmsg_seq = 1 },
		.attribute = { .rta_len = RTA_LENGTH(4), .rta_type = IFLA_EXT_MASK },
		.mask = RTEXT_FILTER_SKIP_STATS,
	};
	static char buffer[64 * 1024];
	unsigned long before = messages;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	ssize_t length;

	if (fd < 0 || send(fd, &request, sizeof(request), 0) < 0)
		fail("listing the links");
	do {
		length = recv(fd, buffer, sizeof(buffer), 0);
		if (length < 0)
			fail("listing the links");
	} while (scan_all(buffer, length));
	close(fd);
	messages = before;
}

static inline int subscribe(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		fail("subscribing");
	return fd;
}

static inline void report_counts(void)
{
	size_t i;

	printf("messages %lu\noverruns %lu\n", messages, overruns);
	for (i = 0; i < time_count; i++)
		printf("time %llu %d %d\n", (unsigned long long)times[i].when, times[i].index,
		       times[i].connected);
}

static inline void report(void)
{
	int i;

	report_counts();
	for (i = 0; i < room; i++)
		if (links[i].known)
			printf("link %d %d %s\n", i, links[i].connected, links[i].name);
	fflush(stdout);
}

/*
 * The handler reports by itself: it is sent when the watcher waits for
 * messages, and libnl's nl_recv() does not return at a signal.
 */
static inline void on_term(int signal)
{
	(void)signal;
	report();
	_exit(0);
}

static inline void begin(int argc, char **argv, void (*handler)(int))
{
	with_times = argc > 1 && strcmp(argv[1], "--times") == 0;
	signal(SIGTERM, handler);
}

static inline void ready(void)
{
	puts("ready");
	fflush(stdout);
}

#endif
