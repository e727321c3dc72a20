/* libnl's cache manager: a cache of links that it keeps up to date. */
#include "libnl.h"

#include <netlink/cache.h>
#include <netlink/route/link.h>

static struct nl_cache *cache;

static void on_change(struct nl_cache *changed, struct nl_object *object, int action, void *unused)
{
	(void)changed;
	(void)object;
	(void)action;
	(void)unused;
	messages++; /* those that it tells of */
}

static void on_link(struct nl_object *object, void *unused)
{
	struct rtnl_link *link = (struct rtnl_link *)object;

	(void)unused;
	if (rtnl_link_get_family(link) == AF_UNSPEC)
		printf("link %d %d %s\n", rtnl_link_get_ifindex(link),
		       (rtnl_link_get_flags(link) & IFF_UP) && rtnl_link_get_carrier(link),
		       rtnl_link_get_name(link));
}

static void on_term_here(int signal)
{
	(void)signal;
	report_counts();
	nl_cache_foreach(cache, on_link, NULL);
	fflush(stdout);
	_exit(0);
}

int main(int argc, char **argv)
{
	struct nl_cache_mngr *manager;
	int error;

	begin(argc, argv, on_term_here);
	error = nl_cache_mngr_alloc(NULL, NETLINK_ROUTE, NL_AUTO_PROVIDE, &manager);
	if (error >= 0)
		error = nl_cache_mngr_add(manager, "route/link", on_change, NULL, &cache);
	if (error < 0) {
		nl_perror(error, "nl_cache_mngr");
		return 1;
	}
	ready();
	for (;;) {
		error = nl_cache_mngr_poll(manager, -1);
		if (error == -NLE_NOMEM) {
			overruns++;
		} else if (error < 0 && error != -NLE_INTR) {
			nl_perror(error, "nl_cache_mngr_poll");
			return 1;
		}
	}
}
