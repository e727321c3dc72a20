/* addresses.c with linkwatch attached: the two differ in nine lines of code.
 *
 *	cc addresses_and_links.c \
 *		$(pkg-config --cflags --libs linkwatch libnl-3.0) -o addresses_and_links
 */
#include <linkwatch.h>
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
	struct linkwatch *lw = NULL;
	int err;

	if (!sk || linkwatch_new(&lw) < 0)
		return 1;
	nl_socket_disable_seq_check(sk);
	nl_socket_modify_cb(sk, NL_CB_VALID, NL_CB_CUSTOM, on_valid, NULL);
	err = nl_connect(sk, NETLINK_ROUTE);
	if (err >= 0)
		err = nl_socket_add_membership(sk, RTNLGRP_IPV4_IFADDR);

	linkwatch_on_event(lw, linkwatch_print_event, stdout);
	if (err >= 0 && linkwatch_attach(lw, sk) < 0)
		fprintf(stderr, "%s\n", linkwatch_error_detail(lw));
	while (err >= 0) {
		err = nl_recvmsgs_default(sk);
		if (err == -NLE_NOMEM && linkwatch_resync(lw) == 0)
			err = 0;
	}

	nl_perror(err, "addresses");
	linkwatch_free(lw);
	nl_socket_free(sk);
	return 1;
}
