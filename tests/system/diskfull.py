"""diskfull.py - in a mount namespace of its own: a post office's, the sender's, the recipient's folder on a small tmpfs. Each
is filled up to where the node begins its reserve, which stops still get into, and then to the last byte."""
import itertools
import os
import subprocess

from net import BUILD, DETAILS, Net, Untrue, agree, code, quiet, say, true, wait_for

DETAILS["C6"] = {**DETAILS["C6"], "c6.words": "長" * 400, "c6.wish": "い" * 200} # so that a consent fills several blocks
NEEDS = [f"N{i:02}" for i in range(1, 16)]
calls = itertools.count(1)


def mount(path, size):
    os.mkdir(path)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", path], check=True)


def full(net, n, write):
    """Fills the node's disk, and its store: a reader keeps freed pages from being used again, and `write` uses up those
    that were free before."""
    p = net.spawn(f"{BUILD}/tests/system/storetool", "hold", f"{n.dir}/db", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    true(p.stdout.readline() == b"held\n", "no reader")
    fill(n.dir)
    refused = 0
    for _ in range(60):
        a = write()
        refused = refused + 1 if code(a) == "e.diskfull" else 0
        if refused == 3:
            return p
    raise Untrue("never full: " + str(a))


def let_go(n, reader):
    free(n.dir)
    reader.stdin.close()
    reader.wait()


def fill(path, left=0):
    """To the last byte, in pieces, the last ones small; or so that `left` bytes stay."""
    with open(f"{path}/ballast", "ab", buffering=0) as f:
        for size in (1 << 16, 4096, 1):
            try:
                while True:
                    f.write(b"\0" * size)
            except OSError:
                pass
    if left:
        os.truncate(f"{path}/ballast", os.path.getsize(f"{path}/ballast") - left)


def free(path):
    os.unlink(f"{path}/ballast")


def store(n):
    return n.get("status")["store"]


def events(n, name):
    return open(n.log).read().count(f"event={name} ")


def nearly(n, write, left=400 << 10):
    """Little is left on the disk; `write` uses it up to where the node begins its reserve. It has then said so, once."""
    true(not store(n)["full"], n.id, "is full from the start", store(n))
    said = events(n, "store_full")
    fill(n.dir, left)
    for _ in range(800):
        if store(n)["full"]:
            break
        write()
    use = store(n)
    true(use["full"] and use["used"] < use["max"], n.id, "never came to its reserve:", use)
    for _ in range(5):
        write()
    true(events(n, "store_full") == said + 1, n.id, "said", events(n, "store_full") - said, "times that it is full")


def room(n):
    """Made again: the node finds out by itself, and says so, once."""
    said = events(n, "store_has_room")
    free(n.dir)
    wait_for("room", lambda: not store(n)["full"])
    true(events(n, "store_has_room") == said + 1, n.id, "has not said that there is room")


def tell(n, refs):
    """What the node says of itself and of each referral; the same before and after a refusal."""
    keep = lambda o: {k: v for k, v in o.items() if k not in ("time", "now")}
    return [keep(n.history(r)) for r in refs], [r["referral"] for r in n.get("board")["referrals"]]


def refuses(net, name, n, asks, refs):
    before = tell(n, refs)
    for what, ask in asks.items():
        rc, a = ask()
        true(rc == 3 and code(a) == "e.diskfull", name, what, "on a full disk gave", rc, a)
        true(a["error"]["sent"] is False, "it claims that it was sent")
        true(tell(n, refs) == before, name, what, "was refused and changed something")
    true(n.alive(), "it died")


class Family:
    """A card, and each need used once."""

    def __init__(self, s, name, to="X001"):
        self.s, self.name, self.to, self.needs, self.made = s, name, to, [], []

    def refer(self):
        if not self.needs:
            self.card, self.needs = self.s.card(f"{self.name}{len(self.made)}"), list(NEEDS)
        a = self.s.refer(self.to, self.card.id, need=self.needs[-1])
        if "referral" in a:
            self.made.append(a["referral"])
            self.needs.pop()
        return a


def consented(s, t, family):
    """A referral whose content was opened: (referral, grant)."""
    ref = family.refer()["referral"]
    wait_for("arrival", lambda: t.state(ref) == "arrived")
    grant = s.give(ref, family.card)["grant"]
    wait_for("an opening", lambda: "content" in t.open(ref))
    return ref, grant


def stop(n, grant):
    """In words that nobody has used: a stop that stands already would not be made again."""
    return n.ask("withdraw", grant=grant, reason=f"call {next(calls)}")


def stopped(n, ref):
    return len(n.history(ref)["stops"]) > 0


def detail(net):
    open(f"{net.dir}/c6.json", "w").write('{"c6.needs":["N07"],"c6.words":"a","c6.wish":"b","c6.ask":"c","c6.urgency":"U3"}')
    return f"C6={net.dir}/c6.json"


def words(net, s, card, ref):
    """What makes a store grow, as a person asks for it."""
    d = ["--dir", s.dir]
    return {
        "refer": lambda: net.run("refer", *d, "--to", "X001", "--need", "N01", "--age-band", "A4", "--ward", "011029",
                                 "--holder", card.id, "--birth", "2011-05-05", "--detail", detail(net)),
        "card enrol": lambda: net.run("card", "enrol", *d, "--kind", "child", *card.flags()),
        "consent give": lambda: net.run("consent", "give", *d, ref, *card.flags(), "--category", "C6", "--until", "2027-01-31"),
    }


def sender_nearly(net, s, t, family):
    ref, grant = consented(s, t, family)
    card, spare = family.card, Family(s, "spare")
    idle = s.card("idle")
    t.end()
    nearly(s, spare.refer)
    refuses(net, "sender", s, words(net, s, card, ref), spare.made)
    human = subprocess.run([f"{BUILD}/tasuki", "status", "--dir", s.dir, "--ui", "en"], capture_output=True, text=True).stdout
    true("The store is full" in human, "the words of status:", human)
    s.end(), s.start() # in this state, too
    true(any(code(spare.refer()) == "e.diskfull" for _ in range(5)), "started anew it takes everything")
    rc, a = net.run("consent", "withdraw", "--dir", s.dir, grant, "--staff-reason", "S1")
    true(rc == 0, "no withdrawal from the reserve:", a)
    rc, a = net.run("card", "stop", "--dir", s.dir, idle.id)
    true(rc == 0, "no stop of a card from the reserve:", a)
    t.start()
    wait_for("the stop", lambda: code(t.open(ref)) == "e.withdrawn")
    quiet(s, t)
    room(s) if store(s)["full"] else free(s.dir)
    true("referral" in spare.refer(), "with room again")
    quiet(s, t)
    for r in [ref] + spare.made:
        agree(s, t, r)
    say("sender in its reserve: nothing new, every stop; with room again nothing is lost;", len(spare.made), "referrals")


def sender(net, s, t, family):
    ref, grant = consented(s, t, family)
    other, other_grant = consented(s, t, family)
    quiet(s, t)
    t.end()
    reader = full(net, s, lambda: stop(s, other_grant))
    d = ["--dir", s.dir]
    refuses(net, "sender", s, {
        **words(net, s, family.card, ref),
        "recall": lambda: net.run("recall", *d, ref),
        "withdraw": lambda: net.run("consent", "withdraw", *d, grant, "--staff-reason", "S1"),
        "card stop": lambda: net.run("card", "stop", *d, family.card.id),
    }, family.made)
    t.start()
    # What the recipient says meanwhile stays with the recipient, and comes when there is room again.
    true(code(t.act(ref, "acked")) == "ok", "ack")
    wait_for("the try", lambda: "diskfull" in open(s.log).read())
    true(s.state(ref) == "arrived" and t.get("status")["queue"] > 0, "taken in on a full disk")
    let_go(s, reader)
    wait_for("the acknowledgement", lambda: s.state(ref) == "acked", 60)
    made = family.refer()
    true("referral" in made, "with room again:", made)
    quiet(s, t)
    for r in family.made:
        agree(s, t, r)
    say("sender on a full disk: every verb e.diskfull, exit 3, nothing changed; with room again nothing is lost")


def recipient_nearly(net, s, t, family):
    ref, grant = consented(s, t, family)
    quiet(s, t)

    def arrive():
        made = family.refer()["referral"]
        wait_for("arrival, or an end of it", lambda: s.state(made) == "arrived" or store(t)["full"])
    nearly(t, arrive, left=260 << 10) # what arrives is small
    new = [family.refer()["referral"] for _ in range(3)]
    true(code(stop(s, grant)) == "ok", "withdraw")
    wait_for("the stop", lambda: stopped(t, ref))
    have = {r["referral"] for r in t.get("inbox")["referrals"]}
    true(store(t)["full"] and not have & set(new), "a referral was taken into the reserve:", store(t))
    true(all(s.state(r) == "queued" for r in new), "receipted, and not taken")
    room(t)
    quiet(s, t)
    ids = [r["referral"] for r in t.get("inbox")["referrals"]]
    true(len(ids) == len(set(ids)) and set(ids) >= set(family.made) - {ref}, "after there was room:", len(ids))
    for r in family.made:
        agree(s, t, r)
    true(code(t.open(ref)) == "e.withdrawn", "open:", t.open(ref))
    say("recipient in its reserve: referrals wait at their sender, a withdrawal arrives; with room again each is there once")


def recipient(net, s, t, family):
    ref, _ = consented(s, t, family)
    other, grant = consented(s, t, family)
    true(code(t.act(ref, "acked")) == "ok", "ack")
    quiet(s, t)
    refs = [r["referral"] for r in t.get("inbox")["referrals"]]
    s.end()
    reader = full(net, t, lambda: stop(t, grant))
    d = ["--dir", t.dir]
    refuses(net, "recipient", t, {
        "accept": lambda: net.run("accept", *d, ref),
        "open": lambda: net.run("open", *d, ref, "C1", "--purpose", "P1"),
        "decline": lambda: net.run("decline", *d, ref, "--reason", "D3"),
    }, refs)
    true(net.run("inbox", *d)[0] == 0, "nothing can even be read")
    s.start()
    more = [family.refer()["referral"] for _ in range(6)]
    wait_for("the try", lambda: "diskfull" in open(t.log).read())
    true(all(s.state(r) == "queued" for r in more), "receipted on a full disk")
    # It may even die and come back in this state: an existing store opens on a full disk.
    t.kill()
    t.start()
    true([r["referral"] for r in t.get("inbox")["referrals"]] == refs, "its list changed")
    let_go(t, reader)
    quiet(s, t)
    have = [r["referral"] for r in t.get("inbox")["referrals"]]
    true(len(have) == len(set(have)) and {*have, other} == {*refs, *more, other}, "of", len(refs + more), "there are", len(have))
    for r in have:
        agree(s, t, r)
    true("content" in t.open(ref), "open:", t.open(ref))
    say("recipient on a full disk: nothing is receipted, the sender keeps its copy; with room again each is there once")


def office(net, s, p, u):
    """A post office in between, its owner off: it fills up, and a withdrawal still gets in."""
    family = Family(s, "office", to="X005")
    ref, grant = consented(s, u, family)
    quiet(s, u)
    u.end()
    fill(p.dir, 1 << 20)
    late = [family.refer()["referral"] for _ in range(3)]
    card = family.card
    while not store(p)["full"]:
        true(len(family.made) < 400, "never full:", store(p))
        before = store(p)["used"]
        family.refer()
        wait_for("the office to take it", lambda: store(p)["used"] > before)
    for r in late: # parcels of several blocks
        s.give(r, card, categories="C1,C2,C6")
    wait_for("refusals", lambda: "err=e.retry" in open(s.log).read())
    before = store(p)["used"]
    true(code(stop(s, grant)) == "ok", "withdraw")
    wait_for("the office to take the stop", lambda: store(p)["used"] > before)
    true(store(p)["full"] and events(p, "store_full") == 1, "it says so", events(p, "store_full"), "times")
    true("e.noroom" not in open(p.log).read(), "it complains of each parcel")
    s.end() # what comes now comes from the office
    u.start()
    wait_for("the stop", lambda: stopped(u, ref), 60)
    s.start()
    room(p) if store(p)["full"] else free(p.dir)
    quiet(s, u, seconds=120)
    for r in family.made:
        agree(s, u, r)
    true({r["referral"] for r in u.get("inbox")["referrals"]} >= set(family.made) - {ref}, "not all there")
    say("a post office in its reserve: a withdrawal gets in, the rest waits at the sender and arrives once there is room")


def new_node(net):
    """The first start on a full disk, at every amount of room: an error with a name, never SIGBUS."""
    mount(f"{net.dir}/full", "1m")
    seen = set()
    for kib in (0, 4, 8, 12, 16, 24, 32, 48, 64, 128):
        path = f"{net.dir}/full/n"
        fill(f"{net.dir}/full")
        if kib:
            os.truncate(f"{net.dir}/full/ballast", os.path.getsize(f"{net.dir}/full/ballast") - kib * 1024)
        rc, a = net.run("node", "new", "--dir", path, "--id", "X006", "--role", "recipient", "--listen",
                        f"ipc://{net.dir}/x.sock")
        true((rc, code(a)) in ((0, "ok"), (3, "e.diskfull")), "node new with", kib, "KiB gave", rc, a)
        if rc == 0:
            fill(f"{net.dir}/full") if kib < 64 else None
            p = subprocess.run([f"{BUILD}/tasukid", "--check", "--dir", path], stderr=subprocess.PIPE)
            true(p.returncode in (0, 3), "the first start with", kib, "KiB ended with", p.returncode, p.stderr.decode())
            true(p.returncode == 0 or b"e.diskfull" in p.stderr, "its words:", p.stderr.decode())
            seen.add(p.returncode)
        free(f"{net.dir}/full")
        subprocess.run(["rm", "-rf", path])
    true(3 in seen, "no start met a full disk", seen)
    say("a new node on a full disk: an error with a name")


def main():
    with Net() as net:
        for name, size in (("01100-YC", "24m"), ("X001", "6m"), ("01102-KK", "6m")):
            mount(f"{net.dir}/{name}", size)
        s, t = net.node("01100-YC", listen="ipc"), net.node("X001", listen="ipc")
        p = net.node("01102-KK", "postoffice", listen="ipc")
        u = net.node("X005", "recipient", posts=["01102-KK"])
        for n in (s, t, p, u):
            n.conf(retry_s=1)
        net.admit(s, t, p, u)
        s.start(), t.start(), p.start(), u.start()
        office(net, s, p, u)
        u.end(), p.end()
        sender_nearly(net, s, t, Family(s, "a"))
        sender(net, s, t, Family(s, "b"))
        recipient_nearly(net, s, t, Family(s, "c"))
        recipient(net, s, t, Family(s, "d"))
        new_node(net)
        net.end()
        for d in ("01100-YC", "X001", "01102-KK", "full"):
            subprocess.run(["umount", f"{net.dir}/{d}"], check=True)
    say("ok")


main()
