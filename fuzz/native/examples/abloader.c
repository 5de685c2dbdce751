/*
 * An A/B bootloader and its update client, for the harness.
 *
 * The region is split in two slots at the sector boundary that is nearest to its middle, from below. An image lies at
 * the start of its slot; its header, in the slot's last bytes, is {magic, size, CRC of the image, version, CRC of the
 * header} and is programmed when the image is whole. The bootloader starts the valid image with the higher version.
 *
 * After a power cut a header may read now as valid, now as not. So the bootloader drives its cells to one side before
 * it decides: a valid header is programmed again, one that is neither valid nor erased is overwritten with zeros.
 *
 * The client runs after the bootloader, in the same power-up: what is in RAM is handed over. It overwrites the slot
 * that does not run, also where that holds a newer image which waits for the next boot.
 *
 * DEFECT=1 to 10 each leave one precaution out.
 */
#define DUALBANK_IMPLEMENTATION
#include "dualbank.h"

#include <string.h>

#ifndef DEFECT
#define DEFECT 0
#endif

enum { HEAD = 20, FRAGMENT = 4096 };
#define MAGIC 0x41424C44u /* "DLBA" */

struct header {
	uint32_t size, crc, version;
};

static uint32_t slot_at[2], slot_end[2];
static int running = -1;         /* slot that was started; -1: none, the device is new */
static uint32_t running_version; /* of it */
static struct db_image coming; /* what the client stores */
static int into;               /* slot that it goes to */
static uint8_t buf[FRAGMENT + 64];
#if DEFECT == 9
static volatile uint8_t fragments[256];
#endif

static uint32_t get32(const uint8_t *p) { return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24; }

static void put32(uint8_t *p, uint32_t v) {
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
	p[2] = (uint8_t)(v >> 16);
	p[3] = (uint8_t)(v >> 24);
}

static uint32_t crc32(uint32_t crc, const uint8_t *p, size_t n) {
	static uint32_t table[256];
	uint32_t i, c;
	int k;
	for (i = 0; i < 256 && table[255] == 0; i++) {
		for (c = i, k = 0; k < 8; k++) c = c & 1 ? c >> 1 ^ 0xEDB88320u : c >> 1;
		table[i] = c;
	}
	db_work(DB_WORK_CRC32, (uint32_t)n);
	for (crc = ~crc; n > 0; n--, p++) crc = table[(crc ^ *p) & 0xFF] ^ crc >> 8;
	return ~crc;
}

static int all(const uint8_t *p, size_t n, uint8_t v) {
	for (; n > 0; n--, p++) {
		if (*p != v) return 0;
	}
	return 1;
}

static uint32_t up(uint32_t n) { return (n + db_unit() - 1) / db_unit() * db_unit(); }

static void slots(void) {
	uint32_t at = db_base(), end = db_base() + db_size();
	while (at + db_sector_size(at) <= db_base() + db_size() / 2) at += db_sector_size(at);
	slot_at[0] = db_base();
	slot_end[0] = slot_at[1] = at;
	slot_end[1] = end;
}

static uint32_t header_at(int slot) { return slot_end[slot] - up(HEAD); }

/* room is how long an image may be. Updates go to and fro: it must fit in both slots. */
static uint32_t room(void) {
	uint32_t a = header_at(0) - slot_at[0], b = header_at(1) - slot_at[1];
	return a < b ? a : b;
}

static int program_header(int slot, const struct header *h) {
	uint8_t p[HEAD + 256];
	memset(p, 0xFF, sizeof p);
	put32(p, MAGIC);
	put32(p + 4, h->size);
	put32(p + 8, h->crc);
	put32(p + 12, h->version);
	put32(p + 16, crc32(0, p, 16));
	return db_program(header_at(slot), p, up(HEAD));
}

/* read_header returns 1 for a header that is valid, 0 for erased flash, -1 for anything else. */
static int read_header(int slot, struct header *h) {
	uint8_t p[HEAD];
	if (db_read(header_at(slot), p, HEAD) != 0) return -1;
	if (all(p, HEAD, 0xFF)) return 0;
	h->size = get32(p + 4);
	h->crc = get32(p + 8);
	h->version = get32(p + 12);
	if (get32(p) != MAGIC) return -1;
#if DEFECT == 9
	fragments[h->size / FRAGMENT] = 1; /* before anything is checked */
#endif
	if (DEFECT != 5 && get32(p + 16) != crc32(0, p, 16)) return -1;
	return h->size > 0 && h->size <= room() ? 1 : -1;
}

