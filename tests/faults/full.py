"""full.py - disks that fill up: a memory disk under the recipient, then under the sender.

A full node refuses with e.diskfull (or e.disk), exit 3, and still answers questions; the sender keeps its copies; when
there is room again, all goes on, without a restart, and everything is there once.
"""
from ground import *

FULL = ("e.diskfull", "e.disk")
BIG = ("C1", "C2", "C6")


def fill(load, node):
    """Until the node says that it is full; then a person's command is refused in so many words."""
    for c in load.busy(60, stop_on=FULL, details=BIG):
        c.join()
    said = [c for c in FULL if load.refused[c]]
    true(said, node.id, "never became full; it refused", dict(load.refused), "and told", len(load.told))
    rc, a = load.s.net.run("refer", "--dir", node.dir, "--to", load.t.id, "--need", "N07", "--age-band", "A4", "--ward",
                           "011029", "--holder", load.slots[-1][0].id, "--birth", "2011-05-05")
    true("referral" in a or (rc == 3 and code(a) in FULL), "refer on a full disk:", rc, a)
    if "referral" in a:  # a small one may still fit
        load.told[a["referral"]] = "queued"
    true(node.ask("status")["ready"], "no status on a full disk")
    true(not load.missing(), "answered, and not there on the full disk:", load.missing())
    return said[0]


def sender_full(load, s, t, disk):
    said = fill(load, s)
    n = len(load.told)
    disk.resize(65536)
    true(load.one() is not None, "refused although there is room again:", dict(load.refused))
    quiet(s, t, seconds=200)
    return f"sender: {n} then {said}"


def recipient_full(load, s, t, disk):
    """The records that do not fit stay with the sender."""
    for c in load.busy(20, details=BIG):
        c.join()
    wait_for("a full recipient", lambda: any(w in open(t.log).read() for w in ("event=store_full", *FULL)))
    true(s.ask("status")["queue"] > 0, "the sender kept nothing")
    true(t.ask("status")["ready"], "no status on a full disk")
    there = len(t.get("inbox")["referrals"])
    disk.resize(65536)
    quiet(s, t, seconds=200)
    return f"recipient: {there} of {len(load.told)} fitted, the others came later"


def memory(net):
    s, t = pair(net)
    s.start(), t.start()
    load = Load(s, t, cards=10)
    s.end(), t.end()
    lines = []
    half = len(load.slots) // 2
    for node, story, slots in ((t, recipient_full, load.slots[:half]), (s, sender_full, load.slots[half:])):
        load.slots = slots
        used = sum(os.path.getsize(os.path.join(d, f)) for d, _, fs in os.walk(node.dir) for f in fs if f != "lock.mdb")
        disk = net.put(Tmpfs(net, node.id, used // 1024 + 150))
        move(node, disk.place)
        s.start(), t.start()
        lines.append(story(load, s, t, disk))
        s.end(), t.end()
    s.start(), t.start()
    n, extra = load.whole()
    s.end(), t.end()
    return "; ".join(lines) + f"; {n} once at both sides"


part("full", memory, "mount")
