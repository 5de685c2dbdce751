/* A program that breaks the protocol in the way that its first argument names. */
#define _GNU_SOURCE 1
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static uint32_t *h;

static void say(uint32_t type, uint32_t a, uint64_t b) {
	uint32_t m[4];
	m[0] = type;
	m[1] = a;
	m[2] = (uint32_t)b;
	m[3] = (uint32_t)(b >> 32);
	(void)!write(5, m, 16);
}

static void hear(void) {
	uint32_t m[4];
	if (read(4, m, 16) != 16) exit(0);
}

/* record writes a log of one record; the indices are those of the header page. */
static void record(uint32_t type, int32_t status, uint32_t a, uint32_t n) {
	uint32_t *log = (uint32_t *)(void *)((char *)h + h[13]), *info = (uint32_t *)(void *)((char *)h + h[9]);
	log[0] = type;
	log[1] = (uint32_t)status;
	log[2] = a;
	log[3] = n;
	info[16] = 16;
}

int main(int argc, char **argv) {
	const char *way = argc > 1 ? argv[1] : "";
	uint32_t *info, total;
	if (strcmp(way, "at once") == 0) return 0;
	if (strcmp(way, "silent") == 0) for (;;) pause();
	if (strcmp(way, "garbage") == 0) {
		say(0xDEADBEEF, 1, 2);
		pause();
	}
	if (pread(3, &total, 4, 8) != 4) return 1;
	h = (uint32_t *)mmap(NULL, total, PROT_READ | PROT_WRITE, MAP_SHARED, 3, 0);
	if (h == MAP_FAILED) return 1;
	info = (uint32_t *)(void *)((char *)h + h[9]);
	info[0] = h[0];
	info[1] = strcmp(way, "version") == 0 ? 7 : h[1];
	info[2] = 0xFFFF;
	info[3] = 1;
	info[5] = 64;
	info[6] = strcmp(way, "keys") == 0 ? 0xFFFFFFFF : 64;
	say(1, 1, 0);
	hear();
	if (strcmp(way, "shrink") == 0) {
		if (ftruncate(3, 4096) == 0) return 9;
		fprintf(stderr, "it cannot be shrunk\n");
		return 1;
	}
	if (strcmp(way, "header") == 0) { /* the harness knows where things are */
		memset(h, 0xFF, 4096);
		say(2, 1, 0);
	}
	if (strcmp(way, "long log") == 0) {
		info[16] = 0xFFFFFFF0;
		say(2, 1, 0);
	}
	if (strcmp(way, "long record") == 0) {
		record(1, 0, 0, 0xFFFFFF00);
		say(2, 1, 0);
	}
	if (strcmp(way, "unknown record") == 0) {
		record(77, 0, 0, 0);
		say(2, 1, 0);
	}
	if (strcmp(way, "early") == 0) {
		info[16] = 0;
		say(2, 1, 0);
	}
	if (strcmp(way, "many items") == 0) {
		int i;
		record(8, 0, 0, 0);
		for (i = 1; i < 200; i++) memcpy((char *)h + h[13] + 16 * i, (char *)h + h[13], 16);
		info[16] = 16 * 200;
		say(2, 1, 0);
	}
	if (strcmp(way, "flood") == 0) {
		for (;;) {
			record(1, 0, 0, h[15] - 16);
			info[16] = h[15];
			say(4, 0, 0);
			hear();
		}
	}
	if (strcmp(way, "question") == 0) {
		record(6, 99, 0, 0);
		say(3, 0, 0);
	}
	if (strcmp(way, "outside") == 0) { /* a program beyond the device, without asking */
		uint32_t *log = (uint32_t *)(void *)((char *)h + h[13]);
		record(1, 0, 0xFFFFFFF0, 16);
		log[8] = 7;
		log[9] = 0;
		log[10] = 0;
		log[11] = 0;
		log[12] = 8;
		log[13] = log[14] = log[15] = 0;
		info[16] = 64;
		say(2, 1, 0);
	}
	if (strcmp(way, "gone") == 0) return 0;
	for (;;) pause();
}
