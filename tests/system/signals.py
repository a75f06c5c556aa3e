"""signals.py - starting, reloading and ending tasukid."""
import os
import re
import signal
import stat
import subprocess
import threading
import time

from net import BUILD, Gone, Net, agree, code, quiet, say, true, wait_for


def daemon(node, *more):
    p = subprocess.run([f"{BUILD}/tasukid", "--dir", node.dir, *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=20)
    return p.returncode, p.stderr.decode()


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def load(s, stop, refs, card):
    """Asks for referrals until told to stop; keeps those that were answered."""
    needs = [f"N{i:02}" for i in range(1, 16)]
    while not stop.is_set():
        try:
            a = s.refer("X001", card.id, need=needs[len(refs) % 15], details=("C6",))
        except Gone:
            time.sleep(0.01)
            continue
        if "referral" in a:
            refs.append(a["referral"])
            try:
                s.act(refs[-1], "recalled")
            except Gone:
                pass
        elif code(a) == "e.holders":
            return


def under_load(net, s, t):
    for sig in (signal.SIGTERM, signal.SIGINT):
        refs, stop = [], threading.Event()
        card = s.card(f"load{sig}")
        threads = [threading.Thread(target=load, args=(s, stop, refs, card)) for _ in range(2)]
        for n in threads:
            n.start()
        wait_for("some load", lambda: len(refs) > 3)
        rc = s.stop(sig)
        true(rc == 0, sig, "ended it with", rc)
        rc = t.stop(sig)
        true(rc == 0, sig, "ended the recipient with", rc)
        stop.set()
        for n in threads:
            n.join()
        last = open(s.log).read().strip().splitlines()[-1]
        true("event=stopped err=ok" in last, "its last words:", last)
        s.start(), t.start()
        quiet(s, t)
        for r in refs:
            agree(s, t, r)
        say(f"{sig.name} under load: exit 0, and {len(refs)} answered referrals are at both sides")


def reload(net, s, t):
    before = s.process.pid
    s.conf(log_level=3)
    os.kill(s.process.pid, signal.SIGHUP)
    wait_for("the reload", lambda: "event=signal num=1" in open(s.log).read())
    s.conf(log_level=2)
    text = open(f"{s.dir}/node.conf").read()
    open(f"{s.dir}/node.conf", "w").write(text + "\nbogus_key = 1\n")
    os.kill(s.process.pid, signal.SIGHUP)
    wait_for("the refusal", lambda: "event=conf_refused" in open(s.log).read())
    true(s.alive() and s.get("status")["ready"], "it did not go on with its old settings")
    true(code(s.ask("reload")) == "e.badfile", "the verb says", s.ask("reload"))
    s.end()
    rc, err = daemon(s)
    true(rc == 2 and "e.badfile" in err, "a bad key gave", rc, err)
    line = len((text + "\nbogus_key").splitlines())
    true(f"line={line}" in err or "bogus_key" in err, "which key is not said:", err)
    open(f"{s.dir}/node.conf", "w").write(text)
    s.start()
    say("SIGHUP reads node.conf again; a bad key is refused by its line, at a reload and at a start")


def roster_by_hup(net, s, t):
    """A roster that was put into the folder by other hands is taken at SIGHUP."""
    seq = s.get("status")["roster"]["seq"]
    net.ok("roster", "admit", "--dir", f"{net.dir}/R", f"{net.dir}/X005")
    roster = open(f"{net.dir}/R/roster.cose", "rb").read()
    open(f"{s.dir}/roster.cose", "wb").write(roster)
    os.kill(s.process.pid, signal.SIGHUP)
    wait_for("the roster", lambda: s.get("status")["roster"]["seq"] == seq + 1)
    net.install(t)
    say("SIGHUP takes a new roster")


def one_a_folder(net, s):
    rc, err = daemon(s)
    true(rc == 3 and "e.locked" in err, "a second daemon gave", rc, err)
    rc, err = daemon(s, "--check")
    true(rc == 3 and "e.locked" in err, "--check beside a daemon gave", rc, err)
    true(s.get("status")["ready"], "the first one suffers")
    say("a second daemon on the same folder: e.locked, exit 3")


def modes(net, s):
    true(mode(s.dir) == 0o700, "folder", oct(mode(s.dir)))
    true(mode(f"{s.dir}/control.sock") == 0o660, "control socket", oct(mode(f"{s.dir}/control.sock")))
    for f in os.listdir(s.dir):
        path = f"{s.dir}/{f}"
        if f != "control.sock" and not os.path.isdir(path):
            true(mode(path) & 0o077 == 0 or f in ("join.cose", "roster.cose", "roots", "node.conf"), f, oct(mode(path)))
    for f in ("keys", "unlock"):
        true(mode(f"{s.dir}/{f}") == 0o600, f, oct(mode(f"{s.dir}/{f}")))
    say("folder 0700, control socket 0660, keys 0600")


def never_forks(net, s):
    pid = s.process.pid
    children = subprocess.run(["ps", "--no-headers", "--ppid", str(pid)], stdout=subprocess.PIPE).stdout
    true(children.strip() == b"", "it has children", children)
    true(int(re.search(r"(?m)^Tgid:\t(\d+)$", open(f"/proc/{pid}/status").read()).group(1)) == pid, "it went away")
    true(re.search(r"(?m)^CoreDumping:\t0$", open(f"/proc/{pid}/status").read()), "dumping")
    limits = open(f"/proc/{pid}/limits").read()
    true(re.search(r"Max core file size +0 ", limits), "core dumps are not off:", limits.splitlines()[5])
    argv = open(f"/proc/{pid}/cmdline", "rb").read().split(b"\0")
    true(argv[1:3] == [b"--dir", s.dir.encode()], argv)
    say("no child, no core dump")


def without_roster(net):
    n = net.node("X006", listen="ipc")
    a = n.start().get("status")
    true(a["ready"] is False and a["roster"] is None, a)
    true(code(n.ask("inbox")) == "e.noroster", n.ask("inbox"))
    net.install(n)
    a = n.get("status")
    true(a["ready"] is False and a["roster"] is not None, "not admitted, and yet", a)
    n.end()
    say("without a roster, or not in it: not ready, and it says so")


def newer_store(net, s):
    """A store of a later program is refused and left alone."""
    s.end()
    p = subprocess.run([f"{BUILD}/tests/system/storetool", "newer", f"{s.dir}/db"])
    true(p.returncode == 0, "the version was not found in the store:", p.returncode)
    rc, err = daemon(s)
    true(rc == 3 and "e.storeversion" in err, "a newer store gave", rc, err)
    say("a store of a newer version is refused")


def main():
    with Net() as net:
        s, t = net.node("01100-YC", listen="ipc"), net.node("X001", listen="ipc")
        for n in (s, t):
            n.conf(retry_s=1)
        net.node("X005", "recipient", posts=["01100-YC"])
        net.admit(s, t)
        s.start(), t.start()
        modes(net, s)
        never_forks(net, s)
        one_a_folder(net, s)
        reload(net, s, t)
        roster_by_hup(net, s, t)
        without_roster(net)
        under_load(net, s, t)
        newer_store(net, s)
        net.end()
    say("ok")


main()
