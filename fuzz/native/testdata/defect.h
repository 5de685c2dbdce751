/*
 * The defect that is planted in an example is the program's first argument, in place of a constant: so the tests
 * build each example once. Constructors get main's arguments from glibc. No header may come before dualbank.h.
 */
static int defect;

__attribute__((constructor)) static void plant(int argc, char **argv) {
	const char *digit = argc > 1 ? argv[1] : "";
	for (; *digit >= '0' && *digit <= '9'; digit++) defect = 10 * defect + (*digit - '0');
}

#define DEFECT defect
