/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* What the callback may do to its own handle, from wherever it is called. */

#include "netlink.h"

/* What the callback does at its first event. */
enum deed {
	NOTHING, FREE, STOP, DETACH, ATTACH_AGAIN, START, NEST, NO_CALLBACK, OTHER_CALLBACK
};

static struct linkwatch *watch;
static struct nl_sock *socket_;
static enum deed deed;
static int events, other_events, messages, nested_links;

static void on_link(const struct linkwatch_link *link, void *user)
{
	CHECK(linkwatch_link_name(link) != NULL);
	++*(int *) user;
}

static void on_other_event(const struct linkwatch_event *event, void *user)
{
	CHECK(event != NULL && user == &other_events);
	other_events++;
}

/* Everything that can be called, short of what ends the delivery. */
static void nest(void)
{
	CHECK_EQ(linkwatch_dispatch(watch, 0), LINKWATCH_E_BUSY);
	CHECK_EQ(linkwatch_dispatch(watch, -1), LINKWATCH_E_BUSY);
	CHECK_EQ(linkwatch_run(watch), LINKWATCH_E_BUSY);
	CHECK(linkwatch_fd(watch) >= 0);
	CHECK_EQ(linkwatch_start(watch), LINKWATCH_E_STATE);
	CHECK_EQ(linkwatch_add_pattern(watch, "*"), LINKWATCH_E_STATE);
	CHECK_EQ(linkwatch_links(watch, on_link, &nested_links), 3);
	CHECK_EQ(linkwatch_process(watch, NULL), LINKWATCH_E_STATE);
	CHECK_EQ(linkwatch_resync(watch), socket_ ? 0 : LINKWATCH_E_STATE);
	CHECK(*linkwatch_error_detail(watch) != '\0');
}

static void on_event(const struct linkwatch_event *event, void *user)
{
	const char *name = linkwatch_event_ifname(event);

	CHECK(user == &events);
	if (++events > 1)
		return;
	switch (deed) {
	case NOTHING:
		break;
	case FREE:
		linkwatch_free(watch);
		break;
	case STOP:
		linkwatch_stop(watch);
		break;
	case DETACH:
		CHECK_EQ(linkwatch_detach(watch), 0);
		break;
	case ATTACH_AGAIN:
		CHECK_EQ(linkwatch_detach(watch), 0);
		CHECK_EQ(linkwatch_attach(watch, socket_), 0);
		break;
	case START:
		CHECK_EQ(linkwatch_detach(watch), 0);
		CHECK_EQ(linkwatch_start(watch), 0);
		break;
	case NEST:
		nest();
		break;
	case NO_CALLBACK:
		linkwatch_on_event(watch, NULL, NULL);
		break;
	case OTHER_CALLBACK:
		linkwatch_on_event(watch, on_other_event, &other_events);
		break;
	}
	/* The event is valid until we return, whatever became of the handle. */
	CHECK(strncmp(name, "cable", 5) == 0);
}

static int on_valid(struct nl_msg *message, void *arg)
{
	(void) message;
	(void) arg;
	messages++;
	return NL_OK;
}

static void prepare(enum deed what)
{
	deed = what;
	events = other_events = messages = nested_links = 0;
	socket_ = NULL;
	watch = new_watch("cable*");
	linkwatch_on_event(watch, on_event, &events);
}

static void start(enum deed what)
{
	prepare(NOTHING);
	CHECK_EQ(linkwatch_start(watch), 0);
	CHECK_EQ(events, 3);
	events = 0;
	deed = what;
}

static void attach(enum deed what)
{
	prepare(NOTHING);
	socket_ = new_socket(on_valid, NULL);
	CHECK_EQ(linkwatch_attach(watch, socket_), 0);
	CHECK_EQ(events, 3);
	events = 0;
	deed = what;
}

static void change_all(void)
{
	static int up = 1;

	up = !up;
	set_up("cable0", up);
	set_up("cable1", up);
	set_up("cable2", up);
}

static void freed_within(void)
{
	struct nl_msg *message;

	prepare(FREE);
	CHECK_EQ(linkwatch_start(watch), LINKWATCH_E_STATE);
	CHECK_EQ(events, 1);

	start(FREE);
	change_all();
	CHECK_EQ(linkwatch_dispatch(watch, -1), LINKWATCH_E_STATE);
	CHECK_EQ(events, 1);

	start(FREE);
	change_all();
	CHECK_EQ(linkwatch_run(watch), LINKWATCH_E_STATE);
	CHECK_EQ(events, 1);

	/* The program's own loop notices nothing. */
	attach(FREE);
	change_all();
	CHECK_EQ(receive_all(socket_), -NLE_AGAIN);
	CHECK_EQ(events, 1);
	CHECK(messages >= 3);
	nl_socket_free(socket_);

	prepare(FREE);
	socket_ = new_socket(on_valid, NULL);
	CHECK_EQ(linkwatch_attach(watch, socket_), LINKWATCH_E_STATE);
	change_all();
	CHECK_EQ(receive_all(socket_), -NLE_AGAIN);
	CHECK_EQ(events, 1);
	CHECK(messages >= 3);
	nl_socket_free(socket_);

	attach(FREE);
	set_up("cable0", 0);
	set_up("cable0", 1);
	CHECK_EQ(linkwatch_resync(watch), 0);
	CHECK_EQ(receive_all(socket_), -NLE_AGAIN);
	CHECK_EQ(events, 1);
	nl_socket_free(socket_);

	prepare(FREE);
	message = nlmsg_alloc_simple(NLMSG_NOOP, 0);
	CHECK_EQ(linkwatch_process(watch, message), LINKWATCH_E_STATE);
	CHECK_EQ(events, 1);
	nlmsg_free(message);

	prepare(FREE);
	CHECK_EQ(linkwatch_resync(watch), LINKWATCH_E_STATE);
	CHECK_EQ(events, 1);
}

