/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* A program that receives with copies of its socket's callbacks, which outlive
 * the attachment: nl_cb_clone(), and nl_cache_mngr_data_ready(), which makes a
 * copy for each call. */

#include <netlink/cache.h>
#include <netlink/route/link.h>
#include <pthread.h>
#include <sched.h>

#include "netlink.h"

#define THREADS 4
#define ROUNDS 20

struct program {
	char cable[IFNAMSIZ];
	struct nl_sock *socket;
	struct linkwatch *watch;
	int events, messages, up;
};

static void on_event(const struct linkwatch_event *event, void *user)
{
	struct program *program = user;

	CHECK(strcmp(linkwatch_event_ifname(event), program->cable) == 0);
	program->events++;
}

static int on_valid(struct nl_msg *message, void *user)
{
	struct program *program = user;

	(void) message;
	program->messages++;
	return NL_OK;
}

static void attach(struct program *program)
{
	int before = program->events;

	program->watch = new_watch(program->cable);
	linkwatch_on_event(program->watch, on_event, program);
	CHECK_EQ(linkwatch_attach(program->watch, program->socket), 0);
	CHECK_EQ(program->events - before, 1);
}

static struct nl_cb *clone_callbacks(struct nl_sock *socket)
{
	struct nl_cb *own = nl_socket_get_cb(socket), *clone = nl_cb_clone(own);

	CHECK(clone != NULL);
	nl_cb_put(own);
	return clone;
}

/* Changes the link and receives with these callbacks: the program is to get its
 * messages, and linkwatch so many events. */
static void change(struct program *program, struct nl_cb *callbacks, int expected)
{
	int events = program->events, messages = program->messages, result;

	set_up(program->cable, program->up = !program->up);
	do {
		result = nl_recvmsgs(program->socket, callbacks);
	} while (result >= 0);
	CHECK_EQ(result, -NLE_AGAIN);
	CHECK(program->messages > messages);
	CHECK_EQ(program->events - events, expected);
}

static void begin(struct program *program)
{
	program->socket = new_socket(on_valid, program);
	CHECK_EQ(nl_socket_add_memberships(program->socket, RTNLGRP_LINK, 0), 0);
	attach(program);
}

static void end(struct program *program)
{
	linkwatch_free(program->watch);
	nl_socket_free(program->socket);
}

static void a_clone_feeds_until_the_handle_is_freed(struct program *program)
{
	struct nl_cb *clone;

	begin(program);
	clone = clone_callbacks(program->socket);
	change(program, clone, 1);
	linkwatch_free(program->watch);
	program->watch = NULL;
	change(program, clone, 0);
	nl_cb_put(clone);
	end(program);
}

static void a_clone_outlives_its_socket_too(struct program *program)
{
	struct nl_cb *clone;

	begin(program);
	clone = clone_callbacks(program->socket);
	end(program);
	program->watch = NULL;
	program->socket = nl_socket_alloc_cb(clone);
	CHECK_EQ(nl_connect(program->socket, NETLINK_ROUTE), 0);
	CHECK_EQ(nl_socket_set_nonblocking(program->socket), 0);
	CHECK_EQ(nl_socket_add_memberships(program->socket, RTNLGRP_LINK, 0), 0);
	change(program, clone, 0);
	nl_cb_put(clone);
	end(program);
}

/* Where the former one lay, perhaps. */
static void a_clone_does_not_feed_the_next_handle(struct program *program)
{
	struct nl_cb *former, *present;

	begin(program);
	former = clone_callbacks(program->socket);
	linkwatch_free(program->watch);
	attach(program);
	present = clone_callbacks(program->socket);
	/* Twice: then the link is as the handle knows it. */
	change(program, former, 0);
	change(program, former, 0);
	change(program, present, 1);
	CHECK_EQ(linkwatch_detach(program->watch), 0);
	CHECK_EQ(linkwatch_attach(program->watch, program->socket), 0);
	change(program, present, 0);
	nl_cb_put(former);
	nl_cb_put(present);
	end(program);
}

static void free_it(const struct linkwatch_event *event, void *user)
{
	struct program *program = user;

	(void) event;
	program->events++;
	linkwatch_free(program->watch);
	/* It lives until this function returns, yet is no handle any more. */
	CHECK_EQ(linkwatch_fd(program->watch), LINKWATCH_E_INVAL);
	linkwatch_free(program->watch);
	program->watch = NULL;
}

static void on_change(struct nl_cache *cache, struct nl_object *object, int action, void *user)
{
	struct program *program = user;

	(void) cache;
	(void) action;
	if (!strcmp(rtnl_link_get_name((struct rtnl_link *) object), program->cable))
		program->messages++;
}

static void a_cache_manager_goes_on_when_the_callback_frees_the_handle(struct program *program)
{
	struct nl_sock *socket = nl_socket_alloc();
	struct nl_cache_mngr *manager;
	struct nl_cache *cache;
	int messages;

	program->socket = socket;
	CHECK_EQ(nl_cache_mngr_alloc(socket, NETLINK_ROUTE, NL_AUTO_PROVIDE, &manager), 0);
	CHECK_EQ(nl_cache_mngr_add(manager, "route/link", on_change, program, &cache), 0);
	attach(program);
	linkwatch_on_event(program->watch, free_it, program);
	program->events = program->messages = 0;
	set_up(program->cable, 0);
	set_up(program->cable, 1);
	program->up = 1;
	while (nl_cache_mngr_data_ready(manager) > 0)
		;
	CHECK_EQ(program->events, 1);
	CHECK(program->watch == NULL);
	messages = program->messages;
	CHECK(messages >= 2);
	set_up(program->cable, program->up = 0);
	CHECK(nl_cache_mngr_data_ready(manager) > 0);
	CHECK(program->messages > messages);
	nl_cache_mngr_free(manager);
	nl_socket_free(socket);
}

/* Handles are attached, fed and freed by threads that know nothing of each other:
 * each has its own network namespace. */
static void *run(void *argument)
{
	struct program program = { .cable = "cable0", .up = 1 };
	int round, cable;

	CHECK_EQ(unshare(CLONE_NEWNET), 0);
	cable = make_cable_up(program.cable);
	for (round = 0; round < ROUNDS; round++) {
		a_clone_feeds_until_the_handle_is_freed(&program);
		a_clone_does_not_feed_the_next_handle(&program);
	}
	close(cable);
	return argument;
}

static void threads_do_not_disturb_each_other(void)
{
	pthread_t threads[THREADS];
	int i;

	for (i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, run, NULL), 0);
	for (i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
}

int main(void)
{
	struct program program = { .cable = "cable0", .up = 1 };
	int cable = make_cable_up("cable0");

	a_clone_feeds_until_the_handle_is_freed(&program);
	a_clone_outlives_its_socket_too(&program);
	a_clone_does_not_feed_the_next_handle(&program);
	a_cache_manager_goes_on_when_the_callback_frees_the_handle(&program);
	threads_do_not_disturb_each_other();
	close(cable);
	return 0;
}
