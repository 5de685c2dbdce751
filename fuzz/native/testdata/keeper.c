/*
 * A bootloader that counts its boots in RAM that a warm reset keeps. It tells them as the version that it starts, and
 * the reason of the reset as the size.
 */
#define DUALBANK_IMPLEMENTATION
#include "dualbank.h"

static struct { uint32_t magic, boots; } kept;
static uint32_t lost;

static int boot(struct db_boot *out) {
	db_keep(&kept, sizeof kept);
	if (kept.magic != 0x4B454550u) {
		kept.magic = 0x4B454550u;
		kept.boots = 0;
	}
	if (lost++ != 0) db_halt("what is not kept is not lost");
	out->version = ++kept.boots;
	out->addr = db_base();
	out->size = (uint32_t)db_reset_reason();
	return 0;
}

static int prepare(const struct db_image *image) {
	kept.boots += image->size;
	return 0;
}

static int write_(uint32_t offset, const void *data, size_t n) {
	(void)offset;
	(void)data;
	(void)n;
	return 0;
}

static int activate(void) { return 0; }

static void setup(struct db_subject *s) {
	s->prepare = prepare;
	s->write = write_;
	s->activate = activate;
	s->boot = boot;
}

DB_MAIN(setup)
