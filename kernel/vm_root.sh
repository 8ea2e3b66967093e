# shellcheck shell=bash disable=SC2154 # variables of those who source this
# SPDX-License-Identifier: GPL-2.0
#
# Sourced by vm.sh: the root of the virtual machine, one archive in memory.
#   make_root   writes $scratch/root.cpio from $command, $with, $libc
# It is made of layers, each an archive: init and busybox, and the later C library, which are kept; the files of this
# run, and this machine's C library, which are not. Needs $arch, $triplet, $cross, $build, and later_*() of debian.sh.

# What a C library's package owns. With another one, none of it comes from this machine.
libc_files='^(ld-linux.*|lib(c|m|mvec|pthread|dl|rt|resolv|util|anl|nsl|thread_db|BrokenLocale|nss_[a-z]*|memusage|pcprofile|c_malloc_debug))\.so'

# The interpreter's path is part of every program.
interpreter_path() {
    case $arch in
    x86_64) echo /lib64/ld-linux-x86-64.so.2 ;;
    arm64) echo /lib/ld-linux-aarch64.so.1 ;;
    esac
}

# Everything here runs where `set -e` does not count, behind a "||" of the caller: each step says so if it fails.

# pack FOLDER ARCHIVE: links are followed, so that a layer of links is a layer of files.
pack() {
    local folder=$1 archive=$2
    shift 2
    (cd "$folder" && find . -mindepth 1 | LC_ALL=C sort | cpio --create --format newc --owner 0:0 --quiet "$@") \
        >"$archive.partial" &&
        mv "$archive.partial" "$archive"
}

# The folders that exist twice by name are one, as in every Debian since 12.
make_merged_folders() {
    local folder=$1 name
    mkdir -p "$folder"/{proc,sys,dev,tmp,root,vm,etc}
    for name in bin sbin lib lib64; do
        mkdir -p "$folder/usr/$name"
        ln -s "usr/$name" "$folder/$name"
    done
}

# layer_base ARCHIVE
layer_base() {
    local archive=$1 deb
    local folder=$build/root/base-$arch
    rm -rf "$folder" &&
        mkdir -p "$folder/root" &&
        make_merged_folders "$folder/root" &&
        "${cross}gcc" -Wall -Wextra -O2 -static "$here/init.c" -o "$folder/root/init" || return
    later_update "$debian_arch" near || return
    deb=$(later_fetch "$debian_arch" busybox-static "" "$folder/fetched") || return
    dpkg-deb -x "$deb" "$folder/busybox" &&
        cp "$(find "$folder/busybox" -path '*bin/busybox')" "$folder/root/usr/bin/busybox" &&
        ln -s busybox "$folder/root/usr/bin/sh" &&
        echo 'root:x:0:0:root:/root:/bin/sh' >"$folder/root/etc/passwd" &&
        echo 'root:x:0:' >"$folder/root/etc/group" &&
        pack "$folder/root" "$archive" &&
        rm -rf "$folder"
}

# layer_new_libc ARCHIVE: the libraries of a later release's package, without its hundreds of character sets.
layer_new_libc() {
    local archive=$1 deb file
    local folder=$build/root/libc-$arch
    rm -rf "$folder"
    later_update "$debian_arch" near || return
    deb=$(later_fetch "$debian_arch" libc6 "" "$folder/fetched") || return
    file=$(interpreter_path)
    dpkg-deb -x "$deb" "$folder/all" &&
        mkdir -p "$folder/root/usr/lib/$triplet" "$folder/root/usr$(dirname "$file")" &&
        find "$folder/all" -path "*/lib/$triplet/*.so*" -not -path '*/gconv/*' \
            -exec cp -a -t "$folder/root/usr/lib/$triplet" {} + &&
        cp -L "$folder/root/usr/lib/$triplet/$(basename "$file")" "$folder/root/usr$file" &&
        basename "$deb" >"$archive.name" &&
        pack "$folder/root" "$archive" &&
        rm -rf "$folder"
}

# kept_layer NAME FUNCTION [FILE...]: made once for each content of the files, by one of several vm.sh at a time.
kept_layer() {
    local name=$1 make=$2 archive lock
    shift 2
    archive=$build/root/$name-$arch-$(cat "$@" </dev/null | sha256sum | cut -c 1-12).cpio
    mkdir -p "$build/root" || return
    exec {lock}>"$build/root/lock"
    flock "$lock"
    [ -f "$archive" ] || "$make" "$archive" || return
    exec {lock}>&-
    cat "$archive" >>"$scratch/root.cpio"
}

