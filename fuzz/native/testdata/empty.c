/* The least that is a subject, in C and in C++. */
#define DUALBANK_IMPLEMENTATION
#include "dualbank.h"

static int nothing(void) { return DB_OK; }

static void setup(struct db_subject *s) { s->open = nothing; }

DB_MAIN(setup)
