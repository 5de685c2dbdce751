/*
 * The hand-written loop that the harness is measured against: the store of logstore.c in this very process, the power cut at
 * every nth step of a recorded run, each image opened and every key read back.
 *
 * Usage: loop SETS NTH. Prints the number of cuts and the CPU time in ns.
 */
#include "dualbank.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SIZE = 131072, PAGE = 1024, KEYS = 40, VALUE = 100 };

static uint8_t image[SIZE], before[SIZE];
static uint8_t saved[SIZE / PAGE];
static uint32_t pages[SIZE / PAGE], saved_count;

struct event {
	uint32_t addr, n;
	uint8_t *data; /* NULL: an erase */
};
static struct event *events;
static size_t event_count, event_room;
static int recording;

static void touch(uint32_t at, size_t n) {
	uint32_t p;
	for (p = at / PAGE; p <= (at + n - 1) / PAGE; p++) {
		if (!saved[p]) {
			saved[p] = 1;
			pages[saved_count++] = p;
			memcpy(before + p * PAGE, image + p * PAGE, PAGE);
		}
	}
}

static void undo(void) {
	uint32_t i;
	for (i = 0; i < saved_count; i++) {
		memcpy(image + pages[i] * PAGE, before + pages[i] * PAGE, PAGE);
		saved[pages[i]] = 0;
	}
	saved_count = 0;
}

static void note(uint32_t addr, const void *data, size_t n) {
	if (!recording) return;
	if (event_count == event_room) events = (struct event *)realloc(events, (event_room = event_room * 2 + 64) * sizeof *events);
	events[event_count].addr = addr;
	events[event_count].n = (uint32_t)n;
	events[event_count].data = NULL;
	if (data != NULL) {
		events[event_count].data = (uint8_t *)malloc(n);
		memcpy(events[event_count].data, data, n);
	}
	event_count++;
}

int db_read(uint32_t addr, void *buf, size_t n) {
	if (addr > SIZE || n > SIZE - addr) return DB_READ_FAILED;
	memcpy(buf, image + addr, n);
	return 0;
}

int db_program(uint32_t addr, const void *buf, size_t n) {
	const uint8_t *p = (const uint8_t *)buf;
	size_t i;
	note(addr, buf, n);
	touch(addr, n);
	for (i = 0; i < n; i++) image[addr + i] = (uint8_t)(image[addr + i] & p[i]);
	return 0;
}

int db_erase(uint32_t addr, size_t n) {
	note(addr, NULL, n);
	touch(addr, n);
	memset(image + addr, 0xFF, n);
	return 0;
}

uint32_t db_base(void) { return 0; }
uint32_t db_size(void) { return SIZE; }
uint32_t db_unit(void) { return 1; }
uint32_t db_sectors(void) { return 5; }
int db_clears(void) { return 1; }
uint32_t db_sector_size(uint32_t addr) { return addr < 65536 ? 16384 : 65536; }
uint32_t db_sector_address(uint32_t addr) { return addr < 65536 ? addr / 16384 * 16384 : 65536; }
void db_work(int kind, uint32_t n) {
	(void)kind;
	(void)n;
}
void db_tag(const char *name) { (void)name; }

int db_main(int argc, char **argv, void (*setup)(struct db_subject *)) {
	static struct db_subject s;
	static uint8_t value[VALUE + 1];
	int sets = argc > 1 ? atoi(argv[1]) : 100, nth = argc > 2 ? atoi(argv[2]) : 1, i;
	size_t e, n;
	uint32_t step, cuts = 0, seen = 0;
	uint64_t r = 1;
	struct timespec t, u;
	char key[16];
	setup(&s);
	memset(image, 0xFF, SIZE);
	if (s.format() != 0 || s.open() != 0) return 1;
	saved_count = 0;
	memset(saved, 0, sizeof saved);
	memcpy(before, image, SIZE);
	recording = 1;
	for (i = 0; i < sets; i++) {
		sprintf(key, "key%02d", i % KEYS);
		memset(value, i, VALUE);
		if (s.set(key, value, VALUE, 0) != 0) return 1;
	}
	recording = 0;
	undo();
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	for (e = 0; e < event_count; e++) {
		struct event *v = &events[e];
		if (v->data == NULL) {
			memset(image + v->addr, 0xFF, v->n);
			continue;
		}
		for (step = 0; step < v->n; step++) {
			if (seen++ % (uint32_t)nth == 0) {
				r = r * 6364136223846793005u + 1442695040888963407u;
				touch(v->addr + step, 1);
				image[v->addr + step] = (uint8_t)(image[v->addr + step] & (v->data[step] | (uint8_t)(r >> 56))); /* torn */
				if (s.open() != 0) return 2;
				for (i = 0; i < KEYS; i++) {
					sprintf(key, "key%02d", i);
					if (s.get(key, value, VALUE, &n) != 0 && sets > KEYS && e > KEYS) return 3;
				}
				undo();
				cuts++;
			}
			image[v->addr + step] = (uint8_t)(image[v->addr + step] & v->data[step]);
		}
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &u);
	printf("%u %lld\n", cuts, (long long)(u.tv_sec - t.tv_sec) * 1000000000 + (u.tv_nsec - t.tv_nsec));
	return 0;
}