# put HOST_FILE [GUEST_PATH]: a link in the layer of this run.
put() {
    local file=$1 path=${2-$1}
    case $path in
    /lib/* | /lib64/* | /bin/* | /sbin/*) path=/usr$path ;;
    esac
    mkdir -p "$scratch/layer$(dirname "$path")"
    [ -e "$scratch/layer$path" ] || ln -s "$file" "$scratch/layer$path"
}

is_elf() {
    [ "$(head -c 4 "$1" | od -An -tx1 | tr -d ' \n')" = 7f454c46 ]
}

# Where the loader looks: the object's own path first, then this machine's folders for the architecture.
find_library() {
    local name=$1 object=$2 path=$3 folder
    local folders=()
    IFS=: read -ra folders <<<"${path//\$ORIGIN/$(dirname "$object")}"
    for folder in "${folders[@]}" "/lib/$triplet" "/usr/lib/$triplet" "/usr/$triplet/lib" "/usr/local/lib"; do
        if [ -n "$folder" ] && [ -f "$folder/$name" ]; then
            echo "$folder/$name"
            return
        fi
    done
    return 1
}

# Those of the system go where the guest's loader looks, wherever a cross compiler keeps them here.
put_library() {
    local file=$1
    case $file in
    "/usr/$triplet/lib/"* | /usr/local/lib/*) put "$file" "/usr/lib/$triplet/$(basename "$file")" ;;
    *) put "$file" ;;
    esac
}

# put_needed FILE: the libraries that an ELF file needs, and those that they need.
put_needed() {
    local object=$1 dynamic name path library
    [ -z "${seen[$object]-}" ] || return 0
    seen[$object]=yes
    is_elf "$object" || return 0
    dynamic=$(LC_ALL=C readelf -dW "$object")
    path=$(sed -nE 's/.*\((RPATH|RUNPATH)\).*\[(.*)\]/\2/p' <<<"$dynamic" | head -n 1)
    while read -r name; do
        [[ ! $name =~ $libc_files ]] || continue
        if ! library=$(find_library "$name" "$object" "$path"); then
            say "$object needs $name, which is not here for $arch"
            return 1
        fi
        put_library "$library"
        put_needed "$library" || return
    done < <(sed -nE 's/.*\(NEEDED\).*\[(.*)\]/\1/p' <<<"$dynamic")
}

put_host_libc() {
    local name library
    for name in libc.so.6 libm.so.6 libmvec.so.1 libpthread.so.0 libdl.so.2 librt.so.1 libresolv.so.2 libutil.so.1 \
        libanl.so.1 libthread_db.so.1; do
        if library=$(find_library "$name" / ""); then
            put_library "$library"
        fi
    done
    if ! library=$(find_library "$(basename "$(interpreter_path)")" / ""); then
        say "this machine has no C library for $arch: --libc host cannot work"
        return 1
    fi
    put "$library" "$(interpreter_path)"
}

put_file() {
    local file
    file=$(realpath -s "$1")
    put "$file"
    put_needed "$file"
}

# What the command names, by a path that is a file here, is there under that path; and what --with names.
put_all() {
    local item file
    for item in "${command[@]}"; do
        if [[ $item == */* && -f $item ]]; then
            put_file "$item" || return
        fi
    done
    for item in "${with[@]}"; do
        while read -r file; do
            put_file "$file" || return
        done < <(find -L "$(realpath -s "$item")" -type f)
    done
    # glibc loads it for itself when a thread is cancelled.
    if file=$(find_library libgcc_s.so.1 / ""); then
        put_library "$file"
    fi
    [ "$libc" = new ] || put_host_libc
}

# Variables that the library, its tests and the C library read; the rest of the environment stays here.
put_command() {
    mkdir -p "$scratch/layer/vm" "$scratch/layer$PWD"
    printf '%s\0' "$PWD" >"$scratch/layer/vm/folder"
    printf '%s\0' "${command[@]}" >"$scratch/layer/vm/arguments"
    {
        printf '%s\0' PATH=/usr/sbin:/usr/bin HOME=/root LANG=C.UTF-8 TERM=dumb
        env --null | grep -zE '^(SLICEPATCH|GLIBC_TUNABLES=|LD_)' | grep -zvE '^SLICEPATCH_KERNEL' || true
    } >"$scratch/layer/vm/environment"
}

make_root() {
    local -A seen=()
    : >"$scratch/root.cpio"
    kept_layer base layer_base "$here/init.c" || return
    [ "$libc" = host ] || kept_layer libc layer_new_libc || return
    mkdir -p "$scratch/layer"
    put_all &&
        put_command &&
        pack "$scratch/layer" "$scratch/layer.cpio" --dereference &&
        cat "$scratch/layer.cpio" >>"$scratch/root.cpio"
}
