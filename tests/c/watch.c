/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* A watcher: prints each event as a line of JSON until SIGTERM.
 *
 *	watch [-p] [-l] [-c] [-r] [-N] [-D] [-b BYTES] [-u MS] [-d MS] [-n NAMESPACE] [PATTERN]...
 *
 * -p  with poll(2) and linkwatch_dispatch() in place of linkwatch_run()
 * -l  lists the interfaces only
 * -c  with linkwatch_conclude() at the end
 * -N  with notices
 * -D  with details
 */

#include <poll.h>
#include <signal.h>

#include "common.h"

static struct linkwatch *watch;
static volatile sig_atomic_t stopped;
static int events;

static void on_signal(int signal)
{
	(void) signal;
	stopped = 1;
	linkwatch_stop(watch);
}

static void on_event(const struct linkwatch_event *event, void *user)
{
	int is_notice = linkwatch_event_type(event) == LINKWATCH_EVENT_NOTICE;

	CHECK(user == &events);
	events++;
	print_event(event);
	CHECK((linkwatch_event_notice(event) != NULL) == is_notice);
	if (is_notice)
		CHECK_EQ(linkwatch_event_transitions(event), 0);
	/* No link of the tests has a driver that tells more. */
	CHECK(linkwatch_event_detail(event) == NULL);
	CHECK(linkwatch_event_ssid(event) == NULL);
	CHECK(linkwatch_event_bssid(event) == NULL);
}

static void on_link(const struct linkwatch_link *link, void *user)
{
	CHECK(user == &events);
	events++;
	printf("{\"ifindex\":%u,\"name\":\"%s\",\"kind\":\"%s\",\"operstate\":\"%s\","
	       "\"connected\":%d,\"carrier\":%d,\"running\":%d,\"admin_up\":%d,"
	       "\"transitions\":%lld}\n",
	       linkwatch_link_ifindex(link), linkwatch_link_name(link),
	       linkwatch_link_kind(link), linkwatch_link_operstate(link),
	       linkwatch_link_connected(link), linkwatch_link_carrier(link),
	       linkwatch_link_running(link), linkwatch_link_admin_up(link),
	       (long long) linkwatch_link_transitions(link));
}

static void run_by_poll(void)
{
	struct pollfd polled = { .events = POLLIN };

	polled.fd = linkwatch_fd(watch);
	CHECK(polled.fd >= 0);
	while (!stopped) {
		int before, result;

		if (poll(&polled, 1, -1) < 0) {
			CHECK_EQ(errno, EINTR);
			continue;
		}
		before = events;
		result = linkwatch_dispatch(watch, 0);
		CHECK_EQ(result, events - before);
		/* Nothing is left behind that the descriptor would not tell of. */
		CHECK(linkwatch_dispatch(watch, 0) >= 0);
	}
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_signal };
	int option, by_poll = 0, list = 0, conclude = 0, result = 0;
	unsigned int settle_up = 0, settle_down = 0;

	watch = new_watch(NULL);
	while ((option = getopt(argc, argv, "plcrNDb:u:d:n:")) != -1) {
		switch (option) {
		case 'p':
			by_poll = 1;
			break;
		case 'l':
			list = 1;
			break;
		case 'c':
			conclude = 1;
			break;
		case 'r':
			CHECK_EQ(linkwatch_set_criterion(watch, LINKWATCH_CRITERION_RUNNING), 0);
			break;
		case 'N':
			CHECK_EQ(linkwatch_set_notices(watch, 1), 0);
			break;
		case 'D':
			CHECK_EQ(linkwatch_set_details(watch, 1), 0);
			break;
		case 'b':
			CHECK_EQ(linkwatch_set_buffer_size(watch, strtoul(optarg, NULL, 10)), 0);
			break;
		case 'u':
			settle_up = strtoul(optarg, NULL, 10);
			break;
		case 'd':
			settle_down = strtoul(optarg, NULL, 10);
			break;
		case 'n':
			CHECK_EQ(linkwatch_set_namespace(watch, optarg), 0);
			break;
		default:
			return 2;
		}
	}
	CHECK_EQ(linkwatch_set_settle(watch, settle_up, settle_down), 0);
	for (; optind < argc; optind++)
		CHECK_EQ(linkwatch_add_pattern(watch, argv[optind]), 0);

	if (list) {
		result = linkwatch_links(watch, on_link, &events);
		CHECK_EQ(result, events);
	} else {
		sigaction(SIGTERM, &action, NULL);
		linkwatch_on_event(watch, on_event, &events);
		CHECK_EQ(linkwatch_start(watch), 0);
		puts("{\"program\":\"started\"}");
		fflush(stdout);
		if (by_poll)
			run_by_poll();
		else
			result = linkwatch_run(watch);
		if (conclude)
			CHECK_EQ(linkwatch_conclude(watch), 0);
		printf("{\"program\":\"stopped\",\"result\":%d}\n", result);
	}
	linkwatch_free(watch);
	return 0;
}
