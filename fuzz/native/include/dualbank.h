/*
 * dualbank.h: the bridge between firmware code for flash memory and the dualbank harness.
 *
 * Include it first in one source file, with DUALBANK_IMPLEMENTATION defined, and say there what the code can do:
 *
 *     #define DUALBANK_IMPLEMENTATION
 *     #include "dualbank.h"
 *     static void setup(struct db_subject *s) { s->open = my_open; s->set = my_set; s->get = my_get; }
 *     DB_MAIN(setup)
 *
 * Other files include it without the define, and call db_read, db_program and db_erase in place of their driver.
 * The result is a program that `dualbank crash --exec ./program` starts, many times, with memory that it shares
 * with the harness. C99, C++11 and later; gcc and clang; 32 and 64 bit; Linux.
 *
 * The program never sees a power cut. It works on an image of the flash and tells each program and erase; the
 * harness cuts later, on its own model, and hands the images that result back for a cold boot: RAM as after main
 * has begun, an empty heap, a wiped stack. docs/native.md describes the protocol; this file is its reference.
 */
#ifndef DUALBANK_H
#define DUALBANK_H

#ifdef DUALBANK_IMPLEMENTATION
#if defined(_FEATURES_H) && !defined(__USE_GNU)
#error "dualbank.h: include it before any other header in the file that defines DUALBANK_IMPLEMENTATION"
#endif
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#endif

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What calls return: 0 or one of these. A subject may return other negative numbers; they are told as they are. */
enum {
	DB_OK = 0,
	DB_NOT_FOUND = -1,    /* no such key */
	DB_FULL = -2,         /* no room */
	DB_INVALID = -3,      /* an argument that cannot be */
	DB_CORRUPT = -4,      /* the flash holds what cannot be */
	DB_READ_FAILED = -5,  /* of db_read: outside the device, or an uncorrectable ECC error */
	DB_WRITE_FAILED = -6, /* of db_program and db_erase: refused or failed */
	DB_PROTECTED = -7,    /* a write-once key */
	DB_UNSUPPORTED = -8   /* the subject has no such function */
};

/* Flags of a set: the key can be neither set again nor removed, until a reset. */
enum { DB_WRITE_ONCE = 1 };

/* Kinds of CPU work for db_work. */
enum { DB_WORK_CALL = 0, DB_WORK_COPY = 1, DB_WORK_CRC32 = 2, DB_WORK_SHA256 = 3, DB_WORK_AES = 4, DB_WORK_AES_KEY = 5 };

/* Why the device has started. All but the first and DB_RESET_BROWN_OUT are warm: RAM named by db_keep is kept. */
enum { DB_RESET_POWER_ON = 0, DB_RESET_PIN = 1, DB_RESET_BROWN_OUT = 2, DB_RESET_SOFTWARE = 3, DB_RESET_WATCHDOG = 4 };

/* A firmware image that a loader is given. */
struct db_image {
	uint32_t size;    /* bytes */
	uint32_t version; /* a higher one is newer */
	uint32_t crc32;   /* of all bytes (IEEE 802.3, as zlib has it) */
	uint8_t sha256[32];
};

/* What a loader would start. */
struct db_boot {
	uint32_t addr; /* address of the image's first byte */
	uint32_t size; /* bytes */
	uint32_t version;
};

/*
 * What the code under test can do. A store needs open, set and get; a loader all of its five. Whatever else is
 * missing is left out of the test, and the report says so.
 */
struct db_subject {
	int (*format)(void); /* makes an erased device usable; never called after a power cut */
	int (*open)(void);   /* the first call after a power-up */
	int (*set)(const char *key, const void *value, size_t n, unsigned flags);
	int (*get)(const char *key, void *buf, size_t cap, size_t *n); /* at most cap bytes; *n is how many */
	int (*remove)(const char *key);
	int (*list)(void (*each)(const char *key)); /* calls each for every key */
	int (*reset)(void);                         /* removes every key */

	int (*prepare)(const struct db_image *image); /* makes room for a candidate */
	int (*write)(uint32_t offset, const void *data, size_t n);
	int (*finish)(void);   /* the last byte is written */
	int (*activate)(void); /* the next boot may install it */
	int (*boot)(struct db_boot *out); /* the bootloader: the first call after a power-up. 0: it starts out, else it halts */

	size_t max_key;   /* longest key, without its NUL; 0: 64 */
	size_t max_value; /* longest value; 0: as long as the device allows */
	unsigned flags;   /* of a set, that it keeps to: DB_WRITE_ONCE; 0: no set has any */
	size_t heap;      /* bytes that malloc and new can give; 0: 1 MiB */
};

/* The flash. Addresses count from db_base(), which is 0 for a store. They return 0 or a negative DB_ error. */
int db_read(uint32_t addr, void *buf, size_t n);
int db_program(uint32_t addr, const void *buf, size_t n); /* multiples of db_unit(); erased flash is 0xFF */
int db_erase(uint32_t addr, size_t n);                    /* whole sectors */
uint32_t db_base(void);
uint32_t db_size(void);                    /* bytes */
uint32_t db_unit(void);                    /* bytes of the driver's program unit */
uint32_t db_sectors(void);                 /* number of sectors */
int db_clears(void);                       /* 1: programming what is not erased clears bits, silently; 0: it is refused */
uint32_t db_sector_size(uint32_t addr);    /* of the sector that holds addr; 0 outside */
uint32_t db_sector_address(uint32_t addr); /* first address of the sector that holds addr */

#if defined(__GNUC__)
__attribute__((noreturn))
#endif
void db_halt(const char *text);             /* assert, MBED_ERROR: the device stops here */
uint64_t db_now_us(void);                   /* since power-up, in simulated time; counts calls where nothing is timed */
uint32_t db_random(void);                   /* the same numbers after every boot */
void db_work(int kind, uint32_t n);         /* CPU work beside the flash, for timing: DB_WORK_, bytes */
void db_keep(void *p, size_t n);            /* RAM that a warm reset keeps: up to 16 pieces, 64 KiB in all */
int db_reset_reason(void);                  /* why the device has started: DB_RESET_ */
void db_tag(const char *name);              /* names what the code does now, for the story of a finding */
int db_main(int argc, char **argv, void (*setup)(struct db_subject *));

#define DB_MAIN(setup) \
	int main(int argc, char **argv) { return db_main(argc, argv, setup); }

#ifdef __cplusplus
}
#endif

#endif /* DUALBANK_H */

