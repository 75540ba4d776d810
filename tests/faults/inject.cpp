// inject.cpp: a library for LD_PRELOAD. It counts the calls of a process on paths at or below one folder, and makes
// one of them fail, or kills the process there. strace can do neither here: it compares whole paths, and temporary
// names are random; and it counts the calls of each thread on its own. tests/faults/faults.py compares the log with
// what strace sees, so a call that this library misses is found.
//   FAULTS_FOLDER  the folder, as an absolute path
//   FAULTS_LOG     the file that gets a line for each call: its number, its name, the path
//   FAULTS_AT      the number of the call that fails; 0 for none
//   FAULTS_ERROR   the error that it returns; 0 kills the process instead
// A write that fails, or at which the process is killed, has written half of its bytes before.
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

namespace {

struct Plan {
    const char* folder = getenv("FAULTS_FOLDER");
    const char* log = getenv("FAULTS_LOG");
    size_t length = folder ? strlen(folder) : 0;
    long at = folder ? atol(getenv("FAULTS_AT")) : 0;
    int error = folder ? atoi(getenv("FAULTS_ERROR")) : 0;
    int output = folder ? int(syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) : -1;
    std::atomic<long> calls{0};
};

Plan& plan() {
    static Plan one;
    return one;
}

[[noreturn]] void die() {
    syscall(SYS_kill, getpid(), SIGKILL);
    for (;;)
        pause();
}

// Counts a call. Returns whether it must fail; `before` is then done first.
template <class Action>
bool fails(const char* call, const char* path, Action before) {
    Plan& one = plan();
    if (!one.folder || !path || strncmp(path, one.folder, one.length) != 0 || (path[one.length] != '/' && path[one.length] != 0))
        return false;
    long number = ++one.calls;
    char line[4096 + 64];
    int bytes = snprintf(line, sizeof line, "%ld %s %s\n", number, call, path);
    syscall(SYS_write, one.output, line, bytes);
    if (number != one.at)
        return false;
    before();
    if (one.error == 0)
        die();
    errno = one.error;
    return true;
}

bool fails(const char* call, const char* path) {
    return fails(call, path, [] {});
}

// The path of a file that is open.
struct Path {
    char text[4096];

    explicit Path(int file) {
        char link[64];
        snprintf(link, sizeof link, "/proc/self/fd/%d", file);
        long bytes = plan().folder ? syscall(SYS_readlinkat, AT_FDCWD, link, text, sizeof text - 1) : 0;
        text[bytes > 0 ? bytes : 0] = 0;
    }
};

int openAt(int folder, const char* path, int flags, mode_t mode) {
    const char* call = flags & O_DIRECTORY ? "open folder" : (flags & O_CREAT) ? "create" : (flags & O_ACCMODE) == O_RDONLY ? "open" : "open to write";
    return fails(call, path) ? -1 : int(syscall(SYS_openat, folder, path, flags, mode));
}

} // namespace

#define OPEN(name)                                                                                                                                   \
    int name(const char* path, int flags, ...) {                                                                                                     \
        va_list rest;                                                                                                                                \
        va_start(rest, flags);                                                                                                                       \
        int file = openAt(AT_FDCWD, path, flags, flags & O_CREAT ? va_arg(rest, mode_t) : 0);                                                        \
        va_end(rest);                                                                                                                                \
        return file;                                                                                                                                 \
    }

extern "C" {

OPEN(open)
OPEN(open64)

DIR* opendir(const char* path) {
    if (fails("open folder", path))
        return nullptr;
    int folder = int(syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_DIRECTORY));
    return folder < 0 ? nullptr : fdopendir(folder);
}

ssize_t write(int file, const void* bytes, size_t count) {
    return fails("write", Path(file).text, [&] { syscall(SYS_write, file, bytes, count / 2); }) ? -1 : syscall(SYS_write, file, bytes, count);
}

ssize_t pwrite64(int file, const void* bytes, size_t count, off64_t at) {
    return fails("pwrite64", Path(file).text, [&] { syscall(SYS_pwrite64, file, bytes, count / 2, at); }) ? -1 : syscall(SYS_pwrite64, file, bytes, count, at);
}

