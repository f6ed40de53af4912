// The same feature macros as CLinux, so that both modules see one definition of the system headers.
#define _GNU_SOURCE
#include <libmount/libmount.h>