#if defined(DUALBANK_IMPLEMENTATION) && !defined(DUALBANK_IMPLEMENTED)
#define DUALBANK_IMPLEMENTED

#include <errno.h>
#include <link.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define DB_SANITIZED_ 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer) || __has_feature(thread_sanitizer)
#define DB_SANITIZED_ 1
#endif
#endif
#ifndef DB_SANITIZED_
#define DB_SANITIZED_ 0
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- the protocol ---------------------------------------------------------------------------------------- */

#define DB_MAGIC_ 0x4B4E4244u /* "DBNK" */
#define DB_VERSION_ 1u
#define DB_PAGE_ 1024u

/* The header page: written by the harness before the program starts, and constant. Offsets count from it. */
struct db_header_ {
	uint32_t magic, version, total; /* bytes of the mapping */
	uint32_t base, size, unit;      /* the device */
	uint32_t ands;                  /* 1: programming what is not erased clears bits, silently */
	uint32_t sectors;               /* number of entries {address, size} at sectors_at */
	uint32_t sectors_at, info_at, base_at, image_at, in_at, log_at, answer_at;
	uint32_t log_size, answer_size; /* bytes */
	uint32_t isolate;               /* 0: as the program finds, 1: in one process, 2: fork */
	uint32_t writes, reads;         /* program and erase calls, and reads of up to 1 KiB, that one call of the subject may make */
};

/* What the program says of itself, once; and how far the log is written, for each message. */
struct db_info_ {
	uint32_t magic, version, abilities, isolate, why, bits, max_key, heap, max_value, flags;
	uint32_t spare[6];
	uint32_t log; /* bytes of the log that are written */
};

enum { DB_HELLO_ = 1, DB_DONE_, DB_REQUEST_, DB_FULL_LOG_ };     /* messages of the program */
enum { DB_RUN_ = 101, DB_ANSWER_, DB_STOP_, DB_GO_, DB_QUIT_ }; /* and of the harness */

struct db_message_ {
	uint32_t type, a;
	uint64_t b;
};

enum { DB_IMAGE_ = 1, DB_TIMED_ = 2, DB_STRICT_ = 4 }; /* flags of an item */
enum { DB_BOOT_ = 1, DB_WARM_ = 2, DB_STRICTLY_ = 4 }; /* flags of a call */

/*
 * One item: scars {offset, size}, numbers of pages (padded to 8 bytes), pages, calls, and answers to the requests of
 * the calls before live. Without DB_IMAGE_ it goes on where the last one ended. Offsets count from the item.
 */
struct db_item_ {
	uint32_t size, flags, pages, scars, calls, answers, live, seed, calls_at, answers_at;
};

enum {
	DB_OPEN_ = 1, DB_SET_, DB_GET_, DB_REMOVE_, DB_LIST_, DB_RESET_, DB_FORMAT_,
	DB_PREPARE_, DB_WRITE_, DB_FINISH_, DB_ACTIVATE_, DB_BOOTED_
};

/* One call: key bytes with their NUL and value bytes follow, the whole padded to 8. a: of a get, the room. */
struct db_call_ {
	uint32_t kind, flags, key, value, a, b;
};

/* Records of the log, padded to 8 bytes. */
enum {
	DB_LOG_PROGRAM_ = 1, DB_LOG_ERASE_, DB_LOG_READ_, DB_LOG_WORK_, DB_LOG_TAG_,
	DB_LOG_REQUEST_, DB_LOG_CALL_, DB_LOG_ITEM_, DB_LOG_KEY_
};
struct db_record_ {
	uint32_t type;
	int32_t status;
	uint32_t a, n; /* n: bytes of data that follow, where there are any */
};

enum { DB_REQUEST_READ_ = 1, DB_REQUEST_PROGRAM_, DB_REQUEST_ERASE_, DB_REQUEST_NOW_ };

/* How an item ends. */
enum {
	DB_END_ = 0, DB_END_STOPPED_, DB_END_SIGNAL_, DB_END_STACK_, DB_END_HALT_, DB_END_BUDGET_, DB_END_TIME_,
	DB_END_HEAP_, DB_END_EXIT_
};

/* Reasons for forking. */
enum { DB_WHY_SANITIZER_ = 1, DB_WHY_TLS_ = 2, DB_WHY_LIBRARY_ = 4, DB_WHY_STATIC_ = 8 };

/* ---- state: all of it outside of .data and .bss, which every boot restores -------------------------------- */

struct db_area_ {
	unsigned char *at, *copy;
	size_t n;
};

struct db_block_ { /* before each piece of the heap */
	uint32_t state;
	uint32_t back; /* bytes from the start of the block's memory, for an aligned piece */
	size_t n;      /* usable bytes */
#if UINTPTR_MAX == 0xFFFFFFFFu
	uint32_t pad;
#endif
};

#define DB_USED_ 0x5ED5ED11u
#define DB_FREE_ 0xF4EEF4EEu
#define DB_CLASSES_ 128u
#define DB_WIPE_ 32768u
#define DB_KEPT_ 65536u
#define DB_STACK_ ((size_t)1 << 20)
#define DB_FILL_ 0xA5
#define DB_RESERVED_ ((size_t)256 << 20)

struct db_heap_ {
	unsigned char *at;    /* DB_RESERVED_ bytes */
	size_t used, high, limit;
	size_t early;         /* used when main began: restored from copy */
	unsigned char *copy;
	uint32_t failed;      /* 1: malloc has returned NULL */
	struct db_block_ *list[DB_CLASSES_];
	struct db_block_ *early_list[DB_CLASSES_];
	unsigned char *foreign; /* of libraries, before main: never restored */
	size_t foreign_used, foreign_size;
};

struct db_state_ {
	struct db_header_ *h;
	struct db_info_ *info;
	unsigned char *image, *base, *log, *answer;
	const uint32_t *sector;
	uint32_t *dirty; /* by page: 1 if image differs from base */
	uint32_t *dirties;
	uint32_t dirty_count;
	uint32_t used; /* of the log */
	uint32_t size, start, unit, units_mask, first_size;
	int in, out, main_began;
	int forks;  /* 1: a cold boot is a fork */
	int inside; /* 1: in a call of the subject */
	unsigned char *value_end; /* of what get puts its value into: a page that cannot be touched follows */

