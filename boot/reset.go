package boot

// Reset reasons in Mbed OS' order (hal/reset_reason_api.h).
const (
	PowerOn ResetReason = iota
	PinReset
	BrownOut
	Software
	Watchdog
	Lockup
	WakeLowPower
	AccessError
	BootError
	Multiple
	Platform
	Unknown
)

// ResetReason is why the device was reset.
type ResetReason uint8

var resetNames = [...]string{
	"POWER_ON", "PIN_RESET", "BROWN_OUT", "SOFTWARE", "WATCHDOG", "LOCKUP",
	"WAKE_LOW_POWER", "ACCESS_ERROR", "BOOT_ERROR", "MULTIPLE", "PLATFORM", "UNKNOWN",
}

func (r ResetReason) String() string {
	if int(r) < len(resetNames) {
		return resetNames[r]
	}
	return "UNKNOWN"
}

// ParseResetReason returns the reset reason with Mbed OS' name for it, RESET_REASON_ left out.
func ParseResetReason(name string) (ResetReason, bool) {
	for i, n := range resetNames {
		if n == name {
			return ResetReason(i), true
		}
	}
	return 0, false
}

// RAM is the two words of the bootloader's heap that count boot retries. Each boot allocates them at the
// same place and initialises neither, so they survive a warm reset. After a power cycle their content is
// undefined.
type RAM struct {
	Version uint64
	Counter uint8
}
