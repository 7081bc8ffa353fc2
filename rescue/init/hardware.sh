# shellcheck shell=dash
# Drivers and disks, without udev. Programs with a path are those that busybox has
# another one of.

sys=/sys

# load_modules: the drivers of all devices that are there, until no driver
# brings further devices to light.
load_modules() {
	before=-1
	for round in 1 2 3 4 5; do
		find /sys/devices -name modalias -exec cat {} + 2>/dev/null | sort -u >/run/aliases || :
		count=$(grep -c '' /run/aliases || :)
		[ "$count" != "$before" ] || break
		before=$count
		xargs /usr/sbin/modprobe -a -q </run/aliases || :
		sleep 1
	done
	# What no device asks for.
	/usr/sbin/modprobe -a -q sd_mod sr_mod sg dm_mod md_mod raid0 raid1 raid10 raid456 \
		ext4 xfs vfat iso9660 nls_cp437 nls_ascii nls_utf8 evdev button ||
		say "some file systems or RAID levels are not available"
	# Arrays that are looked at stay as they are until somebody writes.
	echo 1 >/sys/module/md_mod/parameters/start_ro 2>/dev/null || :
	if [ -d /sys/firmware/efi ]; then
		/usr/sbin/modprobe -q efivarfs || :
		mount -t efivarfs efivarfs /sys/firmware/efi/efivars || say "the firmware's variables are not available"
	fi
	say "drivers loaded in $round rounds"
}

# all_disks: the kernel's names of what a system could be installed on.
all_disks() {
	for disk in "$sys"/block/*; do
		case ${disk##*/} in loop* | ram* | zram* | sr* | fd* | dm-* | md* | mtd* | nbd* | nvme*c*n*) continue ;; esac
		if [ "$(cat "$disk/size")" -gt 0 ] && [ "$(cat "$disk/ro")" = 0 ]; then
			echo "${disk##*/}"
		fi
	done
}

# fixed_disks: those that are no stick and no virtual medium of the BMC.
fixed_disks() {
	for disk in $(all_disks); do
		[ "$(cat "$sys/block/$disk/removable")" = 0 ] || continue
		case $(readlink -f "$sys/block/$disk") in */usb[0-9]*) continue ;; esac
		echo "$disk"
	done
}

# serial NAME: the disk's serial number as its maker wrote it, without blanks
# around it; where there is none, its world-wide name.
serial() {
	for file in "$sys/block/$1/serial" "$sys/block/$1/device/serial"; do
		if [ -s "$file" ]; then
			trimmed <"$file"
			return
		fi
	done
	# The unit serial number page of SCSI and, through libata, of ATA.
	if [ -s "$sys/block/$1/device/vpd_pg80" ]; then
		tail -c +5 "$sys/block/$1/device/vpd_pg80" | trimmed
		return
	fi
	for file in "$sys/block/$1/wwid" "$sys/block/$1/device/wwid"; do
		if [ -s "$file" ]; then
			trimmed <"$file" | tr ' ' '_'
			return
		fi
	done
}

trimmed() {
	tr -d '\000' | tr -s '[:space:]' ' ' | sed 's/^ //; s/ $//'
}

# partition DISK NUMBER: the kernel's name of a partition.
partition() {
	case $1 in
	*[0-9]) echo "$1p$2" ;;
	*) echo "$1$2" ;;
	esac
}

# parts_of DISK: the disk and its partitions, the partitions first.
parts_of() {
	for part in "$sys/block/$1/$1"*; do
		[ ! -e "$part/partition" ] || echo "${part##*/}"
	done
	echo "$1"
}