	const struct db_item_ *item;
	uint32_t *scar; /* pairs of offset and size, kept while the device runs */
	const unsigned char *replay;
	uint32_t scars, answers, call, timed, strict, fresh;
	uint32_t at_item, items; /* position in the batch */
	const unsigned char *item_at, *call_at;
	uint64_t spent, parent_spent; /* CPU time of ended and of the first process, ns */
	uint64_t reads, now, random;
	uint32_t read_budget, write_budget;
	uint32_t ticks, most_ticks, deep; /* of 10 ms */

	int end, code;
	char text[160];
	sigjmp_buf back;

	struct db_area_ ram;
	struct db_area_ keep[16];
	uint32_t keeps, reason;
	unsigned char *kept; /* DB_KEPT_ bytes, of which kept_n are used */
	size_t kept_n;
	uintptr_t stack;
	struct db_heap_ heap;
	struct db_subject subject;
};

static struct db_state_ *db_s_;

static void *db_map_(size_t n, int flags) {
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED) {
		static const char text[] = "dualbank.h: no memory\n";
		(void)!write(2, text, sizeof text - 1);
		_exit(3);
	}
	return p;
}

/* db_begin_ makes the state, at the first malloc or in main. The state is shared with forked processes. */
static struct db_state_ *db_begin_(void) {
	if (db_s_ == NULL) {
		struct db_state_ *s = (struct db_state_ *)db_map_(sizeof *s, MAP_SHARED);
		s->heap.at = (unsigned char *)db_map_(DB_RESERVED_, MAP_PRIVATE);
		s->heap.limit = DB_RESERVED_;
		s->heap.foreign_size = (size_t)4 << 20;
		s->heap.foreign = (unsigned char *)db_map_(s->heap.foreign_size, MAP_PRIVATE);
		db_s_ = s;
	}
	return db_s_;
}

/* ---- messages and log --------------------------------------------------------------------------------------- */

static void db_die_(const char *text) {
	(void)!write(2, "dualbank.h: ", 12);
	(void)!write(2, text, strlen(text));
	(void)!write(2, "\n", 1);
	_exit(3);
}

static void db_send_(uint32_t type, uint32_t a, uint64_t b) {
	struct db_message_ m;
	m.type = type;
	m.a = a;
	m.b = b;
	db_s_->info->log = db_s_->used;
	while (write(db_s_->out, &m, sizeof m) != (ssize_t)sizeof m) {
		if (errno != EINTR) _exit(0); /* the harness is gone */
	}
}

static void db_receive_(struct db_message_ *m) {
	size_t got = 0;
	while (got < sizeof *m) {
		ssize_t n = read(db_s_->in, (char *)m + got, sizeof *m - got);
		if (n > 0) {
			got += (size_t)n;
		} else if (n == 0 || errno != EINTR) {
			_exit(0);
		}
	}
}

/* db_room_ makes room for n bytes of log, and returns where they begin. */
static unsigned char *db_room_(size_t n) {
	struct db_state_ *s = db_s_;
	unsigned char *p;
	n = (n + 7) & ~(size_t)7;
	if (n > s->h->log_size - s->used) {
		struct db_message_ m;
		if (n > s->h->log_size) db_die_("a call writes more than the log can hold");
		db_send_(DB_FULL_LOG_, 0, 0);
		db_receive_(&m);
		if (m.type != DB_GO_) _exit(0);
		s->used = 0;
	}
	p = s->log + s->used;
	s->used += (uint32_t)n;
	return p;
}

static void db_log_(uint32_t type, int32_t status, uint32_t a, const void *data, size_t n) {
	struct db_record_ *r = (struct db_record_ *)(void *)db_room_(sizeof *r + n);
	r->type = type;
	r->status = status;
	r->a = a;
	r->n = (uint32_t)n;
	if (n > 0) memcpy(r + 1, data, n);
}

#if defined(__GNUC__)
__attribute__((noreturn))
#endif
static void db_end_(int how) {
	db_s_->end = how;
	siglongjmp(db_s_->back, 1);
}

/* ---- flash -------------------------------------------------------------------------------------------------- */

static void db_touch_(uint32_t off, size_t n) {
	struct db_state_ *s = db_s_;
	uint32_t p = off / DB_PAGE_, last = (uint32_t)((off + n - 1) / DB_PAGE_);
	for (; p <= last; p++) {
		if (!s->dirty[p]) {
			s->dirty[p] = 1;
			s->dirties[s->dirty_count++] = p;
		}
	}
}

static int db_scarred_(uint32_t off, size_t n) {
	const uint32_t *r = db_s_->scar, *end = r + 2 * db_s_->scars;
	for (; r < end; r += 2) {
		if (off < r[0] + r[1] && r[0] < off + n) return 1;
	}
	return 0;
}

/* db_answered_ takes an answer: status, and for a program or an erase what the cells hold now. */
static int db_answered_(int kind, uint32_t off, void *buf, int32_t status, const unsigned char *data, uint32_t n) {
	if (n > 0 && (kind == DB_REQUEST_READ_ || kind == DB_REQUEST_NOW_)) {
		memcpy(buf, data, n);
	} else if (n > 0) {
		db_touch_(off, n);
		memcpy(db_s_->image + off, data, n);
	}
	return status;
}

/* db_request_ has the harness do what this file does not know how to do. */
static int db_request_(int kind, uint32_t addr, void *buf, const void *data, size_t n) {
	struct db_state_ *s = db_s_;
	struct db_message_ m;
	struct { uint64_t reads; uint32_t addr, n; } what;
	unsigned char *p;
	struct db_record_ *r;
	if (!s->inside) return kind == DB_REQUEST_READ_ ? DB_READ_FAILED : DB_WRITE_FAILED;
	if (s->call < s->item->live && s->answers > 0) { /* this was asked before */
		const struct db_record_ *a = (const struct db_record_ *)(const void *)s->replay;
		s->replay += sizeof *a + ((a->n + 7u) & ~7u);
		s->answers--;
		return db_answered_(kind, addr - s->start, buf, a->status, (const unsigned char *)(a + 1), a->n < n ? a->n : (uint32_t)n);
	}
	what.reads = s->reads;
	what.addr = addr;
	what.n = n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
	if (data == NULL || n > s->size) n = 0; /* longer than the device: the length says enough */
	p = db_room_(sizeof *r + sizeof what + n);
	r = (struct db_record_ *)(void *)p;
	r->type = DB_LOG_REQUEST_;
	r->status = (int32_t)kind;
	r->a = addr;
	r->n = (uint32_t)(sizeof what + n);
	memcpy(r + 1, &what, sizeof what);
	if (n > 0) memcpy((unsigned char *)(r + 1) + sizeof what, data, n);
	db_send_(DB_REQUEST_, s->call, 0);
	db_receive_(&m);
	s->used = 0;
	if (m.type == DB_STOP_) db_end_(DB_END_STOPPED_);
	if (m.type != DB_ANSWER_) _exit(0);
	return db_answered_(kind, addr - s->start, buf, (int32_t)m.a, s->answer, (uint32_t)m.b);
}

