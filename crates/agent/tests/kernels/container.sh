# Containers that are made by hand, in guests and on this machine. Below $base are the folders image, layers, more, state
# and steps; $groups is the directory of the control groups of version 2 of the containers.

# container POD ID: as a runtime makes it before its first process. A pod "apart" has each layer on another file system.
container() {
    mkdir -p "$groups/$2" "$base/layers/$1" "$base/more" "$base/state/$2/rootfs"
    lower=$base/image
    if [ "$1" = apart ]; then
        mount -t tmpfs layers "$base/layers/$1"
        mount -t tmpfs more "$base/more"
        mkdir -p "$base/more/usr/bin"
        cp "$base/image/usr/bin/nc" "$base/image/usr/bin/ncat" "$base/more/usr/bin"
        lower=$base/more:$lower
    fi
    mkdir "$base/layers/$1/upper" "$base/layers/$1/work"
    mount -t overlay overlay -o "lowerdir=$lower,upperdir=$base/layers/$1/upper,workdir=$base/layers/$1/work" \
        "$base/state/$2/rootfs"
    echo "$2" >"$base/layers/$1/id"
}

# act POD NAME: does the steps of a pod in its container; lines begin with the name. As with a runtime, a place for a
# mount is made in the container's control group before its root is, and the first program of the container is also the
# first that is started in the group.
act() {
    id=$(cat "$base/layers/$1/id")
    unshare -m sh -c '
        exec 8>"$2/cgroup.procs" 9>"$3/$0/cgroup.procs"
        mount --make-rprivate / && cd "$1/state/$0/rootfs" && mount --bind . . && cd "$1/state/$0/rootfs" &&
        echo $$ >&9 && : >etc/cron.d/point && echo $$ >&8 && exec 8>&- &&
        mount -t proc proc proc && mount -t tmpfs dev dev && mkdir dev/shm dev/pts && ln -s /proc/self/fd/1 dev/null &&
        mount -t devpts -o newinstance,ptmxmode=0666 pts dev/pts && ln -s pts/ptmx dev/ptmx &&
        mount -t overlay overlay -o "lowerdir=$1/image:$1/steps" volume &&
        pivot_root . old && umount -l /old && echo $$ >&9 && exec 9>&- && exec /attack steps' \
        "$id" "$base" "${groups%/*/*}" "$groups" <"$base/steps/$1" 2>&1 | sed "s/^/$2| /"
}