static void stopped_within(void)
{
	start(STOP);
	change_all();
	/* Stopped is stopped: what is left comes with the next call. */
	CHECK_EQ(linkwatch_run(watch), 0);
	CHECK_EQ(events, 1);
	linkwatch_stop(watch);
	CHECK_EQ(linkwatch_run(watch), 0);
	CHECK_EQ(events, 1);
	while (events < 3)
		CHECK(linkwatch_dispatch(watch, -1) > 0);
	linkwatch_free(watch);

	start(STOP);
	change_all();
	CHECK(linkwatch_dispatch(watch, -1) >= 1);
	CHECK_EQ(linkwatch_dispatch(watch, -1), 0);
	while (events < 3)
		CHECK(linkwatch_dispatch(watch, -1) > 0);
	linkwatch_free(watch);

	/* Of no effect on a loop that is not ours. */
	attach(STOP);
	change_all();
	CHECK_EQ(receive_all(socket_), -NLE_AGAIN);
	CHECK_EQ(events, 3);
	linkwatch_free(watch);
	nl_socket_free(socket_);
}

static void detached_within(void)
{
	int before;

	attach(DETACH);
	change_all();
	CHECK_EQ(receive_all(socket_), -NLE_AGAIN);
	CHECK_EQ(events, 1);
	before = messages;
	CHECK(before >= 3);
	change_all();
	CHECK_EQ(receive_all(socket_), -NLE_AGAIN);
	CHECK_EQ(events, 1);
	CHECK(messages > before);
	CHECK_EQ(linkwatch_attach(watch, socket_), 0);
	CHECK_EQ(events, 4);
	linkwatch_free(watch);
	nl_socket_free(socket_);

	/* From linkwatch_attach() itself. */
	prepare(DETACH);
	socket_ = new_socket(on_valid, NULL);
	CHECK_EQ(linkwatch_attach(watch, socket_), 0);
	CHECK_EQ(events, 1);
	CHECK_EQ(linkwatch_detach(watch), LINKWATCH_E_STATE);
	nl_socket_free(socket_);
	linkwatch_free(watch);

	/* And on to another use. Initial events come anew. */
	attach(ATTACH_AGAIN);
	change_all();
	CHECK_EQ(receive_all(socket_), -NLE_AGAIN);
	CHECK_EQ(events, 4);
	change_all();
	CHECK_EQ(receive_all(socket_), -NLE_AGAIN);
	CHECK_EQ(events, 7);
	nl_socket_free(socket_);
	linkwatch_free(watch);

	attach(START);
	change_all();
	CHECK_EQ(receive_all(socket_), -NLE_AGAIN);
	CHECK_EQ(events, 4);
	nl_socket_free(socket_);
	change_all();
	while (events < 7)
		CHECK(linkwatch_dispatch(watch, -1) > 0);
	linkwatch_free(watch);
}

static void nested(void)
{
	start(NEST);
	change_all();
	while (events < 3)
		CHECK(linkwatch_dispatch(watch, -1) > 0);
	CHECK_EQ(nested_links, 3);
	linkwatch_free(watch);

	attach(NEST);
	change_all();
	CHECK_EQ(receive_all(socket_), -NLE_AGAIN);
	/* The resync that was asked for within is reported. */
	CHECK_EQ(events, 4);
	linkwatch_free(watch);
	nl_socket_free(socket_);
}

static void exchanged_within(void)
{
	start(NO_CALLBACK);
	change_all();
	CHECK(linkwatch_dispatch(watch, -1) > 0);
	linkwatch_on_event(watch, on_event, &events);
	change_all();
	while (linkwatch_dispatch(watch, 1) > 0)
		;
	CHECK_EQ(events, 4);
	linkwatch_free(watch);

	start(OTHER_CALLBACK);
	change_all();
	while (other_events < 2)
		CHECK(linkwatch_dispatch(watch, -1) > 0);
	CHECK_EQ(events, 1);
	linkwatch_free(watch);
}

static void free_link(const struct linkwatch_link *link, void *user)
{
	if (++*(int *) user == 1)
		linkwatch_free(watch);
	CHECK(strncmp(linkwatch_link_name(link), "cable", 5) == 0);
}

/* A list is not a delivery: it goes on, on its own. */
static void freed_while_listing(void)
{
	int links = 0;

	prepare(NOTHING);
	CHECK_EQ(linkwatch_links(watch, free_link, &links), 3);
	CHECK_EQ(links, 3);
}

int main(void)
{
	int cables[3];

	cables[0] = make_cable_up("cable0");
	cables[1] = make_cable_up("cable1");
	cables[2] = make_cable_up("cable2");
	freed_within();
	stopped_within();
	detached_within();
	nested();
	exchanged_within();
	freed_while_listing();
	close(cables[0]);
	close(cables[1]);
	close(cables[2]);
	return 0;
}
