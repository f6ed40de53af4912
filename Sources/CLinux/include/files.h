#pragma once
#include <dirent.h>
#include <stdint.h>
#include <sys/types.h>

// Names inside an open directory. None of these leads through a symbolic link at `name` unless `follow` is 1. All
// descriptors are close-on-exec; -1 with errno.

/// Opens a directory to list it and to be at.
int linux_open_directory(int directory, const char *name, int follow);
/// Opens a file to read it. What is no regular file does not make the call wait.
int linux_open_to_read(int directory, const char *name, int follow);
/// rename(2) that replaces nothing: -1 with errno EEXIST.
int linux_rename_new(const char *from, const char *to);
/// 1 when something is mounted from a block device, or built on it (open(2), O_EXCL); 0 otherwise, and when that cannot be told.
int linux_is_claimed(const char *device);
/// Makes the directory `path`, which begins with a slash, and those above it, in the root at `root`: links lead where they lead with
/// that as the root. A descriptor to say where it is (O_PATH).
int linux_make_directory_below(const char *root, const char *path);
/// Makes a file that must not exist, mode 0600, to write it.
int linux_create_file(int directory, const char *name);
/// Makes a file without a name in the filesystem of `directory`, mode 0600, to read and write it (O_TMPFILE).
int linux_create_unnamed(int directory);
/// Gives a file made by `linux_create_unnamed` a name, which must not exist. Needs /proc.
int linux_name_unnamed(int descriptor, int directory, const char *name);

/// The next name in an open directory but `.` and `..`; NULL at the end, with errno 0, or on failure, with errno.
const char *linux_next_name(DIR *stream);

/// The first offset from `from` on that is data, or a hole, and moves the descriptor there (lseek(2), SEEK_DATA and
/// SEEK_HOLE); -1 with errno, which is ENXIO when there is no more data.
int64_t linux_seek_data(int descriptor, int64_t from);
int64_t linux_seek_hole(int descriptor, int64_t from);

/// Lets this process open as many files as its hard limit allows.
void linux_raise_descriptor_limit(void);
/// The file that is behind a loop device, as stat(2) numbers it (LOOP_GET_STATUS64); -1 with errno, which is ENXIO when there is none.
int linux_loop_backing(int descriptor, uint64_t *device, uint64_t *inode);

/// Makes links in the directory of a root over which another root was moved, to that one's directories, for processes that still have
/// the old one as theirs.
void linux_link_to_root_above(int directory);
