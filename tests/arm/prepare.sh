#!/bin/sh
# Makes an aarch64 system to run the runtime in: tests/arm/prepare.sh FOLDER
# Needs a Debian with apt-get and network; nothing is installed on this machine.
set -eu
folder=$(mkdir -p "$1" && cd "$1" && pwd)
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
keys=/usr/share/keyrings/debian-archive-keyring.gpg
[ -e "$folder/ready" ] && exit 0
cd "$folder"

# Bookworm's own qemu 7.2 crashes in the interpreter's look at the processor; Trixie's does not.
mkdir -p apt/lists/partial apt/cache/archives/partial
printf 'deb [signed-by=%s] %s trixie main\n' "$keys" "$mirror" > apt/sources.list
trixie="-o Dir::Etc::sourcelist=$folder/apt/sources.list -o Dir::Etc::sourceparts=-
  -o Dir::State::lists=$folder/apt/lists -o Dir::Cache=$folder/apt/cache
  -o APT::Sandbox::User=root"
apt-get $trixie update -qq
apt-get $trixie download -qq qemu-user mmdebstrap
for package in *.deb; do dpkg-deb -x "$package" tools; done

# Only unpacked, never configured: no foreign program has to run for that.
perl tools/usr/bin/mmdebstrap --quiet --variant=extract --architectures=arm64 \
  --include=python3,libstdc++6 bookworm root "deb [signed-by=$keys] $mirror bookworm main"

mkdir -p wheels site
"${PYTHON:-python3}" -m pip download --quiet --no-deps --only-binary=:all: --dest wheels \
  --platform manylinux_2_27_aarch64 --platform manylinux_2_28_aarch64 --python-version 3.11 \
  ai-edge-litert==2.3.0 "numpy<2.4" "Pillow<12" protobuf ml_dtypes
"${PYTHON:-python3}" -m pip download --quiet --no-deps --only-binary=:all: --dest wheels \
  flatbuffers tqdm typing-extensions backports.strenum
for wheel in wheels/*.whl; do
  "${PYTHON:-python3}" -m zipfile -e "$wheel" site
done
touch ready
