# Installs the packages into a copy of this machine, uses them, and purges them:
#
#   packages.sh FOLDER PACKAGE…
#
# in a mount namespace of its own. The copy is an overlay: what changes is in
# memory. Exit status 77, and why on the last line: it cannot be done here.
set -eu
folder=$1
shift
manual=$(realpath "$(dirname "$0")/../../docs/drop-in.md")

cannot() { echo "$*"; exit 77; }
fail() { echo "FAILED: $*"; exit 1; }

mount -t tmpfs tmpfs "$folder" || cannot "a tmpfs cannot be mounted here"
mkdir "$folder/changes" "$folder/work" "$folder/root"
mount -t overlay overlay \
	-o "lowerdir=/,upperdir=$folder/changes,workdir=$folder/work" "$folder/root" ||
	cannot "an overlay cannot be mounted here"
root=$folder/root
[ -s "$root/var/lib/dpkg/status" ] && [ -x "$root/usr/bin/dpkg" ] ||
	cannot "parts of this system are file systems of their own, which an overlay of / lacks"
changes=$folder/changes
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc" || mount --rbind /proc "$root/proc"
mkdir -p "$root/run" && mount -t tmpfs tmpfs "$root/run" # and no systemd
mount -t tmpfs tmpfs "$root/tmp"
cp "$@" "$root/tmp/"
cd "$root" # so that globs are those of the copy
inside() { chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 "$@"; }

inside dpkg-query -W linkwatch >/dev/null 2>&1 && cannot "a package linkwatch is installed here"

# It would index all manuals of the machine, twice.
[ ! -e "$root/var/lib/dpkg/triggers/File" ] ||
	sed -i '/ man-db$/d' "$root/var/lib/dpkg/triggers/File"

# Containers leave out manuals and documents by dpkg's configuration.
put_in() {
	inside DEBIAN_FRONTEND=noninteractive dpkg --force-unsafe-io --force-confold \
		--path-include='/usr/share/*' --install "$@" || fail "dpkg --install $*"
}
put_in tmp/linkwatch_*.deb tmp/liblinkwatch0.1_*.deb tmp/liblinkwatch-dev_*.deb

for path in /usr/bin/linkwatch /usr/share/man/man1/linkwatch.1.gz \
	/usr/share/man/man5/linkwatch.toml.5.gz /usr/lib/systemd/system/linkwatch.service \
	/usr/share/bash-completion/completions/linkwatch /etc/linkwatch.toml \
	/usr/share/doc/linkwatch/copyright /usr/include/linkwatch.h; do
	[ -e "$root$path" ] || fail "there is no $path"
done
inside linkwatch --version
inside linkwatch status lo >/dev/null || [ $? -eq 3 ] || fail "linkwatch status"
inside linkwatch check-config || fail "the configuration that is installed"
grep -q '^ExecStart=/usr/bin/linkwatch watch' "$root/usr/lib/systemd/system/linkwatch.service" ||
	fail "the unit starts something else"
enabled=/etc/systemd/system/multi-user.target.wants/linkwatch.service
[ ! -L "$root$enabled" ] || fail "the service is enabled"

# A C programmer has the library where it is looked for: by the compiler, and,
# for ldconfig was called, when a program starts.
cat >"$root/tmp/version.c" <<'PROGRAM'
#include <linkwatch.h>
#include <stdio.h>
int main(void) { puts(linkwatch_version()); return 0; }
PROGRAM
inside sh -ec 'cd /tmp
	cc -std=c99 version.c $(pkg-config --cflags --libs linkwatch) -o version
	./version
	cc -static version.c $(pkg-config --static --cflags --libs linkwatch) -o static
	./static
	cc -std=c99 /usr/share/doc/liblinkwatch-dev/examples/minimal.c \
		$(pkg-config --cflags --libs linkwatch) -o minimal'

# As it is when an administrator has used it.
mkdir -p "$root/etc/systemd/system/multi-user.target.wants" "$root/var/log/linkwatch" \
	"$root/var/lib/linkwatch"
