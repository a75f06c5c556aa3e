"""diskfull.py - in a mount namespace of its own: the recipient's, then the sender's folder on a tmpfs of 6 MiB, filled up."""
import os
import subprocess

from net import BUILD, Net, Untrue, agree, code, quiet, say, true, wait_for

NEEDS = [f"N{i:02}" for i in range(1, 16)]


def mount(path, size="6m"):
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


def room(n, reader):
    free(n.dir)
    reader.stdin.close()
    reader.wait()


def fill(path):
    """To the last byte: in pieces, the last ones small."""
    with open(f"{path}/ballast", "ab", buffering=0) as f:
        for size in (1 << 16, 4096, 1):
            try:
                while True:
                    f.write(b"\0" * size)
            except OSError:
                pass


def free(path):
    os.unlink(f"{path}/ballast")


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


def sender(net, s, t, card):
    ref = s.refer("X001", card.id, need="N01")["referral"]
    wait_for("arrival", lambda: t.state(ref) == "arrived")
    grant = s.give(ref, card)["grant"]
    wait_for("an opening", lambda: "content" in t.open(ref))
    open(f"{net.dir}/c6.json", "w").write('{"c6.needs":["N07"],"c6.words":"a","c6.wish":"b","c6.ask":"c","c6.urgency":"U3"}')
    quiet(s, t)
    spare, made = s.card("spare"), []
    def write():
        a = s.refer("X001", spare.id, need=NEEDS[len(made)], details=())
        if "referral" in a:
            made.append(a["referral"])
        return a
    t.end()
    reader = full(net, s, write)
    t.start()
    d = ["--dir", s.dir]
    refuses(net, "sender", s, {
        "refer": lambda: net.run("refer", *d, "--to", "X001", "--need", "N02", "--age-band", "A4", "--ward", "011029",
                                 "--holder", card.id, "--birth", "2011-05-05", "--detail", f"C6={net.dir}/c6.json"),
        "recall": lambda: net.run("recall", *d, ref),
        "withdraw": lambda: net.run("consent", "withdraw", *d, grant, "--staff-reason", "S1"),
        "card stop": lambda: net.run("card", "stop", *d, card.id),
        "card enrol": lambda: net.run("card", "enrol", *d, "--kind", "child", *card.flags()),
        "consent give": lambda: net.run("consent", "give", *d, ref, *card.flags(), "--category", "C6", "--until", "2027-01-31"),
    }, [ref] + made)
    # What the recipient says meanwhile stays with the recipient, and comes when there is room again.
    true(code(t.act(ref, "acked")) == "ok", "ack")
    wait_for("the try", lambda: "diskfull" in open(s.log).read())
    true(s.state(ref) == "arrived" and t.get("status")["queue"] > 0, "taken in on a full disk")
    room(s, reader)
    wait_for("the acknowledgement", lambda: s.state(ref) == "acked", 60)
    other = s.refer("X001", card.id, need="N02")
    true("referral" in other, "with room again:", other)
    quiet(s, t)
    for r in [ref] + made:
        agree(s, t, r)
    say("sender on a full disk: every verb e.diskfull, exit 3, nothing changed; with room again nothing is lost")
    return ref


def recipient(net, s, t, card, ref):
    refs = [r["referral"] for r in t.get("inbox")["referrals"]]
    reader = full(net, t, lambda: t.open(ref))
    d = ["--dir", t.dir]
    refuses(net, "recipient", t, {
        "accept": lambda: net.run("accept", *d, ref),
        "open": lambda: net.run("open", *d, ref, "C1", "--purpose", "P1"),
        "decline": lambda: net.run("decline", *d, ref, "--reason", "D3"),
    }, refs)
    true(net.run("inbox", *d)[0] == 0, "nothing can even be read")
    more = [s.refer("X001", card.id, need=n)["referral"] for n in NEEDS[2:8]]
    wait_for("the try", lambda: "diskfull" in open(t.log).read())
    true(all(s.state(r) == "queued" for r in more), "receipted on a full disk")
    # It may even die and come back in this state: an existing store opens on a full disk.
    t.kill()
    t.start()
    true([r["referral"] for r in t.get("inbox")["referrals"]] == refs, "its list changed")
    room(t, reader)
    quiet(s, t)
    have = [r["referral"] for r in t.get("inbox")["referrals"]]
    true(sorted(have) == sorted(refs + more), "of", len(refs + more), "there are", len(have))
    for r in have:
        agree(s, t, r)
    true("content" in t.open(ref), "open:", t.open(ref))
    say("recipient on a full disk: nothing is receipted, the sender keeps its copy; with room again each is there once")


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
        mount(f"{net.dir}/01100-YC")
        mount(f"{net.dir}/X001")
        s, t = net.node("01100-YC", listen="ipc"), net.node("X001", listen="ipc")
        for n in (s, t):
            n.conf(retry_s=1)
        net.admit(s, t)
        s.start(), t.start()
        card = s.card("haru")
        ref = sender(net, s, t, card)
        recipient(net, s, t, card, ref)
        new_node(net)
        net.end()
        for d in ("01100-YC", "X001", "full"):
            subprocess.run(["umount", f"{net.dir}/{d}"], check=True)
    say("ok")


main()
