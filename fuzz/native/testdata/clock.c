/*
 * A store of one key that reads the clock. Its records have 32 bytes: the time before they are programmed, and the time
 * after that. A get gives those of the last one, with the time of the last open.
 */
#define DUALBANK_IMPLEMENTATION
#include "dualbank.h"

#include <string.h>

enum { RECORD = 32 };
static uint32_t end;
static uint64_t opened;

static int open_(void) {
	uint8_t first;
	for (end = 0; end + RECORD <= db_size(); end += RECORD) {
		if (db_read(end, &first, 1) != 0) return DB_READ_FAILED;
		if (first == 0xFF) break;
	}
	opened = db_now_us();
	return DB_OK;
}

static int set(const char *key, const void *value, size_t n, unsigned flags) {
	uint8_t record[RECORD];
	uint64_t now = db_now_us();
	(void)key;
	(void)value;
	(void)n;
	(void)flags;
	if (end + RECORD > db_size()) return DB_FULL;
	memset(record, 0, sizeof record);
	memcpy(record + 8, &now, sizeof now);
	if (db_program(end, record, 16) != 0) return DB_WRITE_FAILED;
	db_work(DB_WORK_SHA256, 1000);
	now = db_now_us();
	memcpy(record + 16, &now, sizeof now);
	if (db_program(end + 16, record + 16, 16) != 0) return DB_WRITE_FAILED;
	end += RECORD;
	return DB_OK;
}

static int get(const char *key, void *buf, size_t cap, size_t *n) {
	(void)key;
	if (end == 0 || cap < RECORD) return DB_NOT_FOUND;
	if (db_read(end - RECORD, buf, RECORD) != 0) return DB_READ_FAILED;
	memcpy(buf, &opened, sizeof opened);
	*n = RECORD;
	return DB_OK;
}

static void setup(struct db_subject *s) {
	s->open = open_;
	s->set = set;
	s->get = get;
}

DB_MAIN(setup)
