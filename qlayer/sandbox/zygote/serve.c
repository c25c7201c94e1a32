/* The zygote's loop and its children's set-up in one call: what `pid1` and `child` do, without an interpreter.
 *
 * A process that forks pays a page fault for every page that it touches afterwards, and Python touches a page
 * for every object that it looks at. Here the zygote touches a dozen pages per run instead of nearly two
 * hundred, and the child reaches its first line of Python with everything given up.
 *
 * It serves plain runs with every control on. An order that it does not know (another size of the first part,
 * anything but zeros after it, another number of descriptors) goes back to Python, which knows all of them.
 * Steps and their order are those of pid1.py and child.py; a change there is a change here.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { CLOSED = 0, CANDIDATE = 1, TESTER = 2, FOREIGN = 3, FAILED = -1 };
enum { FIRST_STEP_NS = 125000, LAST_STEP_NS = 2000000 };
enum { MAX_FDS = 8, SAFE_FD = 32, MAX_PACKET = 256 };

/* protocol.Order, its first part. */
struct __attribute__((packed)) order {
    char kind;
    uint8_t split;
    uint64_t cpu_us;
    uint32_t open_files, processes;
    uint64_t data_bytes, tmp_bytes;
    uint32_t tmp_inodes;
    uint64_t file_bytes;
};

/* protocol.Ending. */
struct __attribute__((packed)) ending {
    char kind;
    int32_t status;
    uint64_t cpu_us, peak_bytes;
    uint8_t killed, survivors, disk_full;
};

struct config {
    int32_t control, proc;
    uint32_t candidate_uid, tester_uid; /* 0: the zygote's own is kept */
    uint32_t filter_length;             /* instructions */
    uint32_t reap_every_ms, grace_ms, locked_bytes, cpus;
    struct sock_filter *filter;
};

struct event {
    int32_t packet_length, descriptors, reportable;
    int32_t fds[MAX_FDS];
    char packet[MAX_PACKET];
    char error[200];
};

struct run {
    int32_t status;
    int ended, killed;
    uint64_t cpu_us, peak_bytes;
    pid_t main, pids[2];
};

/* -- Python's memory -- */

/* Arenas side by side in huge pages: a fork then copies one entry where it would copy 512, and a child's end
 * undoes as many. What a child writes is still copied in small pages. */
enum { HUGE = 2 << 20, ARENAS = 32 << 20 };
static char *arenas;
static size_t arenas_used;

static void *arena_new(void *unused, size_t size) {
    (void)unused;
    size_t at = __atomic_fetch_add(&arenas_used, size, __ATOMIC_RELAXED);
    if (at <= ARENAS && size <= ARENAS - at && !mprotect(arenas + at, size, PROT_READ | PROT_WRITE))
        return arenas + at;
    void *made = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return made == MAP_FAILED ? NULL : made;
}

static void arena_free(void *unused, void *arena, size_t size) {
    (void)unused;
    munmap(arena, size);
}

/* PyObjectArenaAllocator (Include/cpython/objimpl.h). */
struct allocator {
    void *context, *(*alloc)(void *, size_t);
    void (*free)(void *, void *, size_t);
};

