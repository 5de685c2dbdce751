package layout

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// board describes the flash of an Mbed target. banks has the erase units of each bank:
// "4x16K 64K 7x128K"; a question mark in front stands for banks that are not known.
type board struct {
	chip    string
	base    uint32
	unit    uint32
	vectors int // 0: not known
	banks   []string
	labels  string   // the target's parents and extra_labels, apart from those of its family
	dual    []string // in the dual-bank mode that target.flash_dual_bank selects, where that is not the default
	rest    string   // what has the flash behind the banks, which the target may not use
}

const (
	f4Bank = "4x16K 64K 7x128K"
	stm32  = 0x08000000

	// Labels that several boards have.
	stm     = "FAMILY_STM32 MCU_STM32 STM "
	kinetis = "Freescale MCUXpresso_MCUS KSDK2_MCUS FRDM KPSDK_MCUS KPSDK_CODE PSA_Target PSA_V7_M "
	nordic  = "MCU_NRF52 MCU_NRF52840 NORDIC NRF5x NRF52 SDK_15_0 CORDIO CORDIO_LL SOFTDEVICE_NONE NORDIC_CORDIO "
	nuvoton = "NUVOTON NUVOTON_EMAC FLASH_CMSIS_ALGO "
	renesas = "RENESAS RZ_A1XX "
)

