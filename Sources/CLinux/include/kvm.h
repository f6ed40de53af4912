#pragma once
// A proof that KVM executes instructions: a virtual processor that runs one, `hlt` (Documentation/virt/kvm/api.rst).

/// How far a probe got: what was being tried when it ended.
enum linux_kvm_step {
  LINUX_KVM_FORK,
  LINUX_KVM_OPEN,
  LINUX_KVM_VERSION,
  LINUX_KVM_CREATE_MACHINE,
  LINUX_KVM_CREATE_PROCESSOR,
  LINUX_KVM_RUN,
  LINUX_KVM_WORKS,
};

struct linux_kvm_outcome {
  enum linux_kvm_step step;
  /// The errno of the call that failed, or 0.
  int error;
  /// 1 when the time was over before the step was.
  int timed_out;
};

/// Probes /dev/kvm in a child process, because a call into a broken KVM may never return. After `milliseconds` the child is
/// killed; one that even that does not end is left behind, not waited for.
struct linux_kvm_outcome linux_kvm_probe(int milliseconds);
