# shellcheck shell=dash
# The order: lines KEY='value', a value may have several lines, and a quote in
# it is written '\''. It is read as data and never run. Each value becomes a file.

orders=/run/order

# read_order FILE: takes the order apart; fails at anything but such lines.
read_order() {
	rm -rf "$orders"
	mkdir -p "$orders"
	awk -v dir="$orders" '
		function bad() { print "line " NR " of the order is none"; wrong = 1; exit 1 }
		BEGIN {
			count = split("PURPOSE HOSTNAME DISKS RAID RAID_DISKS PARTITIONS FIRMWARE IMAGE IMAGE_SHA256 SSH_KEYS PASSWORD_HASH MACS", keys, " ")
			for (i = 1; i <= count; i++) known[keys[i]] = 1
		}
		# Stands for a quote below.
		/\001/ { bad() }
		!inside {
			if ($0 ~ /^(#.*)?$/) next
			if (!match($0, /^[A-Z][A-Z0-9_]*=\047/)) bad()
			key = substr($0, 1, RLENGTH - 2)
			$0 = substr($0, RLENGTH + 1)
			value = ""
		}
		{
			gsub(/\047\\\047\047/, "\001")
			end = index($0, "\047")
			if (end == 0) { value = value $0 "\n"; inside = 1; next }
			if (end != length($0)) bad()
			value = value substr($0, 1, end - 1)
			gsub(/\001/, "\047", value)
			if (key in known) { printf "%s", value > (dir "/" key); close(dir "/" key) }
			inside = 0
		}
		END { if (inside && !wrong) { print "the order ends within a value"; exit 1 } }
	' "$1"
}

# order KEY: the value; nothing where there is none.
order() {
	[ ! -e "$orders/$1" ] || cat "$orders/$1"
}

# each KEY PATTERN: every line of the value is like the extended pattern.
each() {
	! order "$1" | grep -qvxE "$2" || fail "the order's $1 can not be meant"
}

# one KEY PATTERN: the value is one such line.
one() {
	[ "$(order "$1" | grep -c '')" -eq 1 ] || fail "the order has no $1, or several"
	each "$1" "$2"
}

host_label='[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?'
mount_part='[a-z0-9][a-z0-9._-]{0,30}'

# check_order: every value once more, whoever rendered it.
check_order() {
	one PURPOSE 'install|rescue'
	each SSH_KEYS '(ssh|ecdsa|sk)-[a-z0-9@.-]+ [A-Za-z0-9+/]+=*( [[:print:]]*)?'
	each MACS '[0-9a-f:]{17}([ ,]+[0-9a-f:]{17})*'
	if [ "$(order PURPOSE)" = rescue ]; then
		[ -n "$(order SSH_KEYS)" ] || fail "the order has no SSH key, so nobody could log in"
		return
	fi
	one HOSTNAME "$host_label(\\.$host_label){0,5}"
	each DISKS '[A-Za-z0-9._:+/-]+( [A-Za-z0-9._:+/-]+)*'
	one RAID 'none|0|1|5|6|10'
	one RAID_DISKS '[0-9]{1,2}'
	one FIRMWARE 'uefi|legacy'
	one IMAGE 'https?://[A-Za-z0-9.:-]+/[A-Za-z0-9._/-]+'
	one IMAGE_SHA256 '[0-9a-f]{64}'
	each PASSWORD_HASH '\$[a-z0-9]+\$[A-Za-z0-9./$=,]+'
	each PARTITIONS "(swap|/($mount_part(/$mount_part){0,3})?) [0-9]{1,10} (ext4|xfs|swap)"
	[ "$(order PARTITIONS | grep -c '^/ ')" -eq 1 ] || fail "the order has no partition for /, or several"
	[ "$(order PARTITIONS | grep -c ' 0 ')" -le 1 ] || fail "two partitions of the order take the rest of the disk"
	[ "$(order PARTITIONS | grep -c '')" -le 12 ] || fail "the order has too many partitions"
	[ "$(order PARTITIONS | grep -c '^/boot/efi ')" -eq 0 ] || fail "the order has a partition for /boot/efi, which is made where the firmware needs it"
	[ -z "$(order PARTITIONS | cut -d ' ' -f 1 | sort | uniq -d)" ] || fail "the order has two partitions for one mount point"
	[ -n "$(order SSH_KEYS)$(order PASSWORD_HASH)" ] || fail "the order has neither an SSH key nor a password, so nobody could log in"
}

# this_machine_is_meant: the order names the network cards of its machine.
this_machine_is_meant() {
	[ -n "$(order MACS)" ] || return 0
	for mac in $(order MACS | tr ',' ' '); do
		if grep -qixF "$mac" /sys/class/net/*/address; then
			return 0
		fi
	done
	fail "the order is for another machine: none of its network cards ($(order MACS)) is here"
}