/* From now on Python's arenas lie there. `set` is PyObject_SetArenaAllocator. */
void qlayer_place_arenas(void (*set)(struct allocator *)) {
    struct allocator own = {NULL, arena_new, arena_free};
    char *room = mmap(NULL, ARENAS + HUGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (room == MAP_FAILED) return;
    arenas = room + (HUGE - (uintptr_t)room % HUGE) % HUGE;
    set(&own);
}

/* Make huge pages of what they hold. A kernel before 6.1, or one without a free huge page, leaves it as it is. */
void qlayer_gather_arenas(void) {
    size_t used = arenas_used < ARENAS ? arenas_used : ARENAS, whole = (used + HUGE - 1) / HUGE * HUGE;
    if (arenas && !mprotect(arenas, whole, PROT_READ | PROT_WRITE))
        madvise(arenas, whole, 25); /* MADV_COLLAPSE, which glibc names since 2.37 */
}

int qlayer_order_bytes(void) { return sizeof(struct order); }
int qlayer_ending_bytes(void) { return sizeof(struct ending); }

static int failed(struct event *event, const char *what) {
    snprintf(event->error, sizeof event->error, "OSError: %s: %s", what, strerror(errno));
    return FAILED;
}

/* -- the child -- */

static int first_in_line_for_oom(int proc) {
    if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)) return -1;
    int fd = openat(proc, "self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    ssize_t written = write(fd, "1000", 4);
    close(fd);
    return written == 4 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 ? 0 : -1;
}

static int arrange(const int *wanted, int count) {
    for (int place = 0; place < count; place++)
        if (dup3(wanted[place], SAFE_FD + place, O_CLOEXEC) < 0) return -1;
    for (int place = 0; place < count; place++)
        if (dup3(SAFE_FD + place, place, place <= 2 ? 0 : O_CLOEXEC) < 0) return -1;
    return syscall(SYS_close_range, (unsigned)count, ~0U, 0) ? -1 : 0;
}

static int limit(int kind, rlim_t soft, rlim_t hard) {
    struct rlimit value = {soft, hard};
    return setrlimit(kind, &value);
}

static int limit_all(const struct config *config, const struct order *order) {
    uint64_t cpu_s = order->cpu_us / 1000000 * 9 / 8 + 1;
    return limit(RLIMIT_CORE, 1, 1) || limit(RLIMIT_MEMLOCK, config->locked_bytes, config->locked_bytes) ||
           limit(RLIMIT_FSIZE, order->file_bytes, order->file_bytes) ||
           limit(RLIMIT_NOFILE, order->open_files, order->open_files) ||
           (order->processes && limit(RLIMIT_NPROC, order->processes, order->processes)) ||
           (order->data_bytes && limit(RLIMIT_DATA, order->data_bytes, order->data_bytes)) ||
           limit(RLIMIT_CPU, cpu_s, cpu_s + 1);
}

static int give_up(const struct config *config, uint32_t uid) {
    struct { uint32_t version; int pid; } header = {0x20080522, 0};
    uint32_t none[6] = {0};
    struct sock_fprog program = {(unsigned short)config->filter_length, config->filter};
    if (uid && (syscall(SYS_setresgid, uid, uid, uid) || syscall(SYS_setresuid, uid, uid, uid))) return -1;
    return syscall(SYS_capset, &header, none) || prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) ||
           prctl(PR_SET_SECCOMP, 2, &program, 0, 0);
}

static int become(const struct config *config, const struct order *order, const int *fds, int count,
                  uint32_t uid, int role, struct event *event) {
    event->reportable = 0;
    if (setsid() < 0) return failed(event, "setsid");
    if (first_in_line_for_oom(config->proc)) return failed(event, "oom_score_adj");
    if (arrange(fds, count)) return failed(event, "descriptors");
    event->reportable = 1;
    if (limit_all(config, order)) return failed(event, "setrlimit");
    if (give_up(config, uid)) return failed(event, "privileges");
    return role;
}

/* -- the zygote -- */

static void note(struct run *run, pid_t pid, int status, const struct rusage *used) {
    uint64_t peak = (uint64_t)used->ru_maxrss * 1024;
    if (pid == run->main) run->status = status, run->ended = 1;
    run->cpu_us += (uint64_t)(used->ru_utime.tv_sec + used->ru_stime.tv_sec) * 1000000 +
                   (uint64_t)(used->ru_utime.tv_usec + used->ru_stime.tv_usec);
    if (peak > run->peak_bytes) run->peak_bytes = peak;
}

