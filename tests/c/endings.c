/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* The handle, the attachment and the program's socket end in every order. */

#include "netlink.h"

static int events, messages;

static void on_event(const struct linkwatch_event *event, void *user)
{
	(void) event;
	(void) user;
	events++;
}

static int on_valid(struct nl_msg *message, void *arg)
{
	(void) message;
	(void) arg;
	messages++;
	return NL_OK;
}

static struct nl_sock *program_socket(void)
{
	struct nl_sock *socket = new_socket(on_valid, NULL);

	CHECK_EQ(nl_socket_add_memberships(socket, RTNLGRP_LINK, 0), 0);
	return socket;
}

static struct linkwatch *event_counter(void)
{
	struct linkwatch *watch = new_watch("cable0");

	linkwatch_on_event(watch, on_event, NULL);
	return watch;
}

static void change_state(void)
{
	static int up = 1;

	up = !up;
	set_up("cable0", up);
}

/* Changes the state; the program is to see it, and linkwatch so many events. */
static void change(struct nl_sock *socket, int expected_events)
{
	int events_before = events, messages_before = messages;

	change_state();
	CHECK_EQ(receive_all(socket), -NLE_AGAIN);
	CHECK(messages > messages_before);
	CHECK_EQ(events - events_before, expected_events);
}

static struct linkwatch *attached(struct nl_sock *socket)
{
	struct linkwatch *watch = event_counter();
	int before = events;

	CHECK_EQ(linkwatch_attach(watch, socket), 0);
	CHECK_EQ(events - before, 1);
	change(socket, 1);
	return watch;
}

static void detach_then_socket_then_handle(void)
{
	struct nl_sock *socket = program_socket();
	struct linkwatch *watch = attached(socket);

	CHECK_EQ(linkwatch_detach(watch), 0);
	CHECK_EQ(linkwatch_detach(watch), LINKWATCH_E_STATE);
	change(socket, 0);
	nl_socket_free(socket);
	linkwatch_free(watch);
}

static void detach_then_handle_then_socket(void)
{
	struct nl_sock *socket = program_socket();
	struct linkwatch *watch = attached(socket);

	CHECK_EQ(linkwatch_detach(watch), 0);
	linkwatch_free(watch);
	change(socket, 0);
	nl_socket_free(socket);
}

static void handle_then_socket(void)
{
	struct nl_sock *socket = program_socket();
	struct linkwatch *watch = attached(socket);

	linkwatch_free(watch);
	change(socket, 0);
	nl_socket_free(socket);
}

static void socket_then_handle(void)
{
	struct nl_sock *socket = program_socket();
	struct linkwatch *watch = attached(socket);

	nl_socket_free(socket);
	linkwatch_free(watch);
}

static void socket_then_detach_then_handle(void)
{
	struct nl_sock *socket = program_socket();
	struct linkwatch *watch = attached(socket);

	nl_socket_free(socket);
	CHECK_EQ(linkwatch_detach(watch), 0);
	linkwatch_free(watch);
}

/* What is called on an attached handle whose socket is gone. */
static void used_after_the_socket(void)
{
	struct nl_sock *socket = program_socket();
	struct linkwatch *watch = attached(socket);
	int before = events;

	nl_socket_free(socket);
	CHECK(linkwatch_fd(watch) >= 0);
	CHECK_EQ(linkwatch_dispatch(watch, 0), 0);
	CHECK_EQ(linkwatch_resync(watch), 0);
	CHECK_EQ(linkwatch_start(watch), LINKWATCH_E_STATE);
	CHECK_EQ(events, before);
	linkwatch_free(watch);
}

static void attached_again(void)
{
	struct nl_sock *socket = program_socket(), *other = program_socket();
	struct linkwatch *watch = attached(socket);

	CHECK_EQ(linkwatch_attach(watch, other), LINKWATCH_E_STATE);
	CHECK_EQ(linkwatch_detach(watch), 0);
	CHECK_EQ(linkwatch_attach(watch, socket), 0);
	change(socket, 1);
	CHECK_EQ(linkwatch_detach(watch), 0);
	CHECK_EQ(receive_all(other), -NLE_AGAIN);
	CHECK_EQ(linkwatch_attach(watch, other), 0);
	change(other, 1);
	nl_socket_free(socket);
	change(other, 1);
	linkwatch_free(watch);
	change(other, 0);
	nl_socket_free(other);
}

