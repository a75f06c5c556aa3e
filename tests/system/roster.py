"""roster.py - new rosters at running nodes: a further member, older, forked and foreign ones, one that has expired."""
import shutil
import time

from net import Clock, Net, agree, code, quiet, say, true, wait_for


def grows(net, s, t, card):
    """A further node comes in while referrals are on their way; nobody is restarted."""
    pids = [n.process.pid for n in (s, t)]
    refs = [s.refer("X001", card.id, need=n)["referral"] for n in ("N01", "N02", "N03")]
    true(code(s.refer("X005", card.id, need="N04")) in ("e.unknown", "e.unknownpeer"), s.refer("X005", card.id, need="N04"))
    shutil.copytree(f"{net.dir}/R", f"{net.dir}/R-before")
    u = net.node("X005", listen="tls")
    net.ok("roster", "admit", "--dir", f"{net.dir}/R", u.dir)
    for n in (s, t):
        net.install(n)
    net.install(u)
    u.start()
    ref = s.refer("X005", card.id, need="N04")["referral"]
    wait_for("arrival at the new node", lambda: u.state(ref) == "arrived")
    wait_for("arrival at the old one", lambda: all(t.state(r) == "arrived" for r in refs))
    true(code(u.act(ref, "acked")) == "ok" and code(u.act(ref, "accepted")) == "ok", "the new node cannot act")
    wait_for("the handover", lambda: s.history(ref)["responsible"] == "X005")
    true([n.process.pid for n in (s, t)] == pids and s.alive() and t.alive(), "somebody was restarted")
    say("a node was admitted while referrals were live; nobody was restarted")
    return u, refs


def skews(net, s, t, u, card):
    """The sender has the newer roster first. All that is sealed and granted under it waits at the recipient, and is lost to
    nobody; nothing of it opens until the recipient has installed it, too."""
    v = net.node("X007", listen="tls")
    net.ok("roster", "admit", "--dir", f"{net.dir}/R", v.dir)
    net.install(s)
    true(s.get("status")["roster"]["seq"] > t.get("status")["roster"]["seq"], "no skew")
    ref = s.refer("X001", card.id, need="N05")["referral"]
    wait_for("the token", lambda: s.state(ref) == "arrived")
    s.give(ref, card)
    time.sleep(3)
    true(code(t.open(ref)) in ("e.noconsent", "e.retry"), "opened under the old roster:", t.open(ref))
    true([c["state"] for c in s.history(ref)["consents"]] == ["live"], "refused:", s.history(ref)["consents"])
    net.install(t), net.install(u)
    s.end(), s.start()  # its parcel is due again at once, instead of in some minutes
    wait_for("an opening", lambda: "content" in t.open(ref), seconds=60)
    agree(s, t, ref)
    del net.nodes["X007"]
    say("what was sealed under a newer roster than the recipient's waits for it, and opens then")


