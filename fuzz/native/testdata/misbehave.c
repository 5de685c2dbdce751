/* A register for one value that goes wrong in the way that its first argument names. */
#define DUALBANK_IMPLEMENTATION
#include "dualbank.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *way = "";
static uint8_t value[80];
static size_t length;
static int survives;
static int bad; /* there is half a slot: a power cut has left it */
static void *leaked;

static int is(const char *s) { return strcmp(way, s) == 0; }

static int deeper(volatile char *p) {
	volatile char room[4096];
	room[0] = *p;
	if (room[0] == 1) return 1;
	return room[0] + deeper(room) + room[1];
}

/* Reads a slot {length, inverted length, 78 bytes}; the last valid one counts. */
static uint32_t scan(void) {
	static const uint8_t blank[80] = {
#define B8 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF
		B8, B8, B8, B8, B8, B8, B8, B8, B8, B8,
	};
	uint32_t at;
	uint8_t slot[80];
	length = 0;
	bad = 0;
	for (at = 0; at + 80 <= db_size(); at += 80) {
		if (db_read(at, slot, 80) != 0) return at;
		if (memcmp(slot, blank, 80) == 0) return at;
		if ((slot[0] ^ slot[1]) == 0xFF && slot[0] <= 78) {
			length = slot[0];
			memcpy(value, slot + 2, length);
		} else {
			bad = 1;
		}
	}
	return at;
}

static int reg_open(void) {
	scan();
	if (is("static") && survives++ > 0) return DB_CORRUPT;
	if (is("uninitialised")) {
		volatile unsigned x[4000];
		if (x[100] != 0xA5A5A5A5u) return DB_CORRUPT;
		x[100] = 1;
	}
	if (bad) {
		if (is("null")) *(volatile int *)(uintptr_t)8 = 1;
		if (is("stack")) return deeper((volatile char *)way);
		if (is("loop")) for (;;) __asm__ volatile("");
		if (is("flashloop")) for (;;) db_read(0, value, 1);
		if (is("sleep")) for (;;) pause();
		if (is("abort")) abort();
		if (is("exit")) exit(3);
		if (is("quick exit")) _exit(3);
		if (is("halt")) db_halt("assertion failed: !bad");
		if (is("free")) {
			char *volatile p = (char *)malloc(10);
			free(p);
			free(p);
		}
		if (is("bounds")) {
			char *p = (char *)malloc(10);
			volatile int i = 12;
			value[0] = (uint8_t)p[i];
			free(p);
		}
	}
	if (is("leak") && bad) {
		leaked = malloc(100);
		for (;;) {
			if ((leaked = malloc(100)) == NULL) return -20;
		}
	}
	if (is("print") || is("gigabyte")) {
		static char text[1 << 20];
		int i;
		memset(text, 'x', sizeof text);
		for (i = 0; i < (is("print") ? 16 : 1024); i++) (void)!write(1, text, sizeof text);
	}
	return DB_OK;
}

static int reg_set(const char *key, const void *p, size_t n, unsigned flags) {
	uint8_t slot[80];
	uint32_t at = scan();
	(void)key;
	(void)flags;
	if (n > 78) return DB_INVALID;
	if (at + 80 > db_size()) return DB_FULL;
	memset(slot, 0xFF, sizeof slot);
	slot[0] = (uint8_t)n;
	slot[1] = (uint8_t)~n;
	memcpy(slot + 2, p, n);
	if (db_program(at + 2, slot + 2, 78) != 0) return DB_WRITE_FAILED;
	return db_program(at, slot, 2);
}

static int reg_get(const char *key, void *buf, size_t cap, size_t *n) {
	(void)key;
	scan();
	if (length == 0) return DB_NOT_FOUND;
	*n = length < cap ? length : cap;
	memcpy(buf, value, *n);
	return DB_OK;
}

static void setup(struct db_subject *s) {
	s->open = reg_open;
	s->set = reg_set;
	s->get = reg_get;
}

int main(int argc, char **argv) {
	if (argc > 1) way = argv[1];
	return db_main(argc, argv, setup);
}
