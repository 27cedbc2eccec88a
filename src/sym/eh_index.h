/* eh_index: the sorted table of .eh_frame_hdr for files that were linked without
 * one (static executables), which ehtab needs to find its entries.
 * In: an ELF file.  Out: bytes laid out as the linker would have.
 * Threads: any.  Signals: no. */
#ifndef SONDE_SYM_EH_INDEX_H
#define SONDE_SYM_EH_INDEX_H

#include "base/arena.h"
#include "sym/elf.h"
#include "unwind/ehtab.h"

/* *image: the loaded bytes that hold .eh_frame with a header behind them, in
 * `arena`, at offsets from `base`; *hdr: the header's offset.  False when the file
 * has no .eh_frame, one in a form that is not understood, or memory runs out. */
bool eh_index_make(const struct elf *elf, uint64_t base, struct arena *arena,
                   struct ehtab_image *image, uint64_t *hdr);

#endif
