package layout

import (
	"fmt"
	"slices"

	"dualbank/boot"
)

// What a layout for updates that swap the banks has beside the regions of others.
const (
	RegionOtherBootloader = "bootloader, other bank" // the same bootloader, which a programmer puts there
	RegionSwappedStore    = "KVStore while swapped"  // the addresses that the KVStore has then
)

// Swapping returns l for updates that swap the two banks in place of copying: bootloader, header and application lie at
// the same place in both banks. What follows the application in bank 2, at its end, is the KVStore, with at least the size
// that it has in l and two erase units; it keeps its cells, and has the addresses at the end of bank 1 while the banks are
// swapped. The error says what keeps the flash or the layout from that.
func (l *Layout) Swapping() (*Layout, error) {
	c := &l.Chip
	half := c.Size() / 2
	if len(c.Banks) != 2 || c.Banks[1]-c.Banks[0] != half || !slices.Equal(c.Sectors[:len(c.Sectors)/2], c.Sectors[len(c.Sectors)/2:]) {
		return nil, fmt.Errorf("%s does not have two equal banks to swap", c.Name)
	}
	if l.BlockDevice {
		return nil, fmt.Errorf("the candidates lie on a block device: a swap needs them in the other bank")
	}
	if l.Config.Details-c.Base >= half || l.Config.AppStart-c.Base >= half || l.Config.AppStart < l.Config.Details || !c.boundary(uint64(l.Config.Details)) {
		return nil, fmt.Errorf("header 0x%08X and application 0x%08X do not follow each other in the first bank, from an erase boundary on", l.Config.Details, l.Config.AppStart)
	}
	kv, has := l.Region(RegionKVStore)
	size := uint32(0)
	for i, units := len(c.Sectors)-1, 0; has && i >= len(c.Sectors)/2 && (size < kv.Size || units%2 != 0); i, units = i-1, units+1 {
		size += c.Sectors[i]
	}
	end := c.Base + half - size
	if uint64(l.Config.AppStart)+uint64(c.Unit) > uint64(end) {
		return nil, fmt.Errorf("a KVStore of %d bytes at the end of a bank leaves no room for an application", size)
	}
	s := &Layout{Target: l.Target, Chip: l.Chip, Limited: true, KVStoreRoT: l.KVStoreRoT, StorageType: l.StorageType, bootloader: l.bootloader, application: l.application}
	s.Config = l.Config.Swapping(c, end)
	var ok bool
	if s.Slots, ok = boot.Slots(c, &s.Config); !ok || s.Slots[0].Size == 0 {
		return nil, fmt.Errorf("the place of header and application in the other bank, 0x%08X+0x%X, is no slot", s.Config.StorageAddr, s.Config.StorageSize)
	}
	cfg := &s.Config
	add := func(name string, start, size uint32) {
		if size > 0 {
			s.Regions = append(s.Regions, Region{Name: name, Start: start, Size: size})
		}
	}
	add(RegionBootloader, c.Base, cfg.Details-c.Base)
	add(RegionHeader, cfg.Details, boot.HeaderSize)
	add(RegionApplication, cfg.AppStart, cfg.MaxAppSize)
	add(RegionSwappedStore, end, size)
	add(RegionOtherBootloader, c.Base+half, cfg.Details-c.Base)
	add(RegionCandidate, cfg.StorageAddr, cfg.StorageSize)
	add(RegionKVStore, end+half, size)
	return s, nil
}

// StoreAfterSwap says what a swap of the banks does to the KVStore of l; "" if there is none, or only one bank.
func (l *Layout) StoreAfterSwap() string {
	kv, ok := l.Region(RegionKVStore)
	if !ok || len(l.Chip.Banks) != 2 {
		return ""
	}
	to := l.Chip.Base + (kv.Start - l.Chip.Base) ^ l.Chip.Size()/2
	there := "nothing of this layout"
	for _, r := range l.Regions {
		if r.Start < to+kv.Size && uint64(to) < r.End() && r.Name != RegionSwappedStore {
			there = "the " + r.Name
			break
		}
	}
	return fmt.Sprintf("a swap of the banks exchanges the cells at 0x%08X, the KVStore, with those at 0x%08X, %s: a store at a fixed address is then another one, or none; "+
		"take the address by the bank that runs, or keep a store in both banks and copy it before a swap", kv.Start, to, there)
}
