#!/bin/sh
# archive.sh OBJECTS.a OUT.a: one object in which only sonde_* is visible, so that
# our names do not meet those of the program it is linked into.
set -eu
object=${2%.a}.o
${LD:-ld} -r --whole-archive "$1" -o "$object"
${OBJCOPY:-objcopy} --localize-hidden "$object"
rm -f "$2"
${AR:-ar} rcs "$2" "$object"
rm -f "$object"
