/* A program that listens to IPv4 addresses through libnl.
 * addresses_and_links.c is the same program with linkwatch attached.
 *
 *	cc addresses.c $(pkg-config --cflags --libs libnl-3.0) -o addresses
 */
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdio.h>

static int on_valid(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *hdr = nlmsg_hdr(msg);
	struct ifaddrmsg *address = nlmsg_data(hdr);

	(void)arg;
	if (hdr->nlmsg_type == RTM_NEWADDR || hdr->nlmsg_type == RTM_DELADDR) {
		printf("link %u: address %s\n", address->ifa_index,
		       hdr->nlmsg_type == RTM_NEWADDR ? "added" : "removed");
		fflush(stdout);
	}
	return NL_OK;
}

int main(void)
{
	struct nl_sock *sk = nl_socket_alloc();
	int err;

	if (!sk)
		return 1;
	nl_socket_disable_seq_check(sk);
	nl_socket_modify_cb(sk, NL_CB_VALID, NL_CB_CUSTOM, on_valid, NULL);
	err = nl_connect(sk, NETLINK_ROUTE);
	if (err >= 0)
		err = nl_socket_add_membership(sk, RTNLGRP_IPV4_IFADDR);

	while (err >= 0) {
		err = nl_recvmsgs_default(sk);
	}

	nl_perror(err, "addresses");
	nl_socket_free(sk);
	return 1;
}
