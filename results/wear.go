package results

import "fmt"

// BankName returns the name of the sector's bank: "bank 1", or "external".
func (s *SectorWear) BankName() string {
	if s.External {
		return "external"
	}
	return fmt.Sprintf("bank %d", s.Bank+1)
}

// RegionName returns the name of a region, "unused" for none.
func RegionName(s string) string {
	if s == "" {
		return "unused"
	}
	return s
}
