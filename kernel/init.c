// SPDX-License-Identifier: GPL-2.0
//
// The first and only own process of the virtual machine that vm.sh starts: runs one command, and tells the host what
// became of it. Three virtio ports lead out: the command's stdout, its stderr, and ours, which no program writes to.
// What it says there, a line each:
//   before TEXT, after TEXT   a line of the kernel's rseq statistics
//   note TEXT                 for the user
//   exit N, signal N          how the command ended; the last line
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RSEQ "/sys/kernel/debug/rseq/"

static int status = STDERR_FILENO; // the console, until the port is there

// The emulator is told to end where the machine restarts, which needs no power management.
_Noreturn static void power_off(void)
{
    reboot(RB_AUTOBOOT);
    for (;;)
        pause();
}

// Without a line "exit" or "signal" the host knows that the run failed before the command did anything.
_Noreturn static void fail(const char *what)
{
    dprintf(status, "note init: %s: %s\n", what, strerror(errno));
    power_off();
}

static void mount_all(void)
{
    static const struct {
        const char *type, *place;
    } mounts[] = {
        {"proc", "/proc"}, {"sysfs", "/sys"}, {"devtmpfs", "/dev"}, {"debugfs", "/sys/kernel/debug"},
    };
    for (size_t i = 0; i < sizeof mounts / sizeof mounts[0]; i++) {
        mkdir(mounts[i].place, 0755);
        if (mount(mounts[i].type, mounts[i].place, mounts[i].type, 0, NULL) != 0 && errno != EBUSY)
            fail(mounts[i].place);
    }
    chmod("/tmp", 01777); // and no file system over it: the command's own files may be there
    mkdir("/dev/shm", 01777);
    if (mount("tmpfs", "/dev/shm", "tmpfs", 0, NULL) != 0)
        fail("/dev/shm");
    symlink("/proc/self/fd", "/dev/fd");
    symlink("/proc/self/fd/0", "/dev/stdin");
    symlink("/proc/self/fd/1", "/dev/stdout");
    symlink("/proc/self/fd/2", "/dev/stderr");
}

static bool port_has_name(const char *port, const char *name)
{
    char path[300], text[64] = "";
    snprintf(path, sizeof path, "/sys/class/virtio-ports/%s/name", port);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return false;
    bool same = fgets(text, sizeof text, file) != NULL && strcspn(text, "\n") == strlen(name) &&
                strncmp(text, name, strlen(name)) == 0;
    fclose(file);
    return same;
}

static int find_port(const char *name)
{
    char path[300];
    int fd = -1;
    DIR *folder = opendir("/sys/class/virtio-ports");
    if (folder == NULL)
        return -1;
    for (struct dirent *entry; fd < 0 && (entry = readdir(folder)) != NULL;) {
        if (!port_has_name(entry->d_name, name))
            continue;
        snprintf(path, sizeof path, "/dev/%s", entry->d_name);
        fd = open(path, O_WRONLY | O_CLOEXEC);
    }
    closedir(folder);
    return fd;
}

// The kernel learns of ports, and of their names, while this already runs.
static int open_port(const char *name)
{
    const struct timespec pause = {.tv_nsec = 5000000};
    for (int tries = 0; tries < 2000; tries++) {
        int fd = find_port(name);
        if (fd >= 0)
            return fd;
        nanosleep(&pause, NULL);
    }
    errno = ENODEV;
    fail(name);
}

static void write_all(int fd, const char *text, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, text, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            fail("write to the host");
        text += written;
        size -= (size_t)written;
    }
}

// An emulated machine is too slow for the kernel's default: nearly every grant would be over before it is used.
static void lengthen_slices(void)
{
    static const char longest[] = "50000";
    int fd = open(RSEQ "slice_ext_nsec", O_WRONLY);
    if (fd < 0 || write(fd, longest, strlen(longest)) < 0)
        dprintf(status, "note this kernel has no time slice extensions (%sslice_ext_nsec: %s)\n", RSEQ,
                strerror(errno));
    if (fd >= 0)
        close(fd);
}

