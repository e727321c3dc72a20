/* The netlink loop that programs come with: libnl, its defaults, a callback
 * that prints each link. It ends where its own kind ends: at an error. */

#include <net/if.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <stdio.h>
#include <linux/rtnetlink.h>

static void print(struct nl_object *object, void *arg)
{
	struct rtnl_link *link = (struct rtnl_link *)object;
	struct nlmsghdr *header = arg;

	if (rtnl_link_get_family(link) == AF_BRIDGE)
		return;
	printf("%s %d %s %d\n",
	       header->nlmsg_type == RTM_DELLINK ? "del" : "new",
	       rtnl_link_get_ifindex(link), rtnl_link_get_name(link),
	       (rtnl_link_get_flags(link) & IFF_UP) && rtnl_link_get_carrier(link));
}

static int on_valid(struct nl_msg *msg, void *arg)
{
	(void)arg;
	nl_msg_parse(msg, print, nlmsg_hdr(msg));
	return NL_OK;
}

int main(void)
{
	struct nl_sock *sk = nl_socket_alloc();
	int err;

	if (!sk)
		return 1;
	setvbuf(stdout, NULL, _IOLBF, 0);
	nl_socket_disable_seq_check(sk);
	nl_socket_modify_cb(sk, NL_CB_VALID, NL_CB_CUSTOM, on_valid, NULL);
	err = nl_connect(sk, NETLINK_ROUTE);
	if (err >= 0)
		err = nl_socket_add_membership(sk, RTNLGRP_LINK);
	if (err >= 0)
		puts("listening");
	while (err >= 0)
		err = nl_recvmsgs_default(sk);
	printf("ended: %s\n", nl_geterror(err));
	nl_socket_free(sk);
	return 1;
}
