# shellcheck shell=dash
# What people see on the console, and how a course that failed ends.

# say TEXT: on the console and in the log.
say() {
	echo "handrail: $*"
	echo "handrail: $*" >/dev/console
}

# step NAME: what is being done from here on.
step() {
	echo "$1" >/run/step
	say "$1"
}

# fail TEXT: ends the course. The text is for whoever reads the report.
fail() {
	echo "$*" >/run/why
	exit 1
}

# ended STATUS: the last word of a course.
ended() {
	set +e
	trap - EXIT
	[ "$1" -eq 0 ] && return
	if [ -s /run/why ]; then
		why=$(cat /run/why)
	else
		why="it ended with status $1: $(tail -n 4 /run/handrail.log | tr '\n' ' ')"
	fi
	why="$(cat /run/step): $why"
	say "FAILED at $why"
	say "nothing more is done; the log is /run/handrail.log"
	report_failed "$(echo "$why" | cut -c 1-1000)"
}

# restart: at once, because nothing is mounted any more.
restart() {
	sync
	reboot -f
}

# listen_for_power_button: the BMC's graceful power off reaches us as a button.
listen_for_power_button() {
	mkdir -p /etc/acpi/PWRF
	printf '#!/bin/sh\nsync\npoweroff -f\n' >/etc/acpi/PWRF/00000080
	chmod 755 /etc/acpi/PWRF/00000080
	acpid -l /dev/null || say "the power button is not listened to"
}
