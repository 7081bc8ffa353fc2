# shellcheck shell=dash
# Partitions, arrays and file systems, the same on every disk. The layout has a
# line for each partition: number, mount point, MiB on each disk (0: the rest),
# file system, RAID level, device.

target=/target
layout=/run/layout
parts=/run/parts

readonly bios_type=21686148-6449-6E6F-744E-656564454649
readonly efi_type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B
readonly swap_type=0657FD6D-A4AB-43C4-84E5-0933C84B4F4F
readonly linux_type=0FC63DAF-8483-4772-8E79-3D69D8477DE4
readonly raid_type=A19D880F-05FC-4D3B-A006-743F0F84911E

# wants_efi: by the order, or because this machine has started that way.
wants_efi() {
	[ "$(order FIRMWARE)" = uefi ] || [ -d /sys/firmware/efi ]
}

# lay_out: the first partition is GRUB's own on every disk, which costs a
# mebibyte and lets the disk start by either firmware.
lay_out() {
	count=$(echo "$disks" | wc -w)
	echo "1 - 1 bios none -" >"$layout"
	number=2
	! wants_efi || add_partition /boot/efi 512 vfat
	order PARTITIONS | grep -v ' 0 ' >"$parts" || :
	order PARTITIONS | grep ' 0 ' >>"$parts" || :
	while read -r point mib fs; do
		add_partition "$point" "$mib" "$fs"
	done <"$parts"
}

# add_partition POINT MIB FS: what the boot loader and the firmware read lies
# whole on every disk; the rest follows the level of the order.
add_partition() {
	level=$(order RAID)
	if [ "$level" != none ]; then
		case $1 in /boot | /boot/efi) level=1 ;; esac
	fi
	share=$(data "$level" "$count")
	if [ "$level" = none ]; then
		device=$(partition "${disks# }" "$number")
	else
		device=md$((number - 2))
	fi
	echo "$number $1 $((($2 + share - 1) / share)) $3 $level $device" >>"$layout"
	number=$((number + 1))
}

# table: the partition table for sfdisk.
table() {
	echo "label: gpt"
	while read -r _ point mib fs level _; do
		case $fs:$level in
		bios:*) type=$bios_type ;;
		vfat:*) type=$efi_type ;;
		swap:none) type=$swap_type ;;
		*:none) type=$linux_type ;;
		*) type=$raid_type ;;
		esac
		if [ "$mib" -eq 0 ]; then
			echo "type=$type"
		else
			echo "size=${mib}MiB, type=$type"
		fi
	done <"$layout"
}

partition_disks() {
	lay_out
	for disk in $disks; do
		for part in $(parts_of "$disk"); do
			wipefs --all --force "/dev/$part"
		done
		table | sfdisk --wipe always --wipe-partitions always "/dev/$disk"
		wait_for_partitions "$disk"
	done
	make_arrays
}

# wait_for_partitions DISK: the kernel makes their nodes in its own time.
wait_for_partitions() {
	last=$(partition "$1" "$(tail -n 1 "$layout" | cut -d ' ' -f 1)")
	for try in 1 2 3 4 5 6 7 8 9 10; do
		[ ! -b "/dev/$last" ] || return 0
		sleep 1
	done
	fail "the partitions of $(serial "$1") did not appear ($try tries)"
}

# make_arrays: the copies are left to the installed system, which goes on with
# them; here they would only compete with the installation.
make_arrays() {
	echo 1000 >/proc/sys/dev/raid/speed_limit_max
	echo 0 >/sys/module/md_mod/parameters/start_ro
	while read -r number point _ _ level device; do
		[ "${device#md}" != "$device" ] || continue
		set --
		for disk in $disks; do
			part=$(partition "$disk" "$number")
			wipefs --all --force "/dev/$part"
			set -- "$@" "/dev/$part"
		done
		# With the metadata at its end a member looks like a plain file system.
		metadata=1.2
		case $point in /boot | /boot/efi) metadata=1.0 ;; esac
		mdadm --create "/dev/$device" --run --force --level="$level" --raid-devices=$# --metadata="$metadata" \
			--homehost=any --name="${device#md}" "$@" </dev/null
	done <"$layout"
}

make_file_systems() {
	while read -r _ _ _ fs _ device; do
		case $fs in
		# Without what the boot loader of the installed system does not know yet.
		ext4) mkfs.ext4 -q -F -O '^metadata_csum_seed,^orphan_file' "/dev/$device" ;;
		xfs) mkfs.xfs -q -f "/dev/$device" ;;
		vfat) mkfs.vfat -F 32 -n EFI "/dev/$device" ;;
		swap) mkswap "/dev/$device" ;;
		esac </dev/null
	done <"$layout"
}

# mounts: mount point and device, the outer before the inner.
mounts() {
	awk '$2 ~ /^\// { print $2, $6, $4 }' "$layout" | sort
}

mount_target() {
	mounts >/run/mounts
	while read -r point device fs; do
		mkdir -p "$target$point"
		mount -t "$fs" "/dev/$device" "$target$point"
	done </run/mounts
}

unmount_target() {
	sync
	for point in run sys/firmware/efi/efivars sys proc dev/pts dev; do
		! mountpoint -q "$target/$point" || umount "$target/$point"
	done
	sort -r /run/mounts >/run/unmounts
	while read -r point _; do
		umount "$target$point"
	done </run/unmounts
	mdadm --stop --scan || :
	sync
}