def refuses(net, s, t, u):
    """Each refusal leaves the roster in force as it is, in the folder and in the running daemon."""
    kept = open(f"{s.dir}/roster.cose", "rb").read()
    seq = s.get("status")["roster"]["seq"]
    # The same sequence number with other bytes: a copy of the registrar's folder that admits somebody else.
    other = net.node("X006", listen="ipc")
    net.ok("roster", "admit", "--dir", f"{net.dir}/R-before", other.dir)
    net.ok("roster", "new", "--dir", f"{net.dir}/R-foreign", "--name", "foreign")
    net.ok("roster", "admit", "--dir", f"{net.dir}/R-foreign", s.dir)
    changed = bytearray(kept)
    changed[len(kept) // 2] ^= 1
    open(f"{net.dir}/changed.cose", "wb").write(changed)
    open(f"{net.dir}/cut.cose", "wb").write(kept[:-1])
    for path, names in ((f"{net.dir}/R-before/roster.cose", ["e.fork"]), (f"{net.dir}/old.cose", ["e.rosterold"]),
                        (f"{net.dir}/R-foreign/roster.cose", ["e.rosterroot", "e.wrongtype"]),
                        (f"{net.dir}/changed.cose", ["e.rosterroot", "e.badsig", "e.malformed", "e.badfile"]),
                        (f"{net.dir}/cut.cose", ["e.malformed", "e.badfile"])):
        rc, a = net.run("roster", "install", "--dir", s.dir, path)
        true(rc in (1, 2) and code(a) in names, path, "gave", rc, a)
        true(open(f"{s.dir}/roster.cose", "rb").read() == kept, path, "is in the folder now")
        true(s.get("status")["roster"]["seq"] == seq, path, "is in force now")
    # The other network's pinned root is what refuses it: the very first install pins whoever comes.
    net.refused(1, "e.rosterroot", "roster", "install", "--dir", other.dir, f"{net.dir}/R/roster.cose", "--root", "00" * 32)
    rc, _ = net.run("roster", "install", "--dir", s.dir, f"{net.dir}/R/roster.cose")
    true(rc == 0, "the one in force, once more, was refused")
    del net.nodes["X006"]
    say("older, forked, foreign, changed and cut rosters are refused by name; the one in force stays")


def expires(net, s, t, u, card, refs):
    """31 days on: no new grant, no opening; what people say and what they stop still travels."""
    ref = refs[0]
    grant = s.give(ref, card, days=90)["grant"]
    wait_for("an opening", lambda: "content" in t.open(ref))
    quiet(s, t, u)
    clock = Clock(net)
    for n in (s, t, u):
        n.end()
    clock.set("+31d")
    for n in (s, t, u):
        n.start(env=clock.env)
    seq = s.get("status")
    true(seq["roster"]["valid_until"] < seq["clock"]["now"], "the roster is still valid", seq)
    wait_for("everybody again", lambda: code(t.open(ref)) != "e.retry")
    true(code(t.open(ref)) == "e.rosterexpired", "open:", t.open(ref))
    a = s.give(refs[1], card, days=90)
    true(code(a) == "e.rosterexpired", "consent give:", a)
    true(code(t.act(refs[1], "acked")) == "ok", "ack")
    wait_for("the status", lambda: s.state(refs[1]) == "acked")
    a = net.ok("consent", "withdraw", "--dir", s.dir, grant, "--staff-reason", "S1", env=clock.env)
    wait_for("the stop", lambda: [c["state"] for c in t.history(ref)["consents"]] == ["stopped"])
    quiet(s, t)
    agree(s, t, ref)
    say("31 days on: no grant and no opening (e.rosterexpired); a status and a stop still travel")
    # The registrar signs the next one, and the same daemons go on.
    net.ok("roster", "admit", "--dir", f"{net.dir}/R", s.dir, env=clock.env)
    for n in (s, t, u):
        net.ok("roster", "install", "--dir", n.dir, f"{net.dir}/R/roster.cose", env=clock.env)
    rc, a = net.run("consent", "give", "--dir", s.dir, refs[1], *card.flags(), "--category", "C6", "--until",
                    time.strftime("%Y-%m-%d", time.gmtime(time.time() + 80 * 86400)),
                    env=clock.env)
    true(rc == 0, "after the new roster:", a)
    wait_for("an opening", lambda: "content" in t.open(refs[1], "C6"))
    true(code(t.open(ref)) == "e.withdrawn", "what was stopped meanwhile:", t.open(ref))
    say("a fresh roster, and it goes on; what was stopped meanwhile stays stopped")


def main():
    with Net() as net:
        s, t = net.node("01100-YC", listen="tls"), net.node("X001", "recipient", posts=["01100-YC"])
        for n in (s, t):
            n.conf(retry_s=1)
        net.admit(s, t)
        shutil.copy(f"{net.dir}/R/roster.cose", f"{net.dir}/old.cose")
        s.start(), t.start()
        card = s.card("haru")
        u, refs = grows(net, s, t, card)
        refuses(net, s, t, u)
        skews(net, s, t, u, card)
        expires(net, s, t, u, card, refs)
        net.end()
    say("ok")


main()
