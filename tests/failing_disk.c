/* A disk that answers EIO: what libc is asked about files under a folder fails as a test says.
 *
 * Preloaded, as libfaketime is. FAILING_DISK names a file; while it is there its one line says
 *     KIND SKIP TIMES FOLDER
 * the calls of that kind (write, sync, read) on files under that folder fail, TIMES of them after
 * the first SKIP of this process; TIMES 0 stands for all. Each failure adds a line to FAILING_TOLD.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static atomic_int seen;

static void tell(const char *kind, const char *path)
{
    const char *name = getenv("FAILING_TOLD");
    char line[PATH_MAX + 16];
    int size, to;

    if (name == NULL || (to = open(name, O_WRONLY | O_APPEND | O_CREAT, 0644)) < 0)
        return;
    size = snprintf(line, sizeof line, "%s %s\n", kind, path);
    syscall(SYS_write, to, line, size);
    syscall(SYS_close, to);
}

static int fails(const char *kind, int descriptor)
{
    const char *name = getenv("FAILING_DISK");
    char said[PATH_MAX + 64], wanted[8], folder[PATH_MAX], link[64], path[PATH_MAX];
    int skip, times, from, number;
    ssize_t size;

    if (name == NULL || (from = open(name, O_RDONLY)) < 0)
        return 0;
    size = syscall(SYS_read, from, said, sizeof said - 1);
    syscall(SYS_close, from);
    if (size <= 0)
        return 0;
    said[size] = 0;
    if (sscanf(said, "%7s %d %d %4095s", wanted, &skip, &times, folder) != 4)
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    size = readlink(link, path, sizeof path - 1);
    if (strcmp(wanted, kind) != 0 || size <= 0)
        return 0;
    path[size] = 0;
    if (strncmp(path, folder, strlen(folder)) != 0)
        return 0;
    number = atomic_fetch_add(&seen, 1);
    if (number < skip || (times > 0 && number >= skip + times))
        return 0;
    tell(kind, path);
    errno = EIO;
    return 1;
}

#define FAILING(type, kind, name, parameters, arguments)                                     \
    type name parameters                                                                     \
    {                                                                                        \
        static type(*next) parameters;                                                       \
        if (next == NULL)                                                                    \
            next = (type(*) parameters)dlsym(RTLD_NEXT, #name);                              \
        return fails(kind, descriptor) ? -1 : next arguments;                                \
    }

#define INTO (int descriptor, const void *from, size_t size)
#define INTO_AT (int descriptor, const void *from, size_t size, off_t at)
#define OUT_OF (int descriptor, void *to, size_t size)
#define OUT_OF_AT (int descriptor, void *to, size_t size, off_t at)

FAILING(ssize_t, "write", write, INTO, (descriptor, from, size))
FAILING(ssize_t, "write", pwrite, INTO_AT, (descriptor, from, size, at))
FAILING(ssize_t, "write", pwrite64, INTO_AT, (descriptor, from, size, at))
FAILING(ssize_t, "read", read, OUT_OF, (descriptor, to, size))
FAILING(ssize_t, "read", pread, OUT_OF_AT, (descriptor, to, size, at))
FAILING(ssize_t, "read", pread64, OUT_OF_AT, (descriptor, to, size, at))
FAILING(int, "sync", fsync, (int descriptor), (descriptor))
FAILING(int, "sync", fdatasync, (int descriptor), (descriptor))
