// Copyright (c) 2026 The libpod.engine authors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The true floor: the system calls that a container without a network takes, and nothing else. "floor up" starts it and
// returns once its command is executed, "floor down" kills and removes it; both print their milliseconds. floor.h has
// the engine's OCI spec of the container. true_floor.py writes it and says what is left out.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>
#include "floor.h" // DIR, LAYERS, PARENT, GROUP, HOSTNAME, CWD, NAMESPACES, CAPABILITIES, and the lists
#define ROOT DIR "/merged"
#define OF_PROC (MS_NOSUID | MS_NODEV | MS_NOEXEC)
#define EACH(item, list) (__typeof__(&list[0]) item = list; item < list + sizeof list / sizeof *list; item++)

static int complaints = 2; // where errors go

static long must(long result, const char *what) { // end where a system call failed
    if (result < 0 && errno != EEXIST) exit((dprintf(complaints, "%s: %m\n", what), 1));
    return result;
}
static char *join(const char *first, const char *second) {
    char *path = NULL;
    must(asprintf(&path, "%s%s", first, second), "asprintf");
    return path;
}
static void put(const char *path, const char *text) { // write a file's content at once
    int fd = must(open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644), path);
    must(write(fd, text, strlen(text)), path);
    close(fd);
}
static void make(char *path, int is_folder) { // have a mount point
    for (char *end = path; (end = strchr(end + 1, '/')); *end = '/') *end = 0, mkdir(path, 0755);
    if (is_folder) must(mkdir(path, 0755), path); else close(must(open(path, O_CREAT | O_CLOEXEC, 0644), path));
}
static void share_cpus(const char *from, const char *to) { // a v1 cpuset takes no process without them
    static const char *names[] = {"/cpuset.cpus", "/cpuset.mems"};
    for EACH (name, names) {
        char text[256] = "";
        int fd = must(open(join(from, *name), O_RDONLY | O_CLOEXEC), *name);
        must(read(fd, text, sizeof text - 1), *name), close(fd);
        put(join(to, *name), text);
    }
}
static int container(void *errors) { // the first process, in its namespaces
    struct stat found;
    complaints = *(int *)errors;
    dup2(open("/dev/null", O_RDWR | O_CLOEXEC), 0), dup2(0, 1), dup2(0, 2), setsid();
    for EACH (group, groups) put(join(*group, PARENT GROUP "/cgroup.procs"), "0");
    must(unshare(NAMESPACES & CLONE_NEWCGROUP), "unshare");
    syscall(SYS_keyctl, 1 /* KEYCTL_JOIN_SESSION_KEYRING */, NULL);
    must(sethostname(HOSTNAME, strlen(HOSTNAME)), "sethostname");
    struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    must(ioctl(fd, SIOCSIFFLAGS, &lo), "lo"), close(fd);
    must(mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL), "private");
    for EACH (one, mounts) {
        char *to = join(ROOT, one->target);
        int is_bind = one->flags & MS_BIND;
        if (is_bind) must(stat(one->source, &found), one->source);
        make(to, !is_bind || S_ISDIR(found.st_mode));
        must(mount(one->source, to, one->type, is_bind ? MS_BIND | MS_REC : one->flags, one->data), to);
        if (one->flags & ~MS_REC & ~MS_BIND && is_bind)
            must(mount(NULL, to, NULL, MS_REMOUNT | one->flags, NULL), to);
    }
    must(chdir(ROOT), ROOT), must(syscall(SYS_pivot_root, ".", "."), "pivot_root");
    must(umount2(".", MNT_DETACH), "umount"), must(chdir("/"), "/");
    umask(0);
    for EACH (one, devices) must(mknod(one->path, S_IFCHR | 0666, makedev(one->major, one->minor)), one->path);
    for EACH (one, links) must(symlink(one->target, one->path), one->path);
    for EACH (one, sysctls) put(one->path, one->value);
    for EACH (path, read_only)
        if (!mount(*path, *path, NULL, MS_BIND | MS_REC, NULL))
            must(mount(NULL, *path, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | OF_PROC, NULL), *path);
    for EACH (path, masked)
        if (!stat(*path, &found))
            must(S_ISDIR(found.st_mode) ? mount("tmpfs", *path, "tmpfs", MS_RDONLY, "")
                                        : mount("/dev/null", *path, NULL, MS_BIND, NULL), *path);
    if (NO_NEW_PRIVILEGES) must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
    for EACH (one, limits) must(setrlimit(one->which, &one->limit), "setrlimit");
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    if (program.len) must(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program), "seccomp");
    for (int cap = 0; cap < 64; cap++) if (!(CAPABILITIES >> cap & 1)) prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
    must(setgroups(1, &(gid_t){0}), "setgroups"), must(setgid(0), "setgid"), must(setuid(0), "setuid"), umask(022);
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    unsigned low = CAPABILITIES & ~0U, high = CAPABILITIES >> 32;
    struct __user_cap_data_struct sets[2] = {{low, low, 0}, {high, high, 0}};
    must(syscall(SYS_capset, &head, sets), "capset");
    must(chdir(CWD), CWD);
    environ = variables;
    return must(execvp(arguments[0], arguments), arguments[0]);
}
static void up(void) {
    static const char *folders[] = {DIR "/diff", DIR "/work", ROOT, DIR "/shm"};
    static char stack[1 << 20], pid[16], error[256];
    int errors[2], flags = (NAMESPACES & ~CLONE_NEWCGROUP) | SIGCHLD; // the child's cgroup comes first
    for EACH (path, folders) make(strdup(*path), 1);
    must(mount("overlay", ROOT, "overlay", 0, LAYERS), "overlay");
    must(mount("shm", DIR "/shm", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=1777,size=65536k"), "shm");
    for EACH (one, files) put(one->path, one->value);
    for EACH (group, groups) {
        char *parent = join(*group, PARENT), *own = join(parent, GROUP);
        must(mkdir(parent, 0755), parent), must(mkdir(own, 0755), own);
        int fd = open(join(parent, "/cgroup.subtree_control"), O_WRONLY | O_CLOEXEC); // v2, and nothing where hybrid
        if (fd >= 0) (void)!write(fd, "+pids", 5), close(fd);
        if (!access(join(own, "/cpuset.cpus"), F_OK)) share_cpus(*group, parent), share_cpus(parent, own);
        for EACH (one, resources) if (!access(join(own, one->path), F_OK)) put(join(own, one->path), one->value);
    }
    must(pipe2(errors, O_CLOEXEC), "pipe");
    sprintf(pid, "%ld", must(clone(container, stack + sizeof stack, flags, &errors[1]), "clone"));
    put(DIR "/pid", pid), close(errors[1]);
    if (read(errors[0], error, sizeof error - 1) > 0) exit((fputs(error, stderr), 1)); // else it is executed
}
static int forget(const char *path, const struct stat *status, int kind, struct FTW *base) {
    return remove(path), (void)status, (void)kind, (void)base, 0;
}
static void down(void) {
    FILE *file = fopen(DIR "/pid", "r");
    int pid = 0, fd = -1;
    if (!file || fscanf(file, "%d", &pid) != 1 || (fd = syscall(SYS_pidfd_open, pid, 0)) < 0) must(-1, DIR "/pid");
    must(syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0), "kill");
    must(poll(&(struct pollfd){fd, POLLIN, 0}, 1, -1), "poll");
    for EACH (group, groups) while (rmdir(join(*group, PARENT GROUP)) && errno == EBUSY) usleep(100);
    must(umount(ROOT), ROOT), must(umount(DIR "/shm"), "shm");
    must(nftw(DIR, forget, 16, FTW_DEPTH | FTW_PHYS), DIR);
}
int main(int count, char **words) {
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    count > 1 && !strcmp(words[1], "down") ? down() : up();
    clock_gettime(CLOCK_MONOTONIC, &end);
    printf("%.3f\n", (end.tv_sec - begin.tv_sec) * 1e3 + (end.tv_nsec - begin.tv_nsec) / 1e6);
}
