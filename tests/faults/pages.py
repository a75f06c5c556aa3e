"""pages.py - where things stand in a data.mdb: enough of LMDB's page format to aim a flipped bit and to say what it hit."""
import struct

PAGE, HEAD, NODE = 4096, 16, 8
BRANCH, OVERFLOW, BIG = 1, 4, 1


class Place:
    """`kind`: structure, key or value; `table`: the prefix byte of the row."""

    def __init__(self, page, at, n, kind, table=""):
        self.page, self.at, self.n, self.kind, self.table = page, at, n, kind, table


def newest(data):
    """The two roots (free list, rows) of the meta page that is in force."""
    def txn(page):
        return struct.unpack_from("<Q", data, page * PAGE + HEAD + 24 + 2 * 48 + 8)[0]
    page = max((0, 1), key=txn)
    at = page * PAGE + HEAD + 24
    return [struct.unpack_from("<Q", data, at + i * 48 + 40)[0] for i in (0, 1)]


def walk(data, page, rows):
    base = page * PAGE
    flags, lower = struct.unpack_from("<10xHH", data, base)
    yield Place(page, base, lower, "structure")
    for i in range((lower - HEAD) // 2):
        at = base + struct.unpack_from("<H", data, base + HEAD + 2 * i)[0]
        low, high, how, key_n = struct.unpack_from("<4H", data, at)
        table = chr(data[at + NODE]) if key_n else ""
        if flags & BRANCH:
            yield Place(page, at, NODE + key_n, "structure")
            yield from walk(data, low | high << 16 | how << 32, rows)
            continue
        yield Place(page, at, NODE, "structure", table)
        if key_n:
            yield Place(page, at + NODE, key_n, "key" if rows else "structure", table)
        n, value = low | high << 16, at + NODE + key_n
        if how & BIG:
            yield Place(page, value, 8, "structure", table)
            page_n = struct.unpack_from("<Q", data, value)[0]
            yield Place(page_n, page_n * PAGE, HEAD, "structure", table)
            value = page_n * PAGE + HEAD
        if n:
            yield Place(value // PAGE, value, n, "value" if rows else "structure", table)


def places(data):
    """Every byte that means something, as Places."""
    found = [Place(p, p * PAGE, HEAD + 136, "structure") for p in (0, 1)]
    for root, rows in zip(newest(data), (False, True)):
        if root != (1 << 64) - 1:
            found += walk(data, root, rows)
    return found
