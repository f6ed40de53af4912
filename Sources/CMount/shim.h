// Without _GNU_SOURCE, which would give fd_set a member of another name here than in Dispatch's module, and the compiler
// refuses a type with two definitions.
#undef _GNU_SOURCE
#include <libmount/libmount.h>