static int db_outside_(uint32_t off, size_t n) { return off > db_s_->size || n > db_s_->size - off; }

int db_read(uint32_t addr, void *buf, size_t n) {
	struct db_state_ *s = db_s_;
	uint32_t off = addr - s->start;
	if (s->read_budget < n / DB_PAGE_ + 1) db_end_(DB_END_BUDGET_);
	s->read_budget -= (uint32_t)(n / DB_PAGE_) + 1;
	if (db_outside_(off, n)) return db_request_(DB_REQUEST_READ_, addr, buf, NULL, n);
	s->reads++;
	if (s->scars > 0 && db_scarred_(off, n)) return db_request_(DB_REQUEST_READ_, addr, buf, NULL, n);
	memcpy(buf, s->image + off, n);
	if (s->timed) db_log_(DB_LOG_READ_, (int32_t)n, addr, NULL, 0);
	return 0;
}

static int db_blank_(const unsigned char *p, size_t n) {
	for (; n >= 8; n -= 8, p += 8) {
		uint64_t w;
		memcpy(&w, p, 8);
		if (w != UINT64_MAX) return 0;
	}
	for (; n > 0; n--, p++) {
		if (*p != 0xFF) return 0;
	}
	return 1;
}

int db_program(uint32_t addr, const void *buf, size_t n) {
	struct db_state_ *s = db_s_;
	uint32_t off = addr - s->start;
	const unsigned char *p = (const unsigned char *)buf;
	unsigned char *to;
	int blank;
	if (s->write_budget-- == 0) db_end_(DB_END_BUDGET_);
	if (s->strict || db_outside_(off, n) || ((off | n) & s->units_mask) != 0 || (s->scars > 0 && db_scarred_(off, n))) {
		return db_request_(DB_REQUEST_PROGRAM_, addr, NULL, buf, n);
	}
	if (n == 0) return 0;
	to = s->image + off;
	blank = db_blank_(to, n);
	if (!blank && !s->h->ands) return db_request_(DB_REQUEST_PROGRAM_, addr, NULL, buf, n);
	db_log_(DB_LOG_PROGRAM_, 0, addr, buf, n);
	db_touch_(off, n);
	if (blank) {
		memcpy(to, p, n);
	} else {
		size_t i;
		for (i = 0; i < n; i++) to[i] = (unsigned char)(to[i] & p[i]);
	}
	return 0;
}

/* db_sector_at_ is the entry {address, size} of the sector that holds addr; NULL outside. */
static const uint32_t *db_sector_at_(uint32_t addr) {
	struct db_state_ *s = db_s_;
	uint32_t low = 0, high = s->h->sectors;
	if (addr - s->start >= s->size) return NULL;
	while (high - low > 1) {
		uint32_t mid = (low + high) / 2;
		if (s->sector[2 * mid] <= addr) low = mid;
		else high = mid;
	}
	return s->sector + 2 * low;
}

int db_erase(uint32_t addr, size_t n) {
	struct db_state_ *s = db_s_;
	uint32_t off = addr - s->start;
	const uint32_t *first, *last;
	if (s->write_budget-- == 0) db_end_(DB_END_BUDGET_);
	if (s->strict || db_outside_(off, n)) return db_request_(DB_REQUEST_ERASE_, addr, NULL, NULL, n);
	if (n == 0) return 0;
	first = db_sector_at_(addr);
	last = db_sector_at_((uint32_t)(addr + n - 1));
	if (first == NULL || last == NULL || first[0] != addr || last[0] + last[1] != addr + n || (s->scars > 0 && db_scarred_(off, n))) {
		return db_request_(DB_REQUEST_ERASE_, addr, NULL, NULL, n);
	}
	db_log_(DB_LOG_ERASE_, (int32_t)n, addr, NULL, 0);
	db_touch_(off, n);
#ifdef MADV_POPULATE_WRITE
	if (s->forks && (off & 4095) == 0) madvise(s->image + off, n, MADV_POPULATE_WRITE); /* all pages at once */
#endif
	memset(s->image + off, 0xFF, n);
	return 0;
}

uint32_t db_base(void) { return db_s_->start; }
uint32_t db_size(void) { return db_s_->size; }
uint32_t db_unit(void) { return db_s_->unit; }
uint32_t db_sectors(void) { return db_s_->h->sectors; }
int db_clears(void) { return db_s_->h->ands != 0; }

uint32_t db_sector_size(uint32_t addr) {
	const uint32_t *e = db_sector_at_(addr);
	return e == NULL ? 0 : e[1];
}

uint32_t db_sector_address(uint32_t addr) {
	const uint32_t *e = db_sector_at_(addr);
	return e == NULL ? 0 : e[0];
}

/* ---- what else a subject may call ------------------------------------------------------------------------- */

void db_halt(const char *text) {
	struct db_state_ *s = db_s_;
	size_t n = strlen(text);
	if (!s->inside) db_die_(text);
	if (n >= sizeof s->text) n = sizeof s->text - 1;
	memcpy(s->text, text, n);
	s->text[n] = 0;
	db_end_(DB_END_HALT_);
}

uint64_t db_now_us(void) {
	struct db_state_ *s = db_s_;
	uint64_t us = 0;
	if (!s->timed) return s->now++;
	db_request_(DB_REQUEST_NOW_, s->start, &us, NULL, sizeof us);
	return us;
}

uint32_t db_random(void) {
	uint64_t x = db_s_->random += 0x9E3779B97F4A7C15u;
	x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
	x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
	return (uint32_t)(x >> 32);
}

void db_work(int kind, uint32_t n) {
	if (db_s_->timed) db_log_(DB_LOG_WORK_, kind, n, NULL, 0);
}

void db_keep(void *p, size_t n) {
	struct db_state_ *s = db_s_;
	uint32_t i;
	for (i = 0; i < s->keeps; i++) {
		if (s->keep[i].at == (unsigned char *)p) return;
	}
	if (s->keeps == 16) db_die_("db_keep: at most 16 pieces");
	s->keep[s->keeps].at = (unsigned char *)p;
	s->keep[s->keeps].n = n;
	if (n > DB_KEPT_ - s->kept_n) db_die_("db_keep: at most 64 KiB");
	s->keep[s->keeps].copy = s->kept + s->kept_n;
	memcpy(s->keep[s->keeps].copy, p, n);
	s->kept_n += n;
	s->keeps++;
}

