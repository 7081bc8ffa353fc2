package netboot

import (
	"fmt"
	"path"
)

// espMiB is the size of the partition that UEFI starts from.
const espMiB = 512

// ESP is the size in MiB of the partition that UEFI starts from.
func (view) ESP() int64 { return espMiB }

// action is one step of curtin's storage configuration, which Ubuntu's installer
// reads.
type action map[string]any

// Storage lists the actions for Ubuntu's installer. The disks are paths that do
// not exist until the script puts the right ones in their place.
func (v view) Storage() []action {
	actions := v.diskActions()
	for _, p := range v.Parts {
		volume := fmt.Sprintf("disk1-part%d", p.Number)
		if v.Array {
			volume = fmt.Sprintf("array%d", p.Number)
			var members []string
			for d := range v.Count {
				members = append(members, fmt.Sprintf("disk%d-part%d", d+1, p.Number))
			}
			actions = append(actions, action{
				"type": "raid", "id": volume, "name": fmt.Sprintf("md%d", p.Number), "raidlevel": v.Level,
				"devices": members, "spare_devices": []string{}, "preserve": false, "wipe": "superblock",
			})
		}
		format, mount := fmt.Sprintf("format%d", p.Number), action{"type": "mount", "id": fmt.Sprintf("mount%d", p.Number), "path": p.Mount}
		if p.Swap() {
			mount["path"] = ""
		}
		mount["device"] = format
		actions = append(actions, action{"type": "format", "id": format, "fstype": p.FileSystem, "volume": volume, "preserve": false}, mount)
	}
	if v.UEFI {
		actions = append(actions, action{"type": "mount", "id": "mount-esp", "path": path.Join("/boot", "efi"), "device": "disk1-esp-format"})
	}
	return actions
}

// diskActions partition every disk alike.
func (v view) diskActions() (actions []action) {
	for d := range v.Count {
		disk := fmt.Sprintf("disk%d", d+1)
		actions = append(actions, action{
			"type": "disk", "id": disk, "path": fmt.Sprintf("/dev/handrail-disk-%02d", d+1), "ptable": "gpt",
			"wipe": "superblock-recursive", "preserve": false, "grub_device": !v.UEFI,
		})
		add := func(id string, size any, more action) {
			a := action{"type": "partition", "id": disk + "-" + id, "device": disk, "size": size, "preserve": false, "wipe": "superblock"}
			for k, value := range more {
				a[k] = value
			}
			actions = append(actions, a)
		}
		if v.UEFI {
			add("esp", fmt.Sprintf("%dM", espMiB), action{"flag": "boot", "grub_device": true})
			actions = append(actions, action{"type": "format", "id": disk + "-esp-format", "fstype": "fat32", "volume": disk + "-esp", "preserve": false})
		} else {
			add("grub", "1M", action{"flag": "bios_grub"})
		}
		for _, p := range v.Parts {
			var size any = fmt.Sprintf("%dM", p.MiB)
			if p.Rest() {
				size = -1
			}
			add(fmt.Sprintf("part%d", p.Number), size, nil)
		}
	}
	return actions
}
