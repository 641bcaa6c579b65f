#!/bin/sh
# First process of new mount, PID, cgroup, UTS and IPC namespaces: builds a throw-away root over this machine's own, installs
# picklewatch in it as docs/install.md says (the last step that has a network), and becomes systemd. Run by machine.py.
# usage: boot.sh SCRATCH TREE INSTALL-SCRIPT [SHARED: a folder with "state" and "srv", which outlive the machine]
set -eu
scratch=$1 tree=$2 install=$3 shared=${4:-}

mount --make-rprivate /
mount -t tmpfs -o size=2g,mode=755 scratch "$scratch"
mkdir "$scratch/upper" "$scratch/work" "$scratch/root"
root=$scratch/root
mount -t overlay -o "lowerdir=/,upperdir=$scratch/upper,workdir=$scratch/work" overlay "$root"

mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs "$root/sys"
mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o nosuid,mode=755 dev "$root/dev"
mount -t tmpfs -o nosuid,nodev,mode=755 run "$root/run"
mount -t tmpfs -o nosuid,nodev,mode=1777 tmp "$root/tmp"
for device in null zero full random urandom tty; do
    : > "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$root/dev/pts"
mount -t tmpfs -o nosuid,nodev,mode=1777 shm "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
ln -s fd/0 "$root/dev/stdin"
ln -s fd/1 "$root/dev/stdout"
ln -s fd/2 "$root/dev/stderr"

mkdir -p "$root/mnt/picklewatch"
mount --bind "$tree" "$root/mnt/picklewatch"
mount -o remount,bind,ro "$root/mnt/picklewatch"
cp -L /etc/resolv.conf "$root/etc/resolv.conf.new" && mv "$root/etc/resolv.conf.new" "$root/etc/resolv.conf"
rm -rf "$root/opt/picklewatch" "$root/usr/local/bin/picklewatch" "$root/etc/picklewatch" "$root/var/lib/picklewatch"
if [ -n "$shared" ]; then
    mkdir -p "$root/var/lib/picklewatch" "$root/srv"
    mount --bind "$shared/state" "$root/var/lib/picklewatch"
    mount --bind "$shared/srv" "$root/srv"
fi
cp "$install" "$root/tmp/install"
chroot "$root" /usr/bin/env -C /mnt/picklewatch PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TMPDIR=/tmp sh -eu /tmp/install

# the smallest boot that has a journal, a bus and user managers
: > "$root/etc/fstab"
: > "$root/etc/machine-id"
units=$root/etc/systemd/system
ln -sf /dev/null "$units/timers.target"
for unit in systemd-udevd.service systemd-udevd-kernel.socket systemd-udevd-control.socket systemd-timesyncd.service \
    systemd-networkd.service systemd-resolved.service systemd-modules-load.service rpcbind.socket docker.socket; do
    ln -sf /dev/null "$units/$unit"
done
cat > "$units/test.target" << 'UNIT'
[Unit]
Requires=basic.target
Wants=dbus.service systemd-logind.service systemd-user-sessions.service
After=basic.target systemd-user-sessions.service
AllowIsolate=yes
UNIT

hostname picklewatch-test
cd "$root"
mkdir .old
pivot_root . .old
umount -l /.old
rmdir /.old
mount --make-rshared / # as a systemd that is not in a container finds it, or makes it: services see what is mounted later
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin container=test TERM=dumb \
    unshare --net /lib/systemd/systemd --system --unit=test.target --log-target=journal --show-status=no
