#!/bin/sh
# The first process of the guest.
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
if [ -z "$NESTED" ] && grep -q nested /proc/cmdline; then
    NESTED=1 unshare -p -f /start
    poweroff -f
fi
[ -z "$NESTED" ] || mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
ip link set lo up
mount -t securityfs security /sys/kernel/security
mount -t cgroup2 cgroup /sys/fs/cgroup
insmod /overlay.ko
base= groups=/sys/fs/cgroup/kubepods/pod1
echo "KERNEL $(uname -r) $(cat /sys/kernel/security/lsm)"

agent() {
    touch /alerts
    pavisade-agent run $only --rules /rules.yaml --enforce /policies.yaml --state /state --node-name guest --output /alerts 2>/told &
    agent=$!
    # Containers are registered before the first event is taken.
    ln -s busybox /bin/ready
    for _ in $(seq 600); do
        ready 2>/dev/null
        grep -q '"rule":"Ready"' /alerts && break
        sleep 0.2
    done
    # What follows is seen at the functions of system calls.
    if pavisade-agent status | grep -q '^yes  fexit'; then
        for _ in $(seq 1500); do
            grep -q 'system calls are' /told && break
            sleep 0.2
        done
    fi
}

# clock SECONDS: moves the clock by so many, and shows it with the time of an alert after that. Events are judged in order,
# so what happened before it has its alerts, too.
clock() {
    date -s "@$(($(date +%s) + $1))" >/dev/null
    sleep 2
    count=$(grep -c '"rule":"Ready"' /alerts)
    ready 2>/dev/null
    for _ in $(seq 600); do
        [ "$(grep -c '"rule":"Ready"' /alerts)" -gt "$count" ] && break
        sleep 0.2
    done
    time=$(grep '"rule":"Ready"' /alerts | tail -n 1 | sed 's/.*"time":"\([^"]*\)".*/\1/')
    echo "CLOCK $1 $(date +%s) $time"
}

finish() {
    sleep 1
    clock 86400
    clock -172800
    for name in programs apart killed unlisted unlisted-killed uncompared layers files audited; do
        echo "ALERTS $name $(grep -c "\"rule\":\"Policy $name\"" /alerts)"
    done
    echo "ALERTS known $(grep '"rule":"Policy files"' /alerts | grep -c '"proc.exepath":"/attack"')"
    for name in Observed Ended Mixed Whole; do
        echo "ALERTS $name $(grep -c "\"rule\":\"$name\"" /alerts)"
    done
    grep '"pod":"attacked"' /alerts | sed 's/^/ALERT /'
    sed 's/^/AGENT /' /told
    kill -9 "$agent"
    wait "$agent"
}
