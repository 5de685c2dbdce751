package fuzz

// patch is a bug that is put into the source for one build: search strings that are replaced, once each.
type patch struct {
	name    string
	kind    string // the kind of hole in a search that it is of
	why     string // what goes wrong, and when
	mbedOS  bool   // it shows in profile MbedOS alone
	changes []change
}

// change replaces a piece of a file, which has it exactly once.
type change struct{ file, old, new string }

func replaced(file, old, new string) []change { return []change{{file, old, new}} }

const (
	srcStore    = "kvstore/tdbstore.go"
	srcSet      = "kvstore/tdbset.go"
	srcRecord   = "kvstore/record.go"
	srcCollect  = "kvstore/collect.go"
	srcIterator = "kvstore/iterator.go"
	srcSecure   = "kvstore/secure/store.go"
	srcRead     = "kvstore/secure/read.go"
	srcKey      = "kvstore/secure/devicekey.go"
	srcLoader   = "boot/bootloader.go"
	srcInstall  = "boot/install.go"
	srcClient   = "boot/client.go"
	srcHeader   = "boot/header.go"
	srcSlots    = "boot/slot.go"
	srcLayout   = "boot/layout/check.go"
)

// The kinds.
const (
	kindVersions   = "versions and counters at edges"
	kindSizes      = "sizes at edges"
	kindAnswers    = "info, offsets and prefixes"
	kindDevice     = "device errors in updates"
	kindDamage     = "damaged images"
	kindActivate   = "reset between write and activate"
	kindRoot       = "32-byte root of trust, and none after a reset"
	kindProvision  = "provisioning again after a cut"
	kindTwoCuts    = "two cuts over reserved data"
	kindLock       = "the lock after plain cuts"
	kindNames      = "keys named like the store's own"
	kindFull       = "areas filled to the last unit"
	kindReset      = "sweeps that end in a reset"
	kindClearing   = "cut in a clearing erase"
	kindUnaligned  = "regions off their largest sector"
	kindLayout     = "layouts off sectors, at the flash's end, overlapping"
	kindIntact     = "an intact image boots"
	kindOverItself = "no image over itself twice"
	kindGivenUp    = "given up after the retries, not before"
	kindCovered    = "every live byte is covered"
	kindProgress   = "progress with periodic cuts"
	kindMbedOS     = "MbedOS in the guided search"
)

