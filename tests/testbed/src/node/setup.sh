# Runs as the first process of a node's namespaces (mount, network, pid, uts) and makes
# of them what looks like a machine of its own: everything that a kubelet and a
# container runtime write to fixed places lands in the node's folder or in memory.
# $1: the node's folder, $2: its name, $3: the program that stays as first process.
set -eu
node=$1
hostname "$2"
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/lock /run/etc/upper /run/etc/work
mount --bind "$node/var" /var
mount -t overlay -o lowerdir=/etc,upperdir=/run/etc/upper,workdir=/run/etc/work overlay /etc
mkdir -p /etc/kubernetes /etc/cni/net.d /etc/containerd
mount --bind "$node/kubernetes" /etc/kubernetes
mount --bind "$node/cni" /etc/cni/net.d
mount --bind "$node/containerd" /etc/containerd
# This namespace's links, not the machine's; some CNI plugins look.
mkdir -p /run/cgroup
mount --rbind /sys/fs/cgroup /run/cgroup
mount -t sysfs sysfs /sys
mount --rbind /run/cgroup /sys/fs/cgroup
umount --lazy /run/cgroup
# Pods may ask for mounts that come and go with the node's; unlike the machine's, from
# which unshare has cut these off.
mount --make-rshared /
ip link set lo up
echo 1 > /proc/sys/net/ipv4/ip_forward
: > "$node/made"
exec "$3" pause
