"""thin.py - a disk that fails late: under the sender is a file system with less room beneath it than it believes, so that
writes seem to succeed and the sync fails.

Verbs are refused with e.disk or e.diskfull, exit 3. When there is room again the node goes on, or has ended with an error
and is started; what was answered is there, also after a reboot, which forgets what the page cache only remembered.
"""
from ground import *

MB, REAL_MB, LEFT_KB = 64, 8, 200
FULL = ("e.diskfull", "e.disk")


def ballast(place, under):
    room = os.statvfs(under).f_bavail * os.statvfs(under).f_frsize
    with open(f"{place}/ballast", "wb") as f:
        f.write(os.urandom(room - LEFT_KB * 1024))
        f.flush()
        os.fsync(f.fileno())


def until_full(load):
    for c in load.busy(60, stop_on=FULL, details=("C1", "C2", "C6")):
        c.join()
    said = [c for c in FULL if load.refused[c]]
    true(said or not load.s.alive(), "never failed; refused", dict(load.refused), "told", len(load.told))
    return said[0] if said else f"exit {load.s.process.poll()}"


def go_on(s):
    """A node that has ended did so with an error, not by a signal."""
    if s.alive():
        return "went on"
    true(s.process.wait() == 3, s.id, "ended with", s.process.returncode)
    s.process = None
    s.start()
    return "was started anew"


def body(net):
    s, t = pair(net)
    disk = net.put(Disk(net, "thin", "thin", MB, REAL_MB))
    under = f"{net.dir}/disk/thin/under"
    s.start(), t.start()
    load = Load(s, t, cards=8)
    s.end()
    move(s, disk.place)
    ballast(disk.place, under)
    s.start()
    said = until_full(load)
    if s.alive():
        true(not load.missing(), "answered, and not there:", load.missing())
    n = len(load.told)
    run("mount", "-o", "remount,size=80m", under)
    how = go_on(s)
    wait_for("the disk to take something", lambda: load.one() is not None)
    true(not load.missing(), "answered, and not there after a late failure:", load.missing())
    s.end()
    run("umount", disk.place)
    run("mount", "-o", "loop", f"{under}/img", disk.place)
    s.start()
    true(not load.missing(), "answered, and not on the disk:", load.missing())
    quiet(s, t, seconds=200)
    whole, extra = load.whole()
    net.end()
    return f"{n} answered, then {said}; with room again it {how}; after a reboot {whole} once at both sides, {extra} unanswered"


part("thin", body, "mkfs.ext4", "losetup")
