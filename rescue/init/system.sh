# shellcheck shell=dash
# What makes an unpacked image the system of this one machine.

# in_target COMMAND: in the installed system.
in_target() {
	env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 HOME=/root DEBIAN_FRONTEND=noninteractive \
		chroot "$target" "$@" </dev/null
}

# uuid DEVICE: of the file system on it.
uuid() {
	found=$(blkid -p -s UUID -o value "/dev/$1")
	[ -n "$found" ] || fail "the new file system on $1 is not there"
	echo "$found"
}

write_settings() {
	enter_target
	write_fstab
	write_arrays
	write_name
	write_access
	make_host_keys
}

# enter_target: the kernel's file systems, and the names by UUID by which the
# boot loader's scripts look for disks, which udev would make.
enter_target() {
	for point in dev dev/pts proc sys; do
		mount --bind "/$point" "$target/$point"
	done
	[ ! -d /sys/firmware/efi/efivars ] || mount --bind /sys/firmware/efi/efivars "$target/sys/firmware/efi/efivars" || :
	mount -t tmpfs -o mode=755 tmpfs "$target/run"
	mkdir -p /dev/disk/by-uuid
	while read -r _ _ _ fs _ device; do
		[ "$fs" = bios ] || ln -sf "../../$device" "/dev/disk/by-uuid/$(uuid "$device")"
	done <"$layout"
}

write_fstab() {
	echo "# file system, mount point, type, options, dump, pass" >"$target/etc/fstab"
	awk '$4 != "bios"' "$layout" | sort -k 2 >/run/fstab
	while read -r _ point _ fs _ device; do
		case $point:$fs in
		swap:*) options="none swap sw 0 0" ;;
		/:xfs) options="/ xfs defaults 0 0" ;;
		/:*) options="/ $fs errors=remount-ro 0 1" ;;
		*:vfat) options="$point vfat umask=0077,nofail 0 0" ;;
		*:xfs) options="$point xfs defaults 0 0" ;;
		*) options="$point $fs defaults 0 2" ;;
		esac
		echo "UUID=$(uuid "$device") $options" >>"$target/etc/fstab"
	done </run/fstab
}

write_arrays() {
	mkdir -p "$target/etc/mdadm"
	{
		echo "HOMEHOST <system>"
		echo "MAILADDR root"
		while read -r _ _ _ _ _ device; do
			[ "${device#md}" != "$device" ] || continue
			mdadm --detail --export "/dev/$device" | sed -n "s|^MD_UUID=|ARRAY /dev/$device UUID=|p"
		done <"$layout"
	} >"$target/etc/mdadm/mdadm.conf"
}

write_name() {
	name=$(order HOSTNAME)
	short=${name%%.*}
	echo "$short" >"$target/etc/hostname"
	[ "$name" = "$short" ] || short="$name $short"
	cat >"$target/etc/hosts" <<END
127.0.0.1 localhost
127.0.1.1 $short
::1 localhost ip6-localhost ip6-loopback
ff02::1 ip6-allnodes
ff02::2 ip6-allrouters
END
}

# write_access: root's keys and password. Without keys the password has to do
# for SSH as well, which Debian's server does not let it.
write_access() {
	mkdir -p "$target/root/.ssh"
	chmod 700 "$target/root/.ssh"
	order SSH_KEYS | grep . >"$target/root/.ssh/authorized_keys" || :
	chmod 600 "$target/root/.ssh/authorized_keys"
	[ -n "$(order PASSWORD_HASH)" ] || return 0
	printf 'root:%s\n' "$(order PASSWORD_HASH)" | chroot "$target" /usr/sbin/chpasswd -e
	if [ -z "$(order SSH_KEYS)" ]; then
		echo "PermitRootLogin yes" >"$target/etc/ssh/sshd_config.d/10-root-password.conf"
	fi
}

# make_host_keys: new ones, never those of another machine.
make_host_keys() {
	rm -f "$target"/etc/ssh/ssh_host_*
	in_target ssh-keygen -A
	cut -d ' ' -f 1,2 "$target"/etc/ssh/ssh_host_*_key.pub >/run/hostkeys
	[ -s /run/hostkeys ] || fail "no host key was made"
}
