package ipmi

import (
	"testing"

	"github.com/bougou/go-ipmi/pkg/types"
	"pgregory.net/rapid"

	"github.com/handrail/handrail/activities/bmc/board"
)

// Every selector is a device, none at all, or told in words; only valid flags
// are an override.
func TestSetupOf(t *testing.T) {
	t.Parallel()
	devices := map[types.BootDeviceSelector]board.Device{1: board.BootPXE, 2: board.BootDisk, 5: board.BootCD, 6: board.BootBIOS, 8: board.BootCD}
	rapid.Check(t, func(t *rapid.T) {
		flags := &types.BootOptionParam_BootFlags{}
		if err := flags.Unpack(rapid.SliceOfN(rapid.Byte(), 5, 5).Draw(t, "flags")); err != nil {
			t.Fatal(err)
		}
		got, selector := setupOf(flags), flags.BootDeviceSelector
		switch {
		case selector == 0:
			if got.Override != "" || got.Other != "" || got.Note != "" {
				t.Errorf("no device: %+v", got)
			}
		case !flags.BootFlagsValid:
			if got.Override != "" || got.Other != "" || got.Note == "" || got.Mode != "" {
				t.Errorf("not valid: %+v", got)
			}
		case got.Override != devices[selector] || (got.Other == "") != (got.Override != "") || got.Lasting != flags.Persist || got.Mode != modeOf(flags) || got.Note != "":
			t.Errorf("selector %x: %+v", uint8(selector), got)
		}
	})
}