int db_reset_reason(void) { return (int)db_s_->reason; }

void db_tag(const char *name) {
	if (db_s_->inside) db_log_(DB_LOG_TAG_, 0, 0, name, strlen(name));
}

/* ---- heap --------------------------------------------------------------------------------------------------- */

#if !DB_SANITIZED_ && !defined(DUALBANK_SYSTEM_MALLOC)
#define DB_HEAP_ 1

#ifdef __cplusplus
#define DB_NOTHROW_ noexcept
#else
#define DB_NOTHROW_
#endif

/* db_class_ is the list that free blocks of n bytes wait in, and n rounded up to what the list holds. */
static unsigned db_class_(size_t *n) {
	unsigned c;
	size_t k = (*n + 15) & ~(size_t)15;
	if (k == 0) k = 16;
	if (k <= 1024) {
		*n = k;
		return (unsigned)(k / 16);
	}
	for (c = 65, *n = 2048; *n < k; c++) *n *= 2;
	return c;
}

static void *db_allocate_(size_t n) {
	struct db_heap_ *h = &db_begin_()->heap;
	struct db_block_ *b;
	unsigned c;
	if (n > DB_RESERVED_ / 4) {
		h->failed = 1;
		return NULL;
	}
	if (!db_s_->main_began && n >= 32768) { /* a pool of a library, before main */
		n = (n + 15) & ~(size_t)15;
		if (n + sizeof *b > h->foreign_size - h->foreign_used) return NULL;
		b = (struct db_block_ *)(void *)(h->foreign + h->foreign_used);
		h->foreign_used += n + sizeof *b;
		b->state = DB_USED_;
		b->back = 0;
		b->n = n;
		return b + 1;
	}
	c = db_class_(&n);
	b = h->list[c];
	if (b != NULL) {
		memcpy(&h->list[c], b + 1, sizeof(void *));
		memset(b + 1, DB_FILL_, n);
	} else {
		if (n + sizeof *b > h->limit - h->used) {
			h->failed = 1;
			return NULL;
		}
		b = (struct db_block_ *)(void *)(h->at + h->used);
		h->used += n + sizeof *b;
		if (h->used > h->high) {
			h->high = h->used;
			memset(b + 1, DB_FILL_, n);
		}
	}
	b->state = DB_USED_;
	b->back = 0;
	b->n = n;
	return b + 1;
}

static void db_heap_wrong_(const char *text) {
	if (db_s_->inside) {
		strcpy(db_s_->text, text);
		db_end_(DB_END_HEAP_);
	}
	db_die_(text);
}

void free(void *p) DB_NOTHROW_ {
	struct db_heap_ *h;
	struct db_block_ *b;
	unsigned c;
	size_t n;
	if (p == NULL) return;
	h = &db_begin_()->heap;
	if ((unsigned char *)p >= h->foreign && (unsigned char *)p < h->foreign + h->foreign_size) return;
	b = (struct db_block_ *)p - 1;
	if ((unsigned char *)p < h->at + sizeof *b || (unsigned char *)p >= h->at + h->used) {
		db_heap_wrong_("free of what malloc did not give");
		return;
	}
	if (b->state == DB_USED_ && b->back > 0) {
		b->state = DB_FREE_;
		b = (struct db_block_ *)(void *)((unsigned char *)p - b->back) - 1;
	}
	if (b->state == DB_FREE_) db_heap_wrong_("double free");
	if (b->state != DB_USED_) db_heap_wrong_("heap overwritten, or free of what malloc did not give");
	b->state = DB_FREE_;
	n = b->n;
	c = db_class_(&n);
	memcpy(b + 1, &h->list[c], sizeof(void *));
	h->list[c] = b;
}

void *malloc(size_t n) DB_NOTHROW_ { return db_allocate_(n); }

void *calloc(size_t n, size_t each) DB_NOTHROW_ {
	void *p;
	if (each != 0 && n > DB_RESERVED_ / each) return NULL;
	p = db_allocate_(n * each);
	if (p != NULL) memset(p, 0, n * each);
	return p;
}

void *realloc(void *old, size_t n) DB_NOTHROW_ {
	struct db_block_ *b = (struct db_block_ *)old - 1;
	void *p;
	if (old == NULL) return db_allocate_(n);
	if (n <= b->n) return old;
	p = db_allocate_(n);
	if (p != NULL) {
		memcpy(p, old, b->n);
		free(old);
	}
	return p;
}

static void *db_aligned_(size_t align, size_t n) {
	unsigned char *p, *q;
	struct db_block_ *b;
	if (align <= 16) return db_allocate_(n);
	p = (unsigned char *)db_allocate_(n + align + sizeof *b);
	if (p == NULL) return NULL;
	q = (unsigned char *)(((uintptr_t)p + sizeof *b + align - 1) & ~(uintptr_t)(align - 1));
	b = (struct db_block_ *)(void *)q - 1;
	b->state = DB_USED_;
	b->back = (uint32_t)(q - p);
	b->n = n;
	return q;
}

void *aligned_alloc(size_t align, size_t n) DB_NOTHROW_ { return db_aligned_(align, n); }
void *memalign(size_t align, size_t n) DB_NOTHROW_ { return db_aligned_(align, n); }

int posix_memalign(void **p, size_t align, size_t n) DB_NOTHROW_ {
	*p = db_aligned_(align, n);
	return *p == NULL ? ENOMEM : 0;
}

static void db_heap_began_(size_t limit) {
	struct db_heap_ *h = &db_s_->heap;
	h->early = h->used;
	h->limit = h->used + limit;
	if (h->limit > DB_RESERVED_) h->limit = DB_RESERVED_;
	memcpy(h->early_list, h->list, sizeof h->list);
	if (h->early > 0) {
		h->copy = (unsigned char *)db_map_(h->early, MAP_PRIVATE);
		memcpy(h->copy, h->at, h->early);
	}
}

static void db_heap_boot_(void) {
	struct db_heap_ *h = &db_s_->heap;
	if (h->early > 0) memcpy(h->at, h->copy, h->early);
	if (h->used > h->early) memset(h->at + h->early, DB_FILL_, h->used - h->early);
	h->used = h->early;
	memcpy(h->list, h->early_list, sizeof h->list);
}
#endif

