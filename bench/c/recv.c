/* The floor: recv() and a scan, as one writes it by hand. */
#include "watcher.h"

int main(int argc, char **argv)
{
	static char buffer[64 * 1024];
	int fd;

	begin(argc, argv, on_term);
	fd = subscribe();
	list_links();
	ready();
	for (;;) {
		ssize_t length = recv(fd, buffer, sizeof(buffer), 0);

		if (length >= 0)
			scan_all(buffer, length);
		else if (errno == ENOBUFS)
			overruns++;
		else if (errno != EINTR)
			fail("recv");
	}
}