ln -s /usr/lib/systemd/system/linkwatch.service "$root$enabled"
echo "# mine" >>"$root/etc/linkwatch.toml"
echo "a line" >"$root/var/log/linkwatch/links.log"

# An upgrade keeps all that.
put_in tmp/linkwatch_*.deb
[ -L "$root$enabled" ] || fail "an upgrade disables the service"
grep -q "^# mine" "$root/etc/linkwatch.toml" || fail "an upgrade takes the configuration away"

# In the place of another package's program, by the commands of docs/drop-in.md: with a
# package that has it where Debian 12's netplug has it, and one as in Debian 13.
advice() { # NUMBER: that block, for a package otherplug
	awk -v "number=$1" '/^<!-- tried by/ { block++ } /^```/ { wanted = 0 }
		wanted; /^```sh/ { wanted = block == number }' "$manual" | sed s/netplug/otherplug/g
}
as_advised() { # NUMBER
	commands=$(advice "$1")
	[ -n "$commands" ] || fail "docs/drop-in.md has no commands number $1"
	inside sh -euc "sudo() { \"\$@\"; }; systemctl() { :; }; $commands" || fail "$commands"
}
other_package() { # PATH VERSION
	rm -rf "$root/tmp/other"
	mkdir -p "$root/tmp/other/DEBIAN" "$root/tmp/other${1%/*}"
	echo "original $2" >"$root/tmp/other$1"
	printf '%s\n' "Package: otherplug" "Version: $2" "Architecture: all" \
		"Maintainer: none <none@localhost>" "Description: has a program" \
		>"$root/tmp/other/DEBIAN/control"
	inside dpkg-deb --root-owner-group --build /tmp/other "/tmp/otherplug_$2.deb" >/dev/null
	put_in "/tmp/otherplug_$2.deb"
}
inode() { inside stat -L -c %i "$1"; }
for program in /sbin/otherplugd /usr/sbin/otherplugd; do
	other_package "$program" 1
	as_advised 1
	cmp "$root/usr/bin/linkwatch" "$root$program" || fail "$program is no copy of linkwatch"
	[ "$(inode /usr/bin/linkwatch)" != "$(inode "$program")" ] || fail "$program is a link"
	put_in /tmp/otherplug_1.deb
	other_package "$program" 2
	cmp "$root/usr/bin/linkwatch" "$root$program" || fail "dpkg has replaced the copy"
	grep -q "original 2" "$root$program.distrib" || fail "the original is not set aside"
	as_advised 2
	grep -q "original 2" "$root$program" || fail "the original is not back"
	[ ! -e "$root$program.distrib" ] || fail "$program.distrib is left"
	inside dpkg --force-unsafe-io --purge otherplug || fail "dpkg --purge otherplug"
	[ ! -e "$root$program" ] || fail "$program is left"
done

inside dpkg --force-unsafe-io --remove linkwatch liblinkwatch-dev liblinkwatch0.1 ||
	fail "dpkg --remove"
grep -q "^# mine" "$root/etc/linkwatch.toml" || fail "removing takes the configuration away"
[ -e "$root/var/log/linkwatch/links.log" ] || fail "removing takes the log away"
[ ! -e "$root/usr/bin/linkwatch" ] || fail "removing leaves the program"
inside dpkg --force-unsafe-io --purge linkwatch liblinkwatch-dev liblinkwatch0.1 ||
	fail "dpkg --purge"

umount "$root/tmp" "$root/run"
left=$(find "$changes" -path "$changes/tmp" -prune -o -name '*linkwatch*' -print)
[ -z "$left" ] || fail "purging leaves $left"
# Whatever else it may be called: beside the accounts of dpkg, ldconfig and man-db.
left=$(find "$changes" \( -type f -o -type l \) \
	-not -path "$changes/var/lib/dpkg/*" -not -path "$changes/var/cache/*" \
	-not -path "$changes/var/log/*" -not -path "$changes/etc/ld.so.cache" \
	-not -path "$changes/var/lib/systemd/deb-systemd-helper*")
[ -z "$left" ] || fail "purging leaves $left"
echo "all of it held"
