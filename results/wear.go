package results

import "fmt"

// BankName names the sector's bank: "bank 1", or "external".
func (s *SectorWear) BankName() string {
	if s.External {
		return "external"
	}
	return fmt.Sprintf("bank %d", s.Bank+1)
}

// RegionName names a sector's region, "unused" if it has none.
func RegionName(s string) string {
	if s == "" {
		return "unused"
	}
	return s
}
