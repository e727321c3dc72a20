/* A libnl socket that is subscribed, and the loop around it. */
#ifndef LIBNL_H
#define LIBNL_H

#include "watcher.h"

#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

/* With libnl's defaults, but for what `prepare` changes. */
static inline int follow_with(int (*on_valid)(struct nl_msg *, void *),
			      int (*prepare)(struct nl_sock *))
{
	struct nl_sock *socket = nl_socket_alloc();

	if (!socket)
		return 1;
	nl_socket_disable_seq_check(socket);
	nl_socket_modify_cb(socket, NL_CB_VALID, NL_CB_CUSTOM, on_valid, NULL);
	if (prepare && prepare(socket) < 0)
		return 1;
	if (nl_connect(socket, NETLINK_ROUTE) < 0 ||
	    nl_socket_add_membership(socket, RTNLGRP_LINK) < 0)
		return 1;
	list_links();
	ready();
	for (;;) {
		int error = nl_recvmsgs_default(socket);

		if (error == -NLE_NOMEM) {
			overruns++;
		} else if (error < 0) {
			nl_perror(error, "nl_recvmsgs");
			return 1;
		}
	}
}

static inline int follow(int (*on_valid)(struct nl_msg *, void *))
{
	return follow_with(on_valid, NULL);
}

/* Counts it. True if it is a RTM_NEWLINK that describes an interface. */
static inline int describes_link(struct nl_msg *message)
{
	struct nlmsghdr *header = nlmsg_hdr(message);
	struct ifinfomsg *info = nlmsg_data(header);

	if (!nlmsg_valid_hdr(header, sizeof(*info)))
		return 0;
	messages++;
	if (info->ifi_family != AF_UNSPEC)
		return 0;
	if (header->nlmsg_type == RTM_DELLINK)
		removed(info->ifi_index);
	return header->nlmsg_type == RTM_NEWLINK;
}

#endif
