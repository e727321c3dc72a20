/* The limit: many messages a system call. */
#define _GNU_SOURCE
#include "watcher.h"

#define BATCH 64
#define SIZE (8 * 1024)

int main(int argc, char **argv)
{
	static char buffers[BATCH][SIZE];
	static struct iovec parts[BATCH];
	static struct mmsghdr batch[BATCH];
	int fd, i;

	begin(argc, argv, on_term);
	fd = subscribe();
	list_links();
	for (i = 0; i < BATCH; i++) {
		parts[i] = (struct iovec){ buffers[i], SIZE };
		batch[i].msg_hdr.msg_iov = &parts[i];
		batch[i].msg_hdr.msg_iovlen = 1;
	}
	ready();
	for (;;) {
		int count = recvmmsg(fd, batch, BATCH, MSG_WAITFORONE, NULL);

		for (i = 0; i < count; i++)
			scan_all(buffers[i], batch[i].msg_len);
		if (count < 0 && errno == ENOBUFS)
			overruns++;
		else if (count < 0 && errno != EINTR)
			fail("recvmmsg");
	}
}
