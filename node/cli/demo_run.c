/* Running the two programs as anybody would: fork, exec, read what they say. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "node/cli/demo.h"

static volatile sig_atomic_t broken_off;

static void on_signal(int sig)
{
    broken_off = sig;
}

void tsk_demo_signals(void)
{
    struct sigaction sa = {.sa_handler = on_signal};
    sigaction(SIGINT, &sa, NULL);
    sigaction(SIGTERM, &sa, NULL);
}

bool tsk_demo_broken_off(void)
{
    return broken_off != 0;
}

struct words { char program[TSK_PATH_CAP + 16]; const char *argv[TSK_DEMO_ARGS]; size_t n; };

static void words_add(struct words *w, const char *text)
{
    if (w->n + 1 < TSK_DEMO_ARGS)
        w->argv[w->n++] = text;
}

static void words_init(const struct tsk_demo *d, struct words *w, const char *program)
{
    memset(w, 0, sizeof *w);
    snprintf(w->program, sizeof w->program, "%s/%s", d->bin, program);
    words_add(w, w->program);
}

static void words_all(struct words *w, va_list ap)
{
    for (const char *text; (text = va_arg(ap, const char *)) != NULL;)
        words_add(w, text);
}

static void words_dir(struct words *w, const char *dir)
{
    words_add(w, "--dir");
    words_add(w, dir);
}

static void words_tail(const struct tsk_demo *d, struct words *w, bool json)
{
    words_add(w, "--ui");
    words_add(w, d->c->ui == TSK_UI_EN ? "en" : "ja");
    if (json)
        words_add(w, "--json");
}

/* Its standard output goes to `out`; it dies with this process. */
static pid_t spawn(const struct words *w, int out, int err)
{
    fflush(stdout);
    pid_t parent = getpid(), pid = fork();
    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    int null = open("/dev/null", O_RDONLY);
    if (getppid() != parent || null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || (err >= 0 && dup2(err, 2) < 0))
        _exit(127);
    execv(w->program, (char *const *)(uintptr_t)w->argv);
    _exit(127);
}

static char *read_all(int fd)
{
    char *text = NULL, buf[4096];
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    for (ssize_t got; f && (got = read(fd, buf, sizeof buf)) != 0;) {
        if (got < 0 && errno != EINTR)
            break;
        if (got > 0)
            fwrite(buf, 1, (size_t)got, f);
    }
    if (f)
        fclose(f);
    return text;
}

/* What it printed: memory (free), or NULL. */
static char *run(const struct words *w)
{
    int p[2];
    if (broken_off || pipe2(p, O_CLOEXEC) != 0)
        return NULL;
    pid_t pid = spawn(w, p[1], -1);
    close(p[1]);
    char *text = pid > 0 ? read_all(p[0]) : NULL;
    close(p[0]);
    if (pid > 0)
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            continue;
    return text;
}

static json_t *answer_of(struct tsk_demo *d, const struct words *w)
{
    char *text = run(w);
    json_t *answer = text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
    free(text);
    if (!json_is_object(answer)) {
        json_decref(answer);
        answer = json_object();
    }
    json_array_append_new(d->answers, answer);
    return answer;
}

json_t *tsk_demo_do(struct tsk_demo *d, ...)
{
    struct words w;
    words_init(d, &w, "tasuki");
    va_list ap;
    va_start(ap, d);
    words_all(&w, ap);
    va_end(ap);
    words_tail(d, &w, true);
    return answer_of(d, &w);
}

json_t *tsk_demo_at(struct tsk_demo *d, enum tsk_demo_who who, ...)
{
    struct words w;
    words_init(d, &w, "tasuki");
    va_list ap;
    va_start(ap, who);
    words_all(&w, ap);
    va_end(ap);
    words_dir(&w, d->nodes[who].dir);
    words_tail(d, &w, true);
    return answer_of(d, &w);
}

void tsk_demo_see(struct tsk_demo *d, enum tsk_demo_who who, ...)
{
    struct words w;
    words_init(d, &w, "tasuki");
    va_list ap;
    va_start(ap, who);
    words_all(&w, ap);
    va_end(ap);
    words_dir(&w, d->nodes[who].dir);
    words_tail(d, &w, false);
    char *text = run(&w), *rest = text;
    for (char *line; rest && (line = strsep(&rest, "\n")) != NULL;)
        if (*line)
            printf("     | %s\n", line);
    free(text);
}

const char *tsk_demo_code(const json_t *answer)
{
    return tsk_js(json_object_get(answer, "error"), "code");
}

/* ---- daemons ---- */
pid_t tsk_demo_start(struct tsk_demo *d, const char *dir)
{
    struct words w;
    char log[TSK_PATH_CAP + 8];
    snprintf(log, sizeof log, "%s.log", dir);
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    words_init(d, &w, "tasukid");
    words_dir(&w, dir);
    pid_t pid = fd >= 0 ? spawn(&w, fd, fd) : -1;
    if (fd >= 0)
        close(fd);
    return pid;
}

bool tsk_demo_ended(pid_t pid, unsigned ms, int *ret_status)
{
    const struct timespec pause = {.tv_nsec = 5000000};
    for (unsigned waited = 0; waited <= ms; waited += 5) {
        if (waitpid(pid, ret_status, WNOHANG) == pid)
            return true;
        nanosleep(&pause, NULL);
    }
    return false;
}

bool tsk_demo_stop(pid_t pid)
{
    int status = 0;
    kill(pid, SIGTERM);
    if (!tsk_demo_ended(pid, 5000, &status)) {
        kill(pid, SIGKILL);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            continue;
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

unsigned tsk_demo_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool ok = fd >= 0 && bind(fd, (struct sockaddr *)&a, n) == 0 && getsockname(fd, (struct sockaddr *)&a, &n) == 0;
    if (fd >= 0)
        close(fd);
    return ok ? ntohs(a.sin_port) : 0;
}
