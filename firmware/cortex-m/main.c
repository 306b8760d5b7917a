/* The rows of a sound on a bare Cortex-M: file "sound" in, files "rows" and "stack" out.
 *
 * Files of the machine that runs the image are reached by semihosting: a breakpoint that the
 * debugger, here QEMU, answers. The command line is the rate in Hz. "stack" gets one uint32, the
 * deepest stack of the whole image in bytes.
 */
#include <stdint.h>

#include "turnlight.h"

#define SAMPLES 160 /* read at once */
#define ROWS 8      /* at least what these samples complete, or what a flush gives */
#define PAINT 0xA5A5A5A5u
#define OWN_WORDS 64 /* left unpainted for the painter itself */

enum operation { OPEN = 1, CLOSE = 2, WRITE = 5, READ = 6, COMMAND_LINE = 0x15, EXIT = 0x18 };
enum mode { READ_BINARY = 1, WRITE_BINARY = 5 };
enum reason { FAILED = 0x20023, DONE = 0x20026 };

extern uint32_t bss_start[], bss_end[], stack_low[], stack_top[]; /* by image.ld */
_Noreturn void reset(void);

static tl_core core;
static int16_t pcm[SAMPLES * TL_CHANNELS];
static tl_frame rows[ROWS];

static int32_t ask(enum operation operation, uintptr_t argument) {
    int32_t answer;
    __asm__ volatile("mov r0, %1\n\tmov r1, %2\n\tbkpt 0xab\n\tmov %0, r0"
                     : "=r"(answer)
                     : "r"(operation), "r"(argument)
                     : "r0", "r1", "memory");
    return answer;
}

static _Noreturn void leave(enum reason reason) {
    for (;;) {
        ask(EXIT, reason);
    }
}

static int32_t open_file(const char *name, uint32_t length, enum mode mode) {
    uintptr_t block[] = {(uintptr_t)name, mode, length};
    int32_t file = ask(OPEN, (uintptr_t)block);
    if (file < 0) {
        leave(FAILED);
    }
    return file;
}

/* Bytes read; 0 at the end. */
static uint32_t read_file(int32_t file, void *to, uint32_t bytes) {
    uintptr_t block[] = {(uintptr_t)file, (uintptr_t)to, bytes};
    return bytes - (uint32_t)ask(READ, (uintptr_t)block); /* the answer is what is missing */
}

static void write_file(int32_t file, const void *from, uint32_t bytes) {
    uintptr_t block[] = {(uintptr_t)file, (uintptr_t)from, bytes};
    if (ask(WRITE, (uintptr_t)block) != 0) {
        leave(FAILED);
    }
}

static int32_t rate_of_command_line(void) {
    char text[32] = "";
    uintptr_t block[] = {(uintptr_t)text, sizeof text};
    int32_t rate_hz = 0;
    if (ask(COMMAND_LINE, (uintptr_t)block) == 0) {
        for (const char *c = text; *c >= '0' && *c <= '9'; c++) {
            rate_hz = 10 * rate_hz + (*c - '0');
        }
    }
    return rate_hz;
}

static void write_rows(int32_t file, int32_t result) {
    if (result < 0) {
        leave(FAILED);
    }
    write_file(file, rows, (uint32_t)result * sizeof rows[0]);
}

static uint32_t deepest_stack_bytes(void) {
    const volatile uint32_t *word = stack_low;
    while (*word == PAINT) {
        word++;
    }
    return (uint32_t)((uintptr_t)stack_top - (uintptr_t)word);
}

static void fill(uint32_t *from, const uint32_t *to, uint32_t value) {
    uintptr_t words = ((uintptr_t)to - (uintptr_t)from) / sizeof value;
    for (uintptr_t i = 0; i < words; i++) {
        ((volatile uint32_t *)from)[i] = value;
    }
}

_Noreturn void reset(void) {
    fill(stack_low, (const uint32_t *)__builtin_frame_address(0) - OWN_WORDS, PAINT);
    fill(bss_start, bss_end, 0);
    int32_t sound = open_file("sound", 5, READ_BINARY);
    int32_t out = open_file("rows", 4, WRITE_BINARY);
    write_rows(out, tl_init(&core, rate_of_command_line()));
    uint32_t bytes;
    while ((bytes = read_file(sound, pcm, sizeof pcm)) > 0) {
        int32_t samples = (int32_t)(bytes / (TL_CHANNELS * sizeof pcm[0]));
        write_rows(out, tl_process(&core, pcm, samples, rows, ROWS));
    }
    write_rows(out, tl_flush(&core, rows, ROWS));
    uint32_t stack_bytes = deepest_stack_bytes();
    write_file(open_file("stack", 5, WRITE_BINARY), &stack_bytes, sizeof stack_bytes);
    leave(DONE);
}

static _Noreturn void fault(void) { leave(FAILED); }

/* What the processor reads first: where the stack begins, where the program does, and whom a
 * fault calls. */
__attribute__((section(".vectors"), used)) static const struct {
    uint32_t *stack;
    void (*reset)(void);
    void (*faults[5])(void); /* NMI, hard, memory, bus, usage */
} vectors = {stack_top, reset, {fault, fault, fault, fault, fault}};
