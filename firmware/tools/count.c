/* A plugin for QEMU that counts the executed instructions of a program.
 *
 * When the program ends, one line per translated block: its address, its number of instructions,
 * how often it ran. The counts are exact and the same on every run. QEMU's own header is not
 * packaged, so what is used of it is declared here; it is the same in all versions of the plugin
 * interface, of which TL_QEMU_API names the one that this QEMU wants.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
                                           void (*seen)(qemu_plugin_id_t, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb, void (*ran)(unsigned, void *),
                                          int flags, void *data);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, void (*ended)(qemu_plugin_id_t, void *),
                                    void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);

#define NO_REGISTERS 0 /* QEMU_PLUGIN_CB_NO_REGS */

typedef struct block {
    struct block *next;
    uint64_t address, instructions, runs;
} block;

static block *blocks;
static const char *path;

static void ran(unsigned cpu, void *data) {
    (void)cpu;
    ((block *)data)->runs++;
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb) {
    (void)id;
    block *b = malloc(sizeof *b);
    if (b == 0) {
        abort();
    }
    *b = (block){blocks, qemu_plugin_tb_vaddr(tb), qemu_plugin_tb_n_insns(tb), 0};
    blocks = b;
    qemu_plugin_register_vcpu_tb_exec_cb(tb, ran, NO_REGISTERS, b);
}

static void ended(qemu_plugin_id_t id, void *data) {
    (void)id, (void)data;
    FILE *out = fopen(path, "w");
    int good = out != 0;
    for (const block *b = blocks; good && b != 0; b = b->next) {
        good = fprintf(out, "%" PRIx64 " %" PRIu64 " %" PRIu64 "\n", b->address, b->instructions,
                       b->runs) > 0;
    }
    if (!good || fclose(out) != 0) {
        abort();
    }
}

__attribute__((visibility("default"))) int qemu_plugin_version = TL_QEMU_API;

/* QEMU calls this; out=FILE says where the counts go. `info` describes the machine: not needed. */
__attribute__((visibility("default"))) int qemu_plugin_install(qemu_plugin_id_t id,
                                                               const void *info, int argc,
                                                               char **argv) {
    (void)info;
    if (argc != 1 || strncmp(argv[0], "out=", 4) != 0) {
        return -1;
    }
    path = argv[0] + 4;
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, ended, 0);
    return 0;
}
