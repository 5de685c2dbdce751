// A key-value store in C++ for the harness: all keys and values live in a map, and each change programs a snapshot
// of the whole map.
//
// A snapshot is {magic, sequence, size, CRC} and the entries {key length, value length, key, value}. Snapshots follow
// each other in a sector; when the sector is full the next one is erased. The valid snapshot with the highest sequence
// counts.
//
// After a power cut cells may read differently from read to read. So every open programs what it has read anew, as
// the first snapshot of the next sector and with a sequence that skips one: whatever the cut snapshot reads as from
// then on, it is older.
//
// DEFECT=1 to 10 each plant a defect.
#define DUALBANK_IMPLEMENTATION
#include "dualbank.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#ifndef DEFECT
#define DEFECT 0
#endif

namespace {

const uint32_t kMagic = 0x50414E53; // "SNAP"
const uint32_t kHead = 16;
const size_t kMaxKey = 128, kMaxValue = 1024;

uint32_t Get32(const uint8_t *p) { return p[0] | uint32_t(p[1]) << 8 | uint32_t(p[2]) << 16 | uint32_t(p[3]) << 24; }

void Put32(uint8_t *p, uint32_t v) {
	for (int i = 0; i < 4; i++) p[i] = uint8_t(v >> (8 * i));
}

uint32_t Crc32(uint32_t crc, const uint8_t *p, size_t n) {
	static uint32_t table[256];
	for (uint32_t i = 0; i < 256 && table[255] == 0; i++) {
		uint32_t c = i;
		for (int k = 0; k < 8; k++) c = c & 1 ? c >> 1 ^ 0xEDB88320u : c >> 1;
		table[i] = c;
	}
	db_work(DB_WORK_CRC32, uint32_t(n));
	for (crc = ~crc; n > 0; n--, p++) crc = table[(crc ^ *p) & 0xFF] ^ crc >> 8;
	return ~crc;
}

uint32_t Up(uint32_t n) { return (n + db_unit() - 1) / db_unit() * db_unit(); }

// Buffer is memory that gives itself back.
class Buffer {
public:
	explicit Buffer(size_t n) : data_(new uint8_t[n]), size_(n) { memset(data_, 0xFF, n); }
	Buffer(const Buffer &) = delete;
	Buffer &operator=(const Buffer &) = delete;
	~Buffer() { delete[] data_; }
	uint8_t *data() { return data_; }
	size_t size() const { return size_; }

private:
	uint8_t *data_;
	size_t size_;
};

class Store {
public:
	int Format() {
		std::lock_guard<std::mutex> lock(mutex_);
		Sectors();
		values_.clear();
		sequence_ = 0;
		best_ = sectors_.size() - 1;
		return Write(1);
	}

	int Open() {
		std::lock_guard<std::mutex> lock(mutex_);
		Sectors();
		values_.clear();
		std::vector<Snapshot> all;
		for (size_t i = 0; i < sectors_.size(); i++) Scan(i, &all);
		if (DEFECT != 2) std::sort(all.begin(), all.end(), [](const Snapshot &a, const Snapshot &b) { return int32_t(a.sequence - b.sequence) < 0; });
		while (!all.empty() && !Load(all.back())) {
			all.pop_back();
		}
		if (all.empty()) return DB_CORRUPT;
		if (DEFECT == 5) return DB_OK; // goes on behind the last snapshot
		current_ = false;
		return Write(2);
	}

	int Set(const std::string &key, const std::string &value) {
		std::lock_guard<std::mutex> lock(mutex_);
		if (key.empty() || key.size() > kMaxKey || value.size() > kMaxValue) return DB_INVALID;
		if (DEFECT == 8 && values_.erase(key) > 0) {
			int err = Write(1);
			if (err != 0) return err;
		}
		std::map<std::string, std::string> before = values_;
		values_[key] = value;
		return Keep(&before);
	}

	int Get(const std::string &key, std::string *value) {
		std::lock_guard<std::mutex> lock(mutex_);
		auto it = values_.find(key);
		if (it == values_.end()) return DB_NOT_FOUND;
		*value = it->second;
		return DB_OK;
	}

	int Remove(const std::string &key) {
		std::lock_guard<std::mutex> lock(mutex_);
		std::map<std::string, std::string> before = values_;
		if (values_.erase(key) == 0) return DB_NOT_FOUND;
		if (DEFECT == 6) return DB_OK;  // in RAM only
		if (DEFECT == 10) sequence_--; // as old as the snapshot before it
		return Keep(&before);
	}

	int Reset() {
		std::lock_guard<std::mutex> lock(mutex_);
		std::map<std::string, std::string> before;
		before.swap(values_);
		return Keep(&before);
	}

	int List(void (*each)(const char *)) {
		std::lock_guard<std::mutex> lock(mutex_);
		for (const auto &e : values_) each(e.first.c_str());
		return DB_OK;
	}

private:
	struct Sector {
		uint32_t at, size;
	};

	struct Snapshot {
		size_t sector;
		uint32_t at, sequence, size;
	};

	void Sectors() {
		sectors_.clear();
		for (uint32_t at = 0; at < db_size(); at += db_sector_size(at)) sectors_.push_back(Sector{at, db_sector_size(at)});
		sequence_ = 0;
		current_ = false;
	}

	// Keep programs the map; if that fails it is what it was before.
	int Keep(std::map<std::string, std::string> *before) {
		int err = Write(1);
		if (err != 0) values_.swap(*before);
		return err;
	}

