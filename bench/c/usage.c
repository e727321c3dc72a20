/*
 * Runs a program with its output thrown away, and prints what it took:
 * nanoseconds until it ended, microseconds of CPU, KiB of memory at its peak.
 *
 * It is small, for the peak that the kernel tells of a child begins with that
 * of the process that it came from.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static long long microseconds(struct timeval t)
{
	return t.tv_sec * 1000000LL + t.tv_usec;
}

int main(int argc, char **argv)
{
	struct rusage usage;
	long long begin = now();
	pid_t child = argc > 1 ? vfork() : -1;
	int status;

	if (child == 0) {
		dup2(open("/dev/null", O_WRONLY), 1);
		execvp(argv[1], argv + 1);
		_exit(127);
	}
	if (child < 0 || wait4(child, &status, 0, &usage) < 0)
		return 1;
	printf("%lld %lld %ld %d\n", now() - begin,
	       microseconds(usage.ru_utime) + microseconds(usage.ru_stime), usage.ru_maxrss,
	       WIFEXITED(status) ? WEXITSTATUS(status) : 255);
	return 0;
}
