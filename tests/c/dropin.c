/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* A program that has a libnl loop already: it listens to links and addresses,
 * prints the messages, and answers a loss. linkwatch is dropped in.
 *
 *	dropin [-m attach|process|none] [-b BYTES] [-u MS] [-d MS] [-2] [-c] [-s] [PATTERN]...
 *
 * -2  calls linkwatch_resync() twice for each loss
 * -c  calls linkwatch_conclude() at the end
 * -s  receives one datagram for each line of input, not by itself
 *
 * Ends with its input.
 */

#include <poll.h>

#include "netlink.h"

enum mode { ATTACH, PROCESS, NONE };

static enum mode mode = ATTACH;
static struct linkwatch *watch;
static int resyncs_for_each = 1;

static void on_event(const struct linkwatch_event *event, void *user)
{
	(void) user;
	print_event(event);
}

/* The program's own. */
static int on_valid(struct nl_msg *message, void *arg)
{
	struct nlmsghdr *header = nlmsg_hdr(message);
	unsigned int index = 0;

	(void) arg;
	if (mode == PROCESS)
		CHECK_EQ(linkwatch_process(watch, message), NL_OK);
	if (header->nlmsg_type == RTM_NEWLINK || header->nlmsg_type == RTM_DELLINK)
		index = ((struct ifinfomsg *) nlmsg_data(header))->ifi_index;
	else if (header->nlmsg_type == RTM_NEWADDR || header->nlmsg_type == RTM_DELADDR)
		index = ((struct ifaddrmsg *) nlmsg_data(header))->ifa_index;
	printf("{\"program\":\"message\",\"type\":%d,\"ifindex\":%u}\n",
	       header->nlmsg_type, index);
	fflush(stdout);
	return NL_OK;
}

static void answer_loss(struct nl_sock *socket)
{
	int i, result = 0;

	puts("{\"program\":\"overrun\"}");
	fflush(stdout);
	/* What is fed by hand is fed all that is queued first. */
	while (mode == PROCESS && result != -NLE_AGAIN)
		result = nl_recvmsgs_default(socket);
	for (i = 0; i < resyncs_for_each; i++)
		CHECK_EQ(linkwatch_resync(watch), 0);
}

static void receive(struct nl_sock *socket)
{
	int result = nl_recvmsgs_default(socket);

	if (result == -NLE_NOMEM)
		answer_loss(socket);
	else
		CHECK(result >= 0 || result == -NLE_AGAIN);
}

static int read_command(struct nl_sock *socket, int stepwise)
{
	char byte;

	if (read(STDIN_FILENO, &byte, 1) <= 0)
		return 0;
	if (stepwise && byte == '\n')
		receive(socket);
	return 1;
}

int main(int argc, char **argv)
{
	struct pollfd polled[3] = {
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = -1, .events = POLLIN },
		{ .fd = -1, .events = POLLIN },
	};
	unsigned int settle_up = 0, settle_down = 0;
	int option, size = 0, stepwise = 0, conclude = 0, result;
	struct nl_sock *socket;

	watch = new_watch(NULL);
	while ((option = getopt(argc, argv, "m:b:u:d:2cs")) != -1) {
		switch (option) {
		case 'm':
			mode = *optarg == 'a' ? ATTACH : *optarg == 'p' ? PROCESS : NONE;
			break;
		case 'b':
			size = atoi(optarg);
			break;
		case 'u':
			settle_up = strtoul(optarg, NULL, 10);
			break;
		case 'd':
			settle_down = strtoul(optarg, NULL, 10);
			break;
		case '2':
			resyncs_for_each = 2;
			break;
		case 'c':
			conclude = 1;
			break;
		case 's':
			stepwise = 1;
			break;
		default:
			return 2;
		}
	}
	CHECK_EQ(linkwatch_set_settle(watch, settle_up, settle_down), 0);
	for (; optind < argc; optind++)
		CHECK_EQ(linkwatch_add_pattern(watch, argv[optind]), 0);
	linkwatch_on_event(watch, on_event, NULL);

	socket = new_socket(on_valid, NULL);
	if (size)
		CHECK_EQ(nl_socket_set_buffer_size(socket, size, 0), 0);
	CHECK_EQ(nl_socket_add_memberships(socket, RTNLGRP_IPV4_IFADDR, 0), 0);
	/* One that attaches has linkwatch join. */
	if (mode != ATTACH)
		CHECK_EQ(nl_socket_add_memberships(socket, RTNLGRP_LINK, 0), 0);
	if (mode == ATTACH)
		CHECK_EQ(linkwatch_attach(watch, socket), 0);
	if (mode == PROCESS)
		CHECK_EQ(linkwatch_resync(watch), 0);
	puts("{\"program\":\"started\"}");
	fflush(stdout);

	if (!stepwise)
		polled[1].fd = nl_socket_get_fd(socket);
	if (mode != NONE)
		polled[2].fd = linkwatch_fd(watch);
	while (poll(polled, 3, -1) > 0) {
		if (polled[0].revents && !read_command(socket, stepwise))
			break;
		if (polled[1].revents)
			receive(socket);
		if (polled[2].revents)
			CHECK(linkwatch_dispatch(watch, 0) >= 0);
	}
	if (conclude) {
		while ((result = nl_recvmsgs_default(socket)) >= 0)
			;
		CHECK_EQ(result, -NLE_AGAIN);
		CHECK_EQ(linkwatch_conclude(watch), 0);
	}
	linkwatch_free(watch);
	nl_socket_free(socket);
	puts("{\"program\":\"stopped\",\"result\":0}");
	return 0;
}
