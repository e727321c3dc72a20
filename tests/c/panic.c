/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* A panic inside comes out as a code, and the handle lives on. */

#include "netlink.h"

/* In the library that is built for tests only. */
int linkwatch_test_panic(struct linkwatch *);

static struct linkwatch *watch;
static int events, panic_within;

static void on_event(const struct linkwatch_event *event, void *user)
{
	(void) event;
	(void) user;
	events++;
	if (panic_within)
		CHECK_EQ(linkwatch_test_panic(watch), LINKWATCH_E_PANIC);
}

int main(void)
{
	int cable = make_cable_up("cable0");
	struct nl_sock *socket;

	CHECK_EQ(linkwatch_test_panic(NULL), LINKWATCH_E_INVAL);

	watch = new_watch("cable0");
	linkwatch_on_event(watch, on_event, NULL);
	CHECK_EQ(linkwatch_test_panic(watch), LINKWATCH_E_PANIC);
	CHECK_EQ(linkwatch_add_pattern(watch, "eth*"), 0);
	CHECK_EQ(linkwatch_start(watch), 0);
	CHECK_EQ(linkwatch_test_panic(watch), LINKWATCH_E_PANIC);
	CHECK_EQ(linkwatch_test_panic(watch), LINKWATCH_E_PANIC);
	panic_within = 1;
	set_up("cable0", 0);
	CHECK_EQ(linkwatch_dispatch(watch, -1), 1);
	set_up("cable0", 1);
	CHECK_EQ(linkwatch_dispatch(watch, -1), 1);
	linkwatch_stop(watch);
	CHECK_EQ(linkwatch_run(watch), 0);
	CHECK_EQ(events, 3);
	linkwatch_free(watch);

	watch = new_watch("cable0");
	linkwatch_on_event(watch, on_event, NULL);
	socket = new_socket(NULL, NULL);
	CHECK_EQ(linkwatch_attach(watch, socket), 0);
	set_up("cable0", 0);
	CHECK_EQ(receive_all(socket), -NLE_AGAIN);
	CHECK_EQ(events, 5);
	CHECK_EQ(linkwatch_test_panic(watch), LINKWATCH_E_PANIC);
	nl_socket_free(socket);
	linkwatch_free(watch);

	/* Freed right after. */
	watch = new_watch(NULL);
	CHECK_EQ(linkwatch_test_panic(watch), LINKWATCH_E_PANIC);
	linkwatch_free(watch);
	close(cable);
	return 0;
}
