// A plugin of QEMU's TCG: how many instructions and translation blocks the guest's kernel and its programs execute, in four 64-bit words
// of the file that $COUNTS names. See `docs/devel/tcg-plugins` of QEMU, whose header Debian does not install.
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct qemu_plugin_tb;
typedef uint64_t plugin_id;
enum { add_u64 };
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *);
void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id, void (*)(plugin_id, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *, int operation, void *word, uint64_t number);

int qemu_plugin_version = 1;
static uint64_t *counts;

static void translated(plugin_id id, struct qemu_plugin_tb *block) {
  (void)id;
  uint64_t *words = counts + (qemu_plugin_tb_vaddr(block) >> 63 ? 0 : 2);
  qemu_plugin_register_vcpu_tb_exec_inline(block, add_u64, words, qemu_plugin_tb_n_insns(block));
  qemu_plugin_register_vcpu_tb_exec_inline(block, add_u64, words + 1, 1);
}

int qemu_plugin_install(plugin_id id, const void *information, int count, char **arguments) {
  (void)information, (void)count, (void)arguments;
  const char *path = getenv("COUNTS");
  int file = path ? open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
  if (file < 0 || ftruncate(file, 4096) < 0) return -1;
  counts = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (counts == MAP_FAILED) return -1;
  qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
  return 0;
}