// boards are the targets whose flash is known: those of mbed-bootloader's configurations, and others that
// public configurations name. Erase units and program units are those of Mbed OS' flash HAL
// (targets/*/flash_api.c and flash_data.h; parts.md), vectors those of the CMSIS headers, labels those of
// targets.json and targets.json5. The RZ/A and i.MX RT boards run from serial flash that is mapped like internal
// flash; the LPC55S69's is the half of its non-secure side. On the STM32WB55 the radio core's firmware has the
// end of the flash: targets.json leaves 0xCA000 bytes to the application.
var boards = map[string]board{
	"NUCLEO_F429ZI":     {chip: "STM32F429ZI", base: stm32, unit: 1, vectors: 107, banks: []string{f4Bank, f4Bank}, labels: stm + "MCU_STM32F4 MCU_STM32F429xI STM32F4 STM32F429 STM32F429ZI STM32F429xx STM32F429xI STM32F4_168_180MHZ"},
	"NUCLEO_F439ZI":     {chip: "STM32F439ZI", base: stm32, unit: 1, vectors: 107, banks: []string{f4Bank, f4Bank}, labels: stm + "MCU_STM32F4 MCU_STM32F439xI STM32F4 STM32F439 STM32F439ZI STM32F439xx STM32F439xI STM32F4_168_180MHZ"},
	"UBLOX_EVK_ODIN_W2": {chip: "STM32F439ZI", base: stm32, unit: 1, vectors: 107, banks: []string{f4Bank, f4Bank}, labels: stm + "MCU_STM32F4 MCU_STM32F439xI STM32F4 STM32F439 STM32F439ZI STM32F439xx STM32F439xI UBLOX_UBLOX_ODIN_EVK_W2 MODULE_UBLOX_ODIN_W2"},
	"WIO_3G":            {chip: "STM32F439VI", base: stm32, unit: 1, vectors: 107, banks: []string{f4Bank, f4Bank}, labels: stm + "MCU_STM32F4 STM32F4 STM32F439 STM32F439VI STM32F439xx STM32F439xI"},
	"WIO_BG96":          {chip: "STM32F439VI", base: stm32, unit: 1, vectors: 107, banks: []string{f4Bank, f4Bank}, labels: stm + "MCU_STM32F4 STM32F4 STM32F439 STM32F439VI STM32F439xx STM32F439xI"},
	"DISCO_F469NI":      {chip: "STM32F469NI", base: stm32, unit: 1, vectors: 0, banks: []string{f4Bank, f4Bank}, labels: stm + "MCU_STM32F4 MCU_STM32F469xI STM32F4 STM32F469 STM32F469NI STM32F469xI N25Q128A"},
	// 1 MiB parts of the F42x come with one bank (DB1M = 0).
	"UBLOX_C030_U201":      {chip: "STM32F437VG", base: stm32, unit: 1, vectors: 107, banks: []string{f4Bank}, labels: stm + "MCU_STM32F4 STM32F4 STM32F437 STM32F437VG STM32F437xx STM32F437xG"},
	"NUCLEO_F401RE":        {chip: "STM32F401RE", base: stm32, unit: 1, vectors: 0, banks: []string{"4x16K 64K 3x128K"}, labels: stm + "MCU_STM32F4 MCU_STM32F401xE STM32F4 STM32F401xE STM32F401RE"},
	"NUCLEO_F411RE":        {chip: "STM32F411RE", base: stm32, unit: 1, vectors: 102, banks: []string{"4x16K 64K 3x128K"}, labels: stm + "MCU_STM32F4 MCU_STM32F411xE STM32F4 STM32F411xE STM32F411RE"},
	"MTS_DRAGONFLY_F411RE": {chip: "STM32F411RE", base: stm32, unit: 1, vectors: 102, banks: []string{"4x16K 64K 3x128K"}, labels: stm + "MCU_STM32F4 MCU_STM32F411xE STM32F4 STM32F411xE STM32F411RE"},
	"NUCLEO_F412ZG":        {chip: "STM32F412ZG", base: stm32, unit: 1, vectors: 0, banks: []string{f4Bank}, labels: stm + "MCU_STM32F4 MCU_STM32F412xG STM32F4 STM32F412xG STM32F412ZG"},
	"NUCLEO_F413ZH":        {chip: "STM32F413ZH", base: stm32, unit: 1, vectors: 0, banks: []string{"4x16K 64K 11x128K"}, labels: stm + "MCU_STM32F4 MCU_STM32F413xH STM32F4 STM32F413xH STM32F413ZH"},
	"DISCO_F413ZH":         {chip: "STM32F413ZH", base: stm32, unit: 1, vectors: 0, banks: []string{"4x16K 64K 11x128K"}, labels: stm + "MCU_STM32F4 MCU_STM32F413xH STM32F4 STM32F413xH STM32F413ZH N25Q128A"},
	"NUCLEO_F446RE":        {chip: "STM32F446RE", base: stm32, unit: 1, vectors: 0, banks: []string{"4x16K 64K 3x128K"}, labels: stm + "MCU_STM32F4 MCU_STM32F446xE STM32F4 STM32F446xE STM32F446RE"},
	"NUCLEO_F446ZE":        {chip: "STM32F446ZE", base: stm32, unit: 1, vectors: 0, banks: []string{"4x16K 64K 3x128K"}, labels: stm + "MCU_STM32F4 MCU_STM32F446xE STM32F4 STM32F446xE STM32F446ZE"},
	"NUCLEO_F103RB":        {chip: "STM32F103RB", base: stm32, unit: 2, vectors: 0, banks: []string{"128x1K"}, labels: stm + "MCU_STM32F1 MCU_STM32F103xB STM32F1 STM32F103RB STM32F103xB"},
	"NUCLEO_F207ZG":        {chip: "STM32F207ZG", base: stm32, unit: 1, vectors: 97, banks: []string{f4Bank}, labels: stm + "MCU_STM32F2 MCU_STM32F207xZ STM32F2 STM32F207ZG STM32F207xG"},
	"NUCLEO_F303RE":        {chip: "STM32F303RE", base: stm32, unit: 2, vectors: 98, banks: []string{"256x2K"}, labels: stm + "MCU_STM32F3 MCU_STM32F303xE STM32F3 STM32F303RE STM32F303xE"},
	"DISCO_F746NG":         {chip: "STM32F746NG", base: stm32, unit: 1, vectors: 114, banks: []string{"4x32K 128K 3x256K"}, labels: stm + "MCU_STM32F7 STM32F7 STM32F746 STM32F746NG STM32F746xG N25Q128A"},
	"NUCLEO_F746ZG":        {chip: "STM32F746ZG", base: stm32, unit: 1, vectors: 114, banks: []string{"4x32K 128K 3x256K"}, labels: stm + "MCU_STM32F7 STM32F7 STM32F746 STM32F746ZG STM32F746xG"},
	"NUCLEO_F756ZG":        {chip: "STM32F756ZG", base: stm32, unit: 1, vectors: 114, banks: []string{"4x32K 128K 3x256K"}, labels: stm + "MCU_STM32F7 STM32F7 STM32F756 STM32F756ZG STM32F756xG"},
	"DISCO_F769NI":         {chip: "STM32F769NI", base: stm32, unit: 1, vectors: 126, banks: []string{"4x32K 128K 7x256K"}, labels: stm + "MCU_STM32F7 STM32F7 STM32F769 STM32F769NI STM32F769xI MX25L51245G", dual: []string{f4Bank, f4Bank}},
	"NUCLEO_F767ZI":        {chip: "STM32F767ZI", base: stm32, unit: 1, vectors: 126, banks: []string{"4x32K 128K 7x256K"}, labels: stm + "MCU_STM32F7 STM32F7 STM32F767 STM32F767ZI STM32F767xI", dual: []string{f4Bank, f4Bank}},
	"UHURU_RAVEN":          {chip: "STM32F767VI", base: stm32, unit: 1, vectors: 126, banks: []string{"4x32K 128K 7x256K"}, labels: stm + "MCU_STM32F7 STM32F7 STM32F767 STM32F767VI STM32F767xI", dual: []string{f4Bank, f4Bank}},
	"NUCLEO_L073RZ":        {chip: "STM32L073RZ", base: stm32, unit: 4, vectors: 48, banks: []string{"768x128", "768x128"}, labels: stm + "MCU_STM32L0 MCU_STM32L073xZ STM32L0 STM32L073RZ STM32L073xZ"},
	"DISCO_L072CZ_LRWAN1":  {chip: "STM32L072CZ", base: stm32, unit: 4, vectors: 48, banks: []string{"768x128", "768x128"}, labels: stm + "MCU_STM32L0 MCU_STM32L072xZ STM32L0 STM32L072CZ STM32L072xZ"},
	"XDOT_L151CC":          {chip: "STM32L151CC", base: stm32, unit: 4, vectors: 0, banks: []string{"1024x256"}, labels: stm + "MCU_STM32L1 MCU_STM32L151xC STM32L1 STM32L151CC STM32L151xC"},
	"NUCLEO_L152RE":        {chip: "STM32L152RE", base: stm32, unit: 4, vectors: 0, banks: []string{"1024x256", "1024x256"}, labels: stm + "MCU_STM32L1 MCU_STM32L152xE STM32L1 STM32L152RE STM32L152xE"},
	"NUCLEO_L432KC":        {chip: "STM32L432KC", base: stm32, unit: 8, vectors: 0, banks: []string{"128x2K"}, labels: stm + "MCU_STM32L4 MCU_STM32L432xC STM32L4 STM32L432KC STM32L432xC"},
	"NUCLEO_L433RC_P":      {chip: "STM32L433RC", base: stm32, unit: 8, vectors: 0, banks: []string{"128x2K"}, labels: stm + "MCU_STM32L4 MCU_STM32L433xC STM32L4 STM32L433RC STM32L433xC"},
	"NUCLEO_L476RG":        {chip: "STM32L476RG", base: stm32, unit: 8, vectors: 98, banks: []string{"256x2K", "256x2K"}, labels: stm + "MCU_STM32L4 MCU_STM32L476xG STM32L4 STM32L476RG STM32L476xG"},
	"NUCLEO_L486RG":        {chip: "STM32L486RG", base: stm32, unit: 8, vectors: 98, banks: []string{"256x2K", "256x2K"}, labels: stm + "MCU_STM32L4 MCU_STM32L486xG STM32L4 STM32L486RG STM32L486xG"},
	"DISCO_L475VG_IOT01A":  {chip: "STM32L475VG", base: stm32, unit: 8, vectors: 98, banks: []string{"256x2K", "256x2K"}, labels: stm + "MCU_STM32L4 MCU_STM32L475xG STM32L4 STM32L475xG STM32L475VG CORDIO MX25R6435F M24SR"},
	"DISCO_L496AG":         {chip: "STM32L496AG", base: stm32, unit: 8, vectors: 107, banks: []string{"256x2K", "256x2K"}, labels: stm + "MCU_STM32L4 MCU_STM32L496xG STM32L4 STM32L496AG STM32L496xG MX25R6435F"},
	"NUCLEO_L496ZG":        {chip: "STM32L496ZG", base: stm32, unit: 8, vectors: 107, banks: []string{"256x2K", "256x2K"}, labels: stm + "MCU_STM32L4 MCU_STM32L496xG STM32L4 STM32L496ZG STM32L496xG"},
	"NUCLEO_L4R5ZI":        {chip: "STM32L4R5ZI", base: stm32, unit: 8, vectors: 111, banks: []string{"256x4K", "256x4K"}, labels: stm + "MCU_STM32L4 MCU_STM32L4R5xI STM32L4 STM32L4R5ZI STM32L4R5xI"},
	"B_L4S5I_IOT01A":       {chip: "STM32L4S5VI", base: stm32, unit: 8, vectors: 111, banks: []string{"256x4K", "256x4K"}, labels: stm + "MCU_STM32L4 MCU_STM32L4S5xI STM32L4 STM32L4S5VI STM32L4S5xI CORDIO MX25R6435F"},
	"NUCLEO_L552ZE_Q":      {chip: "STM32L552ZE", base: stm32, unit: 8, vectors: 0, banks: []string{"128x2K", "128x2K"}, labels: stm + "MCU_STM32L5 MCU_STM32L552xE STM32L5 STM32L552xE"},
	"NUCLEO_U575ZI_Q":      {chip: "STM32U575ZI", base: stm32, unit: 16, vectors: 0, banks: []string{"128x8K", "128x8K"}, labels: stm + "MCU_STM32U5 MCU_STM32U575xI STM32U5 STM32U575xI"},
	"NUCLEO_H563ZI":        {chip: "STM32H563ZI", base: stm32, unit: 16, vectors: 0, banks: []string{"128x8K", "128x8K"}, labels: stm + "MCU_STM32H5 MCU_STM32H563xI STM32H5 STM32H563xI"},
	"NUCLEO_G071RB":        {chip: "STM32G071RB", base: stm32, unit: 8, vectors: 0, banks: []string{"64x2K"}, labels: stm + "MCU_STM32G0 MCU_STM32G071xB STM32G0 STM32G071xB"},
	"NUCLEO_G431RB":        {chip: "STM32G431RB", base: stm32, unit: 8, vectors: 0, banks: []string{"64x2K"}, labels: stm + "MCU_STM32G4 MCU_STM32G431xB STM32G4 STM32G431xB"},
	"NUCLEO_G474RE":        {chip: "STM32G474RE", base: stm32, unit: 8, vectors: 118, banks: []string{"128x2K", "128x2K"}, labels: stm + "MCU_STM32G4 MCU_STM32G474xE STM32G4 STM32G474RE STM32G474xE"},
	"NUCLEO_WB55RG":        {chip: "STM32WB55RG", base: stm32, unit: 8, vectors: 79, banks: []string{"202x4K"}, labels: stm + "MCU_STM32WB MCU_STM32WB55xG STM32WB STM32WB55RG STM32WB55xG CORDIO", rest: "the radio core's firmware"},
	"NUCLEO_WL55JC":        {chip: "STM32WL55JC", base: stm32, unit: 8, vectors: 0, banks: []string{"128x2K"}, labels: stm + "MCU_STM32WL MCU_STM32WL55xC STM32WL STM32WL55xC"},
	"NUCLEO_H743ZI":        {chip: "STM32H743ZI", base: stm32, unit: 32, vectors: 166, banks: []string{"8x128K", "8x128K"}, labels: stm + "MCU_STM32H7 MCU_STM32H743xI STM32H7 STM32H743 STM32H743ZI STM32H743xI STM32H7_480MHZ"},
	"NUCLEO_H743ZI2":       {chip: "STM32H743ZI", base: stm32, unit: 32, vectors: 166, banks: []string{"8x128K", "8x128K"}, labels: stm + "MCU_STM32H7 MCU_STM32H743xI STM32H7 STM32H743 STM32H743ZI STM32H743xI STM32H7_480MHZ"},
	"NUCLEO_H723ZG":        {chip: "STM32H723ZG", base: stm32, unit: 32, vectors: 0, banks: []string{"8x128K"}, labels: stm + "MCU_STM32H7 MCU_STM32H723xG STM32H7 STM32H723xG"},
	"DISCO_H747I":          {chip: "STM32H747XI", base: stm32, unit: 32, vectors: 166, banks: []string{"8x128K", "8x128K"}, labels: stm + "MCU_STM32H7 MCU_STM32H747xI STM32H7 STM32H747xI STM32H7_480MHZ MT25QL512"},
	// Two cores share the flash, or a bootloader of the maker's has its start: targets.json gives each target its part.
	"DISCO_H747I_CM7":        {chip: "STM32H747XI", base: stm32, unit: 32, vectors: 166, banks: []string{"8x128K"}, labels: stm + "MCU_STM32H7 STM32H7 STM32H7_480MHZ MCU_STM32H747xI MCU_STM32H747xI_CM7 STM32H747xI STM32H747xI_CM7", rest: "the Cortex-M4"},
	"DISCO_H747I_CM4":        {chip: "STM32H747XI", base: 0x08100000, unit: 32, vectors: 166, banks: []string{"8x128K"}, labels: stm + "MCU_STM32H7 STM32H7 STM32H7_480MHZ MCU_STM32H747xI MCU_STM32H747xI_CM4 STM32H747xI STM32H747xI_CM4"},
	"NUCLEO_H745ZI_Q_CM7":    {chip: "STM32H745ZI", base: stm32, unit: 32, vectors: 166, banks: []string{"8x128K"}, labels: stm + "MCU_STM32H7 STM32H7 STM32H7_480MHZ MCU_STM32H745xI MCU_STM32H745xI_CM7 STM32H745xI STM32H745xI_CM7", rest: "the Cortex-M4"},
	"NUCLEO_H745ZI_Q_CM4":    {chip: "STM32H745ZI", base: 0x08100000, unit: 32, vectors: 166, banks: []string{"8x128K"}, labels: stm + "MCU_STM32H7 STM32H7 STM32H7_480MHZ MCU_STM32H745xI MCU_STM32H745xI_CM4 STM32H745xI STM32H745xI_CM4"},
	"ARDUINO_PORTENTA_H7_M7": {chip: "STM32H747XI", base: 0x08040000, unit: 32, vectors: 166, banks: []string{"6x128K", "2x128K"}, labels: stm + "MCU_STM32H7 STM32H7 STM32H7_480MHZ ARDUINO_PORTENTA_H7 STM32H747_ARDUINO MCU_STM32H747xI MCU_STM32H747xI_CM7 STM32H747xI STM32H747xI_CM7", rest: "the Cortex-M4"},
	"ARDUINO_PORTENTA_H7_M4": {chip: "STM32H747XI", base: 0x08140000, unit: 32, vectors: 166, banks: []string{"6x128K"}, labels: stm + "MCU_STM32H7 STM32H7 STM32H7_480MHZ ARDUINO_PORTENTA_H7 STM32H747_ARDUINO MCU_STM32H747xI MCU_STM32H747xI_CM4 STM32H747xI STM32H747xI_CM4"},
	"ARDUINO_GIGA_CM7":       {chip: "STM32H747XI", base: 0x08040000, unit: 32, vectors: 166, banks: []string{"6x128K", "2x128K"}, labels: stm + "MCU_STM32H7 STM32H7 STM32H7_480MHZ ARDUINO_GIGA STM32H747_ARDUINO MCU_STM32H747xI MCU_STM32H747xI_CM7 STM32H747xI STM32H747xI_CM7", rest: "the Cortex-M4"},
	"ARDUINO_GIGA_CM4":       {chip: "STM32H747XI", base: 0x08140000, unit: 32, vectors: 166, banks: []string{"6x128K"}, labels: stm + "MCU_STM32H7 STM32H7 STM32H7_480MHZ ARDUINO_GIGA STM32H747_ARDUINO MCU_STM32H747xI MCU_STM32H747xI_CM4 STM32H747xI STM32H747xI_CM4"},
	"NUCLEO_WB15CC":          {chip: "STM32WB15CC", base: stm32, unit: 8, banks: []string{"101x2K"}, labels: stm + "MCU_STM32WB MCU_STM32WB15xC STM32WB STM32WB15xC CORDIO", rest: "the radio core's firmware"},
	"DISCO_WB5MMG":           {chip: "STM32WB5MMG", base: stm32, unit: 8, vectors: 79, banks: []string{"202x4K"}, labels: stm + "MCU_STM32WB MCU_STM32WB5MxG STM32WB STM32WB5MxG CORDIO", rest: "the radio core's firmware"},
	"K64F":                   {chip: "MK64FN1M0", base: 0, unit: 8, vectors: 102, banks: []string{"128x4K", "128x4K"}, labels: kinetis + "MCU_K64F K64F Freescale_EMAC"},
	"K66F":                   {chip: "MK66FN2M0", base: 0, unit: 8, vectors: 116, banks: []string{"128x4K", "128x4K", "128x4K", "128x4K"}, labels: kinetis + "K66F Freescale_EMAC"},
	"KW24D":                  {chip: "MKW24D512", base: 0, unit: 4, vectors: 81, banks: []string{"128x2K", "128x2K"}, labels: kinetis + "KW24D"},
	"NRF52_DK":               {chip: "nRF52832", base: 0, unit: 4, vectors: 64, banks: []string{"128x4K"}, labels: nordic + "MCU_NRF52832 NRF52_DK"},
	"NRF52840_DK":            {chip: "nRF52840", base: 0, unit: 4, vectors: 64, banks: []string{"256x4K"}, labels: nordic},
	"ARDUINO_NANO33BLE":      {chip: "nRF52840", base: 0, unit: 4, vectors: 64, banks: []string{"256x4K"}, labels: nordic},
	"EP_AGORA":               {chip: "nRF52840", base: 0, unit: 4, vectors: 64, banks: []string{"256x4K"}, labels: nordic},
	"NUMAKER_PFM_NUC472":     {chip: "NUC472HI8AE", base: 0, unit: 4, vectors: 0, banks: []string{"256x2K"}, labels: nuvoton + "NUC472 MCU_NUC472 NUMAKER"},
	"NUMAKER_PFM_M487":       {chip: "M487JIDAE", base: 0, unit: 4, vectors: 0, banks: []string{"?128x4K"}, labels: nuvoton + "M480 MCU_M480"},
	"NUMAKER_IOT_M487":       {chip: "M487JIDAE", base: 0, unit: 4, vectors: 0, banks: []string{"?128x4K"}, labels: nuvoton + "M480 MCU_M480"},
	"LPC55S69_NS":            {chip: "LPC55S69", base: 0x30000, unit: 512, vectors: 76, banks: []string{"832x512"}, labels: "LPC55S69 NXP MCUXpresso_MCUS LPCXpresso LPC PSA_Target PSA_V8_M"},
	"CY8CPROTO_062_4343W":    {chip: "PSoC 62, CY8C624ABZI", base: 0x10000000, unit: 512, vectors: 0, banks: []string{"512x512", "512x512", "512x512", "512x512", "512x512", "512x512", "512x512", "512x512"}, labels: "Cypress PSOC6 MCU_PSOC6 MCU_PSOC6_M4 MCU_PSOC62_CM4 PSOC6_02 MXCRYPTO MXCRYPTO_02 CORDIO"},
	"GR_PEACH":               {chip: "RZ/A1H with S25FL512S", base: 0x18000000, unit: 8, vectors: 0, banks: []string{"2048x4K"}, labels: renesas + "RZA1H MBRZA1H RENESAS_EMAC"},
	"GR_LYCHEE":              {chip: "RZ/A1LU with W25Q64JV", base: 0x18000000, unit: 8, vectors: 0, banks: []string{"2048x4K"}, labels: renesas + "RZA1UL MBRZA1LU"},
	"RZ_A1H":                 {chip: "RZ/A1H with MX25L6433F", base: 0x18000000, unit: 8, vectors: 0, banks: []string{"2048x4K"}, labels: renesas + "RZA1H MBRZA1H RENESAS_EMAC"},
	"GR_MANGO":               {chip: "RZ/A2M with MX25UW12845G", base: 0x50000000, unit: 8, vectors: 0, banks: []string{"4096x4K"}, labels: "RENESAS RZ_A2XX RZA2M MBRZA2M RENESAS_EMAC"},
	"MIMXRT1050_EVK":         {chip: "i.MX RT1052 with 8 MiB QSPI", base: 0x60000000, unit: 256, vectors: 176, banks: []string{"2048x4K"}, labels: "EVK 1050_EVK MIMXRT1050 MIMXRT105X NXP MCUXpresso_MCUS IMX NXP_EMAC"},
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
	c := Chip{Name: b.chip, Base: b.base, Unit: b.unit, Vectors: b.vectors, Rest: b.rest}
	banks := b.banks
	if dual && b.dual != nil {
		banks = b.dual
	}
	at := b.base
	for _, bank := range banks {
		bank, unknown := strings.CutPrefix(bank, "?")
		if !unknown {
			c.Banks = append(c.Banks, at)
		}
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