static int whole(int slot, const struct header *h) {
	uint32_t at, n, crc = 0;
	for (at = 0; at < h->size; at += n) {
		n = h->size - at < FRAGMENT ? h->size - at : FRAGMENT;
		if (db_read(slot_at[slot] + at, buf, n) != 0) return 0;
		crc = crc32(crc, buf, n);
	}
	return crc == h->crc;
}

/* pick returns the slot with the image to start; -1: there is none. */
static int pick(struct header *best) {
	struct header h;
	int slot, which = -1;
	for (slot = 0; slot < 2; slot++) {
		if (read_header(slot, &h) != 1) continue;
		if (DEFECT != 1 && DEFECT != 2 && !whole(slot, &h)) continue;
		if (which >= 0 && h.version <= best->version && DEFECT != 3 && !(DEFECT == 8 && h.version == best->version)) continue;
		which = slot;
		*best = h;
	}
	return which;
}

/* settle drives what a cut may have left undecided in the headers to one side. */
static int settle(void) {
	static const uint8_t zeros[HEAD + 256];
	struct header h;
	int slot, err;
	for (slot = 0; slot < 2; slot++) {
		int is = read_header(slot, &h);
		if (is < 0 && DEFECT == 7) db_halt("a header is damaged");
		if (is == 0 || DEFECT == 6 || !db_clears()) continue;
		err = is > 0 ? program_header(slot, &h) : db_program(header_at(slot), zeros, up(HEAD));
		if (err != 0) return err;
	}
	return 0;
}

static int ab_boot(struct db_boot *out) {
	struct header h;
	int slot, err;
	slots();
	if ((err = settle()) != 0) return err;
	running = slot = pick(&h);
	if (slot < 0) return DB_NOT_FOUND;
	running_version = h.version;
	out->addr = slot_at[slot];
	out->size = h.size;
	out->version = h.version;
	return 0;
}

static int ab_prepare(const struct db_image *image) {
	struct header h;
	uint32_t at;
	int err;
	slots();
	if (image->size == 0) return DB_INVALID;
	if (image->size > room()) return DB_FULL;
	if (running >= 0 && image->version <= running_version && !(DEFECT == 8 && image->version == running_version)) return DB_INVALID;
	coming = *image;
	into = running == 0 && DEFECT != 4 ? 1 : 0;
	for (at = slot_at[into]; at < slot_end[into]; at += db_sector_size(at)) {
		uint8_t some[HEAD];
		if (DEFECT == 10) { /* what begins erased is taken for erased */
			if (db_read(at, some, HEAD) == 0 && all(some, HEAD, 0xFF)) continue;
		}
		if ((err = db_erase(at, db_sector_size(at))) != 0) return err;
	}
	if (DEFECT == 1) {
		h.size = coming.size;
		h.crc = coming.crc32;
		h.version = coming.version;
		return program_header(into, &h);
	}
	return 0;
}

static int ab_write(uint32_t offset, const void *data, size_t n) {
	if (n > FRAGMENT || offset > coming.size || n > coming.size - offset) return DB_INVALID;
	memset(buf, 0xFF, up((uint32_t)n));
	memcpy(buf, data, n);
	return db_program(slot_at[into] + offset, buf, up((uint32_t)n));
}

static int ab_finish(void) {
	struct header h;
	h.size = coming.size;
	h.crc = coming.crc32;
	h.version = coming.version;
	return DEFECT == 2 || whole(into, &h) ? 0 : DB_CORRUPT;
}

static int ab_activate(void) {
	struct header h;
	if (DEFECT == 1) return 0;
	h.size = coming.size;
	h.crc = coming.crc32;
	h.version = coming.version;
	return program_header(into, &h);
}

static void setup(struct db_subject *s) {
	s->prepare = ab_prepare;
	s->write = ab_write;
	s->finish = ab_finish;
	s->activate = ab_activate;
	s->boot = ab_boot;
}

DB_MAIN(setup)
