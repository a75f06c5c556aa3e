/* child.c - other processes. Started by posix_spawn: NNG does not survive a fork. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/bench.h"

extern char **environ;
volatile int bench_stopped;
char bench_self[512];

static void actions_init(posix_spawn_file_actions_t *a, const int in[2], const int out[2], const char *log)
{
    posix_spawn_file_actions_init(a);
    if (in != NULL)
        posix_spawn_file_actions_adddup2(a, in[0], 0);
    else
        posix_spawn_file_actions_addopen(a, 0, "/dev/null", O_RDONLY, 0);
    if (out != NULL)
        posix_spawn_file_actions_adddup2(a, out[1], 1);
    else
        posix_spawn_file_actions_addopen(a, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawn_file_actions_addopen(a, 2, log, O_WRONLY | O_CREAT | O_APPEND, 0600);
}

bool bench_spawn(struct bench_child *c, const char *const *argv, bool pipes, const char *log)
{
    posix_spawn_file_actions_t actions;
    int in[2] = {-1, -1}, out[2] = {-1, -1};
    *c = (struct bench_child){.pid = -1};
    if (pipes && (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0))
        return false;
    actions_init(&actions, pipes ? in : NULL, pipes ? out : NULL, log);
    int rc = posix_spawn(&c->pid, argv[0], &actions, NULL, (char *const *)argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (pipes) {
        close(in[0]);
        close(out[1]);
        c->in = fdopen(in[1], "w");
        c->out = fdopen(out[0], "r");
    }
    if (rc == 0)
        return true;
    fprintf(stderr, "bench: %s: %s\n", argv[0], strerror(rc));
    c->pid = -1;
    bench_end(c, 0);
    return false;
}

bool bench_line(struct bench_child *c, char *buf, size_t cap)
{
    return !bench_stopped && c->out != NULL && fgets(buf, (int)cap, c->out) != NULL;
}

bool bench_end(struct bench_child *c, int sig)
{
    int status = -1;
    if (c->in != NULL)
        fclose(c->in);
    if (c->pid > 0 && sig != 0)
        kill(c->pid, sig);
    while (c->pid > 0 && waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (c->out != NULL)
        fclose(c->out);
    *c = (struct bench_child){.pid = -1};
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool bench_run(const char *const *argv, const char *log)
{
    struct bench_child c;
    if (bench_spawn(&c, argv, false, log) && bench_end(&c, 0))
        return true;
    fprintf(stderr, "bench: %s %s failed; see %s\n", argv[0], argv[1], log);
    return false;
}
