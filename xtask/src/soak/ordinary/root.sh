# Makes the root of an image with ordinary programs: a web server, databases, a compiler, cron, SSH.
# $1: the folder, $2: the mirror, $3: the release. Runs as root.
set -eu
root=$1
# What is installed by the pods themselves, so that they need no network.
packages='tree jq libjq1 libonig5'
debootstrap --variant=minbase --include=ca-certificates,cron,curl,gcc,git,less,libc6-dev,logrotate,make,nginx-light,openssh-client,openssh-server,patch,postgresql,procps,python3,redis-server,sqlite3 "$3" "$root" "$2"
mkdir "$root/packages"
(cd "$root/packages" && chroot "$root" sh -c "cd /packages && apt-get -o Dir::Cache::archives=/packages install --download-only -y --no-install-recommends $packages")
rm -rf "$root/packages/partial" "$root/packages/lock"
rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/usr/share/doc/* "$root"/usr/share/man/* "$root"/usr/share/locale/*

# Containers have no login sessions.
sed -i '/pam_loginuid/d' "$root/etc/pam.d/cron"
printf 'UsePAM no\nPermitRootLogin prohibit-password\n' > "$root/etc/ssh/sshd_config.d/ordinary.conf"
chroot "$root" ssh-keygen -A
mkdir -p -m 700 "$root/root/.ssh"
chroot "$root" ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519
cp "$root/root/.ssh/id_ed25519.pub" "$root/root/.ssh/authorized_keys"
cat > "$root/etc/cron.d/ordinary" <<'END'
* * * * * root /usr/local/bin/report >> /var/log/report.log 2>&1
* * * * * root /usr/sbin/logrotate -f /etc/logrotate.d/report
END
printf '#!/bin/sh\ndate\ndf -h / | tail -n 1\nfind /etc -name "*.conf" | wc -l\nps aux | sort -k 4 | head -n 3\n' > "$root/usr/local/bin/report"
chmod 755 "$root/usr/local/bin/report"
printf '/var/log/report.log {\n rotate 3\n missingok\n compress\n copytruncate\n}\n' > "$root/etc/logrotate.d/report"