/* ---- boots -------------------------------------------------------------------------------------------------- */

extern char __data_start[], _end[];

#if defined(__GNUC__)
__attribute__((noinline))
#endif
static void db_wipe_(size_t n) {
	unsigned char *p = (unsigned char *)__builtin_alloca(n);
	memset(p, DB_FILL_, n);
	__asm__ volatile("" : : "r"(p) : "memory");
}

/* db_keeps_ copies what a warm reset keeps. */
static void db_keeps_(void) {
	struct db_state_ *s = db_s_;
	uint32_t i;
	for (i = 0; i < s->keeps; i++) memcpy(s->keep[i].copy, s->keep[i].at, s->keep[i].n);
}

/* db_ram_ puts RAM to what it was when main began. */
static void db_ram_(int warm) {
	struct db_state_ *s = db_s_;
	uint32_t i;
	if (s->fresh) {
		s->fresh = 0; /* a new process, or a new fork */
	} else {
		if (warm) db_keeps_();
		memcpy(s->ram.at, s->ram.copy, s->ram.n);
#ifdef DB_HEAP_
		db_heap_boot_();
#endif
	}
	for (i = 0; warm && i < s->keeps; i++) memcpy(s->keep[i].at, s->keep[i].copy, s->keep[i].n);
	s->heap.failed = 0;
	s->reads = 0;
	s->now = 0;
	s->random = s->item->seed;
	if (s->forks) return; /* db_fork_ has wiped the stack */
	db_wipe_(s->deep ? DB_STACK_ - 65536u : DB_WIPE_);
	s->deep = 0;
}

/* db_image_ gives the image the cells of the item. */
static void db_image_(const struct db_item_ *item) {
	struct db_state_ *s = db_s_;
	const unsigned char *p = (const unsigned char *)(item + 1);
	const uint32_t *page;
	uint32_t i;
	if (!(item->flags & DB_IMAGE_)) return;
	memcpy(s->scar, p, 8 * (size_t)item->scars);
	s->scars = item->scars;
	p += 8 * item->scars;
	page = (const uint32_t *)(const void *)p;
	p += (4 * item->pages + 7u) & ~7u;
	for (i = 0; i < s->dirty_count; i++) {
		size_t at = (size_t)s->dirties[i] * DB_PAGE_;
		memcpy(s->image + at, s->base + at, DB_PAGE_);
		s->dirty[s->dirties[i]] = 0;
	}
	s->dirty_count = 0;
	for (i = 0; i < item->pages; i++, p += DB_PAGE_) {
		db_touch_(page[i] * DB_PAGE_, DB_PAGE_);
		memcpy(s->image + (size_t)page[i] * DB_PAGE_, p, DB_PAGE_);
	}
}

static void db_list_(const char *key) { db_log_(DB_LOG_KEY_, 0, 0, key, strlen(key)); }

/* db_perform_ performs one call and logs its outcome. */
static void db_perform_(const struct db_call_ *c) {
	struct db_state_ *s = db_s_;
	const struct db_subject *f = &s->subject;
	const char *key = (const char *)(c + 1);
	const unsigned char *value = (const unsigned char *)(c + 1) + c->key;
	const void *out = NULL;
	size_t n = 0;
	struct db_boot boot;
	int status = DB_UNSUPPORTED;
	s->read_budget = s->h->reads;
	s->write_budget = s->h->writes;
	memset(&boot, 0, sizeof boot);
	switch (c->kind) {
	case DB_OPEN_: status = f->open != NULL ? f->open() : 0; break;
	case DB_FORMAT_: status = f->format != NULL ? f->format() : 0; break;
	case DB_SET_: if (f->set != NULL) status = f->set(key, value, c->value, c->a); break;
	case DB_REMOVE_: if (f->remove != NULL) status = f->remove(key); break;
	case DB_LIST_: if (f->list != NULL) status = f->list(db_list_); break;
	case DB_RESET_: if (f->reset != NULL) status = f->reset(); break;
	case DB_GET_:
		if (f->get == NULL) break;
		/* The room ends with it, up to 15 bytes: a value that is longer is a crash. */
		out = s->value_end - ((c->a + 15u) & ~(size_t)15);
		status = f->get(key, (void *)(uintptr_t)out, c->a, &n);
		if (status != 0) n = 0;
		else if (n > c->a) {
			n = 0;
			status = DB_INVALID;
		}
		break;
	case DB_PREPARE_: if (f->prepare != NULL) status = f->prepare((const struct db_image *)(const void *)value); break;
	case DB_WRITE_: if (f->write != NULL) status = f->write(c->a, value, c->value); break;
	case DB_FINISH_: status = f->finish != NULL ? f->finish() : 0; break;
	case DB_ACTIVATE_: if (f->activate != NULL) status = f->activate(); break;
	case DB_BOOTED_:
		if (f->boot != NULL) status = f->boot(&boot);
		out = &boot;
		n = sizeof boot;
		break;
	default: break;
	}
	db_log_(DB_LOG_CALL_, status, s->heap.failed, out, n);
}

/* db_load_ begins the next item. */
static void db_load_(void) {
	struct db_state_ *s = db_s_;
	const struct db_item_ *item = (const struct db_item_ *)(const void *)s->item_at;
	s->item = item;
	db_image_(item);
	s->call = 0;
	s->call_at = s->item_at + item->calls_at;
	s->replay = s->item_at + item->answers_at;
	s->answers = item->answers;
	s->timed = item->flags & DB_TIMED_;
	s->ticks = 0;
}

/*
 * db_run_ runs the rest of the batch. It returns 0 where a cold boot needs a process of its own. Whatever must live
 * through a jump out of a call is in the state.
 */
