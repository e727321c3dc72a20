/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* What is not news: answers to the program's own questions, and events that
 * were overtaken before they were read. */

#include <poll.h>

#include "netlink.h"

static int connected, events, flapped;
static struct linkwatch *watch;

static void on_event(const struct linkwatch_event *event, void *user)
{
	(void) user;
	events++;
	connected = linkwatch_event_connected(event);
	if (linkwatch_event_type(event) == LINKWATCH_EVENT_FLAPPED)
		flapped++;
}

/* A list that the program has asked for lies in its queue when the link goes
 * down and linkwatch is attached. */
static void an_older_answer_changes_nothing(void)
{
	int cable = make_cable_up("cable0");
	struct nl_sock *socket = nl_socket_alloc();
	struct ifinfomsg all = { .ifi_family = AF_UNSPEC };

	CHECK(socket != NULL);
	nl_socket_disable_seq_check(socket);
	CHECK_EQ(nl_connect(socket, NETLINK_ROUTE), 0);
	CHECK(nl_send_simple(socket, RTM_GETLINK, NLM_F_DUMP, &all, sizeof(all)) >= 0);
	set_up("cable0", 0);

	watch = new_watch("cable0");
	linkwatch_on_event(watch, on_event, NULL);
	CHECK_EQ(linkwatch_attach(watch, socket), 0);
	CHECK_EQ(nl_recvmsgs_default(socket), 0);
	CHECK_EQ(events, 1);
	CHECK_EQ(connected, 0);
	linkwatch_free(watch);
	nl_socket_free(socket);
	close(cable);
}

static void stop_and_dispatch(const struct linkwatch_event *event, void *user)
{
	(void) event;
	(void) user;
	events++;
	linkwatch_stop(watch);
	CHECK_EQ(linkwatch_dispatch(watch, 0), LINKWATCH_E_BUSY);
	CHECK_EQ(linkwatch_run(watch), LINKWATCH_E_BUSY);
}

/* A call that is refused does not swallow the stop. */
static void a_stop_is_not_swallowed(void)
{
	int cable = make_cable_up("cable0");

	watch = new_watch("cable0");
	CHECK_EQ(linkwatch_start(watch), 0);
	linkwatch_on_event(watch, stop_and_dispatch, NULL);
	events = 0;
	set_up("cable0", 0);
	alarm(240);
	CHECK_EQ(linkwatch_run(watch), 0);
	alarm(0);
	CHECK_EQ(events, 1);
	linkwatch_free(watch);
	close(cable);
}

static void toggle(const struct linkwatch_event *event, void *user)
{
	(void) event;
	(void) user;
	events++;
	set_up("cable0", events % 2 == 0);
}

/* Each event makes another: starting delivers the initial ones only, and a
 * dispatch no more than it is to. */
static void a_start_comes_to_its_end(void)
{
	int cable = make_cable_up("cable0");
	int told;

	watch = new_watch("cable0");
	linkwatch_on_event(watch, toggle, NULL);
	events = 0;
	alarm(240);
	CHECK_EQ(linkwatch_start(watch), 0);
	CHECK_EQ(events, 1);
	told = linkwatch_dispatch(watch, -1);
	CHECK(told >= 1 && told <= 1024);
	CHECK_EQ(events, 1 + told);
	alarm(0);
	linkwatch_free(watch);
	close(cable);
}

/* The link was down for a moment only, though the program reads late. */
static void a_state_that_did_not_last_is_not_reported(void)
{
	int cable = make_cable_up("cable0");

	watch = new_watch("cable0");
	CHECK_EQ(linkwatch_set_settle(watch, 0, 200), 0);
	CHECK_EQ(linkwatch_start(watch), 0);
	linkwatch_on_event(watch, on_event, NULL);
	events = flapped = 0;
	set_up("cable0", 0);
	CHECK_EQ(linkwatch_dispatch(watch, 0), 0);
	set_up("cable0", 1);
	/* As a program that is busy with something else. */
	poll(NULL, 0, 500);
	CHECK_EQ(linkwatch_dispatch(watch, -1), 1);
	CHECK_EQ(flapped, 1);
	linkwatch_free(watch);
	close(cable);
}

int main(void)
{
	an_older_answer_changes_nothing();
	a_stop_is_not_swallowed();
	a_start_comes_to_its_end();
	a_state_that_did_not_last_is_not_reported();
	return 0;
}
