# shellcheck shell=dash
# An address by DHCP, from the first network that gives one.

mac= # of the card that has the address

# bring_up_network: the card that the machine was booted from first, where the
# boot loader tells it (BOOTIF), then the others that have a link.
bring_up_network() {
	ip link set lo up
	cards=
	for card in /sys/class/net/*; do
		[ -e "$card/device" ] || continue
		cards="$cards ${card##*/}"
		ip link set "${card##*/}" up || :
	done
	[ -n "$cards" ] || fail "no network card that the rescue system has a driver for"
	booted=$(argument BOOTIF | cut -c 4- | tr '-' ':' | tr 'A-F' 'a-f')
	for try in 1 2 3 4 5 6 7 8 9 10 11 12; do
		for card in $cards; do
			[ -z "$booted" ] || [ "$try" -gt 4 ] || [ "$booted" = "$(cat "/sys/class/net/$card/address")" ] || continue
			[ "$(cat "/sys/class/net/$card/carrier" 2>/dev/null)" = 1 ] || continue
			if udhcpc -n -t 4 -T 3 -i "$card" -s "$lib/udhcpc"; then
				mac=$(cat "/sys/class/net/$card/address")
				say "network $card ($mac): $(ip -4 -o address show dev "$card" | awk '{print $4}')"
				return
			fi
		done
		sleep 3
	done
	fail "no network card ($cards ) got an address by DHCP"
}
