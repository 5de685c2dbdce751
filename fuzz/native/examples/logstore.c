/*
 * A log-structured key-value store in two areas, for the harness.
 *
 * An area begins with a header {magic, generation, its complement, CRC}; the valid header with the higher generation
 * names the area in use. Records follow: {magic, flags, key length, value length, CRC}, key, value, padded to the
 * program unit. The last record of a key counts. When an area is full its live records are copied into the other
 * one, whose header is written last.
 *
 * After a power cut cells may read differently from read to read. So every open drives what a cut may have left
 * undecided to one side: the header and the last record are programmed again where the part allows that, a header
 * that is neither valid nor erased is overwritten with zeros, and the end of the log is marked, so that nothing is
 * ever appended to a unit whose program may have begun.
 *
 * DEFECT=1 to 14 each leave one precaution out.
 */
#define DUALBANK_IMPLEMENTATION
#include "dualbank.h"

#include <string.h>

#ifndef DEFECT
#define DEFECT 0
#endif

enum { HEAD = 16, MAX_KEY = 128, MAX_VALUE = 1024, MAX_KEYS = 64 };
#define AREA_MAGIC 0x41474F4Cu   /* "LOGA" */
#define RECORD_MAGIC 0x52474F4Cu /* "LOGR" */
enum { REMOVED = 0x80 };

struct entry {
	uint32_t at, n; /* first byte of the record, bytes of the value */
	uint32_t hash;  /* of the key */
	uint8_t key;    /* bytes of the key */
	uint8_t flags;
};

static struct entry table[MAX_KEYS];
static uint32_t keys;
static uint32_t area_at[2], area_end[2];
static int active;
static uint32_t generation, tail;
static int dirty; /* behind the last record there is something that is none */
static uint8_t record[HEAD + MAX_KEY + MAX_VALUE + 256];
static uint8_t key_buf[MAX_KEY + 1];

static uint32_t get32(const uint8_t *p) { return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24; }

static void put32(uint8_t *p, uint32_t v) {
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
	p[2] = (uint8_t)(v >> 16);
	p[3] = (uint8_t)(v >> 24);
}

static uint32_t crc_table[256];

static uint32_t crc32(uint32_t crc, const void *data, size_t n) {
	const uint8_t *p = (const uint8_t *)data;
	if (crc_table[1] == 0) {
		uint32_t i, c;
		int k;
		for (i = 0; i < 256; i++) {
			for (c = i, k = 0; k < 8; k++) c = c & 1 ? c >> 1 ^ 0xEDB88320u : c >> 1;
			crc_table[i] = c;
		}
	}
	db_work(DB_WORK_CRC32, (uint32_t)n);
	for (crc = ~crc; n > 0; n--, p++) crc = crc_table[(crc ^ *p) & 0xFF] ^ crc >> 8;
	return ~crc;
}

static int all(const uint8_t *p, size_t n, uint8_t v) {
	for (; n > 0; n--, p++) {
		if (*p != v) return 0;
	}
	return 1;
}

static uint32_t up(uint32_t n) { return (n + db_unit() - 1) / db_unit() * db_unit(); }

/* areas splits the device in two at the sector boundary that is nearest to its middle, from below. */
static void areas(void) {
	uint32_t at = 0;
	while (at + db_sector_size(at) <= db_size() / 2) at += db_sector_size(at);
	area_at[0] = 0;
	area_end[0] = area_at[1] = at;
	area_end[1] = db_size();
	if (area_end[1] - area_at[1] > at) area_end[1] = area_at[1] + at; /* what fits in one must fit in the other */
}

static int header_valid(const uint8_t *h) {
	if (DEFECT == 1) return get32(h) == AREA_MAGIC;
	return get32(h) == AREA_MAGIC && get32(h + 4) == ~get32(h + 8) && get32(h + 12) == crc32(0, h, 12);
}

static int write_header(int a, uint32_t gen) {
	uint32_t n = up(HEAD);
	memset(record, 0xFF, n);
	put32(record, AREA_MAGIC);
	put32(record + 4, gen);
	put32(record + 8, ~gen);
	put32(record + 12, crc32(0, record, 12));
	return db_program(area_at[a], record, n);
}

static struct entry *find(const char *key) {
	uint32_t i, n = (uint32_t)strlen(key), hash = crc32(0, key, n);
	for (i = 0; i < keys; i++) {
		if (table[i].hash == hash && table[i].key == n && db_read(table[i].at + HEAD, key_buf, n) == 0 && memcmp(key_buf, key, n) == 0) return &table[i];
	}
	return NULL;
}

