#!/usr/bin/env bash
# Runs a command in a throw-away QEMU guest that has a software RDMA device (rdma_rxe, Soft-RoCE), for
# machines whose kernel has none. Debian packages only; needs root, since it installs them.
#   guest.sh [--env NAME=VALUE]... [--timeout SECONDS] COMMAND [ARG]...
# Its status is the command's; 124: out of time; 125: the guest itself failed.
# The guest's root is this machine's, read only, below a file system in memory: programs and libraries are there,
# what is written is lost. The device is rxe0 on rn0, address 10.99.0.1. It is emulated, so that no virtualization is
# needed; GUEST_ACCEL=kvm uses the CPU's. Speed means nothing in there.
set -euo pipefail

cache=${GUEST_CACHE:-/var/cache/sluice-guest}
modules="virtio_pci virtio_console 9pnet_virtio 9p overlay dummy virtio_rng rdma_rxe ib_uverbs rdma_ucm crc32_generic crc32c_generic"
packages=(qemu-system-x86 busybox-static cpio kmod iproute2 rdma-core ibverbs-providers python3-pyverbs)
kept=(boot kernel/drivers/virtio kernel/drivers/char kernel/drivers/net kernel/net/core kernel/net/ipv4 kernel/net/ipv6
  kernel/net/9p kernel/fs/9p kernel/fs/configfs kernel/fs/fscache kernel/fs/netfs kernel/fs/overlayfs
  kernel/drivers/infiniband/core kernel/drivers/infiniband/sw kernel/crypto kernel/arch/x86/crypto kernel/lib)

fail() {
  echo "guest: $*" >&2
  exit 125
}