static void tell_statistics(const char *when)
{
    char line[256];
    FILE *file = fopen(RSEQ "stats", "r");
    if (file == NULL)
        return;
    while (fgets(line, sizeof line, file) != NULL)
        dprintf(status, "%s %s", when, line);
    fclose(file);
}

// The strings of a file that vm.sh wrote, each with a zero behind it.
static char **read_strings(const char *path)
{
    static char *none[] = {NULL};
    struct stat size;
    int fd = open(path, O_RDONLY);
    if (fd < 0 || fstat(fd, &size) != 0)
        fail(path);
    char *text = malloc((size_t)size.st_size + 1);
    char **strings = malloc(((size_t)size.st_size + 1) * sizeof *strings);
    if (text == NULL || strings == NULL || read(fd, text, (size_t)size.st_size) != size.st_size)
        fail(path);
    close(fd);
    size_t count = 0;
    for (char *s = text; s < text + size.st_size; s += strlen(s) + 1)
        strings[count++] = s;
    strings[count] = NULL;
    return count > 0 ? strings : none;
}

static void run_and_wait(char *const arguments[])
{
    pid_t pid = fork();
    if (pid == 0) {
        execv(arguments[0], arguments);
        _exit(127);
    }
    if (pid > 0)
        waitpid(pid, NULL, 0);
}

_Noreturn static void become_command(int out, int err)
{
    char **arguments = read_strings("/vm/arguments");
    char **folder = read_strings("/vm/folder");
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    setsid();
    dup2(nothing, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    if (chdir(folder[0]) == 0)
        execvpe(arguments[0], arguments, read_strings("/vm/environment"));
    int error = errno;
    dprintf(STDERR_FILENO, "%s: %s\n", arguments[0], strerror(error));
    _exit(error == ENOENT ? 127 : 126);
}

struct relay {
    int from, to;
};

// Programs write to pipes, as under a shell: a port cannot be opened a second time, by /dev/stdout.
static bool pass_on(struct relay *relay)
{
    char text[65536];
    ssize_t size = read(relay->from, text, sizeof text);
    if (size < 0)
        return errno == EINTR || errno == EAGAIN;
    write_all(relay->to, text, (size_t)size);
    return size > 0;
}

static void relay_until_end(struct relay relays[2], pid_t command, int *how)
{
    struct pollfd polls[2] = {{.fd = relays[0].from, .events = POLLIN}, {.fd = relays[1].from, .events = POLLIN}};
    bool ended = false;
    while (!ended || polls[0].fd >= 0 || polls[1].fd >= 0) {
        poll(polls, 2, ended ? -1 : 20);
        for (int i = 0; i < 2; i++)
            if (polls[i].revents != 0 && !pass_on(&relays[i]))
                polls[i].fd = -1;
        int state;
        for (pid_t pid; (pid = waitpid(-1, &state, WNOHANG)) > 0;) {
            if (pid != command)
                continue;
            *how = state;
            ended = true;
            kill(-1, SIGKILL); // what it left behind ends too, and with it the pipes
        }
    }
}

static int run_command(struct relay relays[2])
{
    int out[2], err[2], how = 0;
    if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0)
        fail("pipe");
    pid_t pid = fork();
    if (pid < 0)
        fail("fork");
    if (pid == 0)
        become_command(out[1], err[1]);
    close(out[1]);
    close(err[1]);
    relays[0].from = out[0];
    relays[1].from = err[0];
    relay_until_end(relays, pid, &how);
    return how;
}

int main(void)
{
    static char *const install[] = {"/bin/busybox", "--install", "-s", "/usr/bin", NULL};
    mount_all();
    status = open_port("status");
    struct relay relays[2] = {{.to = open_port("stdout")}, {.to = open_port("stderr")}};
    run_and_wait(install);
    lengthen_slices();
    tell_statistics("before");
    int how = run_command(relays);
    tell_statistics("after");
    if (WIFSIGNALED(how))
        dprintf(status, "signal %d\n", WTERMSIG(how));
    else
        dprintf(status, "exit %d\n", WEXITSTATUS(how));
    power_off();
}
