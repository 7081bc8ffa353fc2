# shellcheck shell=dash
# A machine to be looked at and repaired: nothing on its disks is touched until
# somebody who has the operation's key does it.

offer_rescue() {
	mkdir -p /root/.ssh /etc/dropbear
	chmod 700 /root /root/.ssh
	order SSH_KEYS | grep . >/root/.ssh/authorized_keys
	chmod 600 /root/.ssh/authorized_keys
	dropbearkey -t ed25519 -f /etc/dropbear/ed25519 >/dev/null
	dropbearkey -y -f /etc/dropbear/ed25519 | sed -n 's/^\(ssh-ed25519 [^ ]*\).*/\1/p' >/run/hostkeys
	[ -s /run/hostkeys ] || fail "no host key was made"
	# Keys only, and no forwarding into the provisioning network.
	dropbear -s -j -k -r /etc/dropbear/ed25519 -p 22
	report_host_keys
	step "rescue ready"
	stage 100
	say "log in as root with the operation's key; 'repair' tells what can be done"
}
