#!/bin/sh
# Makes the secrets that docker-compose.yml reads, in ./secrets or the folder
# that is named: those that can be made up. What is there already stays.
set -eu

dir=${1:-secrets}
umask 077
mkdir -p "$dir/bmc" "$dir/passwords"

random() { openssl rand -hex 24; }

# keep FILE: standard input becomes the secret FILE, unless there is one.
keep() {
	if [ -e "$dir/$1" ]; then
		return
	fi
	cat >"$dir/$1.new"
	mv "$dir/$1.new" "$dir/$1"
	echo "made $dir/$1"
}

random | keep postgres_password
random | keep temporal_password
random | keep desk_secret
printf 'postgres://handrail_owner:%s@postgres:5432/handrail?sslmode=disable\n' "$(random)" | keep owner_database_url
printf 'postgres://handrail:%s@postgres:5432/handrail?sslmode=disable\n' "$(random)" | keep worker_database_url
printf 'postgres://gateway:%s@postgres:5432/handrail?sslmode=disable\n' "$(random)" | keep gateway_database_url
printf '' | keep mail_password

# The containers see the files as they are, under users of their own; on this
# machine the folder keeps everybody else out.
chmod 0444 "$dir"/*_password "$dir"/*_secret "$dir"/*_url
if [ "$(id -u)" = 0 ]; then
	chown -R 65532:65532 "$dir/bmc" "$dir/passwords"
else
	echo "run as root: chown -R 65532:65532 $dir/bmc $dir/passwords"
fi
