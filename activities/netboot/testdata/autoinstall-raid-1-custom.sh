#!/bin/sh
# What ubuntu-24.04's installer does for Handrail: boot 5f0c7a52-0f1e-8c3a-9d55-2a1b6f3c4d5e.
set -u
url='http://192.0.2.10:8081/t/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8'
work=/tmp/handrail
granted=
mkdir -p "$work"
# say TEXT: in the log, and on the console for whoever stands there.
say() {
	echo "handrail: $*"
	echo "handrail: $*" 2>/dev/null >/dev/console || :
}

# stop TEXT: the end of it. The installer waits for this script, so nothing is
# done any more.
stop() {
	send 10 failed "error=$(encoded "$*")"
	while :; do
		say "STOPPED: $*"
		[ -n "$granted" ] || say "nothing on the disks was touched"
		sleep 60
	done
}

# encoded TEXT: as the value of a form.
encoded() {
	printf '%s' "$1" | tr '\n\r\t' '   ' | sed -e 's/%/%25/g' -e 's/&/%26/g' -e 's/+/%2B/g' -e 's/;/%3B/g' -e 's/ /+/g'
}

# post PATH FORM: the answer's status is in $status, 000 where there is none; its
# body is in the file reply. Debian's installer has GNU wget, the others curl.
post() {
	: >"$work/reply"
	if command -v curl >/dev/null; then
		status=$(curl --silent --connect-timeout 10 --max-time 60 --output "$work/reply" --write-out '%{http_code}' --data "$2" "$url/$1") || status=000
	else
		wget -q -S -t 1 -T 60 --content-on-error -O "$work/reply" --post-data "$2" "$url/$1" 2>"$work/head" || :
		status=$(sed -n 's,^ *HTTP/[0-9.]* \([0-9][0-9][0-9]\).*,\1,p' "$work/head" | tail -n 1)
	fi
	status=${status:-000}
}

# send TRIES PATH FORM: again where there is no answer or the gateway is not well.
send() {
	tries=$1
	while :; do
		post "$2" "$3"
		case $status in
		000 | 5?? | 429) ;;
		*) return 0 ;;
		esac
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || return 0
		sleep 5
	done
}

# progress STAGE PERCENT: a lost one is no reason to stop.
progress() {
	send 2 progress "stage=$(encoded "$1")&percent=$2"
}

# report_host_keys: those of the system under $target.
report_host_keys() {
	form=
	for key in "$target"/etc/ssh/ssh_host_*_key.pub; do
		[ -r "$key" ] || continue
		form="$form&key=$(encoded "$(cut -d ' ' -f 1,2 "$key")")"
	done
	if [ -n "$form" ]; then
		send 60 hostkey "${form#&}"
	else
		say "the installed system has no host keys"
	fi
}

# make_host_keys: where its packages have not made them.
make_host_keys() {
	set -- "$target"/etc/ssh/ssh_host_*_key.pub
	[ -r "$1" ] || chroot "$target" ssh-keygen -A || say "no host keys could be made"
}

# same_form: serial numbers as they are compared.
same_form() {
	tr -d ' \t' | tr 'abcdefghijklmnopqrstuvwxyz' 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'
}

# names DISK: what the disk calls itself; the best comes first.
names() {
	cat "/sys/block/$1/serial" "/sys/block/$1/device/serial" 2>/dev/null
	echo
	properties=$(udevadm info --query=property --name="/dev/$1" 2>/dev/null)
	for property in ID_SCSI_SERIAL SCSI_IDENT_SERIAL ID_SERIAL_SHORT ID_SERIAL; do
		echo "$properties" | sed -n "s/^$property=//p"
	done
}

# whole_disks: what can be installed on, by the kernel's names.
whole_disks() {
	for block in /sys/block/*; do
		case ${block##*/} in
		loop* | ram* | zram* | sr* | fd* | md* | dm-* | nbd*) continue ;;
		esac
		[ -e "/dev/${block##*/}" ] || continue
		[ "$(cat "$block/size")" -gt 0 ] && [ "$(cat "$block/ro")" = 0 ] || continue
		echo "${block##*/}"
	done
}

