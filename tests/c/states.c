/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* What may be called when, and how long linkwatch_dispatch() waits. */

#include <poll.h>
#include <time.h>

#include "netlink.h"

static int events;

static void on_event(const struct linkwatch_event *event, void *user)
{
	(void) event;
	(void) user;
	events++;
}

static struct linkwatch *event_counter(void)
{
	struct linkwatch *watch = new_watch("cable0");

	events = 0;
	linkwatch_on_event(watch, on_event, NULL);
	return watch;
}

static long long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static int readable(struct linkwatch *watch)
{
	struct pollfd polled = { .events = POLLIN };

	polled.fd = linkwatch_fd(watch);
	CHECK(polled.fd >= 0);
	return poll(&polled, 1, 0);
}

static void check_no_options(struct linkwatch *watch)
{
	CHECK_EQ(linkwatch_add_pattern(watch, "eth*"), LINKWATCH_E_STATE);
	CHECK_EQ(linkwatch_set_criterion(watch, LINKWATCH_CRITERION_RUNNING), LINKWATCH_E_STATE);
	CHECK_EQ(linkwatch_set_buffer_size(watch, 4096), LINKWATCH_E_STATE);
	CHECK_EQ(linkwatch_set_settle(watch, 1, 1), LINKWATCH_E_STATE);
	CHECK_EQ(linkwatch_set_namespace(watch, "blue"), LINKWATCH_E_STATE);
	CHECK(*linkwatch_error_detail(watch) != '\0');
}

static void not_started(void)
{
	struct linkwatch *watch = event_counter();

	CHECK_EQ(linkwatch_fd(watch), LINKWATCH_E_STATE);
	CHECK_EQ(linkwatch_dispatch(watch, 0), LINKWATCH_E_STATE);
	CHECK_EQ(linkwatch_dispatch(watch, -1), LINKWATCH_E_STATE);
	CHECK_EQ(linkwatch_run(watch), LINKWATCH_E_STATE);
	CHECK_EQ(linkwatch_detach(watch), LINKWATCH_E_STATE);
	CHECK_EQ(linkwatch_conclude(watch), LINKWATCH_E_STATE);
	CHECK_EQ(events, 0);
	linkwatch_free(watch);
	linkwatch_free(new_watch(NULL));
}

static void started(void)
{
	struct linkwatch *watch = event_counter();
	struct nl_sock *socket = new_socket(NULL, NULL);
	struct nl_msg *message = nlmsg_alloc();

	CHECK_EQ(linkwatch_start(watch), 0);
	CHECK_EQ(events, 1);
	CHECK_EQ(linkwatch_start(watch), LINKWATCH_E_STATE);
	CHECK_EQ(linkwatch_attach(watch, socket), LINKWATCH_E_STATE);
	CHECK_EQ(linkwatch_detach(watch), LINKWATCH_E_STATE);
	CHECK_EQ(linkwatch_process(watch, message), LINKWATCH_E_STATE);
	CHECK_EQ(linkwatch_resync(watch), LINKWATCH_E_STATE);
	check_no_options(watch);
	/* It still watches. */
	set_up("cable0", 0);
	CHECK_EQ(linkwatch_dispatch(watch, -1), 1);
	set_up("cable0", 1);
	CHECK_EQ(linkwatch_dispatch(watch, -1), 1);
	nlmsg_free(message);
	nl_socket_free(socket);
	linkwatch_free(watch);
}

static void attached(void)
{
	struct linkwatch *watch = event_counter();
	struct nl_sock *socket = new_socket(NULL, NULL);
	struct nl_msg *message = nlmsg_alloc();

	CHECK_EQ(linkwatch_attach(watch, socket), 0);
	CHECK_EQ(linkwatch_attach(watch, socket), LINKWATCH_E_STATE);
	CHECK_EQ(linkwatch_start(watch), LINKWATCH_E_STATE);
	CHECK_EQ(linkwatch_run(watch), LINKWATCH_E_STATE);
	CHECK_EQ(linkwatch_process(watch, message), LINKWATCH_E_STATE);
	check_no_options(watch);
	CHECK_EQ(linkwatch_dispatch(watch, 0), 0);
	CHECK_EQ(readable(watch), 0);
	linkwatch_stop(watch);
	CHECK_EQ(readable(watch), 1);
	CHECK_EQ(linkwatch_dispatch(watch, -1), 0);
	CHECK_EQ(readable(watch), 0);
	CHECK_EQ(linkwatch_detach(watch), 0);
	/* Options may be set again. */
	CHECK_EQ(linkwatch_add_pattern(watch, "eth*"), 0);
	nlmsg_free(message);
	nl_socket_free(socket);
	linkwatch_free(watch);
}

