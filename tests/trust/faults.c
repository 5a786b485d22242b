/* Stand between a process and its disk: count what it does to the files of one folder, and at the n-th time kill it or
   let the call fail. Loaded with LD_PRELOAD; armed from Python through ctypes. Linux only. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { SYNC = 1, RENAME = 2, WRITE = 4 };
static char folder[4096];
static int wanted;   /* which calls count, as a sum of the above */
static long at = -1; /* which of them is the fatal one, from 1; 0 or less: none */
static int error;    /* errno it fails with; 0: SIGKILL */
static int stays;    /* a full disk stays full: all calls after it fail too */
static long seen;

void fault_arm(const char *under, int calls, long nth, int number, int for_good) {
    strncpy(folder, under, sizeof folder - 1);
    wanted = calls, at = nth, error = number, stays = for_good, seen = 0;
}
long fault_seen(void) { return seen; }

static int strikes(int call, const char *path) {
    if (!(wanted & call) || !folder[0] || strncmp(path, folder, strlen(folder))) return 0;
    long now = __sync_add_and_fetch(&seen, 1);
    if (at <= 0 || now < at || (now > at && !stays)) return 0;
    if (!error) kill(getpid(), SIGKILL);
    errno = error;
    return 1;
}
static int strikes_fd(int call, int fd) {
    char link[64], path[4096];
    if (!(wanted & call)) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return strikes(call, path);
}
#define REAL(name) static __typeof__(name) *real; if (!real) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

int fsync(int fd) { REAL(fsync); return strikes_fd(SYNC, fd) ? -1 : real(fd); }
int fdatasync(int fd) { REAL(fdatasync); return strikes_fd(SYNC, fd) ? -1 : real(fd); }
int rename(const char *a, const char *b) { REAL(rename); return strikes(RENAME, b) ? -1 : real(a, b); }
int unlink(const char *a) { REAL(unlink); return strikes(RENAME, a) ? -1 : real(a); }
ssize_t write(int fd, const void *p, size_t n) { REAL(write); return strikes_fd(WRITE, fd) ? -1 : real(fd, p, n); }
ssize_t pwrite(int fd, const void *p, size_t n, off_t o) { REAL(pwrite); return strikes_fd(WRITE, fd) ? -1 : real(fd, p, n, o); }
ssize_t pwrite64(int fd, const void *p, size_t n, off64_t o) { REAL(pwrite64); return strikes_fd(WRITE, fd) ? -1 : real(fd, p, n, o); }
int ftruncate(int fd, off_t n) { REAL(ftruncate); return strikes_fd(WRITE, fd) ? -1 : real(fd, n); }
int ftruncate64(int fd, off64_t n) { REAL(ftruncate64); return strikes_fd(WRITE, fd) ? -1 : real(fd, n); }
