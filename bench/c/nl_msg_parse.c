/* libnl as its manual shows it: an object of each message. */
#include "libnl.h"

#include <netlink/route/link.h>

static void on_object(struct nl_object *object, void *unused)
{
	struct rtnl_link *link = (struct rtnl_link *)object;
	struct told told = {
		.index = rtnl_link_get_ifindex(link),
		.flags = rtnl_link_get_flags(link),
		.carrier = rtnl_link_get_carrier(link),
		.name = rtnl_link_get_name(link),
	};

	(void)unused;
	/* It has no getter for the two counters, only for their sum. */
	rtnl_link_get_carrier_changes(link, &told.ups);
	apply(&told);
}

static int on_valid(struct nl_msg *message, void *unused)
{
	(void)unused;
	if (describes_link(message))
		nl_msg_parse(message, on_object, NULL);
	return NL_OK;
}

int main(int argc, char **argv)
{
	begin(argc, argv, on_term);
	return follow(on_valid);
}
