"""eio.py - the disk answers EIO, at the n-th sync or write, of the sender and of the recipient.

A verb answers e.disk with exit 3, and nothing has changed; the next one, when the disk is well again, succeeds. A peer
whose records could not be stored keeps them and sends them again. A store that is in doubt (it could not be opened
again either) ends its process with an error, and after a restart all is well.
"""
from ground import *

ROUNDS = 6  # of each call at each n


def snapshot(*nodes):
    return [[(r["referral"], r["state"]) for r in n.get(v)["referrals"]] for n in nodes for v in ("board", "inbox")]


def refused_refer(net, load, at_node, fault):
    """The disk fails from its n-th call on: `tasuki refer` says so, and nothing has changed."""
    card, need = load.slots.pop()
    before = snapshot(at_node)
    with fault:
        e = net.refused(3, "e.disk", "refer", "--dir", at_node.dir, "--to", load.t.id, "--need", need, "--age-band", "A4",
                        "--ward", "011029", "--holder", card.id, "--birth", "2011-05-05")
        true(e["sent"] is False, "it says that it was sent", e)
        true(snapshot(at_node) == before, "something changed although e.disk was answered")
    true(snapshot(at_node) == before, "something changed after e.disk was answered")
    load.slots.append((card, need))


def refused_ack(net, load, fault):
    ref = load.one()
    quiet(load.s, load.t)
    with fault:
        net.refused(3, "e.disk", "ack", "--dir", load.t.dir, ref)
        true(load.t.state(ref) == "arrived", "the state changed although e.disk was answered")
    net.ok("ack", "--dir", load.t.dir, ref)


def once(load, victim, call, n):
    """One call fails, the n-th, in the midst of a load: what was answered happened, and the rest not."""
    with Fault(victim, call, f"error=EIO:when={n}"):
        for c in load.busy(0.4, threads=2):
            c.join()
    true(victim.alive(), victim.id, "ended with", victim.process.poll())


def arrivals(load, call):
    """Nothing can be stored at the recipient for a while: the sender keeps its copies."""
    with Fault(load.t, call, "error=EIO:when=1+"):
        refs = [load.one() for _ in range(5)]
        true(all(refs), "the sender refused", load.refused)
        time.sleep(1.5)
        for ref in refs:
            true(load.t.state(ref) in ("e.unknown", "e.disk"), "stored on a disk that stores nothing", load.t.state(ref))
        true(load.s.ask("status")["queue"] > 0, "the sender's queue is empty")
    quiet(load.s, load.t)
    for ref in refs:
        true(agree(load.s, load.t, ref)["state"] == "arrived", ref)


def doubt(load, victim):
    """No write, and the store cannot be opened again: the process must end by itself and say why."""
    told = len(load.told)
    with Fault(victim, "pwrite64", "error=EIO:when=1+", "writev", "error=EIO:when=1+", "fallocate", "error=EIO:when=1+"):
        ask = load.one if victim is load.s else lambda: victim.act(next(iter(load.told)), "acked")
        try:
            ask()
        except Gone:
            pass
        end = time.monotonic() + 15
        while victim.alive() and time.monotonic() < end:
            time.sleep(0.05)
    true(len(load.told) == told, "a referral was answered on a dead disk")
    rc = victim.process.poll()
    true(rc is not None, victim.id, "goes on with a store that is in doubt")
    true(rc == 3, victim.id, "ended with", rc, "not 3")
    true("err=e.disk" in open(victim.log).readlines()[-1], "the last line of its log does not say e.disk")
    victim.process = None
    victim.start()


def body(net):
    s, t = pair(net)
    s.start(), t.start()
    load = Load(s, t, cards=12)
    load.one()
    quiet(s, t)
    for call, n in (("fdatasync", 1), ("pwrite64", 1), ("pwrite64", 2), ("pwrite64", 3)):
        refused_refer(net, load, s, Fault(s, call, f"error=EIO:when={n}+"))
    for call in ("fdatasync", "pwrite64"):
        refused_ack(net, load, Fault(t, call, "error=EIO:when=1+"))
        arrivals(load, call)
    singles = 0
    for victim in (s, t):
        for call in ("fdatasync", "pwrite64"):
            for n in range(1, ROUNDS + 1):
                once(load, victim, call, n)
                singles += 1
    quiet(s, t)
    true(not load.missing(), "answered, and not there:", load.missing())
    load.more(1)
    for victim in (s, t):
        doubt(load, victim)
        quiet(s, t)
    true(load.one() is not None, "the next referral was refused")
    for victim in (s, t):
        victim.end(), victim.start()
    true(not load.missing(), "answered, and not there after a restart:", load.missing())
    quiet(s, t)
    n, extra = load.whole()
    net.end()
    return (f"verbs refused with e.disk, nothing changed; {singles} single faults; {sum(load.refused.values())} refused in "
            f"all; {n} referrals once at both sides, {extra} unanswered; a store in doubt ends its process, exit 3")


part("eio", body, "strace")