ssize_t pwritev64(int file, const iovec* parts, int count, off64_t at) {
    return fails("pwritev", Path(file).text, [&] { syscall(SYS_pwritev, file, parts, count / 2, at, 0); }) ? -1 : syscall(SYS_pwritev, file, parts, count, at, 0);
}

ssize_t sendfile64(int to, int from, off64_t* at, size_t count) {
    return fails("sendfile", Path(to).text) ? -1 : syscall(SYS_sendfile, to, from, at, count);
}

ssize_t copy_file_range(int from, off64_t* fromAt, int to, off64_t* toAt, size_t count, unsigned flags) {
    return fails("copy_file_range", Path(to).text) ? -1 : syscall(SYS_copy_file_range, from, fromAt, to, toAt, count, flags);
}

int fsync(int file) { return fails("fsync", Path(file).text) ? -1 : int(syscall(SYS_fsync, file)); }

int fdatasync(int file) { return fails("fdatasync", Path(file).text) ? -1 : int(syscall(SYS_fdatasync, file)); }

int ftruncate64(int file, off64_t length) { return fails("ftruncate", Path(file).text) ? -1 : int(syscall(SYS_ftruncate, file, length)); }

int fallocate64(int file, int mode, off64_t from, off64_t length) { return fails("fallocate", Path(file).text) ? -1 : int(syscall(SYS_fallocate, file, mode, from, length)); }

// A lock that is released cannot fail.
int flock(int file, int operation) { return !(operation & LOCK_UN) && fails("flock", Path(file).text) ? -1 : int(syscall(SYS_flock, file, operation)); }

int rename(const char* from, const char* to) { return fails("rename", to) ? -1 : int(syscall(SYS_rename, from, to)); }

int link(const char* from, const char* to) { return fails("link", to) ? -1 : int(syscall(SYS_link, from, to)); }

int symlink(const char* target, const char* path) { return fails("symlink", path) ? -1 : int(syscall(SYS_symlink, target, path)); }

int mkdir(const char* path, mode_t mode) { return fails("mkdir", path) ? -1 : int(syscall(SYS_mkdir, path, mode)); }

int rmdir(const char* path) { return fails("rmdir", path) ? -1 : int(syscall(SYS_rmdir, path)); }

int unlink(const char* path) { return fails("unlink", path) ? -1 : int(syscall(SYS_unlink, path)); }

int chmod(const char* path, mode_t mode) { return fails("chmod", path) ? -1 : int(syscall(SYS_chmod, path, mode)); }

int fchmod(int file, mode_t mode) { return fails("fchmod", Path(file).text) ? -1 : int(syscall(SYS_fchmod, file, mode)); }

// The runtime finds the functions of LibraryImport with it, in the C library alone.
void* dlsym(void* library, const char* name) {
    static auto* find = reinterpret_cast<void* (*)(void*, const char*)>(dlvsym(RTLD_NEXT, "dlsym", "GLIBC_2.34") ?: dlvsym(RTLD_NEXT, "dlsym", "GLIBC_2.2.5"));
    static const struct {
        const char* name;
        void* function;
    } ours[] = {
        {"open", reinterpret_cast<void*>(open)}, {"fsync", reinterpret_cast<void*>(fsync)}, {"fdatasync", reinterpret_cast<void*>(fdatasync)},
        {"flock", reinterpret_cast<void*>(flock)}, {"rename", reinterpret_cast<void*>(rename)}, {"link", reinterpret_cast<void*>(link)},
        {"mkdir", reinterpret_cast<void*>(mkdir)}, {"rmdir", reinterpret_cast<void*>(rmdir)}, {"unlink", reinterpret_cast<void*>(unlink)},
        {"chmod", reinterpret_cast<void*>(chmod)}, {"fchmod", reinterpret_cast<void*>(fchmod)},
    };
    for (const auto& one : ours) {
        if (strcmp(name, one.name) == 0)
            return one.function;
    }
    return find(library, name);
}

} // extern "C"