/* Take what has ended. True when no process of the run is left. */
static int reap(struct run *run) {
    for (;;) {
        int status;
        struct rusage used;
        pid_t pid = wait4(-1, &status, WNOHANG, &used);
        if (pid < 0 && errno == EINTR) continue;
        if (pid < 0) return 1;
        if (pid == 0) return 0;
        note(run, pid, status, &used);
    }
}

static void kill_all(struct run *run) {
    for (;;) {
        int status;
        struct rusage used;
        kill(-1, SIGKILL);
        pid_t pid = wait4(-1, &status, 0, &used);
        if (pid < 0 && errno == EINTR) continue;
        if (pid < 0) return;
        note(run, pid, status, &used);
    }
}

/* CPU microseconds that the main process which has used most may still use. */
static uint64_t left(struct run *run, uint64_t cpu_us) {
    uint64_t most = 0;
    for (int index = 0; index < 2; index++) {
        struct timespec used;
        if (run->pids[index] <= 0) continue;
        if (clock_gettime((clockid_t)(~(unsigned)run->pids[index] << 3 | 2), &used)) {
            run->pids[index] = 0;
            continue;
        }
        uint64_t us = (uint64_t)used.tv_sec * 1000000 + (uint64_t)used.tv_nsec / 1000;
        if (us > most) most = us;
    }
    return most < cpu_us ? cpu_us - most : 0;
}

/* Until the earliest moment at which that much can be used, but soon. */
static int pause_ms(const struct config *config, uint64_t left_us) {
    uint64_t earliest_ms = left_us / config->cpus / 1000;
    if (earliest_ms >= config->reap_every_ms) return (int)config->reap_every_ms;
    return earliest_ms ? (int)earliest_ms : 1;
}

/* Do what the host says. */
static void obey(const struct config *config, struct run *run) {
    char word[16];
    ssize_t size = recv(config->control, word, sizeof word, 0);
    if (size <= 0) _exit(0);
    if (size == 1 && word[0] == 'K') {
        run->killed = 1;
        kill_all(run);
    }
}

static void wait_for_main(const struct config *config, struct run *run, uint64_t cpu_us) {
    int pidfd = (int)syscall(SYS_pidfd_open, run->main, 0);
    struct pollfd polled[2] = {{config->control, POLLIN, 0}, {pidfd, POLLIN, 0}};
    uint64_t left_us = cpu_us;
    while (!run->ended) {
        polled[0].revents = 0;
        if (poll(polled, pidfd < 0 ? 1 : 2, pause_ms(config, left_us)) > 0 && polled[0].revents) {
            obey(config, run);
            if (run->killed) continue;
        }
        if (!reap(run) && !run->ended && !(left_us = left(run, cpu_us))) kill_all(run);
    }
    if (pidfd >= 0) close(pidfd);
}

static int ended_by_themselves(const struct config *config, struct run *run) {
    struct pollfd polled = {config->control, POLLIN, 0};
    /* In split mode the candidate ends in a fraction of a millisecond: looked for soon, then less often. */
    struct timespec step = {0, FIRST_STEP_NS};
    for (uint64_t waited_ns = 0; !reap(run); waited_ns += (uint64_t)step.tv_nsec) {
        if (waited_ns >= config->grace_ms * 1000000ULL) return 0;
        if (ppoll(&polled, 1, &step, NULL) > 0) obey(config, run);
        if (step.tv_nsec < LAST_STEP_NS) step.tv_nsec *= 2;
    }
    return 1;
}

static void finish(const struct config *config, struct run *run) {
    struct statfs disk = {0};
    int survivors = !run->killed && !ended_by_themselves(config, run);
    kill_all(run);
    statfs("/tmp", &disk);
    umount2("/tmp", MNT_DETACH);
    struct ending ending = {'E', run->status, run->cpu_us, run->peak_bytes, (uint8_t)run->killed,
                            (uint8_t)survivors, disk.f_bavail == 0 || disk.f_ffree == 0};
    if (send(config->control, &ending, sizeof ending, MSG_NOSIGNAL) < 0) _exit(0);
}