# take_disks: those of the plan, by their serial numbers, and no others.
take_disks() {
	disks= serials=
	for serial in S3Z9NB0K1 wd-wcc4n/7:1; do
		found=
		for disk in $(whole_disks); do
			names "$disk" | same_form | grep -qxF "$(printf '%s' "$serial" | same_form)" || continue
			[ -z "$found" ] || stop "two disks have the serial number $serial: $found and $disk"
			found=$disk
		done
		[ -n "$found" ] || stop "no disk has the serial number $serial; there are: $(inventory)"
		case " $disks " in
		*" $found "*) stop "the disk $found has several of the plan's serial numbers" ;;
		esac
		disks="$disks $found" serials="$serials $serial"
	done
}

# inventory: for people.
inventory() {
	for disk in $(whole_disks); do
		printf '%s (%s) ' "$disk" "$(names "$disk" | tr -d ' \t' | grep . | head -n 1)"
	done
}

# ask_permission: it is granted once, for exactly these disks.
ask_permission() {
	form=
	for serial in $serials; do
		form="$form&disks=$(encoded "$serial")"
	done
	send 12 begin "${form#&}"
	[ "$status" = 200 ] || stop "the gateway does not permit to erase the disks ($status $(head -n 1 "$work/reply" | cut -c 1-200))"
	granted=yes
}

# blank_disks: takes off what the installer would find and take apart itself: an
# array that reaches onto a kept disk would lose its mark there as well.
blank_disks() {
	swapoff -a 2>/dev/null
	if command -v vgchange >/dev/null; then vgchange -an >/dev/null 2>&1; fi
	if command -v mdadm >/dev/null; then mdadm --stop --scan >/dev/null 2>&1; fi
	for disk in $disks; do
		for inner in "/sys/block/$disk/$disk"*; do
			[ -e "$inner/partition" ] && blank "${inner##*/}" "$(cat "$inner/size")"
		done
		blank "$disk" "$(cat "/sys/block/$disk/size")"
		blockdev --rereadpt "/dev/$disk" 2>/dev/null
	done
	udevadm settle 2>/dev/null || :
}

# blank DEVICE SECTORS: the first and the last MiB, where all marks are.
blank() {
	ends=2048
	[ "$2" -ge "$ends" ] || ends=$2
	dd if=/dev/zero of="/dev/$1" bs=512 count="$ends" conv=notrunc,fsync 2>/dev/null &&
		dd if=/dev/zero of="/dev/$1" bs=512 count="$ends" seek="$(($2 - ends))" conv=notrunc,fsync 2>/dev/null ||
		stop "the disk of /dev/$1 can not be written to"
}

target=/target

start() {
	progress 'the installer has started' 2
}

# hand_over_disks: only from here on do the paths of the installer's disks exist.
hand_over_disks() {
	number=0
	for disk in $disks; do
		number=$((number + 1))
		sed -i "s,/dev/handrail-disk-$(printf '%02d' "$number"),/dev/$disk,g" /autoinstall.yaml ||
			stop "the installer does not take its disks"
	done
}

# settle_access: the installer itself makes the user.
settle_access() {
	progress 'finishing' 95
	make_host_keys
}

# erase: from the answer of ask_permission on disks are written to.
erase() {
	progress 'looking for the disks' 5
	take_disks
	ask_permission
	blank_disks
	hand_over_disks
	progress 'partitioning' 10
}

# finish: what the installed system shows when it is called, then the end.
finish() {
	settle_access
	report_host_keys
	send 60 done ''
}

case ${1:-} in
start) start ;;
erase) erase ;;
progress) progress "$2" "$3" ;;
finish) finish ;;
failed) send 10 failed 'error=the+installer+stopped+with+an+error,+its+log+is+on+the+machine' ;;
*)
	echo 'usage: handrail.sh start|erase|progress STAGE PERCENT|finish|failed' >&2
	exit 2
	;;
esac
