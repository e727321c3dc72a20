/* A watch beside other things in an epoll loop: here, the lines of standard
 * input; an end of file ends the program.
 *
 *	cc epoll.c $(pkg-config --cflags --libs linkwatch) -o epoll
 */
#include <linkwatch.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

static void on_event(const struct linkwatch_event *event, void *user)
{
	int *changes = user;
	const char *name = linkwatch_event_ifname(event);

	++*changes;
	printf("%s %s\n", name ? name : "*",
	       linkwatch_event_type_name(linkwatch_event_type(event)));
	fflush(stdout);
}

static int watch_fd(int epoll, int fd)
{
	struct epoll_event interest = { .events = EPOLLIN, .data = { .fd = fd } };

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &interest);
}

int main(void)
{
	struct linkwatch *lw;
	struct epoll_event ready;
	int epoll, changes = 0, err;
	char line[256];
	ssize_t length = 1;

	err = linkwatch_new(&lw);
	if (err < 0)
		return 1;
	linkwatch_on_event(lw, on_event, &changes);
	err = linkwatch_start(lw);
	if (err < 0) {
		fprintf(stderr, "linkwatch: %s\n", linkwatch_error_detail(lw));
		linkwatch_free(lw);
		return 1;
	}

	epoll = epoll_create1(EPOLL_CLOEXEC);
	if (epoll < 0 || watch_fd(epoll, linkwatch_fd(lw)) < 0 ||
	    watch_fd(epoll, STDIN_FILENO) < 0) {
		perror("epoll");
		err = -1;
	}
	while (err >= 0 && length > 0 && epoll_wait(epoll, &ready, 1, -1) > 0) {
		if (ready.data.fd == linkwatch_fd(lw)) {
			/* The descriptor is readable: nothing to wait for. */
			err = linkwatch_dispatch(lw, 0);
		} else {
			length = read(STDIN_FILENO, line, sizeof(line));
			if (length > 0)
				printf("%d changes so far\n", changes);
			fflush(stdout);
		}
	}
	if (epoll >= 0)
		close(epoll);
	linkwatch_free(lw);
	return err < 0;
}
