/* libnl without its objects: the attributes alone. */
#include "libnl.h"

static uint32_t number(struct nlattr *attribute)
{
	return attribute && nla_len(attribute) >= 4 ? nla_get_u32(attribute) : 0;
}

static int on_valid(struct nl_msg *message, void *unused)
{
	struct nlmsghdr *header = nlmsg_hdr(message);
	struct ifinfomsg *info = nlmsg_data(header);
	struct nlattr *name, *carrier;
	struct told told;

	(void)unused;
	if (!describes_link(message))
		return NL_OK;
	name = nlmsg_find_attr(header, sizeof(*info), IFLA_IFNAME);
	carrier = nlmsg_find_attr(header, sizeof(*info), IFLA_CARRIER);
	told.index = info->ifi_index;
	told.flags = info->ifi_flags;
	told.name = name ? nla_get_string(name) : NULL;
	told.carrier = carrier && nla_len(carrier) >= 1 ? nla_get_u8(carrier) : -1;
	told.ups = number(nlmsg_find_attr(header, sizeof(*info), IFLA_CARRIER_UP_COUNT));
	told.downs = number(nlmsg_find_attr(header, sizeof(*info), IFLA_CARRIER_DOWN_COUNT));
	apply(&told);
	return NL_OK;
}

int main(int argc, char **argv)
{
	begin(argc, argv, on_term);
	return follow(on_valid);
}