static int db_run_(void) {
	while (db_s_->at_item < db_s_->items) {
		if (db_s_->call_at == NULL) {
			/* The image is for the process that forks: what it writes is mapped in it already. */
			if (db_s_->forks && !db_s_->fresh && (((const struct db_item_ *)(const void *)db_s_->item_at)->flags & DB_IMAGE_)) return 0;
			db_load_();
		}
		if (sigsetjmp(db_s_->back, 0) == 0) {
			while (db_s_->call < db_s_->item->calls) {
				const struct db_call_ *c = (const struct db_call_ *)(const void *)db_s_->call_at;
				if (c->flags & DB_BOOT_) {
					if (db_s_->forks && !db_s_->fresh) {
						db_keeps_();
						return 0;
					}
					db_ram_((c->flags & DB_WARM_) != 0);
					db_s_->reason = c->kind == DB_BOOTED_ ? c->a : 0;
				}
				db_s_->strict = (db_s_->item->flags & DB_STRICT_) || (c->flags & DB_STRICTLY_);
				db_s_->inside = 1;
				db_perform_(c);
				db_s_->inside = 0;
				db_s_->call++;
				db_s_->call_at += (sizeof *c + c->key + c->value + 7) & ~(size_t)7;
			}
			db_log_(DB_LOG_ITEM_, DB_END_, 0, NULL, 0);
		} else {
			db_s_->inside = 0;
			db_log_(DB_LOG_ITEM_, db_s_->end, (uint32_t)db_s_->code, db_s_->text, strlen(db_s_->text));
			db_s_->code = 0;
			db_s_->text[0] = 0;
			if (db_s_->end != DB_END_STOPPED_) db_s_->deep = 1;
		}
		db_s_->item_at += db_s_->item->size;
		db_s_->call_at = NULL;
		db_s_->at_item++;
	}
	return 1;
}

