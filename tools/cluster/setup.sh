#!/bin/sh
# First process of an instance. Runs in fresh PID, mount, network, IPC and UTS namespaces:
# makes them a node's, then becomes the process that reaps orphans.
# usage: setup.sh NAME RECORD ROOT VOLUMES NODE_IP SERVICE_CIDR DNS_IP CATATONIT
set -eu
name=$1 record=$2 root=$3 volumes=$4 node_ip=$5 service_cidr=$6 dns_ip=$7 catatonit=$8

# /proc is still the host's, so its "self" is this process as the host sees it.
read -r stat < /proc/self/stat
set -- $stat
echo "$1 ${22} $(cat /proc/sys/kernel/random/boot_id)" > "$record.new"
mv "$record.new" "$record"

echo "$name" > /proc/sys/kernel/hostname

# Both ends of the link stay inside: with one on the host, pods would reach the host's listeners.
ip link set lo up
ip link add eth0 type veth peer name eth0-peer
ip link set eth0-peer up
ip addr add "$node_ip/24" dev eth0
ip link set eth0 up
# What leads outside fails at once instead of after a time-out. Services need a route: theirs is looked up
# before kube-proxy's rules change the destination; until those exist, connections to them are refused.
ip route add unreachable default
ip route add "$service_cidr" dev eth0
for chain in FORWARD OUTPUT; do
    iptables -A "$chain" -d "$service_cidr" -p tcp -j REJECT --reject-with tcp-reset
    iptables -A "$chain" -d "$service_cidr" -j REJECT
done

mkdir -p "$root" "$volumes"
stage=/run/carbon
umount -R /run/netns 2>/dev/null || true
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/lock /run/netns /run/containerd "$stage/root" "$stage/volumes"
# Bound before anything is laid over them, so that they may lie anywhere.
mount --bind "$root" "$stage/root"
mount --bind "$volumes" "$stage/volumes"

# A mount point made inside must not appear on the host: upper layers in memory take them.
for dir in etc var; do
    mkdir -p "$stage/upper/$dir" "$stage/work/$dir"
    mount -t overlay -o "lowerdir=/$dir,upperdir=$stage/upper/$dir,workdir=$stage/work/$dir" "carbon-$dir" "/$dir"
done
for dir in etc/kubernetes var/lib/kubelet var/lib/etcd var/lib/containerd var/log/pods var/log/containers; do
    mkdir -p "$stage/root/$dir" "/$dir"
    mount --bind "$stage/root/$dir" "/$dir"
done
rm -f /etc/resolv.conf
echo "nameserver $dns_ip" > /etc/resolv.conf
mkdir -p /var/lib/volumes
mount --bind "$stage/volumes" /var/lib/volumes

mount -t proc proc /proc
echo 1 > /proc/sys/net/ipv4/ip_forward
# The kubelet sets these, which belong to the whole machine, unless they already read as it wants.
settle() {
    file="$stage/sysctl$(echo "$1" | tr / -)"
    echo "$2" > "$file"
    mount --bind "$file" "/proc/sys/$1"
}
settle vm/overcommit_memory 1
settle vm/panic_on_oom 0
settle kernel/panic 10
settle kernel/panic_on_oops 1
settle kernel/keys/root_maxkeys 1000000
settle kernel/keys/root_maxbytes 25000000

# A new sysfs shows this network's devices; the cgroups must be bound into it before / is shared.
mkdir "$stage/cgroup"
mount --rbind /sys/fs/cgroup "$stage/cgroup"
mount -t sysfs sysfs /sys
mount --rbind "$stage/cgroup" /sys/fs/cgroup
umount -lR "$stage/cgroup"
rmdir "$stage/cgroup"
mount --make-rshared /

: > "$stage/ready"
exec "$catatonit" -P