// patches were written before the search was changed to find their kinds.
var patches = []patch{
	{name: "area-version-8", kind: kindVersions, why: "the areas' versions are compared in 8 bits: the older one wins at 256", changes: replaced(srcStore,
		"version[0] > version[1] ||", "uint8(version[0]) > uint8(version[1]) ||")},
	{name: "area-version-signed", kind: kindVersions, why: "the areas' versions are compared as signed: the older one wins at 32768", changes: replaced(srcStore,
		"version[0] > version[1] ||", "int16(version[0]) > int16(version[1]) ||")},
	{name: "image-version-32", kind: kindVersions, why: "versions of images are compared in 32 bits: 2^32 is older than 1", changes: replaced(srcLoader,
		"d.Version <= b.best.Version ||", "uint32(d.Version) <= uint32(b.best.Version) ||")},
	{name: "image-version-signed", kind: kindVersions, why: "versions of images are compared as signed: 2^63 is older than 1", changes: replaced(srcLoader,
		"d.Version <= b.best.Version ||", "int64(d.Version) <= int64(b.best.Version) ||")},
	{name: "remembered-8", kind: kindVersions, why: "the version that failed is remembered by its low 8 bits: a new one that shares them counts as failing too early", changes: replaced(srcLoader,
		"if ram.Version != b.details.Version {", "if uint8(ram.Version) != uint8(b.details.Version) {")},

	{name: "copy-256", kind: kindSizes, why: "a collection leaves out the last byte of a record whose key and data take 256 bytes", changes: replaced(srcCollect,
		"if err := s.program(dst+done, p); err != nil {", "if total == s.headerUp+256 && done+n == total {\n\t\t\tp = p[:n-1]\n\t\t}\n\t\tif err := s.program(dst+done, p); err != nil {")},
	{name: "fragment-1", kind: kindSizes, why: "a last fragment of one byte is not written", changes: replaced(srcClient,
		"if uint32(len(p))%c.page != 0 || addr%c.page != 0 {", "if size == 1 && offset > 0 {\n\t\treturn nil\n\t}\n\tif uint32(len(p))%c.page != 0 || addr%c.page != 0 {")},
	{name: "copy-16385", kind: kindSizes, why: "an install leaves out a last chunk of one byte", changes: replaced(srcInstall,
		"uint64(offset) < size; {", "uint64(offset)+1 < size; {")},
	{name: "image-1-byte", kind: kindSizes, why: "an application of one byte counts as none", changes: replaced(srcLoader,
		"if d.Size == 0 {", "if d.Size <= 1 {")},
	{name: "prepare-exact", kind: kindSizes, why: "an image that fills its slot exactly is refused", changes: replaced(srcClient,
		"if end-s.Addr > s.Size &&", "if (end-s.Addr > s.Size || total == s.Size) &&")},

	{name: "info-size", kind: kindAnswers, why: "the size that an info tells has the key's bytes in it", changes: replaced(srcStore,
		"Info{Size: uint32(len(s.rec.data)), Flags", "Info{Size: s.rec.total, Flags")},
	{name: "info-flags", kind: kindAnswers, why: "an info leaves the write-once flag out", changes: replaced(srcStore,
		"Flags: s.rec.flags}, nil", "Flags: s.rec.flags &^ FlagWriteOnce}, nil")},
	{name: "get-at-end", kind: kindAnswers, why: "a get at the very end of a value fails", changes: replaced(srcStore,
		"if offset > uint32(len(s.rec.data)) {", "if offset > 0 && offset >= uint32(len(s.rec.data)) {")},
	{name: "prefix-anywhere", kind: kindAnswers, why: "a prefix is looked for anywhere in a key", changes: replaced(srcIterator,
		"strings.HasPrefix(string(key), it.prefix)", "strings.Contains(string(key), it.prefix)")},
	{name: "secure-offset", kind: kindAnswers, why: "a get of a confidential value off a multiple of 16 begins one byte late", changes: replaced(srcRead,
		"skip = k\n", "skip = k + k%aes.BlockSize/15\n")},

	{name: "client-ignores-failure", kind: kindDevice, why: "a program that fails to the end is reported as success", changes: replaced(srcClient,
		"if try++; try > flashIAPRetries {\n\t\t\treturn ErrInvalidParameter", "if try++; try > flashIAPRetries {\n\t\t\treturn nil")},
	{name: "client-again-elsewhere", kind: kindDevice, why: "a program that is tried again goes to where the first one began", changes: replaced(srcClient,
		"addr += done\n", "")},
	{name: "install-ignores-failure", kind: kindDevice, why: "the application is run although its install failed", changes: replaced(srcLoader,
		"if usable = usable && b.cfg.Swap; usable {", "if usable {")},
	{name: "erase-ignored-old", kind: kindDevice, why: "the older client goes on after an erase that failed", changes: replaced(srcClient,
		"if c.gen == ClientOld || try == flashIAPRetries {\n\t\t\treturn ErrInvalidParameter", "if c.gen == ClientOld || try == flashIAPRetries {\n\t\t\treturn nil")},

	{name: "hash-16", kind: kindDamage, why: "the first half of the hash is compared", changes: replaced(srcLoader,
		"return b.sum == *want", "return [16]byte(b.sum[:16]) == [16]byte(want[:16])")},
	{name: "header-crc-24", kind: kindDamage, why: "the first byte of a header's CRC is not compared", changes: replaced(srcHeader,
		"binary.BigEndian.Uint32(p[headerCRC:]) != crc32.ChecksumIEEE(p[:headerCRC])", "(binary.BigEndian.Uint32(p[headerCRC:])^crc32.ChecksumIEEE(p[:headerCRC]))&0xFFFFFF != 0")},
	{name: "active-magic", kind: kindDamage, why: "a foreign magic in the active header passes", changes: replaced(srcHeader,
		"!= HeaderVersion || binary.BigEndian.Uint32(buf) != headerMagic", "!= HeaderVersion")},
	{name: "active-version", kind: kindDamage, why: "a header of another version is read as one of version 2", changes: replaced(srcHeader,
		"binary.BigEndian.Uint32(buf[4:]) != HeaderVersion || ", "")},

	{name: "erase-by-header", kind: kindActivate, why: "a slot whose header is erased is taken for erased: what was never activated is written over", changes: replaced(srcClient,
		"for addr := s.Addr; addr < end; {", "first := []byte{0}\n\tif c.flash.Read(s.Addr, first) == nil && first[0] == 0xFF {\n\t\tend = s.Addr\n\t}\n\tfor addr := s.Addr; addr < end; {")},
	{name: "header-of-zeros", kind: kindActivate, why: "a header of zeros, as an activation after a reset leaves, counts as an image", changes: replaced(srcHeader,
		"if len(p) < HeaderSize || ", "if len(p) < HeaderSize || p[0]|p[headerCRC] != 0 && ")},
	{name: "stop-at-no-image", kind: kindActivate, why: "the bootloader looks no further than the first slot without an image", changes: replaced(srcLoader,
		"b.print(\"No Update image\")\n\t\t\tcontinue", "b.print(\"No Update image\")\n\t\t\tbreak")},

	{name: "root-short", kind: kindRoot, why: "of a root of trust of 32 bytes the first 16 are stored", changes: replaced(srcKey,
		"switch k.store.SetReserved(root) {", "switch k.store.SetReserved(root[:rootSize]) {")},
	{name: "derive-block-1", kind: kindRoot, why: "both halves of a derived key of 32 bytes are the same", changes: replaced(srcKey,
		"m.write([]byte{i})", "m.write([]byte{1})")},
	{name: "no-root-zero", kind: kindRoot, why: "without a root of trust keys are zeros in place of an error", changes: replaced(srcKey,
		"n, err := k.read(root[:most])\n\tif err != nil {\n\t\treturn err", "n, err := k.read(root[:most])\n\tif err != nil {\n\t\tclear(out)\n\t\treturn nil")},
	{name: "root-kept", kind: kindRoot, why: "a root of trust is kept in RAM and used after the reset that erased it", changes: []change{
		{srcKey, "\tstore   ReservedData\n\tcpu     kvstore.CPU\n", "\tstore   ReservedData\n\tcpu     kvstore.CPU\n\tkept    []byte\n"},
		{srcKey, "n, err := k.store.Reserved(buf)\n", "n, err := k.store.Reserved(buf)\n\tif err == nil {\n\t\tk.kept = append([]byte(nil), buf[:n]...)\n\t} else if err == kvstore.ErrItemNotFound && k.kept != nil && len(k.kept) <= len(buf) {\n\t\treturn copy(buf, k.kept), nil\n\t}\n"},
	}},

	{name: "provision-once", kind: kindProvision, why: "reserved data is refused where a cut left any byte of a trailer", changes: replaced(srcCollect,
		"if _, err := s.reserved(); err == nil {\n\t\treturn ErrWriteFailed", "var left [1]byte\n\t_ = s.read(s.base[0]+reservedSize, left[:])\n\tif _, err := s.reserved(); err == nil || left[0] != 0xFF {\n\t\treturn ErrWriteFailed")},
	{name: "provision-not-cleaned", kind: kindProvision, why: "no area is cleaned before reserved data is written, where a cut may have left some", changes: replaced(srcCollect,
		"if err := s.clean(1 - s.active); err != nil {\n\t\treturn err\n\t}\n\tvar trailer", "var trailer")},
	{name: "provision-skips-torn", kind: kindProvision, why: "reserved data is not written where a cut left any byte of it: one copy is all that there is", changes: replaced(srcCollect,
		"if err := s.program(base, data); err != nil {", "var left [1]byte\n\t\tif _ = s.read(base, left[:]); left[0] != 0xFF {\n\t\t\tcontinue\n\t\t}\n\t\tif err := s.program(base, data); err != nil {")},

	{name: "restore-own", kind: kindTwoCuts, why: "cleaning puts reserved data back where it was before: after a cut in one area and one in the other it is gone", changes: replaced(srcCollect,
		"n, err := s.reserved()\n\tfound := err == nil\n", "n, err := s.reserved()\n\tfound := err == nil\n\tvar had [1]byte\n\tif s.read(s.base[area]+reservedSize, had[:]) == nil && had[0] == 0xFF && s.version > 2 {\n\t\tfound = false\n\t}\n")},
	{name: "first-trailer", kind: kindTwoCuts, why: "reserved data is looked for no further than the first area with a trailer", changes: replaced(srcCollect,
		"if err != ErrItemNotFound {\n", "if err != ErrItemNotFound || binary.LittleEndian.Uint16(s.reservedBuf[reservedSize:]) == trailerSize {\n")},

	{name: "lock-at-open", kind: kindLock, why: "an open that finds an unfinished record leaves the lock held", changes: replaced(srcStore,
		"\t\t\tif err := s.opts.Defects.unfinished(s, off); err != nil {", "\t\t\tif s.work[0] != 0xFF {\n\t\t\t\ts.locks++\n\t\t\t}\n\t\t\tif err := s.opts.Defects.unfinished(s, off); err != nil {")},
	{name: "lock-after-salvage", kind: kindLock, why: "a set whose read-back fails on what a cut left keeps the lock", changes: replaced(srcSet,
		"if err := s.readBack(key, value, whole); err != nil {\n", "if err := s.readBack(key, value, whole); err != nil {\n\t\ts.locks++\n")},

	{name: "master-by-prefix", kind: kindNames, why: "every key that begins with TDBS is taken for the master record's", changes: replaced(srcSet,
		"if key == masterKey {", "if len(key) >= len(masterKey) && key[:len(masterKey)] == masterKey {")},
	{name: "master-any-case", kind: kindNames, why: "the key tdbs is taken for the master record's", changes: replaced(srcSet,
		"if key == masterKey {", "if key == masterKey || key == \"tdbs\" {")},

	{name: "full-refused", kind: kindFull, why: "a record that ends just with the area after a collection is refused", changes: replaced(srcSet,
		"if s.free+need > s.limit {\n\t\t\t\treturn s.abandon(ErrMediaFull)", "if s.free+need >= s.limit {\n\t\t\t\treturn s.abandon(ErrMediaFull)")},
	{name: "full-scan", kind: kindFull, why: "the smallest record is not found if it ends with the area", changes: replaced(srcStore,
		"for off+headerSize < s.area {", "for off+s.headerUp+s.unit < s.area {")},

	{name: "reset-keeps-reserved", kind: kindReset, why: "a reset leaves the reserved data", changes: replaced(srcStore,
		"if err := s.eraseHead(area); err != nil {\n\t\t\treturn err\n\t\t}\n\t}\n\ts.empty()\n", "if err := s.clean(area); err != nil {\n\t\t\treturn err\n\t\t}\n\t}\n\ts.empty()\n")},
	{name: "reset-backwards", kind: kindReset, why: "a SecureStore resets the rollback protection first: after a cut its values cannot be told from forged ones", changes: replaced(srcSecure,
		"if err := s.under.Reset(); err != nil {\n\t\treturn err\n\t}\n\tif s.rbp != nil {\n\t\treturn s.rbp.Reset()\n\t}\n\treturn nil", "if s.rbp != nil {\n\t\tif err := s.rbp.Reset(); err != nil {\n\t\t\treturn err\n\t\t}\n\t}\n\treturn s.under.Reset()")},
	{name: "reset-keeps-place", kind: kindReset, why: "a reset leaves the end of the log where it was: what is set then is lost with a reboot", changes: replaced(srcStore,
		"s.table = s.table[:0]\n\ts.free = s.first\n", "s.table = s.table[:0]\n")},

	{name: "clear-not-last", kind: kindClearing, why: "records of an earlier life are left in an area's last unit", changes: replaced(srcSet,
		"s.load(s.active, s.free, 0) == nil {", "s.load(s.active, s.free, 0) == nil && s.nextStart(s.base[s.active]+s.free+1) < s.base[s.active]+s.area {")},
	{name: "clear-same-key", kind: kindClearing, why: "a record of an earlier life is left if it is of another key", changes: replaced(srcSet,
		"_ = s.eraseStarting(s.active, s.free, headerSize)", "if uint32(len(s.rec.key)) == s.inc.key && string(s.rec.key) == string(s.lead[crcOffset:crcOffset+s.inc.key]) {\n\t\t\t_ = s.eraseStarting(s.active, s.free, headerSize)\n\t\t}")},

	{name: "unaligned-whole", kind: kindUnaligned, why: "the distance to a unit's end is taken for a whole unit: the step goes past it", changes: replaced(srcCollect,
		"dist := unit - addr%unit", "dist := unit")},
	{name: "unaligned-unchecked", kind: kindUnaligned, why: "a range that is off erase boundaries is handed to the device", changes: replaced(srcCollect,
		"from%s.dev.EraseSize(from) != 0, to%s.dev.EraseSize(to-1) != 0:", "from > to:")},

	{name: "slot-end-up", kind: kindLayout, why: "a slot's end is rounded up: it overlaps the next one", changes: replaced(srcSlots,
		"to := g.align(f, from+each, true)", "to := g.align(f, from+each, false)")},
	{name: "storage-end-up", kind: kindLayout, why: "the storage's end is rounded up: the last slot takes what lies behind it", changes: replaced(srcSlots,
		"end := g.align(f, c.StorageAddr+c.StorageSize, true)", "end := g.align(f, c.StorageAddr+c.StorageSize, false)")},
	{name: "application-end", kind: kindLayout, why: "the last sector of an install may lie beyond the application", changes: replaced(srcInstall,
		"if from+units > b.cfg.MaxAppSize+b.cfg.AppStart {", "if from+min(units, length) > b.cfg.MaxAppSize+b.cfg.AppStart {")},
	{name: "flash-end", kind: kindLayout, why: "the newer client takes the end of the flash for an address outside", changes: replaced(srcSlots,
		"} else if addr > end || addr < at {", "} else if addr >= end || addr < at {")},

	{name: "layout-shared-unit", kind: kindLayout, why: "regions that share an erase unit are not reported", changes: replaced(srcLayout,
		"b.Chip.down(uint64(other.Start)) >= r.End() {", "r.End() <= uint64(other.Start) {")},
	{name: "layout-end-unwarned", kind: kindLayout, why: "a largest application that ends inside an erase unit is not reported", changes: replaced(srcLayout,
		"if b.maxGiven && a.End() <= b.end() && !b.Chip.boundary(a.End()) {", "if b.maxGiven && a.End() <= b.end() && b.Chip.boundary(uint64(a.Start)) {")},

	{name: "intact-hash-0", kind: kindIntact, why: "an image whose hash begins with a zero does not boot", changes: replaced(srcLoader,
		"return b.sum == *want", "return b.sum == *want && b.sum[0] != 0")},
	{name: "bad-slot-halts", kind: kindIntact, why: "a candidate with a damaged header halts a device whose application is intact", changes: replaced(srcLoader,
		"b.print(\"No Update image\")\n\t\t\tcontinue", "if c, ok := b.from.(*internalCandidates); ok && HeaderMagic(c.header[:]) {\n\t\t\t\treturn -1, errAssert\n\t\t\t}\n\t\t\tb.print(\"No Update image\")\n\t\t\tcontinue")},

	{name: "again-same-version", kind: kindOverItself, why: "a candidate of the version that runs is installed at every boot", changes: replaced(srcLoader,
		"d.Version <= b.best.Version ||", "d.Version < b.best.Version ||")},
	{name: "again-above-32", kind: kindOverItself, why: "a version above 2^32 that runs is remembered by 32 bits: it is installed at every boot", changes: replaced(srcLoader,
		"b.best.Version = b.details.Version", "b.best.Version = uint64(uint32(b.details.Version))")},

	{name: "retries-one-more", kind: kindGivenUp, why: "an image that fails is given up one boot late", changes: replaced(srcLoader,
		"b.countBoots(reason, ram) >= b.cfg.BootRetries", "b.countBoots(reason, ram) > b.cfg.BootRetries")},
	{name: "retries-one-less", kind: kindGivenUp, why: "an image is given up one boot early", changes: replaced(srcLoader,
		"b.countBoots(reason, ram) >= b.cfg.BootRetries", "b.countBoots(reason, ram)+1 >= b.cfg.BootRetries")},
	{name: "lockup-not-counted", kind: kindGivenUp, why: "boots after a lockup do not count as failed", changes: replaced(srcLoader,
		"ram.Counter++", "if reason != Lockup {\n\t\t\tram.Counter++\n\t\t}")},

	{name: "crc-without-flags", kind: kindCovered, why: "a record's flags are not covered by its CRC", changes: []change{
		{srcSet, "putHeader(s.lead[:], flags, uint16(n), size)\n", "putHeader(s.lead[:], 0, uint16(n), size)\n"},
		{srcRecord, "copy(body, h[:crcOffset])\n", "copy(body, h[:crcOffset])\n\tclear(body[8:12])\n"},
	}},
	{name: "reserved-crc-half", kind: kindCovered, why: "the second half of the reserved data is not covered by its CRC", changes: []change{
		{srcCollect, "if CRC(data) != binary", "if CRC(data[:len(data)/2]) != binary"},
		{srcCollect, "binary.LittleEndian.PutUint32(trailer[4:], CRC(data))", "binary.LittleEndian.PutUint32(trailer[4:], CRC(data[:len(data)/2]))"},
	}},
	{name: "header-crc-104", kind: kindCovered, why: "the last field of an image's header is not covered by its CRC", changes: []change{
		{srcHeader, "binary.BigEndian.PutUint32(p[headerCRC:], crc32.ChecksumIEEE(p[:headerCRC]))", "binary.BigEndian.PutUint32(p[headerCRC:], crc32.ChecksumIEEE(p[:headerCRC-4]))"},
		{srcHeader, "binary.BigEndian.Uint32(p[headerCRC:]) != crc32.ChecksumIEEE(p[:headerCRC])", "binary.BigEndian.Uint32(p[headerCRC:]) != crc32.ChecksumIEEE(p[:headerCRC-4])"},
	}},

	{name: "install-erases-all", kind: kindProgress, why: "an install that was cut erases all that an application may have: it takes longer than the one before", changes: []change{
		{srcLoader, "\tpage    uint32\n", "\tpage    uint32\n\terases  uint32\n"},
		{srcLoader, "\tout.Slot = slot\n", "\tout.Slot = slot\n\tif b.erases = 0; status == imageBroken {\n\t\tb.erases = b.cfg.MaxAppSize\n\t}\n"},
		{srcInstall, "b.eraseActive(uint32(b.best.Size)); !ok {", "b.eraseActive(max(uint32(b.best.Size), b.erases)); !ok {"},
	}},
	{name: "resume-never", kind: kindProgress, why: "a download that is resumed finds nothing written and begins anew", changes: replaced(srcClient,
		"return end - n + i, nil", "return 0, nil")},

	{name: "mbedos-no-collection", kind: kindMbedOS, mbedOS: true, why: "in profile MbedOS a set that fails while it is begun collects nothing", changes: replaced(srcSet,
		"if s.inc.base == s.master || s.opts.Defects", "if s.inc.base == s.master || s.opts.Profile == MbedOS && s.inc.size > 200 || s.opts.Defects")},
	{name: "mbedos-abandoned", kind: kindMbedOS, mbedOS: true, why: "in profile MbedOS a forgotten set in pieces is in the way of the next one", changes: replaced(srcSet,
		"if in.pending || s.unclean {\n\t\t\tif err", "if in.pending && s.opts.Profile != MbedOS || s.unclean {\n\t\t\tif err")},
}
