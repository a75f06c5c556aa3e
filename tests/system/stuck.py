"""stuck.py - NNG's reaper waits for ever (node/post/closer.c says when). The race that does it to NNG cannot be won on
demand, so its thread is held by the debugger's means: to the rest of the process that is the same."""
import ctypes
import glob
import os
import sys
import threading

from net import Net, agree, quiet, say, true, wait_for

PTRACE_SEIZE, PTRACE_INTERRUPT, WALL = 0x4206, 0x4207, 0x40000000
REAPER = "nng:reap2"
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long


def threads(pid, name):
    return [int(t.split("/")[4]) for t in glob.glob(f"/proc/{pid}/task/*/comm") if open(t).read().strip() == name]


def hold(tid, held):
    """Holds one thread until its process ends or executes; a held thread must be waited for, or exec never ends."""
    for request in (PTRACE_SEIZE, PTRACE_INTERRUPT):
        if libc.ptrace(request, tid, None, None) != 0:
            held.append(os.strerror(ctypes.get_errno()))
            return
    while True:
        _, status = os.waitpid(tid, WALL)
        if not os.WIFSTOPPED(status):
            return
        held.append(None)


def held_reaper(pid):
    """None, or why it could not be held."""
    tids = threads(pid, REAPER)
    true(tids, f"no thread {REAPER}: this NNG names it otherwise")
    for tid in tids:
        held = []
        threading.Thread(target=hold, args=(tid, held), daemon=True).start()
        wait_for("the reaper to be held", lambda: held)
        if held[0] is not None:
            return held[0]
    return None


def events(node, name):
    return sum(f"event={name}" in line for line in open(node.log))


def main():
    with Net() as net:
        s = net.node("01100-YC", "sender", posts=["01102-KK"])
        p = net.node("01102-KK", "sender,recipient,postoffice", listen="tls")
        t = net.node("X001", "recipient", posts=["01102-KK"])
        for n in (s, p, t):
            n.conf(retry_s=1)
        net.admit(s, p, t)
        p.start(), s.start(), t.start()
        card = s.card("haru")
        first = s.refer("X001", card.id, need="N01")["referral"]
        wait_for("arrival", lambda: t.state(first) == "arrived")
        quiet(s, t)

        pid = t.process.pid
        why = held_reaper(pid)
        if why is not None:
            say("SKIP SKIP SKIP: stuck.sh may not hold a thread here:", why, "- the stuck transport was NOT tested")
            sys.exit(0)
        p.kill()
        wait_for("the connection to be missed", lambda: events(t, "fetch_failed"))
        p.start()
        second = s.refer("X001", card.id, need="N02")["referral"]
        wait_for("the node to notice", lambda: events(t, "transport_stuck") == 1)
        wait_for("it to be back", lambda: events(t, "started") == 2)
        true(t.alive() and t.process.pid == pid, "another process")
        wait_for("arrival", lambda: t.state(second) == "arrived")
        t.act(second, "acknowledged", staff="ward")
        quiet(s, t)
        for ref in (first, second):
            agree(s, t, ref)
        true(events(t, "transport_stuck") == 1, "it started anew more than once")
        say("it noticed, started anew as the same process, and both referrals are there once")

        # Who is told to end while it is stuck ends, as told.
        true(held_reaper(pid) is None, "the reaper was not held a second time")
        missed = events(t, "fetch_failed")
        p.kill()
        wait_for("the connection to be missed", lambda: events(t, "fetch_failed") > missed)
        rc = t.stop()
        true(rc == 0, "told to end while stuck, it ended with", rc)
        true("event=stopped err=ok" in open(t.log).read().splitlines()[-1], "its last words")
        p.start()
        t.start()
        quiet(s, t)
        agree(s, t, second)
        net.end()
    say("ok")


main()
