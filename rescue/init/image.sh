# shellcheck shell=dash
# The root file system: fetched whole and verified before anything of it is
# used; where memory allows, before anything on the disks is touched.

image=

# fetch_image_ahead: into memory.
fetch_image_ahead() {
	bytes=$(curl --silent --show-error --fail --head --max-time 60 "$(order IMAGE)" | tr -d '\r' |
		awk 'tolower($1) == "content-length:" { n = $2 } END { print n + 0 }') || bytes=0
	free=$(awk '$1 == "MemAvailable:" { print $2 }' /proc/meminfo)
	[ "$bytes" -gt 0 ] || fail "the image $(order IMAGE) can not be had"
	if [ $((bytes / 1024 + 400000)) -gt "$free" ]; then
		say "the image ($((bytes / 1000000)) MB) does not fit in memory; it is fetched onto the disk later"
		return
	fi
	stage 2
	mkdir -p /run/image
	mount -t tmpfs -o "size=$((bytes / 1024 + 4096))k" tmpfs /run/image
	fetch_image /run/image
}

fetch_image_late() {
	[ -n "$image" ] || fetch_image "$target"
}

# fetch_image FOLDER
fetch_image() {
	rm -f "$1/image.tar.zst"
	curl --silent --show-error --fail --retry 10 --retry-connrefused --retry-delay 5 --speed-limit 1000 --speed-time 120 \
		--output "$1/image.tar.zst" "$(order IMAGE)" || fail "the image $(order IMAGE) can not be fetched"
	sum=$(sha256sum "$1/image.tar.zst" | cut -d ' ' -f 1)
	[ "$sum" = "$(order IMAGE_SHA256)" ] || fail "the image is not the one of the order: its SHA-256 is $sum"
	image=$1/image.tar.zst
}

unpack_image() {
	/usr/bin/tar --extract --file "$image" --use-compress-program zstd --directory "$target" \
		--numeric-owner --preserve-permissions --xattrs '--xattrs-include=*' --acls
	rm -f "$image"
	image=
	! mountpoint -q /run/image || umount /run/image
	chroot "$target" /usr/bin/test -x /sbin/init || fail "the image holds no system"
}
