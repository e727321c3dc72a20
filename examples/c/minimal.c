/* Prints each change of the interfaces that are named, or of all.
 *
 *	cc minimal.c $(pkg-config --cflags --libs linkwatch) -o minimal
 */
#include <linkwatch.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	struct linkwatch *lw;
	int err, i;

	err = linkwatch_new(&lw);
	if (err < 0) {
		fprintf(stderr, "minimal: %s\n", linkwatch_strerror(err));
		return 1;
	}
	linkwatch_on_event(lw, linkwatch_print_event, stdout);
	for (i = 1; i < argc && err >= 0; i++)
		err = linkwatch_add_pattern(lw, argv[i]);
	if (err >= 0)
		err = linkwatch_start(lw);
	if (err >= 0)
		err = linkwatch_run(lw);
	if (err < 0)
		fprintf(stderr, "minimal: %s\n", linkwatch_error_detail(lw));
	linkwatch_free(lw);
	return err < 0;
}