# Unpacks Debian's kernel under $cache; it is not installed.
take_kernel() {
  local package=$1 folder patterns=('./lib/modules/*/modules.*') part
  folder=$(mktemp -d "$cache/take.XXXX")
  chmod 777 "$folder"
  for part in "${kept[@]}"; do
    if [ "$part" = boot ]; then patterns+=('./boot/*'); else patterns+=("./lib/modules/*/$part/*"); fi
  done
  (cd "$folder" && apt-get -qq download "$package" >/dev/null)
  rm -rf "$cache/root" && mkdir "$cache/root"
  dpkg-deb --fsys-tarfile "$folder"/*.deb | tar -x -C "$cache/root" --wildcards "${patterns[@]}" 2>/dev/null || true
  rm -rf "$folder"
  ls "$cache"/root/boot/vmlinuz-* >/dev/null 2>&1 || fail "$package holds no kernel"
}

# The first program: loads the modules, and makes the root of memory over the machine's.
write_init() {
  cat <<'INIT'
#!/bin/busybox sh
/bin/busybox --install -s /bin; export PATH=/bin
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs dev /dev
for module in /m/*.ko*; do insmod $module || echo "insmod $module failed" >&2; done
options=trans=virtio,version=9p2000.L,msize=512000
mount -t 9p -o $options,cache=none ctl /ctl || { echo "no folder of control" >&2; poweroff -f; }
mount -t 9p -o $options,cache=loose,ro hostroot /ro && mount -t tmpfs -o size=75% tmpfs /rw && mkdir /rw/u /rw/w &&
  mount -t overlay -o lowerdir=/ro,upperdir=/rw/u,workdir=/rw/w overlay /new || echo "no root" >&2
for d in proc sys dev; do mount --move /$d /new/$d; done
mkdir -p /new/dev/shm; mount -t tmpfs shm /new/dev/shm
mount -t tmpfs run /new/run; mkdir -p /new/run/guest; mount --move /ctl /new/run/guest
exec chroot /new /bin/bash /run/guest/guest.sh </new/dev/null
INIT
}

make_initramfs() {
  local version root n=0 module
  version=$(basename "$(ls -d "$cache"/root/lib/modules/*)")
  depmod -b "$cache/root" "$version" 2>/dev/null || true
  root=$(mktemp -d "$cache/make.XXXX")
  mkdir -p "$root"/{bin,m,proc,sys,dev,ro,rw,new,ctl}
  cp "$(command -v busybox)" "$root/bin/busybox"
  # Each after those it needs.
  for module in $(for name in $modules; do
    modprobe -d "$cache/root" -S "$version" -D "$name" 2>/dev/null | awk '/^insmod/ {print $2}' || true
  done | awk '!seen[$0]++'); do
    n=$((n + 1))
    cp "$module" "$root/m/$(printf %03d $n)-$(basename "$module")"
  done
  write_init >"$root/init"
  chmod +x "$root/init"
  (cd "$root" && find . | cpio -o -H newc --quiet) >"$cache/initramfs"
  rm -rf "$root"
}

set_up() {
  local missing=() package
  for package in "${packages[@]}"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  if [ ${#missing[@]} != 0 ]; then
    apt-get -qq update || true
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
  fi
  package=$(apt-cache depends linux-image-amd64 | awk '/Depends:/ {print $2; exit}')
  [ -n "$package" ] || fail "apt knows no linux-image-amd64"
  mkdir -p "$cache"
  exec 9>"$cache/lock"
  flock 9
  if [ ! -s "$cache/initramfs" ] || [ "$(cat "$cache/kernel" 2>/dev/null)" != "$package" ]; then
    take_kernel "$package"
    make_initramfs
    echo "$package" >"$cache/kernel"
  fi
  exec 9>&-
}

# What the guest runs, as its second program.
write_guest_script() {
  cat <<'GUEST'
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
stty -F /dev/hvc0 raw -echo 2>/dev/null; ulimit -l unlimited
ip link set lo up; ip link add rn0 type dummy; ip link set rn0 mtu 9000; ip addr add 10.99.0.1/24 dev rn0; ip link set rn0 up
rdma link add rxe0 type rxe netdev rn0 || echo "guest: no RDMA device" >/dev/hvc0
for i in 1 2 3 4 5 6 7 8 9 10; do [ -e /dev/infiniband/uverbs0 ] && break; sleep 0.1; done
bash /run/guest/command.sh >/dev/hvc0 2>&1; echo $? >/run/guest/status
sync; echo o >/proc/sysrq-trigger; sleep 5
GUEST
}

run_guest() {
  local folder=$1 limit=$2 status=0 emulated=(-accel "tcg,thread=multi" -cpu "max,la57=off")
  [ -z "${GUEST_ACCEL:-}" ] || emulated=(-accel "$GUEST_ACCEL" -cpu host)
  : >"$folder/out"
  timeout -k 5 "$limit" qemu-system-x86_64 -M pc "${emulated[@]}" -smp 2 -m 2048 -nodefaults -no-user-config -no-reboot \
    -display none -monitor none -kernel "$(ls "$cache"/root/boot/vmlinuz-*)" -initrd "$cache/initramfs" \
    -append "console=ttyS0 quiet loglevel=4 panic=-1 mitigations=off nokaslr nopti no_timer_check tsc=reliable random.trust_cpu=on" \
    -serial "file:$folder/console" -device virtio-serial-pci -chardev "file,id=o,path=$folder/out" \
    -device virtconsole,chardev=o -device virtio-rng-pci \
    -virtfs local,path=/,mount_tag=hostroot,security_model=passthrough,readonly=on,multidevs=remap \
    -virtfs "local,path=$folder,mount_tag=ctl,security_model=passthrough" </dev/null >"$folder/qemu" 2>&1 &
  local qemu=$!
  tail -n +1 -f --pid=$qemu "$folder/out" 2>/dev/null || true
  wait $qemu || status=$?
  if [ -s "$folder/status" ]; then return "$(cat "$folder/status")"; fi
  tail -n 30 "$folder/console" "$folder/qemu" >&2 || true
  if [ "$status" = 124 ]; then return 124; fi
  return 125
}

limit=600
variables=()
while [ $# != 0 ]; do
  case $1 in
    --env) variables+=("$2") && shift 2 ;;
    --timeout) limit=$2 && shift 2 ;;
    *) break ;;
  esac
done
[ $# != 0 ] || fail "no command"
set_up
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
write_guest_script >"$folder/guest.sh"
{
  printf 'cd %q\n' "$PWD"
  for variable in "${variables[@]}"; do printf 'export %q\n' "$variable"; done
  printf '%q ' "$@"
} >"$folder/command.sh"
run_guest "$folder" "$limit"
