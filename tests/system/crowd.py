"""crowd.py - more connections without a certificate than the node has descriptors, opened anew as fast as they are ended
(node/post/strangers.c)."""
import os
import socket
import threading
import time

from net import Net, agree, quiet, say, true, wait_for

DESCRIPTORS = 256
CROWD = 600


class Crowd(threading.Thread):
    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.there, self.ended, self.leaving = port, [], 0, False

    def come(self):
        s = socket.socket()
        s.setblocking(False)
        s.connect_ex(("127.0.0.1", self.port))
        return s

    def over(self, s):
        try:
            return s.recv(1) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True

    def run(self):
        while not self.leaving:
            gone = [s for s in self.there if self.over(s)]
            self.ended += len(gone)
            for s in gone:
                self.there.remove(s)
                s.close()
            while len(self.there) < CROWD:
                self.there.append(self.come())
            time.sleep(0.2)
        for s in self.there:
            s.close()


def descriptors(node):
    return len(os.listdir(f"/proc/{node.process.pid}/fd"))


def main():
    with Net() as net:
        s = net.node("01100-YC", "sender", posts=["X001"])
        t = net.node("X001", "recipient,postoffice", listen="tls")
        net.admit(s, t)
        t.start(under=("prlimit", f"--nofile={DESCRIPTORS}:{DESCRIPTORS}"))
        s.start()
        card = s.card("haru")
        first = s.refer("X001", card.id)["referral"]
        wait_for("arrival", lambda: t.state(first) == "arrived")

        crowd = Crowd(int(t.listen.rsplit(":", 1)[1]))
        crowd.start()
        wait_for("the crowd", lambda: descriptors(t) > DESCRIPTORS / 3)
        longest, most, end = 0, 0, time.monotonic() + 15
        while time.monotonic() < end:
            before = time.monotonic()
            t.get("status")
            longest, most = max(longest, time.monotonic() - before), max(most, descriptors(t))
            time.sleep(0.1)
        true(longest < 10, "staff waited for", longest, "s")
        true(crowd.ended > 2 * DESCRIPTORS, "ended", crowd.ended)
        t.act(first, "acknowledged", staff="ward")
        second = s.refer("X001", card.id, need="N02")["referral"]
        wait_for("arrival", lambda: t.state(second) == "arrived")
        crowd.leaving = True
        crowd.join()
        wait_for("room", lambda: descriptors(t) < DESCRIPTORS / 3)
        true("event=strangers_ended" in open(t.log).read(), "not told in the log")
        quiet(s, t)
        agree(s, t, first)
        agree(s, t, second)
        say(f"ended {crowd.ended}, at most {most} descriptors, the longest answer took {longest:.1f} s")
        net.end()
    say("ok")


main()
