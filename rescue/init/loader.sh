# shellcheck shell=dash
# GRUB, for either firmware, on every disk that the system could start from.

install_loader() {
	write_grub_settings
	add_arrays_to_initramfs
	stage 80
	for disk in $disks; do
		in_target grub-install --target=i386-pc --recheck "/dev/$disk"
	done
	! wants_efi || install_efi_loader
	in_target update-grub
	[ -s "$target/boot/grub/grub.cfg" ] || fail "GRUB has no menu"
}

# write_grub_settings: the installed system speaks on the consoles that the
# rescue system was told to speak on.
write_grub_settings() {
	consoles=$(tr ' ' '\n' </proc/cmdline | grep -xE 'console=[A-Za-z0-9,]+' | tr '\n' ' ') || :
	{
		echo "GRUB_DEFAULT=0"
		echo "GRUB_TIMEOUT=3"
		echo "GRUB_DISTRIBUTOR=Debian"
		echo "GRUB_CMDLINE_LINUX_DEFAULT="
		echo "GRUB_CMDLINE_LINUX=\"${consoles% }\""
		echo "GRUB_DISABLE_OS_PROBER=true"
		case $consoles in
		*console=ttyS[0-3]*)
			unit=$(echo "$consoles" | sed 's/.*console=ttyS\([0-3]\).*/\1/')
			echo 'GRUB_TERMINAL="console serial"'
			echo "GRUB_SERIAL_COMMAND=\"serial --unit=$unit --speed=115200\""
			;;
		esac
	} >"$target/etc/default/grub"
}

# add_arrays_to_initramfs: the image's has the drivers of all machines and lacks
# only the names of this one's arrays. The kernel unpacks what is appended over
# it; the next update of the initramfs makes a new one of the same settings.
add_arrays_to_initramfs() {
	for initramfs in "$target"/boot/initrd.img-*; do
		[ -s "$initramfs" ] || fail "the image holds no initramfs"
		[ "$(order RAID)" != none ] || continue
		(cd "$target" && echo etc/mdadm/mdadm.conf | cpio -o -H newc) >/run/arrays.cpio
		# Each archive begins at a multiple of four bytes.
		bytes=$(stat -c %s "$initramfs")
		head -c $((-bytes & 3)) /dev/zero >>"$initramfs"
		cat /run/arrays.cpio >>"$initramfs"
	done
}

# install_efi_loader: where a firmware looks that has no entry for this system,
# and under its own name with an entry for each disk, where there is a firmware
# to tell.
install_efi_loader() {
	for place in --removable --bootloader-id=debian; do
		in_target grub-install --target=x86_64-efi --efi-directory=/boot/efi --no-nvram --recheck "$place"
	done
	[ -d /sys/firmware/efi ] || return 0
	number=$(awk '$2 == "/boot/efi" { print $1 }' "$layout")
	in_target efibootmgr | sed -n 's/^Boot\([0-9A-F]\{4\}\)\*\{0,1\} debian.*/\1/p' >/run/entries || :
	while read -r entry; do
		in_target efibootmgr --quiet --bootnum "$entry" --delete-bootnum || :
	done </run/entries
	for disk in $disks; do
		in_target efibootmgr --quiet --create --disk "/dev/$disk" --part "$number" \
			--label "debian $disk" --loader '\EFI\debian\grubx64.efi' ||
			say "the firmware took no boot entry for $disk; it will look for the default loader"
	done
}
