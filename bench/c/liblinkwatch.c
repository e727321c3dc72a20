/* The project's C library. */
#include "watcher.h"

#include <linkwatch.h>

static struct linkwatch *watch;
static unsigned long long lost;

static void on_event(const struct linkwatch_event *event, void *unused)
{
	int type = linkwatch_event_type(event);

	(void)unused;
	if (type == LINKWATCH_EVENT_RESYNC)
		lost += linkwatch_event_overruns(event);
	else if (with_times &&
		 (type == LINKWATCH_EVENT_CONNECTED || type == LINKWATCH_EVENT_DISCONNECTED))
		note_time(linkwatch_event_ifindex(event), linkwatch_event_connected(event));
}

static void on_link(const struct linkwatch_link *link, void *unused)
{
	(void)unused;
	printf("link %u %d %s\n", linkwatch_link_ifindex(link), linkwatch_link_connected(link),
	       linkwatch_link_name(link));
}

static void on_term_here(int signal)
{
	(void)signal;
	linkwatch_stop(watch);
}

int main(int argc, char **argv)
{
	size_t i;

	if (linkwatch_new(&watch) < 0)
		return 1;
	begin(argc, argv, on_term_here);
	linkwatch_on_event(watch, on_event, NULL);
	if (linkwatch_start(watch) < 0) {
		fprintf(stderr, "%s\n", linkwatch_error_detail(watch));
		return 1;
	}
	/* The `initial` events. */
	while (linkwatch_dispatch(watch, 0) > 0)
		;
	ready();
	if (linkwatch_run(watch) < 0) {
		fprintf(stderr, "%s\n", linkwatch_error_detail(watch));
		return 1;
	}
	/* It has no count of messages. */
	printf("overruns %llu\n", lost);
	for (i = 0; i < time_count; i++)
		printf("time %llu %d %d\n", (unsigned long long)times[i].when, times[i].index,
		       times[i].connected);
	linkwatch_links(watch, on_link, NULL);
	linkwatch_free(watch);
	return 0;
}
