# shellcheck shell=dash
# Which disks are written on: those of the order, or none at all.

disks=   # the kernel's names, in the order of their use
serials= # as the order writes them, or as the disks do where it names none

# least LEVEL and data LEVEL COUNT: the disks that a level needs, and how many
# of COUNT hold data.
least() {
	case $1 in none) echo 1 ;; 0 | 1) echo 2 ;; 5) echo 3 ;; 6 | 10) echo 4 ;; esac
}

data() {
	case $1 in none | 1) echo 1 ;; 0) echo "$2" ;; 5) echo $(($2 - 1)) ;; 6) echo $(($2 - 2)) ;; 10) echo $(($2 / 2)) ;; esac
}

# choose_disks: drivers may still be looking for disks, so there is some
# patience before a missing one is believed to be missing.
choose_disks() {
	for try in 1 2 3 4 5 6 7 8 9 10; do
		disks=
		serials=
		missing=
		if [ -n "$(order DISKS)" ]; then
			resolve_disks
		else
			take_first_disks
		fi
		[ -n "$missing" ] || break
		say "waiting for disks ($try): $missing"
		sleep 3
	done
	[ -z "$missing" ] || fail "$missing; here are: $(name_disks "$(all_disks)")"
	count=$(echo "$disks" | wc -w)
	[ "$count" -ge "$(least "$(order RAID)")" ] || fail "RAID $(order RAID) needs $(least "$(order RAID)") disks, the order has $count"
	[ "$(order RAID)" != none ] || [ "$count" -eq 1 ] || fail "the order has $count disks and no RAID to put them together"
	[ "$count" -eq "$(order RAID_DISKS)" ] || fail "the order is for $(order RAID_DISKS) disks and names $count"
	for disk in $disks; do
		refuse_in_use "$disk"
	done
	say "to be erased: $(name_disks "$disks")"
}

# same_form: serial numbers as they are compared. BMCs and kernels differ in
# capitals and blanks.
same_form() {
	tr -d ' \t\n' | tr '[:lower:]' '[:upper:]'
}

# resolve_disks: each serial number of the order is that of exactly one disk.
resolve_disks() {
	for wanted in $(order DISKS); do
		found=
		for disk in $(all_disks); do
			[ "$(serial "$disk" | same_form)" = "$(echo "$wanted" | same_form)" ] || continue
			[ -z "$found" ] || fail "two disks ($found, $disk) have the serial number $wanted"
			found=$disk
		done
		if [ -z "$found" ]; then
			missing="$missing no disk has the serial number $wanted"
			continue
		fi
		case " $disks " in *" $found "*) fail "the order names the disk $wanted twice" ;; esac
		disks="$disks $found"
		serials="$serials $wanted"
	done
}

take_first_disks() {
	count=0
	for disk in $(fixed_disks); do
		[ "$count" -lt "$(order RAID_DISKS)" ] || break
		[ -n "$(serial "$disk")" ] || fail "the disk $disk shows no serial number to ask permission with"
		disks="$disks $disk"
		serials="$serials $(serial "$disk" | tr ' ' '_')"
		count=$((count + 1))
	done
	[ "$count" -eq "$(order RAID_DISKS)" ] || missing="$(order RAID_DISKS) disks are needed and $count found"
}

# name_disks NAMES: for people.
name_disks() {
	for disk in $1; do
		printf '%s (%s, %s GB) ' "$disk" "$(serial "$disk")" "$(($(cat "$sys/block/$disk/size") / 1953125))"
	done
}

# refuse_in_use DISK: the rescue system itself mounts nothing, so whoever uses
# the disk has a reason.
refuse_in_use() {
	for part in $(parts_of "$1"); do
		if grep -q "^/dev/$part " /proc/mounts || grep -q "^/dev/$part " /proc/swaps; then
			fail "$part of the disk $(serial "$1") is in use"
		fi
	done
	for holder in "$sys/block/$1/holders/"* "$sys/block/$1/$1"*/holders/*; do
		[ ! -e "$holder" ] || fail "the disk $(serial "$1") is part of ${holder##*/}, which runs"
	done
}

# contents DISKS: the arrays and volume groups that the disks are part of.
contents() {
	for disk in $1; do
		for part in $(parts_of "$disk"); do
			mdadm --examine --brief "/dev/$part" 2>/dev/null | tr ' ' '\n' | grep -i '^uuid=' || :
			lvm pvs --noheadings --readonly -o vg_uuid "/dev/$part" 2>/dev/null | tr -d ' ' | grep . || :
		done
	done | sort -u
}

# refuse_shared_disks: an array or volume group that reaches from a disk of the
# order to one that is kept would take the kept disk's data with it.
refuse_shared_disks() {
	kept=
	for disk in $(all_disks); do
		case " $disks " in *" $disk "*) ;; *) kept="$kept $disk" ;; esac
	done
	[ -n "$kept" ] || return 0
	contents "$disks" >/run/erased
	contents "$kept" >/run/kept
	shared=$(sort /run/erased /run/kept | uniq -d | head -n 1)
	[ -z "$shared" ] || fail "a disk that is kept and one that is to be erased belong together ($shared); nothing on them was touched"
}
