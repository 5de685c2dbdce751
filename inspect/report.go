package inspect

import "dualbank/boot"

// Report is what a dump shows. Addresses are those of the device, sizes are in bytes.
type Report struct {
	File     string   `json:"file"`
	Format   string   `json:"format"`
	Ranges   []Range  `json:"ranges"`   // that the dump has
	Layout   string   `json:"layout"`   // target and flash of the layout, or "guessed"
	Regions  []Region `json:"regions"`  // of the layout
	Stores   []Store  `json:"stores"`   // TDBStores
	Firmware []Image  `json:"firmware"` // active image and candidates
	Damage   []string `json:"damage"`   // one line each, in the order of addresses within store and firmware
}

// Range is a range of addresses.
type Range struct {
	Start uint32 `json:"start"`
	Size  uint32 `json:"size"`
}

// Region is a region of the layout.
type Region struct {
	Name    string `json:"name"`
	Start   uint32 `json:"start"`
	Size    uint32 `json:"size"`
	Missing uint32 `json:"missing"` // bytes that the dump does not have; they count as erased
	Written uint32 `json:"written"` // bytes that are not erased
}

// Store is one TDBStore.
type Store struct {
	Start   uint32  `json:"start"`
	Size    uint32  `json:"size"`
	Unit    uint32  `json:"unit"`             // program unit
	Guessed string  `json:"guessed"`          // what is guessed here; "" if nothing is
	Active  int     `json:"active"`           // the area that an open uses; -1: an open would make a new store
	Fails   string  `json:"fails"`            // why an open fails; "" if it succeeds
	Areas   []Area  `json:"areas"`            // one if the second was not found
	Records []Entry `json:"records"`          // the live records, as an open finds them
	Erases  uint32  `json:"erases"`           // of the sector erased most often, at least
	Rated   uint32  `json:"rated,omitempty"`  // erases
	Years   float64 `json:"years,omitempty"`  // years left at the rate so far, if age and rating are known
	Wrapped bool    `json:"erasesIncomplete"` // the area version has wrapped or was reset: there were more erases
}

// Area is one area of a store.
type Area struct {
	Start    uint32  `json:"start"`
	Size     uint32  `json:"size"`
	State    string  `json:"state"`   // "active", "standby", "no master record"
	Version  uint16  `json:"version"` // each garbage collection increments it
	Reserved string  `json:"reserved"`
	Log      []Entry `json:"log"`    // live, dead and tombstones, in the order of writing
	Live     uint32  `json:"live"`   // bytes of live records on flash
	Dead     uint32  `json:"dead"`   // bytes of all other records
	Free     uint32  `json:"free"`   // address where the next record goes
	Room     uint32  `json:"room"`   // bytes from Free to the end
	Tail     string  `json:"tail"`   // what is at Free
	Torn     uint32  `json:"torn"`   // bytes at Free that are not erased, within the erase unit of the log's end
	Behind   uint32  `json:"behind"` // bytes that are not erased in later units: mostly records of an earlier life
	Stale    []Entry `json:"stale"`  // valid records behind the log
	Erases   uint32  `json:"erases"` // of its first erase unit, at least
}

// Entry is one record.
type Entry struct {
	Addr  uint32 `json:"addr"`
	Size  uint32 `json:"size"` // on flash
	Key   string `json:"key"`
	State string `json:"state"` // "live", "dead", "tombstone", "stale"
	Flags uint32 `json:"flags"`
	Value string `json:"value"` // hexadecimal
	Text  string `json:"text,omitempty"`
}

// Image is a place for firmware, with its metadata header.
type Image struct {
	Place    string `json:"place"`              // "active", "slot 0", "found"
	Header   uint32 `json:"header"`             // its address
	State    string `json:"state"`              // "valid", "none", "damaged", "external", "not in the dump"
	Version  uint64 `json:"version,omitempty"`  // of the firmware; larger is newer
	Size     uint64 `json:"size,omitempty"`     // of the firmware
	Hash     string `json:"hash,omitempty"`     // SHA-256, hexadecimal
	Campaign string `json:"campaign,omitempty"` // hexadecimal
	Start    uint32 `json:"start"`              // address of the firmware's first byte; 0 if not known
	Check    string `json:"check"`              // "hash holds", "hash differs", "not all in the dump", "not found", "" without a header
	Written  uint32 `json:"written"`            // bytes in the place that are not erased
	Note     string `json:"note"`               // what the bootloader does with it

	details boot.Details
}

// The states of a header.
const (
	headerValid    = "valid"
	headerNone     = "none"
	headerDamaged  = "damaged"
	headerExternal = "external" // its HMAC cannot be checked
	headerMissing  = "not in the dump"
)

// The outcomes of the check of firmware.
const (
	hashHolds    = "hash holds"
	hashDiffers  = "hash differs"
	hashPartly   = "not all in the dump"
	hashNotFound = "not found" // the firmware of this header was not found
)