	// Scan looks for what begins like a snapshot in a sector.
	void Scan(size_t i, std::vector<Snapshot> *all) {
		const Sector &s = sectors_[i];
		uint32_t at = s.at, end = s.at + s.size;
		while (at + Up(kHead) <= end) {
			uint8_t head[kHead];
			if (db_read(at, head, kHead) != 0 || Get32(head) != kMagic) break;
			uint32_t size = Get32(head + 8);
			if (DEFECT != 7 && (size > s.size || Up(kHead + size) > end - at)) break;
			all->push_back(Snapshot{i, at, Get32(head + 4), size});
			at += Up(kHead + size);
		}
	}

	// Load takes a snapshot for the current one, if it is whole.
	bool Load(const Snapshot &s) {
		std::unique_ptr<Buffer> snapshot(new Buffer(kHead + s.size));
		if (db_read(s.at, snapshot->data(), snapshot->size()) != 0) return false;
		uint8_t *p = snapshot->data();
		if (Get32(p) != kMagic || Get32(p + 4) != s.sequence || Get32(p + 8) != s.size) return false;
		size_t checked = DEFECT == 4 ? 0 : s.size;
		if (DEFECT != 1 && DEFECT != 7 && Crc32(Crc32(0, p, 12), p + kHead, checked) != Get32(p + 12)) {
			if (DEFECT == 9) delete snapshot.get(); // the pointer frees it, too
			return false;
		}
		sequence_ = s.sequence;
		best_ = s.sector;
		current_ = true;
		next_ = s.at + Up(kHead + s.size);
		Parse(p + kHead, s.size);
		return true;
	}

	void Parse(const uint8_t *p, size_t n) {
		values_.clear();
		for (size_t at = 0; DEFECT == 7 ? at < n : at + 4 <= n;) {
			size_t k = p[at] | size_t(p[at + 1]) << 8, v = p[at + 2] | size_t(p[at + 3]) << 8;
			at += 4;
			if (DEFECT != 7 && at + k + v > n) break;
			const char *text = reinterpret_cast<const char *>(p + at);
			values_[std::string(text, k)] = std::string(text + k, v);
			at += k + v;
		}
	}

	// Write programs the map as a snapshot, behind the last one or in the next sector.
	int Write(uint32_t step) {
		size_t n = kHead;
		for (const auto &e : values_) n += 4 + e.first.size() + e.second.size();
		Buffer b(Up(uint32_t(n)));
		uint8_t *p = b.data() + kHead;
		for (const auto &e : values_) {
			p[0] = uint8_t(e.first.size());
			p[1] = uint8_t(e.first.size() >> 8);
			p[2] = uint8_t(e.second.size());
			p[3] = uint8_t(e.second.size() >> 8);
			memcpy(p + 4, e.first.data(), e.first.size());
			memcpy(p + 4 + e.first.size(), e.second.data(), e.second.size());
			p += 4 + e.first.size() + e.second.size();
		}
		uint32_t size = uint32_t(n) - kHead;
		Put32(b.data(), kMagic);
		Put32(b.data() + 4, sequence_ + step);
		Put32(b.data() + 8, size);
		Put32(b.data() + 12, Crc32(Crc32(0, b.data(), 12), b.data() + kHead, DEFECT == 4 ? 0 : size));
		if (!current_ || b.size() > sectors_[best_].at + sectors_[best_].size - next_) {
			size_t to = best_;
			do {
				if (DEFECT != 3) to = (to + 1) % sectors_.size();
				if (DEFECT != 3 && to == best_) return DB_FULL;
			} while (sectors_[to].size < b.size() && DEFECT != 3);
			int err = db_erase(sectors_[to].at, sectors_[to].size);
			if (err != 0) return err;
			best_ = to;
			next_ = sectors_[to].at;
			current_ = true;
		}
		int err = db_program(next_, b.data(), b.size());
		next_ += uint32_t(b.size());
		if (err != 0) {
			current_ = false;
			return err;
		}
		sequence_ += step;
		return DB_OK;
	}

	std::mutex mutex_;
	std::map<std::string, std::string> values_;
	std::vector<Sector> sectors_;
	uint32_t sequence_ = 0;
	size_t best_ = 0;      // sector of the last snapshot
	bool current_ = false; // it has been erased or written since the boot: next_ follows what is in it
	uint32_t next_ = 0;
};

Store store;

int SnapGet(const char *key, void *buf, size_t cap, size_t *n) {
	std::string value;
	int err = store.Get(key, &value);
	if (err != 0) return err;
	*n = value.size() < cap ? value.size() : cap;
	memcpy(buf, value.data(), *n);
	return DB_OK;
}

int SnapSet(const char *key, const void *value, size_t n, unsigned) {
	return store.Set(key, std::string(static_cast<const char *>(value), n));
}

void Setup(struct db_subject *s) {
	s->format = [] { return store.Format(); };
	s->open = [] { return store.Open(); };
	s->set = SnapSet;
	s->get = SnapGet;
	s->remove = [](const char *key) { return store.Remove(key); };
	s->list = [](void (*each)(const char *)) { return store.List(each); };
	s->reset = [] { return store.Reset(); };
	s->max_key = kMaxKey;
	s->max_value = kMaxValue;
}

} // namespace

DB_MAIN(Setup)
