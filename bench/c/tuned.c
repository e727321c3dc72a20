/*
 * libnl as one uses it who knows it well: without MSG_PEEK, which makes two
 * system calls of one, and with the floor's scan of the attributes.
 */
#include "libnl.h"

static int on_valid(struct nl_msg *message, void *unused)
{
	(void)unused;
	scan(nlmsg_hdr(message));
	return NL_OK;
}

static int prepare(struct nl_sock *socket)
{
	nl_socket_disable_msg_peek(socket);
	return nl_socket_set_msg_buf_size(socket, 64 * 1024);
}

int main(int argc, char **argv)
{
	begin(argc, argv, on_term);
	return follow_with(on_valid, prepare);
}
