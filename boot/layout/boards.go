package layout

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// board describes the flash of an Mbed target. banks has the erase units of each bank: "4x16K 64K 7x128K".
type board struct {
	chip    string
	base    uint32
	unit    uint32
	vectors int
	banks   []string
	dual    []string // in the dual-bank mode that target.flash_dual_bank selects, where that is not the default
}

const (
	f4Bank = "4x16K 64K 7x128K"
	stm32  = 0x08000000
)

// boards are the targets that Mbed's bootloader has configurations for. Erase units and program
// units are those of Mbed OS' flash HAL (targets/*/flash_api.c and flash_data.h; parts.md), vectors those
// of the CMSIS headers. The RZ/A and i.MX RT boards run from serial flash that is mapped like internal
// flash; the LPC55S69's is the half of its non-secure side.
var boards = map[string]board{
	"NUCLEO_F429ZI": {"STM32F429ZI", stm32, 1, 107, []string{f4Bank, f4Bank}, nil},
	// 1 MiB parts of the F42x come with one bank (DB1M = 0).
	"UBLOX_C030_U201":     {"STM32F437VG", stm32, 1, 107, []string{f4Bank}, nil},
	"NUCLEO_F411RE":       {"STM32F411RE", stm32, 1, 102, []string{"4x16K 64K 3x128K"}, nil},
	"NUCLEO_F207ZG":       {"STM32F207ZG", stm32, 1, 97, []string{f4Bank}, nil},
	"NUCLEO_F303RE":       {"STM32F303RE", stm32, 2, 98, []string{"256x2K"}, nil},
	"DISCO_F746NG":        {"STM32F746NG", stm32, 1, 114, []string{"4x32K 128K 3x256K"}, nil},
	"DISCO_F769NI":        {"STM32F769NI", stm32, 1, 126, []string{"4x32K 128K 7x256K"}, []string{f4Bank, f4Bank}},
	"NUCLEO_F767ZI":       {"STM32F767ZI", stm32, 1, 126, []string{"4x32K 128K 7x256K"}, []string{f4Bank, f4Bank}},
	"UHURU_RAVEN":         {"STM32F767VI", stm32, 1, 126, []string{"4x32K 128K 7x256K"}, []string{f4Bank, f4Bank}},
	"NUCLEO_L073RZ":       {"STM32L073RZ", stm32, 4, 48, []string{"768x128", "768x128"}, nil},
	"NUCLEO_L476RG":       {"STM32L476RG", stm32, 8, 98, []string{"256x2K", "256x2K"}, nil},
	"DISCO_L475VG_IOT01A": {"STM32L475VG", stm32, 8, 98, []string{"256x2K", "256x2K"}, nil},
	"DISCO_L496AG":        {"STM32L496AG", stm32, 8, 107, []string{"256x2K", "256x2K"}, nil},
	"NUCLEO_L496ZG":       {"STM32L496ZG", stm32, 8, 107, []string{"256x2K", "256x2K"}, nil},
	"NUCLEO_L4R5ZI":       {"STM32L4R5ZI", stm32, 8, 111, []string{"256x4K", "256x4K"}, nil},
	"NUCLEO_G474RE":       {"STM32G474RE", stm32, 8, 118, []string{"128x2K", "128x2K"}, nil},
	"NUCLEO_WB55RG":       {"STM32WB55RG", stm32, 8, 79, []string{"256x4K"}, nil},
	"NUCLEO_H743ZI2":      {"STM32H743ZI", stm32, 32, 166, []string{"8x128K", "8x128K"}, nil},
	"K64F":                {"MK64FN1M0", 0, 8, 102, []string{"128x4K", "128x4K"}, nil},
	"K66F":                {"MK66FN2M0", 0, 8, 116, []string{"128x4K", "128x4K", "128x4K", "128x4K"}, nil},
	"KW24D":               {"MKW24D512", 0, 4, 81, []string{"128x2K", "128x2K"}, nil},
	"NRF52840_DK":         {"nRF52840", 0, 4, 64, []string{"256x4K"}, nil},
	"EP_AGORA":            {"nRF52840", 0, 4, 64, []string{"256x4K"}, nil},
	"LPC55S69_NS":         {"LPC55S69", 0x30000, 512, 76, []string{"832x512"}, nil},
	"GR_LYCHEE":           {"RZ/A1LU with W25Q64JV", 0x18000000, 8, 0, []string{"2048x4K"}, nil},
	"RZ_A1H":              {"RZ/A1H with MX25L6433F", 0x18000000, 8, 0, []string{"2048x4K"}, nil},
	"GR_MANGO":            {"RZ/A2M with MX25UW12845G", 0x50000000, 8, 0, []string{"4096x4K"}, nil},
	"MIMXRT1050_EVK":      {"i.MX RT1052 with 8 MiB QSPI", 0x60000000, 256, 176, []string{"2048x4K"}, nil},
}

// Boards returns the names of the targets that ChipOf knows, sorted.
func Boards() []string { return sortedKeys(boards) }

// ChipOf returns the flash of an Mbed target, in dual-bank mode if dual is set and the part has one. A target
// that Boards does not list is an error.
func ChipOf(target string, dual bool) (Chip, error) {
	b, ok := boards[target]
	if !ok {
		return Chip{}, fmt.Errorf("the flash of target %s is not known", target)
	}
	c := Chip{Name: b.chip, Base: b.base, Unit: b.unit, Vectors: b.vectors}
	banks := b.banks
	if dual && b.dual != nil {
		banks = b.dual
	}
	at := b.base
	for _, bank := range banks {
		c.Banks = append(c.Banks, at)
		for run := range strings.FieldsSeq(bank) {
			n, unit, many := strings.Cut(run, "x")
			if !many {
				n, unit = "1", run
			}
			count, _ := strconv.Atoi(n)
			digits, k := strings.CutSuffix(unit, "K")
			size, _ := strconv.Atoi(digits)
			if k {
				size <<= 10
			}
			c.Sectors = append(c.Sectors, slices.Repeat([]uint32{uint32(size)}, count)...)
			at += uint32(count * size)
		}
	}
	return c, nil
}
