#!/bin/sh
# deps.sh WHAT - installs the Debian packages that WHAT (build, check, lint, ...) needs and that are not there.
# Named and announced; sudo only if not root. Nothing is fetched from anywhere but the machine's own package sources.
set -eu
want() { # want PACKAGE FILE...: the package is there if any of the files is
    pkg=$1; shift
    for f in "$@"; do [ -e "$f" ] && return 0; done
    missing="$missing $pkg"
}
missing=
lib=/usr/lib/$(dpkg --print-architecture >/dev/null 2>&1 && dpkg-architecture -qDEB_HOST_MULTIARCH 2>/dev/null || gcc -print-multiarch 2>/dev/null || echo "$(uname -m)-linux-gnu")
want build-essential /usr/bin/gcc
want libc6-dev /usr/include/stdio.h
want libssl-dev /usr/include/openssl/evp.h
want libsodium-dev /usr/include/sodium.h
want libnng-dev /usr/include/nng/nng.h
want liblmdb-dev /usr/include/lmdb.h
want libjansson-dev /usr/include/jansson.h
want libqrencode-dev /usr/include/qrencode.h
case ${1:-build} in
check|all)
    want check /usr/include/check.h
    want libcbor-dev /usr/include/cbor.h
    want strace /usr/bin/strace
    want nodejs /usr/bin/nodejs /usr/bin/node /usr/local/bin/node
    want zbar-tools /usr/bin/zbarimg
    want librsvg2-bin /usr/bin/rsvg-convert
    want xxd /usr/bin/xxd
    want procps /usr/bin/pgrep
    want python3 /usr/lib/python3*/json/__init__.py
    want faketime /usr/bin/faketime
    ;;
esac
case ${1:-build} in
lint|all)
    want clang /usr/bin/clang
    want clang-tidy /usr/bin/clang-tidy
    want cppcheck /usr/bin/cppcheck
    want universal-ctags /usr/bin/ctags-universal
    want valgrind /usr/bin/valgrind
    ;;
esac
case ${1:-build} in
fuzz|all) # the runtime of libFuzzer is a package of its own, by the version of the compiler
    want clang /usr/bin/clang
    v=$(clang --version 2>/dev/null | sed -n 's/.*version \([0-9]*\)\..*/\1/p')
    [ -n "$v" ] || v=$(apt-cache depends clang | sed -n 's/.*Depends: clang-\([0-9]*\)$/\1/p')
    want "libclang-rt-$v-dev" /usr/lib/llvm-"$v"/lib/clang/*/lib/*/libclang_rt.fuzzer*.a
    ;;
esac
[ -z "$missing" ] && exit 0
echo "tasuki: installing Debian packages:$missing" >&2
as_root=
[ "$(id -u)" = 0 ] || as_root=sudo
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >&2
