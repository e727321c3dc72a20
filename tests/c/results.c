/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* The results of a program's callbacks have the effect that they had before
 * linkwatch was attached. */

#include "netlink.h"

#define LINKS 5

struct counts {
	int valid, finish, receives, last_result;
};

static struct counts counts;
static int valid_result;

/* libnl's word is linkwatch's first. */
static int seen_by_linkwatch, seen_by_program;

static void on_event(const struct linkwatch_event *event, void *user)
{
	(void) event;
	(void) user;
	CHECK_EQ(seen_by_linkwatch, seen_by_program);
	seen_by_linkwatch++;
}

static int on_valid(struct nl_msg *message, void *arg)
{
	CHECK(arg == &counts);
	CHECK_EQ(nlmsg_hdr(message)->nlmsg_type, RTM_NEWLINK);
	counts.valid++;
	return valid_result;
}

static int on_finish(struct nl_msg *message, void *arg)
{
	(void) message;
	CHECK(arg == &counts);
	counts.finish++;
	return NL_STOP;
}

static int on_change(struct nl_msg *message, void *arg)
{
	(void) message;
	(void) arg;
	seen_by_program++;
	CHECK_EQ(seen_by_linkwatch, seen_by_program);
	return NL_OK;
}

/* All links are asked for: the answers come many in a datagram. */
static struct counts dump(struct nl_sock *socket, int with_report)
{
	struct ifinfomsg request = { .ifi_family = AF_UNSPEC };
	struct nl_cb *callbacks = nl_socket_get_cb(socket);
	int result;

	memset(&counts, 0, sizeof(counts));
	CHECK(nl_send_simple(socket, RTM_GETLINK, NLM_F_DUMP, &request, sizeof(request)) >= 0);
	for (;;) {
		result = with_report ? nl_recvmsgs_report(socket, callbacks)
				     : nl_recvmsgs_default(socket);
		if (result == -NLE_AGAIN)
			break;
		counts.receives++;
		counts.last_result = result;
	}
	nl_cb_put(callbacks);
	return counts;
}

static void results_keep_their_effect(void)
{
	const int results[] = { NL_OK, NL_SKIP, NL_STOP, -NLE_PERM, 7 };
	struct linkwatch *watch = new_watch(NULL);
	struct nl_sock *socket = new_socket(on_valid, &counts);
	struct counts plain[10], attached;
	size_t i;

	nl_socket_modify_cb(socket, NL_CB_FINISH, NL_CB_CUSTOM, on_finish, &counts);
	for (i = 0; i < 10; i++) {
		valid_result = results[i / 2];
		plain[i] = dump(socket, i % 2);
	}
	/* They do have an effect. */
	CHECK_EQ(plain[0].valid, LINKS);
	CHECK_EQ(plain[0].finish, 1);
	CHECK(plain[4].valid < LINKS);
	CHECK(plain[6].valid < LINKS);

	CHECK_EQ(linkwatch_attach(watch, socket), 0);
	for (i = 0; i < 10; i++) {
		valid_result = results[i / 2];
		attached = dump(socket, i % 2);
		CHECK_EQ(attached.valid, plain[i].valid);
		CHECK_EQ(attached.finish, plain[i].finish);
		CHECK_EQ(attached.receives, plain[i].receives);
		CHECK_EQ(attached.last_result, plain[i].last_result);
	}
	linkwatch_free(watch);
	nl_socket_free(socket);
}

static void linkwatch_comes_first(void)
{
	struct linkwatch *watch = new_watch("cable0");
	struct nl_sock *socket = new_socket(on_change, NULL);
	int i;

	CHECK_EQ(linkwatch_attach(watch, socket), 0);
	linkwatch_on_event(watch, on_event, NULL);
	for (i = 0; i < 4; i++) {
		set_up("cable0", i % 2);
		CHECK_EQ(receive_all(socket), -NLE_AGAIN);
		/* The kernel has more to say, which is no event. */
		seen_by_program = seen_by_linkwatch;
	}
	CHECK_EQ(seen_by_linkwatch, 4);
	nl_socket_free(socket);
	linkwatch_free(watch);
}

int main(void)
{
	char name[] = "cable0";
	int cables[LINKS - 1], i;

	for (i = 0; i < LINKS - 1; i++) {
		name[5] = '0' + i;
		cables[i] = make_cable_up(name);
	}
	results_keep_their_effect();
	linkwatch_comes_first();
	for (i = 0; i < LINKS - 1; i++)
		close(cables[i]);
	return 0;
}