static uint64_t db_cpu_(void) {
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void db_done_(void) { db_send_(DB_DONE_, db_s_->at_item, db_s_->spent + db_s_->parent_spent + db_cpu_()); }

/* db_take_ takes a batch: the pages of the base that changed come first. */
static void db_take_(const struct db_message_ *m) {
	struct db_state_ *s = db_s_;
	const unsigned char *in = (const unsigned char *)s->h + s->h->in_at;
	const uint32_t *page = (const uint32_t *)(const void *)in;
	uint32_t i, changed = (uint32_t)m->b;
	for (i = 0; i < changed; i++) db_touch_(page[i] * DB_PAGE_, 1);
	s->item_at = in + ((4 * changed + 7u) & ~7u);
	s->call_at = NULL;
	s->items = m->a;
	s->most_ticks = (uint32_t)(m->b >> 32) / 10;
	s->at_item = 0;
	s->used = 0;
}

/* db_serve_ serves the harness. It returns where a cold boot needs a process of its own. */
static void db_serve_(void) {
	struct db_message_ m;
	for (;;) {
		if (db_s_->at_item == db_s_->items) {
			db_receive_(&m);
			if (m.type != DB_RUN_) _exit(0);
			db_take_(&m);
		}
		if (!db_run_()) return;
		db_done_();
	}
}

static void db_timer_(void) {
	struct itimerval t;
	t.it_interval.tv_sec = t.it_value.tv_sec = 0;
	t.it_interval.tv_usec = t.it_value.tv_usec = 10000;
	setitimer(ITIMER_PROF, &t, NULL);
}

#define DB_AGAIN_ 77

/* db_fork_ serves with a process for each cold boot. */
static void db_fork_(void) {
	struct db_state_ *s = db_s_;
	size_t wipe = DB_WIPE_;
	for (;;) {
		int status = 0;
		struct rusage usage;
		pid_t pid;
		if (s->at_item < s->items && s->call_at == NULL) db_load_();
		db_wipe_(wipe);
		wipe = DB_WIPE_ / 8; /* this process itself does not go deeper */
		s->parent_spent = db_cpu_();
		pid = fork();
		if (pid < 0) db_die_("fork fails");
		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			db_timer_();
			s->fresh = 1;
			db_serve_();
			_exit(DB_AGAIN_);
		}
		while (wait4(pid, &status, 0, &usage) < 0 && errno == EINTR) {}
		s->spent += (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000u +
			(uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000u;
		if (WIFEXITED(status) && WEXITSTATUS(status) == DB_AGAIN_) continue;
		if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && !s->inside) _exit(0);
		s->inside = 0;
		if (s->at_item == s->items) db_die_("the program ends between two items");
		if (WIFSIGNALED(status)) {
			db_log_(DB_LOG_ITEM_, DB_END_SIGNAL_, (uint32_t)WTERMSIG(status), NULL, 0);
		} else {
			db_log_(DB_LOG_ITEM_, DB_END_EXIT_, (uint32_t)WEXITSTATUS(status), NULL, 0);
		}
		s->item_at += s->item->size;
		s->call_at = NULL;
		if (++s->at_item == s->items) db_done_();
	}
}

/* ---- signals and start -------------------------------------------------------------------------------------- */

static void db_signal_(int n, siginfo_t *info, void *context) {
	struct db_state_ *s = db_s_;
	(void)context;
	if (n == SIGPROF) {
		if (!s->inside || s->ticks++ < s->most_ticks) return;
		db_end_(DB_END_TIME_);
	}
	if (!s->inside) {
		signal(n, SIG_DFL);
		raise(n);
		return;
	}
	s->code = n;
	if (n == SIGSEGV || n == SIGBUS) {
		uintptr_t at = (uintptr_t)info->si_addr;
		if (at < 65536) strcpy(s->text, "null pointer");
		else if (at < s->stack && at > s->stack - 2 * DB_STACK_) db_end_(DB_END_STACK_);
	}
	db_end_(DB_END_SIGNAL_);
}

static void db_exit_(void) {
	if (db_s_->inside) {
		atexit(db_exit_);
		db_end_(DB_END_EXIT_);
	}
}

static void db_signals_(void) {
	static const int fatal[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS, SIGTRAP};
	struct sigaction a;
	size_t i;
	memset(&a, 0, sizeof a);
	a.sa_sigaction = db_signal_;
	a.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER | SA_RESTART;
	sigemptyset(&a.sa_mask);
	sigaction(SIGPROF, &a, NULL);
	if (!DB_SANITIZED_) {
		struct rlimit limit;
		stack_t stack;
		memset(&stack, 0, sizeof stack);
		stack.ss_size = 65536;
		stack.ss_sp = db_map_(stack.ss_size, MAP_PRIVATE);
		sigaltstack(&stack, NULL);
		for (i = 0; i < sizeof fatal / sizeof fatal[0]; i++) sigaction(fatal[i], &a, NULL);
		if (getrlimit(RLIMIT_STACK, &limit) == 0) {
			limit.rlim_cur = DB_STACK_;
			setrlimit(RLIMIT_STACK, &limit);
		}
	}
}

static int db_library_(struct dl_phdr_info *info, size_t size, void *why) {
	static const char *const known[] = {
		"linux-vdso", "linux-gate", "/ld-", "/libc.", "/libc-", "/libm.", "/libm-", "/libgcc_s.", "/libstdc++.", "/libc++", "/libpthread",
	};
	size_t i;
	(void)size;
	if (info->dlpi_name == NULL || info->dlpi_name[0] == 0) return 0;
	for (i = 0; i < sizeof known / sizeof known[0]; i++) {
		if (strstr(info->dlpi_name, known[i]) != NULL) return 0;
	}
	*(uint32_t *)why |= DB_WHY_LIBRARY_;
	return 0;
}

/* db_why_ finds state that db_ram_ cannot put back. */
static uint32_t db_why_(void) {
	uint32_t why = DB_SANITIZED_ ? DB_WHY_SANITIZER_ : 0;
	const ElfW(Phdr) *p = (const ElfW(Phdr) *)getauxval(AT_PHDR);
	unsigned long n = getauxval(AT_PHNUM);
	for (; p != NULL && n > 0; n--, p++) {
		if (p->p_type == PT_TLS && p->p_memsz > 0) why |= DB_WHY_TLS_;
	}
	if (getauxval(AT_BASE) == 0) why |= DB_WHY_STATIC_;
	dl_iterate_phdr(db_library_, &why);
	return why;
}

static uint32_t db_abilities_(const struct db_subject *f) {
	uint32_t a = 0;
	if (f->open != NULL) a |= 1u << DB_OPEN_;
	if (f->set != NULL) a |= 1u << DB_SET_;
	if (f->get != NULL) a |= 1u << DB_GET_;
	if (f->remove != NULL) a |= 1u << DB_REMOVE_;
	if (f->list != NULL) a |= 1u << DB_LIST_;
	if (f->reset != NULL) a |= 1u << DB_RESET_;
	if (f->format != NULL) a |= 1u << DB_FORMAT_;
	if (f->prepare != NULL) a |= 1u << DB_PREPARE_;
	if (f->write != NULL) a |= 1u << DB_WRITE_;
	if (f->finish != NULL) a |= 1u << DB_FINISH_;
	if (f->activate != NULL) a |= 1u << DB_ACTIVATE_;
	if (f->boot != NULL) a |= 1u << DB_BOOTED_;
	return a;
}

/* db_attach_ maps the harness's memory. */
static void db_attach_(const char *fds) {
	struct db_state_ *s = db_s_;
	struct db_header_ *h;
	struct db_header_ first;
	unsigned char *p;
	size_t pages, value;
	int memory;
	if (sscanf(fds, "%d,%d,%d", &memory, &s->in, &s->out) != 3) db_die_("DUALBANK_FDS: three descriptors are needed");
	if (pread(memory, &first, sizeof first, 0) != (ssize_t)sizeof first || first.magic != DB_MAGIC_) {
		db_die_("DUALBANK_FDS: the first descriptor is no memory of a harness");
	}
	if (first.version != DB_VERSION_) db_die_("this program and the harness speak different versions: build it with the header that `dualbank native --header` prints");
	p = (unsigned char *)mmap(NULL, first.total, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
	if (p == MAP_FAILED) db_die_("the harness's memory cannot be mapped");
	h = (struct db_header_ *)(void *)p;
	s->h = h;
	s->info = (struct db_info_ *)(void *)(p + h->info_at);
	s->sector = (const uint32_t *)(const void *)(p + h->sectors_at);
	s->base = p + h->base_at;
	s->image = p + h->image_at;
	s->log = p + h->log_at;
	s->answer = p + h->answer_at;
	s->start = h->base;
	s->size = h->size;
	s->unit = h->unit;
	s->units_mask = h->unit - 1;
	pages = (h->size + DB_PAGE_ - 1) / DB_PAGE_;
	value = ((size_t)h->size + 8191) & ~(size_t)4095;
	/* One mapping: a fork copies each. */
	p = (unsigned char *)db_map_(value + 4096 + DB_KEPT_ + 8 * pages + 4 * (size_t)h->size + 8, MAP_SHARED);
	s->value_end = p + value;
	mprotect(s->value_end, 4096, PROT_NONE);
	s->kept = s->value_end + 4096;
	s->dirty = (uint32_t *)(void *)(s->kept + DB_KEPT_);
	s->dirties = s->dirty + pages;
	s->scar = s->dirties + pages;
}

int db_main(int argc, char **argv, void (*setup)(struct db_subject *)) {
	const char *fds = getenv("DUALBANK_FDS");
	struct db_state_ *s;
	char here;
	(void)argc;
	if (fds == NULL) {
		fprintf(stderr, "%s: code under test for dualbank: run `dualbank native check %s`\n", argv[0], argv[0]);
		return 2;
	}
	s = db_begin_();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getenv("DUALBANK_PARENT") != NULL && atol(getenv("DUALBANK_PARENT")) != (long)getppid()) return 0; /* it died before prctl */
	setvbuf(stdout, NULL, _IONBF, 0);
	setvbuf(stderr, NULL, _IONBF, 0);
	db_attach_(fds);
	s->stack = (uintptr_t)&here;
	setup(&s->subject);
	s->info->magic = DB_MAGIC_;
	s->info->version = DB_VERSION_;
	s->info->abilities = db_abilities_(&s->subject);
	s->info->why = db_why_();
	s->forks = s->h->isolate != 0 ? s->h->isolate == 2 : s->info->why != 0;
	s->info->isolate = s->forks ? 2 : 1;
	s->info->bits = (uint32_t)(8 * sizeof(void *));
	s->info->max_key = (uint32_t)(s->subject.max_key != 0 ? s->subject.max_key : 64);
	s->info->max_value = (uint32_t)s->subject.max_value;
	s->info->flags = s->subject.flags;
	if (s->subject.heap == 0) s->subject.heap = (size_t)1 << 20;
	s->info->heap = (uint32_t)s->subject.heap;
	db_signals_();
	atexit(db_exit_);
	s->main_began = 1;
	db_send_(DB_HELLO_, DB_VERSION_, (uint64_t)getpid());
#ifdef DB_HEAP_
	db_heap_began_(s->subject.heap);
#endif
	if (s->forks) {
		db_fork_();
	} else {
		s->ram.at = (unsigned char *)__data_start;
		s->ram.n = (size_t)(_end - __data_start);
		s->ram.copy = (unsigned char *)db_map_(s->ram.n, MAP_PRIVATE);
		memcpy(s->ram.copy, s->ram.at, s->ram.n);
		db_timer_();
		s->fresh = 1;
		db_serve_();
	}
	return 0;
}

#ifdef __cplusplus
}
#endif

#endif /* DUALBANK_IMPLEMENTATION */
