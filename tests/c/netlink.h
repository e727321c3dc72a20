/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* What a program that has libnl does for itself. */

#ifndef LINKWATCH_TESTS_NETLINK_H
#define LINKWATCH_TESTS_NETLINK_H

#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#include "common.h"

static inline struct nl_sock *new_socket(nl_recvmsg_msg_cb_t on_valid, void *arg)
{
	struct nl_sock *socket = nl_socket_alloc();

	CHECK(socket != NULL);
	nl_socket_disable_seq_check(socket);
	if (on_valid)
		nl_socket_modify_cb(socket, NL_CB_VALID, NL_CB_CUSTOM, on_valid, arg);
	CHECK_EQ(nl_connect(socket, NETLINK_ROUTE), 0);
	CHECK_EQ(nl_socket_set_nonblocking(socket), 0);
	return socket;
}

/* Receives all that there is; returns what ended it. */
static inline int receive_all(struct nl_sock *socket)
{
	int result;

	do {
		result = nl_recvmsgs_default(socket);
	} while (result >= 0);
	return result;
}

#endif
