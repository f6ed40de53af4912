#define _GNU_SOURCE
#include "kvm.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if defined(__x86_64__)
// Real mode, one page at guest address 0x1000, one instruction.
static int processor_at_halt(int machine) {
  unsigned char *code = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (code == MAP_FAILED) return -1;
  code[0] = 0xF4; // hlt
  struct kvm_userspace_memory_region region = {
      .guest_phys_addr = 0x1000, .memory_size = 4096, .userspace_addr = (unsigned long)code};
  if (ioctl(machine, KVM_SET_USER_MEMORY_REGION, &region) < 0) return -1;
  int processor = ioctl(machine, KVM_CREATE_VCPU, 0);
  struct kvm_sregs segments;
  if (processor < 0 || ioctl(processor, KVM_GET_SREGS, &segments) < 0) return -1;
  segments.cs.base = 0;
  segments.cs.selector = 0;
  struct kvm_regs registers = {.rip = 0x1000, .rflags = 2};
  if (ioctl(processor, KVM_SET_SREGS, &segments) < 0 || ioctl(processor, KVM_SET_REGS, &registers) < 0) return -1;
  return processor;
}

static int run_halt(int kvm, int machine, enum linux_kvm_step *step) {
  *step = LINUX_KVM_CREATE_PROCESSOR;
  int processor = processor_at_halt(machine);
  int size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
  if (processor < 0 || size < (int)sizeof(struct kvm_run)) return -1;
  struct kvm_run *run = mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED, processor, 0);
  if (run == MAP_FAILED) return -1;
  *step = LINUX_KVM_RUN;
  return ioctl(processor, KVM_RUN, 0) == 0 && run->exit_reason == KVM_EXIT_HLT ? 0 : -1;
}
#else
static int run_halt(int kvm, int machine, enum linux_kvm_step *step) { return 0; }
#endif

static int probe(enum linux_kvm_step *step) {
  *step = LINUX_KVM_OPEN;
  int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
  if (kvm < 0) return -1;
  *step = LINUX_KVM_VERSION;
  if (ioctl(kvm, KVM_GET_API_VERSION, 0) != KVM_API_VERSION) return -1;
  *step = LINUX_KVM_CREATE_MACHINE;
  int machine = ioctl(kvm, KVM_CREATE_VM, 0);
  if (machine < 0 || run_halt(kvm, machine, step) < 0) return -1;
  *step = LINUX_KVM_WORKS;
  return 0;
}

// 1 when the child has ended within the time.
static int ends_within(pid_t child, int milliseconds) {
  struct timespec pause = {.tv_nsec = 2000000};
  for (int waited = 0; waited <= milliseconds; waited += 2) {
    pid_t ended = waitpid(child, 0, WNOHANG);
    if (ended == child || (ended < 0 && errno != EINTR)) return 1;
    nanosleep(&pause, 0);
  }
  return 0;
}

struct linux_kvm_outcome linux_kvm_probe(int milliseconds) {
  struct linux_kvm_outcome outcome = {.step = LINUX_KVM_FORK};
  struct linux_kvm_outcome *shared = mmap(0, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) {
    outcome.error = errno;
    return outcome;
  }
  pid_t child = fork();
  if (child == 0) {
    // Between fork and the end only system calls: the parent may have threads that held locks.
    // One that hangs in the kernel for good keeps none of the parent's descriptors.
    syscall(SYS_close_range, 3, ~0U, 0);
    errno = 0;
    if (probe(&shared->step) < 0) shared->error = errno;
    _exit(0);
  }
  if (child < 0) {
    outcome.error = errno;
  } else {
    int ended = ends_within(child, milliseconds);
    outcome = *shared;
    outcome.timed_out = !ended;
    if (!ended) {
      kill(child, SIGKILL);
      ends_within(child, 200);
    }
  }
  munmap(shared, sizeof *shared);
  return outcome;
}
