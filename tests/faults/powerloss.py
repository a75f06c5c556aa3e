"""powerloss.py [ROUNDS] - the file system under the sender, then under the recipient, loses its power under load.

What staff were told at the sender stands there after the reboot; a receipt that the sender holds has its record at the
recipient, looked at while the sender is off, so that nothing can be sent again in between.
"""
from ground import *


def cut(disk, node):
    """The power goes; the process with it; then the machine is started again."""
    disk.do("powerloss")
    node.kill()
    disk.do("reboot")


def under_way(load):
    """A load that has answered some and has more to ask."""
    while len(load.slots) < 60:
        load.more(1)
    enough = len(load.told) + rand.randint(3, 30)
    crew = load.busy(30)
    wait_for("some answers", lambda: len(load.told) >= enough)
    return crew


def sender_round(load, disk, s, t):
    crew = under_way(load)
    cut(disk, s)
    for c in crew:
        c.join()
    s.start()
    gone = load.missing()
    true(not gone, "answered, and not there after the reboot:", gone)
    quiet(s, t)


def recipient_round(load, disk, s, t, acked):
    crew = under_way(load)
    for r in t.get("inbox")["referrals"][:5]:
        if r["state"] == "arrived" and code(t.act(r["referral"], "acked")) == "ok":
            acked.add(r["referral"])
    cut(disk, t)
    for c in crew:  # the sender goes on for a little, and ends by itself when the cards are used up
        c.join()
    receipted = [r for r in load.told if any(e["state"] == "arrived" for e in s.history(r)["events"])]
    s.end()
    t.start()
    for ref in receipted:
        true("error" not in t.ask("history", referral=ref), "the sender holds a receipt for", ref, "and it is not there")
    for ref in acked:
        true("acked" in [e["state"] for e in t.history(ref)["events"]], ref, "was answered as acked, and is not")
    s.start()
    quiet(s, t)
    return len(receipted)


def new_node(net, disk):
    """What `node new` and `roster install` have answered is a node that starts."""
    folder = f"{disk.place}/N"
    net.ok("node", "new", "--dir", folder, "--id", "X005", "--role", "recipient", "--post", "X001")
    net.ok("roster", "install", "--dir", folder, f"{net.dir}/R/roster.cose")
    disk.do("powerloss")
    disk.do("reboot")
    check = subprocess.run([f"{BUILD}/tasukid", "--check", "--dir", folder], stderr=subprocess.PIPE)
    true(check.returncode == 0 and b"roster=1" in check.stderr, "a new node is not whole:", check.stderr.decode())


def body(net):
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    s, t = pair(net)
    disk_s, disk_t = net.put(Disk(net, "s", "up", 64)), net.put(Disk(net, "t", "up", 64))
    new_node(net, disk_s)
    move(s, disk_s.place), move(t, disk_t.place)
    s.start(), t.start()
    load, acked = Load(s, t), set()
    for _ in range(rounds):
        sender_round(load, disk_s, s, t)
    at_s = len(load.told)
    receipts = [recipient_round(load, disk_t, s, t, acked) for _ in range(rounds)]
    n, extra = load.whole()
    net.end()
    return (f"{rounds} cuts of the sender, {at_s} referrals answered, 0 missing; {rounds} of the recipient, "
            f"{receipts[-1]} receipts and {len(acked)} acks, 0 missing; {n} in all once at both sides, {extra} unanswered")


part("powerloss", body, "xfs_io", "mkfs.ext4", "losetup")