/* Each stop ends one wait: the one under way, or the next. */
static void stopped(void)
{
	struct linkwatch *watch = event_counter();

	linkwatch_stop(watch);
	CHECK_EQ(linkwatch_start(watch), 0);
	CHECK_EQ(events, 1);
	CHECK_EQ(linkwatch_run(watch), 0);
	linkwatch_stop(watch);
	linkwatch_stop(watch);
	errno = EILSEQ;
	linkwatch_stop(watch);
	CHECK_EQ(errno, EILSEQ);
	CHECK_EQ(readable(watch), 1);
	CHECK_EQ(linkwatch_dispatch(watch, -1), 0);
	CHECK_EQ(readable(watch), 0);
	CHECK_EQ(linkwatch_dispatch(watch, 0), 0);
	set_up("cable0", 0);
	CHECK_EQ(linkwatch_dispatch(watch, -1), 1);
	linkwatch_stop(watch);
	CHECK_EQ(linkwatch_run(watch), 0);
	set_up("cable0", 1);
	CHECK_EQ(linkwatch_dispatch(watch, 60000), 1);
	linkwatch_free(watch);
}

static void timeouts(void)
{
	struct linkwatch *watch = event_counter();
	long long start;

	CHECK_EQ(linkwatch_start(watch), 0);
	CHECK_EQ(readable(watch), 0);
	CHECK_EQ(linkwatch_dispatch(watch, 0), 0);

	start = now_ms();
	CHECK_EQ(linkwatch_dispatch(watch, 30), 0);
	CHECK(now_ms() - start >= 29);

	/* What changes nothing that is reported wakes it up, but does not end
	 * the wait. */
	CHECK_EQ(system("ip link set cable0 mtu 1400"), 0);
	CHECK_EQ(readable(watch), 1);
	start = now_ms();
	CHECK_EQ(linkwatch_dispatch(watch, 30), 0);
	CHECK(now_ms() - start >= 29);
	CHECK_EQ(readable(watch), 0);

	set_up("cable0", 0);
	CHECK_EQ(readable(watch), 1);
	CHECK_EQ(linkwatch_dispatch(watch, 0), 1);
	CHECK_EQ(readable(watch), 0);
	set_up("cable0", 1);
	set_up("cable0", 0);
	/* All that there is, not one. */
	CHECK_EQ(linkwatch_dispatch(watch, -2), 2);
	set_up("cable0", 1);
	CHECK_EQ(linkwatch_dispatch(watch, 2147483647), 1);
	CHECK_EQ(events, 5);
	linkwatch_free(watch);
}

static void without_callback(void)
{
	struct linkwatch *watch = new_watch("cable0");

	CHECK_EQ(linkwatch_start(watch), 0);
	set_up("cable0", 0);
	CHECK_EQ(linkwatch_dispatch(watch, -1), 1);
	set_up("cable0", 1);
	events = 0;
	linkwatch_on_event(watch, on_event, NULL);
	CHECK_EQ(linkwatch_dispatch(watch, -1), 1);
	CHECK_EQ(events, 1);
	linkwatch_on_event(watch, NULL, NULL);
	set_up("cable0", 0);
	CHECK_EQ(linkwatch_dispatch(watch, -1), 1);
	CHECK_EQ(events, 1);
	set_up("cable0", 1);
	linkwatch_free(watch);
}

int main(void)
{
	int cable = make_cable_up("cable0");

	not_started();
	started();
	attached();
	stopped();
	timeouts();
	without_callback();
	close(cable);
	return 0;
}
