#!/bin/sh
# Process 1 of a test host, until sshd takes its place.
# Started as: unshare -n -m -p -u -i -f --kill-child sh hostinit.sh NAME DISK SSHD
set -eu
name=$1 disk=$2 sshd=$3 root=$2/root

echo "$name" > /proc/sys/kernel/hostname
echo 0 > /proc/sys/net/ipv4/ip_forward        # a new network namespace takes the machine's value over
echo 1 2> /dev/null > /proc/sys/net/ipv6/conf/all/disable_ipv6 || :
echo 1 2> /dev/null > /proc/sys/net/ipv6/conf/default/disable_ipv6 || :

mount -t overlay -o "lowerdir=/,upperdir=$disk/changes,workdir=$disk/work" "$name" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t tmpfs -o mode=755 run "$root/run"
mount -t tmpfs -o mode=1777 tmp "$root/tmp"
mount -t tmpfs -o mode=1777 shm "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=666,mode=620,gid=5 devpts "$root/dev/pts"
mkdir "$root/run/sshd"
if [ -f "$disk/keep" ]; then
  keep=$(cat "$disk/keep")
  [ -e "$root$keep" ] || { mkdir -p "$root$keep"; mount --bind "$keep" "$root$keep"; }
fi

cd "$root"
pivot_root . mnt
umount -l /mnt
exec "$sshd" -D -e