/* One run. In the zygote: `CLOSED` when done, `FAILED` when nothing was started. In a child: its role. */
static int one(const struct config *config, const struct order *order, struct event *event) {
    char options[96];
    struct run run = {.status = -1};
    int pair[2] = {-1, -1}, null = -1;
    const int *fds = event->fds;
    snprintf(options, sizeof options, "size=%llu,nr_inodes=%u,mode=1777",
             (unsigned long long)(order->tmp_bytes < 4096 ? 4096 : order->tmp_bytes),
             order->tmp_inodes < 16 ? 16 : order->tmp_inodes);
    if (mount("tmp", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, options)) return FAILED;
    if (order->split && (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) ||
                         (null = open("/dev/null", O_RDWR | O_CLOEXEC)) < 0))
        return FAILED;
    int candidate[6] = {fds[2], fds[3], fds[4], fds[0], fds[1], pair[0]};
    pid_t pid = run.main = run.pids[0] = _Fork();
    if (pid == 0)
        return become(config, order, candidate, order->split ? 6 : 5, config->candidate_uid, CANDIDATE, event);
    if (pid > 0 && order->split) {
        int tester[6] = {null, null, null, fds[5], fds[6], pair[1]};
        pid = run.main = run.pids[1] = _Fork();
        if (pid == 0) return become(config, order, tester, 6, config->tester_uid, TESTER, event);
    }
    if (order->split) close(pair[0]), close(pair[1]), close(null);
    if (pid < 0) return FAILED;
    wait_for_main(config, &run, order->cpu_us);
    finish(config, &run);
    return CLOSED;
}

static int receive(const struct config *config, struct event *event) {
    union { struct cmsghdr align; char bytes[CMSG_SPACE(sizeof(int) * MAX_FDS)]; } control;
    struct iovec part = {event->packet, MAX_PACKET};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control,
                             .msg_controllen = sizeof control};
    ssize_t size;
    do size = recvmsg(config->control, &message, MSG_CMSG_CLOEXEC);
    while (size < 0 && errno == EINTR);
    event->packet_length = (int32_t)size;
    event->descriptors = 0;
    for (struct cmsghdr *part = CMSG_FIRSTHDR(&message); part; part = CMSG_NXTHDR(&message, part))
        if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_RIGHTS) {
            event->descriptors = (int32_t)((part->cmsg_len - CMSG_LEN(0)) / sizeof(int));
            memcpy(event->fds, CMSG_DATA(part), (size_t)event->descriptors * sizeof(int));
        }
    return size > 0;
}

static int plain(const struct event *event, const struct order *order) {
    if (event->packet_length < (int32_t)sizeof *order || order->split > 1) return 0;
    if (event->descriptors != (order->split ? 7 : 5)) return 0;
    for (int32_t at = sizeof *order; at < event->packet_length; at++)
        if (event->packet[at]) return 0;
    return 1;
}

/* Serve until the host hangs up (CLOSED), a foreign order comes (FOREIGN: see the event), or, in a child, its
 * set-up is done (CANDIDATE, TESTER) or failed (FAILED). A run that cannot be started ends the zygote: the host
 * starts another. */
int qlayer_serve(const struct config *config, struct event *event) {
    pid_t zygote = getpid();
    while (receive(config, event)) {
        const struct order *order = (const struct order *)event->packet;
        if (event->packet[0] != 'R') continue;
        if (!plain(event, order)) return FOREIGN;
        int role = one(config, order, event);
        if (getpid() != zygote) return role;
        if (role == FAILED) _exit(1);
        /* Only now: while a copy of a pipe's writing end is open here, its end does not wake the host. */
        for (int index = 0; index < event->descriptors; index++) close(event->fds[index]);
    }
    return CLOSED;
}