/* enter brings the table up to a record; the key is in key_buf. */
static int enter(uint32_t at, uint32_t n, uint8_t key, uint8_t flags) {
	char name[MAX_KEY + 1];
	struct entry *e;
	memcpy(name, key_buf, key);
	name[key] = 0;
	e = find(name);
	if (flags & REMOVED) {
		if (e != NULL) *e = table[--keys];
		return 0;
	}
	if (e == NULL) {
		if (keys == MAX_KEYS) return DB_FULL;
		e = &table[keys++];
	}
	e->at = at;
	e->hash = crc32(0, name, key);
	e->n = n;
	e->key = key;
	e->flags = flags;
	return 0;
}

/* crc_of is the CRC of the record in record, whose value has n bytes. */
static uint32_t crc_of(uint32_t n) {
	return crc32(crc32(0, record, 12), record + HEAD, record[5] + (DEFECT == 7 ? 0 : n));
}

/* load reads the record at into record, and returns its length; 0: it is none. */
static uint32_t load(uint32_t at) {
	uint32_t n, crc;
	if (db_read(at, record, HEAD) != 0 || get32(record) != RECORD_MAGIC) return 0;
	n = get32(record + 8);
	if (record[5] == 0 || record[5] > MAX_KEY || n > MAX_VALUE || up(HEAD + record[5] + n) > area_end[active] - at) return 0;
	if (db_read(at + HEAD, record + HEAD, record[5] + n) != 0 || memchr(record + HEAD, 0, record[5]) != NULL) return 0;
	crc = crc_of(n);
	if (DEFECT != 2 && get32(record + 12) != crc) return 0;
	return HEAD + record[5] + n;
}

/* scan reads the log. The last record or mark is left in record: last is where it stands, *n its length; 0: none. */
static int scan(uint32_t *last, uint32_t *n) {
	uint8_t head[HEAD];
	int err;
	keys = 0;
	dirty = 0;
	*last = *n = 0;
	for (tail = area_at[active] + up(HEAD); tail + up(HEAD) <= area_end[active]; tail += up(*n)) {
		if (db_read(tail, head, HEAD) != 0) {
			dirty = 1;
			break;
		}
		if (all(head, HEAD, 0xFF)) break;
		*last = tail;
		if (all(head, HEAD, 0)) {
			*n = HEAD;
			memset(record, 0, HEAD);
			continue;
		}
		if ((*n = load(tail)) == 0) {
			dirty = 1;
			break;
		}
		memcpy(key_buf, record + HEAD, record[5]);
		err = enter(tail, get32(record + 8), record[5], record[4]);
		if (err != 0) return err;
	}
	return 0;
}

/* append programs the record in record, n bytes, at the end of the log. */
static int append(uint32_t n) {
	int err;
	memset(record + n, 0xFF, up(n) - n);
	err = db_program(tail, record, up(n));
	tail += up(n);
	if (err != 0) dirty = 1;
	return err;
}

/* compact copies what lives into the other area, unless all is to go. */
static int compact(int empty) {
	int to = 1 - active, err;
	uint32_t i, n, at;
	db_tag("compact");
	if (DEFECT != 13) dirty = 1; /* until the other area is in use: where this fails, nothing more may be appended */
	if (DEFECT == 10) {
		err = db_erase(area_at[to], db_sector_size(area_at[to]));
	} else {
		err = db_erase(area_at[to], area_end[to] - area_at[to]);
	}
	if (err != 0) return err;
	if (DEFECT == 3 && (err = write_header(to, generation + 1)) != 0) return err;
	tail = area_at[to] + up(HEAD);
	for (i = 0; i < keys && !empty; i++) {
		n = load(table[i].at);
		if (n == 0) return DB_READ_FAILED;
		if ((err = append(n)) != 0) return err;
	}
	if (DEFECT != 3 && (err = write_header(to, generation + (DEFECT == 12 ? 0 : 1))) != 0) return err;
	active = to;
	generation++;
	dirty = 0;
	if (empty) keys = 0;
	for (i = 0, at = area_at[to] + up(HEAD); i < keys; i++) {
		table[i].at = at;
		at += up(HEAD + table[i].key + table[i].n);
	}
	return 0;
}

static int log_format(void) {
	int err;
	areas();
	err = write_header(0, 1);
	return err;
}

