# The first process of a lab's namespaces, started by cell.py through unshare(1).
# Arguments: pairs "wall path". A wall is a folder only its owner may enter, the
# path something below it that the lab's unprivileged users need: here, and only
# here, the wall is replaced by a folder in which nothing but its paths is left.
set -eu

# Nothing mounted here may show outside. In a chroot, whose root is no mount of its own,
# that cannot be said of `/`: a private copy of the whole tree becomes the root instead.
if ! mount --make-rprivate / 2>/dev/null; then
    [ -z "${LAB_COPY:-}" ] || { echo "mounts cannot be made private"; exit 1; }
    mount --make-rprivate /proc
    mount -t tmpfs lab /proc
    mkdir /proc/copy
    mount --rbind / /proc/copy
    LAB_COPY=1 exec chroot /proc/copy sh "$0" "$@"
fi
[ -z "${LAB_COPY:-}" ] || umount /proc # what hid it is in the copy too

ip link add type veth 2>/dev/null || { echo "the kernel has no veth devices"; exit 1; }
nft add table inet lab 2>/dev/null || { echo "nftables does not work here"; exit 1; }

mount -t tmpfs -o mode=755 lab /run
mkdir -p /run/netns /run/sshd /run/aside
resolv=$(readlink -m /etc/resolv.conf)
case $resolv in /run/*) mkdir -p "${resolv%/*}" && : >"$resolv" ;; esac

number=0
for word in "$@"; do
    number=$((number + 1))
    [ $((number % 2)) = 0 ] || continue
    if [ -d "$word" ]; then mkdir "/run/aside/$number"; else : >"/run/aside/$number"; fi
    mount --bind "$word" "/run/aside/$number"
done
number=0
walls=
for word in "$@"; do
    number=$((number + 1))
    if [ $((number % 2)) = 1 ]; then
        case "$walls" in *":$word:"*) continue ;; esac
        mount -t tmpfs -o mode=755 lab "$word"
        walls="$walls:$word:"
    elif [ -d "/run/aside/$number" ]; then
        mkdir -p "$word" && mount --move "/run/aside/$number" "$word"
    else
        mkdir -p "${word%/*}" && : >"$word" && mount --move "/run/aside/$number" "$word"
    fi
done

# Our own number, as /proc counts it: outside of our PID namespace.
read -r own _ </proc/self/stat
echo "ready $own"
# Lives as long as the other end of the pipe; with it ends everything in here.
exec cat
