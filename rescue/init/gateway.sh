# shellcheck shell=dash
# The conversation with Handrail's gateway. $url is where this boot's order and
# reports go; it holds the token, so it stays out of what is said.

url=
base=
reply=/run/reply

# argument NAME: the kernel's argument of that name.
argument() {
	tr ' ' '\n' </proc/cmdline | sed -n "s/^$1=//p" | tail -n 1
}

# take_arguments: where the kernel was told to ask.
take_arguments() {
	url=$(argument handrail.url)
	base=$(argument handrail.base)
	echo "${url:-$base}" | grep -qxE 'https?://[A-Za-z0-9.:-]+(/[A-Za-z0-9._~/-]*)?' ||
		fail "the kernel was given neither handrail.url nor handrail.base"
}

# ask TRIES PATH [curl's options]: prints the status of the answer, whose body
# is in $reply. Where there is no answer, or the gateway is not well, again.
ask() {
	tries=$1 path=$2
	shift 2
	while :; do
		status=$(curl --silent --show-error --connect-timeout 10 --max-time 60 --max-filesize 1000000 \
			--output "$reply" --write-out '%{http_code}' "$@" "$url/$path") || status=000
		case $status in
		000 | 5?? | 429) ;;
		*) break ;;
		esac
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || break
		sleep 5
	done
	echo "$status"
}

# find_order: a machine that was started from a boot medium asks for the script
# of its network card, as iPXE does, and follows it.
find_order() {
	[ -z "$url" ] || return 0
	: >/run/script
	curl --silent --show-error --fail --retry 20 --retry-connrefused --retry-delay 5 --max-time 60 --max-filesize 100000 \
		--user-agent 'iPXE/1.0 (Handrail rescue)' --output /run/script "$base/boot/$mac" ||
		fail "the gateway has no boot script for $mac"
	kernel=$(sed -n 's/^kernel  *//p' /run/script | head -n 1)
	url=$(echo "$kernel" | tr ' ' '\n' | sed -n 's/^handrail\.url=//p' | head -n 1)
	if [ -n "$url" ]; then
		echo "$url" | grep -qxE 'https?://[A-Za-z0-9.:/_~-]+' || fail "the boot script holds no usable address"
	elif [ -n "$kernel" ]; then
		start_kernel "$kernel"
	else
		say "nothing is to be done with this machine; restarting"
		restart
		sleep 60
	fi
}

# start_kernel LINE: what a boot script asks for that is not this system.
start_kernel() {
	set -f
	# shellcheck disable=SC2086 # the words of an iPXE command
	set -- $1
	while [ "${1#-}" != "$1" ]; do
		case $1 in -n | --name) shift ;; esac
		shift
	done
	kernel=$1
	initrd=$(sed -n 's/^initrd  *//p' /run/script | head -n 1 | tr ' ' '\n' | grep '^http' | head -n 1)
	shift
	curl --silent --show-error --fail --output /run/kernel "$kernel" || fail "the kernel of the boot script can not be fetched"
	curl --silent --show-error --fail --output /run/initrd "$initrd" || fail "the initrd of the boot script can not be fetched"
	kexec --load /run/kernel --initrd=/run/initrd --command-line="$(echo "$*" | sed 's/initrd=[^ ]* *//')" || fail "the kernel of the boot script can not be started"
	say "starting the installer of the boot script"
	kexec --exec
}

# fetch_order: the order, which is there as long as nothing was erased.
fetch_order() {
	status=$(ask 60 answer)
	[ "$status" = 200 ] || fail "the gateway answered $status when asked for the order"
	read_order "$reply" || fail "the order can not be read"
}

# stage PERCENT: how far the current step is. A lost one is no reason to stop.
stage() {
	ask 3 progress --data-urlencode "stage=$(cut -c 1-60 /run/step)" --data-urlencode "percent=$1" >/dev/null || :
}

# ask_to_begin: from the answer 200 on, and at no other, disks are written to.
# Asking again after an answer that was lost is safe: it is granted once.
ask_to_begin() {
	stage 5
	set --
	for serial in $serials; do
		set -- "$@" --data-urlencode "disks=$serial"
	done
	status=$(ask 12 begin "$@")
	[ "$status" = 200 ] ||
		fail "the gateway does not permit it ($status: $(head -c 300 "$reply" | tr '\n' ' ')); nothing on the disks was touched"
}

# report_host_keys: what the installed system will show when it is called.
report_host_keys() {
	set --
	while read -r key; do
		set -- "$@" --data-urlencode "key=$key"
	done </run/hostkeys
	status=$(ask 60 hostkey "$@")
	[ "$status" = 204 ] || say "the gateway did not take the host keys ($status)"
}

# report_done: if it is lost for good, the installed system is looked at anyway.
report_done() {
	status=$(ask 60 "done" --data '')
	[ "$status" = 204 ] || say "the gateway did not take the end of the installation ($status)"
}

# report_failed TEXT: an answer 404 says that the boot has ended already.
report_failed() {
	[ -n "$url" ] || return 0
	status=$(ask 60 failed --data-urlencode "error=$1")
	case $status in
	204 | 404) ;;
	*) say "the gateway did not take the failure ($status)" ;;
	esac
}