static int log_open(void) {
	uint8_t head[2][HEAD];
	int valid[2], a, err;
	uint32_t last, n;
	areas();
	for (a = 0; a < 2; a++) valid[a] = db_read(area_at[a], head[a], HEAD) == 0 && header_valid(head[a]);
	if (!valid[0] && !valid[1]) return DB_CORRUPT;
	active = valid[0] && valid[1] ? (DEFECT == 4 ? 0 : (int32_t)(get32(head[1] + 4) - get32(head[0] + 4)) > 0) : valid[1];
	generation = get32(head[active] + 4);
	if (db_clears() && DEFECT != 5 && (err = write_header(active, generation)) != 0) return err;
	a = 1 - active;
	if (!valid[a] && (db_read(area_at[a], record, HEAD) != 0 || !all(record, HEAD, 0xFF))) {
		if (db_clears()) {
			memset(record, 0, up(HEAD));
			err = db_program(area_at[a], record, up(HEAD));
		} else {
			err = db_erase(area_at[a], db_sector_size(area_at[a]));
		}
		if (err != 0) return err;
	}
	if ((err = scan(&last, &n)) != 0) return err;
	if (DEFECT == 6) dirty = 0;
	if (dirty) return compact(0);
	if (db_clears() && n != 0 && DEFECT != 11) {
		uint32_t end = tail;
		tail = last;
		if ((err = append(n)) != 0) return err;
		tail = end;
	}
	if (tail + up(HEAD) > area_end[active]) return 0;
	memset(record, 0, up(HEAD));
	return append(HEAD);
}

/* make puts a record into record, and returns its length. */
static uint32_t make(const char *key, const void *value, size_t n, uint8_t flags) {
	uint32_t k = (uint32_t)strlen(key);
	put32(record, RECORD_MAGIC);
	record[4] = flags;
	record[5] = (uint8_t)k;
	record[6] = record[7] = 0xFF;
	put32(record + 8, (uint32_t)n);
	memcpy(record + HEAD, key, k);
	if (n > 0) memcpy(record + HEAD + k, value, n);
	put32(record + 12, crc_of((uint32_t)n));
	return HEAD + k + (uint32_t)n;
}

static int put(const char *key, const void *value, size_t n, uint8_t flags) {
	uint32_t len = HEAD + (uint32_t)strlen(key) + (uint32_t)n, at;
	int err;
	struct entry *e = find(key);
	if (e == NULL && keys == MAX_KEYS) return DB_FULL;
	if (dirty || tail + up(len) > area_end[active]) {
		if ((err = compact(0)) != 0) return err;
		if (tail + up(len) > area_end[active]) return DB_FULL;
	}
	at = tail;
	len = make(key, value, n, flags);
	if ((err = append(len)) != 0) return err;
	memcpy(key_buf, key, strlen(key));
	return enter(at, (uint32_t)n, (uint8_t)strlen(key), flags);
}

static int log_set(const char *key, const void *value, size_t n, unsigned flags) {
	struct entry *e;
	if (key[0] == 0 || strlen(key) > MAX_KEY || n > MAX_VALUE) return DB_INVALID;
	e = find(key);
	if (e != NULL && (e->flags & DB_WRITE_ONCE) && DEFECT != 14) return DB_PROTECTED;
	if (DEFECT == 9 && e != NULL) { /* remove, then set */
		int err = put(key, NULL, 0, REMOVED);
		if (err != 0) return err;
	}
	return put(key, value, n, (uint8_t)(flags & DB_WRITE_ONCE));
}

static int log_get(const char *key, void *buf, size_t cap, size_t *n) {
	struct entry *e = find(key);
	if (e == NULL) return DB_NOT_FOUND;
	*n = e->n < cap ? e->n : cap;
	if (db_read(e->at + HEAD + e->key, buf, *n) != 0) return DB_READ_FAILED;
	return DB_OK;
}

static int log_remove(const char *key) {
	struct entry *e = find(key);
	if (e == NULL) return DB_NOT_FOUND;
	if (e->flags & DB_WRITE_ONCE) return DB_PROTECTED;
	return put(key, NULL, 0, REMOVED);
}

static int log_list(void (*each)(const char *key)) {
	uint32_t i;
	for (i = 0; i < keys; i++) {
		if (db_read(table[i].at + HEAD, key_buf, table[i].key) != 0) return DB_READ_FAILED;
		key_buf[table[i].key] = 0;
		each((const char *)key_buf);
	}
	return DB_OK;
}

static int log_reset(void) {
	while (DEFECT == 8 && keys > 0) { /* one by one */
		char name[MAX_KEY + 1];
		int err;
		if (db_read(table[0].at + HEAD, name, table[0].key) != 0) return DB_READ_FAILED;
		name[table[0].key] = 0;
		if ((err = put(name, NULL, 0, REMOVED)) != 0) return err;
	}
	return compact(1);
}

static void setup(struct db_subject *s) {
	s->format = log_format;
	s->open = log_open;
	s->set = log_set;
	s->get = log_get;
	s->remove = log_remove;
	s->list = log_list;
	s->reset = log_reset;
	s->flags = DB_WRITE_ONCE;
	s->max_key = MAX_KEY;
	s->max_value = MAX_VALUE;
}

DB_MAIN(setup)
