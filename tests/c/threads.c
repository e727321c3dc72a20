/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* One thread runs, another stops it; a handle goes from thread to thread. */

#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>

#include "common.h"

static int events;
/* The thread that waits, once it is about to. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static long waiter;

static void on_event(const struct linkwatch_event *event, void *user)
{
	CHECK(linkwatch_event_type(event) > 0);
	++*(int *) user;
}

static void about_to_wait(void)
{
	pthread_mutex_lock(&mutex);
	waiter = syscall(SYS_gettid);
	pthread_mutex_unlock(&mutex);
}

static void *run(void *watch)
{
	about_to_wait();
	CHECK_EQ(linkwatch_run(watch), 0);
	return NULL;
}

static void *wait_for_event(void *watch)
{
	about_to_wait();
	CHECK_EQ(linkwatch_dispatch(watch, -1), 0);
	return NULL;
}

static void *start_and_dispatch(void *watch)
{
	CHECK_EQ(linkwatch_start(watch), 0);
	set_up("cable0", 0);
	CHECK_EQ(linkwatch_dispatch(watch, -1), 1);
	set_up("cable0", 1);
	CHECK_EQ(linkwatch_dispatch(watch, -1), 1);
	return NULL;
}

static void *free_it(void *watch)
{
	linkwatch_free(watch);
	return NULL;
}

static void in_thread(void *(*function)(void *), struct linkwatch *watch)
{
	pthread_t thread;

	CHECK_EQ(pthread_create(&thread, NULL, function, watch), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
}

static int waits(void)
{
	char path[64], state = 0;
	long thread;
	FILE *file;

	pthread_mutex_lock(&mutex);
	thread = waiter;
	pthread_mutex_unlock(&mutex);
	if (!thread)
		return 0;
	sprintf(path, "/proc/self/task/%ld/stat", thread);
	file = fopen(path, "r");
	CHECK(file && fscanf(file, "%*d (%*[^)]) %c", &state) == 1);
	fclose(file);
	return state == 'S';
}

/* Stops it once it waits, and whenever it comes: both are to work. */
static void stopped_by_another(void *(*function)(void *))
{
	struct linkwatch *watch = new_watch("cable0");
	pthread_t thread;
	int i;

	linkwatch_on_event(watch, on_event, &events);
	CHECK_EQ(linkwatch_start(watch), 0);
	for (i = 0; i < 20; i++) {
		waiter = 0;
		CHECK_EQ(pthread_create(&thread, NULL, function, watch), 0);
		while (i % 2 && !waits())
			sched_yield();
		linkwatch_stop(watch);
		CHECK_EQ(pthread_join(thread, NULL), 0);
	}
	linkwatch_free(watch);
}

int main(void)
{
	int cable = make_cable_up("cable0");
	struct linkwatch *watch;

	stopped_by_another(run);
	stopped_by_another(wait_for_event);

	events = 0;
	watch = new_watch("cable0");
	linkwatch_on_event(watch, on_event, &events);
	in_thread(start_and_dispatch, watch);
	CHECK_EQ(events, 3);
	set_up("cable0", 0);
	CHECK_EQ(linkwatch_dispatch(watch, -1), 1);
	in_thread(free_it, watch);
	close(cable);
	return 0;
}
