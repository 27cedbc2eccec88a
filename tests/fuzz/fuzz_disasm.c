/* An object's symbols and stubs, and its code as text: all of it, up to a limit.
 * Without LLVM only the symbols. */
#include "fuzz_file.h"
#include "sym/disasm.h"
#include "sym/object.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_CODE 2048 /* bytes a symbol, to be quick */

static void read_names(const struct symbols *symbols)
{
    AUTO_BUF name = {0};
    for (size_t i = 0; i < symbols->all.n; i++) {
        symbols_display_name(symbols->all.items[i].name, &name);
        fuzz_read(buf_str(&name));
        symbols_at(symbols, symbols->all.items[i].address + 1);
    }
    for (size_t i = 0; i < symbols->stubs.n; i++)
        fuzz_read(symbols->stubs.items[i].name);
}

static void decode(struct disasm *disasm, uint64_t start)
{
    struct instructions instructions = {0};
    if (!disasm_decode(disasm, start, start + MAX_CODE, &instructions, NULL))
        abort();
    for (size_t i = 0; i < instructions.list.n; i++)
        fuzz_read(instructions.list.items[i].text);
    instructions_release(&instructions);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_file file;
    struct object object;
    struct symbols symbols = {0};
    struct diag diag;
    diag_init(&diag);
    fuzz_file_init(&file, data, size);
    bool is_open = object_open(&object, file.path, NULL);
    if (is_open && object_symbols(&object, &symbols, false, &diag, NULL)) {
        read_names(&symbols);
        struct disasm *disasm = disasm_new(object.elf, &symbols, size & 1, NULL);
        if (disasm) {
            decode(disasm, elf_header(object.elf)->e_entry);
            for (size_t i = 0; i < symbols.all.n && i < 16; i++)
                decode(disasm, symbols.all.items[i].address);
        }
        disasm_free(disasm);
    }
    symbols_release(&symbols);
    if (is_open)
        object_release(&object);
    fuzz_file_release(&file);
    diag_release(&diag);
    return 0;
}