static void from_one_use_to_another(void)
{
	struct nl_sock *socket = program_socket();
	struct linkwatch *watch = attached(socket);
	int before;

	nl_socket_free(socket);
	CHECK_EQ(linkwatch_detach(watch), 0);
	before = events;
	CHECK_EQ(linkwatch_start(watch), 0);
	CHECK_EQ(events - before, 1);
	CHECK_EQ(linkwatch_detach(watch), LINKWATCH_E_STATE);
	change_state();
	CHECK_EQ(linkwatch_dispatch(watch, -1), 1);
	change_state();
	CHECK_EQ(linkwatch_dispatch(watch, -1), 1);
	linkwatch_free(watch);
}

static int process(struct nl_msg *message, void *watch)
{
	CHECK_EQ(linkwatch_process(watch, message), 0);
	return on_valid(message, NULL);
}

static void fed_by_hand(void)
{
	struct linkwatch *watch = event_counter();
	struct nl_sock *socket = new_socket(process, watch);
	int before = events;

	CHECK_EQ(nl_socket_add_memberships(socket, RTNLGRP_LINK, 0), 0);
	change_state();
	CHECK_EQ(receive_all(socket), -NLE_AGAIN);
	/* The first call lists: what was queued is in the list already. */
	CHECK_EQ(events - before, 1);
	change(socket, 1);
	CHECK_EQ(linkwatch_attach(watch, socket), LINKWATCH_E_STATE);
	CHECK_EQ(linkwatch_run(watch), LINKWATCH_E_STATE);
	CHECK_EQ(linkwatch_detach(watch), 0);
	nl_socket_free(socket);
	linkwatch_free(watch);
}

/* Two handles cannot have one place in the socket's callbacks. */
static void two_handles_one_socket(void)
{
	struct nl_sock *socket = program_socket();
	struct linkwatch *watch = attached(socket), *other = event_counter();

	CHECK_EQ(linkwatch_attach(other, socket), LINKWATCH_E_STATE);
	change(socket, 1);
	linkwatch_free(other);
	change(socket, 1);
	CHECK_EQ(linkwatch_detach(watch), 0);
	other = attached(socket);
	linkwatch_free(watch);
	change(socket, 1);
	linkwatch_free(other);
	nl_socket_free(socket);
}

static void never_connected(void)
{
	struct linkwatch *watch = event_counter();
	struct nl_sock *socket = nl_socket_alloc();
	int before = events;

	CHECK_EQ(linkwatch_attach(watch, socket), LINKWATCH_E_INVAL);
	CHECK(*linkwatch_error_detail(watch) != '\0');
	CHECK_EQ(nl_connect(socket, NETLINK_GENERIC), 0);
	CHECK_EQ(linkwatch_attach(watch, socket), LINKWATCH_E_INVAL);
	nl_socket_free(socket);
	CHECK_EQ(events, before);

	socket = program_socket();
	CHECK_EQ(linkwatch_attach(watch, socket), 0);
	CHECK_EQ(events - before, 1);
	nl_socket_free(socket);
	linkwatch_free(watch);
}

static void socket_closed_but_not_freed(void)
{
	struct nl_sock *socket = program_socket();
	struct linkwatch *watch = attached(socket);

	nl_close(socket);
	CHECK_EQ(linkwatch_resync(watch), 0);
	linkwatch_free(watch);
	CHECK_EQ(nl_connect(socket, NETLINK_ROUTE), 0);
	nl_socket_free(socket);
}

int main(void)
{
	int cable = make_cable_up("cable0");

	detach_then_socket_then_handle();
	detach_then_handle_then_socket();
	handle_then_socket();
	socket_then_handle();
	socket_then_detach_then_handle();
	used_after_the_socket();
	attached_again();
	from_one_use_to_another();
	fed_by_hand();
	never_connected();
	socket_closed_but_not_freed();
	two_handles_one_socket();
	close(cable);
	return 0;
}
