#include "node/core/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "node/core/queue.h"

#define LINE_CAP 1024
#define GATE_MS 1000
#define EVENT_MAX 40

static atomic_int lowest_level = TSK_LOG_INFO;
static const char *const level_names[] = {"error", "warn", "info", "debug"};

void tsk_log_level(enum tsk_level lowest)
{
    atomic_store(&lowest_level, (int)lowest);
}

static bool event_ok(const char *event)
{
    size_t n = strlen(event);
    return n > 0 && n <= EVENT_MAX && strspn(event, "abcdefghijklmnopqrstuvwxyz0123456789_") == n;
}

static size_t head(char *line, enum tsk_level level, const char *event)
{
    char when[32];
    struct tm tm;
    time_t now = time(NULL);
    gmtime_r(&now, &tm);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &tm);
    return (size_t)snprintf(line, LINE_CAP, "time=%s level=%s event=%s", when, level_names[level],
                            event_ok(event) ? event : "bad_event");
}

/* One line is one line whatever a field held; the last byte is kept for the newline. */
static size_t tidy(char *line, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            line[i] = '?';
    while (n > 0 && line[n - 1] == ' ')
        n--;
    line[n++] = '\n';
    return n;
}

/* One write for one line, so that lines of two threads never mix (POSIX pipes and files in append mode). */
void tsk_log(enum tsk_level level, const char *event, const char *fmt, ...)
{
    if ((int)level > atomic_load(&lowest_level))
        return;
    int saved_errno = errno;
    char line[LINE_CAP];
    size_t n = head(line, level, event);
    if (fmt != NULL) {
        line[n++] = ' ';
        va_list args;
        va_start(args, fmt);
        int more = vsnprintf(line + n, LINE_CAP - n, fmt, args);
        va_end(args);
        n += more < 0 ? 0 : (size_t)more < LINE_CAP - n ? (size_t)more : LINE_CAP - n - 1;
    }
    n = tidy(line, n);
    while (write(STDERR_FILENO, line, n) < 0 && errno == EINTR)
        ;
    errno = saved_errno;
}

bool tsk_log_due(struct tsk_gate *g, unsigned *ret_unsaid)
{
    uint64_t now = tsk_mono_ms(), last = atomic_load(&g->last_ms);
    if ((last != 0 && now - last < GATE_MS) || !atomic_compare_exchange_strong(&g->last_ms, &last, now)) {
        atomic_fetch_add(&g->unsaid, 1);
        return false;
    }
    *ret_unsaid = atomic_exchange(&g->unsaid, 0);
    return true;
}

struct tsk_short tsk_short(const uint8_t *id)
{
    struct tsk_short s = {{0}};
    tsk_hex(id, 4, s.s);
    return s;
}

struct tsk_escaped tsk_log_text(struct tsk_slice text)
{
    struct tsk_escaped e;
    size_t n = 0, shown = text.n < 64 ? text.n : 64;
    e.s[n++] = '"';
    for (size_t i = 0; i < shown; i++) {
        uint8_t c = text.p[i];
        if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\')
            e.s[n++] = (char)c;
        else
            n += (size_t)snprintf(e.s + n, sizeof e.s - n, "\\x%02x", c);
    }
    snprintf(e.s + n, sizeof e.s - n, "\"%s", text.n > shown ? "..." : "");
    return e;
}
