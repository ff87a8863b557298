# What images/base/make and images/base/languages share: images from the
# packages of this machine's Debian mirror. Sourced, with $here set to the folder
# that this file lies in.
#
# apt runs with folders of its own and an empty list of installed packages: it
# needs no rights, changes nothing on the machine, and nothing of the machine
# gets into an image.

root=$(cd "$here/../.." && pwd)
arch=${ARCH:-amd64}
bench=${BENCH:-$root/.build/bench}
aptdir=$root/.build/apt/$arch
umask 022
export LC_ALL=C TZ=UTC

say() { echo "images/base: $*" >&2; }
die() { say "$*"; exit 1; }

for tool in apt-get dpkg-deb tar sha256sum; do
	command -v $tool >/dev/null || die "$tool is not there; these images are made from Debian packages on a Debian or Ubuntu machine"
done

apt() {
	apt-get -qq -y -c "$aptdir/conf" "$@"
}

# configure writes apt's configuration and reads the package lists, which stay
# for half a day. The machine's own hooks (APT::Update::Post-Invoke) have no
# business in it.
configure() {
	mkdir -p "$aptdir/lists/partial" "$aptdir/cache/archives/partial" "$aptdir/empty"
	: >"$aptdir/status"
	cat >"$aptdir/conf" <<-END
		#clear APT::Architectures;
		#clear APT::Update::Pre-Invoke;
		#clear APT::Update::Post-Invoke;
		#clear APT::Update::Post-Invoke-Success;
		APT::Architecture "$arch";
		APT::Architectures { "$arch"; };
		APT::Install-Recommends "false";
		APT::Install-Suggests "false";
		APT::Sandbox::User "";
		Acquire::Retries "3";
		Debug::NoLocking "true";
		Dir::State "$aptdir";
		Dir::State::status "$aptdir/status";
		Dir::Cache "$aptdir/cache";
		Dir::Log "$aptdir";
	END
	if [ -z "$(find "$aptdir/lists" -maxdepth 1 -name '*Packages*' -mmin -720 -print -quit)" ]; then
		say "reading the mirror's package lists"
		apt update >&2 || die "can't read the package lists of this machine's mirror"
	fi
}

# fetch FILE PACKAGE... fetches packages and all that they need, and writes the
# names of their archives to FILE, sorted.
fetch() {
	local file=$1
	shift
	configure
	say "fetching $* and what they need"
	apt --download-only install "$@" >&2 || die "can't fetch the packages"
	# Only what this set needs: an older version may lie there from another day.
	apt -o Dir::Cache="$aptdir/empty" --print-uris install "$@" | awk '{print $2}' | sort >"$file"
	[ -s "$file" ] || die "apt names no packages"
}

# extract TREE FILE... makes a folder tree of the packages that FILEs name.
extract() {
	local tree=$1 deb d
	shift
	chmod -R u+rwX "$tree" 2>/dev/null || true
	rm -rf "$tree"
	# One /usr, as on Amazon Linux 2023 and on Debian: packages of either layout land there.
	mkdir -p "$tree"/usr/{bin,sbin,lib,lib64,local/bin}
	for d in bin sbin lib lib64; do ln -s usr/$d "$tree/$d"; done
	sort -u "$@" | while read -r deb; do
		dpkg-deb --fsys-tarfile "$aptdir/cache/archives/$deb" |
			tar -x -p --keep-directory-symlink --no-same-owner -C "$tree" -f -
	done
	# Manuals are not in the bases either.
	rm -rf "$tree"/usr/share/{doc,man,info,lintian,bash-completion,bug,doc-base}
	printf 'root:x:0:0:root:/root:/bin/bash\nsbx_user1051:x:993:990::/home/sbx_user1051:/sbin/nologin\n' >"$tree/etc/passwd"
	printf 'root:x:0:\nsbx_user1051:x:990:\n' >"$tree/etc/group"
	mkdir -p "$tree"/{dev,proc,sys,opt,root,tmp} "$tree"/var/{task,runtime,lang/bin,lang/lib,tmp}
	chmod 1777 "$tree/tmp" "$tree/var/tmp"
}

# pack OUT REF TREE TIME CONFIG writes an image as docker save does. CONFIG is
# the JSON of the configuration's "config"; every file gets TIME, in seconds.
pack() {
	local file=$1 ref=$2 tree=$3 time=$4 settings=${5//$'\t'/} out=$1.parts layer config
	rm -rf "$out"
	mkdir -p "$out"
	tar -C "$tree" --sort=name --mtime="@$time" --owner=0 --group=0 --numeric-owner --format=gnu -cf "$out/layer.tar" .
	layer=$(sha256sum "$out/layer.tar" | cut -d' ' -f1)
	cat >"$out/config.json" <<-END
		{
		 "architecture": "$arch",
		 "os": "linux",
		 "created": "1970-01-01T00:00:00Z",
		 "config": $settings,
		 "rootfs": {"type": "layers", "diff_ids": ["sha256:$layer"]},
		 "history": [{"created": "1970-01-01T00:00:00Z", "created_by": "images/base"}]
		}
	END
	config=$(sha256sum "$out/config.json" | cut -d' ' -f1)
	mv "$out/config.json" "$out/$config.json"
	mv "$out/layer.tar" "$out/$layer.tar"
	printf '[{"Config":"%s.json","RepoTags":["%s"],"Layers":["%s.tar"]}]\n' "$config" "$ref" "$layer" >"$out/manifest.json"
	tar -C "$out" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf "$file.new" .
	rm -rf "$out"
	mv "$file.new" "$file"
	say "made $ref, sha256:$config, $(find "$tree" | wc -l) files"
}

# deliver FILE REF puts an image where bench and the engine look for it.
deliver() {
	local done=
	if [ -x "$bench" ]; then
		"$bench" images import "$1" --as "$2" >&2 && done=1
	fi
	if command -v docker >/dev/null && docker version >/dev/null 2>&1; then
		docker load -q -i "$1" >&2 && done=1
	fi
	[ -n "$done" ] || die "neither $bench nor a container engine took $2: make build first"
}
