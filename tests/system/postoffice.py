"""postoffice.py - mail through post offices that fail: nothing lost, nothing twice, nothing opened on stale news."""
import os
import shutil
import time

from net import Clock, Net, agree, code, quiet, say, true, wait_for

NEEDS = [f"N{i:02}" for i in range(1, 16)]


class Family:
    """A card, and each need used once."""

    def __init__(self, s, to, name):
        self.s, self.to, self.card, self.needs, self.refs = s, to, s.card(name), list(NEEDS), []

    def refer(self, n=1):
        made = [self.s.refer(self.to, self.card.id, need=self.needs.pop())["referral"] for _ in range(n)]
        self.refs += made
        return made


def all_there(s, t, family, what):
    """Whatever was made is there, once, and both sides tell the same of it."""
    wait_for("everything to be receipted", lambda: all(peer(s, t.id)["waiting"] == 0 and t.get("status")["queue"] == 0
                                                       for _ in range(3)), 120)
    have = [r["referral"] for r in t.get("inbox")["referrals"]]
    true(len(have) == len(set(have)), "something is there twice")
    true(set(family.refs) == set(have), len(family.refs), "made,", len(have), "there")
    for r in family.refs:
        agree(s, t, r)
    say(what)


def one(s, p, t, family):
    """Through one office, which is off for a while."""
    family.refer(2)
    all_there(s, t, family, "one post office: everything arrives")
    p.end()
    first = family.refer(2)
    true(code(t.act(family.refs[0], "acked")) == "ok", "ack")
    wait_for("the acknowledgement", lambda: s.state(family.refs[0]) == "acked")
    true(all(s.state(r) == "queued" for r in first), "arrived without its office")
    p.start()
    all_there(s, t, family, "its office off and on again: nothing lost, nothing twice")


def lose_store(s, p, t, family):
    """What the office had taken in and not yet handed on is gone, and so are its numbers. The sender puts it again after
    a minute; until then there are other things to show."""
    t.end()
    family.refer(2)
    before = store_size(p)
    wait_for("the office to have it", lambda: peer(s, t.id)["connected"] and store_size(p) == before)
    p.kill()
    shutil.rmtree(f"{p.dir}/db")
    p.start()
    t.start()
    family.refer(1)


def peer(n, partner):
    return [x for x in n.get("status")["peers"] if x["partner"] == partner][0]


def store_size(p):
    time.sleep(0.3)
    return os.stat(f"{p.dir}/db/data.mdb").st_blocks


def two(s, p, q, u, family):
    """Through two offices, each gone once; then both back."""
    family.refer(2)
    all_there(s, u, family, "two post offices: everything arrives once")
    for gone in (p, q):
        gone.end()
        family.refer(2)
        true(code(u.act(family.refs[-3], "acked")) == "ok", "ack")
        all_there(s, u, family, f"two post offices, {gone.id} gone: everything arrives once")
        gone.start()
        wait_for("the office", lambda: peer(u, gone.id)["connected"])
        all_there(s, u, family, f"{gone.id} is back with what it had: nothing twice")


def drain(net, s, p, t, family):
    """Its only office cannot be reached for more than 15 minutes: whatever it holds, it opens nothing."""
    ref = family.refer()[0]
    true("grant" in s.give(ref, family.card), "no grant")
    wait_for("an opening", lambda: "content" in t.open(ref))
    quiet(s, t)
    clock = Clock(net)
    for n in (s, p, t):
        n.end()
        n.start(env=clock.env)
    wait_for("an opening", lambda: "content" in t.open(ref))
    quiet(s, t)
    p.end()
    clock.set("+14m")
    true("content" in t.open(ref), "after 14 minutes without its office:", t.open(ref))
    clock.set("+16m")
    rc, a = net.run("open", "--dir", t.dir, ref, "C1", "--purpose", "P1")
    true((rc, code(a)) == (1, "e.retry"), "after 16 minutes without its office:", rc, a)
    true(p.id in a["error"].get("what", ""), "the office is not named:", a)
    t.kill()
    t.start(env=clock.env)
    true(code(t.open(ref)) == "e.retry", "started anew without its office:", t.open(ref))
    p.start(env=clock.env)
    wait_for("an opening", lambda: "content" in t.open(ref))
    quiet(s, t)
    say("its only office out of reach for 16 minutes: e.retry, which names it; and again when the office is back")


def main():
    with Net() as net:
        s, p, q = (net.node(i, listen="tls") for i in ("01100-YC", "01102-KK", "01103-KK"))
        t = net.node("X001", "recipient", posts=["01102-KK"])
        u = net.node("X005", "recipient", posts=["01102-KK", "01103-KK"])
        nodes = (s, p, q, t, u)
        for n in nodes:
            n.conf(retry_s=1)
        net.admit(*nodes)
        for n in nodes:
            n.start()
        true(t.listen is None and "listen = \n" in open(f"{t.dir}/node.conf").read(), "it listens")
        family = Family(s, "X001", "haru")
        one(s, p, t, family)
        lose_store(s, p, t, family)
        two(s, p, q, u, Family(s, "X005", "natsu"))
        all_there(s, t, family, "an office lost its store with mail in it: a new epoch, nothing lost, nothing twice")
        true(open(t.log).read().count("event=mailbox_new") == 2, "no new epoch was seen")
        drain(net, s, p, t, family)
        net.end()
    say("ok")


main()
