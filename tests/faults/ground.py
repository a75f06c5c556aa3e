"""ground.py - what the fault tests stand on: disks and networks made by the programs of TOOLS (disk.sh, nets.sh), strace,
and a load whose every answer is remembered.

Each part is a program `PART.py` that prints "faults PART: ok (details)" and ends with 0, or says what is wrong and ends
with 1; whatever it made (mounts, namespaces, processes) is gone with it.
"""
import collections
import os
import random
import shutil
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system"))
from net import BUILD, Gone, Net, Untrue, agree, ask_at, code, quiet, say, true, wait_for  # noqa: E402,F401

TOOLS = os.environ.get("TOOLS", "")
SEED = int(os.environ.get("FAULTS_SEED", random.SystemRandom().randrange(1 << 32)))
rand = random.Random(SEED)
NEEDS = [f"N{i:02}" for i in range(1, 16)]
HOLDERS = 32


def tool(name, *words, env=None, check=True):
    p = subprocess.run([f"{TOOLS}/{name}", *map(str, words)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, env={**os.environ, **(env or {})})
    true(not check or p.returncode == 0, name, *words, "exit", p.returncode, p.stderr.decode())
    return p.stdout.decode().strip()


def run(*argv):
    p = subprocess.run([str(a) for a in argv], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    true(p.returncode == 0, *argv, "exit", p.returncode, p.stdout.decode())


# ---- where a node's folder lies ----
def move(node, place):
    """Its folder lies under `place` from now on, and is on the disk: a copy is no answer of tasuki's."""
    shutil.move(node.dir, f"{place}/D")
    node.dir = f"{place}/D"
    run("sync", "-f", place)


class Disk:
    """A small file system of disk.sh: kind `up MB`, or `thin MB REAL`, whose late writes fail."""

    def __init__(self, net, name, kind, *sizes):
        self.name, self.env = name, {"DISK_BASE": f"{net.dir}/disk"}
        self.place = self.do(kind, *sizes)

    def do(self, verb, *words, **how):
        return tool("disk.sh", verb, self.name, *words, env=self.env, **how)

    def down(self):
        """A loop device lets go of its file a moment after it was unmounted."""
        for _ in range(50):
            self.do("down", check=False)
            if not os.path.exists(f"{self.env['DISK_BASE']}/{self.name}"):
                return
            time.sleep(0.1)
        say("a mount is left under", self.env["DISK_BASE"])


class Tmpfs:
    """A memory disk of so many kilobytes; it needs no tool."""

    def __init__(self, net, name, kb):
        self.place = f"{net.dir}/{name}-mem"
        os.mkdir(self.place)
        run("mount", "-t", "tmpfs", "-o", f"size={kb}k", "tmpfs", self.place)

    def resize(self, kb):
        run("mount", "-o", f"remount,size={kb}k", self.place)

    def down(self):
        subprocess.run(["umount", self.place], stderr=subprocess.DEVNULL)


class Ground(Net):
    """A Net whose disks go down after its processes and before its folder."""

    def __init__(self):
        super().__init__()
        self.disks = []

    def put(self, disk):
        self.disks.append(disk)
        return disk

    def __exit__(self, kind, value, trace):
        for n in self.nodes.values():
            if n.process is not None:
                n.process.kill()
                n.process.wait()
        for d in self.disks:
            d.down()
        if kind is not None:
            say(f"FAULTS_SEED={SEED} plays it again")
        super().__exit__(kind, value, trace)


def pair(net, s_listen="ipc", t_listen="ipc"):
    """A sender and a recipient, each its own post office."""
    s = net.node("01100-YC", "sender,recipient,postoffice", listen=s_listen)
    t = net.node("X001", "sender,recipient,postoffice", listen=t_listen)
    for n in (s, t):
        n.conf(retry_s=1)
    net.admit(s, t)
    return s, t


# ---- strace ----
def traced(pid):
    for t in os.listdir(f"/proc/{pid}/task"):
        if "TracerPid:\t0\n" in open(f"/proc/{pid}/task/{t}/status").read():
            return False
    return True


class Fault:
    """with Fault(node, "fdatasync", "error=EIO:when=1"): ... - a system call of a running node fails."""

    def __init__(self, node, *calls_and_hows):
        pairs = list(zip(calls_and_hows[::2], calls_and_hows[1::2]))
        self.node = node
        self.argv = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=" + ",".join(c for c, _ in pairs)]
        for call, how in pairs:
            self.argv += ["-e", f"inject={call}:{how}"]

    def __enter__(self):
        self.tracer = subprocess.Popen([*self.argv, "-p", str(self.node.process.pid)], stderr=subprocess.DEVNULL)
        wait_for("strace", lambda: traced(self.node.process.pid))

    def __exit__(self, *_):
        self.tracer.terminate()
        self.tracer.wait()


# ---- load ----
class Load:
    """Referrals asked for by several threads at once. `told` maps each that was answered to the last state that was
    answered for it at the sender; what was not answered is nobody's claim."""

    def __init__(self, s, t, cards=0):
        self.s, self.t = s, t
        self.told, self.refused = {}, collections.Counter()
        self.slots = []
        self.more(cards)

    def more(self, cards):
        """A card has 32 holders, and one open referral for each of 15 needs."""
        for _ in range(cards):
            card = self.s.card(f"k{time.monotonic_ns()}")
            self.slots += [(card, need) for need in NEEDS]

    def one(self, details=(), to=None):
        card, need = self.slots.pop()
        a = self.s.refer(to or self.t.id, card.id, need=need, details=details)
        if "referral" not in a:
            self.refused[code(a)] += 1
            return None
        self.told[a["referral"]] = "queued"
        return a["referral"]

    def recall_one(self):
        """One that has arrived: a status that overtakes its referral is sent again a minute later only."""
        for ref in list(self.told)[-12:]:
            if self.told[ref] == "queued" and self.s.state(ref) == "arrived":
                if "error" not in self.s.act(ref, "recalled"):
                    self.told[ref] = "recalled"
                return

    def busy(self, seconds, threads=3, stop_on=(), details=()):
        """Runs until the time is over, the node is gone or cannot store."""
        end = time.monotonic() + seconds

        def work():
            try:
                while time.monotonic() < end and self.slots and not any(self.refused[c] for c in stop_on):
                    ref = self.one(details)
                    if ref is not None and len(self.told) % 7 == 0:
                        self.recall_one()
            except (Gone, Untrue, IndexError):
                return
        crew = [threading.Thread(target=work) for _ in range(threads)]
        for c in crew:
            c.start()
        return crew

    def missing(self):
        """What was answered at the sender and does not stand there."""
        gone = []
        for ref, state in self.told.items():
            h = self.s.ask("history", referral=ref)
            states = [e["state"] for e in h.get("events", [])]
            if "error" in h or (state != "queued" and state not in states):
                gone.append((ref, state, h.get("error", states)))
        return gone

    def whole(self):
        """After all queues ran empty: what was answered is at both sides once, and they agree."""
        have = [r["referral"] for r in self.t.get("inbox")["referrals"]]
        true(len(have) == len(set(have)), "something is there twice at the recipient")
        for ref in self.told:
            agree(self.s, self.t, ref)
        extra = set(have) - set(self.told)
        for ref in extra:  # asked for, never answered, and made all the same
            agree(self.s, self.t, ref)
        return len(self.told), len(extra)


def part(name, body, *needs):
    """Runs one part. 77: skipped, because a program is missing."""
    for program in needs:
        if shutil.which(program) is None:
            say(f"faults {name}: SKIPPED - there is no {program}")
            sys.exit(77)
    start = time.monotonic()
    say(f"seed {SEED}")
    with Ground() as net:
        details = body(net)
    say(f"faults {name}: ok ({details}; {time.monotonic() - start:.0f} s)")
