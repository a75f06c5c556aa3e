/* strangers.c - see strangers.h.
 *
 * NNG 1.5.2 sets a limit of 10 s to the handshake, but where the other side says nothing at all it does not take hold, and
 * there is no call for it: such a connection keeps its descriptor until the other side closes it. Anybody who can reach the
 * port could hold them all, and staff could enter no stop. So the kernel is asked which connections to our port there are,
 * and those that NNG does not show as connected in time are shut down, which NNG sees as if the other side had gone. */
#include "node/post/strangers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

union name { struct sockaddr any; struct sockaddr_in four; struct sockaddr_in6 six; };

static bool address_of(const union name *name, struct tsk_address *ret_a)
{
    struct tsk_address a = {{[10] = 0xff, [11] = 0xff}, 0};
    if (name->any.sa_family == AF_INET) {
        memcpy(a.ip + 12, &name->four.sin_addr, 4);
        a.port = ntohs(name->four.sin_port);
    } else if (name->any.sa_family == AF_INET6) {
        memcpy(a.ip, &name->six.sin6_addr, 16);
        a.port = ntohs(name->six.sin6_port);
    } else {
        return false;
    }
    *ret_a = a;
    return true;
}

/* The other side of a connection to our port; false: it is none. */
static bool caller_at(int fd, uint16_t port, struct tsk_address *ret_from)
{
    union name here = {0}, there = {0};
    struct tsk_address own;
    socklen_t here_n = sizeof here, there_n = sizeof there;
    return getsockname(fd, &here.any, &here_n) == 0 && address_of(&here, &own) && own.port == port &&
           getpeername(fd, &there.any, &there_n) == 0 && address_of(&there, ret_from);
}

static uint64_t since(const struct tsk_strangers *s, uint64_t inode, uint64_t now_ms)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->list[i].inode == inode)
            return s->list[i].since_ms;
    return now_ms;
}

struct sweep {
    const struct tsk_strangers *before;
    struct tsk_callers *known;
    uint16_t port;
    size_t most;
    uint64_t now_ms;
    struct tsk_stranger found[TSK_STRANGERS_MAX];
    size_t found_n, ended;
};

static void look_at(struct sweep *w, int fd)
{
    struct tsk_address from;
    struct stat st;
    if (!caller_at(fd, w->port, &from) || tsk_callers_know(w->known, &from) || fstat(fd, &st) != 0)
        return;
    struct tsk_stranger one = {st.st_ino, since(w->before, st.st_ino, w->now_ms)};
    if (w->found_n < w->most && w->now_ms - one.since_ms < TSK_STRANGER_LIMIT_MS)
        w->found[w->found_n++] = one;
    else if (shutdown(fd, SHUT_RDWR) == 0)
        w->ended++;
}

/* NNG may close a descriptor at any moment, and its number may come to mean another connection: what is looked at and shut
 * down is a copy, which stays what it is. Where there is none left for a copy, another connection may be hit, and is dialed
 * again. */
static void look_at_number(struct sweep *w, const char *number)
{
    char *end;
    long fd = strtol(number, &end, 10);
    if (end == number || *end != '\0')
        return;
    int copy = fcntl((int)fd, F_DUPFD_CLOEXEC, 0);
    if (copy >= 0 || errno == EMFILE)
        look_at(w, copy >= 0 ? copy : (int)fd);
    if (copy >= 0)
        close(copy);
}

enum tsk_err tsk_strangers_init(struct tsk_strangers *s)
{
    DIR *d = opendir("/proc/self/fd");
    if (d == NULL)
        return TSK_E_NETWORK;
    *s = (struct tsk_strangers){.descriptors = d};
    return TSK_OK;
}

void tsk_strangers_wipe(struct tsk_strangers *s)
{
    if (s->descriptors != NULL)
        closedir(s->descriptors);
}

size_t tsk_strangers_end(struct tsk_strangers *s, uint16_t port, struct tsk_callers *known, size_t most, uint64_t now_ms)
{
    if (now_ms < s->due_ms)
        return 0;
    s->due_ms = now_ms + TSK_STRANGERS_EVERY_MS;
    struct sweep w = {.before = s, .known = known, .port = port, .now_ms = now_ms,
                      .most = most < TSK_STRANGERS_MAX ? most : TSK_STRANGERS_MAX};
    rewinddir(s->descriptors);
    for (const struct dirent *e; (e = readdir(s->descriptors)) != NULL;)
        look_at_number(&w, e->d_name);
    memcpy(s->list, w.found, w.found_n * sizeof *s->list);
    s->n = w.found_n;
    return w.ended;
}
